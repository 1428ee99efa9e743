"""kill -9 of a random process, again and again, under load: is anything lost, doubled, made up?

Every round one of these dies: a gateway, the API, the timekeeper, Redis, one PostgreSQL backend,
the postmaster, or the whole server at once (pg_ctl -m immediate). It is started again, and the
round ends when every device has been acknowledged something it said after the blow. Meanwhile
devices also lose their connections at random, before they hear the answer. Like real ones they
say everything unanswered again.

At the end: every acknowledged record is stored exactly once, every acknowledged SOS is one event
of an alarm that desks are told once, and nothing is stored that nobody said.

With --break the house breaks a promise on purpose (VIGIL_BREAK_PROMISE). Then this command must
find the loss or the doubles, and its exit code is 0 only if it does.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from array import array
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import asyncpg
import numpy as np
import psutil

from loadtests import frames, store
from loadtests.accounts import Verdict, judge
from loadtests.figures import run, say, show, table
from loadtests.population import Device, Heard, connect_all
from loadtests.stack import Stack, immediately, stack

_RECOVERED_WITHIN_S = 60.0
_CHECK_EVERY = 50
_TICK_S = 0.002
_SOS_EVERY = 25
"""One record in so many is a cry for help."""

_HANG_UP_EVERY_S = 0.1


class Crowd:
    """Devices that speak all the time, and what each said and was told is safe."""

    def __init__(self, house: Stack, units: int, rate: float, lots: random.Random) -> None:
        self.heard = Heard()
        self.devices = [
            Device(number, house.ground, self.heard, keep=True) for number in range(units)
        ]
        self.cries: dict[str, set[int]] = defaultdict(set)
        self._rate = rate
        self._lots = lots
        self.speaking = asyncio.Event()

    async def speak(self) -> None:
        """Speak while ``speaking`` is set, until cancelled."""
        epoch_ms = time.time() * 1000 - time.monotonic() * 1000
        turn = 0
        while True:
            await self.speaking.wait()
            moment = time.monotonic()
            while self.speaking.is_set():
                now = time.monotonic()
                while moment <= now:
                    moment += self._lots.expovariate(self._rate)
                    self._say(turn, moment, int(epoch_ms + moment * 1000))
                    turn += 1
                await asyncio.sleep(_TICK_S)

    def _say(self, turn: int, moment: float, at_ms: int) -> None:
        device = self.devices[turn % len(self.devices)]
        if turn % _SOS_EVERY:
            device.say(moment, at_ms, frames.ORDINARY)
        else:
            device.say(moment, at_ms, frames.SOS)
            self.cries[device.unit_id].add(device.last_ms)

    async def lose_connections(self) -> None:
        """Every now and then somebody drives into a tunnel with an answer under way."""
        while True:
            await asyncio.sleep(self._lots.expovariate(1 / _HANG_UP_EVERY_S))
            waiting = [device for device in self.devices if device.waiting]
            if waiting and self.speaking.is_set():
                self._lots.choice(waiting).hang_up()

    async def answered_since(self, moment: float) -> bool:
        """Wait until everybody was acknowledged something said after ``moment``."""
        until = moment + _RECOVERED_WITHIN_S
        while any(device.answered_until < moment for device in self.devices):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.002)
        return True

    async def hush(self) -> bool:
        """Stop speaking and wait until everything is answered."""
        self.speaking.clear()
        until = time.monotonic() + _RECOVERED_WITHIN_S
        while self.heard.waiting and time.monotonic() < until:  # noqa: ASYNC110 - no bell for it
            await asyncio.sleep(0.01)
        return not self.heard.waiting

    def forget(self) -> None:
        """Begin a new page of the accounts."""
        for device in self.devices:
            device.sent_ms = array("q")
            device.acknowledged_ms = array("q")
        self.cries.clear()


class Reaper:
    """Kills, and starts again whatever has ended."""

    def __init__(self, house: Stack, lots: random.Random, broken: str) -> None:
        self._house = house
        self._lots = lots
        gateways = [name for name in house.programs if name.startswith("gateway")]
        self.blows: dict[str, Callable[[], None]] = {
            name: self._killing(name)
            for name in [*gateways, *([] if broken else ["api-1", "timekeeper", "redis"])]
        }
        if broken != "ack-first":
            self.blows |= {
                "backend": self._kill_backend,
                "postmaster": self._killing("postgresql"),
                "immediate": self._stop_immediately,
            }
        self.restarts = 0

    def choose(self) -> str:
        """The next blow."""
        return self._lots.choice(list(self.blows))

    async def start_again(self) -> None:
        """Start what has ended, as a supervisor would, until cancelled."""
        while True:
            for name in self._house.ended():
                # A postmaster may have to wait for its predecessor's children to end.
                self._house.start(name)
                self.restarts += 1
            await asyncio.sleep(0.02)

    def _killing(self, name: str) -> Callable[[], None]:
        def kill() -> None:
            if self._house.running[name].poll() is None:
                self._house.kill(name)

        return kill

    def _kill_backend(self) -> None:
        children = self._house.processes("postgresql")[1:]
        if children:
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                os.kill(self._lots.choice(children).pid, signal.SIGKILL)

    def _stop_immediately(self) -> None:
        if self._house.running["postgresql"].poll() is None:
            immediately(self._house)


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All rounds; the figures as JSON values."""
    lots = random.Random(arguments.seed)
    environment = {"VIGIL_LOG_LEVEL": "WARNING"}
    if arguments.broken:
        environment["VIGIL_BREAK_PROMISE"] = arguments.broken
    async with stack(units=arguments.units, environment=environment) as house:
        crowd = Crowd(house, arguments.units, arguments.rate, lots)
        reaper = Reaper(house, lots, arguments.broken)
        try:
            await connect_all(crowd.devices)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(job())
                    for job in (crowd.speak, crowd.lose_connections, reaper.start_again)
                ]
                figures = await _rounds(house, crowd, reaper, lots, arguments)
                if not arguments.broken and (figures["problems"] or not figures["clean"]):
                    figures["logs"] = str(house.save_logs())
                for task in tasks:
                    task.cancel()
        finally:
            for device in crowd.devices:
                device.stop()
    figures["restarts"] = reaper.restarts
    figures["seed"] = arguments.seed
    figures["broken"] = arguments.broken or None
    return figures


async def _rounds(
    house: Stack, crowd: Crowd, reaper: Reaper, lots: random.Random, arguments: argparse.Namespace
) -> dict[str, Any]:
    positions, alarms = Verdict(), Verdict()
    recovery: dict[str, list[float]] = defaultdict(list)
    problems: list[str] = []
    began = time.monotonic()
    since_ms = int(time.time() * 1000) - 1
    crowd.speaking.set()
    for number in range(1, arguments.rounds + 1):
        await asyncio.sleep(lots.uniform(0.05, 0.4))
        blow = reaper.choose()
        at = time.monotonic()
        await asyncio.to_thread(reaper.blows[blow])
        if not await crowd.answered_since(at):
            problems.append(f"round {number} ({blow}): not everybody is served again after 60 s")
            break
        recovery[blow].append(time.monotonic() - at)
        if number % _CHECK_EVERY == 0 or number == arguments.rounds:
            if not await crowd.hush():
                problems.append(f"round {number}: {crowd.heard.waiting} frames never answered")
            found = await _check(house, crowd, since_ms)
            positions.add(found[0])
            alarms.add(found[1])
            state = "clean" if found[0].clean and found[1].clean else "NOT CLEAN"
            say(f"round {number}: {state}, {positions.acknowledged:,} acknowledged so far")
            since_ms = int(time.time() * 1000)
            crowd.forget()
            await asyncio.sleep(0.005)
            crowd.speaking.set()
    crowd.speaking.clear()
    problems += [f"devices heard: {words}" for words in crowd.heard.strange[:5]]
    every = [seconds for some in recovery.values() for seconds in some]
    lasted = time.monotonic() - began
    return {
        "rounds": len(every),
        "seconds_a_round": round(lasted / max(len(every), 1), 2),
        "positions": positions.figures(),
        "sos": alarms.figures(),
        "clean": positions.clean and alarms.clean,
        "lost_connections": crowd.heard.lost_connections,
        "recovery_s": _spread(every),
        "recovery_s_by_blow": {blow: _spread(some) for blow, some in sorted(recovery.items())},
        "problems": problems,
    }


async def _check(house: Stack, crowd: Crowd, since_ms: int) -> tuple[Verdict, Verdict]:
    """What the database says of everything since ``since_ms``."""
    said = {device.unit_id: device.sent_ms or () for device in crowd.devices}
    safe = {device.unit_id: device.acknowledged_ms for device in crowd.devices}
    cried = {name: sorted(times) for name, times in crowd.cries.items()}
    heard = {name: [at for at in safe[name] if at in crowd.cries[name]] for name in cried}
    until = time.monotonic() + _RECOVERED_WITHIN_S
    while True:
        try:
            connection = await house.connect()
            try:
                # What was acknowledged too early may still be on its way: that is no loss.
                await _until_still(connection)
                stored = await store.stored_times(connection, since_ms)
                rung = await store.rung_times(connection, since_ms)
            finally:
                await connection.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)
        else:
            break
    return (
        judge("position", said=said, acknowledged=safe, stored=stored),
        judge("SOS", said=cried, acknowledged=heard, stored=rung),
    )


async def _until_still(connection: asyncpg.Connection) -> None:
    """Wait until nothing is written any more for a moment."""
    before = -1
    while (now := await store.rows_written(connection)) != before:
        before = now
        await asyncio.sleep(0.3)


def _spread(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    p50, p99 = np.percentile(seconds, [50, 99])
    return {
        "rounds": len(seconds),
        "p50": round(float(p50), 3),
        "p99": round(float(p99), 3),
        "max": round(max(seconds), 3),
    }


def text_of(figures: dict[str, Any]) -> str:
    """The figures as people read them."""
    names = ("acknowledged", "stored", "lost", "doubled", "phantom")
    kept = table(
        f"After {figures['rounds']} times kill -9 (seed {figures['seed']})",
        [(what, *(figures[what][name] for name in names)) for what in ("positions", "sos")],
        head=("", *names),
    )
    rows = [("any", figures["recovery_s"]), *figures["recovery_s_by_blow"].items()]
    served = table(
        "Seconds until every device is acknowledged again",
        [(what, *(spread[key] for key in ("rounds", "p50", "p99", "max")))
         for what, spread in rows if spread],
        head=("killed", "rounds", "p50", "p99", "max"),
    )  # fmt: skip
    lines = [kept, served, f"{figures['seconds_a_round']} s a round"]
    lines += [f"WRONG: {words}" for words in figures["problems"]]
    examples = [*figures["positions"]["examples"], *figures["sos"]["examples"]]
    if examples:
        lines.append("\n".join(examples))
    if "logs" in figures:
        lines.append(f"Logs of this run: {figures['logs']}")
    lines.append(_verdict(figures))
    return "\n\n".join(lines)


def _verdict(figures: dict[str, Any]) -> str:
    broken = figures["broken"]
    if broken:
        return (
            f"The control did NOT notice that the promise was broken ({broken})."
            if figures["clean"]
            else f"The control works: with {broken}, loss or doubles were found."
        )
    if figures["clean"] and not figures["problems"]:
        return "Nothing acknowledged was lost, nothing was doubled, nothing was made up."
    return "A PROMISE IS BROKEN."


def main() -> int:
    """Exit code 0 when the promises held; with --break, when it was noticed that they did not."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.kill",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=20, help="how many are killed (20)")
    parser.add_argument(
        "--break",
        dest="broken",
        choices=("ack-first", "no-dedupe"),
        default="",
        help="break this promise on purpose, to test this test",
    )
    parser.add_argument("--units", type=int, default=50, help="devices (50)")
    parser.add_argument("--rate", type=float, default=600.0, help="records a second (600)")
    parser.add_argument("--seed", type=int, default=1, help="of every lot that is drawn (1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = run(measure(arguments))
    show(figures, text_of(figures), as_json=arguments.json)
    if arguments.broken:
        return 1 if figures["clean"] else 0
    return 0 if figures["clean"] and not figures["problems"] else 1


if __name__ == "__main__":
    sys.exit(main())
