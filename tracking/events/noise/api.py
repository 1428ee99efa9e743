"""Routes of noise: who makes most alarms, and what setting would have spared how many."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from tracking.database import transaction
from tracking.errors import Conflict, Forbidden, NotFound, TooMany
from tracking.events.noise import service
from tracking.events.noise.forms import ComparisonAsked, ComparisonShown, NoiseShown
from tracking.rules.previews.api import AppRunner, Setter
from tracking.web.problems import responses
from tracking.web.security import AppPool, SignedIn

router = APIRouter(tags=["rules"])


@router.get("/rules/noise", summary="Who makes most alarms")
async def get_noise(
    person: SignedIn,
    pool: AppPool,
    days: Annotated[int, Query(ge=1, le=31, description="How many days back.")] = 7,
) -> NoiseShown:
    """The ten noisiest rules, devices and causes, and how often they rang for nothing."""
    async with transaction(pool, person.reach) as connection:
        return NoiseShown.model_validate(await service.noise_seen(connection, days=days))


@router.post(
    "/rules/noise",
    status_code=202,
    summary="Find a quieter setting",
    responses=responses(Forbidden, NotFound, Conflict, TooMany),
)
async def start_comparison(
    person: Setter, said: ComparisonAsked, pool: AppPool, runner: AppRunner
) -> ComparisonShown:
    """Try a rule against itself with other numbers, on the days that were; it is worked at."""
    found = await service.start_comparison(pool, runner, person, said.rule_id, days=said.days)
    return ComparisonShown.model_validate(found)


@router.get("/rules/noise/{preview_id}", summary="A quieter setting", responses=responses(NotFound))
async def get_comparison(person: SignedIn, preview_id: UUID, pool: AppPool) -> ComparisonShown:
    """What each change would have spared, and which confirmed alarms it would have lost."""
    async with transaction(pool, person.reach) as connection:
        found = await service.comparison_seen(connection, preview_id)
    return ComparisonShown.model_validate(found)
