"""What the codes of a Suntech report mean, and what every form of report has in common."""

from collections.abc import Mapping
from datetime import UTC, datetime

from protocols.message import Fix, Signal
from protocols.settings import DeviceSettings

EMERGENCY, ALERT, EVENT, STATUS = "EMG", "ALT", "EVT", "STT"

EMERGENCIES: Mapping[int, Signal] = {
    1: Signal.PANIC,
    2: Signal.PARKING,
    3: Signal.POWER_CUT,
    5: Signal.DOOR_OPENED,
    6: Signal.DOOR_OPENED,
    7: Signal.MOVEMENT,
    8: Signal.SHOCK,
}
ALERTS: Mapping[int, Signal] = {
    1: Signal.OVERSPEED,
    2: Signal.OVERSPEED_END,
    3: Signal.ANTENNA_CUT,
    5: Signal.ZONE_LEFT,
    6: Signal.ZONE_ENTERED,
    8: Signal.ANTENNA_CUT,
    13: Signal.FAULT,
    14: Signal.LOW_BATTERY,
    15: Signal.SHOCK,
    16: Signal.CRASH,
    18: Signal.ROUTE_DEVIATION,
    40: Signal.POWER_RESTORED,
    41: Signal.POWER_CUT,
    42: Signal.PANIC,
    46: Signal.HARSH_ACCELERATION,
    47: Signal.HARSH_BRAKING,
    48: Signal.HARSH_CORNERING,
    49: Signal.OVERSPEED,
    50: Signal.JAMMING,
    73: Signal.FUEL_LEAK,
    75: Signal.TEMPERATURE,
}
_NOTHING: frozenset[Signal] = frozenset()
_SOMETHING = frozenset({Signal.UNSPECIFIED})
_USUAL: Mapping[str, Mapping[int, frozenset[Signal]]] = {
    EMERGENCY: {code: frozenset({signal}) for code, signal in EMERGENCIES.items()},
    ALERT: {code: frozenset({signal}) for code, signal in ALERTS.items()},
}


def signals_of(
    kind: str, code: int | None, inputs: int, settings: DeviceSettings
) -> frozenset[Signal]:
    """What a report of that kind and code says, and its inputs (bit 0 is input 1).

    An emergency that we cannot read is an emergency all the same.
    """
    usual = _USUAL.get(kind)
    if usual is None:
        signals = _NOTHING
    else:
        unread = _SOMETHING if kind == EMERGENCY else _NOTHING
        signals = unread if code is None else usual.get(code, unread)
    if settings.alarms and code is not None:
        signals = settings.meaning(f"{kind} {code}", signals)
    return signals | settings.inputs(inputs) if settings.panic_inputs and inputs else signals


def moment(day: str, clock: str, settings: DeviceSettings) -> datetime | None:
    """``20240229``, ``12:00:00``; None if no clock ever showed that."""
    try:
        if len(day) != 8 or len(clock) != 8:
            return None
        naive = datetime(  # noqa: DTZ001 — the wire names no zone
            int(day[:4]),
            int(day[4:6]),
            int(day[6:]),
            int(clock[:2]),
            int(clock[3:5]),
            int(clock[6:]),
        )
    except ValueError:
        return None
    return settings.utc(naive) if settings.time_zone else naive.replace(tzinfo=UTC)


def fix_of(at: datetime | None, place: tuple[str, str, str, str], *, valid: bool) -> Fix | None:
    """A fix from latitude, longitude, km/h and course as text; None if it is none."""
    lat, lon, speed, course = place
    if at is None:
        return None
    try:
        return Fix(
            at=at,
            lat=float(lat),
            lon=float(lon),
            valid=valid,
            speed_kmh=float(speed) if speed else None,
            course_deg=float(course) if course else None,
        )
    except ValueError:
        return None


def whole(said: str) -> int | None:
    """The whole number in a field; None if there is none."""
    try:
        return int(said) if len(said) <= 12 else None
    except ValueError:
        return None


def number(said: str) -> float | None:
    """The number in a field of digits and a point; None if there is none."""
    if len(said) > 16 or not said.lstrip("+-").replace(".", "", 1).isdecimal():
        return None
    return float(said)
