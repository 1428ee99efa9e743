"""What is asked about whereabouts. Row-level security decides what there is to see."""

from datetime import datetime
from uuid import UUID

import asyncpg

from tracking.database import Connection
from tracking.positions.roster import Heard, RosterEntry


async def roster(connection: Connection) -> list[RosterEntry]:
    """Every asset in use."""
    rows = await connection.fetch(
        """
        SELECT a.number, a.id, a.name, a.kind, a.organisation_id, o.name AS organisation, a.plate
        FROM assets a JOIN organisations o ON o.id = a.organisation_id
        WHERE a.retired_at IS NULL ORDER BY a.number
        """
    )
    return [RosterEntry(**row) for row in rows]


async def organisations_seen(connection: Connection) -> list[UUID]:
    """Every organisation whose assets may be seen."""
    return [row[0] for row in await connection.fetch("SELECT id FROM organisations")]


async def heard(connection: Connection, *, default_reporting_time_s: int) -> list[Heard]:
    """When each asset was last heard by any of the devices fitted to it now."""
    rows = await connection.fetch(
        """
        SELECT a.number, coalesce(extract(epoch FROM max(u.heard_at))::float8, 0) AS heard_at,
               coalesce(bool_and(u.silent_since IS NOT NULL), false) AS silent,
               min(coalesce(d.reporting_time_s, $1))::float8 AS reporting_time_s
        FROM assets a
        JOIN fitments f ON f.asset_id = a.id AND f.fitted_from <= now()
            AND (f.fitted_until IS NULL OR f.fitted_until > now())
        JOIN devices d ON d.id = f.device_id
        LEFT JOIN unit_sessions u ON u.unit_id = d.unit_id
        WHERE a.retired_at IS NULL GROUP BY a.number
        """,
        default_reporting_time_s,
    )
    return [Heard(**row) for row in rows]


async def last_positions_received_after(
    connection: Connection, moment: datetime
) -> list[asyncpg.Record]:
    """Rows for the live map (number, lon, lat, speed_kmh, course_deg, at, received_at, valid …)."""
    return await connection.fetch(
        """
        SELECT a.number, ST_X(p.geom) AS lon, ST_Y(p.geom) AS lat, p.speed_kmh, p.course_deg,
               extract(epoch FROM p.at)::float8 AS at,
               extract(epoch FROM p.received_at)::float8 AS received_at,
               p.valid, p.ignition, p.buffered, p.motion
        FROM last_positions p JOIN assets a ON a.id = p.asset_id
        WHERE p.received_at > $1 AND a.retired_at IS NULL
        """,
        moment,
    )
