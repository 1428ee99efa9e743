"""The ignition is on.

As the device last said: one that leaves it out of a report has not switched it off.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, HOLDS, Finding
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whether it was on when the device last spoke of it."""

    on: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignition:
    """Holds while the ignition is on; cannot say before the device spoke of it."""

    kind: ClassVar[str] = "ignition"
    persists: ClassVar[bool] = True

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        said = seen.report.readings.get("ignition")
        if said is not None and said != memory.on:
            memory = Memory(on=said)
        if memory.on is None:
            return memory, CANNOT_SAY
        return memory, HOLDS if memory.on else FAILS

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_UNKNOWN = Memory()

CONDITION = Ignition
