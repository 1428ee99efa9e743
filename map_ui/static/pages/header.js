/** What every page's header can do: light and dark, the language, signing out. */

import { ask } from "./api.js";
import { toggleTheme } from "./theme.js";

const signedIn = document.getElementById("sign-out") !== null;

document.getElementById("theme")?.addEventListener("click", toggleTheme);

document.getElementById("language")?.addEventListener("change", async ({ target }) => {
  document.cookie = `language=${target.value}; path=/; max-age=31536000; samesite=strict`;
  // What the service says (place names, letters) follows the person, whatever browser they use.
  if (signedIn) await ask("PATCH", "/people/me", { language: target.value }).catch(() => null);
  location.reload();
});

document.getElementById("sign-out")?.addEventListener("click", async () => {
  try {
    await ask("DELETE", "/sessions/current");
  } finally {
    location.assign("/sign-in");
  }
});
