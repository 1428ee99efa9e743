"""What the zones slice asks of PostgreSQL. Row-level security decides what there is to see."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import shapely

from geofence.schedule import schedule_from
from geofence.zone import Zone, ZoneKind
from tracking.database import Connection


async def versions_in_force(connection: Connection) -> dict[str, int]:
    """The version in force of every zone, by id as text."""
    found = await connection.fetch("SELECT id, version FROM zones_in_force")
    return {str(row["id"]): row["version"] for row in found}


async def zones_to_judge_by(
    connection: Connection, zone_ids: Sequence[str]
) -> dict[str, Zone]:
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
    return {
        str(row["id"]): _zone(row, shape) for row, shape in zip(found, shapes, strict=True)
    }


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
