"""What a map shows around events, as GeoJSON whose features say in ``role`` what they are.

zone       the shape that something was judged by
way        the straight line from fix to fix
last       the piece of it that ends at the event
rough      the circle of accuracy of a fix
fix        where it was heard; ``number`` is that of its row
event      where it was noticed; ``number`` is that of its row, ``words`` are shown beside it
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pyproj import Geod

from tracking.events.event import FixAsHeard, ZoneAsJudged

_CORNERS = 48
_SMALLEST_CIRCLE_M = 3.0

_earth = Geod(ellps="WGS84")


def around_event(
    fixes: Sequence[FixAsHeard],
    zones: Iterable[ZoneAsJudged],
    *,
    at: datetime | None,
    place: tuple[float, float] | None,
    words: str,
) -> dict[str, Any]:
    """An event with the fixes around it. ``at`` is the time of its fix; ``place`` (lat, lon)."""
    features = [
        _feature("zone", zone.shape, words=zone.name) for zone in zones if zone.shape is not None
    ]
    features += (
        _feature("rough", _circle(fix, fix.accuracy_m))
        for fix in fixes
        if fix.accuracy_m is not None and fix.accuracy_m >= _SMALLEST_CIRCLE_M
    )
    if len(fixes) > 1:
        line = [[fix.lon, fix.lat] for fix in fixes]
        features.append(_feature("way", {"type": "LineString", "coordinates": line}))
    last = [fix for fix in fixes if at is not None and fix.at <= at][-2:]
    if len(last) > 1:
        line = [[fix.lon, fix.lat] for fix in last]
        features.append(_feature("last", {"type": "LineString", "coordinates": line}))
    features += (
        _feature("fix", _point(fix.lat, fix.lon), number=number)
        for number, fix in enumerate(fixes, 1)
    )
    if place is not None:
        features.append(_feature("event", _point(*place), number=0, words=words))
    return _collection(features)


def of_found(found: Iterable[tuple[float | None, float | None, str]]) -> dict[str, Any]:
    """Events by (lat, lon, words), numbered from 1 as their rows are; those without a place not."""
    return _collection(
        [
            _feature("event", _point(lat, lon), number=number, words=words)
            for number, (lat, lon, words) in enumerate(found, 1)
            if lat is not None and lon is not None
        ]
    )


def _circle(fix: FixAsHeard, radius_m: float) -> dict[str, Any]:
    turns = [360.0 * corner / _CORNERS for corner in range(_CORNERS)]
    lons, lats, _ = _earth.fwd(
        [fix.lon] * _CORNERS, [fix.lat] * _CORNERS, turns, [radius_m] * _CORNERS
    )
    ring = [[lon, lat] for lon, lat in zip(lons, lats, strict=True)]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def _point(lat: float, lon: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lon, lat]}


def _feature(role: str, geometry: Mapping[str, Any], **said: object) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {"role": role, **said}}


def _collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}
