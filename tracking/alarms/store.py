"""What the alarms slice asks of PostgreSQL. Row-level security decides what there is to see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from tracking.alarms.alarm import Alarm, AlarmAsset, AlarmEvent, AlarmFix, AlarmRule, Change
from tracking.alarms.lifecycle import CloseCode, Kind, State
from tracking.bus import NOTIFY_ALARMS
from tracking.database import Connection

_ALARM: Final = """
    a.id, a.organisation_id, o.name AS organisation, a.asset_id, s.name AS asset_name,
    s.kind AS asset_kind, a.unit_id, a.cause, a.priority, a.state, a.at, a.raised_at,
    a.last_event_at, a.last_event_id, a.repeats, a.labels, ST_X(a.geom) AS lon, ST_Y(a.geom) AS lat,
    a.fix_at, a.fix_valid, a.acknowledged_at, acknowledger.name AS acknowledged_by,
    a.closed_at, closer.name AS closed_by, a.close_code, a.close_note,
    r.id AS rule_id, r.name AS rule_name, r.messages AS rule_messages, noticed.facts AS rule_facts
"""

_NAMED: Final = """
    JOIN organisations o ON o.id = a.organisation_id
    LEFT JOIN assets s ON s.id = a.asset_id
    LEFT JOIN people acknowledger ON acknowledger.id = a.acknowledged_by
    LEFT JOIN people closer ON closer.id = a.closed_by
    LEFT JOIN rules r ON r.id = a.rule_id AND r.version = a.rule_version
    LEFT JOIN events noticed ON a.rule_id IS NOT NULL AND noticed.id = a.last_event_id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a list ended."""

    priority: int
    raised_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which alarms a list is about; None is no condition."""

    states: Sequence[State]
    priority: int | None = None
    asset_id: UUID | None = None


async def most_urgent(
    connection: Connection, wanted: Wanted, *, after: Place | None, limit: int
) -> list[Alarm]:
    """Alarms as a queue: most important first, then the one that waits longest."""
    rows = await connection.fetch(
        f"""
        SELECT {_ALARM} FROM alarms a {_NAMED}
        WHERE a.state = ANY($1) AND ($2::int IS NULL OR a.priority = $2)
          AND ($3::uuid IS NULL OR a.asset_id = $3)
          AND ($4::int IS NULL
               OR (a.priority, a.raised_at, a.id) > ($4, $5::timestamptz, $6::uuid))
        ORDER BY a.priority, a.raised_at, a.id LIMIT $7
        """,  # noqa: S608 - constants of this file
        *_conditions(wanted, after),
        limit,
    )
    return [_alarm(row) for row in rows]


async def most_recent(
    connection: Connection, wanted: Wanted, *, after: Place | None, limit: int
) -> list[Alarm]:
    """Alarms as a history: the newest first."""
    rows = await connection.fetch(
        f"""
        SELECT {_ALARM} FROM alarms a {_NAMED}
        WHERE a.state = ANY($1) AND ($2::int IS NULL OR a.priority = $2)
          AND ($3::uuid IS NULL OR a.asset_id = $3)
          AND ($4::int IS NULL OR (a.raised_at, a.id) < ($5::timestamptz, $6::uuid))
        ORDER BY a.raised_at DESC, a.id DESC LIMIT $7
        """,  # noqa: S608 - constants of this file
        *_conditions(wanted, after),
        limit,
    )
    return [_alarm(row) for row in rows]


async def alarm(connection: Connection, alarm_id: UUID) -> Alarm | None:
    """One alarm, or None when there is none that may be seen."""
    row = await connection.fetchrow(
        f"SELECT {_ALARM} FROM alarms a {_NAMED} WHERE a.id = $1",  # noqa: S608 - constants
        alarm_id,
    )
    return None if row is None else _alarm(row)


async def alarm_to_move(connection: Connection, alarm_id: UUID) -> Alarm | None:
    """The same, and nobody else moves it before this transaction ends."""
    # The lock is taken first and alone: a row read in the same statement as a lock that had to
    # wait would mix the alarm's new state with names looked up for its old one.
    await connection.execute("SELECT 1 FROM alarms WHERE id = $1 FOR UPDATE", alarm_id)
    return await alarm(connection, alarm_id)


async def events_of(connection: Connection, alarm_id: UUID) -> list[AlarmEvent]:
    """What happened to an alarm, oldest first."""
    rows = await connection.fetch(
        """
        SELECT e.id, e.kind, e.at, e.recorded_at, p.name AS person, e.detail
        FROM alarm_events e LEFT JOIN people p ON p.id = e.person_id
        WHERE e.alarm_id = $1 ORDER BY e.recorded_at, e.id
        """,
        alarm_id,
    )
    return [
        AlarmEvent(
            id=row["id"],
            kind=Kind(row["kind"]),
            at=row["at"],
            recorded_at=row["recorded_at"],
            person=row["person"],
            detail=row["detail"],
        )
        for row in rows
    ]


async def set_acknowledged(
    connection: Connection, alarm_id: UUID, *, person_id: UUID, at: datetime
) -> None:
    """A person has taken the alarm."""
    await connection.execute(
        "UPDATE alarms SET state = $2, acknowledged_at = $3, acknowledged_by = $4 WHERE id = $1",
        alarm_id,
        State.ACKNOWLEDGED,
        at,
        person_id,
    )


async def set_closed(
    connection: Connection,
    alarm_id: UUID,
    *,
    person_id: UUID,
    at: datetime,
    code: CloseCode,
    note: str,
) -> None:
    """A person has ended the alarm and said what it was."""
    await connection.execute(
        "UPDATE alarms SET state = $2, closed_at = $3, closed_by = $4, close_code = $5,"
        " close_note = $6 WHERE id = $1",
        alarm_id,
        State.CLOSED,
        at,
        person_id,
        code,
        note or None,
    )


async def add_event(
    connection: Connection,
    *,
    event_id: UUID,
    alarm_id: UUID,
    kind: Kind,
    at: datetime,
    person_id: UUID,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down what a person did to an alarm."""
    await connection.execute(
        "INSERT INTO alarm_events (id, alarm_id, kind, at, recorded_at, person_id, detail)"
        " VALUES ($1, $2, $3, $4, clock_timestamp(), $5, $6)",
        event_id,
        alarm_id,
        kind,
        at,
        person_id,
        detail,
    )


async def add_change(
    connection: Connection,
    *,
    alarm_id: UUID,
    organisation_id: UUID,
    event_id: UUID,
    kind: Kind,
    sound: bool,
) -> int:
    """Give the change its place in the order that desks follow; its number.

    Everybody else's changes wait from here until COMMIT, so this is a transaction's last act.
    """
    seq: int = await connection.fetchval(
        """
        WITH change AS (
            INSERT INTO changes (seq, alarm_id, organisation_id, event_id, kind, sound)
            VALUES (vigil_next_change(), $1, $2, $3, $4, $5) RETURNING seq
        ) SELECT seq FROM change, pg_notify($6, seq::text)
        """,
        alarm_id,
        organisation_id,
        event_id,
        kind,
        sound,
        NOTIFY_ALARMS,
    )
    return seq


async def add_shown(connection: Connection, alarm_id: UUID, *, person_id: UUID) -> bool:
    """A desk of this person has shown the alarm; whether that is news."""
    done = await connection.execute(
        "INSERT INTO alarm_shown (alarm_id, person_id) SELECT id, $2 FROM alarms WHERE id = $1"
        " ON CONFLICT DO NOTHING",
        alarm_id,
        person_id,
    )
    return done.endswith(" 1")


async def changes_after(connection: Connection, seq: int, *, limit: int) -> list[Change]:
    """What happened after ``seq``, in order. A ring that a person has answered is silent."""
    rows = await connection.fetch(
        f"""
        SELECT c.seq, c.kind AS change_kind, c.event_id AS change_event_id, c.at AS change_at,
               c.sound AND a.state <> 'closed'
                   AND (a.acknowledged_at IS NULL OR a.acknowledged_at < c.at + interval '5 s')
                   AS sound,
               {_ALARM}
        FROM changes c JOIN alarms a ON a.id = c.alarm_id {_NAMED}
        WHERE c.seq > $1 ORDER BY c.seq LIMIT $2
        """,  # noqa: S608 - constants of this file
        seq,
        limit,
    )
    return [_change(row) for row in rows]


async def open_and_changed_after(connection: Connection, seq: int, *, limit: int) -> list[Change]:
    """Open alarms as if each had just been raised, in the order of its newest change.

    In that order, because then each is a place from which to follow what comes after. Relies on
    the changes of open alarms being kept.
    """
    rows = await connection.fetch(
        f"""
        SELECT newest.seq, 'raised' AS change_kind, a.last_event_id AS change_event_id,
               a.last_event_at AS change_at, a.state = 'raised' AS sound, {_ALARM}
        FROM alarms a {_NAMED}
        CROSS JOIN LATERAL (SELECT max(c.seq) AS seq FROM changes c WHERE c.alarm_id = a.id) newest
        WHERE a.state <> 'closed' AND newest.seq > $1 ORDER BY newest.seq LIMIT $2
        """,  # noqa: S608 - constants of this file
        seq,
        limit,
    )
    return [_change(row) for row in rows]


async def change_bounds(connection: Connection) -> tuple[int, int]:
    """The first change that is still kept and the newest; (0, 0) when there is none."""
    row = await connection.fetchrow("SELECT min(seq), max(seq) FROM changes")
    return (row[0] or 0, row[1] or 0) if row else (0, 0)


async def open_alarms_of_everybody(
    connection: Connection,
) -> list[tuple[int, State, int, datetime]]:
    """(priority, state, how many, when the oldest was raised): counts, for whoever watches us."""
    rows = await connection.fetch("SELECT * FROM vigil_open_alarms()")
    return [(row[0], State(row[1]), row[2], row[3]) for row in rows]


async def newest_change_of_everybody(connection: Connection) -> int:
    """The number of the newest change, whosoever it is."""
    newest: int = await connection.fetchval("SELECT vigil_newest_change()")
    return newest


def _conditions(wanted: Wanted, after: Place | None) -> tuple[Any, ...]:
    place = (None, None, None) if after is None else (after.priority, after.raised_at, after.id)
    return (list(wanted.states), wanted.priority, wanted.asset_id, *place)


def _change(row: asyncpg.Record) -> Change:
    return Change(
        seq=row["seq"],
        kind=Kind(row["change_kind"]),
        event_id=row["change_event_id"],
        sound=row["sound"],
        at=row["change_at"],
        alarm=_alarm(row),
    )


def _alarm(row: asyncpg.Record) -> Alarm:
    return Alarm(
        id=row["id"],
        organisation_id=row["organisation_id"],
        organisation=row["organisation"],
        asset=None
        if row["asset_name"] is None
        else AlarmAsset(id=row["asset_id"], name=row["asset_name"], kind=row["asset_kind"]),
        unit_id=row["unit_id"],
        cause=row["cause"],
        priority=row["priority"],
        state=State(row["state"]),
        at=row["at"],
        raised_at=row["raised_at"],
        last_event_at=row["last_event_at"],
        last_event_id=row["last_event_id"],
        repeats=row["repeats"],
        labels=tuple(row["labels"]),
        fix=None
        if row["lat"] is None or row["fix_at"] is None
        else AlarmFix(
            at=row["fix_at"], lat=row["lat"], lon=row["lon"], valid=bool(row["fix_valid"])
        ),
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
        close_code=row["close_code"],
        close_note=row["close_note"],
        rule=None
        if row["rule_name"] is None
        else AlarmRule(
            id=row["rule_id"],
            name=row["rule_name"],
            messages=row["rule_messages"],
            facts=row["rule_facts"] or {},
        ),
    )
