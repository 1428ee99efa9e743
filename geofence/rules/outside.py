"""Outside a zone: in none of them, as far as can be said.

Opening hours are not asked: who stays in a zone after it has closed has not left it. When the
question is only put at certain hours, that is the schedule of the rule.
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
    """Where it is."""

    place: Place = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Holds while it is outside all of the zones."""

    kind: ClassVar[str] = "outside"
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
        if place is not memory.place:
            memory = Memory(place=place)
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

CONDITION = Outside
