/** A map of where something happened: zones, ways, fixes with their accuracy, and events. */

import {
  AttributionControl,
  LngLatBounds,
  Map,
  NavigationControl,
  Popup,
  ScaleControl,
} from "/static/vendor/maplibre-gl/maplibre-gl.mjs";

import { baseMap } from "/static/desk/base-map.js";
import { canDraw, colour, mapOptions } from "/static/pages/map.js";
import { element } from "/static/pages/dom.js";
import { onTheme } from "/static/pages/theme.js";
import { language, say } from "/static/pages/words.js";

const CLOSE_ZOOM = 14;
const known = new WeakMap();

/** The map of an element that names its places by `data-places`; drawn once. */
export function placesMap(container) {
  if (!known.has(container)) known.set(container, new PlacesMap(container));
  return known.get(container);
}

class PlacesMap {
  constructor(container) {
    this._container = container;
    if (!canDraw()) {
      container.append(element("p", { class: "quiet" }, say("This browser cannot draw the map.")));
      return;
    }
    this._places = { type: "FeatureCollection", features: [] };
    this._map = new Map({ ...mapOptions(container), style: baseMap(colour, language) });
    this._map.touchZoomRotate.disableRotation();
    this._map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this._map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
    this._map.addControl(new AttributionControl({ compact: true }), "bottom-right");
    this._map.on("style.load", () => this._dress());
    this._map.on("click", "event", ({ features: [place] }) => this._say(place));
    this._map.on("click", "fix", ({ features: [place] }) => this._tell(place.properties.number));
    this._map.once("idle", () => (container.dataset.drawn = "true"));
    onTheme(() => this._map.setStyle(baseMap(colour, language), { diff: false }));
    this._ask();
  }

  /** Go to the event or fix of that number and say what it is. */
  show(role, number) {
    const place = this._places.features.find(
      ({ properties }) => properties.role === role && properties.number === number,
    );
    if (!place) return;
    const center = place.geometry.coordinates;
    this._map.easeTo({ center, zoom: Math.max(this._map.getZoom(), CLOSE_ZOOM), duration: 300 });
    this._map.setFilter("chosen", ["all", ["==", ["get", "role"], role], ["==", ["get", "number"], number]]);
    if (place.properties.words) this._say(place);
  }

  async _ask() {
    const answer = await fetch(this._container.dataset.places).catch(() => null);
    if (!answer?.ok) return;
    this._places = await answer.json();
    this._map.getSource("happened")?.setData(this._places);
    this._fit();
    this._container.dataset.shown = "true";
  }

  _fit() {
    const bounds = new LngLatBounds();
    for (const { geometry, properties } of this._places.features) {
      if (properties.role !== "zone" || this._places.features.length < 3) extend(bounds, geometry.coordinates);
    }
    if (!bounds.isEmpty()) this._map.fitBounds(bounds, { padding: 50, maxZoom: 16, duration: 0 });
  }

  _dress() {
    this._map.addSource("happened", { type: "geojson", data: this._places });
    for (const layer of layers()) this._map.addLayer({ source: "happened", ...layer });
  }

  _say(place) {
    this._popup?.remove();
    this._popup = new Popup({ closeButton: false, maxWidth: "18rem" })
      .setLngLat(place.geometry.coordinates)
      .setDOMContent(element("span", {}, place.properties.words))
      .addTo(this._map);
  }

  _tell(number) {
    this._container.dispatchEvent(new CustomEvent("place", { bubbles: true, detail: { number } }));
  }
}

function layers() {
  const of = (role) => ["==", ["get", "role"], role];
  return [
    { id: "zone", type: "fill", filter: of("zone"), paint: { "fill-color": colour("accent"), "fill-opacity": 0.14 } },
    { id: "zone-edge", type: "line", filter: of("zone"), paint: { "line-color": colour("accent"), "line-width": 2.5 } },
    { id: "rough", type: "fill", filter: of("rough"), paint: { "fill-color": colour("quiet"), "fill-opacity": 0.1 } },
    { id: "rough-edge", type: "line", filter: of("rough"), paint: { "line-color": colour("quiet"), "line-width": 1, "line-opacity": 0.5 } },
    { id: "way", type: "line", filter: of("way"), paint: { "line-color": colour("text"), "line-width": 2, "line-opacity": 0.55 } },
    { id: "last", type: "line", filter: of("last"), paint: { "line-color": colour("p1"), "line-width": 4 } },
    circle("fix", of("fix"), 4.5, "text", 1.5),
    circle("event", of("event"), 8, "p1", 2.5),
    { id: "chosen", type: "circle", filter: ["boolean", false], paint: { "circle-radius": 14, "circle-opacity": 0, "circle-stroke-color": colour("focus"), "circle-stroke-width": 3 } },
    {
      id: "zone-names",
      type: "symbol",
      filter: of("zone"),
      layout: { "text-field": ["get", "words"], "text-size": 13, "text-max-width": 12 },
      paint: { "text-color": colour("text"), "text-halo-color": colour("map-halo"), "text-halo-width": 2 },
    },
  ];
}

function circle(id, filter, radius, fill, rim) {
  return {
    id,
    type: "circle",
    filter,
    paint: {
      "circle-radius": radius,
      "circle-color": colour(fill),
      "circle-stroke-color": colour("map-halo"),
      "circle-stroke-width": rim,
    },
  };
}

function extend(bounds, coordinates) {
  if (typeof coordinates[0] === "number") bounds.extend(coordinates);
  else coordinates.forEach((each) => extend(bounds, each));
}

/** Draw the maps of a page, and those that htmx brings later. */
export function drawMaps() {
  for (const container of document.querySelectorAll("[data-places]")) placesMap(container);
}
