"""Profiles: how every device of a model is set up, version by version.

A version is never changed. Saving puts the next one in force, and an old one is brought back by
saving it anew.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from babel.units import format_unit
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

import protocols
from map_ui import settings_form
from map_ui.language import REGIONS, chosen
from map_ui.names import Words
from map_ui.rendering import PageRoute, Reader, page
from map_ui.settings_form import Problem
from map_ui.setup import (
    administrator,
    form_sent,
    frames_pasted,
    preview_page,
    problems_page,
    staff,
    words_of,
)
from protocols.settings import settings_as_json
from tracking import clock
from tracking.database import transaction
from tracking.errors import NotFound, VigilError
from tracking.profiles import service, store
from tracking.profiles.profile import NewProfile, Profile, Setup
from tracking.settings import Settings
from tracking.web.security import AppPool, AppSettings, Person, Role
from tracking.web.words import Search

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Codec = Annotated[str, Query(max_length=40)]
Model = Annotated[Search, Query()]

_SHORTEST_REPORTING_S = 20
_LONGEST_REPORTING_S = 2_764_800
_LONGEST_NOTE = 4_000
_UNITS_S = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Every version of one profile, newest first, and what all models of its protocol share."""

    codec: str
    model: str
    versions: Sequence[Profile]
    shared: Mapping[str, object]
    units: int

    @property
    def settings(self) -> Mapping[str, object]:
        """What is in force; nothing before the first version."""
        return self.versions[0].settings if self.versions else {}

    @property
    def version(self) -> int:
        """The version in force; 0 before the first."""
        return self.versions[0].version if self.versions else 0


@router.get("/profiles")
async def profiles(request: Request, reader: Reader, pool: AppPool) -> Response:
    """The version in force of every profile, by protocol and model."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    person = staff(reader)
    words = words_of(request, person)
    span = _span(chosen(request, person.language))
    async with transaction(pool, person.reach) as connection:
        found = await store.profiles_in_force(connection, codec=None)
        units = [
            await store.units_of(connection, codec=each.codec, model=each.model) for each in found
        ]
    return page(
        request,
        "profiles.html",
        reader=person,
        profiles=[
            (each, number, _briefly(each, words, span))
            for each, number in zip(found, units, strict=True)
        ],
        codecs=[(name, protocols.get(name).title) for name in protocols.names()],
        administrator=person.role is Role.ADMINISTRATOR,
    )


@router.get("/profiles/edit")
async def profile(
    request: Request,
    reader: Reader,
    pool: AppPool,
    settings: AppSettings,
    *,
    codec: Codec,
    model: Model = "",
) -> Response:
    """One profile: what it sets, its versions, and for administrators the form."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    person = staff(reader)
    found = await _found(pool, person, codec, model)
    return _page(request, person, found, settings, "profile.html")


@router.post("/profiles/edit")
async def save(request: Request, reader: Reader, pool: AppPool, settings: AppSettings) -> Response:
    """Put the next version in force. Answers with the profile, or with what is wrong."""
    words = words_of(request, reader)
    try:
        person = administrator(reader)
        typed = await form_sent(request)
        found = await _found(pool, person, typed.get("codec", ""), typed.get("model", ""))
        new, problems = _typed(typed, found, words)
        if typed.get("version") != str(found.version):
            said = words("Somebody else changed this in the meantime. Load the page again.")
            problems = [Problem(field="", label="", words=said)]
        if problems:
            return problems_page(request, person, problems)
        await service.file_version(pool, person, new, category_times_s=settings.category_times_s)
    except VigilError as refused:
        return problems_page(request, reader, [Problem(field="", label="", words=str(refused))])
    found = await _found(pool, person, found.codec, found.model)
    return _page(request, person, found, settings, "profile-body.html", saved=True)


@router.post("/profiles/bring-back")
async def bring_back(
    request: Request, reader: Reader, pool: AppPool, settings: AppSettings
) -> Response:
    """Put what an old version says in force again, as the next version."""
    words = words_of(request, reader)
    try:
        person = administrator(reader)
        typed = await form_sent(request)
        found = await _found(pool, person, typed.get("codec", ""), typed.get("model", ""))
        old = next((v for v in found.versions if str(v.version) == typed.get("version")), None)
        if old is None:
            raise NotFound("There is no such version.")
        new = NewProfile(
            codec=old.codec,
            model=old.model,
            settings=old.settings,
            category=old.category,
            reporting_time_s=old.reporting_time_s,
            note=words("Version %(number)s again") % {"number": old.version},
        )
        await service.file_version(pool, person, new, category_times_s=settings.category_times_s)
    except VigilError as refused:
        return problems_page(request, reader, [Problem(field="", label="", words=str(refused))])
    found = await _found(pool, person, found.codec, found.model)
    return _page(request, person, found, settings, "profile-body.html", saved=True)


@router.post("/profiles/preview")
async def preview(request: Request, reader: Reader, pool: AppPool) -> Response:
    """What pasted frames mean now and would mean with what was typed."""
    words = words_of(request, reader)
    try:
        person = administrator(reader)
        typed = await form_sent(request)
        found = await _found(pool, person, typed.get("codec", ""), typed.get("model", ""))
        new, problems = _typed(typed, found, words)
        frames = frames_pasted(typed, words, problems)
        if not (frames or problems):
            label = words("Frames in hexadecimal")
            said = words("Paste at least one.")
            problems.append(Problem(field="frames", label=label, words=said))
        if problems:
            return problems_page(request, person, problems)
        heard_at = clock.now()
        heard = [(heard_at, frame) for frame in frames]
        now, then = [
            await asyncio.to_thread(
                service.preview, heard, codec=found.codec, unit_id="", settings=_sum(found, layer)
            )
            for layer in (found.settings, new.settings)
        ]
    except VigilError as refused:
        return problems_page(request, reader, [Problem(field="", label="", words=str(refused))])
    shown = [(heard_at, frame, meaning) for frame, meaning in zip(frames, now, strict=True)]
    return await preview_page(request, person, shown, then, pasted=True)


async def _found(pool: AppPool, person: Person, codec: str, model: str) -> _Found:
    """What there is of a profile, nothing for a new one. Raises NotFound for an unknown codec."""
    if codec not in protocols.names():
        raise NotFound(f"We do not speak {codec}.")
    model = model.strip().lower()
    async with transaction(pool, person.reach) as connection:
        versions = await store.versions(connection, codec=codec, model=model)
        shared = await store.versions(connection, codec=codec, model="") if model else []
        units = await store.units_of(connection, codec=codec, model=model)
    return _Found(
        codec=codec,
        model=model,
        versions=versions,
        shared=shared[0].settings if shared else {},
        units=units,
    )


def _page(
    request: Request,
    person: Person,
    found: _Found,
    settings: Settings,
    template: str,
    *,
    saved: bool = False,
) -> Response:
    words = words_of(request, person)
    span = _span(chosen(request, person.language))
    return page(
        request,
        template,
        reader=person,
        found=found,
        title=protocols.get(found.codec).title,
        newest=found.versions[0] if found.versions else None,
        rows=settings_form.in_force(
            [("protocol", found.shared), ("model" if found.model else "protocol", found.settings)],
            codec=found.codec,
            words=words,
        ),
        form=settings_form.form_of(found.settings, [found.shared], codec=found.codec, words=words),
        categories=settings.category_times_s,
        reporting_time_s=_own_reporting_time(found, settings.category_times_s),
        versions=_with_changes(found, words, span),
        span=span,
        administrator=person.role is Role.ADMINISTRATOR,
        saved=saved,
    )


def _span(language: str) -> Callable[[int], str]:
    """Seconds in the largest unit that says them in a whole number: 90 s, 30 min, 25 h, 32 d."""

    def said(seconds: int) -> str:
        whole = [unit for unit in _UNITS_S if seconds % unit[1] == 0 and seconds > unit[1]]
        name, size = (whole or _UNITS_S[-1:])[0]
        return format_unit(
            seconds // size, f"duration-{name}", length="short", locale=REGIONS[language]
        )

    return said


def _with_changes(
    found: _Found, words: Words, span: Callable[[int], str]
) -> list[tuple[Profile, list[tuple[str, str, str]]]]:
    """Each version with what it changed: (what, before, after)."""
    befores: list[Profile | None] = [*found.versions, None][1:]
    return [
        (each, _changes(before, each, words, span))
        for each, before in zip(found.versions, befores, strict=True)
    ]


def _changes(
    before: Profile | None, after: Profile, words: Words, span: Callable[[int], str]
) -> list[tuple[str, str, str]]:
    settings = {} if before is None else before.settings
    changed = settings_form.changes(settings, after.settings, codec=after.codec, words=words)
    for field in ("category", "reporting_time_s"):
        was, now = getattr(before, field, None), getattr(after, field)
        if was != now:
            label = settings_form.label(field, words)
            changed.append((label, _said(was, words, span), _said(now, words, span)))
    return changed


def _said(value: str | int | None, words: Words, span: Callable[[int], str]) -> str:
    if isinstance(value, int):
        return span(value)
    return value or words("None")


def _briefly(profile: Profile, words: Words, span: Callable[[int], str]) -> list[tuple[str, str]]:
    said = settings_form.said_briefly(profile.settings, codec=profile.codec, words=words)
    if profile.reporting_time_s is not None:
        time = span(profile.reporting_time_s)
        text = f"{profile.category} · {time}" if profile.category else time
        said.append((settings_form.label("reporting_time_s", words), text))
    return said


def _own_reporting_time(found: _Found, times_s: Mapping[str, int]) -> str:
    """What the form shows: nothing where the category says it."""
    if not found.versions or found.versions[0].reporting_time_s is None:
        return ""
    newest = found.versions[0]
    if newest.category and times_s.get(newest.category) == newest.reporting_time_s:
        return ""
    return str(newest.reporting_time_s)


def _typed(
    typed: Mapping[str, str], found: _Found, words: Words
) -> tuple[NewProfile, list[Problem]]:
    settings, problems = settings_form.read(typed, codec=found.codec, words=words)
    reporting = typed.get("reporting_time_s", "").strip()
    time: Any = None
    if reporting:
        if reporting.isdecimal() and (
            _SHORTEST_REPORTING_S <= int(reporting[:9]) <= _LONGEST_REPORTING_S
        ):
            time = int(reporting)
        else:
            said = words("Write a number of seconds, from 20 s to 32 days.")
            label = settings_form.label("reporting_time_s", words)
            problems.append(Problem(field="reporting_time_s", label=label, words=said))
    note = typed.get("note", "").replace("\r\n", "\n").strip()
    if len(note) > _LONGEST_NOTE or not note.replace("\n", "").replace("\t", "").isprintable():
        said = words("Write it without control characters, 4000 letters at most.")
        label = settings_form.label("note", words)
        problems.append(Problem(field="note", label=label, words=said))
    new = NewProfile(
        codec=found.codec,
        model=found.model,
        settings=settings,
        category=typed.get("category") or None,
        reporting_time_s=time,
        note=note,
    )
    return new, problems


def _sum(found: _Found, layer: Mapping[str, object]) -> dict[str, object]:
    """What would be in force for a unit of this model, as ``service.preview`` takes it."""
    setup = Setup(
        unit_id="",
        model=found.model,
        shared=found.shared,
        of_model=layer,
        of_unit={},
    )
    return settings_as_json(replace(setup.in_force(), model=found.model))
