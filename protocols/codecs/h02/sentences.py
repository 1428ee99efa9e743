"""Text H02 frames: what each kind of sentence says.

::

    *HQ,4210209006,V1,201812,A,2608.9437,N,08016.2521,W,000.80,000,150317,EFE7F9FF,310,260,0,0,6#
     │      │      │     │   │         place               knots course date  status   whatever
     maker  unit   kind time valid

Degrees and minutes come as ``dddmm.mmmm``, as minutes alone, and as ``-23-3.3408``.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from protocols.codecs.h02 import status as bits
from protocols.message import (
    LIFE_SAFETY,
    CellTower,
    CommandReply,
    Fix,
    Heartbeat,
    Message,
    Readings,
    Report,
    Unknown,
)
from protocols.nmea import KMH_OF_A_KNOT, angle, moment, number
from protocols.settings import DeviceSettings

Fields = Sequence[str]
"""Maker, unit, kind, and what the kind says."""

_STATUS = re.compile(r"[0-9A-Fa-f]{8}\Z")
_PLACE = re.compile(r"V\d+\Z")
_ANSWER = re.compile(r"(?:V4|SMS|[DRS]\d+)\Z")
_DATE = re.compile(r"\d{6}\Z")
_USUAL = 4
# Some firmware writes a digit for the letter; those places are good.
_VALID = ("A", "0")
_MOST_CELLS = 20
_LARGEST_CELL = (1 << 36) - 1
_COUNTRIES = range(200, 800)


def read(fields: Fields, record: bytes, settings: DeviceSettings) -> Message:
    """What a sentence says: the kinds are tabled below, places are V and a number."""
    kind = fields[2]
    known = _KINDS.get(kind)
    if known is None:
        known = _place if _PLACE.match(kind) else _other
    return known(fields, record, settings)


def _place(fields: Fields, record: bytes, settings: DeviceSettings) -> Message:
    """A place with a status. Without either it is only a sign of life."""
    found = _where(fields)
    if found is None:
        return _other(fields, record, settings)
    place, day, rest = fields[found:], "", fields[found + 7 :]
    # One firmware puts a number before the date. Its status has bits clear that would make no
    # sense elsewhere, so that only a call for help is believed there.
    odd = len(rest) > 1 and _DATE.match(rest[0]) is None and _DATE.match(rest[1]) is not None
    if odd:
        rest = rest[1:]
    if rest and _STATUS.match(rest[0]) is None:
        day, rest = rest[0], rest[1:]
    at = moment(day, fields[found - 1], settings)
    fix = None if at is None else _fix(place, at)
    status = _number_of(rest[0]) if rest else None
    if status is None:
        status = _number_of(fields[-1])
    signals = frozenset() if status is None else bits.signals(status, settings)
    readings: Readings = {} if status is None or odd else bits.readings(status)
    if odd:
        signals &= LIFE_SAFETY
    if found > _USUAL:
        readings["reply_text"] = ",".join(fields[3 : found - 1])
    if fix is None and not signals and found == _USUAL:
        return Heartbeat()
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        cells=_cell_behind(rest),
        other={} if status is None else {"status": status},
        record=record,
    )


def _where(fields: Fields) -> int | None:
    """Where a place begins, with A or V: usually behind the time, in answers farther on."""
    for at in range(_USUAL, len(fields) - 6):
        if fields[at + 2] in ("N", "S") and fields[at + 4] in ("E", "W", ""):
            return at
    return None


def _fix(place: Fields, at: datetime) -> Fix | None:
    """From letter, latitude, N or S, longitude, E or W, knots, course; None if it is no place."""
    state, lat, north, lon, east, knots, course = place[:7]
    try:
        speed = number(knots)
        return Fix(
            at=at,
            lat=_angle(lat, north),
            lon=_angle(lon, east),
            valid=state in _VALID,
            speed_kmh=None if speed is None else speed * KMH_OF_A_KNOT,
            course_deg=number(course),
        )
    except ValueError:
        return None


def _angle(digits: str, side: str) -> float:
    """Degrees; some firmware writes a minus as well as the side, and one before the minutes."""
    if not digits.startswith("-"):
        return angle(digits, side)
    degrees, between, minutes = digits[1:].partition("-")
    if not between:
        return angle(degrees, side)
    value = int(degrees) + float(minutes) / 60
    return -value if side in ("S", "W") else value


def _number_of(status: str) -> int | None:
    return int(status, 16) if _STATUS.match(status) else None


def _cell_behind(rest: Fields) -> tuple[CellTower, ...]:
    """The mobile network behind the status, where it is in decimal: country, operator, area, cell.

    Other firmware writes other things there, some in hexadecimal, so only a country is believed.
    """
    network = rest[1:5]
    if len(network) < 4 or len(network[0]) != 3 or not all(map(str.isdecimal, network)):
        return ()
    mcc, mnc, lac, cid = map(int, network)
    if mcc not in _COUNTRIES or not (lac or cid) or max(mnc, lac, cid) > _LARGEST_CELL:
        return ()
    return (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),)


def _other(fields: Fields, record: bytes, settings: DeviceSettings) -> Message:
    """An answer, or a kind we do not translate: unless its status calls for help."""
    day, status = _tail(fields)
    if status is not None and bits.signals(status, settings) & LIFE_SAFETY:
        return Report(
            at=moment(day, fields[3], settings),
            signals=bits.signals(status, settings),
            readings=bits.readings(status),
            other={"status": status},
            record=record,
        )
    kind = fields[2]
    if _ANSWER.match(kind):
        return CommandReply(text=",".join(fields[3:] if kind == "V4" else fields[2:]))
    return Unknown(kind=kind)


def _tail(fields: Fields) -> tuple[str, int | None]:
    """The date and the status at the end, whatever comes behind them."""
    for at in range(len(fields) - 1, 3, -1):
        if _STATUS.match(fields[at]):
            return fields[at - 1], int(fields[at], 16)
    return "", None


def _alive(_fields: Fields, _record: bytes, _settings: DeviceSettings) -> Message:
    return Heartbeat()


def _heartbeat(fields: Fields, record: bytes, _settings: DeviceSettings) -> Message:
    """HTBT, alone or with the battery in per cent."""
    level = number(fields[3]) if len(fields) > 3 else None
    if level is None or not 0 <= level <= 100:
        return Heartbeat()
    return Report(readings={"battery_pct": level}, record=record)


def _link(fields: Fields, record: bytes, settings: DeviceSettings) -> Message:
    """LINK: time, signal, satellites, battery, steps, turnovers, date, status."""
    readings: Readings = {}
    other: dict[str, object] = {}
    if len(fields) > 8:
        rssi, satellites, level, steps, turnovers = (number(field) for field in fields[4:9])
        if rssi is not None:
            readings["rssi"] = int(rssi)
        if satellites is not None:
            readings["satellites"] = int(satellites)
        if level is not None:
            readings["battery_pct"] = level
        if steps is not None:
            readings["steps"] = int(steps)
        if turnovers is not None:
            other["turnovers"] = int(turnovers)
    return _without_place(fields, record, settings, readings=readings, other=other)


def _cells(fields: Fields, record: bytes, settings: DeviceSettings) -> Message:
    """NBR: time, country, operator, advance, count, (area, cell, level) …, date, status."""
    towers = _towers(fields[4:6], fields[7:8], fields[8:], width=3, level=2)
    return _without_place(fields, record, settings, cells=towers)


def _cells_and_battery(fields: Fields, record: bytes, settings: DeviceSettings) -> Message:
    """V3: time, country with operator, count, (area, cell, advance, level) …, …, date, status."""
    network = fields[4] if len(fields) > 4 else ""
    towers = _towers((network[:3], network[3:]), fields[5:6], fields[6:], width=4, level=3)
    return _without_place(fields, record, settings, cells=towers)


def _without_place(
    fields: Fields,
    record: bytes,
    settings: DeviceSettings,
    *,
    readings: Readings | None = None,
    cells: tuple[CellTower, ...] = (),
    other: dict[str, object] | None = None,
) -> Report:
    """A report with date and status at its end and the time at its beginning."""
    day, status = _tail(fields)
    if status is None:
        return Report(readings=readings or {}, cells=cells, other=other or {}, record=record)
    told: Readings = {**(readings or {}), **bits.readings(status)}
    return Report(
        at=moment(day, fields[3], settings),
        signals=bits.signals(status, settings),
        readings=told,
        cells=cells,
        other={**(other or {}), "status": status},
        record=record,
    )


def _towers(
    network: Fields, count: Fields, cells: Fields, *, width: int, level: int
) -> tuple[CellTower, ...]:
    """The cells of one network, each ``width`` fields with its level at ``level``."""
    try:
        mcc, mnc = (int(code) for code in network)
        size = min(int(count[0]), len(cells) // width, _MOST_CELLS) * width
    except (ValueError, IndexError):
        return ()
    return tuple(
        tower
        for at in range(0, size, width)
        if (tower := _tower(mcc, mnc, cells[at], cells[at + 1], cells[at + level])) is not None
    )


def _tower(mcc: int, mnc: int, lac: str, cid: str, level: str) -> CellTower | None:
    try:
        tower = CellTower(mcc=mcc, mnc=mnc, lac=int(lac), cid=int(cid), rssi=-abs(int(level)))
    except ValueError:
        return None
    said = (mcc, mnc, tower.lac, tower.cid, tower.rssi or 0)
    return tower if all(abs(number) <= _LARGEST_CELL for number in said) else None


def _cheap_place(fields: Fields, record: bytes, settings: DeviceSettings) -> Message:
    """VP1: a place with a date but no time, or cells parted by Y. It carries no status."""
    if fields[3:4] == ["A"] and len(fields) > 10:
        at = moment(fields[10], "000000", settings)
        return Report(fix=None if at is None else _fix(fields[3:], at), at=at, record=record)
    towers: list[CellTower] = []
    if len(fields) > 6:
        for part in ",".join(fields[6:]).split("Y")[:_MOST_CELLS]:
            towers += _towers(fields[4:6], ("1",), part.split(","), width=3, level=2)
    return Report(cells=tuple(towers), record=record)


_KINDS: dict[str, Callable[[Fields, bytes, DeviceSettings], Message]] = {
    "V3": _cells_and_battery,
    "NBR": _cells,
    "LINK": _link,
    "HTBT": _heartbeat,
    "XT": _alive,
    "VP1": _cheap_place,
}
