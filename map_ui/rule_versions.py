"""The versions of a rule, each with what it changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from map_ui import rule_words
from map_ui.language import LANGUAGES, translations
from map_ui.names import Words
from map_ui.quantities import duration_said
from map_ui.rule_words import Named, plain
from tracking.rules.rule import FiledRule, SetRule


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionShown:
    """One version; ``changes`` are (what, before, after) against the one before it."""

    filed: FiledRule
    changes: Sequence[tuple[str, str, str]]


def versions_shown(found: Sequence[FiledRule], named: Named, language: str) -> list[VersionShown]:
    """Versions with what each changed; the newest first, as they come."""
    befores: list[FiledRule | None] = [*found, None][1:]
    return [
        VersionShown(
            filed=each,
            changes=_changes(None if before is None else before.rule, each.rule, named, language),
        )
        for each, before in zip(found, befores, strict=True)
    ]


def _changes(
    before: SetRule | None, after: SetRule, named: Named, language: str
) -> list[tuple[str, str, str]]:
    words = translations(language).gettext
    was = {} if before is None else _lines(before, named, language, words)
    now = _lines(after, named, language, words)
    return [
        (what, was.get(what, ""), now.get(what, ""))
        for what in {**now, **was}
        if was.get(what, "") != now.get(what, "")
    ]


def _lines(rule: SetRule, named: Named, language: str, words: Words) -> dict[str, str]:
    lines = {
        words("Name"): rule.name,
        words("What"): plain(rule_words.condition_said(rule.setting, named, language)),
        words("For at least"): duration_said(rule.for_s, language) if rule.for_s else "",
        words("Who"): plain(rule_words.who_said(rule.scope, named, language)),
        words("When"): words("always")
        if rule.schedule is None
        else rule_words.hours_or_fault(rule.schedule, language),
        words("Then"): plain(rule_words.then_said(rule.severity, rule.told, words)),
        words("Switched on"): words("Yes") if rule.enabled else words("No"),
        words("Cause"): rule.cause,
        words("Note"): rule.note,
    }
    for each, name in LANGUAGES.items():
        lines[words("Message in %(language)s") % {"language": name}] = rule.messages.get(each, "")
    return lines
