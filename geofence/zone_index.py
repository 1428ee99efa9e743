"""Which zones are around a fix: a whole batch of fixes against all zones at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from math import inf
from threading import Lock

import numpy as np
import shapely

from geofence.metric import (
    LEAST_DEGREE_M,
    Edge,
    Numbers,
    Place,
    boxes_around,
    covered,
    covers,
    distance_m,
    distances_m,
    edge_of,
    nearest_m,
    points,
)
from geofence.zone import Zone
from protocols.message import Fix

LOST_AFTER_S = 600.0

_NOTHING: frozenset[str] = frozenset()
_NO_ANCHORS: Mapping[str, Fix] = {}
_FIRST_LOOK_M = 250.0
_EVERYWHERE_M = 2.1e7
_NONE: tuple[float, str] = (inf, "")

_looking = Lock()
"""GEOS readies a shape when it is first looked into, and two threads must not do so at once."""


class ZoneIndex:
    """Zones, found by place. Nothing in it changes; threads may share it.

    A zone that moves is lost when its anchor was last seen ``lost_after_s`` before or after.
    """

    def __init__(self, zones: Iterable[Zone], *, lost_after_s: float = LOST_AFTER_S) -> None:
        self.zones = {zone.id: zone for zone in zones}
        self.lost_after_s = lost_after_s
        still = [zone for zone in self.zones.values() if zone.shape is not None]
        self._moving = tuple(zone for zone in self.zones.values() if zone.shape is None)
        self._ids = np.array([zone.id for zone in still], dtype=object)
        self._shapes = np.array([zone.shape for zone in still], dtype=object)
        self._edges: dict[str, Edge] = {}
        with _looking:
            shapely.prepare(self._shapes)
        self._tree = shapely.STRtree(self._shapes)
        self._tree.query(points([0.0], [0.0]))  # its first question builds it

    def around(
        self, fixes: Sequence[Fix], *, anchors: Mapping[str, Fix] = _NO_ANCHORS
    ) -> list["Around"]:
        """What is around each fix; ``anchors`` are the last fixes of assets, by their ids."""
        lats = np.array([fix.lat for fix in fixes])
        lons = np.array([fix.lon for fix in fixes])
        inside = self._inside(lats, lons)
        for number, zone in self._with_anchors(fixes, lats, lons, anchors):
            inside[number] |= {zone.id}
        return [
            Around(self, fix, within, anchors) for fix, within in zip(fixes, inside, strict=True)
        ]

    def near(
        self, fix: Fix, within_m: float, anchors: Mapping[str, Fix] = _NO_ANCHORS
    ) -> frozenset[str]:
        """All zones that may be within so many metres of a fix; see ``Surroundings.near``."""
        boxes = boxes_around(lat=fix.lat, lon=fix.lon, within_m=within_m)
        found = set(self._ids[self._tree.query(boxes)[1]].tolist())
        for zone in self._moving:
            place = self.place_of(zone, fix, anchors)
            far_m = 0.0
            if place is not None:
                far_m = distance_m(lat=fix.lat, lon=fix.lon, to_lat=place.lat, to_lon=place.lon)
            if far_m - (zone.radius_m or 0.0) <= within_m:
                found.add(zone.id)
        return frozenset(found)

    def edge(self, zone: Zone) -> Edge:
        """The edge of a zone that has a shape; made when it is first asked for."""
        edge = self._edges.get(zone.id)
        if edge is None:
            # Two threads may both make it; they make the same.
            edge = self._edges[zone.id] = edge_of(zone.shape)
        return edge

    def place_of(self, zone: Zone, fix: Fix, anchors: Mapping[str, Fix]) -> Place | None:
        """Where a zone that moves was at the time of a fix; None if it is lost."""
        anchor = anchors.get(zone.anchor or "")
        if anchor is None or abs((fix.at - anchor.at).total_seconds()) > self.lost_after_s:
            return None
        return Place(lat=anchor.lat, lon=anchor.lon)

    def _inside(self, lats: Numbers, lons: Numbers) -> list[frozenset[str]]:
        """The zones with a shape that cover each place."""
        inside = [_NOTHING] * len(lats)
        if not len(lats) or not len(self._ids):
            return inside
        near, zones = self._tree.query(points(lats, lons))
        # One shape after the other: each stays in the processor's cache while it is looked into.
        order = np.argsort(zones, kind="stable")
        near, zones = near[order], zones[order]
        with _looking:
            hits = covered(self._shapes[zones], lats[near], lons[near])
        near, zones = near[hits], zones[hits]
        if not len(near):
            return inside
        order = np.argsort(near, kind="stable")
        near, ids = near[order], self._ids[zones[order]].tolist()
        first_of = np.flatnonzero(np.diff(near, prepend=-1)).tolist()
        for first, end in zip(first_of, [*first_of[1:], len(ids)], strict=True):
            inside[near[first]] = frozenset(ids[first:end])
        return inside

    def _with_anchors(
        self, fixes: Sequence[Fix], lats: Numbers, lons: Numbers, anchors: Mapping[str, Fix]
    ) -> Iterator[tuple[int, Zone]]:
        """Fixes by number, each with a moving zone that it is inside of."""
        placed = [
            (zone, anchors[zone.anchor or ""]) for zone in self._moving if zone.anchor in anchors
        ]
        if not placed:
            return
        zone_lats = np.array([anchor.lat for _, anchor in placed])
        zone_lons = np.array([anchor.lon for _, anchor in placed])
        radii_m = np.array([zone.radius_m or 0.0 for zone, _ in placed])
        to_north_m = np.abs(lats[:, None] - zone_lats) * LEAST_DEGREE_M
        near, zones = np.nonzero(to_north_m <= radii_m)
        far_m = distances_m(lats[near], lons[near], zone_lats[zones], zone_lons[zones])
        within = far_m <= radii_m[zones]
        for number, which in zip(near[within].tolist(), zones[within].tolist(), strict=True):
            zone = placed[which][0]
            if self.place_of(zone, fixes[number], anchors) is not None:
                yield number, zone


class Around:
    """The zones around one fix; see ``geofence.sighting.Surroundings``."""

    __slots__ = ("_anchors", "_fix", "_index", "inside")

    def __init__(
        self, index: ZoneIndex, fix: Fix, inside: frozenset[str], anchors: Mapping[str, Fix]
    ) -> None:
        self.inside = inside
        self._index = index
        self._fix = fix
        self._anchors = anchors

    def zone(self, zone_id: str) -> Zone | None:
        """A zone, if it exists and its place is known; one that moves has its centre then."""
        zone = self._index.zones.get(zone_id)
        if zone is None or zone.shape is not None:
            return zone
        centre = self._index.place_of(zone, self._fix, self._anchors)
        return None if centre is None else replace(zone, centre=centre)

    def distance_m(self, zone_id: str) -> float:
        """How far the fix is outside the zone; 0 inside it; infinite if the zone is not known."""
        if zone_id in self.inside:
            return 0.0
        zone = self.zone(zone_id)
        if zone is None:
            return inf
        if zone.centre is not None and zone.shape is None:
            return max(self._to(zone.centre) - (zone.radius_m or 0.0), 0.0)
        return self._index.edge(zone).distance_m(lat=self._fix.lat, lon=self._fix.lon)

    def depth_m(self, zone_id: str) -> float:
        """How far inside the zone the fix is: the distance to its edge; 0 outside it."""
        zone = self.zone(zone_id) if zone_id in self.inside else None
        if zone is None:
            return 0.0
        if zone.centre is not None and zone.shape is None:
            return max((zone.radius_m or 0.0) - self._to(zone.centre), 0.0)
        return self._index.edge(zone).distance_m(lat=self._fix.lat, lon=self._fix.lon)

    def near(self, within_m: float) -> frozenset[str]:
        """All zones that may be within so many metres."""
        return self._index.near(self._fix, within_m, self._anchors)

    def nearest(self, zone_ids: AbstractSet[str]) -> str | None:
        """Which of these zones is nearest; None if the place of none is known."""
        within_m = _FIRST_LOOK_M
        while True:
            found = self.near(within_m) & zone_ids
            far_m, zone_id = min(((self.distance_m(each), each) for each in found), default=_NONE)
            if far_m <= within_m:
                return zone_id
            if within_m > _EVERYWHERE_M:
                return None
            # What was found may hide what is nearer, but nothing further away is.
            within_m = far_m * 1.001 if far_m < inf else within_m * 4

    def crossed(self, zone_id: str, since: Fix) -> bool:
        """Whether the straight way from ``since`` to this fix touches the zone."""
        if zone_id in self.inside:
            return True
        zone = self.zone(zone_id)
        if zone is None:
            return False
        start = Place(lat=since.lat, lon=since.lon)
        end = Place(lat=self._fix.lat, lon=self._fix.lon)
        if zone.shape is None:
            at = zone.centre
            radius_m = zone.radius_m or 0.0
            return at is not None and _nearest(at, start, end) <= radius_m
        with _looking:
            started_inside = covers(zone.shape, lat=start.lat, lon=start.lon)
        return started_inside or self._index.edge(zone).touched(start, end)

    def _to(self, place: Place) -> float:
        return distance_m(lat=self._fix.lat, lon=self._fix.lon, to_lat=place.lat, to_lon=place.lon)


def _nearest(at: Place, start: Place, end: Place) -> float:
    return nearest_m(lat=at.lat, lon=at.lon, start=start, end=end)
