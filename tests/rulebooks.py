"""Rules and zones written down as their services would, for tests of whoever judges by them."""

from typing import Any
from uuid import UUID

from tracking.bus import NOTIFY_RULES
from tracking.database import Pool

EVERYBODY = "SELECT id FROM organisations WHERE kind = 'centre' LIMIT 1"


async def circle(
    pool: Pool, *, lat: float, lon: float, radius_m: float, zone_id: UUID | None = None, **more: Any
) -> UUID:
    """A round zone of the centre; with ``zone_id``, its next version."""
    made: UUID = await pool.fetchval(
        f"""
        INSERT INTO zones (id, version, organisation_id, name, kind, definition, geom, radius_m,
                           speed_limit_kmh)
        SELECT coalesce($1, gen_random_uuid()),
               1 + coalesce((SELECT max(version) FROM zones WHERE id = $1), 0),
               ({EVERYBODY}), 'Depot', 'circle',
               jsonb_build_object('lat', $2::float8, 'lon', $3::float8),
               ST_Buffer(ST_SetSRID(ST_MakePoint($3, $2), 4326)::geography, $4)::geometry, $4, $5
        RETURNING id
        """,
        zone_id,
        lat,
        lon,
        radius_m,
        more.get("speed_limit_kmh"),
    )
    await pool.execute("SELECT pg_notify($1, $2)", NOTIFY_RULES, str(made))
    return made


async def rule(
    pool: Pool,
    setting: dict[str, Any],
    *,
    severity: int = 2,
    for_s: float = 0.0,
    rule_id: UUID | None = None,
    **more: Any,
) -> UUID:
    """A rule of the centre about all its clients; with ``rule_id``, its next version."""
    made: UUID = await pool.fetchval(
        f"""
        INSERT INTO rules (id, version, organisation_id, name, setting, cause, for_s, schedule,
                           scope, severity, told, removed)
        SELECT coalesce($1, gen_random_uuid()),
               1 + coalesce((SELECT max(version) FROM rules WHERE id = $1), 0),
               ({EVERYBODY}), 'A rule', $2, $3, $4, $5, $6, $7, $8, $9
        RETURNING id
        """,
        rule_id,
        setting,
        more.get("cause", setting["kind"]),
        for_s,
        more.get("schedule"),
        more.get("scope", {}),
        severity,
        more.get("told", ["desk"]),
        more.get("removed", False),
    )
    await pool.execute("SELECT pg_notify($1, $2)", NOTIFY_RULES, str(made))
    return made


async def events(pool: Pool) -> list[dict[str, Any]]:
    """Everything that rules noticed, by its time."""
    found = await pool.fetch("SELECT * FROM events ORDER BY at, phase, id")
    return [dict(row) for row in found]
