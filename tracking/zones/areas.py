"""Administrative areas of the base map that a zone can be made of.

There are Belgian judicial cantons and provinces (and the Brussels region), drawn to about 50 m,
and countries of Europe without what they have elsewhere, drawn to about 800 m. No package has the
shapes of municipalities; a canton is the finest there is.
"""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import shapely
from babel import Locale
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geofence.metric import areas as only_areas
from tracking.places import GEOGRAPHY

LANGUAGES: Final = ("nl", "fr", "de", "en")
LEVELS: Final = ("canton", "province", "country")
MOST_FOUND: Final = 50

_FINE_M, _COARSE_M = 50, 800
_MAP_ENDS = (-25.0, 33.0, 45.0, 72.0)
"""West, south, east and north of the base map; a country that it cuts off is none to judge by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An area: its code, its names by language ("" is the usual one), and what it covers.

    ``drawn_to_m`` is how far its border may be from the true one.
    """

    code: str
    level: str
    names: Mapping[str, str]
    within: Mapping[str, str]
    drawn_to_m: int
    shape: BaseGeometry

    def name(self, language: str = "") -> str:
        """Its name in a language, or else the usual one."""
        return self.names.get(language, self.names[""])


def area(code: str) -> Area | None:
    """The area with this code, if there is one."""
    return _areas().get(code)


def areas_called(search: str, *, level: str | None = None) -> list[Area]:
    """Areas whose name begins with this in any language, then those that hold it; by name.

    Accents and case do not matter. At most ``MOST_FOUND``.
    """
    asked = _bare(search)
    beginning, holding = [], []
    for each in _areas().values():
        if level is not None and each.level != level:
            continue
        names = [_bare(name) for name in each.names.values()]
        if any(name.startswith(asked) for name in names):
            beginning.append(each)
        elif any(asked in name for name in names):
            holding.append(each)
    return (beginning + holding)[:MOST_FOUND]


@cache
def _areas() -> dict[str, Area]:
    found = sorted(
        _read(), key=lambda each: (LEVELS.index(each.level), _bare(each.name()), each.code)
    )
    return {each.code: each for each in found}


def _read() -> Iterator[Area]:
    cantons = _features("be_cantons")
    usual = [feature["properties"]["name"] for feature in cantons]
    for feature in cantons:
        said = feature["properties"]
        names = _names(said, "name")
        if usual.count(said["name"]) > 1:
            # A town may have several cantons, which are told apart by a number.
            number = feature["id"].rpartition("-")[2]
            names = {language: f"{name} {number}" for language, name in names.items()}
        yield _area("canton", feature["id"], names, feature, within=_names(said, "province"))
    for feature in _features("be_provinces"):
        yield _area("province", feature["id"], _names(feature["properties"], "name"), feature)
    for feature in _features("eu_countries"):
        if any(abs(at - end) < 1e-6 for at, end in zip(_bounds(feature), _MAP_ENDS, strict=True)):
            continue
        name = feature["properties"]["name"]
        # A few lands have no code of their own.
        code = feature.get("id")
        names = {"": name, **(_names_of_country(code) if code else {})}
        yield _area("country", code or _bare(name).replace(" ", "-"), names, feature)


def _area(
    level: str,
    code: str,
    names: Mapping[str, str],
    feature: Mapping[str, Any],
    *,
    within: Mapping[str, str] | None = None,
) -> Area:
    # Rounding can make a narrow corner cross itself.
    covered = only_areas(shapely.make_valid(shape(feature["geometry"])))
    fine = level != "country" or code == "BE"
    return Area(
        code=f"{level}:{code}",
        level=level,
        names=names,
        within=within or {},
        drawn_to_m=_FINE_M if fine else _COARSE_M,
        shape=covered,
    )


def _names(said: Mapping[str, Any], key: str) -> dict[str, str]:
    """Names by language from ``name``, ``name_nl`` and so on."""
    return {
        name.removeprefix(key).removeprefix("_"): str(value)
        for name, value in said.items()
        if name == key or name.startswith(f"{key}_")
    }


def _names_of_country(code: str) -> dict[str, str]:
    said = {language: Locale(language).territories.get(code) for language in LANGUAGES}
    return {language: name for language, name in said.items() if name}


def _bounds(feature: Mapping[str, Any]) -> tuple[float, ...]:
    bounds: tuple[float, ...] = shape(feature["geometry"]).bounds
    return bounds


def _features(name: str) -> list[dict[str, Any]]:
    text = (GEOGRAPHY / f"{name}.geojson").read_text("utf-8")
    features: list[dict[str, Any]] = json.loads(text)["features"]
    return features


def _bare(name: str) -> str:
    """A name without accents, case or outer spaces."""
    letters = unicodedata.normalize("NFD", name.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
