"""What can be asked of an asset, described for machines and for the page that asks it."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from typing import Any, Final, get_args

from geofence import kinds
from geofence.condition import Condition

ABOUT_EVENT: Final = frozenset(
    {"asset", "plate", "group", "client", "rule", "cause", "zone", "at", "date", "since", "lasted"}
)
"""Facts of every event whatever its kind: names, and times as the clock on the wall shows them."""

FACTS: Final = ABOUT_EVENT | {
    "accuracy_m", "battery_pct", "by", "companion", "companions", "depth_m", "distance_m",
    "empty_at", "from_kmh", "hours_begin", "idling_since", "ignition", "ignition_on_since",
    "inside_s", "limit_kmh", "local_time", "moved_m", "outside_s", "overdue_s", "parked_since",
    "power_v", "signals", "speed_kmh", "still_since", "stood_after_s", "stopped_since", "to_kmh",
    "top_kmh", "unheard_s", "way_m", "within_m", "within_s", "zone_name", "zones",
}  # fmt: skip
"""Everything that a message may name: the facts of every event, and those that kinds tell."""


MOMENTARY: Final = frozenset({
    "crashed", "harsh_driving", "outside_at", "signalled", "zone_crossed", "zone_entered",
    "zone_left",
})  # fmt: skip
"""Kinds that hold for a moment: each time is an event of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindField:
    """One setting of a kind.

    ``type`` is number, whole, boolean, text, texts, condition or conditions; ``unit`` as it ends
    the name (kmh, m, s, pct …), "" for none; ``nothing`` says that null is an answer.
    """

    name: str
    type: str
    unit: str
    required: bool
    default: Any
    nothing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of condition.

    ``persists`` None: as its settings or parts are. ``momentary``: each time is an event of its
    own, and it cannot be waited for. ``asks`` is the first sentence of what it says of itself.
    """

    name: str
    combination: bool
    persists: bool | None
    momentary: bool
    asks: str
    fields: tuple[KindField, ...]


@cache
def catalogue() -> tuple[Kind, ...]:
    """Every kind, the combinations first."""
    return tuple(_described(name) for name in (*kinds.COMBINATIONS, *kinds.names()))


def kinds_in(condition: Condition[Any]) -> list[str]:
    """The kinds that a condition is made of, outermost first, in the order they are written."""
    return [each.kind for each in walked(condition)]


def walked(condition: Condition[Any]) -> Iterator[Condition[Any]]:
    """A condition and all its parts, outermost first."""
    yield condition
    for part in parts_of(condition):
        yield from walked(part)


def parts_of(condition: Condition[Any]) -> tuple[Condition[Any], ...]:
    """The conditions that this one is made of."""
    of = getattr(condition, "of", ())
    return of if isinstance(of, tuple) else (of,)


def is_momentary(condition: Condition[Any]) -> bool:
    """Whether it may hold for a moment only: nobody can wait for that to last."""
    if condition.kind == "not":
        return False
    if condition.kind in kinds.COMBINATIONS:
        return any(is_momentary(part) for part in parts_of(condition))
    return _is_momentary_kind(type(condition))


def _is_momentary_kind(kind: type[Condition[Any]]) -> bool:
    return kind.kind in MOMENTARY


def _described(name: str) -> Kind:
    kind = kinds.get(name)
    persists = getattr(kind, "persists", None)
    return Kind(
        name=name,
        combination=name in kinds.COMBINATIONS,
        persists=persists if isinstance(persists, bool) else None,
        momentary=_is_momentary_kind(kind),
        asks=" ".join((kind.__doc__ or "").partition("\n\n")[0].split()),
        fields=tuple(_field(name, kind, each) for each in fields(kind)),  # type: ignore[arg-type]
    )


def _field(name: str, kind: type[Condition[Any]], of: "Field[Any]") -> KindField:
    hint = kinds.hints_of(kind)[of.name]
    nothing = type(None) in get_args(hint)
    default = of.default
    if default is MISSING and of.default_factory is not MISSING:
        default = of.default_factory()
    if of.name == "of":
        written = "condition" if name in {"not", "lasting"} else "conditions"
    else:
        written = _TYPES[next(t for t in (hint, *get_args(hint)) if t in _TYPES)]
    ending = of.name.rpartition("_")[2]
    return KindField(
        name=of.name,
        type=written,
        unit=ending if ending in _UNITS else "",
        required=not kinds.has_default(of),
        default=None
        if default is MISSING
        else sorted(default)
        if isinstance(default, frozenset)
        else default,
        nothing=nothing,
    )


_TYPES: Final[dict[Any, str]] = {
    float: "number",
    int: "whole",
    bool: "boolean",
    str: "text",
    frozenset[str]: "texts",
}
_UNITS: Final = frozenset({"kmh", "m", "s", "h", "min", "days", "pct", "v", "deg", "ms2", "g"})
