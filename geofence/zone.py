"""A zone: a named area, as it was when something was judged by it."""

from dataclasses import dataclass
from enum import StrEnum

from shapely.geometry.base import BaseGeometry

from geofence.schedule import Schedule


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
                     WGS84; for a zone that moves, None: it is a circle around ``anchor``
    anchor           the asset that a moving zone goes with
    radius_m         of a circle or a moving zone
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
    speed_limit_kmh: float | None = None
    hours: Schedule | None = None
    labels: frozenset[str] = frozenset()
