"""Which numbers of a rule make less of it: a longer wait, a wider margin, one more fix."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import floor
from typing import Any, Final
from uuid import uuid4

from geofence.kinds import condition_from, get, hints_of
from tracking.events.noise.noise import Change
from tracking.rules.checks import LONGEST_WAIT_S
from tracking.rules.kinds import is_momentary
from tracking.rules.rule import SetRule

MOST_CHANGES: Final = 8
"""Candidates that are tried against each other in one reading."""
FIRST_WAIT_S: Final = 30.0
"""What a rule that does not wait is tried with."""

_TIMES: Final[Mapping[str, float]] = {
    "for_s": 2.0,
    "settle_s": 2.0,
    "margin_m": 2.0,
    "limit_kmh": 1.1,
    "tolerance_kmh": 2.0,
    "quiet_s": 2.0,
    "grace_s": 2.0,
    "metres": 2.0,
    "beyond_m": 1.5,
    "within_m": 0.5,
    "moving_kmh": 1.5,
    "parked_s": 2.0,
    "low_pct": 0.75,
    "braking_kmh_s": 1.2,
    "acceleration_kmh_s": 1.2,
    "cornering_kmh_s": 1.2,
    "still_s": 1.5,
}
"""By what a number of this name is multiplied; what is not named is not tried."""
_ONE_MORE: Final = ("settle",)
_STANDING: Final = frozenset({"idling", "stopped", "still"})
"""Kinds of which ``within_m`` says how far one may move and still stand: less is less noise."""
_NEARNESS: Final = frozenset({"near", "together"})


def changed_rules(rule: SetRule) -> list[tuple[Change, SetRule]]:
    """The rule with one number changed at a time, the likeliest cures first; ids are new."""
    found = [*_waits(rule), *_of_settings(rule)]
    return found[:MOST_CHANGES]


def _waits(rule: SetRule) -> Iterator[tuple[Change, SetRule]]:
    if is_momentary(condition_from(rule.setting)):
        return
    after_s = min(2 * rule.for_s or FIRST_WAIT_S, LONGEST_WAIT_S)
    if after_s > rule.for_s:
        change = Change(at="for_s", before=rule.for_s, after=after_s)
        yield change, replace(rule, id=uuid4(), for_s=after_s)


def _of_settings(rule: SetRule) -> Iterator[tuple[Change, SetRule]]:
    found = []
    for path, name, before, after in _numbers(rule.setting, ("setting",)):
        setting = _with(rule.setting, (*path[1:], name), after)
        try:
            condition_from(setting)
        except ValueError:
            continue
        change = Change(at=".".join((*path, name)), before=before, after=after)
        order = [*_ONE_MORE, *_TIMES].index(name)
        found.append((order, change, replace(rule, id=uuid4(), setting=setting)))
    for _, change, changed in sorted(found, key=lambda each: (each[0], each[1].at)):
        yield change, changed


def _numbers(
    setting: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, float, float]]:
    """Where a number stands, its name, and what it is and could be; parts of ``not`` are left."""
    kind = str(setting["kind"])
    # Inside a "not" more would be less.
    if kind == "not":
        return
    hints = hints_of(get(kind))
    for name, value in setting.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or name not in hints:
            continue
        if name in _ONE_MORE:
            yield path, name, value, value + 1
        elif name in _TIMES and not (name == "within_m" and kind not in _STANDING | _NEARNESS):
            after = _FROM_NOTHING.get(name, 0.0) if value == 0 else value * _TIMES[name]
            if after > 0:
                yield path, name, value, _round(after)
    of = setting.get("of")
    parts = enumerate(of) if isinstance(of, list) else [(None, of)] if of else []
    for index, part in parts:
        inner = ("of",) if index is None else ("of", str(index))
        yield from _numbers(part, (*path, *inner))


def _with(setting: Mapping[str, Any], path: tuple[str, ...], value: float) -> dict[str, Any]:
    """The same setting with another value at this place."""
    first, *rest = path
    if not rest:
        return {**setting, first: value}
    inner = setting[first]
    if isinstance(inner, list):
        number, *deeper = rest
        parts = list(inner)
        parts[int(number)] = _with(parts[int(number)], tuple(deeper), value)
        return {**setting, first: parts}
    return {**setting, first: _with(inner, tuple(rest), value)}


def _round(value: float) -> float:
    """A number that a person would set: 99 rather than 99.00000000000001."""
    return float(floor(value)) if value >= 100 else round(value, 1)


_FROM_NOTHING: Final[Mapping[str, float]] = {
    "tolerance_kmh": 5.0,
    "margin_m": 15.0,
    "settle_s": 30.0,
}
"""What is tried where a number is 0."""
