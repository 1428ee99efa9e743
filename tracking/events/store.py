"""What is asked about events. Row-level security decides what there is to see."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from tracking.database import Connection
from tracking.events.event import FiledEvent, FixAsHeard, Wish, ZoneAsJudged

_EVENT: Final = """
    SELECT e.id, e.at, e.since, e.recorded_at, e.phase, e.cause, e.severity, e.late, e.clock,
           e.rule_id, e.rule_version, r.name AS rule, e.organisation_id, e.asset_id,
           a.name AS asset, a.kind AS asset_kind, a.plate, a.group_name AS "group",
           o.name AS client, e.unit_id, e.fix_at, ST_Y(e.geom) AS lat, ST_X(e.geom) AS lon,
           e.zone_id, e.zone_version, z.name AS zone, e.facts
    FROM events e
    JOIN assets a ON a.id = e.asset_id
    JOIN organisations o ON o.id = a.organisation_id
    LEFT JOIN rules r ON r.id = e.rule_id AND r.version = e.rule_version
    LEFT JOIN zones z ON z.id = e.zone_id AND z.version = e.zone_version
"""


async def events(
    connection: Connection,
    wish: Wish,
    *,
    before: tuple[datetime, UUID] | None,
    most: int,
) -> list[FiledEvent]:
    """Which events were there, newest first?"""
    rows = await connection.fetch(
        f"""{_EVENT}
        WHERE ($1::timestamptz IS NULL OR (e.at, e.id) < ($1, $2::uuid))
          AND ($3::uuid IS NULL OR e.rule_id = $3)
          AND ($4::uuid IS NULL OR e.asset_id = $4)
          AND ($5::uuid IS NULL OR e.zone_id = $5)
          AND (cardinality($6::text[]) = 0 OR e.cause = ANY ($6))
          AND (cardinality($7::int[]) = 0 OR e.severity = ANY ($7))
          AND ($8::text IS NULL OR e.phase = $8)
          AND ($9::timestamptz IS NULL OR e.at >= $9)
          AND ($10::timestamptz IS NULL OR e.at < $10)
          AND ($11::boolean IS NULL OR e.late = $11)
        ORDER BY e.at DESC, e.id DESC LIMIT $12""",
        *(before or (None, None)),
        wish.rule_id,
        wish.asset_id,
        wish.zone_id,
        list(wish.causes),
        list(wish.severities),
        wish.phase,
        wish.begin,
        wish.end,
        wish.late,
        most,
    )
    return [FiledEvent(**row) for row in rows]


async def event(connection: Connection, event_id: UUID) -> FiledEvent | None:
    """Which event is this, if it may be seen?"""
    row = await connection.fetchrow(f"{_EVENT} WHERE e.id = $1", event_id)
    return None if row is None else FiledEvent(**row)


async def counted_by_rule(
    connection: Connection, rule_ids: Collection[UUID], *, since: datetime
) -> dict[UUID, int]:
    """How many events has each of these rules had since then? One without any is left out."""
    rows = await connection.fetch(
        """
        SELECT rule_id, count(*) AS events FROM events
        WHERE rule_id = ANY ($1) AND at >= $2 AND phase = 'began' GROUP BY rule_id
        """,
        list(rule_ids),
        since,
    )
    return {row["rule_id"]: row["events"] for row in rows}


async def alarm_raised_by(connection: Connection, event_id: UUID) -> tuple[UUID, str] | None:
    """Which alarm did this event raise or repeat, and in which state is it?"""
    row = await connection.fetchrow(
        "SELECT a.id, a.state FROM alarm_events e JOIN alarms a ON a.id = e.alarm_id"
        " WHERE e.id = $1",
        event_id,
    )
    return None if row is None else (row["id"], row["state"])


async def messages_told(connection: Connection, event_id: UUID) -> Mapping[str, str]:
    """What does a centre's rule say to the client whose asset this event is about?"""
    said: Mapping[str, str] | None = await connection.fetchval(
        "SELECT vigil_messages_of_event($1)", event_id
    )
    return said or {}


async def zone_as_judged(
    connection: Connection, zone_id: UUID, version: int
) -> ZoneAsJudged | None:
    """What did this version of a zone cover?"""
    row = await connection.fetchrow(
        f"{_ZONE} WHERE z.id = $1 AND z.version = $2",
        zone_id,
        version,
    )
    return None if row is None else _zone(row)


async def zones_as_of(
    connection: Connection, zone_ids: Collection[UUID], at: datetime, *, most: int
) -> list[ZoneAsJudged]:
    """What did these zones cover at that time of ours?"""
    rows = await connection.fetch(
        f"""{_ZONE} JOIN (
            SELECT id, max(version) AS version FROM zones
            WHERE id = ANY ($1) AND created_at <= $2 GROUP BY id
        ) newest ON newest.id = z.id AND newest.version = z.version
        WHERE NOT z.removed ORDER BY z.name, z.id LIMIT $3""",  # noqa: S608 - constants
        list(zone_ids),
        at,
        most,
    )
    return [_zone(row) for row in rows]


async def fixes_around(
    connection: Connection, asset_id: UUID, *, begin: datetime, end: datetime, most: int
) -> list[FixAsHeard]:
    """Where was this asset between these moments, in order?"""
    rows = await connection.fetch(
        """
        SELECT at, received_at, ST_Y(geom) AS lat, ST_X(geom) AS lon, valid, buffered, speed_kmh,
               course_deg, accuracy_m, ignition, motion, battery_pct,
               coalesce(signals, '{}') AS signals
        FROM positions WHERE asset_id = $1 AND at >= $2 AND at <= $3
        ORDER BY at, fingerprint LIMIT $4
        """,
        asset_id,
        begin,
        end,
        most,
    )
    return [FixAsHeard(**row) for row in rows]


async def heard_at(connection: Connection, asset_id: UUID, fix_at: datetime) -> datetime | None:
    """When did we hear the fix of that moment?"""
    at: datetime | None = await connection.fetchval(
        "SELECT min(received_at) FROM positions WHERE asset_id = $1 AND at = $2", asset_id, fix_at
    )
    return at


_ZONE: Final = """
    SELECT z.id, z.version, z.name, z.kind, z.radius_m, ST_AsGeoJSON(z.geom, 7) AS shape
    FROM zones z
"""


def _zone(row: asyncpg.Record) -> ZoneAsJudged:
    shape = None if row["shape"] is None else orjson.loads(row["shape"])
    return ZoneAsJudged(**{**row, "shape": shape})
