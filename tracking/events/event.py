"""An event as people see it, and everything that it was judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from tracking.rules.rule import FiledRule


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledEvent:
    """One thing that a rule noticed about one asset, with the names that a reader needs.

    ``rule`` and ``zone`` are names, None where the reader may not see the rule or the zone: a
    client who is told by a centre's rule. ``lat`` and ``lon`` are of the fix that it was noticed
    in, or of the last one known.
    """

    id: UUID
    at: datetime
    since: datetime | None
    recorded_at: datetime
    phase: str
    cause: str
    severity: int
    late: bool
    clock: bool
    rule_id: UUID
    rule_version: int
    rule: str | None
    organisation_id: UUID
    asset_id: UUID
    asset: str
    asset_kind: str
    plate: str | None
    group: str
    client: str
    unit_id: str
    fix_at: datetime | None
    lat: float | None
    lon: float | None
    zone_id: UUID | None
    zone_version: int | None
    zone: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which events somebody wants to see; what is empty or None asks nothing."""

    rule_id: UUID | None = None
    asset_id: UUID | None = None
    zone_id: UUID | None = None
    causes: tuple[str, ...] = ()
    severities: tuple[int, ...] = ()
    phase: str | None = None
    begin: datetime | None = None
    end: datetime | None = None
    late: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneAsJudged:
    """One version of a zone; ``shape`` is GeoJSON, None for one that moves."""

    id: UUID
    version: int
    name: str
    kind: str
    radius_m: float | None
    shape: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixAsHeard:
    """A fix around an event, and what the device said with it."""

    at: datetime
    received_at: datetime
    lat: float
    lon: float
    valid: bool
    buffered: bool
    speed_kmh: float | None
    course_deg: float | None
    accuracy_m: float | None
    ignition: bool | None
    motion: bool | None
    battery_pct: float | None
    signals: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The times of an event.

    local        as the clock on the wall showed it where the rule's hours are kept
    received_at  when the fix that it was noticed in was heard
    covered      whether the hours of the rule covered it; None for a rule without hours, or one
                 that the reader may not see
    """

    at: datetime
    since: datetime | None
    received_at: datetime | None
    recorded_at: datetime
    late: bool
    by_clock: bool
    local: datetime
    time_zone: str
    schedule: Mapping[str, Any] | None
    covered: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why an event is one: the rule as it was, the shapes, the fixes, the clock and the words.

    ``more`` says that there were more fixes than are shown. ``words`` is the message of the rule
    in the reader's language; None: the usual words of the cause.
    """

    event: FiledEvent
    rule: FiledRule | None
    zones: Sequence[ZoneAsJudged]
    fixes: Sequence[FixAsHeard]
    more: bool
    clock: Clock
    words: str | None
    facts_in_words: Mapping[str, str] = field(default_factory=dict)
