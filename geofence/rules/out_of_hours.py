"""The asset is used outside the hours in which it may be: its ignition is on, or it moves.

The hours are its own; one without hours may be used always. Movement counts with the ignition off,
too: who steals a vehicle may not need it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import going, speed_of
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whether its ignition is on, whether it moves, and whether that was out of hours."""

    ignition: bool | None = None
    moving: bool | None = None
    contrary: int = 0
    out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfHours:
    """Holds while it is used and its hours say that it is not to be."""

    kind: ClassVar[str] = "out_of_hours"
    persists: ClassVar[bool] = False
    moving_kmh: float = 8.0
    standing_kmh: float = 3.0

    def __post_init__(self) -> None:
        if not 0 < self.moving_kmh <= 300:
            raise ValueError("out_of_hours.moving_kmh must be more than 0 and at most 300 km/h")
        if not 0 <= self.standing_kmh < self.moving_kmh:
            raise ValueError(
                "out_of_hours.standing_kmh must be 0 or more, and less than moving_kmh"
            )

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        hours = seen.subject.hours
        if hours is None:
            return memory, FAILS
        if not seen.clock:
            said = seen.report.readings.get("ignition")
            ignition = memory.ignition if said is None else said
            parked = said is False and memory.ignition
            now = going(
                # Who has just switched it off stands, without waiting for a second fix.
                None if parked else memory.moving,
                0 if parked else memory.contrary,
                seen,
                moving_kmh=self.moving_kmh,
                standing_kmh=self.standing_kmh,
            )
            out = bool(ignition or now.moving) and not hours.covers(seen.at)
            after = Memory(ignition=ignition, moving=now.moving, contrary=now.contrary, out=out)
            memory = memory if after == memory else after
        if memory.ignition is None and memory.moving is None:
            return memory, CANNOT_SAY
        if not memory.out:
            return memory, FAILS
        facts: dict[str, Any] = {"ignition": bool(memory.ignition)}
        opens = hours.next_change(seen.at)
        if opens is not None:
            facts["hours_begin"] = opens.isoformat(timespec="seconds")
        speed_kmh = speed_of(seen.fix)
        if speed_kmh is not None:
            facts["speed_kmh"] = round(speed_kmh, 1)
        return memory, Finding(holds=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_UNKNOWN = Memory()

CONDITION = OutOfHours
