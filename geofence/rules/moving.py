"""The asset moves, by its speed, or by the device's own word where no speed is said.

One fix is not believed: a parked car is now and then said to do 30. Two reports in a row are, or
one whose reading of motion agrees with its speed. A report that says neither says nothing of it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import going, speed_of
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whether it moves, and how many reports in a row have said the contrary."""

    moving: bool | None = None
    contrary: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """Holds from ``moving_kmh`` on until it is down to ``standing_kmh``; a person walks at 4."""

    kind: ClassVar[str] = "moving"
    persists: ClassVar[bool] = False
    moving_kmh: float = 8.0
    standing_kmh: float = 3.0

    def __post_init__(self) -> None:
        if not 0 < self.moving_kmh <= 300:
            raise ValueError("moving.moving_kmh must be more than 0 and at most 300 km/h")
        if not 0 <= self.standing_kmh < self.moving_kmh:
            raise ValueError("moving.standing_kmh must be 0 or more, and less than moving_kmh")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        now = going(
            memory.moving,
            memory.contrary,
            seen,
            moving_kmh=self.moving_kmh,
            standing_kmh=self.standing_kmh,
        )
        if now != (memory.moving, memory.contrary):
            memory = Memory(moving=now.moving, contrary=now.contrary)
        speed_kmh = speed_of(seen.fix)
        silent = speed_kmh is None and "motion" not in seen.report.readings
        if memory.moving is None or (silent and not seen.clock):
            return memory, CANNOT_SAY
        if not memory.moving:
            return memory, FAILS
        facts = {} if speed_kmh is None else {"speed_kmh": round(speed_kmh, 1)}
        return memory, Finding(holds=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_UNKNOWN = Memory()

CONDITION = Moving
