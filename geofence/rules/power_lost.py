"""The device has lost the supply it is wired to.

Its own word counts until it says that the supply is back, or a voltage shows it. A voltage below
the threshold counts once two readings in a row say so: starting an engine pulls a battery down.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.sighting import Sighting
from protocols.message import Signal

_BACK = frozenset({Signal.POWER_RESTORED, Signal.CHARGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whether it is lost, and how many voltages in a row have said the contrary."""

    lost: bool | None = None
    contrary: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLost:
    """Holds from a cut, or ``settle`` voltages below ``below_v``, until the supply is back.

    above_v  voltages from here on show that it is
    """

    kind: ClassVar[str] = "power_lost"
    persists: ClassVar[bool] = True
    below_v: float = 6.0
    above_v: float = 9.0
    settle: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.below_v <= self.above_v <= 60:
            raise ValueError("power_lost.below_v and above_v must be from 0 to 60 V, below first")
        if not 1 <= self.settle <= 20:
            raise ValueError("power_lost.settle must be from 1 to 20 readings")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        after = self._after(memory, seen)
        memory = memory if after == memory else after
        if memory.lost is None:
            return memory, CANNOT_SAY
        if not memory.lost:
            return memory, FAILS
        power_v = seen.report.readings.get("power_v")
        facts = {} if power_v is None else {"power_v": round(power_v, 1)}
        return memory, Finding(holds=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _after(self, memory: Memory, seen: Sighting) -> Memory:
        signals, readings = seen.report.signals, seen.report.readings
        if signals and Signal.POWER_CUT in signals:
            return _LOST
        if (signals and signals & _BACK) or readings.get("charging") is True:
            return _SUPPLIED
        power_v = readings.get("power_v")
        if power_v is None or self.below_v <= power_v < self.above_v:
            return memory
        lost = power_v < self.below_v
        if lost is bool(memory.lost):
            return _LOST if lost else _SUPPLIED
        if memory.contrary + 1 < self.settle:
            return Memory(lost=memory.lost, contrary=memory.contrary + 1)
        return _LOST if lost else _SUPPLIED


_UNKNOWN, _LOST, _SUPPLIED = Memory(), Memory(lost=True), Memory(lost=False)

CONDITION = PowerLost
