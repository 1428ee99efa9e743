"""How late is a dead man's timer? A million of them come due at random; each is an event.

All are set beforehand as gateways leave them: a timer, and what its rule remembers. One timekeeper
looks at the clock. Lateness is from when a timer was due to when the transaction that files its
event began; the longest of those transactions is told beside it.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np

from geofence import memory
from geofence.rules.still import CONDITION as STILL
from geofence.rules.still import Memory
from loadtests import store
from loadtests.figures import latency_ms, run, say, show, table
from loadtests.stack import NotUp, stack
from tracking.rules.book import compiled
from tracking.rules.rule import SetRule

_UNITS = 7_000
_FOR_S = 300.0
_BEGINS_IN_S = 20.0


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures as JSON values. Raises NotUp when the timekeeper ends."""
    async with stack(units=_UNITS, gateways=1, api=False) as house:
        house.stop("timekeeper")
        connection = await house.connect()
        try:
            say(f"setting {arguments.count:,} timers …")
            client = await store.a_client(connection)
            set_rule = SetRule(
                id=uuid4(),
                version=1,
                organisation_id=client,
                of_centre=False,
                name="Does not move",
                setting={"kind": "still", "for_s": _FOR_S},
                cause="still",
                for_s=0.0,
                schedule=None,
                scope={},
                severity=0,
            )
            rule = compiled(set_rule, {})
            moved = datetime(2026, 1, 1, tzinfo=UTC)
            begun = rule.begin("")
            live = replace(begun.live, memory=Memory(moved_s=moved.timestamp()))
            state = replace(begun, live=live)
            due = rule.due(state, after=moved)
            assert due is not None, f"{STILL.kind} waits for no time"
            await store.set_a_rule(connection, set_rule)
            first_due = datetime.now(UTC) + timedelta(
                seconds=_BEGINS_IN_S + arguments.count * 60e-6
            )
            await store.set_timers_at_random(
                connection,
                rule_id=set_rule.id,
                edition=rule.edition,
                memory=memory.written(state),
                holds_after_s=(due - moved).total_seconds(),
                count=arguments.count,
                first_due=first_due,
                window_s=arguments.window,
            )
            house.start("timekeeper")
            began = time.monotonic()
            while waiting := await store.timers_left(connection):
                if ended := house.ended():
                    raise NotUp(f"{', '.join(ended)} ended by itself")
                say(f"{waiting:,} timers left after {time.monotonic() - began:.0f} s")
                await asyncio.sleep(5.0)
            cpu = house.cpu_s()
            lateness = np.array(await store.lateness_s(connection, set_rule.id))
        finally:
            await connection.close()
    return {
        "timers": arguments.count,
        "window_s": arguments.window,
        "a_second": round(arguments.count / arguments.window, 1),
        "events": len(lateness),
        **latency_ms(lateness),
        "timekeeper_us_each": round(cpu["timekeeper"] * 1e6 / arguments.count, 1),
        "early": int((lateness < -0.001).sum()),
    }


def main() -> int:
    """1 if one was never noticed, twice, or early."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.timers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=1_000_000, help="timers (1,000,000)")
    parser.add_argument("--window", type=float, default=1_200.0, help="all due within, s (1,200)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    try:
        figures = run(measure(arguments))
    except KeyboardInterrupt:
        return 130
    rows = [(name, value) for name, value in figures.items()]
    show(figures, table("Timers that came due", rows), as_json=arguments.json)
    right = figures["events"] == figures["timers"] and not figures["early"]
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
