"""The frames that a GT06 unit would send, for tests, demonstrations and load."""

import struct
from datetime import UTC, tzinfo

from protocols.codec import Peer
from protocols.codecs.gt06.fields import (
    ACC,
    ACC_KNOWN,
    ACC_ON,
    ALARMS,
    CHARGING,
    CUT,
    DEGREE,
    NORTH,
    STATUS_ALARMS,
    VALID,
    WEST,
)
from protocols.codecs.gt06.frame import seal, zone_of
from protocols.errors import Unsupported
from protocols.message import (
    CommandReply,
    Fix,
    Heartbeat,
    Login,
    Message,
    Readings,
    Report,
    Signal,
    Unknown,
)

_GPS = struct.Struct(">6BBIIBH")
_CELL = bytes.fromhex("00ce011234005678")
_SIZED_CELL = b"\x09" + _CELL
_GPS_CONNECTED = 0x40
_SERIAL = 1
_CODES = {signal: code for code, signal in reversed(ALARMS.items()) if code <= 0xFF}
_BITS = {signal: bits << 3 for bits, signal in STATUS_ALARMS.items()}
_IN_TERMINAL = ("battery_pct", "charging", "immobilised", "rssi")


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame that says ``message``. Raises Unsupported for what no such unit can say.

    Numbers are rounded to what the wire holds: 1/1,800,000 degree, whole km/h.
    """
    match message:
        case Login():
            return _login(message.unit_id)
        case Heartbeat():
            # Asking for the time is the one frame that says nothing else.
            return seal(0x8A, b"", _SERIAL)
        case CommandReply():
            said = bytes(4) + message.text.encode()
            if len(said) > 240:
                raise Unsupported("a reply of a GT06 unit has at most 236 letters")
            return seal(0x15, bytes((len(said),)) + said + b"\x00\x02", _SERIAL)
        case Report():
            return _report(message, zone_of(peer) or UTC)
        case Unknown():
            raise Unsupported("an unknown kind has no bytes")


def _login(unit_id: str) -> bytes:
    if not unit_id.isdecimal() or not unit_id.isascii() or len(unit_id) > 15:
        raise Unsupported("a GT06 unit id is at most fifteen digits")
    return seal(0x01, bytes.fromhex(unit_id.zfill(16)), _SERIAL)


def _report(report: Report, zone: tzinfo) -> bytes:
    code, bits = _alarm_bytes(report.signals)
    readings = report.readings
    terminal = _terminal(readings, bits)
    if report.fix is None:
        return seal(0x13, terminal + bytes((code, 2)), _SERIAL)
    gps = _gps(report.fix, readings, zone)
    if report.signals or any(name in readings for name in _IN_TERMINAL):
        return seal(0x16, gps + _SIZED_CELL + terminal + bytes((code, 2)), _SERIAL)
    odometer = round(readings["odometer_m"]).to_bytes(4, "big") if "odometer_m" in readings else b""
    if report.buffered:
        acc = bool(readings.get("ignition"))
        return seal(0x22, gps + _CELL + bytes((acc, 0, 1)) + odometer, _SERIAL)
    return seal(0x12, gps + _CELL + odometer, _SERIAL)


def _gps(fix: Fix, readings: Readings, zone: tzinfo) -> bytes:
    at = fix.at.astimezone(zone)
    flags = round(fix.course_deg or 0) % 360
    flags |= NORTH if fix.lat >= 0 else 0
    flags |= WEST if fix.lon < 0 else 0
    flags |= VALID if fix.valid else 0
    if "ignition" in readings:
        flags |= ACC_KNOWN | (ACC_ON if readings["ignition"] else 0)
    return _GPS.pack(
        at.year - 2000,
        at.month,
        at.day,
        at.hour,
        at.minute,
        at.second,
        0xC0 | min(readings.get("satellites", 9), 15),
        round(abs(fix.lat) * DEGREE),
        round(abs(fix.lon) * DEGREE),
        min(round(fix.speed_kmh or 0), 255),
        flags,
    )


def _terminal(readings: Readings, bits: int) -> bytes:
    state = bits | _GPS_CONNECTED
    state |= ACC if readings.get("ignition") else 0
    state |= CHARGING if readings.get("charging") else 0
    state |= CUT if readings.get("immobilised") else 0
    battery = round(readings.get("battery_pct", 100))
    return bytes((state, max(7, min(battery, 100)), readings.get("rssi", 4) & 0xFF))


def _alarm_bytes(signals: frozenset[Signal]) -> tuple[int, int]:
    """The alarm byte, and the alarm in the terminal information: room for two signals."""
    coded = sorted(signals, key=lambda signal: (signal in _BITS, signal))
    if len(coded) > 2 or (len(coded) == 2 and coded[1] not in _BITS):
        raise Unsupported("a GT06 frame holds one alarm, and one of a few beside it")
    if not coded:
        return 0, 0
    beside = _BITS[coded[1]] if len(coded) == 2 else 0
    if coded[0] in _CODES:
        return _CODES[coded[0]], beside
    if coded[0] in _BITS and not beside:
        return 0, _BITS[coded[0]]
    raise Unsupported(f"a GT06 unit has no alarm that means {coded[0]}")
