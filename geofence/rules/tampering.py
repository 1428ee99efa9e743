"""Notice that someone may be working on the device or taking the vehicle.

Many devices repeat a standing condition in every report, others say it once. Both are one event:
a condition is news again only after it has not been said for ``quiet_s``, or was said to be over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from geofence.event import Event
from protocols.message import Report, Signal

CONDITIONS = frozenset(
    {
        Signal.TAMPER,
        Signal.REMOVED,
        Signal.POWER_CUT,
        Signal.JAMMING,
        Signal.ANTENNA_CUT,
        Signal.TOW,
        Signal.STOLEN,
        Signal.LOW_POWER,
        Signal.UNSPECIFIED,
    }
)
_OVER = {Signal.POWER_RESTORED: Signal.POWER_CUT, Signal.CHARGE: Signal.POWER_CUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """When each standing condition was last said, in Unix seconds."""

    said: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """A condition that begins is an event; one that goes on is not."""

    quiet_s: int = 600
    name: str = "tampering"

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, report: Report, at: datetime) -> tuple[Memory, list[Event]]:
        if not report.signals:
            return memory, []
        over = {_OVER[signal] for signal in report.signals if signal in _OVER}
        now = int(at.timestamp())
        said = {name: when for name, when in memory.said.items() if name not in over}
        events = []
        for signal in sorted(report.signals & CONDITIONS):
            before = said.get(signal.value)
            if before is None or now - before > self.quiet_s:
                events.append(Event(at=at, rule=self.name, cause=signal.value))
            # A memory that changes with every report would be written with every report.
            if before is None or now - before > self.quiet_s // 10:
                said[signal.value] = now
        return (memory if said == memory.said else Memory(said=said)), events


_NOTHING = Memory()
