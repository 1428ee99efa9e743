"""Reports in bytes, little endian: CCC with fixed places, CCE with numbered values.

CCC: ``version(1) ?(1) size(2) waiting(4)``, then records of that size::

    event lat lon seconds valid satellites GSM km/h course hdop/10 altitude metres runtime
    1     4   4   4       1     1          1   2    2      2       2        4      4
    country network area cell io analogue battery/100 power/100 …
    2       2       2    2    2  2        2           2

CCE: ``waiting(4) count(2)``, then records ``size(2) values(2)`` and four groups, each led by
its count: values of one byte, of two, of four, and ``id size value``. An id is a byte,
or two if the first is FE. Seconds count from 2000.
"""

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from protocols.codecs.meitrack.events import CARD_SHOWN, signals_of
from protocols.errors import Malformed
from protocols.message import CellTower, Fix, Readings, Report
from protocols.settings import DeviceSettings
from protocols.wire import Reader, text

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_CCC_HEAD = struct.Struct("<BBHI")
_CCC = struct.Struct("<BiiIBBBHHHhIIHHHHHHHH")
_CCE_HEAD = struct.Struct("<IH")
_CELL = struct.Struct("<HHHIh")
_EXTENDED = 0xFE
_SMALLEST = 8
_WIDTHS = (1, 2, 4)

_Values = dict[int, bytes]


def ccc_reports(body: bytes, settings: DeviceSettings) -> tuple[Report, ...]:
    """Every whole record of fixed places. Raises Malformed where there is none."""
    if len(body) < _CCC_HEAD.size:
        raise Malformed("too short for a header of CCC")
    _, _, size, _ = _CCC_HEAD.unpack_from(body)
    if size < _CCC.size:
        raise Malformed(f"records of {size} bytes, at least {_CCC.size} wanted")
    starts = range(_CCC_HEAD.size, len(body) - size + 1, size)
    return tuple(_ccc_report(body[start : start + size], settings) for start in starts)


def _ccc_report(record: bytes, settings: DeviceSettings) -> Report:
    (
        event, lat, lon, seconds, valid, satellites, rssi, speed, course, hdop, altitude,
        odometer, runtime, mcc, mnc, lac, cid, io, analogue, battery, power,
    ) = _CCC.unpack_from(record)  # fmt: skip
    at = EPOCH + timedelta(seconds=seconds)
    return Report(
        fix=_fix(
            at,
            lat,
            lon,
            valid=valid == 1,
            speed_kmh=float(speed),
            course_deg=float(course),
            altitude_m=float(altitude),
        ),
        at=at,
        signals=signals_of(event, io >> 8, settings),
        readings={
            "satellites": satellites,
            "rssi": rssi,
            "hdop": hdop / 10,
            "odometer_m": float(odometer),
            "battery_v": battery / 100,
            "power_v": power / 100,
        },
        cells=(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),) if mcc else (),
        other={"event": event, "runtime_s": runtime, "io": io, "analogue_1": analogue},
        record=record,
    )


def cce_reports(body: bytes, settings: DeviceSettings) -> tuple[Report, ...]:
    """Every record of numbered values; one that breaks off says what came before."""
    if len(body) < _CCE_HEAD.size:
        raise Malformed("too short for a header of CCE")
    _, count = _CCE_HEAD.unpack_from(body)
    rest = Reader(body[_CCE_HEAD.size :])
    found = []
    for _ in range(count):
        if rest.remaining < 5:
            break
        size = rest.u16le()
        if size < _SMALLEST:
            break
        record = rest.take(min(size, rest.remaining))
        found.append(_cce_report(record, settings))
    return tuple(found)


def _cce_report(record: bytes, settings: DeviceSettings) -> Report:
    values = dict(_values(record))
    event = _number(values, 0x40) or _number(values, 0x01)
    inputs = _number(values, 0x15)
    readings: Readings = {}
    other: dict[str, object] = {"event": event, "inputs": inputs, "outputs": _number(values, 0x14)}
    cells: list[CellTower] = []
    for key, value in values.items():
        note = _NOTES.get(key)
        if note is not None and len(value) >= note[0]:
            note[1](value, readings, other, cells)
    if event == CARD_SHOWN and 0x25 in values:
        readings["driver_id"] = values[0x25].hex().upper()
    at = EPOCH + timedelta(seconds=_number(values, 0x04)) if 0x04 in values else None
    fix = None
    if at is not None and 0x02 in values and 0x03 in values:
        fix = _fix(
            at,
            _signed(values[0x02]),
            _signed(values[0x03]),
            valid=_number(values, 0x05) == 1,
            speed_kmh=float(_number(values, 0x08)) if 0x08 in values else None,
            course_deg=float(_number(values, 0x09)) if 0x09 in values else None,
            altitude_m=float(_signed(values[0x0B])) if 0x0B in values else None,
        )
    return Report(
        fix=fix,
        at=at,
        signals=signals_of(event, inputs, settings),
        readings=readings,
        cells=tuple(cells),
        other=other,
        record=record,
    )


def _values(record: bytes) -> Iterator[tuple[int, bytes]]:
    """Every id and value, group by group, up to the first that is not whole."""
    at, end = 2, len(record)
    for width in (*_WIDTHS, 0):
        if at >= end:
            return
        count = record[at]
        at += 1
        for _ in range(count):
            if at + 1 >= end:
                return
            key = record[at]
            at += 1
            if key == _EXTENDED:
                key = _EXTENDED << 8 | record[at]
                at += 1
            size = width
            if not width:
                if at >= end:
                    return
                size = record[at]
                at += 1
            if at + size > end:
                return
            yield key, record[at : at + size]
            at += size


def _fix(
    at: datetime,
    lat: int,
    lon: int,
    *,
    valid: bool,
    speed_kmh: float | None,
    course_deg: float | None,
    altitude_m: float | None,
) -> Fix | None:
    """The place from millionths of a degree; None if it is not on Earth."""
    try:
        return Fix(
            at=at,
            lat=lat / 1e6,
            lon=lon / 1e6,
            valid=valid,
            speed_kmh=speed_kmh,
            course_deg=course_deg,
            altitude_m=altitude_m,
        )
    except ValueError:
        return None


def _number(values: _Values, key: int) -> int:
    return int.from_bytes(values.get(key, b""), "little")


def _whole(value: bytes) -> int:
    return int.from_bytes(value, "little")


def _signed(value: bytes) -> int:
    return int.from_bytes(value, "little", signed=True)


_Note = Callable[[bytes, Readings, dict[str, object], list[CellTower]], None]


def _satellites(value: bytes, readings: Readings, _o: object, _c: object) -> None:
    readings["satellites"] = value[0]


def _rssi(value: bytes, readings: Readings, _o: object, _c: object) -> None:
    readings["rssi"] = value[0]


def _hdop(value: bytes, readings: Readings, _o: object, _c: object) -> None:
    """As it comes: nothing in the record says whether it counts tenths."""
    readings["hdop"] = float(_whole(value))


def _odometer(value: bytes, readings: Readings, _o: object, _c: object) -> None:
    readings["odometer_m"] = float(_whole(value))


def _battery(value: bytes, readings: Readings, _o: object, _c: object) -> None:
    readings["battery_v"] = _whole(value) / 100


def _power(value: bytes, readings: Readings, _o: object, _c: object) -> None:
    readings["power_v"] = _whole(value) / 100


def _charge(value: bytes, readings: Readings, _o: object, _c: object) -> None:
    readings["battery_pct"] = float(value[0])


def _state_and_charge(value: bytes, readings: Readings, _o: object, _c: object) -> None:
    readings["battery_pct"] = float(value[1])


def _fuel(value: bytes, readings: Readings, _o: object, _c: object) -> None:
    readings["fuel"] = _whole(value) / 100


def _cell(value: bytes, _r: Readings, _o: object, cells: list[CellTower]) -> None:
    mcc, mnc, lac, cid, rssi = _CELL.unpack_from(value)
    if mcc:
        cells.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=rssi or None))


def _temperature(value: bytes, _r: Readings, other: dict[str, object], _c: object) -> None:
    other[f"temperature_{value[0]}_c"] = _signed(value[1:3]) / 100


def _said(name: str) -> tuple[int, _Note]:
    def note(value: bytes, _r: Readings, other: dict[str, object], _c: object) -> None:
        other[name] = _whole(value)

    return 1, note


def _written(value: bytes, _r: Readings, other: dict[str, object], _c: object) -> None:
    """A picture or recording of this moment, by its file name."""
    other["file"] = text(value[1:])


_NOTES: dict[int, tuple[int, _Note]] = {
    0x06: (1, _satellites),
    0x07: (1, _rssi),
    0x0A: (2, _hdop),
    0x0C: (4, _odometer),
    0x0D: _said("runtime_s"),
    0x0E: (12, _cell),
    0x16: _said("analogue_1"),
    0x17: _said("analogue_2"),
    0x19: (2, _battery),
    0x1A: (2, _power),
    0x28: (2, _written),
    0x29: (2, _fuel),
    **dict.fromkeys(range(0x2A, 0x32), (3, _temperature)),
    0xFE69: (1, _charge),
    0xFEA8: (2, _state_and_charge),
}
