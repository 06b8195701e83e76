/** A grid of which only what can be seen is in the document; it scrolls with the page. */
class VirtualGrid {
  /**
   * @param {Object} options
   * @param {string} options.label For those who hear the page.
   * @param {number} options.minWidth Of a cell, in pixels.
   * @param {number} options.minColumns On narrow screens.
   * @param {number} options.below Pixels of a cell under its square.
   * @param {number} options.gap
   * @param {function(number): HTMLElement} options.render Makes the link at a place in the grid.
   */
  constructor({ label, minWidth, minColumns, below, gap, render }) {
    Object.assign(this, { minWidth, minColumns, below, gap, render });
    this.element = make("div", { className: "grid", role: "list", "aria-label": label });
    this.count = 0;
    this.active = 0;
    this.columns = 1;
    this.cellWidth = minWidth;
    /** @type {Map<number, HTMLElement>} */
    this.cells = new Map();
    this.update = oncePerFrame(() => this.#show());
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusin", (event) => this.#focused(event));
    this.resizes = new ResizeObserver(() => this.#resized());
  }

  /** Begin to follow the page; call it when the element is in the document. */
  start() {
    window.addEventListener("scroll", this.update, { passive: true });
    window.addEventListener("resize", this.update, { passive: true });
    this.resizes.observe(this.element);
    this.#measure();
    this.#show();
  }

  stop() {
    window.removeEventListener("scroll", this.update);
    window.removeEventListener("resize", this.update);
    this.resizes.disconnect();
  }

  /** @param {number} count How many there are now; all are made anew. */
  setCount(count) {
    this.count = count;
    this.active = 0;
    this.cells.clear();
    this.element.replaceChildren();
    if (this.element.isConnected) {
      this.#measure();
      this.#show();
    }
  }

  get rowHeight() {
    return this.cellWidth + this.below + this.gap;
  }

  #measure() {
    const width = this.element.clientWidth;
    this.width = width;
    this.columns = Math.max(this.minColumns, Math.floor((width + this.gap) / (this.minWidth + this.gap)));
    this.cellWidth = (width - this.gap * (this.columns - 1)) / this.columns;
    const rows = Math.ceil(this.count / this.columns);
    this.element.style.height = `${Math.max(rows * this.rowHeight - this.gap, 0)}px`;
  }

  /** Keep what was at the top of the screen there, however many columns there are now. */
  #resized() {
    if (this.element.clientWidth === this.width) return;
    const above = -this.element.getBoundingClientRect().top;
    const first = above > 0 ? Math.floor(above / this.rowHeight) * this.columns : 0;
    this.#measure();
    for (const [place, cell] of this.cells) this.#put(cell, place);
    if (above > 0) {
      const now = Math.floor(first / this.columns) * this.rowHeight;
      window.scrollBy(0, now + this.element.getBoundingClientRect().top);
    }
    this.#show();
  }

  #show() {
    const above = -this.element.getBoundingClientRect().top;
    const margin = this.rowHeight * 1.5;
    const from = Math.max(0, Math.floor((above - margin) / this.rowHeight)) * this.columns;
    const rows = Math.ceil((above + window.innerHeight + margin) / this.rowHeight);
    const to = Math.min(this.count, Math.max(0, rows) * this.columns);
    for (const [place, cell] of this.cells) {
      if ((place < from || place >= to) && !cell.contains(document.activeElement)) {
        cell.remove();
        this.cells.delete(place);
      }
    }
    let next = null;
    for (let place = to - 1; place >= from; place--) {
      let cell = this.cells.get(place);
      if (cell === undefined) {
        cell = this.#cell(place);
        this.element.insertBefore(cell, next);
      }
      next = cell;
    }
    if (!this.cells.has(this.active) && to > from) this.active = from;
    for (const [place, cell] of this.cells) cell.firstElementChild.tabIndex = place === this.active ? 0 : -1;
  }

  #cell(place) {
    const cell = make(
      "div",
      { className: "cell", role: "listitem", "aria-setsize": this.count, "aria-posinset": place + 1 },
      this.render(place),
    );
    cell.dataset.place = place;
    this.cells.set(place, cell);
    this.#put(cell, place);
    return cell;
  }

  #put(cell, place) {
    const x = (place % this.columns) * (this.cellWidth + this.gap);
    const y = Math.floor(place / this.columns) * this.rowHeight;
    cell.style.width = `${this.cellWidth}px`;
    cell.style.height = `${this.cellWidth + this.below}px`;
    cell.style.transform = `translate(${x}px, ${y}px)`;
  }

  #focused(event) {
    const place = Number(event.target.closest(".cell")?.dataset.place ?? this.active);
    this.cells.get(this.active)?.firstElementChild.setAttribute("tabindex", "-1");
    this.active = place;
    this.cells.get(place)?.firstElementChild.setAttribute("tabindex", "0");
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(window.innerHeight / this.rowHeight)) * this.columns;
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: this.columns,
      ArrowUp: -this.columns,
      PageDown: page,
      PageUp: -page,
      Home: -this.active,
      End: this.count - 1 - this.active,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.focus(Math.min(Math.max(this.active + steps[event.key], 0), this.count - 1));
  }

  /** Bring a place into sight and give it the focus. @param {number} place */
  focus(place) {
    const top = this.element.getBoundingClientRect().top + Math.floor(place / this.columns) * this.rowHeight;
    const bar = document.querySelector(".bar").getBoundingClientRect().bottom + this.gap;
    const bottom = top + this.rowHeight - window.innerHeight;
    if (top < bar) window.scrollBy({ top: top - bar, behavior: "instant" });
    else if (bottom > 0) window.scrollBy({ top: bottom, behavior: "instant" });
    this.active = place;
    this.#show();
    this.cells.get(place)?.firstElementChild.focus({ preventScroll: true });
  }
}
