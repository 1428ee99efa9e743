"""The SQL of the timekeeper. Whatever is due is judged by the database's clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from geofence.sighting import Subject
from protocols.message import Fix, Readings
from tracking.database import Connection
from tracking.fleet.subject import subject_of
from tracking.people.sessions import store as sessions

_SINGLETON = 0x7165_1153
"""Advisory lock: one timekeeper makes the rounds, the others wait to take over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietUnit:
    """A registered unit that may have been silent for too long, and where its asset was last."""

    unit_id: str
    kind: str
    heard_at: datetime
    reporting_time_s: float
    device_id: UUID
    organisation_id: UUID
    asset_id: UUID | None
    lat: float | None
    lon: float | None
    fix_at: datetime | None
    valid: bool | None
    speed_kmh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day's partition; ``indexed`` once it has its spatial index."""

    day: date
    indexed: bool


async def take_the_rounds(connection: Connection) -> None:
    """Wait until this connection holds the rounds; it does for as long as it lives."""
    await connection.execute("SELECT pg_advisory_lock($1)", _SINGLETON)


async def hearing_since(connection: Connection, *, stale_s: float) -> datetime | None:
    """Since when we have been able to hear devices; None if no gateway is there now.

    Nobody checking for ``stale_s`` counts as not having heard: we cannot know.
    """
    row = await connection.fetchrow(
        """
        INSERT INTO reception AS r (single, hearing_since)
        SELECT true, CASE WHEN hears THEN now() END
        FROM (SELECT EXISTS (SELECT FROM gateways
                             WHERE seen_at > now() - make_interval(secs => $1)) AS hears) AS g
        ON CONFLICT (single) DO UPDATE SET
            checked_at = now(),
            hearing_since = CASE
                WHEN excluded.hearing_since IS NULL THEN NULL
                WHEN r.checked_at < now() - make_interval(secs => $1) THEN now()
                ELSE coalesce(r.hearing_since, now()) END
        RETURNING hearing_since
        """,
        stale_s,
    )
    assert row is not None
    since: datetime | None = row["hearing_since"]
    return since


async def units_quiet_for_too_long(
    connection: Connection, *, reporting_time_s: float, after: str, most: int
) -> tuple[datetime, list[QuietUnit]]:
    """The time, and units past their reporting time whose silence nobody has raised.

    In the order of their names, from the one behind ``after`` on. Locks them until the
    transaction ends; units that another is looking at are left out.
    """
    now: datetime = await connection.fetchval("SELECT now()")
    found = await connection.fetch(
        """
        SELECT u.unit_id, d.kind, u.heard_at,
               coalesce(s.reporting_time_s, $1) AS reporting_time_s,
               d.id AS device_id, d.organisation_id, f.asset_id,
               ST_Y(p.geom) AS lat, ST_X(p.geom) AS lon, p.at AS fix_at, p.valid, p.speed_kmh
        FROM unit_sessions u
        JOIN devices d ON d.unit_id = u.unit_id AND d.retired_at IS NULL
        JOIN device_setups s ON s.device_id = d.id
        LEFT JOIN fitments f ON f.device_id = d.id
            AND f.fitted_from <= now() AND coalesce(f.fitted_until > now(), true)
        LEFT JOIN last_positions p ON p.asset_id = f.asset_id AND p.device_id = d.id
        WHERE u.silent_since IS NULL
          AND u.unit_id > $3
          AND u.heard_at < now() - make_interval(secs => coalesce(s.reporting_time_s, $1))
        ORDER BY u.unit_id LIMIT $2
        FOR UPDATE OF u SKIP LOCKED
        """,
        reporting_time_s,
        most,
        after,
    )
    return now, [QuietUnit(**row) for row in found]


async def units_near(
    connection: Connection, unit_ids: Sequence[str], *, radius_m: float, reporting_time_s: float
) -> list[QuietUnit]:
    """Every registered unit, silent or heard, whose last place is near that of one of these."""
    found = await connection.fetch(
        """
        WITH placed AS (
            SELECT u.unit_id, d.kind, u.heard_at,
                   coalesce(s.reporting_time_s, $3) AS reporting_time_s,
                   d.id AS device_id, d.organisation_id, f.asset_id,
                   p.geom, p.at AS fix_at, p.valid, p.speed_kmh
            FROM unit_sessions u
            JOIN devices d ON d.unit_id = u.unit_id AND d.retired_at IS NULL
            JOIN device_setups s ON s.device_id = d.id
            JOIN fitments f ON f.device_id = d.id
                AND f.fitted_from <= now() AND coalesce(f.fitted_until > now(), true)
            JOIN last_positions p ON p.asset_id = f.asset_id AND p.device_id = d.id
            WHERE u.heard_at IS NOT NULL
        ), lost AS MATERIALIZED (
            -- Boxes first: most are far away. A degree is 111 km; shorter to the east.
            SELECT geom, ST_Expand(
                geom, $2 / (111000.0 * greatest(cos(radians(ST_Y(geom))), 0.01)), $2 / 111000.0
            ) AS box
            FROM placed WHERE unit_id = ANY ($1)
        )
        SELECT unit_id, kind, heard_at, reporting_time_s, device_id, organisation_id, asset_id,
               ST_Y(geom) AS lat, ST_X(geom) AS lon, fix_at, valid, speed_kmh
        FROM placed
        WHERE EXISTS (
            SELECT FROM lost
            WHERE placed.geom && lost.box AND ST_DistanceSphere(placed.geom, lost.geom) <= $2
        )
        """,
        unit_ids,
        radius_m,
        reporting_time_s,
    )
    return [QuietUnit(**row) for row in found]


async def outage_told_of(connection: Connection, near: Fix, *, radius_m: float) -> bool:
    """Whether an open alarm tells of an outage around there: others of it come due later."""
    told: bool = await connection.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM alarms
            WHERE cause = 'outage' AND state <> 'closed' AND geom IS NOT NULL
              AND ST_DistanceSphere(geom, ST_SetSRID(ST_MakePoint($1, $2), 4326)) <= $3
        )
        """,
        near.lon,
        near.lat,
        radius_m,
    )
    return told


async def mark_silent(connection: Connection, unit_ids: Sequence[str]) -> None:
    """Their silence has been raised; hearing from them clears it."""
    await connection.execute(
        "UPDATE unit_sessions SET silent_since = heard_at WHERE unit_id = ANY ($1)", unit_ids
    )


async def days_of(connection: Connection, parent: str) -> list[Day]:
    """The days that have a partition, oldest first."""
    found = await connection.fetch("SELECT day, indexed FROM vigil_days($1)", parent)
    return [Day(day=row["day"], indexed=row["indexed"]) for row in found]


async def today(connection: Connection) -> date:
    """The day it is, in UTC."""
    day: date = await connection.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    return day


async def open_day(connection: Connection, day: date) -> None:
    """Make the partitions of a day."""
    await connection.execute("SELECT vigil_open_day($1)", day)


async def close_day(connection: Connection, day: date) -> None:
    """Give a day that is over its spatial index."""
    await connection.execute("SELECT vigil_close_day($1)", day)


async def drop_day(connection: Connection, parent: str, day: date) -> None:
    """Let a whole day go."""
    await connection.execute("SELECT vigil_drop_day($1, $2)", parent, day)


async def let_go_of_the_old(
    connection: Connection, *, quarantine_days: int, positions_days: int
) -> None:
    """Remove what is kept for a while only: events no longer than the positions they tell of."""
    for table in ("quarantined_frames", "misdated_positions"):
        await connection.execute(
            f"DELETE FROM {table} WHERE received_at < now() - make_interval(days => $1)",  # noqa: S608 - two names of our own
            quarantine_days,
        )
    await connection.execute(
        "DELETE FROM events WHERE at < now() - make_interval(days => $1)", positions_days
    )
    await connection.execute(
        "DELETE FROM previews WHERE created_at < now() - make_interval(days => $1)", quarantine_days
    )
    await sessions.forget_the_old(connection)


BEFORE_EVERYTHING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An asset, and the unit that speaks for it now."""

    asset_id: UUID
    organisation_id: UUID
    device_id: UUID | None
    unit_id: str
    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTimer:
    """A timer whose time has come; ``memory`` is what its rule remembers, empty if nothing."""

    rule_id: UUID
    edition: str
    as_of: datetime
    judged: Judged
    memory: Mapping[str, Any]


async def now(connection: Connection) -> datetime:
    """The time it is."""
    at: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return at


async def timers_due(connection: Connection, *, most: int) -> tuple[datetime, list[DueTimer]]:
    """The time, and the timers that are due, the oldest first; locked until the transaction ends.

    Timers that another is looking at are left out.
    """
    at = await now(connection)
    locked = await connection.fetch(
        """
        SELECT unit_id, rule_id FROM timers WHERE due_at <= $2
        ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
        """,
        most,
        at,
    )
    if not locked:
        return at, []
    # A second statement, which sees what the gateways committed before the rows were locked.
    found = await connection.fetch(
        """
        SELECT t.unit_id, t.rule_id, t.edition, t.as_of, t.asset_id, m.memory,
               d.id AS device_id, a.organisation_id, a.kind, a.name, a.group_name, a.tags,
               a.speed_limit_kmh, a.hours
        FROM unnest($1::text[], $2::uuid[]) AS due (unit_id, rule_id)
        JOIN timers t ON t.unit_id = due.unit_id AND t.rule_id = due.rule_id
        JOIN assets a ON a.id = t.asset_id
        LEFT JOIN devices d ON d.unit_id = t.unit_id AND d.retired_at IS NULL
        LEFT JOIN rule_memory m ON m.unit_id = t.unit_id AND m.rule = t.rule_id::text
        WHERE t.due_at <= $3
        """,
        [row["unit_id"] for row in locked],
        [row["rule_id"] for row in locked],
        at,
    )
    return at, [
        DueTimer(
            rule_id=row["rule_id"],
            edition=row["edition"],
            as_of=row["as_of"],
            judged=_judged(row),
            memory=row["memory"] or {},
        )
        for row in found
    ]


async def look_again(
    connection: Connection, looked: Sequence[tuple[DueTimer, datetime | None]], at: datetime
) -> None:
    """Set each timer that was looked at to its next time, or take it away."""
    over = [(t.judged.unit_id, t.rule_id) for t, next_at in looked if next_at is None]
    again = [(t.judged.unit_id, t.rule_id, next_at) for t, next_at in looked if next_at is not None]
    if over:
        await connection.execute(
            """
            DELETE FROM timers t USING unnest($1::text[], $2::uuid[]) AS over (unit_id, rule_id)
            WHERE t.unit_id = over.unit_id AND t.rule_id = over.rule_id
            """,
            [unit_id for unit_id, _ in over],
            [rule_id for _, rule_id in over],
        )
    if again:
        await connection.execute(
            """
            UPDATE timers t SET due_at = again.due_at, as_of = $4
            FROM unnest($1::text[], $2::uuid[], $3::timestamptz[])
                AS again (unit_id, rule_id, due_at)
            WHERE t.unit_id = again.unit_id AND t.rule_id = again.rule_id
            """,
            [unit_id for unit_id, _, _ in again],
            [rule_id for _, rule_id, _ in again],
            [next_at for _, _, next_at in again],
            at,
        )


async def assets_to_judge(connection: Connection) -> list[Judged]:
    """Every asset in use that a device speaks for, with the unit of that device."""
    found = await connection.fetch(
        """
        SELECT DISTINCT ON (a.id) a.id AS asset_id, a.organisation_id, a.kind, a.name,
               a.group_name, a.tags, a.speed_limit_kmh, a.hours, d.id AS device_id, d.unit_id
        FROM assets a
        JOIN fitments f ON f.asset_id = a.id
            AND f.fitted_from <= now() AND coalesce(f.fitted_until > now(), true)
        JOIN devices d ON d.id = f.device_id AND d.retired_at IS NULL
        LEFT JOIN last_positions p ON p.asset_id = a.id AND p.device_id = d.id
        WHERE a.retired_at IS NULL
        ORDER BY a.id, p.at DESC NULLS LAST, d.unit_id
        """
    )
    return [_judged(row) for row in found]


async def set_first_timers(
    connection: Connection,
    rule_id: UUID,
    edition: str,
    chosen: Sequence[Judged],
    *,
    at: datetime,
    due_at: datetime,
) -> None:
    """Set a timer for each of these assets that this edition has never judged."""
    await connection.execute(
        """
        INSERT INTO timers AS t (unit_id, rule_id, edition, asset_id, as_of, due_at)
        SELECT chosen.unit_id, $1, $2, chosen.asset_id, $5, $6
        FROM unnest($3::text[], $4::uuid[]) AS chosen (unit_id, asset_id)
        WHERE NOT EXISTS (
            SELECT FROM rule_memory m WHERE m.unit_id = chosen.unit_id AND m.rule = $1::uuid::text
              AND m.memory ->> 'edition' = $2
        )
        ON CONFLICT (unit_id, rule_id) DO UPDATE
            SET edition = excluded.edition, asset_id = excluded.asset_id,
                as_of = excluded.as_of, due_at = excluded.due_at
            WHERE t.edition <> excluded.edition
        """,
        rule_id,
        edition,
        [each.unit_id for each in chosen],
        [each.asset_id for each in chosen],
        at,
        due_at,
    )


def _judged(row: "asyncpg.Record") -> Judged:
    return Judged(
        asset_id=row["asset_id"],
        organisation_id=row["organisation_id"],
        device_id=row["device_id"],
        unit_id=row["unit_id"],
        subject=subject_of(dict(row)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSeen:
    """Where an asset was last, and what its device said then."""

    asset_id: UUID
    received_at: datetime
    fix: Fix
    readings: Readings


async def last_seen(connection: Connection, asset_ids: Sequence[UUID]) -> list[LastSeen]:
    """Where these assets were last; those never seen are left out."""
    found = await connection.fetch(
        """
        SELECT asset_id, received_at, at, ST_Y(geom) AS lat, ST_X(geom) AS lon, valid, speed_kmh,
               course_deg, accuracy_m, ignition, motion
        FROM last_positions WHERE asset_id = ANY ($1)
        """,
        asset_ids,
    )
    seen = []
    for row in found:
        readings: Readings = {}
        if row["ignition"] is not None:
            readings["ignition"] = row["ignition"]
        if row["motion"] is not None:
            readings["motion"] = row["motion"]
        fix = Fix(
            at=row["at"],
            lat=row["lat"],
            lon=row["lon"],
            valid=row["valid"],
            speed_kmh=row["speed_kmh"],
            course_deg=row["course_deg"],
            accuracy_m=row["accuracy_m"],
        )
        seen.append(
            LastSeen(
                asset_id=row["asset_id"], received_at=row["received_at"], fix=fix, readings=readings
            )
        )
    return seen


async def memories_of_rules(
    connection: Connection, rule_ids: Sequence[UUID]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """What these rules remember, by unit and rule."""
    found = await connection.fetch(
        "SELECT unit_id, rule, memory FROM rule_memory WHERE rule = ANY ($1)",
        [str(each) for each in rule_ids],
    )
    return {(row["unit_id"], row["rule"]): row["memory"] for row in found}


async def write_states(
    connection: Connection, states: Sequence[tuple[str, str, Mapping[str, Any]]]
) -> None:
    """Write what rules about several assets remember of (unit, rule)."""
    await connection.executemany(
        """
        INSERT INTO rule_memory (unit_id, rule, memory) VALUES ($1, $2, $3)
        ON CONFLICT (unit_id, rule) DO UPDATE SET memory = excluded.memory, changed_at = now()
        """,
        sorted(states, key=lambda each: (each[0], each[1])),
    )
