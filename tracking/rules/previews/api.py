"""Routes of previews: what a rule would have noticed, before it is switched on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection
from starlette.responses import Response

from tracking.database import transaction
from tracking.errors import Forbidden, NotFound, TooMany
from tracking.rules.previews import service
from tracking.rules.previews.forms import FoundPage, FoundShown, PreviewAsked, PreviewShown
from tracking.rules.previews.runner import Runner
from tracking.rules.setting import MAY_SET
from tracking.web.problems import responses
from tracking.web.security import AppPool, AppSettings, Person, SignedIn, requires

router = APIRouter(tags=["rules"])

Setter = Annotated[Person, requires(*MAY_SET)]


def app_runner(connection: HTTPConnection) -> Runner:
    """FastAPI dependency: who works at previews in this process."""
    runner: Runner = connection.app.state.previews
    return runner


AppRunner = Annotated[Runner, Depends(app_runner)]


@router.post(
    "/rules/previews",
    status_code=202,
    summary="Try a rule",
    responses=responses(Forbidden, NotFound, TooMany),
)
async def start_preview(
    person: Setter, said: PreviewAsked, pool: AppPool, settings: AppSettings, runner: AppRunner
) -> PreviewShown:
    """What would this rule have noticed? It is worked at; ask again for how far it has come."""
    preview = await service.start_preview(
        pool,
        runner,
        person,
        said.new(person),
        rule_id=said.rule_id,
        days=said.days,
        retention_days=settings.positions_retention_days,
    )
    return PreviewShown.of(preview)


@router.get("/rules/previews/{preview_id}", summary="One preview", responses=responses(NotFound))
async def get_preview(person: SignedIn, preview_id: UUID, pool: AppPool) -> PreviewShown:
    """How far it has come, and what has been counted so far."""
    async with transaction(pool, person.reach) as connection:
        return PreviewShown.of(await service.preview_seen(connection, preview_id))


@router.get(
    "/rules/previews/{preview_id}/events",
    summary="What a preview found",
    responses=responses(NotFound),
)
async def list_preview_events(person: SignedIn, preview_id: UUID, pool: AppPool) -> FoundPage:
    """The first thousand events, in the order in which they were found."""
    async with transaction(pool, person.reach) as connection:
        preview, found = await service.found_seen(connection, person, preview_id)
    return FoundPage(
        items=[FoundShown.model_validate(each) for each in found],
        events=preview.events,
        state=preview.state.value,
    )


@router.delete(
    "/rules/previews/{preview_id}",
    status_code=204,
    summary="Cancel a preview",
    responses=responses(Forbidden, NotFound),
)
async def cancel_preview(person: Setter, preview_id: UUID, pool: AppPool) -> Response:
    """Whoever works at it stops within a second; what was found so far stays to be looked at."""
    await service.cancel_preview(pool, person, preview_id)
    return Response(status_code=204)
