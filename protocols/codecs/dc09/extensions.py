"""Extended data: a letter and a value between brackets behind the data.

X, Y and Z are a place, in degrees and minutes (``X004E21.6890``) or decimal (``X4.3615``);
H is when it happened. Transmitters that write decimal places say their speed under S and
their battery under B; the standard calls S the site.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from protocols.codecs.dc09.frame import clock
from protocols.message import Readings
from protocols.wire import finite, text

_SPELLED = re.compile(r"([0-9]{1,3}) ?([NSEW]) ?([0-9]{1,2}(?:\.[0-9]{0,10})?)\Z", re.IGNORECASE)
_NAMES = {
    "A": "authentication",
    "C": "supervision_category",
    "G": "network_path",
    "I": "alarm_text",
    "J": "json",
    "L": "location",
    "M": "mac",
    "N": "network_address",
    "O": "building",
    "P": "programming",
    "R": "room",
    "S": "site",
    "T": "trigger",
    "V": "media_link",
}
_FOOT_M = 0.3048


@dataclass(slots=True)
class Extended:
    """What the extended data says. ``happened`` is a clock without a zone."""

    lat: float | None = None
    lon: float | None = None
    altitude_m: float | None = None
    speed_kmh: float | None = None
    happened: datetime | None = None
    readings: Readings = field(default_factory=Readings)
    other: dict[str, object] = field(default_factory=dict)


def extended(extensions: Sequence[bytes], *, day_first: bool) -> Extended:
    """Everything that these say. What cannot be read goes to ``other`` as it came.

    A link to pictures or sound is only noted. A new key is not: it has no place in records.
    """
    said = Extended()
    pairs = [(text(one[:1]), text(one[1:]).strip()) for one in extensions]
    decimal = any(letter == "X" and not _SPELLED.match(value) for letter, value in pairs)
    for letter, value in pairs:
        if letter == "H":
            said.happened = clock(value.encode(), day_first=day_first)
            read = said.happened is not None
        else:
            read = _read(said, letter, value, decimal=decimal)
        if letter and not read:
            _note(said.other, _NAMES.get(letter, f"xdata_{letter}"), value)
    return said


def _read(said: Extended, letter: str, value: str, *, decimal: bool) -> bool:
    """Note what a letter says; False if it is none of ours, or cannot be read."""
    match letter:
        case "X":
            said.lon = _degrees(value, "EW", 180.0)
            return said.lon is not None
        case "Y":
            said.lat = _degrees(value, "NS", 90.0)
            return said.lat is not None
        case "Z":
            said.altitude_m = _metres(value)
            return said.altitude_m is not None
        case "S" if decimal and (speed := finite(value)) is not None and speed >= 0:
            said.speed_kmh = speed
        case "B" if decimal and (percent := finite(value)) is not None and 0 <= percent <= 100:
            said.readings["battery_pct"] = percent
        case "K":
            said.other["key_offered"] = True
        case _:
            return False
    return True


def _note(other: dict[str, object], name: str, value: str) -> None:
    before = other.get(name)
    other[name] = value if before is None else f"{before}; {value}"


def _degrees(said: str, letters: str, most: float) -> float | None:
    """``004E21.6890`` or ``4.3615``; None if it is neither, or not on Earth."""
    spelled = _SPELLED.match(said)
    if spelled is None:
        degrees = finite(said)
        return degrees if degrees is not None and -most <= degrees <= most else None
    letter, minutes = spelled[2].upper(), float(spelled[3])
    degrees = int(spelled[1]) + minutes / 60.0
    if letter not in letters or minutes >= 60.0 or degrees > most:
        return None
    return -degrees if letter == letters[1] else degrees


def _metres(said: str) -> float | None:
    """``35.0M``, ``115F`` for feet, or a plain number."""
    unit = said[-1:].upper()
    number = finite(said[:-1] if unit in ("M", "F") else said)
    return None if number is None else round(number * _FOOT_M, 2) if unit == "F" else number
