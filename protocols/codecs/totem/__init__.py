"""Totem AT05, AT07, AT09 and the AVL02: boxes in vehicles, and what was made after them.

See: Totem "AT09 Protocol & Commands" and the AVL02 user guide, chapter 3. All is text; the
length of the old kind is hexadecimal, of the new kind decimal, and both count every byte::

    $$ A9   353358019474100 | AA $GPRMC,… | pdop | hdop | vdop | state | clock | volts | …
    $$ 8B   862170017861566 | AA 180613080657 | A | 2237.1901 | N | … | 0014 | 2B16
    $$ 0108 AA 864244026063437 | 1A000000 140101010101 41 11 0000 27BA 0E57 … E 0481 56
    $$ 0112 E5 864606045334223 | 201112223514, -68.923106, -22.455926, $Cloud, … ,| 13
       length  └ why it was sent  └ state, clock, battery, mains, inputs, tower, place, serial, sum

The old end in a Modbus CRC, the new in an exclusive-or. Frames seen in the field carry wrong
ones, so a wrong sum is noted in ``other`` and the frame is heard: it may be the alarm. Why a
frame was sent are two hexadecimal digits, and so are the alarm codes of the settings: ``01``;
the bits of the state in columns are ``bit 0`` to ``bit 31``.
The old kind: ``bars.py``. The new kind: ``columns.py``.
"""

from datetime import datetime

from protocols.checksum import crc16_modbus, xor8
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.totem import bars, columns
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    Custom,
    Heartbeat,
    Immobilise,
    Locate,
    Message,
    Mobilise,
    Reboot,
    Report,
)
from protocols.wire import text

_OLD_BAR, _NEW_BAR = 19, 23
_LONGEST_HEAD = 26

_PASSWORD = "000000"  # noqa: S105 — the factory's; the device's own is in its settings
_PLAIN_COMMANDS: dict[type[Command], str] = {
    Locate: "012",
    Reboot: "006",
    Immobilise: "025,C,1",
    Mobilise: "025,C,0",
}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, with the line ends before it; None: not all there yet.

    Some firmware ends a frame with CR LF, some does not; so they belong to the next one.
    """
    at = start
    while at < len(buffer) and buffer[at] in b"\r\n":
        at += 1
    head = buffer[at : at + _LONGEST_HEAD]
    if not b"$$".startswith(head[:2]):
        raise Unframeable("no $$ here")
    bar = head.find(b"|")
    if bar < 0:
        if len(head) < _LONGEST_HEAD:
            return None
        raise Unframeable("no bar behind the unit's name")
    end = _end(buffer, at, bar)
    if end is None:
        return None
    if buffer.find(b"$$", at + 2, end) >= 0:
        raise Unframeable("another frame begins before this one ends")
    return end - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a box said. Raises Malformed if that has no shape we know.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    said = frame.strip(b"\r\n")
    bar = said.find(b"|", 0, _LONGEST_HEAD)
    if said[:2] != b"$$" or bar < _OLD_BAR:
        raise Malformed("no $$, length and name here")
    if _is_new(said, bar):
        named = peer.named(text(said[8:bar]))
        message = columns.read(said, text(said[6:8]), text(said[bar + 1 :]), named)
        serial = said[-6:-2] if said[-4:] != b"@E#@" else said[-10:-6]
        return Incoming(messages=(message,), ack=_sealed(b"AA", serial), peer=named)
    named = peer.named(text(said[4:bar]))
    message = bars.read(said, text(said[bar + 1 :]), named)
    return Incoming(messages=(message,), ack=b"ACK OK\r\n", peer=named)


def encode(command: Command, peer: Peer) -> bytes:
    """``$$`` length ``CF`` password, command, sum. Raises Unsupported, and says why."""
    match command:
        case Locate() | Reboot() | Immobilise() | Mobilise():
            words = _PLAIN_COMMANDS[type(command)]
        case Custom(text=words) if words.isascii() and words.isprintable():
            pass
        case _:
            raise Unsupported("a Totem cannot be told this here: send Custom with its own digits")
    return _sealed(b"CF", f"{peer.settings.secret or _PASSWORD},{words}".encode())


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame an AVL02 called ``peer.unit_id`` would send. Raises Unsupported."""
    if len(peer.unit_id) != _OLD_BAR - 4:
        raise Unsupported("a Totem is called by the fifteen digits of its IMEI")
    match message:
        case Heartbeat():
            content = bars.written(Report(), "88")
        case Report(signals=signals):
            content = bars.written(message, bars.code_of(signals))
        case _:
            raise Unsupported(f"a Totem cannot say {message!r}")
    length = 4 + len(peer.unit_id) + 1 + len(content) + 4
    frame = f"$${length:02X}{peer.unit_id}|{content}".encode()
    return frame + f"{crc16_modbus(frame):04X}".encode()


def _is_new(said: bytes, bar: int) -> bool:
    return bar == _NEW_BAR and said[2:6].isdigit()


def _end(buffer: bytes, at: int, bar: int) -> int | None:
    """Where the frame that begins at ``at`` ends; None: that cannot be told yet."""
    if not _is_new(buffer[at : at + bar], bar):
        try:
            size = int(buffer[at + 2 : at + 4], 16)
        except ValueError:
            raise Unframeable("no length behind the $$") from None
        if size < bar:
            raise Unframeable("too short for its own head")
        return at + size
    if buffer[at + 6] == ord("E"):
        # Their length is wrong in frames from the field; two digits behind a second bar end them.
        second = buffer.find(b"|", at + bar + 1)
        return None if second < 0 else second + 3
    size = int(buffer[at + 2 : at + 6])
    if size < bar:
        raise Unframeable("too short for its own head")
    return at + size


def _sealed(kind: bytes, content: bytes) -> bytes:
    """A frame of the new kind from us to the box."""
    frame = b"$$%04d%b%b" % (len(content) + 10, kind, content)
    return frame + b"%02X" % xor8(frame)


CODEC = Codec(
    name="totem",
    title="Totem AT05, AT07, AT09, AVL02",
    tells=(
        "fixes, voltages, ignition, odometer, tower, inputs, iButton, OBD; "
        "SOS, antenna cut, overspeed, zones, low battery, jamming"
    ),
    port=5007,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"$$",),
    max_frame=2048,
    commands=(Locate, Reboot, Immobilise, Mobilise, Custom),
    options={"centivolts": "mains are counted in hundredths of a volt, as the AVL02 guide says"},
)
