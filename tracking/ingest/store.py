"""The SQL of intake, each function named by the question it answers or the fact it files."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from geofence import memory
from geofence.rule import State
from tracking.database import Connection
from tracking.fleet.subject import subject_of
from tracking.ingest import rows
from tracking.ingest.arrival import Arrival
from tracking.ingest.fold import Key
from tracking.ingest.identity import FOR_EVER, LONG_AGO, Fitment, Unit
from tracking.rules.book import Book
from tracking.rules.service import RuleBook, Rules, remembered, written


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """One frame in quarantine whose unit has been registered since."""

    id: int
    received_at: datetime
    unit_id: str
    codec: str
    address: str
    payload: bytes


REPLAY = "replay"
"""The name under which quarantine is read again; it holds units like a gateway, and is no rival."""

UNKNOWN_UNIT = "unknown unit"
"""The reason under which frames of units that nobody registered wait in quarantine."""

_COPIED = tuple(name for name in rows.POSITION_COLUMNS if name not in {"misdated", "newest"})
_LIVE = ("received_at", "geom", "speed_kmh", "course_deg", "altitude_m", "accuracy_m", "valid",
         "buffered", "satellites")  # fmt: skip
_LAST_KNOWN = ("ignition", "motion", "immobilised", "battery_pct", "power_v")


async def prepare(connection: Connection) -> None:
    """Make the table where positions wait within one transaction."""
    await connection.execute(
        """
        CREATE TEMPORARY TABLE incoming_positions (LIKE positions) ON COMMIT DELETE ROWS;
        ALTER TABLE incoming_positions
            ADD COLUMN misdated boolean NOT NULL, ADD COLUMN newest boolean NOT NULL;
        """
    )


async def claim(
    connection: Connection,
    unit_ids: Sequence[str],
    *,
    gateway: str,
    rules: RuleBook,
    book: Book,
    reporting_time_s: float,
) -> list[Unit]:
    """The registered units among these names, each now ours: a new epoch, and its memory.

    Whoever held a unit before has a stale epoch from here on, and its writes are refused.
    """
    claimed = await connection.fetch(
        """
        WITH registered AS (
            SELECT unit_id FROM devices WHERE unit_id = ANY ($1) AND retired_at IS NULL
        ), before AS (
            SELECT unit_id, gateway, connected_at FROM unit_sessions
            WHERE unit_id = ANY ($1)
        ), ours AS (
            INSERT INTO unit_sessions AS held (unit_id, epoch, gateway, connected_at)
            SELECT unit_id, 1, $2, now() FROM registered ORDER BY unit_id
            ON CONFLICT (unit_id) DO UPDATE
                SET epoch = held.epoch + 1, gateway = excluded.gateway, connected_at = now()
            RETURNING unit_id, epoch, newest_at, memory_version
        )
        SELECT ours.unit_id, epoch, memory_version, newest_at,
               coalesce(before.gateway, '') AS held_by, before.connected_at AS held_since
        FROM ours LEFT JOIN before ON before.unit_id = ours.unit_id
        """,
        unit_ids,
        gateway,
    )
    if not claimed:
        return []
    names = [row["unit_id"] for row in claimed]
    devices = {row["unit_id"]: row for row in await _devices(connection, names)}
    fitments = await _fitments(connection, names)
    memories = await _memories(connection, names)
    positions = await _newest_positions(connection, names)
    return [
        Unit(
            unit_id=row["unit_id"],
            device_id=(device := devices[row["unit_id"]])["id"],
            device=device["id"].bytes,
            organisation_id=device["organisation_id"],
            kind=device["kind"],
            epoch=row["epoch"],
            reporting_time_s=device["reporting_time_s"] or reporting_time_s,
            fitments=fitments.get(row["unit_id"], ()),
            held_by=row["held_by"],
            held_since=row["held_since"] or LONG_AGO,
            # The record of hearing may be seconds behind; the last position never is.
            newest_at=max(row["newest_at"] or LONG_AGO, positions.get(row["unit_id"], LONG_AGO)),
            memories=_understood(rules.of(device["kind"]), book, memories.get(row["unit_id"], {})),
            memory_version=row["memory_version"],
        )
        for row in claimed
    ]


async def _devices(connection: Connection, unit_ids: Sequence[str]) -> Sequence[Any]:
    return await connection.fetch(
        """
        SELECT d.unit_id, d.id, d.organisation_id, d.kind, s.reporting_time_s
        FROM devices d JOIN device_setups s ON s.device_id = d.id
        WHERE d.unit_id = ANY ($1) AND d.retired_at IS NULL
        """,
        unit_ids,
    )


async def _fitments(
    connection: Connection, unit_ids: Sequence[str]
) -> Mapping[str, tuple[Fitment, ...]]:
    found = await connection.fetch(
        """
        SELECT d.unit_id, f.asset_id, f.fitted_from, f.fitted_until, a.number, a.kind, a.name,
               a.organisation_id, o.name AS organisation, a.group_name, a.tags,
               a.speed_limit_kmh, a.hours
        FROM devices d
        JOIN fitments f ON f.device_id = d.id
        JOIN assets a ON a.id = f.asset_id
        JOIN organisations o ON o.id = a.organisation_id
        WHERE d.unit_id = ANY ($1) AND d.retired_at IS NULL ORDER BY d.unit_id, f.fitted_from
        """,
        unit_ids,
    )
    by_unit: dict[str, tuple[Fitment, ...]] = {}
    for row in found:
        fitment = Fitment(
            asset_id=row["asset_id"],
            asset=row["asset_id"].bytes,
            number=row["number"],
            kind=row["kind"],
            name=row["name"],
            organisation_id=row["organisation_id"],
            organisation=row["organisation"],
            fitted_from=row["fitted_from"],
            fitted_until=row["fitted_until"] or FOR_EVER,
            subject=subject_of(dict(row)),
        )
        by_unit[row["unit_id"]] = (*by_unit.get(row["unit_id"], ()), fitment)
    return by_unit


async def _memories(
    connection: Connection, unit_ids: Sequence[str]
) -> Mapping[str, Mapping[str, Any]]:
    saved: dict[str, dict[str, Any]] = {}
    for row in await connection.fetch(
        "SELECT unit_id, rule, memory FROM rule_memory WHERE unit_id = ANY ($1)", unit_ids
    ):
        saved.setdefault(row["unit_id"], {})[row["rule"]] = row["memory"]
    return saved


async def _newest_positions(
    connection: Connection, unit_ids: Sequence[str]
) -> Mapping[str, datetime]:
    """The time of the last position that each of these devices has given its asset."""
    found = await connection.fetch(
        """
        SELECT d.unit_id, max(p.at) AS at FROM devices d
        JOIN fitments f ON f.device_id = d.id AND f.fitted_until IS NULL
        JOIN last_positions p ON p.asset_id = f.asset_id AND p.device_id = d.id
        WHERE d.unit_id = ANY ($1) AND d.retired_at IS NULL GROUP BY d.unit_id
        """,
        unit_ids,
    )
    return {row["unit_id"]: row["at"] for row in found}


def _understood(
    watches: Rules, book: Book, saved: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Memories of watches and states of rules; what no rule in force wrote is left aside."""
    memories = remembered(watches, saved)
    for name, said in saved.items():
        if (judging := book.rules.get(name)) is not None:
            state = memory.remembered(judging.rule, said)
            if state is not None:
                memories[name] = state
    return memories


async def stored_already(connection: Connection, keys: Sequence[Key]) -> set[Key]:
    """Which of these positions are in the tables."""
    if not keys:
        return set()
    found = await connection.fetch(
        """
        WITH asked AS (
            SELECT DISTINCT * FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[])
                AS asked (asset_id, at, fingerprint)
        )
        SELECT asset_id, at, fingerprint FROM asked
        WHERE EXISTS (SELECT FROM positions p WHERE p.asset_id = asked.asset_id
                      AND p.at = asked.at AND p.fingerprint = asked.fingerprint)
           OR EXISTS (SELECT FROM misdated_positions p WHERE p.asset_id = asked.asset_id
                      AND p.at = asked.at AND p.fingerprint = asked.fingerprint)
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
    )
    return {(row["asset_id"], row["at"], row["fingerprint"]) for row in found}


async def open_day(connection: Connection, day: date) -> None:
    """Make the partition of a day, if it is not there."""
    await connection.execute("SELECT vigil_open_day($1)", day)


async def file_positions(connection: Connection, encoded: Sequence[bytes]) -> int:
    """File positions and move each asset's last one; how many were new.

    Rows pass through a temporary table: COPY cannot meet a conflict, nor row-level security.
    """
    await connection.copy_to_table(
        "incoming_positions",
        source=_stream(encoded),
        columns=rows.POSITION_COLUMNS,
        format="binary",
    )
    filed: int = await connection.fetchval(_FILE_AND_MOVE)
    return filed


_COLUMNS = ", ".join(_COPIED)
_STATE = ", ".join(_LIVE + _LAST_KNOWN)

_FILE_AND_MOVE = f"""
    WITH filed AS (
        INSERT INTO positions ({_COLUMNS})
        SELECT {_COLUMNS} FROM incoming_positions WHERE NOT misdated
        ON CONFLICT DO NOTHING RETURNING 1
    ), apart AS (
        INSERT INTO misdated_positions ({_COLUMNS})
        SELECT {_COLUMNS} FROM incoming_positions WHERE misdated
        ON CONFLICT DO NOTHING RETURNING 1
    ), moved AS (
        INSERT INTO last_positions AS last (asset_id, device_id, at, {_STATE})
        SELECT asset_id, device_id, CASE WHEN misdated THEN received_at ELSE at END, {_STATE}
        FROM incoming_positions WHERE newest ORDER BY asset_id
        ON CONFLICT (asset_id) DO UPDATE SET
            device_id = excluded.device_id, at = excluded.at,
            {", ".join(f"{name} = excluded.{name}" for name in _LIVE)},
            {", ".join(f"{name} = coalesce(excluded.{name}, last.{name})" for name in _LAST_KNOWN)}
        WHERE last.at <= excluded.at
    )
    SELECT (SELECT count(*) FROM filed) + (SELECT count(*) FROM apart)
"""  # noqa: S608 - our own column names
"""One statement, so one trip and one plan. A late fix never moves the last position backwards; a
reading that was not said stays as last said."""


async def file_frames(connection: Connection, encoded: Sequence[bytes]) -> None:
    """Keep the bytes as they came."""
    await connection.copy_to_table(
        "frames", source=_stream(encoded), columns=rows.FRAME_COLUMNS, format="binary"
    )


async def write_memories(
    connection: Connection, changed: Sequence[tuple[str, int, int, Mapping[str, Any]]]
) -> set[str]:
    """Write what changed of (unit, epoch, memory version, memories by name).

    Answers which units another gateway holds now, or were folded from an older memory: our other
    lane may have been quicker. Their rows stay locked until the commit, so that nobody claims
    them in between.
    """
    held = await connection.fetch(
        """
        UPDATE unit_sessions AS u SET memory_version = u.memory_version + 1
        FROM (
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
                AS one (unit_id, epoch, version) ORDER BY unit_id
        ) AS mine
        WHERE u.unit_id = mine.unit_id AND u.epoch = mine.epoch
          AND u.memory_version = mine.version
        RETURNING u.unit_id
        """,
        [unit_id for unit_id, _, _, _ in changed],
        [epoch for _, epoch, _, _ in changed],
        [version for _, _, version, _ in changed],
    )
    stale = {unit_id for unit_id, _, _, _ in changed} - {row["unit_id"] for row in held}
    if not stale:
        await connection.executemany(
            """
            INSERT INTO rule_memory (unit_id, rule, memory) VALUES ($1, $2, $3)
            ON CONFLICT (unit_id, rule) DO UPDATE
                SET memory = excluded.memory, changed_at = now()
            """,
            [
                (unit_id, name, memory.written(said) if isinstance(said, State) else written(said))
                for unit_id, _, _, memories in changed
                for name, said in memories.items()
            ],
        )
    return stale


async def write_hearing(
    connection: Connection, heard: Sequence[tuple[str, int, datetime, datetime]]
) -> set[str]:
    """Write who was heard (unit, epoch, heard at, newest fix); whom another gateway holds now."""
    held = await connection.fetch(
        """
        UPDATE unit_sessions AS u
        SET heard_at = greatest(u.heard_at, mine.heard_at),
            newest_at = greatest(u.newest_at, mine.newest_at),
            silent_since = NULL
        FROM (
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
                AS one (unit_id, epoch, heard_at, newest_at) ORDER BY unit_id
        ) AS mine
        WHERE u.unit_id = mine.unit_id AND u.epoch = mine.epoch
        RETURNING u.unit_id
        """,
        [unit_id for unit_id, _, _, _ in heard],
        [epoch for _, epoch, _, _ in heard],
        [at for _, _, at, _ in heard],
        [None if newest == LONG_AGO else newest for _, _, _, newest in heard],
    )
    return {unit_id for unit_id, _, _, _ in heard} - {row["unit_id"] for row in held}


async def keep_unknown(
    connection: Connection, arrivals: Iterable[Arrival], *, frames_per_unit: int
) -> set[Arrival]:
    """Keep frames of units that nobody registered, up to a bound each; which were not kept."""
    by_unit: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        by_unit.setdefault(arrival.unit_id, []).append(arrival)
    refused: set[Arrival] = set()
    for unit_id in sorted(by_unit):
        said = by_unit[unit_id]
        first, last = said[0], said[-1]
        kept = await connection.fetchval(
            """
            INSERT INTO unknown_units AS u
                (unit_id, codec, address, first_seen_at, last_seen_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (unit_id) DO UPDATE
                SET codec = excluded.codec, address = excluded.address,
                    last_seen_at = excluded.last_seen_at
            RETURNING frames
            """,
            unit_id,
            last.codec,
            last.address,
            first.received_at,
            last.received_at,
        )
        room = max(0, frames_per_unit - kept)
        # A cry for help is kept however much this unit has said already.
        keeping = [a for place, a in enumerate(said) if place < room or a.life_safety]
        refused.update(set(said) - set(keeping))
        await quarantine(connection, [(arrival, UNKNOWN_UNIT) for arrival in keeping])
        await connection.execute(
            "UPDATE unknown_units SET frames = frames + $2, refused = refused + $3"
            " WHERE unit_id = $1",
            unit_id,
            len(keeping),
            len(said) - len(keeping),
        )
    return refused


async def quarantine(connection: Connection, frames: Sequence[tuple[Arrival, str]]) -> None:
    """Keep bytes that could not be understood or placed, with the reason."""
    await connection.executemany(
        """
        INSERT INTO quarantined_frames (received_at, unit_id, codec, address, payload, reason)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        [
            (a.received_at, a.unit_id, a.codec, a.address, a.frame, reason[:500])
            for a, reason in frames
        ],
    )


async def frames_of_units_registered_since(
    connection: Connection, *, most: int
) -> list[Quarantined]:
    """Frames that came before their unit was registered, each unit's in order."""
    found = await connection.fetch(
        """
        SELECT q.id, q.received_at, q.unit_id, q.codec, q.address, q.payload
        FROM quarantined_frames q
        JOIN devices d ON d.unit_id = q.unit_id AND d.retired_at IS NULL
        WHERE q.reason = $1 ORDER BY q.unit_id, q.id LIMIT $2
        """,
        UNKNOWN_UNIT,
        most,
    )
    return [Quarantined(**row) for row in found]


async def release(connection: Connection, ids: Sequence[int]) -> None:
    """These frames have been understood and kept elsewhere."""
    await connection.execute("DELETE FROM quarantined_frames WHERE id = ANY ($1)", ids)


async def sign_on(
    connection: Connection, *, gateway: str, pid: int, ports: Mapping[str, int]
) -> None:
    """A gateway is up and listens on these ports."""
    await connection.execute(
        """
        INSERT INTO gateways (name, pid, ports) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE
            SET pid = excluded.pid, ports = excluded.ports, started_at = now(), seen_at = now(),
                figures = '{}'
        """,
        gateway,
        pid,
        dict(ports),
    )


async def show_figures(
    connection: Connection, *, gateway: str, figures: Mapping[str, object], error: str
) -> None:
    """A gateway is alive and has these figures; ``error`` is the latest, if there is news."""
    await connection.execute(
        """
        UPDATE gateways SET seen_at = now(), figures = $2,
            last_error = CASE WHEN $3 = '' THEN last_error ELSE $3 END,
            last_error_at = CASE WHEN $3 = '' THEN last_error_at ELSE now() END
        WHERE name = $1
        """,
        gateway,
        dict(figures),
        error,
    )


async def sign_off(connection: Connection, *, gateway: str) -> None:
    """A gateway has stopped in good order."""
    await connection.execute("DELETE FROM gateways WHERE name = $1", gateway)


async def _stream(encoded: Sequence[bytes]) -> AsyncIterator[bytes]:
    yield b"".join((rows.HEADER, *encoded, rows.TRAILER))
