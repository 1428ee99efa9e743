"""The quarantine page: units that speak to us and that nobody has registered.

Rows come ready from here and htmx puts the answer of each into its row, so what was typed in the
others stays.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from map_ui.rendering import PageRoute, Reader, page
from tracking.database import transaction
from tracking.errors import Forbidden, NotSignedIn, VigilError
from tracking.fleet import service as fleet_service
from tracking.fleet import store as fleet_store
from tracking.fleet.fleet import AssetKind, DeviceKind, NewAsset, NewDevice
from tracking.people import store as people_store
from tracking.people.person import STAFF
from tracking.web.security import AppPool, Person
from tracking.web.words import Line

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_ROWS = 200
_OWNERS = 500

_CARRIED = {"watch": AssetKind.SENIOR, "minifinder2": AssetKind.SENIOR}
_PHONES = dict.fromkeys(("osmand", "owntracks"), AssetKind.LONE_WORKER)
_LIKELY_KIND = _CARRIED | _PHONES
"""What a unit that speaks a codec most often protects; everything else sits in a vehicle."""

_name_of_asset: TypeAdapter[str] = TypeAdapter(Line)


@router.get("/quarantine")
async def quarantine(request: Request, reader: Reader, pool: AppPool) -> Response:
    """The units, the latest to speak first, each with a form that one click sends."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    person = _staff(reader)
    async with transaction(pool, person.reach) as connection:
        units = await fleet_store.unknown_units(
            connection, before=None, search="", dismissed=False, most=_ROWS
        )
        owners = await people_store.organisations(connection, after=None, search="", most=_OWNERS)
    return page(
        request,
        "quarantine.html",
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


def _staff(reader: Person | None) -> Person:
    if reader is None:
        raise NotSignedIn("Sign in first.")
    if reader.role not in STAFF:
        raise Forbidden("Unknown units are the centre's business.")
    return reader
