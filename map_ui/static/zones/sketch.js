/**
 * Drawing on the map: what is drawn, with mouse, finger or keys.
 *
 * Arrow keys move the chosen corner (with Shift finer), Enter adds one after it, Delete takes it
 * away, Page Up and Page Down go from corner to corner. `tell` says what happened.
 */

import { colour } from "/static/pages/map.js";
import { say } from "/static/pages/words.js";

import { placeText } from "./coordinates.js";
import { same } from "./draft.js";
import { away, distance, metresPerPixel } from "./earth.js";
import { Handles } from "./handles.js";
import { LONGEST_RADIUS_M, corners, geometryOf, middles, withCorner } from "./shape.js";

const STEP_PX = 10;
const FINE_STEP_PX = 1;
const SNAP_PX = 12;
const MOST_HANDLES = 160;
const AGAIN_MS = 350;
const AGAIN_PX = 6;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const NOTHING = { type: "FeatureCollection", features: [] };

export class Sketch {
  constructor(zonesMap, draft, tell) {
    this._map = zonesMap.map;
    this._zonesMap = zonesMap;
    this._draft = draft;
    this._tell = tell;
    this._handles = new Handles(this._map);
    this._last = { at: 0, point: null };
    this.snapping = false;
    /** Whether there are too many corners in view to show them; `onDraw` is told after each draw. */
    this.crowded = false;
    this.onDraw = () => {};
    this.paint = "#0072b2";
    draft.addEventListener("change", () => this.draw());
    this._map.on("moveend", () => this.draw());
    this._map.on("click", (event) => this._click(event));
    this._map.on("dblclick", (event) => this._twice(event));
    this._map.on("mousedown", (event) => this._press(event));
    this._map.on("mousemove", (event) => this._pointed(event));
    this._map.getCanvas().addEventListener("keydown", (event) => this._canvasKey(event));
  }

  /** Put the layers of the drawing on a map whose style was just made. */
  dress() {
    this._map.addSource("draft", { type: "geojson", data: NOTHING });
    this._map.addSource("rubber", { type: "geojson", data: NOTHING });
    const round = { "line-join": "round", "line-cap": "round" };
    const polygon = ["==", ["geometry-type"], "Polygon"];
    this._map.addLayer({ id: "draft-edges", type: "line", source: "draft", layout: round, paint: { "line-width": 2 }, filter: ["!", polygon] });
    this._map.addLayer({ id: "draft-fill", type: "fill", source: "draft", paint: { "fill-opacity": 0.25 }, filter: polygon });
    this._map.addLayer({ id: "draft-casing", type: "line", source: "draft", layout: round, paint: { "line-color": colour("map-halo"), "line-width": 6 } });
    this._map.addLayer({ id: "draft-line", type: "line", source: "draft", layout: round, paint: { "line-width": 3.25 } });
    this._map.addLayer({ id: "rubber-line", type: "line", source: "rubber", paint: { "line-color": colour("text"), "line-width": 2, "line-dasharray": [1.5, 1.5] } });
    this.draw();
  }

  draw() {
    if (!this._map.getSource("draft")) return;
    const { shape, placing } = this._draft;
    const drawing = shape !== null && placing !== "";
    this._map.getContainer().classList.toggle("placing", drawing);
    this._map.getSource("draft").setData(shape ? this._drawn(shape) : NOTHING);
    if (!drawing) this._map.getSource("rubber").setData(NOTHING);
    for (const [layer, property] of [["draft-fill", "fill-color"], ["draft-line", "line-color"], ["draft-edges", "line-color"]]) {
      this._map.setPaintProperty(layer, property, this.paint);
    }
    this._widen(shape);
    const kept = this._handles.focused;
    this._handles.show(shape ? this._wanted(shape) : []);
    if (kept !== null && this._handles.focused === null) this._focusChosen();
    this.onDraw();
  }

  /** A corner, or the centre, in the middle of what is in view. */
  placeInTheMiddle() {
    const { lng, lat } = this._map.getCenter();
    this._put([lng, lat]);
  }

  /** Bring the keys to the chosen corner. */
  focusChosen() {
    if (this._draft.chosen === null) this._draft.step(1);
    this._focusChosen();
  }

  _focusChosen() {
    const { chosen } = this._draft;
    this._handles.focus(chosen ? cornerKey(chosen) : "centre");
  }

  _drawn(shape) {
    const whole = geometryOf(shape);
    const features = whole ? [{ type: "Feature", properties: {}, geometry: whole }] : [];
    for (const { points } of shape.outlines ?? []) {
      if (shape.kind === "polygon" && points.length === 2) {
        features.push({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: points } });
      }
    }
    return { type: "FeatureCollection", features };
  }

  /** Edges as far apart as those of the corridor on the ground, at every zoom. */
  _widen(shape) {
    const corridor = shape?.kind === "corridor" && shape.outlines.length > 0;
    const lat = corridor ? shape.outlines[0].points[0][1] : 0;
    const width = (zoom) => (corridor ? shape.widthM / metresPerPixel(lat, zoom) : 0);
    this._map.setPaintProperty("draft-edges", "line-gap-width", [
      "interpolate", ["exponential", 2], ["zoom"], 3, width(3), 19, width(19),
    ]);
  }

  _wanted(shape) {
    this.crowded = false;
    if (shape.kind === "circle") return shape.centre ? this._ofCircle(shape) : [];
    if (!shape.outlines) return [];
    const bounds = this._map.getBounds();
    const seen = ({ place }) => bounds.contains(place);
    const { chosen } = this._draft;
    const all = corners(shape);
    let shown = all.filter(seen);
    // So many that nobody could take hold of one: those around the chosen one, and zooming in.
    this.crowded = shown.length > MOST_HANDLES;
    if (this.crowded) shown = [];
    const held = all.find((each) => same(each, chosen));
    if (held && !shown.includes(held)) shown.push(held);
    const reachable = held ?? shown[0];
    const sides = shown.length * 2 <= MOST_HANDLES ? middles(shape).filter(seen) : [];
    return [
      ...sides.map((side) => this._ofSide(side)),
      ...shown.map((corner) => this._ofCorner(corner, corner === reachable)),
    ];
  }

  _ofCorner(corner, reachable) {
    const { outline, index, place, of } = corner;
    return {
      key: cornerKey(corner),
      kind: "corner",
      place,
      label: say("Corner {n} of {of}: {place}", { n: index + 1, of, place: placeText(place) }),
      tabIndex: reachable ? 0 : -1,
      current: same(corner, this._draft.chosen),
      on: {
        drag: (to) => {
          const snapped = this._snapped(to);
          this._draft.drag(withCorner(this._draft.shape, outline, index, snapped ?? to));
          return snapped;
        },
        drop: (to) => this._draft.move(to, corner),
        click: () => this._clickCorner(corner),
        focus: () => {
          if (!same(corner, this._draft.chosen)) this._draft.choose(corner);
        },
        key: (event) => this._cornerKey(event),
      },
    };
  }

  _ofSide(side) {
    let added = null;
    return {
      key: `side ${side.outline} ${side.index}`,
      kind: "side",
      place: side.place,
      label: say("Add a corner here"),
      tabIndex: -1,
      on: {
        drag: (to) => {
          added = this._snapped(to) ?? to;
          return this._snapped(to);
        },
        drop: () => this._draft.addAfter(side, added),
        click: () => this._draft.addAfter(side, side.place),
      },
    };
  }

  _ofCircle(shape) {
    const rim = away(shape.centre, shape.radiusM, 90);
    const radius = (to) => Math.min(LONGEST_RADIUS_M, Math.max(1, Math.round(distance(shape.centre, to))));
    return [
      {
        key: "centre",
        kind: "corner centre",
        place: shape.centre,
        label: say("Centre: {place}", { place: placeText(shape.centre) }),
        tabIndex: 0,
        on: {
          drag: (to) => this._draft.drag({ ...this._draft.shape, centre: to }),
          drop: (to) => this._draft.set({ ...this._draft.shape, centre: to }),
          key: (event) => this._arrow(event, shape.centre, (centre) => this._draft.set({ ...this._draft.shape, centre })),
        },
      },
      {
        key: "rim",
        kind: "corner rim",
        place: rim,
        label: say("Radius: {metres} m", { metres: shape.radiusM }),
        tabIndex: 0,
        on: {
          drag: (to) => this._draft.drag({ ...this._draft.shape, radiusM: radius(to) }),
          drop: (to) => this._draft.set({ ...this._draft.shape, radiusM: radius(to) }),
          key: (event) => this._rimKey(event, shape),
        },
      },
    ];
  }

  _cornerKey(event) {
    if (this._draft.chosen === null) return;
    const acts = {
      Delete: () => this._draft.remove(),
      Backspace: () => this._draft.remove(),
      Enter: () => (this._draft.placing ? this._draft.finish() : this._draft.addAfter()),
      Insert: () => this._draft.addAfter(),
      PageDown: () => this._draft.step(1),
      PageUp: () => this._draft.step(-1),
      Escape: () => this._draft.finish(),
    };
    if (event.key in acts) {
      event.preventDefault();
      event.stopPropagation();
      acts[event.key]();
      this._focusChosen();
      this._tellChosen(event.key);
    } else {
      this._arrow(event, this._draft.chosenPlace, (to) => this._draft.move(to));
    }
  }

  _arrow(event, from, move) {
    if (!(event.key in ARROWS) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [right, down] = ARROWS[event.key];
    const step = event.shiftKey ? FINE_STEP_PX : STEP_PX;
    const { x, y } = this._map.project(from);
    const { lng, lat } = this._map.unproject([x + right * step, y + down * step]);
    move([lng, lat]);
    const metres = Math.round(distance(from, [lng, lat]));
    this._tell(say("Moved {metres} m to {place}", { metres, place: placeText([lng, lat]) }));
  }

  _rimKey(event, shape) {
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    event.stopPropagation();
    const [right, down] = ARROWS[event.key];
    const pixels = (right - down) * (event.shiftKey ? FINE_STEP_PX : STEP_PX);
    const metres = pixels * metresPerPixel(shape.centre[1], this._map.getZoom());
    const radiusM = Math.min(LONGEST_RADIUS_M, Math.max(1, Math.round(shape.radiusM + metres)));
    this._draft.set({ ...shape, radiusM });
    this._tell(say("Radius: {metres} m", { metres: radiusM }));
  }

  _canvasKey(event) {
    if (!this._draft.open || this._draft.placing === "") return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.placeInTheMiddle();
    } else if (event.key === "Escape") {
      this._draft.finish();
    }
  }

  _tellChosen(key) {
    const { chosen, shape } = this._draft;
    if (chosen === null) {
      this._tell(say("No corner is left."));
      return;
    }
    const of = shape.outlines[chosen.outline].points.length;
    const place = placeText(this._draft.chosenPlace);
    const said = say("Corner {n} of {of}: {place}", { n: chosen.index + 1, of, place });
    const done = { Delete: say("Taken away."), Backspace: say("Taken away."), Enter: say("Added."), Insert: say("Added.") };
    this._tell([done[key], said].filter(Boolean).join(" "));
  }

  _click(event) {
    if (!this._draft.open || this._handles.has(event.originalEvent.target)) return;
    const now = performance.now();
    const { at, point } = this._last;
    const again = point && now - at < AGAIN_MS && point.dist(event.point) < AGAIN_PX;
    this._last = { at: now, point: event.point };
    if (again || this._draft.placing === "") return;
    const place = [event.lngLat.lng, event.lngLat.lat];
    this._put(this._snapped(place) ?? place);
  }

  _put(place) {
    this._draft.put(place);
    this._tell(placeText(place));
  }

  _twice(event) {
    if (!this._draft.open || this._draft.placing === "") return;
    event.preventDefault();
    this._draft.finish();
  }

  /** A circle is drawn from its centre outwards. */
  _press(event) {
    if (this._draft.placing !== "centre" || this._handles.has(event.originalEvent.target)) return;
    event.preventDefault();
    const centre = [event.lngLat.lng, event.lngLat.lat];
    let drawn = null;
    const moved = ({ lngLat, point }) => {
      if (point.dist(event.point) < AGAIN_PX) return;
      const radiusM = Math.min(LONGEST_RADIUS_M, Math.max(1, Math.round(distance(centre, [lngLat.lng, lngLat.lat]))));
      drawn = { ...this._draft.shape, centre, radiusM };
      this._draft.drag(drawn);
    };
    const released = () => {
      this._map.off("mousemove", moved);
      if (drawn === null) return;
      this._draft.finish();
      this._draft.set(drawn);
    };
    this._map.on("mousemove", moved);
    window.addEventListener("mouseup", released, { once: true });
  }

  _pointed({ lngLat, originalEvent }) {
    const { placing, shape } = this._draft;
    if (!shape || placing === "" || placing === "centre") return;
    const from = placing === "rectangle" ? this._draft.first : this._lastPlaced();
    if (!from || this._handles.has(originalEvent.target)) return;
    const to = [lngLat.lng, lngLat.lat];
    const places = placing === "rectangle" ? [from, [to[0], from[1]], to, [from[0], to[1]], from] : [from, to];
    this._map.getSource("rubber")?.setData({
      type: "Feature",
      properties: {},
      geometry: { type: "LineString", coordinates: places },
    });
  }

  _lastPlaced() {
    return this._draft.beginsAnother ? null : (this._draft.chosenPlace ?? this._draft.shape.outlines?.at(-1)?.points.at(-1));
  }

  _clickCorner(corner) {
    const { shape, placing } = this._draft;
    const { points } = shape.outlines[corner.outline];
    if (placing === "corner" && corner.index === 0 && points.length > 2) this._draft.finish();
    this._draft.choose(corner);
    this._focusChosen();
    this._tellChosen("");
  }

  /** The nearest corner of another zone within a few pixels, where snapping is on; or null. */
  _snapped(place) {
    if (!this.snapping || !this._map.getLayer("zone-line")) return null;
    const { x, y } = this._map.project(place);
    const around = [[x - SNAP_PX, y - SNAP_PX], [x + SNAP_PX, y + SNAP_PX]];
    const zones = this._map.queryRenderedFeatures(around, { layers: ["zone-line"] });
    let nearest = null;
    let least = SNAP_PX;
    for (const { geometry } of zones) {
      for (const corner of geometry.coordinates.flat(geometry.type === "MultiPolygon" ? 2 : 1)) {
        const at = this._map.project(corner);
        const away = Math.hypot(at.x - x, at.y - y);
        if (away < least) [nearest, least] = [corner, away];
      }
    }
    return nearest;
  }
}

const cornerKey = ({ outline, index }) => `corner ${outline} ${index}`;
