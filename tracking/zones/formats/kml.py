"""KML, and KMZ, which is KML in a zip. See: OGC 12-007r2.

Placemarks are read wherever they stand. Links to elsewhere are never followed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Only to write: what comes in goes through defusedxml.
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson

from tracking.zones.feature import Contents, Feature, Geometry, parts, refuse_too_many
from tracking.zones.formats.xml_file import children, everywhere, local, safe, text_of, tree_of

NAME, ENDING, MEDIA_TYPE = "kml", "kml", "application/vnd.google-earth.kml+xml"

_SPACE = "http://www.opengis.net/kml/2.2"
_COLOUR = re.compile(r"[0-9a-fA-F]{8}")


def read(content: bytes) -> Contents:
    """Every placemark. Raises Unreadable."""
    root = tree_of(content, root="kml")
    marks = list(everywhere(root, "Placemark"))
    refuse_too_many(len(marks))
    styles = _styles(root)
    features = [_feature(number, mark, styles) for number, mark in enumerate(marks, start=1)]
    links = sum(1 for _ in everywhere(root, "NetworkLink"))
    remarks = [("links_not_followed", {"links": links})] if links else []
    return Contents(features=features, remarks=remarks)


def write(features: Sequence[Feature]) -> bytes:
    """A document with a placemark for each; what KML has no word for is in ExtendedData."""
    root = Element("kml", {"xmlns": _SPACE})
    document = _add(root, "Document")
    for each in features:
        mark = _add(document, "Placemark")
        _add(mark, "name", each.properties.get("name", ""))
        if note := each.properties.get("note"):
            _add(mark, "description", note)
        if colour := each.properties.get("colour"):
            _add_style(mark, str(colour))
        extended = _add(mark, "ExtendedData")
        for name, value in each.properties.items():
            if value not in (None, "", []) and name not in {"name", "note"}:
                plain = value if isinstance(value, str) else orjson.dumps(value).decode()
                data = _add(extended, "Data", attributes={"name": name})
                _add(data, "value", plain)
        if each.geometry is not None:
            _add_geometry(mark, each.geometry)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _feature(number: int, mark: Element, styles: Mapping[str, str]) -> Feature:
    properties: dict[str, Any] = {"name": text_of(mark, "name")}
    if note := text_of(mark, "description"):
        properties["note"] = note
    colour = _colour(mark) or styles.get(text_of(mark, "styleUrl").removeprefix("#"), "")
    if colour:
        properties["colour"] = colour
    for extended in children(mark, "ExtendedData"):
        for data in everywhere(extended, "Data"):
            properties[data.get("name", "")] = text_of(data, "value")
        for data in everywhere(extended, "SimpleData"):
            properties[data.get("name", "")] = "".join(data.itertext()).strip()
    try:
        found = list(_geometries(mark))
    except ValueError as error:
        return Feature(number=number, geometry=None, properties=properties, problem=str(error))
    return Feature(number=number, geometry=_together(found), properties=properties)


def _geometries(element: Element) -> Iterator[Geometry]:
    for each in element:
        match local(each):
            case "Point":
                places = _places(text_of(each, "coordinates"))
                if places:
                    yield {"type": "Point", "coordinates": places[0]}
            case "LineString":
                yield {
                    "type": "LineString",
                    "coordinates": _places(text_of(each, "coordinates")),
                }
            case "LinearRing":
                yield {"type": "Polygon", "coordinates": [_places(text_of(each, "coordinates"))]}
            case "Polygon":
                rings = [
                    _places(text_of(ring, "coordinates"))
                    for edge in ("outerBoundaryIs", "innerBoundaryIs")
                    for boundary in children(each, edge)
                    for ring in children(boundary, "LinearRing")
                ]
                yield {"type": "Polygon", "coordinates": rings}
            case "Track":
                said = " ".join(
                    ",".join("".join(place.itertext()).split()) for place in children(each, "coord")
                )
                yield {"type": "LineString", "coordinates": _places(said)}
            case "MultiGeometry" | "MultiTrack":
                yield from _geometries(each)


def _places(said: str) -> list[list[float]]:
    """``lon,lat[,altitude]`` and a space between places."""
    try:
        return [
            [float(number) for number in place.split(",")[:2]]
            for place in re.sub(r"\s*,\s*", ",", said).split()
        ]
    except ValueError as error:
        raise ValueError("Its coordinates cannot be read.") from error


def _together(found: list[Geometry]) -> Geometry | None:
    if len(found) == 1:
        return found[0]
    return {"type": "GeometryCollection", "geometries": found} if found else None


def _styles(root: Element) -> dict[str, str]:
    """Colours by the name of a style that several placemarks share."""
    # A style without a name is that of its own placemark only.
    found = {
        each.get("id", ""): colour
        for each in everywhere(root, "Style")
        if each.get("id") and (colour := _colour_of_style(each))
    }
    for each in everywhere(root, "StyleMap"):
        for pair in children(each, "Pair"):
            shared = found.get(text_of(pair, "styleUrl").removeprefix("#"))
            if shared and text_of(pair, "key") == "normal":
                found[each.get("id", "")] = shared
    return found


def _colour(mark: Element) -> str:
    return next((_colour_of_style(each) for each in children(mark, "Style")), "")


def _colour_of_style(style: Element) -> str:
    """KML writes aabbggrr."""
    for kind in ("LineStyle", "PolyStyle"):
        for each in children(style, kind):
            said = text_of(each, "color")
            if _COLOUR.fullmatch(said):
                return f"#{said[6:8]}{said[4:6]}{said[2:4]}".lower()
    return ""


def _add(
    parent: Element, name: str, said: object = "", attributes: dict[str, str] | None = None
) -> Element:
    element = SubElement(parent, name, attributes or {})
    if said != "":
        element.text = safe(said)
    return element


def _add_style(mark: Element, colour: str) -> None:
    backwards = f"{colour[5:7]}{colour[3:5]}{colour[1:3]}"
    style = _add(mark, "Style")
    _add(_add(style, "LineStyle"), "color", f"ff{backwards}")
    _add(_add(style, "PolyStyle"), "color", f"66{backwards}")


def _add_geometry(parent: Element, geometry: Geometry) -> None:
    single = list(parts(geometry))
    inside = parent if len(single) == 1 else _add(parent, "MultiGeometry")
    for each in single:
        polygon = _add(inside, "Polygon")
        for index, ring in enumerate(each["coordinates"]):
            edge = _add(polygon, "innerBoundaryIs" if index else "outerBoundaryIs")
            text = " ".join(f"{lon:.7f},{lat:.7f}" for lon, lat, *_ in ring)
            _add(_add(edge, "LinearRing"), "coordinates", text)
