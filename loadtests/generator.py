"""Several processes full of devices, started and questioned over pipes.

The load test itself stays free: it only asks each process to connect, to speak at a rate, to
wait for the last answers, and to account for what was said.
"""

import asyncio
import gc
import multiprocessing
import time
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import uvloop

from loadtests import frames
from loadtests.population import Account, Device, Ground, Heard, connect_all, population

_TICK_S = 0.001
_PROBE_RATE, _PROBE_S, _PROBE_WAITING = 60_000.0, 5.0, 6_000
_KEEPS_UP, _KEEPS_UP_WITHIN_S = 0.98, 1.0
STEPS = (1.0, 0.92, 0.85, 0.75, 0.65, 0.5)
"""Shares of a guess that are tried, until one is kept up with."""

_AT_ONCE = 128
"""Frames sent before answers are read again; else a burst would delay our own clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one process is: the units it plays and where they connect."""

    numbers: Sequence[int]
    ground: Ground
    mixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """What happened while devices spoke at a rate.

    seconds  of every frame acknowledged, from its scheduled moment
    late_s   how far behind its own schedule the generator was, per tick
    """

    sent: int
    acknowledged: int
    waiting: int
    seconds: npt.NDArray[np.float64]
    late_s: npt.NDArray[np.float64]
    cpu_s: float
    lasted_s: float
    lost_connections: int
    strange: tuple[str, ...]

    @property
    def acknowledged_per_s(self) -> float:
        """Frames acknowledged a second, over the whole spell."""
        return self.acknowledged / self.lasted_s

    @property
    def kept_up(self) -> bool:
        """Whether the answers came as fast as the frames, to the end."""
        last = self.seconds[-max(len(self.seconds) // 3, 1) :]
        return (
            self.acknowledged >= _KEEPS_UP * self.sent
            and len(last) > 0
            and float(np.percentile(last, 99)) < _KEEPS_UP_WITHIN_S
        )


class Generator:
    """The processes of one population. Make it with ``generating``."""

    def __init__(self, pipes: "Sequence[Connection]", pids: Sequence[int]) -> None:
        self._pipes = pipes
        self._pids = pids

    async def connect(self, most: int | None = None) -> float:
        """Connect and sign in the first ``most``, or everybody; how many seconds that took."""
        began = time.monotonic()
        await self._ask("connect", None if most is None else most // len(self._pipes))
        return time.monotonic() - began

    async def speak(self, *, rate: float, seconds: float, most_waiting: int = 0) -> Spell:
        """Speak at ``rate`` frames a second, all processes together, for so long.

        With ``most_waiting`` frames are left out while so many are unanswered: that finds what
        a server can do at most, and is no measure of latency.
        """
        share = len(self._pipes)
        # Each process draws its own moments; together they are one Poisson stream.
        spells = await self._ask(
            "speak", rate / share, seconds, most_waiting // share, time.monotonic() + 0.1
        )
        return _together(spells)

    async def guess(self) -> float:
        """About how many frames a second can be served at most: a little more than really can."""
        probe = await self.speak(rate=_PROBE_RATE, seconds=_PROBE_S, most_waiting=_PROBE_WAITING)
        await self.settle()
        return probe.acknowledged_per_s

    async def settle(self, *, within_s: float = 60.0) -> int:
        """Wait for the last answers; how many never came."""
        return sum(await self._ask("settle", within_s))

    async def accounts(self) -> list[Account]:
        """What every unit said."""
        return [one for some in await self._ask("accounts") for one in some]

    async def reconnect(self, most: int) -> float:
        """So many lose the connection at once and come back; seconds until all are in again."""
        began = time.monotonic()
        await self._ask("reconnect", most // len(self._pipes))
        return time.monotonic() - began

    def cpu_s(self) -> float:
        """Processor time that the devices took so far."""
        return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in self._pids)

    async def _ask(self, *question: object) -> list[Any]:
        for pipe in self._pipes:
            pipe.send(question)
        return list(await asyncio.gather(*(_answer(pipe) for pipe in self._pipes)))


@asynccontextmanager
async def generating(plans: Sequence[Plan]) -> AsyncIterator[Generator]:
    """Processes for these plans, ended when the block ends."""
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in plans]
    processes = [
        context.Process(target=_play, args=(there, plan), daemon=True)
        for (_, there), plan in zip(pairs, plans, strict=True)
    ]
    for process in processes:
        process.start()
    for _, there in pairs:
        there.close()
    try:
        yield Generator([here for here, _ in pairs], [process.pid or 0 for process in processes])
    finally:
        for here, _ in pairs:
            here.close()
        for process in processes:
            await asyncio.to_thread(process.join, 5.0)
            if process.is_alive():
                process.kill()


def plans_for(units: int, ground: Ground, *, processes: int, mixed: bool = False) -> list[Plan]:
    """Units divided over processes."""
    return [
        Plan(numbers=range(first, units, processes), ground=ground, mixed=mixed)
        for first in range(processes)
    ]


async def _answer(pipe: "Connection") -> Any:  # noqa: ANN401 - each question has its own answer
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def arrived() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(pipe.fileno(), arrived)
    try:
        await ready
    finally:
        loop.remove_reader(pipe.fileno())
    answer = pipe.recv()
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _together(spells: Sequence[Spell]) -> Spell:
    return Spell(
        sent=sum(one.sent for one in spells),
        acknowledged=sum(one.acknowledged for one in spells),
        waiting=sum(one.waiting for one in spells),
        seconds=np.concatenate([one.seconds for one in spells]),
        late_s=np.concatenate([one.late_s for one in spells]),
        cpu_s=sum(one.cpu_s for one in spells),
        lasted_s=max(one.lasted_s for one in spells),
        lost_connections=sum(one.lost_connections for one in spells),
        strange=tuple(words for one in spells for words in one.strange),
    )


# ── inside a process ──────────────────────────────────────────────────────────────────────────


def _play(pipe: "Connection", plan: Plan) -> None:
    """Be the devices of a plan until the pipe closes."""
    # Devices make no cycles, and looking for them among thousands costs a tenth of the time.
    gc.disable()
    uvloop.run(_Players(plan).serve(pipe))


def _question(pipe: "Connection") -> Any:  # noqa: ANN401 - a name and whatever it needs
    """The next question; None when who asked is gone."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        return None


class _Players:
    def __init__(self, plan: Plan) -> None:
        self._heard = Heard()
        self._random = np.random.default_rng(plan.numbers[0])
        self._devices = population(plan.numbers, plan.ground, self._heard, mixed=plan.mixed)
        self._order: list[Device] = list(self._random.permutation(np.array(self._devices, object)))
        self._turn = 0

    async def serve(self, pipe: "Connection") -> None:
        while (question := await asyncio.to_thread(_question, pipe)) is not None:
            name, *arguments = question
            try:
                answer = await getattr(self, name)(*arguments)
            except Exception as error:  # noqa: BLE001 - it is raised again by who asked
                answer = error
            pipe.send(answer)
        for device in self._devices:
            device.stop()

    async def connect(self, most: int | None) -> None:
        new = [device for device in self._devices[:most] if not device.signed_in.is_set()]
        await connect_all(new)

    async def reconnect(self, most: int) -> None:
        everybody = self._devices[:most]
        for device in everybody:
            device.hang_up()
        # Aborting is noticed in the next turn of the loop.
        await asyncio.sleep(0.01)
        for device in everybody:
            await device.signed_in.wait()

    async def settle(self, within_s: float) -> int:
        until = time.monotonic() + within_s
        while self._heard.waiting and time.monotonic() < until:  # noqa: ASYNC110 - no bell for it
            await asyncio.sleep(0.02)
        return self._heard.waiting

    async def accounts(self) -> list[Account]:
        return [device.account() for device in self._devices]

    async def speak(self, rate: float, seconds: float, most_waiting: int, begin: float) -> Spell:
        heard = self._heard
        heard.seconds = array("d")
        heard.strange.clear()
        sent, acknowledged, lost = heard.sent, heard.acknowledged, heard.lost_connections
        gaps = self._random.exponential(1.0 / rate, int(rate * seconds * 1.1) + 100)
        moments = begin + np.cumsum(gaps)
        schedule = moments[moments < begin + seconds].tolist()
        cpu = time.process_time()
        began = time.monotonic()
        late = await self._follow(schedule, most_waiting)
        lasted = time.monotonic() - began
        return Spell(
            sent=heard.sent - sent,
            acknowledged=heard.acknowledged - acknowledged,
            waiting=heard.waiting,
            seconds=np.array(heard.seconds),
            late_s=np.array(late),
            cpu_s=time.process_time() - cpu,
            lasted_s=lasted,
            lost_connections=heard.lost_connections - lost,
            strange=tuple(heard.strange[:5]),
        )

    async def _follow(self, schedule: list[float], most_waiting: int) -> "array[float]":
        """Speak at each moment of the schedule; how late each burst was."""
        late = array("d")
        devices, template, heard = self._order, frames.ORDINARY, self._heard
        epoch_ms = time.time() * 1000 - time.monotonic() * 1000
        place, end, turn, count = 0, len(schedule), self._turn, len(devices)
        while place < end:
            now = time.monotonic()
            last = min(place + _AT_ONCE, end)
            if schedule[place] <= now:
                late.append(now - schedule[place])
            while place < last and (moment := schedule[place]) <= now:
                place += 1
                if most_waiting and heard.waiting >= most_waiting:
                    continue
                devices[turn].say(moment, int(epoch_ms + moment * 1000), template)
                turn += 1
                if turn == count:
                    turn = 0
            await asyncio.sleep(0 if place == last else _TICK_S)
        self._turn = turn
        return late
