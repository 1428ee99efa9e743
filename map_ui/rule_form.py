"""A rule as a form: a tree of conditions in fields, and back to the setting that it says.

Fields of a condition begin with its place in the tree: ``w`` is the whole, ``w.0`` its first part,
``w.0.f.limit_kmh`` a setting of that. What was typed stays as it was typed; what cannot be read is
said by field, in the reader's language.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from geofence import kinds
from map_ui import kind_words
from map_ui.local_time import ZONE
from map_ui.names import Words
from map_ui.quantities import UNITS, ending_of
from map_ui.settings_form import Problem
from tracking.rules.kinds import KindField

ROOT = "w"
GROUPS = ("all", "any")
SPANS: Mapping[str, int] = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
"""Units in which a time can be typed, in seconds."""

_SEVERAL = frozenset({"zones", "assets", "words", "checks"})

Typed = Mapping[str, Sequence[str]]
"""What a form sent: every value of each field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One condition in the form, or a group of them.

    kind     all, any, a kind, or "" where none was chosen yet
    typed    texts by setting; times without their unit, which stands under ``NAME.unit``
    negated  it is asked that this is not so
    lasting  for how long it must be so, as typed; "" for no time of its own
    """

    kind: str = ""
    parts: tuple["Node", ...] = ()
    typed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    negated: bool = False
    lasting: str = ""
    lasting_unit: str = "min"

    @property
    def group(self) -> bool:
        """Whether it is made of others."""
        return self.kind in GROUPS

    def first(self, name: str) -> str:
        """The text of a setting; "" where there is none."""
        return text_of(self.typed, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One setting of a kind as the form asks for it.

    widget   zones, assets, checks, choice, span, instant, time, number, whole, tick, words, text
    usual    what counts where it is left empty, as typed; "" for nothing
    inline   whether it stands in the sentence
    """

    name: str
    label: str
    help: str
    widget: str
    unit: str
    required: bool
    usual: str
    usual_unit: str
    choices: Sequence[tuple[str, str]]
    inline: bool


def tree_from(typed: Typed, path: str = ROOT, depth: int = 0) -> Node:
    """The tree that a form sent."""
    kind = text_of(typed, f"{path}.kind")
    common: dict[str, Any] = {
        "kind": kind,
        "negated": f"{path}.not" in typed,
        "lasting": text_of(typed, f"{path}.for").strip(),
        "lasting_unit": text_of(typed, f"{path}.for.unit") or "min",
    }
    if kind in GROUPS and depth <= kinds.DEEPEST:
        many = text_of(typed, f"{path}.parts")
        number = min(int(many), kinds.MOST_PARTS) if many.isdecimal() else 0
        parts = tuple(tree_from(typed, f"{path}.{at}", depth + 1) for at in range(number))
        return Node(**common, parts=parts)
    start = f"{path}.f."
    said = {name[len(start) :]: texts for name, texts in typed.items() if name.startswith(start)}
    return Node(**common, typed=said)


def tree_of(setting: Mapping[str, Any]) -> Node:
    """The tree that shows a setting."""
    kind = str(setting.get("kind", ""))
    of = setting.get("of")
    if kind == "lasting" and isinstance(of, Mapping):
        inner = tree_of(of)
        text, unit = span_typed(float(setting.get("for_s") or 0))
        if inner.lasting:
            inner = Node(kind="all", parts=(inner,))
        return replace(inner, lasting=text, lasting_unit=unit)
    if kind == "not" and isinstance(of, Mapping):
        inner = tree_of(of)
        if inner.lasting or inner.negated:
            inner = Node(kind="all", parts=(inner,))
        return replace(inner, negated=True)
    if kind in GROUPS:
        return Node(kind=kind, parts=tuple(tree_of(part) for part in of or ()))
    typed: dict[str, Sequence[str]] = {}
    for name, value in setting.items():
        if name != "kind" and value is not None:
            typed |= _typed(name, value)
    return Node(kind=kind, typed=typed)


def setting_of(
    node: Node, words: Words, *, path: str = ROOT
) -> tuple[dict[str, Any], list[Problem]]:
    """The setting that a tree says, as far as it can be read, and what cannot."""
    problems: list[Problem] = []
    if node.group:
        read = [setting_of(part, words, path=f"{path}.{at}") for at, part in enumerate(node.parts)]
        problems += (problem for _, found in read for problem in found)
        parts = [setting for setting, _ in read]
        setting = parts[0] if len(parts) == 1 else {"kind": node.kind, "of": parts}
        if not parts:
            said = words("Choose what is asked.")
            problems.append(Problem(field=f"{path}.kind", label=words("Condition"), words=said))
    elif node.kind:
        setting = {"kind": node.kind}
        for asked in asked_of(node.kind, words):
            try:
                if kind_words.applies(node.kind, asked.name, _chosen(node)):
                    setting |= _read(asked, node, words)
            except ValueError as error:
                name = f"{path}.f.{asked.name}"
                problems.append(Problem(field=name, label=asked.label, words=str(error)))
    else:
        setting = {"kind": ""}
        said = words("Choose what is asked.")
        problems.append(Problem(field=f"{path}.kind", label=words("Condition"), words=said))
    if node.negated:
        setting = {"kind": "not", "of": setting}
    if node.lasting:
        try:
            setting = {
                "kind": "lasting",
                "of": setting,
                "for_s": span_read(node.lasting, node.lasting_unit, words),
            }
        except ValueError as error:
            label = words("for at least")
            problems.append(Problem(field=f"{path}.for", label=label, words=str(error)))
    return setting, problems


def changed(root: Node, do: str) -> Node:
    """The tree after a button was pressed: ``and:w``, ``drop:w.1``, ``name:w.0:zones:ID``."""
    verb, _, rest = do.partition(":")
    path, _, argument = rest.partition(":")
    place = _place(path)
    if place is None:
        return root
    if verb == "drop":
        return _tidied(_at(root, place[:-1], lambda node: _without(node, place[-1:])))
    if verb in _CHANGES:
        return _at(root, place, lambda node: _CHANGES[verb](node, argument))
    return root


def asked_of(kind: str, words: Words) -> list[Asked]:
    """What the form asks for a kind, those of the sentence first."""
    said = [
        replace(
            each,
            label=words(each.label),
            help=words(each.help) if each.help else "",
            choices=[(value, words(said)) for value, said in each.choices],
        )
        for each in _asked_of(kind)
    ]
    return sorted(said, key=lambda each: not each.inline)


def zones_and_assets(node: Node) -> tuple[set[str], set[str]]:
    """Ids of the zones and of the assets that a tree names."""
    zones: set[str] = set()
    assets: set[str] = set()
    for each in leaves(node):
        for name, texts in each.typed.items():
            if name in kind_words.ZONE_FIELDS:
                zones |= {text for text in texts if not text.startswith("label:")}
            elif name in kind_words.ASSET_FIELDS:
                assets |= set(filter(None, texts))
    return zones, assets


def replaced(node: Node, **changes: Any) -> Node:  # noqa: ANN401 - fields of a node
    """The node with other parts or texts; the same object if nothing is different."""
    if "parts" in changes:
        changes["parts"] = tuple(changes["parts"])
    after = replace(node, **changes)
    return node if after == node else after


def text_of(typed: Typed, name: str) -> str:
    """The first text of a field; "" where there is none."""
    return next(iter(typed.get(name, ())), "")


def leaves(node: Node) -> Iterator[Node]:
    """The conditions of a tree that are no groups."""
    if node.group:
        for part in node.parts:
            yield from leaves(part)
    else:
        yield node


def span_typed(seconds: float) -> tuple[str, str]:
    """Seconds as a number and the largest unit that says them: ("2", "min")."""
    for unit, size in reversed(tuple(SPANS.items())):
        if seconds and seconds % size == 0:
            return _number_typed(seconds / size), unit
    return _number_typed(seconds), "s"


def span_read(text: str, unit: str, words: Words) -> float:
    """Seconds from a number and its unit. Raises ValueError in words."""
    if unit not in SPANS:
        raise ValueError(words("Choose a unit of time."))
    return number_read(text, words) * SPANS[unit]


def number_read(text: str, words: Words) -> float:
    """A number as people type it: 2.5 or 2,5. Raises ValueError in words."""
    try:
        value = float(text.strip().replace(" ", "").replace(",", "."))
    except ValueError:
        value = float("nan")
    if not -1e9 < value < 1e9:
        raise ValueError(words("Write a number.") if text.strip() else words("Fill this in."))
    return value


def _typed(name: str, value: object) -> dict[str, Sequence[str]]:
    """How a form shows one setting."""
    if isinstance(value, list | tuple | frozenset):
        return {name: [str(each) for each in value]}
    if isinstance(value, bool):
        return {name: ["yes" if value else "no"]}
    if name in kind_words.INSTANT_FIELDS:
        return {name: [_instant_typed(str(value))]}
    if ending_of(name) == "s" and isinstance(value, int | float):
        text, unit = span_typed(float(value))
        return {name: [text], f"{name}.unit": [unit]}
    return {name: [_number_typed(value)]}


def _chosen(node: Node) -> dict[str, str]:
    """What was chosen or typed, as far as it is one text."""
    return {name: texts[0] for name, texts in node.typed.items() if len(texts) == 1 and texts[0]}


def _read(asked: Asked, node: Node, words: Words) -> dict[str, Any]:
    """One setting; {} for one that was left as usual. Raises ValueError in words."""
    texts = [text for text in node.typed.get(asked.name, ()) if text.strip()]
    if asked.widget in _SEVERAL:
        if asked.widget == "words":
            texts = [part for text in texts for part in text.split(",") if part.strip()]
        if not texts and asked.required:
            raise ValueError(words("Choose at least one."))
        return {asked.name: sorted({text.strip() for text in texts})} if texts else {}
    if not texts:
        if asked.required:
            raise ValueError(words("Fill this in."))
        return {}
    return {asked.name: _one_read(asked, texts[-1].strip(), node, words)}


def _one_read(asked: Asked, text: str, node: Node, words: Words) -> object:
    match asked.widget:
        case "span":
            return span_read(text, node.first(f"{asked.name}.unit") or "s", words)
        case "number":
            return number_read(text, words)
        case "whole":
            value = number_read(text, words)
            if not value.is_integer():
                raise ValueError(words("Write a whole number."))
            return int(value)
        case "tick":
            return text == "yes"
        case "instant":
            return _instant_read(text, words)
    return text


def _instant_read(text: str, words: Words) -> str:
    """A time on the clock here, as the field of a browser writes it, with its offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(words("Write a day and a time.")) from None
    return (at if at.tzinfo else at.replace(tzinfo=ZONE)).isoformat(timespec="minutes")


def _instant_typed(said: str) -> str:
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return said
    return at.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M") if at.tzinfo else said


@cache
def _asked_of(kind: str) -> tuple[Asked, ...]:
    """The same in English, as the catalogues are asked for it."""
    found = []
    for each in kind_words.fields_of(kind):
        said = kind_words.field_said(kind, each.name)
        widget = _widget(kind, each)
        usual, unit = _usual(each, widget)
        choices = kind_words.choices_of(kind, each.name)
        found.append(
            Asked(
                name=each.name,
                label=said.label,
                help=said.help,
                widget=widget,
                unit=UNITS.get(ending_of(each.name), ""),
                required=each.required,
                usual=usual,
                usual_unit=unit,
                choices=_YES_NO if widget == "tick" else choices,
                inline=kind_words.is_in_sentence(kind, each.name),
            )
        )
    return tuple(found)


def _widget(kind: str, of: KindField) -> str:  # noqa: PLR0911 - a table
    if of.name in kind_words.ZONE_FIELDS:
        return "zones"
    if of.name in kind_words.ASSET_FIELDS:
        return "assets"
    chosen = bool(kind_words.choices_of(kind, of.name))
    if of.name in kind_words.INSTANT_FIELDS:
        return "instant"
    if of.name in kind_words.TIME_FIELDS:
        return "time"
    if of.type == "texts":
        return "checks" if chosen else "words"
    if of.type == "number":
        return "span" if ending_of(of.name) == "s" else "number"
    return {"whole": "whole", "boolean": "tick"}.get(of.type, "choice" if chosen else "text")


def _usual(of: KindField, widget: str) -> tuple[str, str]:
    """What counts where nothing is typed, as it would be typed, and the unit of a time."""
    if of.default is None:
        return "", "min"
    if widget == "span":
        return span_typed(float(of.default))
    if widget == "tick":
        return ("yes" if of.default else "no"), ""
    if isinstance(of.default, list):
        return ", ".join(of.default), ""
    return _number_typed(of.default), ""


def _number_typed(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _place(path: str) -> tuple[int, ...] | None:
    start, *rest = path.split(".")
    if start != ROOT or not all(each.isdecimal() for each in rest):
        return None
    return tuple(map(int, rest))


def _at(root: Node, place: Sequence[int], change: Callable[[Node], Node]) -> Node:
    """The tree with one node of it changed; as it was, if there is no such node."""
    if not place:
        return change(root)
    if not root.group or place[0] >= len(root.parts):
        return root
    parts = list(root.parts)
    parts[place[0]] = _at(parts[place[0]], place[1:], change)
    return replace(root, parts=tuple(parts))


def _without(node: Node, place: Sequence[int]) -> Node:
    if not place:
        return Node()
    parts = tuple(part for at, part in enumerate(node.parts) if at != place[0])
    return replace(node, parts=parts)


def _tidied(node: Node) -> Node:
    """A group of one part is that part, unless the group says something of its own."""
    if not node.group:
        return node
    parts = tuple(_tidied(part) for part in node.parts)
    if len(parts) == 1 and not node.negated and not node.lasting:
        return parts[0]
    return replace(node, parts=parts) if parts else Node()


def _joined(node: Node, join: str) -> Node:
    """One more part beside this one, or at the end of the group."""
    if node.kind == join and len(node.parts) < kinds.MOST_PARTS:
        return replace(node, parts=(*node.parts, Node()))
    if node.group and len(node.parts) < 2:
        return replace(node, kind=join, parts=(*node.parts, Node()))
    return Node(kind=join, parts=(node, Node()))


def _named(node: Node, argument: str) -> Node:
    name, _, value = argument.partition(":")
    if value in node.typed.get(name, ()):
        return node
    return replace(node, typed={**node.typed, name: [*node.typed.get(name, ()), value]})


def _unnamed(node: Node, argument: str) -> Node:
    name, _, value = argument.partition(":")
    kept = [each for each in node.typed.get(name, ()) if each != value]
    return replace(node, typed={**node.typed, name: kept})


def _(english: str) -> str:
    """Marks words for the catalogues; they are translated when they are said."""
    return english


_CHANGES: Mapping[str, Callable[[Node, str], Node]] = {
    "and": lambda node, _: _joined(node, "all"),
    "or": lambda node, _: _joined(node, "any"),
    "name": _named,
    "unname": _unnamed,
}
_YES_NO = (("yes", _("Yes")), ("no", _("No")))
