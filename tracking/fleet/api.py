"""Routes of the fleet: assets, devices, and which device is on which asset."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from tracking.database import transaction
from tracking.errors import Conflict, Forbidden, NotFound
from tracking.fleet import service, store
from tracking.fleet.fleet import AssetKind
from tracking.fleet.forms import (
    AssetAsked,
    AssetChanged,
    AssetShown,
    DeviceAsked,
    DeviceChanged,
    DeviceShown,
    FitmentAsked,
    FitmentEnd,
    FitmentShown,
)
from tracking.web.paging import Page, Where, after, page, where
from tracking.web.problems import responses
from tracking.web.security import AppPool, Person, Role, SignedIn, requires
from tracking.web.words import Search

router = APIRouter()

Keeper = Annotated[Person, requires(Role.SUPERVISOR, Role.ADMINISTRATOR)]
"""Whoever keeps the books of what we protect."""

Asked = Annotated[Where, Depends(where)]
RetiredQuery = Annotated[bool, Query(description="The retired ones instead.")]
OrganisationQuery = Annotated[UUID | None, Query(description="Only of this organisation.")]


@router.get("/assets", tags=["assets"], summary="List assets")
async def list_assets(
    *,
    person: SignedIn,
    pool: AppPool,
    asked: Asked,
    search: Annotated[Search, Query(description="Part of a name, plate, phone or unit id.")] = "",
    kind: AssetKind | None = None,
    organisation_id: OrganisationQuery = None,
    retired: RetiredQuery = False,
) -> Page[AssetShown]:
    """The assets that I may see, by name."""
    async with transaction(pool, person.reach) as connection:
        found = await store.assets(
            connection,
            after=after(asked, str, UUID),
            search=search,
            kind=kind,
            organisation_id=organisation_id,
            retired=retired,
            most=asked.limit + 1,
        )
    shown = [AssetShown.model_validate(asset) for asset in found]
    return page(shown, asked, lambda asset: (asset.name, str(asset.id)))


@router.post(
    "/assets",
    tags=["assets"],
    status_code=201,
    summary="Add an asset",
    responses=responses(Forbidden, NotFound),
)
async def add_asset(person: Keeper, said: AssetAsked, pool: AppPool) -> AssetShown:
    """A vehicle or a person that we protect from now on."""
    return AssetShown.model_validate(await service.add_asset(pool, person, said.new()))


@router.get(
    "/assets/{asset_id}", tags=["assets"], summary="One asset", responses=responses(NotFound)
)
async def get_asset(person: SignedIn, asset_id: UUID, pool: AppPool) -> AssetShown:
    """An asset and the devices that are on it now."""
    async with transaction(pool, person.reach) as connection:
        return AssetShown.model_validate(await service.asset_seen(connection, asset_id))


@router.patch(
    "/assets/{asset_id}",
    tags=["assets"],
    summary="Change an asset",
    responses=responses(Forbidden, NotFound),
)
async def change_asset(
    person: Keeper, asset_id: UUID, said: AssetChanged, pool: AppPool
) -> AssetShown:
    """Another name, plate, telephone number or note."""
    asset = await service.change_asset(pool, person, asset_id, said.change())
    return AssetShown.model_validate(asset)


@router.post(
    "/assets/{asset_id}/retire",
    tags=["assets"],
    summary="Retire an asset",
    responses=responses(Forbidden, NotFound),
)
async def retire_asset(person: Keeper, asset_id: UUID, pool: AppPool) -> AssetShown:
    """We no longer protect it: its fitments end, and what was stored stays."""
    return AssetShown.model_validate(
        await service.retire_asset(pool, person, asset_id, retired=True)
    )


@router.post(
    "/assets/{asset_id}/restore",
    tags=["assets"],
    summary="Bring an asset back",
    responses=responses(Forbidden, NotFound),
)
async def restore_asset(person: Keeper, asset_id: UUID, pool: AppPool) -> AssetShown:
    """We protect it again; devices must be fitted anew."""
    return AssetShown.model_validate(
        await service.retire_asset(pool, person, asset_id, retired=False)
    )


@router.get("/devices", tags=["devices"], summary="List devices")
async def list_devices(
    *,
    person: SignedIn,
    pool: AppPool,
    asked: Asked,
    search: Annotated[Search, Query(description="Part of a unit id, model, phone or name.")] = "",
    codec: Annotated[Search | None, Query(description="Only of this protocol.")] = None,
    fitted: Annotated[bool | None, Query(description="Only on an asset, or only free.")] = None,
    organisation_id: OrganisationQuery = None,
    retired: RetiredQuery = False,
) -> Page[DeviceShown]:
    """The devices that I may see, by unit id."""
    async with transaction(pool, person.reach) as connection:
        found = await store.devices(
            connection,
            after=after(asked, str, UUID),
            search=search,
            codec=codec,
            fitted=fitted,
            organisation_id=organisation_id,
            retired=retired,
            most=asked.limit + 1,
        )
    shown = [DeviceShown.model_validate(device) for device in found]
    return page(shown, asked, lambda device: (device.unit_id, str(device.id)))


@router.post(
    "/devices",
    tags=["devices"],
    status_code=201,
    summary="Add a device",
    responses=responses(Forbidden, NotFound, Conflict),
)
async def add_device(person: Keeper, said: DeviceAsked, pool: AppPool) -> DeviceShown:
    """A device that we listen to from now on. A unit id exists once."""
    return DeviceShown.model_validate(await service.add_device(pool, person, said.new()))


@router.get(
    "/devices/{device_id}", tags=["devices"], summary="One device", responses=responses(NotFound)
)
async def get_device(person: SignedIn, device_id: UUID, pool: AppPool) -> DeviceShown:
    """A device, and the asset that it is on now."""
    async with transaction(pool, person.reach) as connection:
        return DeviceShown.model_validate(await service.device_seen(connection, device_id))


@router.patch(
    "/devices/{device_id}",
    tags=["devices"],
    summary="Change a device",
    responses=responses(Forbidden, NotFound),
)
async def change_device(
    person: Keeper, device_id: UUID, said: DeviceChanged, pool: AppPool
) -> DeviceShown:
    """Another model, SIM number or reporting time."""
    device = await service.change_device(pool, person, device_id, said.change())
    return DeviceShown.model_validate(device)


@router.post(
    "/devices/{device_id}/retire",
    tags=["devices"],
    summary="Retire a device",
    responses=responses(Forbidden, NotFound),
)
async def retire_device(person: Keeper, device_id: UUID, pool: AppPool) -> DeviceShown:
    """Out of use: its fitment ends, and what it says is treated as from an unknown unit."""
    return DeviceShown.model_validate(
        await service.retire_device(pool, person, device_id, retired=True)
    )


@router.post(
    "/devices/{device_id}/restore",
    tags=["devices"],
    summary="Bring a device back",
    responses=responses(Forbidden, NotFound),
)
async def restore_device(person: Keeper, device_id: UUID, pool: AppPool) -> DeviceShown:
    """Back in use; it must be fitted anew."""
    return DeviceShown.model_validate(
        await service.retire_device(pool, person, device_id, retired=False)
    )


@router.get("/fitments", tags=["fitments"], summary="List fitments")
async def list_fitments(
    *,
    person: SignedIn,
    pool: AppPool,
    asked: Asked,
    asset_id: Annotated[UUID | None, Query(description="Only of this asset.")] = None,
    device_id: Annotated[UUID | None, Query(description="Only of this device.")] = None,
) -> Page[FitmentShown]:
    """Which device was on which asset from when until when, newest first."""
    async with transaction(pool, person.reach) as connection:
        found = await store.fitments(
            connection,
            after=after(asked, datetime.fromisoformat, UUID),
            asset_id=asset_id,
            device_id=device_id,
            most=asked.limit + 1,
        )
    shown = [FitmentShown.model_validate(fitment) for fitment in found]
    return page(shown, asked, lambda one: (one.fitted_from.isoformat(), str(one.id)))


@router.post(
    "/fitments",
    tags=["fitments"],
    status_code=201,
    summary="Fit a device",
    responses=responses(Forbidden, NotFound, Conflict),
)
async def fit(person: Keeper, said: FitmentAsked, pool: AppPool) -> FitmentShown:
    """This device speaks for this asset from then on. It can be on one asset at a time."""
    fitment = await service.fit(
        pool,
        person,
        device_id=said.device_id,
        asset_id=said.asset_id,
        when=said.fitted_from,
    )
    return FitmentShown.model_validate(fitment)


@router.post(
    "/fitments/{fitment_id}/end",
    tags=["fitments"],
    summary="Unfit a device",
    responses=responses(Forbidden, NotFound, Conflict),
)
async def unfit(person: Keeper, fitment_id: UUID, said: FitmentEnd, pool: AppPool) -> FitmentShown:
    """The device no longer speaks for this asset."""
    fitment = await service.unfit(pool, person, fitment_id, when=said.fitted_until)
    return FitmentShown.model_validate(fitment)
