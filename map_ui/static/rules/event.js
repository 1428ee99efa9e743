/** Why an event fired: its fixes on the map. */

import { drawMaps, placesMap } from "./places-map.js";

drawMaps();

document.body.addEventListener("click", ({ target }) => {
  const show = target.closest("[data-show-fix]");
  if (!show) return;
  const map = document.querySelector("[data-places]");
  map.scrollIntoView({ block: "nearest" });
  placesMap(map).show("fix", Number(show.dataset.showFix));
});

document.body.addEventListener("place", ({ detail: { number } }) => {
  document.querySelector(`[data-show-fix="${number}"]`)?.focus();
});
