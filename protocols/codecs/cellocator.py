"""Cellocator units: CR300, Compact, Olympic, Cello-IQ, and portable ones (Pointer, PowerFleet).

See: "Cellocator wireless communication protocol", messages 0 (status,
and generic command) and 11 (modules).

Numbers are little-endian. A status is always 70 bytes, whatever is in it::

    MCGP │ 00 │ 98AB3100 │ 0856 │ B1     │ hw sw … │ 2C     │ mode I/O analogue … place time │ AB
         │kind│ unit id  │      │ number │         │ reason │                            sum │
    MCGP │ 0B │ DE662200 │ 4816 │ 54     │ 00 │ length │ 4 bytes │ modules: kind, length, …  │ DA

The sum is of the bytes from kind on. ``MCGP`` writes places in radians; its younger sister
``MCPG`` writes degrees, and sums something that is nowhere documented: hers is not verified.
The answer carries the number of the frame and of nothing else, so it need not be remembered.

Alarm codes for the settings are the transmission reasons in decimal: ``70`` is the distress
button. Panic inputs count the bits of the first byte of the I/O status from 1: 1 the door,
6 the ignition.
"""

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import degrees, radians

from protocols.checksum import sum8
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    Fix,
    Locate,
    Message,
    Readings,
    Reboot,
    Report,
    Signal,
    Unknown,
)
from protocols.settings import DeviceSettings

_MARKS = (b"MCGP", b"MCPG")
_STATUS, _ANSWER, _MODULES = 0, 4, 11
_SIZES = {_STATUS: 70, 3: 31, 7: 70}
_IN_DEGREES = b"MCPG"

_HEAD = struct.Struct("<4sBI2xB")  # mark, kind, unit id, number
_BODY = struct.Struct("<BBxBxxBBIxI")  # from 12: hardware, software, status, reason, mode, I/O …
_PLACE = struct.Struct("<BBBBiiiIH5BH")  # from 40: status, modes, satellites, lon, lat …
_MODULE_PLACE = struct.Struct("<BBBBiiiH")
_KMH_OF_CM_S = 0.036
_NO_FIX = 1
_DOOR, _IGNITION = 1 << 0, 1 << 5
_CHARGING = 1 << 7

_REASONS: dict[int, frozenset[Signal]] = {
    code: frozenset({signal})
    for code, signal in (
        (34, Signal.OVERSPEED),
        (42, Signal.OVERSPEED_END),
        (64, Signal.DOOR_OPENED),
        (65, Signal.SHOCK),
        (68, Signal.TAMPER),
        (70, Signal.PANIC),
        (80, Signal.POWER_CUT),
        (81, Signal.LOW_POWER),
        (83, Signal.LOW_BATTERY),
        (87, Signal.POWER_RESTORED),
        (99, Signal.HARSH_BRAKING),
        (100, Signal.HARSH_CORNERING),
        (101, Signal.HARSH_ACCELERATION),
        (145, Signal.PANIC),
        (158, Signal.TAMPER),
    )
}
_NOTHING: frozenset[Signal] = frozenset()


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the frame that starts there; None: need more."""
    head = buffer[start : start + 4]
    if head not in _MARKS:
        if len(head) < 4 and any(mark.startswith(head) for mark in _MARKS):
            return None
        raise Unframeable("neither MCGP nor MCPG")
    if len(buffer) - start < 15:
        return None
    kind = buffer[start + 4]
    if kind == _MODULES:
        return 16 + int.from_bytes(buffer[start + 13 : start + 15], "little")
    if kind == 9:
        return 15 + buffer[start + 13]
    if kind not in _SIZES:
        raise Unframeable(f"nobody knows how long a message {kind} is")
    return _SIZES[kind]


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Corrupt if its sum is wrong."""
    del heard_at
    if len(frame) < 16:
        raise Malformed("shorter than its head")
    mark, kind, unit, number = _HEAD.unpack_from(frame)
    if mark != _IN_DEGREES and sum8(frame[4:-1]) != frame[-1]:
        raise Corrupt("the sum does not match")
    speaker = peer.named(str(unit))
    if kind == _STATUS and len(frame) == _SIZES[_STATUS]:
        report = _status(frame, speaker.settings)
        said = bytes((_ANSWER, *frame[5:9], 0, 0, 0, 0, 0, 0, number)) + bytes(11)
        return Incoming(messages=(report,), ack=_sealed(said), peer=speaker)
    if kind == _MODULES:
        report = _modular(frame)
        said = bytes((_MODULES, *frame[5:9], number, 0, 0, 0, 0, 0x80, 10, 0, 0, 0, 0, 0, 9, 3, 0))
        return Incoming(messages=(report,), ack=_sealed(said + bytes(3)), peer=speaker)
    return Incoming(messages=(Unknown(kind=str(kind)),), peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The generic command that carries ``command``. Raises Unsupported.

    The four bytes that a unit wants to know its master by are the secret in its settings, in
    hexadecimal; without one they are zero, which units obey as they come from the factory.
    """
    order = _ORDERS.get(type(command))
    if order is None:
        raise Unsupported("no such command here: use the maker's command centre")
    if not (peer.unit_id.isascii() and peer.unit_id.isdecimal() and len(peer.unit_id) <= 9):
        raise Unsupported("a Cellocator unit is called by a number: give the peer such a unit_id")
    secret = peer.settings.secret or "00000000"
    if len(secret) != 8 or set(secret.lower()) - set("0123456789abcdef"):
        raise Unsupported("the secret of a Cellocator unit is eight hexadecimal digits: correct it")
    unit = int(peer.unit_id).to_bytes(4, "little")
    said = bytes((_STATUS, *unit, 1)) + bytes.fromhex(secret) + order
    return _sealed(said.ljust(20, b"\0"))


_ORDERS: dict[type[Command], bytes] = {Locate: b"\0\0", Reboot: b"\x02\x02\x02\x02"}
"""The command twice, then its data twice."""


def simulate(message: Message, peer: Peer) -> bytes:
    """The status that says ``message``. Raises Unsupported."""
    if not (isinstance(message, Report) and message.fix is not None):
        raise Unsupported("a Cellocator unit says reports with a fix, and nothing else")
    digits = peer.unit_id[-9:]
    if not (digits.isascii() and digits.isdecimal()):
        raise Unsupported("a Cellocator unit is called by a number: give the peer such a unit_id")
    return _said(message, message.fix, int(digits))


def _sealed(said: bytes) -> bytes:
    """Both sisters are answered as MCGP."""
    return _MARKS[0] + said + bytes((sum8(said),))


def _status(frame: bytes, settings: DeviceSettings) -> Report:
    hardware, software, status, reason, mode, inputs, analogue = _BODY.unpack_from(frame, 12)
    active = inputs & 0xFF
    place = _PLACE.unpack_from(frame, 40)
    state, _, _, satellites, lon, lat, altitude, speed, course, *clock, year = place
    at = _moment(year, clock)
    scale = 1e-7 if frame[:4] == _IN_DEGREES else degrees(1e-8)
    readings: Readings = {
        "satellites": satellites,
        "odometer_m": int.from_bytes(frame[29:32], "little"),
        "ignition": bool(active & _IGNITION),
        "charging": bool(inputs >> 16 & _CHARGING),
        "driver_id": frame[32:38].hex(),
    }
    other: dict[str, object] = {
        "hardware": hardware,
        "software": software,
        "status": status & 0x0F,
        "reason": reason,
        "mode": mode,
        "door_open": bool(active & _DOOR),
        "inputs": frame[20:24].hex(),
    }
    for channel in range(4):
        other[f"analogue_{channel + 1}"] = analogue >> (8 * channel) & 0xFF
    signals = settings.meaning(str(reason), _REASONS.get(reason, _NOTHING))
    return Report(
        fix=_fix(
            at,
            lat=lat * scale,
            lon=lon * scale,
            valid=not state & _NO_FIX,
            altitude=altitude,
            speed=speed,
            course=course,
        ),
        at=at,
        signals=signals | settings.inputs(active),
        readings=readings,
        other=other,
        record=frame[4:9] + frame[12:-1],
    )


def _moment(year: int, clock: Sequence[int]) -> datetime | None:
    """From second, minute, hour, day and month; None if there is no such moment."""
    second, minute, hour, day, month = clock
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _fix(
    at: datetime | None,
    *,
    lat: float,
    lon: float,
    valid: bool,
    altitude: int,
    speed: int,
    course: int | None,
) -> Fix | None:
    """A place with its altitude in cm, speed in cm/s and course in thousandths of a radian."""
    if at is None:
        return None
    try:
        return Fix(
            at=at,
            lat=lat,
            lon=lon,
            valid=valid,
            altitude_m=altitude / 100,
            speed_kmh=speed * _KMH_OF_CM_S,
            course_deg=None if course is None else degrees(course / 1000) % 360,
        )
    except ValueError:
        return None


def _modules_of(frame: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each module; one that is cut off is Malformed."""
    at, end = 19, len(frame) - 1
    while at + 3 <= end:
        size = int.from_bytes(frame[at + 1 : at + 3], "little")
        if at + 3 + size > end:
            raise Malformed("a module is longer than its frame")
        yield frame[at], frame[at + 3 : at + 3 + size]
        at += 3 + size


def _modular(frame: bytes) -> Report:
    """Module 6 is a place, 7 a time, 2 figures of the vehicle's own network; none is an alarm."""
    place, at = b"", None
    readings: Readings = {}
    other: dict[str, object] = {}
    for kind, said in _modules_of(frame):
        if kind == 6 and len(said) >= 19:
            place = said
        elif kind == 7 and len(said) >= 7:
            at = _moment(2000 + said[6], said[1:6])
        elif kind == 2:
            other |= _vehicle_network(said)
        else:
            other[f"module_{kind}"] = said[:32].hex()
    fix = None
    if place:
        state, _, _, satellites, lon, lat, altitude, speed = _MODULE_PLACE.unpack_from(place)
        readings["satellites"] = satellites
        fix = _fix(
            at,
            lat=degrees(lat * 1e-8),
            lon=degrees(lon * 1e-8),
            valid=not state & _NO_FIX,
            altitude=altitude,
            speed=speed,
            course=None,
        )
    return Report(
        fix=fix,
        at=at,
        readings=readings,
        other=other,
        record=frame[4:9] + frame[12:-1],
    )


def _vehicle_network(said: bytes) -> dict[str, object]:
    """Six bytes, a count, then number (2 bytes), length and value of each figure."""
    found: dict[str, object] = {}
    at = 7
    while at + 3 <= len(said):
        size = said[at + 2]
        value = said[at + 3 : at + 3 + size]
        if len(value) == size <= 8:
            found[f"can_{int.from_bytes(said[at : at + 2], 'little')}"] = int.from_bytes(
                value, "little"
            )
        at += 3 + size
    return found


def _said(report: Report, fix: Fix, unit: int) -> bytes:
    readings = report.readings
    if odd := readings.keys() - {"satellites", "odometer_m", "ignition"}:
        raise Unsupported(f"a Cellocator unit cannot say {', '.join(sorted(odd))}")
    reasons = [code for code, meant in _REASONS.items() if meant == report.signals]
    if report.signals and not reasons:
        raise Unsupported("a Cellocator status gives one reason, and has none for these signals")
    at = fix.at.astimezone(UTC)
    said = (
        _HEAD.pack(b"", _STATUS, unit, 1)[4:]
        + bytes((43, 44, 4, 0, 0, 0, reasons[0] if reasons else 44, 0))
        + bytes((_IGNITION if readings.get("ignition") else 0, 0, 0, 0, 0, 0, 0, 0, 0))
        + (round(readings.get("odometer_m", 0)) & 0xFFFFFF).to_bytes(3, "little")
        + bytes(8)
        + _PLACE.pack(
            0 if fix.valid else _NO_FIX,
            4,
            2,
            readings.get("satellites", 9),
            round(radians(fix.lon) * 1e8),
            round(radians(fix.lat) * 1e8),
            round((fix.altitude_m or 0) * 100),
            round((fix.speed_kmh or 0) / _KMH_OF_CM_S),
            round(radians(fix.course_deg or 0) * 1000),
            at.second,
            at.minute,
            at.hour,
            at.day,
            at.month,
            at.year,
        )
    )
    return _sealed(said)


CODEC = Codec(
    name="cellocator",
    title="Cellocator CR300, Compact, Olympic, Cello-IQ",
    tells=(
        "fixes, ignition, door, inputs, odometer, driver, CAN figures; distress button, power, "
        "battery, overspeed, tamper, harsh driving"
    ),
    port=5033,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=_MARKS,
    max_frame=2048,
    commands=(Locate, Reboot),
)
