"""Not back in its zones at the end of its hours: the car of a shift that is over.

The hours are the asset's own; one without hours is never late. Whether a zone is open is not asked.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from geofence import placing
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.placing import UNKNOWN, Place
from geofence.schedule import Schedule
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where it is, when its hours end next, and since when it is overdue (Unix seconds)."""

    place: Place = UNKNOWN
    ends_s: float | None = None
    overdue_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBack:
    """Holds from ``grace_s`` after the end of its hours, if it is outside then, until it is back.

    If its hours have begun again by then, or were changed meanwhile, nothing is asked of it.
    """

    kind: ClassVar[str] = "not_back"
    persists: ClassVar[bool] = True
    zones: frozenset[str]
    grace_s: float = 900.0
    margin_m: float = 15.0
    settle: int = 2
    settle_s: float = 30.0

    def __post_init__(self) -> None:
        placing.check(self)
        placing.check_seconds(self.kind, "grace_s", self.grace_s)

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        place, _ = placing.placed(memory.place, seen, self)
        ends_s, overdue_s = memory.ends_s, memory.overdue_s
        hours = seen.subject.hours
        at_s = seen.at.timestamp()
        if hours is None or place.inside:
            overdue_s = None
        if hours is None:
            ends_s = None
        elif ends_s is None:
            ends_s = _next_end(hours, seen.at)
        elif at_s >= ends_s + self.grace_s:
            if place.elsewhere and overdue_s is None and self._over(hours, ends_s):
                overdue_s = ends_s + self.grace_s
            ends_s = _next_end(hours, seen.at)
        after = Memory(place=place, ends_s=ends_s, overdue_s=overdue_s)
        memory = memory if after == memory else after
        if overdue_s is None:
            return memory, FAILS if place.elsewhere is not None else CANNOT_SAY
        facts = {**place.outside, "overdue_s": round(at_s - overdue_s + self.grace_s)}
        return memory, Finding(holds=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        if memory.ends_s is None:
            return None
        due = datetime.fromtimestamp(memory.ends_s, UTC) + timedelta(seconds=self.grace_s)
        return due if due > after else None

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _over(self, hours: Schedule, ends_s: float) -> bool:
        """Whether its hours ended then, and have not begun again within the grace."""
        end = datetime.fromtimestamp(ends_s, UTC)
        if hours.covers(end) or not hours.covers(end - timedelta(seconds=1)):
            return False
        begins = hours.next_change(end)
        return begins is None or begins > end + timedelta(seconds=self.grace_s)


def _next_end(hours: Schedule, after: datetime) -> float | None:
    begins = after if hours.covers(after) else hours.next_change(after)
    end = None if begins is None else hours.next_change(begins)
    return None if end is None else end.timestamp()


_NOTHING = Memory()

CONDITION = NotBack
