"""Eelink: TK116, TK119, TK319, GPT and K personal and vehicle trackers, and their kin.

See: Eelink "Communication protocol", versions 1.8 (kinds 01 to 07) and 2.0 (kinds 12 to 1B).

A frame, and the envelope around it over UDP, where no connection remembers who speaks::

    67 67  kind  size  serial  content              size counts serial and content
    45 4C  size  sum   name of eight bytes  67 67 … sum is turned left before each byte

Nearly every kind is answered, empty, with its serial; a login with the time as well::

    67 67 01 00 0C 00 7B  03 52 54 40 71 75 05 18  01 04
    67 67 01 00 09 00 7B  6B 05 4B 06  00 01  00

Alarm codes in the settings are two hexadecimal digits: ``02`` SOS, ``86`` fall …

Frames: ``frame.py``. Places, alarms and states: ``reports.py``.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.eelink.commands import encode, simulate
from protocols.codecs.eelink.frame import (
    ENVELOPE,
    LOGIN,
    MARK,
    OLD_PLACE,
    frame_size,
    frames_in,
    seal,
    turned_sum,
)
from protocols.codecs.eelink.reports import new_report, old_report, state_report, vehicle_report
from protocols.errors import Corrupt, Malformed
from protocols.message import (
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Immobilise,
    Locate,
    Login,
    Message,
    Mobilise,
    Reboot,
    Report,
    SetSosNumber,
    Unknown,
)
from protocols.settings import DeviceSettings
from protocols.wire import text

_TIMED_LOGIN = b"\0\1\0"
_UNANSWERED = frozenset({OLD_PLACE, 0x81})
_SHORTEST = 7
_WHERE = ("Lat", "Lon", "Course", "Speed", "DateTime")


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a frame or an envelope of frames said. Raises Corrupt where sum or size are wrong.

    ``heard_at`` is told to a device that logs in.
    """
    if frame[:2] != ENVELOPE:
        return _open(frame, peer, heard_at)
    if len(frame) < 14 or turned_sum(frame[6:]) != int.from_bytes(frame[4:6], "big"):
        raise Corrupt("the sum of the envelope does not match")
    speaker = peer.named(_name(frame[6:14]), ENVELOPE.decode())
    heard = [_open(inner, speaker, heard_at) for inner in frames_in(frame)]
    return Incoming(
        messages=tuple(message for one in heard for message in one.messages),
        ack=b"".join(one.ack for one in heard),
        peer=speaker,
    )


def _open(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    if len(frame) < _SHORTEST or frame[:2] != MARK:
        raise Corrupt("no frame with a serial number")
    kind, serial, content = frame[2], int.from_bytes(frame[5:7], "big"), frame[_SHORTEST:]
    if int.from_bytes(frame[3:5], "big") != len(frame) - 5:
        raise Corrupt("the size does not match")
    if kind == LOGIN:
        if len(content) < 8:
            raise Malformed("a login without a name")
        unit_id = _name(content[:8])
        now = int(heard_at.timestamp()).to_bytes(4, "big")
        return Incoming(
            messages=(Login(unit_id=unit_id),),
            ack=seal(LOGIN, serial, now + _TIMED_LOGIN),
            peer=peer.named(unit_id),
        )
    known = _KINDS.get(kind)
    messages: tuple[Message, ...] = (
        (Unknown(kind=f"{kind:02x}"),) if known is None else (known(content, peer.settings),)
    )
    return Incoming(messages=messages, ack=b"" if kind in _UNANSWERED else seal(kind, serial, b""))


def _name(name: bytes) -> str:
    """Eight bytes of packed decimal; what is no number stays as it is."""
    return name.hex().removeprefix("0")


def _place(content: bytes, settings: DeviceSettings) -> Message:
    return new_report(content, settings, alarm=False, cause=False)


def _alarm(content: bytes, settings: DeviceSettings) -> Message:
    return new_report(content, settings, alarm=True, cause=False)


def _caused_place(content: bytes, settings: DeviceSettings) -> Message:
    return new_report(content, settings, alarm=False, cause=True)


def _old_place(content: bytes, settings: DeviceSettings) -> Message:
    return old_report(content, settings, alarm=False, cause=False)


def _old_alarm(content: bytes, settings: DeviceSettings) -> Message:
    return old_report(content, settings, alarm=True, cause=False)


def _old_caused_place(content: bytes, settings: DeviceSettings) -> Message:
    return old_report(content, settings, alarm=False, cause=True)


def _heartbeat(content: bytes, settings: DeviceSettings) -> Message:
    return state_report(content, settings) if len(content) >= 2 else Heartbeat()


def _vehicle(content: bytes, settings: DeviceSettings) -> Message:
    return vehicle_report(content) if len(content) > 4 else _heartbeat(content, settings)


def _reply(content: bytes, _settings: DeviceSettings) -> Message:
    """``kind(1) flag(4) words``; the answer to WHERE# is a place in words."""
    words = text(content[5:])
    return _spoken_place(words, content) or CommandReply(text=words)


def _spoken_place(words: str, content: bytes) -> Report | None:
    """``Lat:N31.83955,Lon:W82.61346,Course:0.00,Speed:0.00km/h,DateTime:2017-12-02 11:29:43``."""
    parts = dict(part.partition(":")[::2] for part in words.split(","))
    if not all(name in parts for name in _WHERE):
        return None
    lat, lon = parts["Lat"], parts["Lon"]
    try:
        at = datetime.strptime(parts["DateTime"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        fix = Fix(
            at=at,
            lat=float(lat[1:]) * (-1 if lat[:1] == "S" else 1),
            lon=float(lon[1:]) * (-1 if lon[:1] == "W" else 1),
            speed_kmh=float(parts["Speed"].removesuffix("km/h")),
            course_deg=float(parts["Course"]),
        )
    except ValueError:
        return None
    return Report(fix=fix, at=at, record=content)


_KINDS: dict[int, Callable[[bytes, DeviceSettings], Message]] = {
    0x02: _old_place,
    0x03: _heartbeat,
    0x04: _old_alarm,
    0x05: _old_caused_place,
    0x06: _old_place,
    0x07: _vehicle,
    0x12: _place,
    0x14: _alarm,
    0x15: _caused_place,
    0x16: _place,
    0x17: _vehicle,
    0x80: _reply,
}

CODEC = Codec(
    name="eelink",
    title="Eelink TK, GPT and K trackers",
    tells=(
        "fixes, battery, ignition, charging, relay, steps, mileage, towers, Wi-Fi, climate; "
        "SOS, fall, crash and all else from the alarm code; both layouts; over UDP in envelopes"
    ),
    port=5064,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    transports=("tcp", "udp"),
    marks=(MARK, ENVELOPE),
    commands=(Locate, Reboot, SetSosNumber, Custom, Immobilise, Mobilise),
)
