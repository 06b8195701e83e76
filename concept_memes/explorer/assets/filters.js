/** @typedef {{name: string, concept: string, size: string, min: string, from: string, to: string}} Filter */

const FILTER_KEYS = ["name", "concept", "size", "min", "from", "to"];

/** Longer sides in pixels, from and below. */
const SIZES = { small: [0, 500], medium: [500, 1600], large: [1600, Infinity] };

/** @param {URLSearchParams} [query] @returns {Filter} */
function readFilter(query = new URLSearchParams()) {
  return Object.fromEntries(FILTER_KEYS.map((key) => [key, query.get(key) ?? ""]));
}

/** @param {Filter} filter @returns {string} "" or "?name=..." for an address. */
function writeFilter(filter) {
  const query = new URLSearchParams(FILTER_KEYS.filter((key) => filter[key]).map((key) => [key, filter[key]]));
  return query.size > 0 ? `?${query}` : "";
}

/**
 * Keep the pictures that a filter lets through, in their order.
 *
 * @param {Collection} collection
 * @param {number[]} rows
 * @param {Filter} filter A picture of unknown date passes no limit on dates.
 * @returns {number[]}
 */
function filtered(collection, rows, filter) {
  const name = filter.name.trim().toLowerCase();
  const number = filter.concept === "" ? null : Number(filter.concept);
  const [least, below] = SIZES[filter.size] ?? [0, Infinity];
  const smallest = Math.max(least, Number(filter.min) || 0);
  const { from, to } = filter;
  if (!writeFilter(filter)) return rows;
  return rows.filter((row) => {
    if (number !== null && collection.labels[row] !== number) return false;
    const side = Math.max(collection.widths[row], collection.heights[row]);
    if (side < smallest || side >= below) return false;
    if (from || to) {
      const day = collection.dates[row]?.slice(0, 10);
      if (!day || (from && day < from) || (to && day > to)) return false;
    }
    return !name || collection.lowerNames[row].includes(name);
  });
}

/** The controls of a filter, folded away behind one button. */
class FilterBar {
  /**
   * @param {Collection} collection
   * @param {Filter} filter To begin with.
   * @param {boolean} withConcepts Whether one may choose among concepts.
   * @param {function(Filter): void} changed
   */
  constructor(collection, filter, withConcepts, changed) {
    this.changed = changed;
    const inputs = {
      name: make("input", { type: "search", dir: "auto", placeholder: "part of a name" }),
      concept: this.#choice([
        ["", "All"],
        ...collection.concepts.map(({ id, size }) => [id, `${collection.titleOf(id)} (${size})`]),
        [NONE, "In no concept"],
      ]),
      size: this.#choice([
        ["", "Any"],
        ["small", "Small, under 500 px"],
        ["medium", "Medium, 500 to 1,600 px"],
        ["large", "Large, from 1,600 px"],
      ]),
      min: make("input", { type: "number", min: 0, step: 100, placeholder: "at least", inputMode: "numeric" }),
      from: make("input", { type: "date" }),
      to: make("input", { type: "date" }),
    };
    if (!withConcepts) delete inputs.concept;
    this.inputs = inputs;
    const labels = { name: "Name", concept: "Concept", size: "Size", min: "Longer side, px", from: "From", to: "To" };
    this.form = make("form", { className: "filter", hidden: true, id: "filter" });
    for (const [key, input] of Object.entries(inputs)) {
      input.name = key;
      input.value = filter[key];
      this.form.append(make("label", { className: `field field-${key}` }, make("span", {}, labels[key]), input));
    }
    this.clear = make("button", { type: "reset", className: "chip" }, "Clear");
    this.form.append(this.clear);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.#tell());
    this.form.addEventListener("reset", (event) => {
      event.preventDefault();
      for (const input of Object.values(inputs)) input.value = "";
      this.#tell();
    });
    this.button = make("button", {
      type: "button",
      className: "chip fold",
      "aria-controls": "filter",
      onclick: () => this.#fold(!this.form.hidden),
    });
    this.#fold(!writeFilter(filter));
    this.#count();
  }

  /** @returns {Filter} */
  get filter() {
    return Object.fromEntries(FILTER_KEYS.map((key) => [key, this.inputs[key]?.value ?? ""]));
  }

  #choice(options) {
    return make("select", {}, ...options.map(([value, text]) => make("option", { value: String(value) }, text)));
  }

  #fold(folded) {
    this.form.hidden = folded;
    this.button.setAttribute("aria-expanded", String(!folded));
  }

  #count() {
    const active = FILTER_KEYS.filter((key) => this.filter[key]).length;
    this.button.textContent = active > 0 ? `Filter (${active})` : "Filter";
    this.clear.disabled = active === 0;
  }

  #tell() {
    this.#count();
    this.changed(this.filter);
  }
}
