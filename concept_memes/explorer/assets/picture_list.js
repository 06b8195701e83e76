const byName = new Intl.Collator(undefined, { numeric: true });

/** Orders that one may choose, beside the one that the list comes in; pictures without a date come last. */
const ORDERS = {
  name: ["Name", ({ names }) => (a, b) => byName.compare(names[a], names[b])],
  newest: ["Newest first", ({ dates }) => (a, b) => spelt(dates[b] ?? "", dates[a] ?? "")],
  oldest: ["Oldest first", ({ dates }) => (a, b) => spelt(dates[a] ?? "~", dates[b] ?? "~")],
  largest: [
    "Largest first",
    ({ widths, heights }) =>
      (a, b) =>
        widths[b] * heights[b] - widths[a] * heights[a],
  ],
};

/** Compare as they are spelt, which for dates as "2024-05-17" is the order of time. @returns {number} */
function spelt(a, b) {
  return a < b ? -1 : Number(a > b);
}

/** Pictures in a grid, with their count, filter and order. */
class PictureList {
  /**
   * @param {Collection} collection
   * @param {Object} options
   * @param {string} options.label
   * @param {string} options.order What the order is called that `pick` gives.
   * @param {Filter} options.filter
   * @param {boolean} options.withConcepts
   * @param {function(Filter): {rows: number[], total: number, scores?: Map<number, number>,
   *   lines?: Map<number, string>}} options.pick
   * @param {function(Filter): void} options.filterChanged
   */
  constructor(collection, { label, order, filter, withConcepts, pick, filterChanged }) {
    this.collection = collection;
    this.pick = pick;
    this.rows = [];
    this.bar = new FilterBar(collection, filter, withConcepts, (changed) => {
      filterChanged(changed);
      this.refresh();
    });
    this.order = make(
      "select",
      { "aria-label": "Order", onchange: () => this.refresh() },
      make("option", { value: "" }, order),
      ...Object.entries(ORDERS).map(([value, [text]]) => make("option", { value }, text)),
    );
    this.countLine = make("span");
    this.copies = make("button", { type: "button", className: "inline", hidden: true, onclick: () => this.#toggleCopies() });
    this.nothing = make("p", { className: "nothing", hidden: true });
    this.grid = new VirtualGrid({
      label,
      minWidth: 148,
      minColumns: 3,
      below: 0,
      gap: onPhone() ? 6 : 12,
      render: (place) => this.#tile(this.rows[place]),
    });
    this.element = make(
      "section",
      { className: "pictures", "aria-label": label },
      make(
        "div",
        { className: "list-bar" },
        make("p", { className: "count" }, this.countLine, " ", this.copies),
        make("div", { className: "list-tools" }, this.order, this.bar.button),
      ),
      this.bar.form,
      this.nothing,
      this.grid.element,
    );
  }

  start() {
    this.refresh();
    this.grid.start();
  }

  stop() {
    this.grid.stop();
  }

  /** Choose and order the pictures again. */
  refresh() {
    const { families } = this.collection;
    const { rows, total, scores, lines } = this.pick(this.bar.filter);
    const order = ORDERS[this.order.value];
    const all = order === undefined ? rows : [...rows].sort(order[1](this.collection));
    const different = families.withoutCopies(all);
    this.rows = families.areShown ? all : different;
    this.scores = scores;
    this.lines = lines;
    this.countLine.textContent = this.#count(rows.length, total, all.length - different.length);
    this.#nameSwitch(different.length < all.length);
    this.nothing.hidden = rows.length > 0;
    const isFiltered = writeFilter(this.bar.filter) !== "";
    this.nothing.textContent = isFiltered ? "No picture passes this filter." : "There are no pictures here.";
    this.order.hidden = rows.length < 2;
    this.grid.setCount(this.rows.length);
    announce(this.countLine.textContent);
  }

  /** Give the focus to a picture, wherever it is in the list. @param {number} row */
  reveal(row) {
    const original = this.collection.families.originalOf(row);
    const place = Math.max(this.rows.indexOf(row), this.rows.indexOf(original));
    if (place >= 0) this.grid.focus(place);
  }

  #tile(row) {
    const { families } = this.collection;
    const times = families.areShown ? 1 : families.together(row).length;
    return pictureTile(this.collection, row, { score: this.scores?.get(row), times, line: this.lines?.get(row) });
  }

  /** @returns {string} "371 pictures, 12 copies hidden". */
  #count(many, total, copies) {
    if (copies === 0) return countOf(many, total);
    const state = this.collection.families.areShown ? "shown" : "hidden";
    return `${countOf(many, total)}, ${counted(copies, "copy", "copies")} ${state}`;
  }

  /** @param {boolean} hasCopies */
  #nameSwitch(hasCopies) {
    const verb = this.collection.families.areShown ? "hide" : "show";
    this.copies.hidden = !hasCopies;
    this.copies.textContent = hasCopies ? verb : "";
    this.copies.setAttribute("aria-label", `${verb} copies`);
  }

  #toggleCopies() {
    const { families } = this.collection;
    families.areShown = !families.areShown;
    this.refresh();
  }
}
