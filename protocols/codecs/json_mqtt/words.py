"""The names and words that JSON devices use when nobody told us theirs."""

from protocols.message import Signal

USUAL: dict[str, tuple[str, ...]] = {
    "time": (
        "time", "timestamp", "ts", "tst", "datetime", "date_time", "utc", "gps_time", "fix_time",
        "recorded_at", "at",
    ),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "long", "longitude"),
    "coordinates": ("coordinates",),
    "valid": ("valid", "gps_valid", "fix_valid"),
    "altitude": ("altitude_m", "altitude", "alt", "elevation"),
    "speed": ("speed", "velocity", "spd"),
    "course": ("course_deg", "course", "heading", "bearing", "cog", "direction"),
    "accuracy": ("accuracy_m", "accuracy", "acc", "hacc"),
    "event": ("event", "events", "signal", "signals", "trigger"),
    "alarm": ("alarm", "alarms", "alert", "alerts"),
    "inputs": ("inputs", "din", "digital_inputs"),
    "buffered": ("buffered", "archived", "historic", "offline"),
    "battery_pct": ("battery_pct", "battery_level", "battery", "batt", "bat", "battery_percent"),
    "battery_v": ("battery_v", "battery_voltage", "vbat"),
    "power_v": ("power_v", "external_voltage", "power_voltage", "vin"),
    "odometer_m": ("odometer_m", "odometer", "mileage_m"),
    "satellites": ("satellites", "sats", "sat", "nsat"),
    "hdop": ("hdop",),
    "rssi": ("rssi",),
    "steps": ("steps",),
    "fuel": ("fuel", "fuel_level"),
    "ignition": ("ignition", "ign", "acc_on"),
    "charging": ("charging",),
    "motion": ("motion", "moving"),
    "driver_id": ("driver_id", "driver"),
}  # fmt: skip
"""Where our names are looked for, in small letters; ``options`` by the same names move them."""

ALWAYS_TOLD = frozenset({"event", "alarm", "inputs"})
"""Names whose own words stay in ``other``: what they meant to us may not be all they meant."""

CONTAINERS = frozenset(
    {"gps", "gnss", "location", "position", "pos", "loc", "coords", "fix", "geometry", "properties",
     "data", "object", "decoded_payload"}
)  # fmt: skip

SPEEDS = {
    "km/h": ("speed_kmh", "speedkmh", "speed_kph"),
    "m/s": ("speed_ms", "speed_mps"),
    "knots": ("speed_knots", "speed_kn"),
    "mph": ("speed_mph",),
}
KMH = {"km/h": 1.0, "m/s": 3.6, "knots": 1.852, "mph": 1.609344}

NUMBERS: dict[str, tuple[float, float]] = {
    "battery_pct": (0, 100),
    "battery_v": (0, 100),
    "power_v": (0, 1000),
    "odometer_m": (0, 1e11),
    "satellites": (0, 255),
    "hdop": (0, 1000),
    "rssi": (-200, 255),
    "steps": (0, 1e9),
    "fuel": (0, 1e6),
}
"""Readings and what they can be at all; anything else stays in ``other``."""
WHOLE = frozenset({"satellites", "rssi", "steps"})

YES = frozenset({"true", "yes", "on", "1", "active", "pressed"})

_NOTHING: frozenset[Signal] = frozenset()
WORDS: dict[str, frozenset[Signal]] = {
    **{str(signal): frozenset({signal}) for signal in Signal},
    **{word: frozenset({Signal.PANIC}) for word in (
        "sos", "help", "emergency", "panic_button", "sos_button", "duress", "hold_up", "assault",
    )},
    **{word: frozenset({Signal.FALL}) for word in (
        "man_down", "mandown", "fall_detected", "fall_down", "fallen",
    )},
    "no_movement": frozenset({Signal.NO_MOTION}),
    "accident": frozenset({Signal.CRASH}),
    "collision": frozenset({Signal.CRASH}),
    "powercut": frozenset({Signal.POWER_CUT}),
    "tampered": frozenset({Signal.TAMPER}),
    "battery_low": frozenset({Signal.LOW_BATTERY}),
    "lowbattery": frozenset({Signal.LOW_BATTERY}),
    "geofence_enter": frozenset({Signal.ZONE_ENTERED}),
    "geofence_exit": frozenset({Signal.ZONE_LEFT}),
    "speeding": frozenset({Signal.OVERSPEED}),
    "overspeeding": frozenset({Signal.OVERSPEED}),
    **dict.fromkeys(("", "none", "no", "ok", "normal", "off", "false", "0", "heartbeat"), _NOTHING),
}  # fmt: skip

SWITCHES = frozenset(
    {"sos", "panic", "help", "emergency", "panic_button", "sos_button", "duress", "fall",
     "fall_detected", "man_down", "mandown", "no_motion", "crash", "amber", "tamper", "removed",
     "jamming", "power_cut", "low_battery", "battery_low"}
)  # fmt: skip
"""Keys that say something by being true. ``ignition`` and its like are readings."""
