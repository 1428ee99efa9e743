"""What people may ask about events: which there were, and why each is one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from geofence.kinds import condition_from
from geofence.schedule import schedule_from
from tracking.audit.store import note_location_reads
from tracking.database import Connection
from tracking.errors import NotFound
from tracking.events import store
from tracking.events.event import Clock, FiledEvent, FixAsHeard, Why, Wish, ZoneAsJudged
from tracking.people.person import Person
from tracking.rules import store as rules
from tracking.rules.book import LABEL
from tracking.rules.naming import store as naming
from tracking.rules.rule import FiledRule
from tracking.rules.wording import LANGUAGES, filled, said

CENTRE_ZONE: Final = "Europe/Brussels"
"""The clock on the wall where the centre is; a rule's hours may be kept elsewhere."""

BEFORE: Final = timedelta(minutes=10)
AFTER: Final = timedelta(minutes=5)
LONGEST_STORY: Final = timedelta(hours=6)
"""What began to hold earlier than this before its event is shown from here on."""
MOST_FIXES: Final = 2_000
MOST_ZONES: Final = 20

_NOT_FOR_OTHERS: Final = ("zone", "companion", "rule")
"""Beginnings of facts that name what is somebody else's."""


async def events_seen(
    connection: Connection,
    by: Person,
    wish: Wish,
    *,
    before: tuple[datetime, UUID] | None,
    most: int,
) -> list[FiledEvent]:
    """Events, newest first, as this person may know them; that they looked is written down.

    One more than ``most`` may come: it says that there are more, and is not shown.
    """
    found = await store.events(connection, wish, before=before, most=most + 1)
    await _note_reads(connection, by, found[:most])
    return [_as_told(each) for each in found]


async def event_seen(connection: Connection, by: Person, event_id: UUID) -> FiledEvent:
    """One event as this person may know it. Raises NotFound."""
    found = await store.event(connection, event_id)
    if found is None:
        raise NotFound("There is no such event, or none that you may see.")
    await _note_reads(connection, by, [found])
    return _as_told(found)


async def why(connection: Connection, by: Person, event_id: UUID) -> Why:
    """Everything that an event was judged by, as far as this person may know it.

    Raises NotFound. What a centre has set is not told to its clients: they get the fixes, the
    clock, the facts about themselves, and the message that the rule has for them.
    """
    event = await event_seen(connection, by, event_id)
    rule = await rules.version(connection, event.rule_id, event.rule_version)
    begin, end = _span(event)
    fixes = await store.fixes_around(
        connection, event.asset_id, begin=begin, end=end, most=MOST_FIXES + 1
    )
    await note_location_reads(
        connection, person_id=by.id, asset_ids=[event.asset_id], what="event track"
    )
    language = by.language if by.language in LANGUAGES else "en"
    clock = await _clock(connection, event, rule, fixes)
    in_words = _in_words(await _named(connection, event), clock, language=language)
    messages = (
        await store.messages_told(connection, event_id) if rule is None else rule.rule.messages
    )
    return Why(
        event=event,
        rule=rule,
        zones=await _zones(connection, event, rule),
        fixes=fixes[:MOST_FIXES],
        more=len(fixes) > MOST_FIXES,
        clock=clock,
        words=filled(messages[language], in_words, language=language)
        if language in messages
        else None,
        facts_in_words=in_words,
    )


def _as_told(event: FiledEvent) -> FiledEvent:
    """Without what is somebody else's, where the reader may not see the rule."""
    if event.rule is not None:
        return event
    facts = {
        name: value for name, value in event.facts.items() if not name.startswith(_NOT_FOR_OTHERS)
    }
    if event.zone is not None:
        return replace(event, facts=facts)
    return replace(event, facts=facts, zone_id=None, zone_version=None)


def _span(event: FiledEvent) -> tuple[datetime, datetime]:
    begin = event.at - BEFORE
    if event.since is not None:
        begin = min(begin, max(event.since - BEFORE, event.at - LONGEST_STORY))
    return begin, event.at + AFTER


async def _clock(
    connection: Connection, event: FiledEvent, rule: FiledRule | None, fixes: list[FixAsHeard]
) -> Clock:
    setting = None if rule is None else rule.rule.schedule
    schedule = None if setting is None else schedule_from(setting)
    time_zone = CENTRE_ZONE if schedule is None else schedule.time_zone
    received_at = next((fix.received_at for fix in fixes if fix.at == event.fix_at), None)
    if received_at is None and event.fix_at is not None:
        received_at = await store.heard_at(connection, event.asset_id, event.fix_at)
    return Clock(
        at=event.at,
        since=event.since,
        received_at=received_at,
        recorded_at=event.recorded_at,
        late=event.late,
        by_clock=event.clock,
        local=event.at.astimezone(ZoneInfo(time_zone)),
        time_zone=time_zone,
        schedule=setting,
        covered=None if schedule is None else schedule.covers(event.at),
    )


async def _zones(
    connection: Connection, event: FiledEvent, rule: FiledRule | None
) -> list[ZoneAsJudged]:
    """The very shape that the event points at, else those that the rule asked about then."""
    if event.zone_id is not None and event.zone_version is not None:
        zone = await store.zone_as_judged(connection, event.zone_id, event.zone_version)
        return [] if zone is None else [zone]
    if rule is None:
        return []
    try:
        named = condition_from(rule.rule.setting).zone_ids()
    except ValueError:  # an older Vigil filed what this one asks differently
        return []
    ids = [UUID(each) for each in named if not each.startswith(LABEL)]
    return await store.zones_as_of(connection, ids, event.recorded_at, most=MOST_ZONES)


async def _named(connection: Connection, event: FiledEvent) -> FiledEvent:
    """The same with names instead of ids, of what the reader may see."""
    facts = dict(event.facts)
    for name, called in (
        ("zone", naming.zones_called),
        ("zones", naming.zones_called),
        ("companion", naming.assets_called),
        ("companions", naming.assets_called),
    ):
        if name not in facts:
            continue
        several = isinstance(facts[name], list)
        ids = [UUID(each) for each in (facts[name] if several else [facts[name]])]
        names = await called(connection, ids)
        found = [names[str(each)] for each in ids if str(each) in names]
        facts[name] = found if several else next(iter(found), None)
    return replace(event, facts=facts)


def _in_words(event: FiledEvent, clock: Clock, *, language: str) -> dict[str, str]:
    """Every fact as people write it, those of any event included; times as the wall shows them."""
    zone = ZoneInfo(clock.time_zone)
    lasted = None if event.since is None else event.at - event.since
    about: dict[str, Any] = {
        **event.facts,
        "asset": event.asset,
        "plate": event.plate,
        "group": event.group or None,
        "client": event.client,
        "rule": event.rule,
        "cause": event.cause,
        "zone": event.zone or event.facts.get("zone"),
        "at": event.at,
        "date": event.at.astimezone(zone).strftime("%d/%m/%Y"),
        "since": event.since,
        "lasted": None if lasted is None else _lasted(lasted),
    }
    return {
        name: said(_local(name, fact, clock.local, zone), language=language)
        for name, fact in about.items()
    }


def _local(name: str, fact: object, today: datetime, zone: ZoneInfo) -> object:
    """A time as the clock on the wall showed it, with its day if that is another."""
    if isinstance(fact, str) and name.endswith(("_at", "_since")):
        try:
            fact = datetime.fromisoformat(fact)
        except ValueError:
            return fact
    if not isinstance(fact, datetime) or fact.tzinfo is None:
        return fact
    local = fact.astimezone(zone)
    return local.strftime("%H:%M" if local.date() == today.date() else "%d/%m %H:%M")


def _lasted(lasted: timedelta) -> str:
    """Hours and minutes, or minutes and seconds of what did not last an hour."""
    seconds = max(0, int(lasted.total_seconds()))
    hours, minutes = seconds // 3_600, seconds // 60 % 60
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds % 60:02} s"


async def _note_reads(connection: Connection, by: Person, shown: list[FiledEvent]) -> None:
    """An event says where somebody was; that is written down like any other look."""
    where: Mapping[UUID, FiledEvent] = {
        each.asset_id: each for each in shown if each.lat is not None
    }
    if where:
        await note_location_reads(connection, person_id=by.id, asset_ids=where.keys(), what="event")
