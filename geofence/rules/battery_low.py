"""The battery of the device is low.

It is low from one level, or from the device's own word, until it was charged well above that. A
level that falls by a third at once is an error until it is said again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.sighting import Sighting
from protocols.message import Signal

_FALL_PCT = 30.0
"""No battery loses so much between two reports that follow each other."""

_STEP_PCT = 10.0
"""How coarsely the level is remembered, lest every report be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whether it is low; the level as far as it is remembered; whether a fall is doubted."""

    low: bool | None = None
    level_pct: float | None = None
    doubt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryLow:
    """Holds from ``low_pct`` until ``clear_pct``."""

    kind: ClassVar[str] = "battery_low"
    persists: ClassVar[bool] = True
    low_pct: float = 20.0
    clear_pct: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.low_pct < self.clear_pct <= 100:
            raise ValueError(
                "battery_low.low_pct must be above 0 and below clear_pct, which is at most 100"
            )

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        level_pct = seen.report.readings.get("battery_pct")
        signals = seen.report.signals
        if signals and Signal.LOW_BATTERY in signals:
            after = Memory(low=True, level_pct=memory.level_pct)
        elif level_pct is None:
            after = memory
        else:
            after = self._after(memory, level_pct)
        memory = memory if after == memory else after
        if memory.low is None:
            return memory, CANNOT_SAY
        if not memory.low:
            return memory, FAILS
        facts = {} if level_pct is None else {"battery_pct": round(level_pct)}
        return memory, Finding(holds=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _after(self, memory: Memory, level_pct: float) -> Memory:
        known_pct = memory.level_pct
        if known_pct is not None and known_pct - level_pct >= _FALL_PCT and not memory.doubt:
            return Memory(low=memory.low, level_pct=known_pct, doubt=True)
        if known_pct is None or abs(level_pct - known_pct) >= _STEP_PCT:
            known_pct = level_pct
        low = memory.low
        if level_pct <= self.low_pct:
            low = True
        elif level_pct >= self.clear_pct or low is None:
            low = False
        return Memory(low=low, level_pct=known_pct)


_UNKNOWN = Memory()

CONDITION = BatteryLow
