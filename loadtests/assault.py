"""What hostile or broken clients do to a gateway, from a process of their own.

Each kind is a coroutine that goes on until cancelled and counts what it did.
"""

import asyncio
import multiprocessing
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import uvloop

import protocols
from loadtests import frames
from loadtests.population import Ground, unit_id

_SIGN_IN = b"\x00\x0f"
_AT_ONCE = 200
_TICK_S = 0.02
_TCP_REPAIR = 19
_FAR_ABOVE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One assault: what, where, by how many connections, how many sends a second in all."""

    kind: str
    ground: Ground
    connections: int
    rate: float
    first_unit: int


Assault = Callable[[Plan, Counter[str]], Awaitable[None]]


async def garbage(plan: Plan, done: Counter[str]) -> None:
    """Noise on every TCP port; who is hung up on comes back."""
    ports = _ports(plan.ground, "tcp")
    noise = random.randbytes(1 << 16)

    async def one(number: int) -> None:
        while True:
            try:
                writer = await _connected(plan.ground, ports[number % len(ports)], number)
            except OSError:
                await asyncio.sleep(0.5)
                continue
            done["connections"] += 1
            with suppress(OSError):
                while not writer.is_closing():
                    at = random.randrange(1 << 15)
                    writer.write(noise[at : at + random.randrange(1, 1024)])
                    done["sent"] += 1
                    await asyncio.sleep(plan.connections / plan.rate * random.uniform(0.5, 1.5))
            writer.close()

    await _all(plan, one)


async def slow_loris(plan: Plan, done: Counter[str]) -> None:
    """A sign-in that never ends: one byte a second."""
    said = _SIGN_IN + b"35" * 40

    async def one(number: int) -> None:
        while True:
            try:
                writer = await _connected(plan.ground, plan.ground.ports["teltonika"], number)
            except OSError:
                await asyncio.sleep(0.5)
                continue
            done["connections"] += 1
            for byte in said:
                if writer.is_closing():
                    break
                writer.write(bytes([byte]))
                done["sent"] += 1
                await asyncio.sleep(1.0)
            writer.close()

    await _all(plan, one)


async def half_open(plan: Plan, done: Counter[str]) -> None:
    """Sign in as a unit and vanish, without a word of good-bye where the kernel lets us."""

    async def one(number: int) -> None:
        name = f"99{number:013d}".encode()
        while True:
            try:
                writer = await _connected(plan.ground, plan.ground.ports["teltonika"], number)
            except OSError:
                await asyncio.sleep(0.5)
                continue
            done["connections"] += 1
            writer.write(_SIGN_IN + name)
            await asyncio.sleep(random.uniform(0.5, 1.5))
            connection = writer.get_extra_info("socket")
            with suppress(OSError):
                # In repair mode a socket is closed and the other end is not told.
                connection.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
                done["vanished"] += 1
            writer.transport.abort()
            await asyncio.sleep(plan.connections / plan.rate)

    await _all(plan, one)


async def valid_flood(plan: Plan, done: Counter[str]) -> None:
    """Registered units that send records far above their rate, and read the answers."""
    units = min(20, plan.connections)

    async def one(number: int) -> None:
        name = unit_id(plan.first_unit + number).encode()
        at_ms = int(time.time() * 1000) - 3_600_000
        while True:
            try:
                reader, writer = await asyncio.open_connection(
                    plan.ground.host, plan.ground.ports["teltonika"]
                )
            except OSError:
                await asyncio.sleep(0.5)
                continue
            done["connections"] += 1
            with suppress(OSError, asyncio.IncompleteReadError):
                writer.write(_SIGN_IN + name)
                await reader.readexactly(1)
                reading = asyncio.ensure_future(_read_all(reader))
                while not writer.is_closing():
                    at_ms += 1
                    writer.write(
                        frames.ORDINARY.frame(at_ms=at_ms, lat_e7=508_500_000, lon_e7=43_500_000)
                    )
                    done["sent"] += 1
                    await writer.drain()
                    await asyncio.sleep(units / (_FAR_ABOVE * plan.rate))
                reading.cancel()

    async with asyncio.TaskGroup() as group:
        for number in range(units):
            group.create_task(one(number))


async def udp_garbage(plan: Plan, done: Counter[str]) -> None:
    """Noise in datagrams from many addresses, half of it where the cries come in, too."""
    ports = _ports(plan.ground, "udp")
    ports += [plan.ground.ports["teltonika"]] * len(ports)
    noise = random.randbytes(1 << 16)
    senders = []
    for number in range(20):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.setblocking(False)
        sender.bind((plan.ground.source(number), 0))
        senders.append(sender)
    began, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * plan.rate)
        for number in range(sent, min(due, sent + 5_000)):
            at = random.randrange(1 << 15)
            with suppress(OSError):
                senders[number % len(senders)].sendto(
                    noise[at : at + random.randrange(8, 400)],
                    (plan.ground.host, random.choice(ports)),
                )
        done["sent"] += max(due - sent, 0)
        sent = due
        await asyncio.sleep(_TICK_S)


KINDS: dict[str, Assault] = {
    "garbage": garbage,
    "slow-loris": slow_loris,
    "half-open": half_open,
    "valid flood": valid_flood,
    "UDP garbage": udp_garbage,
}


_CROWDS = frozenset({"garbage", "slow-loris", "half-open"})


@asynccontextmanager
async def under(plan: Plan) -> AsyncIterator[Counter[str]]:
    """While the block runs, the assault does; what it did is in the counter afterwards."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_play, args=(there, plan), daemon=True)
    process.start()
    there.close()
    done: Counter[str] = Counter()
    try:
        # It says when everybody is connected, or has tried to.
        await asyncio.to_thread(here.recv)
        yield done
        here.send("stop")
        done.update(await asyncio.to_thread(here.recv))
    finally:
        here.close()
        await asyncio.to_thread(process.join, 10.0)
        if process.is_alive():
            process.kill()


def _play(pipe: Connection, plan: Plan) -> None:
    """Be the assault until told to stop, in a process of its own."""

    async def play() -> None:
        done: Counter[str] = Counter()
        assault = asyncio.ensure_future(KINDS[plan.kind](plan, done))
        await _under_way(plan, done)
        pipe.send("ready")
        with suppress(EOFError, OSError):
            await asyncio.to_thread(pipe.recv)
        assault.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await assault
        with suppress(OSError):
            pipe.send(done)

    uvloop.run(play())


async def _under_way(plan: Plan, done: Counter[str]) -> None:
    """Wait until most are connected, or have had the time to be."""
    wanted = 0.9 * plan.connections if plan.kind in _CROWDS else 1
    patience = time.monotonic() + 15.0
    while done.total() < wanted and time.monotonic() < patience:  # noqa: ASYNC110 - no bell
        await asyncio.sleep(_TICK_S)


async def _all(plan: Plan, one: Callable[[int], Awaitable[None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(plan.connections):
            group.create_task(one(number))  # type: ignore[arg-type]  # a coroutine function
            if number % _AT_ONCE == 0:
                await asyncio.sleep(_TICK_S)


async def _connected(ground: Ground, port: int, number: int) -> asyncio.StreamWriter:
    """A connection from one of many addresses. Raises OSError."""
    _, writer = await asyncio.open_connection(
        ground.host, port, local_addr=(ground.source(number), 0)
    )
    return writer


async def _read_all(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


def _ports(ground: Ground, transport: str) -> list[int]:
    return list(_of(ground, transport))


def _of(ground: Ground, transport: str) -> Iterator[int]:
    for name, port in ground.ports.items():
        if transport in protocols.get(name).transports:
            yield port
