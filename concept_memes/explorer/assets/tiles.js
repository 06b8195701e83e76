/** Drawn where a thumbnail is missing. */
const STAND_IN =
  "data:image/svg+xml," +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" fill="none" stroke="#85878d" stroke-width="1.4">' +
      '<rect x="12" y="14" width="24" height="20" rx="2"/><path d="m12 34 24-20"/></svg>',
  );

/** Show a picture's thumbnail, or a stand-in. @param {Collection} collection */
function showThumbnail(collection, image, row) {
  image.addEventListener("error", () => (image.src = STAND_IN), { once: true });
  collection.thumbnail(row).then((address) => {
    if (!image.src) image.src = address ?? STAND_IN; // the full picture may have come first
  });
  return image;
}

/** @param {string} name @returns {string} The last part of a path. */
function lastPart(name) {
  return name.split(/[\\/]/).pop() || name;
}

/**
 * Make the link to one picture.
 *
 * @param {Collection} collection
 * @param {number} row
 * @param {Object} [marks]
 * @param {number} [marks.score] A cosine.
 * @param {number} [marks.times] How often the picture is there, copies and all.
 * @param {?string} [marks.line] What it says of what was looked for.
 */
function pictureTile(collection, row, { score, times = 1, line = null } = {}) {
  const plays = collection.plays.has(row);
  const alt = [collection.altOf(row), plays ? "animation" : "", times > 1 ? `there ${times} times` : "", line ?? ""];
  const image = make("img", { alt: alt.filter(Boolean).join(", "), decoding: "async", draggable: false });
  return make(
    "a",
    { className: "tile", href: `#/picture/${row}`, title: collection.names[row] },
    make("span", { className: "mat" }, showThumbnail(collection, image, row)),
    make("span", { className: "caption", dir: "auto", "aria-hidden": "true" }, line ?? lastPart(collection.names[row])),
    plays || times > 1 ? badges(plays, times) : null,
    scoreMark(score, line),
  );
}

/** Marks in the corner; those who hear the page know them from the picture's description. */
function badges(plays, times) {
  const many = times > 1 ? make("span", { className: "badge", title: `There ${times} times` }, `\u00d7${times}`) : null;
  const play = plays ? make("span", { className: "badge play", title: "Animation" }) : null;
  return make("span", { className: "badges", "aria-hidden": "true" }, play, many);
}

function scoreMark(score, line) {
  if (line !== null) return make("span", { className: "score says", title: line }, "says");
  if (score === undefined) return null;
  return make("span", { className: "score", title: "Cosine with the words" }, score.toFixed(2));
}

/** Pictures side by side, where no cover was made. */
function mosaic(collection, rows) {
  const images = rows
    .slice(0, 4)
    .map((row) => showThumbnail(collection, make("img", { alt: "", draggable: false }), row));
  return make("span", { className: `mosaic mosaic-${images.length}` }, ...images);
}

/** The pictures that stand for a concept, on a mat. @param {number} number */
function coverOf(collection, number) {
  const mat = make("span", { className: "mat cover" });
  const concept = collection.byNumber.get(number);
  const tiles = () => mosaic(collection, concept?.exemplars ?? collection.membersOf.get(NONE));
  if (concept === undefined) {
    mat.append(tiles());
    return mat;
  }
  collection.cover(collection.concepts.indexOf(concept)).then((address) => {
    mat.append(address === null ? tiles() : make("img", { alt: "", src: address, draggable: false }));
  });
  return mat;
}

/** The link to one concept. @param {number} number @param {?string} [note] Instead of its size. */
function conceptCard(collection, number, note) {
  return make(
    "a",
    { className: "card", href: conceptAddress(number) },
    coverOf(collection, number),
    make("span", { className: "card-title", dir: "auto" }, collection.titleOf(number)),
    make("span", { className: "card-note" }, note ?? counted(collection.membersOf.get(number).length, "picture")),
  );
}
