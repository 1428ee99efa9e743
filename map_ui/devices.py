"""Devices: found by what people know of them, and one of them with what it says of itself.

A client sees the devices of its own; what a frame said, in hexadecimal and in words, is for the
people of the centre.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AwareDatetime

import protocols
from map_ui import causes, meaning, names
from map_ui.language import chosen, translations
from map_ui.meaning import Fact, Meaning
from map_ui.rendering import PageRoute, Reader, page
from tracking import clock
from tracking.alarms import store as alarms_store
from tracking.alarms.alarm import Alarm
from tracking.alarms.lifecycle import State
from tracking.alarms.store import Wanted
from tracking.database import Connection, transaction
from tracking.errors import Forbidden, NotSignedIn
from tracking.fleet import store as fleet_store
from tracking.fleet.fleet import Device
from tracking.fleet.service import device_seen
from tracking.places import Language
from tracking.positions import service as positions
from tracking.positions.freshness import Freshness, freshness
from tracking.positions.service import Card
from tracking.profiles import service as profiles
from tracking.profiles.service import FrameSaid
from tracking.settings import Settings
from tracking.web import paging
from tracking.web.security import AppPool, AppSettings, Person
from tracking.web.words import Search

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_FRAMES = 20
_FRAMES_OF_ONE_MOMENT = 200
_FRAMES_FOR_ANSWERS = 200
_OPEN = (State.RAISED, State.ACKNOWLEDGED)
_MOST_ALARMS = 20
_SHOWN_AT_ONCE_BYTES = 256

Asked = Annotated[paging.Where, Depends(paging.where)]
Use = Literal["", "fitted", "free", "retired"]
"""Which devices a list is about; "" is those in use, fitted or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameShown:
    """A frame on a page. ``digits`` are all of it; ``beginning`` is "" where that is not long."""

    received_at: datetime
    codec: str
    size: int
    digits: str
    beginning: str
    text: str
    meaning: Meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesShown:
    """Frames, the newest first. ``older`` is where to read on, None at the end.

    ``missed`` says that between these and those that are on the page already there are others.
    """

    frames: list[FrameShown]
    older: datetime | None
    missed: bool = False


@router.get("/devices")
async def devices(
    request: Request,
    reader: Reader,
    pool: AppPool,
    settings: AppSettings,
    asked: Asked,
    *,
    search: Search = "",
    codec: Annotated[str, Query(max_length=40)] = "",
    use: Use = "",
) -> Response:
    """The devices that one may see, by unit id; a page of them, or for htmx only its rows."""
    fragment = "hx-request" in request.headers
    if reader is None:
        if fragment:
            raise NotSignedIn("Sign in first.")
        return RedirectResponse("/sign-in", status_code=303)
    async with transaction(pool, reader.reach) as connection:
        found = await fleet_store.devices(
            connection,
            after=paging.after(asked, str, UUID),
            search=search,
            codec=codec or None,
            fitted={"fitted": True, "free": False}.get(use),
            organisation_id=None,
            retired=use == "retired",
            most=asked.limit + 1,
        )
        codecs = [] if fragment else await fleet_store.codecs_of_devices(connection)
    shown = paging.page(found, asked, lambda device: (device.unit_id, str(device.id)))
    return page(
        request,
        "device-rows.html" if fragment else "devices.html",
        reader=reader,
        found=[(device, _state_of(device, settings)) for device in shown.items],
        next=shown.next,
        first=asked.after is None,
        codecs=codecs,
        asked={"search": search, "codec": codec, "use": use},
    )


@router.get("/devices/{device_id}")
async def device(
    request: Request, reader: Reader, pool: AppPool, settings: AppSettings, device_id: UUID
) -> Response:
    """One device: how it is, what it is, and for staff what it said last."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    language = chosen(request, reader.language)
    async with transaction(pool, reader.reach) as connection:
        found = await device_seen(connection, device_id)
        live = await _live(connection, reader, found, settings, language)
    spoken = found.codec in protocols.names()
    words = translations(language).gettext
    commands = protocols.get(found.codec).commands if spoken else ()
    return page(
        request,
        "device.html",
        reader=reader,
        **live,
        title=protocols.get(found.codec).title if spoken else "",
        commands=[names.command_said(command, words) for command in commands],
    )


@router.get("/devices/{device_id}/live")
async def live_state(
    request: Request, reader: Reader, pool: AppPool, settings: AppSettings, device_id: UUID
) -> Response:
    """How it is now: the part of its page that a reader keeps up to date."""
    person = _signed_in(reader)
    async with transaction(pool, person.reach) as connection:
        found = await device_seen(connection, device_id)
        live = await _live(connection, person, found, settings, chosen(request, person.language))
    return page(request, "device-live.html", reader=person, **live)


@router.get("/devices/{device_id}/frames")
async def frames(
    request: Request,
    reader: Reader,
    pool: AppPool,
    device_id: UUID,
    *,
    before: AwareDatetime | None = None,
    after: AwareDatetime | None = None,
) -> Response:
    """Its last frames, those before a moment, or (204 for none) those after one."""
    person = _staff(reader)
    found = await _frames_before(pool, person, device_id, before)
    if after is not None:
        new = [frame for frame in found if frame.received_at > after]
        if not new:
            return Response(status_code=204)
        missed = len(new) == len(found)
        found = new[: _FRAMES if missed else None]
        older = None
    else:
        found, older = _cut(found)
        missed = False
    language = chosen(request, person.language)
    # Off the event loop: naming the places of many records takes longer than an alarm should wait.
    shown = await asyncio.to_thread(lambda: [_shown(frame, language) for frame in found])
    answer = page(
        request,
        "device-frames.html",
        reader=person,
        device_id=device_id,
        shown=FramesShown(frames=shown, older=older, missed=missed),
        newest=None if before is not None else found[0].received_at if found else clock.now(),
        news=after is not None,
        glance=meaning.AT_A_GLANCE,
    )
    if after is not None:
        answer.headers["HX-Trigger"] = "said"  # other parts of the page look again
    return answer


@router.get("/devices/{device_id}/answers")
async def answers(request: Request, reader: Reader, pool: AppPool, device_id: UUID) -> Response:
    """What it answered to commands, as far as its last frames go back."""
    person = _staff(reader)
    found = await profiles.frames_of(pool, person, device_id, before=None, most=_FRAMES_FOR_ANSWERS)
    return page(
        request,
        "device-answers.html",
        reader=person,
        answers=[
            (frame.received_at, text)
            for frame in found
            for text in meaning.replies_in(frame.meaning)
        ],
        searched=len(found),
        since=found[-1].received_at if found else None,
    )


async def _live(
    connection: Connection, reader: Person, found: Device, settings: Settings, language: str
) -> Mapping[str, Any]:
    """What the live part of a device's page shows."""
    card: Card | None = None
    alarms: Sequence[Alarm] = ()
    if found.asset_id is not None:
        card = await positions.card_of(
            connection,
            found.asset_id,
            language=cast("Language", language),
            default_reporting_time_s=settings.reporting_time_s,
            person_id=reader.id,
        )
        alarms = await alarms_store.most_urgent(
            connection,
            Wanted(states=_OPEN, asset_id=found.asset_id),
            after=None,
            limit=_MOST_ALARMS,
        )
    words = translations(language).gettext
    return {
        "device": found,
        "state": _state_of(found, settings),
        "card": card,
        "readings": _readings(card, language),
        "alarms": [(alarm, causes.said(alarm.cause, words)) for alarm in alarms],
        "coordinates": meaning.coordinates,
        "course": lambda course_deg: meaning.course_said(course_deg, language),
    }


def _readings(card: Card | None, language: str) -> Sequence[Fact]:
    return () if card is None else meaning.readings_said(card.readings, language)


def _state_of(found: Device, settings: Settings) -> Freshness:
    return freshness(
        found.heard_at,
        silent_since=found.silent_since,
        reporting_time_s=found.promised_s or settings.reporting_time_s,
        now=clock.now(),
    )


async def _frames_before(
    pool: AppPool, person: Person, device_id: UUID, before: datetime | None
) -> list[FrameSaid]:
    """A page of frames and at least one more, if there are so many.

    What came in one piece has one moment, and a page ends between moments; so if the whole page
    is of one moment it is read again, longer.
    """
    most = _FRAMES + 1
    found = await profiles.frames_of(pool, person, device_id, before=before, most=most)
    if len(found) == most and found[0].received_at == found[-1].received_at:
        most = _FRAMES_OF_ONE_MOMENT
        found = await profiles.frames_of(pool, person, device_id, before=before, most=most)
    return found


def _cut(found: list[FrameSaid]) -> tuple[list[FrameSaid], datetime | None]:
    """The frames of this page, and before which moment the next one begins. Pure."""
    if len(found) <= _FRAMES:
        return found, None
    last = found[-1].received_at
    whole = [frame for frame in found if frame.received_at > last] or found
    return whole, whole[-1].received_at


def _shown(frame: FrameSaid, language: str) -> FrameShown:
    digits = meaning.grouped(frame.payload.hex())
    beginning = meaning.grouped(frame.payload[:_SHOWN_AT_ONCE_BYTES].hex())
    return FrameShown(
        received_at=frame.received_at,
        codec=frame.codec,
        size=len(frame.payload),
        digits=digits,
        beginning="" if beginning == digits else beginning,
        text=meaning.text_of(frame.payload),
        meaning=meaning.meaning_of(frame.meaning, language),
    )


def _signed_in(reader: Person | None) -> Person:
    if reader is None:
        raise NotSignedIn("Sign in first.")
    return reader


def _staff(reader: Person | None) -> Person:
    person = _signed_in(reader)
    if person.centre_id is None:
        raise Forbidden("What devices say is the centre's business.")
    return person
