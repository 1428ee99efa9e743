"""Which rules run for whom, and what is remembered of what was written down."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from geofence.engine import evaluate
from protocols.message import LIFE_SAFETY, Report, Signal
from tracking.alarms.priorities import PRIORITY, priority_of
from tracking.rules.service import RuleBook, remembered, rules_of, written
from tracking.settings import Settings

BOOK = rules_of(Settings())
NOW = datetime(2026, 11, 24, 22, tzinfo=UTC)


def causes(rules, *signals: Signal) -> list[str]:
    _, events = evaluate(rules, {}, Report(signals=frozenset(signals)), NOW)
    return [event.cause for event in events]


@pytest.mark.parametrize("kind", ["tracker", "panic_device"])
def test_everybody_is_listened_to_for_cries_of_help(kind: str):
    for signal in LIFE_SAFETY:
        assert causes(BOOK.of(kind), signal) == [signal.value]


def test_what_a_unit_cannot_name_is_said_once_by_whoever_should():
    # By the rule of presses for what a person carries, by that of tampering for a vehicle.
    assert causes(BOOK.tracker, Signal.UNSPECIFIED) == ["unspecified"]
    assert set(causes(BOOK.panic_device, Signal.UNSPECIFIED)) == {"unspecified"}
    assert causes(BOOK.stranger, Signal.UNSPECIFIED) == ["unspecified"]
    assert causes(BOOK.stranger, Signal.POWER_CUT) == []


def test_the_first_rule_is_the_one_of_life_and_death():
    """What rings before a commit is judged by the first rule alone."""
    assert {rules[0].name for rules in (BOOK.tracker, BOOK.panic_device, BOOK.stranger)} == {
        "panic"
    }


def test_levels_come_from_the_settings():
    book: RuleBook = rules_of(Settings(low_battery_pct=30.0))
    said = Report(readings={"battery_pct": 25})
    assert [event.cause for event in evaluate(book.tracker, {}, said, NOW)[1]] == ["low_battery"]
    assert evaluate(BOOK.tracker, {}, said, NOW)[1] == []


def test_a_memory_survives_being_written_down():
    said = Report(signals=frozenset({Signal.POWER_CUT, Signal.LOW_BATTERY}))
    memories, _ = evaluate(BOOK.tracker, {}, said, NOW)
    saved = json.loads(json.dumps({name: written(each) for name, each in memories.items()}))
    again = remembered(BOOK.tracker, saved)
    assert again == dict(memories)
    after, events = evaluate(BOOK.tracker, again, said, NOW + timedelta(seconds=30))
    assert events == []
    assert after is again


def test_a_memory_of_another_version_is_read_as_far_as_it_goes():
    saved = {
        "tampering": {"said": {"tow": int(NOW.timestamp())}, "gone": 1},
        "low_battery": {"low": True},
        "retired_rule": {"x": 1},
    }
    memories = remembered(BOOK.tracker, saved)
    assert memories.keys() == {"tampering", "low_battery"}
    assert causes_after(memories, Signal.TOW) == []
    assert causes_after(memories, Signal.JAMMING) == ["jamming"]


def causes_after(memories, *signals: Signal) -> list[str]:
    report = Report(signals=frozenset(signals))
    return [event.cause for event in evaluate(BOOK.tracker, memories, report, NOW)[1]]


def test_a_person_in_need_comes_before_everything_else():
    assert {priority_of(signal.value) for signal in LIFE_SAFETY} == {1}
    others = {cause: number for cause, number in PRIORITY.items() if cause not in set(LIFE_SAFETY)}
    assert min(others.values()) == 2
    assert priority_of("something new") == 3
