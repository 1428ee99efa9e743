/** What the service's words are called on screen, and which picture goes with them. */

import { say } from "./words.js";

const CAUSES = {
  panic: () => say("SOS"),
  fall: () => say("Fall"),
  no_motion: () => say("No movement"),
  crash: () => say("Crash"),
  amber: () => say("Timed check-in missed"),
  power_cut: () => say("Power cut"),
  low_battery: () => say("Low battery"),
  low_power: () => say("Low vehicle battery"),
  tamper: () => say("Tampering"),
  removed: () => say("Device removed"),
  jamming: () => say("Jamming"),
  antenna_cut: () => say("Antenna cut"),
  tow: () => say("Towing"),
  shock: () => say("Shock"),
  movement: () => say("Moved while parked"),
  door_opened: () => say("Door opened"),
  bonnet: () => say("Bonnet opened"),
  powered_off: () => say("Device switched off"),
  stolen: () => say("Reported stolen"),
  overspeed: () => say("Too fast"),
  zone_entered: () => say("Entered a zone"),
  zone_left: () => say("Left a zone"),
  zone_crossed: () => say("Crossed a zone"),
  inside: () => say("In a zone"),
  outside: () => say("Outside its zones"),
  outside_at: () => say("Not where it should be"),
  dwelled: () => say("Too long in a zone"),
  not_back: () => say("Not back in time"),
  left_corridor: () => say("Left its corridor"),
  overdue: () => say("Has not arrived"),
  moving: () => say("Moving"),
  stopped: () => say("Stands too long"),
  idling: () => say("Engine idles"),
  harsh_driving: () => say("Driven harshly"),
  crashed: () => say("Crash"),
  moved_while_parked: () => say("Moved while parked"),
  towed: () => say("Towing"),
  driverless: () => say("No driver's card"),
  out_of_hours: () => say("Used outside its hours"),
  ignition: () => say("Ignition on"),
  still: () => say("No movement"),
  signalled: () => say("Signal"),
  power_lost: () => say("Supply lost"),
  battery_low: () => say("Low battery"),
  battery_trend: () => say("Battery soon empty"),
  unheard: () => say("Not heard"),
  near: () => say("Near another"),
  apart: () => say("Apart from the others"),
  together: () => say("Travels with another"),
  outage: () => say("Many devices lost at once"),
  rule_failed: () => say("A rule cannot judge"),
  silence: () => say("Silent"),
  identity_conflict: () => say("Two devices use one name"),
  unspecified: () => say("Unspecified alarm"),
  unreadable: () => say("Unreadable message from a panic device"),
};

const LABELS = {
  late: () => say("Late"),
  no_fix: () => say("No position"),
  unknown_unit: () => say("Unknown unit"),
  clock_wrong: () => say("Device clock wrong"),
  last_known: () => say("Last known position"),
  jamming_suspected: () => say("Perhaps jammed"),
  provisional: () => say("Provisional"),
  escalated: () => say("Escalated"),
};

const LABEL_MEANINGS = {
  late: () => say("The device sent this some time after it happened."),
  no_fix: () => say("The device did not know where it was."),
  unknown_unit: () => say("Nobody has registered this device."),
  clock_wrong: () => say("The time that the device gave cannot be true."),
  last_known: () => say("The position is older than the alarm."),
  jamming_suspected: () => say("Its neighbours are still heard: this device may be jammed."),
  provisional: () => say("The database is away. This alarm is kept and will be confirmed."),
  escalated: () => say("Nobody took this alarm in time."),
};

const KINDS = {
  vehicle: () => say("Vehicle"),
  lone_worker: () => say("Lone worker"),
  senior: () => say("Senior"),
};

const STATES = {
  live: () => say("Live"),
  stale: () => say("Stale"),
  silent: () => say("Silent"),
  never: () => say("Never heard"),
};

const READINGS = {
  battery_pct: () => say("Battery"),
  battery_v: () => say("Battery voltage"),
  power_v: () => say("Supply voltage"),
  ignition: () => say("Ignition"),
  charging: () => say("Charging"),
  motion: () => say("Moving"),
  immobilised: () => say("Immobilised"),
  odometer_m: () => say("Odometer"),
  altitude_m: () => say("Altitude"),
  accuracy_m: () => say("Accuracy"),
  satellites: () => say("Satellites"),
  hdop: () => say("HDOP"),
  rssi: () => say("Mobile signal"),
  driver_id: () => say("Driver"),
  steps: () => say("Steps"),
  fuel: () => say("Fuel"),
};

export const cause = (word) => named(CAUSES, word);
export const label = (word) => named(LABELS, word);
export const labelMeaning = (word) => LABEL_MEANINGS[word]?.() ?? "";
export const kind = (word) => named(KINDS, word);
export const state = (word) => named(STATES, word);
export const reading = (word) => named(READINGS, word);

/** The picture of a priority: each has its own outline, so colour is never alone. */
export const priorityIcon = (priority) => `priority-${priority}`;
export const kindIcon = (word) => (word in KINDS ? `kind-${word.replace("_", "-")}` : "kind-unit");

function named(table, word) {
  if (Object.hasOwn(table, word)) return table[word]();
  const spaced = String(word).replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
