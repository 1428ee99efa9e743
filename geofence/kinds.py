"""The kinds of conditions by name, and a condition as JSON: what a person set, and what is stored.

A setting is ``{"kind": "overspeed", "limit_kmh": 90}``; combinations have conditions in ``of``:
``{"kind": "all", "of": [{…}, {…}]}``. A kind is a file in ``geofence/rules`` that ends with the
constant ``CONDITION``; the folder listing is the list of what can be asked.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any, get_args, get_type_hints

from geofence.combination import All, AnyOf, Lasting, Not
from geofence.condition import Condition

COMBINATIONS: Mapping[str, type[Condition[Any]]] = {
    each.kind: each for each in (All, AnyOf, Not, Lasting)
}
DEEPEST = 4
"""How deep conditions may stand inside each other: deeper, nobody can say what they mean."""
MOST_PARTS = 20


@cache
def names() -> tuple[str, ...]:
    """Every kind that is not a combination, in the order of the alphabet."""
    folder = Path(__file__).parent / "rules"
    modules = sorted(path.stem for path in folder.glob("[a-z]*.py"))
    return tuple(name for name in modules if hasattr(_module(name), "CONDITION"))


@cache
def get(name: str) -> type[Condition[Any]]:
    """The class of a kind. Raises ValueError, which names the kinds there are."""
    if name in COMBINATIONS:
        return COMBINATIONS[name]
    if name not in names():
        known = ", ".join((*COMBINATIONS, *names()))
        raise ValueError(f"there is no kind {name!r}; there are {known}")
    found: type[Condition[Any]] = _module(name).CONDITION
    return found


def condition_from(setting: object, *, depth: int = 0) -> Condition[Any]:
    """The condition that a setting describes. Raises ValueError, which says what to write."""
    if not isinstance(setting, Mapping):
        raise ValueError("a condition is an object with a kind, as {'kind': 'overspeed'}")
    if depth > DEEPEST:
        raise ValueError(f"conditions may stand {DEEPEST} deep inside each other, not deeper")
    kind = get(str(setting.get("kind", "")))
    known = fields(kind)  # type: ignore[arg-type]  # every condition is a dataclass
    odd = setting.keys() - {each.name for each in known} - {"kind"}
    if odd:
        there_are = ", ".join(each.name for each in known) or "none"
        raise ValueError(
            f"{kind.kind} has no setting {', '.join(sorted(odd))}; there are: {there_are}"
        )
    hints = hints_of(kind)
    values: dict[str, Any] = {}
    for each in known:
        if each.name not in setting:
            if not has_default(each):
                raise ValueError(f"{kind.kind} needs {each.name}")
        elif each.name == "of":
            values["of"] = _parts(kind.kind, setting["of"], depth)
        else:
            name = f"{kind.kind}.{each.name}"
            values[each.name] = _value(name, setting[each.name], hints[each.name])
    return kind(**values)


def setting_of(condition: Condition[Any]) -> dict[str, Any]:
    """The setting that makes this condition, whole: with its defaults."""
    setting: dict[str, Any] = {"kind": condition.kind}
    for each in fields(condition):  # type: ignore[arg-type]
        value = getattr(condition, each.name)
        if each.name == "of":
            value = (
                [setting_of(part) for part in value]
                if isinstance(value, tuple)
                else (setting_of(value))
            )
        elif isinstance(value, frozenset):
            value = sorted(value)
        setting[each.name] = value
    return setting


@cache
def hints_of(kind: type[Any]) -> dict[str, Any]:
    """The type of each setting of a kind: float, int, bool, str, frozenset[str], or one or None."""
    return get_type_hints(kind)


def has_default(of: "Field[Any]") -> bool:
    """Whether a setting may be left out."""
    return of.default is not MISSING or of.default_factory is not MISSING


def _parts(kind: str, said: object, depth: int) -> Any:  # noqa: ANN401 - one or several
    if kind in {"not", "lasting"}:
        return condition_from(said, depth=depth + 1)
    if not isinstance(said, list | tuple) or not 0 < len(said) <= MOST_PARTS:
        raise ValueError(f"{kind}.of is a list of 1 to {MOST_PARTS} conditions")
    return tuple(condition_from(part, depth=depth + 1) for part in said)


def _value(name: str, said: object, hint: Any) -> Any:  # noqa: ANN401 - whatever the field is
    wanted = [each for each in (get_args(hint) or (hint,)) if each is not type(None)]
    if said is None and type(None) in get_args(hint):
        return None
    if hint == frozenset[str]:
        if isinstance(said, list | tuple | frozenset) and all(isinstance(x, str) for x in said):
            return frozenset(said)
        raise ValueError(f"{name} must be a list of texts")
    if bool in wanted and isinstance(said, bool):
        return said
    if isinstance(said, int | float) and not isinstance(said, bool) and isfinite(said):
        if float in wanted:
            return float(said)
        if int in wanted and said == int(said):
            return int(said)
    if str in wanted and isinstance(said, str):
        return said
    says = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}
    raise ValueError(f"{name} must be {says.get(wanted[0], 'something else')}, not {said!r}"[:200])


@cache
def _module(name: str) -> Any:  # noqa: ANN401 - a module
    return import_module(f"geofence.rules.{name}")
