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
