"""One question about the past, and what has been found so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from geofence.event import Phase
from geofence.rule import Rule
from geofence.sighting import Subject
from geofence.zone import Zone
from tracking.database import Reach
from tracking.rules.trial import Noticed

MOST_KEPT: Final = 1_000
"""Events that are kept to be looked at; all are counted."""
MOST_ASSETS_TOLD: Final = 500
_WALL: Final = ZoneInfo("Europe/Brussels")


class State(StrEnum):
    """Where a preview is in its life. ``failed`` is also one whose process has ended."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """How far a preview has come.

    share    of the work that is done, 0 to 1
    counts   ``began``, ``late``, ``by_day``, ``by_asset``, ``failures``; a noise report's own
    error    why it failed, in words for people
    """

    id: UUID
    organisation_id: UUID
    created_at: datetime
    rule_id: UUID | None
    tried: Mapping[str, Any]
    from_at: datetime
    until_at: datetime
    state: State
    assets: int
    assets_done: int
    positions: int
    events: int
    share: float
    counts: Mapping[str, Any]
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """An alarm that a person found to be real: a candidate that notices nothing near it loses it.

    ``begin`` and ``end`` are how near in time counts.
    """

    asset_id: str
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be tried, about whom, and for whom.

    rules  compiled, by a name of their own; the first is what the preview is about, the others
           are candidates that are tried in the same reading

    After ``most_positions`` no further asset is read.
    """

    preview_id: UUID
    person_id: UUID
    reach: Reach
    rules: Mapping[str, Rule]
    zones: Mapping[str, Zone]
    together: bool
    subjects: Sequence[Subject]
    from_at: datetime
    until_at: datetime
    confirmed: Sequence[Confirmed] = ()
    most_positions: int | None = None


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been counted so far; only the runner changes it.

    ``met`` are the numbers of confirmed alarms near which each rule noticed something.
    """

    job: Job
    assets_done: int = 0
    share: float = 0.0
    positions: int = 0
    events: int = 0
    late: int = 0
    cut: bool = False
    began: dict[str, int] = field(default_factory=dict)
    met: dict[str, set[int]] = field(default_factory=dict)
    by_day: dict[str, int] = field(default_factory=dict)
    by_asset: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    found: list[dict[str, Any]] = field(default_factory=list)
    _confirmed: dict[str, list[tuple[int, Confirmed]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, confirmed in enumerate(self.job.confirmed):
            self._confirmed.setdefault(confirmed.asset_id, []).append((number, confirmed))

    def add(self, noticed: Sequence[Noticed], subject: Subject) -> None:
        """Count what was noticed of one asset."""
        names = {rule.id: name for name, rule in self.job.rules.items()}
        first = next(iter(self.job.rules))
        for each in noticed:
            name, event = names[each.event.rule], each.event
            if event.phase is Phase.BEGAN:
                self.began[name] = self.began.get(name, 0) + 1
                self._meet(name, each)
            if name != first:
                continue
            self.events += 1
            self.late += event.late
            if event.phase is Phase.BEGAN:
                day = event.at.astimezone(_WALL).date().isoformat()
                self.by_day[day] = self.by_day.get(day, 0) + 1
                self.by_asset[each.asset_id] = self.by_asset.get(each.asset_id, 0) + 1
            if len(self.found) < MOST_KEPT:
                self.found.append(_as_json(each, subject))

    def fail(self, failures: Mapping[str, int]) -> None:
        """Count what rules could not judge."""
        for error, times in failures.items():
            if error in self.failures or len(self.failures) < 20:
                self.failures[error] = self.failures.get(error, 0) + times

    def counts(self) -> dict[str, Any]:
        """Everything that was counted, as JSON values."""
        names = {subject.asset_id: subject.name for subject in self.job.subjects}
        most = sorted(self.by_asset.items(), key=lambda item: (-item[1], item[0]))
        first = next(iter(self.job.rules))
        return {
            "began": self.began.get(first, 0),
            "late": self.late,
            "cut": self.cut,
            "by_day": [{"day": day, "began": n} for day, n in sorted(self.by_day.items())],
            "by_asset": [
                {"asset_id": asset_id, "asset": names.get(asset_id, ""), "began": n}
                for asset_id, n in most[:MOST_ASSETS_TOLD]
            ],
            "failures": [{"error": error, "times": n} for error, n in self.failures.items()],
            "by_rule": {name: self.began.get(name, 0) for name in self.job.rules},
            "met": {name: sorted(self.met.get(name, ())) for name in self.job.rules},
        }

    def _meet(self, name: str, each: Noticed) -> None:
        for number, confirmed in self._confirmed.get(each.asset_id, ()):
            if confirmed.begin <= each.event.at <= confirmed.end:
                self.met.setdefault(name, set()).add(number)


def _as_json(each: Noticed, subject: Subject) -> dict[str, Any]:
    event, fix = each.event, each.fix
    return {
        "at": event.at.isoformat(),
        "since": None if event.since is None else event.since.isoformat(),
        "phase": event.phase.value,
        "cause": event.cause,
        "asset_id": each.asset_id,
        "asset": subject.name,
        "late": event.late,
        "clock": event.clock,
        "fix_at": None if fix is None else fix.at.isoformat(),
        "lat": None if fix is None else fix.lat,
        "lon": None if fix is None else fix.lon,
        "facts": dict(event.facts),
    }
