"""CalAmp LMU and TTU units, and others that speak LM Direct.

See: CalAmp "LM Direct reference guide", messages 2 (event), 4 and 9 (user data), 8 (locate),
10 (mini event) and 3 (id).

A datagram: who, if the first bit of all is set, then what. Numbers are big-endian::

    83 │ 05 1633033459 │ 01 01 │ 01  │ 02 │ 8AFD │ 59AE7C14 59AE7C14 0B06BBCE 2C01520E …
    │    mobile id       type    │     │    │      updated, fixed, latitude, longitude …
    options: a bit for each      │     │    sequence
    of the fields that follow    │     message
                                 service: 1 wants an answer

The answer is ``02 01``, the sequence and the kind of message; it names nobody.

What an event means is written by the installer in the unit's own script, so no code is an
alarm as usual: in the settings, ``13`` is event code 13. Panic inputs count from 1 the bits of
the inputs; the first of them is the ignition.
"""

import struct
from datetime import UTC, datetime, timedelta

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    Fix,
    Heartbeat,
    Login,
    Message,
    Readings,
    Report,
    Signal,
    Unknown,
)
from protocols.settings import DeviceSettings
from protocols.wire import text

_OPTIONS, _MOBILE_ID = 0x80, 0x01
_WANTS_ANSWER = 1
_NULL, _EVENT, _ID, _USER, _LOCATE, _USER_COUNTED, _MINI = 0, 2, 3, 4, 8, 9, 10
_LAST_KIND = 11

_PLACE = struct.Struct(">IIiiiIHBBHhBBBB")
_MINI_PLACE = struct.Struct(">IiiHBBBB")
_WORD = struct.Struct(">I")
_KMH_OF_CM_S = 0.036
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INVALID, _MINI_INVALID = 1 << 3, 1 << 5
_MOST_WORDS, _THRESHOLDS = 0x3F, 0x40
_NOTHING: frozenset[Signal] = frozenset()


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the message that starts there; None: need more."""
    at = _after_options(buffer, start)
    if at is None or at + 4 > len(buffer):
        return None
    service, kind = buffer[at], buffer[at + 1]
    if service > 2 or kind > _LAST_KIND:
        raise Unframeable(f"no service {service} with a message {kind}")
    end = _end(buffer, at + 4, kind)
    if end is not None and end < len(buffer) and not buffer[end] & _OPTIONS:
        # What is appended to a message has no length; another message would say who it is.
        end = len(buffer)
    return None if end is None else end - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one datagram means. Raises Malformed for one that breaks off."""
    del heard_at
    at = _after_options(frame, 0)
    if at is None or at + 4 > len(frame):
        raise Malformed("shorter than its head")
    speaker = _speaker(frame, peer)
    service, kind, said = frame[at], frame[at + 1], frame[at + 4 :]
    answer = b""
    if service == _WANTS_ANSWER:
        answer = b"\x02\x01" + frame[at + 2 : at + 4] + bytes((kind, 0, 0, 0, 0, 0))
    message = _message(kind, said, speaker)
    return Incoming(messages=(message,), ack=answer, peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """Nothing: what a unit does is in its script, and PULS changes that. Raises Unsupported."""
    del command, peer
    raise Unsupported("a CalAmp unit follows its script: change it with the maker's own server")


def simulate(message: Message, peer: Peer) -> bytes:
    """The datagram that says ``message``. Raises Unsupported."""
    match message:
        case Heartbeat():
            return _head(peer.unit_id, _NULL)
        case Report(fix=Fix() as fix) if not message.signals:
            return _head(peer.unit_id, _EVENT) + _said(message.readings, fix)
    raise Unsupported("a CalAmp unit says heartbeats and fixes; its script says what they mean")


def _after_options(buffer: bytes, start: int) -> int | None:
    """Where the message begins; None: not all there yet."""
    if start >= len(buffer):
        return None
    options = buffer[start]
    at = start + 1
    if not options & _OPTIONS:
        return start
    for bit in range(7):
        if options >> bit & 1:
            if at >= len(buffer):
                return None
            at += 1 + buffer[at]
    return at


def _end(buffer: bytes, at: int, kind: int) -> int | None:
    """Where a message ends that begins at ``at`` behind its head; None: need more."""
    if kind == _NULL:
        return at
    if kind in (_EVENT, _LOCATE):
        counter = at + _PLACE.size + (2 if kind == _EVENT else 0)
        return _behind_words(buffer, counter, counter + 2)
    if kind == _MINI:
        counter = at + _MINI_PLACE.size + 1
        return _behind_words(buffer, counter, counter + 1)
    # The other kinds do not say how long they are: a datagram is one message.
    return len(buffer) if len(buffer) > at else None


def _behind_words(buffer: bytes, counter: int, first: int) -> int | None:
    if counter >= len(buffer):
        return None
    return first + 4 * (buffer[counter] & _MOST_WORDS)


def _speaker(frame: bytes, peer: Peer) -> Peer:
    """The peer by the mobile id, packed decimal filled with f's."""
    if not frame[0] & _OPTIONS or not frame[0] & _MOBILE_ID:
        return peer
    unit_id = frame[2 : 2 + frame[1]].hex().rstrip("f")
    if not unit_id.isdecimal():
        raise Malformed(f"a mobile id of digits, not {unit_id!r}")
    return peer.named(unit_id)


def _message(kind: int, said: bytes, speaker: Peer) -> Message:
    if kind == _NULL:
        return Heartbeat()
    if kind == _ID and speaker.unit_id:
        return Login(unit_id=speaker.unit_id)
    if kind == _MINI:
        return _mini_event(said, speaker.settings)
    if kind in (_EVENT, _USER, _LOCATE, _USER_COUNTED):
        return _event(kind, said, speaker.settings)
    return Unknown(kind=f"message {kind}")


def _event(kind: int, said: bytes, settings: DeviceSettings) -> Report:
    """The place that four messages share, and what each has behind it."""
    if len(said) < _PLACE.size + 2:
        raise Malformed(f"{len(said)} bytes are less than a place")
    updated, _, lat, lon, altitude, speed, course, satellites, state, *rest = _PLACE.unpack_from(
        said
    )
    carrier, rssi, modem, hdop, inputs, status = rest
    at = _EPOCH + timedelta(seconds=updated)
    readings: Readings = {
        "satellites": satellites,
        "hdop": hdop,
        "rssi": rssi,
        "ignition": bool(inputs & 1),
    }
    other: dict[str, object] = {
        "carrier": carrier,
        "modem": modem,
        "inputs": inputs,
        "status": status,
    }
    signals = settings.inputs(inputs)
    behind = said[_PLACE.size :]
    if kind == _EVENT:
        event = behind[1]
        other["event"] = event
        signals |= settings.meaning(str(event), _NOTHING)
        other |= _words(behind[2:3], behind[4:])
    elif kind == _LOCATE:
        other |= _words(behind[:1], behind[2:])
    else:
        size = int.from_bytes(behind[2:4], "big")
        other["user_message"] = text(behind[4 : 4 + size])[:500]
        if kind == _USER_COUNTED:
            counted = behind[4 + size :]
            other |= _words(counted[:1], counted[2:])
    try:
        fix = Fix(
            at=at,
            lat=lat / 1e7,
            lon=lon / 1e7,
            valid=not state & _INVALID,
            altitude_m=altitude / 100,
            speed_kmh=speed * _KMH_OF_CM_S,
            course_deg=float(course),
        )
    except ValueError:
        fix = None
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        other=other,
        record=bytes((kind,)) + said,
    )


def _mini_event(said: bytes, settings: DeviceSettings) -> Report:
    """Course and km/h, satellites and the state of the fix in one byte, modem, inputs, event."""
    if len(said) < _MINI_PLACE.size + 2:
        raise Malformed(f"{len(said)} bytes are less than a mini event")
    updated, lat, lon, course, speed_kmh, state, modem, inputs = _MINI_PLACE.unpack_from(said)
    event = said[_MINI_PLACE.size]
    at = _EPOCH + timedelta(seconds=updated)
    try:
        fix = Fix(
            at=at,
            lat=lat / 1e7,
            lon=lon / 1e7,
            valid=not state & _MINI_INVALID,
            speed_kmh=float(speed_kmh),
            course_deg=float(course),
        )
    except ValueError:
        fix = None
    words = _words(said[_MINI_PLACE.size + 1 :][:1], said[_MINI_PLACE.size + 2 :])
    return Report(
        fix=fix,
        at=at,
        signals=settings.inputs(inputs) | settings.meaning(str(event), _NOTHING),
        readings={"satellites": state & 0x0F, "ignition": bool(inputs & 1)},
        other={"modem": modem, "inputs": inputs, "event": event, **words},
        record=bytes((_MINI,)) + said,
    )


def _words(counter: bytes, said: bytes) -> dict[str, object]:
    """The accumulators: how many is in six bits; another says that two words of mask lead."""
    if not counter:
        return {}
    count = counter[0] & _MOST_WORDS
    skipped = 2 if counter[0] & _THRESHOLDS else 0
    words = [number for (number,) in _WORD.iter_unpack(said[: min(4 * count, len(said) // 4 * 4)])]
    return {f"accumulator_{at}": number for at, number in enumerate(words[skipped:])}


def _head(unit_id: str, kind: int) -> bytes:
    if not (unit_id.isascii() and unit_id.isdecimal() and len(unit_id) <= 20):
        raise Unsupported("a CalAmp unit is called by digits: give the peer such a unit_id")
    name = bytes.fromhex(unit_id + "f" * (len(unit_id) % 2))
    return bytes((0x83, len(name))) + name + bytes((1, 2, _WANTS_ANSWER, kind, 0, 1))


def _said(readings: Readings, fix: Fix) -> bytes:
    if odd := readings.keys() - {"satellites", "hdop", "rssi", "ignition"}:
        raise Unsupported(f"a CalAmp unit cannot say {', '.join(sorted(odd))}")
    seconds = int((fix.at - _EPOCH).total_seconds())
    place = _PLACE.pack(
        seconds,
        seconds,
        round(fix.lat * 1e7),
        round(fix.lon * 1e7),
        round((fix.altitude_m or 0) * 100),
        round((fix.speed_kmh or 0) / _KMH_OF_CM_S),
        round(fix.course_deg or 0) % 360,
        readings.get("satellites", 9),
        0 if fix.valid else _INVALID,
        0,
        readings.get("rssi", -75),
        15,
        round(readings.get("hdop", 9)),
        int(readings.get("ignition", False)),
        0,
    )
    return place + bytes((0, 0, 0, 0))


CODEC = Codec(
    name="calamp",
    title="CalAmp LMU and TTU (LM Direct)",
    tells=(
        "fixes, ignition, inputs, event codes, accumulators, user messages; panic and other alarms "
        "where the settings name the input or the event"
    ),
    port=5082,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    transports=("udp",),
    max_frame=2048,
)
