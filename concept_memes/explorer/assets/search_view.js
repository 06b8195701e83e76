/** What a search found: the best concepts, then pictures with their scores. @returns {View} */
function searchView({ collection, semantics, filterChanged }, text, filter) {
  const note = make("p", { className: "lead", role: "note", dir: "auto" });
  const cards = make("ul", { className: "found-concepts", "aria-label": "Best concepts" });
  const all = collection.allRows();
  const list = new PictureList(collection, {
    label: `Pictures for ${text}`,
    order: "Best match",
    filter,
    withConcepts: true,
    pick(chosen) {
      const found = semantics.find(text, filtered(collection, all, chosen));
      const lines = new Map(found.speaking.map((row) => [row, semantics.texts.lineWith(row, text)]));
      note.textContent = noteOn(found, semantics);
      note.hidden = note.textContent === "";
      cards.replaceChildren(
        ...found.concepts.map(([concept, score]) =>
          make("li", {}, conceptCard(collection, concept.id, score === null ? null : `score ${score.toFixed(2)}`)),
        ),
      );
      cards.hidden = found.concepts.length === 0;
      return { rows: found.rows, total: found.rows.length, scores: found.scores, lines };
    },
    filterChanged,
  });
  return listView(`${text}: search`, list, heading(`“${text}”`), note, cards);
}

/** Say what was compared, and whether anything stands out. @param {Found} found @param {Semantics} semantics */
function noteOn(found, semantics) {
  const { length } = found.speaking;
  const others = found.rows.length > length;
  if (length === 0) return noteOnOthers(found, semantics);
  const many = `${counted(length, "picture says", "pictures say")} it`;
  return others ? `${many}; after ${length === 1 ? "it" : "them"}: ${othersAfter(found)}.` : `${many}.`;
}

/** Say what the pictures are that come after those that say it. @param {Found} found */
function othersAfter({ parsed, byLetters }) {
  if (byLetters) return "those whose name or concept has it";
  return `by meaning, ${parsed.known.map(({ text }) => `“${text}”`).join(", ")}`;
}

/** Say what was compared where no picture says it. @param {Found} found @param {Semantics} semantics */
function noteOnOthers({ parsed, byLetters, clear, spelt }, semantics) {
  const unknown = parsed.unknown.map((part) => `“${part}”`).join(", ");
  const known = parsed.known.map(({ text }) => `“${text}”`).join(", ");
  if (byLetters) {
    const missing = `${unknown} ${parsed.unknown.length > 1 ? "are" : "is"} not in the vocabulary`;
    const why = semantics.knowsMeaning ? missing : "There are no word vectors in this file";
    if (!spelt) return `${why}, and no name has it. Try another word.`;
    return `${why}: compared by letters, with names and words.`;
  }
  const parts = [];
  const asTyped = parsed.known.every(({ text, typed }) => text.toLowerCase() === typed);
  if (parsed.unknown.length > 0 || !asTyped) parts.push(`By meaning: ${known}.`);
  if (parsed.unknown.length > 0 && spelt) parts.push(`Not in the vocabulary, so by letters: ${unknown}.`);
  else if (parsed.unknown.length > 0) parts.push(`Left out, not in the vocabulary nor in a name: ${unknown}.`);
  if (!clear) parts.push("Nothing stands out; these come nearest.");
  return parts.join(" ");
}
