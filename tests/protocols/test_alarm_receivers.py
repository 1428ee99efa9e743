"""What the codecs of alarm receivers refuse, what they open with a key, and what they remember.

Their vector files hold two kinds more than others: ``[[encrypted]]`` frames, which mean something
only near the time of the vectors, and ``[[refused]]`` ones, of which only the answer counts.
"""

from datetime import datetime, timedelta

import pytest
from siadc09.account import Account
from siadc09.message import NullMessage, parse_frame

import protocols
from protocols.codec import Conversation, Heard, Peer
from protocols.codecs.dc09.frame import seal
from protocols.errors import Corrupt, Locked
from protocols.message import Fix, Heartbeat, Message, Report, Signal
from protocols.settings import AS_USUAL, DeviceSettings
from tests.protocols.test_vectors import _assert_means
from tests.protocols.vector_files import HEARD_AT, Vector, acks, meanings, vectors

KEY = "000102030405060708090a0b0c0d0e0f"
PANIC = frozenset({Signal.PANIC})


@pytest.mark.parametrize("vector", vectors("encrypted"), ids=str)
def test_an_encrypted_frame_means_what_its_vector_says(vector: Vector):
    heard = vector.conversation().receive(vector.wire, HEARD_AT)
    for ours, theirs in zip(meanings(heard), vector.said["messages"], strict=True):
        assert ours["type"] == theirs["type"]
        _assert_means(ours, theirs)
    assert acks(heard).hex() == vector.ack.hex()


@pytest.mark.parametrize("vector", vectors("refused"), ids=str)
def test_a_frame_is_refused_as_its_vector_says(vector: Vector):
    (heard,) = vector.conversation().receive(vector.wire, HEARD_AT)
    assert heard.incoming is None
    assert acks([heard]).hex() == vector.ack.hex()
    talk = vector.conversation()
    bytewise = [one for byte in vector.wire for one in talk.receive(bytes((byte,)), HEARD_AT)]
    assert acks(bytewise).hex() == vector.ack.hex()
    assert talk.unread == 0


# --- DC-09 -------------------------------------------------------------------------


def dc09(secret: str = "", **settings: object) -> Conversation:
    peer = Peer(settings=DeviceSettings(secret=secret, **settings))  # type: ignore[arg-type]
    return Conversation(protocols.get("dc09"), peer)


def said(message: Message, unit_id: str = "#1234", secret: str = "") -> bytes:
    peer = Peer(unit_id=unit_id, settings=DeviceSettings(secret=secret))
    return protocols.get("dc09").simulate(message, peer)


def reports(heard: list[Heard]) -> list[Report]:
    assert [one.error for one in heard] == [None] * len(heard)
    found = [each for one in heard if one.incoming for each in one.incoming.messages]
    return [each for each in found if isinstance(each, Report)]


def sos(at: datetime | None = HEARD_AT) -> Report:
    return Report(at=at, signals=PANIC)


@pytest.mark.parametrize("secret", ["", KEY, KEY * 2, KEY + KEY[:16]])
def test_the_frames_that_we_simulate_are_understood_by_another_decoder(secret: str):
    fix = Fix(at=HEARD_AT, lat=-50.846767, lon=4.361483)
    report = Report(fix=fix, at=HEARD_AT, signals=PANIC)
    frame = said(report, "R1L2#1234", secret)
    theirs = parse_frame(frame, bytes.fromhex(secret) if secret else None)
    assert (theirs.account.acct, theirs.account.pref, theirs.account.rcvr) == (0x1234, 2, 1)
    assert theirs.timestamp == HEARD_AT
    assert (theirs.data.event.qualifier, theirs.data.event.code) == ("1", "120")
    assert [one.value for one in theirs.xdata] == ["004E21.68898", "50S50.80602"]


@pytest.mark.parametrize("secret", ["", KEY, KEY * 2])
def test_what_we_answer_is_understood_by_another_decoder(secret: str):
    key = bytes.fromhex(secret) if secret else None
    account = Account(acct=0x1234, pref=2, rcvr=1, key=key)
    wire = NullMessage(account, encrypted=bool(secret)).encode(seq=17, timestamp=HEARD_AT)
    (heard,) = dc09(secret).receive(wire, HEARD_AT)
    assert heard.incoming is not None, heard.error
    assert heard.peer.unit_id == "R1L2#1234"
    answer = parse_frame(heard.incoming.ack, key)
    assert (type(answer).__name__, answer.seq) == ("AckMessage", 17)
    assert answer.encrypted == bool(secret)
    (refused,) = dc09(secret, options={"check_clock": True}).receive(
        wire, HEARD_AT + timedelta(minutes=1)
    )
    answer = parse_frame(acks([refused]), key)
    assert type(answer).__name__ == "NakMessage"
    assert answer.timestamp == HEARD_AT + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("off_s", "accepted"), [(-41, False), (-40, True), (0, True), (20, True), (21, False)]
)
def test_an_encrypted_frame_is_of_now_or_refused(off_s: int, accepted: bool):
    frame = said(sos(HEARD_AT + timedelta(seconds=off_s)), secret=KEY)
    (heard,) = dc09(KEY).receive(frame, HEARD_AT)
    assert (heard.incoming is not None) == accepted
    assert (b'"NAK"' in acks([heard])) != accepted
    # Whoever is refused for its clock is known all the same, so that somebody can be told.
    assert heard.peer.unit_id == "#1234"


def test_a_frame_that_says_no_time_at_all_is_refused_where_time_is_checked():
    frame = said(sos(None))
    (heard,) = dc09(options={"check_clock": True}).receive(frame, HEARD_AT)
    assert b'"NAK"0000L0#1234[]_08:00:00,11-24-2026' in acks([heard])
    assert reports(dc09().receive(frame, HEARD_AT))


def test_a_frame_without_our_key_names_its_unit():
    frame = said(sos(), "R1#77AB", KEY)
    for secret in ("", "ff" * 16, "not a key"):
        (heard,) = dc09(secret).receive(frame, HEARD_AT)
        assert isinstance(heard.error, Locked)
        assert heard.peer.unit_id == "R1#77AB"
        assert b'"DUH"' in heard.error.answer


def test_the_key_of_one_account_opens_no_other():
    talk = Conversation(
        protocols.get("dc09"),
        settings_of={
            "#1": DeviceSettings(secret=KEY),
            "#2": DeviceSettings(secret="ab" * 16),
            "#3": AS_USUAL,
        }.get,
    )
    wire = said(sos(), "#1", KEY) + said(sos(), "#2", "ab" * 16) + said(sos(), "#3")
    heard = talk.receive(wire, HEARD_AT)
    assert [one.peer.unit_id for one in heard] == ["#1", "#2", "#3"]
    assert [report.signals for report in reports(heard)] == [PANIC] * 3
    (heard,) = talk.receive(said(sos(), "#2", KEY), HEARD_AT)
    assert isinstance(heard.error, Locked)
    assert heard.peer.unit_id == "#2"


def test_a_wrong_checksum_or_length_is_not_answered_and_the_next_frame_counts():
    good = said(sos())
    for at in range(1, len(good) - 1):
        bad = bytearray(good)
        bad[at] ^= 0x01
        if bytes(bad).upper() == good:
            continue  # hexadecimal digits may be small
        heard = dc09().receive(bytes(bad) + good, HEARD_AT)
        whole = [one for one in heard if one.incoming is not None]
        assert len(whole) == 1, f"byte {at}"
        assert whole[0].frame.endswith(good)
        assert all(not one.error.answer for one in heard if one.error is not None)


def test_a_frame_cut_off_does_not_swallow_the_next():
    good = said(sos())
    for cut in range(1, len(good)):
        heard = dc09().receive(good[:cut] + good, HEARD_AT)
        assert [one.incoming is not None for one in heard][-1:] == [True], f"cut at {cut}"
        assert sum(one.incoming is not None for one in heard) == 1
        assert all(
            isinstance(one.error, Corrupt) or not one.error.answer for one in heard if one.error
        )


def _identity(report: Report) -> tuple[datetime | None, bytes]:
    return report.at, report.record


def test_a_frame_said_again_is_the_same_record_on_whatever_connection():
    at = HEARD_AT - timedelta(seconds=3)
    frame = said(sos(at))
    later = HEARD_AT + timedelta(minutes=3)
    (first,) = reports(dc09().receive(frame, HEARD_AT))
    (again,) = reports(dc09().receive(frame, later))
    assert _identity(first) == _identity(again)


def test_a_frame_without_a_time_said_again_on_the_connection_is_the_same_record():
    frame = said(sos(None))
    talk = dc09()
    (first,) = reports(talk.receive(frame, HEARD_AT))
    talk.receive(said(Report(signals=frozenset({Signal.TAMPER}))), HEARD_AT)
    talk.receive(said(sos(None), "#77"), HEARD_AT)
    (heard,) = talk.receive(frame, HEARD_AT + timedelta(seconds=20))
    assert acks([heard]), "who says it again has not heard our answer"
    (again,) = reports([heard])
    assert _identity(first) == _identity(again)
    (pressed_again,) = reports(talk.receive(frame, HEARD_AT + timedelta(minutes=5)))
    assert _identity(pressed_again) != _identity(first)


def test_a_retry_with_a_newer_timestamp_keeps_the_time_of_the_first():
    account = b'"ADM-CID"0007L0#1234[#1234|1120 00 001]_'
    first, again = (
        seal(account + stamp) for stamp in (b"08:00:00,11-24-2026", b"08:00:20,11-24-2026")
    )
    talk = dc09()
    (one,) = reports(talk.receive(first, HEARD_AT))
    (two,) = reports(talk.receive(again, HEARD_AT + timedelta(seconds=20)))
    assert _identity(one) == _identity(two)


def test_another_sequence_number_is_another_event():
    talk = dc09()
    wires = [seal(b'"ADM-CID"%04d#12[#12|1120 00 001]' % number) for number in (1, 2)]
    one, two = (reports(talk.receive(wire, HEARD_AT))[0] for wire in wires)
    assert _identity(one) != _identity(two)


def test_what_a_connection_remembers_is_bounded():
    talk = dc09()
    for number in range(100):
        talk.receive(said(sos(None), f"#{number}"), HEARD_AT)
    assert len(talk.peer.dialect) < 1_000


def test_the_heartbeat_of_another_house_may_stand_between_frames():
    wire = b"SR0001L0002    006969XX    [ID00000000]\r\n" + said(Heartbeat())
    heard = dc09().receive(wire, HEARD_AT)
    assert [one.peer.unit_id for one in heard if one.incoming] == ["R1L2#006969", "#1234"]
    assert acks(heard).startswith(b'"ACK"\n')
