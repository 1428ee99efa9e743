"""Records, extended records and fault codes of a Ruptela: places, and numbered I/O."""

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from protocols.errors import Malformed
from protocols.message import Fix, Readings, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import Reader, text

_HEAD = struct.Struct(">IBBiiHHBHBB")
_EXTENDED_HEAD = struct.Struct(">IBBBiiHHBHBH")
_GROUPS = tuple(struct.Struct(f">B{value}") for value in "BHIQ")
EXTENDED_GROUPS = tuple(struct.Struct(f">H{value}") for value in "BHIQ")
NO_PLACE = -0x80000000
NO_HDOP = 0xFF
DEGREE = 1e7

SIGNALS: Mapping[int, Signal] = {
    88: Signal.JAMMING,
    134: Signal.HARSH_BRAKING,
    136: Signal.HARSH_ACCELERATION,
    410: Signal.TOW,
    411: Signal.CRASH,
    758: Signal.TAMPER,
}
"""The I/O that says so when it is not 0."""
_SETS = {number: frozenset({signal}) for number, signal in SIGNALS.items()}
_NOTHING: frozenset[Signal] = frozenset()
ANTENNA, POWER = 415, 29
_AT_ZERO = {
    ANTENNA: frozenset({Signal.ANTENNA_CUT}),
    POWER: frozenset({Signal.POWER_CUT}),
}
"""The antenna's state at 0 always says so; the voltage, where it is the event as well."""
FIRST_INPUT, _LAST_INPUT = 2, 5
_DRIVER, _MOST_STEPS = 34, 250


def _volts(value: int) -> float:
    return value / 1000


def _driver(value: int) -> str | None:
    return f"{value:016x}" if value else None


def _fuel(value: int) -> float | None:
    """Steps of 0.4 %; what is above is "not known" in the language of lorries."""
    return value * 0.4 if value <= _MOST_STEPS else None


_READ: Mapping[int, tuple[str, Callable[[int], object]]] = {
    POWER: ("power_v", _volts),
    30: ("battery_v", _volts),
    _DRIVER: ("driver_id", _driver),
    65: ("odometer_m", float),
    98: ("fuel", lambda value: value * 100 / 255),
    170: ("charging", bool),
    173: ("motion", bool),
    207: ("fuel", _fuel),
    409: ("ignition", bool),
}


def reports(frame: bytes, settings: DeviceSettings, *, extended: bool) -> list[Report]:
    """Record by record. What can be read counts, even where the count promises more."""
    if len(frame) < 15:
        raise Malformed("no records")
    found: list[Report] = []
    whole: list[tuple[int, int]] = []
    end = len(frame) - 2
    at, begun = 13, 13
    place: tuple[int, ...] = ()
    head = _EXTENDED_HEAD if extended else _HEAD
    for _ in range(frame[12]):
        if at + head.size > end:
            break
        fields = head.unpack_from(frame, at)
        continued = extended and fields[2] & 0x0F
        if not continued and place:
            found.append(_report(place, whole, frame[begun:at], settings))
        if not continued or not place:
            place, whole, begun = fields[:1] + fields[-8:], [], at
        at = _inputs_outputs(frame, at + head.size, end, extended=extended, into=whole)
        if at < 0:
            break
    if place:
        found.append(_report(place, whole, frame[begun : at if at >= 0 else end], settings))
    if not found:
        raise Malformed("no record can be read")
    return found


def _inputs_outputs(
    frame: bytes, at: int, end: int, *, extended: bool, into: list[tuple[int, int]]
) -> int:
    """The four groups of I/O; answers where the next record begins, -1 where they break off."""
    for group in EXTENDED_GROUPS if extended else _GROUPS:
        if at >= end:
            return -1
        stop = at + 1 + frame[at] * group.size
        if stop > end:
            return -1
        into.extend(group.iter_unpack(frame[at + 1 : stop]))
        at = stop
    return at


def _report(
    head: tuple[int, ...],
    pairs: list[tuple[int, int]],
    record: bytes,
    settings: DeviceSettings,
) -> Report:
    seconds, lon, lat, altitude, course, satellites, speed, hdop, event = head
    at = datetime.fromtimestamp(seconds, UTC)
    readings: Readings = {}
    fix = None
    if NO_PLACE not in (lon, lat):
        readings["satellites"] = satellites
        fix = _fix(at, lat, lon, (altitude, course, speed))
    if hdop != NO_HDOP:
        readings["hdop"] = hdop / 10
    other: dict[str, object] = {"event": event}
    signals, inputs = _values(pairs, event, readings, other, settings)
    return Report(
        at=at,
        fix=fix,
        signals=signals | settings.inputs(inputs),
        readings=readings,
        other=other,
        record=record,
    )


def _fix(at: datetime, lat: int, lon: int, motion: tuple[int, int, int]) -> Fix | None:
    altitude, course, speed = motion
    try:
        return Fix(
            at=at,
            lat=lat / DEGREE,
            lon=lon / DEGREE,
            altitude_m=altitude / 10,
            course_deg=course / 100,
            speed_kmh=float(speed),
        )
    except ValueError:
        return None


def _values(
    pairs: list[tuple[int, int]],
    event: int,
    readings: Readings,
    other: dict[str, object],
    settings: DeviceSettings,
) -> tuple[frozenset[Signal], int]:
    """The I/O into readings and the rest; answers the signals and the inputs that are on."""
    inputs = 0
    for number, value in pairs:
        if number in _READ:
            name, read = _READ[number]
            if (said := read(value)) is not None:
                readings[name] = said  # type: ignore[literal-required]
        elif FIRST_INPUT <= number <= _LAST_INPUT:
            inputs |= bool(value) << (number - FIRST_INPUT)
            other[f"input{number - 1}"] = bool(value)
        else:
            other[f"io{number}"] = value
    _read_card(readings, other)
    return _signals(pairs, event, settings), inputs


def _read_card(readings: Readings, other: dict[str, object]) -> None:
    """The driver's card, sixteen letters in two numbers; zeros where no card is read."""
    halves = (other.get("io126"), other.get("io127"))
    letters = b"".join(half.to_bytes(8, "big") for half in halves if isinstance(half, int))
    if card := text(letters.strip(b"\0 \xff")):
        readings["driver_id"] = card


def _signals(
    pairs: list[tuple[int, int]], event: int, settings: DeviceSettings
) -> frozenset[Signal]:
    signals = _NOTHING
    for number, value in pairs:
        if value:
            usual = _SETS.get(number, _NOTHING)
        elif number == ANTENNA or number == event == POWER:
            usual = _AT_ZERO[number]
        else:
            continue
        if usual or settings.alarms:
            signals |= settings.meaning(str(number), usual)
    return signals


def faults(frame: bytes) -> tuple[Report, ...]:
    """Diagnostic codes, each with a place: kind, time, lon, lat, stored, five letters."""
    wire = Reader(frame[11:-2])
    found: list[Report] = []
    for _ in range(wire.u8()):
        record = wire.take(19)
        fields = Reader(record)
        fields.take(1)
        at = datetime.fromtimestamp(fields.u32(), UTC)
        lon, lat, stored = fields.i32(), fields.i32(), fields.u8()
        fix = None
        if NO_PLACE not in (lon, lat) and abs(lat) <= 90 * DEGREE:
            fix = Fix(at=at, lat=lat / DEGREE, lon=lon / DEGREE)
        found.append(
            Report(
                at=at,
                fix=fix,
                buffered=stored == 2,
                other={"fault_code": fields.text(5)},
                record=record,
            )
        )
    return tuple(found)
