/**
 * The open alarms of this desk, and in which order people take them.
 *
 * Nothing here draws, rings or asks the server, so all of it can be tested by itself.
 */

/** Priorities that a person must not be able to overlook. */
export const URGENT = 2;

/**
 * Which alarm is taken first: priority, then escalated ones, then the oldest (FIFO).
 *
 * @returns {number} below 0 when `one` goes before `other`
 */
export function takenBefore(one, other) {
  return (
    one.priority - other.priority ||
    Number(Boolean(other.escalated)) - Number(Boolean(one.escalated)) ||
    Date.parse(one.raised_at) - Date.parse(other.raised_at) ||
    (one.event_id < other.event_id ? -1 : 1)
  );
}

export class AlarmBook {
  constructor() {
    /** @type {Map<string, object>} by alarm id; a provisional one by its event id */
    this._alarms = new Map();
    /** @type {Map<string, number>} by alarm id: the change that last told us about it */
    this._seq = new Map();
    /** @type {Set<string>} closed here since the page opened, against a list fetched earlier */
    this._closed = new Set();
  }

  /**
   * Take in an `alarm` frame.
   *
   * @returns {boolean} whether it told us something new; replays of what we know do not
   */
  apply({ seq, change, alarm }) {
    if (seq <= (this._seq.get(alarm.id) ?? -1)) return false;
    this._seq.set(alarm.id, seq);
    this._settle(alarm.event_id);
    if (change === "closed" || alarm.state === "closed") {
      this._alarms.delete(alarm.id);
      this._closed.add(alarm.id);
    } else {
      this._alarms.set(alarm.id, alarm);
      this._closed.delete(alarm.id);
    }
    return true;
  }

  /**
   * Take in an alarm that rings although the database is away.
   *
   * @returns {boolean} false when the true alarm of the same event is known already
   */
  applyProvisional(alarm) {
    if (this._alarms.has(alarm.event_id)) return false;
    for (const known of this._alarms.values()) {
      if (known.event_id === alarm.event_id) return false;
    }
    this._alarms.set(alarm.event_id, { ...alarm, id: alarm.event_id, state: "provisional" });
    return true;
  }

  /**
   * Take in the whole list of open alarms, asked for when change `asOf` was the last we knew.
   *
   * What the live channel said meanwhile is newer than the list and wins. Provisional alarms stay
   * until the database has met them.
   *
   * @returns {object[]} alarms that we did not know and that nobody has acknowledged
   */
  replaceAll(alarms, asOf) {
    const listed = new Set(alarms.map((alarm) => alarm.id));
    for (const [id, known] of this._alarms) {
      const newer = (this._seq.get(id) ?? -1) > asOf;
      if (known.state !== "provisional" && !listed.has(id) && !newer) this._alarms.delete(id);
    }
    const unheard = [];
    for (const alarm of alarms) {
      if (this._closed.has(alarm.id) || (this._seq.get(alarm.id) ?? -1) > asOf) continue;
      const rung = this._settle(alarm.event_id) || this._alarms.has(alarm.id);
      this._alarms.set(alarm.id, alarm);
      if (!rung && alarm.state === "raised") unheard.push(alarm);
    }
    return unheard;
  }

  get(id) {
    return this._alarms.get(id);
  }

  /** Every open alarm in the order in which it is taken. */
  all() {
    return [...this._alarms.values()].sort(takenBefore);
  }

  /** Nobody has acknowledged these. */
  waiting() {
    return this.all().filter((alarm) => alarm.state !== "acknowledged");
  }

  /** Somebody has these in hand. */
  inHand() {
    return this.all().filter((alarm) => alarm.state === "acknowledged");
  }

  /** The most urgent open alarm of every asset that has one, for the map. */
  byAsset() {
    const worst = new Map();
    for (const alarm of this.all()) {
      if (alarm.asset && !worst.has(alarm.asset.id)) worst.set(alarm.asset.id, alarm);
    }
    return worst;
  }

  /** Drop the provisional alarm of an event whose true alarm has come. */
  _settle(eventId) {
    const provisional = this._alarms.get(eventId);
    return provisional?.state === "provisional" && this._alarms.delete(eventId);
  }
}
