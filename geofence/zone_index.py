"""Which zones are around a fix: a whole batch of fixes against all zones at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from threading import Lock

import numpy as np
import numpy.typing as npt
import shapely

from geofence.metric import Edge, Place, distance_m, edge_of, points, covered, covers, nearest_m
from geofence.zone import Zone
from protocols.message import Fix

LOST_AFTER_S = 600.0
"""A zone that moves is lost when its anchor was last seen this long before or after the fix."""

_NOTHING: frozenset[str] = frozenset()

_looking = Lock()
"""GEOS readies a shape when it is first looked into, and two threads must not do so at once."""


class ZoneIndex:
    """Zones, found by place. Nothing in it changes; threads may share it."""

    def __init__(self, zones: Iterable[Zone], *, lost_after_s: float = LOST_AFTER_S) -> None:
        self.zones = {zone.id: zone for zone in zones}
        self.lost_after_s = lost_after_s
        fixed = [zone for zone in self.zones.values() if zone.shape is not None]
        self._ids = np.array([zone.id for zone in fixed], dtype=object)
        self._shapes = np.array([zone.shape for zone in fixed], dtype=object)
        self._edges: dict[str, Edge] = {}
        self._moving: dict[str, list[Zone]] = defaultdict(list)
        for zone in self.zones.values():
            if zone.anchor is not None:
                self._moving[zone.anchor].append(zone)
        shapely.prepare(self._shapes)
        self._tree = shapely.STRtree(self._shapes)
        self._tree.query(points(lats=[0.0], lons=[0.0]))  # it is built by its first question

    def around(
        self, fixes: Sequence[Fix], *, anchors: Mapping[str, Fix] | None = None
    ) -> list["Around"]:
        """The zones around each fix. ``anchors`` are last fixes of assets that zones move with."""
        inside = self._inside(fixes)
        placed = {
            zone.id: fix
            for anchor, fix in (anchors or {}).items()
            for zone in self._moving.get(anchor, ())
        }
        return [
            Around(self, fix, within, placed) for fix, within in zip(fixes, inside, strict=True)
        ]
