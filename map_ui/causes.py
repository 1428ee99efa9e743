"""What causes of alarms are called on pages that are written here, not by a script.

The same words as in ``static/pages/names.js``; a test holds the two together.
"""

from collections.abc import Callable, Mapping

CAUSES: Mapping[str, str] = {
    "panic": "SOS",
    "fall": "Fall",
    "no_motion": "No movement",
    "crash": "Crash",
    "amber": "Timed check-in missed",
    "power_cut": "Power cut",
    "low_battery": "Low battery",
    "low_power": "Low vehicle battery",
    "tamper": "Tampering",
    "removed": "Device removed",
    "jamming": "Jamming",
    "antenna_cut": "Antenna cut",
    "tow": "Towing",
    "shock": "Shock",
    "movement": "Moved while parked",
    "door_opened": "Door opened",
    "bonnet": "Bonnet opened",
    "powered_off": "Device switched off",
    "stolen": "Reported stolen",
    "overspeed": "Too fast",
    "zone_entered": "Entered a zone",
    "zone_left": "Left a zone",
    "zone_crossed": "Crossed a zone",
    "inside": "In a zone",
    "outside": "Outside its zones",
    "outside_at": "Not where it should be",
    "dwelled": "Too long in a zone",
    "not_back": "Not back in time",
    "left_corridor": "Left its corridor",
    "overdue": "Has not arrived",
    "moving": "Moving",
    "stopped": "Stands too long",
    "idling": "Engine idles",
    "harsh_driving": "Driven harshly",
    "crashed": "Crash",
    "moved_while_parked": "Moved while parked",
    "towed": "Towing",
    "driverless": "No driver's card",
    "out_of_hours": "Used outside its hours",
    "ignition": "Ignition on",
    "still": "No movement",
    "signalled": "Signal",
    "power_lost": "Supply lost",
    "battery_low": "Low battery",
    "battery_trend": "Battery soon empty",
    "unheard": "Not heard",
    "near": "Near another",
    "apart": "Apart from the others",
    "together": "Travels with another",
    "outage": "Many devices lost at once",
    "rule_failed": "A rule cannot judge",
    "silence": "Silent",
    "identity_conflict": "Two devices use one name",
    "unspecified": "Unspecified alarm",
    "unreadable": "Unreadable message from a panic device",
}


def said(cause: str, words: Callable[[str], str]) -> str:
    """A cause in the language of ``words``; one without a word is shown as it is."""
    if cause in CAUSES:
        return words(CAUSES[cause])
    return cause.replace("_", " ").capitalize()
