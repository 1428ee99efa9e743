"""A rule that somebody is writing: everything that its form holds, and what it says so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from map_ui import rule_form
from map_ui.language import LANGUAGES
from map_ui.names import Words
from map_ui.rule_form import Node, Typed, text_of
from map_ui.rule_words import RuleSaid
from map_ui.schedule_form import setting_sent
from map_ui.settings_form import Problem
from tracking.fleet.fleet import AssetKind
from tracking.rules.rule import SetRule, WrittenRule

CHOSEN = ("organisations", "assets", "groups", "tags")
"""What a scope names one by one; ids of assets and organisations, words of groups and tags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a form shows. Texts are as they were typed; ``schedule`` is JSON, "" for always.

    ``enabled`` says whether the rule that is in the books is switched on.
    """

    tree: Node = Node()  # noqa: RUF009 - frozen
    name: str = ""
    organisation_id: str = ""
    for_: str = ""
    for_unit: str = "min"
    schedule: str = ""
    kinds: Sequence[str] = ()
    scope: Mapping[str, Sequence[str]] = field(default_factory=dict)
    severity: str = "0"
    told: Sequence[str] = ("desk",)
    messages: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""
    note: str = ""
    enabled: bool = False


def draft_from(typed: Typed) -> Draft:
    """What a form sent."""
    return Draft(
        tree=rule_form.tree_from(typed),
        name=text_of(typed, "name"),
        organisation_id=text_of(typed, "organisation_id"),
        for_=text_of(typed, "for"),
        for_unit=text_of(typed, "for.unit") or "min",
        schedule=text_of(typed, "schedule"),
        kinds=[each for each in typed.get("kinds", ()) if each in set(AssetKind)],
        scope={what: [*dict.fromkeys(typed.get(f"scope.{what}", ()))] for what in CHOSEN},
        severity=text_of(typed, "severity") or "0",
        told=[each for each in ("desk", "client") if each in typed.get("told", ())],
        messages={each: text_of(typed, f"messages.{each}") for each in LANGUAGES},
        cause=text_of(typed, "cause"),
        note=text_of(typed, "note"),
    )


def draft_of(rule: SetRule, schedule_as_text: str) -> Draft:
    """What shows a rule that is in the books."""
    for_, unit = rule_form.span_typed(rule.for_s) if rule.for_s else ("", "min")
    return Draft(
        tree=rule_form.tree_of(rule.setting),
        name=rule.name,
        organisation_id=str(rule.organisation_id),
        for_=for_,
        for_unit=unit,
        schedule=schedule_as_text,
        kinds=rule.scope.get("kinds", ()),
        scope={what: rule.scope.get(what, ()) for what in CHOSEN},
        severity=str(rule.severity),
        told=rule.told,
        messages=rule.messages,
        cause=rule.cause,
        note=rule.note,
        enabled=rule.enabled,
    )


def said_of(draft: Draft, words: Words) -> RuleSaid:
    """What a draft says, as far as it can be read."""
    written, _ = written_of(draft, words)
    return RuleSaid(
        setting=written.setting,
        for_s=written.for_s,
        schedule=written.schedule,
        scope=written.scope,
        severity=written.severity,
        told=written.told,
    )


def written_of(draft: Draft, words: Words) -> tuple[WrittenRule, list[Problem]]:
    """The rule that was written, as far as it can be read, and what cannot."""
    setting, problems = rule_form.setting_of(draft.tree, words)
    for_s, schedule, owner = 0.0, None, UUID(int=0)
    if draft.for_.strip():
        try:
            for_s = rule_form.span_read(draft.for_, draft.for_unit, words)
        except ValueError as error:
            problems.append(Problem(field="for", label=words("For at least"), words=str(error)))
    try:
        schedule = setting_sent(draft.schedule, words)
    except ValueError as error:
        problems.append(Problem(field="schedule", label=words("When"), words=str(error)))
    try:
        owner = UUID(draft.organisation_id)
    except ValueError:
        said = words("Choose whose rule it is.")
        problems.append(Problem(field="organisation_id", label=words("Whose rule"), words=said))
    if not draft.name.strip() or len(draft.name) > _LONGEST_NAME or not draft.name.isprintable():
        said = words("Give it a name of one line, 200 letters at most.")
        problems.append(Problem(field="name", label=words("Name"), words=said))
    written = WrittenRule(
        organisation_id=owner,
        name=draft.name.strip(),
        setting=setting,
        cause=draft.cause or None,
        for_s=for_s,
        schedule=schedule,
        scope=_scope(draft),
        severity=int(draft.severity) if draft.severity in _SEVERITIES else 0,
        messages={
            language: text.replace("\r\n", "\n").strip()
            for language, text in draft.messages.items()
            if text.strip()
        },
        told=tuple(draft.told),
        enabled=draft.enabled,
        note=draft.note.replace("\r\n", "\n").strip(),
    )
    return written, problems


def field_at(where: str, draft: Draft) -> str:
    """The field of the form that the service means by ``body.setting.of.1``; "" for none."""
    parts = where.removeprefix("body.").split(".")
    match parts:
        case ["setting", *rest]:
            return _field_of_part(draft.tree, rest)
        case ["scope", what, *_]:
            return f"scope.{what}"
        case ["messages", language, *_]:
            return f"messages.{language}"
        case ["for_s"]:
            return "for"
        case [name, *_] if name in _FIELDS:
            return name
    return ""


def _field_of_part(node: Node, rest: Sequence[str]) -> str:
    """Where a part of the setting stands in the form: wrappings have no place of their own."""
    path = rule_form.ROOT
    for step in rest:
        if not step.isdecimal() or not node.group:
            continue
        at = int(step)
        if len(node.parts) > 1 and at < len(node.parts):
            node, path = node.parts[at], f"{path}.{at}"
    return f"{path}.kind"


def _scope(draft: Draft) -> dict[str, list[str]]:
    said = {**draft.scope, "kinds": draft.kinds}
    return {name: list(values) for name, values in said.items() if values}


_LONGEST_NAME = 200
_SEVERITIES = tuple("012345")
_FIELDS = frozenset({"name", "organisation_id", "schedule", "severity", "told", "cause", "note"})
