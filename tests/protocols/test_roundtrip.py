"""What a simulated device says means what we wanted it to say, for every codec."""

import tomllib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import protocols
from protocols.codec import Conversation, Peer
from protocols.errors import Unsupported
from protocols.message import LIFE_SAFETY, Fix, Heartbeat, Login, Message, Report, Signal
from tests.protocols.vector_files import FOLDER, HEARD_AT

EVERY_CODEC = protocols.names()
UNIT_ID = "356938035643809"

LIMITS = {
    name: tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    for name in EVERY_CODEC
}
"""What a protocol cannot say stands in its vectors, with the reason: ``without_panic``,
``panic_without_fix``, ``without_speed``; ``coarse_deg`` is how far off the places are that it
writes."""

WITHOUT_PANIC = {name for name in EVERY_CODEC if "without_panic" in LIMITS[name]}

FIXES = st.builds(
    Fix,
    at=st.integers(0, 10 * 365 * 86400).map(
        lambda seconds: datetime(2018, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    lat=st.floats(-89.9, 89.9).map(lambda degrees: round(degrees, 5)),
    lon=st.floats(-179.9, 179.9).map(lambda degrees: round(degrees, 5)),
    altitude_m=st.integers(0, 3000).map(float),
    speed_kmh=st.integers(0, 200).map(float),
    course_deg=st.integers(0, 359).map(float),
)

each_codec = pytest.mark.parametrize("name", EVERY_CODEC)
gently = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)


@each_codec
@gently
@given(fix=FIXES)
def test_a_simulated_fix_is_heard_where_and_when_it_was(name: str, fix: Fix):
    heard = _heard_after_login(name, Report(fix=fix, at=fix.at))
    assert isinstance(heard, Report)
    assert heard.fix is not None
    assert heard.fix.valid
    coarse_deg = LIMITS[name].get("coarse_deg", 1e-5)
    assert heard.fix.lat == pytest.approx(fix.lat, abs=coarse_deg)
    assert heard.fix.lon == pytest.approx(fix.lon, abs=coarse_deg)
    assert abs(heard.fix.at - fix.at) <= timedelta(seconds=1)
    if "without_speed" not in LIMITS[name]:
        assert heard.fix.speed_kmh == pytest.approx(fix.speed_kmh, abs=1.0)
    assert heard.signals == frozenset()
    assert heard.fix.at.tzinfo is UTC


@each_codec
@gently
@given(fix=FIXES, signals=st.sets(st.sampled_from(list(Signal)), min_size=1, max_size=2))
def test_simulated_signals_are_heard_or_refused(name: str, fix: Fix, signals: set[Signal]):
    try:
        heard = _heard_after_login(name, Report(fix=fix, at=fix.at, signals=frozenset(signals)))
    except Unsupported as why:
        assert str(why)  # noqa: PT017 — refusing is allowed, in words
        return
    assert isinstance(heard, Report)
    assert heard.signals == signals


@each_codec
@pytest.mark.parametrize("signal", sorted(LIFE_SAFETY))
def test_a_call_for_help_is_heard_as_one(name: str, signal: Signal):
    fix = Fix(at=HEARD_AT, lat=50.84674, lon=4.35248, speed_kmh=3.0)
    try:
        heard = _heard_after_login(name, Report(fix=fix, at=fix.at, signals=frozenset({signal})))
    except Unsupported:
        placeless = "panic_without_fix" in LIMITS[name]
        assert signal is not Signal.PANIC or name in WITHOUT_PANIC or placeless
        return
    assert isinstance(heard, Report)
    assert signal in heard.signals
    assert heard.fix is not None


@each_codec
def test_a_call_for_help_without_a_fix_is_heard_as_one(name: str):
    try:
        heard = _heard_after_login(name, Report(at=HEARD_AT, signals=frozenset({Signal.PANIC})))
    except Unsupported:
        return
    assert isinstance(heard, Report)
    assert Signal.PANIC in heard.signals
    assert heard.fix is None or not heard.fix.valid


@each_codec
def test_who_speaks_is_known_from_what_was_said(name: str):
    talk = _logged_in(name)
    fix = Fix(at=HEARD_AT, lat=50.84674, lon=4.35248)
    talk.receive(talk.codec.simulate(Report(fix=fix, at=fix.at), _speaker(talk)), HEARD_AT)
    # A short name is part of the whole one on protocols that carry only part of an IMEI; an
    # account of an alarm panel is written #1234.
    assert talk.peer.unit_id
    assert talk.peer.unit_id.removeprefix("#") in UNIT_ID


@each_codec
def test_a_report_said_again_is_the_same_record(name: str):
    fix = Fix(at=HEARD_AT, lat=50.84674, lon=4.35248, speed_kmh=3.0)
    report = Report(fix=fix, at=fix.at)
    first, again = _heard_after_login(name, report), _heard_after_login(name, report)
    assert isinstance(first, Report)
    assert isinstance(again, Report)
    assert first.record
    assert (first.at, first.record) == (again.at, again.record)
    moved = Report(fix=Fix(at=HEARD_AT, lat=50.84774, lon=4.35248, speed_kmh=3.0), at=HEARD_AT)
    other = _heard_after_login(name, moved)
    assert isinstance(other, Report)
    assert other.record != first.record


@each_codec
def test_a_heartbeat_is_heard_or_refused(name: str):
    talk = _logged_in(name)
    try:
        wire = talk.codec.simulate(Heartbeat(), _speaker(talk))
    except Unsupported:
        return
    (frame,) = talk.receive(wire, HEARD_AT)
    assert frame.incoming is not None


def _heard_after_login(name: str, message: Message) -> Message:
    """The one message that a simulated device's words turn into."""
    talk = _logged_in(name)
    wire = talk.codec.simulate(message, _speaker(talk))
    (frame,) = talk.receive(wire, HEARD_AT)
    assert frame.incoming is not None, frame.error
    (said,) = frame.incoming.messages
    assert talk.unread == 0
    return said


def _logged_in(name: str) -> Conversation:
    """A conversation in which the device has said its name, where it can."""
    codec = protocols.get(name)
    talk = Conversation(codec)
    try:
        login = codec.simulate(Login(unit_id=UNIT_ID), Peer(unit_id=UNIT_ID))
    except Unsupported:
        return talk
    (frame,) = talk.receive(login, HEARD_AT)
    assert frame.incoming is not None, frame.error
    return talk


def _speaker(talk: Conversation) -> Peer:
    return talk.peer if talk.peer.unit_id else Peer(unit_id=UNIT_ID)
