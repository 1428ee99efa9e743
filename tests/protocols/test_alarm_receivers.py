"""What the codecs of alarm receivers refuse, what they open with a key, and what they remember.

Their vector files hold two kinds more than others: ``[[encrypted]]`` frames, which mean something
only near the time of the vectors, and ``[[refused]]`` ones, of which only the answer counts.
"""

from datetime import datetime, timedelta

import pytest
from pyproj import Transformer
from siadc09.account import Account
from siadc09.message import NullMessage, parse_frame

import protocols
from protocols.codec import Conversation, Heard, Peer
from protocols.codecs.dc09.frame import seal
from protocols.codecs.sos_access import _from_rt90
from protocols.errors import Corrupt, Locked, Unframeable
from protocols.message import Fix, Heartbeat, Message, Report, Signal
from protocols.settings import AS_USUAL, DeviceSettings
from tests.protocols.test_vectors import _assert_means
from tests.protocols.vector_files import HEARD_AT, Vector, acks, meanings, vectors
from tracking.ingest.fold import event_time

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


# --- SCAIP -------------------------------------------------------------------------


def scaip(**options: str | bool) -> Conversation:
    peer = Peer(settings=DeviceSettings(options=options))
    return Conversation(protocols.get("scaip"), peer)


def sip_message(
    body: bytes, *headers: bytes, user: bytes = b"77", length: int | None = None
) -> bytes:
    size = len(body) if length is None else length
    lines = (
        b"MESSAGE sip:arc@soc.example SIP/2.0",
        b"Via: SIP/2.0/TCP 10.0.0.5:5060;branch=z9hG4bK776",
        b"From: <sip:%b@dev.example>;tag=49583" % user,
        b"To: <sip:arc@soc.example>",
        b"Call-ID: asd88@10.0.0.5",
        b"CSeq: 1 MESSAGE",
        *headers,
        b"Content-Type: application/scaip+xml",
        b"Content-Length: %d" % size,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


ALARM = b"<mrq><ref>1A</ref><cid>77</cid><dty>0003</dty><stc>0010</stc></mrq>"


def test_a_body_of_more_than_8_kb_is_refused_and_one_of_more_than_16_ends_the_connection():
    long = ALARM.replace(b"<ref>", b"<ite>" + b"x" * 8192 + b"</ite><ref>")
    (heard,) = scaip().receive(sip_message(long), HEARD_AT)
    assert acks([heard]).startswith(b"SIP/2.0 413 ")
    with pytest.raises(Unframeable):
        scaip().receive(sip_message(ALARM, length=16_385), HEARD_AT)


@pytest.mark.parametrize("said", [b"-1", b"1e3", b"0x10", b"12345678901", b"5, 6"])
def test_a_length_that_is_no_number_ends_the_connection(said: bytes):
    wire = sip_message(ALARM).replace(b"Content-Length: 67", b"Content-Length: " + said)
    assert said in wire
    with pytest.raises(Unframeable):
        scaip().receive(wire, HEARD_AT)


def test_two_lengths_that_differ_end_the_connection():
    with pytest.raises(Unframeable):
        scaip().receive(sip_message(ALARM, b"l: 5"), HEARD_AT)


def test_a_request_said_again_is_answered_again_and_is_the_same_event():
    first, again = (
        talk.receive(sip_message(ALARM), heard_at)
        for talk, heard_at in ((scaip(), HEARD_AT), (scaip(), HEARD_AT + timedelta(seconds=32)))
    )
    assert acks(first) == acks(again)
    one, two = reports([*first, *again])
    assert one.record == two.record
    assert event_time(one, HEARD_AT) == event_time(two, HEARD_AT + timedelta(seconds=32))
    (other,) = reports(
        scaip().receive(sip_message(ALARM).replace(b"CSeq: 1", b"CSeq: 2"), HEARD_AT)
    )
    assert other.record != one.record


def test_who_speaks_for_many_may_where_that_is_known():
    wire = sip_message(ALARM, user=b"proxy")
    (heard,) = scaip().receive(wire, HEARD_AT)
    assert isinstance(heard.error, Locked)
    assert heard.peer.unit_id == "77"
    assert acks([heard]).startswith(b"SIP/2.0 403 ")
    assert reports(scaip(any_sender=True).receive(wire, HEARD_AT))


def test_a_message_of_ours_goes_where_the_unit_is_to_be_reached():
    contact = b"Contact: <sip:77@192.0.2.7:5062;transport=tcp>"
    (heard,) = scaip().receive(sip_message(ALARM, contact), HEARD_AT)
    assert heard.incoming is not None
    assert heard.incoming.ack.startswith(b"SIP/2.0 200 OK\r\n")
    back = heard.incoming.follow_up
    assert back.startswith(b"MESSAGE sip:77@192.0.2.7:5062;transport=tcp SIP/2.0\r\n")
    assert back.endswith(b"<mrs><ref>1A</ref><snu>0</snu><mre>0</mre></mrs>")
    # The unit answers it; that says nothing, and is not answered.
    answer = b"SIP/2.0 200 OK\r\n" + back.split(b"\r\n", 1)[1].split(b"Content-Type")[0]
    (heard,) = scaip().receive(answer + b"Content-Length: 0\r\n\r\n", HEARD_AT)
    assert heard.peer.unit_id == "77"
    assert acks([heard]) == b""


def test_a_datagram_may_go_without_a_length():
    wire = sip_message(ALARM).replace(b"SIP/2.0/TCP", b"SIP/2.0/UDP")
    head, _, body = wire.partition(b"\r\nContent-Length: 67")
    assert reports(scaip().receive(head + body, HEARD_AT))


def test_empty_lines_keep_a_connection_open():
    talk = scaip()
    talk.receive(sip_message(ALARM), HEARD_AT)
    (heard,) = talk.receive(b"\r\n\r\n", HEARD_AT)
    assert acks([heard]) == b"\r\n"
    assert heard.peer.unit_id == "77"
    assert reports(talk.receive(b"\r\n" + sip_message(ALARM), HEARD_AT))


def test_units_behind_one_connection_are_told_apart():
    other = ALARM.replace(b"77", b"78")
    wire = sip_message(ALARM) + sip_message(other, user=b"78")
    assert [one.peer.unit_id for one in scaip().receive(wire, HEARD_AT)] == ["77", "78"]


# --- SOS Access --------------------------------------------------------------------


def test_a_document_of_more_than_16_kb_is_refused_unread():
    said = b"<alarmrequest>" + b"<a/>" * 5_000 + b"</alarmrequest>"
    (heard,) = Conversation(protocols.get("sos_access")).receive(said, HEARD_AT)
    assert b"<status>1</status><info>INVALID_LENGTH</info>" in acks([heard])


@pytest.mark.parametrize("before", [b"", b'<?xml version="1.0"?>\n'])
def test_a_document_type_ends_the_connection(before: bytes):
    lol = b'<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>'
    with pytest.raises(Unframeable):
        Conversation(protocols.get("sos_access")).receive(
            before + lol + b"<alarmrequest>&lol2;</alarmrequest>", HEARD_AT
        )


def test_a_password_is_never_among_what_is_kept():
    peer = Peer(unit_id="1", settings=DeviceSettings(secret="hxp4x9nnwxjatv8"))
    wire = protocols.get("sos_access").simulate(sos(), peer)
    (report,) = reports(Conversation(protocols.get("sos_access"), peer).receive(wire, HEARD_AT))
    assert b"hxp4x9nnwxjatv8" in wire
    assert "hxp4x9nnwxjatv8" not in repr(report)


@pytest.mark.parametrize(("x", "y"), [(6580925, 1628833), (7500000, 1700000), (6150000, 1350000)])
def test_the_swedish_grid_is_where_another_program_finds_it(x: int, y: int):
    lon, lat = Transformer.from_crs(3021, 4326, always_xy=True).transform(y, x)
    assert _from_rt90(x, y) == pytest.approx((lat, lon), abs=5e-6)
