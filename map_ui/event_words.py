"""Events in words: what happened, by which facts, and by which settings of its rule."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from babel.dates import format_datetime

from geofence.kinds import COMBINATIONS
from map_ui import causes, kind_words, names, rule_form
from map_ui.field_words import FACTS
from map_ui.kind_words import KINDS
from map_ui.language import REGIONS, translations
from map_ui.local_time import ZONE
from map_ui.messages import message_said, told_facts
from map_ui.quantities import quantity_said
from map_ui.rule_words import Named, first_kind, plain, value_said
from tracking.database import Connection
from tracking.events.event import FiledEvent
from tracking.rules import store as rules_store
from tracking.rules.naming import store as naming
from tracking.rules.rule import FiledRule, SetRule

_NOT_TOLD = frozenset({"zone", "zones", "zone_version", "companions"})
"""Facts that are ids, or are said elsewhere on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSaid:
    """An event in a list."""

    event: FiledEvent
    message: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSaid:
    """One setting of a condition; ``usual`` where nobody set it otherwise."""

    label: str
    value: str
    usual: bool


async def events_said(
    connection: Connection, events: Sequence[FiledEvent], language: str
) -> list[EventSaid]:
    """Events with what they say, in the words of their rule as it was."""
    versions: dict[tuple[UUID, int], FiledRule | None] = {}
    for each in events:
        key = each.rule_id, each.rule_version
        if each.rule is not None and key not in versions:
            versions[key] = await rules_store.version(connection, *key)
    others = {UUID(each.facts["companion"]) for each in events if "companion" in each.facts}
    called = await naming.assets_called(connection, others)
    words = translations(language).gettext
    said = []
    for each in events:
        filed = versions.get((each.rule_id, each.rule_version))
        rule = None if filed is None else filed.rule
        kind = each.cause
        if kind not in KINDS and rule is not None:
            kind = first_kind(rule.setting)
        facts = told_facts(each.facts, asset=each.asset, at=each.at, since=each.since, names=called)
        about = {"client": each.client, "plate": each.plate, "rule": each.rule, "group": each.group}
        said.append(
            EventSaid(
                event=each,
                message=message_said(
                    {} if rule is None else rule.messages, kind, {**about, **facts}, language
                ),
                cause=causes.said(each.cause, words),
            )
        )
    return said


def facts_said(
    event: FiledEvent, others: Mapping[str, str], language: str
) -> list[tuple[str, str]]:
    """(name, value) of what an event was judged by."""
    words = translations(language).gettext
    return [
        (
            words(FACTS[name]) if name in FACTS else name,
            _fact(name, value, others, language),
        )
        for name, value in sorted(event.facts.items(), key=_order_of(event.cause))
        if name not in _NOT_TOLD
    ]


def settings_said(
    rule: SetRule, named: Named, language: str
) -> list[tuple[str, list[SettingSaid]]]:
    """(kind, its settings) of every condition of a rule, with those that nobody changed."""
    words = translations(language).gettext
    told = []
    for node in rule_form.leaves(rule_form.tree_of(rule.setting)):
        if node.kind in COMBINATIONS or node.kind not in KINDS:
            continue
        setting, _ = rule_form.setting_of(rule_form.Node(kind=node.kind, typed=node.typed), words)
        rows = []
        for asked in rule_form.asked_of(node.kind, words):
            if not kind_words.applies(node.kind, asked.name, setting):
                continue
            default = kind_words.default_of(node.kind, asked.name)
            value = plain(value_said(node.kind, asked.name, setting, named, language))
            usual = setting.get(asked.name, default) == default
            rows.append(SettingSaid(label=asked.label, value=value, usual=usual))
        told.append((words(KINDS[node.kind].title), rows))
    return told


def _order_of(kind: str) -> Callable[[tuple[str, Any]], int]:
    """Facts in the order in which messages name them; a database keeps none."""
    order = {name: number for number, name in enumerate(kind_words.facts_of(kind))}
    return lambda fact: order.get(fact[0], len(order))


def _fact(name: str, value: Any, others: Mapping[str, str], language: str) -> str:  # noqa: ANN401 - JSON
    words = translations(language).gettext
    if name == "companion":
        return others.get(str(value), "…")
    if name == "signals":
        return ", ".join(names.signal_said(each, words) for each in value)
    if isinstance(value, str) and name.endswith(("_at", "_since", "_begin", "by")):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return value
        if at.tzinfo is not None:
            return format_datetime(at, "medium", tzinfo=ZONE, locale=REGIONS[language])
    return quantity_said(name, value, language)
