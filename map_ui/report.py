"""The day of one asset on paper: its track on a map, its alarms, and what both come to."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pyproj import Geod

from map_ui import causes, land, report_map
from map_ui.language import chosen, translations
from map_ui.local_time import ZONE, bounds_of, today
from map_ui.messages import message_said, told_facts
from map_ui.policy import policy_with_script
from map_ui.rendering import PageRoute, Reader, page
from map_ui.report_map import Drawing, Mark
from tracking import clock
from tracking.alarms import store as alarms_store
from tracking.alarms.alarm import Alarm
from tracking.alarms.close_codes import names_of
from tracking.alarms.lifecycle import CloseCode, State
from tracking.alarms.store import Place, Wanted
from tracking.database import Connection, transaction
from tracking.errors import NotFound
from tracking.fleet import store as fleet_store
from tracking.fleet.fleet import Asset
from tracking.positions import service as positions
from tracking.positions.position import Track, TrackPoint
from tracking.positions.service import MOST_READ
from tracking.positions.simplify import worth_keeping
from tracking.web.security import AppPool, Person

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
_TOLERANCE_M = 5.0
_MOST_DRAWN = 5_000
_MOST_ALARMS = 200
_AFTER_ALL = UUID(int=0)

_earth = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What happened to an asset between two moments, as far as the reader may see it.

    ``alarms`` are those raised then, the oldest first; ``more_alarms`` says that there were more.
    """

    asset: Asset
    track: Track
    alarms: list[Alarm]
    more_alarms: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A day in figures; None where nothing was said. Fixes that the receiver doubted are left out.

    ``distance_km`` runs along the positions to 5 m, straight through any gap.
    """

    start: datetime | None
    end: datetime | None
    distance_km: float
    highest_kmh: float | None
    highest_at: datetime | None
    drawn: list[TrackPoint]


@router.get("/assets/{asset_id}/report")
async def report(
    request: Request,
    reader: Reader,
    pool: AppPool,
    asset_id: UUID,
    day: Annotated[date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY)] = None,
) -> Response:
    """One day there, today if none is named. What is looked at is written down as looked at."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    now = clock.now()
    day = day or today(now)
    begin, end = bounds_of(day)
    async with transaction(pool, reader.reach) as connection:
        found = await _read(connection, reader, asset_id, begin=begin, end=end)
    language = chosen(request, reader.language)
    # Off the event loop: a long day takes longer than anybody's alarm should wait.
    summary, drawing = await asyncio.to_thread(_drawn, found, language)
    nonce = secrets.token_urlsafe(16)
    answer = page(
        request,
        "report.html",
        reader=reader,
        asset=found.asset,
        day=day,
        last_day=today(now),
        now=now,
        zone=ZONE.key,
        track=found.track,
        summary=summary,
        alarms=[_row(alarm, language) for alarm in found.alarms],
        more_alarms=found.more_alarms,
        drawing=drawing,
        nonce=nonce,
    )
    answer.headers["Content-Security-Policy"] = policy_with_script(nonce)
    return answer


async def _read(
    connection: Connection, reader: Person, asset_id: UUID, *, begin: datetime, end: datetime
) -> Day:
    """All of it in one transaction. Raises NotFound, as the API does, for what is not theirs."""
    track = await positions.track_of(
        connection,
        asset_id,
        begin=begin,
        end=end,
        tolerance_m=0.0,
        most=MOST_READ,
        person_id=reader.id,
    )
    asset = await fleet_store.asset(connection, asset_id)
    if asset is None:
        raise NotFound("There is no such asset, or none that you may see.")
    newest_first = await alarms_store.most_recent(
        connection,
        Wanted(states=tuple(State), asset_id=asset_id),
        after=Place(0, end, _AFTER_ALL),
        limit=_MOST_ALARMS + 1,
    )
    alarms = [alarm for alarm in newest_first if alarm.raised_at >= begin]
    return Day(
        asset=asset,
        track=track,
        alarms=alarms[:_MOST_ALARMS][::-1],
        more_alarms=len(alarms) > _MOST_ALARMS,
    )


def _drawn(found: Day, language: str) -> tuple[Summary, Drawing]:
    words = translations(language).gettext
    summary = summed(found.track.points)
    marks = [
        Mark(
            number=number,
            lat=alarm.fix.lat,
            lon=alarm.fix.lon,
            words=f"P{alarm.priority} {causes.said(alarm.cause, words)}"
            f" · {alarm.at.astimezone(ZONE):%H:%M:%S}",
        )
        for number, alarm in enumerate(found.alarms, 1)
        if alarm.fix is not None
    ]
    ground = land.around(
        [point.lat for point in summary.drawn] + [mark.lat for mark in marks],
        [point.lon for point in summary.drawn] + [mark.lon for mark in marks],
        language=language,
    )
    drawing = report_map.draw(summary.drawn, marks, ground, start=words("Start"), end=words("End"))
    return summary, drawing


def summed(points: Sequence[TrackPoint]) -> Summary:
    """What positions in order of time come to. Pure."""
    sure = [point for point in points if point.valid]
    if not sure:
        return Summary(
            start=None, end=None, distance_km=0.0, highest_kmh=None, highest_at=None, drawn=[]
        )
    kept, _ = worth_keeping(
        lat=np.array([point.lat for point in sure], np.float64),
        lon=np.array([point.lon for point in sure], np.float64),
        at_s=np.array([point.at.timestamp() for point in sure], np.float64),
        tolerance_m=_TOLERANCE_M,
        most=_MOST_DRAWN,
    )
    drawn = [sure[index] for index in kept]
    fastest = max(
        (point for point in sure if point.speed_kmh is not None),
        key=lambda point: point.speed_kmh or 0.0,
        default=None,
    )
    metres: float = _earth.line_length([p.lon for p in drawn], [p.lat for p in drawn])
    return Summary(
        start=sure[0].at,
        end=sure[-1].at,
        distance_km=metres / 1000,
        highest_kmh=None if fastest is None else fastest.speed_kmh,
        highest_at=None if fastest is None else fastest.at,
        drawn=drawn,
    )


def _row(alarm: Alarm, language: str) -> dict[str, object]:
    words = translations(language).gettext
    closed = alarm.close_code
    return {
        "priority": alarm.priority,
        "cause": causes.said(alarm.cause, words),
        "message": _message(alarm, language),
        "rule": "" if alarm.rule is None else alarm.rule.name,
        "event_id": alarm.last_event_id,
        "at": alarm.at,
        "raised_at": alarm.raised_at,
        "repeats": alarm.repeats,
        "acknowledged_at": alarm.acknowledged_at,
        "closed_at": alarm.closed_at,
        "outcome": "" if closed is None else names_of(CloseCode(closed))[language],
        "placed": alarm.fix is not None,
    }


def _message(alarm: Alarm, language: str) -> str:
    """What the rule that raised it says; "" where none did."""
    if alarm.rule is None:
        return ""
    about = {"client": alarm.organisation, "rule": alarm.rule.name, "cause": alarm.cause}
    name = alarm.unit_id if alarm.asset is None else alarm.asset.name
    facts = {**about, **told_facts(alarm.rule.facts, asset=name, at=alarm.at)}
    return message_said(alarm.rule.messages, alarm.cause, facts, language)
