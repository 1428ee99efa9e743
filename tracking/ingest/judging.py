"""What rules make of the reports of one batch: the zones around every fix, and what was noticed.

Pure, like the fold that calls it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from geofence.engine import Failure, judge
from geofence.event import Event
from geofence.rule import Rule, State
from geofence.sighting import Nowhere, Sighting, Surroundings
from protocols.message import Fix, Report
from tracking.ingest.arrival import Arrival
from tracking.ingest.identity import LONG_AGO, Fitment, Unit
from tracking.rules.book import Book
from tracking.rules.timer import Timer

NOWHERE = Nowhere()


@dataclass(slots=True)
class Verdicts:
    """What the rules have made of a batch so far. ``failures`` holds one for each rule."""

    timers: dict[tuple[str, str], Timer] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)


def to_be_judged(fix: Fix | None) -> Fix | None:
    """A fix that says where somebody is: a valid one, or an estimate that says how rough it is."""
    return fix if fix is not None and (fix.valid or fix.accuracy_m is not None) else None


def surroundings(
    arrivals: Sequence[Arrival], units: Mapping[str, Unit], book: Book
) -> dict[int, Surroundings]:
    """The zones around every fix of a batch that a rule is about, by the identity of its report.

    Asked all at once: a look-up of a thousand costs hardly more than one of ten.
    """
    if not book.rules:
        return {}
    reports: list[Report] = []
    fixes: list[Fix] = []
    for arrival in arrivals:
        unit = None if arrival.error else units.get(arrival.unit_id)
        if unit is None:
            continue
        for report in arrival.reports:
            fix = to_be_judged(report.fix)
            if fix is None:
                continue
            fitment = unit.fitment_at(fix.at)
            if fitment is not None and book.rules_for(fitment.subject):
                reports.append(report)
                fixes.append(fix)
    if not fixes:
        return {}
    return {
        id(report): around for report, around in zip(reports, book.index.around(fixes), strict=True)
    }


def judged(
    book: Book,
    fitment: Fitment,
    *,
    unit_id: str,
    memories: Mapping[str, Any],
    report: Report,
    around: Surroundings,
    at: datetime,
    before: datetime,
    believed: bool,
    verdicts: Verdicts,
) -> tuple[Mapping[str, Any], Sequence[Event]]:
    """Memories afterwards — the same mapping if nothing changed — and what was noticed.

    ``before`` is the time of the unit's newest fix until now; ``believed`` is False when the
    device's clock is absurd: then its fix says nothing, and ``at`` is when it was heard.
    """
    rules = book.rules_for(fitment.subject)
    if not rules:
        return memories, ()
    seen = Sighting(
        at=at,
        subject=fitment.subject,
        report=report,
        fix=to_be_judged(report.fix) if believed else None,
        around=around if believed else NOWHERE,
        late=report.buffered,
    )
    found = judge(rules, memories, seen, before=None if before == LONG_AGO else before)
    for failure in found.failures:
        verdicts.failures.setdefault(failure.rule.id, failure)
    for rule_id, state in found.changed.items():
        timer = _timer(book.rules[rule_id].rule, memories.get(rule_id), state, at=at, before=before)
        if timer is not None:
            verdicts.timers[unit_id, rule_id] = timer
    if not found.changed:
        return memories, found.events
    return {**memories, **found.changed}, found.events


def _timer(
    rule: Rule, was: State | None, state: State, *, at: datetime, before: datetime
) -> Timer | None:
    """When the clock must look again; None where that has not changed."""
    if was is not None and state.live is was.live:
        return None
    as_of = max(at, before)
    due_at = rule.due(state, after=as_of)
    if due_at is None and (was is None or rule.due(was, after=before) is None):
        return None
    return Timer(
        rule_id=UUID(rule.id),
        edition=rule.edition,
        asset_id=UUID(state.asset_id),
        as_of=as_of,
        due_at=due_at,
    )
