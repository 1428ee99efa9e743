/** Light and dark: what the system prefers until somebody chooses; the choice is kept a year. */

const root = document.documentElement;
const preference = window.matchMedia("(prefers-color-scheme: dark)");

/** @returns {"light"|"dark"} */
export function theme() {
  return root.dataset.theme || (preference.matches ? "dark" : "light");
}

export function toggleTheme() {
  root.dataset.theme = theme() === "dark" ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
  root.dispatchEvent(new Event("themechange"));
}

/** Call back whenever the page turns light or dark. */
export function onTheme(listener) {
  root.addEventListener("themechange", listener);
  preference.addEventListener("change", listener);
}
