"""What zones and rules cost: a position, memory, and the share of what a gateway can take in.

``judging`` asks the index and the engine alone, in a process of its own for each number of zones,
beside what one would write first: one fix after the other, one zone after the other.
``ingest`` runs a whole house with one gateway, by turns without and with three rules about 10,000
and 100,000 zones, and compares the processor time of a position: what is spent on rules is not
there for positions.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import shapely

from geofence.engine import judge
from geofence.kinds import condition_from
from geofence.rule import Rule, State
from geofence.sighting import Sighting, Subject
from geofence.zone import Zone, ZoneKind
from geofence.zone_index import ZoneIndex
from loadtests import store, zones
from loadtests.figures import run, say, show, table
from loadtests.generator import Generator, generating, plans_for
from loadtests.stack import KINDS, Stack, stack
from protocols.message import Fix, Report
from tracking.database import Connection

SECTIONS = ("judging", "ingest")
COUNTS = (100, 10_000, 100_000)
ALLOWED_SHARE = 0.20
ALLOWED_AT = 10_000
_VEHICLES, _REPORTS, _BATCH = 2_000, 10, 500
_ONE_BY_ONE = 300
_SPEED_LIMIT_KMH = 90.0
_LABEL = "load"
_TURNS = 3
_NEXT_TO_NOTHING = {"Too fast": {"kind": "overspeed", "limit_kmh": _SPEED_LIMIT_KMH}}
_SUBJECTS = [
    Subject(asset_id=f"asset-{number}", organisation_id="client", kind="vehicle")
    for number in range(_VEHICLES)
]


# ── the index and the engine alone ───────────────────────────────────────────────────────────


def judging(count: int, *, seed: int = 4) -> dict[str, Any]:
    """What one position costs with so many zones, in microseconds; memory in MB."""
    draw = np.random.default_rng(seed)
    centres = zones.towns(draw)
    rounds = list(zones.traffic(_VEHICLES, _REPORTS, centres, draw))
    before = _resident_mb()
    shapes = zones.zones(count, centres, draw)
    known = [_zone(number, shape) for number, shape in enumerate(shapes)]
    drawn = _resident_mb()
    naive_us = _one_by_one(shapes, rounds[0][:_ONE_BY_ONE])
    began = time.process_time()
    index = ZoneIndex(known)
    built_s = time.process_time() - began
    # Twice: what is looked into for the first time is made ready for the next.
    cold, warm = (_look_up(index, rounds) for _ in range(2))
    rules = _rules({zone.id for zone in known})
    judged = []
    for _ in range(2):
        states: list[dict[str, State]] = [{} for _ in _SUBJECTS]
        # Whoever was never seen must be placed first; the rest is what a position costs all day.
        judged += [_judge(index, rules, some, states) for some in (rounds[:1], rounds[1:])]
    first_cold, again_cold, first, again = judged
    return {
        "zones": count,
        "inside_of": round(warm.inside / (_VEHICLES * _REPORTS), 1),
        "index_cold_us": round(cold.us, 2),
        "index_us": round(warm.us, 2),
        "first_position_cold_us": round(first_cold.us, 2),
        "first_position_us": round(first.us, 2),
        "judging_cold_us": round(again_cold.us, 2),
        "judging_us": round(again.us, 2),
        "events": again.events,
        "one_by_one_us": round(naive_us, 2),
        "times_cheaper": round(naive_us / warm.us, 1),
        "index_built_s": round(built_s, 2),
        "shapes_mb": round(drawn - before),
        "index_mb": round(_resident_mb() - drawn),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a position cost, and what came of all of them."""

    us: float
    inside: int = 0
    events: int = 0


def _zone(number: int, shape: Any) -> Zone:  # noqa: ANN401 - shapely says no types
    return Zone(
        id=f"zone-{number}",
        version=1,
        organisation_id="client",
        name=f"Zone {number}",
        kind=ZoneKind.POLYGON,
        shape=shape,
    )


def _settings(zone_names: Sequence[str]) -> dict[str, dict[str, object]]:
    """Three rules about every asset: two of them about every zone."""
    return {
        "Entered": {"kind": "zone_entered", "zones": list(zone_names)},
        "Left": {"kind": "zone_left", "zones": list(zone_names)},
        "Too fast": {"kind": "overspeed", "limit_kmh": _SPEED_LIMIT_KMH},
    }


def _rules(zone_ids: set[str]) -> list[Rule]:
    return [
        Rule(id=name, edition="1", cause=str(setting["kind"]), when=condition_from(setting))
        for name, setting in _settings(sorted(zone_ids)).items()
    ]


def _look_up(index: ZoneIndex, rounds: Sequence[Sequence[Fix]]) -> Cost:
    inside = 0
    began = time.process_time()
    for fixes in rounds:
        for first in range(0, len(fixes), _BATCH):
            around = index.around(fixes[first : first + _BATCH])
            inside += sum(len(each.inside) for each in around)
    return Cost(us=_us(began, rounds), inside=inside)


def _judge(
    index: ZoneIndex,
    rules: Sequence[Rule],
    rounds: Sequence[Sequence[Fix]],
    states: Sequence[dict[str, State]],
) -> Cost:
    """Every vehicle once a round; its states are brought up to date."""
    events = 0
    began = time.process_time()
    for fixes in rounds:
        for first in range(0, len(fixes), _BATCH):
            batch = fixes[first : first + _BATCH]
            for number, around in enumerate(index.around(batch), start=first):
                fix, mine = fixes[number], states[number]
                seen = Sighting(
                    at=fix.at,
                    subject=_SUBJECTS[number],
                    report=Report(fix=fix, at=fix.at),
                    fix=fix,
                    around=around,
                )
                found = judge(rules, mine, seen, before=fix.at if mine else None)
                mine.update(found.changed)
                events += len(found.events)
                if found.failures:
                    raise found.failures[0].error
    return Cost(us=_us(began, rounds), events=events)


def _one_by_one(shapes: npt.NDArray[np.object_], fixes: Sequence[Fix]) -> float:
    """Every zone whose box holds the fix is asked for itself, for one fix after the other."""
    tree = shapely.STRtree(shapes)
    tree.query(shapely.Point(0, 0))
    began = time.process_time()
    for fix in fixes:
        place = shapely.Point(fix.lon, fix.lat)
        for number in tree.query(place):
            shapes[number].covers(place)
    return _us(began, [fixes])


def _us(began: float, rounds: Sequence[Sequence[Fix]]) -> float:
    return (time.process_time() - began) / sum(map(len, rounds)) * 1e6


def _resident_mb() -> float:
    return float(psutil.Process().memory_full_info().uss) / 1e6


# ── the share of what a gateway takes in ─────────────────────────────────────────────────────


async def ingest(arguments: argparse.Namespace) -> dict[str, Any]:
    """What a position costs one gateway and PostgreSQL, with and without three rules about zones.

    By turns, at one rate: what else this machine does meanwhile falls on both alike.
    """
    units = arguments.units
    draw = np.random.default_rng(4)
    found: dict[str, Any] = {}
    async with stack(units=units, gateways=1, api=False) as house:
        plans = plans_for(units, house.ground, processes=2)
        async with generating(plans) as generator:
            await generator.connect()
            await _heard(generator, units)
            connection = await house.connect()
            try:
                spots = np.array(await store.spots(connection))
                centres = spots[:: max(len(spots) // zones.TOWNS, 1)]
                drawn = 0
                for count in arguments.zones:
                    say(f"{count:,} zones …")
                    shapes = zones.zones(count - drawn, centres, draw)
                    await store.draw_zones(connection, shapely.to_wkb(shapes), label=_LABEL)
                    drawn = count
                    found[str(count)] = await _by_turns(house, generator, connection, arguments)
                events = await store.events_noticed(connection)
            finally:
                await connection.close()
    return {"units": units, "rate": arguments.rate, "events": events, "zones": found}


async def _by_turns(
    house: Stack, generator: Generator, connection: Connection, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Processor time of a position without and with the rules, in microseconds, and memory."""
    taken: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    memory_mb: dict[str, int] = {}
    one = {"assets": [await store.an_asset(connection)]}
    for _ in range(_TURNS):
        for name, units in (("without", 1), ("with", arguments.units)):
            # A rule about one unit tells when the gateway has forgotten those about all.
            settings = _settings([f"label:{_LABEL}"]) if name == "with" else _NEXT_TO_NOTHING
            rules = await store.set_rules(
                connection, settings, scope=one if name == "without" else {}
            )
            while await store.judged_by(connection, rules) < units:
                await _heard(generator, arguments.units)
            taken[name].append(await _spell(house, generator, arguments))
            memory_mb[name] = round(house.resident("gateway") / 1e6)
    costs = {
        name: {kind: round(float(np.median([each[kind] for each in spells])), 1) for kind in KINDS}
        for name, spells in taken.items()
    }
    all_us = {name: cost["gateway"] + cost["postgresql"] for name, cost in costs.items()}
    return {
        "cpu_us": costs,
        "share_of_gateway": round(1 - costs["without"]["gateway"] / costs["with"]["gateway"], 3),
        "share": round(1 - all_us["without"] / all_us["with"], 3),
        "gateway_mb": memory_mb,
    }


async def _heard(generator: Generator, units: int) -> None:
    """Everybody has said something."""
    await generator.speak(rate=1_000.0, seconds=max(2 * units / 1_000, 2.0))
    await generator.settle()


async def _spell(
    house: Stack, generator: Generator, arguments: argparse.Namespace
) -> dict[str, float]:
    before = house.cpu_s()
    spell = await generator.speak(rate=arguments.rate, seconds=arguments.seconds)
    await generator.settle()
    after = house.cpu_s()
    return {kind: (after[kind] - before[kind]) / max(spell.sent, 1) * 1e6 for kind in KINDS}


# ── what is shown ────────────────────────────────────────────────────────────────────────────


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The sections asked for, as JSON values. ``problems`` is empty when all is well."""
    figures: dict[str, Any] = {"problems": []}
    if "judging" in arguments.only:
        figures["judging"] = []
        for count in arguments.zones:
            say(f"judging by {count:,} zones …")
            # Fresh memory for each: what an index takes would hide in what another left.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
                figures["judging"].append(alone.submit(judging, count).result())
    if "ingest" in arguments.only:
        arguments.zones = [count for count in arguments.zones if count >= ALLOWED_AT]
        figures["ingest"] = run(ingest(arguments))
        share = figures["ingest"]["zones"].get(str(ALLOWED_AT), {}).get("share", 0.0)
        if share > ALLOWED_SHARE:
            figures["problems"].append(
                f"rules about {ALLOWED_AT:,} zones take {share:.0%} of what is taken in"
            )
    return figures


def text_of(figures: Mapping[str, Any]) -> str:
    """The figures as people read them."""
    shown = []
    head: tuple[str, ...]
    if "judging" in figures:
        head = (
            "", "inside of", "index", "cold", "one by one", "times", "judging", "cold",
            "first fix", "cold", "built s", "shapes MB", "index MB",
        )  # fmt: skip
        names = (
            "inside_of", "index_us", "index_cold_us", "one_by_one_us", "times_cheaper",
            "judging_us", "judging_cold_us", "first_position_us", "first_position_cold_us",
            "index_built_s", "shapes_mb", "index_mb",
        )  # fmt: skip
        costs = [
            (f"{one['zones']:,} zones", *(one[name] for name in names))
            for one in figures["judging"]
        ]
        shown.append(table("What a position costs, µs", costs, head=head))
    if "ingest" in figures:
        head = ("", "gateway", "with", "postgresql", "with", "share", "gateway MB", "with")
        taken = []
        for count, one in figures["ingest"]["zones"].items():
            without, besides = one["cpu_us"]["without"], one["cpu_us"]["with"]
            taken.append(
                (f"{int(count):,} zones", without["gateway"], besides["gateway"],
                 without["postgresql"], besides["postgresql"], f"{one['share']:.0%}",
                 one["gateway_mb"]["without"], one["gateway_mb"]["with"])
            )  # fmt: skip
        shown.append(
            table("What a position costs a house, without and with rules, µs", taken, head)
        )
    shown += [f"WRONG: {words}" for words in figures["problems"]]
    return "\n\n".join(shown)


def main() -> int:
    """Exit code 0 when rules about 10,000 zones take at most a fifth of what is taken in."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.rules", description=__doc__)
    parser.add_argument("--zones", type=int, nargs="+", default=list(COUNTS), help="how many zones")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--units", type=int, default=2_000, help="units that speak (2000)")
    parser.add_argument("--rate", type=float, default=1_500.0, help="positions a second (1500)")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each turn (6)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = measure(arguments)
    show(figures, text_of(figures), as_json=arguments.json)
    return 1 if figures["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
