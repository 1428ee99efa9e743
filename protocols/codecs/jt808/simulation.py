"""The frames that a JT/T 808 terminal would send, for tests, demonstrations and load."""

from datetime import UTC, datetime

from protocols.codec import Peer
from protocols.codecs.jt808.frame import name_of, seal
from protocols.codecs.jt808.location import (
    ALARM_BITS,
    CHARGING,
    CHINA,
    FUEL_CUT,
    IGNITION,
    LOCATED,
    PLACE,
    SOUTH,
    WEST,
)
from protocols.codecs.jt808.makers import CAMERA_ALARMS
from protocols.codecs.jt808.through import ALARMS as COMPUTER_ALARMS
from protocols.codecs.jt808.through import COMPUTER
from protocols.errors import Unsupported
from protocols.message import Fix, Heartbeat, Login, Message, Report, Signal
from protocols.settings import DeviceSettings

_HEARTBEAT, _LOGIN, _PLACE, _BATCH = 0x0002, 0x0102, 0x0200, 0x0704
_SERIAL = 1
_ZONE_BIT, _AREA, _CAMERA = 20, 0x12, 0xE8
_CROSSED = {Signal.ZONE_ENTERED: 0, Signal.ZONE_LEFT: 1}
_BITS = {signal: bit for bit, signal in reversed(list(enumerate(ALARM_BITS))) if signal}
_CAMERA_CODES = {signal: code for code, signal in reversed(CAMERA_ALARMS.items())}
_COMPUTER_CODES = {signal: code for code, signal in COMPUTER_ALARMS.items()}


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame that says ``message``. Raises Unsupported for what no terminal can say."""
    match message:
        case Login(unit_id=unit_id):
            name, version = name_of(peer.named(unit_id))
            return seal(_LOGIN, unit_id.encode(), name=name, version=version, serial=_SERIAL)
        case Heartbeat():
            kind, body = _HEARTBEAT, b""
        case Report(fix=None, signals=signals) if signals & {Signal.POWER_RESTORED}:
            kind, body = 0x0900, _computer_record(message, peer.settings)
        case Report():
            kind, body = _PLACE, _record(message, peer.settings)
            if message.buffered:
                kind, body = _BATCH, b"\0\1\1" + len(body).to_bytes(2, "big") + body
        case _:
            raise Unsupported(f"a JT/T 808 terminal cannot say {message!r}")
    name, version = name_of(peer)
    return seal(kind, body, name=name, version=version, serial=_SERIAL)


def _record(report: Report, settings: DeviceSettings) -> bytes:
    fix = report.fix or Fix(at=report.at or datetime(2020, 1, 1, tzinfo=UTC), lat=0, lon=0)
    status = LOCATED if report.fix is not None and fix.valid else 0
    status |= SOUTH if fix.lat < 0 else 0
    status |= WEST if fix.lon < 0 else 0
    readings = report.readings
    status |= IGNITION if readings.get("ignition") else 0
    status |= FUEL_CUT if readings.get("immobilised") else 0
    status |= CHARGING if readings.get("charging") else 0
    word, items = _alarms(report.signals)
    return (
        PLACE.pack(
            word,
            status,
            round(abs(fix.lat) * 1e6),
            round(abs(fix.lon) * 1e6),
            round(fix.altitude_m or 0),
            round((fix.speed_kmh or 0) * 10),
            round(fix.course_deg or 0) % 360,
            _clock(fix.at, settings),
        )
        + _measured(report)
        + items
    )


def _measured(report: Report) -> bytes:
    readings = report.readings
    items = bytearray()
    if "odometer_m" in readings:
        items += b"\x01\x04" + round(readings["odometer_m"] / 100).to_bytes(4, "big")
    if "rssi" in readings:
        items += bytes((0x30, 1, readings["rssi"] & 0xFF))
    if "satellites" in readings:
        items += bytes((0x31, 1, readings["satellites"] & 0xFF))
    if "battery_pct" in readings:
        items += bytes((0xE4, 2, 0, round(readings["battery_pct"])))
    if "battery_v" in readings:
        items += b"\x69\x02" + round(readings["battery_v"] * 100).to_bytes(2, "big")
    if "power_v" in readings:
        items += b"\xe1\x02" + round(readings["power_v"] * 10).to_bytes(2, "big")
    return bytes(items)


def _alarms(signals: frozenset[Signal]) -> tuple[int, bytes]:
    """The alarm word, and items for what it has no bit for."""
    if len(signals & {*_CROSSED, Signal.ZONE_ALERT}) > 1:
        raise Unsupported("one report tells of one border")
    word, items = 0, bytearray()
    for signal in sorted(signals):
        if signal in _BITS:
            word |= 1 << _BITS[signal]
        elif signal in _CROSSED:
            word |= 1 << _ZONE_BIT
            items += bytes((_AREA, 6, 1, 0, 0, 0, 1, _CROSSED[signal]))
        elif signal in _CAMERA_CODES:
            items += bytes((_CAMERA, 3)) + _CAMERA_CODES[signal].to_bytes(2, "big") + b"\x01"
        else:
            raise Unsupported(f"a JT/T 808 terminal has no alarm that means {signal}")
    return word, bytes(items)


def _computer_record(report: Report, settings: DeviceSettings) -> bytes:
    codes = [_COMPUTER_CODES.get(signal) for signal in sorted(report.signals)]
    if None in codes:
        raise Unsupported("the vehicle's computer has no such alarm")
    at = report.at or datetime(2020, 1, 1, tzinfo=UTC)
    said = b"".join(bytes((code or 0, 2, 0, 1)) for code in codes)
    head = bytes((COMPUTER,)) + _clock(at, settings)
    return head + bytes((int(report.buffered), 1, 3, len(codes))) + said + bytes(12)


def _clock(at: datetime, settings: DeviceSettings) -> bytes:
    return bytes.fromhex(at.astimezone(settings.zone(CHINA)).strftime("%y%m%d%H%M%S"))
