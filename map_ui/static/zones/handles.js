/** What is dragged on the map: corners, the middles of sides, the centre and rim of a circle. */

import { Marker } from "/static/vendor/maplibre-gl/maplibre-gl.mjs";

import { element } from "/static/pages/dom.js";

/** Elements on the map by key; one that stays is moved and not made again, so it keeps the focus. */
export class Handles {
  constructor(map) {
    this._map = map;
    this._known = new Map();
  }

  /**
   * Show exactly these: [{key, kind, place, label, title, tabIndex, current, on: {drag, drop,
   * click, focus, key}}].
   */
  show(wanted) {
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, { marker }] of this._known) {
      if (!keys.has(key)) {
        marker.remove();
        this._known.delete(key);
      }
    }
    for (const each of wanted) this._show(each);
  }

  has(target) {
    return [...this._known.values()].some(({ face }) => face.contains(target));
  }

  focus(key) {
    this._known.get(key)?.face.focus({ preventScroll: true });
  }

  get focused() {
    const found = [...this._known].find(([, { face }]) => face === document.activeElement);
    return found?.[0] ?? null;
  }

  _show({ key, kind, place, label, tabIndex, current, on }) {
    let known = this._known.get(key);
    if (known === undefined) {
      known = this._make(key, kind);
      this._known.set(key, known);
      known.marker.setLngLat(place).addTo(this._map);
    }
    known.on = on;
    if (!known.dragged) known.marker.setLngLat(place);
    known.face.setAttribute("aria-label", label);
    known.face.tabIndex = tabIndex;
    known.face.classList.toggle("current", Boolean(current));
  }

  _make(key, kind) {
    const face = element("button", { type: "button", class: `handle ${kind}` });
    const marker = new Marker({ element: face, draggable: true });
    const known = { marker, face, on: {}, dragged: false };
    const place = () => {
      const { lng, lat } = marker.getLngLat();
      return [lng, lat];
    };
    marker.on("drag", () => {
      known.dragged = true;
      const snapped = known.on.drag?.(place());
      if (snapped) marker.setLngLat(snapped);
    });
    marker.on("dragend", () => {
      known.dragged = false;
      known.on.drop?.(place());
    });
    face.addEventListener("focus", () => known.on.focus?.());
    face.addEventListener("click", (event) => known.on.click?.(event));
    face.addEventListener("keydown", (event) => known.on.key?.(event));
    return known;
  }
}
