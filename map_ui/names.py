"""What signals, readings and commands are called on pages that are written here.

Causes and readings have the same words as in ``static/pages/names.js``; tests hold them together.
"""

from collections.abc import Callable, Mapping

from map_ui.causes import CAUSES
from protocols.message import Command, Signal

Words = Callable[[str], str]


def _(english: str) -> str:
    """Marks words for the catalogues; they are translated when they are said."""
    return english


SIGNALS: Mapping[str, str] = {signal: CAUSES[signal] for signal in Signal if signal in CAUSES} | {
    "power_restored": _("Power is back"),
    "powered_on": _("Device switched on"),
    "overspeed_end": _("No longer too fast"),
    "lowspeed": _("Too slow"),
    "zone_alert": _("Zone alert"),
    "harsh_braking": _("Harsh braking"),
    "harsh_acceleration": _("Harsh acceleration"),
    "harsh_cornering": _("Harsh cornering"),
    "fatigue_driving": _("Tired driving"),
    "foot_brake": _("Foot brake"),
    "ignition": _("Ignition"),
    "idle": _("Engine idles"),
    "parking": _("Parked"),
    "temperature": _("Temperature"),
    "fuel_leak": _("Fuel leak"),
    "fault": _("Fault"),
    "gps_lost": _("No satellites"),
    "charge": _("Charging"),
    "sleep": _("Sleeps"),
    "input": _("Input switched"),
    "route_deviation": _("Off its route"),
    "sos_end": _("End of the SOS"),
}

READINGS: Mapping[str, str] = {
    "battery_pct": _("Battery"),
    "battery_v": _("Battery voltage"),
    "power_v": _("Supply voltage"),
    "ignition": _("Ignition"),
    "charging": _("Charging"),
    "motion": _("Moving"),
    "immobilised": _("Immobilised"),
    "odometer_m": _("Odometer"),
    "altitude_m": _("Altitude"),
    "accuracy_m": _("Accuracy"),
    "satellites": _("Satellites"),
    "hdop": _("HDOP"),
    "rssi": _("Mobile signal"),
    "driver_id": _("Driver"),
    "steps": _("Steps"),
    "fuel": _("Fuel"),
    "reply_text": _("Its answer"),
}

COMMANDS: Mapping[str, str] = {
    "Locate": _("Say where it is, once"),
    "ReportEvery": _("Report every so many seconds"),
    "Reboot": _("Restart"),
    "PowerOff": _("Switch off"),
    "SetSosNumber": _("Set the number that the SOS button calls"),
    "SetTimezone": _("Set the time zone of its clock"),
    "Custom": _("A text in its own command language"),
    "Immobilise": _("Immobilise: cut the engine relay"),
    "Mobilise": _("Mobilise: restore the engine relay"),
}


def signal_said(signal: str, words: Words) -> str:
    """A signal in the language of ``words``."""
    return _said(SIGNALS, signal, words)


def reading_said(reading: str, words: Words) -> str:
    """What a reading is called; one without a name is shown as it is."""
    return _said(READINGS, reading, words)


def command_said(command: type[Command], words: Words) -> str:
    """What a command asks of a device."""
    return words(COMMANDS[command.__name__])


def _said(table: Mapping[str, str], word: str, words: Words) -> str:
    if word in table:
        return words(table[word])
    return word.replace("_", " ").capitalize()
