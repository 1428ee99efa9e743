/** The strips across the top: connection lost, desk not armed, and the most urgent alarm. */

import { byId, setText } from "/static/pages/dom.js";
import { cause } from "/static/pages/names.js";
import { duration, roughly, say, sayMany, time } from "/static/pages/words.js";

/** “Since 14:03:07 (12 s)” across the page while what is shown may be out of date. */
export class LostBanner {
  constructor() {
    this._since = null;
    setInterval(() => this._tick(), 1000);
  }

  show(since) {
    this._since = since;
    this._tick();
    byId("lost-banner").hidden = false;
    document.body.classList.add("lost");
  }

  hide() {
    this._since = null;
    byId("lost-banner").hidden = true;
    document.body.classList.remove("lost");
  }

  _tick() {
    if (this._since === null) return;
    const words = say("No connection since {when} ({age}). What you see may be out of date.", {
      when: time(this._since),
      age: duration((Date.now() - this._since) / 1000),
    });
    setText(byId("lost-words"), words);
  }
}

/** The most urgent alarm that nobody has acknowledged, over the whole width. */
export class AlarmBanner {
  constructor(now) {
    this._now = now;
    this._alarm = null;
    this._announced = null;
    setInterval(() => this._tick(), 1000);
  }

  /** @param {object[]} waiting most urgent first */
  show(waiting) {
    const [alarm] = waiting;
    this._alarm = alarm && alarm.priority <= 3 ? alarm : null;
    const banner = byId("alarm-banner");
    banner.hidden = this._alarm === null;
    if (this._alarm === null) {
      this._announced = null;
      setText(byId("alarm-announcement"), "");
      return;
    }
    banner.className = `banner alarm-banner p${alarm.priority}`;
    banner.dataset.alarmId = alarm.id;
    byId("banner-icon").setAttribute("href", `#icon-priority-${alarm.priority}`);
    setText(byId("banner-priority"), `P${alarm.priority}`);
    setText(byId("banner-cause"), cause(alarm.cause));
    setText(byId("banner-who"), alarm.asset?.name ?? alarm.unit_id);
    setText(byId("banner-organisation"), alarm.organisation ?? "");
    const more = waiting.length - 1;
    setText(byId("banner-more"), more > 0 ? sayMany(more, "and one more", "and {n} more") : "");
    this._announce(alarm);
    this._tick();
  }

  /** A screen reader is told once of every alarm, and again when it repeats. */
  _announce(alarm) {
    const key = `${alarm.id} ${alarm.repeats}`;
    if (key === this._announced) return;
    this._announced = key;
    const words = say("Alarm, priority {priority}: {cause}, {who}", {
      priority: alarm.priority,
      cause: cause(alarm.cause),
      who: alarm.asset?.name ?? alarm.unit_id,
    });
    setText(byId("alarm-announcement"), words);
  }

  _tick() {
    if (this._alarm === null) return;
    const seconds = (this._now() - Date.parse(this._alarm.raised_at)) / 1000;
    setText(byId("banner-age"), roughly(seconds));
  }
}
