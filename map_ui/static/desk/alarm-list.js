/** The list of open alarms: one card an alarm, always laid out the same. */

import { byId, element, icon, setText } from "/static/pages/dom.js";
import { messageOf } from "/static/pages/messages.js";
import { cause, kind, kindIcon, label, labelMeaning, priorityIcon } from "/static/pages/names.js";
import { duration, say, sayMany, time } from "/static/pages/words.js";

/** The shortest note that says something when a P1 is closed. */
const NOTE_LENGTH = 10;

/**
 * Dispatches, with `detail` the alarm's id: `choose`, `acknowledge`, `heard-again`, `silence` and
 * `focus-map`; and `close` with {id, code, note}.
 */
export class AlarmList extends EventTarget {
  constructor({ book, mayAct, now, closeCodes }) {
    super();
    this._book = book;
    this._mayAct = mayAct;
    this._now = now;
    this._closeCodes = closeCodes;
    this._cards = new Map();
    this.chosen = null;
    this._waiting = byId("alarms-waiting");
    this._inHand = byId("alarms-in-hand");
    setInterval(() => this._tick(), 1000);
  }

  /** Show these, in this order. Cards that stay keep their focus and what was typed. */
  show(waiting, inHand) {
    const kept = new Set([...waiting, ...inHand].map((alarm) => alarm.id));
    for (const [id, card] of this._cards) {
      if (kept.has(id)) continue;
      card.root.remove();
      this._cards.delete(id);
    }
    this._fill(this._waiting, waiting);
    this._fill(this._inHand, inHand);
    setText(byId("waiting-count"), String(waiting.length));
    setText(byId("in-hand-count"), String(inHand.length));
    byId("no-alarms").hidden = waiting.length > 0;
    byId("in-hand").hidden = inHand.length === 0;
    if (!kept.has(this.chosen)) this.choose(null);
    this._tick();
  }

  /** Mark one alarm as the one that keys act on. */
  choose(id, { scroll = false } = {}) {
    this.chosen = id;
    for (const [key, { root }] of this._cards) {
      const chosen = key === id;
      root.classList.toggle("chosen", chosen);
      if (chosen) root.setAttribute("aria-current", "true");
      else root.removeAttribute("aria-current");
      if (chosen && scroll) {
        root.scrollIntoView({ block: "nearest" });
        root.focus({ preventScroll: true });
      }
    }
  }

  /** Open the form that closes an alarm. */
  askToClose(id) {
    const card = this._cards.get(id);
    if (!card || card.form) return;
    card.form = this._closeForm(card);
    card.root.append(card.form);
    card.form.querySelector("select").focus();
  }

  /** Say on the card why the server refused. */
  refuse(id, message) {
    const card = this._cards.get(id);
    if (card) setText(card.problem, message);
  }

  _fill(list, alarms) {
    let before = null;
    for (const alarm of alarms) {
      const card = this._cards.get(alarm.id) ?? this._newCard(alarm);
      this._update(card, alarm);
      const place = before === null ? list.firstElementChild : before.nextElementSibling;
      if (card.root !== place) list.insertBefore(card.root, place);
      before = card.root;
    }
  }

  _newCard(alarm) {
    const part = (name, className, ...children) =>
      element(name, { class: className }, ...children);
    const card = {
      alarm,
      cause: part("strong", "cause"),
      repeats: part("span", "repeats"),
      age: element("span", { class: "age", role: "timer", "aria-live": "off" }),
      who: part("span", "who"),
      about: part("span", "about"),
      rule: part("p", "rule-line"),
      labels: part("ul", "labels"),
      when: element("time", { class: "when" }),
      hand: part("p", "hand"),
      problem: element("p", { class: "problem", role: "alert" }),
      buttons: part("div", "buttons"),
      form: null,
      drawn: "",
    };
    const badge = element(
      "span",
      { class: "badge" },
      icon(priorityIcon(alarm.priority)),
      `P${alarm.priority}`,
    );
    card.root = element(
      "li",
      {
        class: `alarm p${alarm.priority}`,
        id: `alarm-${alarm.id}`,
        tabindex: "0",
        "data-alarm-id": alarm.id,
        "data-event-id": alarm.event_id,
        "data-priority": alarm.priority,
        onClick: () => this._say("choose", card.alarm.id),
        onFocus: () => this.choose(card.alarm.id),
      },
      part("div", "alarm-head", badge, card.cause, card.repeats, card.age),
      part("div", "alarm-who", icon(kindIcon(alarm.asset?.kind)), card.who),
      part("div", "alarm-foot", card.about, card.when),
      card.rule,
      card.labels,
      card.hand,
      card.problem,
      card.buttons,
    );
    this._cards.set(alarm.id, card);
    return card;
  }

  _update(card, alarm) {
    card.alarm = alarm;
    const again = this._book.pressedAgain(alarm.id);
    const drawn = JSON.stringify([alarm, again]);
    if (drawn === card.drawn) return;
    card.drawn = drawn;
    card.root.dataset.state = alarm.state;
    card.root.classList.toggle("waiting", alarm.state !== "acknowledged" || again);
    card.root.dataset.cause = alarm.cause;
    setText(card.cause, cause(alarm.cause));
    setText(card.repeats, alarm.repeats > 0 ? `×${alarm.repeats + 1}` : "");
    card.repeats.title = alarm.repeats > 0 ? sayMany(alarm.repeats, "repeated once", "repeated {n} times") : "";
    setText(card.who, alarm.asset?.name ?? alarm.unit_id);
    setText(card.about, about(alarm));
    card.when.dateTime = alarm.raised_at;
    setText(card.when, time(alarm.raised_at));
    setText(
      card.hand,
      alarm.state === "acknowledged"
        ? say("{who} has it since {when}", {
            who: nameOf(alarm.acknowledged_by),
            when: time(alarm.acknowledged_at),
          })
        : "",
    );
    card.rule.replaceChildren(...ruleLine(alarm));
    card.labels.replaceChildren(...labels(alarm).map(chip));
    card.labels.hidden = card.labels.children.length === 0;
    this._buttons(card);
  }

  _buttons(card) {
    const { alarm } = card;
    const buttons = [];
    if (this._mayAct && alarm.state === "raised") {
      buttons.push(
        this._button("acknowledge", "check", say("Acknowledge"), "A", "primary", () =>
          this._say("acknowledge", alarm.id),
        ),
      );
    }
    if (this._mayAct && this._book.pressedAgain(alarm.id)) {
      buttons.push(
        this._button("heard-again", "check", say("Heard: pressed again"), "A", "primary", () =>
          this._say("heard-again", alarm.id),
        ),
      );
    }
    if (alarm.state === "provisional") {
      buttons.push(
        this._button("silence", "muted", say("Silence here"), "A", "primary", () =>
          this._say("silence", alarm.id),
        ),
      );
    }
    if (this._mayAct && alarm.state === "acknowledged") {
      buttons.push(
        this._button("close", "close-case", say("Close…"), null, "", () => this.askToClose(alarm.id)),
      );
    }
    if (alarm.fix || alarm.asset) {
      buttons.push(
        this._button("focus", "target", say("On the map"), "F", "", () =>
          this._say("focus-map", alarm.id),
        ),
      );
    }
    if (alarm.asset === null) {
      buttons.push(
        element("a", { class: "button", href: "/quarantine", "data-action": "quarantine" }, say("Register this unit")),
      );
    }
    card.buttons.replaceChildren(...buttons);
    if (alarm.state !== "acknowledged" && card.form) {
      card.form.remove();
      card.form = null;
    }
  }

  _button(action, picture, words, key, className, act) {
    return element(
      "button",
      {
        type: "button",
        class: className || null,
        "data-action": action,
        onClick: (event) => {
          event.stopPropagation();
          act();
        },
      },
      icon(picture),
      words,
      key && element("kbd", { "aria-hidden": "true" }, key),
    );
  }

  _closeForm(card) {
    const { alarm } = card;
    const needed = alarm.priority === 1 ? NOTE_LENGTH : 0;
    const select = element(
      "select",
      { id: `close-code-${alarm.id}`, name: "code", required: true },
      element("option", { value: "" }, say("Choose…")),
      this._closeCodes().map(({ code, name }) => element("option", { value: code }, name)),
    );
    const note = element("textarea", {
      id: `close-note-${alarm.id}`,
      name: "note",
      rows: "2",
      minlength: needed || null,
      required: needed > 0,
      maxlength: "2000",
    });
    const dismiss = () => {
      card.form.remove();
      card.form = null;
      card.root.focus();
    };
    return element(
      "form",
      {
        class: "close-form",
        onClick: (event) => event.stopPropagation(),
        onSubmit: (event) => {
          event.preventDefault();
          this._say("close", { id: alarm.id, code: select.value, note: note.value.trim() });
        },
      },
      element("label", { for: select.id }, say("What was it?")),
      select,
      element(
        "label",
        { for: note.id },
        needed > 0
          ? say("What was done? (at least {n} characters)", { n: needed })
          : say("What was done?"),
      ),
      note,
      element(
        "div",
        { class: "buttons" },
        element("button", { class: "primary", type: "submit", "data-action": "close-confirm" }, say("Close the alarm")),
        element("button", { type: "button", onClick: dismiss }, say("Not now")),
      ),
    );
  }

  _tick() {
    const now = this._now();
    for (const { alarm, age, root } of this._cards.values()) {
      const seconds = (now - Date.parse(alarm.raised_at)) / 1000;
      setText(age, duration(seconds));
      root.classList.toggle("overdue", alarm.state === "raised" && seconds > TARGET_S[alarm.priority]);
    }
  }

  _say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Seconds within which somebody should have acknowledged an alarm of a priority. */
const TARGET_S = { 1: 40, 2: 180, 3: 600, 4: 3600, 5: Infinity };

/** What the rule that raised it says, and the way to why it did. */
function ruleLine(alarm) {
  if (!alarm.rule) return [];
  return [
    `${messageOf(alarm)} `,
    element(
      "a",
      { href: `/events/${alarm.event_id}`, "data-action": "why", title: alarm.rule.name },
      say("Why?"),
    ),
  ];
}

function about(alarm) {
  const parts = [];
  if (alarm.asset) parts.push(kind(alarm.asset.kind));
  if (alarm.organisation) parts.push(alarm.organisation);
  return parts.join(" · ");
}

function labels(alarm) {
  const provisional = alarm.state === "provisional" ? ["provisional"] : [];
  return [...provisional, ...(alarm.escalated ? ["escalated"] : []), ...alarm.labels];
}

function chip(word) {
  return element("li", { class: "chip", "data-label": word, title: labelMeaning(word) }, label(word));
}

function nameOf(person) {
  return person?.name ?? person ?? "";
}
