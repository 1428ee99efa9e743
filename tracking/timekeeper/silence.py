"""Units that are silent for longer than they promised, told apart by who near them is heard.

One that falls silent among neighbours who are heard may be jammed, and its alarm says so. Many that
fall silent together are an outage of the network: it is told once, and what is silent still when
patience ends is told of each by itself. A person's device is never waited with.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from geofence import outage
from geofence.event import Event
from geofence.outage import Cause, Unit, Verdict
from geofence.rules.silence import Silence
from protocols.message import Fix
from tracking.alarms import arrivals as alarms
from tracking.alarms.arrivals import Occurrence, Place
from tracking.database import Connection
from tracking.settings import Settings
from tracking.timekeeper import store
from tracking.timekeeper.store import QuietUnit

_HEARD_RECENTLY_S = 10.0
_AT_ONCE = 500
_SUSPECTED_PRIORITY = 2
"""A vehicle that may be jammed is a theft under way, and no mere watch that failed."""

Silent = tuple[QuietUnit, Event]


async def look_for_silence(connection: Connection, settings: Settings) -> int | None:
    """Raise an alarm for each unit that has been silent too long; the newest change number."""
    hearing_since = await store.hearing_since(connection, stale_s=_HEARD_RECENTLY_S)
    if hearing_since is None:
        return None
    newest: int | None = None
    after = ""
    while True:
        async with connection.transaction():
            now, quiet = await store.units_quiet_for_too_long(
                connection, reporting_time_s=settings.reporting_time_s, after=after, most=_AT_ONCE
            )
            silent = _silent(quiet, settings, hearing_since=hearing_since, now=now)
            told, occurrences = await _judge(connection, silent, settings, now=now)
            if told:
                await store.mark_silent(connection, told)
            if occurrences:
                seq = await alarms.raise_for(
                    connection, occurrences, window_s=settings.repeat_window_s
                )
                newest = seq or newest
        if len(quiet) < _AT_ONCE:
            return newest
        after = quiet[-1].unit_id


def _silent(
    quiet: Sequence[QuietUnit], settings: Settings, *, hearing_since: datetime, now: datetime
) -> list[Silent]:
    found = []
    for unit in quiet:
        rule = Silence(
            reporting_time_s=unit.reporting_time_s,
            grace_s=settings.silence_grace_s,
            # The record of hearing is that far behind at most (see identity.Unit.slack).
            slack_s=min(5.0, 0.05 * unit.reporting_time_s),
        )
        event = rule.noticed(heard_at=unit.heard_at, hearing_since=hearing_since, now=now)
        if event is not None:
            found.append((unit, event))
    return found


async def _judge(
    connection: Connection, silent: Sequence[Silent], settings: Settings, *, now: datetime
) -> tuple[list[str], list[Occurrence]]:
    """Which units are told of, and the alarms that do."""
    if not silent:
        return [], []
    limits = outage.LIMITS
    around = [
        _unit(each)
        for each in await store.units_near(
            connection,
            [unit.unit_id for unit, _ in silent],
            radius_m=limits.radius_m,
            reporting_time_s=settings.reporting_time_s,
        )
    ]
    by_name = {unit.unit_id: (unit, event) for unit, event in silent}
    patience = timedelta(seconds=settings.outage_patience_s)
    told: list[str] = []
    occurrences: list[Occurrence] = []
    for group in outage.groups([_unit(unit) for unit, _ in silent]):
        verdict = outage.verdict(group, around, now=now)
        network = verdict.cause is Cause.OUTAGE and verdict.as_one
        if network and not await _told_of(connection, group, limits.radius_m):
            occurrences.append(_outage(group, now))
        for one in group:
            unit, event = by_name[one.unit_id]
            waits = network and unit.kind != "panic_device" and now < event.at + patience
            if not waits:
                told.append(unit.unit_id)
                occurrences.append(_silence(unit, event, verdict, now))
    return told, occurrences


async def _told_of(connection: Connection, group: Sequence[Unit], radius_m: float) -> bool:
    place = next((each.last for each in group if each.last is not None), None)
    return place is not None and await store.outage_told_of(connection, place, radius_m=radius_m)


def _unit(quiet: QuietUnit) -> Unit:
    last = None
    if quiet.lat is not None and quiet.lon is not None and quiet.fix_at is not None:
        last = Fix(
            at=quiet.fix_at,
            lat=quiet.lat,
            lon=quiet.lon,
            valid=bool(quiet.valid),
            speed_kmh=quiet.speed_kmh,
        )
    return Unit(
        unit_id=quiet.unit_id,
        heard_at=quiet.heard_at,
        reporting_time_s=quiet.reporting_time_s,
        last=last,
    )


def _silence(unit: QuietUnit, event: Event, verdict: Verdict, now: datetime) -> Occurrence:
    jammed = verdict.cause is Cause.JAMMING and unit.kind != "panic_device"
    return Occurrence(
        event_id=alarms.event_id(
            unit_id=unit.unit_id, cause=event.cause, at=unit.heard_at, fingerprint=0
        ),
        unit_id=unit.unit_id,
        cause=event.cause,
        at=event.at,
        received_at=now,
        organisation_id=unit.organisation_id,
        asset_id=unit.asset_id,
        device_id=unit.device_id,
        labels=("no_fix", "jamming_suspected") if jammed else ("no_fix",),
        priority=_SUSPECTED_PRIORITY if jammed else None,
    )


def _outage(group: Sequence[Unit], now: datetime) -> Occurrence:
    """One alarm of the centre for all of them, named by the first that was lost."""
    first = min(group, key=lambda each: (each.heard_at, each.unit_id))
    fix = first.last
    return Occurrence(
        event_id=alarms.event_id(
            unit_id=first.unit_id, cause="outage", at=first.heard_at, fingerprint=0
        ),
        unit_id=f"{first.unit_id} …",
        cause="outage",
        at=first.heard_at,
        received_at=now,
        place=None if fix is None else Place(lat=fix.lat, lon=fix.lon, at=fix.at, valid=fix.valid),
        labels=() if fix else ("no_fix",),
    )
