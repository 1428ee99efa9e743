"""A zone was crossed between two fixes, neither of which was in it, while it was open.

What a device that speaks every few minutes drives through would otherwise not be noticed at all.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar

from geofence import placing
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.metric import distance_m
from geofence.placing import UNKNOWN, Place
from geofence.sighting import Sighting
from protocols.message import Fix

_STILL_M = 10.0
_FRESH = 0.25
"""What part of ``within_s`` the fix of one that stands may be old before it is noted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where it is, and the fix before: it changes with every good fix of one that moves."""

    place: Place = UNKNOWN
    lat: float = 0.0
    lon: float = 0.0
    at_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneCrossed:
    """Holds at the fix after it; ``zones`` if several.

    The straight way between two good fixes counts that are no more than ``within_s`` apart: of
    what lies between others nobody can say where it went.
    """

    kind: ClassVar[str] = "zone_crossed"
    persists: ClassVar[bool] = False
    zones: frozenset[str]
    within_s: float = 600.0
    margin_m: float = 15.0
    settle: int = 2
    settle_s: float = 30.0

    def __post_init__(self) -> None:
        placing.check(self)
        placing.check_seconds(self.kind, "within_s", self.within_s, least=1)

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        fix, before = seen.fix, memory.place
        said = FAILS if before.known else CANNOT_SAY
        if fix is None:
            return memory, said
        place, _ = placing.placed(before, seen, self)
        if place is not before:
            memory = replace(memory, place=place)
        if fix.accuracy_m is not None and fix.accuracy_m > placing.GOOD_M:
            return memory, said
        was = _fix_before(memory)
        moved_m = 0.0
        if was is not None:
            moved_m = distance_m(lat=was.lat, lon=was.lon, to_lat=fix.lat, to_lon=fix.lon)
            age_s = (seen.at - was.at).total_seconds()
            if moved_m < _STILL_M and age_s < self.within_s * _FRESH:
                return memory, said
            if age_s > self.within_s:
                was = None
        memory = replace(memory, lat=fix.lat, lon=fix.lon, at_s=seen.at.timestamp())
        if was is None or moved_m < _STILL_M:
            return memory, said
        asked = self.zones & seen.around.near(moved_m)
        asked = asked - before.inside.keys() - place.inside.keys() - set(before.doubt)
        crossed = [
            zone_id
            for zone_id in sorted(asked)
            if seen.around.crossed(zone_id, was) and placing.is_open(seen, zone_id)
        ]
        if not crossed:
            return memory, said
        facts = placing.zone_facts(crossed[0], seen.around.zone(crossed[0]))
        facts["within_s"] = round((seen.at - was.at).total_seconds())
        facts["way_m"] = round(moved_m)
        if len(crossed) > 1:
            facts["zones"] = crossed
        return memory, Finding(holds=True, moment=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


def _fix_before(memory: Memory) -> Fix | None:
    if memory.at_s is None:
        return None
    at = datetime.fromtimestamp(memory.at_s, UTC)
    return Fix(at=at, lat=memory.lat, lon=memory.lon)


_NOTHING = Memory()

CONDITION = ZoneCrossed
