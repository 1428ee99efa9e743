/** What every map of ours shares: where it begins, how far it goes, its colours and its words. */

import { say } from "./words.js";

/** The whole country. */
export const HOME = { center: [4.55, 50.55], zoom: 7.4 };

const probe = document.body.appendChild(document.createElement("i"));
probe.hidden = true;

/** Whether this browser can draw a map at all. Pages work without. */
export function canDraw() {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

/** A colour of the page as it is now, day or night: `rgb(…)`. */
export function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** How MapLibre is set up, apart from its style. */
export function mapOptions(container) {
  return {
    container,
    ...HOME,
    minZoom: 3.5,
    maxZoom: 18,
    maxBounds: [-30, 30, 50, 73],
    fadeDuration: 0,
    renderWorldCopies: false,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    locale: {
      "AttributionControl.ToggleAttribution": say("Sources of the map"),
      "Map.Title": say("Map"),
      "NavigationControl.ZoomIn": say("Zoom in"),
      "NavigationControl.ZoomOut": say("Zoom out"),
      "ScaleControl.Meters": "m",
      "ScaleControl.Kilometers": "km",
    },
  };
}
