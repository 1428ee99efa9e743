"""What a drawing comes to: the ground that it covers, sound, and what had to be mended."""

from collections.abc import Mapping
from typing import Any, Final

from geofence import shapes
from geofence.metric import Place
from geofence.shapes import Repair
from geofence.zone import ZoneKind
from tracking.errors import Invalid
from tracking.zones.areas import area
from tracking.zones.zone import (
    AreaDrawn,
    CircleDrawn,
    CorridorDrawn,
    Drawing,
    MovingDrawn,
    Outline,
    PolygonDrawn,
    Remark,
    place_written,
)


def outline_of(drawing: Drawing) -> Outline:
    """What a drawing comes to. Raises Invalid, which says what is wrong with it."""
    try:
        match drawing:
            case PolygonDrawn(geometry=geometry):
                return _polygon(geometry)
            case CircleDrawn(centre=centre, radius_m=radius_m):
                return _circle(centre, radius_m)
            case CorridorDrawn(line=line, width_m=width_m):
                return _corridor(line, width_m)
            case AreaDrawn(area=code):
                return _area(code)
            case MovingDrawn(anchor_asset_id=anchor, radius_m=radius_m):
                return Outline(
                    kind=ZoneKind.MOVING,
                    definition={"radius_m": radius_m},
                    shape=None,
                    anchor_asset_id=anchor,
                    radius_m=radius_m,
                )
    except ValueError as error:
        raise Invalid(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error


def _polygon(geometry: Mapping[str, Any]) -> Outline:
    sound = shapes.sound(geometry)
    return Outline(
        kind=ZoneKind.POLYGON,
        definition={},
        shape=sound.shape,
        remarks=tuple(_remark(each) for each in sound.remarks),
    )


def _circle(centre: Place, radius_m: float) -> Outline:
    return Outline(
        kind=ZoneKind.CIRCLE,
        definition={"centre": place_written(centre), "radius_m": radius_m},
        shape=shapes.circle(lat=centre.lat, lon=centre.lon, radius_m=radius_m),
        radius_m=radius_m,
    )


def _corridor(line: tuple[Place, ...], width_m: float) -> Outline:
    return Outline(
        kind=ZoneKind.CORRIDOR,
        definition={"line": [place_written(place) for place in line], "width_m": width_m},
        shape=shapes.corridor(line, width_m=width_m),
    )


def _area(code: str) -> Outline:
    found = area(code)
    if found is None:
        raise Invalid("There is no such area; search /api/v1/areas for its code.")
    return Outline(
        kind=ZoneKind.AREA,
        definition={"area": found.code, "names": dict(found.names)},
        shape=found.shape,
    )


def _remark(said: shapes.Remark) -> Remark:
    text = _TEXTS[said.repair].format(**{name: f"{n:g}" for name, n in said.numbers.items()})
    return Remark(code=said.repair.value, text=text, facts=dict(said.numbers))


_TEXTS: Final[Mapping[Repair, str]] = {
    Repair.CLOSED: "It was not closed; the last place was joined to the first ({rings} rings).",
    Repair.REPEATED: "Places said twice in a row were left out ({places}).",
    Repair.TURNED: "Rings drawn the wrong way round were turned ({rings}).",
    Repair.SELF_CROSSING: "It crosses itself near {lat}, {lon}; {parts} areas came of it.",
    Repair.OVERLAPPING: "Areas that lay over each other were made one ({parts}).",
    Repair.HOLES_OUTSIDE: "Holes outside of what they should be in were left out ({holes}).",
    Repair.DROPPED: "Lines and points without an area were left out ({parts}).",
    Repair.DATE_LINE: "It crosses 180° and was cut there.",
    Repair.SWAPPED: "Latitude and longitude stood the wrong way round and were exchanged.",
    Repair.PERHAPS_SWAPPED: (
        "Are latitude and longitude the wrong way round? Exchanged, it would lie near {lat}, {lon}."
    ),
}
"""In English; screens say it in the reader's language by the code and the numbers."""
