/**
 * Where every asset is now, in typed arrays that the map draws from as they are.
 *
 * An asset has a slot; everything about its place lives in the arrays at that slot. What people
 * read (name, plate) lives in `assets`. Fifty thousand assets fit in about two megabytes.
 */

import { UNSAID, VALID } from "./wire.js";

export const KINDS = ["vehicle", "lone_worker", "senior"];
export const STATES = ["live", "stale", "silent", "never"];

const LIVE = STATES.indexOf("live");
const NEVER = STATES.indexOf("never");

/** Added to an asset's alarm mark when a person has that alarm in hand. */
export const IN_HAND = 8;

/**
 * Coordinates are kept relative to a point in Belgium: as 32-bit floats that is exact to a
 * few centimetres here, where plain Mercator coordinates would jump by metres.
 */
export const ORIGIN = { x: mercatorX(4.5), y: mercatorY(50.6) };

/** Web Mercator, the world from 0 to 1. */
export function mercatorX(lon) {
  return lon / 360 + 0.5;
}

export function mercatorY(lat) {
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
}

export class Fleet {
  constructor(capacity = 1024) {
    this.count = 0;
    /** @type {object[]} what the server said of the asset, by slot */
    this.assets = [];
    this._slotByNumber = new Map();
    this._slotById = new Map();
    this._allocate(capacity);
  }

  /** Take in a snapshot frame, or a part of one. Known assets are brought up to date. */
  describe(assets) {
    for (const asset of assets) {
      const slot = this._slotFor(asset);
      this.assets[slot] = asset;
      this.kind[slot] = Math.max(0, KINDS.indexOf(asset.kind));
      this.state[slot] = Math.max(0, STATES.indexOf(asset.state));
      if (asset.last) this.locate(slot, asset.last);
    }
  }

  /** Take out what is no longer there, by wire number. Its slot stays empty. */
  forget(numbers) {
    for (const number of numbers) {
      const slot = this._slotByNumber.get(number);
      if (slot === undefined) continue;
      this._slotByNumber.delete(number);
      this._slotById.delete(this.assets[slot].id);
      this.assets[slot] = null;
      this.located[slot] = 0;
      this.revision += 1;
    }
  }

  /** Wire numbers of every asset that this desk knows. */
  numbers() {
    return [...this._slotByNumber.keys()];
  }

  /** Take in the last position of one asset, as the API says it. */
  locate(slot, last) {
    const at = Date.parse(last.at) / 1000;
    if (at < this.at[slot]) return;
    this._place(slot, last.lon, last.lat);
    this.speed[slot] = last.speed_kmh ?? NaN;
    this.course[slot] = last.course_deg ?? NaN;
    this.at[slot] = at;
    this.valid[slot] = Number(last.valid);
    this.revision += 1;
  }

  /**
   * Take in a frame of positions.
   *
   * @param {ReturnType<import("./wire.js").positions>} batch
   * @returns {number} how many belonged to assets that this desk knows
   */
  move(batch) {
    let moved = 0;
    for (let index = 0; index < batch.count; index += 1) {
      const slot = this._slotByNumber.get(batch.number[index]);
      if (slot === undefined) continue;
      moved += 1;
      // A fix that waited in the device arrives late; it never moves an asset back.
      if (batch.at[index] < this.at[slot]) continue;
      this._place(slot, batch.lon[index], batch.lat[index]);
      this.speed[slot] = batch.speed[index] === UNSAID ? NaN : batch.speed[index] / 10;
      this.course[slot] = batch.course[index] === UNSAID ? NaN : batch.course[index] / 10;
      this.at[slot] = batch.at[index];
      this.valid[slot] = Number((batch.flags[index] & VALID) !== 0);
      // Whether it is live or stale the server says; only a first fix speaks for itself.
      if (this.state[slot] === NEVER) this.state[slot] = LIVE;
    }
    if (moved) this.revision += 1;
    return moved;
  }

  /**
   * Mark which assets have an open alarm: 0 for none, else its priority, and `IN_HAND` with it
   * when somebody has taken it.
   */
  markAlarms(alarmsByAsset, waiting) {
    this.alarm.fill(0);
    for (const [id, alarm] of alarmsByAsset) {
      const slot = this._slotById.get(id);
      if (slot !== undefined) this.alarm[slot] = alarm.priority + (waiting.has(alarm.id) ? 0 : IN_HAND);
    }
    this.revision += 1;
  }

  slotOf(id) {
    return this._slotById.get(id);
  }

  /** Where an asset is and how it moves, or null if it was never heard. */
  whereIs(slot) {
    if (!this.located[slot]) return null;
    return {
      lon: this.lon[slot],
      lat: this.lat[slot],
      speed_kmh: Number.isNaN(this.speed[slot]) ? null : this.speed[slot],
      course_deg: Number.isNaN(this.course[slot]) ? null : this.course[slot],
      at: this.at[slot],
      valid: Boolean(this.valid[slot]),
      state: STATES[this.state[slot]],
    };
  }

  /**
   * The asset nearest to a place on the screen, alarmed ones first.
   *
   * @param {{lng: number, lat: number}} place
   * @param {number} worldSize pixels that the whole world is wide at this zoom
   * @param {number} reach pixels
   * @returns {number|null} its slot
   */
  nearest(place, worldSize, reach) {
    const x = mercatorX(place.lng) - ORIGIN.x;
    const y = mercatorY(place.lat) - ORIGIN.y;
    let best = null;
    let bestDistance = (reach / worldSize) ** 2;
    let bestAlarmed = false;
    for (let slot = 0; slot < this.count; slot += 1) {
      if (!this.located[slot]) continue;
      const distance = (this.xy[2 * slot] - x) ** 2 + (this.xy[2 * slot + 1] - y) ** 2;
      const alarmed = this.alarm[slot] > 0;
      const closer = distance < bestDistance && (alarmed || !bestAlarmed);
      const more = alarmed && !bestAlarmed && distance < (reach / worldSize) ** 2;
      if (closer || more) {
        best = slot;
        bestDistance = distance;
        bestAlarmed = alarmed;
      }
    }
    return best;
  }

  /** Slots of the located assets within the bounds, at most `limit` of them. */
  within({ west, south, east, north }, limit) {
    const found = [];
    for (let slot = 0; slot < this.count && found.length < limit; slot += 1) {
      if (!this.located[slot]) continue;
      const lon = this.lon[slot];
      const lat = this.lat[slot];
      if (lon >= west && lon <= east && lat >= south && lat <= north) found.push(slot);
    }
    return found;
  }

  /** Slots of the assets whose name, plate or organisation holds every word. */
  search(words, limit) {
    const wanted = folded(words).split(/\s+/).filter(Boolean);
    const found = [];
    let total = 0;
    for (let slot = 0; slot < this.count; slot += 1) {
      const asset = this.assets[slot];
      if (asset === null) continue;
      const text = folded(`${asset.name} ${asset.plate ?? ""} ${asset.organisation ?? ""}`);
      if (!wanted.every((word) => text.includes(word))) continue;
      total += 1;
      if (found.length < limit) found.push(slot);
    }
    return { found, total };
  }

  /** How many assets are live, stale, silent and never heard. */
  tally() {
    const tally = { live: 0, stale: 0, silent: 0, never: 0 };
    for (let slot = 0; slot < this.count; slot += 1) {
      if (this.assets[slot] !== null) tally[STATES[this.state[slot]]] += 1;
    }
    return tally;
  }

  _slotFor(asset) {
    let slot = this._slotByNumber.get(asset.n);
    if (slot === undefined) {
      slot = this.count;
      if (slot === this.kind.length) this._grow();
      this.count += 1;
      this._slotByNumber.set(asset.n, slot);
      this._slotById.set(asset.id, slot);
    }
    this.revision += 1;
    return slot;
  }

  _place(slot, lon, lat) {
    this.located[slot] = 1;
    this.lon[slot] = lon;
    this.lat[slot] = lat;
    this.xy[2 * slot] = mercatorX(lon) - ORIGIN.x;
    this.xy[2 * slot + 1] = mercatorY(lat) - ORIGIN.y;
  }

  _allocate(capacity) {
    this.revision = (this.revision ?? 0) + 1;
    this.xy = new Float32Array(2 * capacity);
    this.lon = new Float32Array(capacity);
    this.lat = new Float32Array(capacity);
    this.speed = new Float32Array(capacity);
    this.course = new Float32Array(capacity);
    this.at = new Float64Array(capacity);
    this.kind = new Uint8Array(capacity);
    this.state = new Uint8Array(capacity);
    this.alarm = new Uint8Array(capacity);
    this.valid = new Uint8Array(capacity);
    this.located = new Uint8Array(capacity);
  }

  _grow() {
    const before = { ...this };
    this._allocate(2 * before.kind.length);
    for (const name of Object.keys(before)) {
      if (ArrayBuffer.isView(before[name])) this[name].set(before[name]);
    }
  }
}

function folded(text) {
  return text.normalize("NFKD").replace(/\p{Diacritic}/gu, "").toLowerCase();
}
