"""The conditions of a draft as a page shows them: sentences with fields in them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from map_ui import kind_words, rule_form
from map_ui.names import Words
from map_ui.rule_form import ROOT, Asked, Node
from map_ui.rule_names import label_of
from map_ui.rule_words import Named

_PLACE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShown:
    """A field with what was typed into it.

    ``chosen`` are (value, words) of what a list holds; ``problem`` is "" where nothing is wrong.
    """

    asked: Asked
    id: str
    text: str
    unit: str
    chosen: Sequence[tuple[str, str]]
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartShown:
    """One condition, or a group of them.

    ``pieces`` are the words and fields of its sentence, ``finer`` its other fields.
    """

    path: str
    node: Node
    title: str = ""
    about: str = ""
    pieces: Sequence[str | FieldShown] = ()
    finer: Sequence[FieldShown] = ()
    parts: Sequence["PartShown"] = ()
    problem: str = ""
    depth: int = 0

    @property
    def finer_open(self) -> bool:
        """Whether somebody wrote something among the finer settings."""
        return any(each.text or each.problem for each in self.finer)


def part_shown(
    node: Node,
    named: Named,
    words: Words,
    *,
    faults: Mapping[str, str],
    path: str = ROOT,
    depth: int = 0,
) -> PartShown:
    """What is shown of a condition and its parts."""
    if node.group:
        parts = [
            part_shown(each, named, words, faults=faults, path=f"{path}.{at}", depth=depth + 1)
            for at, each in enumerate(node.parts)
        ]
        return PartShown(path=path, node=node, parts=parts, depth=depth)
    said = kind_words.KINDS.get(node.kind)
    problem = faults.get(f"{path}.kind", "")
    if said is None:
        return PartShown(path=path, node=node, problem=problem, depth=depth)
    setting, _ = rule_form.setting_of(Node(kind=node.kind, typed=node.typed), words)
    fields = {
        asked.name: _field(asked, node, named, words, faults=faults, path=path)
        for asked in rule_form.asked_of(node.kind, words)
        if kind_words.applies(node.kind, asked.name, setting)
    }
    pieces = _pieces(node, setting, fields, words)
    in_sentence = {piece.asked.name for piece in pieces if isinstance(piece, FieldShown)}
    return PartShown(
        path=path,
        node=node,
        title=words(said.title),
        about=words(said.about),
        pieces=pieces,
        finer=[each for name, each in fields.items() if name not in in_sentence],
        problem=problem,
        depth=depth,
    )


def _pieces(
    node: Node, setting: Mapping[str, Any], fields: Mapping[str, FieldShown], words: Words
) -> list[str | FieldShown]:
    phrase = kind_words.phrase_of(node.kind, setting)
    if phrase is None:
        return []
    said = words(phrase.negated if node.negated else phrase.words)
    pieces: list[str | FieldShown] = []
    for at, part in enumerate(_PLACE.split(said)):
        if at % 2:
            pieces.append(fields[part])
        elif part.strip():
            pieces.append(part.strip())
    # What decides how it is said stands before it, unless it is in it already.
    deciding = [
        name
        for each in kind_words.KINDS[node.kind].phrases
        for name in each.given
        if name not in phrase.names and name in fields
    ]
    asked = [fields[name] for name in dict.fromkeys(deciding)]
    return [*(each for each in asked if each.asked.widget == "choice"), *pieces]


def _field(
    asked: Asked,
    node: Node,
    named: Named,
    words: Words,
    *,
    faults: Mapping[str, str],
    path: str,
) -> FieldShown:
    values = node.typed.get(asked.name, ())
    chosen: list[tuple[str, str]] = []
    if asked.widget in {"zones", "assets"}:
        names = named.zones if asked.widget == "zones" else named.assets
        chosen = [(value, label_of(value, names, words)) for value in values if value]
    elif asked.widget == "checks":
        chosen = [(value, value) for value in values]
    name = f"{path}.f.{asked.name}"
    text = ", ".join(values) if asked.widget == "words" else node.first(asked.name)
    return FieldShown(
        asked=asked,
        id=name,
        text=node.first(f"{asked.name}.add") if asked.widget in {"zones", "assets"} else text,
        unit=node.first(f"{asked.name}.unit") or asked.usual_unit or "min",
        chosen=chosen,
        problem=faults.get(name, ""),
    )
