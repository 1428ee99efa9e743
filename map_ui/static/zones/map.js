/** The map of zones: those that are kept, the chosen one, an old version, what a file holds. */

import { AttributionControl, Map, NavigationControl, ScaleControl } from "/static/vendor/maplibre-gl/maplibre-gl.mjs";

import { baseMap } from "/static/desk/base-map.js";
import { HOME, colour, mapOptions } from "/static/pages/map.js";
import { onTheme } from "/static/pages/theme.js";
import { language } from "/static/pages/words.js";

import { boundsOf } from "./shape.js";

const NOTHING = { type: "FeatureCollection", features: [] };
const REACH_PX = 6;
const CLOSEST = 16;
const LEAST_PX = 40;
const NAMES_FROM_ZOOM = 9.5;
const LONGEST_NAME = 40;

/**
 * Dispatches `pick` with `detail` the id of a zone or null, and `view` when other zones may be in
 * view. `onStyle` is called with the map whenever its layers have to be made anew.
 */
export class ZonesMap extends EventTarget {
  constructor(container, onStyle) {
    super();
    this._data = { zones: NOTHING, "names-of-zones": NOTHING, ghost: NOTHING, found: NOTHING };
    this._chosen = "";
    this.map = new Map({ ...mapOptions(container), style: baseMap(colour, language) });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
    this.map.addControl(new AttributionControl({ compact: true }), "bottom-right");
    this.map.on("style.load", () => {
      this._dress();
      onStyle(this.map);
    });
    this.map.on("moveend", () => this._say("view"));
    this.map.on("click", (event) => this._pick(event));
    this.map.on("mousemove", (event) => this._hover(event));
    this.map.once("idle", () => (container.dataset.drawn = "true"));
    onTheme(() => this.map.setStyle(baseMap(colour, language), { diff: false }));
    new ResizeObserver(() => this.map.resize()).observe(container);
  }

  /** Whether clicks mean zones; while somebody draws they do not. */
  picking = true;

  /** Zones in view, as GeoJSON features with `id`, `name` and `colour`. */
  show(features) {
    this._put("zones", features);
    this._put("names-of-zones", features.map(named));
  }

  /** How zones are told apart: the chosen one stands out. */
  choose(zoneId) {
    this._chosen = zoneId ?? "";
    for (const layer of ["zone-chosen", "zone-chosen-casing", "zone-chosen-fill", "zone-chosen-name"]) {
      if (this.map.getLayer(layer)) this.map.setFilter(layer, this._isChosen());
    }
  }

  /** A zone that is being drawn is not shown as it was. */
  hide(zoneId) {
    const others = zoneId ? ["!=", ["get", "id"], zoneId] : ["literal", true];
    for (const layer of ["zone-fill", "zone-casing", "zone-line", "zone-names"]) {
      if (this.map.getLayer(layer)) this.map.setFilter(layer, others);
    }
    this._hidden = zoneId;
    this._fade(Boolean(zoneId) || !this.picking);
    this.choose(zoneId ? "" : this._chosen);
  }

  /** While somebody draws, what is there already stands back. */
  _fade(faded) {
    const opacities = { "zone-fill": ["fill-opacity", 0.16], "zone-line": ["line-opacity", 1], "zone-casing": ["line-opacity", 0.55] };
    for (const [layer, [property, opacity]] of Object.entries(opacities)) {
      if (this.map.getLayer(layer)) this.map.setPaintProperty(layer, property, faded ? opacity * 0.45 : opacity);
    }
  }

  /** An old version, as a ghost; null for none. */
  showGhost(geometry) {
    this._put("ghost", geometry ? [{ type: "Feature", properties: {}, geometry }] : []);
  }

  /** What a file holds, before it is kept: features with `problem` true or false. */
  showFound(features) {
    this._put("found", features);
  }

  fit(geometry) {
    const bounds = boundsOf(geometry);
    this.map.fitBounds(bounds, { padding: 60, maxZoom: CLOSEST, duration: 500 });
  }

  /** Go there only if not all of it is in view, or too little of it to see. */
  reveal(geometry) {
    const [west, south, east, north] = boundsOf(geometry);
    const view = this.map.getBounds();
    const seen = view.contains([west, south]) && view.contains([east, north]);
    const [low, high] = [this.map.project([west, south]), this.map.project([east, north])];
    if (!seen || Math.max(high.x - low.x, low.y - high.y) < LEAST_PX) this.fit(geometry);
  }

  home() {
    this.map.flyTo({ ...HOME, duration: 500 });
  }

  /** [west, south, east, north] of what is in view. */
  get box() {
    const bounds = this.map.getBounds();
    return [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  }

  _isChosen() {
    return ["==", ["get", "id"], this._chosen];
  }

  _dress() {
    for (const source of Object.keys(this._data)) {
      this.map.addSource(source, { type: "geojson", data: this._data[source] });
    }
    const own = ["get", "colour"];
    this._layer("zone-fill", "fill", "zones", { "fill-color": own, "fill-opacity": 0.16 });
    this._layer("zone-chosen-fill", "fill", "zones", { "fill-color": own, "fill-opacity": 0.22 }, this._isChosen());
    // Whatever colour was chosen, by day and by night: its rim stands out.
    this._layer("zone-casing", "line", "zones", { "line-color": colour("text"), "line-width": 4, "line-opacity": 0.55 });
    this._layer("zone-line", "line", "zones", { "line-color": own, "line-width": 2.25 });
    this._layer("zone-chosen-casing", "line", "zones", { "line-color": colour("text"), "line-width": 7.5 }, this._isChosen());
    this._layer("zone-chosen", "line", "zones", { "line-color": own, "line-width": 5 }, this._isChosen());
    this._layer("ghost-line", "line", "ghost", {
      "line-color": colour("text"),
      "line-width": 2.5,
      "line-dasharray": [2, 2],
    });
    const problem = ["get", "problem"];
    this._layer("found-fill", "fill", "found", {
      "fill-color": ["case", problem, colour("danger-text"), colour("accent")],
      "fill-opacity": 0.2,
    });
    this._layer("found-line", "line", "found", {
      "line-color": ["case", problem, colour("danger-text"), colour("accent")],
      "line-width": 2.5,
    });
    this._names("zone-names", NAMES_FROM_ZOOM, false);
    this._names("zone-chosen-name", 0, true, this._isChosen());
    if (this._hidden !== undefined) this.hide(this._hidden);
  }

  _layer(id, type, source, paint, filter = ["literal", true]) {
    const layout = type === "line" ? { "line-join": "round", "line-cap": "round" } : {};
    this.map.addLayer({ id, type, source, paint, layout, filter });
  }

  _names(id, minzoom, always, filter = ["literal", true]) {
    this.map.addLayer({
      id,
      type: "symbol",
      source: "names-of-zones",
      minzoom,
      filter,
      layout: {
        "text-field": ["get", "name"],
        "text-size": always ? 14 : 13,
        "text-max-width": 12,
        "text-padding": 4,
        "text-allow-overlap": always,
      },
      paint: { "text-color": colour("text"), "text-halo-color": colour("map-halo"), "text-halo-width": 2 },
    });
  }

  _put(source, features) {
    this._data[source] = { type: "FeatureCollection", features };
    this.map.getSource(source)?.setData(this._data[source]);
  }

  _at({ point: { x, y } }) {
    if (!this.map.getLayer("zone-fill")) return null;
    const around = [
      [x - REACH_PX, y - REACH_PX],
      [x + REACH_PX, y + REACH_PX],
    ];
    const found = this.map.queryRenderedFeatures(around, { layers: ["zone-line", "zone-fill"] });
    // Of zones that lie on each other the smallest is meant: it could not be chosen otherwise.
    const size = ({ geometry }) => {
      const [west, south, east, north] = boundsOf(geometry);
      return (east - west) * (north - south);
    };
    return found.toSorted((one, other) => size(one) - size(other))[0]?.properties.id ?? null;
  }

  _pick(event) {
    if (this.picking) this._say("pick", this._at(event));
  }

  _hover(event) {
    this.map.getCanvas().classList.toggle("over-asset", this.picking && this._at(event) !== null);
  }

  _say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Its name once, in the middle of its largest part. */
function named({ properties, geometry }) {
  const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const boxes = parts.map(([outer]) => boundsOf({ coordinates: outer }));
  const size = ([west, south, east, north]) => (east - west) * (north - south);
  const [west, south, east, north] = boxes.toSorted((one, other) => size(other) - size(one))[0];
  const name = properties.name.length > LONGEST_NAME ? `${properties.name.slice(0, LONGEST_NAME - 1)}…` : properties.name;
  return {
    type: "Feature",
    properties: { id: properties.id, name },
    geometry: { type: "Point", coordinates: [(west + east) / 2, (south + north) / 2] },
  };
}
