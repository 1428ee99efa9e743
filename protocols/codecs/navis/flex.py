"""FLEX records: the fields that a mask names, one behind the other, without any length.

The device says the mask once, at login; the highest bit of its first byte is field 1. Where a
mask names fields whose size we do not know, the sum at the end of a packet tells its length.
"""

import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from math import isfinite

from fastcrc.crc8 import nrsc_5

from protocols.codecs.navis.ntcb import alarm_of, metres
from protocols.errors import Malformed, Unframeable
from protocols.message import CellTower, Fix, Readings, Report
from protocols.settings import DeviceSettings

ARCHIVE, EVENT, CURRENT = ord("A"), ord("T"), ord("C")
HEADS = b"~@\x7f"

_SIZES = bytes(
    (
        *(4, 2, 4, 1, 1, 1, 1, 1, 4, 4, 4, 4, 4, 2, 4, 4, 2, 2, 2, 2),  # 1 to 20
        *(2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 4, 4, 2, 2, 4, 2, 2, 2),  # to 40
        *(2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 2, 1, 4, 2, 2, 2),  # to 60
        *(2, 2, 1, 1, 1, 2, 4, 2, 1),  # FLEX 1.0 ends with 69
        *(8, 2, 1, 16, 4, 2, 4, 37, 1, 1, 1, 1, 1, 1),  # to 83
        *(3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 6, 12, 24, 48, 1, 1, 1, 1),  # to 101
        *(4, 4, 1, 4, 2, 6, 2, 6, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2),  # FLEX 2.0 ends with 122
    )
)
_FORMATS: Mapping[int, str] = {
    1: "I",
    2: "H",
    3: "I",
    9: "I",
    10: "i",
    11: "i",
    12: "i",
    13: "f",
    14: "H",
    15: "f",
    **dict.fromkeys(range(16, 17), "f"),
    **dict.fromkeys(range(17, 29), "H"),
    33: "I",
    34: "I",
    35: "H",
    36: "H",
    37: "I",
    **dict.fromkeys(range(38, 45), "H"),
    **dict.fromkeys(range(45, 53), "b"),
    53: "H",
    54: "f",
    55: "H",
    56: "b",
    57: "f",
    **dict.fromkeys(range(58, 63), "H"),
    66: "H",
    67: "I",
    68: "h",
    70: "8s",
    71: "2s",
    77: "37s",
}
_NAMES: Mapping[int, str] = {
    1: "number",
    2: "event",
    4: "status",
    5: "modules",
    16: "segment_km",
    **{21 + at: f"adc{at + 1}" for at in range(8)},
    29: "inputs",
    30: "inputs2",
    31: "outputs",
    32: "outputs2",
    33: "pulses1",
    34: "pulses2",
    37: "engine_s",
    **{38 + at: f"level{at + 1}" for at in range(7)},
    **{45 + at: f"temp{at + 1}" for at in range(8)},
    53: "can_fuel",
    54: "can_fuel_used_l",
    55: "rpm",
    56: "coolant_c",
    57: "can_odometer_km",
    69: "can_speed_kmh",
}
_LONGEST_RECORD = 1024
_MINUTES = 600_000
_CELL = struct.Struct("<IHHHB")
_ALARMS = 0x06


@cache
def layout(mask: str) -> tuple[struct.Struct, tuple[int, ...], int]:
    """How the fields of a mask are packed, which they are, and how many more it names."""
    bits = int(mask, 16)
    width = len(mask) * 4
    named = [field for field in range(1, width + 1) if bits >> (width - field) & 1]
    known = tuple(field for field in named if field <= len(_SIZES))
    packed = "<" + "".join(_packed(field) for field in known)
    return struct.Struct(packed), known, len(named) - len(known)


def packet_size(buffer: bytes, start: int, mask: str) -> int | None:
    """Bytes of the packet ``~A``, ``~T`` or ``~C`` at ``start``; None: not all there yet."""
    kind = buffer[start + 1 : start + 2]
    if not kind:
        return None
    if kind[0] not in (ARCHIVE, EVENT, CURRENT):
        raise Unframeable("no A, T or C behind the tilde")
    if not mask:
        raise Unframeable("the fields of a record were not agreed on")
    head, count = 2, 1
    if kind[0] == ARCHIVE:
        if len(buffer) < start + 3:
            return None
        head, count = 3, buffer[start + 2]
    elif kind[0] == EVENT:
        head = 6
    packed, _, more = layout(mask)
    if not more or not count:
        return head + count * packed.size + 1
    return _size_by_sum(buffer, start, head, count, packed.size + more)


def _packed(field: int) -> str:
    size = _SIZES[field - 1]
    return _FORMATS.get(field, "B" if size == 1 else f"{size}s")


def _size_by_sum(buffer: bytes, start: int, head: int, count: int, least: int) -> int | None:
    """The shortest length whose last byte is the sum of the rest, and behind which one begins."""
    summed, so_far = start, 0xFF
    for length in range(least, _LONGEST_RECORD):
        end = start + head + count * length + 1
        if end > len(buffer):
            return None
        so_far, summed = nrsc_5(buffer[summed : end - 1], so_far), end - 1
        if so_far == buffer[end - 1] and (end == len(buffer) or buffer[end] in HEADS):
            return end - start
    raise Unframeable("no length fits the sum of this packet")


def records(content: bytes, count: int, mask: str, settings: DeviceSettings) -> list[Report]:
    """The reports in a packet, without its head and its sum."""
    packed, fields, more = layout(mask)
    size = len(content) // max(count, 1) if more else packed.size
    if size < packed.size or size * count != len(content):
        raise Malformed(f"{count} records do not fill {len(content)} bytes")
    found = []
    for at in range(0, len(content), size) if size else ():
        values = dict(zip(fields, packed.unpack_from(content, at), strict=True))
        found.append(_report(values, content[at : at + size], settings))
    return found


def _report(values: Mapping[int, object], said: bytes, settings: DeviceSettings) -> Report:
    known = {field: value for field, value in values.items() if isinstance(value, int | float)}
    seconds = known.get(9) or known.get(3)
    at = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    status = int(known.get(4, 0))
    alarm = alarm_of(settings, on=bool(status & _ALARMS))
    inputs = int(known.get(29, 0)) | int(known.get(30, 0)) << 8
    other: dict[str, object] = {
        name: known[field] for field, name in _NAMES.items() if field in known
    }
    readings = _readings(known, values.get(70))
    _dilution(values.get(71), readings, other)
    cells = values.get(77)
    return Report(
        fix=None if at is None else _fix(at, known),
        at=at,
        signals=alarm | settings.inputs(inputs),
        readings=readings,
        cells=_cells(cells) if isinstance(cells, bytes) else (),
        other=other,
        record=said,
    )


def _fix(at: datetime, known: Mapping[int, float]) -> Fix | None:
    """The place; None if there is none among the fields, or not on Earth."""
    if 10 not in known or 11 not in known:
        return None
    lat, lon = known[10] / _MINUTES, known[11] / _MINUTES
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return Fix(
        at=at,
        lat=lat,
        lon=lon,
        valid=bool(int(known.get(8, 2)) & 0x02),
        altitude_m=known[12] / 10 if 12 in known else None,
        speed_kmh=known[13] if 13 in known and isfinite(known[13]) else None,
        course_deg=float(known[14]) if 14 in known else None,
    )


def _readings(known: Mapping[int, float], systems: object) -> Readings:
    readings: Readings = {}
    if 7 in known:
        readings["rssi"] = int(known[7])
    if 8 in known:
        readings["satellites"] = int(known[8]) >> 2
    elif isinstance(systems, bytes):
        readings["satellites"] = sum(systems)
    if 15 in known and (odometer := metres(known[15])) is not None:
        readings["odometer_m"] = odometer
    if 19 in known:
        readings["power_v"] = known[19] / 1000
    if 20 in known:
        readings["battery_v"] = known[20] / 1000
    return readings


def _dilution(tenths: object, readings: Readings, other: dict[str, object]) -> None:
    if isinstance(tenths, bytes):
        readings["hdop"] = tenths[0] / 10
        other["pdop"] = tenths[1] / 10


def _cells(said: bytes) -> tuple[CellTower, ...]:
    """Three towers and the time they were seen at."""
    towers = (_CELL.unpack_from(said, at) for at in range(0, 3 * _CELL.size, _CELL.size))
    return tuple(
        CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=level - 256 if level > 127 else level)
        for cid, lac, mcc, mnc, level in towers
        if mcc
    )
