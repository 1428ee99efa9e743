"""What rules name, as people know it. Row-level security decides what there is to see."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tracking.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """One thing that a rule can name; ``id`` is a UUID as text, or the word itself."""

    id: str
    name: str
    organisation: str = ""


async def zones_called(connection: Connection, ids: Collection[UUID]) -> dict[str, str]:
    """What are these zones called, also those that were taken away? By id, as text."""
    found = await connection.fetch(
        "SELECT DISTINCT ON (id) id, name FROM zones WHERE id = ANY ($1) ORDER BY id, version DESC",
        list(ids),
    )
    return _by_id(found)


async def assets_called(connection: Connection, ids: Collection[UUID]) -> dict[str, str]:
    """What are these assets called? By id, as text."""
    return _by_id(
        await connection.fetch("SELECT id, name FROM assets WHERE id = ANY ($1)", list(ids))
    )


async def organisations_called(connection: Connection, ids: Collection[UUID]) -> dict[str, str]:
    """What are these organisations called? By id, as text."""
    return _by_id(
        await connection.fetch("SELECT id, name FROM organisations WHERE id = ANY ($1)", list(ids))
    )


async def zones_like(connection: Connection, search: str, *, most: int) -> list[Name]:
    """Which zones in force have this in their name, those that begin with it first?"""
    found = await connection.fetch(
        """
        SELECT z.id, z.name, o.name AS organisation
        FROM zones_in_force z JOIN organisations o ON o.id = z.organisation_id
        WHERE strpos(lower(z.name), lower($1)) > 0
        ORDER BY strpos(lower(z.name), lower($1)), lower(z.name), lower(o.name), z.id LIMIT $2
        """,
        search,
        most,
    )
    return [_name(row) for row in found]


async def labels_like(connection: Connection, search: str, *, most: int) -> list[Name]:
    """Which labels of zones have this in them?"""
    found = await connection.fetch(
        """
        SELECT DISTINCT label AS id, label AS name, '' AS organisation
        FROM zones_in_force CROSS JOIN unnest(labels) AS label
        WHERE strpos(lower(label), lower($1)) > 0 ORDER BY label LIMIT $2
        """,
        search,
        most,
    )
    return [_name(row) for row in found]


async def assets_like(connection: Connection, search: str, *, most: int) -> list[Name]:
    """Which assets have this in their name or plate, those whose name begins with it first?"""
    found = await connection.fetch(
        """
        SELECT a.id, a.name, o.name AS organisation
        FROM assets a JOIN organisations o ON o.id = a.organisation_id
        WHERE a.retired_at IS NULL AND strpos(lower(concat_ws(' ', a.name, a.plate)), lower($1)) > 0
        ORDER BY strpos(lower(concat_ws(' ', a.name, a.plate)), lower($1)), lower(a.name),
                 lower(o.name), a.id
        LIMIT $2
        """,
        search,
        most,
    )
    return [_name(row) for row in found]


async def organisations_like(connection: Connection, search: str, *, most: int) -> list[Name]:
    """Which organisations have this in their name?"""
    found = await connection.fetch(
        """
        SELECT id, name, '' AS organisation FROM organisations
        WHERE strpos(lower(name), lower($1)) > 0
        ORDER BY strpos(lower(name), lower($1)), lower(name), id LIMIT $2
        """,
        search,
        most,
    )
    return [_name(row) for row in found]


async def groups_like(connection: Connection, search: str, *, most: int) -> list[Name]:
    """Which groups of assets have this in their name?"""
    found = await connection.fetch(
        """
        SELECT DISTINCT group_name AS id, group_name AS name, '' AS organisation FROM assets
        WHERE group_name <> '' AND strpos(lower(group_name), lower($1)) > 0
        ORDER BY group_name LIMIT $2
        """,
        search,
        most,
    )
    return [_name(row) for row in found]


async def tags_like(connection: Connection, search: str, *, most: int) -> list[Name]:
    """Which tags of assets have this in them?"""
    found = await connection.fetch(
        """
        SELECT DISTINCT tag AS id, tag AS name, '' AS organisation
        FROM assets CROSS JOIN unnest(tags) AS tag
        WHERE strpos(lower(tag), lower($1)) > 0 ORDER BY tag LIMIT $2
        """,
        search,
        most,
    )
    return [_name(row) for row in found]


def _by_id(found: Collection[Any]) -> dict[str, str]:
    return {str(row["id"]): row["name"] for row in found}


def _name(row: Any) -> Name:  # noqa: ANN401 - a record of asyncpg
    return Name(id=str(row["id"]), name=row["name"], organisation=row["organisation"])
