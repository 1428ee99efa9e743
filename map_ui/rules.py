"""Rules: found by what they ask and about whom, switched on and off, and their versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from geofence import kinds
from geofence.scope import Scope
from geofence.sighting import Subject
from map_ui import kind_words, rule_words
from map_ui.language import chosen, translations
from map_ui.names import Words
from map_ui.ready_rules import READY
from map_ui.rendering import PageRoute, Reader, page
from map_ui.rule_names import named_in
from map_ui.rule_words import Named, RuleSaid
from map_ui.settings_form import Problem
from map_ui.setup import form_sent, problems_page
from tracking import clock
from tracking.database import Connection, transaction
from tracking.errors import NotSignedIn, VigilError
from tracking.events import store as events_store
from tracking.fleet import store as fleet_store
from tracking.fleet.fleet import Asset
from tracking.people import store as people_store
from tracking.rules import setting as rule_service
from tracking.rules import store
from tracking.rules.rule import FiledRule, RuleFailure, SetRule
from tracking.rules.setting import MAY_SET
from tracking.web import paging
from tracking.web.security import AppPool, Person
from tracking.web.words import Search

router = APIRouter(include_in_schema=False, route_class=PageRoute)

COUNTED = timedelta(days=7)
"""How far back the events of a rule are counted in the list."""

_BATCH = 200
_OWNERS = 500
_MOST_FAILURES = 5

Asked = Annotated[paging.Where, Depends(paging.where)]
On = Literal["", "on", "off", "failing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleShown:
    """A rule in the list. ``events`` are those of the last week."""

    filed: FiledRule
    sentence: str
    events: int

    @property
    def rule(self) -> SetRule:
        """As it was set."""
        return self.filed.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rules a list is about; what is empty asks nothing."""

    search: str = ""
    organisation_id: UUID | None = None
    kind: str = ""
    on: On = ""
    asset: Asset | None = None

    def includes(self, filed: FiledRule) -> bool:
        """What the database was not asked."""
        rule = filed.rule
        if self.on == "failing" and not filed.failing:
            return False
        if self.kind and self.kind not in kinds_of(rule.setting):
            return False
        return self.asset is None or _is_about(rule, self.asset)


@router.get("/rules")
async def rules(
    request: Request,
    reader: Reader,
    pool: AppPool,
    asked: Asked,
    *,
    search: Search = "",
    organisation_id: Annotated[UUID | Literal[""], Query()] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    on: On = "",
    asset_id: UUID | None = None,
) -> Response:
    """The rules that one may see, by name; a page of them, or for htmx only its rows."""
    fragment = "hx-request" in request.headers
    if reader is None:
        if fragment:
            raise NotSignedIn("Sign in first.")
        return RedirectResponse("/sign-in", status_code=303)
    language = chosen(request, reader.language)
    async with transaction(pool, reader.reach) as connection:
        asset = None if asset_id is None else await fleet_store.asset(connection, asset_id)
        wanted = Wanted(
            search=search,
            organisation_id=organisation_id or None,
            kind=kind,
            on=on,
            asset=asset,
        )
        found = await _found(connection, wanted, asked)
        shown = paging.page(found, asked, lambda each: (each.rule.name, str(each.rule.id)))
        rows = await said_in_list(connection, shown.items, language)
        owners = [] if fragment else await _owners(connection, reader)
    words = translations(language).gettext
    return page(
        request,
        "rule-rows.html" if fragment else "rules.html",
        reader=reader,
        found=rows,
        next=shown.next,
        first=asked.after is None,
        owners=owners,
        families=kinds_offered(words),
        asked={
            "search": search,
            "organisation_id": str(organisation_id),
            "kind": kind,
            "on": on,
            "asset_id": "" if asset is None else str(asset.id),
        },
        asset=asset,
        may_set=reader.role in MAY_SET,
        strengthened=rule_words.strengthened,
        severity=severity_said,
        days=COUNTED.days,
    )


@router.get("/rules/ready")
async def ready(request: Request, reader: Reader) -> Response:
    """The rules to begin with."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    there_are = {name: each for name, each in READY.items() if _is_known(each.setting)}
    return page(request, "rules-ready.html", reader=reader, ready=there_are)


@router.post("/rules/{rule_id}/switch")
async def switch(request: Request, reader: Reader, pool: AppPool, rule_id: UUID) -> Response:
    """Have a rule judge, or no longer; answers with its row."""
    try:
        person = signed_in(reader)
        typed = await form_sent(request)
        enabled = typed.get("enabled") == "yes"
        filed = await rule_service.switch_rule(pool, person, rule_id, enabled=enabled)
    except VigilError as refused:
        return problems_page(request, reader, [Problem(field="", label="", words=str(refused))])
    language = chosen(request, person.language)
    async with transaction(pool, person.reach) as connection:
        rows = await said_in_list(connection, [filed], language)
    return page(
        request,
        "rule-rows.html",
        reader=person,
        found=rows,
        next=None,
        first=False,
        asked={},
        may_set=True,
        strengthened=rule_words.strengthened,
        severity=severity_said,
        days=COUNTED.days,
    )


@router.post("/rules/{rule_id}/remove")
async def remove(request: Request, reader: Reader, pool: AppPool, rule_id: UUID) -> Response:
    """Take a rule out of the books, and go back to the list."""
    try:
        await rule_service.remove_rule(pool, signed_in(reader), rule_id)
    except VigilError as refused:
        return problems_page(request, reader, [Problem(field="", label="", words=str(refused))])
    return Response(status_code=204, headers={"HX-Redirect": "/rules"})


def signed_in(reader: Person | None) -> Person:
    """Whoever is signed in. Raises NotSignedIn."""
    if reader is None:
        raise NotSignedIn("Sign in first.")
    return reader


async def said_in_list(
    connection: Connection, found: Sequence[FiledRule], language: str
) -> list[RuleShown]:
    """Rules with their sentence and how many events they had lately."""
    named = await named_in(connection, [each.rule for each in found])
    counts = await events_store.counted_by_rule(
        connection, [each.rule.id for each in found], since=clock.now() - COUNTED
    )
    return [
        RuleShown(
            filed=each,
            sentence=sentence_of(each.rule, named, language),
            events=counts.get(each.rule.id, 0),
        )
        for each in found
    ]


def sentence_of(rule: SetRule, named: Named, language: str) -> str:
    """A rule that is in the books, in a sentence with its marks."""
    said = RuleSaid(
        setting=rule.setting,
        for_s=rule.for_s,
        schedule=rule.schedule,
        scope=rule.scope,
        severity=rule.severity,
        told=rule.told,
    )
    return rule_words.sentence(said, named, language)


def kinds_of(setting: Mapping[str, Any]) -> set[str]:
    """The kinds in a setting, combinations among them."""
    of = setting.get("of")
    parts = [of] if isinstance(of, Mapping) else of or ()
    return {str(setting.get("kind", ""))}.union(*(kinds_of(part) for part in parts))


def kinds_offered(words: Words) -> list[tuple[str, list[tuple[str, str]]]]:
    """(family, its kinds as (kind, title)) in the language of ``words``."""
    offered = []
    for family, said in kind_words.FAMILIES.items():
        titles = [
            (kind, words(each.title))
            for kind, each in kind_words.KINDS.items()
            if each.family == family and _is_known({"kind": kind})
        ]
        if titles:
            offered.append((words(said), titles))
    return offered


def severity_said(severity: int, words: Words) -> str:
    """What a severity is called: “Priority 2”, or that it rings nobody."""
    if severity:
        return words("Priority %(priority)s") % {"priority": severity}
    return words("Only written down")


async def failures_of(connection: Connection, rule_id: UUID) -> list[RuleFailure]:
    """The latest ways in which versions of a rule could not judge."""
    return await store.failures_of(connection, rule_id, most=_MOST_FAILURES)


async def _found(connection: Connection, wanted: Wanted, asked: paging.Where) -> list[FiledRule]:
    """A page of the rules that fit, and one more if there is one."""
    after = paging.after(asked, str, UUID)
    enabled = {"on": True, "off": False}.get(wanted.on)
    found: list[FiledRule] = []
    while len(found) <= asked.limit:
        batch = await store.rules(
            connection,
            after=after,
            search=wanted.search,
            organisation_id=wanted.organisation_id,
            enabled=enabled,
            most=_BATCH,
        )
        found += filter(wanted.includes, batch)
        if len(batch) < _BATCH:
            break
        after = (batch[-1].rule.name, batch[-1].rule.id)
    return found[: asked.limit + 1]


async def _owners(connection: Connection, reader: Person) -> list[tuple[str, str]]:
    if reader.centre_id is None:
        return []
    found = await people_store.organisations(connection, after=None, search="", most=_OWNERS)
    return [(str(each.id), each.name) for each in found]


def _is_about(rule: SetRule, asset: Asset) -> bool:
    said = {name: frozenset(map(str, values)) for name, values in rule.scope.items()}
    if not rule.of_centre:
        said["organisations"] = frozenset({str(rule.organisation_id)})
    return Scope(**said).includes(
        Subject(
            asset_id=str(asset.id),
            organisation_id=str(asset.organisation_id),
            kind=asset.kind,
            group=asset.group,
            tags=frozenset(asset.tags),
        )
    )


def _is_known(setting: Mapping[str, Any]) -> bool:
    return kinds_of(setting) <= {*kinds.names(), *kinds.COMBINATIONS}
