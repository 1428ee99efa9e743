"""Reports in text of the SA200, ST300, ST500, ST600 … series, and of the ST410 and ST910.

::

    ST300STT;unit;model;version;20231215;15:25:03;cell;lat;lon;km/h;course;satellites;fix;
             metres;power V;inputs and outputs;mode or code;count[;hours;backup V;live][;…]

The SA200 leaves out the model, the ST500 the cell; the ST600 writes cell, MCC, MNC, LAC and
level. So we look for the date and for the place, and count from there. The letters of the
inputs are ignition, input 1, 2, 3 (4 of eight letters), then outputs.
"""

import re
from collections.abc import Sequence

from protocols.codecs.suntech import codes
from protocols.codecs.suntech.codes import number, whole
from protocols.errors import Malformed
from protocols.message import CellTower, Readings, Report, Signal
from protocols.settings import DeviceSettings

_DRIVER = re.compile(r"[0-9A-F]{14}")
_VOLTS = re.compile(r"\d\.\d{1,2}")
_SIGNS = ("+", "-")
_KINDS_OF_910 = {"Location": "STT", "Emergency": "EMG", "Alert": "ALT"}
_FUEL = re.compile(r"CabMensaje,[^,]*,(\d+(?:\.\d+)?),")
_TAG = re.compile(r"GTSL\|[^|]*\|[^|]*\|[^|]*\|(\w+)\|")


def report(kind: str, fields: Sequence[str], record: bytes, settings: DeviceSettings) -> Report:
    """The report in ``fields``. Raises Malformed where there is not even a date.

    An emergency that breaks off is one all the same.
    """
    day = _date(fields)
    if day is None:
        if kind != codes.EMERGENCY:
            raise Malformed("no date where a report has one")
        return Report(signals=codes.signals_of(kind, None, 0, settings), record=record)
    at = codes.moment(fields[day], fields[day + 1], settings)
    place = _place(fields, day + 2)
    if len(fields) <= place + 9 and kind == codes.STATUS:
        raise Malformed(f"a status report has more than {len(fields)} fields")
    lat, lon, speed, course, satellites, fixed, metres, volts, lines, code = (
        *fields[place : place + 10],
        *[""] * (place + 10 - len(fields)),
    )
    readings: Readings = {}
    other: dict[str, object] = {"kind": kind, "firmware": fields[day - 1]}
    if (count := whole(satellites)) is not None:
        readings["satellites"] = count
    if (distance := number(metres)) is not None:
        readings["odometer_m"] = distance
    if (power := number(volts)) is not None:
        readings["power_v"] = power
    inputs = _lines(lines, readings, other)
    tail = fields[place + 10 :]
    buffered = False
    if kind == "UEX":
        # Its length stands where the others have their code.
        serial_port(tail, readings, other)
        meaning = None
    else:
        meaning = whole(code)
        other["code"] = meaning
        if kind == codes.STATUS and tail:
            tail = tail[1:]
        buffered = _tail(tail, readings, other, settings)
    return Report(
        at=at,
        fix=codes.fix_of(at, (lat, lon, speed, course), valid=fixed == "1"),
        signals=codes.signals_of(kind, meaning, inputs, settings),
        readings=readings,
        cells=_cell(fields, day + 2) if place - day > 6 else (),
        buffered=buffered,
        other=other,
        record=record,
    )


def short_report(fields: Sequence[str], record: bytes, settings: DeviceSettings) -> Report:
    """``ST910;Emergency;unit;version;date;time[;cell];lat;lon;km/h;course;fix[;…]``.

    Where a cell is named (protocol type 1), the metres driven follow the fix. An emergency of
    this pocket device is its button, whatever follows.
    """
    kind = _KINDS_OF_910.get(fields[1])
    if kind is None or len(fields) < 6:
        raise Malformed("an ST910 reports its location, an alert or an emergency")
    at = codes.moment(fields[4], fields[5], settings)
    place = _place(fields, 6)
    lat, lon, speed, course, fixed = (
        *fields[place : place + 5],
        *[""] * (place + 5 - len(fields)),
    )
    readings: Readings = {}
    with_metres = int(settings.options.get("protocol_type", place > 6)) == 1
    tail = fields[place + 5 :]
    if with_metres and tail and (metres := number(tail[0])) is not None:
        readings["odometer_m"] = metres
    elif tail and _VOLTS.fullmatch(tail[0]):
        readings["battery_v"] = float(tail[0])
    usual: dict[str, frozenset[Signal]] = {
        "EMG": frozenset({Signal.PANIC}),
        "ALT": frozenset({Signal.UNSPECIFIED}),
    }
    return Report(
        at=at,
        fix=codes.fix_of(at, (lat, lon, speed, course), valid=fixed == "1"),
        signals=settings.meaning(f"{kind} 910", usual.get(kind, frozenset())),
        readings=readings,
        other={"kind": kind, "firmware": fields[3]},
        record=record,
    )


def cells_first(
    kind: str, fields: Sequence[str], record: bytes, settings: DeviceSettings
) -> Report:
    """The ST410: seven cells, backup volts, a flag, count, code, and the place at the end."""
    if len(fields) < 58:
        raise Malformed(f"an ST410 writes 58 fields, not {len(fields)}")
    towers = [(fields[4], fields[5], fields[6], fields[8], fields[7])]
    towers += [
        (fields[at], fields[at + 1], fields[at + 2], fields[at + 3], fields[at + 4])
        for at in range(10, 46, 6)
    ]
    at = codes.moment(fields[50], fields[51], settings)
    readings: Readings = {}
    if (volts := number(fields[46])) is not None:
        readings["battery_v"] = volts
    if (count := whole(fields[56])) is not None:
        readings["satellites"] = count
    code = whole(fields[49])
    place = (fields[52], fields[53], fields[54], fields[55])
    return Report(
        at=at,
        fix=codes.fix_of(at, place, valid=fields[57] == "1"),
        signals=codes.signals_of(kind, code, 0, settings),
        readings=readings,
        cells=tuple(cell for said in towers if (cell := _tower(*said, base=10)) is not None),
        other={"kind": kind, "firmware": fields[2], "code": code},
        record=record,
    )


def serial_port(tail: Sequence[str], readings: Readings, other: dict[str, object]) -> None:
    """What a device on the serial port said: a driver's card, a fuel probe, or its own words."""
    said = tail[0].strip() if tail else ""
    if tag := _TAG.match(said):
        readings["driver_id"] = tag[1]
    elif fuel := _FUEL.search(said):
        readings["fuel"] = float(fuel[1])
    if said:
        other["serial_port"] = said


def _date(fields: Sequence[str]) -> int | None:
    """Where the date is: behind the unit, the version and perhaps the model."""
    for at in (4, 3):
        if at + 1 < len(fields) and len(fields[at]) == 8 and fields[at + 1][2:3] == ":":
            return at
    return None


def _place(fields: Sequence[str], start: int) -> int:
    """Where the latitude is; without any, where this series has it."""
    for at in range(start, min(start + 6, len(fields) - 1)):
        if fields[at].startswith(_SIGNS) and fields[at + 1].startswith(_SIGNS):
            return at
    return start + (5 if fields[0].startswith("ST6") else 1)


def _lines(lines: str, readings: Readings, other: dict[str, object]) -> int:
    """Ignition into the readings; the inputs, bit 0 for input 1."""
    if len(lines) < 6 or lines.strip("01"):
        return 0
    readings["ignition"] = lines[0] == "1"
    other["outputs"] = lines[5:] if len(lines) == 8 else lines[4:6]
    count = 4 if len(lines) == 8 else 3
    inputs = sum((lines[at] == "1") << (at - 1) for at in range(1, count + 1))
    other["inputs"] = inputs
    return inputs


def _cell(fields: Sequence[str], at: int) -> tuple[CellTower, ...]:
    """Cell and area in hexadecimal, the level without its minus."""
    cid, mcc, mnc, lac, level = fields[at : at + 5]
    tower = _tower(cid, mcc, mnc, lac, f"-{level.lstrip('-')}", base=16)
    return () if tower is None else (tower,)


def _tower(cid: str, mcc: str, mnc: str, lac: str, level: str, *, base: int) -> CellTower | None:
    try:
        tower = CellTower(
            mcc=int(mcc), mnc=int(mnc), lac=int(lac, base), cid=int(cid, base), rssi=int(level)
        )
    except ValueError:
        return None
    return tower if tower.cid else None


def _tail(
    tail: Sequence[str], readings: Readings, other: dict[str, object], settings: DeviceSettings
) -> bool:
    """Hours, backup volts and "live" where they are; then analogue inputs, rpm, driver, probes.

    Answers whether the report waited in the device.
    """
    if len(tail) < 3 or not settings.flag("hbm", bool(_VOLTS.fullmatch(tail[1]))):
        return False
    if (volts := number(tail[1])) is not None:
        readings["battery_v"] = volts
    if (minutes := whole(tail[0])) is not None:
        other["engine_min"] = minutes
    rest = tail[3:]
    for at, said in enumerate(rest):
        if ":" in said and settings.flag("include_temp", True):
            _probe(said, at, other)
        elif _DRIVER.fullmatch(said):
            readings["driver_id"] = said
            if at == 1 and rest[0].isdecimal() and settings.flag("include_rpm", True):
                other["rpm"] = int(rest[0])
        elif at < 3 and "." in said and settings.flag("include_adc", True):
            other[f"adc{at + 1}_v"] = number(said)
    return tail[2] == "0"


def _probe(said: str, at: int, other: dict[str, object]) -> None:
    """``28EE56B911160234:+13.7``: a probe and its degrees."""
    name, _, degrees = said.partition(":")
    if name and (value := number(degrees)) is not None:
        other[f"temperature{at}_c"] = value
