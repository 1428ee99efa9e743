"""Places and alarms of every family: the same fields, each family in its own order."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from protocols.codecs.t800x.frame import (
    ASSET,
    COMPUTER,
    FIRST,
    HEAD,
    SECOND,
)
from protocols.errors import Malformed
from protocols.message import CellTower, Fix, Readings, Report, Signal
from protocols.settings import DeviceSettings

HISTORY, FIXED, SATELLITES = 0x80, 0x40, 0x1F
IGNITION, _AIR, _THIRD, _FOURTH = 0x4000, 0x2000, 0x1000, 0x0800
_ASSET_IGNITION, _ON_USB, _ON_SUN = 0x04, 0x8000, 0x08
GPS = struct.Struct("<fff")
_CELLS = (struct.Struct("<8H"), struct.Struct(">8H"))
_LTE_CELL, _LTE = struct.Struct(">HHIH"), 0x8000
_COUNTRIES, _LAST_NETWORK = range(200, 800), 999

ALARMS: Mapping[int, Signal] = {
    0x01: Signal.POWER_CUT,
    0x02: Signal.LOW_BATTERY,
    0x03: Signal.PANIC,
    0x04: Signal.OVERSPEED,
    0x05: Signal.ZONE_ENTERED,
    0x06: Signal.ZONE_LEFT,
    0x07: Signal.TOW,
    0x08: Signal.SHOCK,
    0x0A: Signal.SHOCK,
    0x10: Signal.STOLEN,
    0x12: Signal.FUEL_LEAK,
    0x14: Signal.FUEL_LEAK,
    0x19: Signal.IDLE,
    0x21: Signal.JAMMING,
    0x23: Signal.POWER_RESTORED,
    0x24: Signal.LOW_POWER,
    0x26: Signal.CRASH,
    0x27: Signal.CRASH,
}
"""27 is a vehicle that turned over."""
_ASSET_ALARMS: Mapping[int, Signal] = {
    0x01: Signal.REMOVED,
    0x02: Signal.TAMPER,
    0x03: Signal.PANIC,
    0x04: Signal.DOOR_OPENED,
    0x05: Signal.FALL,
    0x06: Signal.LOW_BATTERY,
    0x08: Signal.TEMPERATURE,
    0x09: Signal.MOVEMENT,
    0x10: Signal.CRASH,
    0x11: Signal.TAMPER,
    0x14: Signal.ZONE_ENTERED,
    0x15: Signal.ZONE_LEFT,
    0x29: Signal.POWERED_ON,
    0x30: Signal.TEMPERATURE,
}
"""02 is the case, 04 the box that opens; 11 is that it leans."""
_SETS = {signal: frozenset({signal}) for signal in Signal}
_NOTHING: frozenset[Signal] = frozenset()
_UNREAD = frozenset({Signal.UNSPECIFIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where a family keeps its fields, counted from the first byte of the frame.

    lines  ignition, inputs and outputs; None where the family keeps a word of state instead
    tail   reads what follows the place
    """

    status: int
    alarm: int
    odometer: int
    battery: int
    place: int
    lines: int | None = None
    tail: Callable[[bytes, int, Readings, dict[str, object]], None]


def place_report(frame: bytes, layout: _Layout, settings: DeviceSettings, *, alarm: bool) -> Report:
    """A place or an alarm. An alarm too short to say which is one all the same."""
    mark = frame[:2]
    if len(frame) < layout.place + 16:
        if alarm:
            return Report(signals=_UNREAD, record=frame[2:3] + frame[HEAD:])
        raise Malformed("a place that breaks off")
    status = frame[layout.status]
    at = moment(frame[layout.place - 6 : layout.place], settings)
    readings: Readings = {"satellites": status & SATELLITES}
    code = frame[layout.alarm]
    other: dict[str, object] = {"alarm_code": code}
    inputs = 0
    if layout.lines is not None:
        readings["rssi"] = frame[23] & 0x7F
        lines = frame[layout.lines] << 8 | frame[layout.lines + 1]
        readings["ignition"] = bool(lines & IGNITION)
        inputs = other["inputs"] = _inputs(lines)
    readings["odometer_m"] = float(
        int.from_bytes(frame[layout.odometer : layout.odometer + 4], "big")
    )
    if (battery := _digits(frame[layout.battery : layout.battery + 1])) is not None:
        readings["battery_pct"] = battery or 100
    layout.tail(frame, layout.place + 16, readings, other)
    fix = None
    cells: tuple[CellTower, ...] = ()
    if status & FIXED:
        speed = layout.place + (18 if mark == COMPUTER else 12)
        fix = fix_of(at, frame, layout.place, speed)
    else:
        cells = _cells(frame[layout.place : layout.place + 16])
    masked = frame[HEAD : layout.status] + bytes((status & ~HISTORY,))
    return Report(
        at=at,
        fix=fix,
        signals=_signals(code, mark, settings) | settings.inputs(inputs),
        readings=readings,
        cells=cells,
        buffered=bool(status & HISTORY),
        other=other,
        record=frame[2:3] + masked + frame[layout.status + 1 :],
    )


def _signals(code: int, mark: bytes, settings: DeviceSettings) -> frozenset[Signal]:
    if not code:
        return _NOTHING
    table, word = (_ASSET_ALARMS, "asset ") if mark == ASSET else (ALARMS, "")
    signal = table.get(code)
    usual = _NOTHING if signal is None else _SETS[signal]
    return settings.meaning(f"{word}{code:02x}", usual) if settings.alarms else usual


def _inputs(lines: int) -> int:
    bits = (IGNITION, _AIR, _THIRD, _FOURTH)
    return sum(bool(lines & bit) << at for at, bit in enumerate(bits))


def moment(raw: bytes, settings: DeviceSettings) -> datetime | None:
    """Six bytes of packed decimal; None if no clock ever showed that."""
    try:
        year, month, day, hour, minute, second = (int(f"{part:02x}") for part in raw)
        naive = datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 — no zone
    except ValueError:
        return None
    return settings.utc(naive) if settings.time_zone else naive.replace(tzinfo=UTC)


def fix_of(at: datetime | None, frame: bytes, place: int, speed: int) -> Fix | None:
    """Altitude, longitude, latitude as little-endian floats; tenths of km/h in packed decimal."""
    if at is None or len(frame) < speed + 2:
        return None
    altitude, lon, lat = GPS.unpack_from(frame, place)
    tenths = _digits(frame[speed : speed + 2])
    try:
        return Fix(
            at=at,
            lat=lat,
            lon=lon,
            altitude_m=altitude if abs(altitude) < 1e5 else None,
            speed_kmh=None if tenths is None else tenths / 10,
            course_deg=float(int.from_bytes(frame[place + 14 : place + 16], "big")),
        )
    except ValueError:
        return None


def _cells(raw: bytes) -> tuple[CellTower, ...]:
    """Country, network, three times area and cell; or of LTE one cell, marked by its first bit.

    The first trackers write them little-endian, later ones big-endian: the country shows which.
    """
    for layout in _CELLS:
        mcc, mnc, *pairs = layout.unpack(raw)
        if mcc in _COUNTRIES and mnc <= _LAST_NETWORK:
            towers = sorted({(pairs[at], pairs[at + 1]) for at in (0, 2, 4)})
            return tuple(
                CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid) for lac, cid in towers if cid
            )
    mcc, mnc, cid, area = _LTE_CELL.unpack_from(raw)
    mcc &= ~_LTE
    if mcc in _COUNTRIES and mnc <= _LAST_NETWORK:
        return (CellTower(mcc=mcc, mnc=mnc, lac=area, cid=cid),)
    return ()


def _digits(raw: bytes) -> int | None:
    """Packed decimal; None if it is none."""
    digits = raw.hex()
    return int(digits) if digits.isdecimal() else None


def _first_tail(frame: bytes, at: int, readings: Readings, other: dict[str, object]) -> None:
    if (analogue := _digits(frame[33:35])) is not None:
        other["adc1_v"] = analogue / 100
    if len(frame) >= at + 2 and (power := _digits(frame[at : at + 2])) is not None:
        readings["power_v"] = power / 100


def _second_tail(frame: bytes, at: int, readings: Readings, other: dict[str, object]) -> None:
    if (analogue := _digits(frame[35:37])) is not None:
        other["adc1_v"] = analogue / 100
    if len(frame) >= at + 4:
        if (battery := _digits(frame[at : at + 2])) is not None:
            readings["battery_v"] = battery / 100
        if (power := _digits(frame[at + 2 : at + 4])) is not None:
            readings["power_v"] = power / 100


def _computer_tail(frame: bytes, at: int, readings: Readings, other: dict[str, object]) -> None:
    """Volts and km/h in packed decimal, two counters, then what the engine says, FF if nothing."""
    if len(frame) >= at + 2 and (power := _digits(frame[at : at + 2])) is not None:
        readings["power_v"] = power / 100
    if len(frame) < at + 21:
        return
    other["rpm"] = frame[at + 12] << 8 | frame[at + 13]
    coolant, fuel = frame[at + 16], frame[at + 20]
    if coolant != 0xFF:
        other["coolant_c"] = coolant - 40
    if fuel <= 100:
        readings["fuel"] = float(fuel)


def _asset_tail(frame: bytes, at: int, readings: Readings, other: dict[str, object]) -> None:
    """Acceleration, then battery, degrees, light, volts, solar volts, metres, a word of state."""
    if len(frame) < at + 16:
        return
    other["temperature_c"] = int.from_bytes(frame[at + 6 : at + 7], "big", signed=True)
    if (volts := _digits(frame[at + 8 : at + 9])) is not None:
        readings["battery_v"] = volts / 10
    state = frame[at + 14] << 8 | frame[at + 15]
    readings["rssi"] = state >> 4 & 0x7F
    readings["ignition"] = bool(state & _ASSET_IGNITION)
    readings["charging"] = bool(state & (_ON_USB | _ON_SUN))


_FIRST_LAYOUT = _Layout(
    status=24, lines=31, alarm=37, odometer=39, battery=43, place=50, tail=_first_tail
)
_SECOND_LAYOUT = _Layout(
    status=24, lines=31, alarm=45, odometer=47, battery=51, place=58, tail=_second_tail
)
_COMPUTER_LAYOUT = _Layout(
    status=24, lines=31, alarm=33, odometer=35, battery=39, place=46, tail=_computer_tail
)
_ASSET_LAYOUT = _Layout(status=15, alarm=16, odometer=49, battery=44, place=23, tail=_asset_tail)
LAYOUTS: Mapping[tuple[bytes, int], _Layout] = {
    **dict.fromkeys(
        ((mark, kind) for mark in (FIRST, SECOND) for kind in (0x02, 0x04)), _FIRST_LAYOUT
    ),
    **dict.fromkeys(((SECOND, kind) for kind in (0x16, 0x18)), _FIRST_LAYOUT),
    **dict.fromkeys(((SECOND, kind) for kind in (0x13, 0x14, 0x33, 0x34)), _SECOND_LAYOUT),
    **dict.fromkeys(((COMPUTER, kind) for kind in (0x02, 0x04, 0x16, 0x18)), _COMPUTER_LAYOUT),
    **dict.fromkeys(((ASSET, kind) for kind in (0x02, 0x04)), _ASSET_LAYOUT),
}
ALARM_KINDS = frozenset({0x04, 0x14, 0x18, 0x34})
"""Of the kinds above, those that are alarms and answered as such."""
