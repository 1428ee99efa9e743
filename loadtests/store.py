"""The SQL of the load tests: who is registered, and what is stored of what was acknowledged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from uuid import UUID

from tracking.bus import NOTIFY_RULES
from tracking.database import Connection
from tracking.rules.rule import SetRule

OPERATOR, PASSWORD = "load.operator", "een-heel-lang-wachtwoord"
TOKEN = "vigil_load-test-token-of-a-throw-away-database"  # noqa: S105 - the same


async def register(
    connection: Connection, units: Mapping[str, str], *, password_hash: str = ""
) -> None:
    """Register units (codec by unit id), each fitted since long ago, and an operator.

    The operator signs in with ``PASSWORD`` if its hash is given, and with ``TOKEN`` always.
    """
    centre = await connection.fetchval(
        "INSERT INTO organisations (kind, name) VALUES ('centre', 'Load centre') RETURNING id"
    )
    client = await connection.fetchval(
        "INSERT INTO organisations (kind, name, centre_id) VALUES ('client', 'Load client', $1)"
        " RETURNING id",
        centre,
    )
    person = await connection.fetchval(
        """
        INSERT INTO people (organisation_id, sign_in, name, role, password_hash)
        VALUES ($1, $2, 'Load Operator', 'operator', $3) RETURNING id
        """,
        centre,
        OPERATOR,
        password_hash,
    )
    await connection.execute(
        "INSERT INTO api_tokens (token_hash, person_id, name) VALUES ($1, $2, 'load test')",
        sha256(TOKEN.encode()).digest(),
        person,
    )
    await connection.execute(
        """
        WITH unit AS (SELECT * FROM unnest($2::text[], $3::text[]) AS one (unit_id, codec)),
        asset AS (
            INSERT INTO assets (organisation_id, kind, name)
            SELECT $1, 'vehicle', unit_id FROM unit RETURNING id, name
        ), device AS (
            INSERT INTO devices (organisation_id, unit_id, codec, kind)
            SELECT $1, unit_id, codec, 'tracker' FROM unit RETURNING id, unit_id
        )
        INSERT INTO fitments (organisation_id, device_id, asset_id, fitted_from)
        SELECT $1, device.id, asset.id, '2015-01-01'
        FROM device JOIN asset ON asset.name = device.unit_id
        """,
        client,
        list(units),
        list(units.values()),
    )
    await connection.execute("VACUUM ANALYZE assets, devices, fitments")


async def spots(connection: Connection) -> list[tuple[float, float]]:
    """(longitude, latitude) of where every unit was last."""
    found = await connection.fetch(
        "SELECT ST_X(geom) AS lon, ST_Y(geom) AS lat FROM last_positions"
    )
    return [(row["lon"], row["lat"]) for row in found]


async def draw_zones(connection: Connection, shapes: Sequence[bytes], *, label: str) -> None:
    """File shapes (WKB) as zones of the client, with a label."""
    client = await _client(connection)
    await connection.execute(
        """
        INSERT INTO zones (version, organisation_id, name, kind, geom, labels)
        SELECT 1, $1, 'zone ' || number, 'polygon', ST_GeomFromWKB(wkb, 4326), ARRAY[$3]
        FROM unnest($2::bytea[]) WITH ORDINALITY AS one (wkb, number)
        """,
        client,
        list(shapes),
        label,
    )
    await connection.execute("VACUUM ANALYZE zones")


async def an_asset(connection: Connection) -> str:
    """The id of one of the client's assets."""
    found: str = await connection.fetchval("SELECT id::text FROM assets ORDER BY name LIMIT 1")
    return found


async def set_rules(
    connection: Connection,
    settings: Mapping[str, Mapping[str, object]],
    *,
    scope: Mapping[str, Sequence[str]],
) -> list[str]:
    """Rules of the client by their names, in the place of all that were set before; their ids."""
    client = await _client(connection)
    await connection.execute("UPDATE rules SET removed = true")
    ids = [
        await connection.fetchval(
            """
            INSERT INTO rules (version, organisation_id, name, setting, cause, severity, scope)
            VALUES (1, $1, $2, $3, $4, 0, $5) RETURNING id::text
            """,
            client,
            name,
            dict(setting),
            setting["kind"],
            dict(scope),
        )
        for name, setting in settings.items()
    ]
    await connection.execute("SELECT pg_notify($1, '')", NOTIFY_RULES)
    return ids


async def judged_by(connection: Connection, rule_ids: Sequence[str]) -> int:
    """How many units every one of these rules has judged."""
    count: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
            SELECT unit_id FROM rule_memory WHERE rule = ANY ($1)
            GROUP BY unit_id HAVING count(*) = cardinality($1)
        ) AS judged
        """,
        list(rule_ids),
    )
    return count


async def events_noticed(connection: Connection) -> int:
    """How many events rules have noticed."""
    count: int = await connection.fetchval("SELECT count(*) FROM events")
    return count


async def _client(connection: Connection) -> object:
    return await connection.fetchval("SELECT id FROM organisations WHERE kind = 'client' LIMIT 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How many positions of a unit are stored, and the sum of their times in ms."""

    count: int
    sum_ms: int


async def stored_by_unit(connection: Connection) -> dict[str, Stored]:
    """What is stored of every unit that has anything stored."""
    found = await connection.fetch(
        """
        SELECT a.name, count(*) AS count,
               sum(round(extract(epoch FROM p.at) * 1000)::bigint)::numeric AS sum_ms
        FROM (SELECT asset_id, at FROM positions
              UNION ALL SELECT asset_id, at FROM misdated_positions) p
        JOIN assets a ON a.id = p.asset_id GROUP BY a.name
        """
    )
    return {
        row["name"]: Stored(count=row["count"], sum_ms=int(row["sum_ms"] or 0)) for row in found
    }


async def stored_times(connection: Connection, since_ms: int) -> dict[str, list[int]]:
    """The device times in ms of every stored position, by unit; of those after ``since_ms``."""
    found = await connection.fetch(
        """
        SELECT a.name, array_agg(round(extract(epoch FROM p.at) * 1000)::bigint) AS times
        FROM (SELECT asset_id, at FROM positions
              UNION ALL SELECT asset_id, at FROM misdated_positions) p
        JOIN assets a ON a.id = p.asset_id
        WHERE p.at > to_timestamp($1::float8 / 1000) GROUP BY a.name
        """,
        float(since_ms),
    )
    return {row["name"]: row["times"] for row in found}


async def rung_times(connection: Connection, since_ms: int) -> dict[str, list[int]]:
    """The device times in ms of every event of an alarm that desks were told of, by unit.

    An event that has no change, or two, is told wrongly and counts as many times.
    """
    found = await connection.fetch(
        """
        SELECT a.unit_id, array_agg(round(extract(epoch FROM e.at) * 1000)::bigint) AS times
        FROM alarm_events e JOIN alarms a ON a.id = e.alarm_id
        JOIN changes c ON c.event_id = e.id AND c.alarm_id = a.id
        WHERE a.cause = 'panic' AND e.kind IN ('raised', 'repeated')
          AND e.at > to_timestamp($1::float8 / 1000)
        GROUP BY a.unit_id
        """,
        float(since_ms),
    )
    return {row["unit_id"]: row["times"] for row in found}


async def events_stored(connection: Connection, event_ids: Sequence[str]) -> int:
    """How many of these events exist, each told to the desks exactly once."""
    count: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
            SELECT e.id FROM alarm_events e JOIN changes c ON c.event_id = e.id
            WHERE e.id = ANY ($1::uuid[]) GROUP BY e.id HAVING count(*) = 1
        ) AS once
        """,
        list(event_ids),
    )
    return count


async def quarantined(connection: Connection) -> dict[str, int]:
    """How many frames are in quarantine, by reason."""
    found = await connection.fetch(
        "SELECT reason, count(*) AS count FROM quarantined_frames GROUP BY reason"
    )
    return {row["reason"]: row["count"] for row in found}


async def make_twins(connection: Connection) -> None:
    """Empty tables that are built and indexed exactly as a day of positions and frames is."""
    await connection.execute(
        """
        DROP TABLE IF EXISTS positions_twin, frames_twin;
        CREATE TABLE positions_twin (LIKE positions INCLUDING ALL);
        CREATE TABLE frames_twin (LIKE frames INCLUDING ALL);
        """
    )


async def binary_rows(
    connection: Connection, table: str, *, after: int, most: int
) -> tuple[int, bytes]:
    """(rows, binary COPY) of a stretch of a run, in the order in which it was received."""
    order = {"positions": "received_at, asset_id, at", "frames": "received_at, unit_id"}[table]
    buffer = BytesIO()
    status = await connection.copy_from_query(
        f"SELECT * FROM {table} ORDER BY {order} OFFSET $1 LIMIT $2",  # noqa: S608 - two names
        after,
        most,
        output=buffer,
        format="binary",
    )
    return int(status.rpartition(" ")[2]), buffer.getvalue()


async def rows_written(connection: Connection) -> int:
    """A number that stands still when nothing is filed any more."""
    count: int = await connection.fetchval(
        "SELECT (SELECT count(*) FROM frames) + (SELECT count(*) FROM alarm_events)"
        " + (SELECT count(*) FROM quarantined_frames)"
    )
    return count


async def a_client(connection: Connection) -> UUID:
    """Whose assets all units are on."""
    client: UUID = await connection.fetchval(
        "SELECT id FROM organisations WHERE kind = 'client' LIMIT 1"
    )
    return client


async def set_a_rule(connection: Connection, rule: SetRule) -> None:
    """Write one rule down as it is."""
    await connection.execute(
        """
        INSERT INTO rules (id, version, organisation_id, name, setting, cause, for_s, severity)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        rule.id,
        rule.version,
        rule.organisation_id,
        rule.name,
        rule.setting,
        rule.cause,
        rule.for_s,
        rule.severity,
    )


async def set_timers_at_random(
    connection: Connection,
    *,
    rule_id: UUID,
    edition: str,
    memory: Mapping[str, object],
    holds_after_s: float,
    count: int,
    first_due: datetime,
    window_s: float,
) -> None:
    """Set timers of as many units, due within the window, and what their rule remembers."""
    await connection.execute(
        """
        INSERT INTO timers (unit_id, rule_id, edition, asset_id, as_of, due_at)
        SELECT 'timer ' || number, $1, $2, asset.id, due_at - make_interval(secs => $6), due_at
        FROM (
            SELECT number, $4::timestamptz + random() * make_interval(secs => $5) AS due_at
            FROM generate_series(0, $3::int - 1) AS number
        ) AS one
        JOIN (
            SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS all
            FROM assets
        ) AS asset ON asset.place = one.number % asset.all
        """,
        rule_id,
        edition,
        count,
        first_due,
        window_s,
        holds_after_s,
    )
    await connection.execute(
        """
        INSERT INTO rule_memory (unit_id, rule, memory)
        SELECT unit_id, rule_id::text,
               jsonb_set(
                   jsonb_set($1::jsonb, '{asset_id}', to_jsonb(asset_id)),
                   '{live,memory,moved_s}',
                   to_jsonb(extract(epoch FROM due_at) - $2::float8))
        FROM timers
        """,
        memory,
        holds_after_s,
    )
    await connection.execute("VACUUM ANALYZE timers, rule_memory")


async def timers_left(connection: Connection) -> int:
    """How many timers are still to come."""
    left: int = await connection.fetchval("SELECT count(*) FROM timers")
    return left


async def lateness_s(connection: Connection, rule_id: UUID) -> list[float]:
    """How long after it was due each event of a rule was filed."""
    found = await connection.fetch(
        "SELECT extract(epoch FROM recorded_at - at)::float8 AS late_s FROM events"
        " WHERE rule_id = $1",
        rule_id,
    )
    return [row["late_s"] for row in found]


async def follow_rule(
    connection: Connection, rule_id: str | None, setting: Mapping[str, object]
) -> str:
    """Set a rule of the client, or its next version, and tell who judges; its id."""
    client = await _client(connection)
    async with connection.transaction():
        filed: str = await connection.fetchval(
            """
            INSERT INTO rules (id, version, organisation_id, name, setting, cause, severity)
            SELECT coalesce($1::uuid, gen_random_uuid()),
                   1 + coalesce((SELECT max(version) FROM rules WHERE id = $1::uuid), 0),
                   $2, 'Too fast', $3, 'overspeed', 0
            RETURNING id::text
            """,
            rule_id,
            client,
            dict(setting),
        )
        await connection.execute("SELECT pg_notify($1, $2)", NOTIFY_RULES, filed)
    return filed


async def waits_for_a_version_s(connection: Connection, rule_id: str) -> list[float]:
    """From each version of a rule to the first event of each unit by it."""
    found = await connection.fetch(
        """
        SELECT extract(epoch FROM min(e.recorded_at) - r.created_at)::float8 AS wait_s
        FROM events e JOIN rules r ON r.id = e.rule_id AND r.version = e.rule_version
        WHERE e.rule_id = $1::uuid AND e.phase = 'began' GROUP BY e.unit_id, r.version, r.created_at
        """,
        rule_id,
    )
    return [row["wait_s"] for row in found]
