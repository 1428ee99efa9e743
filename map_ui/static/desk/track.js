/** The track of one asset over one day, with a slider through its moments. */

import { ask } from "/static/pages/api.js";
import { byId, setText } from "/static/pages/dom.js";
import { duration, number, say, time } from "/static/pages/words.js";

import { GAP_S, momentAt } from "./moments.js";

/** Metres that the drawn line may stray from the fixes. */
const TOLERANCE_M = 5;
const PLAY_STEP_MS = 250;
const PLAY_LENGTH_MS = 30000;

/** Dispatches `drawn` with {points} and `moment` with {point}. */
export class TrackBar extends EventTarget {
  constructor() {
    super();
    this._asset = null;
    this._points = [];
    this._playing = null;
    this._slider = byId("track-slider");
    this._slider.addEventListener("input", () => this._showMoment());
    byId("track-day").addEventListener("change", () => this._load());
    byId("track-before").addEventListener("click", () => this._turn(-1));
    byId("track-after").addEventListener("click", () => this._turn(1));
    byId("track-play").addEventListener("click", () => this._togglePlay());
    byId("track-close").addEventListener("click", () => this.close());
    new ResizeObserver(() => this._drawSpeeds()).observe(byId("track-speeds"));
  }

  get open() {
    return this._asset !== null;
  }

  /** Show the day of an asset, today at first. */
  show(asset, now) {
    this._asset = asset;
    byId("track").hidden = false;
    document.body.classList.add("with-track");
    setText(byId("track-name"), asset.name);
    const today = dayOf(new Date(now));
    byId("track-day").max = today;
    byId("track-day").value = today;
    this._load();
  }

  close() {
    if (!this.open) return;
    this._stop();
    this._asset = null;
    this._points = [];
    byId("track").hidden = true;
    document.body.classList.remove("with-track");
    this._say("drawn", { points: [] });
  }

  redraw() {
    this._drawSpeeds();
  }

  async _load() {
    this._stop();
    const asset = this._asset;
    const day = byId("track-day").value;
    if (!asset || !day) return;
    const from = new Date(`${day}T00:00:00`);
    const to = new Date(from);
    to.setDate(to.getDate() + 1);
    setText(byId("track-words"), say("Loading…"));
    let points = [];
    try {
      const query = new URLSearchParams({
        from: from.toISOString(),
        to: to.toISOString(),
        tolerance_m: String(TOLERANCE_M),
      });
      ({ points } = await ask("GET", `/assets/${asset.id}/track?${query}`));
    } catch (refused) {
      setText(byId("track-words"), refused.message);
      return;
    }
    if (this._asset !== asset || byId("track-day").value !== day) return;
    this._points = points.map((point) => ({ ...point, ms: Date.parse(point.at) }));
    const none = this._points.length === 0;
    this._slider.disabled = none;
    byId("track-play").disabled = none;
    this._say("drawn", { points: this._points });
    if (none) {
      setText(byId("track-words"), say("No positions on this day."));
      this._drawSpeeds();
      return;
    }
    this._slider.min = this._points[0].ms;
    this._slider.max = this._points.at(-1).ms;
    this._slider.step = 1000;
    this._slider.value = this._slider.max;
    this._drawSpeeds();
    this._showMoment();
  }

  _turn(days) {
    const field = byId("track-day");
    const date = new Date(`${field.value}T12:00:00`);
    date.setDate(date.getDate() + days);
    const day = dayOf(date);
    if (day > field.max) return;
    field.value = day;
    this._load();
  }

  _showMoment() {
    const point = momentAt(this._points, Number(this._slider.value));
    if (!point) return;
    const speed = point.speed_kmh === null || point.speed_kmh === undefined
      ? ""
      : say("{speed} km/h", { speed: number(point.speed_kmh) });
    const words = [time(point.ms), speed, point.gap_s > GAP_S ? say("no position for {age}", { age: duration(point.gap_s) }) : ""];
    const said = words.filter(Boolean).join(" · ");
    setText(byId("track-words"), said);
    this._slider.setAttribute("aria-valuetext", said);
    this._say("moment", { point });
  }

  _togglePlay() {
    if (this._playing !== null) {
      this._stop();
      return;
    }
    const { min, max } = this._slider;
    if (Number(this._slider.value) >= Number(max)) this._slider.value = min;
    const step = ((Number(max) - Number(min)) * PLAY_STEP_MS) / PLAY_LENGTH_MS;
    this._playing = setInterval(() => {
      this._slider.value = Number(this._slider.value) + step;
      this._showMoment();
      if (Number(this._slider.value) >= Number(max)) this._stop();
    }, PLAY_STEP_MS);
    this._label();
  }

  _stop() {
    clearInterval(this._playing);
    this._playing = null;
    this._label();
  }

  _label() {
    const playing = this._playing !== null;
    byId("track-play").setAttribute("aria-label", playing ? say("Pause") : say("Play"));
    byId("track-play-icon").setAttribute("href", playing ? "#icon-pause" : "#icon-play");
  }

  /** The speeds of the day behind the slider, so that stops and drives can be seen. */
  _drawSpeeds() {
    const canvas = byId("track-speeds");
    const width = (canvas.width = canvas.clientWidth * devicePixelRatio);
    const height = (canvas.height = canvas.clientHeight * devicePixelRatio);
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    if (this._points.length < 2) return;
    const style = getComputedStyle(canvas);
    const first = this._points[0].ms;
    const span = this._points.at(-1).ms - first || 1;
    const top = Math.max(60, ...this._points.map((point) => point.speed_kmh ?? 0));
    pen.fillStyle = style.color;
    pen.beginPath();
    pen.moveTo(0, height);
    for (const { ms, speed_kmh } of this._points) {
      pen.lineTo(((ms - first) / span) * width, height - ((speed_kmh ?? 0) / top) * height);
    }
    pen.lineTo(width, height);
    pen.fill();
  }

  _say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function dayOf(date) {
  const pad = (part) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}
