"""The settings of a device or of a profile as a form: what was typed into settings, and back.

Nothing here stores anything. What cannot be read is said in the reader's language, by field, and
the rest is read all the same, so that every problem of a form is said at once.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast
from zoneinfo import available_timezones

from map_ui import names, options
from map_ui.names import Words
from protocols.message import Signal
from protocols.settings import Option, settings_from, zone_called

TYPED_FIELDS = ("time_zone", "panic_inputs", "columns", "heartbeat_s")
"""Fields of one line; each can be said to be none, whatever the layer below says."""

_USUAL: Mapping[str, object] = {
    "time_zone": "",
    "panic_inputs": [],
    "columns": "",
    "heartbeat_s": 0,
}
_MOST_INPUTS = 64
_LONGEST_HEARTBEAT_S = 40 * 86_400
_REGIONS = (
    "Africa/",
    "America/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one field of a form; ``label`` is what the form calls it."""

    field: str
    label: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """One setting as it is in force; ``origin`` is unit, model, protocol, or "" for as usual."""

    label: str
    value: str
    origin: str
    technical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a form of settings shows.

    ``typed`` is its text by field; ``below`` what is in force where a field is left empty, in
    words; ``none`` the fields that can be said to be none.
    """

    codec: str
    typed: Mapping[str, str]
    below: Mapping[str, str]
    none: frozenset[str]
    options: Sequence[options.Asked]
    signals: Sequence[tuple[str, str]]
    zones: Sequence[str]


def form_of(
    own: Mapping[str, object],
    below: Sequence[Mapping[str, object]],
    *,
    codec: str,
    words: Words,
) -> Form:
    """The form of one layer of settings, over those ``below`` it; the last of them wins."""
    typed = filled(own, codec=codec, words=words)
    inherited: dict[str, object] = {}
    for layer in filter(_readable, below):
        inherited |= {name: layer[name] for name in TYPED_FIELDS if name in layer}
        for name in ("alarms", "options"):
            upper = cast("Mapping[str, object]", layer.get(name, {}))
            inherited[name] = {**cast("Mapping[str, object]", inherited.get(name, {})), **upper}
    asked = options.asked(codec, words)
    said = filled(inherited, codec=codec, words=words)
    chosen = cast("Mapping[str, Option]", inherited.get("options", {}))
    said |= {f"option.{o.name}": o.said(chosen[o.name]) for o in asked if o.name in chosen}
    none = {field for field in TYPED_FIELDS if said.get(field) or f"none.{field}" in typed}
    return Form(
        codec=codec,
        typed=typed,
        below=said,
        none=frozenset(none),
        options=asked,
        signals=signals(words),
        zones=zones(),
    )


def label(field: str, words: Words) -> str:
    """What a field of the form is called."""
    return words(_LABELS[field])


def read(
    typed: Mapping[str, str], *, codec: str, words: Words
) -> tuple[dict[str, object], list[Problem]]:
    """The settings that were typed, without fields that were left empty; and what is wrong."""
    settings: dict[str, object] = {}
    problems: list[Problem] = []
    for field in (*TYPED_FIELDS, "alarms"):
        try:
            settings |= _field(field, typed, words)
        except ValueError as error:
            problems.append(Problem(field=field, label=label(field, words), words=str(error)))
    chosen, odd = _options(typed, codec, words)
    if chosen:
        settings["options"] = chosen
    return settings, [*problems, *odd]


def filled(settings: Mapping[str, object], *, codec: str, words: Words) -> dict[str, str]:
    """What a form shows of settings: text by field, and a mark for each that is said to be none."""
    typed: dict[str, str] = {}
    for field in TYPED_FIELDS:
        if field not in settings:
            continue
        if text := _typed(settings[field]):
            typed[field] = text
        else:
            typed[f"none.{field}"] = "yes"
    alarms = cast("Mapping[str, Sequence[str]]", settings.get("alarms", {}))
    typed["alarms"] = "\n".join(f"{code} = {', '.join(means)}" for code, means in alarms.items())
    chosen = cast("Mapping[str, Option]", settings.get("options", {}))
    for option in options.asked(codec, words):
        if option.name in chosen:
            typed[f"option.{option.name}"] = option.typed(chosen[option.name])
    return typed


def in_force(
    layers: Sequence[tuple[str, Mapping[str, object]]], *, codec: str, words: Words
) -> list[InForce]:
    """Settings with where each comes from; ``layers`` are (origin, settings), the last wins."""
    readable = [(origin, layer) for origin, layer in layers if _readable(layer)]
    rows = []
    for field in TYPED_FIELDS:
        found = [(origin, layer[field]) for origin, layer in readable if field in layer]
        origin, value = found[-1] if found else ("", _USUAL[field])
        said = _typed(value)
        if said and field == "heartbeat_s":
            said = f"{said} s"
        technical = bool(said) and field in {"columns", "time_zone"}
        rows.append(
            InForce(
                label=label(field, words),
                value=said or words(_AS_USUAL[field]),
                origin=origin,
                technical=technical,
            )
        )
    rows += _alarms_in_force(readable, words)
    rows += _options_in_force(readable, codec, words)
    return rows


def changes(
    before: Mapping[str, object], after: Mapping[str, object], *, codec: str, words: Words
) -> list[tuple[str, str, str]]:
    """(what, before, after) of every setting that differs between two layers."""
    was = {row.label: row.value for row in in_force([("", before)], codec=codec, words=words)}
    now = {row.label: row.value for row in in_force([("", after)], codec=codec, words=words)}
    labels = {**was, **now}
    return [
        (each, was.get(each, ""), now.get(each, ""))
        for each in labels
        if was.get(each) != now.get(each)
    ]


def said_briefly(
    settings: Mapping[str, object], *, codec: str, words: Words
) -> list[tuple[str, str]]:
    """(what, value) of what a layer sets, and nothing of what it leaves as it is."""
    rows = in_force([("set", settings)], codec=codec, words=words)
    return [(row.label, row.value) for row in rows if row.origin]


def signals(words: Words) -> list[tuple[str, str]]:
    """(the word to type, what it means) of every signal."""
    return [(str(signal), names.signal_said(signal, words)) for signal in Signal]


@cache
def zones() -> tuple[str, ...]:
    """Time zones that a form offers: offsets first, because most clocks on wires are offsets."""
    offsets = [f"{'-' if hour < 0 else '+'}{abs(hour):02}:00" for hour in range(-12, 15)]
    return ("UTC", *offsets, *sorted(z for z in available_timezones() if z.startswith(_REGIONS)))


def _field(field: str, typed: Mapping[str, str], words: Words) -> dict[str, object]:
    """One field as a setting; {} for one that was left as it is. Raises ValueError in words."""
    text, none = typed.get(field, "").strip(), f"none.{field}" in typed
    if text and none:
        raise ValueError(words("Either a value or none: not both."))
    if text:
        return {field: _READERS[field](text, words)}
    return {field: _USUAL[field]} if none else {}


def _options(
    typed: Mapping[str, str], codec: str, words: Words
) -> tuple[dict[str, Option], list[Problem]]:
    chosen: dict[str, Option] = {}
    problems = []
    for option in options.asked(codec, words):
        field = f"option.{option.name}"
        if text := typed.get(field, "").strip():
            try:
                chosen[option.name] = option.value(text)
            except ValueError:
                said = words("%(what)s cannot be chosen.") % {"what": text}
                problems.append(Problem(field=field, label=option.about, words=said))
    return chosen, problems


def _time_zone(text: str, words: Words) -> str:
    try:
        zone_called(text)
    except ValueError:
        said = words("%(zone)s is no time zone. Write it as Europe/Brussels or +01:00.")
        raise ValueError(said % {"zone": text}) from None
    return text


def _inputs(text: str, words: Words) -> list[int]:
    parts = [part for part in re.split(r"[,;\s]+", text) if part]
    if not all(part.isdecimal() and 1 <= int(part) <= _MOST_INPUTS for part in parts):
        raise ValueError(words("Write the numbers of the inputs, counted from 1, as: 1, 2"))
    return sorted({int(part) for part in parts})


def _columns(text: str, words: Words) -> str:
    if not text.isprintable():
        raise ValueError(words("Write it on one line."))
    return text


def _heartbeat(text: str, words: Words) -> int:
    if not text.isdecimal() or not 0 < int(text[:9]) <= _LONGEST_HEARTBEAT_S:
        raise ValueError(words("Write a number of seconds, 40 days at most."))
    return int(text)


def _alarms(text: str, words: Words) -> dict[str, list[str]]:
    """Lines as ``120 = fall, panic``; signals by our words or by those of the reader."""
    known = {said.casefold(): word for word, said in signals(words)}
    known |= {word: word for word in map(str, Signal)}
    found: dict[str, list[str]] = {}
    for line in filter(str.strip, text.splitlines()):
        code, equals, means = (part.strip() for part in line.partition("="))
        if not code or not equals:
            raise ValueError(
                words("%(line)s: write a code, = and signals.") % {"line": line.strip()}
            )
        said = [word.strip() for word in means.split(",") if word.strip(" -")]
        odd = [word for word in said if word.casefold() not in known]
        if odd:
            sentence = words("%(word)s is no signal; the words are in the list.")
            raise ValueError(sentence % {"word": odd[0]})
        if code in found:
            raise ValueError(words("%(code)s is there twice.") % {"code": code})
        found[code] = sorted({known[word.casefold()] for word in said})
    return found


def _typed(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value or "")


def _alarms_in_force(
    layers: Sequence[tuple[str, Mapping[str, object]]], words: Words
) -> Iterator[InForce]:
    found: dict[str, tuple[str, Sequence[str]]] = {}
    for origin, layer in layers:
        alarms = cast("Mapping[str, Sequence[str]]", layer.get("alarms", {}))
        found |= {code: (origin, means) for code, means in alarms.items()}
    for code, (origin, means) in found.items():
        said = ", ".join(names.signal_said(signal, words) for signal in means)
        yield InForce(
            label=words("Alarm code %(code)s") % {"code": code},
            value=said or words("Means nothing"),
            origin=origin,
        )


def _options_in_force(
    layers: Sequence[tuple[str, Mapping[str, object]]], codec: str, words: Words
) -> Iterator[InForce]:
    for option in options.asked(codec, words):
        for origin, layer in reversed(layers):
            chosen = cast("Mapping[str, Option]", layer.get("options", {}))
            if option.name in chosen:
                value = option.said(chosen[option.name])
                yield InForce(label=option.about, value=value, origin=origin)
                break


def _readable(layer: Mapping[str, object]) -> bool:
    """A layer that an older Vigil stored and that says nothing any more is not in force."""
    try:
        settings_from(layer)
    except ValueError:
        return False
    return True


def _(english: str) -> str:
    """Marks words for the catalogues; they are translated when they are said."""
    return english


_READERS: Mapping[str, Callable[[str, Words], object]] = {
    "time_zone": _time_zone,
    "panic_inputs": _inputs,
    "columns": _columns,
    "heartbeat_s": _heartbeat,
    "alarms": _alarms,
}

_LABELS: Mapping[str, str] = {
    "time_zone": _("Time zone of its clock"),
    "panic_inputs": _("Panic inputs"),
    "columns": _("Columns"),
    "heartbeat_s": _("Sign of life"),
    "alarms": _("Alarm codes"),
    "secret": _("Secret"),
    "category": _("Category (EN 50136-1)"),
    "reporting_time_s": _("Reporting time"),
    "note": _("Note"),
}

_AS_USUAL: Mapping[str, str] = {
    "time_zone": _("As its protocol prescribes"),
    "panic_inputs": _("None"),
    "columns": _("As usual"),
    "heartbeat_s": _("As its protocol has it"),
}
