/**
 * How a zone is drawn, as values that never change: each step gives another shape.
 *
 * polygon, corridor   `outlines`: [{points: [[lon, lat], …], hole}]; closed without saying so in a
 *                     polygon, where a hole belongs to the last outline before it that is none
 * circle              `centre` [lon, lat] or null, `radiusM`
 * corridor            `widthM` besides, from edge to edge
 * area                `area` {code, name, geometry} or null
 * moving              `asset` {id, name} or null, `radiusM`
 */

import { areaOf, circle, lengthOf } from "./earth.js";

export const LONGEST_RADIUS_M = 5_000_000;

const FIRST = {
  polygon: { outlines: [] },
  corridor: { outlines: [], widthM: 50 },
  circle: { centre: null, radiusM: 200 },
  area: { area: null },
  moving: { asset: null, radiusM: 100 },
};

/** A shape of which nothing is drawn yet. */
export function empty(kind) {
  return { kind, ...FIRST[kind] };
}

/** Every corner with its address: [{outline, index, place, of}]. */
export function corners(shape) {
  return (shape.outlines ?? []).flatMap(({ points }, outline) =>
    points.map((place, index) => ({ outline, index, place, of: points.length })),
  );
}

/** The middle of every side, as the address of the corner before it. */
export function middles(shape) {
  return (shape.outlines ?? []).flatMap(({ points }, outline) => {
    const closed = shape.kind === "polygon" && points.length > 2;
    const sides = closed ? points.length : points.length - 1;
    return Array.from({ length: Math.max(0, sides) }, (_, index) => {
      const [lon, lat] = points[index];
      const [nextLon, nextLat] = points[(index + 1) % points.length];
      return { outline, index, place: [(lon + nextLon) / 2, (lat + nextLat) / 2] };
    });
  });
}

export function withCorner(shape, outline, index, place) {
  return changed(shape, outline, (points) => points.map((old, at) => (at === index ? place : old)));
}

/** A corner more, after the one at `index`; -1 puts it first. */
export function withCornerAfter(shape, outline, index, place) {
  return changed(shape, outline, (points) => points.toSpliced(index + 1, 0, place));
}

/** A corner less; an outline without corners goes. */
export function withoutCorner(shape, outline, index) {
  const less = changed(shape, outline, (points) => points.toSpliced(index, 1));
  return less.outlines[outline].points.length === 0 ? withoutOutline(less, outline) : less;
}

/** An outline more, the last; a hole goes into the outline before it. */
export function withOutline(shape, points, hole = false) {
  return { ...shape, outlines: [...shape.outlines, { points, hole }] };
}

/** An outline less, with the holes in it. */
export function withoutOutline(shape, outline) {
  let last = outline + 1;
  if (!shape.outlines[outline].hole) while (shape.outlines[last]?.hole) last += 1;
  return { ...shape, outlines: shape.outlines.toSpliced(outline, last - outline) };
}

/** The whole of it as GeoJSON, or null while there is nothing of it to see. */
export function geometryOf(shape) {
  if (shape.kind === "circle") {
    return shape.centre ? { type: "Polygon", coordinates: [circle(shape.centre, shape.radiusM)] } : null;
  }
  if (shape.kind === "area") return shape.area?.geometry ?? null;
  if (shape.kind === "moving") return null;
  if (shape.kind === "corridor") {
    const lines = shape.outlines.map(({ points }) => points).filter((points) => points.length > 1);
    return lines.length ? { type: "MultiLineString", coordinates: lines } : null;
  }
  const parts = [];
  for (const { points, hole } of shape.outlines) {
    if (points.length < 3) continue;
    const ring = [...points, points[0]];
    if (hole && parts.length) parts.at(-1).push(ring);
    else parts.push([ring]);
  }
  return parts.length ? { type: "MultiPolygon", coordinates: parts } : null;
}

/** The outlines of a Polygon or MultiPolygon, or of a LineString. */
export function outlinesOf({ type, coordinates }) {
  if (type === "LineString") return [{ points: coordinates, hole: false }];
  if (type === "MultiLineString") return coordinates.map((points) => ({ points, hole: false }));
  const parts = type === "Polygon" ? [coordinates] : coordinates;
  return parts.flatMap((rings) => rings.map((ring, at) => ({ points: ring.slice(0, -1), hole: at > 0 })));
}

/** What keeps it from being a zone yet: "corners", "hole", "line", "centre", "radius", …; or "". */
export function lacks(shape) {
  const { outlines, radiusM } = shape;
  if (shape.kind === "polygon") {
    if (outlines.length === 0 || outlines.some(({ points }) => points.length < 3)) return "corners";
    return outlines[0].hole ? "hole" : "";
  }
  if (shape.kind === "corridor") {
    if (outlines.length === 0 || outlines.some(({ points }) => points.length < 2)) return "line";
    return shape.widthM > 0 ? "" : "width";
  }
  if (shape.kind === "area") return shape.area ? "" : "area";
  if (shape.kind === "circle" && !shape.centre) return "centre";
  if (shape.kind === "moving" && !shape.asset) return "asset";
  return radiusM > 0 && radiusM <= LONGEST_RADIUS_M ? "" : "radius";
}

/** {areaM2, lengthM} as far as it has them. */
export function sizeOf(shape) {
  if (shape.kind === "circle" || shape.kind === "moving") return { areaM2: Math.PI * shape.radiusM ** 2 };
  if (shape.kind === "corridor") {
    return { lengthM: shape.outlines.reduce((sum, { points }) => sum + lengthOf(points), 0) };
  }
  const geometry = geometryOf(shape);
  if (geometry === null) return {};
  const parts = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const inside = ([outer, ...holes]) => areaOf(outer) - holes.reduce((sum, hole) => sum + areaOf(hole), 0);
  return { areaM2: parts.reduce((sum, part) => sum + inside(part), 0) };
}

/** [west, south, east, north] of a GeoJSON geometry. */
export function boundsOf(geometry) {
  const bounds = [180, 90, -180, -90];
  const take = (coordinates) => {
    if (typeof coordinates[0] !== "number") {
      coordinates.forEach(take);
      return;
    }
    const [lon, lat] = coordinates;
    bounds[0] = Math.min(bounds[0], lon);
    bounds[1] = Math.min(bounds[1], lat);
    bounds[2] = Math.max(bounds[2], lon);
    bounds[3] = Math.max(bounds[3], lat);
  };
  take(geometry.coordinates);
  return bounds;
}

function changed(shape, outline, change) {
  const outlines = shape.outlines.map((each, at) => (at === outline ? { ...each, points: change(each.points) } : each));
  return { ...shape, outlines };
}
