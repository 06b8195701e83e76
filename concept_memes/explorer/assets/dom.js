"use strict";

/**
 * Make an element. Texts become text nodes: nothing of the data is ever read as markup.
 *
 * @param {string} tag
 * @param {Object<string, *>} [properties] "on..." are listeners; names with a hyphen and "role" are attributes; the
 *   rest are properties. null and undefined are left out.
 * @param {...(Node|string|null)} children
 * @returns {HTMLElement}
 */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "role" || key.includes("-")) element.setAttribute(key, String(value));
    else element[key] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @param {string} id @returns {HTMLElement} An element of the page's skeleton. */
function byId(id) {
  return document.getElementById(id);
}

const numbers = new Intl.NumberFormat("en");
const dates = new Intl.DateTimeFormat("en", { dateStyle: "long" });

/** @param {number} count @param {string} noun @param {string} [many] @returns {string} "1 picture", "1,198 pictures". */
function counted(count, noun, many = `${noun}s`) {
  return `${numbers.format(count)} ${count === 1 ? noun : many}`;
}

/** @param {number} shown @param {number} all @returns {string} "12 pictures of 1,198", or "1,198 pictures". */
function countOf(shown, all) {
  const many = counted(shown, "picture");
  return shown < all ? `${many} of ${numbers.format(all)}` : many;
}

/** @param {number} bytes @returns {string} "85 KB", "2.4 MB". */
function fileSize(bytes) {
  if (bytes < 1000) return counted(bytes, "byte");
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {string} stamp Local time as in "2024-05-17T12:00:00". @returns {string} "May 17, 2024". */
function dayOf(stamp) {
  const day = new Date(stamp);
  return Number.isNaN(day.getTime()) ? stamp : dates.format(day);
}

/** Say something to those who hear the page. @param {string} text */
function announce(text) {
  byId("status").textContent = text;
}

/** @returns {boolean} */
function onPhone() {
  return window.matchMedia("(max-width: 600px)").matches;
}

/** Call `action` once per frame, however often the result is called. @param {function(): void} action */
function oncePerFrame(action) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      action();
    });
  };
}
