/*
 * The data of the page lie in <script> elements after this script. The first of them are shown while the browser is
 * still reading the rest, which may be a hundred megabytes.
 */

/** @type {Map<string, {promise: Promise<?string>, resolve: function(?string): void}>} */
const awaitedBlocks = new Map();

/** @param {string} id @returns {Promise<?string>} The text of a block as soon as it is whole; null if there is none. */
function block(id) {
  if (!awaitedBlocks.has(id)) {
    let resolve;
    const promise = new Promise((settle) => (resolve = settle));
    awaitedBlocks.set(id, { promise, resolve });
    takeBlock(id);
  }
  return awaitedBlocks.get(id).promise;
}

/** Take a block's text if it is whole: something follows it, or the document has ended. @param {string} id */
function takeBlock(id) {
  const wait = awaitedBlocks.get(id);
  if (wait.resolve === null) return;
  const element = document.getElementById(id);
  const ended = document.readyState !== "loading";
  if (element === null && !ended) return;
  if (element !== null && !ended && element.nextSibling === null) return;
  const { resolve } = wait;
  wait.resolve = null;
  resolve(element === null ? null : element.textContent);
  element?.remove(); // the text lives on once, not twice
}

function takeBlocks() {
  for (const id of awaitedBlocks.keys()) takeBlock(id);
}

new MutationObserver(takeBlocks).observe(document.body, { childList: true });
document.addEventListener("DOMContentLoaded", takeBlocks);

/** @param {?string} text Base64. @returns {Uint8Array} */
function decoded(text) {
  if (!text) return new Uint8Array(0);
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/** @type {Map<string, Promise<string[]>>} */
const linesOfBlocks = new Map();

/** @param {string} id @returns {Promise<string[]>} The lines of a block. */
function blockLines(id) {
  if (!linesOfBlocks.has(id)) {
    linesOfBlocks.set(id, block(id).then((text) => (text === null ? [] : text.split("\n"))));
    linesOfBlocks.get(id).then(() => awaitedBlocks.delete(id));
  }
  return linesOfBlocks.get(id);
}

/**
 * Find one picture in blocks of lines.
 *
 * @param {string} kind "thumbs" or "pictures".
 * @param {{chunks: number[]}} where `chunks` are the first rows of the blocks.
 * @param {number} row
 * @returns {Promise<?string>} A data address; null where there is none.
 */
async function pictureInBlocks(kind, where, row) {
  let low = 0;
  let high = where.chunks.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (where.chunks[middle] <= row) low = middle;
    else high = middle;
  }
  const lines = await blockLines(`${kind}-${low}`);
  const line = lines[row - where.chunks[low]];
  return line ? `data:${kindOf(line)};base64,${line.trimEnd()}` : null;
}

/** @param {string} line A picture in base64. @returns {string} Its kind: animations are in the page as they are. */
function kindOf(line) {
  const kinds = { R0lG: "image/gif", iVBO: "image/png", UklG: "image/webp" };
  return kinds[line.slice(0, 4)] ?? "image/avif";
}
