"""One gateway and one database for a whole module of tests, emptied in between; and plain sockets.

The clock of the gateway stands at ``Lasting.at`` but for a millionth of a second a question, so
that answers with a time in them can be told beforehand; its other clock, by which it hangs up on
the silent, stands at ``Lasting.seconds``.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

import protocols
from protocols.codec import Conversation, Peer
from protocols.codecs.eelink.frame import enclose
from protocols.errors import Unsupported
from protocols.message import Fix, Login, Report
from tests.devices import Mailbox, all_vanish, until
from tests.gateways import listening
from tracking import clock, database
from tracking.bus import NOTIFY_FLEET
from tracking.gateway import server
from tracking.gateway.connection import Device as Connected
from tracking.gateway.server import Gateway
from tracking.settings import Settings

HEARD_AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SIGN_IN_DEADLINE_S = 0.08
"""Short, because the gateway looks for the silent four times in it. Its clock stands still."""

_FILLED = (
    "changes", "alarm_shown", "alarm_events", "alarms", "events", "timers", "rule_failures",
    "previews", "rule_memory", "unit_sessions",
    "unknown_units", "positions", "misdated_positions", "last_positions", "frames",
    "quarantined_frames", "fitments", "device_secrets", "devices", "rules",
    "zones", "assets", "profiles",
)  # fmt: skip
_EMPTY = ";".join(f"DELETE FROM {table}" for table in _FILLED)
"""To truncate them takes ten times as long, for files are made anew."""


class Lasting:
    """What the tests of one module share."""

    def __init__(self, settings: Settings, pool: database.Pool, gateway: Gateway) -> None:
        self.settings = settings
        self.pool = pool
        self.gateway = gateway
        self.at = HEARD_AT
        self.seconds = 0.0
        self.heard: Counter[int] = Counter()
        self.news = asyncio.Event()
        self.wires: list[Wire] = []
        self.mailboxes: list[Mailbox] = []
        self._told: set[str] = set()
        self._forget = gateway.directory.forget
        gateway.directory.forget = self._note_and_forget  # type: ignore[method-assign]
        gateway.time = lambda: self.seconds

    async def empty(self, at: datetime = HEARD_AT) -> None:
        """Nobody is connected or registered, nothing is known; a new day begins at ``at``."""
        gateway = self.gateway
        await self.all_gone()
        await until(lambda: not gateway._devices and not gateway.intake.pending)
        await self.pool.execute(_EMPTY)
        self.heard.clear()
        self.at = at
        self.seconds += 100_000.0
        gateway.intake.figures.take_error()
        gateway.units.forget_all()
        gateway.directory.forget_all()

    async def all_gone(self) -> None:
        """Break every connection off."""
        await all_vanish()
        for wire in self.wires:
            wire.vanish()
        for mailbox in self.mailboxes:
            mailbox.hang_up()
        self.wires.clear()
        self.mailboxes.clear()

    async def told(self) -> None:
        """Wait until the gateway has heard of every change in the fleet so far."""
        mark = f"told {len(self._told)}"
        await self.pool.execute("SELECT pg_notify($1, $2)", NOTIFY_FLEET, mark)
        await until(lambda: mark in self._told)

    def _note_and_forget(self, unit_id: str) -> None:
        self._told.add(unit_id)
        self._forget(unit_id)

    async def mailbox(self, codec: str) -> Mailbox:
        """A socket for datagrams to the port where this is spoken."""
        await self.told()
        mailbox = await Mailbox().connect(self.gateway.ports[f"{codec}/udp"])
        self.mailboxes.append(mailbox)
        return mailbox

    async def connect(self, codec: str) -> "Wire":
        """A connection to the port where this is spoken."""
        await self.told()
        wire = await Wire(self).connect(self.gateway.ports[f"{codec}/tcp"])
        self.wires.append(wire)
        return wire

    async def settled(self) -> None:
        """Wait until everything heard so far is kept and answered."""
        gateway = self.gateway

        def nothing_waits() -> bool:
            return not gateway.intake.pending and not any(
                device._waiting or device._asking or device._paused for device in gateway._devices
            )

        await until(nothing_waits)

    def connection_of(self, wire: "Wire") -> Connected | None:
        """The gateway's side of a connection, while it is there."""
        for device in self.gateway._devices:
            transport = device._transport
            if transport and transport.get_extra_info("peername")[1] == wire.port:
                return device
        return None

    async def set_up(self, unit_id: str, settings: dict[str, object]) -> None:
        """Give one unit its settings, as an administrator would."""
        await self.pool.execute(
            "UPDATE devices SET settings = $2 WHERE unit_id = $1", unit_id, settings
        )
        await self.pool.execute("SELECT pg_notify($1, $2)", NOTIFY_FLEET, unit_id)

    async def profile(self, codec: str, model: str, settings: dict[str, object]) -> None:
        """Say how a model is set up."""
        await self.pool.execute(
            "INSERT INTO profiles (codec, model, version, settings) VALUES ($1, $2, 1, $3)",
            codec,
            model.lower(),
            settings,
        )

    async def alarms(self) -> list[tuple[str, str, int]]:
        """Every alarm as (unit, cause, repeats)."""
        found = await self.pool.fetch(
            "SELECT unit_id, cause, repeats FROM alarms ORDER BY unit_id, cause, raised_at"
        )
        return [tuple(row) for row in found]

    async def positions(self) -> list[dict[str, Any]]:
        """Every position, the oldest first, with the unit that said it."""
        found = await self.pool.fetch(
            "SELECT unit_id, at, ST_Y(geom) AS lat, ST_X(geom) AS lon, valid, speed_kmh"
            " FROM positions JOIN devices ON devices.id = device_id ORDER BY at, lat, lon"
        )
        return [dict(row) for row in found]


class Wire(asyncio.Protocol):
    """A socket that says bytes as they are, each piece in a segment of its own."""

    def __init__(self, lasting: Lasting) -> None:
        self.answers = b""
        self.closed = False
        self.port = 0
        self._said = 0
        self._lasting = lasting
        self._transport: asyncio.Transport | None = None

    async def connect(self, port: int) -> "Wire":
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.port = transport.get_extra_info("sockname")[1]
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self.answers += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._lasting.news.set()

    async def say(self, *pieces: bytes) -> None:
        """Say each piece when the gateway has heard the one before; to the end or the hang-up."""
        for piece in pieces:
            self.pour(piece)
            await self.heard()

    async def heard(self) -> None:
        """Wait until the gateway has heard all that was said, or has hung up."""
        lasting = self._lasting
        async with asyncio.timeout(15.0):
            while lasting.heard[self.port] < self._said and not self.closed:
                lasting.news.clear()
                await lasting.news.wait()

    def pour(self, data: bytes) -> None:
        """Say it, and do not wait until it has been heard."""
        assert self._transport is not None, "connect() first"
        self._said += len(data)
        self._transport.write(data)

    async def good_bye(self) -> bytes:
        """Say no more; every answer there was, once the gateway has closed the connection."""
        if self._transport is not None and not self.closed:
            self._transport.write_eof()
        await until(lambda: self.closed)
        return self.answers

    def vanish(self) -> None:
        """Break the connection off."""
        if self._transport is not None:
            self._transport.abort()


def name_on_the_wire(codec: str, unit_id: str) -> str:
    """What a device of this name calls itself: some protocols carry only a part of it."""
    spoken = protocols.get(codec)
    talk = Conversation(spoken)
    fix = Fix(at=HEARD_AT, lat=50.85, lon=4.35)
    for said in (Login(unit_id=unit_id), Report(fix=fix, at=HEARD_AT)):
        with suppress(Unsupported):
            speaker = talk.peer if talk.peer.unit_id else Peer(unit_id=unit_id)
            talk.receive(spoken.simulate(said, speaker), HEARD_AT)
    return talk.peer.unit_id


def as_a_datagram(codec: str, frame: bytes, unit_id: str) -> bytes:
    """The frame with whatever says who speaks where no connection remembers it."""
    match codec:
        case "eelink":
            return enclose(unit_id, frame)
        case "t55":
            return f"{unit_id},".encode() + frame
        case "teltonika":
            name = len(unit_id).to_bytes(2, "big") + unit_id.encode()
            body = b"\xca\xfe\x01\x07" + name + frame[8:-4]
            return len(body).to_bytes(2, "big") + body
        case "wialon":
            return unit_id.encode() + frame
        case _:
            return frame


@asynccontextmanager
async def lasting(settings: Settings) -> AsyncIterator[Lasting]:
    """A gateway that listens, and its database, until the end of the block."""
    ours = settings.model_copy(
        update={"frames_per_second_per_unit": 1_000_000, "sign_in_deadline_s": SIGN_IN_DEADLINE_S}
    )
    shared: list[Lasting] = []

    class Counting(Connected):
        """A connection that says how many bytes it was given."""

        def data_received(self, data: bytes) -> None:
            transport = self._transport
            super().data_received(data)
            if transport is not None and shared:
                shared[0].heard[transport.get_extra_info("peername")[1]] += len(data)
                shared[0].news.set()

    ticks = 0

    def standing() -> datetime:
        nonlocal ticks
        ticks += 1
        return (shared[0].at if shared else HEARD_AT) + timedelta(microseconds=ticks % 900_000)

    usual = clock._source
    pool = await database.open_pool(ours, "owner", size=4)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(server, "Device", Counting)
        clock.set_source(standing)
        try:
            async with listening(ours) as gateway:
                shared.append(Lasting(ours, pool, gateway))
                yield shared[0]
                await shared[0].all_gone()
        finally:
            clock.set_source(usual)
            await pool.close()
