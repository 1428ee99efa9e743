"""Routes of events: what rules noticed, and why."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, StringConstraints

from tracking.database import transaction
from tracking.errors import NotFound
from tracking.events import service
from tracking.events.event import Wish
from tracking.events.forms import EventShown, WhyShown
from tracking.web.paging import Page, Where, after, page, where
from tracking.web.problems import responses
from tracking.web.security import AppPool, SignedIn

router = APIRouter(tags=["events"])

Cause = Annotated[str, StringConstraints(max_length=40)]


@router.get("/events", summary="List events")
async def list_events(
    *,
    person: SignedIn,
    pool: AppPool,
    asked: Annotated[Where, Depends(where)],
    rule_id: Annotated[UUID | None, Query(description="Only of this rule.")] = None,
    asset_id: Annotated[UUID | None, Query(description="Only about this asset.")] = None,
    zone_id: Annotated[UUID | None, Query(description="Only about this zone.")] = None,
    cause: Annotated[list[Cause] | None, Query(max_length=20)] = None,
    severity: Annotated[list[int] | None, Query(max_length=6)] = None,
    phase: Literal["began", "ended"] | None = None,
    begin: Annotated[
        AwareDatetime | None, Query(alias="from", examples=["2026-11-24T00:00:00Z"])
    ] = None,
    end: Annotated[
        AwareDatetime | None, Query(alias="until", examples=["2026-11-25T00:00:00Z"])
    ] = None,
) -> Page[EventShown]:
    """What rules noticed that I may know of, newest first."""
    wish = Wish(
        rule_id=rule_id,
        asset_id=asset_id,
        zone_id=zone_id,
        causes=tuple(cause or ()),
        severities=tuple(severity or ()),
        phase=phase,
        begin=begin,
        end=end,
    )
    before = after(asked, datetime.fromisoformat, UUID)
    async with transaction(pool, person.reach) as connection:
        found = await service.events_seen(connection, person, wish, before=before, most=asked.limit)
    shown = [EventShown.model_validate(each) for each in found]
    return page(shown, asked, lambda event: (event.at.isoformat(), str(event.id)))


@router.get("/events/{event_id}", summary="One event", responses=responses(NotFound))
async def get_event(person: SignedIn, event_id: UUID, pool: AppPool) -> EventShown:
    """One thing that a rule noticed."""
    async with transaction(pool, person.reach) as connection:
        return EventShown.model_validate(await service.event_seen(connection, person, event_id))


@router.get("/events/{event_id}/why", summary="Why this is an event", responses=responses(NotFound))
async def get_why(person: SignedIn, event_id: UUID, pool: AppPool) -> WhyShown:
    """The rule as it was, the shapes, the fixes around it, the clock, the facts and the words."""
    async with transaction(pool, person.reach) as connection:
        return WhyShown.of(await service.why(connection, person, event_id))
