"""A small town for tests: a centre with its people, clients with theirs, and what they protect."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import uvicorn
import websockets

from tracking.api.app import create_app
from tracking.database import Pool
from tracking.people.secret import hash_of
from tracking.settings import Settings

CIRCLE = {"centre": {"lat": 50.85, "lon": 4.35}, "radius_m": 100.0}
AROUND_BRUSSELS = "ST_Buffer(ST_Point(4.35, 50.85, 4326)::geography, 100)::geometry"


@dataclass
class Town:
    """Rows by name. ``pool`` is the owner's, so that it may write what a gateway would."""

    pool: Pool
    centre: UUID = field(default_factory=uuid4)

    async def add_centre(self, name: str = "Centre") -> UUID:
        return await self._organisation(name, "centre", None)

    async def add_client(self, name: str, centre: UUID | None = None) -> UUID:
        return await self._organisation(name, "client", centre or self.centre)

    async def add_person(
        self, name: str, *, organisation: UUID | None = None, role: str = "operator"
    ) -> tuple[UUID, str]:
        """The person and a bearer token of theirs."""
        token = f"vigil_{uuid4().hex}"
        person = await self.pool.fetchval(
            "INSERT INTO people (organisation_id, sign_in, name, role, password_hash)"
            " VALUES ($1, $2, $3, $4, '') RETURNING id",
            organisation or self.centre,
            f"{name}-{uuid4().hex[:6]}@example.org",
            name,
            role,
        )
        await self.pool.execute(
            "INSERT INTO api_tokens (token_hash, person_id, name) VALUES ($1, $2, 'test')",
            hash_of(token),
            person,
        )
        return person, token

    async def add_asset(
        self, organisation: UUID, name: str, kind: str = "vehicle", **other: Any
    ) -> tuple[UUID, int]:
        """The asset and its number."""
        row = await self.pool.fetchrow(
            "INSERT INTO assets (organisation_id, name, kind, plate) VALUES ($1, $2, $3, $4)"
            " RETURNING id, number",
            organisation,
            name,
            kind,
            other.get("plate"),
        )
        assert row is not None
        return row["id"], row["number"]

    async def add_device(self, organisation: UUID, unit_id: str, asset: UUID | None) -> UUID:
        """A device that has been fitted to the asset since 2020, or to none."""
        device: UUID = await self.pool.fetchval(
            "INSERT INTO devices (organisation_id, unit_id, codec, kind)"
            " VALUES ($1, $2, 'gt06', 'tracker') RETURNING id",
            organisation,
            unit_id,
        )
        if asset is None:
            return device
        await self.pool.execute(
            "INSERT INTO fitments (organisation_id, device_id, asset_id, fitted_from)"
            " VALUES ($1, $2, $3, '2020-01-01Z')",
            organisation,
            device,
            asset,
        )
        return device

    async def add_rule(self, organisation: UUID, name: str, **other: Any) -> UUID:
        """Version 1 of a rule, as the API would file it; ``other`` are columns of ``rules``."""
        said = {
            "setting": {"kind": "overspeed", "limit_kmh": 90.0},
            "cause": "overspeed",
            "severity": 0,
            **other,
        }
        columns = ", ".join(said)
        places = ", ".join(f"${index}" for index in range(3, 3 + len(said)))
        rule: UUID = await self.pool.fetchval(
            f"INSERT INTO rules (version, organisation_id, name, {columns})"
            f" VALUES (1, $1, $2, {places}) RETURNING id",
            organisation,
            name,
            *said.values(),
        )
        return rule

    async def add_zone(self, organisation: UUID, name: str, **other: Any) -> UUID:
        """Version 1 of a zone: 100 m around Brussels; ``other`` are columns of ``zones``."""
        said: dict[str, Any] = {"kind": "circle", "radius_m": 100.0, "definition": CIRCLE, **other}
        columns = ", ".join(said)
        places = ", ".join(f"${index}" for index in range(3, 3 + len(said)))
        moves = said["kind"] == "moving"
        zone: UUID = await self.pool.fetchval(
            f"INSERT INTO zones (version, organisation_id, name, geom, {columns})"
            f" VALUES (1, $1, $2, {'NULL' if moves else AROUND_BRUSSELS}, {places}) RETURNING id",
            organisation,
            name,
            *said.values(),
        )
        return zone

    async def add_event(
        self, organisation: UUID, rule: UUID, asset: UUID, at: datetime | None = None, **other: Any
    ) -> UUID:
        """An event as a gateway would file it; ``other`` are columns of ``events``."""
        said = {
            "id": uuid4(),
            "organisation_id": organisation,
            "rule_id": rule,
            "asset_id": asset,
            "at": at or datetime.now(UTC),
            "rule_version": 1,
            "unit_id": "unit",
            "cause": "overspeed",
            "phase": "began",
            "severity": 0,
            **other,
        }
        places = ", ".join(f"${index}" for index in range(1, 1 + len(said)))
        event: UUID = await self.pool.fetchval(
            f"INSERT INTO events ({', '.join(said)}) VALUES ({places}) RETURNING id",
            *said.values(),
        )
        return event

    async def raise_alarm(
        self,
        organisation: UUID,
        asset: UUID | None = None,
        cause: str = "panic",
        priority: int = 1,
        *,
        raised_at: datetime | None = None,
        fix: tuple[float, float] | None = None,
        notify: bool = True,
    ) -> UUID:
        """An alarm as a gateway's transaction leaves it; its id is its first event's."""
        alarm = uuid4()
        at = raised_at or datetime.now(UTC)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO alarms (id, organisation_id, asset_id, unit_id, cause, priority, at,"
                " raised_at, last_event_id, geom, fix_at, fix_valid) VALUES ($1, $2, $3, 'unit',"
                " $4, $5, $6, $6, $1, ST_SetSRID(ST_MakePoint($7, $8), 4326),"
                " $9::timestamptz, $9 IS NOT NULL)",
                alarm,
                organisation,
                asset,
                cause,
                priority,
                at,
                fix[1] if fix else None,
                fix[0] if fix else None,
                at if fix else None,
            )
            await connection.execute(
                "INSERT INTO alarm_events (id, alarm_id, kind, at) VALUES ($1, $1, 'raised', $2)",
                alarm,
                at,
            )
            await connection.execute(
                "INSERT INTO changes (seq, alarm_id, organisation_id, event_id, kind, sound)"
                " VALUES (vigil_next_change(), $1, $2, $1, 'raised', true)",
                alarm,
                organisation,
            )
            if notify:
                await connection.execute("SELECT pg_notify('vigil_alarms', '0')")
        return alarm

    async def _organisation(self, name: str, kind: str, centre: UUID | None) -> UUID:
        organisation: UUID = await self.pool.fetchval(
            "INSERT INTO organisations (name, kind, centre_id) VALUES ($1, $2, $3) RETURNING id",
            name,
            kind,
            centre,
        )
        return organisation


async def settle(pool: Pool) -> Town:
    """A town with a centre and nothing else."""
    town = Town(pool)
    town.centre = await town.add_centre()
    return town


class Screen:
    """A desk's end of the live channel."""

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self._connection = connection
        self.frames: list[dict[str, Any]] = []
        self.positions: list[bytes] = []

    async def next(self, kind: str, *, within_s: float = 20.0, **what: Any) -> dict[str, Any]:
        """The next frame of this kind that says all of ``what``."""
        async with asyncio.timeout(within_s):
            while True:
                frame = await self.any()
                if frame.get("type") == kind and what.items() <= frame.items():
                    return frame

    async def any(self) -> dict[str, Any]:
        """The next frame of any kind; {} for positions."""
        said = await self._connection.recv()
        if isinstance(said, bytes):
            self.positions.append(said)
            return {}
        frame: dict[str, Any] = orjson.loads(said)
        self.frames.append(frame)
        return frame

    async def say(self, **what: Any) -> None:
        await self._connection.send(orjson.dumps(what).decode())

    async def closed(self, *, within_s: float = 20.0) -> int | None:
        """Wait for the other side to end it; its code."""
        with contextlib.suppress(websockets.ConnectionClosed):
            async with asyncio.timeout(within_s):
                while True:
                    await self.any()
        return self._connection.close_code


@dataclass
class House:
    """The application, really listening."""

    port: int
    hub: Any

    def client(self, token: str = "") -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=30.0
        )

    @contextlib.asynccontextmanager
    async def screen(self, token: str, *, after: int | None = None) -> AsyncIterator[Screen]:
        query = "" if after is None else f"?after={after}"
        async with websockets.connect(
            f"ws://127.0.0.1:{self.port}/api/v1/live{query}",
            additional_headers={"Authorization": f"Bearer {token}"},
            max_size=None,
            compression=None,
            ping_interval=None,
            close_timeout=1,
            proxy=None,
        ) as connection:
            yield Screen(connection)


@contextlib.asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Serve the application on a free port of 127.0.0.1 until the end of the block."""
    app = create_app(settings)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app, log_config=None, lifespan="on", ws="websockets-sansio", timeout_graceful_shutdown=1
        )
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    work = asyncio.create_task(server.serve([listening]))
    try:
        async with asyncio.timeout(30):
            while not server.started:
                assert not work.done(), "the application did not start"
                await asyncio.sleep(0.01)
        yield House(port=listening.getsockname()[1], hub=app.state.live)
    finally:
        server.should_exit = True
        await work
        listening.close()
