"""Alarms over HTTP: read the queue, take one, close it, write something down."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.config import JsonDict
from starlette.requests import Request

from tracking.alarms import service, store
from tracking.alarms.alarm import Alarm, AlarmEvent, desk_shape, iso
from tracking.alarms.close_codes import names_of
from tracking.alarms.lifecycle import CloseCode, Kind, State
from tracking.alarms.store import Place, Wanted
from tracking.audit.store import note_location_reads
from tracking.database import Connection, transaction
from tracking.errors import Conflict, Forbidden, Invalid, NotFound
from tracking.web import paging
from tracking.web.paging import Page, Where
from tracking.web.problems import responses
from tracking.web.security import AppPool, Person, SignedIn, Staff

router = APIRouter(tags=["alarms"])

_EXAMPLE: JsonDict = {
    "id": "0b8f6a52-6d0e-5c1b-9f0e-0a4f8f7e2c11",
    "event_id": "0b8f6a52-6d0e-5c1b-9f0e-0a4f8f7e2c11",
    "state": "raised",
    "priority": 1,
    "cause": "panic",
    "asset": {
        "id": "5f0c1d9e-7f1a-4f59-8d0b-9a3c5b1e7d21",
        "name": "Nurse 7",
        "kind": "lone_worker",
    },
    "unit_id": "356307042441013",
    "organisation": "Home Care Leuven",
    "at": "2026-11-24T10:15:02Z",
    "raised_at": "2026-11-24T10:15:03.120000Z",
    "fix": {"at": "2026-11-24T10:15:02Z", "lat": 50.8794, "lon": 4.7007, "valid": True},
    "labels": [],
    "repeats": 0,
    "rule": None,
    "acknowledged_by": None,
    "acknowledged_at": None,
    "closed_at": None,
    "close_code": None,
}


class Which(StrEnum):
    """Which part of their lives alarms are in."""

    OPEN = "open"
    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    ALL = "all"


_STATES = {
    Which.OPEN: (State.RAISED, State.ACKNOWLEDGED),
    Which.RAISED: (State.RAISED,),
    Which.ACKNOWLEDGED: (State.ACKNOWLEDGED,),
    Which.CLOSED: (State.CLOSED,),
    Which.ALL: tuple(State),
}


_BY_DEVICE = frozenset({Kind.RAISED, Kind.REPEATED})


class AssetSaid(BaseModel):
    """Who or what is in trouble."""

    id: UUID
    name: str
    kind: str


class FixSaid(BaseModel):
    """Where it happened, as far as is known."""

    at: datetime
    lat: float
    lon: float
    valid: bool


class RuleSaid(BaseModel):
    """The rule that raised an alarm: its words by language, and the facts that fill them."""

    id: UUID
    name: str
    messages: dict[str, str]
    facts: dict[str, JsonValue]


class AlarmSaid(BaseModel):
    """An alarm, as the live channel says it too."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: UUID
    event_id: Annotated[UUID, Field(description="What the device last did for this alarm.")]
    state: State
    priority: Annotated[int, Field(ge=1, le=5)]
    cause: str
    asset: AssetSaid | None
    unit_id: str
    organisation: str
    at: datetime
    raised_at: datetime
    fix: FixSaid | None
    labels: list[str]
    repeats: int
    rule: Annotated[
        RuleSaid | None, Field(description="`GET /events/{event_id}/why` says why it was raised.")
    ]
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    closed_at: datetime | None
    close_code: CloseCode | None


class EventSaid(BaseModel):
    """Something that happened to an alarm."""

    id: UUID
    kind: Kind
    at: datetime
    recorded_at: datetime
    person: str | None
    detail: dict[str, Any] | None


class AlarmWithEvents(AlarmSaid):
    """An alarm and its story, oldest first."""

    closed_by: str | None
    close_note: str | None
    events: list[EventSaid]


class Closing(BaseModel):
    """What the alarm turned out to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"code": "false_user", "note": "Pressed by mistake, codeword was right."}
        }
    )

    code: CloseCode
    note: Annotated[str, Field(max_length=4_000)] = ""


class Note(BaseModel):
    """Something worth writing down."""

    model_config = ConfigDict(json_schema_extra={"example": {"note": "Daughter is on her way."}})

    note: Annotated[str, Field(min_length=1, max_length=4_000)]


class CloseCodeSaid(BaseModel):
    """A code for closing, and what people call it."""

    code: CloseCode
    names: Annotated[dict[str, str], Field(examples=[{"nl": "Test", "en": "Test"}])]


Asked = Annotated[Where, Depends(paging.where)]


class Wish(BaseModel):
    """Which alarms are asked for."""

    state: Annotated[Which, Field(description="Where in their lives.")] = Which.OPEN
    priority: Annotated[int | None, Field(ge=1, le=5)] = None
    asset_id: UUID | None = None


@router.get("/alarms", responses=responses(Invalid))
async def list_alarms(
    person: SignedIn, pool: AppPool, asked: Asked, wish: Annotated[Wish, Depends()]
) -> Page[AlarmSaid]:
    """Open alarms: the most important first, then who waits longest. Others: the newest first."""
    wanted = Wanted(states=_STATES[wish.state], priority=wish.priority, asset_id=wish.asset_id)
    read = store.most_recent if wish.state in (Which.CLOSED, Which.ALL) else store.most_urgent
    place = paging.after(asked, _urgency, UUID)
    after = None if place is None else Place(*place[0], place[1])
    async with transaction(pool, person.reach) as connection:
        alarms = await read(connection, wanted, after=after, limit=asked.limit + 1)
        await _note_reads(connection, person, alarms[: asked.limit])
    found = paging.page(alarms, asked, _place_of)
    return Page(items=[_said(alarm, person) for alarm in found.items], next=found.next)


@router.get("/alarms/close-codes")
async def list_close_codes(_: SignedIn) -> list[CloseCodeSaid]:
    """The codes with which an alarm can be closed."""
    return [CloseCodeSaid(code=code, names=names_of(code)) for code in CloseCode]


@router.get("/alarms/{alarm_id}", responses=responses(NotFound))
async def get_alarm(alarm_id: UUID, person: SignedIn, pool: AppPool) -> AlarmWithEvents:
    """One alarm and everything that happened to it."""
    async with transaction(pool, person.reach) as connection:
        alarm, events = await service.alarm_with_events(connection, alarm_id)
        await _note_reads(connection, person, [alarm])
    return _with_events(alarm, events, person)


@router.post("/alarms/{alarm_id}/acknowledge", responses=responses(Forbidden, NotFound, Conflict))
async def acknowledge_alarm(
    alarm_id: UUID, request: Request, person: Staff, pool: AppPool
) -> AlarmSaid:
    """Take an alarm. Of all who try, one wins; the others' 409 names the winner."""
    async with transaction(pool, person.reach) as connection:
        done = await service.acknowledge(connection, alarm_id, person_id=person.id)
    request.app.state.live.rang(done.seq)
    return _said(done.alarm, person)


@router.post(
    "/alarms/{alarm_id}/close", responses=responses(Forbidden, NotFound, Conflict, Invalid)
)
async def close_alarm(
    alarm_id: UUID, closing: Closing, request: Request, person: Staff, pool: AppPool
) -> AlarmSaid:
    """End an acknowledged alarm. Priority 1 needs a note of at least ten characters."""
    async with transaction(pool, person.reach) as connection:
        done = await service.close(
            connection, alarm_id, person_id=person.id, code=closing.code, note=closing.note
        )
    request.app.state.live.rang(done.seq)
    return _said(done.alarm, person)


@router.post("/alarms/{alarm_id}/notes", status_code=201, responses=responses(Forbidden, NotFound))
async def add_alarm_note(
    alarm_id: UUID, note: Note, request: Request, person: Staff, pool: AppPool
) -> AlarmSaid:
    """Write something down with an alarm."""
    async with transaction(pool, person.reach) as connection:
        done = await service.add_note(connection, alarm_id, person_id=person.id, note=note.note)
    request.app.state.live.rang(done.seq)
    return _said(done.alarm, person)


def _place_of(alarm: Alarm) -> tuple[str, str]:
    return f"{alarm.priority} {alarm.raised_at.isoformat()}", str(alarm.id)


def _urgency(said: str) -> tuple[int, datetime]:
    priority, _, raised_at = said.partition(" ")
    return int(priority), datetime.fromisoformat(raised_at)


def _said(alarm: Alarm, person: Person) -> AlarmSaid:
    staff = person.centre_id is not None
    return AlarmSaid.model_validate(desk_shape(alarm, names_people=staff))


def _with_events(alarm: Alarm, events: list[AlarmEvent], person: Person) -> AlarmWithEvents:
    staff = person.centre_id is not None
    return AlarmWithEvents.model_validate(
        desk_shape(alarm, names_people=staff)
        | {
            "closed_by": alarm.closed_by,
            "close_note": alarm.close_note if staff else None,
            "events": [
                {
                    "id": event.id,
                    "kind": event.kind,
                    "at": iso(event.at),
                    "recorded_at": iso(event.recorded_at),
                    "person": event.person,
                    # What operators write among themselves is not for the client to read.
                    "detail": event.detail if staff or event.kind in _BY_DEVICE else None,
                }
                for event in events
            ],
        }
    )


async def _note_reads(connection: Connection, person: Person, alarms: list[Alarm]) -> None:
    """An alarm says where somebody is; that is written down like any other look."""
    shown = {alarm.asset.id for alarm in alarms if alarm.asset and alarm.fix}
    if shown:
        await note_location_reads(connection, person_id=person.id, asset_ids=shown, what="alarm")
