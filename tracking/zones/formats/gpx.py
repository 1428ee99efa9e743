"""GPX. See: GPX 1.1.

Waypoints are centres of circles; routes and tracks are lines of corridors. GPX knows no areas: we
write them as tracks that say so in our own namespace, a segment for each ring.
"""

from collections.abc import Iterator, Sequence
from typing import Any

# Only to write: what comes in goes through defusedxml.
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson

from tracking.zones.feature import Contents, Feature, Geometry, parts, refuse_too_many
from tracking.zones.formats.xml_file import children, everywhere, safe, text_of, tree_of

NAME, ENDING, MEDIA_TYPE = "gpx", "gpx", "application/gpx+xml"

_SPACE = "http://www.topografix.com/GPX/1/1"
_OURS = "urn:vigil:zones"


def read(content: bytes) -> Contents:
    """Every waypoint, route and track. Raises Unreadable."""
    root = tree_of(content, root="gpx")
    said = list(children(root, "wpt", "rte", "trk"))
    refuse_too_many(len(said))
    return Contents(features=[_feature(number, each) for number, each in enumerate(said, start=1)])


def write(features: Sequence[Feature]) -> bytes:
    """A waypoint for each circle, a track for each other; what moves is nowhere and left out."""
    root = Element("gpx", {"version": "1.1", "creator": "Vigil", "xmlns": _SPACE, "xmlns:v": _OURS})
    # The order of the schema: waypoints come before tracks.
    for each in sorted(features, key=lambda one: one.properties.get("kind") != "circle"):
        definition = each.properties.get("definition") or {}
        if each.properties.get("kind") == "circle":
            _describe(_add_place(root, "wpt", definition["centre"]), each)
        elif each.geometry is not None:
            track = _add(root, "trk")
            _describe(track, each)
            if "line" in definition:
                _add_segment(track, definition["line"])
            else:
                _add_rings(track, each.geometry)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _feature(number: int, said: Element) -> Feature:
    properties: dict[str, Any] = {"name": text_of(said, "name")}
    if note := (text_of(said, "desc") or text_of(said, "cmt")):
        properties["note"] = note
    for extensions in children(said, "extensions"):
        for ours in children(extensions, "zone"):
            properties |= _properties("".join(ours.itertext()))
    try:
        geometry = _geometry(said, properties)
    except (ValueError, TypeError) as error:
        return Feature(
            number=number,
            geometry=None,
            properties=properties,
            problem=f"Its places cannot be read: {error}.",
        )
    return Feature(number=number, geometry=geometry, properties=properties)


def _geometry(said: Element, properties: dict[str, Any]) -> Geometry | None:
    if said.get("lat") is not None:
        return {"type": "Point", "coordinates": _place(said)}
    lines = [line for line in _lines(said) if line]
    if properties.get("kind") in {"polygon", "area"}:
        return _polygons(said)
    return {"type": "MultiLineString", "coordinates": lines} if lines else None


def _lines(said: Element) -> Iterator[list[list[float]]]:
    routed = [_place(each) for each in children(said, "rtept")]
    if routed:
        yield routed
    for segment in children(said, "trkseg"):
        yield [_place(each) for each in children(segment, "trkpt")]


def _polygons(said: Element) -> Geometry:
    """Our own segments: each that is not a hole begins the next polygon."""
    polygons: list[list[list[list[float]]]] = []
    for segment in children(said, "trkseg"):
        ring = [_place(each) for each in children(segment, "trkpt")]
        if polygons and next(everywhere(segment, "hole"), None) is not None:
            polygons[-1].append(ring)
        else:
            polygons.append([ring])
    return {"type": "MultiPolygon", "coordinates": polygons}


def _place(said: Element) -> list[float]:
    return [float(said.get("lon", "")), float(said.get("lat", ""))]


def _properties(said: str) -> dict[str, Any]:
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _describe(element: Element, each: Feature) -> None:
    _add(element, "name", each.properties.get("name", ""))
    if note := each.properties.get("note"):
        _add(element, "desc", note)
    told = {name: value for name, value in each.properties.items() if name not in {"name", "note"}}
    ours = SubElement(_add(element, "extensions"), "v:zone")
    ours.text = safe(orjson.dumps(told).decode())


def _add_rings(track: Element, geometry: Geometry) -> None:
    for polygon in parts(geometry):
        for index, ring in enumerate(polygon["coordinates"]):
            places = [{"lat": lat, "lon": lon} for lon, lat, *_ in ring]
            segment = _add_segment(track, places)
            if index:
                SubElement(_add(segment, "extensions"), "v:hole")


def _add_segment(track: Element, places: Sequence[dict[str, float]]) -> Element:
    segment = _add(track, "trkseg")
    for place in places:
        _add_place(segment, "trkpt", place)
    return segment


def _add_place(parent: Element, name: str, place: dict[str, float]) -> Element:
    said = {"lat": f"{place['lat']:.7f}", "lon": f"{place['lon']:.7f}"}
    return SubElement(parent, name, said)


def _add(parent: Element, name: str, said: object = "") -> Element:
    element = SubElement(parent, name)
    if said != "":
        element.text = safe(said)
    return element
