"""Rules about several assets: a worker and the vehicle, a patrol and a zone that moves.

A gateway hears some assets and never all, so these are judged here, on last positions, by whoever
holds the rounds. What they remember is written by nobody else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from geofence import memory
from geofence.engine import Failure, judge
from geofence.event import Event
from geofence.rule import State
from geofence.sighting import Sighting
from protocols.message import Fix, Report
from tracking.alarms.arrivals import Place
from tracking.database import Connection
from tracking.events import arrivals as events
from tracking.events.arrivals import Noticed
from tracking.rules import arrivals as rule_rows
from tracking.rules.book import Book, RuleInForce
from tracking.rules.rule import SetRule
from tracking.rules.timer import Timer
from tracking.settings import Settings
from tracking.timekeeper import store
from tracking.timekeeper.due import file_and_ring
from tracking.timekeeper.store import Judged, LastSeen

Key = tuple[str, str]
"""A unit and a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """One rule about one asset, and the other assets it asks about."""

    in_force: RuleInForce
    judged: Judged
    others: frozenset[UUID]


class Companions:
    """Judges rules about several assets whenever one of them has moved."""

    def __init__(self) -> None:
        self._book: Book | None = None
        self._pairs: Sequence[_Pair] = ()
        self._states: dict[Key, State] = {}
        self._heard: dict[UUID, datetime] = {}
        self._newest: dict[UUID, datetime] = {}

    async def look(self, connection: Connection, book: Book, settings: Settings) -> int | None:
        """Judge what has moved since the last look; the newest change number of its alarms."""
        if book is not self._book:
            await self._choose(connection, book)
        if not self._pairs:
            return None
        asked = {each.judged.asset_id for each in self._pairs}.union(
            *(each.others for each in self._pairs)
        )
        seen = {each.asset_id: each for each in await store.last_seen(connection, sorted(asked))}
        moved = {
            each.asset_id
            for each in seen.values()
            if self._heard.get(each.asset_id) != each.received_at
        }
        waiting = [
            each
            for each in self._pairs
            if each.judged.asset_id in seen
            and (each.judged.asset_id in moved or not moved.isdisjoint(each.others))
        ]
        newest = await self._judge(connection, book, settings, waiting, seen) if waiting else None
        self._heard.update({asset_id: each.received_at for asset_id, each in seen.items()})
        return newest

    async def _choose(self, connection: Connection, book: Book) -> None:
        """Which assets the rules of this book are about, and what is remembered of them."""
        pairs: list[_Pair] = []
        together = book.together
        for judged in await store.assets_to_judge(connection) if together else ():
            pairs += [
                _Pair(in_force=each, judged=judged, others=_others(each, book))
                for each in together
                if each.rule.scope.includes(judged.subject)
            ]
        saved = await store.memories_of_rules(
            connection, sorted({each.setting.id for each in together})
        )
        self._states = {}
        for pair in pairs:
            key = (pair.judged.unit_id, pair.in_force.rule.id)
            state = memory.remembered(pair.in_force.rule, saved[key]) if key in saved else None
            if state is not None:
                self._states[key] = state
        self._pairs, self._book = pairs, book
        self._heard.clear()

    async def _judge(
        self,
        connection: Connection,
        book: Book,
        settings: Settings,
        waiting: Sequence[_Pair],
        seen: Mapping[UUID, LastSeen],
    ) -> int | None:
        changed: dict[Key, State] = {}
        newest_at: dict[UUID, datetime] = {}
        timers: dict[Key, Timer] = {}
        noticed: list[Noticed] = []
        failed: list[tuple[SetRule, Failure]] = []
        async with connection.transaction():
            now = await store.now(connection)
            for pair in waiting:
                rule, judged = pair.in_force.rule, pair.judged
                key = (judged.unit_id, rule.id)
                sighting = _sighting(book, pair, seen)
                before = self._newest.get(judged.asset_id)
                at = sighting.at if before is None else max(sighting.at, before)
                states = {rule.id: self._states[key]} if key in self._states else {}
                found = judge((rule,), states, sighting, before=before)
                newest_at[judged.asset_id] = at
                failed += [(pair.in_force.setting, failure) for failure in found.failures]
                for state in found.changed.values():
                    changed[key] = state
                    timers[key] = Timer(
                        rule_id=UUID(rule.id),
                        edition=rule.edition,
                        asset_id=judged.asset_id,
                        as_of=at,
                        due_at=rule.due(state, after=at),
                    )
                last = seen[judged.asset_id]
                noticed += [_noticed(each, pair, last, now) for each in found.events]
            if changed:
                await store.write_states(
                    connection, [(*key, memory.written(state)) for key, state in changed.items()]
                )
                await rule_rows.set_timers(connection, timers)
            seq = await file_and_ring(connection, noticed, failed, now=now, settings=settings)
        self._states.update(changed)
        self._newest.update(newest_at)
        return seq


def _others(each: RuleInForce, book: Book) -> frozenset[UUID]:
    anchors = {
        anchor
        for zone_id in each.rule.when.zone_ids()
        if (anchor := book.zones[zone_id].anchor) is not None
    }
    return frozenset(UUID(one) for one in each.rule.when.companion_ids() | anchors)


def _sighting(book: Book, pair: _Pair, seen: Mapping[UUID, LastSeen]) -> Sighting:
    """The asset where it was seen last, at the time of the newest fix that says anything."""
    last = seen[pair.judged.asset_id]
    others = {str(one): seen[one].fix for one in pair.others if one in seen}
    fix = last.fix if last.fix.valid or last.fix.accuracy_m is not None else None
    around = book.index_together.around([last.fix], anchors=others)[0]
    return Sighting(
        at=max([last.fix.at, *(other.at for other in others.values())]),
        subject=pair.judged.subject,
        report=Report(fix=last.fix, readings=last.readings),
        fix=fix,
        around=around,
        companions=others,
    )


def _noticed(event: Event, pair: _Pair, last: LastSeen, now: datetime) -> Noticed:
    fix: Fix = last.fix
    return Noticed(
        id=events.event_id(event, unit_id=pair.judged.unit_id, key=event.at.isoformat()),
        event=event,
        setting=pair.in_force.setting,
        unit_id=pair.judged.unit_id,
        asset_id=pair.judged.asset_id,
        asset_organisation_id=pair.judged.organisation_id,
        device_id=pair.judged.device_id,
        received_at=now,
        place=Place(lat=fix.lat, lon=fix.lon, at=fix.at, valid=fix.valid),
    )
