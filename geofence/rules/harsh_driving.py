"""The driver braked, sped up or turned hard: as the device felt it, or as its speeds tell.

Speeds tell it only where fixes are seconds apart. A change that the next fix takes back was an
error of the receiver, and so is one that no tyre could bring about.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from geofence.condition import FAILS, Finding
from geofence.motion import speed_of
from geofence.sighting import Sighting
from protocols.message import Signal

_PAIR_S = 5.0
"""Between fixes that are further apart anything may have happened."""

_TYRES_KMH_S = 50.0
"""About 1.4 g: no brake does more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the next report is compared with.

    told_s    when the device last said so: it may repeat itself (Unix seconds)
    kmh       the speed of the last fix at ``at_s``, where speeds are compared
    from_kmh  the speed before a hard change that the next fix must confirm
    """

    told_s: float | None = None
    kmh: float | None = None
    at_s: float = 0.0
    from_kmh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HarshDriving:
    """Holds for a moment at each harsh manoeuvre.

    quiet_s             what the device says again within so long is the same manoeuvre
    braking_kmh_s       losing so much speed each second is braking hard, by fixes (10 is); None:
                        only what the device felt counts
    acceleration_kmh_s  the same for gaining speed
    """

    kind: ClassVar[str] = "harsh_driving"
    persists: ClassVar[bool] = False
    braking: bool = True
    acceleration: bool = True
    cornering: bool = True
    quiet_s: float = 10.0
    braking_kmh_s: float | None = None
    acceleration_kmh_s: float | None = None

    def __post_init__(self) -> None:
        if not (self.braking or self.acceleration or self.cornering):
            raise ValueError("harsh_driving needs braking, acceleration or cornering to be true")
        if not 0 <= self.quiet_s <= 3_600:
            raise ValueError("harsh_driving.quiet_s must be from 0 to 3,600 seconds")
        for name in ("braking_kmh_s", "acceleration_kmh_s"):
            rate = getattr(self, name)
            if rate is not None and not 3 <= rate <= 40:
                raise ValueError(f"harsh_driving.{name} must be from 3 to 40 km/h each second")

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        facts: dict[str, Any] = {}
        felt = sorted(name for name in seen.report.signals if self._asks(name))
        if (self.braking_kmh_s or self.acceleration_kmh_s) and seen.fix is not None:
            memory, facts = self._compared(memory, seen)
        if felt:
            at_s = seen.at.timestamp()
            before_s = memory.told_s
            news = before_s is None or at_s - before_s > self.quiet_s
            facts = {"signals": felt} if news else {}
            if before_s is None or at_s - before_s > self.quiet_s / 10:
                memory = replace(memory, told_s=at_s)
        return memory, Finding(holds=True, moment=True, facts=facts) if facts else FAILS

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _compared(self, memory: Memory, seen: Sighting) -> tuple[Memory, dict[str, Any]]:
        """What the speeds of fixes that are seconds apart tell."""
        speed_kmh = speed_of(seen.fix)
        if speed_kmh is None:
            return memory, {}
        at_s = seen.at.timestamp()
        passed_s = at_s - memory.at_s
        facts: dict[str, Any] = {}
        from_kmh = None
        if memory.kmh is not None and 0 < passed_s <= _PAIR_S:
            if memory.from_kmh is not None:
                halfway_kmh = (memory.from_kmh + memory.kmh) / 2
                if (speed_kmh < halfway_kmh) == (memory.kmh < memory.from_kmh):
                    facts = {"from_kmh": round(memory.from_kmh), "to_kmh": round(memory.kmh)}
            elif self._hard((speed_kmh - memory.kmh) / passed_s):
                from_kmh = memory.kmh
        after = Memory(told_s=memory.told_s, kmh=speed_kmh, at_s=at_s, from_kmh=from_kmh)
        return (memory if after == memory else after), facts

    def _asks(self, signal: Signal) -> bool:
        return (
            (signal is Signal.HARSH_BRAKING and self.braking)
            or (signal is Signal.HARSH_ACCELERATION and self.acceleration)
            or (signal is Signal.HARSH_CORNERING and self.cornering)
        )

    def _hard(self, change_kmh_s: float) -> bool:
        limit = self.braking_kmh_s if change_kmh_s < 0 else self.acceleration_kmh_s
        wanted = self.braking if change_kmh_s < 0 else self.acceleration
        return wanted and limit is not None and limit <= abs(change_kmh_s) <= _TYRES_KMH_S


_NOTHING = Memory()

CONDITION = HarshDriving
