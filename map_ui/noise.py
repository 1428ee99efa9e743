"""Noise: which rules and devices ring most, how often for nothing, and what would be quieter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from map_ui import causes, kind_words
from map_ui.field_words import FIELDS
from map_ui.language import chosen, translations
from map_ui.names import Words
from map_ui.quantities import duration_said, quantity_said
from map_ui.rendering import PageRoute, Reader, page
from map_ui.rule_builder import setter
from map_ui.rules import signed_in
from map_ui.settings_form import Problem
from map_ui.setup import form_sent, problems_page, words_of
from tracking.database import transaction
from tracking.errors import Invalid, VigilError
from tracking.events.noise import service
from tracking.events.noise.noise import Change, Comparison
from tracking.rules import setting as rule_service
from tracking.rules.previews.api import AppRunner
from tracking.rules.rule import SetRule
from tracking.rules.setting import MAY_SET
from tracking.web.security import AppPool, Person

router = APIRouter(include_in_schema=False, route_class=PageRoute)

SPANS_DAYS = (1, 7, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quieter:
    """A setting that would have been quieter, and where it can be tried."""

    what: str
    before: str
    after: str
    spared: int
    share: float
    lost: int
    address: str


@router.get("/rules/noise")
async def noise(
    request: Request, reader: Reader, pool: AppPool, days: Annotated[int, Query(ge=1, le=31)] = 7
) -> Response:
    """Who made most alarms lately."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    language = chosen(request, reader.language)
    words = words_of(request, reader)
    async with transaction(pool, reader.reach) as connection:
        found = await service.noise_seen(connection, days=days)
    return page(
        request,
        "noise.html",
        reader=reader,
        noise=found,
        days=days,
        spans=SPANS_DAYS,
        may_set=reader.role in MAY_SET,
        cause=lambda cause: causes.said(cause, words),
        span=lambda seconds: duration_said(seconds, language),
    )


@router.post("/rules/noise")
async def compare(request: Request, reader: Reader, pool: AppPool, runner: AppRunner) -> Response:
    """Have a rule tried against itself with other numbers. Answers with how far it is."""
    try:
        person = setter(reader)
        typed = await form_sent(request)
        rule_id, days = _asked(typed)
        found = await service.start_comparison(pool, runner, person, rule_id, days=days)
    except VigilError as refused:
        return problems_page(request, reader, [Problem(field="", label="", words=str(refused))])
    return await _comparison_page(request, pool, person, found)


@router.get("/rules/noise/{preview_id}")
async def comparison(request: Request, reader: Reader, pool: AppPool, preview_id: UUID) -> Response:
    """How far a comparison is, and once it has ended what would have been quieter."""
    person = signed_in(reader)
    async with transaction(pool, person.reach) as connection:
        found = await service.comparison_seen(connection, preview_id)
    return await _comparison_page(request, pool, person, found)


async def _comparison_page(
    request: Request, pool: AppPool, person: Person, found: Comparison
) -> Response:
    language = chosen(request, person.language)
    async with transaction(pool, person.reach) as connection:
        rule = (await rule_service.rule_seen(connection, found.rule_id)).rule
    quieter = [
        Quieter(
            what=_what(each.change, rule, translations(language).gettext),
            before=_value(each.change, each.change.before, language),
            after=_value(each.change, each.change.after, language),
            spared=each.spared,
            share=100 * each.spared / found.began if found.began else 0.0,
            lost=each.lost,
            address=f"/rules/{rule.id}?"
            + urlencode({"change": each.change.at, "to": each.change.after}),
        )
        for each in found.spared
        if each.spared > 0
    ]
    return page(
        request,
        "noise-compared.html",
        reader=person,
        comparison=found,
        running=found.state == "running",
        quieter=quieter,
    )


def _asked(typed: Mapping[str, str]) -> tuple[UUID, int]:
    try:
        return UUID(typed.get("rule_id", "")), int(typed.get("days", ""))
    except ValueError as error:
        raise Invalid("Choose a rule and a number of days.") from error


def _what(change: Change, rule: SetRule, words: Words) -> str:
    """The label of a setting, with its kind where a rule asks several."""
    name = change.at.rpartition(".")[2]
    kind = _kind_at(rule.setting, change.at.split(".")[1:-1])
    if change.at == "for_s" or not kind:
        return words("Only if it goes on for at least")
    if kind not in kind_words.KINDS:
        return words("for at least")
    label = words((FIELDS.get(f"{kind}.{name}") or FIELDS[name]).label)
    return label if "of" not in rule.setting else f"{words(kind_words.KINDS[kind].title)}: {label}"


def _kind_at(setting: Mapping[str, Any], steps: Sequence[str]) -> str:
    here: Any = setting
    for step in steps:
        here = here[int(step)] if isinstance(here, list) else here[step]
    return str(here.get("kind", "")) if isinstance(here, Mapping) else ""


def _value(change: Change, value: float, language: str) -> str:
    return quantity_said(change.at.rpartition(".")[2], value, language)
