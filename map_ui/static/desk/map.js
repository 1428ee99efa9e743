/** The map: base map, live assets, where alarms were raised, the track of one asset. */

import { AttributionControl, Map, NavigationControl, ScaleControl } from "/static/vendor/maplibre-gl/maplibre-gl.mjs";

import { HOME, canDraw, colour, mapOptions } from "/static/pages/map.js";
import { cause } from "/static/pages/names.js";
import { onTheme } from "/static/pages/theme.js";
import { language } from "/static/pages/words.js";

import { baseMap } from "./base-map.js";
import { FleetLayer } from "./fleet-layer.js";

const REACH_PX = 16;
const TOUCH_REACH_PX = 26;
const NAMES_FROM_ZOOM = 11.5;
const NAMES_AT_MOST = 150;
const CLOSE_ZOOM = 13;
const NARROW_PX = 768;

export { canDraw };

/** Dispatches `pick` and `hover` with `detail` {slot, point}, and `view` with the bounds. */
export class DeskMap extends EventTarget {
  constructor(container, fleet) {
    super();
    this._fleet = fleet;
    this._layer = new FleetLayer(fleet);
    this._layer.paint(palette());
    this._data = { track: collection([]), moment: collection([]), alarms: collection([]) };
    this._alarms = [];
    this._revision = -1;
    this.following = null;
    this._map = new Map({ ...mapOptions(container), style: baseMap(colour, language) });
    this._map.touchZoomRotate.disableRotation();
    this._map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this._map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
    this._map.addControl(new AttributionControl({ compact: true }), "bottom-right");
    this._map.on("style.load", () => this._dress());
    this._map.on("moveend", () => this._moved());
    this._map.on("dragstart", () => this.follow(null));
    this._map.on("click", (event) => this._pick(event));
    this._map.on("mousemove", (event) => this._hover(event));
    this._map.on("mouseout", () => this._say("hover", { slot: null }));
    this._map.once("idle", () => (container.dataset.drawn = "true"));
    onTheme(() => this.repaint());
    setInterval(() => this._keepUp(), 250);
  }

  /** Take the colours of the page anew. */
  repaint() {
    this._layer.paint(palette());
    this._map.setStyle(baseMap(colour, language), { diff: false });
  }

  /** Grey what may no longer be true. */
  set faded(faded) {
    this._layer.faded = faded;
    this._map.triggerRepaint();
  }

  /** Mark the asset that people look at. */
  select(slot) {
    this._layer.selected = slot;
    this._map.triggerRepaint();
  }

  /** Keep an asset in the middle of the map until somebody drags it away. */
  follow(slot) {
    this.following = slot;
    this._say("follow", { slot });
    this._keepUp();
  }

  /** Where alarms were raised. */
  showAlarms(alarms) {
    this._alarms = alarms.filter((alarm) => alarm.fix);
    this._put("alarms", collection(this._alarms.map(alarmFeature)));
  }

  /** Draw the track of one asset, or none. */
  showTrack(points) {
    const places = points.map(({ lon, lat }) => [lon, lat]);
    const lines = places.length > 1 ? [feature("LineString", places)] : [];
    this._put("track", collection(lines));
    if (places.length > 1) this.fit(places);
    else this.showMoment(null);
  }

  /** Mark one moment of the track. */
  showMoment(point) {
    this._put("moment", collection(point ? [feature("Point", [point.lon, point.lat])] : []));
  }

  goTo({ lon, lat }) {
    const zoom = Math.max(this._map.getZoom(), CLOSE_ZOOM);
    this._map.flyTo({ center: [lon, lat], zoom, offset: this._offset(), duration: 700 });
  }

  fit(places) {
    const bounds = places.reduce(
      ([west, south, east, north], [lon, lat]) => [
        Math.min(west, lon),
        Math.min(south, lat),
        Math.max(east, lon),
        Math.max(north, lat),
      ],
      [180, 90, -180, -90],
    );
    const { right, bottom } = covered();
    const padding = { top: 50, left: 50, right: right + 50, bottom: bottom + 50 };
    this._map.fitBounds(bounds, { padding, maxZoom: 16, duration: 700 });
  }

  home() {
    this.follow(null);
    this._map.flyTo({ ...HOME, duration: 700 });
  }

  /** The map's own box changed. */
  resize() {
    this._map.resize();
  }

  _dress() {
    this._map.addLayer(this._layer, "asset-names");
    for (const [source, data] of Object.entries(this._data)) this._put(source, data);
    this.showAlarms(this._alarms);
    this._revision = -1;
  }

  _put(source, data) {
    this._data[source] = data;
    this._map.getSource(source)?.setData(data);
  }

  /** Draw what moved since a moment ago; frames come faster than anybody can look. */
  _keepUp() {
    if (this._fleet.revision === this._revision) return;
    this._revision = this._fleet.revision;
    this._map.triggerRepaint();
    this._nameThoseInView();
    const followed = this.following === null ? null : this._fleet.whereIs(this.following);
    if (followed && !this._map.isMoving()) {
      const center = [followed.lon, followed.lat];
      this._map.easeTo({ center, offset: this._offset(), duration: 200 });
    }
  }

  /** From the middle of the map to the middle of what the card and the track leave free. */
  _offset() {
    const { right, bottom } = covered();
    return [-right / 2, -bottom / 2];
  }

  _nameThoseInView() {
    if (!this._map.getSource("names")) return;
    const close = this._map.getZoom() >= NAMES_FROM_ZOOM;
    const slots = close ? this._fleet.within(this._bounds(), NAMES_AT_MOST) : [];
    if (slots.length === 0 && !this._named) return;
    this._named = slots.length > 0;
    const named = slots
      .filter((slot) => this._fleet.alarm[slot] === 0) // alarms carry their own words
      .map((slot) =>
        feature("Point", [this._fleet.lon[slot], this._fleet.lat[slot]], {
          name: this._fleet.assets[slot].name,
        }),
      );
    this._map.getSource("names").setData(collection(named));
  }

  _moved() {
    this._nameThoseInView();
    this._say("view", this._bounds());
  }

  _bounds() {
    const bounds = this._map.getBounds();
    return {
      west: bounds.getWest(),
      south: bounds.getSouth(),
      east: bounds.getEast(),
      north: bounds.getNorth(),
    };
  }

  _at(event, reach) {
    const worldSize = 512 * 2 ** this._map.getZoom();
    return this._fleet.nearest(event.lngLat, worldSize, reach);
  }

  _pick(event) {
    const touch = event.originalEvent.pointerType === "touch";
    const slot = this._at(event, touch ? TOUCH_REACH_PX : REACH_PX);
    if (slot !== null) {
      this._say("pick", { slot });
      return;
    }
    const [place] = this._map.getLayer("alarm-places")
      ? this._map.queryRenderedFeatures(event.point, { layers: ["alarm-places"] })
      : [];
    this._say("pick", { slot: null, alarmId: place?.properties.id ?? null });
  }

  _hover(event) {
    const slot = this._at(event, REACH_PX);
    this._map.getCanvas().classList.toggle("over-asset", slot !== null);
    this._say("hover", { slot, point: event.point });
  }

  _say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Pixels of the map that lie under the card and under the track. */
function covered() {
  const narrow = innerWidth <= NARROW_PX;
  const card = document.getElementById("card");
  const track = document.getElementById("track");
  const below = narrow && track.hidden ? card : track;
  return { right: narrow ? 0 : card.offsetWidth, bottom: below.offsetHeight };
}

function alarmFeature(alarm) {
  const who = alarm.asset?.name ?? alarm.unit_id;
  return feature("Point", [alarm.fix.lon, alarm.fix.lat], {
    id: alarm.id,
    priority: alarm.priority,
    colour: colour(`p${alarm.priority}`),
    words: `P${alarm.priority} ${cause(alarm.cause)}\n${who}`,
  });
}

function feature(type, coordinates, properties = {}) {
  return { type: "Feature", properties, geometry: { type, coordinates } };
}

function collection(features) {
  return { type: "FeatureCollection", features };
}

/** The page's colours as the shader takes them. */
function palette() {
  const parts = (name) => colour(name).match(/\d+/g).slice(0, 3).map((part) => part / 255);
  return {
    live: parts("asset-live"),
    stale: parts("asset-stale"),
    silent: parts("asset-silent"),
    outline: parts("map-halo"),
    accent: parts("accent"),
    rim: parts("alarm-rim"),
    alarms: [1, 2, 3, 4, 5].map((priority) => parts(`p${priority}`)),
  };
}
