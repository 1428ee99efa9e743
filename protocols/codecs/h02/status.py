"""The four status bytes of an H02 device, in text as in binary frames.

A bit that is 0 speaks; all at rest is FFFFFFFF. A code of ``DeviceSettings.alarms`` is the
number of a bit, 0 to 31, counted from the lowest.
"""

from functools import cache

from protocols.errors import Unsupported
from protocols.message import Readings, Signal
from protocols.settings import DeviceSettings

AT_REST = 0xFFFFFFFF
_ENGINE_OFF = 10
_RELAY_CUT = 27
_ALL = range(32)

_SIGNALS: dict[int, Signal] = {
    1: Signal.PANIC,
    0: Signal.SHOCK,
    2: Signal.OVERSPEED,
    3: Signal.IGNITION,
    4: Signal.ZONE_ENTERED,
    7: Signal.ZONE_LEFT,
    18: Signal.PANIC,
    19: Signal.POWER_CUT,
    21: Signal.ANTENNA_CUT,
    22: Signal.ANTENNA_CUT,
}


def signals(status: int, settings: DeviceSettings) -> frozenset[Signal]:
    """Every signal whose bit speaks, each for itself."""
    if not settings.alarms:
        return _usual_signals(~status & AT_REST)
    found: frozenset[Signal] = frozenset()
    for bit in _ALL:
        if not status >> bit & 1:
            found |= settings.meaning(str(bit), _meaning(bit))
    return found


def readings(status: int) -> Readings:
    """Engine and relay, which every status names."""
    return {
        "ignition": bool(status >> _ENGINE_OFF & 1),
        "immobilised": not status >> _RELAY_CUT & 1,
    }


def written(said: frozenset[Signal], told: Readings) -> int:
    """The status of a device that has just this to say. Raises Unsupported."""
    status = AT_REST
    bits = {signal: bit for bit, signal in reversed(_SIGNALS.items())}
    for signal in said:
        if signal not in bits:
            raise Unsupported(f"an H02 device has no status bit for {signal}")
        status &= ~(1 << bits[signal])
    if not told.get("ignition", True):
        status &= ~(1 << _ENGINE_OFF)
    if told.get("immobilised"):
        status &= ~(1 << _RELAY_CUT)
    return status


@cache
def _usual_signals(speaking: int) -> frozenset[Signal]:
    return frozenset(signal for bit, signal in _SIGNALS.items() if speaking >> bit & 1)


def _meaning(bit: int) -> frozenset[Signal]:
    return frozenset({_SIGNALS[bit]}) if bit in _SIGNALS else frozenset()
