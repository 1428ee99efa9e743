"""Run every rule a unit is subject to, over one report."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from geofence.event import Event
from geofence.rules import Rule
from protocols.message import Report

Memories = Mapping[str, Any]
"""What each rule remembers, by the rule's name."""


def evaluate(
    rules: Sequence[Rule[Any]], memories: Memories, report: Report, at: datetime
) -> tuple[Memories, list[Event]]:
    """Memories afterwards — the same mapping if nothing changed — and what was noticed."""
    changed: dict[str, Any] = {}
    events: list[Event] = []
    for rule in rules:
        before = memories.get(rule.name)
        if before is None:
            before = rule.begin()
        after, noticed = rule.step(before, report, at)
        if after is not before:
            changed[rule.name] = after
        if noticed:
            events += noticed
    return ({**memories, **changed} if changed else memories), events
