/** @typedef {{place: string, argument: string, filter: Filter, key: string}} Route */

/** Read an address such as "#/search/panda?size=large". @param {string} hash @returns {Route} */
function readRoute(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [place, ...rest] = path.split("/");
  const argument = decodedPart(rest.join("/"));
  const filter = readFilter(new URLSearchParams(query ?? ""));
  return { place: place || "concepts", argument, filter, key: `${place}/${argument}` };
}

function decodedPart(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone per cent sign
  }
}

/** Shows the place that the address names; going back and forward is the browser's own. */
class Router {
  /**
   * @param {Object} app {collection, neighbours, semantics}; the latter two are there later than the first.
   * @param {function(Route): Promise<?View>} viewOf
   */
  constructor(app, viewOf) {
    this.app = app;
    this.viewOf = viewOf;
    this.view = null;
    this.shown = null; // key of the view
    this.lightbox = new Lightbox(app.collection, (row) => this.#turned(row), () => this.#closePicture());
    app.filterChanged = (filter) => this.#filterChanged(filter);
    history.scrollRestoration = "manual";
    window.addEventListener("hashchange", () => this.show());
    let timer = 0;
    window.addEventListener("scroll", () => {
      clearTimeout(timer);
      timer = setTimeout(() => !this.lightbox.isOpen && this.#remember({ scroll: window.scrollY }), 120);
    });
  }

  #remember(state, address) {
    history.replaceState({ ...history.state, ...state }, "", address);
  }

  /** Show what the address says. */
  async show() {
    const route = readRoute(location.hash);
    if (route.place === "picture" && this.app.collection.hasRow(route.argument)) {
      await this.#showPicture(Number(route.argument));
      return;
    }
    const wasOpen = this.lightbox.isOpen;
    if (wasOpen) this.lightbox.hide();
    // What a filter changes is in the address already; a link or an address typed in may have another one.
    if (this.shown === route.key && writeFilter(route.filter) === writeFilter(readRoute(this.address).filter)) {
      if (wasOpen) this.view.reveal(this.lightbox.row);
      return;
    }
    await this.#render(route);
  }

  /** The picture lies over the place that it was opened from; over its concept if it is the first thing to be seen. */
  async #showPicture(row) {
    const under = history.state?.under ?? this.address ?? conceptAddress(this.app.collection.labels[row]);
    this.#remember({ under, pushed: history.state?.pushed ?? this.view !== null });
    const route = readRoute(under);
    if (this.shown !== route.key) await this.#render(route, under);
    this.lightbox.show(row, this.view.rows());
  }

  #turned(row) {
    this.#remember({}, `#/picture/${row}`);
  }

  #closePicture() {
    if (history.state?.pushed) {
      history.back();
      return;
    }
    const under = history.state?.under ?? "#/";
    history.replaceState({}, "", under);
    this.show();
  }

  async #render(route, address = location.hash || "#/") {
    const first = this.view === null;
    const asked = (this.asked = Symbol("the latest wins"));
    const view = await this.viewOf(route);
    if (asked !== this.asked) return;
    if (view === null) {
      history.replaceState({}, "", "#/");
      await this.#render(readRoute("#/"), "#/");
      return;
    }
    this.view?.stop();
    Object.assign(this, { view, shown: route.key, address });
    byId("main").replaceChildren(view.element);
    const { title } = this.app.collection.core;
    document.title = view.title === title ? title : `${view.title} · ${title}`;
    this.#markPlace(route.place);
    byId("query").value = route.place === "search" ? route.argument : "";
    view.start();
    const isTyping = document.activeElement === byId("query");
    if (!first && !isTyping) view.element.querySelector("h1")?.focus({ preventScroll: true });
    window.scrollTo({ top: this.lightbox.isOpen ? 0 : history.state?.scroll ?? 0, behavior: "instant" });
  }

  #markPlace(place) {
    const marked = { concept: "concepts", skipped: "about" }[place] ?? place;
    for (const link of document.querySelectorAll(".places a")) {
      if (link.dataset.place === marked) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  #filterChanged(filter) {
    const address = location.hash.split("?")[0] || "#/";
    this.address = `${address}${writeFilter(filter)}`;
    this.#remember({ scroll: 0 }, this.address);
  }
}
