"""A zone was left while it was open."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence import placing
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.placing import UNKNOWN, Place
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where it is."""

    place: Place = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneLeft:
    """Holds at the fix by which it is settled that it has left; ``zones`` if several.

    ``outside_s`` tells how long before that it was first seen outside, ``inside_s`` for how long
    it was in the zone until then.
    """

    kind: ClassVar[str] = "zone_left"
    persists: ClassVar[bool] = False
    zones: frozenset[str]
    margin_m: float = 15.0
    settle: int = 2
    settle_s: float = 30.0

    def __post_init__(self) -> None:
        placing.check(self)

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        before = memory.place
        place, moves = placing.placed(before, seen, self)
        if place is not before:
            memory = Memory(place=place)
        left = [zone_id for zone_id in moves.left if placing.is_open(seen, zone_id)]
        if not left:
            return memory, FAILS if place.known else CANNOT_SAY
        at_s = seen.at.timestamp()
        _, out_s = before.leaving.get(left[0], (0, at_s))
        facts = placing.facts_of(left, before, seen)
        facts["distance_m"] = round(seen.around.distance_m(left[0]), 1)
        facts["outside_s"] = round(at_s - out_s)
        facts["inside_s"] = round(out_s - before.inside[left[0]]["since_s"])
        return memory, Finding(holds=True, moment=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_NOTHING = Memory()

CONDITION = ZoneLeft
