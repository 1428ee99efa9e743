/** What a rule would have noticed: the map beside the list. */

import { drawMaps, placesMap } from "./places-map.js";

drawMaps();
document.body.addEventListener("htmx:after:swap", drawMaps);

document.body.addEventListener("click", ({ target }) => {
  const show = target.closest("[data-show]");
  const map = document.querySelector("[data-places]");
  if (show && map) placesMap(map).show("event", Number(show.dataset.show));
});
