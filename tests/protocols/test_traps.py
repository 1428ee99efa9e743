"""The traps that other servers fell into, one by one, with frames built here by hand.

- An SOS is never hidden by another bit.
- Coordinates that cannot be on Earth, or a month 13, lose the fix, never the alarm.
- Checksums are verified: what fails is not acknowledged, and the next good frame counts.
- Text from a device may be in any encoding.
"""

import struct
from collections.abc import Callable

import pytest

import protocols
from protocols.checksum import crc16_arc, crc16_x25, crc16_xmodem
from protocols.codec import Conversation, Heard
from protocols.errors import Unframeable
from protocols.message import CommandReply, Report, Signal
from tests.protocols.vector_files import HEARD_AT, acks

IMEI = "356938035643809"


# --- frames, by their documents ---------------------------------------------------


def gt06(kind: int, body: bytes) -> bytes:
    checked = bytes([len(body) + 5, kind]) + body + b"\x00\x07"
    return b"\x78\x78" + checked + crc16_x25(checked).to_bytes(2, "big") + b"\r\n"


def gt06_alarm(
    *, lat: float = 50.8, month: int = 11, terminal: int = 0x46, alarm: int = 0x01
) -> bytes:
    date = bytes([26, month, 24, 7, 30, 15])
    place = struct.pack(">BIIBH", 0xC6, int(lat * 1_800_000), int(4.3 * 1_800_000), 30, 0x1414)
    cell = bytes.fromhex("0900ce01123400abcd")[:9]
    return gt06(0x26, date + place + cell + bytes([terminal, 4, 4, alarm, 2]))


GT06_LOGIN = gt06(0x01, bytes.fromhex("0" + IMEI))


def watch(content: str) -> bytes:
    return f"[3G*3401830081*{len(content):04X}*{content}]".encode()


def watch_alarm(*, lat: str = "50.800000", date: str = "241126", status: str = "00010000") -> bytes:
    place = f"{date},073015,A,{lat},N,4.3000000,E,3.00,90.0,20.0,9,75,37,1042,0"
    return watch(f"AL,{place},{status},1,255,208,10,3001,9077,140,0")


def minifinder2(*, lat: float = 50.8, status: int = 0x00000002) -> bytes:
    at = 1795505415
    elements = (
        bytes([16, 0x01]) + IMEI.encode(),
        bytes([9, 0x02]) + struct.pack("<II", at, status),
        bytes([20, 0x20])
        + struct.pack("<iiHHhHHB", int(lat * 1e7), 43_000_000, 3, 90, 20, 12, 0, 9)
        + b"\0\0",
    )
    body = b"\x01" + b"".join(elements)
    return struct.pack("<BBHHH", 0xAB, 0x10, len(body), crc16_xmodem(body), 7) + body


TELTONIKA_LOGIN = b"\x00\x0f" + IMEI.encode()


def teltonika(*, lat: float = 50.8, elements: tuple[tuple[int, int], ...] = ((236, 1),)) -> bytes:
    fix = struct.pack(">QBiiHHBH", 1795505415000, 2, 43_000_000, int(lat * 1e7), 20, 90, 9, 3)
    one_byte = b"".join(bytes(element) for element in elements)
    count = len(elements)
    record = fix + bytes([236, count, count]) + one_byte + b"\0\0\0"
    body = b"\x08\x01" + record + b"\x01"
    return bytes(4) + len(body).to_bytes(4, "big") + body + crc16_arc(body).to_bytes(4, "big")


def osmand(query: str) -> bytes:
    return f"GET /?id={IMEI}&{query} HTTP/1.1\r\nHost: tracker\r\n\r\n".encode()


# --- an SOS is never hidden -------------------------------------------------------

HIDDEN = {
    "gt06: the terminal says low battery, the alarm byte SOS": (
        "gt06",
        [GT06_LOGIN, gt06_alarm(terminal=0b011 << 3, alarm=0x01)],
    ),
    "gt06: the terminal says SOS, the alarm byte low battery": (
        "gt06",
        [GT06_LOGIN, gt06_alarm(terminal=0b100 << 3, alarm=0x0E)],
    ),
    "gt06: the terminal says SOS, the alarm byte nothing": (
        "gt06",
        [GT06_LOGIN, gt06_alarm(terminal=0b100 << 3, alarm=0x00)],
    ),
    "watch: SOS and low battery": ("watch", [watch_alarm(status="00010001")]),
    "watch: SOS and every other alarm": ("watch", [watch_alarm(status="FFFFFFFF")]),
    "watch: SOS in a plain position": (
        "watch",
        [watch_alarm(status="00010001").replace(b"*AL,", b"*UD,")],
    ),
    "minifinder2: SOS and every other alarm": ("minifinder2", [minifinder2(status=0x0000FFFF)]),
    "minifinder2: SOS and low battery": ("minifinder2", [minifinder2(status=0x00000003)]),
    "teltonika: SOS and unplugged, jammed, towed": (
        "teltonika",
        [TELTONIKA_LOGIN, teltonika(elements=((252, 1), (249, 1), (246, 1), (236, 1)))],
    ),
    "osmand: low battery first": ("osmand", [osmand("lat=50.8&lon=4.3&alarm=lowBattery,sos")]),
    "osmand: low battery last": ("osmand", [osmand("lat=50.8&lon=4.3&alarm=sos&alarm=lowBattery")]),
    "osmand: any case": ("osmand", [osmand("lat=50.8&lon=4.3&alarm=SOS")]),
    "osmand: a parameter of its own": ("osmand", [osmand("lat=50.8&lon=4.3&alarm=tow&sos=1")]),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_an_sos_is_never_hidden_by_another_bit(case: str):
    name, wires = HIDDEN[case]
    reports = _reports(name, wires)
    assert any(Signal.PANIC in report.signals for report in reports), reports


# --- an alarm survives what cannot be ---------------------------------------------

IMPOSSIBLE = {
    "gt06: latitude 95": ("gt06", [GT06_LOGIN, gt06_alarm(lat=95.0)]),
    "gt06: month 13": ("gt06", [GT06_LOGIN, gt06_alarm(month=13)]),
    "watch: latitude 95": ("watch", [watch_alarm(lat="95.000000")]),
    "watch: letters for a latitude": ("watch", [watch_alarm(lat="xx.000000")]),
    "watch: month 13": ("watch", [watch_alarm(date="241326")]),
    "minifinder2: latitude 95": ("minifinder2", [minifinder2(lat=95.0)]),
    "teltonika: latitude 95": ("teltonika", [TELTONIKA_LOGIN, teltonika(lat=95.0)]),
    "osmand: latitude 95": ("osmand", [osmand("lat=95&lon=4.3&alarm=sos")]),
    "osmand: letters for a longitude": ("osmand", [osmand("lat=50.8&lon=xx&alarm=sos")]),
    "osmand: infinity": ("osmand", [osmand("lat=inf&lon=nan&alarm=sos")]),
    "osmand: month 13": (
        "osmand",
        [osmand("lat=50.8&lon=4.3&alarm=sos&timestamp=2026-13-24T07:30:15Z")],
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_cannot_be_loses_the_fix_and_never_the_alarm(case: str):
    name, wires = IMPOSSIBLE[case]
    (report,) = _reports(name, wires)
    assert report.fix is None
    assert Signal.PANIC in report.signals


# --- checksums --------------------------------------------------------------------

CHECKED: dict[str, tuple[list[bytes], Callable[..., bytes], int, int]] = {
    # name: what is said first, an SOS frame, where its checked part begins and ends
    "gt06": ([GT06_LOGIN], gt06_alarm, 3, -4),
    "minifinder2": ([], minifinder2, 8, 0),
    "teltonika": ([TELTONIKA_LOGIN], teltonika, 8, -4),
}


@pytest.mark.parametrize("name", CHECKED)
def test_a_frame_that_fails_its_check_is_not_acknowledged_and_the_next_one_counts(name: str):
    prelude, alarm, start, end = CHECKED[name]
    good = alarm()
    assert _reports(name, [*prelude, good])
    for at in range(start, len(good) + end):
        bad = bytearray(good)
        bad[at] ^= 0x01
        heard = _hear(name, prelude, bytes(bad))
        assert _reports_in(heard) == [], f"byte {at} is not checked"
        assert acks(heard).strip(b"\0") == b"", f"byte {at}: a broken frame was acknowledged"
        heard = _hear(name, prelude, bytes(bad) + good)
        assert len(_reports_in(heard)) == 1, f"byte {at}: the good frame behind it is lost"


# --- text -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    ["Zürich".encode(), "Zürich".encode("latin-1"), "位置".encode("gbk"), "Lüge\0".encode()],
    ids=["utf-8", "latin-1", "gbk", "nul"],
)
def test_a_reply_in_any_encoding_is_a_reply(words: bytes):
    content = bytes([len(words) + 4]) + bytes(4) + words
    (reply,) = _messages("gt06", [GT06_LOGIN, gt06(0x15, content + b"\x00\x02")])
    assert isinstance(reply, CommandReply)
    assert reply.text
    assert "\0" not in reply.text


@pytest.mark.parametrize("name", ["J%FCrgen", "J%C3%BCrgen"])
def test_a_driver_with_an_umlaut_is_read_in_both_encodings(name: str):
    (report,) = _reports("osmand", [osmand(f"driverUniqueId={name}")])
    assert report.readings["driver_id"] == "Jürgen"


@pytest.mark.parametrize(("said", "kept"), [("12%0034", r"12\x0034"), ("a%0Ab", r"a\x0ab")])
def test_a_unit_id_is_escaped_and_never_becomes_another_units(said: str, kept: str):
    wire = osmand("lat=50.8&lon=4.3").replace(IMEI.encode(), said.encode())
    talk = Conversation(protocols.get("osmand"))
    talk.receive(wire, HEARD_AT)
    assert talk.peer.unit_id == kept


def test_a_phone_that_lies_still_without_a_clock_is_not_repeating_itself():
    wire = osmand("lat=50.8&lon=4.3")
    first = _reports("osmand", [wire])[0]
    later = protocols.get("osmand").decode(wire, Conversation(protocols.get("osmand")).peer, LATER)
    (again,) = later.messages
    assert isinstance(again, Report)
    assert first.record != again.record


LATER = HEARD_AT.replace(minute=1)


def _hear(name: str, prelude: list[bytes], wire: bytes) -> list[Heard]:
    """What is heard of ``wire`` on a connection where ``prelude`` was said."""
    talk = Conversation(protocols.get(name))
    for sent in prelude:
        talk.receive(sent, HEARD_AT)
    try:
        return talk.receive(wire, HEARD_AT)
    except Unframeable as lost:
        return [frame for frame in lost.heard if isinstance(frame, Heard)]


def _messages(name: str, wires: list[bytes]) -> list[object]:
    heard = _hear(name, wires[:-1], wires[-1])
    assert [frame.error for frame in heard] == [None] * len(heard)
    return [said for frame in heard if frame.incoming for said in frame.incoming.messages]


def _reports(name: str, wires: list[bytes]) -> list[Report]:
    return [said for said in _messages(name, wires) if isinstance(said, Report)]


def _reports_in(heard: list[Heard]) -> list[Report]:
    found = [said for frame in heard if frame.incoming for said in frame.incoming.messages]
    return [said for said in found if isinstance(said, Report)]
