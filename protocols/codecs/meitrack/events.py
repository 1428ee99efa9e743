"""What Meitrack's event numbers mean. The list is the maker's, for all its models."""

from protocols.message import Signal
from protocols.settings import DeviceSettings

EVENTS = {
    1: Signal.PANIC,
    17: Signal.LOW_BATTERY,
    18: Signal.LOW_POWER,
    19: Signal.OVERSPEED,
    20: Signal.ZONE_ENTERED,
    21: Signal.ZONE_LEFT,
    22: Signal.POWER_RESTORED,
    23: Signal.POWER_CUT,
    24: Signal.GPS_LOST,
    26: Signal.SLEEP,
    28: Signal.ANTENNA_CUT,
    29: Signal.POWERED_ON,
    36: Signal.TOW,
    40: Signal.POWERED_OFF,
    42: Signal.MOVEMENT,
    44: Signal.JAMMING,
    50: Signal.TEMPERATURE,
    51: Signal.TEMPERATURE,
    54: Signal.FUEL_LEAK,
    58: Signal.STOLEN,
    65: Signal.PANIC,  # the button is pressed to call somebody
    78: Signal.CRASH,
    79: Signal.FALL,
    90: Signal.HARSH_CORNERING,
    91: Signal.HARSH_CORNERING,
    118: Signal.FALL,  # man down
    129: Signal.HARSH_BRAKING,
    130: Signal.HARSH_ACCELERATION,
    133: Signal.IDLE,
    135: Signal.FATIGUE_DRIVING,
    138: Signal.OVERSPEED_END,
    140: Signal.FAULT,
}
"""Numbers that are not here are ordinary reports: by time, by distance, on request …"""

CARD_SHOWN = 37
"""The event whose data is the number of a card that was held to the reader."""

_NOTHING: frozenset[Signal] = frozenset()
_MEANINGS = {event: frozenset({signal}) for event, signal in EVENTS.items()}


def signals_of(event: int, inputs: int, settings: DeviceSettings) -> frozenset[Signal]:
    """What an event says on this device, and whether a button that is wired to it is pressed."""
    usual = _MEANINGS.get(event, _NOTHING)
    said = settings.meaning(str(event), usual) if settings.alarms else usual
    return said | settings.inputs(inputs) if settings.panic_inputs else said
