"""Ruptela vehicle trackers: FM-Eco, FM-Pro, FM-Tco, FM-Plug and the HCV, LCV, Trace lines.

See: Ruptela "Protocol documentation" (records, extended records, identification, heartbeat,
diagnostic codes, files, SMS over GPRS) and its lists of I/O parameters.

Every frame, in both directions (a device's frames carry its IMEI, ours do not)::

    [length 2][IMEI 8][command 1][content …][crc16 kermit 2]
              └──── length and checksum count these ────┘

A record, and an extended record (command 44, fields in brackets only there)::

    time 4 | its fraction 1 | [parts 1] | priority 1 | lon 4 | lat 4 | altitude 2 | course 2
    satellites 1 | km/h 2 | hdop 1 | event 1 [2] | four groups of I/O: 1, 2, 4 and 8 bytes each
    a group: count 1 | { number 1 [2] | value } …

``parts`` holds the last part in its high and this part in its low four bits: what does not fit
into one record follows in the next, and is one report here.

The family has no SOS of its own: a panic button is wired to a digital input (I/O 2 to 5 are
inputs 1 to 4), and the settings say to which. Codes in a device's settings are I/O numbers.

Frames: ``frame.py``. Records and fault codes: ``records.py``.
"""

from collections.abc import Callable
from datetime import datetime

from protocols.checksum import crc16_kermit
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.ruptela.frame import (
    EXTENDED,
    FAULTS,
    FILE,
    HEARTBEAT,
    IDENTITY,
    MAX_FRAME,
    RECORDS,
    SAY,
    SHORTEST,
    WORDS,
    frame_size,
    seal,
)
from protocols.codecs.ruptela.records import faults, reports
from protocols.codecs.ruptela.simulation import simulate
from protocols.errors import Corrupt, Malformed, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Heartbeat,
    Immobilise,
    Login,
    Message,
    Mobilise,
    Reboot,
    Unknown,
)
from protocols.wire import text

_PASSWORD = "pass"  # noqa: S105 — what the makers write in their examples; settings name a real one
_SPOKEN: dict[type[Command], str] = {
    Reboot: "reset",
    Immobilise: "immobilizer 10",
    Mobilise: "resetimmob",
}


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame says. Raises Corrupt if its checksum is wrong, Malformed if it is empty.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    if len(frame) < SHORTEST + 4:
        raise Malformed("nothing but a length")
    if crc16_kermit(frame[2:-2]) != int.from_bytes(frame[-2:], "big"):
        raise Corrupt("the checksum is wrong")
    speaker = peer.named(f"{int.from_bytes(frame[2:10], 'big'):015d}")
    kind = frame[10]
    messages = _KINDS.get(kind, _unknown)(frame, speaker)
    refusal = _reply(kind, accepted=False) if kind in _ANSWERS else b""
    ack = _next_part(frame) if kind == FILE else _reply(kind, accepted=True)
    return Incoming(messages=messages, ack=ack, refusal=refusal, peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported, and says why.

    The device's own words travel as an SMS would; text of hexadecimal digits goes out as the
    bytes it names.
    """
    if isinstance(command, Custom):
        return _own_words(command.text)
    if type(command) in _SPOKEN:
        password = peer.settings.secret or _PASSWORD
        return _say(f"{password} {_SPOKEN[type(command)]}")
    raise Unsupported("this cannot be said to a Ruptela: try Custom in the words of an SMS")


def _records(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    return tuple(reports(frame, speaker.settings, extended=False))


def _extended_records(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    return tuple(reports(frame, speaker.settings, extended=True))


def _faults(frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    return faults(frame)


def _login(_frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    return (Login(unit_id=speaker.unit_id),)


def _heartbeat(_frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    return (Heartbeat(),)


def _words(frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    return (CommandReply(text=text(frame[11:-2])),)


def _unknown(frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    return (Unknown(kind=f"{frame[10]:02x}"),)


_KINDS: dict[int, Callable[[bytes, Peer], tuple[Message, ...]]] = {
    RECORDS: _records,
    EXTENDED: _extended_records,
    WORDS: _words,
    FAULTS: _faults,
    IDENTITY: _login,
    HEARTBEAT: _heartbeat,
}

_ANSWERS = {RECORDS: 0x64, EXTENDED: 0x64, FAULTS: 0x6D, IDENTITY: 0x73, HEARTBEAT: 0x74}


def _reply(kind: int, *, accepted: bool) -> bytes:
    """``0002 64 01 13BC`` and its like: nothing where the kind expects nothing."""
    return _SEALED.get((kind, accepted), b"")


def _next_part(frame: bytes) -> bytes:
    """A picture in parts: kind, 0, name of eight letters, parts, this part, bytes. Ask the next."""
    if len(frame) < 28 or frame[11] != 2:
        return b""
    wanted = (int.from_bytes(frame[23:25], "big") + 1) & 0xFFFF
    return seal(b"\x89" + frame[11:21] + wanted.to_bytes(2, "big"))


_SEALED = {
    (kind, accepted): seal(bytes((answer, accepted)))
    for kind, answer in _ANSWERS.items()
    for accepted in (False, True)
}


def _own_words(words: str) -> bytes:
    try:
        return bytes.fromhex(words) or _say(words)
    except ValueError:
        return _say(words)


def _say(words: str) -> bytes:
    if not words or not words.isascii() or len(words) > 500:
        raise Unsupported("a Ruptela reads up to 500 ASCII letters, as in an SMS")
    return seal(bytes((SAY,)) + words.encode())


CODEC = Codec(
    name="ruptela",
    title="Ruptela",
    tells=(
        "fixes, battery, power, ignition, movement, mileage, fuel, driver, all I/O, fault codes; "
        "jamming, tow, crash, tamper, harsh driving, antenna, power cut; panic inputs"
    ),
    port=5046,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=MAX_FRAME,
    commands=(Reboot, Custom, Immobilise, Mobilise),
)
