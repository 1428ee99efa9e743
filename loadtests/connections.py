"""What an idle connection costs, how fast connections are accepted, and a storm of them.

Several gateways share the ports, because open files are capped a process; devices come from many
127.0.0.x addresses, because each has only 28,000 ports to connect from. In the storm everybody
loses the connection at once and comes back, while one of them cries for help.
"""

import argparse
import asyncio
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from loadtests.desk import Criers, looking, waits
from loadtests.figures import latency_ms, run, say, show, table
from loadtests.generator import Generator, generating, plans_for
from loadtests.stack import Stack, stack

_A_PROCESS = 14_000
"""Connections that a process plays or serves; chance does not divide them evenly."""

_CRIERS = 10
_ADDRESSES_NEEDED = {"VIGIL_CONNECTIONS_PER_ADDRESS": "50000"}


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All sizes, then the storm; the figures as JSON values."""
    sizes = sorted(arguments.sizes)
    most = max(*sizes, arguments.storm)
    processes = max(2, math.ceil(most / _A_PROCESS))
    problems: list[str] = []
    async with stack(
        units=most + _CRIERS, gateways=processes, environment=_ADDRESSES_NEEDED
    ) as house:
        plans = plans_for(most, house.ground, processes=processes)
        async with generating(plans) as generator:
            idle = await _idle(house, generator, sizes)
            storm = await _storm(house, generator, most, arguments.storm, problems)
    return {"gateways": processes, "idle": idle, "storm": storm, "problems": problems}


async def _idle(house: Stack, generator: Generator, sizes: list[int]) -> list[dict[str, Any]]:
    empty, slab = house.resident("gateway"), _kernel_bytes()
    before = 0
    figures = []
    for size in sizes:
        took_s = await generator.connect(size)
        # What signing in took is given back only after a while, if ever; it counts.
        await asyncio.sleep(2.0)
        figures.append(
            {
                "connections": size,
                "resident_bytes_a_connection": round((house.resident("gateway") - empty) / size),
                "kernel_bytes_a_connection": round((_kernel_bytes() - slab) / size),
                "signed_in_per_s": round((size - before) / took_s),
            }
        )
        say(f"{figures[-1]}")
        before = size
    return figures


async def _storm(
    house: Stack, generator: Generator, connected: int, size: int, problems: list[str]
) -> dict[str, Any]:
    """``size`` of those who are ``connected`` come back at once."""
    await generator.connect(connected)
    criers = Criers(range(connected, connected + _CRIERS), house.ground)
    await criers.connect()
    async with looking(house.address) as screen:
        storm = asyncio.ensure_future(generator.reconnect(size))
        cries = await criers.cry_out(10, gap_s=0.15, lots=np.random.default_rng(1))
        took_s = await storm
        if not await screen.saw([cry.event_id for cry in cries], within_s=30):
            problems.append("a cry in the storm was never seen")
    criers.stop()
    return {
        "connections": size,
        "all_back_after_s": round(took_s, 2),
        "signed_in_per_s": round(size / took_s),
        "sos_to_desk": latency_ms(waits(cries, screen)),
    }


def _kernel_bytes() -> int:
    """Kernel memory of both ends of all sockets of this machine, slab and buffers."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return sum(int(line[1]) * 1024 for line in lines if line[0] in ("Slab:", "KernelStack:"))


def text_of(figures: dict[str, Any]) -> str:
    """The figures as people read them."""
    idle = table(
        f"Idle connections, signed in, on {figures['gateways']} gateways",
        [
            (f"{one['connections']:,}", one["resident_bytes_a_connection"] / 1024,
             one["kernel_bytes_a_connection"] / 1024, one["signed_in_per_s"])
            for one in figures["idle"]
        ],
        head=("connections", "KiB resident each", "KiB kernel each, both ends", "signed in/s"),
    )  # fmt: skip
    storm = figures["storm"]
    sos = storm["sos_to_desk"]
    shown = table(
        f"{storm['connections']:,} come back at once",
        [
            ("all signed in after s", storm["all_back_after_s"]),
            ("signed in/s", storm["signed_in_per_s"]),
            ("SOS to desk meanwhile, p50 ms", sos.get("p50_ms", 0.0)),
            ("SOS to desk meanwhile, max ms", sos.get("max_ms", 0.0)),
        ],
    )
    wrong = [f"WRONG: {words}" for words in figures["problems"]]
    return "\n\n".join((idle, shown, *wrong))


def main() -> int:
    """Exit code 0 when everybody got in and every cry was seen."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.connections",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 50_000], help="(10000 50000)"
    )
    parser.add_argument("--storm", type=int, default=7_000, help="who come back at once (7000)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = run(measure(arguments))
    show(figures, text_of(figures), as_json=arguments.json)
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
