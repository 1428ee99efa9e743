"""TopFlyTech: T8608, T8806, TLW and TLD vehicle trackers, TLP and PioneerX asset trackers.

See: TopFlyTech "Protocol" documents of those families, and the codec that the maker publishes
(TOPFLYtechCodec), which names the alarm codes. All frames begin alike::

    [mark 2][kind 1][length 2][index 2][IMEI 8, a nibble 0 first][content …]
             └─ length counts the whole frame ─────────────────────────────┘

The mark tells the family: ``2323`` first generation, ``2525`` second, ``2626`` with a vehicle
computer, ``2727`` asset trackers. Answers repeat mark, kind, index (the first generation wants
1) and IMEI; that to an alarm ends with its code. Where the fix bit of the status is clear, four
fields of the place hold cells.

Codes in a device's settings are alarm codes of two hexadecimal digits, with ``asset`` before
those of the asset trackers (``03``, ``asset 02``), ``ble`` before those of a Bluetooth button
(``ble 00``) and ``driving`` before ways to drive. Inputs 1 and 2 are ignition and air
conditioning, 3 and 4 are free.

Frames: ``frame.py``. Places and alarms: ``places.py``. All else: ``details.py``.
"""

from datetime import datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.t800x.details import KINDS
from protocols.codecs.t800x.frame import (
    FIRST,
    HEAD,
    LONGEST,
    MARKS,
    WORDS,
    answer,
    frame_size,
    framed,
    mark_of,
    name_of,
)
from protocols.codecs.t800x.places import ALARM_KINDS, LAYOUTS, place_report
from protocols.codecs.t800x.simulation import simulate
from protocols.errors import Malformed, Unsupported
from protocols.message import Command, Custom, Message, Unknown
from protocols.wire import text


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame says. Raises Malformed where it breaks off and is no alarm."""
    del heard_at
    if len(frame) < HEAD or frame[:2] not in MARKS:
        raise Malformed("no head of a TopFlyTech frame")
    name = frame[7:15].hex()
    if not name.isdecimal():
        raise Malformed("an IMEI that is no number")
    mark, kind = frame[:2], frame[2]
    speaker = peer.named(name[1:], text(mark))
    if (layout := LAYOUTS.get((mark, kind))) is not None:
        alarm = kind in ALARM_KINDS
        messages: tuple[Message, ...] = (
            place_report(frame, layout, speaker.settings, alarm=alarm),
        )
        code = frame[layout.alarm :][:1] if alarm else b""
        return Incoming(messages=messages, ack=answer(frame, code) if alarm else b"", peer=speaker)
    known = KINDS.get(kind)
    messages = (Unknown(kind=f"{kind:02x}"),) if known is None else known(frame, speaker)
    return Incoming(messages=messages, ack=answer(frame), peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported, and says why."""
    match command:
        case Custom(text=words) if words and words.isascii() and len(words) <= 500:
            content = b"\x01" + words.encode()
            return framed(mark_of(peer, FIRST), WORDS, 1, name_of(peer.unit_id), content)
    raise Unsupported("a TopFlyTech tracker obeys texts: try Custom, such as 1234,110#")


CODEC = Codec(
    name="t800x",
    title="TopFlyTech T8608, T8806, TLW, TLD, TLP",
    tells=(
        "fixes, battery, power, ignition, mileage, fuel, towers, Bluetooth beacons; SOS, also of "
        "a Bluetooth button, fall, power cut, removed, tamper, zones, jamming; panic inputs"
    ),
    port=5094,
    transports=("tcp", "udp"),
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=MARKS,
    max_frame=LONGEST,
    commands=(Custom,),
)
