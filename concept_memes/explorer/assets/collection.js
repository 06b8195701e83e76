/*
 * The collection: columns over pictures, never an object per picture. A "row" is the place of a picture in them.
 */

const NONE = -1;

/** @param {number} number A concept, or NONE. @returns {string} The address of its pictures. */
function conceptAddress(number) {
  return `#/concept/${number === NONE ? "none" : number}`;
}

/** @typedef {{id: number, title: string, name: string, words: Array<[string, ?number]>, said: string[], size: number,
 *   exemplars: number[], x: number, y: number, near: number[]}} Concept */

class Collection {
  /** @param {Object} core The block "core". */
  constructor(core) {
    this.core = core;
    this.n = core.n;
    /** @type {Concept[]} */
    this.concepts = core.concepts;
    this.names = core.images.name;
    this.lowerNames = this.names.map((name) => name.toLowerCase());
    this.labels = Int32Array.from(core.images.concept);
    this.sure = Uint8Array.from(core.images.sure);
    this.x = Float32Array.from(core.images.x);
    this.y = Float32Array.from(core.images.y);
    this.widths = Int32Array.from(core.images.w);
    this.heights = Int32Array.from(core.images.h);
    this.bytes = core.images.bytes;
    this.dates = core.images.date;
    this.plays = new Set(core.plays);
    this.families = new Families(core);
    /** @type {Promise<Texts>} */
    this.texts = Texts.load(core);
    this.withoutThumbnail = new Set(core.thumbs.missing);
    this.byNumber = new Map(this.concepts.map((concept) => [concept.id, concept]));
    this.membersOf = this.#parted();
  }

  /** Part the rows by concept, the surest first. @returns {Map<number, number[]>} */
  #parted() {
    const parts = new Map([[NONE, []], ...this.concepts.map((concept) => [concept.id, []])]);
    for (let row = 0; row < this.n; row++) (parts.get(this.labels[row]) ?? parts.get(NONE)).push(row);
    for (const rows of parts.values()) rows.sort((a, b) => this.sure[b] - this.sure[a] || a - b);
    return parts;
  }

  /** @param {number} number A concept, or NONE. @returns {string} */
  titleOf(number) {
    const concept = this.byNumber.get(number);
    if (concept === undefined) return "In no concept";
    return concept.title || `Concept ${number}`;
  }

  /** @param {string} text From an address. @returns {boolean} Whether it is the number of a row. */
  hasRow(text) {
    return /^\d+$/.test(text) && Number(text) < this.n;
  }

  /** @param {number} row @returns {string} What the picture is, in words. */
  altOf(row) {
    const concept = this.byNumber.get(this.labels[row]);
    return concept === undefined ? this.names[row] : `${this.names[row]}, ${this.titleOf(concept.id)}`;
  }

  /** @returns {number[]} */
  allRows() {
    return Array.from({ length: this.n }, (_, row) => row);
  }

  /** Concepts so that like ones are neighbours, by the tree; in their own order without one. @returns {Concept[]} */
  conceptsByLikeness() {
    const nodes = new Map(this.core.tree.map((node) => [node[0], node]));
    const children = new Set(this.core.tree.flatMap((node) => node[1]));
    const order = [];
    const waiting = this.core.tree.map((node) => node[0]).filter((index) => !children.has(index)).reverse();
    while (waiting.length > 0) {
      const [, below, members] = nodes.get(waiting.pop());
      if (below.length > 0) waiting.push(...[...below].reverse());
      else order.push(...members);
    }
    return order.length === this.concepts.length ? order.map((id) => this.byNumber.get(id)) : this.concepts;
  }

  /** @param {number} row @returns {Promise<?string>} */
  async thumbnail(row) {
    const thumbs = this.core.thumbs;
    if (thumbs.place === "folder") {
      return this.withoutThumbnail.has(row) ? null : `${thumbs.base}${String(row).padStart(thumbs.pad, "0")}.webp`;
    }
    return pictureInBlocks("thumbs", thumbs, row);
  }

  /** @param {number} row @returns {Promise<?string>} The address of the full picture; null where there is none. */
  async fullPicture(row) {
    if (this.core.pictures) return pictureInBlocks("pictures", this.core.pictures, row);
    return this.fileOf(row);
  }

  /**
   * The address of the picture's own file.
   *
   * @param {number} row
   * @returns {?string} Only what lies where this page lies, or on this disk: never a script, never another host.
   */
  fileOf(row) {
    const href = this.core.images.href[row];
    if (!href) return null;
    try {
      const address = new URL(href, document.baseURI);
      const isBesideUs = /^https?:$/.test(address.protocol) && address.host === location.host;
      return address.protocol === "file:" || isBesideUs ? address.href : null;
    } catch {
      return null; // no address at all
    }
  }

  /** @param {number} place Of the concept in the collection's order. @returns {Promise<?string>} */
  async cover(place) {
    const line = (await blockLines("covers"))[place];
    return line ? `data:${this.core.thumbs.mime};base64,${line.trimEnd()}` : null;
  }
}
