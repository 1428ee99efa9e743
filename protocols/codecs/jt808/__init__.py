"""JT/T 808: the Chinese standard for vehicle terminals, and the trackers that borrow it.

Huabao, BSJ, Jimi JC and VL cameras, AOVX, Jointech locks and seals, Howen, pet tags …
See: JT/T 808-2011, -2013 and -2019, "terminal communication protocol", and the additions
of the makers.

A frame, escaped so that 7E stands only at its ends (7E is 7D 02, 7D is 7D 01)::

    7E  kind  flags  [version]  name     serial  [parts number]  body  xor  7E
    1   2     2      1, 2019    6 or 10  2       2     2         …     1    1

``flags``: bits 0-9 size of the body, 10-12 encrypted, 13 in parts, 14 header of 2019.
The name is packed decimal: twelve digits, or twenty since 2019; some makers write an
IMEI without its check digit as a number instead. Nearly everything is answered with 8001::

    7E 02 00 00 28 03 80 38 49 03 07 00 03 …  7E
    7E 80 01 00 05 03 80 38 49 03 07 00 00  00 03 02 00 00  73 7E

Clocks run on China time unless the device's settings say otherwise. Alarm codes in the
settings: ``bit0`` … ``bit31`` of the alarm word, ``area0`` and ``area1`` (entered, left),
``e8:0c01`` (Jimi), ``d0:3``, ``eb89:12``, ``ebc5:6``, ``fe:0``, ``f0:26``, ``lock:0``.

Frames: ``frame.py``. A place: ``location.py``. The items behind it: ``items.py``,
and ``makers.py`` for what makers added. What comes through from another box:
``through.py``. Locks: ``lock.py``.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.jt808.commands import encode
from protocols.codecs.jt808.frame import (
    LOCK_ACK,
    LOCK_KINDS,
    MARK,
    Header,
    frame_size,
    open_frame,
    seal,
    spoken,
    unit_id_of,
)
from protocols.codecs.jt808.location import PLACE, moment, report_of
from protocols.codecs.jt808.lock import lock_report
from protocols.codecs.jt808.simulation import simulate
from protocols.codecs.jt808.through import passed_through
from protocols.errors import Corrupt, Locked, Malformed
from protocols.message import (
    CommandReply,
    Custom,
    Heartbeat,
    Immobilise,
    Locate,
    Login,
    Message,
    Mobilise,
    PowerOff,
    Reboot,
    ReportEvery,
    Unknown,
)
from protocols.settings import DeviceSettings
from protocols.wire import text

_GENERAL_ACK, _REGISTERED, _TIME_IS, _CLOCK_IS, _MEDIA_KEPT = 0x8001, 0x8100, 0x8004, 0x8109, 0x8800
_MOST_CARRIED = 4096
_RESULTS = ("done", "failed", "not understood", "not supported", "alarm confirmed")


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Corrupt if its checksum is wrong, Malformed if it is short.

    ``heard_at`` is told to terminals that ask for the time.
    """
    if frame[:1] == b"(":
        if frame[-1:] != b")":
            raise Corrupt("a bracket that does not close")
        return Incoming(messages=(CommandReply(text=text(frame)),))
    header, body = open_frame(frame)
    unit_id = unit_id_of(header.name)
    carried = peer.dialect.partition(" ")[2] if peer.unit_id == unit_id else ""
    speaker = peer.named(unit_id, spoken(header.version, carried))
    if header.kind in LOCK_KINDS:
        return _locks(header, body, speaker)
    if header.part is not None and header.kind in _RECORDS_IN_PARTS:
        return _part(header, body, speaker, carried)
    if header.encrypted and not _is_plain(header, body, speaker.settings):
        raise Locked("the body is encrypted", unit_id=unit_id)
    known = _KINDS.get(header.kind)
    if known is None or _later_part(header):
        messages: tuple[Message, ...] = (Unknown(kind=f"{header.kind:04x}"),)
    else:
        messages = known(header, body, speaker.settings)
    return Incoming(messages=messages, ack=_answer(header, body, unit_id, heard_at), peer=speaker)


def _is_plain(header: Header, body: bytes, settings: DeviceSettings) -> bool:
    """Some set the bit and write plainly all the same: the clock of a place shows it."""
    clock = body[PLACE.size - 6 : PLACE.size]
    return header.kind not in _PLACES or (len(clock) == 6 and moment(clock, settings) is not None)


def _later_part(header: Header) -> bool:
    return header.part is not None and header.part[1] > 1


def _answer(header: Header, body: bytes, unit_id: str, heard_at: datetime) -> bytes:
    """What the platform says back: kept, or your token, or the time."""
    said = _ANSWERS.get(header.kind, _kept)(header, body, unit_id, heard_at)
    if said is None:
        return b""
    kind, content = said
    return seal(kind, content, name=header.name, version=header.version)


_Said = tuple[int, bytes] | None


def _kept(header: Header, _body: bytes, _unit_id: str, _heard_at: datetime) -> _Said:
    return _GENERAL_ACK, b"%b%b\0" % (
        header.serial.to_bytes(2, "big"),
        header.kind.to_bytes(2, "big"),
    )


def _registered(header: Header, _body: bytes, unit_id: str, _heard_at: datetime) -> _Said:
    """Its own name is its token: it proves nothing, and a unit that forgets it is not lost."""
    digits = header.name.hex()
    token = digits if digits.isdecimal() else unit_id
    return _REGISTERED, header.serial.to_bytes(2, "big") + b"\0" + token.encode()


def _time_is(_header: Header, _body: bytes, _unit_id: str, heard_at: datetime) -> _Said:
    """In UTC, as the standard of 2019 says of this one clock."""
    return _TIME_IS, bytes.fromhex(heard_at.astimezone(UTC).strftime("%y%m%d%H%M%S"))


def _clock_is(_header: Header, _body: bytes, _unit_id: str, heard_at: datetime) -> _Said:
    now = heard_at.astimezone(UTC)
    clock = bytes((now.month, now.day, now.hour, now.minute, now.second, 1))
    return _CLOCK_IS, now.year.to_bytes(2, "big") + clock


def _media_kept(header: Header, body: bytes, unit_id: str, heard_at: datetime) -> _Said:
    """The last part is answered with the number of the picture, the others as usual."""
    if header.part is not None or len(body) < 4:
        return _kept(header, body, unit_id, heard_at)
    return _MEDIA_KEPT, body[:4]


def _unanswered(_header: Header, _body: bytes, _unit_id: str, _heard_at: datetime) -> _Said:
    return None


_ANSWERS: dict[int, Callable[[Header, bytes, str, datetime], _Said]] = {
    0x0001: _unanswered,
    0x0004: _time_is,
    0x0100: _registered,
    0x0109: _clock_is,
    0x0801: _media_kept,
}


def _locks(header: Header, body: bytes, speaker: Peer) -> Incoming:
    """A lock waits for an answer to an alarm alone."""
    ack = b""
    if header.kind == 0x5502:
        said = header.kind.to_bytes(2, "big") + b"\0"
        ack = seal(LOCK_ACK, said, name=header.name, serial=1)
    return Incoming(messages=(lock_report(body, speaker.settings),), ack=ack, peer=speaker)


# --- kinds ---------------------------------------------------------------------------


def _general_reply(_header: Header, body: bytes, _settings: DeviceSettings) -> tuple[Message, ...]:
    """``serial(2) kind(2) result(1)``: the terminal on a command of ours."""
    if len(body) < 5:
        raise Malformed("a general reply has five bytes")
    result = _RESULTS[body[4]] if body[4] < len(_RESULTS) else str(body[4])
    return (CommandReply(text=f"{body[2:4].hex()} {result}"),)


def _heartbeat(_header: Header, _body: bytes, _settings: DeviceSettings) -> tuple[Message, ...]:
    return (Heartbeat(),)


def _login(header: Header, _body: bytes, _settings: DeviceSettings) -> tuple[Message, ...]:
    return (Login(unit_id=unit_id_of(header.name)),)


def _place(_header: Header, body: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    return (report_of(body, settings),)


def _asked_place(_header: Header, body: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    """``serial(2)`` of the question, then a place."""
    return (report_of(body[2:], settings),)


def _short_batch(_header: Header, body: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    """0210: places, one byte of size before each."""
    found: list[Message] = []
    at = 0
    while at < len(body) and body[at] >= PLACE.size:
        record = body[at + 1 : at + 1 + body[at]]
        if len(record) < PLACE.size:
            break
        found.append(report_of(record, settings))
        at += 1 + body[at]
    return tuple(found) or (Unknown(kind="0210"),)


def _batch(_header: Header, body: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    """0704: ``count(2) late(1)``, then places, two bytes of size before each."""
    found, _ = _records(body[3:], settings, buffered=body[2:3] == b"\1")
    return tuple(found) or (Unknown(kind="0704"),)


def _records(
    body: bytes, settings: DeviceSettings, *, buffered: bool
) -> tuple[list[Message], bytes]:
    """Every whole record, and the beginning of one whose end comes in the next part."""
    found: list[Message] = []
    at = 0
    while at + 2 <= len(body):
        stop = at + 2 + int.from_bytes(body[at : at + 2], "big")
        if stop > len(body):
            break
        if stop - at >= 6:
            found.append(report_of(body[at + 2 : stop], settings, buffered=buffered))
        at = stop
    return found, body[at:]


def _part(header: Header, body: bytes, speaker: Peer, carried: str) -> Incoming:
    """One part of a long 0704: its whole records now, and its rest kept for the next part.

    What is carried stands in Peer.dialect as ``number:late:rest``. Where a part is
    missing, the records of the next cannot be told apart, and wait for a repetition.
    """
    parts, number = header.part or (1, 1)
    if number == 1:
        late, rest = body[2:3] == b"\1", body[3:]
    else:
        expected, _, kept = carried.partition(":")
        if expected != str(number):
            missing = Unknown(kind=f"0704, part {number} of {parts} without the one before")
            return Incoming(messages=(missing,), peer=speaker)
        late = kept[:1] == "1"
        rest = bytes.fromhex(kept[2:]) + body
    found, rest = _records(rest, speaker.settings, buffered=late)
    carry = ""
    if number < parts and len(rest) <= _MOST_CARRIED:
        carry = f"{number + 1}:{int(late)}:{rest.hex()}"
    messages = tuple(found) or (Unknown(kind=f"0704, part {number} of {parts}"),)
    said = _kept(header, body, "", datetime.min.replace(tzinfo=UTC))
    return Incoming(
        messages=messages,
        ack=seal(*said, name=header.name, version=header.version) if said else b"",
        peer=speaker.named(speaker.unit_id, spoken(header.version, carry)),
    )


def _through(_header: Header, body: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    return (passed_through(body, settings),)


def _words(_header: Header, body: bytes, _settings: DeviceSettings) -> tuple[Message, ...]:
    """6006: a text behind one byte that says what answers."""
    return (CommandReply(text=text(body[1:]).strip()),)


def _parameters(header: Header, body: bytes, _settings: DeviceSettings) -> tuple[Message, ...]:
    """What was asked for, in hexadecimal: parameters, or what the terminal is."""
    return (CommandReply(text=f"{header.kind:04x} {body.hex()}"),)


_PLACES = frozenset({0x0200, 0x0201})
_RECORDS_IN_PARTS = frozenset({0x0704})

_KINDS: dict[int, Callable[[Header, bytes, DeviceSettings], tuple[Message, ...]]] = {
    0x0001: _general_reply,
    0x0002: _heartbeat,
    0x0004: _heartbeat,
    0x0100: _login,
    0x0102: _login,
    0x0104: _parameters,
    0x0107: _parameters,
    0x0109: _heartbeat,
    0x0200: _place,
    0x0201: _asked_place,
    0x0210: _short_batch,
    0x0500: _asked_place,
    0x0704: _batch,
    0x0900: _through,
    0x6006: _words,
}

CODEC = Codec(
    name="jt808",
    title="JT/T 808 terminals: Huabao, BSJ, Jimi JC and VL, AOVX, Jointech",
    tells=(
        "fixes, power, battery, ignition, fuel cut, mileage, drivers, towers, Wi-Fi; every bit "
        "of the alarm word and the makers' own alarms; backlog in parts"
    ),
    port=5015,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(MARK,),
    commands=(Locate, ReportEvery, Reboot, PowerOff, Custom, Immobilise, Mobilise),
)
