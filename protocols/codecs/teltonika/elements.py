"""What the numbered AVL elements mean.

An element is named by its number and by its width together: older families gave
the same number to something else, of another width, and that must not pass for
a battery level.

See: wiki.teltonika-gps.com, "AVL ID List" of FMB, TMT250, GH5200 and TST100.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from protocols.message import Signal
from protocols.settings import DeviceSettings

PRIORITY_LOW, PRIORITY_HIGH, PRIORITY_PANIC = 0, 1, 2

ALARM, MAN_DOWN, CRASH = 236, 242, 247
"""Elements whose mere event means that a person may need help."""


class Element(NamedTuple):
    """One element: what we call it, how to read its number, and where it belongs.

    ``read`` answers None when the number means "nothing".
    """

    name: str
    read: Callable[[int], object] = int
    reading: bool = False


class Said(NamedTuple):
    """An element's value, and the record it came in."""

    value: int
    caused_record: bool
    priority: int


Noticed = Callable[[Said], Signal | None]
NOTHING_NOTICED: frozenset[Signal] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models that number their elements alike. ``elements`` is by width, then number."""

    elements: Mapping[int, Mapping[int, Element]]
    signals: Mapping[int, Noticed]
    personal: bool = False


def meaning(
    number: int, said: Said, notice: Noticed | None, settings: DeviceSettings
) -> frozenset[Signal]:
    """What one element says, as its number or its number and value were set, else as usual.

    An element that was set speaks where it would as usual: one that stands in every record only
    in the one it causes, one that has no meaning here whenever it is not 0.
    """
    signal = notice(said) if notice else None
    usual = frozenset({signal}) if signal else NOTHING_NOTICED
    if not settings.alarms:
        return usual
    if signal or (said.value and (notice is None or said.caused_record)):
        usual = settings.meaning(str(number), usual)
    return settings.meaning(f"{number} {said.value}", usual)


@lru_cache(maxsize=256)
def family_of(model: str) -> Family:
    """The family of a model; one we do not know is taken for a vehicle tracker (FMB)."""
    return PERSONAL if is_one_of(model, "TMT", "GH") else VEHICLE


def is_one_of(model: str, *beginnings: str) -> bool:
    """Whether a word of the model's name begins so: "TMT250" and "Teltonika TMT250" are one."""
    return any(word.startswith(beginnings) for word in model.upper().split())


def _signed(bits: int, scale: float = 1) -> Callable[[int], object]:
    half, whole = 1 << bits - 1, 1 << bits
    return lambda value: (value - whole if value >= half else value) * scale


def _tenths(value: int) -> float:
    return value / 10


def _hundredths(value: int) -> float:
    return value / 100


def _thousandths(value: int) -> float:
    return value / 1000


def _key(value: int) -> str | None:
    return f"{value:016X}" if value else None


_BYTES = {
    1: Element("in1", bool),
    2: Element("in2", bool),
    3: Element("in3", bool),
    4: Element("in4", bool),
    20: Element("ble_battery_2_pct"),
    21: Element("rssi", int, reading=True),
    22: Element("ble_battery_3_pct"),
    23: Element("ble_battery_4_pct"),
    29: Element("ble_battery_1_pct"),
    30: Element("fault_codes"),
    31: Element("engine_load_pct"),
    32: Element("coolant_c", _signed(8)),
    37: Element("obd_speed_kmh"),
    41: Element("throttle_pct"),
    48: Element("fuel_pct"),
    53: Element("ambient_c", _signed(8)),
    69: Element("gnss_status"),
    80: Element("data_mode"),
    81: Element("can_speed_kmh"),
    89: Element("fuel_pct"),
    113: Element("battery_pct", int, reading=True),
    116: Element("charging", bool, reading=True),
    179: Element("immobilised", bool, reading=True),
    180: Element("out2", bool),
    200: Element("sleep_mode"),
    237: Element("network_type"),
    239: Element("ignition", bool, reading=True),
    240: Element("motion", bool, reading=True),
    250: Element("trip"),
    251: Element("idling", bool),
    252: Element("unplugged", bool),
    254: Element("green_driving_value"),
    263: Element("bluetooth_status"),
    303: Element("instant_movement", bool),
    318: Element("gnss_jamming"),
    380: Element("out3", bool),
    381: Element("ground_sense", bool),
    391: Element("private_mode", bool),
    ALARM: Element("alarm"),
    MAN_DOWN: Element("man_down"),
    CRASH: Element("crash"),
    246: Element("towing", bool),
    249: Element("jamming", bool),
    253: Element("green_driving"),
}

_WORDS = {
    9: Element("analogue_1_v", _thousandths),
    13: Element("fuel_rate_l_per_100km", _hundredths),
    17: Element("axis_x_mg", _signed(16)),
    18: Element("axis_y_mg", _signed(16)),
    19: Element("axis_z_mg", _signed(16)),
    24: Element("speed_kmh"),
    25: Element("ble_temperature_1_c", _signed(16, 0.01)),
    26: Element("ble_temperature_2_c", _signed(16, 0.01)),
    27: Element("ble_temperature_3_c", _signed(16, 0.01)),
    28: Element("ble_temperature_4_c", _signed(16, 0.01)),
    36: Element("engine_rpm"),
    66: Element("power_v", _thousandths, reading=True),
    67: Element("battery_v", _thousandths, reading=True),
    68: Element("battery_ma"),
    84: Element("fuel_l", _tenths),
    85: Element("engine_rpm"),
    115: Element("engine_c", _signed(16, 0.1)),
    181: Element("pdop", _tenths),
    182: Element("hdop", _tenths, reading=True),
    205: Element("cell_id"),
    206: Element("area_code"),
}

_LONGS = {
    12: Element("fuel_used_ml"),
    16: Element("odometer_m", int, reading=True),
    72: Element("temperature_1_c", _signed(32, 0.1)),
    73: Element("temperature_2_c", _signed(32, 0.1)),
    74: Element("temperature_3_c", _signed(32, 0.1)),
    75: Element("temperature_4_c", _signed(32, 0.1)),
    83: Element("fuel_used_l", _tenths),
    87: Element("can_odometer_m"),
    199: Element("trip_m"),
    241: Element("operator"),
    636: Element("cell_id"),
}

_QUADS = {
    11: Element("iccid_1"),
    14: Element("iccid_2"),
    78: Element("driver_id", _key, reading=True),
    207: Element("driver_id", _key, reading=True),
    238: Element("user_id"),
}


def _while_set(signal: Signal) -> Noticed:
    return lambda said: signal if said.value else None


def _one_of(signals: Mapping[int, Signal]) -> Noticed:
    return lambda said: signals.get(said.value)


def _on_event(signals: Mapping[int, Signal], otherwise: Signal | None = None) -> Noticed:
    """For elements that stand in every record, where only the record they cause is news."""
    return lambda said: signals.get(said.value, otherwise) if said.caused_record else None


def _unplugged(said: Said) -> Signal | None:
    if said.value:
        return Signal.POWER_CUT
    return Signal.POWER_RESTORED if said.caused_record else None


def _alarm_input(said: Said) -> Signal | None:
    """On a vehicle this is a configurable input; panic priority says what it is for."""
    if not said.value:
        return None
    return Signal.PANIC if said.priority >= PRIORITY_PANIC else Signal.UNSPECIFIED


_ZONES = (155, 156, 157, 158, 159, 61, 62, 63, 64, 65, 70, 88, *range(91, 100), 153, 154, 175)
_ZONE = _on_event(
    {
        0: Signal.ZONE_LEFT,
        1: Signal.ZONE_ENTERED,
        2: Signal.OVERSPEED_END,
        3: Signal.OVERSPEED,
    }
)

_VEHICLE_SIGNALS: dict[int, Noticed] = {
    ALARM: _alarm_input,
    MAN_DOWN: _while_set(Signal.FALL),
    CRASH: _while_set(Signal.CRASH),
    246: _while_set(Signal.TOW),
    249: _while_set(Signal.JAMMING),
    251: _while_set(Signal.IDLE),
    252: _unplugged,
    253: _one_of(
        {1: Signal.HARSH_ACCELERATION, 2: Signal.HARSH_BRAKING, 3: Signal.HARSH_CORNERING}
    ),
    255: _on_event({0: Signal.OVERSPEED_END}, Signal.OVERSPEED),
    318: _while_set(Signal.JAMMING),
    **dict.fromkeys(_ZONES, _ZONE),
}

_ELEMENTS = {1: _BYTES, 2: _WORDS, 4: _LONGS, 8: _QUADS}

VEHICLE = Family(elements=_ELEMENTS, signals=_VEHICLE_SIGNALS)

PERSONAL = Family(
    elements=_ELEMENTS
    | {1: _BYTES | {389: Element("button_hex", hex), 400: Element("amber_alert", bool)}},
    signals=_VEHICLE_SIGNALS | {ALARM: _while_set(Signal.PANIC), 400: _while_set(Signal.AMBER)},
    personal=True,
)
