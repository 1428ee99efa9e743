"""Decisions about profiles: what may be set, and what a frame means with it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import protocols
from protocols.json_lines import Row, Sessions
from protocols.settings import DeviceSettings, settings_as_json, settings_from
from tracking import clock
from tracking.audit import store as audit
from tracking.database import Pool, transaction
from tracking.errors import Forbidden, Invalid, NotFound
from tracking.fleet import store as fleet
from tracking.fleet.service import device_seen
from tracking.people.person import Person
from tracking.profiles import store
from tracking.profiles.profile import NewProfile, Profile, Setup

_OF_THE_UNIT = frozenset({"model", "secret"})
"""Settings that a profile cannot have: they are each unit's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSetup:
    """How one device is set up, and where each part of it comes from."""

    device_id: UUID
    setup: Setup
    in_force: DeviceSettings
    secret_set_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSaid:
    """One stored frame and its meaning; ``meaning`` is as `python -m protocols decode` says it."""

    received_at: datetime
    codec: str
    payload: bytes
    meaning: Mapping[str, object]


async def file_version(
    pool: Pool, by: Person, new: NewProfile, *, category_times_s: Mapping[str, int]
) -> Profile:
    """Put the next version of a profile in force, for all its units at once.

    A category of EN 50136-1 stands for its reporting time, unless another is given. Raises
    Invalid, or Forbidden for who does not belong to a centre.
    """
    if by.centre_id is None:
        raise Forbidden("A centre's administrator sets devices up.")
    new = replace(
        new,
        model=new.model.lower(),
        settings=checked(new.settings, codec=new.codec),
        reporting_time_s=new.reporting_time_s or _time_of(new.category, category_times_s),
    )
    async with transaction(pool, by.reach) as connection:
        filed = await store.add_version(connection, new, by=by.id)
        await store.notify_gateways(connection)
        return filed


async def versions(pool: Pool, by: Person, *, codec: str, model: str) -> list[Profile]:
    """Every version of one profile, newest first. Raises NotFound."""
    async with transaction(pool, by.reach) as connection:
        found = await store.versions(connection, codec=codec, model=model.lower())
    if not found:
        raise NotFound("There is no such profile yet.")
    return found


async def setup_of(pool: Pool, by: Person, device_id: UUID) -> DeviceSetup:
    """How a device is set up. Raises NotFound."""
    async with transaction(pool, by.reach) as connection:
        setup = await store.setup_of(connection, device_id)
        if setup is None:
            raise NotFound("There is no such device, or none that you may see.")
        return DeviceSetup(
            device_id=device_id,
            setup=setup,
            in_force=setup.in_force(),
            secret_set_at=await store.secret_set_at(connection, device_id),
        )


async def set_up(
    pool: Pool,
    by: Person,
    device_id: UUID,
    settings: Mapping[str, object],
    *,
    secret: str | None,
) -> DeviceSetup:
    """Say how this unit differs from its model; ``secret`` None keeps it, "" takes it away.

    Raises NotFound or Invalid.
    """
    async with transaction(pool, by.reach) as connection:
        device = await device_seen(connection, device_id, lock=True)
        await store.set_up(connection, device_id, checked(settings, codec=device.codec))
        if secret is not None:
            await store.set_secret(connection, device_id, secret)
        await fleet.notify_gateways(connection, device_id=device_id)
    return await setup_of(pool, by, device_id)


async def frames_of(
    pool: Pool, by: Person, device_id: UUID, *, before: datetime | None, most: int
) -> list[FrameSaid]:
    """The last frames of a device with their meaning, newest first. Raises NotFound.

    Frames say where somebody was, so that they were looked at is written down.
    """
    async with transaction(pool, by.reach) as connection:
        device = await device_seen(connection, device_id)
        setup = await store.setup_of(connection, device_id)
        found = await store.frames_of(
            connection, device.unit_id, before=before or clock.now(), most=most
        )
        if device.asset_id is not None:
            await audit.note_location_reads(
                connection, person_id=by.id, asset_ids=[device.asset_id], what="frames"
            )
    assert setup is not None
    # Off the event loop: a hundred frames of many records take longer than an alarm should wait.
    return (await asyncio.to_thread(_understood, found[::-1], setup))[::-1]


def preview(
    frames: Sequence[tuple[datetime, bytes]],
    *,
    codec: str,
    unit_id: str,
    settings: Mapping[str, object],
) -> list[Mapping[str, object]]:
    """What these frames would mean with these settings. Raises Invalid.

    Frames are said one after the other, each with when it was heard. Nothing is stored. The
    settings may name a model and a secret here.
    """
    _refuse_unspoken(codec)
    try:
        chosen = settings_from(settings)
    except ValueError as error:
        raise Invalid(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    sessions = Sessions(protocols.get(codec))
    return [
        sessions.hear(
            Row(wire=frame, unit_id=unit_id, session="preview", settings=chosen), heard_at
        )
        for heard_at, frame in frames
    ]


def checked(settings: Mapping[str, object], *, codec: str) -> dict[str, object]:
    """The settings as they are stored. Raises Invalid, which says what is wrong."""
    _refuse_unspoken(codec)
    if own := sorted(_OF_THE_UNIT & settings.keys()):
        raise Invalid(f"{' and '.join(own)}: said of a device, not in its settings.")
    try:
        read = settings_from(settings)
    except ValueError as error:
        raise Invalid(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    known = protocols.get(codec).options
    if odd := sorted(read.options.keys() - known.keys()):
        there_are = ", ".join(known) or "none"
        raise Invalid(f"{codec} has no option {', '.join(odd)}; there are: {there_are}.")
    # An empty text takes back what a profile says, so what was sent is kept, not what differs.
    return {**dict(settings), **settings_as_json(read)}


def _understood(frames: Sequence[tuple[datetime, str, bytes]], setup: Setup) -> list[FrameSaid]:
    """Frames in the order in which they came, as one conversation for each protocol."""
    settings = setup.in_force()
    sessions: dict[str, Sessions] = {}
    said = []
    for received_at, codec, payload in frames:
        if codec not in protocols.names():
            meaning: Mapping[str, object] = {"messages": [], "error": f"nobody speaks {codec} now"}
        else:
            talk = sessions.setdefault(codec, Sessions(protocols.get(codec)))
            row = Row(wire=payload, unit_id=setup.unit_id, session=codec, settings=settings)
            meaning = talk.hear(row, received_at)
        said.append(
            FrameSaid(received_at=received_at, codec=codec, payload=payload, meaning=meaning)
        )
    return said


def _time_of(category: str | None, times_s: Mapping[str, int]) -> int | None:
    if category is None:
        return None
    if category not in times_s:
        raise Invalid(f"{category} is no category; there are {', '.join(times_s)}.")
    return times_s[category]


def _refuse_unspoken(codec: str) -> None:
    if codec not in protocols.names():
        raise Invalid(f"We do not speak {codec}; we speak {', '.join(protocols.names())}.")
