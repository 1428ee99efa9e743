"""What the routes of profiles take and give (Pydantic stays at this edge)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from protocols.settings import settings_as_json
from tracking.fleet.forms import CodecName, Model, ReportingTime, Said, Shown
from tracking.profiles.profile import NewProfile
from tracking.profiles.service import DeviceSetup, FrameSaid
from tracking.web.words import Lines

SettingsSaid = Annotated[
    dict[str, Any],
    Field(
        max_length=20,
        examples=[
            {"time_zone": "+08:00", "panic_inputs": [2], "alarms": {"120": ["fall"]}},
        ],
        description=(
            "time_zone, columns, panic_inputs, alarms, options, heartbeat_s; what is absent is as"
            " the profile has it."
        ),
    ),
]
Category = Annotated[
    str | None,
    Field(
        max_length=10,
        examples=["SP2"],
        description="Category of EN 50136-1; it stands for its reporting time.",
    ),
]
Hexadecimal = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^([0-9A-Fa-f]{2}\s*)+$", max_length=20_000),
]


class ProfileShown(Shown):
    """One version of how the devices of a model are set up."""

    id: UUID
    codec: Annotated[str, Field(examples=["jt808"])]
    model: Annotated[str, Field(examples=["g-360p"], description="Empty: all models.")]
    version: Annotated[int, Field(examples=[3])]
    settings: dict[str, Any]
    category: str | None
    reporting_time_s: int | None
    note: str
    created_at: datetime
    created_by: str | None


class ProfileAsked(Said):
    """A version to be put in force."""

    codec: CodecName
    model: Annotated[Model, Field(examples=["G-360P"])] = ""
    settings: SettingsSaid = Field(default_factory=dict)
    category: Category = None
    reporting_time_s: ReportingTime | None = None
    note: Lines = ""

    def new(self) -> NewProfile:
        """The same, inside."""
        return NewProfile(**self.model_dump())


class SetupShown(BaseModel):
    """How one device is set up: what comes from where, and what is in force."""

    device_id: UUID
    unit_id: str
    shared: Annotated[dict[str, Any] | None, Field(description="What all models share.")]
    of_model: Annotated[dict[str, Any] | None, Field(description="What its model has.")]
    of_unit: Annotated[dict[str, Any], Field(description="Where this unit differs.")]
    in_force: dict[str, Any]
    secret_set_at: Annotated[
        datetime | None, Field(description="Since when it has a secret; nobody can read it.")
    ]

    @classmethod
    def of(cls, found: DeviceSetup) -> "SetupShown":
        """As shown."""
        return cls(
            device_id=found.device_id,
            unit_id=found.setup.unit_id,
            shared=_plain(found.setup.shared),
            of_model=_plain(found.setup.of_model),
            of_unit=dict(found.setup.of_unit),
            in_force=settings_as_json(found.in_force),
            secret_set_at=found.secret_set_at,
        )


class SetupAsked(Said):
    """Where one unit differs from its model; all of it, each time."""

    settings: SettingsSaid = Field(default_factory=dict)
    secret: Annotated[
        str | None,
        StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[!-~]*$"),
        Field(description="A key in hexadecimal or a pass code; null keeps it, empty removes it."),
    ] = None


class FrameShown(BaseModel):
    """What a device said, and what that means with the settings of now."""

    received_at: datetime
    codec: str
    hex: str
    meaning: dict[str, Any]

    @classmethod
    def of(cls, said: FrameSaid) -> "FrameShown":
        """As shown."""
        return cls(
            received_at=said.received_at,
            codec=said.codec,
            hex=said.payload.hex(),
            meaning=dict(said.meaning),
        )


class PreviewAsked(Said):
    """Frames, said one after the other, and how the device would be set up."""

    model_config = ConfigDict(extra="forbid")

    codec: CodecName
    unit_id: Annotated[str, StringConstraints(max_length=100)] = ""
    frames: Annotated[list[Hexadecimal], Field(min_length=1, max_length=50)]
    settings: SettingsSaid = Field(default_factory=dict)
    heard_at: datetime | None = None


class PreviewShown(BaseModel):
    """What each frame would mean."""

    frames: list[dict[str, Any]]


def _plain(said: Mapping[str, object] | None) -> dict[str, Any] | None:
    return None if said is None else dict(said)
