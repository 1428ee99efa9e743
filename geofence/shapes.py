"""Shapes of zones: circles and corridors in metres, and whether a drawn shape can be judged by.

Whatever a person draws or a file brings is made sound once, before it is stored: what can be
repaired is, and every repair is a remark; what cannot is refused in a sentence.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, pairwise
from math import isfinite
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from geofence.metric import (
    Numbers,
    Place,
    Plane,
    area_m2,
    areas,
    cut_at_date_line,
    distance_m,
    unrolled,
    way,
)

MOST_VERTICES = 10_000
LEAST_AREA_M2 = 1.0
LARGEST_RADIUS_M = 5_000_000.0
LARGEST_WIDTH_M = 100_000.0

_HEMISPHERE_M2 = 2.55033e14
_QUARTER = 24
"""Vertices of a quarter of a circle: its sides are within 0.06 % of the radius."""
_BEND = 0.0005
"""By how much of a radius or width a side may be bent."""
_LEG_M = 100_000.0
_HOME = (2.0, 49.0, 8.0, 54.0)
"""West, south, east, north of where most of what is drawn here lies: the Low Countries."""
_CLOSED_TRIANGLE = 4
_CROSSING = re.compile(r"\[(\S+) (\S+)\]")


class Repair(StrEnum):
    """What was done to a shape, or what looks odd about it; screens have words for each."""

    CLOSED = "closed"
    REPEATED = "repeated"
    TURNED = "turned"
    SELF_CROSSING = "self_crossing"
    OVERLAPPING = "overlapping"
    HOLES_OUTSIDE = "holes_outside"
    DROPPED = "dropped"
    DATE_LINE = "date_line"
    SWAPPED = "swapped"
    PERHAPS_SWAPPED = "perhaps_swapped"


_COUNTED = {
    Repair.DROPPED: "parts",
    Repair.HOLES_OUTSIDE: "holes",
    Repair.TURNED: "rings",
    Repair.OVERLAPPING: "parts",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One repair, and the numbers that its words need.

    closed           rings: rings whose last place was not the first
    repeated         places: places said twice in a row
    turned           rings: rings drawn the wrong way round, as files of other makers have them
    self_crossing    lat, lon: where it crosses itself first; parts: areas that came of it
    overlapping      parts: areas that lay over each other, made one
    holes_outside    holes: holes that lay outside of what they should be in
    dropped          parts: rings of fewer than three places, left out
    date_line        it crosses 180° and was cut there
    swapped          latitude and longitude stood the wrong way round, and were exchanged
    perhaps_swapped  lat, lon: where it would lie if they were exchanged; nothing was done
    """

    repair: Repair
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A shape that can be judged by, and what had to be done for it."""

    shape: BaseGeometry
    remarks: tuple[Remark, ...] = ()


def circle(*, lat: float, lon: float, radius_m: float) -> BaseGeometry:
    """What is within ``radius_m`` metres of a place. Raises ValueError, which says what may be."""
    _on_earth(lat, lon)
    if not 0 < radius_m <= LARGEST_RADIUS_M:
        raise ValueError(f"radius_m must be above 0 and at most {LARGEST_RADIUS_M:.0f}")
    around = shapely.Point(0, 0).buffer(radius_m, quad_segs=_QUARTER)
    return Plane(lat=lat, lon=lon).on_earth(around, bend_m=radius_m * _BEND)


def corridor(line: Sequence[Sequence[float]], *, width_m: float) -> BaseGeometry:
    """What is within half of ``width_m`` of a line of (lat, lon). Raises ValueError."""
    if not 0 < width_m <= LARGEST_WIDTH_M:
        raise ValueError(f"width_m must be above 0 and at most {LARGEST_WIDTH_M:.0f}")
    places = [Place(lat=lat, lon=lon) for lat, lon in line]
    if len(set(places)) < 2:
        raise ValueError("a corridor needs a line of at least two places")
    if len(places) > MOST_VERTICES:
        raise ValueError(f"a line may have {MOST_VERTICES} places; this one has {len(places)}")
    for place in places:
        _on_earth(place.lat, place.lon)
    # A flat map is true around its centre only: a long line is made of legs with a map for each.
    legs = _legs(way(places, step_m=_LEG_M))
    return areas(shapely.union_all([_widened(leg, width_m) for leg in legs]))


def sound(drawn: Mapping[str, Any] | BaseGeometry) -> Sound:
    """A shape that can be judged by, from GeoJSON or a geometry. Raises ValueError if none is left.

    Longitudes beyond 180° are understood; a side longer than half the Earth goes the other way.
    """
    rings = _rings(drawn)
    count = sum(map(len, chain(*rings)))
    if not count:
        raise ValueError("the shape has no places")
    if count > MOST_VERTICES:
        raise ValueError(f"a shape may have {MOST_VERTICES} vertices; this one has {count}")
    remarks: list[Remark] = []
    for repair in (_closed, _not_swapped, _said_once, _unrolled):
        rings, more = repair(rings)
        remarks += more
    shape, more = _built(rings)
    area = area_m2(shape)
    if area < LEAST_AREA_M2:
        raise ValueError("nothing is left of the shape: it has no area")
    if area > _HEMISPHERE_M2:
        raise ValueError("the shape is larger than half of the Earth; is it drawn inside out?")
    return Sound(shape=shapely.orient_polygons(shape), remarks=(*remarks, *more))


def _on_earth(lat: float, lon: float) -> None:
    if not (isfinite(lat) and isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        raise ValueError(f"not on Earth: {lat}, {lon}")


def _legs(places: Sequence[Place]) -> list[Sequence[Place]]:
    """The places in rows that are not long; the last of one is the first of the next."""
    legs, first, length_m = [], 0, 0.0
    for number, (here, there) in enumerate(pairwise(places), start=1):
        length_m += distance_m(lat=here.lat, lon=here.lon, to_lat=there.lat, to_lon=there.lon)
        if length_m >= _LEG_M or number == len(places) - 1:
            legs.append(places[first : number + 1])
            first, length_m = number, 0.0
    return legs


def _widened(leg: Sequence[Place], width_m: float) -> BaseGeometry:
    middle = leg[len(leg) // 2]
    plane = Plane(lat=middle.lat, lon=middle.lon)
    around = plane.line(leg).buffer(width_m / 2, quad_segs=_QUARTER // 2)
    return plane.on_earth(around, bend_m=width_m * _BEND)


def _rings(drawn: Mapping[str, Any] | BaseGeometry) -> list[list[Numbers]]:
    """The rings of every polygon, outer one first, as rows of (longitude, latitude)."""
    said = drawn if isinstance(drawn, Mapping) else mapping(drawn)
    kind, parts = said.get("type"), said.get("coordinates", ())
    try:
        if kind == "Polygon":
            return [[_ring(ring) for ring in parts]] if len(parts) else []
        if kind == "MultiPolygon":
            return [[_ring(ring) for ring in rings] for rings in parts]
        if kind == "GeometryCollection":
            return [rings for each in said["geometries"] for rings in _rings(each)]
    except (TypeError, IndexError, KeyError) as error:
        raise ValueError("a shape is GeoJSON with coordinates in rings of [lon, lat]") from error
    raise ValueError(f"a zone is a Polygon or a MultiPolygon, not {str(kind)[:40]!r}")


def _ring(said: Sequence[Sequence[float]]) -> Numbers:
    """Heights are not kept."""
    places = [(place[0], place[1]) for place in said]
    try:
        ring = np.array(places, dtype=np.float64).reshape(-1, 2)
    except ValueError:
        ring = np.full((1, 2), np.nan)
    if not np.isfinite(ring).all():
        raise ValueError("every place of a shape is two numbers, [lon, lat]")
    return ring


def _closed(polygons: list[list[Numbers]]) -> tuple[list[list[Numbers]], list[Remark]]:
    closed = [
        [ring if _ends_meet(ring) else np.vstack([ring, ring[:1]]) for ring in rings]
        for rings in polygons
    ]
    count = sum(not _ends_meet(ring) for rings in polygons for ring in rings)
    return closed, [Remark(repair=Repair.CLOSED, numbers={"rings": count})] if count else []


def _ends_meet(ring: Numbers) -> bool:
    return len(ring) > 1 and bool((ring[0] == ring[-1]).all())


def _not_swapped(polygons: list[list[Numbers]]) -> tuple[list[list[Numbers]], list[Remark]]:
    """Exchanged where they cannot be as they are; where they only look so, it is remarked."""
    places = np.vstack([ring for rings in polygons for ring in rings])
    lons, lats = places.T
    if np.abs(lats).max() > 90:
        if np.abs(lons).max() > 90 or np.abs(lats).max() > 180:
            lat, lon = places[np.abs(lats).argmax()][::-1]
            raise ValueError(f"not on Earth: {lat:g}, {lon:g}")
        swapped = [[ring[:, ::-1] for ring in rings] for rings in polygons]
        return swapped, [Remark(repair=Repair.SWAPPED)]
    west, south, east, north = _HOME
    if lats.min() >= west and lats.max() <= east and lons.min() >= south and lons.max() <= north:
        would_be = {"lat": float(lons.mean()), "lon": float(lats.mean())}
        return polygons, [Remark(repair=Repair.PERHAPS_SWAPPED, numbers=would_be)]
    return polygons, []


def _said_once(polygons: list[list[Numbers]]) -> tuple[list[list[Numbers]], list[Remark]]:
    once = [
        [ring[np.append(True, (np.diff(ring, axis=0) != 0).any(axis=1))] for ring in rings]
        for rings in polygons
    ]
    count = sum(map(len, chain(*polygons))) - sum(map(len, chain(*once)))
    return once, [Remark(repair=Repair.REPEATED, numbers={"places": count})] if count else []


def _unrolled(polygons: list[list[Numbers]]) -> tuple[list[list[Numbers]], list[Remark]]:
    """Longitudes go on beyond 180° where a shape crosses it, so that it lies in one piece."""
    if not any(_across(ring) for ring in chain(*polygons)):
        return polygons, []
    return [_in_one_piece(rings) for rings in polygons], [Remark(repair=Repair.DATE_LINE)]


def _across(ring: Numbers) -> bool:
    """A side along a pole is none, however long."""
    lons, lats = ring.T
    step = np.abs(np.diff(lons))
    long = (step > 180) & (step < 360) & (np.abs(lats[1:]) < 90)
    return bool(long.any() or np.abs(lons).max() > 180)


def _in_one_piece(rings: list[Numbers]) -> list[Numbers]:
    outer, *holes = (unrolled(ring) for ring in rings)
    middle = (outer[:, 0].min() + outer[:, 0].max()) / 2
    for hole in holes:
        hole[:, 0] += 360 * round((middle - hole[:, 0].mean()) / 360)
    return [outer, *holes]


def _built(polygons: list[list[Numbers]]) -> tuple[BaseGeometry, list[Remark]]:
    """The polygons as one valid shape."""
    remarks, shapes, counts = [], [], Counter[Repair]()
    for outer, *holes in polygons:
        if len(outer) < _CLOSED_TRIANGLE:
            counts[Repair.DROPPED] += 1
            continue
        drawn = [ring for ring in holes if len(ring) >= _CLOSED_TRIANGLE]
        counts[Repair.DROPPED] += len(holes) - len(drawn)
        within = areas(shapely.make_valid(shapely.Polygon(outer), method="structure"))
        inside = [ring for ring in drawn if _meets(within, ring)]
        counts[Repair.HOLES_OUTSIDE] += len(drawn) - len(inside)
        counts[Repair.TURNED] += _turned(outer, inside)
        polygon = shapely.Polygon(outer, inside)
        if not polygon.is_valid:
            crossing = _CROSSING.search(shapely.is_valid_reason(polygon))
            polygon = areas(shapely.make_valid(polygon, method="structure"))
            remarks.append(_crossed(crossing, shapely.get_num_geometries(polygon)))
        if not polygon.is_empty:
            shapes.append(cut_at_date_line(polygon))
    shape = areas(shapely.geometrycollections(shapes))
    if not shape.is_valid:
        shape = areas(shapely.union_all(shapes))
        counts[Repair.OVERLAPPING] = len(shapes)
    for repair, count in counts.items():
        if count:
            remarks.append(Remark(repair=repair, numbers={_COUNTED[repair]: count}))
    return shape, remarks


def _meets(shape: BaseGeometry, ring: Numbers) -> bool:
    hole = shapely.make_valid(shapely.Polygon(ring), method="structure")
    return bool(shapely.intersects(shape, hole) and not shapely.touches(shape, hole))


def _turned(outer: Numbers, holes: Sequence[Numbers]) -> int:
    """Outer rings go round to the left, holes to the right."""
    left = shapely.is_ccw([shapely.LinearRing(ring) for ring in (outer, *holes)])
    return int(not left[0]) + int(left[1:].sum())


def _crossed(crossing: re.Match[str] | None, parts: int) -> Remark:
    numbers: dict[str, float] = {"parts": int(parts)}
    if crossing is not None:
        lon, lat = (float(each) for each in crossing.groups())
        numbers |= {"lat": lat, "lon": (lon + 180) % 360 - 180}
    return Remark(repair=Repair.SELF_CROSSING, numbers=numbers)
