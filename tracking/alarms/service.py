"""What people do to alarms. Each act is one transaction; the change is its last statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from tracking import clock
from tracking.alarms import lifecycle, store
from tracking.alarms.alarm import Alarm, AlarmEvent, iso
from tracking.alarms.lifecycle import CloseCode, Kind, State
from tracking.database import Connection
from tracking.errors import Conflict, IllegalMove, Invalid, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An act that is about to be committed: the alarm after it, and the change it made."""

    alarm: Alarm
    seq: int


async def alarm_with_events(
    connection: Connection, alarm_id: UUID
) -> tuple[Alarm, list[AlarmEvent]]:
    """One alarm and its story. Raises NotFound."""
    alarm = await store.alarm(connection, alarm_id)
    if alarm is None:
        raise NotFound("There is no such alarm.")
    return alarm, await store.events_of(connection, alarm_id)


async def acknowledge(connection: Connection, alarm_id: UUID, *, person_id: UUID) -> Done:
    """Take an alarm. Of many who try, one wins; the others' Conflict says who.

    Raises NotFound, Conflict.
    """
    alarm = await _to_move(connection, alarm_id)
    try:
        lifecycle.move(alarm.state, State.ACKNOWLEDGED)
    except IllegalMove as error:
        raise Conflict(_taken(alarm)) from error
    at = clock.now()
    await store.set_acknowledged(connection, alarm_id, person_id=person_id, at=at)
    return await _done(connection, alarm, Kind.ACKNOWLEDGED, person_id=person_id)


async def close(
    connection: Connection, alarm_id: UUID, *, person_id: UUID, code: CloseCode, note: str
) -> Done:
    """End an alarm. Raises NotFound, Conflict, and Invalid when the note does not explain."""
    alarm = await _to_move(connection, alarm_id)
    try:
        lifecycle.move(alarm.state, State.CLOSED)
    except IllegalMove as error:
        if alarm.state is State.RAISED:
            raise Conflict("Acknowledge the alarm before you close it.") from error
        raise Conflict(
            f"{alarm.closed_by or 'Somebody'} closed this alarm at {iso(alarm.closed_at)}."
        ) from error
    note = lifecycle.explained(note, priority=alarm.priority)
    await store.set_closed(
        connection, alarm_id, person_id=person_id, at=clock.now(), code=code, note=note
    )
    detail = {"code": code.value, "note": note or None}
    return await _done(connection, alarm, Kind.CLOSED, person_id=person_id, detail=detail)


async def add_note(connection: Connection, alarm_id: UUID, *, person_id: UUID, note: str) -> Done:
    """Write something down with an alarm, in whatever state. Raises NotFound, Invalid."""
    note = note.strip()
    if not note:
        raise Invalid("A note says something.")
    alarm = await _to_move(connection, alarm_id)
    return await _done(connection, alarm, Kind.NOTED, person_id=person_id, detail={"note": note})


async def _to_move(connection: Connection, alarm_id: UUID) -> Alarm:
    alarm = await store.alarm_to_move(connection, alarm_id)
    if alarm is None:
        raise NotFound("There is no such alarm.")
    return alarm


async def _done(
    connection: Connection,
    alarm: Alarm,
    kind: Kind,
    *,
    person_id: UUID,
    detail: Mapping[str, object] | None = None,
) -> Done:
    event_id = uuid4()
    await store.add_event(
        connection,
        event_id=event_id,
        alarm_id=alarm.id,
        kind=kind,
        at=clock.now(),
        person_id=person_id,
        detail=detail,
    )
    after = await store.alarm(connection, alarm.id) or alarm
    seq = await store.add_change(
        connection,
        alarm_id=alarm.id,
        organisation_id=alarm.organisation_id,
        event_id=event_id,
        kind=kind,
        sound=False,
    )
    return Done(alarm=after, seq=seq)


def _taken(alarm: Alarm) -> str:
    if alarm.state is State.CLOSED:
        return f"{alarm.closed_by or 'Somebody'} closed this alarm at {iso(alarm.closed_at)}."
    who = alarm.acknowledged_by or "Somebody"
    return f"{who} acknowledged this alarm at {iso(alarm.acknowledged_at)}."
