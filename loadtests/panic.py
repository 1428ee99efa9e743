"""From the bytes of an SOS on a socket to an alarm on a connected desk.

Measured idle, under 80 % of what the house can ingest, with Redis gone, and with PostgreSQL
gone for a minute. In the dark a provisional alarm counts as seen; when there is light again the
real alarm must exist exactly once and must reach the desk.
"""

import argparse
import asyncio
import sys
import time
from typing import Any

import numpy as np

from loadtests import store
from loadtests.desk import Criers, Cry, Screen, looking, waits
from loadtests.figures import latency_ms, run, say, show, table
from loadtests.generator import STEPS, Generator, generating, plans_for
from loadtests.stack import Stack, immediately, stack
from tracking import bus, cluster

CRIERS = 50
_SEEN_WITHIN_S = 15.0
_REAL_WITHIN_S = 60.0


class Phases:
    """One house, one screen, and the four situations."""

    def __init__(
        self, house: Stack, screen: Screen, criers: Criers, arguments: argparse.Namespace
    ) -> None:
        self._house = house
        self._screen = screen
        self._criers = criers
        self._count = arguments.count
        self._dark_s = arguments.dark
        self._lots = np.random.default_rng(1)
        self.cries: list[str] = []
        self.figures: dict[str, Any] = {}
        self.problems: list[str] = []

    async def idle(self) -> None:
        """Nothing else goes on."""
        await self._measure("idle", await self._cry(self._count, 0.1))

    async def under_load(self, generator: Generator, rate: float) -> None:
        """Others bring 80 % of what can be ingested."""
        gap_s = 0.1
        load = asyncio.ensure_future(
            generator.speak(rate=rate, seconds=2.0 + self._count * gap_s * 1.3)
        )
        await asyncio.sleep(1.5)
        cries = await self._cry(self._count, gap_s)
        await self._measure("80 % of maximum", cries)
        spell = await load
        self.figures["80 % of maximum"]["load_per_s"] = round(spell.acknowledged_per_s)
        await generator.settle()

    async def without_redis(self) -> None:
        """The bell is gone; NOTIFY and the poll are there."""
        self._house.kill("redis")
        await self._measure("Redis gone", await self._cry(max(self._count // 4, 5), 0.1))
        self._house.start("redis")
        await self._until_somebody_listens()

    async def without_postgresql(self) -> None:
        """The database is gone, and comes back."""
        await asyncio.to_thread(immediately, self._house)
        gone_at = time.monotonic()
        # The first cry comes at once, when nobody has noticed the darkness yet.
        cries = [self._criers.cry()]
        while time.monotonic() - gone_at < self._dark_s:
            cries += await self._cry(1, min(1.5, self._dark_s / 5))
        await self._measure("PostgreSQL gone", cries)
        self._house.start("postgresql")
        events = [cry.event_id for cry in cries]
        if not await self._screen.confirms(events, within_s=_REAL_WITHIN_S):
            self.problems.append("PostgreSQL gone: not every provisional alarm became real")
        self.figures["PostgreSQL gone"]["dark_s"] = self._dark_s

    async def account(self) -> None:
        """Every cry is one event, told once; and nothing has ended that was not killed."""
        connection = await self._house.connect()
        try:
            found = await store.events_stored(connection, self.cries)
        finally:
            await connection.close()
        if found != len(self.cries):
            self.problems.append(f"{len(self.cries)} cries, {found} stored and told exactly once")
        for name in self._house.ended():
            words = self._house.programs[name].last_words(8)
            self.problems.append(f"{name} ended by itself:\n{words}")

    async def _until_somebody_listens(self) -> None:
        """Wait until the API hears the bell again, so that each situation has one fault."""
        await cluster.until_redis_answers(self._house.settings)
        client = bus.connect(bus.address_of(self._house.settings))
        try:
            async with asyncio.timeout(_SEEN_WITHIN_S):
                while not await client.pubsub_channels(f"*{bus.PROVISIONAL}"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        finally:
            await client.aclose()

    async def _cry(self, count: int, gap_s: float) -> list[Cry]:
        return await self._criers.cry_out(count, gap_s=gap_s, lots=self._lots)

    async def _measure(self, name: str, cries: list[Cry]) -> None:
        events = [cry.event_id for cry in cries]
        self.cries += events
        if not await self._screen.saw(events, within_s=_SEEN_WITHIN_S):
            unseen = sum(event not in self._screen.seen for event in events)
            self.problems.append(f"{name}: {unseen} of {len(events)} never seen")
        self.figures[name] = latency_ms(waits(cries, self._screen))
        say(f"{name}: {self.figures[name]}")


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All situations; the figures as JSON values."""
    units = arguments.units
    async with stack(units=units + CRIERS) as house:
        criers = Criers(range(units, units + CRIERS), house.ground)
        await criers.connect()
        try:
            async with looking(house.address) as screen:
                phases = Phases(house, screen, criers, arguments)
                await _all(phases, house, arguments)
        finally:
            criers.stop()
    return {
        "phases": phases.figures,
        "cries": len(phases.cries),
        "screen_reconnects": screen.reconnects,
        "positions_on_screen": screen.positions,
        "problems": phases.problems + criers.heard.strange[:5],
    }


async def _all(phases: Phases, house: Stack, arguments: argparse.Namespace) -> None:
    await phases.idle()
    if arguments.load != 0:
        plans = plans_for(arguments.units, house.ground, processes=2)
        async with generating(plans) as generator:
            await generator.connect()
            rate = arguments.load or 0.8 * await _most(generator)
            await phases.under_load(generator, rate)
    await phases.without_redis()
    if arguments.dark:
        await phases.without_postgresql()
    await phases.account()


async def _most(generator: Generator) -> float:
    """How many frames a second the house keeps up with."""
    guess = await generator.guess()
    for share in STEPS:
        spell = await generator.speak(rate=guess * share, seconds=6.0)
        await generator.settle()
        if spell.kept_up:
            break
    say(f"about {spell.acknowledged_per_s:,.0f}/s at most")
    return spell.acknowledged_per_s


def text_of(figures: dict[str, Any]) -> str:
    """The figures as people read them."""
    rows = [
        (name, *(phase.get(key, 0.0) for key in ("count", "p50_ms", "p99_ms", "max_ms")))
        for name, phase in figures["phases"].items()
    ]
    shown = table(
        "From SOS bytes on a socket to the desk, ms",
        rows,
        head=("situation", "cries", "p50", "p99", "max"),
    )
    wrong = "\n".join(f"WRONG: {words}" for words in figures["problems"])
    return f"{shown}\n\n{wrong or 'Every cry was seen, and is one alarm event, told once.'}"


def main() -> int:
    """Exit code 0 when every cry was seen and is stored exactly once."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.panic",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=100, help="cries a situation (100)")
    parser.add_argument("--units", type=int, default=2_000, help="units that bring load (2000)")
    parser.add_argument(
        "--load", type=float, help="frames a second; 0: none; default: 80 %% of the maximum"
    )
    parser.add_argument(
        "--dark", type=float, default=60.0, help="seconds without PostgreSQL; 0: leave out (60)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = run(measure(arguments))
    show(figures, text_of(figures), as_json=arguments.json)
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
