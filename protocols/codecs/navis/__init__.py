"""Navtelecom SIGNAL and SMART boxes (once Navis): NTCB, and FLEX above it.

See: Navtelecom "NTCB and FLEX: protocol of information exchange", version 6.2. Little-endian::

    @NTC [ to ][ from ][ length ][ xor of body ][ xor of head ][ body ]
          4b     4b       2b           1b             1b          …
    *>S:861785005205079    the box says its name                    answered *<S
    *>A … *>T              records of the formats before FLEX       answered *<A, *<T
    *>FLEX B0 version, structure, fields, mask                      answered *<FLEX B0 …
    ~A [ count ][ records ][ crc8 ]    ~T [ number ][ record ][ crc8 ]    ~C [ record ][ crc8 ]
    7F                     keeps the line open

FLEX packets have no length: their fields are those of the mask, which the box says at login.
It can also be written as ``columns`` of the settings, in hexadecimal. A record of a format that
we cannot read is not answered, so that the box keeps it. ``alarm`` is the alarm code of the
settings for the alarm of the box. What records hold: ``flex.py``, ``ntcb.py``.
"""

import struct
from datetime import datetime

from fastcrc.crc8 import nrsc_5

from protocols.checksum import xor8
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.navis import flex, ntcb
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Heartbeat,
    Login,
    Message,
    Report,
    Signal,
    Unknown,
)
from protocols.wire import text

_HEAD = b"@NTC"
_HEAD_SIZE = 16
_ADDRESSES = struct.Struct("<II")
_LONGEST_BODY = 16_000
_PING = 0x7F
_FLEX_SAID = 0xB0
_SERVER = 1


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start`` as long as no mask is needed; None: not all there yet."""
    return agreed_size(buffer, start, Peer())


def agreed_size(buffer: bytes, start: int, peer: Peer) -> int | None:
    """Bytes of the frame at ``start``, by the mask that this peer agreed on."""
    first = buffer[start]
    if first == _PING:
        return 1
    if first == ord("~"):
        return flex.packet_size(buffer, start, _mask(peer))
    head = buffer[start : start + _HEAD_SIZE]
    if not head.startswith(_HEAD[: len(head)]):
        raise Unframeable("no @NTC, no ~ and no ping here")
    if len(head) < _HEAD_SIZE:
        return None
    if xor8(head[:-1]) != head[-1]:
        raise Unframeable("the sum of the head is wrong")
    length = int.from_bytes(head[12:14], "little")
    if length > _LONGEST_BODY:
        raise Unframeable(f"a body of {length} bytes")
    return _HEAD_SIZE + length


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame says. Raises Corrupt if its sum is wrong.

    ``heard_at`` is not needed: every record has its own time.
    """
    del heard_at
    if frame == bytes((_PING,)):
        return Incoming(messages=(Heartbeat(),))
    if frame[:1] == b"~":
        return _flex(frame, peer)
    body = frame[_HEAD_SIZE:]
    if len(frame) < _HEAD_SIZE or xor8(body) != frame[14]:
        raise Corrupt("the sum of the body is wrong")
    to, sender = _ADDRESSES.unpack_from(frame, 4)
    peer = peer.named(peer.unit_id, f"{to} {sender} {_mask(peer)}")
    return _ntcb(body, peer)


def encode(command: Command, peer: Peer) -> bytes:
    """An NTCB frame with the words of a command. Raises Unsupported, and says why."""
    match command:
        case Custom(text=words) if words.isascii() and 0 < len(words) < 1000:
            return _sealed(words.encode(), peer)
    raise Unsupported("a Navtelecom is told by Custom in NTCB words, such as *!1Y for output 1 on")


def simulate(message: Message, peer: Peer) -> bytes:
    """What a box would send; its reports in the format before FLEX. Raises Unsupported."""
    match message:
        case Login(unit_id=unit_id) if unit_id.isdecimal():
            return _sealed(f"*>S:{unit_id}".encode(), Peer())
        case Heartbeat():
            return bytes((_PING,))
        case Report():
            return _sealed(b"*>T" + _said(message, peer), Peer())
    raise Unsupported(f"a Navtelecom cannot say {message!r}")


def _mask(peer: Peer) -> str:
    """The fields of a record in hexadecimal: as agreed, or as set; "" while neither."""
    agreed = peer.dialect.split(" ")
    if len(agreed) == 3 and agreed[2]:
        return agreed[2]
    columns = peer.settings.columns.lower()
    return columns if columns and all(digit in "0123456789abcdef" for digit in columns) else ""


def _sealed(body: bytes, peer: Peer) -> bytes:
    """A frame from us, to the address the box gave itself."""
    addresses = peer.dialect.split(" ")[:2]
    server, box = map(int, addresses) if len(addresses) == 2 else (_SERVER, 0)
    head = _HEAD + _ADDRESSES.pack(box, server) + len(body).to_bytes(2, "little")
    head += bytes((xor8(body),))
    return head + bytes((xor8(head),)) + body


# --- NTCB -----------------------------------------------------------------------


def _ntcb(body: bytes, peer: Peer) -> Incoming:
    if body[:4] == b"*>S:":
        named = peer.named(text(body[4:]).strip())
        login = Login(unit_id=named.unit_id)
        return Incoming(messages=(login,), ack=_sealed(b"*<S", named), peer=named)
    if body[:6] == b"*>FLEX":
        return _agreed(body[6:], peer)
    if body[:3] == b"*>A" and len(body) > 4:
        return _old(body[4:], body[3], body[:4].replace(b">", b"<"), peer)
    if body[:3] == b"*>T" and len(body) > 3:
        return _old(body[3:], 1, b"*<T", peer)
    if body[:1] in (b"*", b"#"):
        return Incoming(messages=(CommandReply(text=text(body)),), peer=peer)
    return Incoming(messages=(Unknown(kind=text(body[:6])),), peer=peer)


def _agreed(said: bytes, peer: Peer) -> Incoming:
    """What the records to come will hold. We take it as it is."""
    if len(said) < 4 or said[0] != _FLEX_SAID or len(said) < 4 + (said[3] + 7) // 8:
        raise Malformed("a FLEX mask that breaks off")
    fields, mask = said[3], said[4 : 4 + (said[3] + 7) // 8]
    # Bits behind the last field say nothing.
    spare = len(mask) * 8 - fields
    bits = int.from_bytes(mask, "big") >> spare << spare
    to, sender = peer.dialect.split(" ")[:2]
    named = peer.named(peer.unit_id, f"{to} {sender} {bits:0{len(mask) * 2}x}")
    return Incoming(messages=(Heartbeat(),), ack=_sealed(b"*<FLEX" + said[:3], named), peer=named)


def _old(content: bytes, count: int, answer: bytes, peer: Peer) -> Incoming:
    messages = tuple(ntcb.records(content, count, peer.settings))
    kept = all(map(ntcb.understood, messages))
    return Incoming(messages=messages, ack=_sealed(answer, peer) if kept else b"", peer=peer)


# --- FLEX -----------------------------------------------------------------------


def _flex(frame: bytes, peer: Peer) -> Incoming:
    mask = _mask(peer)
    if len(frame) < 4 or nrsc_5(frame[:-1]) != frame[-1]:
        raise Corrupt("the sum of the packet is wrong")
    if not mask:
        raise Malformed("the fields of a record were not agreed on")
    match frame[1]:
        case flex.ARCHIVE:
            head, count = 3, frame[2]
        case flex.EVENT:
            head, count = 6, 1
        case _:
            head, count = 2, 1
    messages = tuple(flex.records(frame[head:-1], count, mask, peer.settings))
    answer = frame[:head]
    return Incoming(
        messages=messages or (Heartbeat(),), ack=answer + bytes((nrsc_5(answer),)), peer=peer
    )


# --- simulation -----------------------------------------------------------------


def _said(report: Report, peer: Peer) -> bytes:
    """A record of format F6, which holds its own place and needs no mask."""
    if unsayable := report.signals - {Signal.PANIC}:
        raise Unsupported(f"a Navtelecom cannot say {', '.join(sorted(unsayable))}")
    if report.signals and not peer.settings.panic_inputs:
        raise Unsupported("a Navtelecom has no SOS of its own: say which input is one")
    inputs = 1 << min(peer.settings.panic_inputs) - 1 if report.signals else 0
    return ntcb.said(report, inputs)


CODEC = Codec(
    name="navis",
    title="Navtelecom SIGNAL, SMART (NTCB, FLEX)",
    tells=(
        "fixes, mains, battery, odometer, towers, analog, CAN, thermometers, inputs; "
        "the box's alarm, a panic button on the input that is set"
    ),
    port=5019,
    frame_size=frame_size,
    agreed_size=agreed_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(_HEAD,),
    max_frame=32_768,
    commands=(Custom,),
)
