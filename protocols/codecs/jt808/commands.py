"""What the platform asks of a JT/T 808 terminal, and how models differ in hearing it."""

from protocols.codec import Peer
from protocols.codecs.jt808.frame import MARK, name_of, seal
from protocols.errors import Unsupported
from protocols.message import (
    Command,
    Custom,
    Immobilise,
    Locate,
    Mobilise,
    PowerOff,
    Reboot,
    ReportEvery,
)

_CONTROL, _PARAMETERS, _FEW_PARAMETERS = 0x8105, 0x8103, 0x0310
_WHERE, _TEXT, _THROUGH = 0x8201, 0x8300, 0x8900
_INTERVAL, _RESTART, _WORDS = 0x06, 0x23, 0x0000F030
_SHOW = b"\x01"
_LONGEST_INTERVAL = 86_400

_PLAIN: dict[type[Command], tuple[int, bytes]] = {
    Locate: (_WHERE, b""),
    Reboot: (_FEW_PARAMETERS, bytes((1, _RESTART, 1, 3))),
    PowerOff: (_CONTROL, b"\x03"),
    Immobilise: (_CONTROL, b"\xf0"),
    Mobilise: (_CONTROL, b"\xf1"),
}
_OF_MODEL: dict[tuple[str, type[Command]], tuple[int, bytes]] = {
    ("VL300", Immobilise): (_CONTROL, b"#0;1"),
    ("VL300", Mobilise): (_CONTROL, b"#0;0"),
}


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported, and says why.

    Custom is a whole frame in hexadecimal, from 7e to 7e; other words go the way
    that the model reads them: as a parameter to a VL300, through to the camera of a
    JC371, as a text message to the rest.
    """
    kind, body = _said(command, peer.model.upper())
    if kind == 0:
        return body
    name, version = name_of(peer)
    return seal(kind, body, name=name, version=version)


def _said(command: Command, model: str) -> tuple[int, bytes]:
    """The kind and body; kind 0: the body is a frame already."""
    match command:
        case ReportEvery(seconds=seconds):
            if not 1 <= seconds <= _LONGEST_INTERVAL:
                raise Unsupported("a terminal reports every 1 to 86400 seconds")
            return _FEW_PARAMETERS, bytes((1, _INTERVAL, 4)) + seconds.to_bytes(4, "big")
        case Custom(text=words):
            return _custom(words, model)
    plain = _OF_MODEL.get((model, type(command)), _PLAIN.get(type(command)))
    if plain is None:
        raise Unsupported(
            f"a JT/T 808 terminal has no {type(command).__name__} that all makers share: "
            "send its own command as Custom"
        )
    return plain


def _custom(words: str, model: str) -> tuple[int, bytes]:
    plain = words.encode()
    if not plain or len(plain) > 255:
        raise Unsupported("words for a terminal are 1 to 255 bytes long")
    if model == "VL300":
        return _PARAMETERS, b"\x01" + _WORDS.to_bytes(4, "big") + bytes((len(plain),)) + plain
    if model == "JC371":
        return _THROUGH, b"\xf0" + plain
    try:
        frame = bytes.fromhex(words)
    except ValueError:
        frame = b""
    if len(frame) > 2 and frame[:1] == frame[-1:] == MARK:
        return 0, frame
    return _TEXT, _SHOW + plain
