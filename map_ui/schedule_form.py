"""The fields of a schedule on any page: what they offer, and calendars read for them.

The fields are in ``schedule-fields.html``, their script is ``static/pages/schedule.js``. What a
form sends is the setting of a schedule as JSON, empty for always.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from babel import Locale
from fastapi import APIRouter, Body, Query, Request

from geofence.calendar_import import LONGEST_TEXT, schedule_from_icalendar
from geofence.public_holidays import COUNTRIES
from geofence.schedule import schedule_as_setting, schedule_from
from map_ui.language import REGIONS
from map_ui.names import Words
from map_ui.rendering import Reader
from map_ui.setup import words_of
from tracking import clock
from tracking.errors import Invalid, NotSignedIn

router = APIRouter(include_in_schema=False)

_REGIONS = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Pacific/")
_NEAR = ("Europe/Brussels", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the fields offer: (code, name) of countries with public holidays, and time zones."""

    countries: Sequence[tuple[str, str]]
    time_zones: Sequence[str]


@cache
def choices(language: str) -> Choices:
    """What the fields offer, in a language of the pages."""
    named = Locale.parse(REGIONS[language]).territories
    return Choices(
        countries=tuple((code, named[code]) for code in COUNTRIES),
        time_zones=(
            *_NEAR,
            *sorted(z for z in available_timezones() - set(_NEAR) if z.startswith(_REGIONS)),
        ),
    )


def setting_sent(text: str, words: Words) -> dict[str, Any] | None:
    """The setting that a form sent, in full; None for always. Raises ValueError in words."""
    if not text.strip():
        return None
    try:
        return schedule_as_setting(schedule_from(json.loads(text)))
    except ValueError as error:
        said = words("These hours cannot be read: %(reason)s")
        raise ValueError(said % {"reason": error}) from error


@router.post("/schedules/calendar")
async def read_calendar(
    request: Request,
    reader: Reader,
    file: Annotated[bytes, Body(media_type="text/calendar", max_length=4 * LONGEST_TEXT)],
    time_zone: Annotated[str, Query(max_length=60)] = "Europe/Brussels",
    times: Annotated[Literal["open", "closed"], Query()] = "open",
) -> dict[str, Any]:
    """The times of an iCalendar file from now on, as ``events`` of a schedule's setting."""
    if reader is None:
        raise NotSignedIn("Sign in first.")
    words = words_of(request, reader)
    try:
        text = file.decode("utf-8-sig")
        # Off the event loop: what repeats is written out for two years.
        return await asyncio.to_thread(
            schedule_from_icalendar,
            text,
            since=clock.now(),
            time_zone=time_zone,
            opens=times == "open",
        )
    except (ValueError, KeyError, OSError) as error:
        said = words("This calendar cannot be read: %(reason)s") % {"reason": error}
        raise Invalid(said[:500]) from error
