/**
 * Hours of a week and the days that differ, as rows that people fill in.
 *
 * The fields come from `schedule-fields.html`. What they say is the setting of a schedule, as the
 * service takes it; it is kept in the hidden field of the form as JSON, empty for "always". Parts
 * of a page that htmx brings later are looked after too.
 */

import { element, icon, setText } from "./dom.js";
import { daysOf, rowsOf, saidOf, spansIn, weeklyOf, WEEKDAYS } from "./hours.js";
import { language, number, say, sayMany } from "./words.js";

const SHOWN_EVENTS = 8;
const known = new WeakMap();
const date = new Intl.DateTimeFormat(language, { dateStyle: "medium" });

/** The schedule of a fieldset. Dispatches `change` when a person changed something. */
export function scheduleOf(fieldset) {
  if (!known.has(fieldset)) known.set(fieldset, new ScheduleForm(fieldset));
  return known.get(fieldset);
}

class ScheduleForm extends EventTarget {
  constructor(fieldset) {
    super();
    this._fieldset = fieldset;
    this._field = fieldset.querySelector("input[type=hidden]");
    this._events = [];
    fieldset.addEventListener("input", (event) => this._typed(event));
    fieldset.addEventListener("change", (event) => this._typed(event));
    this._part("add-row").addEventListener("click", () => this._addRow());
    this._part("add-exception").addEventListener("click", () => this._addException());
    this._part("drop-events").addEventListener("click", () => this._dropEvents());
    this.setting = this._field.value ? JSON.parse(this._field.value) : null;
  }

  /** What the fields say: null for always. Ask for `problem` first. */
  get setting() {
    if (this._part("always").checked) return null;
    return {
      time_zone: this._part("time-zone").value,
      weekly: weeklyOf(this._rows().filter(({ from, until }) => from && until)),
      ...this._holidays(),
      ...this._exceptions(),
      ...(this._events.length ? { events: this._events } : {}),
    };
  }

  set setting(setting) {
    this._part("always").checked = setting === null;
    const said = setting ?? {};
    this._part("rows").replaceChildren(...rowsOf(said.weekly ?? {}).map((row) => this._row(row)));
    this._fillHolidays(said.holidays);
    const exceptions = (said.exceptions ?? []).map((each) => this._exception(each));
    this._part("exceptions").replaceChildren(...exceptions);
    this._events = said.events ?? [];
    this._fillZone(said.time_zone ?? "Europe/Brussels");
    this._shown();
  }

  /** What is wrong with what was filled in, in words; empty when nothing is. */
  get problem() {
    if (this._part("always").checked) return "";
    const rows = this._rows();
    if (rows.some(({ from, until }) => !from || !until)) {
      return say("Give both times of every row, or take the row out.");
    }
    if (rows.some(({ days }) => days.length === 0)) return say("Choose the days of every row.");
    if (rows.some(({ from, until }) => from === until && from !== "00:00")) {
      return say("A row begins and ends at the same time; a whole day is 00:00 until 00:00.");
    }
    const holidays = this._part("holiday-kind").value;
    if (holidays && this._places().length === 0) return say("Choose whose public holidays count.");
    const texts = [
      ...(holidays === "own" ? [this._part("holiday-hours").value] : []),
      ...this._exceptionRows().map(({ hours }) => hours),
    ];
    const odd = texts.find((text) => spansIn(text) === null);
    if (odd !== undefined) {
      return say("“{hours}” is not understood: write hours as 08:00-12:00, 13:00-17:30.", { hours: odd });
    }
    if (this._exceptionRows().some(({ from }) => !from)) return say("Give the first day of days that differ.");
    if (this._exceptionRows().some(({ from, until }) => until && until < from)) {
      return say("The last of days that differ is before the first.");
    }
    const nothing = rows.length + this._exceptionRows().length + this._events.length === 0;
    return nothing ? say("Add hours: without any it would never count.") : "";
  }

  _part(name) {
    return this._fieldset.querySelector(`[data-part="${name}"]`);
  }

  _typed({ target }) {
    if (target === this._part("calendar")) {
      if (target.files.length) void this._readCalendar(target.files[0]);
      return;
    }
    if (target === this._part("always") && !target.checked && this._rows().length === 0) {
      this._part("rows").append(this._row({ days: WEEKDAYS.slice(0, 5), from: "08:00", until: "18:00" }));
    }
    this._changed();
  }

  _changed() {
    this._shown();
    this.dispatchEvent(new Event("change"));
  }

  _shown() {
    const always = this._part("always").checked;
    const holidays = this._part("holiday-kind").value;
    this._part("hours").hidden = always;
    this._part("holiday-more").hidden = holidays === "";
    this._part("holiday-own").hidden = holidays !== "own";
    setText(this._part("exception-count"), counted(this._exceptionRows().length));
    setText(this._part("event-count"), counted(this._events.length));
    this._part("drop-events").hidden = this._events.length === 0;
    this._part("events").replaceChildren(...this._eventRows());
    const { problem, setting } = this;
    setText(this._part("problem"), problem);
    setText(this._part("said"), problem || always ? "" : saidOf(setting));
    this._field.value = setting === null ? "" : JSON.stringify(setting);
  }

  _addRow() {
    const row = this._row({ days: [], from: "", until: "" });
    this._part("rows").append(row);
    row.querySelector("input").focus();
    this._changed();
  }

  /** One span of hours, and the days that have it. */
  _row({ days, from, until }) {
    const row = element("li", { class: "schedule-row" });
    const toggles = daysOf().map(({ day, short, long }) =>
      element(
        "label",
        { class: "schedule-day" },
        element("input", {
          type: "checkbox",
          value: day,
          "aria-label": long,
          checked: days.includes(day),
        }),
        element("span", { "aria-hidden": "true" }, short),
      ),
    );
    row.append(
      element("span", { class: "schedule-days", role: "group", "aria-label": say("Days") }, toggles),
      element(
        "span",
        { class: "schedule-times" },
        element("input", { type: "time", "data-end": "from", value: from, "aria-label": say("From") }),
        element("span", { "aria-hidden": "true" }, "–"),
        element("input", { type: "time", "data-end": "until", value: until, "aria-label": say("Until") }),
        this._takeOut(row, say("Take this row out")),
      ),
    );
    return row;
  }

  _rows() {
    return [...this._part("rows").children].map((row) => ({
      days: [...row.querySelectorAll("input[type=checkbox]:checked")].map(({ value }) => value),
      from: row.querySelector('[data-end="from"]').value,
      until: row.querySelector('[data-end="until"]').value,
    }));
  }

  _addException() {
    const row = this._exception({ from: "", until: "", hours: [], name: "" });
    this._part("exceptions").append(row);
    row.querySelector("input").focus();
    this._changed();
  }

  _exception({ from, until, hours, name }) {
    const row = element("li", { class: "schedule-exception" });
    const field = (label, key, attributes) =>
      element("label", {}, label, element("input", { "data-key": key, ...attributes }));
    row.append(
      field(say("First day"), "from", { type: "date", value: from }),
      field(say("Last day"), "until", { type: "date", value: until === from ? "" : until }),
      field(say("Hours"), "hours", {
        class: "mono",
        value: (hours ?? []).join(", "),
        placeholder: say("none"),
        maxlength: 400,
        autocomplete: "off",
      }),
      field(say("What it is called"), "name", { value: name ?? "", maxlength: 200, autocomplete: "off" }),
      this._takeOut(row, say("Take these days out")),
    );
    return row;
  }

  _exceptionRows() {
    return [...this._part("exceptions").children].map((row) =>
      Object.fromEntries([...row.querySelectorAll("input")].map(({ dataset, value }) => [dataset.key, value.trim()])),
    );
  }

  _exceptions() {
    const rows = this._exceptionRows().filter(({ from }) => from);
    if (rows.length === 0) return {};
    return {
      exceptions: rows.map(({ from, until, hours, name }) => ({
        from,
        until: until || from,
        hours: spansIn(hours) ?? [],
        name,
      })),
    };
  }

  _takeOut(row, words) {
    const button = element(
      "button",
      { type: "button", class: "icon-button schedule-out", "aria-label": words, title: words },
      icon("close"),
    );
    button.addEventListener("click", () => {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      const instead = next?.querySelector("input") ?? row.parentElement.nextElementSibling;
      row.remove();
      instead?.focus();
      this._changed();
    });
    return button;
  }

  _fillHolidays(holidays) {
    const kind = this._part("holiday-kind");
    kind.value = holidays ? (holidays.hours?.length ? "own" : "none") : "";
    this._part("holiday-hours").value = (holidays?.hours ?? []).join(", ");
    const countries = holidays?.countries ?? ["BE"];
    const boxes = [...this._fieldset.querySelectorAll("[data-country]")];
    for (const box of boxes) box.checked = countries.includes(box.dataset.country);
    const whole = boxes.map(({ dataset }) => dataset.country);
    this._part("parts").value = countries.filter((place) => !whole.includes(place)).join(", ");
  }

  _places() {
    const whole = [...this._fieldset.querySelectorAll("[data-country]:checked")];
    const parts = this._part("parts").value.toUpperCase().split(/[\s,;]+/).filter(Boolean);
    return [...whole.map(({ dataset }) => dataset.country), ...parts];
  }

  _holidays() {
    const kind = this._part("holiday-kind").value;
    if (kind === "") return {};
    const hours = kind === "own" ? (spansIn(this._part("holiday-hours").value) ?? []) : [];
    return { holidays: { countries: this._places(), hours } };
  }

  _fillZone(zone) {
    const select = this._part("time-zone");
    if (![...select.options].some(({ value }) => value === zone)) select.append(new Option(zone));
    select.value = zone;
  }

  _eventRows() {
    const rows = this._events.slice(0, SHOWN_EVENTS).map(({ from, until, name, open }) => {
      const times = date.formatRange(new Date(from), new Date(until));
      return element("li", {}, [times, name, open === false ? say("closed") : ""].filter(Boolean).join(" · "));
    });
    const more = this._events.length - rows.length;
    if (more > 0) rows.push(element("li", {}, sayMany(more, "and {n} more", "and {n} more")));
    return rows;
  }

  _dropEvents() {
    this._events = [];
    this._part("calendar").value = "";
    setText(this._part("calendar-said"), "");
    this._part("calendar").focus();
    this._changed();
  }

  /** The service reads the file: repeats, time zones and clock changes are its business. */
  async _readCalendar(file) {
    const said = this._part("calendar-said");
    setText(said, say("Reading…"));
    try {
      const asked = new URLSearchParams({
        time_zone: this._part("time-zone").value,
        times: this._part("calendar-kind").value,
      });
      const answer = await fetch(`/schedules/calendar?${asked}`, {
        method: "POST",
        headers: {
          Accept: "application/json",
          "Content-Type": "text/calendar",
          "X-CSRF-Token": document.querySelector('meta[name="csrf"]')?.content ?? "",
        },
        body: file,
      });
      const found = await answer.json();
      if (!answer.ok) {
        setText(said, found.detail ?? say("The server could not do this. Try again."));
        return;
      }
      this._events = found.events;
      setText(said, sayMany(found.events.length, "{n} time was read.", "{n} times were read."));
      this._changed();
    } catch {
      setText(said, say("The server cannot be reached. Try again."));
    }
  }
}

const counted = (count) => (count ? number(count) : "");

function mount() {
  for (const fieldset of document.querySelectorAll("[data-schedule]")) scheduleOf(fieldset);
}

mount();
document.body.addEventListener("htmx:after:swap", mount);
