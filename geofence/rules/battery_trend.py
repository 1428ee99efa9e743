"""The battery will be empty within some hours, if it goes on as it did.

It falls as fast as the median of what it fell by since each level that is remembered, so that one
wrong level does not bend the trend. Levels are remembered as they change, and once in a while where
they do not: a battery that no longer falls lasts longer than it seemed. Charging starts it anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import as_text, later_than
from geofence.sighting import Sighting

_MOST_LEVELS = 8
_FALL_PCT = 3.0
"""A level that is so much lower than the last is remembered."""

_JUMP_PCT = 15.0
"""What falls so far at once, and so far again each hour, is believed when it is said twice."""

_RISE_PCT = 4.0
"""So is what rises so far: somebody charges it without a word."""

_STEADY_S = 3600.0
"""A level is remembered as often as this although it has not changed."""

_LEAST_S = 1800.0
_LEAST_FALL_PCT = 6.0
"""A shorter or flatter stretch tells nothing."""

_EASE = 1.25
"""What was to be empty soon is no longer when it lasts so much longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Levels, and what follows from them.

    at_s, levels_pct  levels in per cent and when they were said (Unix seconds)
    doubt_pct         a level that is not believed yet
    empty_s           when it will be empty, if the levels fall
    soon              that is soon
    charged           it was being charged when it was last heard
    """

    at_s: tuple[int, ...] = ()
    levels_pct: tuple[float, ...] = ()
    doubt_pct: float | None = None
    empty_s: float | None = None
    soon: bool = False
    charged: bool = False


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
        after = memory if seen.clock else _heard(memory, seen)
        soon = after.empty_s is not None and self._soon(after.empty_s, seen.at, after.soon)
        if soon != after.soon:
            after = replace(after, soon=soon)
        memory = memory if after == memory else after
        if soon and after.empty_s is not None:
            facts = {"empty_at": as_text(after.empty_s), "battery_pct": round(after.levels_pct[-1])}
            return memory, Finding(holds=True, facts=facts)
        return memory, FAILS if after.at_s or after.charged else CANNOT_SAY

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        if memory.soon or memory.empty_s is None:
            return None
        return later_than(after, self._turns(memory.empty_s, 1.0))

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _soon(self, empty_s: float, at: datetime, soon: bool) -> bool:
        return at >= self._turns(empty_s, _EASE if soon else 1.0)

    def _turns(self, empty_s: float, ease: float) -> datetime:
        return datetime.fromtimestamp(empty_s - self.hours * ease * 3600, UTC)


def _heard(memory: Memory, seen: Sighting) -> Memory:
    readings = seen.report.readings
    if readings.get("charging") is True:
        return _CHARGED
    level_pct = readings.get("battery_pct")
    at_s = int(seen.at.timestamp())
    if level_pct is None or (memory.at_s and at_s <= memory.at_s[-1]):
        return memory
    return _with_level(memory, at_s, level_pct)


def _with_level(memory: Memory, at_s: int, level_pct: float) -> Memory:
    """What is remembered after one more level."""
    if not memory.at_s:
        return Memory(at_s=(at_s,), levels_pct=(level_pct,))
    change_pct = level_pct - memory.levels_pct[-1]
    hours = (at_s - memory.at_s[-1]) / 3600
    if change_pct >= _RISE_PCT or change_pct <= -_JUMP_PCT * (1 + hours):
        agreed = memory.doubt_pct is not None and abs(level_pct - memory.doubt_pct) < _RISE_PCT
        if not agreed:
            return replace(memory, doubt_pct=level_pct)
        if change_pct > 0:
            return Memory(at_s=(at_s,), levels_pct=(level_pct,))
    if change_pct > -_FALL_PCT and at_s - memory.at_s[-1] < _STEADY_S:
        return memory if memory.doubt_pct is None else replace(memory, doubt_pct=None)
    times_s = (*memory.at_s, at_s)[-_MOST_LEVELS:]
    levels_pct = (*memory.levels_pct, level_pct)[-_MOST_LEVELS:]
    return Memory(
        at_s=times_s,
        levels_pct=levels_pct,
        empty_s=_empty_s(times_s, levels_pct),
        soon=memory.soon,
    )


def _empty_s(at_s: Sequence[int], levels_pct: Sequence[float]) -> float | None:
    """When it will be empty (Unix seconds); None where the levels show no fall."""
    last_s, last_pct = at_s[-1], levels_pct[-1]
    if last_s - at_s[0] < _LEAST_S or max(levels_pct) - last_pct < _LEAST_FALL_PCT:
        return None
    fall_pct_s = median(
        (pct - last_pct) / (last_s - s) for s, pct in zip(at_s[:-1], levels_pct[:-1], strict=True)
    )
    return last_s + last_pct / fall_pct_s if fall_pct_s > 0 else None


_UNKNOWN, _CHARGED = Memory(), Memory(charged=True)

CONDITION = BatteryTrend
