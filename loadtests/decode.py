"""Microseconds to understand one ordinary record, for each protocol.

From bytes as they come off a socket to messages: framing, checksum, decoding. For Teltonika also
the full frame of a tracker in its factory setting (Codec 8 Extended, fifteen elements), which is
what the ingest test sends, and ten such records in one frame.
"""

import argparse
import sys
import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

from fastcrc import crc16

import protocols
from loadtests import frames
from loadtests.figures import show, table
from protocols.codec import Codec, Conversation, Peer

_UNIT = "350000000000001"
_REPEATS = 15


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Median of several passes, for each protocol."""
    at_ms = int(time.time() * 1000)
    samples: dict[str, tuple[str, bytes, int]] = {}
    for name in protocols.names():
        said = frames.login(name, _UNIT)
        peer = Peer(unit_id=_UNIT)
        if said is not None:
            heard = protocols.get(name).decode(said.frame, Peer(), datetime.now(UTC))
            peer = heard.peer or peer
        frame = frames.report(name, peer, at_ms=at_ms, lat=50.85, lon=4.35).frame
        samples[name] = (name, frame, 1)
    factory = frames.ORDINARY.frame(at_ms=at_ms, lat_e7=508_500_000, lon_e7=43_500_000)
    samples["teltonika, 15 elements"] = ("teltonika", factory, 1)
    samples["teltonika, 15 elements, 10 records"] = ("teltonika", _ten(factory), 10)
    return {
        "us_a_record": {
            name: round(_cost(protocols.get(codec), frame, arguments.count) / records, 2)
            for name, (codec, frame, records) in samples.items()
        },
        "bytes": {name: len(frame) for name, (_, frame, _) in samples.items()},
    }


def _ten(frame: bytes) -> bytes:
    """The same record ten times in one frame."""
    body = b"\x8e\x0a" + frame[10:-5] * 10 + b"\x0a"
    check = crc16.arc(body).to_bytes(4, "big")
    return bytes(4) + len(body).to_bytes(4, "big") + body + check


def _cost(codec: Codec, frame: bytes, count: int) -> float:
    """Microseconds of processor time a frame."""
    talk = Conversation(codec, Peer(unit_id=_UNIT, dialect="3G" if codec.name == "watch" else ""))
    heard_at = datetime.now(UTC)
    (heard,) = talk.receive(frame, heard_at)
    assert heard.incoming is not None and heard.incoming.messages, heard.error  # noqa: PT018
    costs = []
    for _ in range(_REPEATS):
        began = time.process_time()
        for _ in range(count):
            talk.receive(frame, heard_at)
        costs.append((time.process_time() - began) / count * 1e6)
    return median(costs)


def text_of(figures: dict[str, Any]) -> str:
    """The figures as people read them."""
    return table(
        "Decode to messages, processor time",
        [(name, cost, figures["bytes"][name]) for name, cost in figures["us_a_record"].items()],
        head=("protocol", "µs a record", "bytes a frame"),
    )


def main() -> int:
    """Exit code 0 when every protocol understands its own ordinary record."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.decode", description=__doc__)
    parser.add_argument("--count", type=int, default=2_000, help="records a pass (2000)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = measure(arguments)
    show(figures, text_of(figures), as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
