/**
 * The open alarms of this desk, and in which order people take them.
 *
 * Nothing here draws, rings or asks the server, so all of it can be tested by itself.
 */

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
    /** @type {Set<string>} somebody has these in hand, and the button was pressed again since */
    this._pressedAgain = new Set();
    /** @type {Set<string>} silenced at this desk only, because nothing else can be done yet */
    this._silenced = new Set();
  }

  /**
   * Take in an `alarm` frame.
   *
   * @returns {boolean} whether it told us something new; replays of what we know do not
   */
  apply({ seq, change, sound, event_id: eventId, alarm }) {
    if (seq <= (this._seq.get(alarm.id) ?? -1)) return false;
    this._seq.set(alarm.id, seq);
    this._settle(eventId, alarm);
    if (change === "repeated" && sound && alarm.state === "acknowledged") {
      this._pressedAgain.add(alarm.id);
    } else if (change !== "repeated") {
      this._pressedAgain.delete(alarm.id);
    }
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
      const rung = this._settle(alarm.event_id, alarm) || this._alarms.has(alarm.id);
      this._alarms.set(alarm.id, alarm);
      if (!rung && alarm.state === "raised") unheard.push(alarm);
    }
    return unheard;
  }

  /** The server counts its changes anew: what was ordered by the old count no longer is. */
  startAnew() {
    this._seq.clear();
    this._closed.clear();
  }

  get(id) {
    return this._alarms.get(id);
  }

  /** Every open alarm in the order in which it is taken. */
  all() {
    return [...this._alarms.values()].sort(takenBefore);
  }

  /** Nobody has acknowledged these, or not since the button was pressed again. */
  waiting() {
    return this.all().filter((alarm) => !this._inHand(alarm));
  }

  /** Somebody has these in hand. */
  inHand() {
    return this.all().filter((alarm) => this._inHand(alarm));
  }

  /** What the bell rings for. */
  ringing() {
    return this.waiting().filter((alarm) => !this._silenced.has(alarm.id));
  }

  /** Whether a person who had this in hand must hear that it was pressed again. */
  pressedAgain(id) {
    return this._pressedAgain.has(id);
  }

  /** A person at this desk heard the repeat. */
  heardAgain(id) {
    this._pressedAgain.delete(id);
  }

  /** Stop ringing at this desk for an alarm that cannot be acknowledged yet. */
  silence(id) {
    this._silenced.add(id);
  }

  /** The most urgent open alarm of every asset that has one, for the map. */
  byAsset() {
    const worst = new Map();
    for (const alarm of this.all()) {
      if (alarm.asset && !worst.has(alarm.asset.id)) worst.set(alarm.asset.id, alarm);
    }
    return worst;
  }

  _inHand(alarm) {
    return alarm.state === "acknowledged" && !this._pressedAgain.has(alarm.id);
  }

  /**
   * Drop the provisional alarm that this one makes true.
   *
   * It has the same event, or it waits for a person and is the same unit's same cause: then the
   * two would ring for one emergency.
   */
  _settle(eventId, alarm) {
    let settled = false;
    for (const [id, known] of this._alarms) {
      if (known.state !== "provisional") continue;
      const sameEvent = id === eventId || id === alarm.event_id;
      const sameStory =
        alarm.state === "raised" && known.unit_id === alarm.unit_id && known.cause === alarm.cause;
      if (sameEvent || sameStory) {
        this._alarms.delete(id);
        settled = true;
      }
    }
    return settled;
  }
}
