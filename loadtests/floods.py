"""Does an SOS wait when others flood the gateways, or leave their connections lying about?

First the cries of some units are measured while nothing else goes on: from their bytes on a socket
to the acknowledgement, which is after the commit. Then the same while thousands of connections send
noise; say one byte a second; sign in and vanish; while registered units send far above their rate;
and while noise comes in datagrams. The figure is the ratio to the quiet before and after, in
the same run.
"""

import argparse
import asyncio
import sys
import time
from typing import Any

import numpy as np

from loadtests import store
from loadtests.assault import KINDS, Plan, under
from loadtests.desk import Criers
from loadtests.figures import Seconds, latency_ms, run, say, show, table
from loadtests.posts import Posts
from loadtests.stack import NotUp, Stack, stack

CRIERS = 50
FLOODERS = 20
POSTS = 20
_GAP_S = 0.05
_ANSWERED_WITHIN_S = 15.0
_TOO_LATE_MS = 1_000.0
_MAY_BE_LOST = 0.02
"""Of datagrams: nobody promises them to arrive."""

QUIET, AGAIN = "quiet", "quiet again"
QUIET_POST, FLOODED_POST = "quiet, by datagram", "UDP garbage, by datagram"


class Situations:
    """One house, the units that cry in it, and what goes on meanwhile."""

    def __init__(self, house: Stack, arguments: argparse.Namespace) -> None:
        self._house = house
        self._count = arguments.count
        self._lots = np.random.default_rng(1)
        self.criers = Criers(range(CRIERS), house.ground)
        first = CRIERS + FLOODERS
        self.posts = Posts(range(first, first + POSTS), house.ground)
        self.cries: list[str] = []
        self.quiet: list[Seconds] = []
        self.figures: dict[str, dict[str, Any]] = {}
        self.problems: list[str] = []

    async def measure(self, name: str) -> None:
        """Cry while that goes on."""
        house = self._house
        cpu, began = house.cpu_s(), time.monotonic()
        seconds, unanswered = await self.cry(self._count)
        spent = house.cpu_s()
        lasted = time.monotonic() - began
        if name in {QUIET, AGAIN}:
            self.quiet.append(seconds)
        self.figures[name] = {
            **latency_ms(seconds),
            "cores": {kind: round((spent[kind] - cpu[kind]) / lasted, 3) for kind in spent},
            "unanswered": unanswered,
        }
        if unanswered:
            self.problems.append(f"{name}: {unanswered} cries were not answered")
        say(f"{name}: {self.figures[name]}")

    async def measure_posts(self, name: str) -> None:
        """Cry by datagram while that goes on."""
        seconds, lost = await self.posts.cry_out(self._count, gap_s=_GAP_S, lots=self._lots)
        self.figures[name] = {**latency_ms(seconds), "unanswered": lost}
        if lost > _MAY_BE_LOST * self._count:
            self.problems.append(f"{name}: {lost} of {self._count} cries were not answered")
        say(f"{name}: {self.figures[name]}")

    async def cry(self, count: int) -> tuple[Seconds, int]:
        """(seconds to each acknowledgement, how many never came). Raises NotUp."""
        heard = self.criers.heard
        before = len(heard.seconds)
        cries = await self.criers.cry_out(count, gap_s=_GAP_S, lots=self._lots)
        self.cries += [one.event_id for one in cries]
        until = time.monotonic() + _ANSWERED_WITHIN_S
        while heard.waiting and time.monotonic() < until:  # noqa: ASYNC110 - no bell for it
            await asyncio.sleep(0.01)
        if ended := self._house.ended():
            raise NotUp(f"{', '.join(ended)} ended by itself")
        return np.array(heard.seconds[before:]), heard.waiting


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All situations; the figures as JSON values."""
    units = CRIERS + FLOODERS + POSTS
    async with stack(units=units, gateways=arguments.gateways, api=False) as house:
        situations = Situations(house, arguments)
        await situations.criers.connect()
        await situations.posts.connect()
        try:
            await situations.cry(20)  # units are looked up, days are opened
            await situations.measure(QUIET)
            await situations.measure_posts(QUIET_POST)
            for kind in arguments.only or KINDS:
                plan = Plan(
                    kind=kind,
                    ground=house.ground,
                    connections=arguments.connections,
                    rate=arguments.rate,
                    first_unit=CRIERS,
                )
                async with under(plan) as done:
                    await situations.measure(kind)
                    if kind == "UDP garbage":
                        await situations.measure_posts(FLOODED_POST)
                situations.figures[kind] |= done
            await situations.measure(AGAIN)
        finally:
            situations.criers.stop()
            situations.posts.stop()
        figures = {
            "situations": situations.figures,
            "problems": situations.problems + situations.criers.heard.strange[:5],
        }
        await _account(house, situations.cries, figures)
    _compare(figures, latency_ms(np.concatenate(situations.quiet)))
    return figures


async def _account(house: Stack, cries: list[str], figures: dict[str, Any]) -> None:
    """Every cry is one event, told once."""
    connection = await house.connect()
    try:
        found = await store.events_stored(connection, cries)
    finally:
        await connection.close()
    if found != len(cries):
        figures["problems"].append(f"{len(cries)} cries, {found} stored and told exactly once")


def _compare(figures: dict[str, Any], quiet: dict[str, float]) -> None:
    """Add the ratios to the quiet, before and after taken together."""
    for name, found in figures["situations"].items():
        for key in ("p50", "p99"):
            if f"{key}_ms" in found and quiet.get(f"{key}_ms"):
                found[f"{key}_ratio"] = round(found[f"{key}_ms"] / quiet[f"{key}_ms"], 2)
        if found.get("p99_ms", 0.0) > _TOO_LATE_MS:
            figures["problems"].append(f"{name}: p99 is {found['p99_ms']:.0f} ms")


def text_of(figures: dict[str, Any]) -> str:
    """The figures as people read them."""
    keys = ("count", "p50_ms", "p99_ms", "max_ms", "p50_ratio", "p99_ratio")
    rows = [
        (
            name,
            *(found.get(key, 0.0) for key in keys),
            found["unanswered"],
            found.get("cores", {}).get("gateway", 0.0),
            found.get("connections", 0),
            found.get("sent", 0),
        )
        for name, found in figures["situations"].items()
    ]
    head = ("meanwhile", "cries", "p50", "p99", "max", "p50 ratio", "p99 ratio", "lost")
    shown = table(
        "From SOS bytes on a socket to the acknowledgement after COMMIT, ms",
        rows,
        head=(*head, "gateway cores", "connections", "sends"),
    )
    wrong = "\n".join(f"WRONG: {words}" for words in figures["problems"])
    return f"{shown}\n\n{wrong or 'Every cry was answered in time, and is one event, told once.'}"


def main() -> int:
    """Exit code 0 when every cry was answered, p99 below a second, whatever else went on."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.floods",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=200, help="cries a situation (200)")
    parser.add_argument(
        "--connections", type=int, default=2_000, help="hostile connections at once (2000)"
    )
    parser.add_argument(
        "--rate", type=float, default=4_000, help="hostile sends a second, all together (4000)"
    )
    parser.add_argument("--gateways", type=int, default=2, help="gateway processes (2)")
    parser.add_argument(
        "--only", action="append", choices=list(KINDS), help="only this assault; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = run(measure(arguments))
    show(figures, text_of(figures), as_json=arguments.json)
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
