"""GeoJSON. See: RFC 7946; the member ``crs`` of its forerunner is understood too."""

import re
from collections.abc import Sequence
from typing import Any

import orjson

from tracking.zones.feature import Contents, Feature, Unreadable, refuse_too_many
from tracking.zones.reference_systems import is_degrees, system_called, with_degrees

NAME, ENDING, MEDIA_TYPE = "geojson", "geojson", "application/geo+json"

_CRS = re.compile(r"(?:urn:ogc:def:crs:)?(EPSG|OGC):(?:[\d.]*:)?(\w+)", re.IGNORECASE)


def read(content: bytes) -> Contents:
    """Every feature of a collection, or the one there is. Raises Unreadable."""
    try:
        document = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"This is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise Unreadable("This is JSON and not GeoJSON.")
    said = _features(document)
    refuse_too_many(len(said))
    features = [_feature(number, each) for number, each in enumerate(said, start=1)]
    crs = _crs(document)
    if crs is None:
        return Contents(features=features)
    system = system_called(crs)
    if is_degrees(system):
        return Contents(features=features)
    return Contents(
        features=with_degrees(features, system),
        remarks=[("reprojected", {"crs": system.name})],
    )


def write(features: Sequence[Feature]) -> bytes:
    """A collection of these."""
    return orjson.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "id": each.properties.get("id"),
                    "geometry": each.geometry,
                    "properties": dict(each.properties),
                }
                for each in features
            ],
        }
    )


def _features(document: dict[str, Any]) -> list[Any]:
    match document.get("type"):
        case "FeatureCollection" if isinstance(document.get("features"), list):
            found: list[Any] = document["features"]
            return found
        case "Feature":
            return [document]
        case "Polygon" | "MultiPolygon" | "LineString" | "MultiLineString" | "Point":
            return [{"type": "Feature", "geometry": document, "properties": {}}]
        case "GeometryCollection" if isinstance(document.get("geometries"), list):
            return [
                {"type": "Feature", "geometry": each, "properties": {}}
                for each in document["geometries"]
            ]
    raise Unreadable("This is JSON and not GeoJSON.")


def _feature(number: int, said: Any) -> Feature:  # noqa: ANN401 - whatever the file holds
    if not isinstance(said, dict):
        return Feature(number=number, geometry=None, problem="This is no feature.")
    geometry, properties = said.get("geometry"), said.get("properties")
    return Feature(
        number=number,
        geometry=geometry if isinstance(geometry, dict) else None,
        properties=properties if isinstance(properties, dict) else {},
    )


def _crs(document: dict[str, Any]) -> str | None:
    said = document.get("crs")
    if said is None:
        return None
    try:
        found = _CRS.fullmatch(said["properties"]["name"])
    except (TypeError, KeyError) as error:
        raise Unreadable("Its reference system (crs) is not named.") from error
    if found is None:
        raise Unreadable("Its reference system (crs) is not one of EPSG or OGC.")
    return f"{found[1].upper()}:{found[2]}"
