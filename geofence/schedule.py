"""A schedule: the hours in which something is allowed, watched or open, as people say them.

What counts is the clock on the wall in one time zone: an instant is covered exactly when that
clock shows a time within the hours. So when clocks are put forward, hours that begin in the gap
begin when it ends, and those that lie wholly within it do not come; when clocks are put back, the
hour that comes twice counts both times. A span over midnight belongs to the day it begins on.

Which hours a day has is said by the last exception that names the day, else by a public holiday,
else by the day of the week. Times of an imported calendar are added to that, or taken away.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from geofence.different_days import (
    MOST_EVENTS,
    MOST_EXCEPTIONS,
    CalendarTime,
    ExceptionalDays,
    Holidays,
    calendar_time_as_setting,
    calendar_time_from,
    exceptional_days_as_setting,
    exceptional_days_from,
    holidays_as_setting,
    holidays_from,
    object_from,
    rows_from,
    time_zone_from,
)
from geofence.hours import WHOLE_DAY, Hours, hours_as_setting, hours_from
from geofence.public_holidays import names_on
from geofence.stretches import Run, constant_offsets, merged, within, without

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As the days of a week are called in settings."""

SEARCHED_DAYS = 400
"""How far ahead the next change is looked for: a year, and what a holiday may shift."""

_DAY_S = 86_400
_UNIX_DAY = date(1970, 1, 1).toordinal()
_DAYS_KEPT = 8
_NO_WEEK: tuple[Hours, ...] = ((),) * 7

Day = tuple[bool, tuple[int, ...]]
"""One UTC day: whether it begins covered, and the instants within it at which that turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Weekly hours in one time zone, and the days on which they are different.

    weekly      the hours of each day, Monday first
    exceptions  the last one that names a day says its hours
    events      times of an imported calendar; where they contradict each other, it is closed
    """

    time_zone: str = "Europe/Brussels"
    weekly: tuple[Hours, ...] = _NO_WEEK
    holidays: Holidays | None = None
    exceptions: tuple[ExceptionalDays, ...] = ()
    events: tuple[CalendarTime, ...] = ()
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _added: tuple[Run, ...] = field(init=False, repr=False, compare=False)
    _taken: tuple[Run, ...] = field(init=False, repr=False, compare=False)
    # What was reckoned once: it is asked for every report. Nobody can see that it is kept.
    _days: dict[int, Day] = field(init=False, repr=False, compare=False, default_factory=dict)
    _ahead: list[tuple[float, float, int | None]] = field(
        init=False, repr=False, compare=False, default_factory=list
    )

    def __post_init__(self) -> None:
        if len(self.weekly) != 7:
            raise ValueError("a week has seven days")
        runs = {
            opens: merged(each.run for each in self.events if each.opens is opens)
            for opens in (True, False)
        }
        object.__setattr__(self, "_zone", ZoneInfo(self.time_zone))
        object.__setattr__(self, "_added", tuple(runs[True]))
        object.__setattr__(self, "_taken", tuple(runs[False]))

    def covers(self, at: datetime) -> bool:
        """Whether it is within these hours."""
        at_s = at.timestamp()
        begins_covered, turns = self._day(int(at_s // _DAY_S))
        return begins_covered ^ bool(bisect_right(turns, at_s) & 1)

    def next_change(self, after: datetime) -> datetime | None:
        """The first instant after ``after`` at which they begin or end.

        None if they do neither within the next ``SEARCHED_DAYS`` days, or a few more.
        """
        after_s = after.timestamp()
        if self._ahead:
            since_s, until_s, turn_s = self._ahead[0]
            if since_s <= after_s < until_s:
                return None if turn_s is None else datetime.fromtimestamp(turn_s, UTC)
        since_s, turn_s = self._turn_after(after_s)
        until_s = after_s + _DAY_S if turn_s is None else turn_s
        self._ahead[:] = [(since_s, until_s, turn_s)]
        return None if turn_s is None else datetime.fromtimestamp(turn_s, UTC)

    def hours_on(self, day: date) -> Hours:
        """The hours that begin on a day, without those of an imported calendar."""
        for each in reversed(self.exceptions):
            if each.first <= day <= each.last:
                return each.hours
        if self.holidays is not None and names_on(day, self.holidays.places):
            return self.holidays.hours
        return self.weekly[day.weekday()]

    def alike_days(self) -> list[tuple[range, Hours]]:
        """The week as people say it: neighbouring days (Monday is 0) with the hours they share."""
        found: list[tuple[range, Hours]] = []
        for day, hours in enumerate(self.weekly):
            if found and found[-1][1] == hours:
                found[-1] = (range(found[-1][0].start, day + 1), hours)
            else:
                found.append((range(day, day + 1), hours))
        return found

    def _turn_after(self, after_s: float) -> tuple[int, int | None]:
        """The next turn, and from when on it has been the next one, as far as one day tells."""
        today = int(after_s // _DAY_S)
        covered, turns = self._day(today)
        seen = bisect_right(turns, after_s)
        since_s = turns[seen - 1] if seen else today * _DAY_S
        if seen < len(turns):
            return since_s, turns[seen]
        if not self._ever_turns():
            return since_s, None
        covered ^= bool(len(turns) & 1)
        # Two days more than promised: that there is none is believed for a day.
        for day in range(today + 1, today + SEARCHED_DAYS + 3):
            begins_covered, turns = self._reckoned(day)
            if begins_covered != covered:
                return since_s, day * _DAY_S
            if turns:
                return since_s, turns[0]
        return since_s, None

    def _ever_turns(self) -> bool:
        """False where one look at the settings shows that every day is like the last."""
        if self.exceptions or self.events:
            return True
        every = {*self.weekly, *([self.holidays.hours] if self.holidays else [])}
        return every not in ({()}, {WHOLE_DAY})

    def _day(self, day: int) -> Day:
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            found = self._days[day] = self._reckoned(day)
        return found

    def _reckoned(self, day: int) -> Day:
        begins_s, ends_s = day * _DAY_S, (day + 1) * _DAY_S
        runs: list[Run] = []
        for since_s, until_s, ahead_s in constant_offsets(self._zone, begins_s, ends_s):
            runs += (
                (max(since_s, begin_s - ahead_s), min(until_s, end_s - ahead_s))
                for begin_s, end_s in self._on_the_wall(since_s + ahead_s, until_s + ahead_s)
            )
        runs += within(self._added, begins_s, ends_s)
        open_runs = without(merged(runs), within(self._taken, begins_s, ends_s))
        turns = [turn for run in open_runs for turn in run if begins_s < turn < ends_s]
        return bool(open_runs) and open_runs[0][0] == begins_s, tuple(turns)

    def _on_the_wall(self, since_s: int, until_s: int) -> Iterator[Run]:
        """Spans that touch a stretch of the clock's own time, in its seconds since 1970."""
        # A span lasts a day at most, so that the day before may still be going on.
        for day in range(since_s // _DAY_S - 1, (until_s - 1) // _DAY_S + 1):
            for span in self.hours_on(date.fromordinal(_UNIX_DAY + day)):
                begins_s = day * _DAY_S + span.begins_min * 60
                ends_s = day * _DAY_S + span.ends_min * 60
                if begins_s < until_s and since_s < ends_s:
                    yield begins_s, ends_s


def schedule_from(setting: Mapping[str, Any]) -> Schedule:
    """A schedule from its setting. Raises ValueError, which says what to write instead.

    ``{"time_zone": "Europe/Brussels", "weekly": {"mon": ["08:00-12:00", "13:00-17:30"]},
    "holidays": {"countries": ["BE", "DE-NW"], "hours": []}, "exceptions": [{"from": "2026-12-24",
    "until": "2026-12-26", "hours": ["09:00-12:00"], "name": "Christmas"}], "events": [{"from":
    "2026-07-01T06:00:00Z", "until": "2026-07-01T08:00:00Z", "name": "", "open": true}]}``. A day
    that is not named has no hours; what does not differ may be left out.
    """
    known = {"time_zone", "weekly", "holidays", "exceptions", "events"}
    object_from("a schedule", setting, known)
    if not setting.keys() & {"weekly", "exceptions", "events"}:
        raise ValueError("a schedule needs weekly hours, exceptions or events")
    weekly = object_from("weekly", setting.get("weekly", {}), set(WEEKDAYS))
    holidays = setting.get("holidays")
    exceptions = rows_from("exceptions", setting.get("exceptions", []), MOST_EXCEPTIONS)
    events = rows_from("events", setting.get("events", []), MOST_EVENTS)
    schedule = Schedule(
        time_zone=time_zone_from(setting.get("time_zone", "Europe/Brussels")).key,
        weekly=tuple(hours_from(f"weekly.{day}", weekly.get(day, [])) for day in WEEKDAYS),
        holidays=holidays_from(holidays) if holidays is not None else None,
        exceptions=tuple(exceptional_days_from(name, each) for name, each in exceptions),
        events=tuple(calendar_time_from(name, each) for name, each in events),
    )
    return _shared(schedule)


def schedule_as_setting(schedule: Schedule) -> dict[str, Any]:
    """The setting that makes this schedule; JSON values."""
    weekly = zip(WEEKDAYS, schedule.weekly, strict=True)
    setting: dict[str, Any] = {
        "time_zone": schedule.time_zone,
        "weekly": {day: hours_as_setting(hours) for day, hours in weekly},
    }
    if schedule.holidays is not None:
        setting["holidays"] = holidays_as_setting(schedule.holidays)
    if schedule.exceptions:
        setting["exceptions"] = [exceptional_days_as_setting(each) for each in schedule.exceptions]
    if schedule.events:
        setting["events"] = [calendar_time_as_setting(each) for each in schedule.events]
    return setting


@lru_cache(maxsize=1024)
def _shared(schedule: Schedule) -> Schedule:
    """A thousand vehicles of one firm have equal hours: what is reckoned of them, once for all."""
    return schedule
