"""Routes of rules: what is noticed about whom, version by version."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from tracking.audit.store import note_location_reads
from tracking.database import transaction
from tracking.errors import Conflict, Forbidden, NotFound
from tracking.rules import setting, store
from tracking.rules.compiling import book_of
from tracking.rules.forms import (
    KindShown,
    KindsShown,
    RuleAsked,
    RuleChanged,
    RuleShown,
    RuleWithFailures,
)
from tracking.rules.kinds import FACTS, catalogue
from tracking.web.paging import Page, Where, after, page, where
from tracking.web.problems import responses
from tracking.web.security import AppPool, Person, SignedIn, requires
from tracking.web.words import Search

router = APIRouter(tags=["rules"])

Setter = Annotated[Person, requires(*setting.MAY_SET)]
"""Whoever may set rules; whose they are is decided by ``setting.permitted``."""

MOST_FAILURES = 20

Asked = Annotated[Where, Depends(where)]


@router.get("/rules", summary="List rules")
async def list_rules(
    *,
    person: SignedIn,
    pool: AppPool,
    asked: Asked,
    search: Annotated[Search, Query(description="Part of a name, cause, note or owner.")] = "",
    organisation_id: Annotated[UUID | None, Query(description="Only of this one.")] = None,
    enabled: Annotated[bool | None, Query(description="Only those on, or only those off.")] = None,
) -> Page[RuleShown]:
    """The rules in force that I may see, by name."""
    async with transaction(pool, person.reach) as connection:
        found = await store.rules(
            connection,
            after=after(asked, str, UUID),
            search=search,
            organisation_id=organisation_id,
            enabled=enabled,
            most=asked.limit + 1,
        )
    shown = [RuleShown.of(each) for each in found]
    return page(shown, asked, lambda rule: (rule.name, str(rule.id)))


@router.post(
    "/rules", status_code=201, summary="Add a rule", responses=responses(Forbidden, NotFound)
)
async def add_rule(person: Setter, said: RuleAsked, pool: AppPool) -> RuleShown:
    """A rule that judges within a second, unless it is filed switched off."""
    return RuleShown.of(await setting.add_rule(pool, person, said.new(person)))


@router.get("/rules/kinds", summary="What rules can ask")
async def list_kinds(person: SignedIn) -> KindsShown:  # noqa: ARG001 - who asks must be signed in
    """Every kind of condition with its settings, and the facts that messages may name."""
    return KindsShown(
        kinds=[KindShown.model_validate(each) for each in catalogue()], facts=sorted(FACTS)
    )


@router.get("/rules/{rule_id}", summary="One rule", responses=responses(NotFound))
async def get_rule(person: SignedIn, rule_id: UUID, pool: AppPool) -> RuleWithFailures:
    """The version in force, and where this rule could not judge."""
    async with transaction(pool, person.reach) as connection:
        found = await setting.rule_seen(connection, rule_id)
        failures = await store.failures_of(connection, rule_id, most=MOST_FAILURES)
        # What broke a rule says where somebody was.
        shown = {each.asset_id for each in failures if each.asset_id is not None}
        if shown:
            await note_location_reads(
                connection, person_id=person.id, asset_ids=shown, what="rule failure"
            )
        book = await book_of(connection, [found.rule])
    aside = book.aside[0].reason if book.aside else None
    return RuleWithFailures.with_failures(found, failures, aside=aside)


@router.put(
    "/rules/{rule_id}",
    summary="Change a rule",
    responses=responses(Forbidden, NotFound, Conflict),
)
async def change_rule(person: Setter, rule_id: UUID, said: RuleChanged, pool: AppPool) -> RuleShown:
    """The next version of a rule; 409 if it does not follow the newest. Its owner stays."""
    written = said.written(person.organisation_id)
    changed = await setting.change_rule(pool, person, rule_id, written, based_on=said.based_on)
    return RuleShown.of(changed)


@router.post(
    "/rules/{rule_id}/enable",
    summary="Switch a rule on",
    responses=responses(Forbidden, NotFound),
)
async def enable_rule(person: Setter, rule_id: UUID, pool: AppPool) -> RuleShown:
    """It judges again, from what it sees from now on."""
    return RuleShown.of(await setting.switch_rule(pool, person, rule_id, enabled=True))


@router.post(
    "/rules/{rule_id}/disable",
    summary="Switch a rule off",
    responses=responses(Forbidden, NotFound),
)
async def disable_rule(person: Setter, rule_id: UUID, pool: AppPool) -> RuleShown:
    """It judges no longer; its alarms stay as they are."""
    return RuleShown.of(await setting.switch_rule(pool, person, rule_id, enabled=False))


@router.delete(
    "/rules/{rule_id}",
    status_code=204,
    summary="Remove a rule",
    responses=responses(Forbidden, NotFound),
)
async def remove_rule(person: Setter, rule_id: UUID, pool: AppPool) -> Response:
    """It is gone from the books; its versions stay for the events that were judged by them."""
    await setting.remove_rule(pool, person, rule_id)
    return Response(status_code=204)


@router.get(
    "/rules/{rule_id}/versions", summary="Versions of a rule", responses=responses(NotFound)
)
async def list_rule_versions(person: SignedIn, rule_id: UUID, pool: AppPool) -> list[RuleShown]:
    """What was in force when, newest first, also of a rule that was removed."""
    async with transaction(pool, person.reach) as connection:
        found = await setting.versions_seen(connection, rule_id)
    return [RuleShown.of(each) for each in found]
