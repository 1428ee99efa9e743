"""What the engine says: GTCAN, the CAN part of an extended report, and GTOBD.

A mask tells which columns follow; each has one bit, the lowest first.
"""

from collections.abc import Sequence

from protocols.codecs.gl200.fields import hexadecimal, number
from protocols.message import Readings

Others = dict[str, object]

_CAN_COLUMNS = (
    "vin",
    "key",
    "obd_odometer",
    "fuel_used_l",
    "rpm",
    "obd_speed_kmh",
    "coolant_c",
    "fuel_consumption",
    "fuel",
    "range_hm",
    "throttle_pct",
    "engine_hours",
    "driving_hours",
    "idle_hours",
    "idle_fuel_l",
    "axle_weight_kg",
    "tachograph",
    "indicators",
    "lights",
    "doors",
    "overspeed_hours",
    "engine_overspeed_hours",
)
_IN_HEXADECIMAL = frozenset({"tachograph", "indicators", "lights", "doors"})

_OBD_COLUMNS = (
    "vin",
    "obd_connected",
    "obd_power_v",
    "supported_pids",
    "rpm",
    "obd_speed_kmh",
    "coolant_c",
    "fuel_consumption",
    "cleared_distance_km",
    "mil_distance_km",
    "mil",
    "trouble_codes",
    "codes",
    "throttle_pct",
    "engine_load_pct",
    "fuel",
    "",
    "",
    "",
    "obd_odometer",
)


def read_canbus(columns: Sequence[str], at: int, readings: Readings, other: Others) -> int:
    """The columns behind the mask at ``at``; answers the column behind those we know."""
    mask = hexadecimal(columns[at]) if at < len(columns) else None
    at += 1
    if mask is None:
        return at
    for bit, name in enumerate(_CAN_COLUMNS):
        if not mask >> bit & 1:
            continue
        if at >= len(columns):
            break
        _keep(name, columns[at], readings, other)
        at += 1
    return at


def read_obd(columns: Sequence[str], readings: Readings, other: Others) -> None:
    """GTOBD: name of the car, name of the device, report type, mask, then its columns."""
    at = 6
    mask = hexadecimal(columns[at]) if len(columns) > at + 2 else None
    for bit, name in enumerate(_OBD_COLUMNS):
        if mask is None or not mask >> bit & 1:
            continue
        at += 1
        # The place and the time of sending stand behind: never read into them.
        if at >= len(columns) - 10:
            return
        if name == "obd_power_v":
            if (millivolts := number(columns[at])) is not None:
                other[name] = millivolts / 1000
        elif name:
            _keep(name, columns[at], readings, other)


def _keep(name: str, said: str, readings: Readings, other: Others) -> None:
    if not said:
        return
    if name == "fuel":
        _read_fuel(said, readings, other)
    elif name == "key":
        if (position := number(said)) is not None:
            readings["ignition"] = position > 0
    elif name in _IN_HEXADECIMAL:
        if (bits := hexadecimal(said)) is not None:
            other[name] = bits
    elif (value := number(said.lstrip("HL/MPS"))) is not None:
        # H: as the dashboard says, P: per cent, L: litres, L/H: litres an hour.
        other[name] = value
    elif name in {"vin", "supported_pids", "codes"}:
        other[name] = said


def _read_fuel(said: str, readings: Readings, other: Others) -> None:
    """The level of the tank: P and per cent, or L and litres."""
    value = number(said.lstrip("PL"))
    if value is None:
        return
    if said.startswith("L"):
        other["fuel_l"] = value
    else:
        readings["fuel"] = value
