"""The elements that an Eview device would send to say a Report."""

from datetime import datetime

from protocols.codecs.minifinder2.layout import (
    ALARM,
    BATTERY,
    CELL_WIDE,
    CELLS,
    CHARGING,
    FUSED,
    FUSED_FIELDS,
    GENERAL,
    GPS,
    GPS_FIELDS,
    MOVING,
    OPERATOR,
    SIGNALS,
    STEPS,
    STORED,
    TIMED,
    U32,
    UNIT_ID,
    WIFI,
    ZONES,
    element,
)
from protocols.errors import Unsupported
from protocols.message import Fix, Readings, Report, Signal
from protocols.wire import Writer


def named_body(command: int, unit_id: str) -> bytes:
    """A body that has only its command and the name so far. Raises Unsupported without one."""
    if not unit_id:
        raise Unsupported("an Eview device names itself: give the peer a unit_id")
    return bytes((command,)) + element(UNIT_ID, unit_id.encode("ascii"))


def said_record(report: Report, at: datetime | None) -> bytes:
    """The elements of one record, in the order the devices use. Raises Unsupported."""
    readings = report.readings
    unsayable = set(readings) - (_SAYABLE if at else _SAYABLE - _STATE)
    if unsayable:
        raise Unsupported(f"an Eview device cannot say {', '.join(sorted(unsayable))}")
    clock = int(at.timestamp()) if at else 0
    said = Writer()
    if report.signals:
        event = _said_event(report.signals)
        said.put(element(ALARM, TIMED.pack(event, clock) if at else U32.pack(event)))
    if at:
        state = _said_state(report)
        said.put(element(GENERAL, TIMED.pack(clock, state) if state else U32.pack(clock)))
    if "battery_v" in readings or ("battery_pct" in readings and not at):
        said.put(element(BATTERY, _said_battery(readings)))
    if report.fix:
        said.put(_said_place(report.fix, readings))
    if "steps" in readings:
        said.put(element(STEPS, TIMED.pack(clock, readings["steps"])))
    if report.cells:
        operator = OPERATOR.pack(report.cells[0].mcc, report.cells[0].mnc)
        cells = (CELL_WIDE.pack(-abs(c.rssi or 0), c.lac, c.cid) for c in report.cells)
        said.put(element(CELLS, operator + b"".join(cells)))
    if report.wifi:
        seen = (
            bytes(((w.rssi or 0) & 0xFF,)) + bytes.fromhex(w.mac.replace(":", ""))
            for w in report.wifi
        )
        said.put(element(WIFI, b"".join(seen)))
    if not said:
        raise Unsupported("a report without a time, a place or a signal says nothing")
    return bytes(said)


_SAYABLE = frozenset(
    {
        "battery_pct",
        "battery_v",
        "rssi",
        "motion",
        "charging",
        "hdop",
        "odometer_m",
        "satellites",
        "steps",
    }
)


_SATELLITES_OF_A_FIX = 4
_STATE = frozenset({"rssi", "motion", "charging"})
"""What the state bits carry, which come with a time only."""


def _said_event(signals: frozenset[Signal]) -> int:
    bits = {signal: bit for bit, signal in reversed(SIGNALS)}
    event = 0
    for signal in signals - {Signal.ZONE_LEFT, Signal.ZONE_ENTERED}:
        if signal not in bits:
            raise Unsupported(f"an Eview device cannot say {signal}")
        event |= bits[signal]
    if Signal.ZONE_LEFT in signals:
        event |= ZONES[0][1]
    if Signal.ZONE_ENTERED in signals:
        event |= ZONES[1][1] | ZONES[1][2]
    return event


def _said_state(report: Report) -> int:
    """The state bits. 0, which no device at work has, if the report says none of them."""
    readings = report.readings
    state = round(readings.get("battery_pct", 0)) << 24 | (readings.get("rssi", 0) & 0x1F) << 19
    state |= MOVING if readings.get("motion") else 0
    state |= CHARGING if readings.get("charging") else 0
    return state | (STORED if report.buffered else 0)


def _said_battery(readings: Readings) -> bytes:
    battery = bytes((round(readings.get("battery_pct", 0)),))
    if "battery_v" in readings:
        battery += round(readings["battery_v"] * 1000).to_bytes(2, "little")
    return battery


def _said_place(fix: Fix, readings: Readings) -> bytes:
    """Satellites' place, or the device's own guess where only lat and lon are known."""
    if not fix.valid:
        raise Unsupported("an Eview device sends no place that it does not believe")
    lat, lon = round(fix.lat * 1e7), round(fix.lon * 1e7)
    hdop, altitude = round(readings.get("hdop", 0) * 10), round(fix.altitude_m or 0)
    if fix.speed_kmh is None and "satellites" not in readings:
        return element(FUSED, FUSED_FIELDS.pack(lat, lon, hdop, altitude))
    value = GPS_FIELDS.pack(
        lat,
        lon,
        round(fix.speed_kmh or 0),
        round(fix.course_deg or 0),
        altitude,
        hdop,
        round(readings.get("odometer_m", 0)),
        readings.get("satellites", _SATELLITES_OF_A_FIX),
    )
    return element(GPS, value)
