/** The card of one asset: who, where and how long ago, what its device measures. */

import { ask } from "/static/pages/api.js";
import { byId, element, setText } from "/static/pages/dom.js";
import { kind, kindIcon, reading, state } from "/static/pages/names.js";
import { duration, language, number, say, time } from "/static/pages/words.js";

const REFRESH_MS = 15000;
/** An asset that moves is asked about no more often than this. */
const MOVED_MS = 3000;
const COMPASS = [say("N"), say("NE"), say("E"), say("SE"), say("S"), say("SW"), say("W"), say("NW")];

/** Dispatches `closed`, `track`, `follow` and `go`. */
export class AssetCard extends EventTarget {
  constructor(fleet, now) {
    super();
    this._fleet = fleet;
    this._now = now;
    this.slot = null;
    this._answer = null;
    this._askedAt = 0;
    byId("card-close").addEventListener("click", () => this.close());
    byId("card-track").addEventListener("click", () => this._say("track"));
    byId("card-follow").addEventListener("click", () => this._say("follow"));
    byId("card-go").addEventListener("click", () => this._say("go"));
    setInterval(() => this._tick(), 1000);
    setInterval(() => this._ask(), REFRESH_MS);
  }

  get asset() {
    return this.slot === null ? null : this._fleet.assets[this.slot];
  }

  open(slot) {
    this.slot = slot;
    this._answer = null;
    const { asset } = this;
    const card = byId("card");
    card.dataset.assetId = asset.id;
    card.hidden = false;
    document.body.classList.add("with-card");
    byId("card-kind").setAttribute("href", `#icon-${kindIcon(asset.kind)}`);
    setText(byId("card-name"), asset.name);
    byId("card-report").href = `/assets/${asset.id}/report`;
    setText(byId("card-about"), [kind(asset.kind), asset.plate, asset.organisation].filter(Boolean).join(" · "));
    setText(byId("card-place"), "");
    setText(byId("card-note"), "");
    byId("card-contact").replaceChildren();
    setText(byId("card-problem"), "");
    byId("card-readings").replaceChildren();
    byId("card-device").replaceChildren();
    this._tick();
    this._ask();
  }

  close() {
    if (this.slot === null) return;
    this.slot = null;
    byId("card").hidden = true;
    document.body.classList.remove("with-card");
    this._say("closed");
  }

  following(on) {
    const button = byId("card-follow");
    button.setAttribute("aria-pressed", String(on));
  }

  async _ask() {
    if (this.slot === null || document.hidden) return;
    const { id } = this.asset;
    this._askedAt = Date.now();
    try {
      const answer = await ask("GET", `/assets/${id}/card?language=${language}`);
      // By its id: the live channel describes the same asset anew while we wait.
      if (this.asset?.id !== id) return;
      this._answer = answer;
      setText(byId("card-problem"), "");
      this._fill(answer);
    } catch (refused) {
      if (this.asset?.id === id) setText(byId("card-problem"), refused.message);
    }
  }

  _fill(answer) {
    const { devices, readings, place, last } = answer;
    // The live channel leaves out what is not in the picture.
    if (last) this._fleet.locate(this.slot, last);
    setText(byId("card-place"), place?.text ?? "");
    setText(byId("card-note"), answer.note);
    byId("card-contact").replaceChildren(...(answer.phone ? pair(say("Phone"), answer.phone) : []));
    byId("card-readings").replaceChildren(
      ...Object.entries(readings ?? {})
        .filter(([, value]) => value !== null && typeof value !== "object")
        .flatMap(([name, value]) => pair(reading(name), said(name, value))),
    );
    byId("card-device").replaceChildren(
      ...devices.flatMap((device) => [
        ...pair(say("Unit id"), deviceLink(device)),
        ...pair(say("Protocol"), [device.codec, device.model].filter(Boolean).join(" · ")),
      ]),
    );
  }

  _tick() {
    if (this.slot === null) return;
    if (this.asset === null) {
      this.close(); // it was retired while somebody looked
      return;
    }
    const where = this._fleet.whereIs(this.slot);
    const stateName = where?.state ?? "never";
    const chip = byId("card-state");
    chip.dataset.state = stateName;
    setText(chip, state(stateName));
    byId("card-where").hidden = where === null;
    if (where === null) {
      setText(byId("card-age"), say("No position yet"));
      return;
    }
    const seconds = this._now() / 1000 - where.at;
    setText(byId("card-age"), say("{age} ago", { age: duration(seconds) }));
    byId("card-age").classList.toggle("old", where.state !== "live");
    const at = byId("card-at");
    at.dateTime = new Date(where.at * 1000).toISOString();
    setText(at, time(where.at * 1000));
    setText(byId("card-valid"), where.valid ? say("Satellite fix") : say("Last known position"));
    setText(
      byId("card-speed"),
      where.speed_kmh === null ? say("not said") : say("{speed} km/h", { speed: number(where.speed_kmh) }),
    );
    setText(byId("card-course"), where.course_deg === null ? "" : compass(where.course_deg));
    setText(byId("card-coordinates"), `${where.lat.toFixed(5)}, ${where.lon.toFixed(5)}`);
    this._askIfItMoved(where);
  }

  /** The place and the readings belong to the fix above them: a newer one asks for newer ones. */
  _askIfItMoved(where) {
    const told = this._answer?.last ? Date.parse(this._answer.last.at) / 1000 : 0;
    if (this._answer && where.at > told && Date.now() - this._askedAt > MOVED_MS) this._ask();
  }

  _say(type) {
    this.dispatchEvent(new CustomEvent(type, { detail: { slot: this.slot } }));
  }
}

function pair(name, value) {
  return [element("dt", {}, name), element("dd", {}, value instanceof Node ? value : String(value))];
}

function deviceLink(device) {
  return element("a", { href: `/devices/${device.device_id}`, class: "mono" }, device.unit_id);
}

/** A reading with its unit, as the operator reads it. */
function said(name, value) {
  if (typeof value === "boolean") return value ? say("Yes") : say("No");
  if (typeof value === "string") return value;
  if (name.endsWith("_pct")) return `${number(value)} %`;
  if (name.endsWith("_v")) return `${number(value, 2)} V`;
  if (name === "odometer_m") return `${number(value / 1000)} km`;
  if (name.endsWith("_m")) return `${number(value)} m`;
  if (name === "rssi") return number(value);
  if (name === "hdop") return number(value, 1);
  return number(value, Number.isInteger(value) ? 0 : 1);
}

function compass(course) {
  return `${COMPASS[Math.round(course / 45) % 8]} · ${Math.round(course)}°`;
}
