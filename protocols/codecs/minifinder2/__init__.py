"""Eview EV-07B and EV-201 personal alarms: MiniFinder Pico and Atto, SafeNow, and their kin.

See: Eview, "EV-07B Protocol" V20200508 and later. All numbers are little-endian::

    AB │ flags │ size u16 │ CRC-16/XMODEM of the body │ sequence u16 │ body
         └ bit 4: answer me    bits 5-7: encrypted, which we cannot read

    body = command (1 data · 2 configuration · 3 services · 4 control · 7E firmware · 7F response)
           then elements: size u8 │ key u8 │ value       (the size counts the key)

A data body begins with key 01, the IMEI. A key that comes again begins the next record,
except beacons (28, 2C), of which one record may hold many.

Codes in a device's settings are the bits of the alarm word, ``bit 12``, as ``layout.py`` names
them; a fence is ``bit 4`` to ``bit 7``, entered or left. Times are on UTC always.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from struct import Struct

from protocols.checksum import crc16_xmodem
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.minifinder2.layout import (
    U32,
    UNIT_ID,
    Elements,
    element,
)
from protocols.codecs.minifinder2.record import records, report_of
from protocols.codecs.minifinder2.spoken import named_body, said_record
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Heartbeat,
    Login,
    Message,
    Report,
    Unknown,
)
from protocols.settings import DeviceSettings
from protocols.wire import text

_MARK = 0xAB
_HEADER = Struct("<BBHHH")
_ANSWER_ME = 0x10
_ENCRYPTED = 0xE0

_DATA, _CONFIGURATION, _SERVICES, _CONTROL, _FIRMWARE, _RESPONSE = 1, 2, 3, 4, 0x7E, 0x7F
_COMMANDS = frozenset({_DATA, _CONFIGURATION, _SERVICES, _CONTROL, _FIRMWARE, _RESPONSE})
_ASSISTANCE_REQUEST, _TIME_REQUEST = 0x11, 0x12


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: its header is not all there yet.

    Raises Unframeable at anything no device of this family would begin with, so
    that a stray AB in garbage does not make an alarm behind it wait.
    """
    if buffer[start] != _MARK:
        raise Unframeable("no AB here")
    if len(buffer) - start < _HEADER.size + 1:
        return None
    _, flags, size, _, _ = _HEADER.unpack_from(buffer, start)
    if flags & _ENCRYPTED or size == 0 or buffer[start + _HEADER.size] not in _COMMANDS:
        raise Unframeable("AB, and then no header of ours")
    return _HEADER.size + int(size)


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a device said. Raises Corrupt if the checksum is wrong, Malformed if it is no frame.

    ``heard_at`` is the time told to a device that asks for it, and the time of a
    fix whose record carries none.
    """
    if len(frame) <= _HEADER.size:
        raise Malformed(f"{len(frame)} bytes are no frame")
    mark, flags, size, crc, sequence = _HEADER.unpack_from(frame)
    body = frame[_HEADER.size :]
    if mark != _MARK or size != len(body) or crc16_xmodem(body) != crc:
        raise Corrupt("mark, size or checksum do not fit")
    command = body[0]
    if command == _RESPONSE:
        return Incoming(messages=(CommandReply(text=_result(body)),))
    elements = list(_elements(body))
    speaker = _speaker(elements, peer)
    settings = peer.settings if speaker is None else speaker.settings
    messages = _MESSAGES.get(command, _unknown)(elements, body, heard_at, settings)
    return Incoming(
        messages=messages,
        ack=_ack(command, elements, sequence, heard_at) if flags & _ANSWER_ME else b"",
        peer=speaker,
    )


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``: Custom, with the body in hexadecimal.

    Raises Unsupported for anything else: the control keys of this family differ
    between models, and a wrong one can silence somebody's alarm.
    """
    del peer
    if not isinstance(command, Custom):
        raise Unsupported(
            f"an Eview device has no {type(command).__name__} that all models share: "
            "send Custom with command and elements in hexadecimal, or a text message"
        )
    try:
        body = bytes.fromhex(command.text)
    except ValueError as error:
        raise Unsupported("Custom is the body of a frame, in hexadecimal") from error
    if not body or body[0] not in _COMMANDS or not _whole(body):
        raise Unsupported("a body is a command (01 02 03 04 7E) and elements: size, key, value")
    return _frame(body, sequence=1)


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a device called ``peer.unit_id`` would send. Raises Unsupported."""
    match message:
        case Login(unit_id=unit_id):
            return _frame(named_body(_DATA, unit_id), sequence=1, flags=_ANSWER_ME)
        case Heartbeat():
            body = named_body(_SERVICES, peer.unit_id) + element(0x10, b"")
            return _frame(body, sequence=1, flags=_ANSWER_ME)
        case CommandReply(text=result) if result.isdecimal() and int(result) < 256:
            return _frame(bytes((_RESPONSE, 1, int(result))), sequence=1)
        case Report():
            at = message.at or (message.fix.at if message.fix else None)
            sequence = int(at.timestamp()) & 0xFFFF if at else 1
            body = named_body(_DATA, peer.unit_id) + said_record(message, at)
            return _frame(body, sequence=sequence, flags=_ANSWER_ME)
    raise Unsupported(f"an Eview device cannot say {message!r}")


def _result(body: bytes) -> str:
    """The result of a command: 0 is done. The result stands where data has its key."""
    return str(body[2]) if len(body) > 2 else ""


def _elements(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Every key and value in the body, up to the first that reaches beyond its end.

    What came before it stands: an alarm is not lost with the tail of its frame.
    """
    at = 1
    while at + 1 < len(body):
        end = at + 1 + body[at]
        if end > len(body):
            return
        if body[at] == 0:  # no size, yet a key: there is nothing in it
            at += 2
            continue
        yield body[at + 1], body[at + 2 : end]
        at = end


def _whole(body: bytes) -> bool:
    """Whether the elements fill the body exactly."""
    at = 1
    while at < len(body) and body[at] > 0:
        at += 1 + body[at]
    return at == len(body)


def _speaker(elements: Elements, peer: Peer) -> Peer | None:
    unit_id = _unit_id(elements)
    if not unit_id or unit_id == peer.unit_id:
        return None
    return peer.named(unit_id)


def _unit_id(elements: Elements) -> str:
    return next((text(value).strip() for key, value in elements if key == UNIT_ID), "")


def _ack(command: int, elements: Elements, sequence: int, heard_at: datetime) -> bytes:
    """Kept; or the time, for a device that asks for it or for help to find satellites."""
    asked = {key for key, _ in elements}
    if command == _SERVICES and asked & {_ASSISTANCE_REQUEST, _TIME_REQUEST}:
        now = U32.pack(int(heard_at.timestamp()))
        return _frame(bytes((_SERVICES,)) + element(_TIME_REQUEST, now), sequence=sequence)
    return _frame(bytes((_RESPONSE, 1, 0)), sequence=sequence)


def _frame(body: bytes, *, sequence: int, flags: int = 0) -> bytes:
    return _HEADER.pack(_MARK, flags, len(body), crc16_xmodem(body), sequence) + body


def _data(
    elements: Elements, _body: bytes, heard_at: datetime, settings: DeviceSettings
) -> tuple[Message, ...]:
    """A report for each record; a body with nothing but the name is a Login."""
    reports = tuple(report_of(record, heard_at, settings) for record in records(elements))
    if reports:
        return reports
    unit_id = _unit_id(elements)
    return (Login(unit_id=unit_id),) if unit_id else (Heartbeat(),)


def _services(
    _elements: Elements, _body: bytes, _heard_at: datetime, _settings: DeviceSettings
) -> tuple[Message, ...]:
    return (Heartbeat(),)


def _configuration(
    _elements: Elements, body: bytes, _heard_at: datetime, _settings: DeviceSettings
) -> tuple[Message, ...]:
    """The settings a device was asked for, as Custom would write them."""
    return (CommandReply(text=body.hex()),)


def _unknown(
    _elements: Elements, body: bytes, _heard_at: datetime, _settings: DeviceSettings
) -> tuple[Message, ...]:
    return (Unknown(kind=f"{body[0]:02x}"),)


_Read = Callable[[Elements, bytes, datetime, DeviceSettings], tuple[Message, ...]]
_MESSAGES: dict[int, _Read] = {
    _DATA: _data,
    _SERVICES: _services,
    _CONFIGURATION: _configuration,
}


CODEC = Codec(
    name="minifinder2",
    title="Eview EV-07B and MiniFinder personal alarms",
    tells=(
        "fixes, battery, motion, steps, towers, Wi-Fi, beacons; every bit of the alarm "
        "word: SOS, fall, no motion …"
    ),
    port=5128,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"\xab",),
    max_frame=2048,
    commands=(Custom,),
)
