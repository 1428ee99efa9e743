"""What the kinds of TK103 messages say."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from protocols.message import (
    CellTower,
    CommandReply,
    Fix,
    Message,
    Readings,
    Report,
    Signal,
    Unknown,
    WifiNetwork,
)
from protocols.nmea import angle, moment, number
from protocols.settings import DeviceSettings

_PLACE = re.compile(r"(\d{6}),?([AV])([^NS,]{1,12})([NS])([^EW,]{1,12})([EW])")
_STATE = re.compile(r"[0-9A-Fa-f]{8}\Z")
_METRES = re.compile(r"[0-9A-Fa-f]{1,8}")
_DEGREES_C = re.compile(r"[+-]\d{1,3}\.\d\Z")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}\Z")
_ANSWER = re.compile(r"B[STUVX][0-9A-F]{2}\Z")
_MOST_NEIGHBOURS = 20
_LARGEST_CELL = (1 << 36) - 1
_UNKNOWN_VOLTAGE = 65535
_BATTERY_PCT = {2: 10, 3: 20, 4: 50, 5: 80, 6: 100}

_BO01: Mapping[str, Signal] = {
    "0": Signal.POWER_CUT,
    "1": Signal.CRASH,
    "2": Signal.PANIC,
    "3": Signal.SHOCK,
    "4": Signal.LOWSPEED,
    "5": Signal.OVERSPEED,
    "6": Signal.ZONE_LEFT,
}
_BQ81: Mapping[str, Signal] = {"1": Signal.OVERSPEED}
_NOTHING: frozenset[Signal] = frozenset()

# One alarm has three kinds: by itself, with a place, with cells and Wi-Fi.
_ALARMS: tuple[tuple[tuple[str, str, str], Signal], ...] = (
    (("ZC11", "DW31", "DW51"), Signal.MOVEMENT),
    (("ZC12", "DW32", "DW52"), Signal.LOW_BATTERY),
    (("ZC13", "DW33", "DW53"), Signal.POWER_CUT),
    (("ZC17", "DW37", "DW57"), Signal.REMOVED),
    (("ZC25", "DW3E", "DW5E"), Signal.PANIC),
    (("ZC26", "DW3F", "DW5F"), Signal.TAMPER),
    (("ZC27", "DW40", "DW60"), Signal.LOW_POWER),
)
_SIGNALS = {kind: frozenset({signal}) for kinds, signal in _ALARMS for kind in kinds}
_ENGINE = {
    **dict.fromkeys(("ZC15", "DW35", "DW55", "ZC29", "DW42", "DW62"), True),
    **dict.fromkeys(("ZC16", "DW36", "DW56"), False),
}

KIND_WITH_PLACE = {signal: kinds[1] for kinds, signal in _ALARMS}
"""How a tracker calls an alarm that comes with a place."""
KIND_WITH_CELLS = {signal: kinds[2] for kinds, signal in _ALARMS}
"""How it calls one that comes with cells and Wi-Fi."""
BO01_NUMBER = {signal: number for number, signal in _BO01.items()}
"""Which number a BO01 message has for an alarm."""


def read(kind: str, body: str, record: bytes, settings: DeviceSettings) -> Message:
    """The message of that kind; ``body`` is what stands behind the kind."""
    known = _KINDS.get(kind)
    if known is None and "DW50" <= kind < "DW70":
        known = _surroundings
    if known is not None:
        return known(kind, body, record, settings)
    if body.endswith("$") and "$" in body[:-1]:
        return CommandReply(text=body[body.index("$") + 1 : -1])
    signals, readings = _said_by_kind(kind, body, settings)
    place = _PLACE.search(body)
    if place is not None:
        return _compact(place, body[place.end() :], signals, record, settings)
    fields = body.split(",")
    if len(fields) > 5 and fields[1] in ("A", "V"):
        return _parted(fields, signals, readings, record, settings)
    if signals or readings:
        return Report(signals=signals, readings=readings, record=record)
    return CommandReply(text=kind + body) if _ANSWER.match(kind) else Unknown(kind=kind)


def _said_by_kind(
    kind: str, body: str, settings: DeviceSettings
) -> tuple[frozenset[Signal], Readings]:
    """The alarm, and the engine, that the kind and its number name."""
    if kind == "BO01":
        code, numbered = kind + body[:1], _BO01
    elif kind == "BQ81" and body.startswith(",ALARM,"):
        number_said = body[7:].partition(",")[0].lstrip("0") or "0"
        code, numbered = kind + number_said, _BQ81
    else:
        readings: Readings = {"ignition": _ENGINE[kind]} if kind in _ENGINE else {}
        return settings.meaning(kind, _SIGNALS.get(kind, _NOTHING)), readings
    usual = frozenset({numbered.get(code[4:], Signal.UNSPECIFIED)})
    return settings.meaning(code, usual), {}


def _compact(
    place: re.Match[str],
    rest: str,
    signals: frozenset[Signal],
    record: bytes,
    settings: DeviceSettings,
) -> Report:
    """A place without commas: year first, km/h in five characters, time, course, state."""
    date = place[1]
    at = moment(date[4:] + date[2:4] + date[:2], rest[5:11], settings)
    before, behind, metres = rest[11:].partition("L")
    course, state = before, ""
    if behind and _STATE.match(before[-8:]):
        course, state = before[:-8], before[-8:]
    readings, other, pressed = _state(state, settings)
    if odometer := _METRES.match(metres):
        readings["odometer_m"] = int(odometer[0], 16)
        if degrees := _DEGREES_C.match(metres, odometer.end()):
            other["temperature_c"] = float(degrees[0])
    fix = None
    if at is not None:
        fix = _fix(at, place.groups()[1:], rest[:5], course.partition(",")[0])
    return Report(
        fix=fix, at=at, signals=signals | pressed, readings=readings, other=other, record=record
    )


def _state(
    state: str, settings: DeviceSettings
) -> tuple[Readings, dict[str, object], frozenset[Signal]]:
    """Power, engine, three half bytes of flags, fuel: ``01000293``."""
    readings: Readings = {}
    other: dict[str, object] = {}
    if not state:
        return readings, other, _NOTHING
    readings["charging"] = state[0] == "0"
    readings["ignition"] = state[1] == "1"
    readings["fuel"] = int(state[5:], 16)
    wires, sensors, doors = (int(digit, 16) for digit in state[2:5])
    other["wires"], other["sensors"], other["doors"] = wires, sensors, doors
    if wires & 8:
        readings["immobilised"] = True
    signals = settings.inputs((wires & 1) << 1)
    if wires & 2:
        signals |= settings.meaning("wires 2", frozenset({Signal.PANIC}))
    if settings.alarms:
        for name, flags in (("wires", wires & ~2), ("sensors", sensors), ("doors", doors)):
            for flag in (1, 2, 4, 8):
                if flags & flag:
                    signals |= settings.meaning(f"{name} {flag}", _NOTHING)
    return readings, other, signals


def _fix(at: datetime, place: Sequence[str], speed: str, course: str) -> Fix | None:
    """The place in A or V, latitude, N or S, longitude, E or W; None if it is not on Earth."""
    state, lat, north, lon, east = place
    try:
        return Fix(
            at=at,
            lat=angle(lat, north),
            lon=angle(lon, east),
            valid=state == "A",
            speed_kmh=number(speed),
            course_deg=number(course),
        )
    except ValueError:
        return None


def _parted(
    fields: Sequence[str],
    signals: frozenset[Signal],
    readings: Readings,
    record: bytes,
    settings: DeviceSettings,
) -> Report:
    """Date, day first, A or V, latitude, longitude, km/h, time, course, altitude, satellites."""
    at = moment(fields[0], fields[5], settings)
    fix = None
    if at is not None:
        try:
            fix = Fix(
                at=at,
                lat=angle(fields[2][:-1], fields[2][-1:]),
                lon=angle(fields[3][:-1], fields[3][-1:]),
                valid=fields[1] == "A",
                speed_kmh=number(fields[4]),
                course_deg=number(fields[6]) if len(fields) > 6 else None,
                altitude_m=number(fields[7]) if len(fields) == 9 else None,
            )
        except ValueError:
            fix = None
    if len(fields) == 9 and (satellites := number(fields[8])) is not None:
        readings["satellites"] = int(satellites)
    return Report(fix=fix, at=at, signals=signals, readings=readings, record=record)


def _surroundings(kind: str, body: str, record: bytes, settings: DeviceSettings) -> Message:
    """Country, operator, area, cell, how many Wi-Fi, each ``mac*dBm*channel``, date, time."""
    signals, readings = _said_by_kind(kind, body, settings)
    fields = body.split(",")
    cells: tuple[CellTower, ...] = ()
    try:
        mcc, mnc, lac, cid = (int(field) for field in fields[:4])
        if mcc > 0 and _can_be(mcc, mnc, lac, cid):
            cells = (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),)
    except ValueError:
        cells = ()
    return Report(
        at=moment(fields[-2], fields[-1], settings) if len(fields) > 1 else None,
        signals=signals,
        readings=readings,
        cells=cells,
        wifi=tuple(
            network for field in fields[5:-2][:_MOST_NEIGHBOURS] for network in _wifi(field)
        ),
        record=record,
    )


def _can_be(*numbers: int) -> bool:
    """Whether these can be the numbers of a cell."""
    return min(numbers) >= 0 and max(numbers) <= _LARGEST_CELL


def _wifi(field: str) -> tuple[WifiNetwork, ...]:
    mac, _, rest = field.partition("*")
    mac = mac.lower()
    level = number(rest.partition("*")[0])
    if _MAC.match(mac) is None:
        return ()
    return (WifiNetwork(mac=mac, rssi=None if level is None else int(level)),)


def _cells(_kind: str, body: str, record: bytes, _settings: DeviceSettings) -> Message:
    """BZ00: country, operator, then area, cell and level of each, in hexadecimal and decimal."""
    fields = body.strip(",").split(",")
    cells = []
    try:
        mcc, mnc = int(fields[0]), int(fields[1])
        for at in range(2, min(len(fields) - 2, 3 * _MOST_NEIGHBOURS), 3):
            lac, cid = int(fields[at], 16), int(fields[at + 1], 16)
            if not _can_be(mcc, mnc, lac, cid):
                break
            cells.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid))
    except (ValueError, IndexError):
        pass  # What came before it stands.
    return Report(cells=tuple(cells), record=record) if cells else Unknown(kind="BZ00")


def _battery(_kind: str, body: str, record: bytes, settings: DeviceSettings) -> Message:
    """ZC20: date, time, level 1 to 6, hundredths of a volt, tenths of a volt outside, …."""
    fields = body.split(",")
    if len(fields) < 5:
        return Unknown(kind="ZC20")
    readings: Readings = {}
    level, battery, power = (number(field) for field in fields[2:5])
    if level in _BATTERY_PCT:
        readings["battery_pct"] = _BATTERY_PCT[int(level)]
    if battery is not None and battery != _UNKNOWN_VOLTAGE:
        readings["battery_v"] = battery / 100
    if power is not None and power != _UNKNOWN_VOLTAGE:
        readings["power_v"] = power / 10
    return Report(at=moment(fields[0], fields[1], settings), readings=readings, record=record)


def _traction_battery(_kind: str, body: str, record: bytes, _settings: DeviceSettings) -> Message:
    """BS50, BS51: what a Daly battery manager says, ``90:`` and eight bytes, ``91:`` …."""
    other: dict[str, object] = {}
    for part in body.split(","):
        name, _, digits = part.partition(":")
        if name not in _DALY or len(digits) != 16:
            continue
        said = bytes.fromhex(digits)
        for key, start, size, zero, scale in _DALY[name]:
            value = int.from_bytes(said[start : start + size], "big")
            other[key] = round((value - zero) * scale, 3)
    return Report(other=other, record=record)


# Name of the value, its offset and size, what stands for zero, how much is one.
_DALY: dict[str, tuple[tuple[str, int, int, int, float], ...]] = {
    "90": (
        ("pack_v", 0, 2, 0, 0.1),
        ("pack_current_a", 4, 2, 30_000, 0.1),
        ("pack_charge_pct", 6, 2, 0, 0.1),
    ),
    "91": (("cell_highest_v", 0, 2, 0, 0.001), ("cell_lowest_v", 3, 2, 0, 0.001)),
    "92": (("cell_warmest_c", 0, 1, 40, 1), ("cell_coldest_c", 2, 1, 40, 1)),
}

_KINDS: dict[str, Callable[[str, str, bytes, DeviceSettings], Message]] = {
    "BZ00": _cells,
    "ZC20": _battery,
    "BS50": _traction_battery,
    "BS51": _traction_battery,
}
