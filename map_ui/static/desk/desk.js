/** The desk: joins the live channel, the alarm book, the bell, the list, the map and the card. */

import { ask, askAll } from "/static/pages/api.js";
import { byId, setText } from "/static/pages/dom.js";
import { cause } from "/static/pages/names.js";
import "/static/pages/header.js";
import { duration, language, number, say } from "/static/pages/words.js";

import { AlarmBook } from "./alarm-book.js";
import { AlarmList } from "./alarm-list.js";
import { AlarmBanner, LostBanner } from "./banner.js";
import { Fleet } from "./fleet.js";
import { Keys } from "./keys.js";
import { Live } from "./live.js";
import { Ring } from "./ring.js";
import { Stage } from "./stage.js";

const { dataset } = document.body;
const mayAct = dataset.role !== "client";

const live = new Live();
const fleet = new Fleet();
const book = new AlarmBook();
const ring = new Ring();
const now = () => live.now();

let closeCodes = [];
let lastSeq = 0;
let behind = 0;
/** Numbers of the assets named since the last hello, until the server has named all. */
let named = null;
/** Alarms that this desk has drawn and that it still has to sound before it may say so. */
const owed = new Set();

const lost = new LostBanner();
const banner = new AlarmBanner(now);
const list = new AlarmList({ book, mayAct, now, closeCodes: () => closeCodes });
const stage = new Stage(fleet, live, showPanel);

// ── what the live channel says ─────────────────────────────────────────────────────────────────

live.addEventListener("hello", ({ detail }) => {
  if (detail.seq < lastSeq) book.startAnew();
  lastSeq = detail.seq;
  named = new Set();
  if (detail.version && dataset.version && detail.version !== dataset.version) {
    byId("new-version").hidden = false;
  }
  resync();
});

live.addEventListener("assets", ({ detail }) => {
  fleet.describe(detail.assets);
  fleet.forget(detail.gone ?? []);
  for (const asset of detail.assets) named?.add(asset.n);
  if (named && !detail.more) {
    fleet.forget(fleet.numbers().filter((number) => !named.has(number)));
    named = null;
  }
  markAlarms();
  if (!detail.more) stage.assets.draw();
});

live.addEventListener("positions", ({ detail }) => fleet.move(detail));

live.addEventListener("alarm", ({ detail }) => {
  lastSeq = Math.max(lastSeq, detail.seq);
  behind = 0;
  if (!book.apply(detail)) return;
  showAlarms();
  if (detail.alarm.state === "closed") return;
  if (detail.sound) ringFor(detail.alarm);
  else owed.add(detail.alarm.id);
  confirmShown();
});

live.addEventListener("provisional", ({ detail }) => {
  if (!book.applyProvisional({ ...detail.alarm, event_id: detail.event_id })) return;
  showAlarms();
  ringFor(book.get(detail.event_id));
  confirmShown();
});

live.addEventListener("beat", ({ detail }) => {
  // A change of another tenant moves the number too, so being behind is no proof of a loss;
  // staying behind for two beats is reason enough to read the list.
  behind = detail.seq > (lastSeq) ? behind + 1 : 0;
  if (behind >= 2) resync(detail.seq);
});

live.addEventListener("connection", ({ detail }) => {
  const { connected, since } = detail;
  byId("status").dataset.connected = String(connected);
  setText(byId("status-words"), connected ? say("Live") : say("No connection"));
  if (stage.map) stage.map.faded = !connected;
  if (connected) {
    lost.hide();
  } else {
    lost.show(since);
    checkSession();
  }
});

live.addEventListener("signed-out", signIn);

/** Read the open alarms; what the live channel said meanwhile is newer and wins. */
async function resync(seq = lastSeq) {
  behind = 0;
  const asOf = seq;
  try {
    const alarms = await askAll("/alarms?state=open&limit=200");
    const unheard = book.replaceAll(alarms, asOf);
    lastSeq = Math.max(lastSeq, asOf);
    live.heardUntil(lastSeq);
    showAlarms();
    for (const alarm of unheard) ringFor(alarm);
    for (const alarm of book.waiting()) owed.add(alarm.id);
    confirmShown();
    document.body.dataset.synced = "true";
    chooseFromAddress();
  } catch (refused) {
    if (refused.status === 401) signIn();
    else setTimeout(() => live.connected && resync(), 2000);
  }
}

/** A link to one alarm leads to its card, once. */
function chooseFromAddress() {
  const id = location.hash.replace("#alarm-", "");
  if (!id) return;
  history.replaceState(null, "", location.pathname);
  list.choose(id, { scroll: true });
}

async function checkSession() {
  try {
    await ask("GET", "/sessions/current");
  } catch (refused) {
    if (refused.status === 401) signIn();
  }
}

function signIn() {
  location.assign("/sign-in");
}

// ── alarms: seen, heard, acted on ──────────────────────────────────────────────────────────────

function showAlarms() {
  const waiting = book.waiting();
  const inHand = book.inHand();
  list.show(waiting, inHand);
  banner.show(waiting);
  markAlarms();
  stage.map?.showAlarms(book.all());
  const urgent = waiting.filter((alarm) => alarm.priority === 1).length;
  byId("p1-count").dataset.count = urgent;
  setText(byId("p1-number"), String(urgent));
  setText(byId("tab-count"), waiting.length ? String(waiting.length) : "");
  const [first] = waiting;
  document.title = first
    ? `(${waiting.length}) P${first.priority} ${cause(first.cause)} · ${dataset.title}`
    : dataset.title;
  ring.follow(book.ringing());
}

function markAlarms() {
  fleet.markAlarms(book.byAsset(), new Set(book.waiting().map((alarm) => alarm.id)));
}

function ringFor(alarm) {
  ring.strike(alarm.priority);
  owed.add(alarm.id);
  if (document.hidden && globalThis.Notification?.permission === "granted") {
    new Notification(`P${alarm.priority} ${cause(alarm.cause)}`, {
      body: alarm.asset?.name ?? alarm.unit_id,
      tag: alarm.id,
      requireInteraction: alarm.priority <= 2,
    });
  }
}

/**
 * Tell the server which alarms this desk has drawn and sounded. An alarm that ought to ring at a
 * desk that cannot be heard is not confirmed, so that it escalates when no other desk rang.
 */
function confirmShown() {
  const saySo = () => {
    for (const id of [...owed]) {
      const alarm = book.get(id);
      if (!alarm || alarm.state === "provisional") {
        if (!alarm) owed.delete(id);
        continue;
      }
      const heard = ring.armed || alarm.priority > 3;
      if (!heard) continue;
      owed.delete(id);
      live.tell({ type: "shown", alarm_id: id });
    }
  };
  // A hidden tab draws no frame, but its bell rings all the same.
  if (document.hidden) saySo();
  else requestAnimationFrame(saySo);
}

async function acknowledge(id) {
  const alarm = book.get(id);
  if (!alarm) return;
  if (alarm.state === "provisional") {
    book.silence(id);
    ring.follow(book.ringing());
    return;
  }
  if (book.pressedAgain(id)) {
    await heardAgain(id);
    return;
  }
  if (!mayAct || alarm.state !== "raised") return;
  await act(id, () => ask("POST", `/alarms/${id}/acknowledge`));
}

async function heardAgain(id) {
  book.heardAgain(id);
  showAlarms();
  await act(id, () => ask("POST", `/alarms/${id}/notes`, { note: say("Heard: pressed again") }));
}

async function act(id, request) {
  list.refuse(id, "");
  try {
    await request();
  } catch (refused) {
    if (refused.status === 401) signIn();
    list.refuse(id, refused.message);
    // Somebody was faster, or the channel has not told us yet: the list knows.
    if (refused.status === 409 || refused.status === 404) resync();
  }
}

list.addEventListener("choose", ({ detail }) => list.choose(detail));
list.addEventListener("acknowledge", ({ detail }) => acknowledge(detail));
list.addEventListener("silence", ({ detail }) => acknowledge(detail));
list.addEventListener("heard-again", ({ detail }) => heardAgain(detail));
list.addEventListener("focus-map", ({ detail }) => focusAlarm(detail));
list.addEventListener("close", ({ detail: { id, code, note } }) =>
  act(id, () => ask("POST", `/alarms/${id}/close`, { code, note })),
);

byId("banner-go").addEventListener("click", () => focusAlarm(byId("alarm-banner").dataset.alarmId));
byId("banner-acknowledge")?.addEventListener("click", () =>
  acknowledge(byId("alarm-banner").dataset.alarmId),
);

/** The alarm that keys act on: the chosen one, else the first in the queue. */
function current() {
  return list.chosen ?? book.waiting()[0]?.id ?? book.inHand()[0]?.id ?? null;
}

function next() {
  const order = [...book.waiting(), ...book.inHand()].map((alarm) => alarm.id);
  if (order.length === 0) return;
  showPanel("alarms");
  const index = order.indexOf(list.chosen);
  list.choose(order[(index + 1) % order.length], { scroll: true });
}

function focusAlarm(id) {
  const alarm = book.get(id);
  if (!alarm) return;
  list.choose(id);
  stage.focusOn(alarm);
}

// ── the frame around it ────────────────────────────────────────────────────────────────────────

/** Narrow screens show one panel at a time; wide ones show the map beside the others. */
function showPanel(name) {
  document.body.dataset.panel = name;
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
  }
  if (name !== "map") {
    byId("panel-alarms").hidden = name !== "alarms";
    byId("panel-assets").hidden = name !== "assets";
    stage.assets.draw();
  }
  stage.map?.resize();
}
stage.addEventListener("pick-alarm", ({ detail }) => list.choose(detail, { scroll: true }));
for (const tab of document.querySelectorAll("[data-tab]")) {
  tab.addEventListener("click", () => showPanel(tab.dataset.tab));
  tab.addEventListener("keydown", ({ key }) => {
    const beside = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[key];
    const other = beside && tab[beside];
    if (!other?.offsetParent) return;
    other.focus();
    showPanel(other.dataset.tab);
  });
}

async function armDesk() {
  const armed = await ring.arm();
  // A screen that falls asleep shows nobody anything.
  if (armed) navigator.wakeLock?.request("screen").catch(() => null);
  if (armed && globalThis.Notification?.permission === "default") {
    Notification.requestPermission();
  }
  if (!armed) setText(byId("arm-problem"), say("This browser did not allow sound. Check its settings."));
  ring.follow(book.ringing());
  confirmShown();
}
byId("arm").addEventListener("click", armDesk);
byId("mute").addEventListener("click", () => ring.mute());

function showRing() {
  document.body.dataset.armed = String(ring.armed);
  document.body.dataset.ringing = ring.armed && ring.ringing !== null ? `p${ring.ringing}` : "";
  byId("arm-banner").hidden = ring.armed;
  byId("mute").disabled = ring.ringing === null || !ring.armed;
  const muted = ring.mutedFor > 0 && ring.ringing !== null;
  byId("mute").setAttribute("aria-pressed", String(muted));
  setText(
    byId("mute-words"),
    muted ? say("Muted {age}", { age: duration(Math.ceil(ring.mutedFor)) }) : say("Mute 30 s"),
  );
}
ring.addEventListener("change", showRing);

const help = byId("help");
byId("help-open").addEventListener("click", () => help.showModal());

new Keys(
  {
    a: () => current() && acknowledge(current()),
    n: next,
    f: () => current() && focusAlarm(current()),
    m: () => ring.mute(),
    "/": () => {
      showPanel("assets");
      stage.assets.focus();
    },
    "?": () => help.showModal(),
  },
  byId("single-keys"),
);

setInterval(() => {
  const tally = fleet.tally();
  for (const [name, count] of Object.entries(tally)) {
    setText(byId(`tally-${name}`), number(count));
  }
}, 2000);
setInterval(() => {
  setText(byId("clock"), new Date(now()).toLocaleTimeString(language, { hourCycle: "h23" }));
  showRing();
}, 1000);

async function readCloseCodes() {
  try {
    closeCodes = (await ask("GET", "/alarms/close-codes")).map(({ code, names }) => ({
      code,
      name: names[language] ?? code,
    }));
  } catch {
    setTimeout(readCloseCodes, 5000);
  }
}

stage.addEventListener("drawn", () => {
  stage.map.faded = !live.connected;
  stage.map.showAlarms(book.all());
});

showPanel("alarms");
showAlarms();
showRing();
ring.arm({ test: false });
live.open();
readCloseCodes();
stage.drawMap();
document.body.dataset.ready = "true";
