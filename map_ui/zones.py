"""Zones: their list beside the map, drawing and changing them, their versions, files of them.

The page is drawn once; its scripts ask /api/v1. What they need besides is answered here: what a
drawing would come to, before it is kept, and which rules ask for a zone.
"""

import json
from typing import Annotated, Any, Final
from uuid import UUID

import shapely
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from map_ui import schedule_form
from map_ui.language import chosen
from map_ui.rendering import PageRoute, Reader, page
from tracking.database import transaction
from tracking.people import store as people
from tracking.people.person import KEEPERS
from tracking.web.security import AppPool, Person, Role, SignedIn
from tracking.zones import areas, service, store
from tracking.zones.forms import DrawingSaid, RemarkShown
from tracking.zones.zone import AreaDrawn

router = APIRouter(include_in_schema=False, route_class=PageRoute)
answers = APIRouter(include_in_schema=False)
"""What scripts ask for: refused in problem documents, as the API does."""

MOST_ORGANISATIONS: Final = 2_000
PALETTE: Final = (
    "#0072b2",
    "#56b4e9",
    "#009e73",
    "#f0e442",
    "#e69f00",
    "#d55e00",
    "#cc79a7",
    "#8a63d2",
)
"""Colours that people with any kind of colour blindness tell apart (Okabe and Ito; a violet)."""


@router.get("/zones")
async def zones(
    request: Request,
    reader: Reader,
    pool: AppPool,
    *,
    zone: Annotated[UUID | None, Query(description="The one to show.")] = None,
) -> Response:
    """The page of zones: staff see those of the centre and its clients, a client its own."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    async with transaction(pool, reader.reach) as connection:
        organisations = await people.organisations(
            connection, after=None, search="", most=MOST_ORGANISATIONS
        )
        labels = await store.labels_used(connection)
    return page(
        request,
        "zones.html",
        reader=reader,
        organisations=[
            each
            for each in organisations
            if reader.centre_id is not None or each.id == reader.organisation_id
        ],
        labels=labels,
        palette=PALETTE,
        drawer=draws(reader),
        schedule=schedule_form.choices(chosen(request, reader.language)),
        zone=zone,
    )


@answers.post("/zones/outline")
async def outline(request: Request, person: SignedIn, said: DrawingSaid) -> dict[str, Any]:
    """What a drawing comes to: ``geometry`` (null if it moves), and ``remarks`` on what is mended.

    ``name`` is what an area is called, in the reader's language; "" for everything else. Raises
    Invalid for what cannot be mended.
    """
    drawing = said.drawing()
    found = await service.outlined(drawing)
    known = areas.area(drawing.area) if isinstance(drawing, AreaDrawn) else None
    return {
        "name": "" if known is None else known.name(chosen(request, person.language)),
        "geometry": None if found.shape is None else json.loads(shapely.to_geojson(found.shape)),
        "remarks": [RemarkShown.model_validate(each).model_dump() for each in found.remarks],
    }


@answers.get("/zones/{zone_id}/rules")
async def rules(person: SignedIn, zone_id: UUID, pool: AppPool) -> list[str]:
    """Names of the rules that would miss this zone, of those that may be seen."""
    async with transaction(pool, person.reach) as connection:
        found = await service.zone_seen(connection, zone_id)
        return await store.rules_about(connection, found)


def draws(person: Person) -> bool:
    """Whether this person may draw zones, as the API has it."""
    return person.role in {*KEEPERS, Role.CLIENT}
