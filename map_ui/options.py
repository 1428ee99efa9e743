"""The switches of each codec, as people are asked about them.

A codec explains its options to engineers, in English (``Codec.options``). Here each has a
sentence for whoever sets devices up, and what can be chosen; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import protocols
from map_ui.names import READINGS, Words
from protocols.settings import Option


def _(english: str) -> str:
    """Marks words for the catalogues; they are translated when they are said."""
    return english


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the values that an option can have. ``typed`` is what a form sends for it."""

    typed: str
    value: Option
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An option as a form asks for it; without ``choices`` it is any text.

    ``about`` says by itself what it is; ``path`` is set for a path in a JSON message, and is then
    what stands there.
    """

    name: str
    about: str
    path: str = ""
    choices: tuple[Choice, ...] = ()

    def value(self, typed: str) -> Option:
        """What is set by what was typed. Raises ValueError for what cannot be chosen."""
        if not self.choices:
            return typed
        for choice in self.choices:
            if choice.typed == typed:
                return choice.value
        raise ValueError(typed)

    def typed(self, value: Option) -> str:
        """How a form shows a value that is set."""
        for choice in self.choices:
            if choice.value == value:
                return choice.typed
        return str(value)

    def said(self, value: Option) -> str:
        """A value in words."""
        for choice in self.choices:
            if choice.value == value:
                return choice.words
        return str(value)


def asked(codec: str, words: Words) -> list[Asked]:
    """The options of a codec in the language of ``words``, in the codec's own order."""
    return [
        Asked(
            name=name,
            about=_about(codec, name, told, words),
            path=words(PATHS[name]) if _is_path(codec, name) else "",
            choices=() if _is_path(codec, name) else _choices(name, words),
        )
        for name, told in protocols.get(codec).options.items()
    ]


def _about(codec: str, name: str, told: str, words: Words) -> str:
    if _is_path(codec, name):
        return words("Where it says: %(what)s") % {"what": words(PATHS[name])}
    return words(ABOUT.get(name, told))


def _is_path(codec: str, name: str) -> bool:
    return codec == "json_mqtt" and name in PATHS


def _choices(name: str, words: Words) -> tuple[Choice, ...]:
    chosen = CHOICES.get(name, ((True, _("Yes")), (False, _("No"))))
    return tuple(
        Choice(typed=_typed(value), value=value, words=words(said)) for value, said in chosen
    )


def _typed(value: Option) -> str:
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


ABOUT: Mapping[str, str] = {
    "long_date": _("Binary frames write times as dates, not as seconds"),
    "custom": _("Columns of your own follow the fixed fields"),
    "check_clock": _(
        "Refuse frames without encryption too when their time is more than 40 s old or 20 s ahead"
    ),
    "any_time": _("Take encrypted frames whatever their time: its clock cannot be set"),
    "plain": _("Take every frame without encryption although a key is set, not only alarms"),
    "day_first": _("The time of occurrence (H) names the day before the month"),
    "standard": _("Numbers packets as the standard (GOST 33472) has it, not as most firmware does"),
    "compressed": _("Over Iridium it sends short sets, not whole tags"),
    "kmh": _("Its speed is in km/h, not in knots"),
    "sack": _("It waits for an answer (+SACK) after every report"),
    "d1": _("Is told with D1 how often to report, not with S71"),
    "speed_unit": _("Its speed is in"),
    "reply": _("Where it wants its answer"),
    "any_sender": _("The user in From may be another than the unit: a proxy speaks for many"),
    "decimal_degrees": _("Places are degrees with four decimals, not degrees and minutes"),
    "hbm": _("Old reports end in hour meter, backup voltage and a mark of live reports"),
    "protocol_type": _("What the ST910 sends"),
    "include_adc": _("Analogue inputs follow the backup voltage"),
    "include_rpm": _("Engine turns stand before the driver"),
    "include_temp": _("Temperatures end the report"),
    "alternative": _("Is told everything as text messages ([begin]sms2…[end])"),
    "centivolts": _("Its supply is counted in hundredths of a volt"),
}

CHOICES: Mapping[str, tuple[tuple[Option, str], ...]] = {
    "reply": (("message", _("In a message of its own")), ("inside", _("Inside the 200 OK"))),
    "protocol_type": ((1, _("A radio cell and metres")), (0, _("Neither cell nor metres"))),
    "speed_unit": (("km/h", "km/h"), ("m/s", "m/s"), ("knots", _("knots")), ("mph", "mph")),
}
"""Options that are neither a text nor yes or no."""

PATHS: Mapping[str, str] = {
    "time": _("Time"),
    "lat": _("Latitude"),
    "lon": _("Longitude"),
    "coordinates": _("Coordinates"),
    "valid": _("Whether the fix is valid"),
    "altitude": _("Altitude"),
    "speed": _("Speed"),
    "course": _("Course"),
    "accuracy": _("Accuracy"),
    "event": _("Event"),
    "alarm": _("Alarm"),
    "inputs": _("Inputs"),
    "buffered": _("Sent late"),
    **{
        name: READINGS[name]
        for name in (
            "battery_pct", "battery_v", "power_v", "odometer_m", "satellites", "hdop", "rssi",
            "steps", "fuel", "ignition", "charging", "motion", "driver_id",
        )
    },
}  # fmt: skip
"""What JSON over MQTT is told the place of."""
