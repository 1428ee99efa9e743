"""What the routes of zones take and give (Pydantic stays at this edge)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import shapely
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from geofence.metric import Place
from geofence.schedule import schedule_from
from geofence.shapes import LARGEST_RADIUS_M, LARGEST_WIDTH_M
from geofence.zone import ZoneKind
from tracking.fleet.forms import Change, Said
from tracking.web.words import Line, Lines
from tracking.zones.areas import Area
from tracking.zones.zone import (
    AreaDrawn,
    CircleDrawn,
    CorridorDrawn,
    Drawing,
    MovingDrawn,
    NewZone,
    PolygonDrawn,
    Remark,
    ZoneSaid,
    ZoneVersion,
)

MOST_LABELS = 20
_TENTH_M = 6
"""Decimals of a degree that are a tenth of a metre."""

_SQUARE = {
    "type": "Polygon",
    "coordinates": [
        [[4.35, 50.85], [4.36, 50.85], [4.36, 50.86], [4.35, 50.86], [4.35, 50.85]],
    ],
}


def _known_hours(said: dict[str, Any]) -> dict[str, Any]:
    schedule_from(said)
    return said


def _each_once(said: list[str]) -> list[str]:
    return list(dict.fromkeys(said))


Lat = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, examples=[50.8503])]
Lon = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, examples=[4.3517])]
Radius = Annotated[float, Field(gt=0, le=LARGEST_RADIUS_M, allow_inf_nan=False, examples=[150.0])]
Width = Annotated[float, Field(gt=0, le=LARGEST_WIDTH_M, allow_inf_nan=False, examples=[60.0])]
Colour = Annotated[
    str,
    StringConstraints(to_lower=True, pattern=r"^(#[0-9a-fA-F]{6})?$"),
    Field(examples=["#c2410c"], description="Empty for the usual one."),
]
Label = Annotated[Line, StringConstraints(max_length=60)]
Labels = Annotated[
    list[Label], Field(max_length=MOST_LABELS, examples=[["depot"]]), AfterValidator(_each_once)
]
SpeedLimit = Annotated[float, Field(gt=0, le=400, allow_inf_nan=False, examples=[30.0])]
Hours = Annotated[
    dict[str, Any],
    Field(
        examples=[{"weekly": {"mon": ["08:00-18:00"]}}],
        description="The schedule in which it counts as open; null: always.",
    ),
    AfterValidator(_known_hours),
]


class PlaceSaid(Said):
    """A place in WGS84 degrees."""

    lat: Lat
    lon: Lon

    def place(self) -> Place:
        """The same, inside."""
        return Place(lat=self.lat, lon=self.lon)


class PolygonSaid(Said):
    """A shape, corner by corner."""

    kind: Literal["polygon"]
    geometry: Annotated[
        dict[str, Any],
        Field(examples=[_SQUARE], description="A GeoJSON Polygon or MultiPolygon, (lon, lat)."),
    ]

    def drawing(self) -> PolygonDrawn:
        """The same, inside."""
        return PolygonDrawn(geometry=self.geometry)


class CircleSaid(Said):
    """Everything within so many metres of a place."""

    kind: Literal["circle"]
    centre: PlaceSaid
    radius_m: Radius

    def drawing(self) -> CircleDrawn:
        """The same, inside."""
        return CircleDrawn(centre=self.centre.place(), radius_m=self.radius_m)


class CorridorSaid(Said):
    """A line, and the ground beside it: half of the width on either side."""

    kind: Literal["corridor"]
    line: Annotated[list[PlaceSaid], Field(min_length=2, max_length=10_000)]
    width_m: Width

    def drawing(self) -> CorridorDrawn:
        """The same, inside."""
        return CorridorDrawn(line=tuple(place.place() for place in self.line), width_m=self.width_m)


class AreaSaid(Said):
    """An administrative area, as `/api/v1/areas` knows it."""

    kind: Literal["area"]
    area: Annotated[str, Field(max_length=80, examples=["province:10000"])]

    def drawing(self) -> AreaDrawn:
        """The same, inside."""
        return AreaDrawn(area=self.area)


class MovingSaid(Said):
    """Everything within so many metres of an asset, wherever that is."""

    kind: Literal["moving"]
    anchor_asset_id: UUID
    radius_m: Radius

    def drawing(self) -> MovingDrawn:
        """The same, inside."""
        return MovingDrawn(anchor_asset_id=self.anchor_asset_id, radius_m=self.radius_m)


DrawingSaid = Annotated[
    PolygonSaid | CircleSaid | CorridorSaid | AreaSaid | MovingSaid, Field(discriminator="kind")
]


class ZoneAsked(Said):
    """A zone to be drawn."""

    organisation_id: Annotated[UUID, Field(description="Whose it is: the centre or a client.")]
    name: Annotated[Line, Field(examples=["Depot Vilvoorde"])]
    drawing: DrawingSaid
    colour: Colour = ""
    labels: Labels = Field(default_factory=list)
    speed_limit_kmh: SpeedLimit | None = None
    hours: Hours | None = None
    note: Lines = ""

    def new(self) -> NewZone:
        """The same, inside."""
        said = self.model_dump(exclude={"organisation_id", "drawing"})
        return NewZone(
            organisation_id=self.organisation_id,
            said=ZoneSaid(**{**said, "labels": tuple(self.labels)}),
            drawing=self.drawing.drawing(),
        )


class ZoneChanged(Change):
    """What changes of a zone, and the version that was looked at."""

    version: Annotated[int, Field(ge=1, description="The version that you saw.")]
    name: Annotated[Line | None, Field(examples=["Depot Machelen"])] = None
    drawing: DrawingSaid | None = None
    colour: Colour | None = None
    labels: Labels | None = None
    speed_limit_kmh: SpeedLimit | None = None
    hours: Hours | None = None
    note: Lines | None = None

    @classmethod
    def never_null(cls) -> set[str]:
        """Fields that may be left out and may not be null."""
        return set(cls.model_fields) - {"speed_limit_kmh", "hours"}

    def said(self) -> dict[str, Any]:
        """The fields that were sent, but for the drawing."""
        sent = self.change()
        if "labels" in sent:
            sent["labels"] = tuple(sent["labels"])
        return {name: value for name, value in sent.items() if name not in {"version", "drawing"}}

    def drawn(self) -> Drawing | None:
        """The new drawing, if there is one."""
        return None if self.drawing is None else self.drawing.drawing()


class VersionSeen(Said):
    """The version that was looked at."""

    version: Annotated[int, Field(ge=1, description="The newest version, as you saw it.")]


class RemarkShown(BaseModel):
    """Something that was not as it should be in what was drawn, and is mended."""

    model_config = ConfigDict(from_attributes=True)

    code: Annotated[str, Field(examples=["self_crossing"])]
    text: Annotated[str, Field(examples=["It crosses itself near 50.85, 4.35; 2 areas came."])]
    facts: dict[str, Any]


class ZoneShown(BaseModel):
    """One version of a zone; the newest, unless an older one was asked for."""

    id: UUID
    version: Annotated[int, Field(examples=[3])]
    in_force: Annotated[bool, Field(description="False for an older version, or if removed.")]
    removed: bool
    organisation_id: UUID
    organisation: Annotated[str, Field(examples=["Ardenne Transports"])]
    name: Annotated[str, Field(examples=["Depot Vilvoorde"])]
    kind: ZoneKind
    drawing: Annotated[
        dict[str, Any],
        Field(
            examples=[{"kind": "circle", "centre": {"lat": 50.85, "lon": 4.35}, "radius_m": 150}],
            description="How it was drawn, as it is asked for; a polygon's is its geometry.",
        ),
    ]
    geometry: Annotated[
        dict[str, Any] | None,
        Field(examples=[_SQUARE], description="What it covers, as GeoJSON; null if it moves."),
    ]
    anchor_asset_id: UUID | None
    anchor: Annotated[str | None, Field(examples=["Truck 14"])]
    colour: Annotated[str, Field(examples=["#c2410c"])]
    labels: list[str]
    speed_limit_kmh: float | None
    hours: dict[str, Any] | None
    note: str
    created_at: datetime
    created_by: Annotated[str | None, Field(examples=["An Peeters"])]

    @classmethod
    def of(cls, zone: ZoneVersion, *, tolerance_m: float = 0.0) -> "ZoneShown":
        """As shown; ``tolerance_m`` spares corners that nobody sees from far away."""
        return cls(
            **{name: getattr(zone, name) for name in _PLAIN},
            labels=list(zone.labels),
            hours=None if zone.hours is None else dict(zone.hours),
            drawing=drawing_shown(zone),
            geometry=geometry_shown(zone, tolerance_m=tolerance_m),
        )


class ZoneDrawn(ZoneShown):
    """A zone as it was filed, and what had to be mended in its drawing."""

    remarks: list[RemarkShown]

    @classmethod
    def with_remarks(cls, zone: ZoneVersion, remarks: tuple[Remark, ...]) -> "ZoneDrawn":
        """As shown."""
        shown = ZoneShown.of(zone)
        told = [RemarkShown.model_validate(each) for each in remarks]
        return cls(**dict(shown), remarks=told)


class AreaShown(BaseModel):
    """An administrative area that a zone can be made of."""

    code: Annotated[str, Field(examples=["province:10000"])]
    level: Literal["canton", "province", "country"]
    name: Annotated[str, Field(examples=["Provincie Antwerpen"])]
    within: Annotated[str | None, Field(examples=["Provincie Oost-Vlaanderen"])]
    drawn_to_m: Annotated[
        int, Field(examples=[50], description="How far its border may be from the true one.")
    ]
    bbox: Annotated[
        list[float], Field(examples=[[2.54, 49.5, 6.41, 51.51]], description="W, S, E, N.")
    ]

    @classmethod
    def of(cls, area: Area, language: str) -> "AreaShown":
        """As shown, in this language."""
        return cls.model_validate(
            {
                "code": area.code,
                "level": area.level,
                "name": area.name(language),
                "within": area.within.get(language, area.within.get("")),
                "drawn_to_m": area.drawn_to_m,
                "bbox": list(area.shape.bounds),
            }
        )


def drawing_shown(zone: ZoneVersion) -> dict[str, Any]:
    """How a zone was drawn, in the words in which it is asked for."""
    said: dict[str, Any] = {"kind": zone.kind.value, **zone.definition}
    said.pop("names", None)
    if zone.anchor_asset_id is not None:
        said["anchor_asset_id"] = str(zone.anchor_asset_id)
    return said


def geometry_shown(
    zone: ZoneVersion, *, tolerance_m: float = 0.0, decimals: int = _TENTH_M
) -> dict[str, Any] | None:
    """What a zone covers, as GeoJSON, to a tenth of a metre unless said otherwise."""
    return shape_shown(zone.shape, tolerance_m=tolerance_m, decimals=decimals)


def shape_shown(
    shape: BaseGeometry | None, *, tolerance_m: float = 0.0, decimals: int = _TENTH_M
) -> dict[str, Any] | None:
    """A shape as GeoJSON; None for none."""
    if shape is None:
        return None
    if tolerance_m > 0:
        shape = shapely.simplify(shape, tolerance_m / 111_320, preserve_topology=True)
    found: dict[str, Any] = mapping(
        shapely.transform(shape, lambda degrees: degrees.round(decimals))
    )
    return found


_PLAIN = (
    "id",
    "version",
    "in_force",
    "removed",
    "organisation_id",
    "organisation",
    "name",
    "kind",
    "anchor_asset_id",
    "anchor",
    "colour",
    "speed_limit_kmh",
    "note",
    "created_at",
    "created_by",
)
