"""What a frame said, in plain words.

Takes what ``python -m protocols decode`` says of a frame (``protocols.json_lines``) and makes
phrases of it for people. Does no I/O, but for the names of places, which are read once.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from babel.dates import format_datetime
from babel.numbers import format_decimal

from map_ui import names
from map_ui.language import REGIONS, translations
from map_ui.local_time import ZONE
from protocols.message import LIFE_SAFETY
from tracking import places

AT_A_GLANCE = 3
"""Messages of one frame that are shown at once; a tracker that was silent sends dozens."""

_COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_LONGEST_VALUE = 300
_LONGEST_TEXT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name and what is said of it; ``technical`` for what is not prose."""

    name: str
    value: str
    technical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSaid:
    """A signal in words; ``urgent`` where a person may need help now."""

    words: str
    urgent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message: what it is, what the device noticed, what it says, and what few people need."""

    title: str
    signals: tuple[SignalSaid, ...] = ()
    facts: tuple[Fact, ...] = ()
    rest: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What one frame said. ``problem`` is "" unless it could not be read; ``answer`` is ours.

    ``reason`` says for engineers, in English, what is wrong with it.
    """

    said: tuple[Said, ...]
    problem: str
    reason: str
    answer: str


def meaning_of(decoded: Mapping[str, Any], language: str) -> Meaning:
    """The meaning of a frame in one of our languages."""
    words = translations(language).gettext
    said = tuple(_message(message, language) for message in decoded["messages"])
    problem, reason = "", str(decoded.get("error") or "")
    if reason:
        problem = words("It could not be read.")
    elif decoded.get("unread"):
        problem = words("It is not whole: the rest of it is missing.")
    elif not said:
        problem = words("It says nothing by itself.")
    return Meaning(
        said=said, problem=problem, reason=reason, answer=grouped(str(decoded.get("ack") or ""))
    )


def replies_in(decoded: Mapping[str, Any]) -> list[str]:
    """What a frame answers to commands, in the device's own words."""
    texts = [message["readings"].get("reply_text") for message in decoded["messages"]]
    return [str(text) for text in texts if text]


def grouped(digits: str) -> str:
    """Hexadecimal in groups of four bytes, so that it can be read and breaks between lines."""
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))


def text_of(payload: bytes) -> str:
    """The characters of a frame that is written in them, else ""."""
    text = payload.decode("ascii", errors="replace")
    plain = sum(
        (letter.isprintable() and letter != "\ufffd") or letter in "\r\n\t" for letter in text
    )
    if not payload or plain < 0.9 * len(payload):
        return ""
    shown = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    return shown[:_LONGEST_TEXT].strip().replace("\ufffd", "·")


def readings_said(readings: Mapping[str, Any], language: str) -> tuple[Fact, ...]:
    """Readings with their names and units; lists and objects among them are left out."""
    words = translations(language).gettext
    return tuple(
        Fact(name=names.reading_said(name, words), value=_reading(name, value, language))
        for name, value in readings.items()
        if value is not None and not isinstance(value, list | dict)
    )


def coordinates(*, lat: float, lon: float) -> str:
    """Degrees as they are typed into a map: a point between whole and fraction, in any language."""
    return f"{lat:.5f}, {lon:.5f}"


def course_said(course_deg: float, language: str) -> str:
    """A direction of travel: "NE · 45°"."""
    point = _COMPASS[round(course_deg / 45) % 8]
    return f"{translations(language).gettext(point)} · {round(course_deg)}°"


def _message(message: Mapping[str, Any], language: str) -> Said:
    words = translations(language).gettext
    match message["type"]:
        case "Login":
            unit = Fact(name=words("Unit id"), value=str(message["unit_id"]), technical=True)
            return Said(title=words("Says who it is"), facts=(unit,))
        case "Heartbeat":
            return Said(title=words("Sign of life"))
        case "CommandReply":
            text = str(message["readings"].get("reply_text", ""))
            answer = Fact(name=words("Its answer"), value=text, technical=True)
            return Said(title=words("Answer to a command"), facts=(answer,))
        case "Unknown":
            kind = Fact(name=words("Kind"), value=str(message.get("kind", "")), technical=True)
            return Said(title=words("Something that we do not translate"), facts=(kind,))
    return _report(message, language)


def _report(message: Mapping[str, Any], language: str) -> Said:
    words = translations(language).gettext
    fix = message["fix"]
    facts = list(_moment(message, language))
    rest: list[Fact] = []
    if fix is not None:
        facts += _place(fix, language)
        rest += _beside_the_place(fix, language)
    facts += readings_said(message["readings"], language)
    facts += _surroundings(message, language)
    rest += _other(message, language)
    return Said(
        title=words("Position") if fix is not None else words("Report without a position"),
        signals=tuple(
            SignalSaid(words=names.signal_said(signal, words), urgent=signal in LIFE_SAFETY)
            for signal in message["signals"]
        ),
        facts=tuple(facts),
        rest=tuple(rest),
    )


def _moment(message: Mapping[str, Any], language: str) -> Iterable[Fact]:
    words = translations(language).gettext
    fix_at = message["fix"] and message["fix"]["at"]
    at = message.get("at") or fix_at
    if at:
        yield Fact(name=words("Time"), value=_time(at, language))
    if fix_at and fix_at != at:
        yield Fact(name=words("Time of the fix"), value=_time(fix_at, language))
    if message["buffered"]:
        yield Fact(name=words("Sent late"), value=words("It had kept this for a while."))


def _place(fix: Mapping[str, Any], language: str) -> Iterable[Fact]:
    words = translations(language).gettext
    lat, lon = float(fix["lat"]), float(fix["lon"])
    name = places.place_name(lat=lat, lon=lon, language=cast("places.Language", language))
    yield Fact(name=words("Place"), value=name.text)
    yield Fact(name=words("Coordinates"), value=coordinates(lat=lat, lon=lon), technical=True)
    yield Fact(
        name=words("Fix"),
        value=words("Satellite fix") if fix["valid"] else words("Last known position"),
    )
    if "speed_kmh" not in fix["unsaid"]:
        yield Fact(name=words("Speed"), value=f"{_number(fix['speed_kmh'], 0, language)} km/h")


def _beside_the_place(fix: Mapping[str, Any], language: str) -> Iterable[Fact]:
    words = translations(language).gettext
    if "course_deg" not in fix["unsaid"]:
        yield Fact(name=words("Course"), value=course_said(float(fix["course_deg"]), language))
    said = {name: fix[name] for name in ("altitude_m", "accuracy_m") if name not in fix["unsaid"]}
    yield from readings_said(said, language)


def _surroundings(message: Mapping[str, Any], language: str) -> Iterable[Fact]:
    words, ngettext = translations(language).gettext, translations(language).ngettext
    if cells := message.get("cells"):
        number = ngettext("%(num)s tower", "%(num)s towers", len(cells)) % {"num": len(cells)}
        yield Fact(name=words("Mobile network"), value=number)
    if wifi := message.get("wifi"):
        number = ngettext("%(num)s network", "%(num)s networks", len(wifi)) % {"num": len(wifi)}
        yield Fact(name=words("Wi-Fi"), value=number)


def _other(message: Mapping[str, Any], language: str) -> Iterable[Fact]:
    """Towers and networks one by one, readings that are lists, and what has no name here."""
    words = translations(language).gettext
    for cell in message.get("cells", ()):
        value = f"{cell['mcc']}-{cell['mnc']:02} {cell['lac']}/{cell['cid']}{_strength(cell)}"
        yield Fact(name=words("Tower"), value=value, technical=True)
    for network in message.get("wifi", ()):
        yield Fact(
            name=words("Wi-Fi"), value=f"{network['mac']}{_strength(network)}", technical=True
        )
    lists = {
        name: value for name, value in message["readings"].items() if isinstance(value, list | dict)
    }
    for name, value in {**lists, **message.get("other", {})}.items():
        yield Fact(name=name, value=_as_it_is(value), technical=True)


def _strength(heard: Mapping[str, Any]) -> str:
    return "" if heard["rssi"] is None else f" · {heard['rssi']} dBm"


def _as_it_is(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _reading(name: str, value: object, language: str) -> str:
    """A reading with its unit, as an operator reads it (the card of the desk says the same)."""
    words = translations(language).gettext
    if isinstance(value, bool):
        return words("Yes") if value else words("No")
    if not isinstance(value, int | float):
        return str(value)
    for ending, (unit, digits, scale) in _UNITS.items():
        if name.endswith(ending):
            return f"{_number(value / scale, digits, language)}{unit}"
    return _number(value, 0 if float(value).is_integer() else 1, language)


_UNITS: Mapping[str, tuple[str, int, float]] = {
    "odometer_m": (" km", 0, 1000.0),
    "_pct": (" %", 0, 1.0),
    "_v": (" V", 2, 1.0),
    "_m": (" m", 0, 1.0),
    "_kmh": (" km/h", 0, 1.0),
}


def _number(value: float, digits: int, language: str) -> str:
    pattern = "#,##0." + "0" * digits if digits else "#,##0"
    return format_decimal(value, pattern, locale=REGIONS[language])


def _time(at: str, language: str) -> str:
    moment = datetime.fromisoformat(at)
    return format_datetime(moment, "medium", tzinfo=ZONE, locale=REGIONS[language])
