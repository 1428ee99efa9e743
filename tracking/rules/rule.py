"""A rule as somebody set it: one version of it, before it is compiled for judging."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRule:
    """One version of a rule.

    organisation_id  whose rule it is; ``of_centre`` if that is a centre
    setting          the condition, as ``geofence.kinds.condition_from`` reads it; zones by id, or
                     by a label, as ``label:depot``
    scope            organisations, kinds, assets, groups, tags: lists of texts; absent asks nothing
    severity         0: an event and no alarm; 1 to 5: the priority of its alarms
    messages         by language (nl, fr, de, en), with names of facts in braces
    told             "desk", "client"
    """

    id: UUID
    version: int
    organisation_id: UUID
    of_centre: bool
    name: str
    setting: Mapping[str, Any]
    cause: str
    for_s: float
    schedule: Mapping[str, Any] | None
    scope: Mapping[str, Any]
    severity: int
    messages: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ("desk",)
    enabled: bool = True
    note: str = ""
    created_at: datetime | None = None
    created_by: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRule:
    """What a person writes of a rule; the fields are those of SetRule.

    ``cause`` None is the first kind in the condition; ``organisation_id`` does not change later.
    """

    organisation_id: UUID
    name: str
    setting: Mapping[str, Any]
    cause: str | None = None
    for_s: float = 0.0
    schedule: Mapping[str, Any] | None = None
    scope: Mapping[str, Sequence[str]] = field(default_factory=dict)
    severity: int = 0
    messages: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ("desk",)
    enabled: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledRule:
    """One version of a rule in the books, with the names that a reader needs.

    ``author`` is None for whom the reader may not know. ``failing`` counts the different ways in
    which this version could not judge.
    """

    rule: SetRule
    organisation: str
    author: str | None
    removed: bool
    failing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFailure:
    """One way in which a version of a rule could not judge, with the newest input that shows it."""

    rule_version: int
    error: str
    times: int
    first_at: datetime
    last_at: datetime
    asset_id: UUID | None
    input: Mapping[str, Any]
