"""Units that cry for help by datagram, once: what is lost is lost, and counted."""

import asyncio
import time
from collections.abc import Sequence
from typing import cast

import numpy as np

from loadtests import frames
from loadtests.figures import Seconds
from loadtests.population import Ground, unit_id

_KEPT = b"\x00\x05\x00\x00\x01"
_PACKET = b"\xca\xfe\x01"


class Post(asyncio.DatagramProtocol):
    """A Teltonika tracker that speaks UDP and never says anything again."""

    def __init__(self, number: int, ground: Ground) -> None:
        self._name = unit_id(number).encode()
        self._ground = ground
        self._source = ground.source(number)
        self._transport: asyncio.DatagramTransport | None = None
        self._number = 0
        self._at_ms = 0
        self.waiting: dict[int, float] = {}
        self.seconds: list[float] = []

    async def connect(self) -> None:
        """Take an address to speak from."""
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self,
            local_addr=(self._source, 0),
            remote_addr=(self._ground.host, self._ground.ports["teltonika"]),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's
        sent = self.waiting.pop(data[5], None) if data.startswith(_KEPT) else None
        if sent is not None:
            self.seconds.append(time.monotonic() - sent)

    def cry(self) -> None:
        """Press the button."""
        assert self._transport is not None
        self._number = self._number % 250 + 1
        self._at_ms = max(int(time.time() * 1000), self._at_ms + 1)
        frame = frames.SOS.frame(at_ms=self._at_ms, lat_e7=508_500_000, lon_e7=43_500_000)
        name = len(self._name).to_bytes(2, "big") + self._name
        body = _PACKET + bytes([self._number]) + name + frame[8:-4]
        self.waiting[self._number] = time.monotonic()
        self._transport.sendto(len(body).to_bytes(2, "big") + body)

    def stop(self) -> None:
        """Speak no more."""
        if self._transport is not None:
            self._transport.close()


class Posts:
    """Some of them, whose buttons are pressed one after the other."""

    def __init__(self, numbers: Sequence[int], ground: Ground) -> None:
        self._posts = [Post(number, ground) for number in numbers]

    async def connect(self) -> None:
        """Make everybody ready to speak."""
        for post in self._posts:
            await post.connect()

    async def cry_out(
        self, count: int, *, gap_s: float, lots: np.random.Generator, within_s: float = 5.0
    ) -> tuple[Seconds, int]:
        """(seconds to each acknowledgement, how many never came)."""
        for number in range(count):
            await asyncio.sleep(float(lots.exponential(gap_s)))
            self._posts[number % len(self._posts)].cry()
        until = time.monotonic() + within_s
        while (  # noqa: ASYNC110 - no bell for it
            any(post.waiting for post in self._posts) and time.monotonic() < until
        ):
            await asyncio.sleep(0.01)
        seconds = [one for post in self._posts for one in post.seconds]
        lost = sum(len(post.waiting) for post in self._posts)
        for post in self._posts:
            post.waiting.clear()
            post.seconds.clear()
        return np.array(seconds), lost

    def stop(self) -> None:
        """Nobody speaks any more."""
        for post in self._posts:
            post.stop()
