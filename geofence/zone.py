"""A zone: a named area, as it was when something was judged by it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shapely.geometry.base import BaseGeometry

from geofence.metric import Place
from geofence.schedule import Schedule
from geofence.shapes import circle, corridor


class ZoneKind(StrEnum):
    """How a zone was drawn."""

    POLYGON = "polygon"
    CIRCLE = "circle"
    CORRIDOR = "corridor"
    AREA = "area"
    MOVING = "moving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One version of a zone; ids are UUIDs as text.

    shape            what it covers, as a polygon or multipolygon in (longitude, latitude) degrees
                     WGS84, cut at 180°; None for a zone that moves, a circle around ``anchor``
    anchor           the asset that a moving zone goes with
    radius_m         of a circle or a moving zone
    centre           of a circle; of a moving zone once its anchor's place is known
    line, width_m    of a corridor: its middle, and how wide it is from side to side
    area             the id of an administrative area
    hours            when it counts as open; None: always
    """

    id: str
    version: int
    organisation_id: str
    name: str
    kind: ZoneKind
    shape: BaseGeometry | None
    anchor: str | None = None
    radius_m: float | None = None
    centre: Place | None = None
    line: tuple[Place, ...] = ()
    width_m: float | None = None
    area: str | None = None
    speed_limit_kmh: float | None = None
    hours: Schedule | None = None
    labels: frozenset[str] = frozenset()


def zone_from(
    *,
    id: str,  # noqa: A002 - as its field
    version: int,
    organisation_id: str,
    name: str,
    kind: ZoneKind,
    definition: Mapping[str, Any],
    shape: BaseGeometry | None = None,
    anchor: str | None = None,
    speed_limit_kmh: float | None = None,
    hours: Schedule | None = None,
    labels: frozenset[str] = frozenset(),
) -> Zone:
    """A zone from how it was drawn. Raises ValueError, which says what to write instead.

    ``definition`` holds JSON values: ``{"centre": [lat, lon], "radius_m": …}`` of a circle,
    ``{"line": [[lat, lon], …], "width_m": …}`` of a corridor, ``{"radius_m": …}`` of a zone that
    moves, ``{"area": id}`` of an administrative area. A polygon's is empty: it and an area come
    with their ``shape``. A circle or corridor that comes with one is not drawn again.
    """
    drawn: dict[str, Any] = {}
    try:
        match kind:
            case ZoneKind.CIRCLE:
                drawn["centre"] = _place(definition["centre"])
                drawn["radius_m"] = float(definition["radius_m"])
                shape = shape or circle(
                    lat=drawn["centre"].lat, lon=drawn["centre"].lon, radius_m=drawn["radius_m"]
                )
            case ZoneKind.CORRIDOR:
                drawn["line"] = tuple(_place(said) for said in definition["line"])
                drawn["width_m"] = float(definition["width_m"])
                shape = shape or corridor(drawn["line"], width_m=drawn["width_m"])
            case ZoneKind.MOVING:
                drawn["radius_m"] = float(definition["radius_m"])
            case ZoneKind.AREA:
                drawn["area"] = str(definition["area"])
    except KeyError as missing:
        raise ValueError(f"the {kind} needs {missing.args[0]}") from missing
    except TypeError as error:
        raise ValueError(f"the {kind} is not drawn in numbers") from error
    if kind is ZoneKind.MOVING and (anchor is None or not drawn["radius_m"] > 0):
        raise ValueError("a zone that moves needs an anchor, and a radius_m above 0")
    if kind is not ZoneKind.MOVING and shape is None:
        raise ValueError(f"the {kind} needs its shape")
    return Zone(
        id=id,
        version=version,
        organisation_id=organisation_id,
        name=name,
        kind=kind,
        shape=None if kind is ZoneKind.MOVING else shape,
        anchor=anchor,
        speed_limit_kmh=speed_limit_kmh,
        hours=hours,
        labels=labels,
        **drawn,
    )


def definition_of(zone: Zone) -> dict[str, Any]:
    """How a zone was drawn, as JSON values: what ``zone_from`` reads."""
    match zone.kind:
        case ZoneKind.CIRCLE:
            return {"centre": list(zone.centre or ()), "radius_m": zone.radius_m}
        case ZoneKind.CORRIDOR:
            return {"line": [list(place) for place in zone.line], "width_m": zone.width_m}
        case ZoneKind.MOVING:
            return {"radius_m": zone.radius_m}
        case ZoneKind.AREA:
            return {"area": zone.area}
        case ZoneKind.POLYGON:
            return {}


def _place(said: Any) -> Place:  # noqa: ANN401 - whatever was said
    if len(said) != 2:
        raise ValueError("a place is two numbers, [lat, lon]")
    return Place(lat=float(said[0]), lon=float(said[1]))
