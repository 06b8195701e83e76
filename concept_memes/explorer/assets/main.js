/** The parts of the page that know each other. */
async function start() {
  startTheme();
  const core = JSON.parse(await block("core"));
  const collection = new Collection(core);
  const app = { collection, semantics: null, neighbours: null };
  const search = Semantics.load(collection).then((semantics) => (app.semantics = semantics));
  const neighbours = loadNeighbours(collection).then((find) => (app.neighbours = find));

  byId("brand").textContent = core.title;
  byId("query").placeholder = placeholderFor(collection);
  const router = new Router(app, (route) => viewOf(route, app, { search, neighbours }));
  const suggestions = new Suggestions(
    () => app.semantics,
    (text) => {
      location.hash = `#/search/${encodeURIComponent(text)}`;
    },
  );
  startKeys(suggestions);
  await router.show();
}

/** @param {Collection} collection @returns {string} A word that will find something. */
function placeholderFor({ concepts }) {
  const words = concepts.slice(0, 2).map((concept) => concept.words[0]?.[0]).filter(Boolean);
  return words.length > 0 ? `Search: ${words.join(", ")} …` : "Search";
}

/** @returns {Promise<?View>} Null for an address that leads nowhere. */
async function viewOf({ place, argument, filter }, app, { search, neighbours }) {
  const { collection } = app;
  const number = argument === "none" ? NONE : Number(argument || NaN);
  switch (place) {
    case "concepts":
      return conceptsView(app);
    case "concept":
      return collection.membersOf.has(number) ? conceptView(app, number, filter) : null;
    case "pictures":
      return picturesView(app, filter);
    case "map":
      return new MapView(app, filter);
    case "search":
      await search;
      return argument.trim() ? searchView(app, argument, filter) : null;
    case "like":
      await neighbours;
      return collection.hasRow(argument) ? likeView(app, number, filter) : null;
    case "skipped":
      return skippedView(app);
    case "about":
      return aboutView(app);
    default:
      return null;
  }
}

/** Keys that work everywhere. @param {Suggestions} suggestions */
function startKeys(suggestions) {
  const sheet = byId("help-sheet");
  byId("help-button").addEventListener("click", () => sheet.showModal());
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      event.preventDefault();
      suggestions.field.focus();
      suggestions.field.select();
    } else if (event.key === "?") {
      event.preventDefault();
      sheet.showModal();
    }
  });
}

start();
