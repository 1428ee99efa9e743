"""What is asked about whereabouts. Row-level security decides what there is to see."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from tracking import bus
from tracking.database import Connection
from tracking.positions.freshness import freshness
from tracking.positions.position import LastPosition, Standing, TrackPoint
from tracking.positions.roster import Heard, Places, RosterEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box of degrees; it crosses the date line when its west is east of its east."""

    west: float
    south: float
    east: float
    north: float


async def roster(connection: Connection, *, after: int, limit: int) -> list[RosterEntry]:
    """Assets in use whose number is greater than ``after``, in that order."""
    rows = await connection.fetch(
        """
        SELECT a.number, a.id, a.name, a.kind, a.organisation_id, o.name AS organisation, a.plate
        FROM assets a JOIN organisations o ON o.id = a.organisation_id
        WHERE a.retired_at IS NULL AND a.number > $1 ORDER BY a.number LIMIT $2
        """,
        after,
        limit,
    )
    return [RosterEntry(**row) for row in rows]


async def organisations_seen(connection: Connection) -> list[UUID]:
    """Every organisation whose assets may be seen."""
    return [row[0] for row in await connection.fetch("SELECT id FROM organisations")]


async def heard(connection: Connection, *, default_reporting_time_s: int) -> Heard:
    """When each asset was last heard by any of the devices fitted to it now."""
    row = await connection.fetchrow(
        """
        SELECT coalesce(array_agg(number), '{}') AS number,
               coalesce(array_agg(heard_at), '{}') AS heard_at,
               coalesce(array_agg(silent), '{}') AS silent,
               coalesce(array_agg(reporting_time_s), '{}') AS reporting_time_s
        FROM (
            SELECT a.number, coalesce(extract(epoch FROM max(u.heard_at))::float8, 0) AS heard_at,
                   coalesce(bool_and(u.silent_since IS NOT NULL), false) AS silent,
                   min(coalesce(s.reporting_time_s, $1))::float8 AS reporting_time_s
            FROM assets a
            JOIN fitments f ON f.asset_id = a.id AND f.fitted_from <= now()
                AND (f.fitted_until IS NULL OR f.fitted_until > now())
            JOIN device_setups s ON s.device_id = f.device_id
            LEFT JOIN unit_sessions u ON u.unit_id = s.unit_id
            WHERE a.retired_at IS NULL GROUP BY a.number
        ) each
        """,
        default_reporting_time_s,
    )
    assert row is not None
    return Heard(**row)


async def places_received_after(connection: Connection, moment: datetime) -> Places:
    """Where assets in use were last, of those that have said so since ``moment``."""
    row = await connection.fetchrow(
        """
        SELECT coalesce(array_agg(a.number), '{}') AS number,
               coalesce(array_agg(ST_X(p.geom)), '{}') AS lon,
               coalesce(array_agg(ST_Y(p.geom)), '{}') AS lat,
               coalesce(array_agg(coalesce(p.speed_kmh, -1)), '{}') AS speed_kmh,
               coalesce(array_agg(coalesce(p.course_deg, -1)), '{}') AS course_deg,
               coalesce(array_agg(extract(epoch FROM p.at)::float8), '{}') AS at,
               coalesce(array_agg(extract(epoch FROM p.received_at)::float8), '{}') AS received_at,
               coalesce(array_agg(CASE WHEN p.valid THEN $2::int ELSE 0 END
                                + CASE WHEN p.ignition THEN $3::int ELSE 0 END
                                + CASE WHEN p.buffered THEN $4::int ELSE 0 END
                                + CASE WHEN p.motion THEN $5::int ELSE 0 END), '{}') AS flags
        FROM last_positions p JOIN assets a ON a.id = p.asset_id
        WHERE p.received_at > $1 AND a.retired_at IS NULL
        """,
        moment,
        bus.FLAG_VALID,
        bus.FLAG_IGNITION,
        bus.FLAG_BUFFERED,
        bus.FLAG_MOTION,
    )
    assert row is not None
    return Places(**row)


_LAST: Final = """
    SELECT p.asset_id, a.number, a.name, a.kind, o.name AS organisation, a.plate, p.at,
           p.received_at, ST_Y(p.geom) AS lat, ST_X(p.geom) AS lon, p.speed_kmh, p.course_deg,
           p.altitude_m, p.accuracy_m, p.valid, p.buffered, p.satellites, p.ignition, p.motion,
           p.immobilised, p.battery_pct, p.power_v
"""
_POINT: Final = """
    at, received_at, ST_Y(geom) AS lat, ST_X(geom) AS lon, speed_kmh, course_deg, valid, buffered
"""
_LAST_FROM: Final = """
    FROM last_positions p JOIN assets a ON a.id = p.asset_id
    JOIN organisations o ON o.id = a.organisation_id
"""


async def latest_of(connection: Connection, asset_id: UUID) -> LastPosition | None:
    """Where an asset was last."""
    row = await connection.fetchrow(f"{_LAST} {_LAST_FROM} WHERE p.asset_id = $1", asset_id)
    return None if row is None else LastPosition(**row)


async def latest_within(
    connection: Connection,
    box: Box,
    *,
    after: tuple[str, UUID] | None,
    limit: int,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[LastPosition]:
    """Assets in use that were last in a box of degrees, by name; from and until when, if said."""
    rows = await connection.fetch(
        f"""
        {_LAST} {_LAST_FROM}
        WHERE a.retired_at IS NULL
          AND ST_Y(p.geom) BETWEEN $2 AND $4
          AND CASE WHEN $1::float8 <= $3::float8 THEN ST_X(p.geom) BETWEEN $1 AND $3
                   ELSE ST_X(p.geom) >= $1 OR ST_X(p.geom) <= $3 END
          AND ($5::text IS NULL OR (lower(a.name), a.id) > (lower($5), $6::uuid))
          AND ($8::timestamptz IS NULL OR p.at >= $8) AND ($9::timestamptz IS NULL OR p.at <= $9)
        ORDER BY lower(a.name), a.id LIMIT $7
        """,
        box.west,
        box.south,
        box.east,
        box.north,
        *(after or (None, None)),
        limit,
        since,
        until,
    )
    return [LastPosition(**row) for row in rows]


async def nearest_to(
    connection: Connection, *, lat: float, lon: float, within_m: float, limit: int
) -> list[LastPosition]:
    """Assets in use that were last nearest to a point, with the distance over the ellipsoid."""
    rows = await connection.fetch(
        f"""
        {_LAST}, ST_Distance(p.geom::geography, here) AS distance_m
        {_LAST_FROM} CROSS JOIN (SELECT ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography AS here) h
        WHERE a.retired_at IS NULL AND ST_DWithin(p.geom::geography, here, $3)
        ORDER BY distance_m, a.id LIMIT $4
        """,
        lon,
        lat,
        within_m,
        limit,
    )
    return [LastPosition(**row) for row in rows]


async def track_of(
    connection: Connection, asset_id: UUID, *, begin: datetime, end: datetime, most: int
) -> list[asyncpg.Record]:
    """An asset's positions from ``begin`` until before ``end`` in order, as TrackPoint fields."""
    found: list[asyncpg.Record] = []
    cursor = await connection.cursor(
        f"""
        SELECT {_POINT} FROM positions WHERE asset_id = $1 AND at >= $2 AND at < $3
        ORDER BY at, fingerprint LIMIT $4
        """,  # noqa: S608 - constants of this file
        asset_id,
        begin,
        end,
        most,
    )
    # A piece at a time: reading a long day in one go would hold up everybody else's alarms.
    while some := await cursor.fetch(5_000):
        found += some
    return found


async def misdated_of(
    connection: Connection, asset_id: UUID, *, begin: datetime, end: datetime, most: int
) -> list[TrackPoint]:
    """What an asset's device with an absurd clock said between these moments of ours."""
    rows = await connection.fetch(
        f"""
        SELECT {_POINT} FROM misdated_positions
        WHERE asset_id = $1 AND received_at >= $2 AND received_at < $3
        ORDER BY received_at, at LIMIT $4
        """,  # noqa: S608 - constants of this file
        asset_id,
        begin,
        end,
        most,
    )
    return [TrackPoint(**row) for row in rows]


async def readings_at(connection: Connection, asset_id: UUID, at: datetime) -> dict[str, Any]:
    """What the device measured with the position of that moment; what it did not say is absent."""
    row = await connection.fetchrow(
        """
        SELECT satellites, hdop, altitude_m, accuracy_m, ignition, motion, immobilised, charging,
               battery_pct, battery_v, power_v, odometer_m, rssi, driver_id, signals, other
        FROM positions WHERE asset_id = $1 AND at = $2 ORDER BY fingerprint LIMIT 1
        """,
        asset_id,
        at,
    )
    return {} if row is None else {name: value for name, value in row.items() if value is not None}


async def standing_of(
    connection: Connection, asset_id: UUID, *, default_reporting_time_s: int, now: datetime
) -> Standing:
    """When an asset was last heard by any device that is on it now, or by a position of it."""
    row = await connection.fetchrow(
        """
        SELECT greatest(max(u.heard_at),
                        (SELECT received_at FROM last_positions WHERE asset_id = $1)) AS heard_at,
               CASE WHEN bool_and(u.silent_since IS NOT NULL) THEN max(u.silent_since) END
                   AS silent_since,
               coalesce(min(coalesce(s.reporting_time_s, $2)), $2)::float8 AS reporting_time_s
        FROM fitments f JOIN device_setups s ON s.device_id = f.device_id
        LEFT JOIN unit_sessions u ON u.unit_id = s.unit_id
        WHERE f.asset_id = $1 AND f.fitted_from <= now()
          AND (f.fitted_until IS NULL OR f.fitted_until > now())
        """,
        asset_id,
        default_reporting_time_s,
    )
    assert row is not None
    return Standing(heard_at=row["heard_at"], state=freshness(**row, now=now))
