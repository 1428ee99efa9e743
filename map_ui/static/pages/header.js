/** What every page's header can do: light and dark, the language, signing out. */

import { ask } from "./api.js";
import { toggleTheme } from "./theme.js";

document.getElementById("theme")?.addEventListener("click", toggleTheme);

document.getElementById("language")?.addEventListener("change", ({ target }) => {
  document.cookie = `language=${target.value}; path=/; max-age=31536000; samesite=strict`;
  location.reload();
});

document.getElementById("sign-out")?.addEventListener("click", async () => {
  try {
    await ask("DELETE", "/sessions/current");
  } finally {
    location.assign("/sign-in");
  }
});
