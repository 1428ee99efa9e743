"""Routes of zones: drawing, changing and removing them, and every version there was."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from tracking.database import transaction
from tracking.errors import Conflict, Forbidden, Invalid, NotFound
from tracking.web.paging import Page, Where, after, page, where
from tracking.web.problems import responses
from tracking.web.security import AppPool, Person, Role, SignedIn, requires
from tracking.web.words import Search
from tracking.zones import areas, service, store
from tracking.zones.forms import (
    AreaShown,
    Label,
    VersionSeen,
    ZoneAsked,
    ZoneChanged,
    ZoneDrawn,
    ZoneShown,
)

router = APIRouter(tags=["zones"])

Drawer = Annotated[Person, requires(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.CLIENT)]
"""Who draws zones: the keepers of a centre's books for all its clients, clients for themselves."""

Asked = Annotated[Where, Depends(where)]


@router.get("/zones", summary="List zones", responses=responses(Invalid))
async def list_zones(
    *,
    person: SignedIn,
    pool: AppPool,
    asked: Asked,
    search: Annotated[Search, Query(description="Part of a name, label or organisation.")] = "",
    label: Annotated[Label | None, Query(description="Only with this label.")] = None,
    organisation_id: Annotated[UUID | None, Query(description="Only of it.")] = None,
    bbox: Annotated[
        str | None,
        Query(
            max_length=200,
            pattern=r"^[-+0-9.eE]+(,[-+0-9.eE]+){3}$",
            examples=["4.3,50.8,4.4,50.9"],
            description="West, south, east, north; only zones there, and none that move.",
        ),
    ] = None,
    removed: Annotated[bool, Query(description="The removed ones instead.")] = False,
    tolerance_m: Annotated[
        float, Query(ge=0, le=10_000, description="Leave out corners finer than this.")
    ] = 0.0,
) -> Page[ZoneShown]:
    """The zones in force that I may see, by name, with what they cover."""
    async with transaction(pool, person.reach) as connection:
        found = await store.zones(
            connection,
            after=after(asked, str, UUID),
            search=search,
            label=label,
            organisation_id=organisation_id,
            box=None if bbox is None else box_of(bbox),
            removed=removed,
            most=asked.limit + 1,
        )
    listed = page(found, asked, lambda zone: (zone.name, str(zone.id)))
    shown = [ZoneShown.of(zone, tolerance_m=tolerance_m) for zone in listed.items]
    return Page(items=shown, next=listed.next)


@router.post(
    "/zones",
    status_code=201,
    summary="Draw a zone",
    responses=responses(Forbidden, NotFound, Invalid),
)
async def draw_zone(person: Drawer, said: ZoneAsked, pool: AppPool) -> ZoneDrawn:
    """A zone from now on; what had to be mended in its drawing is told in `remarks`."""
    return ZoneDrawn.with_remarks(*await service.draw(pool, person, said.new()))


@router.get("/zones/labels", summary="Labels of zones")
async def list_zone_labels(
    person: SignedIn, pool: AppPool
) -> Annotated[list[str], Field(examples=[["depot", "school"]])]:
    """Every label that a zone in force has, alphabetically."""
    async with transaction(pool, person.reach) as connection:
        return await store.labels_used(connection)


@router.get("/zones/{zone_id}", summary="One zone", responses=responses(NotFound))
async def get_zone(person: SignedIn, zone_id: UUID, pool: AppPool) -> ZoneShown:
    """The newest version of a zone; `removed` says whether it is in force no more."""
    async with transaction(pool, person.reach) as connection:
        return ZoneShown.of(await service.zone_seen(connection, zone_id))


@router.patch(
    "/zones/{zone_id}",
    summary="Change a zone",
    responses=responses(Forbidden, NotFound, Conflict, Invalid),
)
async def change_zone(person: Drawer, zone_id: UUID, said: ZoneChanged, pool: AppPool) -> ZoneDrawn:
    """The next version of a zone. Refused when somebody changed it since the version you saw."""
    drawn = await service.change(
        pool, person, zone_id, seen=said.version, said=said.said(), drawing=said.drawn()
    )
    return ZoneDrawn.with_remarks(*drawn)


@router.delete(
    "/zones/{zone_id}",
    summary="Remove a zone",
    responses=responses(Forbidden, NotFound, Conflict),
)
async def remove_zone(
    person: Drawer,
    zone_id: UUID,
    pool: AppPool,
    *,
    version: Annotated[int, Query(ge=1, description="The version that you saw.")],
    although_asked_for: Annotated[
        bool, Query(description="Even if rules ask for it, which then stop judging.")
    ] = False,
) -> ZoneShown:
    """Out of force; what was judged by it stays, and every version can be brought back."""
    return ZoneShown.of(
        await service.remove(
            pool, person, zone_id, seen=version, although_asked_for=although_asked_for
        )
    )


@router.get(
    "/zones/{zone_id}/versions", summary="Versions of a zone", responses=responses(NotFound)
)
async def list_zone_versions(person: SignedIn, zone_id: UUID, pool: AppPool) -> list[ZoneShown]:
    """What was in force when, newest first."""
    async with transaction(pool, person.reach) as connection:
        await service.zone_seen(connection, zone_id)
        found = await store.versions(connection, zone_id)
    return [ZoneShown.of(each) for each in found]


@router.get(
    "/zones/{zone_id}/versions/{version}",
    summary="One version of a zone",
    responses=responses(NotFound),
)
async def get_zone_version(
    person: SignedIn, zone_id: UUID, version: int, pool: AppPool
) -> ZoneShown:
    """A zone as it was when something was judged by it."""
    async with transaction(pool, person.reach) as connection:
        return ZoneShown.of(await service.zone_seen(connection, zone_id, version=version))


@router.post(
    "/zones/{zone_id}/versions/{version}/restore",
    status_code=201,
    summary="Bring a version of a zone back",
    responses=responses(Forbidden, NotFound, Conflict),
)
async def restore_zone_version(
    person: Drawer, zone_id: UUID, version: int, said: VersionSeen, pool: AppPool
) -> ZoneShown:
    """An old version, filed anew as the newest; a removed zone is in force again."""
    return ZoneShown.of(
        await service.bring_back(pool, person, zone_id, version=version, seen=said.version)
    )


@router.get("/areas", summary="Search administrative areas")
async def search_areas(
    *,
    person: SignedIn,
    search: Annotated[Search, Query(description="Part of a name, in any language.")] = "",
    level: Annotated[Literal["canton", "province", "country"] | None, Query()] = None,
    language: Annotated[Literal["nl", "fr", "de", "en"] | None, Query()] = None,
) -> list[AreaShown]:
    """Belgian judicial cantons and provinces, and countries of Europe, that zones are made of.

    Names are in `language`, or in the reader's own. There are no municipalities.
    """
    spoken = language or person.language
    return [AreaShown.of(each, spoken) for each in areas.areas_called(search, level=level)]


def box_of(said: str) -> tuple[float, float, float, float]:
    """West, south, east, north from a text. Raises Invalid."""
    try:
        west, south, east, north = (float(part) for part in said.split(","))
    except ValueError as error:
        raise Invalid("A box is four numbers: west,south,east,north.") from error
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise Invalid("A box has longitudes from -180 to 180 and latitudes from -90 to 90.")
    return west, south, east, north
