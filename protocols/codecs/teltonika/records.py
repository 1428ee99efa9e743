"""AVL records of codecs 8, 8 Extended and 16: a place, and a list of numbered elements.

    [ time ms ][ priority ][ lon ][ lat ][ altitude ][ course ][ satellites ][ km/h ]
         8b         1b       4b     4b        2b         2b          1b         2b
    [ event ][ total ] { [ n ] n x [ number ][ value ] } for values of 1, 2, 4 and 8 bytes

Codec 8 spends one byte on a number and on a count; 8 Extended two on both, and
closes with values of any length; 16 two on a number, one on a count, and says
after ``event`` why the record was made.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from struct import Struct
from typing import NamedTuple, cast

from protocols.codecs.teltonika.elements import (
    ALARM,
    CRASH,
    MAN_DOWN,
    NOTHING_NOTICED,
    Element,
    Family,
    Said,
    meaning,
)
from protocols.errors import Malformed
from protocols.message import CellTower, Fix, Readings, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import text

Pairs = Callable[[bytes], Iterator[tuple[int, int]]]


class Layout(NamedTuple):
    """How one codec spells the elements of a record.

    head    everything up to the first count, without the total and without codec 16's reason
    groups  width, bytes of number and value together, and how to read those
    tail    reads what follows the groups into a dictionary, answers where it ends
    """

    head: Struct
    counter: Struct
    groups: tuple[tuple[int, int, Pairs], ...]
    tail: Callable[[bytes, int, dict[str, object]], int] | None = None


def reports(
    body: bytes, layouts: tuple[Layout, ...], family: Family, settings: DeviceSettings
) -> tuple[Report, ...]:
    """Every record between the two counts of ``body``, in the first layout that fits it exactly.

    Elements 1 to 4 are the digital inputs, of which one may be a panic button; one that caused
    the record, and was left out of it, went on.

    The closing count is not compared: the checksum has held, and refusing would
    keep an alarm from being heard. Raises Malformed if no layout fits.
    """
    for layout in layouts:
        found, end = _all(body, layout, family, settings)
        if end == len(body) - 1:
            return tuple(_with_inputs(report, settings) for report in found)
    raise Malformed(f"{body[1]} records do not fill {len(body)} bytes")


def moment(seconds: float) -> datetime | None:
    """Seconds since 1970 as a time, None if no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _with_inputs(report: Report, settings: DeviceSettings) -> Report:
    """The report, and PANIC where an input that is a panic button is on."""
    if not settings.panic_inputs:
        return report
    said = report.other
    cause = said.get("event")
    active = sum(bool(said.get(f"in{number}", cause == number)) << number - 1 for number in _INPUTS)
    return replace(report, signals=report.signals | settings.inputs(active))


_INPUTS = (1, 2, 3, 4)
_SATELLITES = 4
_LENGTH = Struct(">HH")
_SIXTEEN = Struct(">B16s")
_LIFE_EVENTS = frozenset({ALARM, MAN_DOWN, CRASH})


def _all(
    body: bytes, layout: Layout, family: Family, settings: DeviceSettings
) -> tuple[tuple[Report, ...], int]:
    """Every record, and where the last one ends; beyond the body if the layout does not fit."""
    found = []
    at = 2
    try:
        for _ in range(body[1]):
            report, at = _record(body, at, layout, family, settings)
            found.append(report)
    except (struct.error, IndexError, Malformed):
        return (), len(body)
    return tuple(found), at


def _record(
    body: bytes, start: int, layout: Layout, family: Family, settings: DeviceSettings
) -> tuple[Report, int]:
    millis, priority, *place, event = layout.head.unpack_from(body, start)
    at = start + layout.head.size
    unpack_count, count_size = layout.counter.unpack_from, layout.counter.size
    readings: dict[str, object] = {"satellites": place[_SATELLITES]}
    other: dict[str, object] = {}
    if event or priority:
        other = {"event": event, "priority": priority}
    noticeable, signals = family.signals.keys(), NOTHING_NOTICED
    for width, size, pairs in layout.groups:
        (count,) = unpack_count(body, at)
        at += count_size
        if count:
            end = _end(body, at, count * size)
            values = dict(pairs(body[at:end]))
            at = end
            _meanings(values, family.elements[width], readings, other)
            if settings.alarms or not noticeable.isdisjoint(values):
                signals |= _noticed(values, event, priority, family, settings)
    if layout.tail:
        at = layout.tail(body, at, other)
    if event in _LIFE_EVENTS or (event and settings.alarms):
        signals |= _unvalued(event, priority, readings | other, family, settings)
    when = moment(millis / 1000)
    report = Report(
        fix=_fix(when, place),
        at=when,
        signals=signals,
        readings=cast(Readings, readings),
        cells=_cells(other),
        other=other,
        record=body[start:at],
    )
    return report, at


def _end(body: bytes, at: int, size: int) -> int:
    if at + size > len(body):
        raise Malformed(f"{size} bytes of elements at {at} do not fit in the frame")
    return at + size


def _meanings(
    values: dict[int, int],
    known: Mapping[int, Element],
    readings: dict[str, object],
    other: dict[str, object],
) -> None:
    """Sort what the elements say into ``readings`` and ``other``."""
    for number, value in values.items():
        if number in known:
            name, read, reading = known[number]
            said = read(value)
            if said is not None:
                (readings if reading else other)[name] = said
        else:
            other[f"io{number}"] = value


def _noticed(
    values: dict[int, int], event: int, priority: int, family: Family, settings: DeviceSettings
) -> frozenset[Signal]:
    known = family.signals
    found = (
        meaning(number, Said(value, number == event, priority), known.get(number), settings)
        for number, value in values.items()
        if settings.alarms or number in known
    )
    return NOTHING_NOTICED.union(*found)


def _of_any_length(body: bytes, at: int, other: dict[str, object]) -> int:
    count = int.from_bytes(body[at : at + 2], "big")
    at += 2
    for _ in range(count):
        number, length = _LENGTH.unpack_from(body, at)
        start = at + _LENGTH.size
        at = _end(body, start, length)
        other[f"io{number}"] = readable(body[start:at])
    return at


def _of_sixteen(body: bytes, at: int, other: dict[str, object]) -> int:
    start, size = at + 1, 17
    at = _end(body, start, body[at] * size)
    for number, value in _SIXTEEN.iter_unpack(body[start:at]):
        other[f"io{number}"] = readable(value)
    return at


def readable(payload: bytes) -> str:
    """Text if it is text, else its bytes in hexadecimal."""
    said = text(payload).strip()
    return said if said.isprintable() and payload.isascii() else payload.hex()


def _unvalued(
    event: int, priority: int, told: dict[str, object], family: Family, settings: DeviceSettings
) -> frozenset[Signal]:
    """A crowded record may leave out the very element that caused it; it still happened."""
    names = [known[event].name for known in family.elements.values() if event in known]
    if not told.keys().isdisjoint(names or [f"io{event}"]):
        return NOTHING_NOTICED
    notice = family.signals.get(event) if event in _LIFE_EVENTS else None
    return meaning(event, Said(1, caused_record=True, priority=priority), notice, settings)


def _fix(at: datetime | None, place: list[int]) -> Fix | None:
    """None where no calendar or no map has it; what else the record says still counts."""
    lon, lat, altitude_m, course_deg, satellites, speed_kmh = place
    if at is None:
        return None
    try:
        return Fix(
            at=at,
            lat=lat / 1e7,
            lon=lon / 1e7,
            valid=satellites > 0,
            altitude_m=altitude_m,
            speed_kmh=speed_kmh,
            course_deg=course_deg,
        )
    except ValueError:
        return None


def _cells(other: dict[str, object]) -> tuple[CellTower, ...]:
    operator, area, cell = other.get("operator"), other.get("area_code"), other.get("cell_id")
    if not (isinstance(operator, int) and isinstance(area, int) and isinstance(cell, int)):
        return ()
    if not (operator and cell):
        return ()
    del other["operator"], other["area_code"], other["cell_id"]
    mcc, mnc = divmod(operator, 100 if operator < 100_000 else 1000)
    return (CellTower(mcc=mcc, mnc=mnc, lac=area, cid=cell),)


def _groups(number: str) -> tuple[tuple[int, int, Pairs], ...]:
    pairs = (
        (width, Struct(f">{number}{value}"))
        for width, value in zip((1, 2, 4, 8), "BHIQ", strict=True)
    )
    return tuple((width, pair.size, cast(Pairs, pair.iter_unpack)) for width, pair in pairs)


_HEAD = ">QBiihHBH"
_CODEC_8 = Layout(head=Struct(_HEAD + "Bx"), counter=Struct(">B"), groups=_groups("B"))
_CODEC_8E = Layout(
    head=Struct(_HEAD + "Hxx"), counter=Struct(">H"), groups=_groups("H"), tail=_of_any_length
)
_CODEC_16 = Layout(head=Struct(_HEAD + "Hxx"), counter=Struct(">B"), groups=_groups("H"))

LAYOUTS = {
    0x08: (_CODEC_8, _CODEC_8._replace(tail=_of_sixteen)),
    0x8E: (_CODEC_8E,),
    0x10: (_CODEC_16,),
}
"""The layouts a codec may have: a setting of some models adds values of sixteen bytes to 8."""
