"""Reports with the universal header: the ST4000 series and what came after, as text and zipped.

::

    STT;unit;3FFFFF;model;version;live;20161117;08:37:39;cell;mcc;mnc;area;level;lat;lon;km/h;
        course;satellites;fix;inputs;outputs;mode or code;reason;count[;assigned mask;…]

The third field is a mask of hexadecimal: bit 1 is the model, and each further bit one field
of the list below. Bit 22 keeps a field free, bit 23 announces a second mask, of the fields
that follow it. Where a serial port speaks (UEX), the last three of the list are the length of
what it said, that, and its checksum.
The zipped form says the same in numbers: latitudes with a sign bit, hundredths of km/h.
The inputs, from the right: ignition, input 1, input 2 …
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from protocols.codecs.suntech import codes
from protocols.codecs.suntech.codes import number, whole
from protocols.codecs.suntech.legacy import serial_port
from protocols.errors import Malformed
from protocols.message import CellTower, Fix, Readings, Report
from protocols.settings import DeviceSettings
from protocols.wire import Reader

KINDS = frozenset({"STT", "ALT", "EMG", "EVT", "UEX"})
BINARY_KINDS: Mapping[int, str] = {0x81: "STT", 0x82: "ALT"}

_HEADER = (
    "model",
    "firmware",
    "live",
    "day",
    "clock",
    "cid",
    "mcc",
    "mnc",
    "lac",
    "level",
    "lat",
    "lon",
    "speed",
    "course",
    "satellites",
    "fixed",
    "inputs",
    "outputs",
    "code",
    "reason",
    "count",
)
_WHOLE_HEADER = (1 << 22) - 2
_ASSIGNED = 1 << 23
_RESERVED = 1 << 22
_SIGN = 1 << 31


def report(kind: str, fields: Sequence[str], record: bytes, settings: DeviceSettings) -> Report:
    """The report of text. Raises Malformed where its mask cannot be read."""
    try:
        mask = int(fields[2], 16)
    except (ValueError, IndexError):
        raise Malformed("the third field is no mask of fields") from None
    said, at = _header(fields, mask)
    day, clock = said.get("day", ""), said.get("clock", "")
    when = codes.moment(day, clock, settings)
    readings: Readings = {}
    other: dict[str, object] = {"kind": kind, "firmware": said.get("firmware", "")}
    if (level := whole(said.get("level", ""))) is not None:
        readings["rssi"] = level
    if (count := whole(said.get("satellites", ""))) is not None:
        readings["satellites"] = count
    inputs = _inputs(said.get("inputs", ""), readings, other)
    if "outputs" in said:
        other["outputs"] = said["outputs"]
    code = None
    if kind == "UEX":
        serial_port((said.get("reason", ""),), readings, other)
    else:
        code = other["code"] = whole(said.get("code", ""))
        if said.get("reason"):
            other["reason" if kind == codes.STATUS else "modifier"] = said["reason"]
        tail = fields[at + bool(mask & _RESERVED) :]
        if mask & _ASSIGNED:
            _assigned(tail, readings, other)
        else:
            _unassigned(tail, readings)
    place = (
        said.get("lat", ""),
        said.get("lon", ""),
        said.get("speed", ""),
        said.get("course", ""),
    )
    return Report(
        at=when,
        fix=codes.fix_of(when, place, valid=said.get("fixed", "1") == "1"),
        signals=codes.signals_of(kind, code, inputs, settings),
        readings=readings,
        cells=_cell(said),
        buffered=said.get("live") == "0",
        other=other,
        record=record,
    )


def zipped(frame: bytes, settings: DeviceSettings) -> tuple[str, Report]:
    """The unit, and the report of the zipped form. Raises Malformed if it is short."""
    kind = BINARY_KINDS[frame[0]]
    wire = Reader(frame)
    wire.take(3)
    unit_id = wire.bcd(5)
    record = bytes((frame[0],)) + frame[8:]
    mask = wire.u24()
    has = [bool(mask & 1 << bit) for bit in range(1, 22)]
    other: dict[str, object] = {"kind": kind}
    readings: Readings = {}
    if has[0]:
        wire.take(1)
    if has[1]:
        other["firmware"] = ".".join(str(part) for part in wire.take(3))
    live = wire.u8() if has[2] else 1
    day = wire.take(3) if has[3] else b""
    clock = wire.take(3) if has[4] else b""
    cid = wire.u32() if has[5] else 0
    mcc = wire.u16() if has[6] else 0
    mnc = wire.u16() if has[7] else 0
    lac = wire.u16() if has[8] else 0
    if has[9]:
        readings["rssi"] = wire.u8()
    lat = _degrees(wire.u32()) if has[10] else None
    lon = _degrees(wire.u32()) if has[11] else None
    speed = wire.u16() / 100 if has[12] else None
    course = wire.u16() / 100 if has[13] else None
    if has[14]:
        readings["satellites"] = wire.u8()
    fixed = wire.u8() if has[15] else 1
    inputs = 0
    if has[16]:
        lines = wire.u8()
        readings["ignition"] = bool(lines & 1)
        inputs = other["inputs"] = lines >> 1
    if has[17]:
        other["outputs"] = wire.u8()
    code = wire.u8() if has[18] and wire.remaining else None
    other["code"] = code
    if kind == codes.STATUS and all(has[18:]) and wire.remaining >= 7:
        other["reason"] = wire.u8()
        wire.take(2)
        readings["battery_v"] = wire.u16() / 10
        readings["power_v"] = wire.u16() / 100
    at = _moment(day, clock, settings)
    return unit_id, Report(
        at=at,
        fix=_fix(at, lat, lon, speed, course, valid=fixed == 1),
        signals=codes.signals_of(kind, code, inputs, settings),
        readings=readings,
        cells=(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),) if cid else (),
        buffered=live == 0,
        other=other,
        record=record,
    )


def _header(fields: Sequence[str], mask: int) -> tuple[dict[str, str], int]:
    """The fields by name, and where they end."""
    if mask & _WHOLE_HEADER == _WHOLE_HEADER:
        return dict(zip(_HEADER, fields[3:24], strict=False)), 24
    names = [name for bit, name in enumerate(_HEADER, 1) if mask >> bit & 1]
    return dict(zip(names, fields[3:], strict=False)), 3 + len(names)


def _inputs(lines: str, readings: Readings, other: dict[str, object]) -> int:
    if not lines or lines.strip("01"):
        return 0
    bits = int(lines[-16:], 2)
    readings["ignition"] = bool(bits & 1)
    other["inputs"] = bits >> 1
    return bits >> 1


def _cell(said: Mapping[str, str]) -> tuple[CellTower, ...]:
    try:
        tower = CellTower(
            mcc=int(said["mcc"]),
            mnc=int(said["mnc"]),
            lac=int(said["lac"], 16),
            cid=int(said["cid"], 16),
        )
    except (KeyError, ValueError):
        return ()
    return (tower,) if tower.cid else ()


def _assigned(tail: Sequence[str], readings: Readings, other: dict[str, object]) -> None:
    """The fields of the second mask: bit 0 backup volts, bit 1 power volts, the rest by number."""
    if not tail:
        return
    try:
        mask = int(tail[0], 16) & 0xFFFFFFFF
    except ValueError:
        return
    bits = [bit for bit in range(32) if mask >> bit & 1]
    for bit, value in zip(bits, tail[1:], strict=False):
        if bit == 0 and (volts := number(value)) is not None:
            readings["battery_v"] = volts
        elif bit == 1 and (volts := number(value)) is not None:
            readings["power_v"] = volts
        elif value:
            other[f"assigned{bit}"] = value


def _unassigned(tail: Sequence[str], readings: Readings) -> None:
    """Some firmware adds backup volts and power volts without a second mask."""
    if len(tail) < 2 or "." not in tail[0] or "." not in tail[1]:
        return
    backup, power = number(tail[0]), number(tail[1])
    if backup is not None and power is not None:
        readings["battery_v"], readings["power_v"] = backup, power


def _degrees(raw: int) -> float:
    """A sign bit and millionths."""
    return -(raw & ~_SIGN) / 1e6 if raw & _SIGN else raw / 1e6


def _moment(day: bytes, clock: bytes, settings: DeviceSettings) -> datetime | None:
    try:
        naive = datetime(2000 + day[0], day[1], day[2], *clock)  # noqa: DTZ001 — no zone in it
    except (ValueError, IndexError):
        return None
    return settings.utc(naive) if settings.time_zone else naive.replace(tzinfo=UTC)


def _fix(
    at: datetime | None,
    lat: float | None,
    lon: float | None,
    speed: float | None,
    course: float | None,
    *,
    valid: bool,
) -> Fix | None:
    if at is None or lat is None or lon is None:
        return None
    try:
        return Fix(at=at, lat=lat, lon=lon, valid=valid, speed_kmh=speed, course_deg=course)
    except ValueError:
        return None
