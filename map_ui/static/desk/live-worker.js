/**
 * The desk's ear: one WebSocket, in a worker so that the slowed timers of a hidden tab cannot
 * make it deaf.
 *
 * It remembers the last change it heard and asks for what came after whenever it connects again.
 * The page hears {kind: "state", connected, since}, {kind: "frame", frame}, {kind: "positions",
 * buffer} and {kind: "signed-out"}.
 */

/** No beat for so long, and what the screen shows may no longer be true. */
const LOST_AFTER_MS = 6000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;
const SIGNED_OUT = new Set([4401, 4403]);

let address = "";
let after = 0;
let socket = null;
let wait = FIRST_WAIT_MS;
let heard = Date.now();
let begun = 0;
let connected = null;

self.onmessage = ({ data }) => {
  if (data.kind === "open") {
    address = data.address;
    heard = Date.now();
    connect();
    setInterval(watch, 500);
  } else if (data.kind === "send" && socket?.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify(data.message));
  } else if (data.kind === "heard-until") {
    after = Math.max(after, data.seq);
  }
};

function connect() {
  const current = new WebSocket(after > 0 ? `${address}?after=${after}` : address);
  socket = current;
  begun = Date.now();
  current.binaryType = "arraybuffer";
  current.onmessage = ({ data }) => {
    if (socket !== current) return;
    heard = Date.now();
    wait = FIRST_WAIT_MS;
    if (data instanceof ArrayBuffer) {
      self.postMessage({ kind: "positions", buffer: data }, [data]);
      return;
    }
    const frame = JSON.parse(data);
    if (frame.type === "alarm") after = Math.max(after, frame.seq);
    if (frame.type === "hello") {
      // A smaller number than ours: the server kept nothing from before and starts anew.
      after = frame.seq;
      say(true);
    }
    self.postMessage({ kind: "frame", frame });
  };
  current.onclose = ({ code }) => {
    if (socket !== current) return;
    socket = null;
    if (SIGNED_OUT.has(code)) self.postMessage({ kind: "signed-out" });
    // Sixty desks that lost one server must not come back in the same instant.
    setTimeout(() => socket ?? connect(), wait * (0.5 + Math.random()));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  };
}

function watch() {
  if (Date.now() - heard < LOST_AFTER_MS) return;
  say(false);
  // A half-open socket never says that it is dead, nor one whose server does not answer.
  if (socket && Date.now() - begun > LOST_AFTER_MS) {
    const dead = socket;
    socket = null;
    dead.close();
    connect();
  }
}

function say(now) {
  if (connected === now) return;
  connected = now;
  self.postMessage({ kind: "state", connected, since: heard });
}
