"""Notice a battery that runs low, once; it counts as recovered only well above that level."""

from dataclasses import dataclass
from datetime import datetime

from geofence.event import Event
from protocols.message import Report, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whether it is low, and when the device last said so in words (Unix seconds)."""

    low: bool = False
    said: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LowBattery:
    """Raised at ``low_pct`` or by the device's own word; over at ``clear_pct``."""

    low_pct: float = 15.0
    clear_pct: float = 25.0
    quiet_s: int = 6 * 3600
    name: str = "low_battery"

    def begin(self) -> Memory:
        return _FINE

    def step(self, memory: Memory, report: Report, at: datetime) -> tuple[Memory, list[Event]]:
        level = report.readings.get("battery_pct")
        said = bool(report.signals) and Signal.LOW_BATTERY in report.signals
        if not said and (level is None or (level > self.low_pct and not memory.low)):
            return memory, []
        now = int(at.timestamp())
        if said or (level is not None and level <= self.low_pct):
            news = not memory.low or (said and 0 < memory.said < now - self.quiet_s)
            after = Memory(low=True, said=now if said and news else memory.said)
            events = [Event(at=at, rule=self.name, cause="low_battery")] if news else []
            return (memory if after == memory else after), events
        if level is not None and level >= self.clear_pct:
            return _FINE, []
        return memory, []


_FINE = Memory()
