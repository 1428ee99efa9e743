"""GET /live: the WebSocket that a desk keeps open."""

import asyncio
import contextlib
import logging
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from tracking.audit import store as audit
from tracking.database import transaction
from tracking.errors import NotSignedIn
from tracking.live.centre import Centre
from tracking.live.desk import Desk, SentAway, View
from tracking.live.hub import Hub
from tracking.live.line import AWAY
from tracking.people import store as people
from tracking.web import security
from tracking.web.security import Person

SIGNED_OUT = 4401
TRY_AGAIN = 1013
ASK_AGAIN_S = 15.0
"""How often it is asked whether the person is still signed in."""

router = APIRouter(tags=["live"])
_log = logging.getLogger(__name__)


class Shown(BaseModel):
    """The desk has shown an alarm, and sounded it if it sounds."""

    type: Literal["shown"]
    alarm_id: UUID


class Looking(BaseModel):
    """The desk looks at this part of the map, and wants positions of no other."""

    type: Literal["view"]
    west: Annotated[float, Field(ge=-540, le=540)]
    south: Annotated[float, Field(ge=-90, le=90)]
    east: Annotated[float, Field(ge=-540, le=540)]
    north: Annotated[float, Field(ge=-90, le=90)]

    def view(self) -> View:
        """In degrees between -180 and 180; a map that has been turned around says more."""
        if self.east - self.west >= 360:
            return View(west=-180, south=self.south, east=180, north=self.north)
        return View(
            west=(self.west + 180) % 360 - 180,
            south=self.south,
            east=(self.east + 180) % 360 - 180,
            north=self.north,
        )


_said: TypeAdapter[Shown | Looking] = TypeAdapter(
    Annotated[Shown | Looking, Field(discriminator="type")]
)


@router.websocket("/live")
async def live(websocket: WebSocket, after: Annotated[int, Query(ge=0)] = 0) -> None:
    """Alarms and positions as they happen; ``after`` is the last change that was seen.

    Raises Forbidden for a page that is not ours.
    """
    hub: Hub = websocket.app.state.live
    try:
        person = await security.desk_signed_in(websocket)
        centre_id = await _centre_of(websocket, person)
    except NotSignedIn:
        await websocket.accept()
        await websocket.close(SIGNED_OUT, "sign in first")
        return
    except AWAY:
        await websocket.accept()
        await websocket.close(TRY_AGAIN, "the database does not answer")
        return
    await websocket.accept()
    centre = hub.centre(centre_id)
    desk = Desk(
        centre,
        hub.whereabouts,
        organisation_id=None if person.centre_id else person.organisation_id,
        after=after,
        send_text=websocket.send_text,
        send_bytes=websocket.send_bytes,
    )
    hub.join(desk, centre)
    try:
        await _serve(websocket, hub, centre, desk, person)
    finally:
        hub.leave(desk, centre)


async def _centre_of(websocket: WebSocket, person: Person) -> UUID:
    """The centre whose alarms concern this person; that they now watch is written down."""
    pool = websocket.app.state.pool
    async with transaction(pool, person.reach) as connection:
        await audit.note_screen_opened(
            connection,
            person_id=person.id,
            organisation_id=person.organisation_id,
            what="live",
        )
        if person.centre_id is not None:
            return person.centre_id
        organisation = await people.organisation(connection, person.organisation_id)
    if organisation is None or organisation.centre_id is None:
        raise NotSignedIn("No centre watches over this organisation.")
    return organisation.centre_id


async def _serve(
    websocket: WebSocket, hub: Hub, centre: Centre, desk: Desk, person: Person
) -> None:
    code, reason, there = TRY_AGAIN, "", True
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(desk.run(websocket.app.version))
            tasks.create_task(_hear(websocket, hub, centre, desk, person))
            tasks.create_task(_until_signed_out(websocket))
    except* WebSocketDisconnect:
        there = False
    except* SentAway as errors:
        reason = str(errors.exceptions[0])
        _log.warning("a screen is sent away", extra={"reason": reason})
    except* NotSignedIn:
        code, reason = SIGNED_OUT, "signed out"
    if not there:
        return
    # A screen that does not read does not read this either.
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        async with asyncio.timeout(2.0):
            await websocket.close(code, reason)


async def _hear(websocket: WebSocket, hub: Hub, centre: Centre, desk: Desk, person: Person) -> None:
    while True:
        try:
            said = _said.validate_json(await websocket.receive_text())
        except (ValidationError, KeyError):
            _log.warning("a screen says what we do not understand")
            continue
        if isinstance(said, Looking):
            desk.look_at(said.view())
        elif desk.was_told(str(said.alarm_id)):
            hub.shown(centre, said.alarm_id, person.id)


async def _until_signed_out(websocket: WebSocket) -> None:
    while True:
        await asyncio.sleep(ASK_AGAIN_S)
        # Nobody is sent away because the database is: their alarms come from the bell meanwhile.
        with contextlib.suppress(*AWAY):
            if await security.person_of(websocket) is None:
                raise NotSignedIn("The session has ended.")
