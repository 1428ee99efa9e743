"""What the three letters of a report mean: alarms, and the columns that stand before the place.

The letters are also the codes of ``DeviceSettings.alarms``: ``{"RTL": ["panic"]}`` makes the
second button of a pendant a call for help.
"""

from protocols.message import Signal

SIGNALS = {
    "SOS": Signal.PANIC,
    "MSA": Signal.FALL,
    "CRA": Signal.CRASH,
    "PNA": Signal.POWERED_ON,
    "PFA": Signal.POWERED_OFF,
    "EPN": Signal.POWER_RESTORED,
    "MPN": Signal.POWER_RESTORED,
    "EPF": Signal.POWER_CUT,
    "MPF": Signal.POWER_CUT,
    "BPL": Signal.LOW_BATTERY,
    "STT": Signal.MOVEMENT,
    "SWG": Signal.ZONE_ALERT,
    "GIN": Signal.ZONE_ENTERED,
    "GOT": Signal.ZONE_LEFT,
    "TMP": Signal.TEMPERATURE,
    "TEM": Signal.TEMPERATURE,
    "JDR": Signal.JAMMING,
    "JDS": Signal.JAMMING,
    "TOW": Signal.TOW,
    "SPD": Signal.OVERSPEED,
    "IDL": Signal.IDLE,
    "IDN": Signal.IDLE,
    "FLA": Signal.FUEL_LEAK,
}
"""Reports that are an alarm by their name alone."""

BY_TYPE = {
    "GEO": {"0": Signal.ZONE_LEFT, "1": Signal.ZONE_ENTERED},
    "HBM": {
        "0": Signal.HARSH_BRAKING,
        "1": Signal.HARSH_ACCELERATION,
        "2": Signal.HARSH_CORNERING,
        "3": Signal.HARSH_BRAKING,
        "4": Signal.HARSH_ACCELERATION,
    },
    "NMR": {"0": Signal.NO_MOTION},
}
"""Reports that are an alarm by the last digit of "report ID / report type"."""

ASSET_TRACKERS = frozenset({"11", "21", "40", "44", "C3"})
"""GL500, GL505, GL520, GL530, GL53M by their device type: boxes on goods, which mostly lie still.

Their GTNMR is a reading of the motion sensor. On a pendant it is a person who does not move.
"""

JAMMING_ENDED = "1"

IGNITION = {"IGN": True, "IGF": False, "VGN": True, "VGF": False}
CHARGING = {"BTC": True, "STC": False}

WITH_POWER = frozenset({"FRI", "ERI", "RTL", "EPS", "DOG"})
"""Reports with the millivolts of the supply three columns before the accuracy."""

STATES = {
    "16": (False, True),
    "1A": (False, True),
    "11": (False, False),
    "12": (False, True),
    "21": (True, False),
    "22": (True, True),
    "41": (None, False),
    "42": (None, True),
}
"""The two digits of the device state: ignition (None: no such wire) and motion."""
