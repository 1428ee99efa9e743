"""A corridor that was being followed was left: further than a margin, and for more than a moment.

Opening hours are not asked: a journey keeps to its way at any hour.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence import placing
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.placing import UNKNOWN, Place
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where it is, and whether it has been in the corridor."""

    place: Place = UNKNOWN
    been: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftCorridor:
    """Holds from when it has left all of the zones until it is in one of them again.

    Who has not been in any has left nothing.
    """

    kind: ClassVar[str] = "left_corridor"
    persists: ClassVar[bool] = True
    zones: frozenset[str]
    margin_m: float = 50.0
    settle: int = 2
    settle_s: float = 60.0

    def __post_init__(self) -> None:
        placing.check(self)

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        place, _ = placing.placed(memory.place, seen, self)
        if place is not memory.place:
            memory = Memory(place=place, been=memory.been or bool(place.inside))
        if not memory.been:
            return memory, FAILS if place.known else CANNOT_SAY
        if place.elsewhere:
            return memory, Finding(holds=True, facts=place.outside)
        return memory, CANNOT_SAY if place.elsewhere is None else FAILS

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_NOTHING = Memory()

CONDITION = LeftCorridor
