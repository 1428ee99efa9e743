"""What the routes of noise take and give (Pydantic stays at this edge)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, computed_field


class _Read(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _Rang(_Read):
    """What rang: alarms, how often they rang, and what they turned out to be."""

    alarms: int
    rings: Annotated[int, Field(description="Alarms and their repeats.")]
    closed: int
    false: Annotated[int, Field(description="Closed as false, a test, a fault or training.")]
    genuine: Annotated[int, Field(description="Closed as real.")]
    between_s: Annotated[
        float | None, Field(examples=[420.0], description="The median time between two.")
    ]

    @computed_field  # type: ignore[prop-decorator]  # as pydantic has it
    @property
    def share_false(self) -> float | None:
        """Of those that were closed; null while none was."""
        return self.false / self.closed if self.closed else None


class RuleNoiseShown(_Rang):
    """One rule, by what it noticed and what rang."""

    rule_id: UUID
    rule: Annotated[str, Field(examples=["Too fast at night"])]
    enabled: bool
    cause: Annotated[str, Field(examples=["overspeed"])]
    events: Annotated[int, Field(description="What began, whether it rang or not.")]
    assets: int


class DeviceNoiseShown(_Rang):
    """One device, by what it made ring."""

    unit_id: Annotated[str, Field(examples=["356307042441013"])]
    asset_id: UUID | None
    asset: Annotated[str | None, Field(examples=["Truck 14"])]
    causes: Annotated[list[str], Field(examples=[["power_cut", "low_battery"]])]


class CauseNoiseShown(_Rang):
    """One cause that every unit is watched for."""

    cause: Annotated[str, Field(examples=["power_cut"])]
    units: int


class NoiseShown(_Read):
    """Who made most alarms, the noisiest first."""

    since: datetime
    rules: list[RuleNoiseShown]
    devices: list[DeviceNoiseShown]
    watches: list[CauseNoiseShown]


class ComparisonAsked(BaseModel):
    """A rule to be tried against itself with other numbers."""

    model_config = ConfigDict(extra="forbid")

    rule_id: UUID
    days: Annotated[int, Field(ge=1, le=31, examples=[7])] = 7


class ChangeShown(_Read):
    """One number of a rule, and what it could be instead."""

    at: Annotated[str, Field(examples=["setting.margin_m"])]
    before: float
    after: float


class SparedShown(_Read):
    """What a change would have done."""

    change: ChangeShown
    began: Annotated[int, Field(description="Events with this change.")]
    spared: Annotated[int, Field(description="Events fewer than without it.")]
    lost: Annotated[int, Field(description="Of those closed as real, how many it would miss.")]


class ComparisonShown(_Read):
    """How far a comparison has come. `GET /rules/previews/{preview_id}` tells its progress too."""

    preview_id: UUID
    rule_id: UUID
    state: Literal["running", "done", "cancelled", "failed"]
    share: Annotated[float, Field(examples=[0.4])]
    error: str
    from_at: datetime
    until_at: datetime
    assets: int
    assets_done: int
    cut: Annotated[bool, Field(description="There was too much to read; some assets are left.")]
    began: Annotated[int, Field(description="Events of the rule as it is.")]
    confirmed: Annotated[int, Field(description="Alarms closed as real that it finds again.")]
    spared: Annotated[list[SparedShown], Field(description="What loses nothing comes first.")]
