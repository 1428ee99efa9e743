"""What `status`, `doctor` and the supervisor ask the database about the house itself."""

from datetime import datetime

from asyncpg import Record

from tracking.database import Connection


async def revision(connection: Connection) -> str | None:
    """The migration that the tables stand at; None in an empty database."""
    if await connection.fetchval("SELECT to_regclass('public.alembic_version') IS NULL"):
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


async def lived_in(connection: Connection) -> bool:
    """Whether anybody is known here already: then demonstration data has no place."""
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM organisations)")
    return found


async def gateways(connection: Connection) -> list[Record]:
    """What each gateway last said of itself, and how many seconds ago."""
    return await connection.fetch(
        "SELECT name, pid, started_at, ports, figures, last_error, last_error_at,"
        " extract(epoch FROM now() - seen_at)::float8 AS silent_s"
        " FROM gateways ORDER BY name"
    )


async def oldest_unacknowledged(connection: Connection) -> datetime | None:
    """When the alarm was raised that has waited longest for a person."""
    found: datetime | None = await connection.fetchval(
        "SELECT min(raised_at) FROM alarms WHERE state = 'raised'"
    )
    return found


async def server_settings(connection: Connection, *names: str) -> dict[str, str]:
    """The server's own settings, as SHOW says them."""
    rows = await connection.fetch(
        "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY($1::text[])",
        list(names),
    )
    return {row["name"]: row["value"] for row in rows}


async def postgis_version(connection: Connection) -> str | None:
    """The PostGIS in this database; None if it was never brought in."""
    found: str | None = await connection.fetchval(
        "SELECT extversion FROM pg_extension WHERE extname = 'postgis'"
    )
    return found


async def clock(connection: Connection) -> datetime:
    """What time the database server thinks it is."""
    found: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return found


async def units_under(connection: Connection, centre: str, unit_ids: list[str]) -> set[str]:
    """Which of these units belong to clients of the centre of that name."""
    rows = await connection.fetch(
        "SELECT d.unit_id FROM devices d"
        " JOIN organisations o ON o.id = d.organisation_id"
        " JOIN organisations c ON c.id = o.centre_id"
        " WHERE c.name = $1 AND d.unit_id = ANY($2::text[]) AND d.retired_at IS NULL",
        centre,
        unit_ids,
    )
    return {row["unit_id"] for row in rows}
