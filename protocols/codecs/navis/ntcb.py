"""Records of the formats before FLEX: every format is a fixed row of fields, named by a byte.

F1 to F5 (01 … 05, 15, 25) have their place in radians, F6 (06) in minutes::

    [format][number][event][h m s day month year][armed][state][gsm][outputs][inputs]
    [mains][battery][analog …] … [receiver][h m s day month year][lat][lon] … [speed][course][km]

Outputs and inputs are two bytes each up to F3, one and two in F4, one each from F5 on. Where the
place stands differs by format; where we have not met one, it is found by its clock.
"""

import struct
from datetime import datetime, timedelta
from math import degrees, isfinite, pi

from protocols.errors import Malformed, Unsupported
from protocols.message import Fix, Message, Readings, Report, Signal, Unknown
from protocols.settings import DeviceSettings

_HEAD = struct.Struct("<BIH6sBBBBBHHHH")
_HEADS = {
    1: struct.Struct("<BIH6sBBBHHHHHH"),
    2: struct.Struct("<BIH6sBBBHHHHHH"),
    3: struct.Struct("<BIH6sBBBHHHHHH"),
    4: struct.Struct("<BIH6sBBBBHHHHH"),
    5: _HEAD,
    6: _HEAD,
}
_F5 = struct.Struct("<B6sfffHf")
_F6 = struct.Struct("<B6siiifHf")
_PLACES = {5: 34, 6: 74}
_MINUTES = 600_000
_SINGLE = struct.Struct("<f")
_FARTHEST_KM = 1e8
_NEAR = timedelta(days=1)
_LONGEST = 300
# The alarm of the box, in the byte that also says whether it is armed.
_ALARMS = {6: 0x06}
_ALARM_BEFORE = 0x80


def records(content: bytes, count: int, settings: DeviceSettings) -> list[Message]:
    """What each of ``count`` records of equal length says."""
    size, odd = divmod(len(content), count) if count else (0, len(content))
    if odd or not size:
        raise Malformed(f"{count} records do not fill {len(content)} bytes")
    return [_record(content[at : at + size], settings) for at in range(0, len(content), size)]


def metres(kilometres: float) -> float | None:
    """From a single-precision float, with no more digits than it has; None if no distance."""
    if not 0 <= kilometres < _FARTHEST_KM:
        return None
    rounded: float = _SINGLE.unpack(_SINGLE.pack(kilometres * 1000))[0]
    return rounded


def alarm_of(settings: DeviceSettings, *, on: bool) -> frozenset[Signal]:
    """What the alarm of the box means, if it is on."""
    return settings.meaning("alarm", frozenset({Signal.UNSPECIFIED})) if on else frozenset()


def understood(message: Message) -> bool:
    """Whether a record may be acknowledged: the device forgets what is."""
    return isinstance(message, Report)


def said(report: Report, inputs: int) -> bytes:
    """A record of format F6 as a box would write it. Raises Unsupported."""
    if unsayable := set(report.readings) - _SAYABLE:
        raise Unsupported(f"a Navtelecom cannot say {', '.join(sorted(unsayable))}")
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("a Navtelecom writes when a record was made: give it a time")
    clock = bytes((at.hour, at.minute, at.second, at.day, at.month - 1, at.year - 2000))
    readings, fix = report.readings, report.fix
    volts = (readings.get("power_v", 0.0), readings.get("battery_v", 0.0))
    rssi = readings.get("rssi", 99)
    head = _HEAD.pack(
        0x06,
        1,
        0x1701,
        clock,
        0,
        0x29,
        rssi,
        0,
        inputs,
        *(round(volt * 1000) for volt in volts),
        0,
        0,
    )
    receiver = readings.get("satellites", 8) << 2 | 0x01
    where: tuple[int, int, int, float, int] = (0, 0, 0, 0.0, 0)
    if fix is not None:
        receiver |= fix.valid << 1
        where = (
            round(fix.lat * _MINUTES),
            round(fix.lon * _MINUTES),
            round((fix.altitude_m or 0) * 10),
            fix.speed_kmh or 0.0,
            round(fix.course_deg or 0),
        )
    place = _F6.pack(receiver & 0xFF, clock, *where, readings.get("odometer_m", 0) / 1000)
    return head + bytes(_PLACES[6] - len(head)) + place + bytes(8)


_SAYABLE = frozenset({"power_v", "battery_v", "rssi", "satellites", "odometer_m"})


def _record(said: bytes, settings: DeviceSettings) -> Message:
    family = said[0] & 0x0F
    heads = _HEADS.get(family)
    if heads is None or len(said) < heads.size:
        return Unknown(kind=f"record {said[0]:02x}")
    _, number, event, written, armed, state, rssi, outputs, inputs, *volts = heads.unpack_from(said)
    place = _F6 if family == 6 else _F5
    start = _PLACES.get(family) or _found(said, written, settings)
    if start is None or len(said) < start + place.size:
        return Unknown(kind=f"record {said[0]:02x}")
    receiver, clock, *where = place.unpack_from(said, start)
    fixed = bool(receiver & 0x02)
    readings: Readings = {
        "power_v": volts[0] / 1000,
        "battery_v": volts[1] / 1000,
        "rssi": rssi,
        # Before a fix some firmware counts what it hears, and calls that satellites.
        "satellites": receiver >> 2 if fixed else 0,
    }
    if (odometer := metres(where[-1])) is not None:
        readings["odometer_m"] = odometer
    at = _moment(clock, settings) or _moment(written, settings)
    alarm = alarm_of(settings, on=bool(armed & _ALARMS.get(family, _ALARM_BEFORE)))
    return Report(
        fix=None if at is None else _fix(at, where, fixed=fixed),
        at=at,
        signals=alarm | settings.inputs(inputs),
        readings=readings,
        other={
            "number": number,
            "event": event,
            "armed": armed,
            "status": state,
            "outputs": outputs,
            "inputs": inputs,
            "adc1": volts[2],
            "adc2": volts[3],
        },
        record=said,
    )


def _found(said: bytes, clock: bytes, settings: DeviceSettings) -> int | None:
    """Where the place begins: its clock is near the record's, and its radians are on Earth."""
    written = _moment(clock, settings)
    if written is None:
        return None
    month_and_year, last = clock[4:], len(said) - _F5.size + 1
    for start in range(_HEAD.size, min(last, _LONGEST)):
        if said[start + 5 : start + 7] != month_and_year:
            continue
        _, receiver_clock, lat, lon, speed, course, _ = _F5.unpack_from(said, start)
        at = _moment(receiver_clock, settings)
        if at is None or abs(at - written) > _NEAR:
            continue
        if abs(lat) <= pi / 2 and abs(lon) <= pi and 0 <= speed < 1000 and course <= 360:
            return start
    return None


def _moment(clock: bytes, settings: DeviceSettings) -> datetime | None:
    """Hour, minute, second, day, month from zero, year since 2000; None if there is no such."""
    hour, minute, second, day, month, year = clock
    try:
        local = datetime(2000 + year, month + 1, day, hour, minute, second)  # noqa: DTZ001 — the settings say whose clock it is
        return settings.utc(local)
    except (ValueError, OverflowError):
        return None


def _fix(at: datetime, where: list[float], *, fixed: bool) -> Fix | None:
    if len(where) == 5:
        lat, lon, speed, course, _ = where
        lat, lon, altitude = degrees(lat), degrees(lon), None
    else:
        lat, lon, tenths, speed, course, _ = where
        lat, lon, altitude = lat / _MINUTES, lon / _MINUTES, tenths / 10
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return Fix(
        at=at,
        lat=lat,
        lon=lon,
        valid=fixed,
        altitude_m=altitude,
        speed_kmh=speed if isfinite(speed) else None,
        course_deg=float(course),
    )
