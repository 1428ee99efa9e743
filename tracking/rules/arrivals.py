"""What judging leaves behind in the one commit: timers, and rules that failed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from geofence.engine import Failure
from geofence.sighting import Sighting
from tracking.database import Connection
from tracking.rules.rule import SetRule
from tracking.rules.timer import Timer


async def set_timers(connection: Connection, timers: Mapping[tuple[str, str], Timer]) -> None:
    """Put the timers of (unit, rule) in the place of the ones before, or take them away."""
    over = [(unit_id, UUID(rule_id)) for (unit_id, rule_id), t in timers.items() if not t.due_at]
    if over:
        await connection.executemany(
            "DELETE FROM timers WHERE unit_id = $1 AND rule_id = $2", sorted(over)
        )
    to_come = [(unit_id, t) for (unit_id, _), t in sorted(timers.items()) if t.due_at]
    if to_come:
        await connection.executemany(
            """
            INSERT INTO timers (unit_id, rule_id, edition, asset_id, as_of, due_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (unit_id, rule_id) DO UPDATE
                SET edition = excluded.edition, asset_id = excluded.asset_id,
                    as_of = excluded.as_of, due_at = excluded.due_at
            """,
            [(unit, t.rule_id, t.edition, t.asset_id, t.as_of, t.due_at) for unit, t in to_come],
        )


async def note_failures(
    connection: Connection, failures: Sequence[tuple[SetRule, Failure]]
) -> None:
    """Write down which rules could not judge, how, and what broke them."""
    await connection.executemany(
        """
        INSERT INTO rule_failures AS f (rule_id, rule_version, error, asset_id, input)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (rule_id, rule_version, error) DO UPDATE
            SET times = f.times + 1, last_at = now(), asset_id = excluded.asset_id,
                input = excluded.input
        """,
        [
            (
                setting.id,
                setting.version,
                error_of(failure),
                UUID(failure.seen.subject.asset_id),
                _as_json(failure.seen),
            )
            for setting, failure in failures
        ],
    )


def error_of(failure: Failure) -> str:
    """The error in one line, without what differs from one time to the next."""
    return f"{type(failure.error).__name__}: {failure.error}"[:300]


def _as_json(seen: Sighting) -> dict[str, Any]:
    """What was seen, so that somebody can see what broke the rule."""
    return {
        "at": seen.at.isoformat(),
        "asset_id": seen.subject.asset_id,
        "fix": None if seen.fix is None else _plain(asdict(seen.fix)),
        "signals": sorted(seen.report.signals),
        "readings": _plain(dict(seen.report.readings)),
        "inside": sorted(seen.around.inside),
        "late": seen.late,
        "clock": seen.clock,
    }


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in said.items()
    }
