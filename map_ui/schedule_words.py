"""A schedule in words: its hours day by day, public holidays, and days that differ."""

from collections.abc import Sequence

from babel import Locale
from babel.dates import format_date, get_day_names

from geofence.hours import WHOLE_DAY, Hours, hours_as_setting
from geofence.schedule import Schedule
from map_ui.language import REGIONS, translations
from map_ui.local_time import ZONE

_DAYS_NAMED = 3
"""Exceptional days that are said one by one; of more, only their number."""


def schedule_said(schedule: Schedule, language: str) -> str:
    """The hours of a schedule as a part of a sentence; nothing but what differs is said."""
    words, ngettext = translations(language).gettext, translations(language).ngettext
    said = [
        f"{_days(days, language)} {hours_said(hours, language)}"
        for days, hours in schedule.alike_days()
        if hours
    ]
    if not said:
        said = [words("on no ordinary day")]
    elif all(hours == WHOLE_DAY for hours in schedule.weekly):
        said = [words("always")]
    if schedule.holidays is not None:
        where = _listed([place_said(place, language) for place in schedule.holidays.places])
        if schedule.holidays.hours:
            hours = hours_said(schedule.holidays.hours, language)
            sentence = words("on public holidays (%(where)s) %(hours)s")
            said.append(sentence % {"where": where, "hours": hours})
        else:
            said.append(words("not on public holidays (%(where)s)") % {"where": where})
    if len(schedule.exceptions) > _DAYS_NAMED:
        many = len(schedule.exceptions)
        said.append(
            ngettext("%(num)s time otherwise", "%(num)s times otherwise", many) % {"num": many}
        )
    else:
        said += [
            f"{_dates(each.first, each.last, language)} {hours_said(each.hours, language)}"
            for each in schedule.exceptions
        ]
    if schedule.events:
        many = len(schedule.events)
        sentence = ngettext("%(num)s time of a calendar", "%(num)s times of a calendar", many)
        said.append(sentence % {"num": many})
    if schedule.time_zone != ZONE.key:
        sentence = words("by the clock of %(zone)s")
        said.append(sentence % {"zone": schedule.time_zone.replace("_", " ")})
    return ", ".join(said)


def hours_said(hours: Hours, language: str) -> str:
    """The hours of one day: spans with “and” between them, “all day”, “not at all”."""
    words = translations(language).gettext
    if not hours:
        return words("not at all")
    if hours == WHOLE_DAY:
        return words("all day")
    spans = [each.replace("-", "–") for each in hours_as_setting(hours)]  # noqa: RUF001 - as printed
    return (
        words("%(some)s and %(last)s") % {"some": ", ".join(spans[:-1]), "last": spans[-1]}
        if len(spans) > 1
        else spans[0]
    )


def place_said(place: str, language: str) -> str:
    """A place of public holidays: “Belgium”, “Germany (NW)”."""
    country, _, part = place.partition("-")
    name = str(Locale.parse(REGIONS[language]).territories.get(country, country))
    return f"{name} ({part})" if part else name


def _days(days: range, language: str) -> str:
    names = get_day_names("wide", locale=REGIONS[language])
    first, last = str(names[days[0]]), str(names[days[-1]])
    if len(days) == 1:
        return first
    return translations(language).gettext("%(first)s to %(last)s") % {"first": first, "last": last}


def _dates(first: object, last: object, language: str) -> str:
    said = [format_date(day, "medium", locale=REGIONS[language]) for day in (first, last)]  # type: ignore[arg-type]
    return said[0] if first == last else f"{said[0]} – {said[1]}"  # noqa: RUF001 - as printed


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts)
