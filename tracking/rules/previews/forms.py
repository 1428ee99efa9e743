"""What the routes of previews take and give (Pydantic stays at this edge)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from tracking.people.person import Person
from tracking.rules.forms import RuleFields
from tracking.rules.previews.preview import Preview
from tracking.rules.rule import WrittenRule
from tracking.web.words import Line


class PreviewAsked(RuleFields):
    """A rule to be tried, filed or not, and on how many days."""

    name: Line = "Preview"
    organisation_id: Annotated[
        UUID | None, Field(description="Whose rule it would be; null: my own organisation's.")
    ] = None
    rule_id: Annotated[
        UUID | None, Field(description="The rule that this would be the next version of.")
    ] = None
    days: Annotated[int, Field(ge=1, examples=[30])] = 30

    def new(self, by: Person) -> WrittenRule:
        """The same, inside."""
        return self.written(self.organisation_id or by.organisation_id)


class DayShown(BaseModel):
    """What would have begun on one day, by the clock on the wall."""

    day: Annotated[str, Field(examples=["2026-11-24"])]
    began: int


class AssetCountShown(BaseModel):
    """What would have begun about one asset."""

    asset_id: UUID
    asset: Annotated[str, Field(examples=["Truck 14"])]
    began: int


class FailureCountShown(BaseModel):
    """A way in which the rule could not judge."""

    error: str
    times: int


class PreviewShown(BaseModel):
    """How far a preview has come. Counts grow while it runs.

    Signals that came without a fix are not stored, so a rule that asks for them finds fewer here
    than it would have; zones, groups and hours are those of now.
    """

    id: UUID
    rule_id: UUID | None
    state: Literal["running", "done", "cancelled", "failed"]
    share: Annotated[float, Field(examples=[0.4], description="Of the work that is done, 0 to 1.")]
    created_at: datetime
    from_at: datetime
    until_at: datetime
    assets: int
    assets_done: int
    positions: int
    events: Annotated[int, Field(description="What would have been noticed, ends included.")]
    began: Annotated[int, Field(description="What would have begun, or happened in a moment.")]
    late: int
    by_day: list[DayShown]
    by_asset: Annotated[list[AssetCountShown], Field(description="The most first.")]
    failures: list[FailureCountShown]
    error: str

    @classmethod
    def of(cls, preview: Preview) -> "PreviewShown":
        """As shown."""
        counts: dict[str, Any] = {
            "began": 0, "late": 0, "by_day": [], "by_asset": [], "failures": [], **preview.counts,
        }  # fmt: skip
        said = {
            name: getattr(preview, name)
            for name in cls.model_fields
            if name not in counts and hasattr(preview, name)
        }
        return cls.model_validate({**said, **counts, "state": preview.state.value})


class FoundShown(BaseModel):
    """What the rule would have noticed, and where the asset was last known to be."""

    at: datetime
    since: datetime | None
    phase: Literal["began", "ended"]
    cause: Annotated[str, Field(examples=["overspeed"])]
    asset_id: UUID
    asset: Annotated[str, Field(examples=["Truck 14"])]
    late: bool
    clock: bool
    fix_at: datetime | None
    lat: Annotated[float | None, Field(examples=[50.8467])]
    lon: Annotated[float | None, Field(examples=[4.3525])]
    facts: dict[str, Any]


class FoundPage(BaseModel):
    """The first thousand events; `events` counts all of them."""

    items: list[FoundShown]
    events: int
    state: Literal["running", "done", "cancelled", "failed"]
