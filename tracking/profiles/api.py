"""Routes of device profiles: how devices are set up, and what their frames mean with it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from tracking import clock
from tracking.database import transaction
from tracking.errors import Forbidden, NotFound
from tracking.profiles import service, store
from tracking.profiles.forms import (
    FrameShown,
    PreviewAsked,
    PreviewShown,
    ProfileAsked,
    ProfileShown,
    SetupAsked,
    SetupShown,
)
from tracking.web.problems import responses
from tracking.web.security import AppPool, AppSettings, Person, Role, Staff, requires
from tracking.web.words import Search

router = APIRouter(tags=["profiles"])

Administrator = Annotated[Person, requires(Role.ADMINISTRATOR)]


@router.get("/profiles", summary="List profiles", responses=responses(Forbidden))
async def list_profiles(
    person: Staff,
    pool: AppPool,
    codec: Annotated[Search | None, Query(description="Only of this protocol.")] = None,
) -> list[ProfileShown]:
    """The version in force of every profile."""
    async with transaction(pool, person.reach) as connection:
        found = await store.profiles_in_force(connection, codec=codec)
    return [ProfileShown.model_validate(each) for each in found]


@router.post(
    "/profiles", status_code=201, summary="Change a profile", responses=responses(Forbidden)
)
async def file_profile(
    person: Administrator, said: ProfileAsked, pool: AppPool, settings: AppSettings
) -> ProfileShown:
    """The next version of a profile; it is in force for all its units within a second."""
    return ProfileShown.model_validate(
        await service.file_version(
            pool, person, said.new(), category_times_s=settings.category_times_s
        )
    )


@router.get(
    "/profiles/versions", summary="Versions of a profile", responses=responses(Forbidden, NotFound)
)
async def list_versions(
    person: Staff,
    pool: AppPool,
    codec: Annotated[Search, Query(description="The protocol.")],
    model: Annotated[Search, Query(description="The model; empty for all.")] = "",
) -> list[ProfileShown]:
    """What was in force when, newest first. To bring one back, file it again."""
    found = await service.versions(pool, person, codec=codec, model=model)
    return [ProfileShown.model_validate(each) for each in found]


@router.post("/profiles/preview", summary="Preview settings", responses=responses(Forbidden))
async def preview_settings(person: Staff, said: PreviewAsked) -> PreviewShown:  # noqa: ARG001 - who asks must be staff
    """What these frames would mean with these settings. Nothing is stored or sent."""
    heard_at = said.heard_at or clock.now()
    frames = [(heard_at, bytes.fromhex(each)) for each in said.frames]
    return PreviewShown(
        frames=[
            dict(meaning)
            for meaning in service.preview(
                frames,
                codec=said.codec,
                unit_id=said.unit_id,
                settings=said.settings,
            )
        ]
    )


@router.get(
    "/devices/{device_id}/setup",
    summary="How a device is set up",
    responses=responses(Forbidden, NotFound),
)
async def get_setup(person: Staff, device_id: UUID, pool: AppPool) -> SetupShown:
    """What its protocol's models share, what its model has, where it differs, and the sum."""
    return SetupShown.of(await service.setup_of(pool, person, device_id))


@router.put(
    "/devices/{device_id}/setup",
    summary="Set a device up",
    responses=responses(Forbidden, NotFound),
)
async def set_device_up(
    person: Administrator, device_id: UUID, said: SetupAsked, pool: AppPool
) -> SetupShown:
    """Where this unit differs from its model; gateways hear of it at once."""
    return SetupShown.of(
        await service.set_up(pool, person, device_id, said.settings, secret=said.secret)
    )


@router.get(
    "/devices/{device_id}/frames",
    summary="What a device said",
    responses=responses(Forbidden, NotFound),
)
async def list_frames(
    person: Staff,
    device_id: UUID,
    pool: AppPool,
    before: Annotated[AwareDatetime | None, Query(description="Only older ones.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> list[FrameShown]:
    """Its last frames with their meaning under the settings of now, newest first."""
    found = await service.frames_of(pool, person, device_id, before=before, most=limit)
    return [FrameShown.of(each) for each in found]
