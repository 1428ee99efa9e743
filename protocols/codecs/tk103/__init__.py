"""TK103 in brackets: Xexun and Tianqin vehicle trackers, Smart and magnetic trackers by the same.

See: "GPS tracking communication protocol" TK103, the sections on BP, BR and BO messages, and its
supplement for ZC and DW messages.

A unit puts its name, 12 characters or an IMEI, before a kind; everything is text::

    (013666666666BP05000013666666666110925A1234.5678N01234.5678W000.002033490.00000000000L000024DE)
       unit      kind   name again    date   place            km/h │ time  course  state  metres
    (864768010869060,DW3E,050117,A,5135.82713N,00001.17918E,0.089,154745,000.0,43.40,12)
       unit         kind  date day first         place       km/h  time  course  m   satellites

BP00 and BP05 are answered, which lets the unit in; the rest is not. In ``state`` are power, engine,
three half bytes of flags, and fuel. A code of ``DeviceSettings.alarms`` is a kind, with the number
behind it where there is one: ``DW3E``, ``BO012``, ``BQ811``; or one of the flags, ``wires 2`` for
the SOS button, ``sensors 1``, ``doors 8``.

Reports: ``reports.py``. The other way: ``commands.py``.
"""

import re
from datetime import datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.tk103.commands import OPTIONS, encode, simulate
from protocols.codecs.tk103.reports import read
from protocols.errors import Malformed, Unframeable
from protocols.message import (
    Custom,
    Immobilise,
    Locate,
    Login,
    Mobilise,
    Reboot,
    ReportEvery,
    SetSosNumber,
    Unknown,
)
from protocols.wire import text

_HEAD = re.compile(rb"\([0-9A-Za-z]{6,16}(?:,[A-Z]{2}[0-9A-F]{2}|[A-Z]{2}[0-9A-F]{2})")
_KIND = re.compile(r"[A-Z]{2}[0-9A-F]{2}")
_LONGEST_NAME = 20


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, with line ends before it; None: not all there yet.

    Raises Unframeable where no frame begins, and where another one begins before this one
    ends: the line broke, and what follows may be the alarm.
    """
    begin, waiting = start, len(buffer)
    while begin < waiting and buffer[begin] in b"\r\n":
        begin += 1
    if begin == waiting:
        return None
    if buffer[begin] != ord("("):
        raise Unframeable("no opening bracket here")
    end = buffer.find(b")", begin)
    words = buffer.find(b"$", begin, end if end >= 0 else waiting)
    if words >= 0:
        # Words between dollars may hold brackets.
        end = buffer.find(b"$)", words + 1)
        end = end if end < 0 else end + 1
    if _HEAD.search(buffer, begin + 1, end if end >= 0 else waiting) is not None:
        raise Unframeable("another frame begins before this one ends")
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Malformed if it names no unit and no kind.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    frame = frame.lstrip(b"\r\n")
    if frame[:1] != b"(" or frame[-1:] != b")":
        raise Malformed("no (unit kind …) here")
    content = text(frame[1:-1])
    unit_id, kind, body, parted = _opened(content)
    speaker = peer.named(unit_id)
    ack = "" if parted else _ANSWERS.get(kind, "")
    message = read(kind, body, content.encode(), speaker.settings)
    if kind in _ANSWERS and isinstance(message, Unknown):
        message = Login(unit_id=unit_id)
    return Incoming(
        messages=(message,), ack=f"({unit_id}{ack})".encode() if ack else b"", peer=speaker
    )


def _opened(content: str) -> tuple[str, str, str, bool]:
    """Name, kind, the rest, and whether commas part them. Raises Malformed."""
    for size in (12, 11):
        if _KIND.match(content, size) and content[:size].isalnum():
            return content[:size], content[size : size + 4], content[size + 4 :], False
    unit_id, _, rest = content.partition(",")
    kind, _, body = rest.partition(",")
    if not 0 < len(unit_id) <= _LONGEST_NAME or _KIND.fullmatch(kind) is None:
        raise Malformed("neither a name of 12 characters nor one before a comma, and a kind")
    return unit_id, kind, body, True


_ANSWERS = {"BP00": "AP01HSO", "BP05": "AP05"}

CODEC = Codec(
    name="tk103",
    title="TK103 in brackets: Tianqin, Xexun and magnetic trackers",
    tells=(
        "fixes, ignition, power, fuel, mileage, towers, Wi-Fi, traction battery; SOS, crash, "
        "theft, tamper, removal, speed, battery and power alarms"
    ),
    port=5002,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    transports=("tcp", "udp"),
    marks=(b"(",),
    commands=(Locate, ReportEvery, Reboot, SetSosNumber, Custom, Immobilise, Mobilise),
    options=OPTIONS,
)
