/** What is said about zones: their kinds, how large they are, what is missing and what was mended. */

import { number, say, sayMany, time } from "/static/pages/words.js";

import { sizeOf } from "./shape.js";

const KINDS = {
  polygon: () => say("Polygon"),
  circle: () => say("Circle"),
  corridor: () => say("Corridor"),
  area: () => say("Area"),
  moving: () => say("Mobile"),
};

const KIND_HINTS = {
  polygon: () => say("Corner by corner, in one or more parts; parts may have holes."),
  circle: () => say("Everything within so many metres of a place."),
  corridor: () => say("A line, and the ground on both its sides."),
  area: () => say("A canton, a province or a country, as the base map has it."),
  moving: () => say("Everything within so many metres of a vehicle or a person, wherever that is."),
};

const LACKS = {
  corners: () => say("Draw at least three corners of every part."),
  hole: () => say("A hole needs a part around it."),
  line: () => say("Draw a line of at least two places."),
  width: () => say("Give the width in metres."),
  centre: () => say("Place the centre on the map, or write its coordinates."),
  radius: () => say("Give a radius in metres, 5,000 km at most."),
  area: () => say("Choose an area."),
  asset: () => say("Choose what it goes with."),
};

const REMARKS = {
  closed: () => say("The outline was closed."),
  repeated: () => say("Places said twice in a row were left out."),
  turned: () => say("The outline ran the wrong way round and was turned."),
  self_crossing: ({ parts }) =>
    sayMany(parts, "The outline crossed itself; one area came of it.", "The outline crossed itself; it was split in {n} areas."),
  overlapping: () => say("Parts that lay over each other were made one."),
  holes_outside: ({ holes }) =>
    sayMany(holes, "A hole outside of its part was left out.", "{n} holes outside of their parts were left out."),
  dropped: () => say("Lines and points without an area were left out."),
  date_line: () => say("It crosses 180° and was cut there."),
  swapped: () => say("Latitude and longitude stood the wrong way round and were exchanged."),
  thinned: ({ corners, to, tolerance_m: metres }) =>
    say("{corners} corners were made {to}; none was moved by more than {metres} m.", { corners, to, metres: number(metres, 2) }),
  not_kept: ({ field }) => say("{field}: it cannot be kept as it is written and was left out.", { field: FIELDS[field]?.() ?? field }),
  redrawn: ({ kind }) => say("It was drawn otherwise ({kind}) and its shape was changed since: it is a polygon now.", { kind: kindSaid(kind) }),
  reprojected: ({ crs }) => say("Its coordinates were in {crs} and are degrees now.", { crs }),
  perhaps_swapped: ({ lat, lon }) =>
    say("Are latitude and longitude the wrong way round? Exchanged, it would lie near {lat}, {lon}.", { lat, lon }),
};

const FIELDS = {
  name: () => say("Name"),
  note: () => say("Note"),
  colour: () => say("Colour"),
  labels: () => say("Labels"),
  speed_limit_kmh: () => say("Speed limit"),
  hours: () => say("Opening hours"),
};

/** Remarks that say nothing about where the zone is. */
const SMALL = new Set(["closed", "repeated", "turned", "thinned", "not_kept", "reprojected"]);

const DRAW_HINTS = {
  corner: () => say("Click on the map, corner by corner. The first corner, a double click or Finish ends it."),
  line: () => say("Click on the map along the line. A double click or Finish ends it."),
  centre: () => say("Click where the centre is, or drag from there as far as the circle goes."),
  rectangle: () => say("Click two corners that face each other."),
  crowded: () => say("There are too many corners here to take hold of one: zoom in."),
  change: () => say("Drag a corner, or a small dot between two to add one."),
  circle: () => say("Drag the centre to move it, the dot on the rim for the radius."),
};

export const kindSaid = (kind) => KINDS[kind]?.() ?? kind;
export const kindHint = (kind) => KIND_HINTS[kind]?.() ?? "";
export const lackSaid = (lack) => LACKS[lack]?.() ?? "";
export const matters = ({ code }) => !SMALL.has(code);

/** A remark in the reader's language; one that is new to this page in the service's own words. */
export const remarkSaid = ({ code, text, facts }) => REMARKS[code]?.(facts ?? {}) ?? text;

/** What to do with the mouse now. */
export function drawHint({ shape, placing }, crowded) {
  if (crowded && !placing) return DRAW_HINTS.crowded();
  if (placing === "corner" && shape.kind === "corridor") return DRAW_HINTS.line();
  if (placing) return DRAW_HINTS[placing]();
  if (shape.kind === "circle") return shape.centre ? DRAW_HINTS.circle() : "";
  return shape.outlines?.length ? DRAW_HINTS.change() : "";
}

/** How large a shape is: “12.4 ha”, “3.2 km long, 50 m wide”. */
export function sizeSaid(shape) {
  const { areaM2, lengthM } = sizeOf(shape);
  if (shape.kind === "corridor") {
    return lengthM ? say("{length} long, {width} wide", { length: metres(lengthM), width: metres(shape.widthM) }) : "";
  }
  if (!areaM2) return "";
  const area = surface(areaM2);
  return shape.kind === "circle" || shape.kind === "moving"
    ? say("{radius} around it: {area}", { radius: metres(shape.radiusM), area })
    : area;
}

export function metres(length) {
  return length < 10_000 ? `${number(length)} m` : `${number(length / 1000, 1)} km`;
}

/** Who made a version and when. */
export function madeSaid({ created_at: at, created_by: by }) {
  return [time(at), by ?? "Vigil"].join(" · ");
}

function surface(squareMetres) {
  if (squareMetres < 10_000) return `${number(squareMetres)} m²`;
  if (squareMetres < 1_000_000) return `${number(squareMetres / 10_000, 1)} ha`;
  return `${number(squareMetres / 1_000_000, squareMetres < 100_000_000 ? 1 : 0)} km²`;
}
