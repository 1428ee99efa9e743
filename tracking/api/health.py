"""How the service is, for balancers and for Prometheus: no sign-in, and so no person's anything.

A scrape reaches one process of several. Figures of gateways and alarms come from PostgreSQL and
are the same wherever one asks. What each API process counts for itself (``vigil_live_…``) is
summed over all of them when PROMETHEUS_MULTIPROC_DIR names their common folder, as `vigil up`
does; without it each process speaks for itself, which is the truth when there is one.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import psutil
from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import REGISTRY, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tracking import clock, schema
from tracking.alarms import store as alarms
from tracking.alarms.lifecycle import State
from tracking.database import Pool, Reach, transaction
from tracking.operations import store as operations

router = APIRouter(tags=["health"])

PATIENCE_S = 2.0
HEARD_WITHIN_S = 5.0
"""Gateways write every second; one that has not for so long is not up."""

_NOBODY = Reach(organisation_id=UUID(int=0))
_AWAY = (OSError, TimeoutError, asyncio.TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError)
_OF_A_PROCESS = re.compile(r"gauge_live\w*_(\d+)\.db")

_RATES = {
    "connections": "Devices that are connected.",
    "frames_per_s": "Frames kept in the last second.",
    "positions_per_s": "Positions kept in the last second.",
    "pending": "Frames that wait for a commit.",
    "oldest_pending_s": "How long the frame waits that waits longest for its commit.",
}
_TOTALS = {
    "frames": "Frames kept since the gateway started.",
    "positions": "Positions kept since the gateway started.",
    "duplicates": "Positions that had been kept already.",
    "quarantined": "Frames kept unread, because nobody could read them.",
    "unknown_frames": "Frames of units that nobody registered.",
    "refused_frames": "Frames not kept, because their unit sends too many.",
    "malformed": "Frames that did not follow their protocol.",
    "alarms": "Events that raised or repeated an alarm.",
    "commits": "Transactions.",
}


class Readiness(BaseModel):
    """Whether this process can serve: every part is "ok", or says what it lacks."""

    database: Annotated[str, Field(examples=["ok"])]
    migrations: Annotated[str, Field(examples=["ok"])]
    live: Annotated[str, Field(examples=["ok"])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What PostgreSQL knows of the whole house."""

    gateways: list[asyncpg.Record]
    open_alarms: list[tuple[int, State, int, datetime]]
    newest_change: int
    now: datetime


@router.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> str:
    """This process answers. It says nothing about anything else, so nobody restarts it for that."""
    return "ok"


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready."}})
async def readyz(request: Request) -> Readiness:
    """The database answers, its tables are those of this version, and alarms are being followed."""
    database, migrations = await _database(request.app.state.pool)
    ready = Readiness(
        database=database,
        migrations=migrations,
        live="ok" if request.app.state.live.fresh else "alarms are not being followed",
    )
    if set(ready.model_dump().values()) == {"ok"}:
        return ready
    return JSONResponse(ready.model_dump(), status_code=503)  # type: ignore[return-value]


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    registry = CollectorRegistry()
    figures: Figures | None = None
    with contextlib.suppress(*_AWAY):
        figures = await _figures(request.app.state.pool)
    registry.register(_OfTheHouse(figures))
    own = await asyncio.to_thread(_of_our_processes)
    return Response(generate_latest(registry) + own, media_type=CONTENT_TYPE_LATEST)


async def _database(pool: Pool) -> tuple[str, str]:
    try:
        async with asyncio.timeout(PATIENCE_S), transaction(pool, _NOBODY) as connection:
            found = await operations.revision(connection)
    except _AWAY:
        return "does not answer", "unknown"
    wanted = _wanted_revision()
    return "ok", "ok" if found == wanted else f"at {found}, this version needs {wanted}"


async def _figures(pool: Pool) -> Figures:
    async with asyncio.timeout(PATIENCE_S), transaction(pool, _NOBODY) as connection:
        return Figures(
            gateways=await operations.gateways(connection),
            open_alarms=await alarms.open_alarms_of_everybody(connection),
            newest_change=await alarms.newest_change_of_everybody(connection),
            now=clock.now(),
        )


@cache
def _wanted_revision() -> str:
    return schema.wanted_revision()


def _of_our_processes() -> bytes:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return generate_latest(REGISTRY)
    # A process that was killed cannot take back the screens it counted.
    for file in Path(folder).glob("gauge_live*_*.db"):
        found = _OF_A_PROCESS.fullmatch(file.name)
        if found and not psutil.pid_exists(int(found[1])):
            multiprocess.mark_process_dead(int(found[1]), folder)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class _OfTheHouse(Collector):
    """What PostgreSQL knows, as Prometheus likes it; None while it is away."""

    def __init__(self, figures: Figures | None) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("vigil_database_up", "Whether PostgreSQL answered this scrape.")
        up.add_metric([], float(self._figures is not None))
        yield up
        if self._figures is not None:
            yield from _of_alarms(self._figures)
            yield from _of_gateways(self._figures)


def _of_alarms(figures: Figures) -> Iterable[Metric]:
    count = GaugeMetricFamily(
        "vigil_alarms_open", "Alarms that are not closed.", labels=["priority", "state"]
    )
    age = GaugeMetricFamily(
        "vigil_alarms_oldest_seconds",
        "Since when the oldest of them was raised.",
        labels=["priority", "state"],
    )
    found = {(each[0], each[1]): (each[2], each[3]) for each in figures.open_alarms}
    for priority in range(1, 6):
        for state in (State.RAISED, State.ACKNOWLEDGED):
            number, oldest = found.get((priority, state), (0, figures.now))
            labels = [str(priority), state.value]
            count.add_metric(labels, number)
            age.add_metric(labels, max(0.0, (figures.now - oldest).total_seconds()))
    changes = CounterMetricFamily("vigil_alarm_changes", "Changes of alarms, ever.")
    changes.add_metric([], figures.newest_change)
    yield from (count, age, changes)


def _of_gateways(figures: Figures) -> Iterable[Metric]:
    up = GaugeMetricFamily(
        "vigil_gateway_up", "Whether the gateway was heard just now.", labels=["gateway"]
    )
    for gateway in figures.gateways:
        up.add_metric([gateway["name"]], float(gateway["silent_s"] <= HEARD_WITHIN_S))
    yield up
    heard = [one for one in figures.gateways if one["silent_s"] <= HEARD_WITHIN_S]
    for name, what in _RATES.items():
        yield _family(GaugeMetricFamily, name, what, heard)
    for name, what in _TOTALS.items():
        yield _family(CounterMetricFamily, name, what, heard)
    by_codec = GaugeMetricFamily(
        "vigil_gateway_connections_by_codec",
        "Devices that are connected, by protocol.",
        labels=["gateway", "codec"],
    )
    for gateway in heard:
        for codec, number in (gateway["figures"].get("by_codec") or {}).items():
            by_codec.add_metric([gateway["name"], codec], float(number))
    yield by_codec
    broker = GaugeMetricFamily(
        "vigil_gateway_mqtt_up",
        "Whether the gateway hears its MQTT broker, or could; absent where none is set up.",
        labels=["gateway"],
    )
    for gateway in heard:
        if "mqtt" in gateway["figures"]:
            broker.add_metric([gateway["name"]], float(gateway["figures"]["mqtt"] != "away"))
    yield broker


def _family(
    kind: type[GaugeMetricFamily] | type[CounterMetricFamily],
    name: str,
    what: str,
    gateways: list[asyncpg.Record],
) -> Metric:
    family: Any = kind(f"vigil_gateway_{_spelled(name)}", what, labels=["gateway"])
    for gateway in gateways:
        if name in gateway["figures"]:
            family.add_metric([gateway["name"]], float(gateway["figures"][name]))
    metric: Metric = family
    return metric


def _spelled(name: str) -> str:
    """Prometheus spells units out."""
    return name.replace("_per_s", "_per_second").removesuffix("_s") + (
        "_seconds" if name == "oldest_pending_s" else ""
    )
