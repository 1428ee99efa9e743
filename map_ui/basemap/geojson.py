"""Shapes out to GeoJSON (RFC 7946), rounded to what the map can show."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry import mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One shape on the map with its names; ``decimals`` of a degree are kept."""

    geometry: shapely.Geometry
    properties: Mapping[str, object]
    decimals: int
    id: str | None = field(default=None)


def collection(features: Iterable[Feature]) -> str:
    """A FeatureCollection, one feature a line so that a change reads well in a diff."""
    lines = ",\n".join(
        json.dumps(_plain(feature), ensure_ascii=False, separators=(",", ":"))
        for feature in features
    )
    return f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'


def polygons(geometry: shapely.Geometry) -> shapely.Geometry:
    """The areas of a geometry; lines and points that an intersection left behind are dropped."""
    # A collection may hold multi-polygons, so it is taken apart twice.
    singles = shapely.get_parts(shapely.get_parts(geometry))
    parts = [part for part in singles if part.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _plain(feature: Feature) -> dict[str, Any]:
    shape = mapping(feature.geometry)
    plain: dict[str, Any] = {"type": "Feature"}
    if feature.id is not None:
        plain["id"] = feature.id
    plain["properties"] = dict(feature.properties)
    plain["geometry"] = {
        "type": shape["type"],
        "coordinates": _rounded(shape["coordinates"], feature.decimals),
    }
    return plain


def _rounded(coordinates: Any, decimals: int) -> Any:  # noqa: ANN401  # nested as deep as the shape is
    if isinstance(coordinates, float):
        return round(coordinates, decimals)
    return [_rounded(part, decimals) for part in coordinates]
