"""Meitrack: MVT, T1, T3, T6 vehicle trackers, TC OBD readers, MD cameras, P personal trackers.

See: Meitrack "GPRS protocol", the sections on AAA, CCC and CCE, and its event codes.

A line, whose size counts from its first comma to its end::

    $$ B 159 ,352084103665376, AAA, 1,50.624722,5.566389,… *C4 CR LF
    │  │ │    │                │    │                       └ sum of all before, and the star
    │  │ size unit id          kind content, in letters or, for CCC and CCE, in bytes
    │  flag, any character
    $$ from the device, @@ to it

Only CCC is answered. Alarm codes in the settings are event numbers: ``1``, ``79`` …

In letters: ``written.py``. In bytes: ``binary.py``. Events: ``events.py``.
"""

from collections.abc import Callable
from datetime import datetime

from protocols.checksum import sum8
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.meitrack.binary import ccc_reports, cce_reports
from protocols.codecs.meitrack.commands import encode, line, simulate
from protocols.codecs.meitrack.written import written_report
from protocols.errors import Corrupt, Malformed, Unframeable
from protocols.message import (
    CommandReply,
    Custom,
    Immobilise,
    Locate,
    Message,
    Mobilise,
    Reboot,
    ReportEvery,
    SetSosNumber,
    Unknown,
)
from protocols.settings import DeviceSettings
from protocols.wire import text

_MARK = b"$$"
_SIZE_AT = 3
_MOST_DIGITS = 5
_SHORTEST = 12
_TAIL = 9
_PICTURES_AT_ONCE = 8
_PICTURE = "camera_picture.jpg"


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the line at ``start``; None: its size has not come yet."""
    head = buffer[start : start + _SIZE_AT + _MOST_DIGITS + 1]
    if not _MARK.startswith(head[:2]):
        raise Unframeable("no $$")
    digits, comma, _ = head[_SIZE_AT:].partition(b",")
    if digits and not digits.isdigit():
        raise Unframeable("no size behind $$ and flag")
    if not comma:
        if len(head) > _SIZE_AT + _MOST_DIGITS:
            raise Unframeable("a size without an end")
        return None
    if not digits or int(digits) < _SHORTEST:
        raise Unframeable("a size that leaves no room for a name")
    return _SIZE_AT + len(digits) + int(digits)


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a line said. Raises Corrupt if its sum is wrong or stands elsewhere.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    star = frame.rfind(b"*", max(0, len(frame) - _TAIL))
    if star < 0 or frame[:2] != _MARK:
        raise Corrupt("no sum where the line ends")
    try:
        expected = int(frame[star + 1 : star + 3], 16)
    except ValueError:
        raise Corrupt("no sum where the line ends") from None
    if sum8(frame[: star + 1]) != expected:
        raise Corrupt("the sum does not match")
    parts = frame[:star].split(b",", 3)
    if len(parts) < 3:
        raise Malformed("no name and kind")
    unit_id, kind = text(parts[1]), text(parts[2])
    content = parts[3] if len(parts) > 3 else b""
    if not unit_id.isdecimal():
        raise Malformed("a name that is no number")
    speaker = peer.named(unit_id)
    known = _KINDS.get(kind)
    if known is None:
        words = f"{kind},{text(content)}" if content else kind
        messages: tuple[Message, ...] = (CommandReply(text=words),)
    else:
        messages = known(content, speaker.settings)
    return Incoming(
        messages=messages, ack=_answer(kind, content, frame, unit_id, messages), peer=speaker
    )


def _answer(
    kind: str, content: bytes, frame: bytes, unit_id: str, messages: tuple[Message, ...]
) -> bytes:
    if kind == "CCC":
        return line(b"@@", text(frame[2:3]), unit_id, f"CCC,{len(messages)}")
    if kind == "D03" and content == b"OK":
        return line(b"@@", "O", unit_id, f"D00,{_PICTURE},0")
    if kind == "D00":
        return _next_picture(content, unit_id)
    return b""


def _next_picture(content: bytes, unit_id: str) -> bytes:
    """``file,parts,part,bytes``: after eight parts the device waits to be asked for more."""
    words = content.split(b",", 3)
    if len(words) < 4 or not (words[1].isdigit() and words[2].isdigit()):
        return b""
    following = int(words[2]) + 1
    if following % _PICTURES_AT_ONCE or following >= int(words[1]):
        return b""
    return line(b"@@", "O", unit_id, f"D00,{text(words[0])},{following}")


def _report(content: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    return (written_report(content, settings),)


def _kept_report(content: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    """AFF: how many wait, and then as AAA."""
    return (written_report(content.partition(b",")[2], settings, buffered=True),)


def _fixed(content: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    return ccc_reports(content, settings)


def _numbered(content: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    return cce_reports(content, settings)


def _picture(_content: bytes, _settings: DeviceSettings) -> tuple[Message, ...]:
    return (Unknown(kind="D00, part of a picture"),)


_KINDS: dict[str, Callable[[bytes, DeviceSettings], tuple[Message, ...]]] = {
    "AAA": _report,
    "AFF": _kept_report,
    "CCC": _fixed,
    "CCE": _numbered,
    "D00": _picture,
}

CODEC = Codec(
    name="meitrack",
    title="Meitrack MVT, T1, T3, T6, TC and P trackers",
    tells=(
        "fixes, battery, power, mileage, drivers, fuel, temperatures, towers; SOS, man down, "
        "tow, jamming and all else from the event number; lines and bytes (AAA, CCC, CCE)"
    ),
    port=5020,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    transports=("tcp", "udp"),
    marks=(_MARK,),
    commands=(Locate, ReportEvery, Reboot, SetSosNumber, Custom, Immobilise, Mobilise),
)
