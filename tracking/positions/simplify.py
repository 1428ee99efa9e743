"""Fewer points for the same journey: Douglas and Peucker's way, but true to time.

The usual distance, to the line, forgets that somebody stood still on it. Here a left-out
position is compared with where a straight move between its kept neighbours would be *at its own
time* (the synchronous distance of Meratnia and de By, 2004), so a stop stays a stop.
"""

import heapq
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_A_M: Final = 6_378_137.0
_E2: Final = 6.694_379_990_14e-3
"""The ellipsoid of WGS84."""


def worth_keeping(
    *, lat: Floats, lon: Floats, at_s: Floats, tolerance_m: float, most: int
) -> tuple[npt.NDArray[np.intp], float]:
    """Which positions to keep, in order, and how far in metres the others stray at most.

    ``at_s`` must not fall. The worst are kept first, so ``most`` (at least 2) points are the
    best that many can do; without that limit nothing strays further than ``tolerance_m``.
    """
    count = len(lat)
    if count <= 2:
        return np.arange(count), 0.0
    lon = np.unwrap(lon, period=360.0)
    kept = [0, count - 1]
    waiting = _worst_between(lat, lon, at_s, 0, count - 1)
    while waiting and -waiting[0][0] > tolerance_m and len(kept) < most:
        _, first, worst, last = heapq.heappop(waiting)
        kept.append(worst)
        for part in ((first, worst), (worst, last)):
            for found in _worst_between(lat, lon, at_s, *part):
                heapq.heappush(waiting, found)
    return np.array(sorted(kept)), -waiting[0][0] if waiting else 0.0


def _worst_between(
    lat: Floats, lon: Floats, at_s: Floats, first: int, last: int
) -> list[tuple[float, int, int, int]]:
    """The position that strays most between two kept ones, ready for a heap; [] when none is."""
    if last - first < 2:
        return []
    between = slice(first + 1, last)
    span_s = at_s[last] - at_s[first]
    # Positions of one and the same second: spread them evenly, in their order.
    share = (
        (at_s[between] - at_s[first]) / span_s
        if span_s > 0
        else np.arange(1, last - first) / (last - first)
    )
    strays_m = _metres(
        lat[between],
        lat[between] - (lat[first] + share * (lat[last] - lat[first])),
        lon[between] - (lon[first] + share * (lon[last] - lon[first])),
    )
    worst = int(strays_m.argmax())
    return [(-float(strays_m[worst]), first, first + 1 + worst, last)]


def _metres(lat: Floats, north_deg: Floats, east_deg: Floats) -> Floats:
    """The length of small steps at these latitudes, by the ellipsoid's radii of curvature there."""
    sin_lat = np.sin(np.radians(lat))
    flat = 1.0 - _E2 * sin_lat**2
    meridian_m = _A_M * (1.0 - _E2) / flat**1.5
    parallel_m = _A_M * np.cos(np.radians(lat)) / np.sqrt(flat)
    return np.hypot(np.radians(north_deg) * meridian_m, np.radians(east_deg) * parallel_m)
