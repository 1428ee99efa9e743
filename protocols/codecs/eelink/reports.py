"""The places, alarms and states of Eelink devices, in the old layout and the new.

New (12, 14, 15, 16)::

    time  mask  [0: lat lon altitude speed course satellites]  [1: country network area cell level]
    4     1         4   4   2        2     2      1                2       2       2    4    1
    [2, 3: area cell level] [4, 5, 6: Wi-Fi address level] [7: LTE]  [alarm 1]  status 2
    battery mV 2  analogue 2 2  odometer 4  GSM 2  GPS 2  steps 2  walked 2  …

Old (02, 04, 05, 06)::

    time  lat  lon  speed  course  country network area cell  valid  [alarm 1]  status …
    4     4    4    1      2       2       2       2    3     1

Status: bit 1 ignition is known and 2 on, 3 guard is known and 4 on, 5 engine relay is known
and 6 its state, 7 charging is known and 8 on, 9 moving (where 3 is set), 10 receiver on,
12-15 inputs.
"""

import struct
from datetime import UTC, datetime

from protocols.message import CellTower, Fix, Readings, Report, Signal, WifiNetwork
from protocols.settings import DeviceSettings
from protocols.wire import Reader

ALARMS = {
    0x01: Signal.POWER_CUT,
    0x02: Signal.PANIC,
    0x03: Signal.LOW_BATTERY,
    0x04: Signal.SHOCK,
    0x05: Signal.MOVEMENT,
    0x08: Signal.ANTENNA_CUT,
    0x09: Signal.ANTENNA_CUT,
    0x25: Signal.REMOVED,
    0x81: Signal.LOWSPEED,
    0x82: Signal.OVERSPEED,
    0x83: Signal.ZONE_ENTERED,
    0x84: Signal.ZONE_LEFT,
    0x85: Signal.CRASH,
    0x86: Signal.FALL,
}
DEGREE = 1_800_000

_HAS_PLACE, _HAS_CELL, _HAS_LTE = 0x01, 0x02, 0x80
_MORE_CELLS, _WIFI = (0x04, 0x08), (0x10, 0x20, 0x40)
_GPS = struct.Struct(">iihHHB")
_OLD = struct.Struct(">IiiBHHHH3sB")


class _Draft:
    __slots__ = ("at", "cells", "fix", "other", "readings", "signals", "wifi")

    def __init__(self) -> None:
        self.at: datetime | None = None
        self.fix: Fix | None = None
        self.signals: frozenset[Signal] = frozenset()
        self.readings: Readings = {}
        self.cells: list[CellTower] = []
        self.wifi: list[WifiNetwork] = []
        self.other: dict[str, object] = {}

    def report(self, record: bytes) -> Report:
        return Report(
            fix=self.fix,
            at=self.at,
            signals=self.signals,
            readings=self.readings,
            cells=tuple(self.cells),
            wifi=tuple(self.wifi),
            other=self.other,
            record=record,
        )


def new_report(content: bytes, settings: DeviceSettings, *, alarm: bool, cause: bool) -> Report:
    """12, 14 (``alarm``), 15 and 16 (``cause``). Raises Malformed where the place breaks off."""
    draft = _Draft()
    rest = Reader(content)
    draft.at = _moment(rest.u32())
    mask = rest.u8()
    if mask & _HAS_PLACE:
        lat, lon, altitude_m, speed, course, satellites = _GPS.unpack(rest.take(_GPS.size))
        draft.readings["satellites"] = satellites
        draft.fix = _fix(
            draft.at,
            lat,
            lon,
            speed_kmh=float(speed),
            course_deg=float(course),
            altitude_m=float(altitude_m),
        )
    _note_network(draft, rest, mask)
    _note_alarm(draft, rest, settings, alarm=alarm)
    if cause and rest.remaining:
        draft.other["cause"] = rest.u8()
    if rest.remaining >= 2:
        relay = _note_status(draft, rest.u16(), settings, moving=True)
        if relay is not None:
            draft.readings["immobilised"] = relay
    if not alarm:
        _note_measured(draft, rest)
    return draft.report(content)


def old_report(content: bytes, settings: DeviceSettings, *, alarm: bool, cause: bool) -> Report:
    """02, 04 (``alarm``), 05 and 06 (``cause``). Raises Malformed where the place breaks off."""
    draft = _Draft()
    rest = Reader(content)
    seconds, lat, lon, speed, course, mcc, mnc, lac, cid, valid = _OLD.unpack(rest.take(_OLD.size))
    draft.at = _moment(seconds)
    draft.fix = _fix(
        draft.at,
        lat,
        lon,
        speed_kmh=float(speed),
        course_deg=float(course),
        valid=bool(valid & 1),
    )
    if mcc:
        draft.cells.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=int.from_bytes(cid, "big")))
    _note_alarm(draft, rest, settings, alarm=alarm)
    if cause and rest.remaining:
        draft.other["cause"] = rest.u8()
    if rest.remaining >= 2:
        _note_old_status(draft, rest.u16(), settings)
    if rest.remaining >= 4:
        draft.readings["battery_v"] = rest.u16() / 1000
        draft.readings["rssi"] = rest.u16()
    for number in (1, 2):
        if rest.remaining >= 2:
            draft.other[f"analogue_{number}"] = rest.u16()
    return draft.report(content)


def state_report(content: bytes, settings: DeviceSettings) -> Report:
    """03, and 07 of four bytes: a status word, and nothing else that we read."""
    draft = _Draft()
    _note_old_status(draft, int.from_bytes(content[:2], "big"), settings)
    return draft.report(content)


def vehicle_report(content: bytes) -> Report:
    """07: a time, then values of the vehicle's computer, ``id(1) value(4)`` each."""
    draft = _Draft()
    draft.at = _moment(int.from_bytes(content[:4], "big"))
    for at in range(4, len(content) - 4, 5):
        key, value = content[at], int.from_bytes(content[at + 1 : at + 5], "big")
        if key == 0x89:
            draft.other["fuel_consumption"] = value
        elif key == 0x8A:
            draft.readings["odometer_m"] = float(value * 1000)
        elif key == 0x8B:
            draft.readings["fuel"] = float(value)
    return draft.report(content)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _fix(
    at: datetime,
    lat: int,
    lon: int,
    *,
    speed_kmh: float,
    course_deg: float,
    altitude_m: float | None = None,
    valid: bool = True,
) -> Fix | None:
    """The place; None if it is not on Earth."""
    try:
        return Fix(
            at=at,
            lat=lat / DEGREE,
            lon=lon / DEGREE,
            valid=valid,
            speed_kmh=speed_kmh,
            course_deg=course_deg,
            altitude_m=altitude_m,
        )
    except ValueError:
        return None


def _note_network(draft: _Draft, rest: Reader, mask: int) -> None:
    """What the mask announces of cells and Wi-Fi, in that order."""
    mcc = mnc = 0
    if mask & _HAS_CELL:
        mcc, mnc = rest.u16(), rest.u16()
        _note_cell(draft, rest, mcc, mnc)
    for bit in _MORE_CELLS:
        if mask & bit:
            _note_cell(draft, rest, mcc, mnc)
    for bit in _WIFI:
        if mask & bit:
            draft.wifi.append(WifiNetwork(mac=rest.take(6).hex(":"), rssi=rest.u8() - 256))
    if mask & _HAS_LTE:
        _note_lte(draft, rest)


def _note_cell(draft: _Draft, rest: Reader, mcc: int, mnc: int) -> None:
    lac, cid, level = rest.u16(), rest.u32(), rest.u8()
    if mcc:
        draft.cells.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=-level))


def _note_lte(draft: _Draft, rest: Reader) -> None:
    """``kind(1) count(1) country(2) network(2) area(2) tracking(2) cell(4) physical(4) …``."""
    rest.take(2)
    mcc, mnc, lac = rest.u16(), rest.u16(), rest.u16()
    rest.take(2)
    cid = rest.u32()
    rest.take(6)
    draft.cells.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=-rest.u8()))


def _note_alarm(draft: _Draft, rest: Reader, settings: DeviceSettings, *, alarm: bool) -> None:
    """An alarm whose kind is cut off or new is an alarm all the same."""
    if not alarm:
        return
    code = rest.u8() if rest.remaining else 0
    known = ALARMS.get(code)
    draft.other["alarm"] = code
    if known is None and code and code not in _RETURNS:
        known = Signal.UNSPECIFIED
    draft.signals |= settings.meaning(f"{code:02x}", frozenset({known} if known else ()))


_RETURNS = frozenset({0x20, 0x21})
"""Falling asleep and waking up; nobody needs to come."""


def _note_status(
    draft: _Draft, status: int, settings: DeviceSettings, *, moving: bool
) -> bool | None:
    """What the status word says; answers the relay bit, which the layouts read differently."""
    draft.other["status"] = status
    if status & 0x02:
        draft.readings["ignition"] = bool(status & 0x04)
    if status & 0x08:
        draft.other["armed"] = bool(status & 0x10)
    if status & 0x80:
        draft.readings["charging"] = bool(status & 0x100)
    if moving and status & 0x08:
        draft.readings["motion"] = bool(status & 0x200)
    draft.signals |= settings.inputs(status >> 12)
    return bool(status & 0x40) if status & 0x20 else None


def _note_old_status(draft: _Draft, status: int, settings: DeviceSettings) -> None:
    """In the old layout the relay bit says that the engine may run."""
    relay = _note_status(draft, status, settings, moving=False)
    if relay is not None:
        draft.readings["immobilised"] = not relay


def _note_measured(draft: _Draft, rest: Reader) -> None:
    """Behind the status of a place, as far as the device goes."""
    if rest.remaining >= 2:
        draft.readings["battery_v"] = rest.u16() / 1000
    for number in (1, 2):
        if rest.remaining >= 2:
            draft.other[f"analogue_{number}"] = rest.u16()
    if rest.remaining >= 4:
        draft.readings["odometer_m"] = float(rest.u32())
    if rest.remaining >= 8:
        rest.take(4)
        draft.readings["steps"] = rest.u16()
        draft.other["walked_s"] = rest.u16()
    if rest.remaining >= 12:
        draft.other["temperature_c"] = rest.i16() / 256
        draft.other["humidity_pct"] = rest.u16() / 10
        draft.other["light_lux"] = rest.u32() / 256
        draft.other["co2_ppm"] = rest.u32()
    if rest.remaining >= 2:
        draft.other["probe_c"] = rest.i16() / 16
