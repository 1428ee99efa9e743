"""The vehicle crashed: as the device felt it, or because it stood at once after going fast.

What the device says counts each time and is never held back. That speeds may tell it, too, is
asked for: the fixes must be seconds apart, and a second one must show that it stands.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from geofence.condition import FAILS, Finding
from geofence.motion import speed_of
from geofence.sighting import Sighting
from protocols.message import Signal

_STANDS_KMH = 5.0
_CONFIRMED_S = 120.0
"""How long it may take until a second fix shows that it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where speeds are asked: the last fast fix, and when it stood after it (Unix seconds)."""

    fast_kmh: float | None = None
    fast_s: float = 0.0
    stood_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashed:
    """Holds for a moment at each crash.

    from_kmh  who stood within ``within_s`` after going so fast has crashed; None: only what the
              device felt counts
    """

    kind: ClassVar[str] = "crashed"
    persists: ClassVar[bool] = False
    from_kmh: float | None = None
    within_s: float = 3.0

    def __post_init__(self) -> None:
        if self.from_kmh is not None and not 30 <= self.from_kmh <= 200:
            raise ValueError("crashed.from_kmh must be from 30 to 200 km/h")
        if not 1 <= self.within_s <= 10:
            raise ValueError("crashed.within_s must be from 1 to 10 seconds")

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        facts: dict[str, Any] = {}
        if self.from_kmh is not None and seen.fix is not None:
            memory, facts = self._stood(memory, seen, self.from_kmh)
        if Signal.CRASH in seen.report.signals:
            facts["signals"] = [str(Signal.CRASH)]
        return memory, Finding(holds=True, moment=True, facts=facts) if facts else FAILS

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _stood(
        self, memory: Memory, seen: Sighting, from_kmh: float
    ) -> tuple[Memory, dict[str, Any]]:
        speed_kmh = speed_of(seen.fix)
        if speed_kmh is None:
            return memory, {}
        at_s = seen.at.timestamp()
        stands = speed_kmh <= _STANDS_KMH
        if speed_kmh >= from_kmh:
            after = Memory(fast_kmh=speed_kmh, fast_s=at_s)
            return (memory if after == memory else after), {}
        if memory.fast_kmh is None:
            return memory, {}
        if memory.stood_s is not None:
            if not stands or at_s - memory.stood_s > _CONFIRMED_S:
                return _NOTHING, {}
            stood_after_s = round(memory.stood_s - memory.fast_s, 1)
            return _NOTHING, {"from_kmh": round(memory.fast_kmh), "stood_after_s": stood_after_s}
        if at_s - memory.fast_s > self.within_s:
            memory = _NOTHING
        elif stands:
            memory = replace(memory, stood_s=at_s)
        return memory, {}


_NOTHING = Memory()

CONDITION = Crashed
