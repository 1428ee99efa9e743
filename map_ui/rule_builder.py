"""Writing a rule: a form that says in one sentence what it means, and its versions.

The server renders the form anew when its shape changes (another kind, one more condition, a zone
from the list); the sentence follows every keystroke. Nothing is filed before somebody saves.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from map_ui import rule_form, rule_words, schedule_form
from map_ui.language import LANGUAGES, chosen
from map_ui.messages import example_facts, facts_offered, usual_message
from map_ui.names import Words
from map_ui.ready_rules import READY
from map_ui.rendering import PageRoute, Reader, page
from map_ui.rule_draft import CHOSEN, Draft, draft_from, draft_of, field_at, said_of, written_of
from map_ui.rule_names import label_of, meant, named_in, named_in_draft, offered, with_names_added
from map_ui.rule_parts import part_shown
from map_ui.rule_versions import versions_shown
from map_ui.rule_words import Named
from map_ui.rules import failures_of, kinds_offered, sentence_of, signed_in
from map_ui.settings_form import Problem
from map_ui.setup import problems_page, words_of
from tracking.database import Connection, transaction
from tracking.errors import Forbidden, Invalid, NotFound, VigilError
from tracking.people import store as people_store
from tracking.rules import setting as rule_service
from tracking.rules.rule import FiledRule, SetRule
from tracking.rules.setting import MAY_SET
from tracking.rules.wording import filled
from tracking.web.security import AppPool, Person

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_MOST_FIELDS = 2_000
_OWNERS = 500


@router.get("/rules/new")
async def new(
    request: Request,
    reader: Reader,
    pool: AppPool,
    ready: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """An empty rule, or one of those that are nearly written."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    person = setter(reader)
    words = words_of(request, person)
    return await _builder(request, pool, person, _ready(ready, person, words), filed=None)


@router.get("/rules/names")
async def names(
    reader: Reader,
    pool: AppPool,
    what: Literal["zones", "assets", "organisations", "groups", "tags"],
    search: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """What could be meant by the beginning of a name."""
    person = signed_in(reader)
    async with transaction(pool, person.reach) as connection:
        found = await offered(connection, what, search)
    return JSONResponse(found, headers={"Cache-Control": "no-store"})


@router.post("/rules/parts")
async def parts(request: Request, reader: Reader, pool: AppPool) -> Response:
    """The conditions and whom they are about, after a button was pressed, and the sentence."""
    person = setter(reader)
    words = words_of(request, person)
    typed = await typed_in(request)
    draft = draft_from(typed)
    async with transaction(pool, person.reach) as connection:
        draft, faults = await _with_names(connection, draft, typed, words)
        draft = _after_button(draft, rule_form.text_of(typed, "do"))
        named = await named_in_draft(connection, draft)
    return page(
        request,
        "rule-parts.html",
        reader=person,
        fragment=True,
        **_shape(draft, named, words, faults),
        **_said(draft, named, request, person),
    )


@router.post("/rules/sentence")
async def sentence(request: Request, reader: Reader, pool: AppPool) -> Response:
    """What the form says so far, in one sentence, and what its alarm would say."""
    person = setter(reader)
    draft = draft_from(await typed_in(request))
    async with transaction(pool, person.reach) as connection:
        named = await named_in_draft(connection, draft)
    return page(
        request, "rule-sentence.html", reader=person, **_said(draft, named, request, person)
    )


@router.post("/rules/save")
async def save(request: Request, reader: Reader, pool: AppPool) -> Response:
    """File a new rule, or the next version of one. Goes to its page, or says what is wrong."""
    words = words_of(request, reader)
    draft = Draft()
    try:
        person = setter(reader)
        typed = await typed_in(request)
        async with transaction(pool, person.reach) as connection:
            draft, faults = await _with_names(connection, draft_from(typed), typed, words)
        draft = replace(draft, enabled=rule_form.text_of(typed, "enabled") == "yes")
        written, problems = written_of(draft, words)
        problems += [
            Problem(field=at, label=words("Name"), words=say) for at, say in faults.items()
        ]
        if problems:
            return problems_page(request, person, problems)
        if rule_id := rule_form.text_of(typed, "rule_id"):
            based_on = int(rule_form.text_of(typed, "version") or 0)
            filed = await rule_service.change_rule(
                pool, person, UUID(rule_id), written, based_on=based_on
            )
        else:
            filed = await rule_service.add_rule(pool, person, written)
    except VigilError as refused:
        return problems_page(request, reader, [problem_of(refused, draft, words)])
    where = f"/rules/{filed.rule.id}?saved={filed.rule.version}"
    return Response(status_code=204, headers={"HX-Redirect": where})


@router.post("/rules/{rule_id}/bring-back")
async def bring_back(request: Request, reader: Reader, pool: AppPool, rule_id: UUID) -> Response:
    """Put what an old version says in force again, as the next version."""
    words = words_of(request, reader)
    try:
        person = setter(reader)
        typed = await typed_in(request)
        async with transaction(pool, person.reach) as connection:
            versions = await rule_service.versions_seen(connection, rule_id)
        wanted = rule_form.text_of(typed, "version")
        old = next((each for each in versions if str(each.rule.version) == wanted), None)
        if old is None:
            raise NotFound("There is no such version.")
        note = words("Version %(number)s again") % {"number": old.rule.version}
        written, _ = written_of(_draft_of(old), words)
        filed = await rule_service.change_rule(
            pool,
            person,
            rule_id,
            replace(written, note=note, enabled=versions[0].rule.enabled),
            based_on=versions[0].rule.version,
        )
    except VigilError as refused:
        return problems_page(request, reader, [problem_of(refused, Draft(), words)])
    where = f"/rules/{rule_id}?saved={filed.rule.version}"
    return Response(status_code=204, headers={"HX-Redirect": where})


@router.get("/rules/{rule_id}")
async def rule(
    request: Request,
    reader: Reader,
    pool: AppPool,
    rule_id: UUID,
    *,
    saved: int | None = None,
    change: Annotated[str, Query(max_length=200)] = "",
    to: float = 0.0,
) -> Response:
    """One rule: what it says, how it fails, its versions, and for who may the form.

    ``change`` is a number of the rule, as ``setting.of.0.margin_m``, that the form shows as ``to``.
    """
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    async with transaction(pool, reader.reach) as connection:
        filed = await rule_service.rule_seen(connection, rule_id)
    shown = filed
    if change:
        shown = replace(filed, rule=with_number(filed.rule, change, to))
    return await _builder(request, pool, reader, _draft_of(shown), filed=filed, saved=saved)


def with_number(rule: SetRule, at: str, value: float) -> SetRule:
    """The rule with another number in one place; as it is, if there is no such place."""
    if at == "for_s":
        return replace(rule, for_s=value)
    first, *steps = at.split(".")
    setting = json.loads(json.dumps(dict(rule.setting)))
    here: Any = setting
    try:
        for step in steps[:-1]:
            here = here[int(step)] if isinstance(here, list) else here[step]
        if first != "setting" or not isinstance(here[steps[-1]], int | float):
            return rule
        here[steps[-1]] = value
    except (LookupError, TypeError, ValueError):
        return rule
    return replace(rule, setting=setting)


async def typed_in(request: Request) -> rule_form.Typed:
    """Every value of every field of a form."""
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        typed: dict[str, list[str]] = {}
        for name, value in form.multi_items():
            if isinstance(value, str):
                typed.setdefault(name, []).append(value)
        return typed


async def _builder(
    request: Request,
    pool: AppPool,
    person: Person,
    draft: Draft,
    *,
    filed: FiledRule | None,
    saved: int | None = None,
) -> Response:
    language = chosen(request, person.language)
    words = words_of(request, person)
    async with transaction(pool, person.reach) as connection:
        named = await named_in_draft(connection, draft)
        owners = await _owners(connection, person)
        versions, failures = [], []
        if filed is not None:
            found = await rule_service.versions_seen(connection, filed.rule.id)
            all_named = await named_in(connection, [each.rule for each in found])
            versions = versions_shown(found, all_named, language)
            failures = await failures_of(connection, filed.rule.id)
    return page(
        request,
        "rule.html",
        reader=person,
        fragment=False,
        draft=draft,
        filed=filed,
        saved=saved,
        owners=owners,
        versions=versions,
        failures=failures,
        as_json=lambda value: json.dumps(value, indent=1, ensure_ascii=False),
        sentence="" if filed is None else sentence_of(filed.rule, named, language),
        schedule_choices=schedule_form.choices(language),
        schedule_setting=json.loads(draft.schedule) if draft.schedule else None,
        may_set=person.role in MAY_SET and (filed is None or not filed.removed),
        usual={each: usual_message(_first_kind(draft), each) for each in LANGUAGES},
        **_shape(draft, named, words, {}),
        **_said(draft, named, request, person),
    )


def _shape(draft: Draft, named: Named, words: Words, faults: Mapping[str, str]) -> dict[str, Any]:
    """What ``rule-parts.html`` shows."""
    names: Mapping[str, Mapping[str, str]] = {
        "assets": named.assets,
        "organisations": named.organisations,
    }
    return {
        "root": part_shown(draft.tree, named, words, faults=faults),
        "families": kinds_offered(words),
        "scope_kinds": draft.kinds,
        "scope": {
            what: [
                (value, label_of(value, names.get(what, {}), words))
                for value in draft.scope.get(what, ())
            ]
            for what in CHOSEN
        },
        "faults": faults,
        "spans": rule_form.SPANS,
    }


def _said(draft: Draft, named: Named, request: Request, person: Person) -> dict[str, Any]:
    """What ``rule-said.html`` shows."""
    language = chosen(request, person.language)
    words = words_of(request, person)
    kind = _first_kind(draft)
    messages = {
        each: filled(
            draft.messages.get(each, "").strip() or usual_message(kind, each),
            example_facts(kind, each),
            language=each,
        )
        for each in LANGUAGES
    }
    return {
        "said": rule_words.sentence(said_of(draft, words), named, language),
        "strengthened": rule_words.strengthened,
        "messages": messages,
        "facts": facts_offered(kinds_in(draft), words),
    }


def kinds_in(draft: Draft) -> list[str]:
    """The kinds in a draft, in the order in which they are written."""
    return [each.kind for each in rule_form.leaves(draft.tree) if each.kind]


def _first_kind(draft: Draft) -> str:
    return next(iter(kinds_in(draft)), "")


def _after_button(draft: Draft, do: str) -> Draft:
    verb, _, rest = do.partition(":")
    if verb == "unscope":
        what, _, value = rest.partition(":")
        kept = [each for each in draft.scope.get(what, ()) if each != value]
        return replace(draft, scope={**draft.scope, what: kept})
    return replace(draft, tree=rule_form.changed(draft.tree, do))


async def _with_names(
    connection: Connection, draft: Draft, typed: rule_form.Typed, words: Words
) -> tuple[Draft, dict[str, str]]:
    """The draft with what was typed beside its lists put into them."""
    tree, faults = await with_names_added(connection, draft.tree, words)
    scope = dict(draft.scope)
    for what in CHOSEN:
        text = rule_form.text_of(typed, f"scope.{what}.add")
        if not text.strip():
            continue
        try:
            value = await meant(connection, what, text, words)
        except ValueError as error:
            faults[f"scope.{what}"] = str(error)
            continue
        scope[what] = [*dict.fromkeys([*scope.get(what, ()), value])]
    return replace(draft, tree=tree, scope=scope), faults


async def _owners(connection: Connection, person: Person) -> list[tuple[str, str]]:
    """Whose a new rule can be: (id, name), the person's own organisation first."""
    found = await people_store.organisations(connection, after=None, search="", most=_OWNERS)
    own = [each for each in found if each.id == person.organisation_id]
    rest = [each for each in found if each.id != person.organisation_id]
    return [(str(each.id), each.name) for each in [*own, *rest]]


def _ready(name: str, person: Person, words: Words) -> Draft:
    draft = Draft(organisation_id=str(person.organisation_id))
    if name not in READY:
        return draft
    ready = READY[name]
    for_, unit = rule_form.span_typed(ready.for_s) if ready.for_s else ("", "min")
    return replace(
        draft,
        tree=rule_form.tree_of(ready.setting),
        name=words(ready.name),
        for_=for_,
        for_unit=unit,
        schedule=json.dumps(ready.schedule) if ready.schedule else "",
        kinds=ready.kinds,
        severity=str(ready.severity),
    )


def _draft_of(filed: FiledRule) -> Draft:
    schedule = filed.rule.schedule
    return draft_of(filed.rule, "" if schedule is None else json.dumps(dict(schedule)))


def problem_of(refused: VigilError, draft: Draft, words: Words) -> Problem:
    """What the service refused, at the field that it means."""
    field = field_at(refused.where, draft) if isinstance(refused, Invalid) else ""
    return Problem(field=field, label=words("Here"), words=str(refused))


def setter(reader: Person | None) -> Person:
    """Whoever may set rules. Raises NotSignedIn or Forbidden."""
    person = signed_in(reader)
    if person.role not in MAY_SET:
        raise Forbidden("Your role may look at rules and not set them.")
    return person
