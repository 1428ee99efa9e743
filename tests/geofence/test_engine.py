"""The engine runs every rule, and says by identity whether anything is worth writing."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from geofence.engine import evaluate
from geofence.event import Event
from geofence.rules.low_battery import LowBattery
from geofence.rules.panic import Panic
from geofence.rules.tampering import CONDITIONS, Tampering
from protocols.message import LIFE_SAFETY, Report, Signal

RULES = (Panic(), Tampering(), LowBattery())
START = datetime(2026, 11, 24, 22, tzinfo=UTC)

reports = st.lists(
    st.tuples(
        st.integers(0, 7200),
        st.frozensets(st.sampled_from(list(Signal)), max_size=4),
        st.none() | st.integers(0, 100),
    ),
    max_size=30,
)


def report(signals: frozenset[Signal], battery: int | None) -> Report:
    return Report(signals=signals, readings={} if battery is None else {"battery_pct": battery})


def test_every_rule_notices_what_is_its_own():
    said = report(frozenset({Signal.PANIC, Signal.POWER_CUT, Signal.LOW_BATTERY}), 3)
    memories, events = evaluate(RULES, {}, said, START)
    assert events == [
        Event(at=START, rule="panic", cause="panic"),
        Event(at=START, rule="tampering", cause="power_cut"),
        Event(at=START, rule="low_battery", cause="low_battery"),
    ]
    assert memories.keys() == {"tampering", "low_battery"}


def test_a_report_that_says_nothing_changes_nothing():
    memories, _ = evaluate(RULES, {}, report(frozenset({Signal.POWER_CUT}), 9), START)
    for said in (report(frozenset(), None), report(frozenset({Signal.PANIC}), 80)):
        if said.readings:
            memories, _ = evaluate(RULES, memories, said, START)
        after, _ = evaluate(RULES, memories, said, START + timedelta(seconds=5))
        assert after is memories


def test_the_memory_one_has_been_given_is_not_changed():
    before, _ = evaluate(RULES, {}, report(frozenset({Signal.POWER_CUT}), 9), START)
    kept = dict(before)
    evaluate(RULES, before, report(frozenset({Signal.POWER_RESTORED, Signal.TOW}), 90), START)
    assert before == kept


@given(said=reports)
def test_no_cry_for_help_is_ever_swallowed(said):
    memories = {}
    for seconds, signals, battery in said:
        at = START + timedelta(seconds=seconds)
        memories, events = evaluate(RULES, memories, report(signals, battery), at)
        assert {event.cause for event in events if event.rule == "panic"} == signals & LIFE_SAFETY
        assert all(event.at == at for event in events)


@given(said=reports)
def test_a_condition_is_news_the_first_time_it_is_said(said):
    memories, met = {}, set()
    for seconds, signals, battery in said:
        at = START + timedelta(seconds=seconds)
        memories, events = evaluate(RULES, memories, report(signals, battery), at)
        news = {event.cause for event in events if event.rule == "tampering"}
        assert news >= {signal.value for signal in signals & CONDITIONS - met}
        met |= signals
