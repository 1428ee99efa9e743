"""Decisions about zones: who may draw where, what a drawing comes to, what may be taken away.

Every change is a new version, and tells whoever judges by zones in its own transaction. The centre
keeps its own zones and those of its clients; a client's people keep theirs.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from tracking.database import Connection, Pool, transaction
from tracking.errors import Conflict, Invalid, NotFound
from tracking.fleet.service import asset_seen
from tracking.people.administration import organisation_seen
from tracking.people.person import Person
from tracking.zones import store
from tracking.zones.outlines import outline_of
from tracking.zones.zone import Drawing, NewZone, Outline, Remark, ZoneSaid, ZoneVersion

Drawn = tuple[ZoneVersion, tuple[Remark, ...]]
"""A version of a zone, and what was mended in its drawing."""

_MOST_NAMED = 5


async def draw(pool: Pool, by: Person, new: NewZone) -> Drawn:
    """File a new zone. Raises NotFound (organisation, asset) or Invalid."""
    outline = await outlined(new.drawing)
    async with transaction(pool, by.reach) as connection:
        zone_id = await file_outline(
            connection, by, organisation_id=new.organisation_id, said=new.said, outline=outline
        )
        return await zone_seen(connection, zone_id), outline.remarks


async def change(
    pool: Pool,
    by: Person,
    zone_id: UUID,
    *,
    seen: int,
    said: Mapping[str, Any],
    drawing: Drawing | None = None,
) -> Drawn:
    """File the next version of a zone, as it is but for what is said.

    ``seen`` is the version that was looked at; ``said`` are fields of ZoneSaid. Raises NotFound,
    Invalid, or Conflict when that version is not the newest any more or the zone is removed.
    """
    outline = None if drawing is None else await outlined(drawing)
    async with transaction(pool, by.reach) as connection:
        newest = await _newest(connection, zone_id, seen)
        if newest.removed:
            raise Conflict("This zone was removed; bring a version of it back first.")
        return await _next(
            connection,
            by,
            newest,
            said=replace(newest.said, **said),
            outline=outline or newest.outline,
        )


async def remove(
    pool: Pool, by: Person, zone_id: UUID, *, seen: int, although_asked_for: bool
) -> ZoneVersion:
    """Take a zone out of force; what was judged by it stays.

    Raises NotFound, or Conflict: not the newest version, removed already, or rules ask for it.
    ``although_asked_for`` removes it anyway, and those rules stop judging; not where they are
    somebody else's.
    """
    async with transaction(pool, by.reach) as connection:
        newest = await _newest(connection, zone_id, seen)
        if newest.removed:
            raise Conflict("This zone was removed already.")
        await _refuse_what_is_needed(connection, newest, although_asked_for=although_asked_for)
        removed, _ = await _next(
            connection, by, newest, said=newest.said, outline=newest.outline, removed=True
        )
        return removed


async def bring_back(
    pool: Pool, by: Person, zone_id: UUID, *, version: int, seen: int
) -> ZoneVersion:
    """File an old version anew, as the newest. Raises NotFound, Invalid or Conflict."""
    async with transaction(pool, by.reach) as connection:
        newest = await _newest(connection, zone_id, seen)
        old = await zone_seen(connection, zone_id, version=version)
        again, _ = await _next(connection, by, newest, said=old.said, outline=old.outline)
        return again


async def zone_seen(
    connection: Connection, zone_id: UUID, *, version: int | None = None, lock: bool = False
) -> ZoneVersion:
    """A version of a zone, or the newest. Raises NotFound."""
    found = await store.zone(connection, zone_id, version=version, lock=lock)
    if found is None:
        raise NotFound("There is no such zone, or none that you may see.")
    return found


async def outlined(drawing: Drawing) -> Outline:
    """What a drawing comes to, reckoned off the event loop. Raises Invalid."""
    return await asyncio.to_thread(outline_of, drawing)


async def file_outline(
    connection: Connection, by: Person, *, organisation_id: UUID, said: ZoneSaid, outline: Outline
) -> UUID:
    """File a zone, in a transaction that goes on; its id. Raises as ``draw``."""
    organisation = await organisation_seen(connection, organisation_id)
    await _refuse_foreign_anchor(
        connection, outline, organisation.id, of_client=organisation.kind == "client"
    )
    return await store.add_version(
        connection, None, organisation_id=organisation.id, said=said, outline=outline, by=by.id
    )


async def _newest(connection: Connection, zone_id: UUID, seen: int) -> ZoneVersion:
    """The newest version, which nobody adds to meanwhile; it must be the one that was seen."""
    newest = await zone_seen(connection, zone_id, lock=True)
    if newest.version != seen:
        who = f" by {newest.created_by}" if newest.created_by else ""
        raise Conflict(
            f"This zone was changed{who} while you looked at it: you saw version {seen}, the"
            f" newest is {newest.version}."
        )
    return newest


async def _next(
    connection: Connection,
    by: Person,
    newest: ZoneVersion,
    *,
    said: ZoneSaid,
    outline: Outline,
    removed: bool = False,
) -> Drawn:
    if not removed and (outline.anchor_asset_id != newest.anchor_asset_id or newest.removed):
        organisation = await organisation_seen(connection, newest.organisation_id)
        await _refuse_foreign_anchor(
            connection, outline, organisation.id, of_client=organisation.kind == "client"
        )
    await store.add_version(
        connection,
        newest.id,
        organisation_id=newest.organisation_id,
        said=said,
        outline=outline,
        removed=removed,
        by=by.id,
    )
    return await zone_seen(connection, newest.id), outline.remarks


async def _refuse_foreign_anchor(
    connection: Connection, outline: Outline, organisation_id: UUID, *, of_client: bool
) -> None:
    """A zone goes with an asset of whose it is; the centre's with any of its clients' too."""
    if outline.anchor_asset_id is None:
        return
    anchor = await asset_seen(connection, outline.anchor_asset_id)
    if of_client and anchor.organisation_id != organisation_id:
        raise Invalid("A client's zone moves with an asset of that client.")
    if anchor.retired_at is not None:
        raise Invalid("What is retired goes nowhere; bring the asset back first.")


async def _refuse_what_is_needed(
    connection: Connection, newest: ZoneVersion, *, although_asked_for: bool
) -> None:
    unseen = await store.rules_unseen_about(connection, newest)
    if unseen:
        raise Conflict("Your centre has rules that ask for this zone; ask the centre.")
    if although_asked_for:
        return
    names = await store.rules_about(connection, newest)
    if names:
        listed = ", ".join(f"“{name}”" for name in names[:_MOST_NAMED])
        more = len(names) - _MOST_NAMED
        raise Conflict(
            f"Rules ask for this zone and would stop judging: {listed}"
            + (f" and {more} more." if more > 0 else ".")
        )
