"""A zone was entered while it was open."""

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
class ZoneEntered:
    """Holds at the first fix in a zone that it was outside of before; ``zones`` if several."""

    kind: ClassVar[str] = "zone_entered"
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
        place, moves = placing.placed(memory.place, seen, self)
        if place is not memory.place:
            memory = Memory(place=place)
        entered = [zone_id for zone_id in moves.entered if placing.is_open(seen, zone_id)]
        if not entered:
            return memory, FAILS if place.known else CANNOT_SAY
        facts = placing.facts_of(entered, place, seen)
        facts["depth_m"] = round(seen.around.depth_m(entered[0]), 1)
        return memory, Finding(holds=True, moment=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_NOTHING = Memory()

CONDITION = ZoneEntered
