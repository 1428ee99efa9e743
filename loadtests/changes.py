"""How soon does a changed rule judge, in every gateway, while zones are many and units speak?

Units drive at 48 km/h. A rule about too much speed is changed, again and again, from a limit far
above that to one far below; each unit's first event of a new version tells how long after the
change that unit was judged by it. Beside the rule stands another that asks about all the zones.
"""

import argparse
import asyncio
import sys
import time
from typing import Any

import numpy as np
import shapely

from loadtests import store, zones
from loadtests.figures import latency_ms, run, say, show, table
from loadtests.frames import ORDINARY
from loadtests.population import Device, Heard, connect_all, population
from loadtests.stack import stack

_FAR_ABOVE, _FAR_BELOW = 200.0, 20.0
_A_SECOND = 10.0
_SETTLED_S = 3.0
_LABEL = "load"


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures as JSON values."""
    async with stack(units=arguments.units, gateways=arguments.gateways, api=False) as house:
        devices = population(range(arguments.units), house.ground, Heard())
        connection = await house.connect()
        try:
            say(f"drawing {arguments.zones:,} zones …")
            draw = np.random.default_rng(4)
            shapes = zones.zones(arguments.zones, zones.towns(draw), draw)
            await store.draw_zones(connection, shapely.to_wkb(shapes), label=_LABEL)
            await store.set_rules(
                connection,
                {"near": {"kind": "zone_entered", "zones": [f"label:{_LABEL}"]}},
                scope={},
            )
            rule = await store.follow_rule(connection, None, _limit(_FAR_ABOVE))
            await connect_all(devices)
            async with asyncio.TaskGroup() as group:
                talk = group.create_task(_speak(devices))
                await asyncio.sleep(3 * _SETTLED_S)
                for change in range(arguments.changes):
                    say(f"change {change + 1} of {arguments.changes}")
                    await store.follow_rule(connection, rule, _limit(_FAR_BELOW))
                    await asyncio.sleep(_SETTLED_S)
                    await store.follow_rule(connection, rule, _limit(_FAR_ABOVE))
                    await asyncio.sleep(_SETTLED_S)
                talk.cancel()
            waits = np.array(await store.waits_for_a_version_s(connection, rule))
        finally:
            for device in devices:
                device.stop()
            await connection.close()
    return {
        "zones": arguments.zones,
        "gateways": arguments.gateways,
        "units": arguments.units,
        "changes": arguments.changes,
        "expected": arguments.units * arguments.changes,
        **latency_ms(waits),
    }


async def _speak(devices: list[Device]) -> None:
    """Each unit reports ten times a second."""
    while True:
        began = time.monotonic()
        for device in devices:
            device.say(began, int(time.time() * 1000), ORDINARY)
        await asyncio.sleep(max(0.0, 1 / _A_SECOND - (time.monotonic() - began)))


def _limit(limit_kmh: float) -> dict[str, object]:
    return {"kind": "overspeed", "limit_kmh": limit_kmh, "settle": 1}


def main() -> int:
    """1 if a unit was not judged by a change, or later than a second after it."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.changes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--zones", type=int, default=10_000, help="zones asked about (10,000)")
    parser.add_argument("--units", type=int, default=40, help="units that speak (40)")
    parser.add_argument("--changes", type=int, default=10, help="changes of the rule (10)")
    parser.add_argument("--gateways", type=int, default=2, help="gateway processes (2)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    try:
        figures = run(measure(arguments))
    except KeyboardInterrupt:
        return 130
    rows = list(figures.items())
    show(figures, table("From a change of a rule to its first event", rows), as_json=arguments.json)
    right = figures["count"] == figures["expected"] and figures["max_ms"] <= 1_000.0
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
