"""One operator's screen on the live channel, and people who press the button meanwhile."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import protocols
from loadtests import frames
from loadtests.population import Device, Ground, Heard, connect_all
from loadtests.store import TOKEN
from protocols.codec import Conversation, Peer
from protocols.message import Report
from tracking.alarms.arrivals import event_id
from tracking.ingest.fold import fingerprint

_AGAIN_S = 0.1


@asynccontextmanager
async def looking(address: str) -> "AsyncIterator[Screen]":
    """A screen that is connected, until the block ends."""
    screen = Screen(address)
    running = asyncio.ensure_future(screen.run())
    try:
        async with asyncio.timeout(30):
            await screen.open.wait()
        yield screen
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class Screen:
    """A signed-in desk; it comes back by itself and resumes where it was. Run ``run()``."""

    def __init__(self, address: str) -> None:
        self._address = address.replace("http", "ws", 1)
        self._seq = 0
        self._news = asyncio.Event()
        self.seen: dict[str, float] = {}
        """When each event was first on the screen, provisional or not (monotonic)."""
        self.confirmed: dict[str, int] = {}
        """How often each event came as a real alarm."""
        self.positions = 0
        self.reconnects = -1
        self.open = asyncio.Event()

    async def run(self) -> None:
        """Look at the live channel until cancelled."""
        while True:
            self.reconnects += 1
            with suppress(OSError, ConnectionClosed, InvalidStatus, TimeoutError, EOFError):
                await self._look()
            self.open.clear()
            await asyncio.sleep(_AGAIN_S)

    async def saw(self, events: Sequence[str], *, within_s: float) -> bool:
        """Wait until all these events were on the screen."""
        return await self._until(lambda: all(one in self.seen for one in events), within_s)

    async def confirms(self, events: Sequence[str], *, within_s: float) -> bool:
        """Wait until all these events came as real alarms."""
        return await self._until(lambda: all(one in self.confirmed for one in events), within_s)

    async def _until(self, fact: Callable[[], bool], within_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not fact():
                    self._news.clear()
                    await self._news.wait()
        return fact()

    async def _look(self) -> None:
        async with connect(
            f"{self._address}/api/v1/live?after={self._seq}",
            additional_headers={"Authorization": f"Bearer {TOKEN}"},
            max_size=None,
            compression=None,
        ) as channel:
            async for frame in channel:
                now = time.monotonic()
                if isinstance(frame, bytes):
                    self.positions += int.from_bytes(frame[4:8], "little")
                    continue
                self._read(json.loads(frame), now)

    def _read(self, said: dict[str, str | int], now: float) -> None:
        kind = said["type"]
        if kind == "hello":
            self.open.set()
        elif kind == "alarm":
            self._seq = max(self._seq, int(said["seq"]))
            event = str(said["event_id"])
            self.seen.setdefault(event, now)
            self.confirmed[event] = self.confirmed.get(event, 0) + 1
        elif kind == "provisional":
            self.seen.setdefault(str(said["event_id"]), now)
        else:
            return
        self._news.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cry:
    """One press of the button: the event it must become, and when its bytes were written."""

    event_id: str
    at: float


class Criers:
    """Units whose buttons are pressed, one after the other."""

    def __init__(self, numbers: Sequence[int], ground: Ground) -> None:
        self.heard = Heard()
        self._devices = [Device(number, ground, self.heard) for number in numbers]
        self._turn = 0

    async def connect(self) -> None:
        """Sign everybody in."""
        await connect_all(self._devices)

    def stop(self) -> None:
        """Hang up."""
        for device in self._devices:
            device.stop()

    def cry(self) -> Cry:
        """Press the next button."""
        device = self._devices[self._turn % len(self._devices)]
        self._turn += 1
        at = time.monotonic()
        frame = device.say(at, int(time.time() * 1000), frames.SOS)
        return Cry(event_id=_event_of(device.unit_id, frame), at=at)

    async def cry_out(self, count: int, *, gap_s: float, lots: np.random.Generator) -> list[Cry]:
        """Press ``count`` buttons, ``gap_s`` apart on average."""
        cries = []
        for _ in range(count):
            await asyncio.sleep(float(lots.exponential(gap_s)))
            cries.append(self.cry())
        return cries


def waits(cries: Sequence[Cry], screen: Screen) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Seconds from the bytes on the socket to the screen, of those that were seen."""
    seen = [screen.seen[cry.event_id] - cry.at for cry in cries if cry.event_id in screen.seen]
    return np.array(seen, np.float64)


def _event_of(unit_id: str, frame: bytes) -> str:
    """The identity that the alarm of this frame must have."""
    talk = Conversation(protocols.get("teltonika"), Peer(unit_id=unit_id))
    incoming = talk.receive(frame, datetime.now(UTC))[0].incoming
    assert incoming is not None
    (report,) = (message for message in incoming.messages if isinstance(message, Report))
    assert report.fix is not None
    mark = fingerprint(unit_id, report.record)
    return str(event_id(unit_id=unit_id, cause="panic", at=report.fix.at, fingerprint=mark))
