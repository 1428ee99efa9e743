"""Routes of the audit: who looked."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from tracking.audit import store
from tracking.database import transaction
from tracking.errors import Forbidden
from tracking.web.paging import Page, Where, after, page, where
from tracking.web.problems import responses
from tracking.web.security import AppPool, Person, Role, requires

router = APIRouter(tags=["audit"])


class LocationReadShown(BaseModel):
    """Somebody was shown where a person is or was."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    person_id: UUID
    person: Annotated[str | None, Field(examples=["An Peeters"])]
    organisation_id: UUID
    asset_id: Annotated[
        UUID | None, Field(description="Null for a screen that shows all whom its owner may see.")
    ]
    asset: Annotated[str | None, Field(examples=["Maria Claes"])]
    what: Annotated[str, Field(examples=["track"])]


@router.get("/audit/location-reads", summary="Who looked at whom", responses=responses(Forbidden))
async def list_location_reads(
    person: Annotated[Person, requires(Role.SUPERVISOR, Role.ADMINISTRATOR)],
    pool: AppPool,
    asked: Annotated[Where, Depends(where)],
    asset_id: Annotated[UUID | None, Query(description="Only of this asset.")] = None,
    person_id: Annotated[UUID | None, Query(description="Only by this person.")] = None,
) -> Page[LocationReadShown]:
    """Every time that a person's whereabouts were shown, newest first."""
    before = after(asked, datetime.fromisoformat, int)
    async with transaction(pool, person.reach) as connection:
        found = await store.location_reads(
            connection,
            asset_id=asset_id,
            person_id=person_id,
            before_id=before[1] if before else None,
            most=asked.limit + 1,
        )
    shown = [LocationReadShown.model_validate(read) for read in found]
    return page(shown, asked, lambda read: (read.at.isoformat(), str(read.id)))
