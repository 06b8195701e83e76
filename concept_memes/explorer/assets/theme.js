const THEME_KEY = "concept-memes-theme";
const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

/** @returns {boolean} Whether the page is dark now. */
function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : systemIsDark.matches;
}

/** Follow the system until somebody chooses; remember the choice where the browser lets a file remember. */
function startTheme() {
  const button = byId("theme-button");
  const show = () => {
    button.setAttribute("aria-pressed", String(isDark()));
    document.dispatchEvent(new Event("themechange"));
  };
  const chosen = remembered(() => localStorage.getItem(THEME_KEY));
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  systemIsDark.addEventListener("change", show);
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    remembered(() => localStorage.setItem(THEME_KEY, theme));
    show();
  });
  show();
}

/** Some browsers give files no storage, and throw. @template T @param {function(): T} action @returns {T|undefined} */
function remembered(action) {
  try {
    return action();
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}
