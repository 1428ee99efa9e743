"""The device says a signal that somebody wants to know of.

Many devices repeat a standing condition in every report; it is news again once it has not been
said for a while. A cry for help is news each time it is said: it is never held back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from geofence.condition import FAILS, Finding
from geofence.sighting import Sighting
from protocols.message import LIFE_SAFETY, Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """When each standing signal was last said (Unix seconds), to a tenth of ``quiet_s``."""

    said: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled:
    """Holds for a moment when one of ``signals`` is said, and was not for ``quiet_s`` before.

    With ``quiet_s`` 0 each time counts, and always for panic, fall, no motion, crash and amber.
    """

    kind: ClassVar[str] = "signalled"
    persists: ClassVar[bool] = False
    signals: frozenset[str]
    quiet_s: float = 600.0

    def __post_init__(self) -> None:
        if not self.signals:
            raise ValueError("signalled.signals must name at least one signal, as power_cut")
        unknown = sorted(self.signals - frozenset(Signal))
        if unknown:
            known = ", ".join(sorted(Signal))
            raise ValueError(f"there is no signal {', '.join(unknown)}; there are: {known}")
        if not 0 <= self.quiet_s <= 7 * 86_400:
            raise ValueError("signalled.quiet_s must be from 0 seconds to 7 days")

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        if self.signals.isdisjoint(seen.report.signals):
            return memory, FAILS
        at_s = seen.at.timestamp()
        news, said = [], dict(memory.said)
        for signal in seen.report.signals & self.signals:
            if signal in LIFE_SAFETY or self.quiet_s == 0:
                news.append(str(signal))
                continue
            before_s = said.get(signal)
            if before_s is None or at_s - before_s > self.quiet_s:
                news.append(str(signal))
            if before_s is None or at_s - before_s > self.quiet_s / 10:
                said[str(signal)] = at_s
        if said != memory.said:
            memory = Memory(said=said)
        if not news:
            return memory, FAILS
        return memory, Finding(holds=True, moment=True, facts={"signals": sorted(news)})

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_NOTHING = Memory()

CONDITION = Signalled
