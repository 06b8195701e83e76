/*
 * The places of the page. Each makes {title, element, start, stop, rows, reveal}: `rows` are what the large picture
 * turns among, `reveal` gives one of them the focus.
 *
 * @typedef {{title: string, element: HTMLElement, start: function(): void, stop: function(): void,
 *   rows: function(): number[], reveal: function(number): void}} View
 */

/** @param {string} title @param {...(Node|null)} children @returns {View} A place without a list of pictures. */
function plainView(title, ...children) {
  const element = make("div", { className: "view" }, ...children);
  return { title, element, start() {}, stop() {}, rows: () => [], reveal() {} };
}

/** @param {string} title @param {PictureList} list @param {...(Node|null)} above @returns {View} */
function listView(title, list, ...above) {
  return {
    title,
    element: make("div", { className: "view" }, ...above, list.element),
    start: () => list.start(),
    stop: () => list.stop(),
    rows: () => list.rows,
    reveal: (row) => list.reveal(row),
  };
}

function heading(text) {
  return make("h1", { tabIndex: -1, dir: "auto" }, text);
}

/** All concepts, as cards. @returns {View} */
function conceptsView({ collection }) {
  const { concepts, core, n } = collection;
  const outside = collection.membersOf.get(NONE).length;
  let order = concepts.map((concept) => concept.id);
  const orders = {
    size: () => concepts.map((concept) => concept.id),
    words: () => [...order].sort((a, b) => collection.titleOf(a).localeCompare(collection.titleOf(b))),
    like: () => collection.conceptsByLikeness().map((concept) => concept.id),
  };
  const choice = make(
    "select",
    {
      "aria-label": "Order of the concepts",
      onchange() {
        order = orders[choice.value]();
        grid.setCount(order.length + (outside > 0));
      },
    },
    make("option", { value: "size" }, "Largest first"),
    make("option", { value: "words" }, "A to Z"),
    core.tree.length > 0 ? make("option", { value: "like" }, "Alike together") : null,
  );
  const grid = new VirtualGrid({
    label: "Concepts",
    minWidth: onPhone() ? 150 : 232,
    minColumns: 2,
    below: 80,
    gap: onPhone() ? 14 : 26,
    render: (place) => conceptCard(collection, order[place] ?? NONE),
  });
  grid.count = order.length + (outside > 0);
  const view = plainView(
    core.title,
    heading(core.title),
    make(
      "div",
      { className: "list-bar" },
      make("p", { className: "lead" }, summaryOf(collection)),
      concepts.length > 1 ? make("div", { className: "list-tools" }, choice) : null,
    ),
    n === 0 ? make("p", { className: "nothing" }, "There are no pictures in this collection.") : null,
    n > 0 && concepts.length === 0
      ? make("p", { className: "nothing" }, "No concepts were found: no pictures are alike enough.")
      : null,
    grid.element,
  );
  return { ...view, start: () => grid.start(), stop: () => grid.stop() };
}

/** @returns {string} "1,198 pictures in 30 concepts, 12 in none." */
function summaryOf({ n, concepts, membersOf, core }) {
  const outside = membersOf.get(NONE).length;
  const many = concepts.length === 0 ? "no concepts" : counted(concepts.length, "concept");
  const parts = [`${counted(n, "picture")} in ${many}`];
  if (outside > 0 && concepts.length > 0) parts.push(`${numbers.format(outside)} in none`);
  if (core.skipped.length > 0) parts.push(`${numbers.format(core.skipped.length)} skipped`);
  return `${parts.join(", ")}.`;
}

/** One concept and its pictures; the pictures in none as well. @returns {View} */
function conceptView({ collection, filterChanged }, number, filter) {
  const concept = collection.byNumber.get(number);
  const rows = collection.membersOf.get(number);
  const title = collection.titleOf(number);
  const list = new PictureList(collection, {
    label: `Pictures: ${title}`,
    order: concept === undefined ? "In order" : "Surest first",
    filter,
    withConcepts: false,
    pick: (chosen) => ({ rows: filtered(collection, rows, chosen), total: rows.length }),
    filterChanged,
  });
  const words = concept?.words ?? [];
  return listView(
    title,
    list,
    make("p", { className: "way" }, make("a", { href: "#/" }, "Concepts")),
    heading(title),
    concept === undefined ? make("p", { className: "lead" }, "Pictures that are like too few others.") : null,
    words.length > 0 ? wordLine(words) : null,
    concept?.said.length > 0 ? saidLine(concept.said) : null,
    concept !== undefined && concept.near.length > 0 ? nearLine(collection, concept.near) : null,
  );
}

function wordLine(words) {
  const links = words.map(([word, sure]) =>
    make(
      "li",
      {},
      make(
        "a",
        {
          className: "word",
          href: `#/search/${encodeURIComponent(word)}`,
          dir: "auto",
          title: sure === null ? null : `Sure to ${Math.round(sure * 100)} of 100`,
        },
        word,
      ),
    ),
  );
  return make("ul", { className: "words", "aria-label": "Words" }, ...links);
}

/** What the pictures of a concept say. @param {string[]} said */
function saidLine(said) {
  const links = said.map((word) =>
    make("li", {}, make("a", { className: "word", href: `#/search/${encodeURIComponent(word)}`, dir: "auto" }, `“${word}”`)),
  );
  return make("ul", { className: "words said", "aria-label": "What they say" }, ...links);
}

function nearLine(collection, near) {
  const links = near.map((other) =>
    make(
      "li",
      {},
      make(
        "a",
        { className: "near", href: `#/concept/${other}` },
        coverOf(collection, other),
        make("span", { dir: "auto" }, collection.titleOf(other)),
      ),
    ),
  );
  return make("div", { className: "near-line" }, make("h2", {}, "Close to it"), make("ul", {}, ...links));
}

/** All pictures. @returns {View} */
function picturesView({ collection, filterChanged }, filter) {
  const rows = collection.allRows();
  const list = new PictureList(collection, {
    label: "All pictures",
    order: "In order",
    filter,
    withConcepts: true,
    pick: (chosen) => ({ rows: filtered(collection, rows, chosen), total: rows.length }),
    filterChanged,
  });
  if (!writeFilter(filter) && !onPhone()) list.bar.button.click();
  return listView("All pictures", list, heading("All pictures"));
}

/** The pictures that are most like one. @returns {View} */
function likeView({ collection, neighbours, filterChanged }, row, filter) {
  const rows = neighbours?.(row) ?? [];
  const list = new PictureList(collection, {
    label: `Like ${collection.names[row]}`,
    order: "Most alike",
    filter,
    withConcepts: true,
    pick: (chosen) => ({ rows: filtered(collection, rows, chosen), total: rows.length }),
    filterChanged,
  });
  const tile = pictureTile(collection, row);
  tile.classList.add("like-tile");
  return listView(
    `Like ${lastPart(collection.names[row])}`,
    list,
    make(
      "div",
      { className: "like-head" },
      tile,
      make(
        "div",
        {},
        heading("More like this"),
        make("p", { className: "lead", dir: "auto" }, collection.names[row]),
        make("p", {}, conceptLink(collection, collection.labels[row])),
      ),
    ),
  );
}

function conceptLink(collection, number) {
  return make("a", { className: "chip", href: conceptAddress(number), dir: "auto" }, collection.titleOf(number));
}

/** What the run skipped, and why. @returns {View} */
function skippedView({ collection }) {
  const { skipped } = collection.core;
  const cells = (tag, options, texts) => make("tr", {}, ...texts.map((text) => make(tag, options, text)));
  const rows = skipped.map((entry) => cells("td", { dir: "auto" }, entry));
  return plainView(
    "Skipped files",
    make("p", { className: "way" }, make("a", { href: "#/about" }, "About")),
    heading("Skipped files"),
    make(
      "p",
      { className: "lead" },
      rows.length === 0 ? "All files could be read." : `${counted(rows.length, "file")} could not be read.`,
    ),
    rows.length === 0
      ? null
      : make(
          "table",
          { className: "skipped" },
          make("thead", {}, cells("th", { scope: "col" }, ["File", "Reason"])),
          make("tbody", {}, ...rows),
        ),
  );
}

/** How the collection was made. @returns {View} */
function aboutView({ collection }) {
  const { core } = collection;
  const facts = core.facts.map(([label, value]) =>
    make("div", {}, make("dt", {}, label), make("dd", { dir: "auto" }, String(value))),
  );
  const skipped = core.skipped.length;
  const model = core.model ? ` with ${core.model}` : "";
  return plainView(
    "About",
    heading("About this collection"),
    make("p", { className: "lead" }, summaryOf(collection)),
    make("dl", { className: "facts" }, ...facts),
    skipped > 0
      ? make("p", {}, make("a", { className: "chip", href: "#/skipped" }, counted(skipped, "skipped file")))
      : null,
    core.search.note ? make("p", { className: "small" }, core.search.note) : null,
    make(
      "p",
      { className: "small" },
      `Made on ${dayOf(core.made)} by ${core.generator}${model}. ` +
        "This page asks nothing of the network.",
    ),
  );
}
