/*
 * What pictures say. Texts are compared without regard to case, accents, width and line breaks; in scripts that put no
 * blanks between words, a line break within a phrase is none.
 */

const IDEOGRAPH = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]/u;
const BESIDE_IDEOGRAPHS = new RegExp(`(?<=${IDEOGRAPH.source}) | (?=${IDEOGRAPH.source})`, "gu");
const IN_A_WORD = /[\p{L}\p{N}]/u;
// As `fold_text` of the package: marks of kana and Indic scripts are letters; of Latin, Greek and Cyrillic they are not.
const UNSEEN = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]/g;
const ACCENTED = /[\u00c0-\u052f\u1e00-\u1fff]/;
const ACCENTS = /[\u0300-\u036f]/g;

/** @param {string} text @returns {string} */
function foldedText(text) {
  const plain = text.replace(UNSEEN, "").normalize("NFKC").toUpperCase().toLowerCase().replaceAll("ς", "σ");
  return withoutAccents(plain).trim().replace(/\s+/g, " ").replace(BESIDE_IDEOGRAPHS, "");
}

/** @param {string} text @returns {string} */
function withoutAccents(text) {
  return ACCENTED.test(text) ? text.normalize("NFD").replace(ACCENTS, "").normalize("NFC") : text;
}

/** Whether a text has a part; if asked for, only where a word begins. @returns {boolean} */
function holdsPart(text, part, atWords) {
  const anywhere = !atWords || IDEOGRAPH.test(part[0]) || !IN_A_WORD.test(part[0]);
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    if (anywhere || at === 0 || IDEOGRAPH.test(text[at - 1]) || !IN_A_WORD.test(text[at - 1])) return true;
  }
  return false;
}

/** The texts of the collection. */
class Texts {
  /** @param {Object} core The block "core". @returns {Promise<Texts>} As soon as their block is there. */
  static async load(core) {
    const found = core.speaking > 0 ? JSON.parse((await block("texts")) ?? "{}") : {};
    return new Texts(found);
  }

  constructor({ rows = [], texts = [] }) {
    /** @type {Map<number, string>} */
    this.byRow = new Map(rows.map((row, i) => [row, texts[i]]));
    this.folded = null; // made for the first search
  }

  /** @param {number} row @returns {string} "" for none. */
  of(row) {
    return this.byRow.get(row) ?? "";
  }

  /**
   * Find the pictures that say something: first those that say all of it in a row, the shortest text first.
   *
   * @param {string} text
   * @param {number[]} among Rows to look at.
   * @param {boolean} atWords Whether words must begin as it does: "cat" is not in "education".
   * @returns {number[]}
   */
  find(text, among, atWords) {
    const whole = foldedText(text);
    if (whole === "" || this.byRow.size === 0) return [];
    this.folded ??= new Map([...this.byRow].map(([row, said]) => [row, foldedText(said)]));
    const parts = whole.split(" ");
    const [inARow, apart] = [[], []];
    for (const row of among) {
      const said = this.folded.get(row);
      if (said === undefined) continue;
      if (holdsPart(said, whole, atWords)) inARow.push(row);
      else if (parts.length > 1 && parts.every((part) => holdsPart(said, part, atWords))) apart.push(row);
    }
    const shortest = (a, b) => this.folded.get(a).length - this.folded.get(b).length || a - b;
    return [...inARow.sort(shortest), ...apart.sort(shortest)];
  }

  /** @param {number} row @param {string} text @returns {string} The line that has it, else the first one. */
  lineWith(row, text) {
    const lines = this.of(row).split("\n");
    return lines.find((line) => foldedText(line).includes(foldedText(text))) ?? lines[0];
  }
}
