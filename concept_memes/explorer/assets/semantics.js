/*
 * Search that understands meaning without a model: pictures and the words of the vocabulary lie in one space of few
 * dimensions, and what is typed becomes the mean of the words in it that are known.
 */

const MOST_HITS = 300;
const MOST_CONCEPTS = 4;
/** Standard deviations above the mean: one picture so far up stands out, and those that far up are shown. */
const CLEAR = 3;
const SHOWN = 2;
/** Share of the variance that two groups explain; of a bell curve no two explain more than 2 / pi. */
const TWO_GROUPS = 0.75;
/** Pictures that are shown at least, where something stands out and where nothing does. */
const FEWEST_HITS = 6;
const NEAREST_HITS = 24;

/** @typedef {{known: Array<{text: string, word: number, typed: string}>, unknown: string[]}} ParsedQuery */
/** @typedef {{rows: number[], scores: Map<number, number>, concepts: Array<[Concept, ?number]>, parsed: ParsedQuery,
 *   clear: boolean, byLetters: boolean, spelt: boolean, speaking: number[]}} Found `spelt`: some name holds all unknown
 *   parts; `speaking`: the rows that say it, which come first. */

class Semantics {
  /** @param {Collection} collection @returns {Promise<Semantics>} As soon as the blocks of the search are there. */
  static async load(collection) {
    const ids = ["words", "image-vectors", "image-scales", "word-vectors", "word-scales"];
    const [words, ...arrays] = await Promise.all(ids.map(block));
    const [images, imageScales, wordVectors, wordScales] = arrays.map(decoded);
    return new Semantics(collection, await collection.texts, {
      words: JSON.parse(words ?? "[]"),
      images: new Int8Array(images.buffer),
      imageScales: new Float32Array(imageScales.buffer),
      wordVectors: new Int8Array(wordVectors.buffer),
      wordScales: new Float32Array(wordScales.buffer),
    });
  }

  constructor(collection, texts, arrays) {
    this.collection = collection;
    this.texts = texts;
    Object.assign(this, arrays);
    this.dims = collection.core.search.dims;
    const { kind } = collection.core.search;
    this.knowsMeaning = kind === "meaning" && this.wordScales.length > 0 && this.imageScales.length > 0;
    this.wordNumbers = new Map();
    for (let i = this.knowsMeaning ? this.words.length - 1 : -1; i >= 0; i--) {
      this.wordNumbers.set(this.words[i].toLowerCase(), i); // the first of two that differ in case only
    }
    this.longestWord = this.words.reduce((most, word) => Math.max(most, word.split(/\s+/).length), 1);
    const textsWith = (extra) =>
      collection.concepts.map((concept) =>
        [concept.name, ...concept.words.map(([word]) => word), ...extra(concept)].join("\n").toLowerCase(),
      );
    this.conceptTexts = textsWith(({ title, said }) => [title, ...said]);
    // What some pictures of a concept say does not make the others hits.
    const shown = textsWith(({ title, said }) => (said.length > 0 ? [] : [title]));
    this.textOfConcept = new Map(collection.concepts.map((concept, i) => [concept.id, shown[i]]));
  }

  /** @param {string} text @returns {number|undefined} A word of the vocabulary; the plural counts as the singular. */
  wordOf(text) {
    const endings = [[/([^s])s$/, "$1"], [/(s|x|z|o|ch|sh)es$/, "$1"], [/ies$/, "y"]]; // "jam" is not what James means
    const forms = [text, ...endings.map(([ending, instead]) => text.replace(ending, instead))];
    const form = forms.find((candidate) => this.wordNumbers.has(candidate));
    return this.wordNumbers.get(form);
  }

  /** Part what was typed into words that are known, the longest first, and others. @param {string} text */
  parse(text) {
    const whole = text.trim().toLowerCase();
    const itself = this.wordOf(whole); // words of one's own may hold commas
    if (itself !== undefined) return { known: [{ text: this.words[itself], word: itself, typed: whole }], unknown: [] };
    const parts = whole.split(/[\s,;]+/).filter(Boolean);
    const parsed = { known: [], unknown: [] };
    for (let at = 0; at < parts.length; ) {
      let length = Math.min(this.longestWord, parts.length - at);
      while (length > 1 && this.wordOf(parts.slice(at, at + length).join(" ")) === undefined) length--;
      const phrase = parts.slice(at, at + length).join(" ");
      const word = this.wordOf(phrase);
      if (word === undefined) parsed.unknown.push(phrase);
      else parsed.known.push({ text: this.words[word], word, typed: phrase });
      at += length;
    }
    return parsed;
  }

  /**
   * The mean direction of words. For one word its products with pictures are the cosines of the full space.
   *
   * @param {number[]} words
   * @returns {Float32Array}
   */
  #queryVector(words) {
    const query = new Float32Array(this.dims);
    let lengths = 0;
    for (const word of words) {
      const vector = this.wordVectors.subarray(word * this.dims, (word + 1) * this.dims);
      const length = Math.hypot(...vector) || 1;
      lengths += length * this.wordScales[word];
      for (let d = 0; d < this.dims; d++) query[d] += vector[d] / length;
    }
    const scale = lengths / words.length / (Math.hypot(...query) || 1);
    return query.map((value) => value * scale);
  }

  /** @param {Float32Array} query @returns {Float32Array} The cosine with each picture. */
  #cosines(query) {
    const { dims, images, imageScales } = this;
    const cosines = new Float32Array(imageScales.length);
    for (let row = 0, at = 0; row < cosines.length; row++, at += dims) {
      let sum = 0;
      for (let d = 0; d < dims; d++) sum += images[at + d] * query[d];
      cosines[row] = sum * imageScales[row];
    }
    return cosines;
  }

  /** @param {Float32Array} values @returns {Array<[Concept, number]>} Concepts by the mean over their pictures. */
  #conceptsBy(values) {
    const means = this.collection.concepts.map((concept) => {
      const rows = this.collection.membersOf.get(concept.id);
      return [concept, rows.reduce((sum, row) => sum + values[row], 0) / Math.max(rows.length, 1)];
    });
    return means.sort((a, b) => b[1] - a[1]);
  }

  /** @param {string[]} parts @returns {function(number): boolean} Whether name and words of a row hold them all. */
  #hasAll(parts) {
    const { lowerNames, labels } = this.collection;
    return (row) =>
      parts.every((part) => lowerNames[row].includes(part) || this.textOfConcept.get(labels[row])?.includes(part));
  }

  /** @param {string} text @param {number[]} among Rows to look at. @returns {Found} */
  find(text, among) {
    const parsed = this.parse(text);
    const others = parsed.known.length === 0 ? this.#findLetters(parsed, among) : this.#findMeaning(parsed, among);
    const speaking = this.texts.find(text, among, parsed.known.length > 0);
    if (speaking.length === 0) return { ...others, speaking };
    const said = new Set(speaking);
    const after = others.clear ? others.rows.filter((row) => !said.has(row)) : []; // what only comes nearest is no hit
    const concepts = others.byLetters && others.concepts.length === 0 ? this.#conceptsOf(speaking) : others.concepts;
    return { ...others, rows: [...speaking, ...after], concepts: others.clear ? concepts : [], speaking };
  }

  /** @param {number[]} rows @returns {Array<[Concept, null]>} The concepts that have most of them; two at least. */
  #conceptsOf(rows) {
    const counts = new Map();
    for (const row of rows) counts.set(this.collection.labels[row], (counts.get(this.collection.labels[row]) ?? 0) + 1);
    return this.collection.concepts
      .filter(({ id }) => counts.get(id) > 1)
      .sort((a, b) => counts.get(b.id) - counts.get(a.id))
      .slice(0, MOST_CONCEPTS)
      .map((concept) => [concept, null]);
  }

  /** @param {ParsedQuery} parsed @param {number[]} among */
  #findMeaning(parsed, among) {
    const cosines = this.#cosines(this.#queryVector(parsed.known.map(({ word }) => word)));
    const scores = standardized(cosines);
    const spelt = among.filter(this.#hasAll(parsed.unknown));
    const rows = spelt.length > 0 ? spelt : among;
    const best = [...rows].sort((a, b) => scores[b] - scores[a] || a - b);
    const highest = scores.reduce((most, score) => Math.max(most, score), 0);
    const some = standsOut(scores, highest);
    const least = some ? Math.min(SHOWN, highest / 2) : SHOWN;
    const clear = some && (best.length === 0 || scores[best[0]] >= least); // a filter may leave none of them
    const near = best.findIndex((row) => scores[row] < least);
    const many = Math.max(near < 0 ? best.length : near, clear ? FEWEST_HITS : NEAREST_HITS);
    const shown = best.slice(0, Math.min(many, MOST_HITS));
    const concepts = this.#conceptsBy(cosines).slice(0, MOST_CONCEPTS);
    const enough = (mean(cosines) + concepts[0]?.[1]) / 2;
    return {
      rows: shown,
      scores: new Map(shown.map((row) => [row, cosines[row]])),
      concepts: concepts.filter(([, score], i) => i === 0 || score > enough),
      parsed,
      clear,
      byLetters: false,
      spelt: spelt.length > 0,
    };
  }

  #findLetters(parsed, among) {
    const found = this.collection.concepts.filter((_, i) =>
      parsed.unknown.every((part) => this.conceptTexts[i].includes(part)),
    );
    const rows = among.filter(this.#hasAll(parsed.unknown));
    return {
      rows,
      scores: new Map(),
      concepts: found.slice(0, 8).map((concept) => [concept, null]),
      parsed,
      clear: true,
      byLetters: true,
      spelt: rows.length > 0,
    };
  }

  /**
   * Words to go on with: what is typed begins a word of a concept, then of the vocabulary, then comes within one.
   *
   * @param {string} text
   * @param {number} [most]
   * @returns {string[]}
   */
  suggestions(text, most = 7) {
    const typed = text.trimStart().toLowerCase();
    if (typed === "") return [];
    const seen = new Set();
    const [begin, within] = [[], []];
    const look = (word, first) => {
      const lower = word.toLowerCase();
      const at = lower.indexOf(typed);
      if (at < 0 || seen.has(lower)) return;
      seen.add(lower);
      if (at === 0) first.push(word);
      else if (lower[at - 1] === " ") within.push(word);
    };
    for (const concept of this.collection.concepts) {
      for (const word of [...concept.words.map(([each]) => each), ...concept.said]) look(word, begin);
    }
    const others = [];
    for (const word of this.words) look(word, others);
    return [...begin, ...others.sort((a, b) => a.length - b.length), ...within].slice(0, most);
  }
}

/** @param {Float32Array} values @returns {number} 0 for none. */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}

/** @param {Float32Array} values @returns {Float32Array} In standard deviations from their mean. */
function standardized(values) {
  const middle = mean(values);
  const spread = Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
  return values.map((value) => (spread > 1e-9 ? (value - middle) / spread : 0));
}

/**
 * Whether a word says something about a collection: a picture is far above the others, or many are in a group apart.
 *
 * @param {Float32Array} scores Standardized.
 * @param {number} highest Of them.
 * @returns {boolean}
 */
function standsOut(scores, highest) {
  const upper = scores.filter((score) => score > highest / 2);
  const share = upper.length / Math.max(scores.length, 1);
  return highest >= CLEAR || (share < 1 && (share * mean(upper) ** 2) / (1 - share) >= TWO_GROUPS);
}

/** @param {Collection} collection @returns {Promise<function(number): number[]>} Row -> the rows most like it. */
async function loadNeighbours(collection) {
  const bytes = decoded(await block("neighbours"));
  const rows = new Uint32Array(bytes.buffer);
  const many = rows.length / Math.max(collection.n, 1);
  return (row) => [...rows.subarray(row * many, (row + 1) * many)].filter((other) => other < collection.n);
}
