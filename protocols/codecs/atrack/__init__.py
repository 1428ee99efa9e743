"""ATrack AT1, AT3, AK1, AK7, AX5, AX7, AS, AU: vehicle and OBD trackers.

See: ATrack "AT protocol" and "AK1/AX5 protocol document".

The same fields in binary or in text, behind two letters that can be set and a checksum,
CRC16/ARC of all that follows it::

    @P │ 9928    │ 0272   │ 0003     │ 00014399E3F93D13 │ records …
    @P,  CA4B,     122,     1,         358683064932578,   1533633976,…,%CI%MV%BV,143,0 CR LF
         checksum  length   sequence   unit id

The length counts what stands behind it, in text with the comma before it. Keep-alives are
``FE02``, unit id and sequence, and come back as they are; frames are answered in the same shape.
In the answer to a text the length stands where the unit id belongs: that is how the servers
answer that these units have talked to for years, and the sequence is what they look for.
What starts with ``$`` answers a command.

Report ids are given out by who sets the unit up, so none is an alarm as usual: in the settings,
``10`` is report id 10. Panic inputs are the bits of the inputs, counted from 1.
Records: ``records.py``. The columns behind them: ``columns.py``.
"""

from datetime import UTC, datetime

from protocols.checksum import crc16_arc
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.atrack.records import CUSTOM, LONG_DATE, binary_records, text_records
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Message,
    Readings,
    Report,
    Unknown,
)
from protocols.wire import Writer, text

_KEEP_ALIVE = b"\xfe\x02"
_KEEP_ALIVE_SIZE = 12
_HEAD = 16
_POSITIONS = b"@P"
_MARKS = (b"@", _KEEP_ALIVE, b"$")
_LONGEST_TEXT_HEAD = 16
_HEXADECIMAL = frozenset(b"0123456789ABCDEFabcdef")


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the frame that starts there; None: need more."""
    head = buffer[start : start + _LONGEST_TEXT_HEAD]
    if head[:1] == b"$":
        end = buffer.find(b"\n", start)
        return None if end < 0 else end + 1 - start
    if head[:2] == _KEEP_ALIVE:
        return _KEEP_ALIVE_SIZE
    if len(head) < 9:
        if head[:1] in (b"\r", b"\n"):
            raise Unframeable("an empty line")
        return None
    if _is_text(head):
        digits, comma, _ = head[8:].partition(b",")
        if not comma:
            if len(head) < _LONGEST_TEXT_HEAD:
                return None
            raise Unframeable("a length without an end")
        if not digits.isdigit():
            raise Unframeable("a length of no digits")
        return 8 + len(digits) + int(digits)
    # The first of the eight bytes of a unit id is zero: a name has at most sixteen digits.
    if head[8] != 0:
        raise Unframeable("no unit id here")
    return 6 + int.from_bytes(head[4:6], "big")


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Corrupt if its checksum is wrong, Malformed if it is cut."""
    del heard_at
    if frame[:1] == b"$":
        return Incoming(messages=(CommandReply(text=text(frame).strip()),))
    if frame[:2] == _KEEP_ALIVE:
        if len(frame) != _KEEP_ALIVE_SIZE:
            raise Malformed("a keep-alive has twelve bytes")
        unit_id = str(int.from_bytes(frame[2:10], "big"))
        return Incoming(messages=(Heartbeat(),), ack=frame, peer=peer.named(unit_id))
    return _written(frame, peer) if _is_text(frame) else _binary(frame, peer)


def encode(command: Command, peer: Peer) -> bytes:
    """The words of ``command`` as a line. Raises Unsupported for any but the maker's own."""
    del peer
    match command:
        case Custom(text=words) if words.startswith("AT$") and not set(words) & set("\r\n\0"):
            return f"{words}\r\n".encode()
    raise Unsupported("an ATrack unit obeys the maker's own words only: Custom, as in AT$INFO?")


def simulate(message: Message, peer: Peer) -> bytes:
    """The binary frame that says ``message``. Raises Unsupported."""
    if not (peer.unit_id.isascii() and peer.unit_id.isdecimal() and len(peer.unit_id) <= 16):
        raise Unsupported("an ATrack unit is called by a number: give the peer such a unit_id")
    name = int(peer.unit_id).to_bytes(8, "big")
    match message:
        case Heartbeat():
            return _KEEP_ALIVE + name + b"\x00\x01"
        case Report(fix=Fix(valid=True) as fix) if not message.signals:
            return _sealed(b"\x00\x01" + name + _said(message.readings, fix, message.buffered))
    raise Unsupported("an ATrack unit says keep-alives and valid fixes; its setting names alarms")


def _is_text(head: bytes) -> bool:
    """Two letters, a comma, four hexadecimal digits, a comma."""
    return (
        len(head) >= 9
        and head[2:3] == b","
        and head[7:8] == b","
        and all(digit in _HEXADECIMAL for digit in head[3:7])
    )


def _binary(frame: bytes, peer: Peer) -> Incoming:
    if len(frame) < _HEAD:
        raise Malformed("shorter than its head")
    if crc16_arc(frame[4:]) != int.from_bytes(frame[2:4], "big"):
        raise Corrupt("the checksum does not match")
    speaker = peer.named(str(int.from_bytes(frame[8:16], "big")))
    answer = _KEEP_ALIVE + frame[8:16] + frame[6:8]
    if frame[:2] != _POSITIONS and frame[:1] == b"@":
        # Pictures and whatever else the letters behind the @ say.
        unknown = Unknown(kind=text(frame[:2]))
        return Incoming(messages=(unknown,), ack=answer, peer=speaker)
    reports = tuple(binary_records(frame[_HEAD:], speaker.settings))
    return Incoming(messages=reports, ack=answer, peer=speaker)


def _written(frame: bytes, peer: Peer) -> Incoming:
    # Programs between the unit and us rewrite the end of the line; the unit sent CR LF.
    if crc16_arc(frame[7:].rstrip(b"\r\n") + b"\r\n") != int(frame[3:7], 16):
        raise Corrupt("the checksum does not match")
    parts = frame.split(b",", 5)
    if len(parts) < 6:
        raise Malformed("no sequence and unit id")
    length, sequence, unit_id = int(parts[2]), int(parts[3]), text(parts[4])
    if not unit_id.isalnum() or len(unit_id) > 32:
        raise Malformed("no unit id behind the sequence")
    speaker = peer.named(unit_id)
    answer = _KEEP_ALIVE + length.to_bytes(8, "big") + (sequence & 0xFFFF).to_bytes(2, "big")
    reports = tuple(text_records(text(parts[5]), speaker.settings))
    return Incoming(messages=reports, ack=answer, peer=speaker)


def _sealed(said: bytes) -> bytes:
    body = len(said).to_bytes(2, "big") + said
    return _POSITIONS + crc16_arc(body).to_bytes(2, "big") + body


def _said(readings: Readings, fix: Fix, buffered: bool) -> bytes:
    sayable = {"hdop", "odometer_m", "satellites", "power_v", "battery_v", "motion", "driver_id"}
    if odd := readings.keys() - sayable:
        raise Unsupported(f"an ATrack unit cannot say {', '.join(sorted(odd))}")
    seconds = int(fix.at.astimezone(UTC).timestamp())
    return bytes(
        Writer()
        .u32(seconds)
        .u32(seconds)
        .u32(seconds)
        .i32(round(fix.lon * 1e6))
        .i32(round(fix.lat * 1e6))
        .u16(round(fix.course_deg or 0) % 360)
        .u8(2)
        .u32(round(readings.get("odometer_m", 0) / 100))
        .u16(round(readings.get("hdop", 1) * 10))
        .u8(0)
        .u16(min(round(fix.speed_kmh or 0), 65535))
        .u8(0)
        .u16(0)
        .text(readings.get("driver_id", "") + "\0")
        .i16(2000)
        .i16(2000)
        .text("\0%CI%SA%MV%BV%AT%MT%DT\0")
        .u8(readings.get("satellites", 9))
        .u16(round(readings.get("power_v", 12.6) * 10))
        .u16(round(readings.get("battery_v", 4.1) * 10))
        .i32(round(fix.altitude_m or 0))
        .u8(int(readings.get("motion", True)))
        .u8(int(buffered))
    )


CODEC = Codec(
    name="atrack",
    title="ATrack AT, AK, AX, AS, AU",
    tells=(
        "fixes, power, battery, inputs, driver, temperatures, towers, OBD figures, tags, any "
        "column; alarms where the settings name the report id or the input"
    ),
    port=5044,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=_MARKS,
    max_frame=4096,
    commands=(Custom,),
    options={
        LONG_DATE: "times in binary are dates and not seconds; as usual the frame shows it",
        CUSTOM: "columns follow the fixed fields; off: none do",
    },
)
