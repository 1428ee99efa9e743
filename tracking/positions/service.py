"""What people may ask about whereabouts; that they looked is written down as they look."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import numpy as np

from tracking import clock, places
from tracking.audit.store import note_location_reads
from tracking.database import Connection
from tracking.errors import Invalid, NotFound
from tracking.fleet import store as fleet
from tracking.fleet.fleet import Asset
from tracking.places import Language, PlaceName
from tracking.positions import store
from tracking.positions.position import LastPosition, Standing, Track, TrackPoint
from tracking.positions.simplify import worth_keeping
from tracking.positions.store import Box

LONGEST_TRACK: Final = timedelta(days=31)
MOST_READ: Final = 100_000
"""More than a day of one position a second."""
MOST_MISDATED: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What an operator wants to know of an asset at a glance; ``last`` is None for never seen."""

    asset: Asset
    standing: Standing
    last: LastPosition | None
    readings: Mapping[str, Any]
    place: PlaceName | None


async def latest_of(connection: Connection, asset_id: UUID, *, person_id: UUID) -> LastPosition:
    """Where an asset was last. Raises NotFound."""
    last = await store.latest_of(connection, asset_id)
    if last is None:
        await _asset(connection, asset_id)
        raise NotFound("This asset has not said where it is yet.")
    await note_location_reads(connection, person_id=person_id, asset_ids=[asset_id], what="latest")
    return last


async def latest_within(
    connection: Connection,
    box: Box,
    *,
    after: tuple[str, UUID] | None,
    limit: int,
    person_id: UUID,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[LastPosition]:
    """Who was last in a box, by name; read with one too many to see whether there are more.

    ``since`` and ``until``: only those whose last position is of that time.
    """
    found = await store.latest_within(
        connection, box, after=after, limit=limit + 1, since=since, until=until
    )
    shown = [last.asset_id for last in found[:limit]]
    await note_location_reads(connection, person_id=person_id, asset_ids=shown, what="box")
    return found


async def nearest_to(
    connection: Connection,
    *,
    lat: float,
    lon: float,
    within_m: float,
    limit: int,
    person_id: UUID,
) -> list[LastPosition]:
    """Who was last nearest to a point, and how far away in metres."""
    found = await store.nearest_to(connection, lat=lat, lon=lon, within_m=within_m, limit=limit)
    shown = [last.asset_id for last in found]
    await note_location_reads(connection, person_id=person_id, asset_ids=shown, what="nearest")
    return found


async def track_of(
    connection: Connection,
    asset_id: UUID,
    *,
    begin: datetime,
    end: datetime,
    tolerance_m: float,
    most: int,
    person_id: UUID,
) -> Track:
    """Where an asset was between two moments. Raises NotFound, Invalid."""
    if not timedelta(0) < end - begin <= LONGEST_TRACK:
        raise Invalid(f"A track runs forward, for at most {LONGEST_TRACK.days} days.")
    await _asset(connection, asset_id)
    await note_location_reads(connection, person_id=person_id, asset_ids=[asset_id], what="track")
    rows = await store.track_of(connection, asset_id, begin=begin, end=end, most=MOST_READ + 1)
    misdated = await store.misdated_of(
        connection, asset_id, begin=begin, end=end, most=MOST_MISDATED
    )
    more = len(rows) > MOST_READ
    # Off the event loop: a long day takes longer than anybody's alarm should wait.
    points, strays_m = await asyncio.to_thread(_simplified, rows[:MOST_READ], tolerance_m, most)
    return Track(
        points=points,
        strays_m=strays_m,
        read=min(len(rows), MOST_READ),
        more=more,
        misdated=misdated,
    )


async def card_of(
    connection: Connection,
    asset_id: UUID,
    *,
    language: Language,
    default_reporting_time_s: int,
    person_id: UUID,
) -> Card:
    """An asset at a glance. Raises NotFound."""
    asset = await _asset(connection, asset_id)
    standing = await store.standing_of(
        connection,
        asset_id,
        default_reporting_time_s=default_reporting_time_s,
        now=clock.now(),
    )
    last = await store.latest_of(connection, asset_id)
    if last is None:
        return Card(asset=asset, standing=standing, last=None, readings={}, place=None)
    await note_location_reads(connection, person_id=person_id, asset_ids=[asset_id], what="card")
    readings = await store.readings_at(connection, asset_id, last.at)
    place = await asyncio.to_thread(
        places.place_name, lat=last.lat, lon=last.lon, language=language
    )
    return Card(asset=asset, standing=standing, last=last, readings=readings, place=place)


async def _asset(connection: Connection, asset_id: UUID) -> Asset:
    asset = await fleet.asset(connection, asset_id)
    if asset is None:
        raise NotFound("There is no such asset, or none that you may see.")
    return asset


def _simplified(
    rows: list[asyncpg.Record], tolerance_m: float, most: int
) -> tuple[list[TrackPoint], float]:
    kept, strays_m = worth_keeping(
        lat=np.array([row["lat"] for row in rows], np.float64),
        lon=np.array([row["lon"] for row in rows], np.float64),
        at_s=np.array([row["at"].timestamp() for row in rows], np.float64),
        tolerance_m=tolerance_m,
        most=most,
    )
    return [TrackPoint(**rows[index]) for index in kept], strays_m
