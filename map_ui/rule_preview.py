"""What a rule that is being written would have noticed: progress, a verdict, a map and a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from map_ui import causes, event_map, rule_form
from map_ui.kind_words import KINDS
from map_ui.language import chosen, translations
from map_ui.local_time import ZONE
from map_ui.messages import message_said, told_facts
from map_ui.quantities import number_said
from map_ui.rendering import PageRoute, Reader, page
from map_ui.rule_builder import problem_of, setter, typed_in
from map_ui.rule_draft import draft_from, written_of
from map_ui.rules import signed_in
from map_ui.setup import problems_page, words_of
from tracking.database import transaction
from tracking.errors import VigilError
from tracking.rules.naming import store as naming
from tracking.rules.previews import service
from tracking.rules.previews.api import AppRunner
from tracking.rules.previews.preview import Preview, State
from tracking.web.security import AppPool, AppSettings, Person

router = APIRouter(include_in_schema=False, route_class=PageRoute)

DAYS = (1, 7, 30)
_MOST_ROWS = 200
_MOST_ASSETS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day of the row of bars; ``height`` is of 100."""

    day: date
    began: int
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundShown:
    """One event that would have been; ``placed`` if it is on the map."""

    number: int
    at: datetime
    asset: str
    words: str
    ended: bool
    late: bool
    placed: bool


@router.post("/rules/preview")
async def start(
    request: Request, reader: Reader, pool: AppPool, settings: AppSettings, runner: AppRunner
) -> Response:
    """Have what is in the form tried. Answers with how far it is, or with what is wrong."""
    words = words_of(request, reader)
    draft = draft_from({})
    try:
        person = setter(reader)
        typed = await typed_in(request)
        draft = draft_from({"name": ["-"], **_filled(typed)})
        written, problems = written_of(draft, words)
        if problems:
            return problems_page(request, person, problems)
        rule_id = rule_form.text_of(typed, "rule_id")
        days = rule_form.text_of(typed, "days")
        preview = await service.start_preview(
            pool,
            runner,
            person,
            written,
            rule_id=UUID(rule_id) if rule_id else None,
            days=int(days) if days.isdecimal() else DAYS[1],
            retention_days=settings.positions_retention_days,
        )
    except VigilError as refused:
        return problems_page(request, reader, [problem_of(refused, draft, words)])
    return await _page(request, pool, person, preview)


@router.get("/rules/previews/{preview_id}")
async def look(request: Request, reader: Reader, pool: AppPool, preview_id: UUID) -> Response:
    """How far it is, and once it has ended what was found."""
    person = signed_in(reader)
    async with transaction(pool, person.reach) as connection:
        preview = await service.preview_seen(connection, preview_id)
    return await _page(request, pool, person, preview)


@router.post("/rules/previews/{preview_id}/cancel")
async def cancel(request: Request, reader: Reader, pool: AppPool, preview_id: UUID) -> Response:
    """Have nobody work at it any longer; what was found so far stays."""
    person = setter(reader)
    await service.cancel_preview(pool, person, preview_id)
    async with transaction(pool, person.reach) as connection:
        preview = await service.preview_seen(connection, preview_id)
    return await _page(request, pool, person, preview)


@router.get("/rules/previews/{preview_id}/places")
async def places(request: Request, reader: Reader, pool: AppPool, preview_id: UUID) -> Response:
    """Where its events would have been, as GeoJSON."""
    person = signed_in(reader)
    async with transaction(pool, person.reach) as connection:
        _, found = await service.found_seen(connection, person, preview_id)
    words = words_of(request, person)
    marks = [(each["lat"], each["lon"], _mark(each, words)) for each in found[:_MOST_ROWS]]
    return JSONResponse(event_map.of_found(marks), headers={"Cache-Control": "no-store"})


def verdict(preview: Preview, language: str) -> str:
    """What it comes to, in a sentence: “about 14 a day, 11 of them at one asset”."""
    words, ngettext = translations(language).gettext, translations(language).ngettext
    began = int(preview.counts.get("began", 0))
    if not began:
        return words("Nothing would have been noticed.")
    days = max((preview.until_at - preview.from_at) / timedelta(days=1), 1 / 24)
    if began < days:
        said = ngettext("%(num)s in all", "%(num)s in all", began) % {"num": began}
    else:
        a_day = began / days
        number = number_said(round(a_day, 1) if a_day < 10 else round(a_day), language)
        said = words("About %(number)s a day") % {"number": number}
    most = next(iter(preview.counts.get("by_asset", ())), None)
    if most and began > 1 and most["began"] * 2 > began and len(preview.counts["by_asset"]) > 1:
        sentence = words("%(share)s of %(all)s at %(asset)s")
        said += ", " + sentence % {"share": most["began"], "all": began, "asset": most["asset"]}
    return f"{said}."


def bars(preview: Preview) -> list[Bar]:
    """A bar for each day of the span, those without an event too."""
    counts = {each["day"]: int(each["began"]) for each in preview.counts.get("by_day", ())}
    most = max(counts.values(), default=0)
    first = preview.from_at.astimezone(ZONE).date()
    last = preview.until_at.astimezone(ZONE).date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [
        Bar(day=day, began=began, height=100 * began / most if most else 0.0)
        for day in days
        for began in [counts.get(day.isoformat(), 0)]
    ]


async def _page(request: Request, pool: AppPool, person: Person, preview: Preview) -> Response:
    language = chosen(request, person.language)
    ended = preview.state is not State.RUNNING
    found: list[FoundShown] = []
    if ended:
        async with transaction(pool, person.reach) as connection:
            _, events = await service.found_seen(connection, person, preview.id)
            others = {
                UUID(each["facts"]["companion"]) for each in events if "companion" in each["facts"]
            }
            names = await naming.assets_called(connection, others)
        found = _found(preview.tried, events[:_MOST_ROWS], names, language)
    return page(
        request,
        "preview.html",
        reader=person,
        preview=preview,
        running=not ended,
        verdict=verdict(preview, language) if ended else "",
        bars=bars(preview),
        assets=preview.counts.get("by_asset", ())[:_MOST_ASSETS],
        failures=preview.counts.get("failures", ()),
        found=found,
        most=_MOST_ROWS,
    )


def _found(
    tried: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
    language: str,
) -> list[FoundShown]:
    rows = []
    for number, each in enumerate(events, 1):
        at = datetime.fromisoformat(each["at"])
        since = datetime.fromisoformat(each["since"]) if each["since"] else None
        facts = told_facts(each["facts"], asset=each["asset"], at=at, since=since, names=names)
        rows.append(
            FoundShown(
                number=number,
                at=at,
                asset=each["asset"],
                words=message_said(
                    tried.get("messages") or {}, _kind(tried, each["cause"]), facts, language
                ),
                ended=each["phase"] == "ended",
                late=bool(each["late"]),
                placed=each["lat"] is not None,
            )
        )
    return rows


def _kind(tried: Mapping[str, Any], cause: str) -> str:
    if cause in KINDS:
        return cause
    kinds = [each.kind for each in rule_form.leaves(rule_form.tree_of(tried.get("setting") or {}))]
    return next(iter(kinds), "")


def _mark(found: Mapping[str, Any], words: Any) -> str:  # noqa: ANN401 - gettext
    at = datetime.fromisoformat(found["at"]).astimezone(ZONE)
    return f"{found['asset']} · {at:%d/%m %H:%M} · {causes.said(found['cause'], words)}"


def _filled(typed: rule_form.Typed) -> dict[str, Sequence[str]]:
    """A rule can be tried before it has a name."""
    return {name: texts for name, texts in typed.items() if name != "name" or any(texts)}
