/**
 * The words of this page in the language of its reader.
 *
 * `say("Acknowledge")` looks the English words up in the catalogue that the server made from
 * `map_ui/locale`; what it lacks is said in English.
 */

const root = document.documentElement;

export const language = root.lang || "en";

/** English is better than a desk that does not ring because a file is missing. */
const catalogue = await fetch(root.dataset.words)
  .then((answer) => answer.json())
  .catch(() => ({ messages: {}, plurals: {} }));

/** The words, with {name} replaced by `values.name`. */
export function say(words, values = {}) {
  return filled(catalogue.messages[words] || words, values);
}

/** The words for one or for many; {n} is the number. */
export function sayMany(n, one, many, values = {}) {
  const forms = catalogue.plurals[one];
  const single = language === "fr" ? n < 2 : n === 1;
  const words = forms ? forms[single ? 0 : 1] : single ? one : many;
  return filled(words, { n: number(n), ...values });
}

const plain = new Intl.NumberFormat(language);

export function number(value, digits = 0) {
  return digits === 0
    ? plain.format(Math.round(value))
    : value.toLocaleString(language, {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      });
}

const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });

/** 14:03:07, with the day before it when that is not today. */
export function time(instant) {
  const date = new Date(instant);
  const today = new Date().toDateString() === date.toDateString();
  return today ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

/** How long, always with its unit: “42 s”, “3 min 05 s”, “2 h 10 min”, “4 d 3 h”. */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const pad = (part) => String(part).padStart(2, "0");
  if (s < 60) return say("{s} s", { s });
  if (s < 3600) return say("{m} min {s} s", { m: Math.floor(s / 60), s: pad(s % 60) });
  if (s < 86400) {
    return say("{h} h {m} min", { h: Math.floor(s / 3600), m: pad(Math.floor((s % 3600) / 60)) });
  }
  return say("{d} d {h} h", { d: Math.floor(s / 86400), h: Math.floor((s % 86400) / 3600) });
}

/** Whole minutes are enough where nobody counts seconds. */
export function roughly(seconds) {
  if (seconds < 60) return duration(seconds);
  if (seconds < 3600) return say("{m} min", { m: Math.floor(seconds / 60) });
  return duration(seconds);
}

function filled(words, values) {
  return words.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}
