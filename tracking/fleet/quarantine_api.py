"""Routes of the quarantine: units that speak to us and that nobody registered."""

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator

import protocols
from protocols.recognition import guesses
from tracking.database import transaction
from tracking.errors import Conflict, Forbidden, NotFound
from tracking.fleet import service, store
from tracking.fleet.api import Asked, Keeper
from tracking.fleet.fleet import AssetKind, DeviceKind, NewAsset, NewDevice, Unreadable
from tracking.fleet.forms import (
    CodecShown,
    DeviceShown,
    FitmentShown,
    Model,
    ReportingTime,
    Said,
    Shown,
    UnitIdShown,
)
from tracking.web.paging import Page, after, page
from tracking.web.problems import responses
from tracking.web.security import AppPool, Staff
from tracking.web.words import Line, Lines, Phone, Plate, Search

router = APIRouter(tags=["units"])


WaitingUnitId = Annotated[
    str,
    Field(
        max_length=400,
        pattern=r"^[^\x00]+$",
        examples=["356307042441013"],
        description="As listed.",
    ),
]
"""Whatever a device called itself; nobody but the list could have given it."""


class UnknownUnitShown(Shown):
    """A name that speaks to us and that nobody registered."""

    unit_id: UnitIdShown
    codec: CodecShown
    address: Annotated[str, Field(examples=["203.0.113.7:40112"])]
    first_seen_at: datetime
    last_seen_at: datetime
    frames: Annotated[int, Field(description="Frames that it sent.")]
    refused: Annotated[int, Field(description="Frames that were not kept, for there were many.")]
    dismissed_at: datetime | None


class GuessShown(Shown):
    """A protocol that makes sense of the bytes."""

    codec: CodecShown
    port: Annotated[int, Field(examples=[5023], description="Its usual port.")]
    unit_id: UnitIdShown
    share: Annotated[float, Field(description="How much of the bytes it could read, 0 to 1.")]


class UnreadableShown(BaseModel):
    """Frames from one address that could not be read at the port where they arrived."""

    address: Annotated[str, Field(examples=["203.0.113.7"])]
    codec: Annotated[str, Field(examples=["gt06"], description="The port it came to.")]
    unit_id: str
    frames: int
    last_at: datetime
    reason: str
    hex: Annotated[str, Field(description="The beginning of the newest of them.")]
    guesses: list[GuessShown]

    @classmethod
    def of(cls, found: Unreadable) -> "UnreadableShown":
        """As shown, with the likely protocols."""
        return cls(
            address=found.address,
            codec=found.codec,
            unit_id=found.unit_id,
            frames=found.frames,
            last_at=found.last_at,
            reason=found.reason,
            hex=found.payload[:200].hex(),
            guesses=[
                GuessShown(
                    codec=guess.codec,
                    port=protocols.get(guess.codec).port,
                    unit_id=guess.unit_id,
                    share=guess.share,
                )
                for guess in guesses(found.payload, found.last_at)
            ],
        )


class NewAssetOfUnit(Said):
    """An asset that is filed together with its device."""

    kind: AssetKind
    name: Annotated[Line, Field(examples=["Truck 14"])]
    plate: Plate | None = None
    phone: Phone | None = None
    note: Lines = ""


class Registration(Said):
    """A unit to be made a device, on an asset, on a new asset, or on none yet."""

    unit_id: WaitingUnitId
    organisation_id: UUID
    kind: DeviceKind
    model: Annotated[Model, Field(examples=["FMB920"])] = ""
    phone: Phone | None = None
    reporting_time_s: ReportingTime | None = None
    asset_id: UUID | None = None
    asset: NewAssetOfUnit | None = None

    @model_validator(mode="after")
    def _one_asset_at_most(self) -> "Registration":
        if self.asset_id is not None and self.asset is not None:
            raise ValueError("Give asset_id or asset, not both.")
        return self


class Registered(Shown):
    """The new device, and its fitment if it was put on an asset."""

    device: DeviceShown
    fitment: FitmentShown | None


class Dismissal(Said):
    """A unit to be taken out of the list, or (false) to be put back."""

    unit_id: WaitingUnitId
    dismissed: bool = True


@router.get("/units", summary="List unknown units", responses=responses(Forbidden))
async def list_units(
    *,
    person: Staff,
    pool: AppPool,
    asked: Asked,
    search: Annotated[Search, Query(description="Part of a unit id, codec or address.")] = "",
    dismissed: Annotated[bool, Query(description="The dismissed ones instead.")] = False,
) -> Page[UnknownUnitShown]:
    """Units that nobody registered, the latest to speak first."""
    async with transaction(pool, person.reach) as connection:
        found = await store.unknown_units(
            connection,
            before=after(asked, datetime.fromisoformat, str),
            search=search,
            dismissed=dismissed,
            most=asked.limit + 1,
        )
    shown = [UnknownUnitShown.model_validate(unit) for unit in found]
    return page(shown, asked, lambda unit: (unit.last_seen_at.isoformat(), unit.unit_id))


@router.get("/units/unreadable", summary="List what cannot be read", responses=responses(Forbidden))
async def list_unreadable(
    person: Staff, pool: AppPool, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[UnreadableShown]:
    """Who sends what we cannot read, and which protocol its first bytes look like."""
    async with transaction(pool, person.reach) as connection:
        found = await store.unreadable(connection, most=limit)
    return await asyncio.to_thread(lambda: [UnreadableShown.of(each) for each in found])


@router.post(
    "/units/register",
    status_code=201,
    summary="Register an unknown unit",
    responses=responses(Forbidden, NotFound, Conflict),
)
async def register(person: Staff, said: Registration, pool: AppPool) -> Registered:
    """Make a device of it, and with an asset a fitment from when it was first heard."""
    new = NewDevice(
        organisation_id=said.organisation_id,
        unit_id=said.unit_id,
        codec="",
        model=said.model,
        kind=said.kind,
        phone=said.phone,
        reporting_time_s=said.reporting_time_s,
    )
    on: UUID | NewAsset | None = said.asset_id
    if said.asset is not None:
        on = NewAsset(organisation_id=said.organisation_id, **said.asset.model_dump())
    device, fitment = await service.register(pool, person, new, on=on)
    return Registered(
        device=DeviceShown.model_validate(device),
        fitment=None if fitment is None else FitmentShown.model_validate(fitment),
    )


@router.post("/units/dismiss", summary="Dismiss a unit", responses=responses(Forbidden, NotFound))
async def dismiss(person: Keeper, said: Dismissal, pool: AppPool) -> UnknownUnitShown:
    """Out of the list; what it sends is treated as before, and a panic from it still rings."""
    unit = await service.dismiss(pool, person, said.unit_id, dismissed=said.dismissed)
    return UnknownUnitShown.model_validate(unit)
