"""Notice that a person may need help now: every time, whatever else the report says."""

from dataclasses import dataclass
from datetime import datetime

from geofence.event import Event
from protocols.message import LIFE_SAFETY, Report, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Nothing: a second press is as urgent as the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panic:
    """Each life-safety signal is an event, each time it is said; ``also`` names further ones."""

    also: frozenset[Signal] = frozenset()
    name: str = "panic"

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, report: Report, at: datetime) -> tuple[Memory, list[Event]]:
        if not report.signals:
            return memory, []
        urgent = sorted(report.signals & (LIFE_SAFETY | self.also))
        return memory, [Event(at=at, rule=self.name, cause=signal.value) for signal in urgent]


_NOTHING = Memory()
