"""The quarantine page: units that nobody has registered, and what could not be read.

Rows come ready from here and htmx puts the answer of each into its row, so what was typed in the
others stays.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AwareDatetime, TypeAdapter, ValidationError

import protocols
from map_ui.language import chosen, translations
from map_ui.meaning import grouped, text_of
from map_ui.rendering import PageRoute, Reader, page
from protocols.recognition import Guess, guesses
from tracking import ports
from tracking.database import transaction
from tracking.errors import Forbidden, NotSignedIn, VigilError
from tracking.fleet import service as fleet_service
from tracking.fleet import store as fleet_store
from tracking.fleet.fleet import AssetKind, DeviceKind, NewAsset, NewDevice, Unreadable
from tracking.people import store as people_store
from tracking.people.person import STAFF
from tracking.settings import Settings
from tracking.web.security import AppPool, AppSettings, Person
from tracking.web.words import Line

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_ROWS = 200
_UNREADABLE = 50
_FIRST_BYTES = 64
_OWNERS = 500

_CARRIED = dict.fromkeys(
    (
        "watch", "minifinder", "minifinder2", "topin", "xexun2", "laipac", "mictrack",
        "scaip", "sos_access", "dc09",
    ),
    AssetKind.SENIOR,
)  # fmt: skip
_PHONES = dict.fromkeys(("osmand", "opengts", "owntracks"), AssetKind.LONE_WORKER)
_LIKELY_KIND = _CARRIED | _PHONES
"""What a unit that speaks a codec most often protects; everything else sits in a vehicle."""

_name_of_asset: TypeAdapter[str] = TypeAdapter(Line)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRead:
    """What one address sends that we cannot read. ``likely`` are sentences, the likeliest first.

    ``port`` is 0 where no number is known.
    """

    address: str
    codec: str
    port: int
    unit_id: str
    frames: int
    last_at: datetime
    reason: str
    digits: str
    longer: bool
    text: str
    likely: Sequence[str]


@router.get("/quarantine")
async def quarantine(
    request: Request, reader: Reader, pool: AppPool, settings: AppSettings
) -> Response:
    """The units, the latest to speak first, each with a form that one click sends.

    Below them what could not be read, with the protocol that it looks like.
    """
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    person = _staff(reader)
    async with transaction(pool, person.reach) as connection:
        units = await fleet_store.unknown_units(
            connection, before=None, search="", dismissed=False, most=_ROWS
        )
        owners = await people_store.organisations(connection, after=None, search="", most=_OWNERS)
        unreadable = await fleet_store.unreadable(connection, most=_UNREADABLE)
    words = translations(chosen(request, person.language)).gettext
    # Off the event loop: every protocol tries to read every row.
    not_read = await asyncio.to_thread(
        lambda: [_not_read(row, settings, words) for row in unreadable]
    )
    return page(
        request,
        "quarantine.html",
        not_read=not_read,
        reader=reader,
        units=units,
        likely={unit.unit_id: _LIKELY_KIND.get(unit.codec, AssetKind.VEHICLE) for unit in units},
        owners=[owner for owner in owners if owner.kind == "client"] or owners,
        newest=max((unit.first_seen_at for unit in units), default=None),
    )


@router.get("/quarantine/news")
async def news(
    request: Request,
    reader: Reader,
    pool: AppPool,
    since: Annotated[AwareDatetime | None, Query()] = None,
) -> Response:
    """How many units have appeared since the page was opened."""
    person = _staff(reader)
    async with transaction(pool, person.reach) as connection:
        units = await fleet_store.unknown_units(
            connection, before=None, search="", dismissed=False, most=_ROWS
        )
    count = sum(since is None or unit.first_seen_at > since for unit in units)
    return page(request, "quarantine-news.html", reader=person, count=count)


@router.post("/quarantine/register")
async def register(
    request: Request,
    reader: Reader,
    pool: AppPool,
    *,
    row: Annotated[int, Form(ge=0)],
    unit_id: Annotated[str, Form(max_length=400)],
    name: Annotated[str, Form()],
    kind: Annotated[AssetKind, Form()],
    organisation_id: Annotated[UUID, Form()],
) -> Response:
    """Make a device and an asset of a unit. Answers for its row: done, or why not."""
    person = _staff(reader)
    try:
        filed = _name_of_asset.validate_python(name)
        device = NewDevice(
            organisation_id=organisation_id,
            unit_id=unit_id,
            codec="",
            model="",
            kind=DeviceKind.TRACKER if kind is AssetKind.VEHICLE else DeviceKind.PANIC_DEVICE,
            phone=None,
            reporting_time_s=None,
        )
        asset = NewAsset(
            organisation_id=organisation_id,
            kind=kind,
            name=filed,
            plate=None,
            phone=None,
            note="",
        )
        await fleet_service.register(pool, person, device, on=asset)
    except (ValidationError, VigilError) as refused:
        problem = str(refused) if isinstance(refused, VigilError) else ""
        answer = {"row": row, "done": False, "problem": problem}
        return page(request, "quarantine-answer.html", reader=person, status=422, **answer)
    return page(request, "quarantine-answer.html", reader=person, done=True, name=filed)


def _not_read(row: Unreadable, settings: Settings, words: Callable[[str], str]) -> NotRead:
    return NotRead(
        address=row.address,
        codec=row.codec,
        port=max(0, ports.port_of(row.codec, settings)) if row.codec in protocols.names() else 0,
        unit_id=row.unit_id,
        frames=row.frames,
        last_at=row.last_at,
        reason=row.reason,
        digits=grouped(row.payload[:_FIRST_BYTES].hex()),
        longer=len(row.payload) > _FIRST_BYTES,
        text=text_of(row.payload[:_FIRST_BYTES]),
        likely=[
            _likely(guess, row.codec, settings, words)
            for guess in guesses(row.payload, row.last_at)
        ],
    )


def _likely(guess: Guess, came_to: str, settings: Settings, words: Callable[[str], str]) -> str:
    """Which protocol it looks like, and where that is heard."""
    port = ports.port_of(guess.codec, settings)
    if guess.codec == came_to:
        said = words("Some of it can be read as %(codec)s, to whose port it came.")
    elif not protocols.get(guess.codec).transports:
        said = words("Looks like %(codec)s, which is heard through the MQTT broker.")
    elif port == ports.OFF:
        said = words("Looks like %(codec)s, which is switched off here.")
    elif port == 0:
        said = words("Looks like %(codec)s.")
    else:
        said = words("Looks like %(codec)s, whose port is %(port)s.")
    return said % {"codec": guess.codec, "port": port}


def _staff(reader: Person | None) -> Person:
    if reader is None:
        raise NotSignedIn("Sign in first.")
    if reader.role not in STAFF:
        raise Forbidden("Unknown units are the centre's business.")
    return reader
