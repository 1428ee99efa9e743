"""What previews ask of PostgreSQL. Row-level security decides what there is to see and to try."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from geofence.sighting import Subject
from tracking.database import Connection
from tracking.fleet.subject import subject_of
from tracking.rules.previews.preview import Preview, State, Tally

ALIVE_S: Final = 10.0
"""A preview that nobody has written about for so long has lost its process."""

KEPT_DAYS: Final = 7


async def wait_for_turn(connection: Connection, organisation_id: UUID) -> None:
    """Whoever else of this organisation would start a preview waits until this transaction ends."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('previews ' || $1::text, 0))",
        str(organisation_id),
    )


async def running_of(connection: Connection, organisation_id: UUID) -> int:
    """How many previews of this organisation are being worked at?"""
    number: int = await connection.fetchval(
        "SELECT count(*) FROM previews WHERE organisation_id = $1 AND state = 'running'"
        " AND seen_at > now() - make_interval(secs => $2)",
        organisation_id,
        ALIVE_S,
    )
    return number


async def forget_old(connection: Connection) -> None:
    """What was asked a week ago is asked again if it matters."""
    await connection.execute(
        "DELETE FROM previews WHERE created_at < now() - make_interval(days => $1)", KEPT_DAYS
    )


async def add_preview(
    connection: Connection,
    *,
    organisation_id: UUID,
    by: UUID,
    rule_id: UUID | None,
    tried: Mapping[str, Any],
    from_at: datetime,
    until_at: datetime,
    assets: int,
) -> UUID:
    """File a question that is about to be worked at."""
    preview_id: UUID = await connection.fetchval(
        """
        INSERT INTO previews
            (organisation_id, created_by, rule_id, tried, from_at, until_at, assets)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id
        """,
        organisation_id,
        by,
        rule_id,
        dict(tried),
        from_at,
        until_at,
        assets,
    )
    return preview_id


async def preview(connection: Connection, preview_id: UUID) -> Preview | None:
    """How far is this preview, if it may be seen?"""
    row = await connection.fetchrow(
        """
        SELECT id, organisation_id, created_at, rule_id, tried, from_at, until_at, assets,
               assets_done, positions, events, share, counts,
               CASE WHEN lost THEN 'failed' ELSE state END AS state,
               CASE WHEN lost THEN 'The process that worked at it has ended.' ELSE error END
                   AS error
        FROM (SELECT *, state = 'running' AND seen_at < now() - make_interval(secs => $2) AS lost
              FROM previews WHERE id = $1) AS asked
        """,
        preview_id,
        ALIVE_S,
    )
    return None if row is None else Preview(**{**row, "state": State(row["state"])})


async def found(connection: Connection, preview_id: UUID) -> list[dict[str, Any]]:
    """The first events that this preview has found, in the order of finding."""
    events: list[dict[str, Any]] | None = await connection.fetchval(
        "SELECT found FROM previews WHERE id = $1", preview_id
    )
    return events or []


async def cancel(connection: Connection, preview_id: UUID) -> None:
    """Whoever works at this preview shall stop; one that has ended stays as it is."""
    await connection.execute(
        "UPDATE previews SET state = 'cancelled' WHERE id = $1 AND state = 'running'", preview_id
    )


async def report_progress(connection: Connection, tally: Tally, *, with_found: bool) -> bool:
    """Write down how far it is; False if somebody has cancelled it."""
    still = await connection.fetchval(
        """
        UPDATE previews SET assets_done = $2, positions = $3, events = $4, share = $5,
               seen_at = now(), found = coalesce($6, found), counts = coalesce($7, counts)
        WHERE id = $1 AND state = 'running' RETURNING true
        """,
        tally.job.preview_id,
        tally.assets_done,
        tally.positions,
        tally.events,
        tally.share,
        tally.found if with_found else None,
        tally.counts() if with_found else None,
    )
    return bool(still)


async def finish(connection: Connection, tally: Tally, state: State, *, error: str = "") -> None:
    """It has ended so, unless somebody cancelled it before."""
    await connection.execute(
        """
        UPDATE previews SET assets_done = $2, positions = $3, events = $4, share = $5, found = $6,
               counts = $7, state = $8, error = $9, seen_at = now()
        WHERE id = $1 AND state = 'running'
        """,
        tally.job.preview_id,
        tally.assets_done,
        tally.positions,
        tally.events,
        tally.share,
        tally.found,
        tally.counts(),
        state,
        error,
    )


async def subjects(connection: Connection) -> list[Subject]:
    """The assets in use that may be seen, as rules see them."""
    rows = await connection.fetch(
        """
        SELECT id AS asset_id, organisation_id, kind, name, group_name, tags, speed_limit_kmh,
               hours
        FROM assets WHERE retired_at IS NULL ORDER BY id
        """
    )
    return [subject_of(dict(row)) for row in rows]


async def positions_after(
    connection: Connection,
    asset_ids: Sequence[UUID],
    *,
    begin: datetime,
    end: datetime,
    after: tuple[datetime, UUID, int] | None,
    most: int,
) -> list[asyncpg.Record]:
    """Positions of these assets from ``begin`` until before ``end``, as fields of Stored.

    In the order of their time, beyond ``after``: the time, asset and fingerprint of the last one.
    """
    return await connection.fetch(
        """
        SELECT each.* FROM unnest($1::uuid[]) AS asked (id) CROSS JOIN LATERAL (
            SELECT asset_id, device_id, at, fingerprint, received_at, ST_Y(geom) AS lat,
                   ST_X(geom) AS lon, speed_kmh, course_deg, altitude_m, accuracy_m, valid,
                   buffered, satellites, hdop, ignition, motion, immobilised, charging,
                   battery_pct, battery_v, power_v, odometer_m, rssi, driver_id, signals, other
            FROM positions
            WHERE asset_id = asked.id AND at >= $2 AND at < $3
              AND ($4::timestamptz IS NULL
                   OR (at, asset_id, fingerprint) > ($4, $5::uuid, $6::bigint))
            ORDER BY at, fingerprint LIMIT $7
        ) AS each
        ORDER BY at, asset_id, fingerprint LIMIT $7
        """,
        asset_ids,
        begin if after is None else max(begin, after[0]),
        end,
        *(after or (None, None, None)),
        most,
    )
