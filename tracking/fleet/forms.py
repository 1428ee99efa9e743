"""What the routes of the fleet take and give (Pydantic stays at this edge)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from geofence.schedule import schedule_as_setting, schedule_from
from tracking.fleet.fleet import AssetKind, DeviceKind, NewAsset, NewDevice
from tracking.web.words import Line, Lines, Phone, Plate, Search

UnitId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[!-~]+$"),
    Field(examples=["356307042441013"], description="The name that the device gives on the wire."),
]
CodecName = Annotated[str, Field(max_length=40, examples=["gt06"])]
ReportingTime = Annotated[
    int,
    Field(ge=60, le=2_592_000, examples=[3600], description="Silence beyond this is an alarm."),
]
Model = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f]*$")
]
Group = Annotated[
    Search, Field(examples=["Night shift"], description="Rules may be about a group.")
]


def _checked_hours(said: dict[str, Any]) -> dict[str, Any]:
    return schedule_as_setting(schedule_from(said))


def _each_once(said: list[str]) -> list[str]:
    return sorted(set(said))


def _without_commas(said: str) -> str:
    if "," in said:
        raise ValueError("A tag has no comma in it.")
    return said


Tags = Annotated[
    list[Annotated[Line, StringConstraints(max_length=60), AfterValidator(_without_commas)]],
    Field(max_length=50, examples=[["airport", "night"]], description="Rules may ask for a tag."),
    AfterValidator(_each_once),
]
SpeedLimit = Annotated[
    float,
    Field(gt=0, le=500, examples=[90.0], description="Its own limit, where a rule asks for it."),
]
Hours = Annotated[
    dict[str, Any],
    AfterValidator(_checked_hours),
    Field(
        examples=[{"weekly": {"mon": ["07:00-19:00"]}}],
        description="When it may be used, as a schedule; null: always.",
    ),
]
# What is shown is not checked again: a device may have called itself anything.
UnitIdShown = Annotated[str, Field(examples=["356307042441013"])]
CodecShown = Annotated[str, Field(examples=["gt06"])]


class Said(BaseModel):
    """What a person sends: nothing that is not asked for."""

    model_config = ConfigDict(extra="forbid")


class Change(Said):
    """What changes; what is absent stays, and null empties a field that may be empty."""

    @model_validator(mode="after")
    def _null_only_where_absence_is_a_value(self) -> "Change":
        for name in self.model_fields_set & self.never_null():
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be empty")
        return self

    def change(self) -> dict[str, Any]:
        """The fields that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}

    @classmethod
    def never_null(cls) -> set[str]:
        """Fields that may be left out and may not be null."""
        return set(cls.model_fields) - {
            "plate",
            "phone",
            "reporting_time_s",
            "speed_limit_kmh",
            "hours",
        }


class Shown(BaseModel):
    """What is answered, from the dataclass of the same fields."""

    model_config = ConfigDict(from_attributes=True)


class FittedDeviceShown(Shown):
    """A device as its asset's card shows it."""

    fitment_id: UUID
    device_id: UUID
    unit_id: UnitIdShown
    codec: CodecShown
    model: Annotated[str, Field(examples=["FMB920"])]
    kind: DeviceKind
    fitted_from: datetime


class AssetShown(Shown):
    """A vehicle or a person that we protect, and the devices that speak for it now."""

    id: UUID
    number: Annotated[int, Field(description="Its small name on the live channel.")]
    organisation_id: UUID
    organisation: Annotated[str, Field(examples=["Ardenne Transports"])]
    kind: AssetKind
    name: Annotated[str, Field(examples=["Truck 14"])]
    plate: Annotated[str | None, Field(examples=["1-ABC-123"])]
    phone: Annotated[str | None, Field(examples=["+32470123456"])]
    note: str
    group: Annotated[str, Field(examples=["Night shift"])]
    tags: Annotated[list[str], Field(examples=[["airport", "night"]])]
    speed_limit_kmh: Annotated[float | None, Field(examples=[90.0])]
    hours: Annotated[dict[str, Any] | None, Field(examples=[{"weekly": {"mon": ["07:00-19:00"]}}])]
    created_at: datetime
    retired_at: datetime | None
    devices: list[FittedDeviceShown]


class AssetAsked(Said):
    """An asset to be filed."""

    organisation_id: UUID
    kind: AssetKind
    name: Annotated[Line, Field(examples=["Truck 14"])]
    plate: Plate | None = None
    phone: Phone | None = None
    note: Lines = ""
    group: Group = ""
    tags: Tags = []
    speed_limit_kmh: SpeedLimit | None = None
    hours: Hours | None = None

    def new(self) -> NewAsset:
        """The same, inside."""
        return NewAsset(**{**self.model_dump(), "tags": tuple(self.tags)})


class AssetChanged(Change):
    """What changes of an asset."""

    kind: AssetKind | None = None
    name: Annotated[Line | None, Field(examples=["Truck 15"])] = None
    plate: Plate | None = None
    phone: Phone | None = None
    note: Lines | None = None
    group: Group | None = None
    tags: Tags | None = None
    speed_limit_kmh: SpeedLimit | None = None
    hours: Hours | None = None


class DeviceShown(Shown):
    """A box with a unit id; `heard_at` is when it last said anything."""

    id: UUID
    organisation_id: UUID
    organisation: Annotated[str, Field(examples=["Ardenne Transports"])]
    unit_id: UnitIdShown
    codec: CodecShown
    model: Annotated[str, Field(examples=["FMB920"])]
    kind: DeviceKind
    phone: Annotated[str | None, Field(examples=["+32470123456"])]
    reporting_time_s: Annotated[int | None, Field(examples=[3600])]
    created_at: datetime
    retired_at: datetime | None
    asset_id: UUID | None
    asset: Annotated[str | None, Field(examples=["Truck 14"])]
    heard_at: datetime | None
    silent_since: datetime | None


class DeviceAsked(Said):
    """A device to be filed."""

    organisation_id: UUID
    unit_id: UnitId
    codec: CodecName
    model: Annotated[Model, Field(examples=["FMB920"])] = ""
    kind: DeviceKind
    phone: Phone | None = None
    reporting_time_s: ReportingTime | None = None

    def new(self) -> NewDevice:
        """The same, inside."""
        return NewDevice(**self.model_dump())


class DeviceChanged(Change):
    """What changes of a device. Its unit id does not: that would be another device."""

    codec: CodecName | None = None
    model: Annotated[Model | None, Field(examples=["FMB920"])] = None
    kind: DeviceKind | None = None
    phone: Phone | None = None
    reporting_time_s: ReportingTime | None = None


class FitmentShown(Shown):
    """This device on this asset, from … until …; null while it lasts."""

    id: UUID
    organisation_id: UUID
    device_id: UUID
    unit_id: UnitIdShown
    asset_id: UUID
    asset: Annotated[str, Field(examples=["Truck 14"])]
    fitted_from: datetime
    fitted_until: datetime | None


class FitmentAsked(Said):
    """A device to be put on an asset."""

    device_id: UUID
    asset_id: UUID
    fitted_from: Annotated[AwareDatetime | None, Field(description="Absent: now.")] = None


class FitmentEnd(Said):
    """When a fitment ended."""

    fitted_until: Annotated[AwareDatetime | None, Field(description="Absent: now.")] = None
