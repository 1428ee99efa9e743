"""Whereabouts over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tracking.database import transaction
from tracking.errors import Invalid, NotFound
from tracking.places import Language
from tracking.positions import service
from tracking.positions.freshness import Freshness
from tracking.positions.position import LastPosition
from tracking.positions.service import Card
from tracking.positions.store import Box
from tracking.web import paging
from tracking.web.paging import Page, Where
from tracking.web.problems import responses
from tracking.web.security import AppPool, AppSettings, SignedIn

router = APIRouter(tags=["positions"])

LANGUAGES: frozenset[str] = frozenset({"nl", "fr", "de", "en"})

Lat = Annotated[float, Field(ge=-90, le=90, examples=[50.8467])]
Lon = Annotated[float, Field(ge=-180, le=180, examples=[4.3525])]


class PositionShown(BaseModel):
    """Where an asset was last; absent measurements are null."""

    model_config = ConfigDict(from_attributes=True)

    asset_id: UUID
    number: Annotated[int, Field(description="The asset's small name on the live channel.")]
    name: str
    kind: Literal["vehicle", "lone_worker", "senior"]
    organisation: str
    plate: str | None
    at: Annotated[datetime, Field(description="When the satellites say it was there.")]
    received_at: datetime
    lat: Lat
    lon: Lon
    speed_kmh: float | None
    course_deg: Annotated[float | None, Field(description="Over ground; 0 is north.")]
    altitude_m: float | None
    accuracy_m: float | None
    valid: Annotated[bool, Field(description="Whether the receiver stood by its fix.")]
    buffered: Annotated[bool, Field(description="Whether it waited in the device.")]
    satellites: int | None
    ignition: bool | None
    motion: bool | None
    immobilised: bool | None
    battery_pct: float | None
    power_v: float | None


class NearPosition(PositionShown):
    """The same, with how far away it was from the point that was asked about."""

    distance_m: float


class TrackPointShown(BaseModel):
    """One position of a track."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    received_at: datetime
    lat: Lat
    lon: Lon
    speed_kmh: float | None
    course_deg: float | None
    valid: bool
    buffered: bool


class TrackShown(BaseModel):
    """A run of positions, as few as show the way.

    Whoever moves in a straight line from point to point is never further than `strays_m` from
    where the asset was at that moment.
    """

    model_config = ConfigDict(from_attributes=True)

    points: list[TrackPointShown]
    strays_m: float
    read: Annotated[int, Field(description="How many positions there were.")]
    more: Annotated[bool, Field(description="There were too many; the track ends early.")]
    misdated: Annotated[
        list[TrackPointShown],
        Field(description="Heard in these hours from a device whose clock was absurd."),
    ]


class DeviceOnCard(BaseModel):
    """A device that speaks for the asset now."""

    model_config = ConfigDict(from_attributes=True)

    device_id: UUID
    unit_id: str
    codec: str
    model: str
    kind: str
    fitted_from: datetime


class PlaceShown(BaseModel):
    """Where that is, in words; never a street."""

    model_config = ConfigDict(from_attributes=True)

    text: Annotated[str, Field(examples=["kanton Leuven, bij Heverlee (België)"])]
    country: str | None
    country_name: str | None
    province: str | None
    canton: str | None
    near: str | None
    near_km: float | None


class CardShown(BaseModel):
    """An asset at a glance."""

    id: UUID
    number: int
    name: str
    kind: Literal["vehicle", "lone_worker", "senior"]
    organisation: str
    plate: str | None
    phone: str | None
    note: str
    state: Freshness
    heard_at: datetime | None
    device: Annotated[DeviceOnCard | None, Field(description="The first of `devices`.")]
    devices: list[DeviceOnCard]
    last: PositionShown | None
    readings: Annotated[
        dict[str, Any],
        Field(examples=[{"battery_pct": 82.0, "satellites": 11, "ignition": True}]),
    ]
    place: PlaceShown | None


class BoxAsked(BaseModel):
    """A box of degrees; it crosses the date line when its west is east of its east."""

    west: Lon
    south: Lat
    east: Lon
    north: Lat


Asked = Annotated[Where, Depends(paging.where)]


@router.get("/positions", responses=responses(Invalid))
async def list_positions_within(
    person: SignedIn, pool: AppPool, box: Annotated[BoxAsked, Depends()], asked: Asked
) -> Page[PositionShown]:
    """Assets that were last within a box, by name."""
    after = paging.after(asked, str, UUID)
    async with transaction(pool, person.reach) as connection:
        found = await service.latest_within(
            connection,
            Box(**box.model_dump()),
            after=after,
            limit=asked.limit,
            person_id=person.id,
        )
    page = paging.page(found, asked, lambda last: (last.name, str(last.asset_id)))
    return Page(items=[_shown(last) for last in page.items], next=page.next)


@router.get("/positions/nearest", responses=responses(Invalid))
async def list_positions_nearest(
    person: SignedIn,
    pool: AppPool,
    *,
    lat: Annotated[Lat, Query()],
    lon: Annotated[Lon, Query()],
    within_m: Annotated[float, Query(gt=0, le=20_100_000)] = 50_000.0,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Page[NearPosition]:
    """Assets that were last nearest to a point, the nearest first."""
    async with transaction(pool, person.reach) as connection:
        found = await service.nearest_to(
            connection, lat=lat, lon=lon, within_m=within_m, limit=limit, person_id=person.id
        )
    return Page(items=[NearPosition.model_validate(last) for last in found])


@router.get("/assets/{asset_id}/position", responses=responses(NotFound))
async def get_position(asset_id: UUID, person: SignedIn, pool: AppPool) -> PositionShown:
    """Where an asset was last."""
    async with transaction(pool, person.reach) as connection:
        return _shown(await service.latest_of(connection, asset_id, person_id=person.id))


@router.get("/assets/{asset_id}/card", responses=responses(NotFound))
async def get_card(
    asset_id: UUID,
    person: SignedIn,
    pool: AppPool,
    settings: AppSettings,
    language: Annotated[Language | None, Query()] = None,
) -> CardShown:
    """An asset at a glance: who, where in words and degrees, how fresh, what it measures.

    Places are named in ``language``, or in the reader's own.
    """
    if language is None:
        language = cast("Language", person.language if person.language in LANGUAGES else "en")
    async with transaction(pool, person.reach) as connection:
        card = await service.card_of(
            connection,
            asset_id,
            language=language,
            default_reporting_time_s=settings.reporting_time_s,
            person_id=person.id,
        )
    return _card(card)


@router.get("/assets/{asset_id}/track", responses=responses(NotFound, Invalid))
async def get_track(
    asset_id: UUID,
    person: SignedIn,
    pool: AppPool,
    *,
    begin: Annotated[AwareDatetime, Query(alias="from", examples=["2026-11-24T00:00:00Z"])],
    end: Annotated[AwareDatetime, Query(alias="to", examples=["2026-11-25T00:00:00Z"])],
    tolerance_m: Annotated[float, Query(ge=0, le=10_000)] = 5.0,
    limit: Annotated[int, Query(ge=2, le=20_000, description="Points, at most.")] = 5_000,
) -> TrackShown:
    """Where an asset was between two moments, with as few points as show it to `tolerance_m`."""
    async with transaction(pool, person.reach) as connection:
        track = await service.track_of(
            connection,
            asset_id,
            begin=begin,
            end=end,
            tolerance_m=tolerance_m,
            most=limit,
            person_id=person.id,
        )
    return TrackShown.model_validate(track)


def _shown(last: LastPosition) -> PositionShown:
    return PositionShown.model_validate(last)


def _card(card: Card) -> CardShown:
    asset = card.asset
    devices = [DeviceOnCard.model_validate(device) for device in asset.devices]
    return CardShown(
        id=asset.id,
        number=asset.number,
        name=asset.name,
        kind=asset.kind.value,
        organisation=asset.organisation,
        plate=asset.plate,
        phone=asset.phone,
        note=asset.note,
        state=card.standing.state,
        heard_at=card.standing.heard_at,
        device=devices[0] if devices else None,
        devices=devices,
        last=None if card.last is None else _shown(card.last),
        readings=dict(card.readings),
        place=None if card.place is None else PlaceShown.model_validate(card.place),
    )
