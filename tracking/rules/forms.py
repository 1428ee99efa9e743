"""What the routes of rules take and give (Pydantic stays at this edge)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tracking.people.person import Person
from tracking.rules.rule import FiledRule, RuleFailure, WrittenRule
from tracking.web.words import Line, Lines

Setting = Annotated[
    dict[str, Any],
    Field(
        examples=[{"kind": "overspeed", "limit_kmh": 90}],
        description="The condition: a kind and its settings (`GET /api/v1/rules/kinds`).",
    ),
]
ForS = Annotated[
    float,
    Field(ge=0, le=31 * 86_400, examples=[30.0], description="How long it must hold, in seconds."),
]
Hours = Annotated[
    dict[str, Any] | None,
    Field(
        examples=[{"weekly": {"mon": ["22:00-06:00"]}}],
        description="The hours in which the rule watches; null: always.",
    ),
]
Severity = Annotated[
    int,
    Field(ge=0, le=5, examples=[2], description="0: an event only; 1 to 5: its alarm's priority."),
]
Messages = Annotated[
    dict[Literal["nl", "fr", "de", "en"], str],
    Field(
        examples=[{"en": "{asset} drives {speed_kmh} km/h"}],
        description="By language, with names of facts in braces; absent: the usual words.",
    ),
]
Cause = Annotated[
    str | None,
    StringConstraints(strip_whitespace=True, max_length=40),
    Field(
        examples=["overspeed"],
        description="The word for its events and alarms; null: the first kind in the setting.",
    ),
]


class ScopeSaid(BaseModel):
    """Whom a rule is for; what is empty asks nothing. One of assets, groups or tags must fit."""

    model_config = ConfigDict(extra="forbid")

    organisations: list[str] = []
    kinds: list[str] = []
    assets: list[str] = []
    groups: Annotated[list[str], Field(examples=[["Night shift"]])] = []
    tags: list[str] = []


class RuleFields(BaseModel):
    """What a person writes of a rule."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(examples=["Too fast at night"])]
    setting: Setting
    cause: Cause = None
    for_s: ForS = 0.0
    schedule: Hours = None
    scope: ScopeSaid = ScopeSaid()
    severity: Severity = 0
    messages: Messages = {}
    told: list[Literal["desk", "client"]] = ["desk"]
    enabled: bool = True
    note: Lines = ""

    def written(self, organisation_id: UUID) -> WrittenRule:
        """The same, inside."""
        said = self.model_dump(exclude={"organisation_id", "based_on", "days", "rule_id"})
        return WrittenRule(**{**said, "told": tuple(self.told)}, organisation_id=organisation_id)


class RuleAsked(RuleFields):
    """A rule to be filed."""

    organisation_id: Annotated[
        UUID | None, Field(description="Whose rule it is; null: my own organisation's.")
    ] = None

    def new(self, by: Person) -> WrittenRule:
        """The same, inside."""
        return self.written(self.organisation_id or by.organisation_id)


class RuleChanged(RuleFields):
    """The next version of a rule, all of it."""

    based_on: Annotated[int, Field(ge=1, examples=[3], description="The version it follows.")]


class RuleShown(BaseModel):
    """One version of a rule."""

    id: UUID
    version: Annotated[int, Field(examples=[3])]
    organisation_id: UUID
    organisation: Annotated[str, Field(examples=["Ardenne Transports"])]
    of_centre: Annotated[bool, Field(description="Whether it is a centre's, not a client's.")]
    name: Annotated[str, Field(examples=["Too fast at night"])]
    setting: Setting
    cause: Annotated[str, Field(examples=["overspeed"])]
    for_s: ForS
    schedule: Hours
    scope: ScopeSaid
    severity: Severity
    messages: Messages
    told: list[Literal["desk", "client"]]
    enabled: bool
    removed: bool
    note: str
    created_at: datetime
    created_by: Annotated[str | None, Field(examples=["An Peeters"])]
    failing: Annotated[int, Field(description="In how many ways this version could not judge.")]

    @classmethod
    def of(cls, filed: FiledRule) -> "RuleShown":
        """As shown."""
        return cls.model_validate(_said(filed))


class FailureShown(BaseModel):
    """A version of a rule could not judge; the other rules went on."""

    model_config = ConfigDict(from_attributes=True)

    rule_version: int
    error: Annotated[str, Field(examples=["ZeroDivisionError: division by zero"])]
    times: int
    first_at: datetime
    last_at: datetime
    asset_id: UUID | None
    input: Annotated[dict[str, Any], Field(description="What it should have judged.")]


class RuleWithFailures(RuleShown):
    """The version in force, and how it and those before it could not judge."""

    failures: list[FailureShown]
    aside: Annotated[
        str | None,
        Field(
            examples=[None],
            description="Why nobody judges by it, although it is on: its zone was taken away.",
        ),
    ]

    @classmethod
    def with_failures(
        cls, filed: FiledRule, failures: list[RuleFailure], *, aside: str | None
    ) -> "RuleWithFailures":
        """As shown."""
        shown = [FailureShown.model_validate(each) for each in failures]
        return cls.model_validate({**_said(filed), "failures": shown, "aside": aside})


class KindFieldShown(BaseModel):
    """One setting of a kind."""

    model_config = ConfigDict(from_attributes=True)

    name: Annotated[str, Field(examples=["limit_kmh"])]
    type: Literal["number", "whole", "boolean", "text", "texts", "condition", "conditions"]
    unit: Annotated[str, Field(examples=["kmh"])]
    required: bool
    default: Annotated[Any, Field(examples=[None])]
    nothing: Annotated[bool, Field(description="Whether null is an answer.")]


class KindShown(BaseModel):
    """One kind of condition, and what can be set of it."""

    model_config = ConfigDict(from_attributes=True)

    name: Annotated[str, Field(examples=["overspeed"])]
    combination: Annotated[bool, Field(description="Whether it is made of other conditions.")]
    persists: Annotated[
        bool | None,
        Field(description="Whether it goes on while nothing is heard; null: as its parts do."),
    ]
    momentary: Annotated[bool, Field(description="Each time is an event; for_s must be 0.")]
    asks: Annotated[str, Field(examples=["The asset drives faster than it may."])]
    fields: list[KindFieldShown]


class KindsShown(BaseModel):
    """Everything that a rule can ask."""

    kinds: list[KindShown]
    facts: Annotated[
        list[str], Field(examples=[["asset", "speed_kmh"]], description="Names for messages.")
    ]


def _said(filed: FiledRule) -> dict[str, Any]:
    rule = filed.rule
    said = {name: getattr(rule, name) for name in RuleFields.model_fields}
    return {
        **said,
        "told": list(rule.told),
        "id": rule.id,
        "version": rule.version,
        "organisation_id": rule.organisation_id,
        "organisation": filed.organisation,
        "of_centre": rule.of_centre,
        "removed": filed.removed,
        "created_at": rule.created_at,
        "created_by": filed.author,
        "failing": filed.failing,
    }
