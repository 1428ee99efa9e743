"""Not in any of its zones at a time of day: the van that should stand in the depot at ten.

A time that the clocks skip comes an hour later on the clock, and one that comes twice is asked the
first time. Opening hours are not asked.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import ClassVar
from zoneinfo import ZoneInfo

from geofence import placing
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.placing import UNKNOWN, Place
from geofence.schedule import WEEKDAYS
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where it is, and when it was last found outside (Unix seconds)."""

    place: Place = UNKNOWN
    found_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideAt:
    """Holds at that moment of each of the weekdays (``mon`` to ``sun``; without any, every day)."""

    kind: ClassVar[str] = "outside_at"
    persists: ClassVar[bool] = False
    zones: frozenset[str]
    at: str
    weekdays: frozenset[str] = frozenset()
    time_zone: str = "Europe/Brussels"
    margin_m: float = 15.0
    settle: int = 2
    settle_s: float = 30.0

    def __post_init__(self) -> None:
        placing.check(self)
        _time_of_day(self.at)
        if odd := self.weekdays - set(WEEKDAYS):
            raise ValueError(
                f"outside_at.weekdays are {', '.join(WEEKDAYS)}, not {', '.join(sorted(odd))}"
            )
        try:
            ZoneInfo(self.time_zone)
        except (ValueError, KeyError, OSError) as error:
            raise ValueError(
                f"outside_at.time_zone must be one as 'Europe/Brussels', not {self.time_zone!r}"
            ) from error

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        place, _ = placing.placed(memory.place, seen, self)
        if place is not memory.place:
            memory = Memory(place=place, found_s=memory.found_s)
        at_s = seen.at.timestamp()
        if place.elsewhere is None:
            return memory, CANNOT_SAY
        if not place.elsewhere or at_s == memory.found_s or not self._is_time(seen.at):
            return memory, FAILS
        facts = {**place.outside, "local_time": self.at}
        memory = Memory(place=place, found_s=at_s)
        return memory, Finding(holds=True, moment=True, facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        if not memory.place.known:
            return None
        today = after.astimezone(ZoneInfo(self.time_zone)).date()
        # A time that the clocks skip, or that is asked on one day only, is a week away at most.
        asked = (self._instant(today + timedelta(days=days)) for days in range(-1, 9))
        return next((each for each in asked if each is not None and each > after), None)

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _is_time(self, at: datetime) -> bool:
        """Most fixes are told apart by their seconds alone."""
        if at.second or at.microsecond:
            return False
        today = at.astimezone(ZoneInfo(self.time_zone)).date()
        return at in (self._instant(today - timedelta(days=days)) for days in (0, 1))

    def _instant(self, day: date) -> datetime | None:
        """When that time of day is on a day; None if that day is not asked about."""
        if self.weekdays and WEEKDAYS[day.weekday()] not in self.weekdays:
            return None
        local = datetime.combine(day, _time_of_day(self.at), ZoneInfo(self.time_zone))
        return local.astimezone(UTC)


@cache
def _time_of_day(said: str) -> time:
    try:
        return datetime.strptime(said, "%H:%M").replace(tzinfo=UTC).time()
    except ValueError as error:
        raise ValueError(f"outside_at.at must be a time as '22:00', not {said!r}"[:200]) from error


_NOTHING = Memory()

CONDITION = OutsideAt
