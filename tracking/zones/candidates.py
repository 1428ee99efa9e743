"""What a feature of a file would be as a zone: how it is drawn, what is said of it, what is wrong.

A polygon is drawn as it is, a line is a corridor, a point a circle. What Vigil wrote itself says
how it was drawn, and is drawn so again, unless somebody has moved its shape since.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
import shapely
from pydantic import TypeAdapter, ValidationError
from shapely.errors import GEOSException
from shapely.geometry import shape

from geofence.metric import Place
from geofence.schedule import schedule_from
from geofence.shapes import MOST_VERTICES
from tracking.errors import Invalid
from tracking.web.words import Line, Lines
from tracking.zones.feature import Feature, Geometry, mapped, parts
from tracking.zones.forms import Colour, DrawingSaid, Labels, SpeedLimit
from tracking.zones.outlines import outline_of
from tracking.zones.zone import (
    CircleDrawn,
    CorridorDrawn,
    Drawing,
    Outline,
    PolygonDrawn,
    Remark,
    ZoneSaid,
)

_MOVED = 0.02
"""A shape that differs by more than this part of its area was drawn anew."""
_MOST_PLACES = 2_000
"""Of the line of a corridor: a day's track has more than anybody drew."""
_DEGREE_M = 111_320.0

_NAMES = ("name", "naam", "nom", "title", "titel", "titre", "label", "bezeichnung", "omschrijving")
_NOTES = ("note", "description", "desc", "opmerking", "remarque", "bemerkung")
_COLOURS = ("colour", "color", "stroke", "fill", "kleur", "couleur", "farbe")
_LIMITS = ("speed_limit_kmh", "limit_kmh", "maxspeed", "speed_limit")

_DRAWING: Final = TypeAdapter[Any](DrawingSaid)
_FIELDS: Final[Mapping[str, TypeAdapter[Any]]] = {
    "name": TypeAdapter(Line),
    "note": TypeAdapter(Lines),
    "colour": TypeAdapter(Colour),
    "labels": TypeAdapter(Labels),
    "speed_limit_kmh": TypeAdapter(SpeedLimit),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is drawn where the file does not say it: how wide along a line, how far from a point."""

    width_m: float = 50.0
    radius_m: float = 100.0
    labels: tuple[str, ...] = ()
    name: str = "Zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A zone that a feature would be; ``problem`` says why it would not, and then the rest is None.

    ``number`` is that of the feature in the file; one feature may be several zones.
    """

    number: int
    name: str
    said: ZoneSaid | None = None
    outline: Outline | None = None
    problem: str = ""


def candidates(features: Sequence[Feature], wishes: Wishes) -> list[Candidate]:
    """What each feature would be, in their order."""
    return [candidate for feature in features for candidate in _of(feature, wishes)]


def _of(feature: Feature, wishes: Wishes) -> Iterator[Candidate]:
    said, remarks = _said(feature, wishes)
    if feature.problem:
        yield Candidate(number=feature.number, name=said.name, problem=feature.problem)
        return
    try:
        drawings = list(_drawings(feature, wishes))
        for index, (drawing, more) in enumerate(drawings, start=1):
            name = said.name if len(drawings) == 1 else f"{said.name} {index}"
            outline = outline_of(drawing)
            told = (*remarks, *more, *outline.remarks)
            yield Candidate(
                number=feature.number,
                name=name,
                said=replace(said, name=name[:200]),
                outline=replace(outline, remarks=told),
            )
    except Invalid as error:
        yield Candidate(number=feature.number, name=said.name, problem=str(error))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, GEOSException) as error:
        words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        problem = f"Its shape cannot be read: {words}."
        yield Candidate(number=feature.number, name=said.name, problem=problem)


def _drawings(feature: Feature, wishes: Wishes) -> Iterator[tuple[Drawing, tuple[Remark, ...]]]:
    as_it_was, remarks = _as_it_was(feature)
    if as_it_was is not None:
        yield as_it_was, ()
        return
    if feature.geometry is None:
        raise Invalid("It has no shape.")
    said = {**feature.properties, **_definition(feature.properties)}
    single = list(parts(feature.geometry))
    polygons = [each for each in single if each["type"] == "Polygon"]
    lines = [each for each in single if each["type"] == "LineString"]
    if polygons:
        geometry, more = _thinned_polygons(polygons)
        dropped = len(single) - len(polygons)
        if dropped:
            more += (_remark("dropped", parts=dropped),)
        yield PolygonDrawn(geometry=geometry), remarks + more
        return
    if lines:
        width_m = _number(said.get("width_m")) or wishes.width_m
        for each in lines:
            line, more = _thinned_line(each["coordinates"], width_m)
            yield CorridorDrawn(line=line, width_m=width_m), remarks + more
        return
    radius_m = _number(said.get("radius_m")) or wishes.radius_m
    for each in single:
        if each["type"] != "Point":
            raise Invalid(f"A zone is no {str(each['type'])[:40]}.")
        lon, lat = (float(number) for number in each["coordinates"][:2])
        yield CircleDrawn(centre=Place(lat=lat, lon=lon), radius_m=radius_m), remarks
    if not single:
        raise Invalid("It has no shape.")


def _as_it_was(feature: Feature) -> tuple[Drawing | None, tuple[Remark, ...]]:
    """The drawing that Vigil wrote down with an area, if that still is what came of it."""
    said = feature.properties
    kind = said.get("kind")
    if kind not in {"circle", "area", "moving", "corridor"}:
        return None, ()
    told = {"kind": kind, **_definition(said)}
    told.pop("names", None)
    if kind == "moving":
        told["anchor_asset_id"] = said.get("anchor_asset_id")
    try:
        drawing: Drawing = _DRAWING.validate_python(told).drawing()
        outline = outline_of(drawing)
    except (ValidationError, Invalid):
        return None, ()
    if outline.shape is None or feature.geometry is None:
        return (drawing if outline.shape is feature.geometry else None), ()
    if any(each["type"] != "Polygon" for each in parts(feature.geometry)):
        # A line or a centre stands for itself.
        return None, ()
    drawn = shapely.make_valid(shape(feature.geometry))
    off = outline.shape.symmetric_difference(drawn).area / outline.shape.area
    return (None, (_remark("redrawn", kind=kind),)) if off > _MOVED else (drawing, ())


def _definition(said: Mapping[str, Any]) -> dict[str, Any]:
    found = _json(said.get("definition"))
    if isinstance(found, dict):
        return dict(found)
    # A shapefile has a column for each.
    flat: dict[str, Any] = {}
    if said.get("kind") == "circle" and said.get("lat") is not None:
        flat["centre"] = {"lat": said.get("lat"), "lon": said.get("lon")}
    for name in ("radius_m", "width_m", "area"):
        if said.get(name) not in (None, ""):
            flat[name] = said[name]
    if said.get("kind") != "corridor":
        flat.pop("width_m", None)
    return flat


def _said(feature: Feature, wishes: Wishes) -> tuple[ZoneSaid, tuple[Remark, ...]]:
    """What the properties say; what cannot be kept as it is written is told of."""
    by_name = {str(name).lower(): value for name, value in feature.properties.items()}
    labels = _json(by_name.get("labels"))
    if isinstance(labels, str):
        labels = [each for each in re.split(r"[;,]", labels) if each.strip()]
    found = {
        "name": _text(_first(by_name, _NAMES)) or f"{wishes.name} {feature.number}",
        "note": _text(_first(by_name, _NOTES), lines=True),
        "colour": _text(_first(by_name, _COLOURS)),
        "labels": [*(labels if isinstance(labels, list) else ()), *wishes.labels],
        "speed_limit_kmh": _number(_first(by_name, _LIMITS)),
    }
    remarks = []
    kept: dict[str, Any] = {}
    for name, value in found.items():
        if value is None:
            continue
        try:
            kept[name] = _FIELDS[name].validate_python(value)
        except ValidationError:
            remarks.append(_remark("not_kept", field=name))
    kept.setdefault("name", f"{wishes.name} {feature.number}")
    hours = _json(by_name.get("hours"))
    if isinstance(hours, dict):
        try:
            schedule_from(hours)
            kept["hours"] = hours
        except ValueError:
            remarks.append(_remark("not_kept", field="hours"))
    return ZoneSaid(**{**kept, "labels": tuple(kept.get("labels", ()))}), tuple(remarks)


def _thinned_polygons(polygons: Sequence[Geometry]) -> tuple[Geometry, tuple[Remark, ...]]:
    """The polygons with so few corners that they can be judged by."""
    geometry: Geometry = {
        "type": "MultiPolygon",
        "coordinates": [each["coordinates"] for each in polygons],
    }
    count = _count(geometry)
    thinner, tolerance_m = geometry, 0.25
    while _count(thinner) > MOST_VERTICES and tolerance_m < 20:
        tolerance_m *= 2
        thinner = mapped(geometry, _thinning(tolerance_m))
    if thinner is geometry:
        return geometry, ()
    to = _count(thinner)
    return thinner, (_remark("thinned", corners=count, to=to, tolerance_m=tolerance_m),)


def _thinned_line(
    said: Sequence[Sequence[float]], width_m: float
) -> tuple[tuple[Place, ...], tuple[Remark, ...]]:
    """The line with few places, none further off than a tenth of the corridor's width."""
    line = [(float(place[0]), float(place[1])) for place in said]
    thinner, tolerance_m = line, min(width_m / 20, 1.0)
    while len(thinner) > _MOST_PLACES and tolerance_m < width_m / 10:
        tolerance_m = min(tolerance_m * 2, width_m / 10)
        thinner = _thinning(tolerance_m)(line)
    places = tuple(Place(lat=float(lat), lon=float(lon)) for lon, lat in thinner)
    if len(places) == len(line):
        return places, ()
    to = len(places)
    return places, (_remark("thinned", corners=len(line), to=to, tolerance_m=tolerance_m),)


def _thinning(tolerance_m: float) -> Any:  # noqa: ANN401 - a function over arrays
    def thin(xy: Any) -> Any:  # noqa: ANN401 - rows of (x, y)
        if len(xy) < 5:
            return xy
        line = shapely.simplify(shapely.LineString(xy), tolerance_m / _DEGREE_M)
        return shapely.get_coordinates(line)

    return thin


def _count(geometry: Geometry) -> int:
    return sum(len(ring) for polygon in geometry["coordinates"] for ring in polygon)


def _first(by_name: Mapping[str, Any], names: Sequence[str]) -> Any:  # noqa: ANN401 - a value
    return next((by_name[name] for name in names if by_name.get(name) not in (None, "")), None)


def _text(said: object, *, lines: bool = False) -> str | None:
    """A text as it may be kept: without control characters, on one line, of its length."""
    if said is None or isinstance(said, dict | list):
        return None
    text = str(said)
    if lines:
        kept = "".join(each for each in text if each.isprintable() or each in "\n\t")
        return kept.strip()[:4_000]
    return "".join(each for each in " ".join(text.split()) if each.isprintable())[:200]


def _number(said: object) -> float | None:
    if isinstance(said, bool) or said is None:
        return None
    found = re.match(r"\s*(\d+(?:[.,]\d+)?)", str(said))
    return float(found[1].replace(",", ".")) if found else None


def _json(said: object) -> Any:  # noqa: ANN401 - whatever it holds
    """What a text holds if it is JSON; anything else as it is."""
    if isinstance(said, str) and said[:1] in ("{", "["):
        try:
            return orjson.loads(said)
        except orjson.JSONDecodeError:
            return said
    return said


def _remark(code: str, **facts: Any) -> Remark:  # noqa: ANN401 - JSON values
    return Remark(code=code, text=_TEXTS[code].format(**facts), facts=facts)


_TEXTS: Final = {
    "thinned": "{corners} corners were made {to}; none was moved by more than {tolerance_m:g} m.",
    "dropped": "Lines and points beside its areas were left out ({parts}).",
    "not_kept": "Its {field} cannot be kept as it is written and was left out.",
    "redrawn": "It was a {kind}, and its shape was changed since: it is a polygon now.",
}
