"""Positions and frames as PostgreSQL's binary COPY wants them.

Rows are encoded here, once, into one buffer: letting the driver encode value by value costs
five times as much (see loadtests). See: PostgreSQL manual, COPY, binary format; PostGIS EWKB.
"""

import struct
from dataclasses import asdict
from datetime import datetime
from struct import Struct
from uuid import UUID

import orjson

from protocols.message import CellTower, Fix, Report, WifiNetwork

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

POSITION_COLUMNS = (
    "asset_id", "device_id", "at", "fingerprint", "received_at", "geom", "valid", "buffered",
    "misdated", "newest", "speed_kmh", "course_deg", "altitude_m", "accuracy_m", "satellites",
    "hdop", "ignition", "motion", "immobilised", "charging", "battery_pct", "battery_v",
    "power_v", "odometer_m", "rssi", "driver_id", "signals", "other",
)  # fmt: skip
"""The columns of ``incoming_positions``, in the order that ``position_row`` writes them."""

FRAME_COLUMNS = ("received_at", "unit_id", "codec", "payload")

_EPOCH_US = 946_684_800_000_000  # PostgreSQL counts from 2000-01-01
_NULL = b"\xff\xff\xff\xff"
_POINT_WITH_SRID = 0x20000001
_HEAD = Struct(">h i16s i16s iq iq iq iBIIdd i? i? i? i?")
_REAL = Struct(">if")
_DOUBLE = Struct(">id")
_SMALL = Struct(">ih")
_SIZE = Struct(">i")
_FRAME = Struct(">hiqi")
_YES, _NO = b"\0\0\0\1\1", b"\0\0\0\1\0"
_TEXT_OID = 25
_ARRAY = Struct(">iiiiii")


def microseconds(at: datetime) -> int:
    """A time as PostgreSQL stores it."""
    return round(at.timestamp() * 1_000_000) - _EPOCH_US


def position_row(
    report: Report,
    fix: Fix,
    *,
    asset: bytes,
    device: bytes,
    at_us: int,
    received_us: int,
    fingerprint: int,
    buffered: bool,
    misdated: bool,
    newest: bool,
) -> bytes:
    """One row of ``incoming_positions``; ``asset`` and ``device`` are 16-byte UUIDs."""
    said = report.readings
    driver = said.get("driver_id")
    return b"".join(
        (
            _HEAD.pack(
                len(POSITION_COLUMNS), 16, asset, 16, device, 8, at_us, 8, fingerprint,
                8, received_us, 25, 0, _POINT_WITH_SRID, 4326, fix.lon, fix.lat,
                1, fix.valid, 1, buffered, 1, misdated, 1, newest,
            ),
            _real(fix.speed_kmh),
            _real(fix.course_deg),
            _real(fix.altitude_m),
            _real(fix.accuracy_m),
            _small(said.get("satellites")),
            _real(said.get("hdop")),
            _fact(said.get("ignition")),
            _fact(said.get("motion")),
            _fact(said.get("immobilised")),
            _fact(said.get("charging")),
            _real(said.get("battery_pct")),
            _real(said.get("battery_v")),
            _real(said.get("power_v")),
            _double(said.get("odometer_m")),
            _small(said.get("rssi")),
            _NULL if driver is None else _text(driver),
            _texts(sorted(report.signals)) if report.signals else _NULL,
            _rest(report),
        )
    )  # fmt: skip


def frame_row(*, received_us: int, unit: bytes, codec: bytes, payload: bytes) -> bytes:
    """One row of ``frames``; ``unit`` and ``codec`` are UTF-8."""
    return b"".join(
        (
            _FRAME.pack(len(FRAME_COLUMNS), 8, received_us, len(unit)),
            unit,
            _SIZE.pack(len(codec)),
            codec,
            _SIZE.pack(len(payload)),
            payload,
        )
    )


def uuid_bytes(name: UUID) -> bytes:
    """The 16 bytes of a UUID."""
    return name.bytes


def _real(number: float | None) -> bytes:
    """Four bytes; what they cannot hold (1e300) says nothing, and must not cost the fix."""
    try:
        return _NULL if number is None else _REAL.pack(4, number)
    except (OverflowError, struct.error):
        return _NULL


def _double(number: float | None) -> bytes:
    try:
        return _NULL if number is None else _DOUBLE.pack(8, number)
    except (OverflowError, struct.error):
        return _NULL


def _fact(fact: bool | None) -> bytes:
    return _NULL if fact is None else _YES if fact else _NO


def _small(number: float | None) -> bytes:
    if number is None or not -32_768 <= number <= 32_767:
        return _NULL
    return _SMALL.pack(2, int(number))


def _text(said: str) -> bytes:
    data = said.encode()
    return _SIZE.pack(len(data)) + data


def _texts(said: list[str]) -> bytes:
    items = b"".join(_text(text) for text in said)
    return _ARRAY.pack(20 + len(items), 1, 0, _TEXT_OID, len(said), 1) + items


_NAMED = frozenset(
    {"satellites", "hdop", "ignition", "motion", "immobilised", "charging", "battery_pct",
     "battery_v", "power_v", "odometer_m", "rssi", "driver_id"}
)  # fmt: skip


def _rest(report: Report) -> bytes:
    """What has no column of its own, as jsonb; NULL when there is nothing."""
    rest = dict(report.other)
    readings = report.readings
    if not (readings.keys() <= _NAMED):
        rest.update({name: value for name, value in readings.items() if name not in _NAMED})
    if report.cells:
        rest["cells"] = report.cells
    if report.wifi:
        rest["wifi"] = report.wifi
    if not rest:
        return _NULL
    try:
        data = orjson.dumps(rest)
    except TypeError:  # what JSON can hold and orjson cannot must not cost the fix
        data = orjson.dumps(_storable(rest))
    if rb"\u0000" in data:  # PostgreSQL has no NUL in text
        data = orjson.dumps(_storable(rest))
    return _SIZE.pack(len(data) + 1) + b"\1" + data


def _storable(value: object) -> object:
    """The same without NUL and half characters, and with numbers of more than 64 bits as hex."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return hex(value)[:100]
    if isinstance(value, CellTower | WifiNetwork):
        value = asdict(value)
    if isinstance(value, dict):
        return {_storable(name): _storable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each) for each in value]
    return value
