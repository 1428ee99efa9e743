/**
 * The bell. It rings for the most urgent alarm that nobody has acknowledged.
 *
 *   P1  two tones without a pause, louder after 20 s
 *   P2  three strokes every 5 s
 *   P3  one stroke, once
 *
 * Loops are audio buffers that repeat by themselves, because the timers of a hidden tab are slow.
 * Tones lie between 500 and 2500 Hz with overtones, so that people with hearing loss hear them.
 */

export const MUTE_S = 30;

const QUIET = 0.35;
const LOUD = 0.9;
const LOUDER_AFTER_S = 20;

const P1_LOOP_S = 0.9;
const P2_LOOP_S = 5;
const LOOPS = { 1: twoTones, 2: threeStrokes };

/** Dispatches `change` when it is armed, disarmed, rings, stops or is muted. */
export class Ring extends EventTarget {
  constructor() {
    super();
    this._context = null;
    this._volume = null;
    this._loop = null;
    this._mutedUntil = 0;
    /** @type {number|null} the priority that is ringing now */
    this.ringing = null;
  }

  /** Whether this desk can be heard. */
  get armed() {
    return this._context?.state === "running";
  }

  /** Seconds for which the bell stays silent. */
  get mutedFor() {
    return Math.max(0, (this._mutedUntil - Date.now()) / 1000);
  }

  /**
   * Open the sound device and play a test tone. Browsers allow it only after a gesture, so it
   * stands behind a button at the start of a shift.
   *
   * @returns {Promise<boolean>} whether the desk can be heard now
   */
  async arm({ test = true } = {}) {
    if (this._context === null) {
      this._context = new AudioContext();
      this._volume = this._context.createGain();
      this._volume.connect(this._context.destination);
      this._context.onstatechange = () => this._changed();
    }
    // Where the browser refuses, this promise waits for ever: nobody may wait with it.
    const started = this._context.resume().catch(() => null);
    await Promise.race([started, new Promise((resolve) => setTimeout(resolve, 500))]);
    if (this.armed && test && this.ringing === null) this._play(oneStroke(this._context), false);
    this._restart();
    this._changed();
    return this.armed;
  }

  /**
   * Ring for these alarms, or stop when none of them asks for it.
   *
   * @param {{priority: number}[]} waiting most urgent first
   */
  follow(waiting) {
    const priority = waiting[0]?.priority in LOOPS ? waiting[0].priority : null;
    if (priority === this.ringing) return;
    this.ringing = priority;
    this._restart();
    this._changed();
  }

  /** A new alarm, or one that repeats: it is heard even if the bell is muted for others. */
  strike(priority) {
    if (priority > 3) return;
    if (priority === 1 || (priority === 2 && this.ringing !== 1)) this._mutedUntil = 0;
    if (priority === 3 && this.armed && this.ringing === null && this.mutedFor === 0) {
      this._play(oneStroke(this._context), false);
    } else if (this.ringing !== null) {
      this._restart();
    }
    this._changed();
  }

  /** Silence what rings now for half a minute. The next urgent alarm breaks it. */
  mute() {
    if (this.ringing === null) return;
    this._mutedUntil = Date.now() + MUTE_S * 1000;
    this._restart();
    this._changed();
  }

  _restart() {
    this._loop?.stop();
    this._loop = null;
    if (this.ringing === null || !this.armed) return;
    const now = this._context.currentTime;
    const start = now + this.mutedFor;
    const gain = this._volume.gain;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(start > now ? 0 : QUIET, now);
    gain.setValueAtTime(QUIET, start);
    gain.setTargetAtTime(LOUD, start + LOUDER_AFTER_S, 2);
    this._loop = this._play(LOOPS[this.ringing](this._context), true);
  }

  _play(buffer, loop) {
    const source = this._context.createBufferSource();
    source.buffer = buffer;
    source.loop = loop;
    if (!loop) {
      const now = this._context.currentTime;
      this._volume.gain.cancelScheduledValues(now);
      this._volume.gain.setValueAtTime(QUIET, now);
    }
    source.connect(this._volume);
    source.start();
    return source;
  }

  _changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function twoTones(context) {
  return rendered(context, P1_LOOP_S, (t) =>
    t < P1_LOOP_S / 2
      ? tone(t, 960) * edges(t, P1_LOOP_S / 2)
      : tone(t, 720) * edges(t - P1_LOOP_S / 2, P1_LOOP_S / 2),
  );
}

function threeStrokes(context) {
  return rendered(context, P2_LOOP_S, (t) => {
    const stroke = Math.floor(t / 0.28);
    const since = t - stroke * 0.28;
    return stroke < 3 && since < 0.2 ? tone(since, 820) * edges(since, 0.2) : 0;
  });
}

function oneStroke(context) {
  return rendered(context, 0.7, (t) => tone(t, 620) * edges(t, 0.7) * Math.exp(-4 * t));
}

function tone(t, hertz) {
  const angle = 2 * Math.PI * hertz * t;
  return 0.6 * Math.sin(angle) + 0.25 * Math.sin(2 * angle) + 0.15 * Math.sin(3 * angle);
}

/** Fade in and out within 10 ms: a hard edge is a click, not a tone. */
function edges(t, length) {
  return Math.min(1, t / 0.01, (length - t) / 0.01);
}

function rendered(context, seconds, at) {
  const rate = context.sampleRate;
  const buffer = context.createBuffer(1, Math.round(seconds * rate), rate);
  const samples = buffer.getChannelData(0);
  for (let index = 0; index < samples.length; index += 1) samples[index] = at(index / rate);
  return buffer;
}
