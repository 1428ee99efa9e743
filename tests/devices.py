"""Simulated devices behind real sockets, and the one way in which tests wait."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import protocols
from protocols.codec import Conversation, Heard, Peer
from protocols.errors import Unsupported
from protocols.message import Fix, Login, Message, Readings, Report, Signal
from protocols.settings import DeviceSettings
from tracking import clock

WITHIN_S = 15.0
_connected: "set[Device]" = set()


async def until(fact: Callable[[], object], *, within_s: float | None = None) -> None:
    """Wait until something is so; a coroutine function is asked again each time."""
    loop = asyncio.get_running_loop()
    within_s = WITHIN_S if within_s is None else within_s
    ends_at = loop.time() + within_s
    while True:
        so = fact()
        if asyncio.iscoroutine(so):
            so = await so
        if so:
            return
        assert loop.time() < ends_at, f"not within {within_s} s"
        await asyncio.sleep(0.003)


class Device(asyncio.Protocol):
    """One device: says messages as its protocol does, and knows what it should be answered.

    ``answers`` are the bytes that came back, ``expected`` those that must once all is kept.
    """

    def __init__(self, codec: str, unit_id: str, *, model: str = "") -> None:
        self.unit_id = unit_id
        self.answers = b""
        self.expected = b""
        self.closed = False
        self._codec = protocols.get(codec)
        self._talk = Conversation(self._codec, Peer(settings=DeviceSettings(model=model)))
        self._transport: asyncio.Transport | None = None

    async def connect(
        self, port: int, *, tls: ssl.SSLContext | None = None, before: bytes = b""
    ) -> "Device":
        """Open a connection, the first or a new one; ``before`` goes out ahead of the protocol."""
        self.answers = self.expected = b""
        self.closed = False
        self._talk = Conversation(self._codec, Peer(settings=self._talk.peer.settings))
        await asyncio.get_running_loop().create_connection(
            lambda: self, "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
        )
        self.send(before)
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        _connected.add(self)

    def data_received(self, data: bytes) -> None:
        self.answers += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        _connected.discard(self)

    def frame(self, message: Message) -> bytes:
        """The bytes that say it."""
        return self._codec.simulate(
            message, Peer(unit_id=self.unit_id, settings=self._talk.peer.settings)
        )

    def say(self, *messages: Message) -> list[Heard]:
        """Say these, and note what must be answered."""
        return self.send_frames(*map(self.frame, messages))

    def send_frames(self, *frames: bytes) -> list[Heard]:
        """Send frames; what a listener must make of them."""
        heard = self._talk.receive(b"".join(frames), clock.now())
        self.expected += b"".join(
            one.incoming.ack + one.incoming.follow_up for one in heard if one.incoming
        )
        self.send(b"".join(frames))
        return heard

    def send(self, data: bytes) -> None:
        """Send bytes that nobody owes an answer for."""
        assert self._transport is not None, "connect() first"
        self._transport.write(data)

    async def sign_in(self) -> None:
        """Say who it is, where the protocol has a way to, and wait for the answer."""
        try:
            self.say(Login(unit_id=self.unit_id))
        except Unsupported:
            return
        await self.answered()

    async def answered(self) -> None:
        """Wait until everything has been answered, and check that it was answered right."""
        await until(lambda: len(self.answers) >= len(self.expected) or self.closed)
        assert self.answers == self.expected

    def hang_up(self) -> None:
        """Close the connection in good order."""
        if self._transport is not None:
            self._transport.close()

    def vanish(self) -> None:
        """Break the connection off without a word of good-bye."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Stop reading what is answered."""
        if self._transport is not None:
            self._transport.pause_reading()


async def all_vanish() -> None:
    """At the end of a test nobody is left."""
    for device in list(_connected):
        device.vanish()
    await until(lambda: not _connected)


class Mailbox(asyncio.DatagramProtocol):
    """A device that speaks in datagrams."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self._transport: asyncio.DatagramTransport | None = None

    async def connect(self, port: int) -> "Mailbox":
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, remote_addr=("127.0.0.1", port)
        )
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.answers.append(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens (any more): as a device would, we only do not hear an answer."""

    def send(self, data: bytes) -> None:
        assert self._transport is not None, "connect() first"
        self._transport.sendto(data)

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()


def ago(seconds: float) -> datetime:
    """A whole second of the recent past: devices name no fractions."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=seconds)


def fix(at: datetime, step: int = 0, *, valid: bool = True, speed_kmh: float = 40.0) -> Fix:
    """A place on a road near Brussels; each step is some 70 m further east."""
    return Fix(
        at=at, lat=50.85, lon=round(4.35 + step * 0.001, 6), valid=valid, speed_kmh=speed_kmh
    )


def report(at: datetime, step: int = 0, *signals: Signal, **readings: object) -> Report:
    """A report with a fix."""
    return Report(
        fix=fix(at, step),
        at=at,
        signals=frozenset(signals),
        readings=cast("Readings", readings),
    )


def sos(at: datetime, step: int = 0) -> Report:
    """Somebody presses the button."""
    return report(at, step, Signal.PANIC)
