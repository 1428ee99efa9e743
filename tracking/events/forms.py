"""What the routes of events give (Pydantic stays at this edge)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from tracking.events.event import Why
from tracking.rules.forms import RuleShown

Lat = Annotated[float | None, Field(examples=[50.8467])]
Lon = Annotated[float | None, Field(examples=[4.3525])]
Facts = Annotated[
    dict[str, Any],
    Field(
        examples=[{"speed_kmh": 112.0, "limit_kmh": 90.0}],
        description="What it was judged by; units are in the names.",
    ),
]


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class EventShown(_Read):
    """Something that a rule noticed. `rule` and `zone` are null for whom they are not theirs."""

    id: UUID
    at: datetime
    since: Annotated[datetime | None, Field(description="When it began to hold, if it lasts.")]
    recorded_at: datetime
    phase: Literal["began", "ended"]
    cause: Annotated[str, Field(examples=["overspeed"])]
    severity: Annotated[int, Field(examples=[2], description="0: an event, and no alarm.")]
    late: Annotated[bool, Field(description="It was noticed in what waited in the device.")]
    clock: Annotated[bool, Field(description="It was noticed because time passed.")]
    rule_id: UUID
    rule_version: int
    rule: Annotated[str | None, Field(examples=["Too fast at night"])]
    organisation_id: Annotated[UUID, Field(description="Whose rule it was.")]
    asset_id: UUID
    asset: Annotated[str, Field(examples=["Truck 14"])]
    asset_kind: Literal["vehicle", "lone_worker", "senior"]
    client: Annotated[str, Field(examples=["Ardenne Transports"])]
    unit_id: Annotated[str, Field(examples=["356307042441013"])]
    fix_at: datetime | None
    lat: Lat
    lon: Lon
    zone_id: UUID | None
    zone_version: int | None
    zone: Annotated[str | None, Field(examples=["Depot Ghent"])]
    facts: Facts


class ZoneAsJudgedShown(_Read):
    """One version of a zone."""

    id: UUID
    version: int
    name: Annotated[str, Field(examples=["Depot Ghent"])]
    kind: Literal["polygon", "circle", "corridor", "area", "moving"]
    radius_m: float | None
    shape: Annotated[
        dict[str, Any] | None,
        Field(
            examples=[
                {"type": "Polygon", "coordinates": [[[4.3, 50.8], [4.4, 50.8], [4.3, 50.8]]]}
            ],
            description="GeoJSON; null for a zone that moves.",
        ),
    ]


class FixAsHeardShown(_Read):
    """A fix around an event."""

    at: datetime
    received_at: datetime
    lat: Annotated[float, Field(examples=[50.8467])]
    lon: Annotated[float, Field(examples=[4.3525])]
    valid: bool
    buffered: bool
    speed_kmh: float | None
    course_deg: float | None
    accuracy_m: float | None
    ignition: bool | None
    motion: bool | None
    battery_pct: float | None
    signals: list[str]


class ClockShown(_Read):
    """The times of an event, and the hours of its rule."""

    at: datetime
    since: datetime | None
    received_at: datetime | None
    recorded_at: datetime
    late: bool
    by_clock: bool
    local: Annotated[datetime, Field(description="As the clock on the wall showed it.")]
    time_zone: Annotated[str, Field(examples=["Europe/Brussels"])]
    schedule: Annotated[
        dict[str, Any] | None, Field(examples=[{"weekly": {"mon": ["22:00-06:00"]}}])
    ]
    covered: bool | None


class WhyShown(BaseModel):
    """Why an event is one. `rule` is null, and its settings unsaid, where it is the centre's."""

    event: EventShown
    rule: RuleShown | None
    zones: list[ZoneAsJudgedShown]
    fixes: list[FixAsHeardShown]
    more: Annotated[bool, Field(description="There were more fixes than are shown.")]
    clock: ClockShown
    words: Annotated[
        str | None,
        Field(
            examples=["Truck 14 drives 112 km/h"],
            description="The rule's own message in my language; null: it has none.",
        ),
    ]
    facts_in_words: Annotated[
        dict[str, str],
        Field(examples=[{"asset": "Truck 14", "at": "23:12"}], description="For my language."),
    ]

    @classmethod
    def of(cls, why: Why) -> "WhyShown":
        """As shown."""
        return cls(
            event=EventShown.model_validate(why.event),
            rule=None if why.rule is None else RuleShown.of(why.rule),
            zones=[ZoneAsJudgedShown.model_validate(each) for each in why.zones],
            fixes=[FixAsHeardShown.model_validate(each) for each in why.fixes],
            more=why.more,
            clock=ClockShown.model_validate(why.clock),
            words=why.words,
            facts_in_words=dict(why.facts_in_words),
        )
