"""What rules remember, as JSON and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from geofence.condition import Condition
from geofence.rule import Rule, State, Thread


def written(state: State) -> dict[str, Any]:
    """What a rule remembers of one asset, as JSON values."""
    said = asdict(state)
    if state.late is None:
        for name in ("late", "late_s", "until_s"):
            del said[name]
    if state.heard is None:
        del said["heard"]
    return said


def remembered(rule: Rule, saved: Mapping[str, Any]) -> State | None:
    """The same from what was written; None if another edition of the rule wrote it."""
    if saved.get("edition") != rule.edition:
        return None
    heard, late = saved.get("heard"), saved.get("late")
    return State(
        edition=rule.edition,
        asset_id=str(saved["asset_id"]),
        live=_thread(rule.when, saved["live"]),
        followed_s=float(saved.get("followed_s", 0.0)),
        heard=None if heard is None else _thread(rule.when, heard),
        late=None if late is None else _thread(rule.when, late),
        late_s=float(saved.get("late_s", 0.0)),
        until_s=float(saved.get("until_s", 0.0)),
    )


def _thread(when: Condition[Any], saved: Mapping[str, Any]) -> Thread:
    return Thread(**{**_known(Thread, saved), "memory": _memory(when, saved["memory"])})


def _memory(condition: Condition[Any], saved: Mapping[str, Any]) -> Any:  # noqa: ANN401 - its own
    """A field that a condition no longer has is forgotten; a new one begins as it begins."""
    kind = type(condition.begin())
    values = _known(kind, saved)
    of = getattr(condition, "of", None)
    if of is not None:
        parts = of if isinstance(of, tuple) else (of,)
        values["parts"] = tuple(
            _memory(part, each) for part, each in zip(parts, saved["parts"], strict=True)
        )
    return kind(**values)


def _known(kind: type[Any], saved: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in fields(kind):
        if each.name not in saved:
            continue
        value = saved[each.name]
        if isinstance(value, list):
            value = tuple(value)
        elif is_dataclass(each.default):
            # A part of a memory that several kinds have in common stands in it as a default.
            common: Any = type(each.default)
            value = common(**_known(common, value))
        found[each.name] = value
    return found
