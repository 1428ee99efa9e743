"""Days and times of a schedule that differ from its week, and how they are written in a setting."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from geofence.hours import Hours, hours_as_setting, hours_from
from geofence.public_holidays import names_on, places
from geofence.stretches import Run

MOST_EXCEPTIONS = 1_000
MOST_EVENTS = 5_000
LONGEST_NAME = 200
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_ANY_DAY = date(2026, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    """What hours public holidays of these places have; empty: none at all."""

    places: tuple[str, ...]
    hours: Hours = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionalDays:
    """Days, the last one included, that have hours of their own; empty: none at all."""

    first: date
    last: date
    hours: Hours = ()
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarTime:
    """One time of an imported calendar, in whole seconds; added, or taken away if not ``opens``."""

    begins: datetime
    ends: datetime
    name: str = ""
    opens: bool = True

    @property
    def run(self) -> Run:
        """The same as Unix seconds."""
        return int(self.begins.timestamp()), int(self.ends.timestamp())


def time_zone_from(said: object) -> ZoneInfo:
    """A time zone by its name. Raises ValueError."""
    try:
        return ZoneInfo(str(said))
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"there is no time zone {said!r}; write 'Europe/Brussels'"[:200]
        ) from error


def holidays_from(said: object) -> Holidays:
    """Holidays from ``{"countries": ["BE", "DE-NW"], "hours": []}``. Raises ValueError."""
    holidays = object_from("holidays", said, {"countries", "hours"})
    named = holidays.get("countries", [])
    if not isinstance(named, list | tuple) or not named:
        raise ValueError("holidays.countries must be a list, as ['BE', 'DE-NW']")
    unknown = [each for each in named if each not in places()]
    if unknown:
        raise ValueError(
            f"holidays.countries: no holidays of {unknown[0]!r} are known; "
            f"there are {', '.join(places())}"
        )
    # What a country celebrates is loaded at first use: now, and not while a report waits for it.
    names_on(_ANY_DAY, named)
    return Holidays(
        places=tuple(dict.fromkeys(named)),
        hours=hours_from("holidays.hours", holidays.get("hours", [])),
    )


def exceptional_days_from(name: str, said: object) -> ExceptionalDays:
    """Days from ``{"from": "2026-12-24", "until": …, "hours": […], "name": …}``; raises ValueError.

    Without ``until`` it is one day, without ``hours`` it has none. ``name`` is how it is called in
    what an error says.
    """
    row = object_from(name, said, {"from", "until", "hours", "name"})
    first = _day(f"{name}.from", row.get("from"))
    last = _day(f"{name}.until", row["until"]) if "until" in row else first
    if last < first:
        raise ValueError(f"{name}: its last day, until, is before its first, from")
    hours = hours_from(f"{name}.hours", row.get("hours", []))
    return ExceptionalDays(first=first, last=last, hours=hours, name=_name(name, row))


def calendar_time_from(name: str, said: object) -> CalendarTime:
    """A time from ``{"from": "2026-12-24T08:00:00Z", "until": …, "name": …, "open": true}``.

    Raises ValueError; ``name`` is how it is called in what that says.
    """
    row = object_from(name, said, {"from", "until", "name", "open"})
    begins, ends = (_instant(f"{name}.{end}", row.get(end)) for end in ("from", "until"))
    if ends <= begins:
        raise ValueError(f"{name}: it is over before it begins")
    opens = row.get("open", True)
    if not isinstance(opens, bool):
        raise ValueError(f"{name}.open must be true or false")
    return CalendarTime(begins=begins, ends=ends, name=_name(name, row), opens=opens)


def holidays_as_setting(holidays: Holidays) -> dict[str, Any]:
    """The setting that makes them."""
    return {"countries": list(holidays.places), "hours": hours_as_setting(holidays.hours)}


def exceptional_days_as_setting(days: ExceptionalDays) -> dict[str, Any]:
    """The setting that makes them."""
    return {
        "from": days.first.isoformat(),
        "until": days.last.isoformat(),
        "hours": hours_as_setting(days.hours),
        "name": days.name,
    }


def calendar_time_as_setting(time: CalendarTime) -> dict[str, Any]:
    """The setting that makes it; instants in UTC."""
    begins, ends = (
        each.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        for each in (time.begins, time.ends)
    )
    return {"from": begins, "until": ends, "name": time.name, "open": time.opens}


def rows_from(name: str, said: object, most: int) -> list[tuple[str, object]]:
    """The rows of a list, each with its name. Raises ValueError if there are too many."""
    if not isinstance(said, list | tuple) or len(said) > most:
        raise ValueError(f"{name} must be a list of at most {most:,}")
    return [(f"{name}[{index}]", each) for index, each in enumerate(said)]


def object_from(name: str, said: object, known: set[str]) -> Mapping[str, Any]:
    """An object that has only what is known. Raises ValueError, which names what there is."""
    if not isinstance(said, Mapping):
        raise ValueError(f"{name} must be an object with {', '.join(sorted(known))}")
    odd = said.keys() - known
    if odd:
        there_are = ", ".join(sorted(known))
        raise ValueError(f"{name} has no {', '.join(sorted(map(str, odd)))}; there are {there_are}")
    return said


def _day(name: str, said: object) -> date:
    try:
        day = date.fromisoformat(str(said))
    except ValueError as error:
        raise ValueError(f"{name}: write a day as '2026-12-24', not {said!r}"[:200]) from error
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"{name}: {said!r} is not in our time"[:200])
    return day


def _instant(name: str, said: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(said))
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - refused below, as it has no zone
    if at.tzinfo is None:
        raise ValueError(f"{name}: write a time as '2026-12-24T08:00:00Z', not {said!r}"[:200])
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise ValueError(f"{name}: {said!r} is not in our time"[:200])
    return at.astimezone(UTC).replace(microsecond=0)


def _name(name: str, row: Mapping[str, Any]) -> str:
    said = row.get("name", "")
    if not isinstance(said, str) or len(said) > LONGEST_NAME:
        raise ValueError(f"{name}.name must be a text of at most {LONGEST_NAME} letters")
    return said
