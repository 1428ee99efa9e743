"""The land around some places, cut from the base map's files: what a printed map stands on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping, shape

from tracking.places import GEOGRAPHY

_AROUND = 1.0
"""How much land is shown on each side, in widths of what is looked at …"""

_AT_LEAST_DEG = 0.15
"""… and never less than some ten kilometres."""

_MOST_NAMES = 60
_ROOM = 14
"""A name takes so many-th of the width; a smaller place that near keeps silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Degrees; it never crosses the date line, because nothing of ours does."""

    west: float
    south: float
    east: float
    north: float

    @property
    def corners(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """South-west and north-east as (lat, lon)."""
        return (self.south, self.west), (self.north, self.east)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A place with a name."""

    name: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    """GeoJSON geometries within ``box``, and the names of the largest places there."""

    box: Box
    countries: list[dict[str, Any]]
    cantons: list[dict[str, Any]]
    settlements: list[Settlement]


def around(lat: Sequence[float], lon: Sequence[float], *, language: str) -> Land:
    """The land around these places; of all the files know when there are none.

    Degrees WGS84. Pure after the first call, which reads the files (about 0.2 s).
    """
    box = _box_around(lat, lon)
    return Land(
        box=box,
        countries=_cut("eu_countries", box),
        cantons=_cut("be_cantons", box),
        settlements=_settlements(box, language),
    )


def _box_around(lat: Sequence[float], lon: Sequence[float]) -> Box:
    if not lat:
        return Box(west=2.4, south=49.4, east=6.5, north=51.6)
    height, width = max(lat) - min(lat), max(lon) - min(lon)
    more = max(_AT_LEAST_DEG, _AROUND * max(height, width))
    return Box(
        west=max(-180.0, min(lon) - more * 1.5),
        south=max(-85.0, min(lat) - more),
        east=min(180.0, max(lon) + more * 1.5),
        north=min(85.0, max(lat) + more),
    )


def _cut(name: str, box: Box) -> list[dict[str, Any]]:
    tree = _shapes(name)
    found = tree.query(shapely.box(box.west, box.south, box.east, box.north))
    cut = shapely.clip_by_rect(
        tree.geometries[np.sort(found)], box.west, box.south, box.east, box.north
    )
    return [dict(mapping(one)) for one in shapely.set_precision(cut, 0.0001) if not one.is_empty]


def _settlements(box: Box, language: str) -> list[Settlement]:
    inside = [
        (properties, lon, lat)
        for properties, (lon, lat) in _named()
        if box.west < lon < box.east and box.south < lat < box.north
    ]
    inside.sort(key=lambda found: -found[0].get("population", 0))
    wide, high = (box.east - box.west) / _ROOM, (box.north - box.south) / (2 * _ROOM)
    named: list[Settlement] = []
    for properties, lon, lat in inside:
        if any(abs(one.lon - lon) < wide and abs(one.lat - lat) < high for one in named):
            continue
        name = properties.get(f"name_{language}") or properties["name"]
        named.append(Settlement(name=name, lat=lat, lon=lon))
        if len(named) == _MOST_NAMES:
            break
    return named


@cache
def _shapes(name: str) -> shapely.STRtree:
    # Rounding can make a narrow corner cross itself; cutting such a shape would fail.
    return shapely.STRtree(
        [shapely.make_valid(shape(feature["geometry"])) for feature in _features(name)]
    )


@cache
def _named() -> list[tuple[Mapping[str, Any], tuple[float, float]]]:
    return [
        (feature["properties"], tuple(feature["geometry"]["coordinates"]))
        for feature in _features("places")
    ]


def _features(name: str) -> list[dict[str, Any]]:
    features: list[dict[str, Any]] = json.loads((GEOGRAPHY / f"{name}.geojson").read_text("utf-8"))[
        "features"
    ]
    return features
