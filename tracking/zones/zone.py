"""A zone as people drew it: every version of it, and what it covers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from shapely.geometry.base import BaseGeometry

from geofence.metric import Place
from geofence.zone import ZoneKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonDrawn:
    """A shape drawn corner by corner: a polygon or multipolygon as GeoJSON, sound or not."""

    geometry: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CircleDrawn:
    """Everything within so many metres of a place."""

    centre: Place
    radius_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorDrawn:
    """A line of places and the ground beside it: half of ``width_m`` on either side."""

    line: tuple[Place, ...]
    width_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaDrawn:
    """An administrative area of the base map, by its code: ``canton:aalst-1``, ``country:BE``."""

    area: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingDrawn:
    """Everything within so many metres of an asset, wherever that is."""

    anchor_asset_id: UUID
    radius_m: float


Drawing: TypeAlias = PolygonDrawn | CircleDrawn | CorridorDrawn | AreaDrawn | MovingDrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that was not as it should be in what was drawn, and is mended.

    ``code`` is for programs, which say it in the reader's language with ``facts``; ``text`` says
    it in English.
    """

    code: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a drawing comes to.

    definition  how it was drawn, as JSON values, where the shape does not say it
    shape       what it covers; None for a zone that moves
    """

    kind: ZoneKind
    definition: Mapping[str, Any]
    shape: BaseGeometry | None
    anchor_asset_id: UUID | None = None
    radius_m: float | None = None
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSaid:
    """What people write about a zone besides its drawing.

    ``colour`` is ``#rrggbb`` or "" for the usual one; ``hours`` is a schedule's setting, None:
    always open.
    """

    name: str
    colour: str = ""
    labels: tuple[str, ...] = ()
    speed_limit_kmh: float | None = None
    hours: Mapping[str, Any] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewZone:
    """A zone to be drawn."""

    organisation_id: UUID
    said: ZoneSaid
    drawing: Drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneVersion:
    """One version of a zone, whole. ``in_force`` is False for all but the newest, or if removed."""

    id: UUID
    version: int
    organisation_id: UUID
    organisation: str
    name: str
    kind: ZoneKind
    definition: Mapping[str, Any]
    shape: BaseGeometry | None
    anchor_asset_id: UUID | None
    anchor: str | None
    radius_m: float | None
    colour: str
    labels: tuple[str, ...]
    speed_limit_kmh: float | None
    hours: Mapping[str, Any] | None
    note: str
    removed: bool
    in_force: bool
    created_at: datetime
    created_by: str | None

    @property
    def said(self) -> ZoneSaid:
        """What people wrote about it."""
        return ZoneSaid(
            name=self.name,
            colour=self.colour,
            labels=self.labels,
            speed_limit_kmh=self.speed_limit_kmh,
            hours=self.hours,
            note=self.note,
        )

    @property
    def outline(self) -> Outline:
        """What its drawing came to."""
        return Outline(
            kind=self.kind,
            definition=self.definition,
            shape=self.shape,
            anchor_asset_id=self.anchor_asset_id,
            radius_m=self.radius_m,
        )


def place_said(said: Mapping[str, float]) -> Place:
    """A place from a definition."""
    return Place(lat=said["lat"], lon=said["lon"])


def place_written(place: Place) -> dict[str, float]:
    """A place for a definition."""
    return {"lat": place.lat, "lon": place.lon}
