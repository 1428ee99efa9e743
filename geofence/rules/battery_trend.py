"""The battery will be empty within some hours, if it goes on as it did.

The trend is the median of the slopes between the levels that are remembered, so that one wrong
level does not bend it. Levels are remembered as they change, and once in a while where they do
not: a battery that no longer falls lasts longer than it seemed. Charging starts it anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from statistics import median
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import as_text, later_than
from geofence.sighting import Sighting

_MOST_LEVELS = 8
_FALL_PCT = 3.0
"""A level that is so much lower than the last is remembered."""

_JUMP_PCT = 15.0
"""What falls so far at once, or rises at all, is believed when it is said twice."""

_RISE_PCT = 4.0
_STEADY_S = 3600.0
"""A level is remembered as often as this although it has not changed."""

_LEAST_S = 1800.0
_LEAST_FALL_PCT = 6.0
"""A shorter or flatter stretch tells nothing."""

_EASE = 1.25
"""What was to be empty soon is no longer when it lasts so much longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Levels in per cent and when they were said (Unix seconds); a level that is doubted."""

    at_s: tuple[int, ...] = ()
    levels_pct: tuple[float, ...] = ()
    doubt_pct: float | None = None
    soon: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryTrend:
    """Holds once the battery will be empty within ``hours``, by the clock, too."""

    kind: ClassVar[str] = "battery_trend"
    persists: ClassVar[bool] = True
    hours: float = 4.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.hours <= 168:
            raise ValueError("battery_trend.hours must be from half an hour to 168 hours")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        after = memory
        if not seen.clock:
            readings = seen.report.readings
            level_pct = readings.get("battery_pct")
            at_s = int(seen.at.timestamp())
            if readings.get("charging") is True:
                after = _UNKNOWN
            elif level_pct is not None:
                after = _with_level(memory, at_s, level_pct)
        if len(after.at_s) < 2:
            return (memory if after == memory else after), CANNOT_SAY if not memory.soon else FAILS
        empty_s = _empty_s(after.at_s, after.levels_pct)
        soon = empty_s is not None and self._soon(empty_s, seen.at, after.soon)
        if soon != after.soon:
            after = Memory(
                at_s=after.at_s,
                levels_pct=after.levels_pct,
                doubt_pct=after.doubt_pct,
                soon=soon,
            )
        memory = memory if after == memory else after
        if not soon or empty_s is None:
            return memory, FAILS
        facts = {"empty_at": as_text(empty_s), "battery_pct": round(after.levels_pct[-1])}
        return memory, Finding(holds=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        if memory.soon or len(memory.at_s) < 2:
            return None
        empty_s = _empty_s(memory.at_s, memory.levels_pct)
        if empty_s is None:
            return None
        return later_than(after, self._turns(empty_s, 1.0))

    def zones(self) -> frozenset[str]:
        return frozenset()

    def companions(self) -> frozenset[str]:
        return frozenset()

    def _soon(self, empty_s: float, at: datetime, soon: bool) -> bool:
        return at >= self._turns(empty_s, _EASE if soon else 1.0)

    def _turns(self, empty_s: float, ease: float) -> datetime:
        return datetime.fromtimestamp(empty_s - self.hours * ease * 3600, UTC)


def _with_level(memory: Memory, at_s: int, level_pct: float) -> Memory:
    """What is remembered after one more level."""
    if not memory.at_s:
        return Memory(at_s=(at_s,), levels_pct=(level_pct,))
    change_pct = level_pct - memory.levels_pct[-1]
    odd = change_pct >= _RISE_PCT or change_pct <= -_JUMP_PCT
    if odd:
        agreed = memory.doubt_pct is not None and abs(level_pct - memory.doubt_pct) < _RISE_PCT
        if not agreed:
            return _doubting(memory, level_pct)
        if change_pct > 0:
            return Memory(at_s=(at_s,), levels_pct=(level_pct,))
    steady = change_pct > -_FALL_PCT
    if steady and at_s - memory.at_s[-1] < _STEADY_S:
        return memory if memory.doubt_pct is None else _doubting(memory, None)
    return Memory(
        at_s=(*memory.at_s, at_s)[-_MOST_LEVELS:],
        levels_pct=(*memory.levels_pct, level_pct)[-_MOST_LEVELS:],
        soon=memory.soon,
    )


def _doubting(memory: Memory, level_pct: float | None) -> Memory:
    return Memory(
        at_s=memory.at_s, levels_pct=memory.levels_pct, doubt_pct=level_pct, soon=memory.soon
    )


def _empty_s(at_s: Sequence[int], levels_pct: Sequence[float]) -> float | None:
    """When it will be empty (Unix seconds); None where the levels show no fall."""
    first_s = at_s[0]
    fallen_pct = max(levels_pct) - levels_pct[-1]
    if at_s[-1] - first_s < _LEAST_S or fallen_pct < _LEAST_FALL_PCT:
        return None
    points = list(zip(at_s, levels_pct, strict=True))
    slope = median(
        (later_pct - pct) / (later_s - s)
        for (s, pct), (later_s, later_pct) in combinations(points, 2)
        if later_s > s
    )
    if slope >= 0:
        return None
    full_pct = median(pct - slope * (s - first_s) for s, pct in points)
    return first_s - full_pct / slope


_UNKNOWN = Memory()

CONDITION = BatteryTrend
