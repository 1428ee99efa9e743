"""How one device is set up: what is in force and where it comes from, and changing it.

A part of the device's page. Administrators change it, after they have seen what the device's last
frames would mean; other staff look. Answers to a form go beside it, so nothing typed is lost.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

import protocols
from map_ui import settings_form
from map_ui.comparison import compared, differing
from map_ui.frames_typed import frames_typed
from map_ui.language import chosen, translations
from map_ui.meaning import grouped, meaning_of
from map_ui.names import Words
from map_ui.rendering import PageRoute, Reader, page
from map_ui.settings_form import Problem
from protocols.settings import settings_as_json
from tracking import clock
from tracking.database import transaction
from tracking.errors import Forbidden, NotFound, NotSignedIn, VigilError
from tracking.fleet.fleet import Device
from tracking.fleet.service import device_seen
from tracking.profiles import service
from tracking.profiles.profile import Setup
from tracking.profiles.service import DeviceSetup
from tracking.web.security import AppPool, Person, Role

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_LAST_FRAMES = 10
_SHOWN_BYTES = 64
_SECRET = re.compile(r"[!-~]{0,200}")

Heard = tuple[datetime, bytes, Mapping[str, object]]
"""When a frame came, its bytes, and what it means with the settings of now."""


@router.get("/devices/{device_id}/setup")
async def setup(request: Request, reader: Reader, pool: AppPool, device_id: UUID) -> Response:
    """What is in force, and for administrators the form."""
    person = staff(reader)
    device, found = await _found(pool, person, device_id)
    return _section(request, person, device, found)


@router.post("/devices/{device_id}/setup")
async def set_up(request: Request, reader: Reader, pool: AppPool, device_id: UUID) -> Response:
    """Say where this unit differs. Answers with the whole section, or with what is wrong."""
    words = words_of(request, reader)
    try:
        person = administrator(reader)
        device, found = await _found(pool, person, device_id)
        typed = await form_sent(request)
        settings, secret, problems = _typed(typed, device, words)
        if typed.get("seen") != _fingerprint(found.setup):
            said = words("Somebody else changed this in the meantime. Load the page again.")
            problems = [Problem(field="", label="", words=said)]
        if problems:
            return problems_page(request, person, problems)
        found = await service.set_up(pool, person, device_id, settings, secret=secret)
    except VigilError as refused:
        return problems_page(request, reader, [Problem(field="", label="", words=str(refused))])
    return _section(request, person, device, found, saved=True)


@router.post("/devices/{device_id}/setup/preview")
async def preview(request: Request, reader: Reader, pool: AppPool, device_id: UUID) -> Response:
    """What its last frames, or pasted ones, mean now and would mean with what was typed."""
    words = words_of(request, reader)
    try:
        person = administrator(reader)
        device, found = await _found(pool, person, device_id)
        typed = await form_sent(request)
        settings, secret, problems = _typed(typed, device, words)
        pasted = frames_pasted(typed, words, problems)
        if problems:
            return problems_page(request, person, problems)
        then = _sum(replace(found.setup, of_unit=settings), secret or "")
        frames = await _frames(pool, person, device, found, pasted)
        meanings = await asyncio.to_thread(
            service.preview,
            [(at, frame) for at, frame, _ in frames],
            codec=device.codec,
            unit_id=device.unit_id,
            settings=then,
        )
    except VigilError as refused:
        return problems_page(request, reader, [Problem(field="", label="", words=str(refused))])
    return await preview_page(request, person, frames, meanings, pasted=bool(pasted))


def words_of(request: Request, reader: Person | None) -> Words:
    """What says things in the reader's language."""
    return translations(chosen(request, None if reader is None else reader.language)).gettext


def staff(reader: Person | None) -> Person:
    """Whoever may look at how devices are set up. Raises NotSignedIn or Forbidden."""
    if reader is None:
        raise NotSignedIn("Sign in first.")
    if reader.centre_id is None:
        raise Forbidden("How devices are set up is the centre's business.")
    return reader


def administrator(reader: Person | None) -> Person:
    """Whoever may change how devices are set up. Raises NotSignedIn or Forbidden."""
    person = staff(reader)
    if person.role is not Role.ADMINISTRATOR:
        raise Forbidden("An administrator sets devices up.")
    return person


async def form_sent(request: Request) -> dict[str, str]:
    """The texts of a form by field; an option of a codec is a field of its own."""
    async with request.form(max_files=0, max_fields=200) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def frames_pasted(typed: Mapping[str, str], words: Words, problems: list[Problem]) -> list[bytes]:
    """The frames that were pasted into the form, if any."""
    try:
        return frames_typed(typed.get("frames", ""), words)
    except ValueError as error:
        label = words("Frames in hexadecimal")
        problems.append(Problem(field="frames", label=label, words=str(error)))
        return []


def problems_page(request: Request, reader: Person | None, problems: Sequence[Problem]) -> Response:
    """What is wrong with a form, to be shown beside it."""
    return page(request, "form-problems.html", reader=reader, status=422, problems=problems)


async def preview_page(
    request: Request,
    person: Person,
    frames: Sequence[Heard],
    meanings: Sequence[Mapping[str, object]],
    *,
    pasted: bool,
) -> Response:
    """Both meanings of each frame side by side, the newest first."""
    language = chosen(request, person.language)
    words = translations(language).gettext
    # Off the event loop: the places of many records are named.
    found = await asyncio.to_thread(
        lambda: [
            compared(meaning_of(now, language), meaning_of(then, language), words)
            for (_, _, now), then in zip(frames, meanings, strict=True)
        ]
    )
    return page(
        request,
        "setup-preview.html",
        reader=person,
        frames=[
            (None if pasted else at, _digits(frame), len(frame), each)
            for (at, frame, _), each in reversed(list(zip(frames, found, strict=True)))
        ],
        differing=differing(found),
    )


async def _found(pool: AppPool, person: Person, device_id: UUID) -> tuple[Device, DeviceSetup]:
    async with transaction(pool, person.reach) as connection:
        device = await device_seen(connection, device_id)
    found = await service.setup_of(pool, person, device_id)
    if device.codec not in protocols.names():
        raise NotFound(f"We do not speak {device.codec}.")
    return device, found


def _section(
    request: Request, person: Person, device: Device, found: DeviceSetup, *, saved: bool = False
) -> Response:
    words = words_of(request, person)
    setup, codec = found.setup, device.codec
    below = [layer for layer in (setup.shared, setup.of_model) if layer is not None]
    return page(
        request,
        "setup.html",
        reader=person,
        device=device,
        rows=settings_form.in_force(
            [
                ("protocol", setup.shared or {}),
                ("model", setup.of_model or {}),
                ("unit", setup.of_unit),
            ],
            codec=codec,
            words=words,
        ),
        secret_set_at=found.secret_set_at,
        form=settings_form.form_of(setup.of_unit, below, codec=codec, words=words),
        seen=_fingerprint(setup),
        administrator=person.role is Role.ADMINISTRATOR,
        saved=saved,
    )


def _typed(
    typed: Mapping[str, str], device: Device, words: Words
) -> tuple[dict[str, object], str | None, list[Problem]]:
    """Settings, secret (None keeps the one there is) and problems of a form."""
    settings, problems = settings_form.read(typed, codec=device.codec, words=words)
    secret = typed.get("secret", "").strip()
    if secret and "secret_removed" in typed:
        said = words("Either a new secret or none: not both.")
    elif not _SECRET.fullmatch(secret):
        said = words("A key in hexadecimal or a pass code: 200 letters, digits and signs at most.")
    else:
        return settings, secret or ("" if "secret_removed" in typed else None), problems
    label = settings_form.label("secret", words)
    return settings, None, [*problems, Problem(field="secret", label=label, words=said)]


async def _frames(
    pool: AppPool, person: Person, device: Device, found: DeviceSetup, pasted: Sequence[bytes]
) -> list[Heard]:
    """The frames to be shown, oldest first, with what they mean now."""
    if not pasted:
        last = await service.frames_of(pool, person, device.id, before=None, most=_LAST_FRAMES)
        return [
            (frame.received_at, frame.payload, frame.meaning)
            for frame in reversed(last)
            if frame.codec == device.codec
        ]
    now = clock.now()
    meanings = await asyncio.to_thread(
        service.preview,
        [(now, frame) for frame in pasted],
        codec=device.codec,
        unit_id=device.unit_id,
        settings=_sum(found.setup, ""),
    )
    return [(now, frame, meaning) for frame, meaning in zip(pasted, meanings, strict=True)]


def _sum(setup: Setup, secret: str) -> dict[str, object]:
    """What would be in force, as ``service.preview`` takes it."""
    return {**settings_as_json(setup.in_force()), "secret": secret}


def _fingerprint(setup: Setup) -> str:
    """Tells whether a form was made of what is still so."""
    said = json.dumps(setup.of_unit, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _digits(frame: bytes) -> str:
    return grouped(frame[:_SHOWN_BYTES].hex()) + (" …" if len(frame) > _SHOWN_BYTES else "")
