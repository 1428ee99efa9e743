"""Microseconds to understand one ordinary record, for each protocol.

From bytes as they come off a socket to messages: framing, checksum, decoding. *simulated* is the
position that the codec itself writes; *typical* and *worst* are the median and the dearest of the
real frames that hold a position, by record. For Teltonika also the full frame of a tracker in its
factory setting (Codec 8 Extended, fifteen elements), which is what the ingest test sends, and ten
such records in one frame.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from statistics import median
from typing import Any

from fastcrc import crc16

import protocols
from loadtests import frames
from loadtests.figures import show, table
from loadtests.seeds import HEARD_AT, Seed, seeds_of
from protocols.codec import Codec, Conversation, Peer
from protocols.errors import ProtocolError, Unsupported
from protocols.message import Fix, Report

_UNIT = "350000000000001"
_REPEATS = 15
_MOST_REAL = 40
_LIMIT_US = 120.0


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Costs of a record in µs, by protocol; and which are above the limit."""
    chosen = getattr(arguments, "codec", None) or protocols.names()
    simulated = {
        name: _cost(protocols.get(codec), seed, arguments.count) / records
        for name, (codec, seed, records) in _simulated(chosen).items()
    }
    real = {name: _real(name, max(arguments.count // 40, 1)) for name in chosen}
    typical = {name: median(costs) for name, costs in real.items() if costs}
    worst = {name: max(costs) for name, costs in real.items() if costs}
    ordinary = {**{name: simulated[name] for name in chosen if name in simulated}, **typical}
    return {
        "us_a_record": _rounded(simulated),
        "typical_us": _rounded(typical),
        "worst_us": _rounded(worst),
        "real_frames": {name: len(costs) for name, costs in real.items()},
        "limit_us": _LIMIT_US,
        "above_limit": sorted(name for name, cost in ordinary.items() if cost > _LIMIT_US),
        "not_understood": sorted(set(chosen) - ordinary.keys()),
    }


def _simulated(chosen: list[str]) -> dict[str, tuple[str, Seed, int]]:
    """What is measured: (codec, frame and peer, records in it) by what it is called."""
    at_ms = int(time.time() * 1000)
    samples: dict[str, tuple[str, Seed, int]] = {}
    for name in chosen:
        with suppress(ProtocolError):  # some devices cannot be played
            samples[name] = (name, _played(name, at_ms), 1)
    if "teltonika" in chosen:
        peer = Peer(unit_id=_UNIT)
        factory = frames.ORDINARY.frame(at_ms=at_ms, lat_e7=508_500_000, lon_e7=43_500_000)
        samples["teltonika, 15 elements"] = ("teltonika", Seed(factory, peer), 1)
        ten = Seed(_ten(factory), peer)
        samples["teltonika, 15 elements, 10 records"] = ("teltonika", ten, 10)
    return samples


def _played(name: str, at_ms: int) -> Seed:
    """A position as the codec itself writes it, behind its login. Raises Unsupported."""
    peer = Peer(unit_id=_UNIT)
    said = frames.login(name, _UNIT)
    if said is not None:
        peer = protocols.get(name).decode(said.frame, Peer(), datetime.now(UTC)).peer or peer
    try:
        return Seed(frames.report(name, peer, at_ms=at_ms, lat=50.85, lon=4.35).frame, peer)
    except Unsupported:  # it may not be able to say how many satellites it sees
        fix = Fix(at=datetime.fromtimestamp(at_ms // 1000, UTC), lat=50.85, lon=4.35, speed_kmh=48)
        return Seed(protocols.get(name).simulate(Report(fix=fix, at=fix.at), peer), peer)


def _ten(frame: bytes) -> bytes:
    """The same record ten times in one frame."""
    body = b"\x8e\x0a" + frame[10:-5] * 10 + b"\x0a"
    check = crc16.arc(body).to_bytes(4, "big")
    return bytes(4) + len(body).to_bytes(4, "big") + body + check


def _real(name: str, count: int) -> list[float]:
    """The cost of a record in each real frame that holds positions."""
    codec = protocols.get(name)
    positions = [*_with_positions(codec, seeds_of(name))]
    chosen = positions[:: -(-len(positions) // _MOST_REAL)] if positions else []
    return [_cost(codec, seed, count) / records for seed, records in chosen]


def _with_positions(codec: Codec, seeds: list[Seed]) -> Iterator[tuple[Seed, int]]:
    """Frames in which every message is a report and at least one has a fix; how many reports."""
    for seed in seeds:
        try:
            heard = Conversation(codec, seed.peer).receive(seed.wire, HEARD_AT)
        except ProtocolError:
            continue
        said = [message for one in heard if one.incoming for message in one.incoming.messages]
        reports = [message for message in said if isinstance(message, Report)]
        if len(heard) == 1 and len(reports) == len(said) and any(one.fix for one in reports):
            yield seed, len(reports)


def _cost(codec: Codec, seed: Seed, count: int) -> float:
    """Microseconds of processor time a frame."""
    heard_at = datetime.now(UTC)
    (heard,) = Conversation(codec, seed.peer).receive(seed.wire, heard_at)
    assert heard.incoming is not None and heard.incoming.messages, heard.error  # noqa: PT018
    costs = []
    for _ in range(_REPEATS):
        talk = Conversation(codec, seed.peer)
        began = time.process_time()
        for _ in range(count):
            talk.receive(seed.wire, heard_at)
        costs.append((time.process_time() - began) / count * 1e6)
    return median(costs)


def _rounded(costs: dict[str, float]) -> dict[str, float]:
    return {name: round(cost, 2) for name, cost in costs.items()}


def text_of(figures: dict[str, Any]) -> str:
    """The figures as people read them."""
    simulated, typical = figures["us_a_record"], figures["typical_us"]
    rows = [
        (
            name,
            simulated.get(name, "-"),
            typical.get(name, "-"),
            figures["worst_us"].get(name, "-"),
            figures["real_frames"].get(name, "-"),
            _judged(name, figures),
        )
        for name in sorted({*simulated, *figures["real_frames"]})
    ]
    shown = table(
        "Decode to messages, µs of processor time a record",
        rows,
        head=("protocol", "simulated", "typical", "worst", "real frames", ""),
    )
    limit = f"{figures['limit_us']:.0f} µs for an ordinary position"
    above, deaf = figures["above_limit"], figures["not_understood"]
    said = f"Above {limit}: {', '.join(above)}" if above else f"None takes more than {limit}."
    return "\n\n".join([shown, said, *([f"No position: {', '.join(deaf)}"] if deaf else [])])


def _judged(name: str, figures: dict[str, Any]) -> str:
    if name in figures["above_limit"]:
        return "ABOVE"
    return "worst above" if figures["worst_us"].get(name, 0.0) > figures["limit_us"] else ""


def main() -> int:
    """Exit code 0 when every protocol understands its own, and an ordinary record cheaply."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.decode",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=2_000, help="records a pass (2000)")
    parser.add_argument("--codec", action="append", help="only this one; may be repeated")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = measure(arguments)
    show(figures, text_of(figures), as_json=arguments.json)
    return 1 if figures["above_limit"] else 0


if __name__ == "__main__":
    sys.exit(main())
