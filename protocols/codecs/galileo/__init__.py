"""Galileosky: boxes in lorries and machines, also over Iridium.

See: "Galileosky Protocol" and "Compressed data" in the maker's user manuals; for Iridium the
"Iridium Short Burst Data Service Developers Guide". Little-endian, the checksum Modbus::

    [ 01 ][ length ][ tag value, tag value … ][ crc ]      answered  02 crc
     1b      2b                                 2b
    [ 07 ][ length ][ part of a photo ][ crc ]             answered  07 crc
    [ 08 ][ length ][ minimal set, tags, values … ][ crc ] answered  02 crc
    [ 01 ][ length ][ 01 header ][ 03 place ][ 02 tags ]   Iridium, big-endian, not answered

The highest bit of a length says that more waits in the box. Tags come in rising order, so one
that comes again begins the next record. A box names itself (03) in the first packet only. Which
input is a panic button is set on the box and in ``panic_inputs``. Alarm codes of the settings
are ``status`` and a bit of tag 40, from ``status0`` to ``status15``, which is the box's alarm.
Tags and their meaning: ``tags.py``. Minimal sets and Iridium: ``small.py``.
"""

from datetime import datetime

from protocols.checksum import crc16_modbus
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.galileo.simulation import tags_of
from protocols.codecs.galileo.small import compressed, iridium
from protocols.codecs.galileo.tags import BOX, IMEI, REPLY, SIZES, told
from protocols.errors import Corrupt, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Login,
    Message,
    Reboot,
    Report,
    Unknown,
)
from protocols.wire import Writer

_TAGS, _PHOTO, _COMPRESSED = 0x01, 0x07, 0x08
_IRIDIUM_MARK = b"\x01\x00\x1c"
_MORE_WAITS = 0x8000


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the packet at ``start``; None: not all there yet."""
    head = buffer[start]
    if head not in {_TAGS, _PHOTO, _COMPRESSED}:
        raise Unframeable("no packet begins with that byte")
    if len(buffer) - start < 6:
        return None
    if head == _TAGS and buffer[start + 3 : start + 6] == _IRIDIUM_MARK:
        return 3 + int.from_bytes(buffer[start + 1 : start + 3], "big")
    length = int.from_bytes(buffer[start + 1 : start + 3], "little")
    return 5 + (length & ~_MORE_WAITS)


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one packet means. Raises Corrupt if its checksum is wrong.

    ``heard_at`` gives compressed records their year.
    """
    if frame[3:6] == _IRIDIUM_MARK and frame[0] == _TAGS:
        return iridium(frame, peer, heard_at)
    if len(frame) < 5 or crc16_modbus(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
        raise Corrupt("the checksum is wrong")
    content, crc = frame[3:-2], frame[-2:]
    if frame[0] == _PHOTO:
        return Incoming(messages=(Unknown(kind="photo"),), ack=b"\x07" + crc)
    if frame[0] == _COMPRESSED:
        reports = tuple(compressed(content, peer, heard_at))
        return Incoming(messages=reports, ack=b"\x02" + crc)
    messages, named = told(content, peer)
    return Incoming(messages=messages, ack=b"\x02" + crc, peer=named)


def encode(command: Command, peer: Peer) -> bytes:
    """A packet with the words of a command. Raises Unsupported, and says why."""
    match command:
        case Reboot():
            words = "reset"
        case Custom(text=words) if words.isascii() and 0 < len(words) < 256:
            pass
        case _:
            raise Unsupported("a Galileosky is told by Custom in its own words, such as Out 0,1")
    if len(peer.unit_id) != SIZES[IMEI] or not peer.unit_id.isascii():
        raise Unsupported("a Galileosky obeys only its own IMEI: it has not told us one yet")
    named = Writer().u8(IMEI).text(peer.unit_id).u8(BOX).u16le(0)
    return _sealed(bytes(named.u8(0xE0).u32(0).u8(REPLY).u8(len(words)).text(words)))


def simulate(message: Message, peer: Peer) -> bytes:
    """The packet a box would send. Raises Unsupported."""
    match message:
        case Login(unit_id=unit_id) if len(unit_id) == SIZES[IMEI] and unit_id.isdecimal():
            head = Writer().u8(0x01).u8(1).u8(0x02).u8(1).u8(IMEI).text(unit_id)
            return _sealed(bytes(head.u8(BOX).u16le(0)))
        case CommandReply(text=words) if words.isascii() and len(words) < 256:
            return _sealed(bytes(Writer().u8(0xE0).u32(0).u8(REPLY).u8(len(words)).text(words)))
        case Report():
            return _sealed(tags_of(message, peer))
    raise Unsupported(f"a Galileosky cannot say {message!r}")


def _sealed(content: bytes) -> bytes:
    packet = bytes(Writer().u8(_TAGS).u16le(len(content)).put(content))
    return packet + crc16_modbus(packet).to_bytes(2, "little")


CODEC = Codec(
    name="galileo",
    title="Galileosky",
    tells=(
        "fixes, mains, battery, odometer, CAN, thermometers, iButton, inputs, Iridium; "
        "the box's alarm, a panic button on the input that is set"
    ),
    port=5034,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=2_048,
    commands=(Reboot, Custom),
    options={"compressed": "over Iridium the box sends minimal sets and not plain tags"},
)
