"""Public holidays of Belgium and its neighbours, of a country or of a part of one.

A place is ``BE``, or ``DE-NW`` and ``FR-57`` where a part of a country has days of its own. Days
that are free for everybody count; not those of banks or schools.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache, lru_cache

from holidays import country_holidays

COUNTRIES = ("BE", "NL", "FR", "DE", "LU", "GB")
_WITH_PARTS = ("FR", "DE", "GB")
_IN_ENGLISH = {"GB": "en_GB"}


@cache
def places() -> tuple[str, ...]:
    """Every place whose holidays are known: countries, and after each its parts."""
    found: list[str] = []
    for country in COUNTRIES:
        found.append(country)
        if country in _WITH_PARTS:
            parts = country_holidays(country).subdivisions
            found += (f"{country}-{part}" for part in parts if len(part) <= 3)
    return tuple(found)


def names_on(day: date, of: Iterable[str], *, language: str = "en") -> tuple[str, ...]:
    """What is celebrated on a day in any of these places; empty on an ordinary day.

    ``language`` is nl, fr, de or en; what a country does not say in it, it says in its own.
    """
    said = (_of_year(place, day.year, language).get(day) for place in of)
    return tuple(dict.fromkeys(name for name in said if name is not None))


@lru_cache(maxsize=256)
def _of_year(place: str, year: int, language: str) -> Mapping[date, str]:
    country, _, part = place.partition("-")
    spoken = _IN_ENGLISH.get(country, "en_US") if language == "en" else language
    return dict(
        country_holidays(country, subdiv=part or None, years=[year], expand=False, language=spoken)
    )
