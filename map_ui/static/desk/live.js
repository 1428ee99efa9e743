/** The live channel as the page sees it: what the worker hears, on the server's clock. */

import { positions } from "./wire.js";

/**
 * Dispatches, each with `detail`: `assets`, `alarm`, `provisional`, `hello`, `beat` (the frame),
 * `positions` (the arrays), `connection` ({connected, since}) and `signed-out`.
 */
export class Live extends EventTarget {
  constructor() {
    super();
    this.connected = false;
    this._ahead = 0;
    this._worker = null;
  }

  /** Start listening. */
  open() {
    const address = new URL("/api/v1/live", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    this._worker = new Worker("/static/desk/live-worker.js", { type: "module" });
    this._worker.onmessage = ({ data }) => this._heard(data);
    this._worker.postMessage({ kind: "open", address: address.href });
  }

  /** Milliseconds since 1970 on the server's clock, because a desk's own may be wrong. */
  now() {
    return Date.now() + this._ahead;
  }

  /** Tell the server; without a connection nothing is said. */
  tell(message) {
    this._worker?.postMessage({ kind: "send", message });
  }

  /** Everything up to this change is known from elsewhere. */
  heardUntil(seq) {
    this._worker?.postMessage({ kind: "heard-until", seq });
  }

  _heard({ kind, frame, buffer, connected, since }) {
    if (kind === "positions") {
      const batch = positions(buffer);
      if (batch !== null) this._say("positions", batch);
    } else if (kind === "frame") {
      if (frame.now) this._ahead = Date.parse(frame.now) - Date.now();
      this._say(frame.type, frame);
    } else if (kind === "state") {
      this.connected = connected;
      this._say("connection", { connected, since });
    } else if (kind === "signed-out") {
      this._say("signed-out", null);
    }
  }

  _say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
