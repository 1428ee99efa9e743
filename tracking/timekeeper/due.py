"""What the clock alone brings: rules whose time has come although nothing was heard.

A timer is a row that says when to look. Looking changes no memory, which belongs to the gateway
that hears the unit: what was noticed here has an identity, and the gateway that notices it again
files nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from geofence import engine, memory
from geofence.engine import Failure, judge
from geofence.event import Event
from geofence.rule import Rule
from geofence.sighting import Nowhere, Sighting
from protocols.message import Report
from tracking.alarms import arrivals as alarms
from tracking.database import Connection
from tracking.events import arrivals as events
from tracking.events.arrivals import Noticed
from tracking.ingest.judging import to_be_judged
from tracking.rules import arrivals as rule_rows
from tracking.rules.book import Book, RuleInForce
from tracking.rules.rule import SetRule
from tracking.settings import Settings
from tracking.timekeeper import store
from tracking.timekeeper.store import DueTimer, Judged, LastSeen

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found at one timer: what was noticed, and when to look again."""

    noticed: Sequence[Noticed]
    failures: Sequence[Failure]
    next_at: datetime | None


async def look_at_the_clock(connection: Connection, book: Book, settings: Settings) -> int | None:
    """File what is due by the database's clock; the newest change number, None without alarms."""
    newest: int | None = None
    while True:
        async with connection.transaction():
            now, due = await store.timers_due(connection, most=_AT_ONCE)
            new = sorted({each.judged.asset_id for each in due if not each.memory})
            last = {each.asset_id: each for each in await store.last_seen(connection, new)}
            looked = [
                (each, _look(book, each, last.get(each.judged.asset_id), now)) for each in due
            ]
            noticed = [one for _, found in looked for one in found.noticed]
            failed = [
                (each.setting, failure)
                for timer, found in looked
                for failure in found.failures
                if (each := book.rules.get(str(timer.rule_id))) is not None
            ]
            await store.look_again(
                connection, [(each, found.next_at) for each, found in looked], now
            )
            seq = await file_and_ring(connection, noticed, failed, now=now, settings=settings)
            newest = seq or newest
        if len(due) < _AT_ONCE:
            return newest


async def file_and_ring(
    connection: Connection,
    noticed: Sequence[Noticed],
    failed: Sequence[tuple[SetRule, Failure]],
    *,
    now: datetime,
    settings: Settings,
) -> int | None:
    """File events and rules that failed, and raise what they ask for: a transaction's last act."""
    if noticed:
        await events.file(connection, noticed)
    if failed:
        await rule_rows.note_failures(connection, failed)
    rings = [each.occurrence for each in noticed]
    ringing = [each for each in rings if each is not None]
    ringing += [events.rule_failed(setting, at=now) for setting, _ in failed]
    if not ringing:
        return None
    return await alarms.raise_for(connection, ringing, window_s=settings.repeat_window_s)


async def tell_of_those_set_aside(
    connection: Connection, book: Book, settings: Settings
) -> int | None:
    """Raise an alarm for each rule by which nobody can judge; the newest change number."""
    if not book.aside:
        return None
    async with connection.transaction():
        now = await store.now(connection)
        aside = [events.rule_failed(each.setting, at=now) for each in book.aside]
        return await alarms.raise_for(connection, aside, window_s=settings.repeat_window_s)


async def arm(connection: Connection, book: Book) -> None:
    """Set the timers of rules that wait for a time even if nothing is ever heard (an arrival).

    An asset that has been judged already has its timer, or needs none.
    """
    waiting = [
        each
        for each in book.rules.values()
        if each.rule.when.due(each.rule.when.begin(), store.BEFORE_EVERYTHING) is not None
    ]
    if not waiting:
        return
    async with connection.transaction():
        judged = await store.assets_to_judge(connection)
        for each in waiting:
            chosen = [one for one in judged if each.rule.scope.includes(one.subject)]
            now = await store.now(connection)
            due_at = _first_due(each.rule, now)
            if chosen and due_at is not None:
                await store.set_first_timers(
                    connection,
                    each.setting.id,
                    each.rule.edition,
                    chosen,
                    at=min(now, due_at - timedelta(seconds=1)),
                    due_at=due_at,
                )


def noticed_by_clock(
    event: Event, in_force: RuleInForce, judged: Judged, *, now: datetime
) -> Noticed:
    """An event of a rule that nobody's report brought."""
    return Noticed(
        id=events.event_id(event, unit_id=judged.unit_id, key=event.at.isoformat()),
        event=event,
        setting=in_force.setting,
        unit_id=judged.unit_id,
        asset_id=judged.asset_id,
        asset_organisation_id=judged.organisation_id,
        device_id=judged.device_id,
        received_at=now,
        labels=("no_fix",),
    )


def _first_due(rule: Rule, now: datetime) -> datetime | None:
    """When a rule that has seen nothing looks first; its time may have passed when it was set."""
    state = rule.begin("")
    return rule.due(state, after=now) or rule.due(state, after=store.BEFORE_EVERYTHING)


def _from_where_it_is(
    book: Book, rule: Rule, timer: DueTimer, last: LastSeen | None
) -> engine.Judged:
    """What a rule that has never judged the asset makes of where it was last."""
    if last is None:
        begun = rule.begin(str(timer.judged.asset_id))
        return engine.Judged(changed={rule.id: begun}, events=())
    fix = to_be_judged(last.fix)
    seen = Sighting(
        at=last.fix.at,
        subject=timer.judged.subject,
        report=Report(fix=last.fix, readings=last.readings),
        fix=fix,
        around=Nowhere() if fix is None else book.index.around([fix])[0],
    )
    return judge((rule,), {}, seen, before=None)


def _look(book: Book, timer: DueTimer, last: LastSeen | None, now: datetime) -> Looked:
    in_force = book.rules.get(str(timer.rule_id))
    if in_force is None or in_force.rule.edition != timer.edition:
        # Whoever hears the asset next judges it by what is in force now.
        return Looked(noticed=(), failures=(), next_at=None)
    rule = in_force.rule
    asset_id = str(timer.judged.asset_id)
    state = memory.remembered(rule, timer.memory) if timer.memory else None
    there: Sequence[Event] = ()
    if state is None or not rule.fits(state, asset_id):
        first = _from_where_it_is(book, rule, timer, last)
        if first.failures:
            return Looked(noticed=(), failures=first.failures, next_at=None)
        state, there = first.changed[rule.id], first.events
    seen = Sighting(at=now, subject=timer.judged.subject, clock=True)
    found = judge((rule,), {rule.id: state}, seen, before=timer.as_of)
    if found.failures:
        return Looked(noticed=(), failures=found.failures, next_at=None)
    after = found.changed.get(rule.id, state)
    return Looked(
        noticed=[
            noticed_by_clock(each, in_force, timer.judged, now=now)
            for each in (*there, *found.events)
        ],
        failures=(),
        next_at=rule.due(after, after=now),
    )
