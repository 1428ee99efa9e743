"""Where on Earth a fix is, in words, without asking anybody.

Reverse geocoding from the files beside this module: the judicial canton and the country are
exact to the files' 50 m (Belgium) and 800 m (elsewhere); the nearest place is a centre point,
so a street is never claimed. See ``geography/README.md`` for the sources and their licences.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import shapely
from babel import Locale
from shapely.geometry import shape

Language = Literal["nl", "fr", "de", "en"]

GEOGRAPHY = Path(__file__).parent / "geography"
"""The folder of generated shapes and names; the desk draws its base map from the same files."""

_EARTH_RADIUS_KM = 6371.0088
_NEAR_KM = 60.0
"""Beyond this a place says nothing about where somebody is."""

_SAME_COUNTRY_KM = 15.0
"""A place this near on the same side of a border is named before a nearer one across it."""

_SEAM_DEG = 0.003
"""Borders drawn from two sources leave gaps of a few metres between countries; this closes them."""

_WORDS: Mapping[Language, tuple[str, str, str]] = {
    "nl": ("kanton {canton}", "bij {near}", "geen bekende plaats in de buurt"),
    "fr": ("canton de {canton}", "près de {near}", "aucun lieu connu à proximité"),
    "de": ("Kanton {canton}", "bei {near}", "kein bekannter Ort in der Nähe"),
    "en": ("canton {canton}", "near {near}", "no known place nearby"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceName:
    """A place in the words of one language; None where the files know nothing.

    ``country`` is the ISO 3166 code of the land under the point, None at sea or off the map.
    ``canton`` and ``province`` are Belgian. ``near`` is the closest place, ``near_km`` away.
    """

    text: str
    country: str | None
    country_name: str | None
    province: str | None
    canton: str | None
    near: str | None
    near_km: float | None


def place_name(*, lat: float, lon: float, language: Language = "en") -> PlaceName:
    """Say where a point is, as "canton X, near Y (country)".

    Degrees WGS84. Pure after the first call, which reads the files once (about 0.2 s).
    """
    atlas = _atlas()
    point = shapely.Point(lon, lat)
    canton = atlas.cantons.at(point)
    land = atlas.countries.at(point) or atlas.countries.beside(point)
    country = "BE" if canton else (land or {}).get("country")
    near, near_km = atlas.settlements.nearest(lat=lat, lon=lon, country=country)
    country_name = Locale(language).territories.get(country) if country else None
    in_canton = _named(canton, "name", language)
    near_name = _named(near, "name", language)
    return PlaceName(
        text=_sentence(language, canton=in_canton, near=near_name, country=country_name),
        country=country,
        country_name=country_name,
        province=_named(canton, "province", language),
        canton=in_canton,
        near=near_name,
        near_km=near_km,
    )


def _sentence(
    language: Language, *, canton: str | None, near: str | None, country: str | None
) -> str:
    in_canton, near_place, nowhere = _WORDS[language]
    parts = []
    if canton is not None:
        parts.append(in_canton.format(canton=canton))
    if near is not None:
        parts.append(near_place.format(near=near))
    if not parts:
        return country or nowhere
    return ", ".join(parts) + (f" ({country})" if country else "")


def _named(properties: Mapping[str, Any] | None, key: str, language: Language) -> str | None:
    if properties is None:
        return None
    name: str | None = properties.get(f"{key}_{language}", properties.get(key))
    return name


class _Areas:
    """Shapes with their properties, asked which of them covers a point."""

    def __init__(self, name: str) -> None:
        features = _features(name)
        self._properties = [feature["properties"] for feature in features]
        # Rounding can make a narrow corner cross itself; such a shape covers nothing.
        shapes = [shapely.make_valid(shape(feature["geometry"])) for feature in features]
        self._tree = shapely.STRtree(shapes)

    def at(self, point: shapely.Point) -> Mapping[str, Any] | None:
        """The properties of an area that holds the point; on a common border, the first."""
        found = self._tree.query(point, predicate="intersects")
        return self._properties[found.min()] if len(found) else None

    def beside(self, point: shapely.Point) -> Mapping[str, Any] | None:
        """The properties of the area nearest to a point that lies just outside all of them."""
        found = self._tree.query_nearest(point, max_distance=_SEAM_DEG)
        return self._properties[found.min()] if len(found) else None


class _Settlements:
    """Centre points of cities, towns and villages."""

    def __init__(self, name: str) -> None:
        features = _features(name)
        self._properties = [feature["properties"] for feature in features]
        self._country = np.array([properties["country"] for properties in self._properties])
        degrees = np.array([feature["geometry"]["coordinates"] for feature in features])
        self._lon, self._lat = np.radians(degrees).T

    def nearest(
        self, *, lat: float, lon: float, country: str | None
    ) -> tuple[Mapping[str, Any] | None, float | None]:
        """The place to name for a point in ``country``, and how many km away its centre is."""
        distance_km = self._distances_km(lat=lat, lon=lon)
        index = int(distance_km.argmin())
        if country is not None:
            at_home = np.where(self._country == country, distance_km, np.inf)
            if at_home.min() <= max(_SAME_COUNTRY_KM, distance_km[index]):
                index = int(at_home.argmin())
        if distance_km[index] > _NEAR_KM:
            return None, None
        return self._properties[index], round(float(distance_km[index]), 1)

    def _distances_km(self, *, lat: float, lon: float) -> npt.NDArray[np.float64]:
        """Great-circle distances by the haversine formula."""
        lat, lon = np.radians((lat, lon))
        half_chord = (
            np.sin((self._lat - lat) / 2) ** 2
            + np.cos(lat) * np.cos(self._lat) * np.sin((self._lon - lon) / 2) ** 2
        )
        distances: npt.NDArray[np.float64] = 2 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(half_chord))
        return distances


@dataclass(frozen=True, slots=True, kw_only=True)
class _Atlas:
    cantons: _Areas
    countries: _Areas
    settlements: _Settlements


def read_atlas() -> None:
    """Read the map data now, which takes a second, rather than when somebody first asks."""
    _atlas()


@cache
def _atlas() -> _Atlas:
    return _Atlas(
        cantons=_Areas("be_cantons"),
        countries=_Areas("eu_countries"),
        settlements=_Settlements("places"),
    )


def _features(name: str) -> list[dict[str, Any]]:
    text = (GEOGRAPHY / f"{name}.geojson").read_text("utf-8")
    features: list[dict[str, Any]] = json.loads(text)["features"]
    return features
