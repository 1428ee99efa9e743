"""The SQL of the timekeeper. Whatever is due is judged by the database's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from tracking.database import Connection
from tracking.people.sessions import store as sessions

_SINGLETON = 0x7165_1153
"""Advisory lock: one timekeeper makes the rounds, the others wait to take over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietUnit:
    """A registered unit that may have been silent for too long."""

    unit_id: str
    heard_at: datetime
    reporting_time_s: float
    device_id: UUID
    organisation_id: UUID
    asset_id: UUID | None


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
        SELECT u.unit_id, u.heard_at, coalesce(s.reporting_time_s, $1) AS reporting_time_s,
               d.id AS device_id, d.organisation_id, f.asset_id
        FROM unit_sessions u
        JOIN devices d ON d.unit_id = u.unit_id AND d.retired_at IS NULL
        JOIN device_setups s ON s.device_id = d.id
        LEFT JOIN fitments f ON f.device_id = d.id
            AND f.fitted_from <= now() AND coalesce(f.fitted_until > now(), true)
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


async def let_go_of_the_old(connection: Connection, *, quarantine_days: int) -> None:
    """Remove what is kept for a while only."""
    for table in ("quarantined_frames", "misdated_positions"):
        await connection.execute(
            f"DELETE FROM {table} WHERE received_at < now() - make_interval(days => $1)",  # noqa: S608 - two names of our own
            quarantine_days,
        )
    await sessions.forget_the_old(connection)
