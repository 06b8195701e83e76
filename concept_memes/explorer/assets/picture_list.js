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
   * @param {function(Filter): {rows: number[], total: number, scores?: Map<number, number>}} options.pick
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
    this.countLine = make("p", { className: "count" });
    this.nothing = make("p", { className: "nothing", hidden: true });
    this.grid = new VirtualGrid({
      label,
      minWidth: 148,
      minColumns: 3,
      below: 0,
      gap: onPhone() ? 6 : 12,
      render: (place) => pictureTile(collection, this.rows[place], this.scores?.get(this.rows[place])),
    });
    this.element = make(
      "section",
      { className: "pictures", "aria-label": label },
      make(
        "div",
        { className: "list-bar" },
        this.countLine,
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
    const { rows, total, scores } = this.pick(this.bar.filter);
    const order = ORDERS[this.order.value];
    this.rows = order === undefined ? rows : [...rows].sort(order[1](this.collection));
    this.scores = scores;
    this.countLine.textContent = countOf(rows.length, total);
    this.nothing.hidden = rows.length > 0;
    const isFiltered = writeFilter(this.bar.filter) !== "";
    this.nothing.textContent = isFiltered ? "No picture passes this filter." : "There are no pictures here.";
    this.order.hidden = rows.length < 2;
    this.grid.setCount(rows.length);
    announce(this.countLine.textContent);
  }

  /** Give the focus to a picture, wherever it is in the list. @param {number} row */
  reveal(row) {
    const place = this.rows.indexOf(row);
    if (place >= 0) this.grid.focus(place);
  }
}
