"""Times for a schedule out of an iCalendar file, as calendars and duty rosters export it.

What repeats is written out for two years. It repeats by the clock on the wall of its own time
zone, and ends by it: a night shift ends at six whatever the clocks did. A time that clocks skip or
show twice is read as RFC 5545 says, with the offset before the change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from math import prod
from typing import Any

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from icalendar import Calendar, Event, vRecur

from geofence.different_days import (
    LONGEST_NAME,
    MOST_EVENTS,
    CalendarTime,
    calendar_time_as_setting,
    time_zone_from,
)

HORIZON = timedelta(days=2 * 366)
"""How far ahead what repeats is written out."""

LONGEST_TEXT = 2_000_000
MOST_STEPS = 500_000
"""How many days may be looked at to find when everything repeats."""

_LONGEST_EVENT = timedelta(days=366)
_DAYS_IN = {"YEARLY": 365, "MONTHLY": 28, "WEEKLY": 7, "DAILY": 1}
_EARLIEST = datetime(1970, 1, 1)  # noqa: DTZ001 - on the wall
_READ = frozenset(
    {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"}
)
_ODD = (ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError)
"""What the libraries raise at what is odd in a file."""

Day = date | datetime


def schedule_from_icalendar(
    text: str, *, since: datetime, time_zone: str = "Europe/Brussels", opens: bool = True
) -> dict[str, Any]:
    """The setting of a schedule that covers the times of a calendar from ``since`` on.

    ``time_zone`` is that of whole days, and of times that name none. With ``opens`` False they are
    closures: their ``events`` belong into a schedule that has hours. Raises ValueError, which says
    which event is wrong and why.
    """
    until = since + HORIZON
    found: list[CalendarTime] = []
    steps = 0.0
    for called, series in _series_in(text, time_zone_from(time_zone)):
        steps += series.steps(until)
        if steps > MOST_STEPS:
            raise ValueError(f"{called}: with this one, events repeat too often to write out")
        try:
            times = list(series.times(since, until))
        except _ODD as error:
            raise ValueError(f"{called}: {error}"[:300]) from error
        for begins, ends in times:
            found.append(CalendarTime(begins=begins, ends=ends, name=series.name, opens=opens))
        if len(found) > MOST_EVENTS:
            raise ValueError(
                f"{called}: with this one there are more than {MOST_EVENTS:,} times within "
                "two years"
            )
    if not found:
        raise ValueError(f"no event of this calendar takes any time from {since:%Y-%m-%d} on")
    found.sort(key=lambda each: (each.begins, each.ends, each.name))
    return {"time_zone": time_zone, "events": [calendar_time_as_setting(each) for each in found]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """One event with everything that repeats it, by the clock on the wall of ``zone``.

    not_at, not_on   the times and days at which it does not come, or something else does instead
    """

    name: str
    zone: tzinfo
    begins: datetime
    lasts: timedelta
    rules: Sequence[Mapping[str, Any]]
    also: Sequence[datetime]
    not_at: frozenset[datetime]
    not_on: frozenset[date]

    def steps(self, until: datetime) -> float:
        """How many days must be looked at to find when it repeats."""
        days = max(1, (until.date() - self.begins.date()).days)
        return 1 + sum(
            days
            / _DAYS_IN[rule["FREQ"][0]]
            * prod(len(rule.get(part, "1")) for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))
            for rule in self.rules
        )

    def times(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """When it begins and ends, each time that is not over by ``since`` or after ``until``."""
        last = until.astimezone(self.zone).replace(tzinfo=None)
        starts = {self.begins, *self.also}
        for rule in self.rules:
            starts.update(self._repeated(rule, last))
        for start in starts:
            if start in self.not_at or start.date() in self.not_on:
                continue
            begins = start.replace(tzinfo=self.zone).astimezone(UTC)
            ends = (start + self.lasts).replace(tzinfo=self.zone).astimezone(UTC)
            # Clocks that are put forward may leave nothing of it.
            if begins < ends and since < ends and begins < until:
                yield begins, ends

    def _repeated(self, rule: Mapping[str, Any], last: datetime) -> Iterator[datetime]:
        parts = dict(rule)
        count = parts.pop("COUNT", [None])[0]
        for each in parts.pop("UNTIL", ()):
            whole_day = not isinstance(each, datetime)
            named = _on_the_wall(each, self.zone)
            last = min(last, named + timedelta(days=1, seconds=-1) if whole_day else named)
        said = vRecur(parts).to_ical().decode()  # type: ignore[no-untyped-call]
        start = None
        for start in islice(rrulestr(said, dtstart=self.begins, ignoretz=True), count):
            if start > last:
                return
            yield start
        if start is None:
            raise ValueError("it repeats on days that never come")


def _series_in(text: str, zone: tzinfo) -> Iterator[tuple[str, _Series]]:
    """Every series of a calendar, and how an error calls it."""
    called = dict(_events_in(text))
    instead: dict[str, list[Day]] = {}
    for name, event in called.items():
        if "RECURRENCE-ID" in event:
            try:
                replaced = _when(event, "RECURRENCE-ID")
                if event["RECURRENCE-ID"].params.get("RANGE"):
                    raise ValueError("it changes all that follow it; make those an event apart")
            except _ODD as error:
                raise ValueError(f"{name}: {error}"[:300]) from error
            instead.setdefault(str(event.get("UID", "")), []).append(replaced)
    for name, event in called.items():
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        replaced_in = "RECURRENCE-ID" not in event and instead.get(str(event.get("UID", "")))
        try:
            yield name, _series(event, zone, instead=replaced_in or [])
        except _ODD as error:
            raise ValueError(f"{name}: {error}"[:300]) from error


def _events_in(text: str) -> Iterator[tuple[str, Event]]:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a calendar is at most {LONGEST_TEXT:,} characters, not {len(text):,}")
    try:
        # As bytes: a text could also name a file.
        calendars = Calendar.from_ical(text.encode(), multiple=True)
    except (*_ODD, RecursionError) as error:
        raise ValueError(f"this is not an iCalendar file: {error}"[:200]) from error
    events = [each for one in calendars for each in one.subcomponents if isinstance(each, Event)]
    if not events:
        raise ValueError("there is no event in this file; is it a whole iCalendar file (.ics)?")
    for number, event in enumerate(events, start=1):
        title = str(event.get("SUMMARY", "") or event.get("UID", ""))[:80]
        yield f"event {number} ({title or 'without a title'})", event


def _series(event: Event, zone: tzinfo, *, instead: Sequence[Day]) -> _Series:
    for name, complaint in event.errors:
        if name in _READ:
            raise ValueError(f"{name} cannot be read: {complaint}")
    if "EXRULE" in event:
        raise ValueError("EXRULE is no longer part of iCalendar; name its days in EXDATE")
    start = _when(event, "DTSTART")
    if isinstance(start, datetime) and start.tzinfo is not None:
        zone = start.tzinfo
    begins = _on_the_wall(start, zone)
    rules = event.rrules
    if rules and begins < _EARLIEST:
        raise ValueError("it has repeated since before 1970")
    for rule in rules:
        if rule.get("FREQ", [""])[0] not in _DAYS_IN:
            raise ValueError(f"it repeats {rule.get('FREQ', [''])[0]}; at most DAILY can be read")
        if rule.get("INTERVAL", [1])[0] < 1 or rule.get("COUNT", [1])[0] < 1:
            raise ValueError("it repeats at intervals, or as often, as nothing can")
    also = [_on_the_wall(each, zone) for each, ends in event.rdates if ends is None]
    if len(also) < len(event.rdates):
        raise ValueError("RDATE with an end of its own cannot be read; make it an event apart")
    without = [*event.exdates, *instead]
    return _Series(
        name=str(event.get("SUMMARY", ""))[:LONGEST_NAME],
        zone=zone,
        begins=begins,
        lasts=_lasts(event, start, begins, zone),
        rules=rules,
        also=also,
        not_at=frozenset(_on_the_wall(each, zone) for each in without),
        not_on=frozenset(each for each in without if not isinstance(each, datetime)),
    )


def _lasts(event: Event, start: Day, begins: datetime, zone: tzinfo) -> timedelta:
    lasts: timedelta
    if "DTEND" in event:
        lasts = _on_the_wall(_when(event, "DTEND"), zone) - begins
    elif "DURATION" in event:
        said: Any = event["DURATION"]
        lasts = said.dt
    else:
        lasts = timedelta(0) if isinstance(start, datetime) else timedelta(days=1)
    if lasts < timedelta(0):
        raise ValueError("it ends before it begins")
    if lasts > _LONGEST_EVENT:
        raise ValueError("it lasts longer than a year")
    return lasts


def _when(event: Event, name: str) -> Day:
    """A day, or a time whose time zone is known."""
    if name not in event:
        raise ValueError(f"it has no {name}")
    said: Any = event[name]
    if isinstance(said, list):
        raise ValueError(f"it has more than one {name}")
    when: Day = said.dt
    zone = said.params.get("TZID")
    if zone and isinstance(when, datetime) and when.tzinfo is None:
        raise ValueError(f"its time zone {zone!r} is not known, nor described in the file")
    return when


def _on_the_wall(when: Day, zone: tzinfo) -> datetime:
    """What the clock of a zone shows then; a day begins at midnight, a time without zone is its."""
    if not isinstance(when, datetime):
        return datetime.combine(when, time())
    return when if when.tzinfo is None else when.astimezone(zone).replace(tzinfo=None)
