"""Quantities as people say them: the unit is in the name of a setting or of a fact."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from babel.dates import format_datetime
from babel.numbers import format_decimal
from babel.units import format_unit

from map_ui.language import REGIONS, translations
from map_ui.local_time import ZONE

_WHOLE_NAMES = {"metres": "m", "hours": "h"}
_DURATIONS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))

UNITS: Mapping[str, str] = {
    "kmh": "km/h",
    "m": "m",
    "km": "km",
    "pct": "%",
    "v": "V",
    "deg": "°",
    "ms2": "m/s²",
    "g": "g",
    "h": "h",
    "kmh_s": "km/h/s",
}
"""What follows a number, by the ending of its name; seconds are said as a duration."""


def ending_of(name: str) -> str:
    """The unit that a name ends in: "s" for for_s, "m" for metres; "" where it has none."""
    if name in _WHOLE_NAMES:
        return _WHOLE_NAMES[name]
    if name.endswith("_kmh_s"):
        return "kmh_s"
    ending = name.rpartition("_")[2]
    return ending if "_" in name and (ending in UNITS or ending == "s") else ""


def quantity_said(name: str, value: object, language: str) -> str:  # noqa: PLR0911 - a table
    """A value with its unit: “90 km/h”, “2 minutes”, “yes”; "" for nothing."""
    words = translations(language).gettext
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return words("yes") if value else words("no")
    if not isinstance(value, int | float):
        return (
            ", ".join(map(str, value))
            if isinstance(value, list | tuple | frozenset)
            else str(value)
        )
    ending = ending_of(name)
    if ending == "s":
        return duration_said(value, language)
    if ending == "h":
        return time_said(value, "hour", language)
    if ending == "m" and abs(value) >= 10_000:
        return f"{number_said(value / 1000, language)} km"
    said = number_said(value, language)
    return f"{said} {UNITS[ending]}" if ending else said


def duration_said(seconds: float, language: str) -> str:
    """A time in its two largest units: “1 hour 30 minutes”, “2 minutes”, “0.5 seconds”."""
    if seconds < 1 and seconds:
        return time_said(round(seconds, 1), "second", language)
    left, said = round(seconds), []
    for name, size in _DURATIONS:
        many, left = divmod(left, size)
        if many:
            said.append(time_said(many, name, language))
    return " ".join(said[:2]) or time_said(0, "second", language)


def time_said(many: float, unit: str, language: str) -> str:
    """So many days, hours, minutes or seconds."""
    # The library's Dutch has days and hours only among its short words, where they are whole.
    short = language == "nl" and unit in {"day", "hour"}
    length: Literal["short", "long"] = "short" if short else "long"
    return format_unit(many, f"duration-{unit}", length=length, locale=REGIONS[language])


def instant_said(text: str, language: str) -> str:
    """An instant as the clock here shows it; "" for a text that is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return format_datetime(at, "short", tzinfo=ZONE, locale=REGIONS[language])


def number_said(value: float, language: str) -> str:
    """A number with a decimal only where it has one."""
    whole = float(value).is_integer()
    return format_decimal(
        round(value, 2), "#,##0" if whole else "#,##0.##", locale=REGIONS[language]
    )
