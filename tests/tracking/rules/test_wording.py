"""Messages are filled in name by name, and nothing else is done with them."""

import ast
from pathlib import Path

import pytest

import geofence.rules
from tests.geofence.stories import STORIES, play
from tracking.rules.kinds import FACTS, MOMENTARY
from tracking.rules.wording import fault_in, filled

NOT_FOR_PEOPLE = {"zone_version"}


@pytest.mark.parametrize(
    ("template", "language", "expected"),
    [
        ("{asset} drives {speed_kmh} km/h", "en", "Van drives 87.2 km/h"),
        ("{asset} rijdt {speed_kmh} km/u", "nl", "Van rijdt 87,2 km/u"),
        ("limit {limit_kmh}", "en", "limit 90"),
        ("{by}?", "fr", "–?"),  # noqa: RUF001 - the dash of what is unknown
        ("{late} {zones}", "de", "ja Depot, Yard"),
        ("{asset} {asset}", "en", "Van Van"),
        ("100 %", "en", "100 %"),
    ],
)
def test_a_message_says_its_facts(template: str, language: str, expected: str):
    facts = {
        "asset": "Van",
        "speed_kmh": 87.25,
        "limit_kmh": 90.0,
        "late": True,
        "zones": ["Depot", "Yard"],
    }
    assert filled(template, facts, language=language) == expected


def test_what_a_fact_says_is_not_read_as_a_message():
    assert filled("{asset}", {"asset": "{zone}", "zone": "x"}, language="en") == "{zone}"


@pytest.mark.parametrize(
    "template",
    ["{asset.name}", "{asset[0]}", "{0}", "{}", "{asset!r}", "{asset:>9}", "{{asset}}", "{asset"],
)
def test_a_message_is_no_format_string(template: str):
    assert fault_in(template, frozenset({"asset"})) is not None


def test_every_fact_that_a_kind_tells_may_be_named_in_a_message():
    told = {
        name
        for story in STORIES
        for row in play(story)
        for event in row
        for name in event.facts
        if name not in NOT_FOR_PEOPLE
    }
    assert told - FACTS == set()


def test_what_holds_for_a_moment_is_known_to():
    momentary = {
        path.stem
        for path in Path(geofence.rules.__path__[0]).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg == "moment"
    }
    assert momentary == MOMENTARY
