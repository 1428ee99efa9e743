"""What the rules slice asks of PostgreSQL. Row-level security decides what there is to see."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

import asyncpg

from tracking.bus import NOTIFY_RULES
from tracking.database import Connection
from tracking.rules.rule import FiledRule, RuleFailure, SetRule

_RULE: Final = """
    r.id, r.version, r.organisation_id, o.kind = 'centre' AS of_centre, r.name, r.setting, r.cause,
    r.for_s, r.schedule, r.scope, r.severity, r.messages, r.told, r.enabled, r.note, r.created_at,
    r.created_by
"""
_FILED: Final = f"""
    SELECT {_RULE}, o.name AS organisation, p.name AS author, r.removed,
           (SELECT count(*) FROM rule_failures f
            WHERE f.rule_id = r.id AND f.rule_version = r.version)::int AS failing
"""  # noqa: S608 - constants of this file
_WITH_NAMES: Final = """
    JOIN organisations o ON o.id = r.organisation_id LEFT JOIN people p ON p.id = r.created_by
"""


async def rules_that_judge(connection: Connection) -> list[SetRule]:
    """The rules in force that are switched on, of everybody that may be seen."""
    found = await connection.fetch(
        f"""
        SELECT {_RULE} FROM rules_in_force r JOIN organisations o ON o.id = r.organisation_id
        WHERE r.enabled ORDER BY r.id
        """  # noqa: S608 - constants of this file
    )
    return [_rule(row) for row in found]


async def rules(
    connection: Connection,
    *,
    after: tuple[str, UUID] | None,
    search: str,
    organisation_id: UUID | None,
    enabled: bool | None,
    most: int,
) -> list[FiledRule]:
    """The rules in force, by name: all, or of one organisation, or only those switched on or off.

    ``search`` is looked for in names, causes, notes and names of organisations.
    """
    found = await connection.fetch(
        f"""
        {_FILED} FROM rules_in_force r {_WITH_NAMES}
        WHERE ($1::text IS NULL OR (lower(r.name), r.id) > (lower($1), $2::uuid))
          AND strpos(lower(concat_ws(' ', r.name, r.cause, r.note, o.name)), lower($3)) > 0
          AND ($4::uuid IS NULL OR r.organisation_id = $4)
          AND ($5::boolean IS NULL OR r.enabled = $5)
        ORDER BY lower(r.name), r.id LIMIT $6
        """,
        *(after or (None, None)),
        search,
        organisation_id,
        enabled,
        most,
    )
    return [_filed(row) for row in found]


async def rule_in_force(connection: Connection, rule_id: UUID) -> FiledRule | None:
    """The newest version of a rule, unless it was taken away."""
    row = await connection.fetchrow(
        f"{_FILED} FROM rules_in_force r {_WITH_NAMES} WHERE r.id = $1", rule_id
    )
    return None if row is None else _filed(row)


async def versions(connection: Connection, rule_id: UUID) -> list[FiledRule]:
    """Every version of a rule, newest first, also of one that was taken away."""
    found = await connection.fetch(
        f"{_FILED} FROM rules r {_WITH_NAMES} WHERE r.id = $1 ORDER BY r.version DESC", rule_id
    )
    return [_filed(row) for row in found]


async def version(connection: Connection, rule_id: UUID, number: int) -> FiledRule | None:
    """One version of a rule."""
    row = await connection.fetchrow(
        f"{_FILED} FROM rules r {_WITH_NAMES} WHERE r.id = $1 AND r.version = $2", rule_id, number
    )
    return None if row is None else _filed(row)


async def lock_rule(connection: Connection, rule_id: UUID) -> None:
    """Whoever else would change this rule waits until this transaction has ended."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('rule ' || $1::text, 0))", str(rule_id)
    )


async def add_version(
    connection: Connection, rule: SetRule, *, by: UUID | None, removed: bool = False
) -> None:
    """File this version, and tell everybody who judges at the commit."""
    await connection.execute(
        """
        INSERT INTO rules (id, version, organisation_id, name, setting, cause, for_s, schedule,
                           scope, severity, messages, told, enabled, removed, note, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        """,
        rule.id,
        rule.version,
        rule.organisation_id,
        rule.name,
        dict(rule.setting),
        rule.cause,
        rule.for_s,
        None if rule.schedule is None else dict(rule.schedule),
        dict(rule.scope),
        rule.severity,
        dict(rule.messages),
        list(rule.told),
        rule.enabled,
        removed,
        rule.note,
        by,
    )
    await connection.execute("SELECT pg_notify($1, $2)", NOTIFY_RULES, str(rule.id))


async def failures_of(connection: Connection, rule_id: UUID, *, most: int) -> list[RuleFailure]:
    """How versions of this rule could not judge, the latest first."""
    found = await connection.fetch(
        """
        SELECT rule_version, error, times, first_at, last_at, asset_id, input
        FROM rule_failures WHERE rule_id = $1 ORDER BY last_at DESC LIMIT $2
        """,
        rule_id,
        most,
    )
    return [RuleFailure(**row) for row in found]


async def owners_of_zones(connection: Connection, zone_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Whose is each of these zones? Those not in force, or not to be seen, are left out."""
    found = await connection.fetch(
        "SELECT id, organisation_id FROM zones_in_force WHERE id = ANY ($1)", list(zone_ids)
    )
    return {row["id"]: row["organisation_id"] for row in found}


async def zones_labelled(
    connection: Connection, organisation_id: UUID, labels: Collection[str]
) -> list[str]:
    """Ids of the zones of this organisation that have one of these labels."""
    rows = await connection.fetch(
        "SELECT id FROM zones_in_force WHERE organisation_id = $1 AND labels && $2",
        organisation_id,
        list(labels),
    )
    return [str(row["id"]) for row in rows]


async def owners_of_assets(connection: Connection, asset_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Whose is each of these assets? Those not to be seen are left out."""
    found = await connection.fetch(
        "SELECT id, organisation_id FROM assets WHERE id = ANY ($1)", list(asset_ids)
    )
    return {row["id"]: row["organisation_id"] for row in found}


async def served_by(connection: Connection, organisation_id: UUID) -> set[UUID]:
    """Whose assets may a rule of this organisation be about: its own, and a centre's clients'?"""
    found = await connection.fetch(
        "SELECT id FROM organisations WHERE id = $1 OR centre_id = $1", organisation_id
    )
    return {row["id"] for row in found}


def _rule(row: asyncpg.Record) -> SetRule:
    return SetRule(**{**row, "told": tuple(row["told"])})


def _filed(row: asyncpg.Record) -> FiledRule:
    said: dict[str, Any] = {**row, "told": tuple(row["told"])}
    about = {name: said.pop(name) for name in ("organisation", "author", "removed", "failing")}
    return FiledRule(rule=SetRule(**said), **about)
