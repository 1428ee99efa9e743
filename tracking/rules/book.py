"""The rules that judge, compiled: read once, shared by all of a process, replaced when one changes.

A rule that cannot be compiled (its zone was taken away) is set aside with the reason; the others
judge on. An edition changes with a rule's version and with those of its zones, so that nobody
leaves a zone because somebody drew it anew.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from geofence.kinds import condition_from
from geofence.rule import Rule
from geofence.schedule import schedule_from
from geofence.scope import Scope
from geofence.sighting import Subject
from geofence.zone import Zone, ZoneKind
from geofence.zone_index import ZoneIndex
from tracking.database import Connection
from tracking.rules import store
from tracking.rules.rule import SetRule
from tracking.zones import store as zone_store

_log = logging.getLogger(__name__)

LABEL = "label:"
"""Begins what names zones by a label instead of by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInForce:
    """A rule as it was set, and as it judges.

    ``together`` is about several assets, or a zone that moves with one: it is judged by the
    timekeeper, who sees them all; every other by the gateway that hears the asset.
    """

    setting: SetRule
    rule: Rule
    together: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A rule that cannot judge, and why."""

    setting: SetRule
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Every rule that judges, and the zones that they ask about."""

    rules: Mapping[str, RuleInForce] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    aside: Sequence[SetAside] = ()
    index: ZoneIndex = field(default_factory=lambda: ZoneIndex(()))
    index_together: ZoneIndex = field(default_factory=lambda: ZoneIndex(()))
    _alone: tuple[Rule, ...] = ()
    _chosen: dict[str, tuple[Subject, tuple[Rule, ...]]] = field(default_factory=dict)

    def rules_for(self, subject: Subject) -> tuple[Rule, ...]:
        """The rules that whoever hears this asset judges it by."""
        chosen = self._chosen.get(subject.asset_id)
        if chosen is None or chosen[0] is not subject:
            rules = tuple(rule for rule in self._alone if rule.scope.includes(subject))
            chosen = self._chosen[subject.asset_id] = (subject, rules)
        return chosen[1]

    @property
    def together(self) -> tuple[RuleInForce, ...]:
        """The rules about several assets."""
        return tuple(each for each in self.rules.values() if each.together)


class Shelf:
    """Where a process keeps its book: read when first needed, and anew when something changed."""

    def __init__(self) -> None:
        self.book = Book()
        self._asked = 1
        self._answered = 0
        self._zones: dict[str, Zone] = {}
        self._reading = asyncio.Lock()

    @property
    def empty(self) -> bool:
        """Whether nothing was ever read: nobody must be judged before that."""
        return self._answered == 0

    @property
    def stale(self) -> bool:
        """Whether there may be news."""
        return self._answered < self._asked

    def something_changed(self) -> None:
        """There may be news: what is judged until it is read is judged by the book there is."""
        self._asked += 1

    async def refresh(self, connection: Connection) -> None:
        """Read what has changed, and put the new book in the place of the old one."""
        async with self._reading:
            asked = self._asked
            versions = await zone_store.versions_in_force(connection)
            known = {
                zone_id: zone
                for zone_id, zone in self._zones.items()
                if versions.get(zone_id) == zone.version
            }
            changed = versions.keys() - known.keys()
            if changed:
                known |= await zone_store.zones_to_judge_by(connection, sorted(changed))
            rules = await store.rules_that_judge(connection)
            # Off the event loop: ten thousand shapes take longer than an answer may wait.
            self.book = await asyncio.to_thread(bound, rules, known)
            self._zones = known
            self._answered = asked
        for each in self.book.aside:
            _log.warning(
                "a rule is set aside", extra={"rule": str(each.setting.id), "reason": each.reason}
            )


def bound(rules: Iterable[SetRule], zones: Mapping[str, Zone]) -> Book:
    """A book of these rules and the zones that they ask about."""
    in_force: dict[str, RuleInForce] = {}
    aside: list[SetAside] = []
    labels = _by_label(zones.values())
    for setting in rules:
        try:
            in_force[str(setting.id)] = _in_force(setting, zones, labels)
        except ValueError as error:
            aside.append(SetAside(setting=setting, reason=str(error)))
    alone = tuple(each.rule for each in in_force.values() if not each.together)
    together = (each.rule for each in in_force.values() if each.together)
    return Book(
        rules=in_force,
        zones=zones,
        aside=tuple(aside),
        index=_index(alone, zones),
        index_together=_index(together, zones),
        _alone=alone,
    )


def _index(rules: Iterable[Rule], zones: Mapping[str, Zone]) -> ZoneIndex:
    asked = frozenset().union(*(rule.when.zone_ids() for rule in rules))
    return ZoneIndex([zones[zone_id] for zone_id in sorted(asked)])


def compiled(setting: SetRule, zones: Mapping[str, Zone]) -> Rule:
    """One rule as it judges. Raises ValueError, which says what is missing."""
    return _in_force(setting, zones, _by_label(zones.values())).rule


def _in_force(
    setting: SetRule, zones: Mapping[str, Zone], labels: Mapping[tuple[str, str], Sequence[str]]
) -> RuleInForce:
    owner = str(setting.organisation_id)
    when = condition_from(_with_zones(setting.setting, owner, labels))
    asked = sorted(when.zone_ids())
    if missing := [zone_id for zone_id in asked if zone_id not in zones]:
        raise ValueError(f"zone {missing[0]} is not in force any more")
    if not setting.of_centre and any(zones[each].organisation_id != owner for each in asked):
        # The service refuses it too; a mistake there must not show anybody another's zone.
        raise ValueError("a client's rule may ask about that client's zones only")
    rule = Rule(
        id=str(setting.id),
        edition=_edition(setting.version, [(each, zones[each].version) for each in asked]),
        cause=setting.cause,
        when=when,
        for_s=setting.for_s,
        schedule=None if setting.schedule is None else schedule_from(setting.schedule),
        scope=_scope(setting),
    )
    moving = any(zones[each].kind is ZoneKind.MOVING for each in asked)
    return RuleInForce(setting=setting, rule=rule, together=moving or bool(when.companion_ids()))


def _edition(version: int, zones: Sequence[tuple[str, int]]) -> str:
    """Differs when the rule's version does, or any of its zones or their versions."""
    said = "\n".join(f"{zone_id} {zone_version}" for zone_id, zone_version in zones)
    return f"{version}.{blake2b(said.encode(), digest_size=6).hexdigest()}"


def _scope(setting: SetRule) -> Scope:
    said = {name: frozenset(map(str, values)) for name, values in setting.scope.items()}
    if not setting.of_centre:
        said["organisations"] = frozenset({str(setting.organisation_id)})
    return Scope(**said)


def _by_label(zones: Iterable[Zone]) -> dict[tuple[str, str], list[str]]:
    labels: dict[tuple[str, str], list[str]] = {}
    for zone in zones:
        for label in zone.labels:
            labels.setdefault((zone.organisation_id, label), []).append(zone.id)
    return labels


def _with_zones(
    said: Mapping[str, Any], owner: str, labels: Mapping[tuple[str, str], Sequence[str]]
) -> dict[str, Any]:
    """The setting with the zones that its labels stand for today."""
    setting = dict(said)
    for name, value in said.items():
        if name == "of" and isinstance(value, list):
            setting[name] = [_with_zones(part, owner, labels) for part in value]
        elif name == "of" and isinstance(value, Mapping):
            setting[name] = _with_zones(value, owner, labels)
        elif name == "zones" and isinstance(value, list):
            setting[name] = sorted(
                {
                    zone_id
                    for each in value
                    for zone_id in (
                        labels.get((owner, each.removeprefix(LABEL)), ())
                        if str(each).startswith(LABEL)
                        else (each,)
                    )
                }
            )
    return setting
