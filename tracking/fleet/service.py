"""Decisions about the fleet: what may be filed, fitted, retired and registered.

Every change tells the gateways in its own transaction (``store.notify_gateways``), because they
keep what they know of a unit until they hear that it changed. ``when`` in the past backdates.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import protocols
from tracking import clock
from tracking.database import Connection, Pool, transaction
from tracking.errors import Conflict, Invalid, NotFound
from tracking.fleet import store
from tracking.fleet.fleet import (
    Asset,
    Device,
    Fitment,
    NewAsset,
    NewDevice,
    UnknownUnit,
)
from tracking.people.administration import organisation_seen
from tracking.people.person import Person

FUTURE_TOLERANCE = timedelta(minutes=1)
"""Clocks of browsers differ from ours by this much without anybody noticing."""


AssetChange = Mapping[str, Any]
DeviceChange = Mapping[str, Any]
"""Fields of Asset and Device that people write, with their new values; what is absent stays."""


async def add_asset(pool: Pool, by: Person, new: NewAsset) -> Asset:
    """File a new asset. Raises NotFound (organisation)."""
    async with transaction(pool, by.reach) as connection:
        return await file_asset(connection, new)


async def change_asset(pool: Pool, by: Person, asset_id: UUID, change: AssetChange) -> Asset:
    """Change what people wrote about an asset. Raises NotFound."""
    async with transaction(pool, by.reach) as connection:
        found = await asset_seen(connection, asset_id, lock=True)
        await store.change_asset(connection, replace(found, **change))
        await store.notify_gateways(connection, asset_id=asset_id)
        return await asset_seen(connection, asset_id)


async def retire_asset(pool: Pool, by: Person, asset_id: UUID, *, retired: bool) -> Asset:
    """Protect an asset no longer (its fitments end), or again. Raises NotFound."""
    async with transaction(pool, by.reach) as connection:
        await asset_seen(connection, asset_id, lock=True)
        await store.retire_asset(connection, asset_id, retired=retired)
        if retired:
            await store.end_fitments_of(connection, asset_id=asset_id)
        await store.notify_gateways(connection, asset_id=asset_id)
        return await asset_seen(connection, asset_id)


async def add_device(pool: Pool, by: Person, new: NewDevice) -> Device:
    """File a new device. Raises NotFound (organisation), Invalid (codec), Conflict (unit id)."""
    async with transaction(pool, by.reach) as connection:
        return await file_device(connection, new)


async def change_device(pool: Pool, by: Person, device_id: UUID, change: DeviceChange) -> Device:
    """Change what people wrote about a device. Raises NotFound or Invalid (codec)."""
    async with transaction(pool, by.reach) as connection:
        found = await device_seen(connection, device_id, lock=True)
        changed = replace(found, **change)
        _refuse_unspoken(changed.codec)
        await store.change_device(connection, changed)
        await store.notify_gateways(connection, device_id=device_id)
        return await device_seen(connection, device_id)


async def retire_device(pool: Pool, by: Person, device_id: UUID, *, retired: bool) -> Device:
    """Take a device out of use (its fitment ends), or back in. Raises NotFound."""
    async with transaction(pool, by.reach) as connection:
        found = await device_seen(connection, device_id, lock=True)
        await store.retire_device(connection, device_id, retired=retired)
        if retired:
            await store.end_fitments_of(connection, device_id=device_id)
        else:
            await store.forget_unknown_unit(connection, found.unit_id)
        await store.notify_gateways(connection, device_id=device_id)
        return await device_seen(connection, device_id)


async def fit(
    pool: Pool, by: Person, *, device_id: UUID, asset_id: UUID, when: datetime | None
) -> Fitment:
    """Put a device on an asset from ``when`` (None: now) on.

    Raises NotFound, Invalid (a time to come) or Conflict: retired, of another client, or fitted
    at that time already.
    """
    _refuse_future(when)
    async with transaction(pool, by.reach) as connection:
        device = await device_seen(connection, device_id, lock=True)
        asset = await asset_seen(connection, asset_id, lock=True)
        return await fit_in(connection, device, asset, when)


async def unfit(pool: Pool, by: Person, fitment_id: UUID, *, when: datetime | None) -> Fitment:
    """End a fitment at ``when`` (None: now).

    Raises NotFound, Invalid (a time to come, or before it began) or Conflict (ended already).
    """
    _refuse_future(when)
    async with transaction(pool, by.reach) as connection:
        found = await fitment_seen(connection, fitment_id)
        if when is not None and when <= found.fitted_from:
            raise Invalid("A fitment ends after it began.")
        if not await store.end_fitment(connection, fitment_id, fitted_until=when):
            raise Conflict("This fitment has ended already.")
        await store.notify_gateways(connection, device_id=found.device_id)
        return await fitment_seen(connection, fitment_id)


async def register(
    pool: Pool, by: Person, new: NewDevice, *, on: UUID | NewAsset | None
) -> tuple[Device, Fitment | None]:
    """Make a device of a unit that nobody registered, and fit it from when it was first heard.

    ``on`` is an asset, or one that is filed in the same breath, or None. The codec is what the
    unit speaks, whatever ``new`` says. Raises NotFound, Invalid or Conflict as the parts do.
    """
    async with transaction(pool, by.reach) as connection:
        unit = await _unknown_unit_seen(connection, new.unit_id)
        device = await file_device(connection, replace(new, codec=unit.codec))
        fitment = None
        if on is not None:
            asset = (
                await file_asset(connection, on)
                if isinstance(on, NewAsset)
                else await asset_seen(connection, on, lock=True)
            )
            fitment = await fit_in(connection, device, asset, unit.first_seen_at)
        return await device_seen(connection, device.id), fitment


async def dismiss(pool: Pool, by: Person, unit_id: str, *, dismissed: bool) -> UnknownUnit:
    """Take a unit that nobody will register out of the list, or put it back. Raises NotFound.

    What it sends is treated as before: a panic from it still rings.
    """
    async with transaction(pool, by.reach) as connection:
        await _unknown_unit_seen(connection, unit_id)
        await store.dismiss_unit(connection, unit_id, dismissed=dismissed)
        return await _unknown_unit_seen(connection, unit_id)


async def asset_seen(connection: Connection, asset_id: UUID, *, lock: bool = False) -> Asset:
    """The asset. Raises NotFound when there is none, or none that may be seen."""
    found = await store.asset(connection, asset_id, lock=lock)
    if found is None:
        raise NotFound("There is no such asset, or none that you may see.")
    return found


async def device_seen(connection: Connection, device_id: UUID, *, lock: bool = False) -> Device:
    """The device. Raises NotFound when there is none, or none that may be seen."""
    found = await store.device(connection, device_id, lock=lock)
    if found is None:
        raise NotFound("There is no such device, or none that you may see.")
    return found


async def fitment_seen(connection: Connection, fitment_id: UUID) -> Fitment:
    """The fitment. Raises NotFound when there is none, or none that may be seen."""
    found = await store.fitment(connection, fitment_id)
    if found is None:
        raise NotFound("There is no such fitment, or none that you may see.")
    return found


async def _unknown_unit_seen(connection: Connection, unit_id: str) -> UnknownUnit:
    found = await store.unknown_unit(connection, unit_id)
    if found is None:
        raise NotFound("No unit of this name waits to be registered.")
    return found


async def file_asset(connection: Connection, new: NewAsset) -> Asset:
    """File an asset, in a transaction that goes on. Raises as ``add_asset``."""
    await organisation_seen(connection, new.organisation_id)
    return await asset_seen(connection, await store.add_asset(connection, new))


async def file_device(connection: Connection, new: NewDevice) -> Device:
    """File a device, in a transaction that goes on. Raises as ``add_device``."""
    _refuse_unspoken(new.codec)
    await organisation_seen(connection, new.organisation_id)
    device_id = await store.add_device(connection, new)
    await store.forget_unknown_unit(connection, new.unit_id)
    await store.notify_gateways(connection, device_id=device_id)
    return await device_seen(connection, device_id)


async def fit_in(
    connection: Connection, device: Device, asset: Asset, when: datetime | None
) -> Fitment:
    """Put a device on an asset, in a transaction that goes on. Raises as ``fit``."""
    if device.organisation_id != asset.organisation_id:
        raise Conflict("The device and the asset belong to different clients.")
    if device.retired_at is not None or asset.retired_at is not None:
        raise Conflict("What is retired is not fitted; bring it back first.")
    if device.asset is not None:
        raise Conflict(f"The device is fitted to {device.asset}; end that fitment first.")
    fitment_id = await store.fit(
        connection,
        organisation_id=device.organisation_id,
        device_id=device.id,
        asset_id=asset.id,
        fitted_from=when,
    )
    await store.notify_gateways(connection, device_id=device.id)
    return await fitment_seen(connection, fitment_id)


def _refuse_unspoken(codec: str) -> None:
    if codec not in protocols.names():
        raise Invalid(f"We do not speak {codec}; we speak {', '.join(protocols.names())}.")


def _refuse_future(when: datetime | None) -> None:
    if when is not None and when > clock.now() + FUTURE_TOLERANCE:
        raise Invalid("This time is still to come.")
