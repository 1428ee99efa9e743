"""What an extended report (ERI) adds behind the state, as its mask announces.

Bit 0 a digital fuel sensor, bit 1 thermometers on one wire, bit 2 the CAN bus, bit 8 Bluetooth
sensors. Each begins with a number or a mask of its own; a group that does not add up ends the
reading, since everything behind it would be out of step.
"""

from collections.abc import Sequence

from protocols.codecs.gl200.canbus import read_canbus
from protocols.codecs.gl200.fields import hexadecimal, number, whole
from protocols.message import Readings

_FUEL_SENSOR = 1 << 0
_ONE_WIRE = 1 << 1
_CAN = 1 << 2
_BLUETOOTH = 1 << 8
_MOST = 20

_BEACON_COLUMNS = (
    "name",
    "mac",
    "online",
    "battery_mv",
    "temperature_c",
    "humidity_pct",
    "",
    "output",
    "event",
    "tyre_pressure_kpa",
    "at",
    "temperature_c",
    "magnet",
    "battery_pct",
    "relay",
)
"""The columns of one Bluetooth sensor, by the bits of its append mask; bit 6 has none."""

_NUMBERS = frozenset({"battery_mv", "temperature_c", "humidity_pct", "battery_pct"})


def read_extension(
    tail: Sequence[str], at: int, mask: int, readings: Readings, other: dict[str, object]
) -> None:
    """Everything behind the state; ``at`` is the kind of device on the serial port."""
    at += 1
    if mask & _FUEL_SENSOR and at < len(tail):
        if (level := hexadecimal(tail[at])) is not None:
            other["fuel_sensor"] = level
        at += 1
    if mask & _ONE_WIRE:
        at = _read_thermometers(tail, at, other)
    if mask & _CAN and at + 1 < len(tail):
        at = read_canbus(tail, at + 1, readings, other)
    if mask & _BLUETOOTH:
        _read_beacons(tail, at, other)


def _read_thermometers(tail: Sequence[str], at: int, other: dict[str, object]) -> int:
    """A number, then of each thermometer its name, its type and sixteenths of a degree."""
    count = whole(tail[at], most=_MOST) if at < len(tail) else None
    for index in range(1, (count or 0) + 1):
        name, raw = at + 3 * index - 2, at + 3 * index
        if raw >= len(tail):
            return len(tail)
        value = hexadecimal(tail[raw])
        if value is not None and value <= 0xFFFF:
            signed = value - 0x10000 if value & 0x8000 else value
            other[f"temperature{index}_c"] = signed / 16
            other[f"temperature{index}_id"] = tail[name]
    return at + 1 + 3 * (count or 0)


def _read_beacons(tail: Sequence[str], at: int, other: dict[str, object]) -> None:
    """A number, then of each sensor its index, type, model, raw data, mask and columns."""
    count = whole(tail[at], most=_MOST) if at < len(tail) else None
    at += 1
    for index in range(1, (count or 0) + 1):
        if at + 5 > len(tail):
            return
        mask = hexadecimal(tail[at + 4]) or 0
        at += 5
        for bit, name in enumerate(_BEACON_COLUMNS):
            if not mask >> bit & 1 or not name:
                continue
            if at >= len(tail):
                return
            value = number(tail[at]) if name in _NUMBERS else tail[at]
            if value not in (None, ""):
                other[f"tag{index}_{name}"] = value
            at += 1
