"""H02: the vehicle trackers of Huaqin, HuaSunTek, Sinotrack (ST-901 …) and many without a name.

See: "GPS tracker communication protocol" H02, V1.0.5 and later, the sections on terminal
messages and on vehicle_status. Text and binary frames share a connection::

    *HQ,2705171109,V1,213324,A,5002.5849,N,01433.7822,E,0.00,000,140613,FFFFFFFF#
    24 2705171109 213339 140613 50025849 00 014337822e 000 000 ffffffff ff0000

A unit names itself in every frame; nothing is checked. Places (V1) and cells (NBR) are answered
with our time, heartbeats with themselves, the rest with nothing::

    *HQ,2705171109,V4,V1,20261124080000#

Sentences: ``sentences.py``. Binary frames: ``binary.py``. The status that both carry, whose
bits are the codes of ``DeviceSettings.alarms``: ``status.py``.
"""

import re
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.h02 import binary
from protocols.codecs.h02.sentences import read
from protocols.codecs.h02.simulation import simulate
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    Custom,
    Immobilise,
    Mobilise,
    Reboot,
    Report,
    ReportEvery,
)
from protocols.wire import text

_HEAD = re.compile(rb"\*[A-Za-z0-9]{2},")
_HEAD_SIZE = 4
_LONGEST_NAME = 32
_ANSWERED = frozenset({"V1", "NBR"})
# The time that a command carries only comes back in its answer; devices do not compare it.
_AN_HOUR = "000000"


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, with line ends before it; None: not all there yet.

    Raises Unframeable where no frame begins, and where another one begins before this one
    ends: the line broke, and what follows may be the alarm.
    """
    begin, end = start, len(buffer)
    while begin < end and buffer[begin] in b"\r\n":
        begin += 1
    if begin == end:
        return None
    if buffer[begin] == binary.MARK[0]:
        size = binary.frame_size(buffer, begin)
        return None if size is None else begin - start + size
    if _HEAD.match(buffer, begin) is None:
        if end - begin < _HEAD_SIZE and buffer[begin : begin + 1] == b"*":
            return None
        raise Unframeable("no *maker, and no $ here")
    tail = buffer.find(b"#", begin)
    if _HEAD.search(buffer, begin + 1, end if tail < 0 else tail) is not None:
        raise Unframeable("another sentence begins before this one ends")
    return None if tail < 0 else tail + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means, and our time for an answer. Raises Malformed if it names no unit."""
    frame = frame.lstrip(b"\r\n")
    if frame.startswith(binary.MARK):
        return binary.decode(frame, peer)
    fields = text(frame[1:-1]).split(",")
    if frame[:1] != b"*" or frame[-1:] != b"#" or len(fields) < 3:
        raise Malformed("no *maker,unit,kind … # here")
    maker, unit_id, kind = fields[:3]
    if not 0 < len(unit_id) <= _LONGEST_NAME:
        raise Malformed("a sentence without the name of its unit")
    message = read(fields, frame[1:-1], peer.settings)
    ack = b""
    if kind == "HTBT":
        ack = f"*{maker},{unit_id},HTBT#".encode()
    elif kind in _ANSWERED and isinstance(message, Report):
        now = heard_at.astimezone(UTC)
        ack = f"*{maker},{unit_id},V4,{kind},{now:%Y%m%d%H%M%S}#".encode()
    return Incoming(messages=(message,), ack=ack, peer=peer.named(unit_id, maker))


def encode(command: Command, peer: Peer) -> bytes:
    """The sentence that carries ``command``. Raises Unsupported, and says why."""
    if not peer.unit_id:
        raise Unsupported("an H02 device obeys only its own name: it has not told us one yet")
    return f"*{peer.dialect or 'HQ'},{peer.unit_id},{_content(command, peer)}#".encode()


def _content(command: Command, peer: Peer) -> str:
    match command:
        case ReportEvery(seconds=seconds) if 1 <= seconds <= 65535:
            if peer.settings.flag("d1", usual=False):
                return f"D1,{_AN_HOUR},{seconds}"
            return f"S71,{_AN_HOUR},22,{seconds}"
        case Reboot():
            return f"R1,{_AN_HOUR}"
        case Immobilise():
            return f"S20,{_AN_HOUR},1,1"
        case Mobilise():
            return f"S20,{_AN_HOUR},1,0"
        case Custom(text=words) if words.isascii() and words.isprintable() and "#" not in words:
            return words
    raise Unsupported(
        _LIMITS.get(type(command), "this cannot be said to an H02 device: try Custom in its words")
    )


_LIMITS: dict[type[Command], str] = {
    ReportEvery: "an H02 device reports every 1 to 65535 seconds: choose a number in between",
    Custom: "a command to an H02 device is plain text without #, such as S71,000000,22,60",
}


CODEC = Codec(
    name="h02",
    title="H02: Sinotrack, Huaqin and clones",
    tells=(
        "fixes, ignition, relay, battery, steps, towers; SOS, theft, overspeed, zones, power and "
        "antenna cut from every bit of the status; text and binary frames"
    ),
    port=5013,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    transports=("tcp", "udp"),
    marks=(b"*", b"$"),
    commands=(ReportEvery, Reboot, Custom, Immobilise, Mobilise),
    options={"d1": "is told with D1 how often to report, where others are told with S71"},
)
