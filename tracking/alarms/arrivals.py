"""Alarms as they come in: events become alarms inside the transaction that keeps their cause.

An alarm's identity is derived from what raised it (unit, cause, device time, record), so the
same press met twice — retransmitted, replayed from the journal, heard by two gateways — is one
event. A repeat of the same cause within the window joins the open alarm and sounds again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from tracking.alarms.priorities import priority_of
from tracking.bus import NOTIFY_ALARMS
from tracking.database import Connection

_EVENTS = UUID("6f1d0c1e-7d0b-5d8e-9c55-8a1b5a6e2f10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an alarm points to on the map."""

    lat: float
    lon: float
    at: datetime
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One event about one unit, ready to ring.

    ``labels``: late, no_fix, unknown_unit, clock_wrong. ``organisation_id`` is None for a unit
    that nobody registered: the centre itself answers for it. ``rule_id`` names the rule that
    somebody set, whose severity is the ``priority``; None where the cause alone decides.
    """

    event_id: UUID
    unit_id: str
    cause: str
    at: datetime
    received_at: datetime
    organisation_id: UUID | None = None
    asset_id: UUID | None = None
    device_id: UUID | None = None
    place: Place | None = None
    labels: tuple[str, ...] = ()
    priority: int | None = None
    rule_id: UUID | None = None
    rule_version: int | None = None


def event_id(*, unit_id: str, cause: str, at: datetime, fingerprint: int) -> UUID:
    """The same for the same cause said twice, different for a second press."""
    return uuid5(_EVENTS, f"{unit_id}\n{cause}\n{at.isoformat()}\n{fingerprint:x}")


async def raise_for(
    connection: Connection, occurrences: Sequence[Occurrence], *, window_s: float
) -> int | None:
    """Raise or repeat alarms; the newest change number, or None if all were known already.

    Must be the last thing in its transaction: change numbers are handed out under a lock
    that is held until COMMIT, so that desks see them in order.
    """
    news = []
    for one in sorted(occurrences, key=lambda each: (each.unit_id, each.cause, each.at)):
        alarm = await _meet(connection, one, window_s)
        if alarm is not None:
            news.append((one, *alarm))
    newest: int | None = None
    for one, alarm_id, organisation_id, kind in news:
        newest = await connection.fetchval(
            """
            INSERT INTO changes (seq, alarm_id, organisation_id, event_id, kind, sound)
            VALUES (vigil_next_change(), $1, $2, $3, $4, true) RETURNING seq
            """,
            alarm_id,
            organisation_id,
            one.event_id,
            kind,
        )
    if newest is not None:
        await connection.execute("SELECT pg_notify($1, $2)", NOTIFY_ALARMS, str(newest))
    return newest


async def _meet(
    connection: Connection, one: Occurrence, window_s: float
) -> tuple[UUID, UUID, str] | None:
    """(alarm, organisation, raised or repeated); None if this very event is known."""
    # Two gateways may hear one unit: whoever comes second waits here and then meets the alarm.
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{one.unit_id}\n{one.cause}"
    )
    if await connection.fetchval("SELECT true FROM alarm_events WHERE id = $1", one.event_id):
        return None
    place = one.place
    open_alarm = await connection.fetchrow(
        """
        UPDATE alarms SET
            repeats = repeats + 1,
            last_event_at = now(),
            last_event_id = $4,
            geom = coalesce(ST_SetSRID(ST_MakePoint($5, $6), 4326), geom),
            fix_at = coalesce($7, fix_at),
            fix_valid = coalesce($8, fix_valid)
        WHERE id = (
            SELECT id FROM alarms
            WHERE unit_id = $1 AND cause = $2 AND state <> 'closed'
              AND last_event_at > now() - make_interval(secs => $3)
              -- A unit that has changed hands does not join what its last owner left open.
              AND (device_id IS NULL OR device_id = $9)
              AND rule_id IS NOT DISTINCT FROM $10
            ORDER BY raised_at DESC LIMIT 1
        )
        RETURNING id, organisation_id
        """,
        one.unit_id,
        one.cause,
        window_s,
        one.event_id,
        place and place.lon,
        place and place.lat,
        place and place.at,
        place and place.valid,
        one.device_id,
        one.rule_id,
    )
    if open_alarm is None:
        raised = await _raise(connection, one)
        await _write_down(connection, one, raised[0], "raised")
        return (*raised, "raised")
    await _write_down(connection, one, open_alarm["id"], "repeated")
    return open_alarm["id"], open_alarm["organisation_id"], "repeated"


async def _raise(connection: Connection, one: Occurrence) -> tuple[UUID, UUID]:
    place = one.place
    row = await connection.fetchrow(
        """
        INSERT INTO alarms (id, organisation_id, asset_id, device_id, unit_id, cause, priority,
                            at, last_event_id, labels, geom, fix_at, fix_valid, rule_id,
                            rule_version)
        SELECT $1,
               coalesce($2, (SELECT id FROM organisations WHERE kind = 'centre'
                             ORDER BY created_at LIMIT 1)),
               $3, $4, $5, $6, $7, $8, $1,
               CASE WHEN $10::float8 IS NULL AND known.geom IS NOT NULL
                    THEN $9::text[] || 'last_known'::text ELSE $9::text[] END,
               coalesce(ST_SetSRID(ST_MakePoint($10, $11), 4326), known.geom),
               coalesce($12, known.at),
               coalesce($13, known.valid),
               $14, $15
        FROM (SELECT) AS one LEFT JOIN last_positions AS known ON known.asset_id = $3
        RETURNING id, organisation_id
        """,
        one.event_id,
        one.organisation_id,
        one.asset_id,
        one.device_id,
        one.unit_id,
        one.cause,
        one.priority or priority_of(one.cause),
        one.at,
        list(one.labels),
        place and place.lon,
        place and place.lat,
        place and place.at,
        place and place.valid,
        one.rule_id,
        one.rule_version,
    )
    assert row is not None
    return row["id"], row["organisation_id"]


async def _write_down(connection: Connection, one: Occurrence, alarm_id: UUID, kind: str) -> None:
    place = one.place
    detail = {
        "received_at": one.received_at.isoformat(),
        "labels": list(one.labels),
        "fix": place
        and {
            "lat": place.lat,
            "lon": place.lon,
            "at": place.at.isoformat(),
            "valid": place.valid,
        },
    }
    await connection.execute(
        "INSERT INTO alarm_events (id, alarm_id, kind, at, detail) VALUES ($1, $2, $3, $4, $5)",
        one.event_id,
        alarm_id,
        kind,
        one.at,
        detail,
    )
