/**
 * What an alarm of a rule says: the rule's own words, or the usual ones of its kind.
 *
 * The same words as in `kind_words.py`; a test holds the two together.
 */

import { cause } from "./names.js";
import { language, number, say, time } from "./words.js";

const USUAL = {
  zone_left: (told) => say("{asset} has left {zone} and is {distance_m} m outside", told),
  zone_entered: (told) => say("{asset} has entered {zone}", told),
  zone_crossed: (told) => say("{asset} has crossed {zone}", told),
  inside: (told) => say("{asset} is in {zone}", told),
  outside: (told) => say("{asset} is outside its zones", told),
  outside_at: (told) => say("{asset} is not where it should be at {local_time}", told),
  dwelled: (told) => say("{asset} stays in {zone} too long", told),
  not_back: (told) => say("{asset} is not back in time", told),
  left_corridor: (told) => say("{asset} has left its corridor", told),
  overdue: (told) => say("{asset} has not arrived in time", told),
  overspeed: (told) => say("{asset} drives {speed_kmh} km/h where {limit_kmh} is allowed", told),
  moving: (told) => say("{asset} moves", told),
  stopped: (told) => say("{asset} stands since {stopped_since}", told),
  idling: (told) => say("{asset} stands with its engine running since {idling_since}", told),
  harsh_driving: (told) => say("{asset} is driven harshly", told),
  crashed: (told) => say("{asset} has crashed", told),
  moved_while_parked: (told) => say("{asset} was moved {moved_m} m while parked", told),
  towed: (told) => say("{asset} is towed", told),
  driverless: (told) => say("{asset} is driven without a driver's card since {ignition_on_since}", told),
  out_of_hours: (told) => say("{asset} is used outside its hours", told),
  ignition: (told) => say("The ignition of {asset} is on", told),
  still: (told) => say("{asset} has not moved since {still_since}", told),
  signalled: (told) => say("{asset}: {signals}", told),
  power_lost: (told) => say("The supply of {asset} is cut", told),
  battery_low: (told) => say("The battery of {asset} is at {battery_pct} %", told),
  battery_trend: (told) => say("The battery of {asset} will be empty at {empty_at}", told),
  unheard: (told) => say("Nothing is heard of {asset}", told),
  near: (told) => say("{asset} is {distance_m} m from {companion}", told),
  apart: (told) => say("{asset} is {distance_m} m from {companion}", told),
  together: (told) => say("{asset} travels together with {companion}", told),
};

const UNKNOWN = "–";

/** The message of the rule that raised an alarm; "" for an alarm that no rule raised. */
export function messageOf(alarm) {
  if (!alarm.rule) return "";
  const told = toldBy(alarm);
  const own = alarm.rule.messages[language];
  if (own) return own.replace(/\{(\w+)\}/g, (_, name) => told[name]);
  return Object.hasOwn(USUAL, alarm.cause) ? USUAL[alarm.cause](told) : say("{asset}: {rule}", told);
}

/** Facts as people read them; what is not known is a dash. */
function toldBy(alarm) {
  const { facts, name } = alarm.rule;
  const told = {
    ...Object.fromEntries(Object.entries(facts).map(([fact, value]) => [fact, said(fact, value)])),
    asset: alarm.asset?.name ?? alarm.unit_id,
    client: alarm.organisation,
    rule: name,
    cause: cause(alarm.cause),
    zone: facts.zone_name ?? UNKNOWN,
    at: time(alarm.at),
    companion: UNKNOWN, // an id; the page of the event knows its name
  };
  return new Proxy(told, {
    get: (of, fact) => of[fact] ?? UNKNOWN,
    has: () => true, // so that words are filled in to the last
  });
}

function said(fact, value) {
  if (typeof value === "boolean") return value ? say("yes") : say("no");
  if (typeof value === "number") return number(value, Number.isInteger(value) ? 0 : 1);
  if (Array.isArray(value)) return value.map(cause).join(", ");
  if (typeof value === "string" && /_(since|at|begin)$/.test(fact)) return time(value);
  return value === null ? UNKNOWN : String(value);
}
