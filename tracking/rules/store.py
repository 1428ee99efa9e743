"""What the rules slice asks of PostgreSQL. Row-level security decides what there is to see."""

from typing import Final

import asyncpg

from tracking.database import Connection
from tracking.rules.rule import SetRule

_RULE: Final = """
    r.id, r.version, r.organisation_id, o.kind = 'centre' AS of_centre, r.name, r.setting, r.cause,
    r.for_s, r.schedule, r.scope, r.severity, r.messages, r.told, r.enabled, r.note, r.created_at,
    r.created_by
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


def _rule(row: asyncpg.Record) -> SetRule:
    return SetRule(**{**row, "told": tuple(row["told"])})
