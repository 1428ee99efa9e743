"""Run what a unit is subject to: the watches of every unit, and the rules that people set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from geofence.event import Event
from geofence.rule import Rule, State
from geofence.sighting import Sighting
from geofence.watch import Watch
from protocols.message import Report

Memories = Mapping[str, Any]
"""What each watch remembers, by its name."""

States = Mapping[str, State]
"""What each rule remembers of one asset, by the rule's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A rule that could not judge a sighting: a fault of ours, or of what somebody set."""

    rule: Rule
    seen: Sighting
    error: Exception


def evaluate(
    watches: Sequence[Watch[Any]], memories: Memories, report: Report, at: datetime
) -> tuple[Memories, list[Event]]:
    """Memories afterwards — the same mapping if nothing changed — and what was noticed."""
    changed: dict[str, Any] = {}
    events: list[Event] = []
    for watch in watches:
        before = memories.get(watch.name)
        if before is None:
            before = watch.begin()
        after, noticed = watch.step(before, report, at)
        if after is not before:
            changed[watch.name] = after
        if noticed:
            events += noticed
    return ({**memories, **changed} if changed else memories), events


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What rules made of one sighting: the states that changed, and what was noticed."""

    changed: States
    events: Sequence[Event]
    failures: Sequence[Failure] = ()


def judge(
    rules: Sequence[Rule], states: States, seen: Sighting, *, before: datetime | None
) -> Judged:
    """Step every rule over one sighting, or let time pass if ``seen.clock`` is set.

    ``before`` is the newest fix until now. A rule that fails is told of and stays as it was;
    the others go on.
    """
    changed: dict[str, State] = {}
    events: list[Event] = []
    failures: list[Failure] = []
    asset_id = seen.subject.asset_id
    for rule in rules:
        state = states.get(rule.id)
        try:
            if state is None or not rule.fits(state, asset_id):
                state = rule.begin(asset_id)
            if seen.clock:
                after, noticed = rule.tick(state, seen, before=before)
            else:
                after, noticed = rule.step(state, seen, before=before)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other rules must go on
            failures.append(Failure(rule=rule, seen=seen, error=error))
            continue
        if after is not states.get(rule.id):
            changed[rule.id] = after
        if noticed:
            events += noticed
    return Judged(changed=changed, events=events, failures=failures)
