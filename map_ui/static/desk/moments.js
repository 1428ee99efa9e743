/** Moments between the fixes of a track. */

/** Fixes further apart than this say nothing about the way between them. */
export const GAP_S = 300;

/**
 * Where the asset was at one moment: between two fixes on the straight line between them, over a
 * gap at the fix before it.
 *
 * @param {{ms: number, lon: number, lat: number}[]} points in order of time
 */
export function momentAt(points, ms) {
  if (points.length === 0) return null;
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (points[middle].ms <= ms) low = middle;
    else high = middle - 1;
  }
  const before = points[low];
  const after = points[low + 1];
  if (!after || ms <= before.ms) return { ...before, gap_s: 0 };
  const gap_s = (after.ms - before.ms) / 1000;
  if (gap_s > GAP_S) return { ...before, gap_s, ms };
  const part = (ms - before.ms) / (after.ms - before.ms);
  return {
    ...before,
    ms,
    gap_s,
    lon: before.lon + part * (after.lon - before.lon),
    lat: before.lat + part * (after.lat - before.lat),
  };
}
