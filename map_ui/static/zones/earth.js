/**
 * Metres on the Earth, well enough to draw by: what is stored is worked out by the service.
 *
 * Places are [lon, lat] in degrees, as GeoJSON has them.
 */

const RADIUS_M = 6_371_008.8;
const CIRCLE_POINTS = 96;
const radians = (degrees) => (degrees * Math.PI) / 180;
const degrees = (angle) => (angle * 180) / Math.PI;

/** Metres between two places. */
export function distance([lon, lat], [otherLon, otherLat]) {
  const half = (angle) => Math.sin(radians(angle) / 2) ** 2;
  const chord = half(otherLat - lat) + Math.cos(radians(lat)) * Math.cos(radians(otherLat)) * half(otherLon - lon);
  return 2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** The place some metres away; 0° is north, 90° east. */
export function away([lon, lat], metres, courseDeg) {
  const angle = metres / RADIUS_M;
  const course = radians(courseDeg);
  const from = radians(lat);
  const to = Math.asin(Math.sin(from) * Math.cos(angle) + Math.cos(from) * Math.sin(angle) * Math.cos(course));
  const east = Math.atan2(
    Math.sin(course) * Math.sin(angle) * Math.cos(from),
    Math.cos(angle) - Math.sin(from) * Math.sin(to),
  );
  return [lon + degrees(east), degrees(to)];
}

/** The closed ring of a circle. */
export function circle(centre, radiusM) {
  const ring = Array.from({ length: CIRCLE_POINTS }, (_, step) => away(centre, radiusM, (step * 360) / CIRCLE_POINTS));
  return [...ring, ring[0]];
}

/** Square metres within an outline, whichever way round it goes. */
export function areaOf(points) {
  let twice = 0;
  for (const [index, [lon, lat]] of points.entries()) {
    const [nextLon, nextLat] = points[(index + 1) % points.length];
    twice += radians(nextLon - lon) * (2 + Math.sin(radians(lat)) + Math.sin(radians(nextLat)));
  }
  return Math.abs((twice * RADIUS_M ** 2) / 2);
}

/** Metres along a line. */
export function lengthOf(points) {
  return points.slice(1).reduce((sum, point, index) => sum + distance(points[index], point), 0);
}

/** Metres that a pixel shows at a latitude, when the world is 512 pixels wide at zoom 0. */
export function metresPerPixel(lat, zoom) {
  return (2 * Math.PI * RADIUS_M * Math.cos(radians(lat))) / (512 * 2 ** zoom);
}
