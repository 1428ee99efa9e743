"""A journey has not arrived: not seen in any of its zones by a time.

It needs no sighting: what has never been heard since the journey was set is overdue, too. Opening
hours are not asked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import ClassVar

from geofence import placing
from geofence.condition import FAILS, Finding
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whether it has arrived: once it has, it can stay or go."""

    arrived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """Holds from ``by`` plus ``grace_s`` on until it arrives.

    by      when it should be there, as 2026-11-24T23:00:00+01:00
    starts  what it was in before that time is no arrival: for journeys that end where they began
    """

    kind: ClassVar[str] = "overdue"
    persists: ClassVar[bool] = True
    zones: frozenset[str]
    by: str
    grace_s: float = 900.0
    starts: str | None = None

    def __post_init__(self) -> None:
        if not self.zones:
            raise ValueError("overdue.zones must name at least one zone")
        placing.check_seconds(self.kind, "grace_s", self.grace_s)
        by = _instant("by", self.by)
        if self.starts is not None and _instant("starts", self.starts) >= by:
            raise ValueError("overdue.starts must be before overdue.by")

    def begin(self) -> Memory:
        return _UNDER_WAY

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        if memory.arrived:
            return memory, FAILS
        if self._arrives(seen):
            return _ARRIVED, FAILS
        late_s = (seen.at - _instant("by", self.by)).total_seconds()
        if late_s < self.grace_s:
            return memory, FAILS
        return memory, Finding(holds=True, facts={"by": self.by, "overdue_s": round(late_s)})

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        due = self._due()
        return None if memory.arrived or due <= after else due

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _due(self) -> datetime:
        return _instant("by", self.by) + timedelta(seconds=self.grace_s)

    def _arrives(self, seen: Sighting) -> bool:
        fix = seen.fix
        if fix is None or (self.starts is not None and seen.at < _instant("starts", self.starts)):
            return False
        near = self.zones & seen.around.inside
        return any(placing.verdict(seen, fix, zone_id, margin_m=0.0) for zone_id in near)


@cache
def _instant(name: str, said: str) -> datetime:
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(
            f"overdue.{name} must be a time with its zone as '2026-11-24T23:00:00+01:00',"
            f" not {said!r}"[:200]
        )
    return at


_UNDER_WAY, _ARRIVED = Memory(), Memory(arrived=True)

CONDITION = Overdue
