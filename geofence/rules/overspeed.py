"""The asset is faster than it may be: than a limit that was set, its own, or that of a zone.

A speed is only known at a fix. What a receiver says without a valid fix, or beyond what drives on
a road, is not believed, and one fix in excess is not yet an event.
"""

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, HOLDS, Finding
from geofence.motion import speed_of
from geofence.sighting import Sighting

LIMITS = ("set", "asset", "zone")
_ROUGH_M = 100.0
"""A fix that may be further off than this is in no zone for certain."""

_TOP_STEP_KMH = 5.0
"""A new top speed is worth remembering when it is so much higher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whether it is too fast, how many fixes in a row said the contrary, and the top speed."""

    over: bool | None = None
    contrary: int = 0
    top_kmh: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overspeed:
    """Holds from more than ``tolerance_kmh`` above the limit until ``ease_kmh`` below that.

    limit      ``set``: ``limit_kmh``; ``asset``: its own; ``zone``: the lowest of the zones that it
               is in. Where an asset or zone has no limit, ``limit_kmh`` counts, if it is given
    zones   the zones whose limits count; none named: all
    settle     how many fixes in a row must say so, to begin and to end
    """

    kind: ClassVar[str] = "overspeed"
    persists: ClassVar[bool] = False
    limit: str = "set"
    limit_kmh: float | None = None
    tolerance_kmh: float = 5.0
    ease_kmh: float = 5.0
    settle: int = 2
    zones: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.limit not in LIMITS:
            raise ValueError(f"overspeed.limit must be one of {', '.join(LIMITS)}")
        if self.limit == "set" and self.limit_kmh is None:
            raise ValueError("overspeed.limit_kmh must say the limit, or limit be asset or zone")
        if self.limit_kmh is not None and not 0 < self.limit_kmh <= 300:
            raise ValueError("overspeed.limit_kmh must be more than 0 and at most 300 km/h")
        if not (0 <= self.tolerance_kmh <= 100 and 0 <= self.ease_kmh <= 100):
            raise ValueError("overspeed.tolerance_kmh and ease_kmh must be from 0 to 100 km/h")
        if not 1 <= self.settle <= 20:
            raise ValueError("overspeed.settle must be from 1 to 20 fixes")
        if self.zones and self.limit != "zone":
            raise ValueError("overspeed.zones has a meaning only where limit is zone")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        if seen.clock and memory.over is not None:
            return memory, HOLDS if memory.over else FAILS
        speed_kmh = speed_of(seen.fix)
        limit_kmh = None if speed_kmh is None else self._limit(seen)
        if speed_kmh is None or limit_kmh is None:
            return memory, CANNOT_SAY
        most_kmh = limit_kmh + self.tolerance_kmh
        if memory.over:
            most_kmh -= self.ease_kmh
        after = self._after(memory, speed_kmh, over=speed_kmh > most_kmh)
        if after == memory:
            after = memory
        if after.over is None:
            return after, CANNOT_SAY
        if not after.over:
            return after, Finding(holds=False, facts={"top_kmh": round(memory.top_kmh, 1)})
        facts = {
            "speed_kmh": round(speed_kmh, 1),
            "top_kmh": round(max(after.top_kmh, speed_kmh), 1),
        }
        if isfinite(limit_kmh):
            facts["limit_kmh"] = round(limit_kmh, 1)
        return after, Finding(holds=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _after(self, memory: Memory, speed_kmh: float, *, over: bool) -> Memory:
        if over != bool(memory.over):
            top_kmh = max(memory.top_kmh, speed_kmh) if over else memory.top_kmh
            if memory.contrary + 1 < self.settle:
                return Memory(over=memory.over, contrary=memory.contrary + 1, top_kmh=top_kmh)
            return Memory(over=True, top_kmh=top_kmh) if over else _WITHIN
        if not over:
            return _WITHIN
        if speed_kmh < memory.top_kmh + _TOP_STEP_KMH:
            return Memory(over=True, top_kmh=memory.top_kmh)
        return Memory(over=True, top_kmh=speed_kmh)

    def _limit(self, seen: Sighting) -> float | None:
        """The limit in km/h; infinite where there is none, None where that cannot be said."""
        found = None
        if self.limit == "asset":
            found = seen.subject.speed_limit_kmh
        elif self.limit == "zone":
            assert seen.fix is not None
            if (seen.fix.accuracy_m or 0.0) > _ROUGH_M:
                return None
            found = self._lowest(seen)
        if found is None:
            found = self.limit_kmh
        return float("inf") if found is None else found

    def _lowest(self, seen: Sighting) -> float | None:
        inside = seen.around.inside
        zones = map(seen.around.zone, inside & self.zones if self.zones else inside)
        limits = (zone.speed_limit_kmh for zone in zones if zone is not None)
        return min((each for each in limits if each is not None), default=None)


_UNKNOWN, _WITHIN = Memory(), Memory(over=False)

CONDITION = Overspeed
