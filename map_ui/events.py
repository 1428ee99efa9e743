"""Events: what rules noticed, day by day, and for each of them why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from map_ui import causes, event_map, kind_words, rule_words
from map_ui.event_words import EventSaid, events_said, facts_said, settings_said
from map_ui.language import chosen
from map_ui.local_time import ZONE, bounds_of, today
from map_ui.messages import message_said, told_facts
from map_ui.names import Words
from map_ui.rendering import PageRoute, Reader, page
from map_ui.rule_names import meant, named_in
from map_ui.rules import sentence_of, signed_in
from map_ui.setup import words_of
from tracking import clock
from tracking.database import Connection, transaction
from tracking.errors import NotSignedIn
from tracking.events import service
from tracking.events import store as events_store
from tracking.events.event import FiledEvent, FixAsHeard, Why, Wish
from tracking.rules import store as rules_store
from tracking.rules.naming import store as naming
from tracking.web import paging
from tracking.web.security import AppPool

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
_MOST_RULES = 200
_BEFORE, _AFTER = 15, 10
"""Fixes in the table of an event, before it and after it; the map shows them all."""

Asked = Annotated[paging.Where, Depends(paging.where)]
Day = Annotated[date | Literal[""], Query()]
Name = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is asked for, as it stands in the address; ids or names of asset and zone."""

    rule_id: str = ""
    asset: str = ""
    zone: str = ""
    cause: str = ""
    late: str = ""
    begin: str = ""
    end: str = ""

    def said(self) -> dict[str, str]:
        """For the next page's address."""
        said = {
            "rule_id": self.rule_id,
            "asset": self.asset,
            "zone": self.zone,
            "cause": self.cause,
            "late": self.late,
            "from": self.begin,
            "until": self.end,
        }
        return {name: value for name, value in said.items() if value}


@router.get("/events")
async def events(
    request: Request,
    reader: Reader,
    pool: AppPool,
    asked: Asked,
    *,
    rule_id: Annotated[UUID | Literal[""], Query()] = "",
    asset: Name = "",
    zone: Name = "",
    asset_id: UUID | None = None,
    zone_id: UUID | None = None,
    cause: Annotated[str, Query(max_length=40)] = "",
    late: Literal["", "yes", "no"] = "",
    begin: Annotated[date | Literal[""], Query(alias="from")] = "",
    end: Annotated[date | Literal[""], Query(alias="until")] = "",
    after_day: Day = "",
) -> Response:
    """What rules noticed, the newest first; a page of it, or for htmx only its rows."""
    fragment = "hx-request" in request.headers
    if reader is None:
        if fragment:
            raise NotSignedIn("Sign in first.")
        return RedirectResponse("/sign-in", status_code=303)
    language = chosen(request, reader.language)
    words = words_of(request, reader)
    filters = Filters(
        rule_id=str(rule_id),
        asset=str(asset_id or asset),
        zone=str(zone_id or zone),
        cause=cause,
        late=late,
        begin=str(begin),
        end=str(end),
    )
    problems: dict[str, str] = {}
    before = paging.after(asked, datetime.fromisoformat, UUID)
    async with transaction(pool, reader.reach) as connection:
        ids = {
            what: await _id_of(connection, what, value, words, problems)
            for what, value in (("assets", filters.asset), ("zones", filters.zone))
        }
        wish = Wish(
            rule_id=rule_id or None,
            asset_id=ids["assets"],
            zone_id=ids["zones"],
            causes=(cause,) if cause else (),
            begin=bounds_of(begin)[0] if begin else None,
            end=bounds_of(end)[1] if end else None,
            late={"yes": True, "no": False}.get(late),
        )
        found = []
        if not problems:
            found = await service.events_seen(
                connection, reader, wish, before=before, most=asked.limit
            )
        shown = paging.page(found, asked, lambda each: (each.at.isoformat(), str(each.id)))
        rows = await events_said(connection, shown.items, language)
        names = await _names_of_filters(connection, ids)
        rules = await _rules(connection) if not fragment else []
    return page(
        request,
        "event-rows.html" if fragment else "events.html",
        reader=reader,
        days=_by_day(rows),
        count=len(rows),
        next=shown.next,
        last_day=rows[-1].event.at.astimezone(ZONE).date() if rows else after_day,
        after_day=after_day,
        filters=filters,
        names=names,
        problems=problems,
        rules=rules,
        causes=_causes(words),
        today=today(clock.now()),
        timedelta=timedelta,
    )


@router.get("/events/{event_id}")
async def event(request: Request, reader: Reader, pool: AppPool, event_id: UUID) -> Response:
    """Why this fired: the rule as it was, the shape, the fixes, the clock and the settings."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    language = chosen(request, reader.language)
    words = words_of(request, reader)
    async with transaction(pool, reader.reach) as connection:
        why = await service.why(connection, reader, event_id)
        alarm = await events_store.alarm_raised_by(connection, event_id)
        others = await _others(connection, why.event)
        named = None if why.rule is None else await named_in(connection, [why.rule.rule])
    facts = told_facts(
        why.event.facts,
        asset=why.event.asset,
        at=why.event.at,
        since=why.event.since,
        names=others,
    )
    known = {**why.facts_in_words, **{name: value for name, value in facts.items() if value}}
    rule = None if why.rule is None else why.rule.rule
    if rule is not None:
        message = message_said(rule.messages, _kind(why), known, language)
    else:
        message = why.words or message_said({}, _kind(why), known, language)
    first, shown = _around(why.fixes, why.event)
    return page(
        request,
        "event.html",
        reader=reader,
        why=why,
        event=why.event,
        message=message,
        cause=causes.said(why.event.cause, words),
        sentence="" if rule is None or named is None else sentence_of(rule, named, language),
        strengthened=rule_words.strengthened,
        facts=facts_said(why.event, others, language),
        settings=[] if rule is None or named is None else settings_said(rule, named, language),
        hours=""
        if rule is None or rule.schedule is None
        else rule_words.hours_or_fault(rule.schedule, language),
        alarm=alarm,
        day=why.event.at.astimezone(ZONE).date().isoformat(),
        fixes=[(first + number, fix) for number, fix in enumerate(shown)],
        fix_at=why.event.fix_at,
        seconds=lambda span: int(span.total_seconds()),
    )


@router.get("/events/{event_id}/places")
async def places(request: Request, reader: Reader, pool: AppPool, event_id: UUID) -> Response:
    """The shape, the fixes and the way of an event, as GeoJSON."""
    person = signed_in(reader)
    async with transaction(pool, person.reach) as connection:
        why = await service.why(connection, person, event_id)
    found = why.event
    place = None if found.lat is None or found.lon is None else (found.lat, found.lon)
    said = f"{found.asset} · {causes.said(found.cause, words_of(request, person))}"
    return JSONResponse(
        event_map.around_event(why.fixes, why.zones, at=found.fix_at, place=place, words=said),
        headers={"Cache-Control": "no-store"},
    )


def _by_day(rows: Iterable[EventSaid]) -> list[tuple[date, list[EventSaid]]]:
    def day(row: EventSaid) -> date:
        return row.event.at.astimezone(ZONE).date()

    return [(each, list(group)) for each, group in groupby(rows, day)]


def _around(fixes: Sequence[FixAsHeard], event: FiledEvent) -> tuple[int, Sequence[FixAsHeard]]:
    """The fixes nearest to an event in time, and the number of the first of them."""
    at = event.fix_at or event.at
    here = sum(fix.at <= at for fix in fixes)
    begin = max(0, here - _BEFORE)
    return begin + 1, fixes[begin : here + _AFTER]


def _kind(why: Why) -> str:
    if why.event.cause in kind_words.KINDS or why.rule is None:
        return why.event.cause
    return rule_words.first_kind(why.rule.rule.setting)


async def _id_of(
    connection: Connection,
    what: str,
    text: str,
    words: Words,
    problems: dict[str, str],
) -> UUID | None:
    """The id that was meant by a name or an id; what is unclear is said in ``problems``."""
    if not text.strip():
        return None
    try:
        return UUID(text)
    except ValueError:
        pass
    try:
        return UUID(await meant(connection, what, text, words))
    except ValueError as error:
        problems[what] = str(error) if "label:" not in text else words("Name a single zone.")
        return None


async def _names_of_filters(
    connection: Connection, ids: Mapping[str, UUID | None]
) -> dict[str, str]:
    """What stands in the fields for an asset and a zone that an address names by id."""
    names = {}
    for what, called in (("assets", naming.assets_called), ("zones", naming.zones_called)):
        found = ids[what]
        if found is not None:
            names[what] = (await called(connection, [found])).get(str(found), "")
    return names


async def _rules(connection: Connection) -> list[tuple[str, str]]:
    found = await rules_store.rules(
        connection, after=None, search="", organisation_id=None, enabled=None, most=_MOST_RULES
    )
    return [(str(each.rule.id), each.rule.name) for each in found]


async def _others(connection: Connection, event: FiledEvent) -> dict[str, str]:
    """The names of other assets that an event is about."""
    said = [event.facts.get("companion"), *event.facts.get("companions", ())]
    return await naming.assets_called(connection, [UUID(each) for each in said if each])


def _causes(words: Words) -> list[tuple[str, str]]:
    said = {kind: causes.said(kind, words) for kind in kind_words.KINDS}
    return sorted(said.items(), key=lambda each: each[1].casefold())
