"""An alarm as people see it, and how it is said to a desk."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tracking.alarms.lifecycle import Kind, State


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmAsset:
    """Who or what is in trouble."""

    id: UUID
    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFix:
    """Where it happened as far as anybody knows; ``at`` is when it was there."""

    at: datetime
    lat: float
    lon: float
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """The rule that raised an alarm, and what it was judged by.

    ``messages`` are the rule's own words by language, with names of facts in braces.
    """

    id: UUID
    name: str
    messages: Mapping[str, str]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm with the names that a reader needs.

    ``asset`` is None for a unit that nobody registered, ``fix`` when no place is known, ``rule``
    when no rule of the reader's raised it.
    ``acknowledged_by`` and ``closed_by`` are names; None also when the reader may not know them.
    """

    id: UUID
    organisation_id: UUID
    organisation: str
    asset: AlarmAsset | None
    unit_id: str
    cause: str
    priority: int
    state: State
    at: datetime
    raised_at: datetime
    last_event_at: datetime
    last_event_id: UUID
    repeats: int
    labels: tuple[str, ...]
    fix: AlarmFix | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    close_code: str | None
    close_note: str | None
    rule: AlarmRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmEvent:
    """Something that happened to an alarm; ``person`` is None when a device did it."""

    id: UUID
    kind: Kind
    at: datetime
    recorded_at: datetime
    person: str | None
    detail: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step in the order that desks follow, with the alarm as it is now."""

    seq: int
    kind: Kind
    event_id: UUID
    sound: bool
    at: datetime
    alarm: Alarm


def desk_shape(alarm: Alarm, *, names_people: bool = True) -> dict[str, Any]:
    """The alarm as the live channel says it; a client is not told which operator acted."""
    fix = alarm.fix
    return {
        "id": str(alarm.id),
        "event_id": str(alarm.last_event_id),
        "state": alarm.state,
        "priority": alarm.priority,
        "cause": alarm.cause,
        "asset": None
        if alarm.asset is None
        else {"id": str(alarm.asset.id), "name": alarm.asset.name, "kind": alarm.asset.kind},
        "unit_id": alarm.unit_id,
        "organisation": alarm.organisation,
        "at": iso(alarm.at),
        "raised_at": iso(alarm.raised_at),
        "fix": None
        if fix is None
        else {"at": iso(fix.at), "lat": fix.lat, "lon": fix.lon, "valid": fix.valid},
        "labels": list(alarm.labels),
        "repeats": alarm.repeats,
        "rule": None
        if alarm.rule is None
        else {
            "id": str(alarm.rule.id),
            "name": alarm.rule.name,
            "messages": dict(alarm.rule.messages),
            "facts": dict(alarm.rule.facts),
        },
        "acknowledged_by": alarm.acknowledged_by if names_people else None,
        "acknowledged_at": iso(alarm.acknowledged_at),
        "closed_at": iso(alarm.closed_at),
        "close_code": alarm.close_code,
    }


def iso(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z, as everywhere on our API."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
