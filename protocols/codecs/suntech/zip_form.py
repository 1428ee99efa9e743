"""Zipped reports of the ST300 series.

::

    [02][length 2][kind 1][unit 5, decimal][model 1][version 2][date and time 6][cell 3]
    [lat 4][lon 4][km/h 3][course 3][fix, signs, satellites 1][metres 4][power V 2]
    [inputs and outputs 1][code 1][hours 4, backup V 2, live 1]?[03]

A latitude is a byte of degrees and six decimals in packed decimal; speed, course and volts are
a whole number and two decimals. Of the unit's ten digits the last is filling.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from protocols.codecs.suntech import codes
from protocols.codecs.suntech.frame import ZIP_END
from protocols.errors import Corrupt, Malformed
from protocols.message import Fix, Readings, Report
from protocols.settings import DeviceSettings
from protocols.wire import Reader

KINDS: Mapping[int, str] = {0x10: "STT", 0x11: "EMG", 0x12: "EVT", 0x13: "ALT", 0x16: "UEX"}
_FIXED, _SOUTH, _WEST, _SATELLITES = 0x80, 0x40, 0x20, 0x1F
_INPUTS = 0b111


def report(frame: bytes, settings: DeviceSettings) -> tuple[str, Report]:
    """The unit and its report. Raises Corrupt without its end, Malformed if unreadable."""
    if frame[-1] != ZIP_END:
        raise Corrupt("a zipped report ends with 03")
    kind = KINDS.get(frame[3])
    if kind is None:
        raise Malformed(f"a zipped report of kind {frame[3]:02x}")
    wire = Reader(frame[4:-1])
    unit_id = wire.bcd(5)[:9]
    wire.take(3)
    at = _moment(wire.take(6), settings)
    wire.take(3)
    lat, lon = _decimal(wire, 1, 3), _decimal(wire, 1, 3)
    speed, course = _decimal(wire, 2, 1), _decimal(wire, 2, 1)
    flags = wire.u8()
    readings: Readings = {"satellites": flags & _SATELLITES, "odometer_m": float(wire.u32())}
    power = _decimal(wire, 1, 1)
    if power is not None:
        readings["power_v"] = power
    lines = wire.u8()
    readings["ignition"] = bool(lines & 1)
    inputs = lines >> 1 & _INPUTS
    code = None if kind == "UEX" or not wire.remaining else wire.u8()
    buffered = False
    if kind not in {"UEX", codes.STATUS} and wire.remaining == 7:
        wire.take(4)
        if (backup := _decimal(wire, 1, 1)) is not None:
            readings["battery_v"] = backup
        buffered = wire.u8() == 0
    fix = None
    if at is not None and lat is not None and lon is not None:
        try:
            fix = Fix(
                at=at,
                lat=-lat if flags & _SOUTH else lat,
                lon=-lon if flags & _WEST else lon,
                valid=bool(flags & _FIXED),
                speed_kmh=speed,
                course_deg=course,
            )
        except ValueError:
            fix = None
    return unit_id, Report(
        at=at,
        fix=fix,
        signals=codes.signals_of(kind, code, inputs, settings),
        readings=readings,
        buffered=buffered,
        other={"kind": kind, "inputs": inputs, "outputs": lines >> 4 & 3, "code": code},
        record=frame[3:4] + frame[9:-1],
    )


def _decimal(wire: Reader, wholes: int, decimals: int) -> float | None:
    """A whole number, and decimals two a byte; None if they are no digits."""
    whole = int.from_bytes(wire.take(wholes), "big")
    digits = wire.take(decimals).hex()
    if not digits.isdecimal():
        return None
    return whole + int(digits) / float(10 ** len(digits))


def _moment(raw: bytes, settings: DeviceSettings) -> datetime | None:
    try:
        naive = datetime(2000 + raw[0], *raw[1:])  # noqa: DTZ001 — the wire names no zone
    except ValueError:
        return None
    return settings.utc(naive) if settings.time_zone else naive.replace(tzinfo=UTC)
