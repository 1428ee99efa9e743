"""What is asked about noise. Row-level security decides what there is to see."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from tracking.database import Connection
from tracking.events.noise.noise import CauseNoise, DeviceNoise, RuleNoise
from tracking.rules.previews.preview import Confirmed

# $1 since when, $2 codes of what was false, $3 codes of what was genuine
_ALARMS: Final = """
    count(*)::int AS alarms, coalesce(sum(1 + a.repeats), 0)::int AS rings,
    count(*) FILTER (WHERE a.state = 'closed')::int AS closed,
    count(*) FILTER (WHERE a.close_code = ANY ($2))::int AS false,
    count(*) FILTER (WHERE a.close_code = ANY ($3))::int AS genuine
"""
_MEDIAN: Final = "percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM gap)::float8)"


async def noisiest_rules(
    connection: Connection,
    since: datetime,
    *,
    false: Collection[str],
    genuine: Collection[str],
    most: int,
) -> list[RuleNoise]:
    """Which rules in force noticed most, whether it rang or not?"""
    rows = await connection.fetch(
        f"""
        WITH noticed AS (
            SELECT rule_id, asset_id, at - lag(at) OVER (PARTITION BY rule_id ORDER BY at) AS gap
            FROM events WHERE at >= $1 AND phase = 'began'
        ), by_rule AS (
            SELECT rule_id, count(*)::int AS events, count(DISTINCT asset_id)::int AS assets,
                   {_MEDIAN} AS between_s
            FROM noticed GROUP BY rule_id
        ), rung AS (
            SELECT a.rule_id, {_ALARMS} FROM alarms a
            WHERE a.raised_at >= $1 AND a.rule_id IS NOT NULL GROUP BY a.rule_id
        )
        SELECT r.id AS rule_id, r.name AS rule, r.enabled, r.cause,
               coalesce(n.events, 0) AS events, coalesce(n.assets, 0) AS assets,
               coalesce(g.alarms, 0) AS alarms, coalesce(g.rings, 0) AS rings,
               coalesce(g.closed, 0) AS closed, coalesce(g.false, 0) AS false,
               coalesce(g.genuine, 0) AS genuine, n.between_s
        FROM rules_in_force r
        LEFT JOIN by_rule n ON n.rule_id = r.id LEFT JOIN rung g ON g.rule_id = r.id
        WHERE n.rule_id IS NOT NULL OR g.rule_id IS NOT NULL
        ORDER BY coalesce(g.rings, 0) DESC, coalesce(n.events, 0) DESC, r.id LIMIT $4
        """,  # noqa: S608 - constants of this file
        since,
        list(false),
        list(genuine),
        most,
    )
    return [RuleNoise(**row) for row in rows]


async def noisiest_devices(
    connection: Connection,
    since: datetime,
    *,
    false: Collection[str],
    genuine: Collection[str],
    most: int,
) -> list[DeviceNoise]:
    """Which units rang most, by watches and rules together?"""
    rows = await connection.fetch(
        f"""
        WITH rang AS (
            SELECT unit_id, raised_at - lag(raised_at)
                   OVER (PARTITION BY unit_id ORDER BY raised_at) AS gap
            FROM alarms WHERE raised_at >= $1
        ), between AS (
            SELECT unit_id, {_MEDIAN} AS between_s FROM rang GROUP BY unit_id
        ), by_unit AS (
            SELECT a.unit_id, {_ALARMS},
                   (array_agg(a.asset_id ORDER BY a.raised_at DESC))[1] AS asset_id
            FROM alarms a WHERE a.raised_at >= $1 GROUP BY a.unit_id
        ), causes AS (
            SELECT unit_id, (array_agg(cause ORDER BY rings DESC, cause))[1:3] AS causes FROM (
                SELECT unit_id, cause, sum(1 + repeats) AS rings FROM alarms
                WHERE raised_at >= $1 GROUP BY unit_id, cause
            ) each GROUP BY unit_id
        )
        SELECT u.unit_id, u.asset_id, s.name AS asset, c.causes, u.alarms, u.rings, u.closed,
               u.false, u.genuine, b.between_s
        FROM by_unit u JOIN between b USING (unit_id) JOIN causes c USING (unit_id)
        LEFT JOIN assets s ON s.id = u.asset_id
        ORDER BY u.rings DESC, u.unit_id LIMIT $4
        """,  # noqa: S608 - constants of this file
        since,
        list(false),
        list(genuine),
        most,
    )
    return [DeviceNoise(**{**row, "causes": tuple(row["causes"])}) for row in rows]


async def noisiest_watches(
    connection: Connection,
    since: datetime,
    *,
    false: Collection[str],
    genuine: Collection[str],
    most: int,
) -> list[CauseNoise]:
    """Which causes rang most of those that no rule asks for?"""
    rows = await connection.fetch(
        f"""
        WITH rang AS (
            SELECT cause, raised_at - lag(raised_at)
                   OVER (PARTITION BY cause ORDER BY raised_at) AS gap
            FROM alarms WHERE raised_at >= $1 AND rule_id IS NULL
        ), between AS (
            SELECT cause, {_MEDIAN} AS between_s FROM rang GROUP BY cause
        ), by_cause AS (
            SELECT a.cause, count(DISTINCT a.unit_id)::int AS units, {_ALARMS}
            FROM alarms a WHERE a.raised_at >= $1 AND a.rule_id IS NULL GROUP BY a.cause
        )
        SELECT c.*, b.between_s FROM by_cause c JOIN between b USING (cause)
        ORDER BY c.rings DESC, c.cause LIMIT $4
        """,  # noqa: S608 - constants of this file
        since,
        list(false),
        list(genuine),
        most,
    )
    return [CauseNoise(**row) for row in rows]


async def confirmed_alarms(
    connection: Connection,
    rule_id: UUID,
    since: datetime,
    *,
    genuine: Collection[str],
    near_s: float,
    most: int,
) -> list[Confirmed]:
    """Which alarms of this rule turned out to be real, and how near in time counts as them?"""
    rows = await connection.fetch(
        """
        SELECT asset_id::text AS asset_id, at - make_interval(secs => $4) AS begin,
               greatest(at, last_event_at) + make_interval(secs => $4) AS end
        FROM alarms
        WHERE rule_id = $1 AND at >= $2 AND close_code = ANY ($3) AND asset_id IS NOT NULL
        ORDER BY at DESC LIMIT $5
        """,
        rule_id,
        since,
        list(genuine),
        near_s,
        most,
    )
    return [Confirmed(**row) for row in rows]
