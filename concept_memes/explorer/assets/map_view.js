const REACH = 16; // pixels around the pointer

/** The map of the collection. @returns {View} */
class MapView {
  constructor({ collection, filterChanged }, filter) {
    this.collection = collection;
    this.title = "Map";
    this.camera = new Camera();
    this.canvas = make("canvas", {
      className: "map",
      tabIndex: 0,
      role: "application",
      "aria-label":
        `Map of ${counted(collection.n, "picture")}, like ones close together. Arrow keys move, plus and minus zoom, ` +
        "Enter opens the picture in the middle. The same pictures are under Concepts.",
    });
    this.drawing = new MapDrawing(collection, this.canvas, this.camera);
    this.card = make("a", { className: "map-card", hidden: true, tabIndex: -1 });
    this.bar = new FilterBar(collection, filter, true, (changed) => {
      filterChanged(changed);
      this.#filter();
    });
    this.countLine = make("p", { className: "count" });
    const button = (label, text, action) =>
      make("button", { type: "button", className: "round", "aria-label": label, onclick: action }, text);
    this.element = make(
      "div",
      { className: "view map-view" },
      make("h1", { className: "unseen", tabIndex: -1 }, "Map"),
      make("div", { className: "map-bar" }, this.countLine, this.bar.button, this.bar.form),
      this.canvas,
      this.card,
      make(
        "div",
        { className: "map-tools" },
        button("Zoom in", "+", () => this.#zoom(1.6)),
        button("Zoom out", "\u2212", () => this.#zoom(1 / 1.6)),
        button("Show all of the map", "0", () => this.#reset()),
      ),
    );
    this.pointers = new Map();
    this.canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    for (const kind of ["down", "move", "up", "cancel", "leave"]) {
      this.canvas.addEventListener(`pointer${kind}`, (event) => this[`_${kind}`](event));
    }
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
    this.canvas.addEventListener("blur", () => this.drawing.marked >= 0 && this.#mark(-1));
    this.resizes = new ResizeObserver(() => this.#resized());
    this.themed = () => this.drawing.draw();
  }

  start() {
    this.#filter();
    this.#resized();
    this.resizes.observe(this.canvas);
    document.addEventListener("themechange", this.themed);
  }

  stop() {
    this.resizes.disconnect();
    document.removeEventListener("themechange", this.themed);
  }

  rows() {
    return this.collection.allRows().filter((row) => this.drawing.passes[row]);
  }

  reveal() {
    this.canvas.focus({ preventScroll: true });
  }

  #resized() {
    const { clientWidth, clientHeight } = this.canvas;
    if (clientWidth > 0 && clientHeight > 0) this.camera.resize(clientWidth, clientHeight);
    this.drawing.draw();
  }

  #filter() {
    const rows = filtered(this.collection, this.collection.allRows(), this.bar.filter);
    this.drawing.passes.fill(0);
    for (const row of rows) this.drawing.passes[row] = 1;
    this.countLine.textContent = countOf(rows.length, this.collection.n);
    announce(this.countLine.textContent);
    this.drawing.draw();
  }

  #zoom(factor, x, y) {
    this.camera.zoomBy(factor, x, y);
    this.#moved();
  }

  #reset() {
    this.camera.reset();
    this.#moved();
  }

  #moved() {
    if (this.drawing.marked >= 0) this.#markMiddle();
    else this.#hideCard();
    this.drawing.draw();
  }

  /** @returns {number} The picture nearest to a place on the screen; -1 if none is in reach. */
  #nearest(x, y, reach) {
    const { collection, camera, drawing } = this;
    let best = -1;
    let least = reach * reach;
    for (let row = 0; row < collection.n; row++) {
      if (!drawing.passes[row]) continue;
      const dx = camera.screenX(collection.x[row]) - x;
      const dy = camera.screenY(collection.y[row]) - y;
      const distance = dx * dx + dy * dy;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }

  #labelAt(x, y) {
    return this.drawing.labels.find((box) => x > box.left && x < box.right && y > box.top && y < box.bottom);
  }

  #reach(event) {
    const seesThumbnails = this.camera.zoom >= THUMBNAILS_FROM;
    return event.pointerType === "touch" || seesThumbnails ? 1.8 * REACH : REACH;
  }

  #wheel(event) {
    event.preventDefault();
    const step = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    this.#zoom(Math.exp(-event.deltaY * step * 0.0018), event.offsetX, event.offsetY);
  }

  _down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (this.pointers.size === 1) this.travelled = 0;
  }

  _move(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) {
      this.#hover(event);
      return;
    }
    const [dx, dy] = [event.offsetX - before.x, event.offsetY - before.y];
    this.travelled += Math.abs(dx) + Math.abs(dy);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (other !== undefined) {
      const apart = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
      const now = { x: event.offsetX, y: event.offsetY };
      this.camera.move(dx / 2, dy / 2);
      this.#zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else if (this.travelled > 4) {
      this.camera.move(dx, dy);
      this.#moved();
    }
  }

  _up(event) {
    const wasOne = this.pointers.delete(event.pointerId) && this.pointers.size === 0;
    if (wasOne && this.travelled <= 4) this.#tap(event);
  }

  _cancel(event) {
    this.pointers.delete(event.pointerId);
  }

  _leave(event) {
    if (event.pointerType === "mouse" && this.pointers.size === 0) this.#hideCard();
  }

  #hover(event) {
    if (event.pointerType === "touch") return;
    const label = this.#labelAt(event.offsetX, event.offsetY);
    const row = label === undefined ? this.#nearest(event.offsetX, event.offsetY, this.#reach(event)) : -1;
    this.canvas.classList.toggle("on-something", row >= 0 || label !== undefined);
    if (row < 0) this.#hideCard();
    else this.#showCard(row, false);
  }

  #tap(event) {
    const label = this.#labelAt(event.offsetX, event.offsetY);
    if (label !== undefined) {
      location.hash = `#/concept/${label.id}`;
      return;
    }
    const row = this.#nearest(event.offsetX, event.offsetY, this.#reach(event));
    if (row < 0) this.#hideCard();
    else if (event.pointerType === "touch" && this.shown !== row) this.#showCard(row, true);
    else location.hash = `#/picture/${row}`;
  }

  /** @param {number} row @param {boolean} docked At the foot, where a thumb reaches it, and not beside the point. */
  #showCard(row, docked) {
    const { card, camera, collection } = this;
    card.classList.toggle("docked", docked);
    if (this.shown !== row || card.hidden) {
      this.shown = row;
      card.href = `#/picture/${row}`;
      card.replaceChildren(
        make("span", { className: "mat" }, showThumbnail(collection, make("img", { alt: "" }), row)),
        make(
          "span",
          { className: "map-card-text" },
          make("strong", { dir: "auto" }, lastPart(collection.names[row])),
          make("span", { dir: "auto" }, collection.titleOf(collection.labels[row])),
        ),
      );
      card.hidden = false;
    }
    const x = camera.screenX(collection.x[row]);
    const y = camera.screenY(collection.y[row]) + this.canvas.offsetTop;
    const right = x + 16 + card.offsetWidth < camera.width;
    card.style.left = docked ? "" : `${right ? x + 16 : Math.max(x - 16 - card.offsetWidth, 8)}px`;
    const lowest = this.canvas.offsetTop + camera.height - card.offsetHeight - 8;
    card.style.top = docked ? "" : `${Math.max(Math.min(y - 24, lowest), 8)}px`;
  }

  #hideCard() {
    this.card.hidden = true;
    this.shown = -1;
  }

  #mark(row) {
    this.drawing.marked = row;
    if (row < 0) this.#hideCard();
    else this.#showCard(row, false);
    this.drawing.draw();
  }

  #markMiddle() {
    const row = this.#nearest(this.camera.width / 2, this.camera.height / 2, Infinity);
    const isNew = row >= 0 && row !== this.drawing.marked;
    this.#mark(row);
    if (isNew) announce(this.collection.altOf(row));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [70, 0], ArrowRight: [-70, 0], ArrowUp: [0, 70], ArrowDown: [0, -70] };
    if (event.key in moves) this.camera.move(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.camera.zoomBy(1.5);
    else if (event.key === "-") this.camera.zoomBy(1 / 1.5);
    else if (event.key === "0") this.camera.reset();
    else if (event.key === "Enter" && this.drawing.marked >= 0) {
      location.hash = `#/picture/${this.drawing.marked}`;
      return;
    } else return;
    event.preventDefault();
    this.#markMiddle();
  }
}
