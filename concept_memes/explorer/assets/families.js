/** How copies are the same as the picture that stands for them, in words. */
const KINDS_OF_COPIES = {
  exact: "the same file",
  near: "nearly the same",
  mirrored: "mirrored",
  flipped: "flipped",
  turned: "turned",
  cropped: "cropped",
};

/** Which pictures are copies of one another, and which are made from the same template. */
class Families {
  /** @param {Object} core The block "core"; "copies" and "templates" are there if somebody looked for them. */
  constructor({ copies, templates }) {
    /** @type {Map<number, number>} From a copy to the row that stands for it. */
    this.originals = new Map(copies?.rows.map((row, i) => [row, copies.of[i]]));
    this.kinds = new Map(copies?.rows.map((row, i) => [row, copies.kinds[i]]));
    this.copiesOf = Map.groupBy(this.originals.keys(), (row) => this.originals.get(row));
    this.templateOf = new Map(templates?.rows.map((row, i) => [row, templates.of[i]]));
    this.variantsOf = Map.groupBy(this.templateOf.keys(), (row) => this.templateOf.get(row));
    this.areShown = false; // copies, in grids
  }

  /** @param {number} row @returns {number} The row that stands for it and its copies. */
  originalOf(row) {
    return this.originals.get(row) ?? row;
  }

  /** @param {number} row @returns {number[]} It and its copies, first the one that stands for them. */
  together(row) {
    const original = this.originalOf(row);
    return [original, ...(this.copiesOf.get(original) ?? [])];
  }

  /** @param {number} row @returns {number[]} Other pictures with the same template, without copies. */
  variants(row) {
    const original = this.originalOf(row);
    const others = this.variantsOf.get(this.templateOf.get(original)) ?? [];
    return others.filter((other) => other !== original);
  }

  /** Leave one of each picture and its copies: the one that stands for them, if it is there. @param {number[]} rows */
  withoutCopies(rows) {
    if (this.originals.size === 0) return rows;
    const there = new Set(rows);
    const seen = new Set();
    return rows.filter((row) => {
      const original = this.originalOf(row);
      if (there.has(original)) return row === original;
      return !seen.has(original) && seen.add(original);
    });
  }
}
