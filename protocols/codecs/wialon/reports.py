"""A report of Wialon IPS: fields between semicolons, and parameters between commas.

::

    date;time;lat;N;lon;E;km/h;course;metres;satellites
        [;hdop;inputs;outputs;analogue,…;key;name:type:value,…]
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from protocols.errors import Malformed
from protocols.message import CellTower, Fix, Readings, Report, Signal
from protocols.settings import DeviceSettings

SHORT, LONG = 10, 16
"""Fields of a short report, and of a whole one."""
_UNKNOWN = ("NA", "")
_FEWEST_SATELLITES = 3
_NOTHING: frozenset[Signal] = frozenset()
_CELL = re.compile(r"(mcc|mnc|lac|cell_id)(\d?)")

ALARMS: dict[str, Signal] = {
    "sos": Signal.PANIC,
    "panic": Signal.PANIC,
    "general": Signal.UNSPECIFIED,
    "falldown": Signal.FALL,
    "fall": Signal.FALL,
    "tampering": Signal.TAMPER,
    "removing": Signal.REMOVED,
    "jamming": Signal.JAMMING,
    "poweroff": Signal.POWERED_OFF,
    "poweron": Signal.POWERED_ON,
    "powercut": Signal.POWER_CUT,
    "powerrestored": Signal.POWER_RESTORED,
    "lowbattery": Signal.LOW_BATTERY,
    "lowpower": Signal.LOW_POWER,
    "vibration": Signal.SHOCK,
    "movement": Signal.MOVEMENT,
    "tow": Signal.TOW,
    "accident": Signal.CRASH,
    "overspeed": Signal.OVERSPEED,
    "lowspeed": Signal.LOWSPEED,
    "geofence": Signal.ZONE_ALERT,
    "geofenceenter": Signal.ZONE_ENTERED,
    "geofenceexit": Signal.ZONE_LEFT,
    "gpsantennacut": Signal.ANTENNA_CUT,
    "door": Signal.DOOR_OPENED,
    "bonnet": Signal.BONNET,
    "hardacceleration": Signal.HARSH_ACCELERATION,
    "hardbraking": Signal.HARSH_BRAKING,
    "hardcornering": Signal.HARSH_CORNERING,
    "fatiguedriving": Signal.FATIGUE_DRIVING,
    "footbrake": Signal.FOOT_BRAKE,
    "idle": Signal.IDLE,
    "parking": Signal.PARKING,
    "temperature": Signal.TEMPERATURE,
    "fuelleak": Signal.FUEL_LEAK,
    "fault": Signal.FAULT,
}


def report_of(
    line: str, settings: DeviceSettings, complaint: bytes, *, buffered: bool = False
) -> Report:
    """What one report says. Raises Malformed, with ``complaint``, if it has too few fields."""
    fields = line.split(";")
    if len(fields) < SHORT:
        raise Malformed(f"a report has ten fields or more, not {len(fields)}", answer=complaint)
    at = _moment(fields[0], fields[1], settings)
    readings: Readings = {}
    other: dict[str, object] = {}
    satellites = _number(fields[9])
    if satellites is not None:
        readings["satellites"] = int(satellites)
    signals, cells = _extras(fields, readings, other, settings)
    return Report(
        at=at,
        fix=_fix(fields, at, valid=(satellites or 0) >= _FEWEST_SATELLITES),
        signals=signals,
        readings=readings,
        cells=cells,
        buffered=buffered,
        other=other,
        record=line.encode(),
    )


def _moment(day: str, clock: str, settings: DeviceSettings) -> datetime | None:
    """``ddmmyy``, ``hhmmss``; a leading zero may be missing. None if it is no moment."""
    try:
        date, time = int(day), int(clock)
        naive = datetime(  # noqa: DTZ001 — the wire names no zone
            2000 + date % 100,
            date // 100 % 100,
            date // 10_000,
            time // 10_000,
            time // 100 % 100,
            time % 100,
        )
    except (ValueError, OverflowError):
        return None
    return settings.utc(naive) if settings.time_zone else naive.replace(tzinfo=UTC)


def _fix(fields: Sequence[str], at: datetime | None, *, valid: bool) -> Fix | None:
    if at is None or fields[2] in _UNKNOWN or fields[4] in _UNKNOWN:
        return None
    try:
        lat, lon = _degrees(fields[2]), _degrees(fields[4])
        return Fix(
            at=at,
            lat=-lat if fields[3] == "S" else lat,
            lon=-lon if fields[5] == "W" else lon,
            valid=valid,
            speed_kmh=_number(fields[6]),
            course_deg=_number(fields[7]),
            altitude_m=_number(fields[8]),
        )
    except ValueError:
        return None


def _degrees(said: str) -> float:
    """Degrees and minutes in one: ``5544.6025``."""
    degrees, minutes = divmod(float(said), 100)
    return degrees + minutes / 60


def _number(said: str) -> float | None:
    if said in _UNKNOWN or len(said) > 24 or not said.lstrip("+-").replace(".", "", 1).isdecimal():
        return None
    return float(said)


def _extras(
    fields: Sequence[str], readings: Readings, other: dict[str, object], settings: DeviceSettings
) -> tuple[frozenset[Signal], tuple[CellTower, ...]]:
    """hdop, inputs, outputs, analogue inputs, key, parameters."""
    if len(fields) > SHORT and (hdop := _number(fields[10])) is not None:
        readings["hdop"] = hdop
    signals = _NOTHING
    if len(fields) > 11 and len(fields[11]) <= 10 and fields[11].isdecimal():
        inputs = other["inputs"] = int(fields[11])
        signals = settings.inputs(inputs)
    if len(fields) > 13 and fields[13] not in _UNKNOWN:
        other["analogue"] = fields[13]
    if len(fields) > 14 and fields[14] not in _UNKNOWN:
        readings["driver_id"] = fields[14]
    if len(fields) < LONG or fields[15] in _UNKNOWN:
        return signals, ()
    cells: dict[str, dict[str, str]] = {}
    for parameter in fields[15].split(","):
        name, typed, value = parameter.partition(":")
        if not typed:
            continue
        value = value.partition(":")[2]
        cell = _CELL.fullmatch(name)
        if cell is not None:
            cells.setdefault(cell[2], {})[cell[1]] = value
        else:
            signals |= _parameter(name, value, readings, other, settings)
    return signals, _towers(cells)


def _parameter(
    name: str, value: str, readings: Readings, other: dict[str, object], settings: DeviceSettings
) -> frozenset[Signal]:
    """One ``name:type:value`` into its place; answers what it signals."""
    number = _number(value)
    match name.casefold():
        case "sos":
            return settings.meaning("sos", frozenset({Signal.PANIC})) if number else _NOTHING
        case "alarm":
            word = value.strip().casefold()
            if word in ("0", "", "na", "false"):
                return _NOTHING
            signal = ALARMS.get(word, Signal.UNSPECIFIED)
            return settings.meaning(word, frozenset({signal}))
        case "bat" | "battery" if number is not None and 0 <= number <= 100:
            readings["battery_pct"] = number
        case "fuel" if number is not None:
            readings["fuel"] = number
        case "ign" | "ignition" if number is not None:
            readings["ignition"] = bool(number)
        case _ if name:
            other[name[:64]] = value if number is None else number
    return _NOTHING


def _towers(said: dict[str, dict[str, str]]) -> tuple[CellTower, ...]:
    found = []
    for cell in said.values():
        try:
            tower = CellTower(
                mcc=int(cell["mcc"]),
                mnc=int(cell["mnc"]),
                lac=int(cell["lac"]),
                cid=int(cell["cell_id"]),
            )
        except (KeyError, ValueError):
            continue
        found.append(tower)
    return tuple(found)
