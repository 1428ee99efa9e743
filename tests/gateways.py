"""Gateways that really listen, in this process or in one that can be killed; and their fleet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import psutil
import pytest

import protocols
from tests.devices import all_vanish, until
from tests.stack import _as_environment
from tracking import database
from tracking.bus import NOTIFY_FLEET
from tracking.database import Connection, Pool
from tracking.gateway.server import Gateway
from tracking.program import Program, ourselves
from tracking.settings import Settings

DOORS = {f"{name}/{how}" for name in protocols.names() for how in protocols.get(name).transports}


@asynccontextmanager
async def listening(settings: Settings, name: str = "gateway-1") -> AsyncIterator[Gateway]:
    """A gateway in this process; stopped in good order at the end."""
    stop = asyncio.Event()
    gateway = Gateway(settings, name)
    forget_all, hears_of_the_fleet = gateway.units.forget_all, asyncio.Event()

    def forget_all_once_it_listens() -> None:
        forget_all()
        hears_of_the_fleet.set()

    gateway.units.forget_all = forget_all_once_it_listens  # type: ignore[method-assign]
    work = asyncio.create_task(gateway.serve(stop))
    try:
        await until(
            lambda: work.done() or (gateway.ports.keys() == DOORS and hears_of_the_fleet.is_set())
        )
        assert not work.done(), work.exception()
        yield gateway
    finally:
        stop.set()
        await work
        for connected in gateway._devices:
            if connected._transport is not None:
                connected._transport.abort()
        await all_vanish()


@dataclass
class Process:
    """A gateway as a process of its own."""

    program: Program
    pid: int
    ports: dict[str, int]

    async def kill(self) -> None:
        """Kill -9: nothing is drained, nothing is said."""
        process = psutil.Process(self.pid)
        process.kill()
        await until(lambda: process.status() == psutil.STATUS_ZOMBIE)


@asynccontextmanager
async def process(
    settings: Settings, pool: Pool, name: str = "gateway-1"
) -> AsyncIterator[Process]:
    """A gateway that can be killed."""
    program = Program(
        name=name,
        command=ourselves("gateway", "--name", name),
        log=settings.state_dir / "log" / f"{name}.log",
        environment=_as_environment(settings),
    )
    started = program.start()

    async def signed_on() -> bool:
        assert started.poll() is None, program.last_words(40)
        found = await pool.fetchval(
            "SELECT ports FROM gateways WHERE name = $1 AND pid = $2", name, started.pid
        )
        ports.update(found or {})
        return bool(ports)

    ports: dict[str, int] = {}
    try:
        await until(signed_on, within_s=30.0)
        yield Process(program, started.pid, ports)
    finally:
        started.terminate()
        await asyncio.to_thread(started.wait, 30)
        await all_vanish()


@dataclass(frozen=True)
class Registered:
    """A device and the asset it has been fitted to for ever."""

    unit_id: str
    device_id: UUID
    asset_id: UUID
    organisation_id: UUID


async def register(
    pool: Pool,
    unit_id: str,
    *,
    kind: str = "tracker",
    codec: str = "gt06",
    model: str = "",
    reporting_time_s: int | None = None,
) -> Registered:
    """Register a device and fit it to an asset of its own, as an administrator would."""
    await settle(pool)
    row = await pool.fetchrow(
        """
        WITH owner AS (SELECT id FROM organisations WHERE kind = 'client' LIMIT 1),
        asset AS (
            INSERT INTO assets (organisation_id, name, kind)
            SELECT id, 'of ' || $1, CASE $2 WHEN 'tracker' THEN 'vehicle' ELSE 'lone_worker' END
            FROM owner RETURNING id
        ),
        device AS (
            INSERT INTO devices (organisation_id, unit_id, codec, kind, model, reporting_time_s)
            SELECT id, $1, $3, $2, $4, $5 FROM owner RETURNING id
        )
        INSERT INTO fitments (organisation_id, device_id, asset_id, fitted_from)
        SELECT owner.id, device.id, asset.id, '2010-01-01Z' FROM owner, asset, device
        RETURNING device_id, asset_id, organisation_id
        """,
        unit_id,
        kind,
        codec,
        model,
        reporting_time_s,
    )
    assert row is not None
    await pool.execute("SELECT pg_notify($1, $2)", NOTIFY_FLEET, unit_id)
    return Registered(unit_id=unit_id, **row)


async def settle(pool: Pool) -> None:
    """See that there is a centre, and a client."""
    if not await pool.fetchval("SELECT true FROM organisations LIMIT 1"):
        await pool.execute(
            """
            WITH centre AS (
                INSERT INTO organisations (kind, name) VALUES ('centre', 'Centre') RETURNING id
            )
            INSERT INTO organisations (kind, name, centre_id)
            SELECT 'client', 'Client', id FROM centre
            """
        )


async def count(pool: Pool, table: str, where: str = "true", *values: object) -> int:
    """How many rows there are."""
    number: int = await pool.fetchval(f"SELECT count(*) FROM {table} WHERE {where}", *values)
    return number


async def alarms(pool: Pool) -> list[dict[str, Any]]:
    """Every alarm, the oldest first."""
    found = await pool.fetch(
        "SELECT id, unit_id, cause, priority, state, labels, repeats, asset_id, last_event_id,"
        " ST_X(geom) AS lon FROM alarms ORDER BY raised_at, cause"
    )
    return [dict(row) for row in found]


async def the_alarm(pool: Pool) -> dict[str, Any]:
    """The one alarm that there is."""
    found = await alarms(pool)
    assert len(found) == 1, found
    return found[0]


class Held:
    """Locks that a transaction of ours holds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._transaction = connection.transaction()

    async def take(self, statement: str, *values: object) -> None:
        await self._transaction.start()
        await self._connection.execute(statement, *values)

    async def release(self) -> None:
        await self._transaction.rollback()


@asynccontextmanager
async def held(settings: Settings, statement: str, *values: object) -> AsyncIterator[Held]:
    """Hold the locks of a statement until they are released, or to the end of the block."""
    connection = await database.connect(settings, "owner")
    locks = Held(connection)
    try:
        await locks.take(statement, *values)
        yield locks
    finally:
        await connection.close()


async def until_a_commit_waits(pool: Pool, *, backends: int = 1) -> None:
    """Wait until PostgreSQL says that so many transactions of ours wait for a lock."""

    async def waits() -> bool:
        return backends <= await count(
            pool,
            "pg_stat_activity",
            "datname = current_database() AND usename = 'vigil_ingest'"
            " AND wait_event_type = 'Lock'",
        )

    await until(waits)


class Darkness:
    """PostgreSQL goes away for one database: nobody gets in, and who is in is thrown out."""

    def __init__(self, settings: Settings) -> None:
        address, _, place = settings.database_url.partition("?")
        self._name = address.rpartition("/")[2]
        self._url = f"{address.rpartition('/')[0]}/postgres?{place}"

    async def falls(self) -> None:
        await self._run(
            f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{self._name}'",
        )

    async def lifts(self) -> None:
        await self._run(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")

    async def _run(self, *statements: str) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def hearing(settings: Settings, channel: str) -> AsyncIterator[list[str]]:
    """What PostgreSQL notifies on a channel."""
    said: list[str] = []
    connection = await database.connect(settings, "ingest")
    try:
        await connection.add_listener(channel, lambda *heard: said.append(str(heard[3])))
        yield said
    finally:
        await connection.close()


def broken() -> Any:
    """The control of a test: with the promise broken on purpose it must fail."""
    return pytest.raises(AssertionError)
