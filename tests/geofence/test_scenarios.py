"""Rules tell stories: each file in tests/scenarios is what a unit said, and what was noticed.

A row is a time of day, signals, readings, and the events that are expected of it. A file with
``remembers = true`` is a story that a rule without memory gets wrong: that is its control.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from geofence.engine import evaluate
from geofence.rules.low_battery import LowBattery
from geofence.rules.panic import Panic
from geofence.rules.tampering import Tampering
from geofence.watch import Watch
from protocols.message import Readings, Report, Signal

FOLDER = Path(__file__).parents[1] / "scenarios"
RULES = {"panic": Panic, "tampering": Tampering, "low_battery": LowBattery}


@dataclass(frozen=True)
class Row:
    """One report, and the causes that are noticed in it."""

    at: datetime
    report: Report
    expected: list[str]


@dataclass(frozen=True)
class Scenario:
    """A rule, and what a unit said."""

    name: str
    rule: Watch[Any]
    remembers: bool
    rows: list[Row]


def read(path: Path) -> Scenario:
    said = tomllib.loads(path.read_text())
    setting = dict(said.get("setting", {}))
    if "also" in setting:
        setting["also"] = frozenset(map(Signal, setting["also"]))
    return Scenario(
        name=path.stem,
        rule=RULES[said["rule"]](**setting),
        remembers=said["remembers"],
        rows=[_row(*row) for row in said["rows"]],
    )


def _row(time: str, signals: str, readings: Mapping[str, object], expected: str) -> Row:
    at = datetime.fromisoformat(f"2026-11-24T{time}+00:00")
    report = Report(
        at=at, signals=frozenset(map(Signal, signals.split())), readings=cast("Readings", readings)
    )
    return Row(at, report, expected.split())


SCENARIOS = [read(path) for path in sorted(FOLDER.glob("*.toml"))]
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)


def noticed(scenario: Scenario, *, forgetful: bool = False) -> list[list[str]]:
    memories: Mapping[str, Any] = {}
    found = []
    for row in scenario.rows:
        memories, events = evaluate((scenario.rule,), memories, row.report, row.at)
        assert all(event.at == row.at for event in events)
        found.append([event.cause for event in events])
        if forgetful:
            memories = {}
    return found


@each_scenario
def test_what_is_expected_is_noticed(scenario: Scenario):
    for row, causes in zip(scenario.rows, noticed(scenario), strict=True):
        assert causes == row.expected, row.at


@each_scenario
def test_a_rule_without_memory_is_found_out(scenario: Scenario):
    right = [row.expected for row in scenario.rows]
    assert (noticed(scenario, forgetful=True) != right) is scenario.remembers


def test_every_rule_has_its_stories():
    told = {type(scenario.rule) for scenario in SCENARIOS}
    assert told == set(RULES.values())
