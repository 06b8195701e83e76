/** Words under the search field while one types: a combobox with a list, as the ARIA practices describe it. */
class Suggestions {
  /** @param {function(): ?Semantics} semantics Null until it is there. @param {function(string): void} search */
  constructor(semantics, search) {
    this.semantics = semantics;
    this.search = search;
    this.field = byId("query");
    this.list = byId("suggestions");
    this.marked = -1;
    this.field.addEventListener("input", () => this.#suggest());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("blur", () => this.close());
    byId("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#go(this.list.children[this.marked]?.textContent ?? this.field.value);
    });
  }

  close() {
    this.list.hidden = true;
    this.list.replaceChildren();
    this.#mark(-1);
    this.field.setAttribute("aria-expanded", "false");
  }

  #suggest() {
    const words = this.semantics()?.suggestions(this.field.value) ?? [];
    this.list.replaceChildren(
      ...words.map((word, i) =>
        make(
          "li",
          {
            id: `suggestion-${i}`,
            role: "option",
            dir: "auto",
            "aria-selected": "false",
            onpointerdown: (event) => event.preventDefault(), // the field keeps the focus
            onclick: () => this.#go(word),
          },
          word,
        ),
      ),
    );
    this.list.hidden = words.length === 0;
    this.field.setAttribute("aria-expanded", String(words.length > 0));
    this.#mark(-1);
  }

  #mark(place) {
    this.list.children[this.marked]?.setAttribute("aria-selected", "false");
    this.marked = place;
    const option = this.list.children[place];
    option?.setAttribute("aria-selected", "true");
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    const many = this.list.children.length;
    if (event.key === "Escape") {
      if (this.list.hidden) this.field.blur();
      else this.close();
      event.preventDefault();
    } else if (many > 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#mark(((this.marked + 1 + step + many + 1) % (many + 1)) - 1);
    }
  }

  #go(text) {
    const wanted = text.trim();
    this.field.value = wanted;
    this.close();
    if (onPhone()) this.field.blur(); // puts the keys on the screen away
    if (wanted) this.search(wanted);
  }
}
