"""Who looked at whose whereabouts: written with the reading itself, in one transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tracking.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationRead:
    """Somebody was shown where a person is or was.

    ``asset_id`` is None for a screen that shows everybody its owner may see.
    """

    id: int
    at: datetime
    person_id: UUID
    person: str | None
    organisation_id: UUID
    asset_id: UUID | None
    asset: str | None
    what: str


async def note_location_reads(
    connection: Connection, *, person_id: UUID, asset_ids: Collection[UUID], what: str
) -> None:
    """File that this person was shown where these assets are or were.

    Only people are written down; a vehicle's whereabouts are nobody's secret here. ``what`` says
    how: "latest", "track", "nearest" … Call it in the transaction that reads.
    """
    await connection.execute(
        "INSERT INTO location_reads (person_id, organisation_id, asset_id, what)"
        " SELECT $1, organisation_id, id, $3 FROM assets"
        " WHERE id = ANY($2::uuid[]) AND kind IN ('lone_worker', 'senior')",
        person_id,
        list(asset_ids),
        what,
    )


async def note_screen_opened(
    connection: Connection, *, person_id: UUID, organisation_id: UUID, what: str
) -> None:
    """File that this person opened a screen that shows all the assets they may see."""
    await connection.execute(
        "INSERT INTO location_reads (person_id, organisation_id, what) VALUES ($1, $2, $3)",
        person_id,
        organisation_id,
        what,
    )


async def location_reads(
    connection: Connection,
    *,
    asset_id: UUID | None,
    person_id: UUID | None,
    before_id: int | None,
    most: int,
) -> list[LocationRead]:
    """Who was shown whom, newest first: all, or of one asset, or by one person?"""
    rows = await connection.fetch(
        """
        SELECT r.id, r.at, r.person_id, p.name AS person, r.organisation_id, r.asset_id,
               a.name AS asset, r.what
        FROM location_reads r
        LEFT JOIN people p ON p.id = r.person_id
        LEFT JOIN assets a ON a.id = r.asset_id
        WHERE ($1::uuid IS NULL OR r.asset_id = $1) AND ($2::uuid IS NULL OR r.person_id = $2)
          AND ($3::bigint IS NULL OR r.id < $3)
        ORDER BY r.id DESC LIMIT $4
        """,
        asset_id,
        person_id,
        before_id,
        most,
    )
    return [LocationRead(**row) for row in rows]
