"""What the zones slice asks of PostgreSQL. Row-level security decides what there is to see."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import shapely

from geofence.schedule import schedule_from
from geofence.zone import Zone, ZoneKind
from tracking.bus import NOTIFY_RULES
from tracking.database import Connection
from tracking.zones.zone import Outline, ZoneSaid, ZoneVersion

LABEL: Final = "label:"
"""Begins what names zones in a rule by a label instead of by id."""


async def versions_in_force(connection: Connection) -> dict[str, int]:
    """The version in force of every zone, by id as text."""
    found = await connection.fetch("SELECT id, version FROM zones_in_force")
    return {str(row["id"]): row["version"] for row in found}


async def zones_to_judge_by(connection: Connection, zone_ids: Sequence[str]) -> dict[str, Zone]:
    """These zones as rules judge by them, by id as text; those not in force are left out."""
    found = await connection.fetch(
        """
        SELECT id, version, organisation_id, name, kind, ST_AsBinary(geom) AS wkb,
               anchor_asset_id, radius_m, speed_limit_kmh, hours, labels
        FROM zones_in_force WHERE id = ANY ($1)
        """,
        [UUID(each) for each in zone_ids],
    )
    shapes = shapely.from_wkb([row["wkb"] for row in found])
    return {str(row["id"]): _zone(row, shape) for row, shape in zip(found, shapes, strict=True)}


async def zone(
    connection: Connection, zone_id: UUID, *, version: int | None = None, lock: bool = False
) -> ZoneVersion | None:
    """Which version of a zone is this (None: the newest), if it may be seen?

    ``lock`` keeps others from adding a version until the transaction ends.
    """
    if lock:
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('zone ' || $1::text, 0))", str(zone_id)
        )
    row = await connection.fetchrow(
        f"{_VERSIONS} WHERE z.id = $1 AND ($2::integer IS NULL OR z.version = $2)"
        " ORDER BY z.version DESC LIMIT 1",
        zone_id,
        version,
    )
    return _versions([row])[0] if row else None


async def versions(connection: Connection, zone_id: UUID) -> list[ZoneVersion]:
    """Every version of a zone, newest first."""
    return _versions(
        await connection.fetch(f"{_VERSIONS} WHERE z.id = $1 ORDER BY z.version DESC", zone_id)
    )


async def zones(
    connection: Connection,
    *,
    after: tuple[str, UUID] | None = None,
    search: str = "",
    label: str | None = None,
    organisation_id: UUID | None = None,
    box: tuple[float, float, float, float] | None = None,
    removed: bool = False,
    drawn_until: datetime | None = None,
    most: int,
) -> list[ZoneVersion]:
    """Which zones are in force (or were removed), by name?

    ``search`` is looked for in names, labels and the names of their organisations. ``box`` is west,
    south, east, north in degrees, over the date line if its west is east of its east: only zones
    that stay where they are have a place in it. ``drawn_until``: only those in force as they are
    since then or before.
    """
    west, south, east, north = box or (None, None, None, None)
    rows = await connection.fetch(
        f"""{_VERSIONS}
        WHERE z.removed = $1
          AND NOT EXISTS (SELECT FROM zones n WHERE n.id = z.id AND n.version > z.version)
          AND ($2::text IS NULL OR (lower(z.name), z.id) > (lower($2), $3::uuid))
          AND ($4 = '' OR strpos(lower(z.name || ' ' || o.name), lower($4)) > 0
               OR EXISTS (SELECT FROM unnest(z.labels) each
                          WHERE strpos(lower(each), lower($4)) > 0))
          AND ($5::text IS NULL OR $5 = ANY (z.labels))
          AND ($6::uuid IS NULL OR z.organisation_id = $6)
          AND ($7::float8 IS NULL OR CASE WHEN $7 <= $9::float8
               THEN ST_Intersects(z.geom, ST_MakeEnvelope($7, $8, $9, $10, 4326))
               ELSE ST_Intersects(z.geom, ST_MakeEnvelope($7, $8, 180, $10, 4326))
                    OR ST_Intersects(z.geom, ST_MakeEnvelope(-180, $8, $9, $10, 4326)) END)
          AND ($12::timestamptz IS NULL OR z.created_at <= $12)
        ORDER BY lower(z.name), z.id LIMIT $11""",  # noqa: S608 - constants of this file
        removed,
        *(after or (None, None)),
        search,
        label,
        organisation_id,
        west,
        south,
        east,
        north,
        most,
        drawn_until,
    )
    return _versions(rows)


async def labels_used(connection: Connection) -> list[str]:
    """Which labels do the zones in force have, alphabetically?"""
    rows = await connection.fetch(
        "SELECT DISTINCT unnest(labels) AS label FROM zones_in_force ORDER BY label"
    )
    return [row["label"] for row in rows]


async def add_version(
    connection: Connection,
    zone_id: UUID | None,
    *,
    organisation_id: UUID,
    said: ZoneSaid,
    outline: Outline,
    removed: bool = False,
    by: UUID | None,
) -> UUID:
    """File the next version of a zone, or (None) the first of a new one; its id.

    Who adds to a zone has locked it (``zone``). Whoever judges by zones hears of it at the commit.
    """
    filed: UUID = await connection.fetchval(
        """
        INSERT INTO zones
            (id, version, organisation_id, name, kind, definition, geom, anchor_asset_id, radius_m,
             colour, labels, speed_limit_kmh, hours, note, removed, created_by)
        SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, ST_GeomFromWKB($6, 4326), $7, $8,
               $9, $10, $11, $12, $13, $14, $15
        FROM zones WHERE id = $1
        RETURNING id
        """,
        zone_id or uuid4(),
        organisation_id,
        said.name,
        outline.kind.value,
        dict(outline.definition),
        None if outline.shape is None else shapely.to_wkb(outline.shape),
        outline.anchor_asset_id,
        outline.radius_m,
        said.colour,
        list(said.labels),
        said.speed_limit_kmh,
        None if said.hours is None else dict(said.hours),
        said.note,
        removed,
        by,
    )
    await connection.execute("SELECT pg_notify($1, $2)", NOTIFY_RULES, str(filed))
    return filed


async def rules_about(connection: Connection, of: ZoneVersion) -> list[str]:
    """Names of the rules in force, of those that may be seen, that would miss this zone.

    They name it, or are of its organisation and name a label that no other zone there has.
    """
    rows = await connection.fetch(
        f"SELECT name FROM rules_in_force WHERE {_ASKS_FOR} ORDER BY lower(name), id",  # noqa: S608 - constants of this file
        *_asked_for(of),
    )
    return [row["name"] for row in rows]


async def rules_unseen_about(connection: Connection, of: ZoneVersion) -> int:
    """How many rules in force that may not be seen would miss this zone?"""
    number: int = await connection.fetchval("SELECT vigil_rules_asking_for($1)", of.id)
    seen = await connection.fetchval(
        f"SELECT count(*) FROM rules_in_force WHERE {_NAMES_IT}",  # noqa: S608 - as above
        str(of.id),
    )
    return max(0, number - int(seen))


_VERSIONS: Final = """
    SELECT z.id, z.version, z.organisation_id, o.name AS organisation, z.name, z.kind, z.definition,
           ST_AsBinary(z.geom) AS wkb, z.anchor_asset_id, a.name AS anchor, z.radius_m, z.colour,
           z.labels, z.speed_limit_kmh, z.hours, z.note, z.removed, z.created_at,
           by.name AS created_by,
           NOT z.removed AND NOT EXISTS
               (SELECT FROM zones n WHERE n.id = z.id AND n.version > z.version) AS in_force
    FROM zones z
    JOIN organisations o ON o.id = z.organisation_id
    LEFT JOIN assets a ON a.id = z.anchor_asset_id
    LEFT JOIN people by ON by.id = z.created_by
"""

_NAMES_IT: Final = """
    jsonb_path_exists(setting, '$.**.zones[*] ? (@ == $id)', jsonb_build_object('id', $1::text))
"""
_ASKS_FOR: Final = f"""
    {_NAMES_IT} OR organisation_id = $2 AND EXISTS (
        SELECT FROM unnest($3::text[]) AS label
        WHERE jsonb_path_exists(setting, '$.**.zones[*] ? (@ == $label)',
                                jsonb_build_object('label', '{LABEL}' || label))
          AND NOT EXISTS (
              SELECT FROM zones_in_force other
              WHERE other.organisation_id = $2 AND other.id <> $1::uuid
                AND label = ANY (other.labels)
          )
    )
"""  # noqa: S608 - constants of this file


def _asked_for(of: ZoneVersion) -> tuple[str, UUID, list[str]]:
    return str(of.id), of.organisation_id, list(of.labels)


def _versions(rows: Sequence[asyncpg.Record]) -> list[ZoneVersion]:
    found = []
    # One call for all: shapely reads a thousand shapes faster than it is called a thousand times.
    shapes = shapely.from_wkb([row["wkb"] for row in rows])
    for row, shape in zip(rows, shapes, strict=True):
        said = dict(row)
        del said["wkb"]
        said["kind"] = ZoneKind(said["kind"])
        said["labels"] = tuple(said["labels"])
        for name in ("radius_m", "speed_limit_kmh"):
            said[name] = _as_written(said[name])
        found.append(ZoneVersion(**said, shape=shape))
    return found


def _as_written(said: float | None) -> float | None:
    """A number of single precision as somebody wrote it: 33.3, not 33.29999923706055."""
    return None if said is None else float(f"{said:.7g}")


def _zone(row: "asyncpg.Record", shape: Any) -> Zone:  # noqa: ANN401 - shapely says no types
    return Zone(
        id=str(row["id"]),
        version=row["version"],
        organisation_id=str(row["organisation_id"]),
        name=row["name"],
        kind=ZoneKind(row["kind"]),
        shape=shape,
        anchor=None if row["anchor_asset_id"] is None else str(row["anchor_asset_id"]),
        radius_m=row["radius_m"],
        speed_limit_kmh=row["speed_limit_kmh"],
        hours=_hours(row["hours"]),
        labels=frozenset(row["labels"]),
    )


def _hours(setting: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - a schedule or none
    return None if setting is None else schedule_from(setting)
