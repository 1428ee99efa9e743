"""How many positions a second are durably stored and acknowledged, with everything switched on.

Finds the most that two gateways keep up with, then measures acknowledgements at 80 % of that and
at 2,000/s, then counts in the database that everything acknowledged is there exactly once, and
last writes the same rows by raw binary COPY, which is the ceiling of this machine.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import psutil

from loadtests import store
from loadtests.desk import looking
from loadtests.figures import latency_ms, run, say, show, table
from loadtests.generator import STEPS, Generator, Spell, generating, plans_for
from loadtests.population import Account
from loadtests.stack import KINDS, Stack, stack
from tracking.database import Connection

_COPY_ROWS = 1_000
_COPY_BATCHES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One spell of speaking, and what it cost."""

    name: str
    rate: float
    spell: Spell
    cpu_us: dict[str, float]
    others_share: float
    """Of all cores, what programs that are none of ours took meanwhile."""

    @property
    def whole_machine_per_s(self) -> float:
        """Positions a second that all cores would pay for, devices included, by what each cost."""
        return (os.cpu_count() or 1) * 1e6 / max(sum(self.cpu_us.values()), 0.1)

    def figures(self) -> dict[str, Any]:
        """As JSON values."""
        late = self.spell.late_s
        return {
            "offered_per_s": round(self.spell.sent / self.spell.lasted_s),
            "acknowledged_per_s": round(self.spell.acknowledged_per_s),
            "kept_up": self.spell.kept_up,
            "ack": latency_ms(self.spell.seconds),
            "cpu_us_a_position": self.cpu_us,
            "whole_machine_per_s": round(self.whole_machine_per_s),
            "others_share_of_cores": round(self.others_share, 2),
            "generator_late_p99_ms": round(float(np.percentile(late, 99)) * 1000, 2)
            if len(late)
            else 0.0,
            "lost_connections": self.spell.lost_connections,
            "strange": list(self.spell.strange),
        }


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything above; the figures as JSON values. ``problems`` is empty when all is well."""
    units, gateways = arguments.units, arguments.gateways
    say(f"starting a house with {gateways} gateways and {units:,} units …")
    async with stack(units=units, gateways=gateways, mixed=arguments.mix) as house:
        plans = plans_for(units, house.ground, processes=arguments.processes, mixed=arguments.mix)
        async with generating(plans) as generator, looking(house.address) as screen:
            took = await generator.connect()
            say(f"{units:,} units signed in within {took:.1f} s")
            runs = await _runs(house, generator, arguments)
            unanswered = await generator.settle()
            accounts = await generator.accounts()
        say("counting …")
        connection = await house.connect()
        try:
            problems = await _count(connection, accounts)
            copied_per_s = await _copy(connection, ("positions", "frames"))
            positions_alone_per_s = await _copy(connection, ("positions",))
            odd = await store.quarantined(connection)
        finally:
            await connection.close()
    best = max(runs, key=lambda run: run.spell.acknowledged_per_s if run.spell.kept_up else 0.0)
    problems += [f"{count} frames in quarantine: {reason}" for reason, count in odd.items()]
    if unanswered:
        problems.append(f"{unanswered} frames were never acknowledged")
    problems += [words for run in runs for words in run.spell.strange]
    return {
        "units": units,
        "gateways": gateways,
        "mixed": arguments.mix,
        "durable_positions_per_s": round(best.spell.acknowledged_per_s)
        if best.spell.kept_up
        else None,
        "runs": {run.name: run.figures() for run in runs},
        "copy_rows_per_s": round(copied_per_s),
        "copy_is": f"each position and its frame, {_COPY_ROWS:,} to a transaction, same keys",
        "ratio_to_copy": round(best.spell.acknowledged_per_s / copied_per_s, 3),
        "copy_positions_alone_per_s": round(positions_alone_per_s),
        "ratio_to_positions_alone": round(best.spell.acknowledged_per_s / positions_alone_per_s, 3),
        "positions_on_screen": screen.positions,
        "counted": sum(one.count for one in accounts),
        "problems": problems,
    }


async def _runs(house: Stack, generator: Generator, arguments: argparse.Namespace) -> list[Run]:
    seconds = arguments.seconds
    if arguments.rate:
        return [await _run(house, generator, "as asked", arguments.rate, seconds)]
    guess = await generator.guess()
    say(f"about {guess:,.0f}/s; looking for what is kept up with …")
    runs: list[Run] = []
    for share in STEPS:
        run = await _run(house, generator, "maximum", guess * share, seconds)
        runs = [run]
        if run.spell.kept_up:
            break
    most = runs[0].spell.acknowledged_per_s
    runs.append(await _run(house, generator, "80 % of maximum", 0.8 * most, seconds))
    runs.append(await _run(house, generator, "2,000/s", 2_000.0, seconds))
    return runs


async def _run(house: Stack, generator: Generator, name: str, rate: float, seconds: float) -> Run:
    before, ours, busy = house.cpu_s(), generator.cpu_s(), _busy_s()
    spell = await generator.speak(rate=rate, seconds=seconds)
    after = house.cpu_s()
    devices_s = generator.cpu_s() - ours
    taken_s = sum(after.values()) - sum(before.values()) + devices_s
    others_s = max(_busy_s() - busy - taken_s, 0.0)
    count = max(spell.acknowledged, 1)
    cpu_us = {kind: round((after[kind] - before[kind]) / count * 1e6, 1) for kind in KINDS}
    cpu_us["generator"] = round(devices_s / count * 1e6, 1)
    await generator.settle()
    run = Run(
        name=name,
        rate=rate,
        spell=spell,
        cpu_us=cpu_us,
        others_share=others_s / spell.lasted_s / (os.cpu_count() or 1),
    )
    say(
        f"{name}: offered {rate:,.0f}/s, acknowledged {run.spell.acknowledged_per_s:,.0f}/s"
        f"{'' if run.spell.kept_up else ' (did not keep up)'}"
    )
    return run


def _busy_s() -> float:
    """Processor time that anybody took on this machine."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


async def _count(connection: Connection, accounts: Sequence[Account]) -> list[str]:
    """What is wrong between what was acknowledged and what is stored."""
    stored = await store.stored_by_unit(connection)
    problems = []
    for one in accounts:
        found = stored.pop(one.unit_id, store.Stored(count=0, sum_ms=0))
        least = one.count - len(one.unanswered)
        if not least <= found.count <= one.count:
            problems.append(
                f"{one.unit_id}: {least} acknowledged, {one.count} said, {found.count} stored"
            )
        elif found.count == one.count and found.sum_ms != one.sum_ms:
            problems.append(f"{one.unit_id}: what is stored is not what was said")
    problems += [f"{unit_id}: stored, but never said" for unit_id in stored]
    more = len(problems) - 10
    return [*problems[:10], f"and {more} more"] if more > 0 else problems


async def _copy(connection: Connection, tables: tuple[str, ...]) -> float:
    """Positions a second by raw binary COPY of the run's own rows into tables of the same shape.

    With ("positions", "frames") it writes what one acknowledged position leaves behind: its row
    and the bytes it came in. One transaction for each batch.
    """
    await store.make_twins(connection)
    batches = []
    for number in range(_COPY_BATCHES):
        batch = {
            table: await store.binary_rows(
                connection, table, after=number * _COPY_ROWS, most=_COPY_ROWS
            )
            for table in tables
        }
        batches.append(batch)
        if any(rows < _COPY_ROWS for rows, _ in batch.values()):
            break
    began = time.monotonic()
    for batch in batches:
        async with connection.transaction():
            for table, (_, content) in batch.items():
                await connection.copy_to_table(
                    f"{table}_twin", source=BytesIO(content), format="binary"
                )
    took = max(time.monotonic() - began, 1e-9)
    return sum(min(rows for rows, _ in batch.values()) for batch in batches) / took


def text_of(figures: dict[str, Any]) -> str:
    """The figures as people read them."""
    durable = figures["durable_positions_per_s"]
    head = table(
        "Durable acknowledged positions, everything switched on",
        [
            ("positions/s", durable or "did not keep up"),
            ("raw COPY of the same rows, positions/s", figures["copy_rows_per_s"]),
            ("ratio", figures["ratio_to_copy"]),
            ("raw COPY of positions without frames", figures["copy_positions_alone_per_s"]),
            ("ratio", figures["ratio_to_positions_alone"]),
            ("units", figures["units"]),
            ("gateways", figures["gateways"]),
            ("positions counted", figures["counted"]),
            ("positions drawn on one desk", figures["positions_on_screen"]),
        ],
    )
    runs = figures["runs"].items()
    latency = table(
        "From the scheduled moment of a frame to its acknowledgement, ms",
        [
            (name, run["acknowledged_per_s"],
             *(run["ack"].get(key, 0.0) for key in ("p50_ms", "p99_ms", "p999_ms", "max_ms")),
             run["generator_late_p99_ms"])
            for name, run in runs
        ],
        head=("load", "acked/s", "p50", "p99", "p99.9", "max", "generator late p99"),
    )  # fmt: skip
    kinds = (*KINDS, "generator")
    cost = table(
        "Processor time a position, µs",
        [
            (
                name,
                *(run["cpu_us_a_position"][kind] for kind in kinds),
                run["whole_machine_per_s"],
                f"{run['others_share_of_cores']:.0%}",
            )
            for name, run in runs
        ],
        head=("load", *kinds, "all cores/s", "others"),
    )
    wrong = "\n".join(f"WRONG: {words}" for words in figures["problems"])
    verdict = wrong or "Everything acknowledged is stored exactly once, and nothing else is."
    return f"{head}\n\n{latency}\n\n{cost}\n\n{verdict}"


def main() -> int:
    """Exit code 0 when everything acknowledged is stored exactly once."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.ingest", description=__doc__)
    parser.add_argument("--units", type=int, default=4_000, help="units that speak (4000)")
    parser.add_argument("--gateways", type=int, default=2, help="gateway processes (2)")
    parser.add_argument("--processes", type=int, default=2, help="processes full of devices (2)")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each run (20)")
    parser.add_argument(
        "--mix", action="store_true", help="three of ten units speak other protocols"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--rate", type=float, help="one run at this many frames a second")
    which.add_argument(
        "--find-max", action="store_true", help="the maximum, 80 %% of it and 2,000/s (default)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = run(measure(arguments))
    show(figures, text_of(figures), as_json=arguments.json)
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
