/**
 * The zone that somebody is drawing: its shape, the chosen corner, and every step back.
 *
 * Map, form and keys all change it by the same few steps, so each shows what the others did.
 */

import {
  corners,
  empty,
  geometryOf,
  withCorner,
  withCornerAfter,
  withOutline,
  withoutCorner,
  withoutOutline,
} from "./shape.js";

const MOST_STEPS = 200;

/**
 * Dispatches `change`. `chosen` is the corner {outline, index} that keys act on, or null;
 * `placing` is "" or what the next click on the map does: "corner", "centre", "rectangle".
 */
export class Draft extends EventTarget {
  constructor() {
    super();
    this.shape = null;
    this.chosen = null;
    this.placing = "";
    this._forget();
  }

  get open() {
    return this.shape !== null;
  }

  get canUndo() {
    return this._at > 0;
  }

  get canRedo() {
    return this._at < this._steps.length - 1;
  }

  /** Begin with a shape, or with nothing of a kind drawn. */
  begin(kind, shape = null) {
    this.shape = shape ?? empty(kind);
    this.chosen = null;
    this._forget();
    this.placing = this._nothingDrawn() ? this._firstPlaced() : "";
    this._say();
  }

  end() {
    this.shape = null;
    this.chosen = null;
    this.placing = "";
    this._forget();
    this._say();
  }

  /** Take another shape of the same kind: a step that can be undone. */
  set(shape, chosen = this.chosen) {
    this.shape = shape;
    this.chosen = this._there(chosen);
    this._steps.splice(this._at + 1, Infinity, { shape, chosen: this.chosen });
    if (this._steps.length > MOST_STEPS) this._steps.shift();
    this._at = this._steps.length - 1;
    this._say();
  }

  /** Show a shape while it is dragged; `set` makes it a step. */
  drag(shape) {
    this.shape = shape;
    this._say();
  }

  undo() {
    this._go(-1);
  }

  redo() {
    this._go(1);
  }

  choose(chosen) {
    this.chosen = this._there(chosen);
    this._say();
  }

  /** The next or the last corner becomes the chosen one, round and round. */
  step(by) {
    const all = corners(this.shape);
    if (all.length === 0) return;
    const now = all.findIndex((each) => same(each, this.chosen));
    const { outline, index } = all.at(now === -1 ? (by > 0 ? 0 : -1) : (now + by + all.length) % all.length);
    this.choose({ outline, index });
  }

  place(what) {
    this.placing = what;
    this._say();
  }

  /** A click on the map while something is placed. */
  put(place) {
    if (this.placing === "centre") {
      this.placing = "";
      this.set({ ...this.shape, centre: place });
    } else if (this.placing === "corner") {
      this._putCorner(place);
    } else if (this.placing === "rectangle") {
      this._putRectangle(place);
    }
  }

  /** Begin another part, or a hole in the one before. */
  another(hole = false) {
    this._begun = { hole };
    this.chosen = null;
    this.place("corner");
  }

  /** Whether the next corner begins an outline. */
  get beginsAnother() {
    return this._begun !== null;
  }

  /** Nothing more is placed. An outline that is none yet goes if there are others, or is drawn on. */
  finish() {
    this._begun = null;
    this.first = null;
    const least = this.shape.kind === "polygon" ? 3 : 2;
    const outlines = this.shape.outlines ?? [];
    const unfinished = outlines.length > 0 && outlines.at(-1).points.length < least;
    if (unfinished && outlines.length > 1) this.set(withoutOutline(this.shape, outlines.length - 1), null);
    this.place(unfinished && outlines.length === 1 ? "corner" : this._nothingDrawn() ? this._firstPlaced() : "");
  }

  move(place, { outline, index } = this.chosen) {
    this.set(withCorner(this.shape, outline, index, place), { outline, index });
  }

  /** A corner more after the chosen one, half way to the next. */
  addAfter({ outline, index } = this.chosen, place = null) {
    const { points } = this.shape.outlines[outline];
    const [lon, lat] = points[index];
    const closed = this.shape.kind === "polygon" && points.length > 2;
    const [nextLon, nextLat] = points[index + 1] ?? (closed ? points[0] : [2 * lon - points[index - 1][0], 2 * lat - points[index - 1][1]]);
    const middle = place ?? [(lon + nextLon) / 2, (lat + nextLat) / 2];
    this.set(withCornerAfter(this.shape, outline, index, middle), { outline, index: index + 1 });
  }

  remove({ outline, index } = this.chosen) {
    const left = this.shape.outlines[outline].points.length - 1;
    const chosen = left > 0 ? { outline, index: Math.min(index, left - 1) } : null;
    this.set(withoutCorner(this.shape, outline, index), chosen);
    if (corners(this.shape).length === 0) this.place("corner");
  }

  removeOutline(outline = this.chosen.outline) {
    this.set(withoutOutline(this.shape, outline), null);
    if (corners(this.shape).length === 0) this.place("corner");
  }

  /** The place of the chosen corner, or null. */
  get chosenPlace() {
    return this.chosen ? this.shape.outlines[this.chosen.outline].points[this.chosen.index] : null;
  }

  _putCorner(place) {
    const { outlines } = this.shape;
    if (this._begun || outlines.length === 0) {
      const hole = Boolean(this._begun?.hole) && outlines.length > 0;
      this._begun = null;
      this.set(withOutline(this.shape, [place], hole), { outline: outlines.length, index: 0 });
      return;
    }
    const at = this.chosen ?? { outline: outlines.length - 1, index: outlines.at(-1).points.length - 1 };
    this.set(withCornerAfter(this.shape, at.outline, at.index, place), { outline: at.outline, index: at.index + 1 });
  }

  /** Two corners that face each other make four. */
  _putRectangle(place) {
    if (!this.first) {
      this.first = place;
      this._say();
      return;
    }
    const [[lon, lat], [otherLon, otherLat]] = [this.first, place];
    const points = [[lon, lat], [otherLon, lat], [otherLon, otherLat], [lon, otherLat]];
    this.first = null;
    this.placing = "";
    this.set(withOutline(this.shape, points), { outline: this.shape.outlines.length, index: 0 });
  }

  _go(by) {
    const step = this._steps[this._at + by];
    if (step === undefined) return;
    this._at += by;
    this.shape = step.shape;
    this.chosen = this._there(step.chosen);
    this._say();
  }

  _firstPlaced() {
    return { circle: "centre", polygon: "corner", corridor: "corner" }[this.shape.kind] ?? "";
  }

  _nothingDrawn() {
    return geometryOf(this.shape) === null && corners(this.shape).length === 0;
  }

  _there(chosen) {
    return chosen && this.shape?.outlines?.[chosen.outline]?.points[chosen.index] ? chosen : null;
  }

  _forget() {
    this._begun = null;
    /** The first corner of a rectangle, until the second is placed. */
    this.first = null;
    this._steps = [{ shape: this.shape, chosen: null }];
    this._at = 0;
  }

  _say() {
    this.dispatchEvent(new Event("change"));
  }
}

export const same = (one, other) => one?.outline === other?.outline && one?.index === other?.index;
