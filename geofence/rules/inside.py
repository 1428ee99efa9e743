"""Inside a zone: in any of them, while it is open."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence import placing
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.placing import ALWAYS_OPEN, UNKNOWN, Opening, Place
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where it is, and the hours of the zones it is in."""

    place: Place = UNKNOWN
    opening: Opening = ALWAYS_OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Holds while it is in one of the zones; begins and ends with the hours of the zone, too."""

    kind: ClassVar[str] = "inside"
    persists: ClassVar[bool] = True
    zones: frozenset[str]
    margin_m: float = 15.0
    settle: int = 2
    settle_s: float = 30.0

    def __post_init__(self) -> None:
        placing.check(self)

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        place, _ = placing.placed(memory.place, seen, self)
        opening = memory.opening
        if place.inside or opening.turns_s:
            opening = placing.followed(opening, place, seen)
        if place is not memory.place or opening is not memory.opening:
            memory = Memory(place=place, opening=opening)
        there = placing.open_zones(place, opening)
        if there:
            return memory, Finding(holds=True, facts=placing.facts_of(there, place, seen))
        return memory, FAILS if place.known and not place.doubt else CANNOT_SAY

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        return memory.opening.due(after)

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_NOTHING = Memory()

CONDITION = Inside
