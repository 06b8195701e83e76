const SWIPE = 48; // pixels

/** One picture, as large as the screen; a modal dialog. */
class Lightbox {
  /**
   * @param {Collection} collection
   * @param {function(number): void} turned Called with the row that came by turning.
   * @param {function(): void} closed
   */
  constructor(collection, turned, closed) {
    this.collection = collection;
    this.turned = turned;
    this.closed = closed;
    this.dialog = byId("lightbox");
    this.rows = [];
    this.row = -1;
    this.isOpen = false;
    this.isLeaving = false;
    byId("lightbox-close").addEventListener("click", () => this.#leave());
    byId("lightbox-previous").addEventListener("click", () => this.#turn(-1));
    byId("lightbox-next").addEventListener("click", () => this.#turn(1));
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#leave();
    });
    // When Escape comes twice, the browser closes the dialog without asking.
    this.dialog.addEventListener("close", () => this.#leave());
    this.dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#followSwipes(byId("lightbox-stage"));
  }

  /** @param {number} row @param {number[]} rows What to turn among. */
  show(row, rows) {
    this.row = row;
    this.rows = rows.includes(row) ? rows : [row];
    this.#fill();
    this.isOpen = true;
    this.isLeaving = false;
    if (!this.dialog.open) {
      this.dialog.showModal();
      byId("lightbox-close").focus();
    }
  }

  /** Ask once to be hidden; going back takes its time. */
  #leave() {
    if (this.isOpen && !this.isLeaving) this.closed();
    this.isLeaving = true;
  }

  hide() {
    this.isOpen = false;
    this.dialog.close();
    byId("lightbox-figure").replaceChildren();
  }

  #fill() {
    const { collection, row, rows } = this;
    const name = collection.names[row];
    const number = collection.labels[row];
    const place = rows.indexOf(row);
    byId("lightbox-place").textContent = `${numbers.format(place + 1)} of ${numbers.format(rows.length)}`;
    byId("lightbox-place").hidden = rows.length < 2;
    byId("lightbox-name").textContent = lastPart(name);
    byId("lightbox-name").title = name;
    byId("lightbox-facts").textContent = this.#facts().join("  ·  ");
    byId("lightbox-notice").textContent = "";
    const concept = byId("lightbox-concept");
    concept.textContent = collection.titleOf(number);
    concept.href = conceptAddress(number);
    byId("lightbox-like").href = `#/like/${row}`;
    const file = collection.fileOf(row);
    const open = byId("lightbox-open");
    open.hidden = file === null;
    if (file !== null) open.href = file;
    for (const [id, step] of [["lightbox-previous", -1], ["lightbox-next", 1]]) {
      byId(id).hidden = rows.length < 2;
      byId(id).disabled = rows[place + step] === undefined;
    }
    this.#showText();
    this.#showCopies();
    this.#showVariants();
    this.#showPicture();
  }

  async #showText() {
    const { row } = this;
    const text = (await this.collection.texts).of(row);
    if (this.row !== row) return;
    byId("lightbox-text").textContent = text;
    byId("lightbox-text").hidden = text === "";
  }

  /** List the picture and its copies; how they are the same is said of the one that stands for them. */
  #showCopies() {
    const { families, names } = this.collection;
    const together = families.together(this.row);
    const details = byId("lightbox-copies");
    details.hidden = together.length < 2;
    details.open = false;
    details.firstElementChild.textContent = `There ${together.length} times`;
    const entries = together.map((row) => {
      const kind = make("span", {}, KINDS_OF_COPIES[families.kinds.get(row)] ?? "shown in the grid");
      const name = row === this.row ? make("b", { dir: "auto" }, names[row]) : this.#linkTo(row, names[row]);
      return make("li", {}, name, " ", kind);
    });
    details.lastElementChild.replaceChildren(...entries);
  }

  #showVariants() {
    const { collection } = this;
    const rows = collection.families.variants(this.row);
    const strip = byId("lightbox-variants");
    strip.hidden = rows.length === 0;
    strip.lastElementChild.replaceChildren(
      ...rows.map((row) => {
        const image = make("img", { alt: collection.altOf(row), loading: "lazy", draggable: false });
        return make("li", {}, this.#linkTo(row, make("span", { className: "mat" }, showThumbnail(collection, image, row))));
      }),
    );
  }

  /** A link to a picture that takes the place of this one, so that closing leads back to where all began. */
  #linkTo(row, content) {
    const turn = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#turnTo(row);
    };
    return make("a", { href: `#/picture/${row}`, title: this.collection.names[row], dir: "auto", onclick: turn }, content);
  }

  /** @param {number} row It need not be among those that one turns through: then it comes after the one that is shown. */
  #turnTo(row) {
    const after = this.rows.indexOf(this.row) + 1;
    if (!this.rows.includes(row)) this.rows = this.rows.toSpliced(after, 0, row);
    this.row = row;
    this.#fill();
    this.turned(row);
  }

  #facts() {
    const { widths, heights, bytes, dates } = this.collection;
    const { row } = this;
    const facts = this.collection.plays.has(row) ? ["animation"] : [];
    if (widths[row] > 0) facts.push(`${numbers.format(widths[row])} × ${numbers.format(heights[row])} px`);
    if (bytes[row] !== null && bytes[row] !== undefined) facts.push(fileSize(bytes[row]));
    if (dates[row]) facts.push(dayOf(dates[row]));
    return facts;
  }

  /** Show the thumbnail at once, and the picture as soon as it is there. */
  async #showPicture() {
    const { collection, row } = this;
    const image = make("img", { alt: collection.altOf(row), draggable: false });
    this.#fit(image, collection.widths[row], collection.heights[row]);
    byId("lightbox-figure").replaceChildren(image);
    const full = await collection.fullPicture(row);
    if (this.row !== row) return;
    if (full !== null && (await loads(full))) {
      if (this.row !== row) return;
      image.src = full;
      image.dataset.full = "yes";
      this.#preload(this.rows[this.rows.indexOf(row) + 1]);
      return;
    }
    if (this.row !== row) return;
    image.dataset.full = "no";
    byId("lightbox-notice").textContent = noticeOn(full !== null, collection.widths[row] > 0);
  }

  /** As large as there is room, and no more than twice its own size. */
  #fit(image, width, height) {
    showThumbnail(this.collection, image, this.row);
    if (width === 0 || height === 0) return;
    const most = Math.max(width, Math.min(2 * width, 480));
    image.style.aspectRatio = `${width} / ${height}`;
    image.style.width = `min(100cqw, ${most}px, ${(100 * width) / height}cqh)`;
  }

  async #preload(row) {
    if (row === undefined || this.collection.core.pictures) return;
    const address = await this.collection.fullPicture(row);
    if (address !== null) await loads(address);
  }

  #turn(step) {
    const next = this.rows[this.rows.indexOf(this.row) + step];
    if (next !== undefined) this.#turnTo(next);
  }

  #key(event) {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      this.#turn(event.key === "ArrowLeft" ? -1 : 1);
    } else if (event.key === "Tab") {
      this.#keepFocus(event);
    }
  }

  /** The browser would let the focus out to its own controls. */
  #keepFocus(event) {
    const reachable = [...this.dialog.querySelectorAll("a[href], button, summary")].filter(
      (element) => !element.disabled && element.offsetParent !== null,
    );
    const [first, last] = [reachable[0], reachable[reachable.length - 1]];
    const leaving = event.shiftKey ? first : last;
    if (document.activeElement !== leaving && this.dialog.contains(document.activeElement)) return;
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }

  #followSwipes(stage) {
    let start = null;
    const begin = ({ touches }) => {
      start = touches.length === 1 ? touches[0].clientX : null; // two fingers enlarge
    };
    stage.addEventListener("touchstart", begin, { passive: true });
    stage.addEventListener("touchend", (event) => {
      if (start === null) return;
      const moved = event.changedTouches[0].clientX - start;
      start = null;
      if (Math.abs(moved) > SWIPE) this.#turn(moved > 0 ? -1 : 1);
    });
  }
}

/** Say why a picture is not seen in full. @param {boolean} hasAddress @param {boolean} wasRead By who made the page. */
function noticeOn(hasAddress, wasRead) {
  if (!wasRead) return "This picture could not be read any more when this page was made.";
  if (!hasAddress) return "Only the thumbnail is in this file.";
  return "The file is not where it was, or this browser cannot show its format. This is its thumbnail.";
}

/** @param {string} address @returns {Promise<boolean>} Whether a picture is there. */
function loads(address) {
  const image = new Image();
  image.src = address;
  return image.decode().then(
    () => true,
    () => false, // it has moved, or is of a format that the browser does not read
  );
}
