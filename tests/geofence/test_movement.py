"""What must be true of conditions about movement and signals, whatever an asset does."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.condition import Condition
from geofence.kinds import condition_from
from geofence.rule import Rule
from geofence.sighting import Sighting, Subject
from protocols.message import LIFE_SAFETY, Fix, Readings, Report, Signal

START = datetime(2026, 11, 24, 22, tzinfo=UTC)
SUBJECT = Subject(asset_id="asset", organisation_id="client", kind="vehicle")

SETTINGS: Mapping[str, dict[str, Any]] = {
    "battery_low": {},
    "battery_trend": {"hours": 6},
    "crashed": {},
    "driverless": {"for_s": 90},
    "harsh_driving": {},
    "idling": {"for_s": 300},
    "ignition": {},
    "moved_while_parked": {},
    "moving": {},
    "out_of_hours": {},
    "overspeed": {"limit_kmh": 90},
    "power_lost": {},
    "signalled": {"signals": ["power_cut"]},
    "still": {"for_s": 300},
    "stopped": {"for_s": 300},
    "towed": {},
    "unheard": {"for_s": 600},
}
BY_THE_CLOCK = ("battery_trend", "driverless", "idling", "still", "stopped", "unheard")


def condition(kind: str, **setting: Any) -> Condition[Any]:
    return condition_from({"kind": kind, **SETTINGS.get(kind, {}), **setting})


def seen(
    after_s: float,
    *,
    east_m: float | None = 0.0,
    speed_kmh: float | None = 0.0,
    signals: frozenset[Signal] = frozenset(),
    readings: Readings | None = None,
) -> Sighting:
    at = START + timedelta(seconds=after_s)
    fix = None
    if east_m is not None:
        fix = Fix(at=at, lat=50.85, lon=4.35 + east_m / 70_424, speed_kmh=speed_kmh)
    report = Report(at=at, fix=fix, signals=signals, readings=readings or {})
    return Sighting(at=at, subject=SUBJECT, report=report, fix=fix)


def changes(asked: Condition[Any], track: list[Sighting]) -> int:
    """How often its memory would be written."""
    memory, count = asked.begin(), 0
    for each in track:
        after, _ = asked.step(memory, each)
        count += after is not memory
        memory = after
    return count


readings = st.fixed_dictionaries(
    {},
    optional={
        "ignition": st.booleans(),
        "motion": st.booleans(),
        "charging": st.booleans(),
        "driver_id": st.sampled_from(["", "0", "4F2A"]),
        "battery_pct": st.integers(0, 100),
        "power_v": st.floats(0, 30),
        "steps": st.integers(0, 500),
    },
)
sightings = st.lists(
    st.builds(
        seen,
        st.floats(0, 7200),
        east_m=st.none() | st.floats(-2000, 2000),
        speed_kmh=st.none() | st.floats(0, 400),
        signals=st.frozensets(st.sampled_from(list(Signal)), max_size=3),
        readings=readings,
    ),
    max_size=12,
).map(lambda track: sorted(track, key=lambda each: each.at))


@pytest.mark.parametrize("kind", BY_THE_CLOCK)
@settings(max_examples=40)
@given(track=sightings)
def test_what_is_due_comes_when_it_is_due(kind: str, track: list[Sighting]):
    asked = condition(kind)
    memory = asked.begin()
    for each in track:
        memory, _ = asked.step(memory, each)
        due = asked.due(memory, each.at)
        if due is not None:
            assert due > each.at
            before = Sighting(at=due - timedelta(microseconds=1), subject=SUBJECT, clock=True)
            then = Sighting(at=due, subject=SUBJECT, clock=True)
            assert not asked.step(memory, before)[1].holds
            assert asked.step(memory, then)[1].holds


@pytest.mark.parametrize("kind", sorted(SETTINGS))
@settings(max_examples=30)
@given(track=sightings)
def test_an_equal_memory_is_the_same_object(kind: str, track: list[Sighting]):
    asked = condition(kind)
    memory = asked.begin()
    for each in track:
        after, _ = asked.step(memory, each)
        assert after is memory or after != memory
        memory = after


@pytest.mark.parametrize("kind", sorted(SETTINGS))
@settings(max_examples=30)
@given(track=sightings)
def test_the_clock_repeats_what_was_said_or_brings_what_was_due(kind: str, track: list[Sighting]):
    asked = condition(kind)
    memory = asked.begin()
    for each in track:
        memory, said = asked.step(memory, each)
        due = asked.due(memory, each.at)
        soon = Sighting(at=each.at + timedelta(seconds=1), subject=SUBJECT, clock=True)
        if due is None or due > soon.at:
            after, repeated = asked.step(memory, soon)
            assert after is memory
            assert not repeated.moment
            assert bool(repeated.holds) == (bool(said.holds) and not said.moment) or (
                said.holds is None
            )


@pytest.mark.parametrize("kind", sorted(SETTINGS))
def test_who_is_parked_and_says_so_every_minute_is_hardly_written(kind: str):
    track = [
        seen(
            60 * n,
            east_m=(7 * n) % 19,
            readings={"ignition": False, "power_v": 12.4, "battery_pct": 90, "motion": False},
            signals=frozenset({Signal.POWER_CUT}),
        )
        for n in range(600)
    ]
    # Ten hours: a trend keeps a level each hour, a signal that stands is written every other time.
    most = {"unheard": 600, "battery_trend": 11, "signalled": 300}.get(kind, 2)
    assert changes(condition(kind), track) <= most


@pytest.mark.parametrize("kind", sorted(SETTINGS))
def test_who_drives_and_says_so_every_ten_seconds_is_hardly_written(kind: str):
    track = [
        seen(
            10 * n,
            east_m=200.0 * n,
            speed_kmh=72.0,
            readings={"ignition": True, "motion": True, "power_v": 14.1, "driver_id": "4F2A"},
        )
        for n in range(360)
    ]
    # A person's last movement is what help depends on: that is written every quarter of a minute.
    most = {"unheard": 120, "still": 360}.get(kind, 2)
    assert changes(condition(kind), track) <= most


@given(
    said=st.lists(st.frozensets(st.sampled_from(list(Signal)), max_size=4), max_size=20),
    quiet_s=st.floats(0, 86_400),
)
def test_no_cry_for_help_is_held_back(said: list[frozenset[Signal]], quiet_s: float):
    asked = condition("signalled", signals=sorted(Signal), quiet_s=quiet_s)
    memory = asked.begin()
    for n, signals in enumerate(said):
        memory, finding = asked.step(memory, seen(n, signals=signals))
        cries = signals & LIFE_SAFETY
        assert not cries or (finding.holds and finding.moment)
        assert cries <= set(finding.facts.get("signals", ()))


@given(track=sightings)
def test_nobody_who_gives_no_sign_is_left_lying(track: list[Sighting]):
    """Whatever a receiver says of places, without motion and steps help is put off a little only.

    Its fixes scatter within the metres and the circles, and now and then one lies far off.
    """
    asked = condition("still", for_s=300)
    rule = Rule(id="rule", edition="1", cause="still", when=asked)
    state, before, began = rule.begin("asset"), None, []
    for n, at in enumerate(sorted({each.at for each in track})):
        east_m = 900.0 if n % 2 else 10.0
        lying = seen((at - START).total_seconds(), east_m=east_m, speed_kmh=5.0)
        state, events = rule.step(state, lying, before=before)
        began += [event.at for event in events]
        before = lying.at
    if before is not None:
        clock = Sighting(at=before + timedelta(seconds=361), subject=SUBJECT, clock=True)
        _, events = rule.tick(state, clock, before=before)
        began += [event.at for event in events]
        first = track[0].at
        assert len(began) == 1
        assert began[0] <= first + timedelta(seconds=360)


@pytest.mark.parametrize(
    "setting",
    [
        {"kind": "overspeed"},
        {"kind": "overspeed", "limit": "town"},
        {"kind": "overspeed", "limit_kmh": 0},
        {"kind": "overspeed", "limit_kmh": 50, "zones": ["town"]},
        {"kind": "overspeed", "limit_kmh": 50, "tolerance_kmh": -1},
        {"kind": "overspeed", "limit_kmh": 50, "settle": 0},
        {"kind": "moving", "standing_kmh": 8},
        {"kind": "moving", "moving_kmh": 0},
        {"kind": "out_of_hours", "standing_kmh": 8},
        {"kind": "out_of_hours", "moving_kmh": 400},
        {"kind": "stopped", "for_s": 0},
        {"kind": "stopped", "within_m": 1},
        {"kind": "stopped", "moving_kmh": 0},
        {"kind": "idling", "for_s": 0},
        {"kind": "idling", "within_m": 0},
        {"kind": "idling", "moving_kmh": 0},
        {"kind": "still", "for_s": 10},
        {"kind": "still", "within_m": -1},
        {"kind": "still", "least_steps": 0},
        {"kind": "moved_while_parked", "metres": 0},
        {"kind": "moved_while_parked", "parked_s": 0},
        {"kind": "moved_while_parked", "moving_kmh": 0},
        {"kind": "towed", "moving_kmh": 0},
        {"kind": "towed", "apart_m": -1},
        {"kind": "towed", "stand_s": 0},
        {"kind": "driverless", "for_s": 0},
        {"kind": "driverless", "before_s": -1},
        {"kind": "harsh_driving", "braking": False, "acceleration": False, "cornering": False},
        {"kind": "harsh_driving", "quiet_s": -1},
        {"kind": "harsh_driving", "braking_kmh_s": 1},
        {"kind": "crashed", "from_kmh": 10},
        {"kind": "crashed", "within_s": 60},
        {"kind": "signalled"},
        {"kind": "signalled", "signals": []},
        {"kind": "signalled", "signals": ["panik"]},
        {"kind": "signalled", "signals": ["panic"], "quiet_s": -1},
        {"kind": "power_lost", "below_v": 10},
        {"kind": "power_lost", "settle": 0},
        {"kind": "battery_low", "low_pct": 40},
        {"kind": "battery_trend", "hours": 0},
        {"kind": "unheard", "for_s": 1},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_and_named(setting: dict[str, Any]):
    with pytest.raises(ValueError, match=rf"{setting['kind']}|there is no signal"):
        condition_from(setting)
