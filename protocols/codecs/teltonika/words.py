"""Codecs 12 to 15: words both ways, and what a device on its serial port or camera says.

12  [ type ][ size ][ words ]                        05 ours, 06 its answer, 0D camera
13  [ type ][ size ][ seconds since 1970 ][ words ]
14  [ type ][ size ][ IMEI, packed decimal ][ words ]     11: the IMEI is not its own
15  [ type ][ size ][ seconds since 1970 ][ IMEI ][ words ]
      1b      4b             4b              8b
"""

from math import isfinite

from protocols.codec import Peer
from protocols.codecs.teltonika.elements import family_of, is_one_of
from protocols.codecs.teltonika.records import readable
from protocols.errors import Malformed, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Immobilise,
    Locate,
    Message,
    Mobilise,
    Reboot,
    Report,
    ReportEvery,
    SetTimezone,
    Unknown,
)
from protocols.wire import Reader, Writer


def heard(body: bytes) -> tuple[tuple[Message, ...], bytes]:
    """The messages of one body, and the body to answer (empty: none).

    Raises Malformed if a size runs past the end.
    """
    frame = Reader(body)
    codec, count = frame.u8(), frame.u8()
    if codec not in _BEFORE_WORDS:
        return (Unknown(kind=f"codec {codec:#04x}"),), b""
    messages: list[Message] = []
    answer = b""
    for _ in range(count):
        kind, payload = frame.u8(), frame.take(frame.u32())
        if codec == _WORDS and kind == _CAMERA:
            answer = _ask_for_picture(payload)
            messages.append(Unknown(kind="camera"))
        else:
            messages.append(_message(codec, kind, payload))
    return tuple(messages), answer


def said(kind: int, payload: bytes) -> bytes:
    """The codec 12 body that says ``payload``."""
    return bytes(Writer().u8(_WORDS).u8(1).u8(kind).u32(len(payload)).put(payload).u8(1))


def commanded(command: Command, peer: Peer) -> bytes:
    """The device's words for a command. Raises Unsupported, with what to do instead."""
    personal = family_of(peer.model).personal
    match command:
        case Custom(text=order):
            return _payload(order)
        case Immobilise() | Mobilise() if personal:
            raise Unsupported(f"a {peer.model} is carried by a person and has no engine relay")
        case Immobilise():
            return b"setdigout 1"
        case Mobilise():
            return b"setdigout 0"
        case Locate():
            return b"getrecord"
        case Reboot():
            return b"cpureset"
        case ReportEvery(seconds=seconds):
            if not is_one_of(peer.model, "FM"):
                raise Unsupported("the parameters differ by model: use Custom with setparam …")
            return b"setparam " + b";".join(b"%d:%d" % (one, seconds) for one in _MIN_PERIODS)
        case SetTimezone():
            raise Unsupported("Teltonika devices speak UTC, and need no time zone")
        case _:
            raise Unsupported(f"{type(command).__name__}: use Custom with setparam … of the model")


_WORDS, _CAMERA = 0x0C, 0x0D
_BEFORE_WORDS = {_WORDS: 0, 0x0D: 4, 0x0E: 8, 0x0F: 12}
"""How many bytes of each codec come before the words."""

_ANSWER, _NOT_ITS_IMEI, _SERIAL = 0x06, 0x11, 0x0B
_MIN_PERIODS = (10000, 10050, 10100, 10150, 10200, 10250)
"""Home, roaming and unknown network, each at rest and moving (FMB)."""

_AXLES = (
    *(f"axle_{number}_t" for number in range(1, 9)),
    "load_truck_t",
    "load_trailer_t",
    "total_truck_t",
    "total_trailer_t",
)


def _message(codec: int, kind: int, payload: bytes) -> Message:
    if kind == _NOT_ITS_IMEI:
        return CommandReply(text="refused: the command names another IMEI")
    if kind not in {_ANSWER, _SERIAL}:
        return Unknown(kind=f"codec {codec:#04x} type {kind:#04x}")
    if len(payload) < _BEFORE_WORDS[codec]:
        raise Malformed(f"{len(payload)} bytes of words in codec {codec:#04x}")
    payload = payload[_BEFORE_WORDS[codec] :]
    if payload.startswith(b"UUUUw"):
        return _axle_scale(payload)
    return CommandReply(text=readable(payload))


def _axle_scale(payload: bytes) -> Message:
    """A scale on the serial port: UUUUww, twelve weights in tonnes, SSS."""
    weights = [float(one) for one in payload.strip(b"Uw").split(b";")[: len(_AXLES)]]
    if not all(map(isfinite, weights)):
        raise Malformed(f"not weights: {readable(payload)}")
    return Report(other=dict(zip(_AXLES, weights, strict=False)), record=payload)


def _ask_for_picture(payload: bytes) -> bytes:
    """A camera that announces a picture (01, its number) is asked for the first 2,048 bytes."""
    if len(payload) != 5 or payload[0] != 0x01:
        return b""
    return said(_CAMERA, b"\x02" + payload[1:] + bytes(4) + b"\x08\x00")


def _payload(order: str) -> bytes:
    """Hexadecimal goes out as the bytes it spells, for what hangs on the serial port."""
    try:
        return bytes.fromhex(order) if " " not in order else order.encode()
    except ValueError:
        return order.encode()
