"""Decisions about previews: what may be tried, how much at once, and what is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from tracking import clock
from tracking.audit.store import note_location_reads
from tracking.database import Connection, Pool, transaction
from tracking.errors import Invalid, NotFound, TooMany
from tracking.people.person import Person
from tracking.rules.book import Book
from tracking.rules.checks import checked
from tracking.rules.compiling import book_of
from tracking.rules.previews import store
from tracking.rules.previews.preview import Confirmed, Job, Preview
from tracking.rules.previews.runner import Place, Runner
from tracking.rules.rule import SetRule, WrittenRule
from tracking.rules.setting import permitted, rule_seen

MOST_OF_ORGANISATION: Final = 2
"""Previews of one organisation at once, whatever process works at them."""


async def start_preview(
    pool: Pool,
    runner: Runner,
    by: Person,
    said: WrittenRule,
    *,
    rule_id: UUID | None,
    days: int,
    retention_days: int,
) -> Preview:
    """Have a rule tried on the last ``days`` days, whether it is filed or not.

    ``rule_id`` names the rule that this would be the next version of; its owner is then the owner.
    Raises Invalid, NotFound or TooMany.
    """
    whole, condition = checked(said)
    with runner.place() as place:
        async with transaction(pool, by.reach) as connection:
            if rule_id is not None:
                owner = (await rule_seen(connection, rule_id)).rule.organisation_id
                whole = replace(whole, organisation_id=owner)
            rule = await permitted(connection, whole, condition, rule_id=uuid4(), version=1)
            job = await file_job(
                connection,
                by,
                [rule],
                rule_id=rule_id,
                tried=asdict(whole),
                days=_within(days, retention_days),
            )
        return await start_job(pool, by, place, job)


async def file_job(
    connection: Connection,
    by: Person,
    rules: Sequence[SetRule],
    *,
    rule_id: UUID | None,
    tried: Mapping[str, Any],
    days: int,
    confirmed: Sequence[Confirmed] = (),
    most_positions: int | None = None,
) -> Job:
    """File a question about these rules, of which the first is what it is about.

    Raises Invalid where one cannot be compiled, or TooMany.
    """
    await store.wait_for_turn(connection, by.organisation_id)
    if await store.running_of(connection, by.organisation_id) >= MOST_OF_ORGANISATION:
        raise TooMany("Your other previews are running; wait for one to end, or cancel it.")
    await store.forget_old(connection)
    book = await _compiled(connection, rules)
    in_force = [book.rules[str(rule.id)] for rule in rules]
    subjects = [
        subject
        for subject in await store.subjects(connection)
        if in_force[0].rule.scope.includes(subject)
    ]
    until_at = clock.now()
    from_at = until_at - timedelta(days=days)
    preview_id = await store.add_preview(
        connection,
        organisation_id=by.organisation_id,
        by=by.id,
        rule_id=rule_id,
        tried=_plain(tried),
        from_at=from_at,
        until_at=until_at,
        assets=len(subjects),
    )
    return Job(
        preview_id=preview_id,
        person_id=by.id,
        reach=by.reach,
        rules={str(number): each.rule for number, each in enumerate(in_force)},
        zones=book.zones,
        together=in_force[0].together,
        subjects=subjects,
        from_at=from_at,
        until_at=until_at,
        confirmed=confirmed,
        most_positions=most_positions,
    )


async def preview_seen(connection: Connection, preview_id: UUID) -> Preview:
    """How far a preview is. Raises NotFound."""
    found = await store.preview(connection, preview_id)
    if found is None:
        raise NotFound("There is no such preview, or none that you may see.")
    return found


async def found_seen(
    connection: Connection, by: Person, preview_id: UUID
) -> tuple[Preview, list[dict[str, Any]]]:
    """A preview and the events that it has kept; that somebody looked is written down.

    Raises NotFound.
    """
    preview = await preview_seen(connection, preview_id)
    found = await store.found(connection, preview_id)
    shown = {UUID(each["asset_id"]) for each in found if each["lat"] is not None}
    if shown:
        await note_location_reads(connection, person_id=by.id, asset_ids=shown, what="rule preview")
    return preview, found


async def cancel_preview(pool: Pool, by: Person, preview_id: UUID) -> None:
    """Have nobody work at it any longer. Raises NotFound."""
    async with transaction(pool, by.reach) as connection:
        await preview_seen(connection, preview_id)
        await store.cancel(connection, preview_id)


async def start_job(pool: Pool, by: Person, place: Place, job: Job) -> Preview:
    """Work at a job that has been filed and committed."""
    place.start(job)
    async with transaction(pool, by.reach) as connection:
        return await preview_seen(connection, job.preview_id)


async def _compiled(connection: Connection, rules: Sequence[SetRule]) -> Book:
    """The rules as they judge, with the zones that they ask about, as these are now."""
    book = await book_of(connection, rules)
    if book.aside:
        reason = book.aside[0].reason
        raise Invalid(f"{reason[:1].upper()}{reason[1:]}.", where="body.setting")
    return book


def _within(days: int, retention_days: int) -> int:
    if days > retention_days:
        raise Invalid(f"Positions are kept for {retention_days} days.", where="body.days")
    return days


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        name: str(value)
        if isinstance(value, UUID)
        else list(value)
        if isinstance(value, tuple)
        else value
        for name, value in said.items()
    }
