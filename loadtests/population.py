"""Devices as seen from the device's side: they speak, wait for the answer, and say again.

Open-loop: *when* a device speaks is decided beforehand (``schedule``), and how long an answer
took is counted from that moment, so a server that stalls cannot make the load wait for it and
hide the stall.
"""

import asyncio
import time
from array import array
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import protocols
from loadtests import frames
from protocols.codec import Peer

_TELTONIKA_ACK = b"\0\0\0\1"
_LET_IN = b"\1"
_BELGIUM = (503_000_000, 512_000_000, 29_000_000, 59_000_000)
OTHERS = ("gt06", "osmand", "minifinder2", "watch", "owntracks")
"""What a mixed population speaks besides Teltonika."""

RETRY_S = 0.05


def unit_id(number: int) -> str:
    """The name of the n-th unit."""
    return f"35{number:013d}"


def codec_of(number: int, *, mixed: bool) -> str:
    """What the n-th unit speaks: Teltonika, or in a mixed population three of ten others."""
    if mixed and number % 10 >= 7:
        return OTHERS[(number // 10 + number) % len(OTHERS)]
    return "teltonika"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where gateways listen, by codec, and from how many local addresses devices come."""

    host: str
    ports: dict[str, int]
    addresses: int = 50

    def source(self, number: int) -> str:
        """The address that the n-th unit connects from: each has 28,000 ports to give."""
        return f"127.0.0.{2 + number % self.addresses}"


@dataclass(slots=True)
class Heard:
    """What the devices of one process heard back, all together.

    seconds  from the scheduled moment of each acknowledged frame to its acknowledgement
    """

    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    sent: int = 0
    acknowledged: int = 0
    waiting: int = 0
    lost_connections: int = 0
    strange: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What one unit said: how many records, the sum of their times, and what is unanswered."""

    unit_id: str
    count: int
    sum_ms: int
    unanswered: tuple[int, ...]


class Device(asyncio.Protocol):
    """A Teltonika tracker on a connection that it makes again whenever it is lost.

    What was not acknowledged is said again, byte for byte, after each sign-in: that is what the
    devices in the field do, and why the gateway stores retransmissions once.
    """

    __slots__ = (
        "_account", "_ground", "_heard", "_lat", "_let_in", "_lon", "_number", "_partial",
        "_stopping", "_sum_ms", "_transport", "acknowledged_ms", "answered_until", "connected",
        "last_ms", "sent_ms", "signed_in", "unit_id", "waiting",
    )  # fmt: skip
    codec = "teltonika"

    def __init__(self, number: int, ground: Ground, heard: Heard, *, keep: bool = False) -> None:
        self.unit_id = unit_id(number)
        self._number = number
        self._ground = ground
        self._heard = heard
        self._transport: asyncio.Transport | None = None
        self._let_in = False
        self._partial = b""
        self._stopping = False
        south, north, west, east = _BELGIUM
        self._lat = south + (number * 7_919) % (north - south)
        self._lon = west + (number * 104_729) % (east - west)
        self._sum_ms = 0
        self._account = 0
        self.last_ms = 0
        self.answered_until = 0.0
        """The scheduled moment of the newest record that was acknowledged."""
        self.connected: asyncio.Future[None] | None = None
        self.signed_in = asyncio.Event()
        self.waiting: deque[tuple[float, int, bytes]] = deque()
        self.sent_ms = array("q") if keep else None
        """The time of every record said, where the caller wants to account for each of them."""
        self.acknowledged_ms = array("q")

    # ── what the load test asks of it ─────────────────────────────────────────────────────────

    async def connect(self) -> None:
        """Connect and stay connected, until ``stop``. Raises nothing: tries until it works."""
        loop = asyncio.get_running_loop()
        while not self._stopping:
            try:
                await loop.create_connection(
                    lambda: self,
                    self._ground.host,
                    self._ground.ports[self.codec],
                    local_addr=(self._ground.source(self._number), 0),
                )
            except OSError:
                await asyncio.sleep(RETRY_S)
            else:
                return

    def stop(self) -> None:
        """Hang up and stay away."""
        self._stopping = True
        if self._transport is not None:
            self._transport.abort()

    def hang_up(self) -> None:
        """Lose the connection; the device comes back by itself."""
        if self._transport is not None:
            self._transport.abort()

    def say(self, scheduled: float, at_ms: int, template: frames.Template) -> bytes:
        """Send one record; ``scheduled`` is the monotonic time at which it was to be sent.

        ``at_ms`` is moved on if the unit has used it already: a record is known by its time.
        """
        at_ms = max(at_ms, self.last_ms + 1)
        self.last_ms = at_ms
        self._lon += 137
        frame = template.frame(at_ms=at_ms, lat_e7=self._lat, lon_e7=self._lon)
        self._note(scheduled, at_ms, frame)
        return frame

    def account(self) -> Account:
        """What this unit has said so far."""
        return Account(
            unit_id=self.unit_id,
            count=self._account,
            sum_ms=self._sum_ms,
            unanswered=tuple(at_ms for _, at_ms, _ in self.waiting),
        )

    # ── the connection ────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop has classes of its own
        self._transport = transport
        self._let_in = False
        self._partial = b""
        name = self.unit_id.encode()
        transport.write(len(name).to_bytes(2, "big") + name)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._let_in = False
        self.signed_in.clear()
        if not self._stopping:
            self._heard.lost_connections += 1
            self.connected = asyncio.ensure_future(self.connect())

    def data_received(self, data: bytes) -> None:
        if not self._let_in:
            if data[:1] != _LET_IN:
                self._heard.strange.append(f"not let in: {data[:8].hex()}")
                return
            self._enter()
            data = data[1:]
            if not data:
                return
        if data != _TELTONIKA_ACK or self._partial:
            data = self._partial + data
            whole = len(data) // 4
            self._partial = data[whole * 4 :]
            if data[: whole * 4] != _TELTONIKA_ACK * whole:
                self._heard.strange.append(f"not an acknowledgement: {data[:16].hex()}")
            self._answered(whole)
            return
        self._answered(1)

    def _enter(self) -> None:
        """Let in: say again what was not answered."""
        self._let_in = True
        self.signed_in.set()
        if self.waiting and self._transport is not None:
            self._transport.write(b"".join(frame for _, _, frame in self.waiting))

    def _note(self, scheduled: float, at_ms: int, frame: bytes) -> None:
        self._account += 1
        self._sum_ms += at_ms
        if self.sent_ms is not None:
            self.sent_ms.append(at_ms)
        heard = self._heard
        heard.sent += 1
        heard.waiting += 1
        self.waiting.append((scheduled, at_ms, frame))
        if self._let_in and self._transport is not None:
            self._transport.write(frame)

    def _answered(self, count: int) -> None:
        now = time.monotonic()
        heard = self._heard
        for _ in range(count):
            if not self.waiting:
                heard.strange.append("an acknowledgement of nothing")
                return
            scheduled, at_ms, _frame = self.waiting.popleft()
            self.answered_until = scheduled
            heard.seconds.append(now - scheduled)
            heard.acknowledged += 1
            heard.waiting -= 1
            if self.sent_ms is not None:
                self.acknowledged_ms.append(at_ms)


class Stranger(Device):
    """A device of any other protocol. It speaks through its codec, at the codec's price.

    Some protocols acknowledge no positions at all; those records are accounted for only in
    the database.
    """

    __slots__ = ("_answers", "_peer", "_unread", "codec")

    def __init__(self, number: int, ground: Ground, heard: Heard, *, codec: str) -> None:
        super().__init__(number, ground, heard)
        self.codec = codec
        self._peer = Peer(unit_id=self.unit_id)
        self._answers: deque[bytes] = deque()
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop has classes of its own
        self._transport = transport
        self._unread = b""
        self._answers.clear()
        said = frames.login(self.codec, self.unit_id)
        if said is None:
            self._enter()
            return
        incoming = protocols.get(self.codec).decode(said.frame, Peer(), _now())
        self._peer = incoming.peer or self._peer
        transport.write(said.frame)
        if said.answer:
            self._answers.append(said.answer)
        else:
            self._enter()

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while self._answers and len(self._unread) >= len(self._answers[0]):
            answer = self._answers.popleft()
            # A time of day in an answer differs from the one expected; its length does not.
            self._unread = self._unread[len(answer) :]
            if self._let_in:
                self._answered(1)
            else:
                self._enter()

    def say(self, scheduled: float, at_ms: int, template: frames.Template) -> bytes:
        del template
        at_ms = max(at_ms, self.last_ms + 1)
        self._lon += 137
        said = frames.report(
            self.codec, self._peer, at_ms=at_ms, lat=self._lat / 1e7, lon=self._lon / 1e7
        )
        self.last_ms = max(at_ms, said.at_ms)
        if said.answer:
            if self._let_in:
                self._answers.append(said.answer)
            self._note(scheduled, said.at_ms, said.frame)
        elif self._let_in and self._transport is not None:
            self._account += 1
            self._sum_ms += said.at_ms
            self._heard.sent += 1
            self._transport.write(said.frame)
        return said.frame

    def _enter(self) -> None:
        codec = protocols.get(self.codec)
        for _, _, frame in self.waiting:
            self._answers.append(codec.decode(frame, self._peer, _now()).ack)
        super()._enter()


def population(
    numbers: Iterable[int], ground: Ground, heard: Heard, *, mixed: bool = False
) -> list[Device]:
    """The devices of these numbers, not connected yet."""
    devices: list[Device] = []
    for number in numbers:
        codec = codec_of(number, mixed=mixed)
        if codec == "teltonika":
            devices.append(Device(number, ground, heard))
        else:
            devices.append(Stranger(number, ground, heard, codec=codec))
    return devices


async def connect_all(devices: list[Device], *, at_once: int = 200) -> None:
    """Connect every device and wait until each is let in."""
    turn = asyncio.Semaphore(at_once)

    async def one(device: Device) -> None:
        async with turn:
            await device.connect()
            await device.signed_in.wait()

    async with asyncio.TaskGroup() as group:
        for device in devices:
            group.create_task(one(device))


def _now() -> datetime:
    return datetime.now(UTC)
