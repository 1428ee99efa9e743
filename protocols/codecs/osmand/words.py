"""The words that phone apps use, and what they mean here."""

import json
from collections.abc import Iterable, Mapping

from protocols.http_request import number, storable
from protocols.message import LIFE_SAFETY, Readings, Signal
from protocols.settings import DeviceSettings

KMH_PER_KNOT = 1.852
KMH_PER_MPS = 3.6


def signals_in(
    alarms: Iterable[str], said: Mapping[str, object], settings: DeviceSettings
) -> frozenset[Signal]:
    """Every alarm named, in any case, with commas or one by one: none hides another.

    Apps that know no ``alarm`` say ``sos=1`` or ``event=sos``; only life and
    death is taken from there, as other events carry other apps' words, or what was set.
    """
    found: set[Signal] = set()
    for word in ",".join(alarms).split(","):
        name = _bare(word)
        if name not in NO_ALARM:
            found |= settings.meaning(name, frozenset({ALARMS.get(name, Signal.UNSPECIFIED)}))
    for key in SHOUTS:
        if key in said and _bare(written(said[key])) not in NO_ALARM:
            found |= settings.meaning(key, _PANIC)
    if "event" in said:
        name = _bare(written(said["event"]))
        usual = ALARMS.get(name)
        found |= settings.meaning(name, frozenset({usual} if usual in LIFE_SAFETY else ()))
    return frozenset(found)


def readings_in(said: dict[str, object] | dict[str, str]) -> Readings:
    """The readings among ``said``, which loses them."""
    readings = Readings()
    for key in [key for key in said if key in READINGS]:
        name, convert = READINGS[key]
        value = convert(said[key])
        if value is not None:
            del said[key]
            readings[name] = value  # type: ignore[literal-required]
    return readings


def written(value: object) -> str:
    """A JSON value as the query would have it."""
    if isinstance(value, list):
        return ",".join(map(written, value))
    return value if isinstance(value, str) else json.dumps(value)


def positive(said: object, factor: float = 1.0) -> float | None:
    """A number in our unit. Apps write -1 for: not known."""
    value = number(said)
    return None if value is None or value < 0 else value * factor


def whole(said: object) -> int | None:
    """A number without its fraction."""
    value = number(said)
    return None if value is None else int(value)


def _bare(word: str) -> str:
    """``low_battery``, ``Low-Battery`` and ``lowBattery`` are one word."""
    return word.strip().replace("_", "").replace("-", "").replace(" ", "").casefold()


def _percent(said: object) -> float | None:
    return positive(said.rstrip("%") if isinstance(said, str) else said)


def _yes_or_no(said: object) -> bool | None:
    if isinstance(said, bool):
        return said
    return {"true": True, "1": True, "false": False, "0": False}.get(str(said).casefold())


def _text(said: object) -> str | None:
    return storable(str(said)) or None


NO_ALARM = frozenset({"", "0", "false", "no", "none", "null", "off", "0.0"})
SHOUTS = ("sos", "panic")
_PANIC = frozenset({Signal.PANIC})

ALARMS = {
    "sos": Signal.PANIC,
    "panic": Signal.PANIC,
    "falldown": Signal.FALL,
    "fall": Signal.FALL,
    "mandown": Signal.FALL,
    "nomotion": Signal.NO_MOTION,
    "accident": Signal.CRASH,
    "crash": Signal.CRASH,
    "powercut": Signal.POWER_CUT,
    "powerrestored": Signal.POWER_RESTORED,
    "poweroff": Signal.POWERED_OFF,
    "poweron": Signal.POWERED_ON,
    "lowbattery": Signal.LOW_BATTERY,
    "lowpower": Signal.LOW_POWER,
    "tampering": Signal.TAMPER,
    "tamper": Signal.TAMPER,
    "removing": Signal.REMOVED,
    "removed": Signal.REMOVED,
    "jamming": Signal.JAMMING,
    "gpsantennacut": Signal.ANTENNA_CUT,
    "antennacut": Signal.ANTENNA_CUT,
    "vibration": Signal.SHOCK,
    "shock": Signal.SHOCK,
    "movement": Signal.MOVEMENT,
    "tow": Signal.TOW,
    "door": Signal.DOOR_OPENED,
    "bonnet": Signal.BONNET,
    "overspeed": Signal.OVERSPEED,
    "lowspeed": Signal.LOWSPEED,
    "geofence": Signal.ZONE_ALERT,
    "geofenceenter": Signal.ZONE_ENTERED,
    "geofenceexit": Signal.ZONE_LEFT,
    "hardbraking": Signal.HARSH_BRAKING,
    "hardacceleration": Signal.HARSH_ACCELERATION,
    "hardcornering": Signal.HARSH_CORNERING,
    "fatiguedriving": Signal.FATIGUE_DRIVING,
    "footbrake": Signal.FOOT_BRAKE,
    "idle": Signal.IDLE,
    "parking": Signal.PARKING,
    "temperature": Signal.TEMPERATURE,
    "fuelleak": Signal.FUEL_LEAK,
    "fault": Signal.FAULT,
    "general": Signal.UNSPECIFIED,
}
"""Alarm words without capitals, hyphens and underscores. Any other word is UNSPECIFIED."""

WORDS = {signal: word for word, signal in reversed(ALARMS.items())}

NAMES = {
    "id": "id",
    "deviceid": "id",
    "device_id": "id",
    "alarm": "alarm",
    "cell": "cell",
    "wifi": "wifi",
    "lat": "lat",
    "latitude": "lat",
    "lon": "lon",
    "lng": "lon",
    "long": "lon",
    "longitude": "lon",
    "location": "location",
    "timestamp": "timestamp",
    "time": "timestamp",
    "valid": "valid",
    "altitude": "altitude",
    "alt": "altitude",
    "speed": "speed",
    "spd": "speed_mps",
    "s": "speed_mps",
    "bearing": "bearing",
    "heading": "bearing",
    "course": "bearing",
    "dir": "bearing",
    "accuracy": "accuracy",
    "acc": "accuracy",
    "hacc": "accuracy",
    "event": "event",
    "sos": "sos",
    "panic": "panic",
    "batt": "batt",
    "batterylevel": "batt",
    "battery": "battery",
    "charge": "charge",
    "charging": "charge",
    "ischarging": "charge",
    "hdop": "hdop",
    "sat": "sat",
    "sats": "sat",
    "driveruniqueid": "driverUniqueId",
    "ignition": "ignition",
    "odometer": "odometer",
    "motion": "motion",
    "power": "power",
    "rssi": "rssi",
    "steps": "steps",
    "fuel": "fuel",
}
"""What apps call a thing, in small letters, and what we call it here."""

READINGS = {
    "batt": ("battery_pct", _percent),
    "battery": ("battery_v", number),
    "power": ("power_v", number),
    "charge": ("charging", _yes_or_no),
    "hdop": ("hdop", number),
    "sat": ("satellites", whole),
    "driverUniqueId": ("driver_id", _text),
    "ignition": ("ignition", _yes_or_no),
    "motion": ("motion", _yes_or_no),
    "odometer": ("odometer_m", number),
    "rssi": ("rssi", whole),
    "steps": ("steps", whole),
    "fuel": ("fuel", number),
}
