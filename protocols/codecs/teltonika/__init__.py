"""Teltonika: vehicle trackers (FMB, FMC, FM…), personal alarms (TMT250, GH5200), GH handsets.

See: wiki.teltonika-gps.com, "Teltonika Data Sending Protocols".

Over TCP a device says its name, then sends frames::

    [ size ][ IMEI ]                                             answered 01 or 00
       2b      15b
    [ 00000000 ][ size ][ codec ][ n ][ n records ][ n ][ crc16 arc ]   answered n
         4b        4b       1b     1b      …        1b        4b         in 4 bytes

The checksum runs from ``codec`` to the second ``n``. Codecs 8, 8 Extended, 16 and 7
carry records; 12 to 15 carry words, ours with type 5 and the device's with type 6::

    [ 0C ][ n ] n x ([ type ][ size ][ words ]) [ n ]
      1b    1b         1b       4b

Over UDP every datagram says the name again, and has no checksum of its own::

    [ size ][ packet ][ 01 ][ number ][ size ][ IMEI ][ codec … n ]
       2b       2b      1b      1b       2b     15b
    answered [ 0005 ][ 0000 ][ 01 ][ number ][ n ]

A lone FF keeps a mobile network from closing the connection. Digital inputs 1 to 4 can be
panic buttons. A code of the settings is the number of an element, ``236``, or its number and
one value, ``253 2``; any element of 1 to 8 bytes can be one.
"""

import struct
from datetime import datetime

from protocols.checksum import crc16_arc
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.teltonika import handset, records
from protocols.codecs.teltonika.elements import family_of
from protocols.codecs.teltonika.simulation import record_of
from protocols.codecs.teltonika.words import commanded, heard, said
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Heartbeat,
    Immobilise,
    Locate,
    Login,
    Message,
    Mobilise,
    Reboot,
    Report,
    ReportEvery,
    Unknown,
)
from protocols.wire import Reader, Writer

_PREAMBLE = bytes(4)
_PING = b"\xff"
_NAME_SIZES = range(5, 33)
_SMALLEST_DATAGRAM = 8
_HANDSET = 0x07
_LINE_END = b"\0\0\0\r"


def frame_size(buffer: bytes, start: int) -> int | None:
    """What begins here shows in its first bytes: zeros, FF, or the size of a name or datagram."""
    if buffer.startswith(_PREAMBLE, start):
        if len(buffer) < start + 9:
            return None
        size = 12 + int.from_bytes(buffer[start + 4 : start + 8], "big")
        if buffer[start + 8] == _HANDSET:
            size += _line_end(buffer[start : start + size], size)
        return size
    if buffer.startswith(_PING, start):
        return 1
    if len(buffer) < start + 5:
        return None
    size = int.from_bytes(buffer[start : start + 2], "big")
    if _is_datagram(buffer, start) and size >= _SMALLEST_DATAGRAM:
        return 2 + size
    name = buffer[start + 2 : start + 2 + size]
    if size not in _NAME_SIZES or not name.isalnum():
        raise Unframeable(f"no frame begins with {buffer[start : start + 5].hex()}")
    return 2 + size


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:  # noqa: ARG001
    """Raises Corrupt if the checksum is wrong, Malformed if a field is cut short."""
    try:
        if frame.startswith(_PREAMBLE):
            return _stream(frame, peer)
        if frame == _PING:
            return Incoming(messages=(Heartbeat(),))
        if _is_datagram(frame, 0):
            return _datagram(frame, peer)
        return _login(frame, peer)
    except (struct.error, IndexError) as error:
        raise Malformed(f"cut short: {error}") from error


def encode(command: Command, peer: Peer) -> bytes:
    """Words in codec 12. Raises Unsupported for what the peer's model cannot do."""
    return _seal(said(0x05, commanded(command, peer)))


def simulate(message: Message, peer: Peer) -> bytes:
    """Reports go out in codec 8 Extended, one record a frame."""
    match message:
        case Login(unit_id=unit_id):
            return bytes(Writer().u16(len(unit_id)).text(unit_id))
        case Heartbeat():
            return _PING
        case Report():
            return _seal(b"\x8e\x01" + record_of(message, family_of(peer.model)) + b"\x01")
        case CommandReply(text=reply):
            return _seal(said(0x06, reply.encode()))
        case Unknown(kind=kind):
            raise Unsupported(f"a Teltonika device has no frame for {kind}")


def _stream(frame: bytes, peer: Peer) -> Incoming:
    end = 8 + int.from_bytes(frame[4:8], "big")
    body, check = frame[8:end], frame[end:]
    if check[:4] != crc16_arc(body).to_bytes(4, "big") and check != _LINE_END + b"\n":
        raise Corrupt(f"checksum {check.hex()} is not that of the frame")
    messages, answer = _understood(body, peer)
    count = len(messages).to_bytes(4, "big") if body[0] in _RECORDS else answer
    return Incoming(messages=messages, ack=count)


def _datagram(frame: bytes, peer: Peer) -> Incoming:
    packet = Reader(frame)
    packet.take(5)
    number, unit_id = packet.take(1), _name(packet.take(packet.u16()))
    body = packet.rest()
    speaker = peer.named(unit_id)
    messages, answer = _understood(body, speaker)
    if body[0] in _RECORDS:
        answer = b"\x00\x05\x00\x00\x01" + number + len(messages).to_bytes(1, "big")
    return Incoming(
        messages=messages,
        ack=answer,
        peer=None if speaker is peer else speaker,
    )


def _login(frame: bytes, peer: Peer) -> Incoming:
    unit_id = _name(frame[2:])
    return Incoming(
        messages=(Login(unit_id=unit_id),),
        ack=b"\x01",
        refusal=b"\x00",
        peer=peer.named(unit_id),
    )


def _name(name: bytes) -> str:
    if not name.isalnum():
        raise Malformed(f"not a name: {name.hex()}")
    return name.decode("ascii")


def _is_datagram(buffer: bytes, start: int) -> bool:
    """Datagrams have 01 where the third character of a name would be."""
    return buffer.startswith(b"\x01", start + 4)


def _line_end(frame: bytes, size: int) -> int:
    """Early handsets end a frame with a line feed after 0000000D, and have no checksum.

    Answers how many bytes more than usual that makes.
    """
    if len(frame) < size or not frame.endswith(_LINE_END):
        return 0
    return 0 if crc16_arc(frame[8:-4]) == _LINE_END[-1] else 1


def _understood(body: bytes, peer: Peer) -> tuple[tuple[Message, ...], bytes]:
    """The messages in one body; and what to answer, where that is not their number."""
    codec = body[0]
    if layouts := records.LAYOUTS.get(codec):
        return records.reports(body, layouts, family_of(peer.model), peer.settings), b""
    if codec == _HANDSET:
        return handset.reports(body, peer.settings), b""
    messages, answer = heard(body)
    return messages, _seal(answer) if answer else b""


def _seal(body: bytes) -> bytes:
    return bytes(Writer().u32(0).u32(len(body)).put(body).u32(crc16_arc(body)))


_RECORDS = frozenset({*records.LAYOUTS, _HANDSET})

CODEC = Codec(
    name="teltonika",
    title="Teltonika FMB, FMC, FM, TMT250, GH5200",
    tells=(
        "every record and IO element; SOS button, fall, amber, crash, tow, jamming, "
        "driving; codecs 7, 8, 8 Extended, 16 and 12"
    ),
    port=5027,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    transports=("tcp", "udp"),
    max_frame=8192,
    commands=(Locate, ReportEvery, Reboot, Custom, Immobilise, Mobilise),
)
