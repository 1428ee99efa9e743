"""Questions about how devices are set up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from protocols.settings import DeviceSettings
from tracking.bus import NOTIFY_FLEET
from tracking.database import Connection
from tracking.profiles.profile import NewProfile, Profile, Setup

_PROFILES = """
    SELECT p.id, p.codec, p.model, p.version, p.settings, p.category, p.reporting_time_s, p.note,
           p.created_at, by.name AS created_by
    FROM profiles p LEFT JOIN people by ON by.id = p.created_by
"""
_SETUPS = "SELECT unit_id, model, shared, of_model, of_unit FROM device_setups"


async def settings_of_units(
    connection: Connection, unit_ids: Sequence[str]
) -> dict[str, DeviceSettings]:
    """How are these units set up, with their secrets? Those that nobody registered are absent."""
    rows = await connection.fetch(
        """
        SELECT s.unit_id, s.model, s.shared, s.of_model, s.of_unit,
               coalesce(k.secret, '') AS secret
        FROM device_setups s LEFT JOIN device_secrets k ON k.device_id = s.device_id
        WHERE s.unit_id = ANY ($1) AND s.retired_at IS NULL
        """,
        unit_ids,
    )
    return {row["unit_id"]: Setup(**row).in_force() for row in rows}


async def setup_of(connection: Connection, device_id: UUID) -> Setup | None:
    """How is this device set up, if it may be seen? The secret is not told."""
    row = await connection.fetchrow(f"{_SETUPS} WHERE device_id = $1", device_id)
    return Setup(**row) if row else None


async def secret_set_at(connection: Connection, device_id: UUID) -> datetime | None:
    """Since when does this device have a secret?"""
    at: datetime | None = await connection.fetchval(
        "SELECT set_at FROM device_secrets WHERE device_id = $1", device_id
    )
    return at


async def set_up(connection: Connection, device_id: UUID, settings: Mapping[str, object]) -> None:
    """This unit differs from its model in this, and in nothing else."""
    await connection.execute(
        "UPDATE devices SET settings = $2 WHERE id = $1", device_id, dict(settings)
    )


async def set_secret(connection: Connection, device_id: UUID, secret: str) -> None:
    """This is its secret from now on; "" for none."""
    await connection.execute("DELETE FROM device_secrets WHERE device_id = $1", device_id)
    if secret:
        await connection.execute(
            "INSERT INTO device_secrets (device_id, secret) VALUES ($1, $2)", device_id, secret
        )


async def profiles_in_force(connection: Connection, *, codec: str | None) -> list[Profile]:
    """The newest version of every profile: all, or those of one protocol."""
    rows = await connection.fetch(
        f"""{_PROFILES} JOIN profiles_in_force newest ON newest.id = p.id
        WHERE $1::text IS NULL OR p.codec = $1 ORDER BY p.codec, p.model""",
        codec,
    )
    return [Profile(**row) for row in rows]


async def versions(connection: Connection, *, codec: str, model: str) -> list[Profile]:
    """Every version of one profile, newest first."""
    rows = await connection.fetch(
        f"{_PROFILES} WHERE p.codec = $1 AND p.model = $2 ORDER BY p.version DESC", codec, model
    )
    return [Profile(**row) for row in rows]


async def add_version(connection: Connection, new: NewProfile, *, by: UUID | None) -> Profile:
    """File the next version; ``by`` None: Vigil itself. Two who write at once get two versions."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('profile ' || $1 || ' ' || $2, 0))",
        new.codec,
        new.model,
    )
    profile_id = await connection.fetchval(
        """
        INSERT INTO profiles
            (codec, model, version, settings, category, reporting_time_s, note, created_by)
        SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7
        FROM profiles WHERE codec = $1 AND model = $2
        RETURNING id
        """,
        new.codec,
        new.model,
        dict(new.settings),
        new.category,
        new.reporting_time_s,
        new.note,
        by,
    )
    row = await connection.fetchrow(f"{_PROFILES} WHERE p.id = $1", profile_id)
    assert row is not None
    return Profile(**row)


async def units_of(connection: Connection, *, codec: str, model: str) -> int:
    """How many units in use does this profile speak for?"""
    number: int = await connection.fetchval(
        "SELECT count(*) FROM devices WHERE codec = $1 AND retired_at IS NULL"
        " AND ($2 = '' OR lower(model) = $2)",
        codec,
        model,
    )
    return number


async def notify_gateways(connection: Connection) -> None:
    """What gateways know of any unit may be different now."""
    await connection.execute("SELECT pg_notify($1, '')", NOTIFY_FLEET)


async def frames_of(
    connection: Connection, unit_id: str, *, before: datetime, most: int
) -> list[tuple[datetime, str, bytes]]:
    """What did this unit say before then, newest first: when, in which protocol, the bytes?"""
    rows = await connection.fetch(
        "SELECT received_at, codec, payload FROM vigil_frames_of($1, $2, $3)",
        unit_id,
        before,
        most,
    )
    return [tuple(row) for row in rows]
