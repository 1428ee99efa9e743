/** Hours of a week: the setting of a schedule into rows that people read, and back. */

import { language, say, sayMany } from "./words.js";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const MONDAY = Date.UTC(2026, 0, 5);
const DAY_MS = 86_400_000;
const WRITTEN = /^(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)$/;

/** The days of a week as they are called here: [{day, short, long}], Monday first. */
export function daysOf() {
  const named = (style, index) =>
    new Intl.DateTimeFormat(language, { weekday: style, timeZone: "UTC" }).format(MONDAY + index * DAY_MS);
  return WEEKDAYS.map((day, index) => ({ day, short: named("short", index), long: named("long", index) }));
}

/** Rows {days, from, until} of a week's setting; days with the same span share a row. */
export function rowsOf(weekly) {
  const spans = new Map();
  for (const day of WEEKDAYS) {
    for (const span of weekly[day] ?? []) {
      if (!spans.has(span)) spans.set(span, []);
      spans.get(span).push(day);
    }
  }
  return [...spans]
    .sort(([one, ones], [other, others]) => WEEKDAYS.indexOf(ones[0]) - WEEKDAYS.indexOf(others[0]) || (one < other ? -1 : 1))
    .map(([span, days]) => {
      const [from, until] = span.split("-");
      return { days, from, until: until === "24:00" ? "00:00" : until };
    });
}

/** The week's setting that rows say. */
export function weeklyOf(rows) {
  const weekly = Object.fromEntries(WEEKDAYS.map((day) => [day, []]));
  for (const { days, from, until } of rows) {
    for (const day of days) weekly[day].push(spanOf(from, until));
  }
  for (const day of WEEKDAYS) weekly[day] = [...new Set(weekly[day])].sort();
  return weekly;
}

/** "08:00-24:00": a time field cannot say when a day ends, so midnight is both its ends. */
export function spanOf(from, until) {
  return `${from}-${until === "00:00" ? "24:00" : until}`;
}

/** The spans in "08:00-12:00, 13:00-17:30"; [] for nothing, null for what is no hours. */
export function spansIn(text) {
  const parts = text.split(/[,;]/).map((part) => part.trim()).filter(Boolean);
  const spans = parts.map((part) => {
    const written = part.match(WRITTEN);
    if (written === null) return null;
    const [hour, minute, untilHour, untilMinute] = written.slice(1).map(Number);
    const possible = hour < 24 && minute < 60 && untilMinute < 60 && untilHour * 60 + untilMinute <= 1440;
    if (!possible || (hour === untilHour && minute === untilMinute)) return null;
    const pad = (figure) => String(figure).padStart(2, "0");
    return `${pad(hour)}:${pad(minute)}-${pad(untilHour)}:${pad(untilMinute)}`;
  });
  return spans.includes(null) ? null : spans;
}

/** A schedule in one sentence or two. */
export function saidOf(setting) {
  const weekly = setting.weekly ?? {};
  const groups = [];
  for (const [index, { day, short }] of daysOf().entries()) {
    const hours = (weekly[day] ?? []).map(shown).join(", ");
    const last = groups.at(-1);
    if (last?.hours === hours && last.until === index - 1) Object.assign(last, { until: index, to: short });
    else groups.push({ hours, from: short, to: short, first: index, until: index });
  }
  const said = groups
    .filter(({ hours }) => hours)
    .map(({ from, to, hours }) => `${from === to ? from : `${from}–${to}`} ${hours}`);
  if (setting.holidays) {
    const hours = setting.holidays.hours?.map(shown).join(", ") || say("closed");
    said.push(`${say("Public holidays")} (${setting.holidays.countries.join(", ")}) ${hours}`);
  }
  const exceptions = setting.exceptions?.length ?? 0;
  if (exceptions) said.push(sayMany(exceptions, "{n} exception", "{n} exceptions"));
  const events = setting.events?.length ?? 0;
  if (events) said.push(sayMany(events, "{n} time of a calendar", "{n} times of a calendar"));
  return said.join(" · ");
}

const shown = (span) => (span === "00:00-24:00" ? say("all day") : span.replace("-", "–"));
