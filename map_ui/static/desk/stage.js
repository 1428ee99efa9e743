/** The right-hand side of the desk: map, card of one asset, track of its day, list of assets. */

import { byId, setText } from "/static/pages/dom.js";
import { kind } from "/static/pages/names.js";
import { onTheme } from "/static/pages/theme.js";
import { number, roughly, say } from "/static/pages/words.js";

import { AssetList } from "./asset-list.js";
import { AssetCard } from "./card.js";
import { TrackBar } from "./track.js";

/** Assets up to which every position is wanted, not only those in the picture. */
const WHOLE_FLEET = 5000;

/**
 * Dispatches `drawn` when the map is there, and `pick-alarm` with the alarm's id when somebody
 * clicks where one was raised.
 */
export class Stage extends EventTarget {
  /** @param {(name: string) => void} showPanel which panel narrow screens show */
  constructor(fleet, live, showPanel) {
    super();
    /** Null until it is loaded, and for good where the browser cannot draw it. */
    this.map = null;
    this._fleet = fleet;
    this._live = live;
    this._now = () => live.now();
    this._showPanel = showPanel;
    this.assets = new AssetList(fleet, this._now);
    this._card = new AssetCard(fleet, this._now);
    this._track = new TrackBar();
    this._listenToCard();
    this.assets.addEventListener("choose", ({ detail: slot }) => this._show(slot));
    this._track.addEventListener("drawn", ({ detail }) => this.map?.showTrack(detail.points));
    this._track.addEventListener("moment", ({ detail }) => this.map?.showMoment(detail.point));
    byId("home").addEventListener("click", () => this.map?.home());
    onTheme(() => this._track.redraw());
  }

  /** Load the map. Nobody waits for it: a desk without a map still rings. */
  async drawMap() {
    try {
      const { canDraw, DeskMap } = await import("./map.js");
      if (!canDraw()) throw new Error("WebGL 2 is missing");
      this.map = new DeskMap(byId("map"), this._fleet);
    } catch (error) {
      console.warn("the map cannot be drawn:", error);
      byId("no-map").hidden = false;
      return;
    }
    this._listenToMap();
    this.dispatchEvent(new Event("drawn"));
  }

  /** Show where an alarm is: its asset as it moves, or the place where it was raised. */
  focusOn(alarm) {
    const slot = alarm.asset ? this._fleet.slotOf(alarm.asset.id) : undefined;
    if (slot !== undefined) {
      this._show(slot, alarm.fix);
    } else {
      this._showPanel("map");
      if (alarm.fix) this.map?.goTo(alarm.fix);
    }
  }

  _show(slot, otherwise = null) {
    this._showPanel("map");
    this._openCard(slot);
    this.map?.follow(null);
    const where = this._fleet.whereIs(slot) ?? otherwise;
    if (where) this.map?.goTo(where);
  }

  _openCard(slot) {
    if (this._card.slot !== slot) {
      this._track.close();
      this.map?.follow(null);
    }
    this._card.open(slot);
    this.map?.select(slot);
  }

  _listenToCard() {
    const card = this._card;
    card.addEventListener("closed", () => {
      this._track.close();
      this.map?.follow(null);
      this.map?.select(null);
    });
    card.addEventListener("track", () => {
      this._showPanel("map");
      this._track.show(card.asset, this._now());
    });
    card.addEventListener("go", ({ detail: { slot } }) => this._show(slot));
    card.addEventListener("follow", ({ detail: { slot } }) => {
      const follows = this.map?.following === slot;
      const where = this._fleet.whereIs(slot);
      if (!follows && where) this.map?.goTo(where);
      this.map?.follow(follows ? null : slot);
    });
  }

  _listenToMap() {
    this.map.addEventListener("pick", ({ detail: { slot, alarmId } }) => {
      if (slot !== null) this._openCard(slot);
      else if (alarmId) this.dispatchEvent(new CustomEvent("pick-alarm", { detail: alarmId }));
    });
    this.map.addEventListener("view", ({ detail }) => {
      // A small fleet is told whole, so that ages stay true for assets outside the picture too.
      if (this._fleet.count > WHOLE_FLEET) this._live.tell({ type: "view", ...detail });
    });
    this.map.addEventListener("follow", ({ detail: { slot } }) => {
      this._card.following(slot !== null);
    });
    this.map.addEventListener("hover", ({ detail: { slot, point } }) => this._hint(slot, point));
  }

  /** A few words beside the asset that the pointer is on. */
  _hint(slot, point) {
    const tip = byId("tip");
    const where = slot === null ? null : this._fleet.whereIs(slot);
    tip.hidden = where === null;
    if (where === null) return;
    const asset = this._fleet.assets[slot];
    const speed =
      where.speed_kmh === null ? null : say("{speed} km/h", { speed: number(where.speed_kmh) });
    const age = say("{age} ago", { age: roughly(this._now() / 1000 - where.at) });
    setText(byId("tip-name"), asset.name);
    setText(byId("tip-about"), [kind(asset.kind), speed, age].filter(Boolean).join(" · "));
    tip.style.transform = `translate(${Math.round(point.x + 14)}px, ${Math.round(point.y + 14)}px)`;
  }
}
