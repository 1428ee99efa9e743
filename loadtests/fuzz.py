"""Broken frames for every codec, by the million: only protocol errors may come out.

Real frames (the vectors, and what a codec simulates) are flipped, cut, spliced, repeated, lied
about and cut into chunks, and half of them are sealed again so that the lie is behind a valid
checksum. One device of ten is set up otherwise than usual. Each input is a conversation of its own.

A codec fails by any exception but a protocol error, by more than 5 ms of processor time a frame, by
keeping more than one frame unread, by bytes that are not accounted for, by a report that cannot be
stored, or by growing.
"""

import argparse
import gc
import multiprocessing
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from math import isfinite
from random import Random
from typing import Any

import psutil

import protocols
from loadtests.figures import say, show, table
from loadtests.mutations import cuts, mutated, noise
from loadtests.seals import mended, seals_of
from loadtests.seeds import HEARD_AT, Seed, seeds_of
from protocols.codec import Codec, Conversation, Heard, Incoming, Peer
from protocols.errors import Malformed, Unframeable
from protocols.message import Fix, Report, Signal
from protocols.settings import DeviceSettings, Option
from tracking.ingest.rows import microseconds, position_row

_SLOW_S = 0.005
_GROWN_BYTES = 48 * 2**20
_GROWN_BLOCKS = 150_000
_WARM_UP = 0.2
_EXAMPLES = 5
_SOMEWHERE = Fix(at=HEARD_AT, lat=0.0, lon=0.0)


class Wrong(Exception):
    """The codec breaks a promise; the text says which."""


@dataclass(slots=True)
class Figures:
    """What one codec made of its inputs.

    leaned  frames that a plain ValueError or OverflowError refused, which is allowed
    """

    codec: str
    seed: int
    inputs: int = 0
    heard: int = 0
    refused: int = 0
    leaned: int = 0
    worst_us: float = 0.0
    failures: int = 0
    examples: dict[str, str] = field(default_factory=dict)

    def fails(self, reason: str, chunks: Sequence[bytes], peer: Peer) -> None:
        """Count a failure, and keep the first input of each kind."""
        self.failures += 1
        if reason not in self.examples and len(self.examples) < _EXAMPLES:
            spoken = f"unit_id={peer.unit_id!r} dialect={peer.dialect!r} {peer.settings}"
            self.examples[reason] = f"{' '.join(chunk.hex() for chunk in chunks)}  {spoken}"


def fuzz(name: str, *, inputs: int, seed: int) -> Figures:
    """The figures of one codec. The same seed makes the same inputs from the same vectors."""
    return hunt(protocols.get(name), seeds_of(name), inputs=inputs, seed=seed)


def hunt(codec: Codec, seeds: Sequence[Seed], *, inputs: int, seed: int) -> Figures:
    """What a codec makes of inputs that begin as these real frames do."""
    figures = Figures(codec.name, seed)
    if not seeds:
        figures.fails("nothing to begin from: no vectors, and it simulates nothing", [], Peer())
        return figures
    codec = _counting(codec, figures)
    random = Random(f"{seed} {codec.name}")
    seals = seals_of([each.wire for each in seeds])
    for _ in range(int(inputs * _WARM_UP)):
        _try(codec, *_input(random, seeds, seals, codec), figures)
    memory, blocks = _size()
    for _ in range(inputs - figures.inputs):
        _try(codec, *_input(random, seeds, seals, codec), figures)
    memory_after, blocks_after = _size()
    if memory_after - memory > _GROWN_BYTES or blocks_after - blocks > _GROWN_BLOCKS:
        grown = f"{(memory_after - memory) / 2**20:.0f} MB, {blocks_after - blocks} blocks"
        figures.fails(f"grows: by {grown}", [], Peer())
    return figures


def listen(codec: Codec, peer: Peer, chunks: Sequence[bytes]) -> int:
    """Have one conversation; how many frames were heard. Raises whatever is wrong with it."""
    talk = Conversation(codec, peer)
    fed = told = frames = 0
    for chunk in chunks:
        fed += len(chunk)
        try:
            heard = talk.receive(chunk, HEARD_AT)
        except Unframeable as lost:
            heard = [one for one in lost.heard if isinstance(one, Heard)]
            _examine(heard)
            return frames + len(heard) + 1
        _examine(heard)
        frames += len(heard)
        told += sum(len(one.frame) for one in heard)
        if told + talk.unread != fed:
            raise Wrong(f"{fed} bytes came, {told} were told and {talk.unread} wait")
        if talk.unread > codec.max_frame:
            raise Wrong(f"{talk.unread} bytes wait, {codec.max_frame} are allowed")
    return frames


def _examine(heard: Sequence[Heard]) -> None:
    for one in heard:
        if one.incoming is None:
            if not isinstance(one.error, Malformed):
                raise Wrong(f"refused for {one.error!r}, which is no Malformed")
            continue
        for message in one.incoming.messages:
            if type(message) is Report:
                _examine_report(message)


def _examine_report(report: Report) -> None:
    """What would keep a record from being stored, though it was understood."""
    for at in (report.at, report.fix.at if report.fix else None):
        if at is not None and (at.tzinfo is None or at.utcoffset()):
            raise Wrong(f"a time that is not UTC: {at!r}")
    fix = report.fix
    if fix is not None:
        for number in (fix.altitude_m, fix.speed_kmh, fix.course_deg, fix.accuracy_m):
            if number is not None and not isfinite(number):
                raise Wrong(f"a fix with {number}")
    position_row(
        report,
        fix or _SOMEWHERE,
        asset=bytes(16),
        device=bytes(16),
        at_us=microseconds(fix.at if fix else HEARD_AT),
        received_us=0,
        fingerprint=0,
        buffered=report.buffered,
        misdated=False,
        newest=True,
    )
    if "\0" in report.readings.get("driver_id", ""):
        raise Wrong("a NUL, which PostgreSQL refuses in a text")


def _counting(codec: Codec, figures: Figures) -> Codec:
    """The same codec; what it hears and refuses is counted."""
    decode = codec.decode

    def counted(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
        try:
            incoming = decode(frame, peer, heard_at)
        except Malformed:
            figures.refused += 1
            raise
        except (ValueError, OverflowError):
            figures.refused += 1
            figures.leaned += 1
            raise
        figures.heard += 1
        return incoming

    return replace(codec, decode=counted)


def _input(
    random: Random, seeds: Sequence[Seed], seals: Sequence[Any], codec: Codec
) -> tuple[Peer, list[bytes]]:
    base = seeds[int(random.random() * len(seeds))]
    lot = random.random()
    if lot < 0.08:
        wire = noise(random, codec.marks)
    else:
        other = seeds[int(random.random() * len(seeds))].wire
        wire = base.wire if lot < 0.11 else mutated(random, base.wire, other)
        if seals and random.random() < 0.6:
            wire = mended(wire, seals)
    peer = base.peer
    if random.random() < 0.1:
        peer = replace(peer, settings=_set_up(random, codec, peer.settings))
    return peer, cuts(random, wire)


def _set_up(random: Random, codec: Codec, usual: DeviceSettings) -> DeviceSettings:
    """As somebody may have set a device up, wisely or not."""
    options: dict[str, Option] = {
        name: random.choice((True, False, 0, 1, 7, -1, "", "1", "a.b", "\u00e9"))
        for name in codec.options
        if random.random() < 0.5
    }
    codes = ("sos", "1", "01", "6", "event:sos", "t:u", "SOS", "0")
    return replace(
        usual,
        time_zone=random.choice(("", "Europe/Brussels", "Asia/Kathmandu", "-12:00", "+14:00")),
        columns=random.choice((usual.columns, "", "%AT%BV", "UID,EV,LT,LN", ",,,")),
        panic_inputs=random.choice((frozenset(), frozenset({1}), frozenset({1, 2, 33, 64}))),
        alarms={code: frozenset({Signal.PANIC}) for code in codes if random.random() < 0.3},
        options={**usual.options, **options},
        secret=random.choice(("", "00" * 16, "0123", "none")),
    )


def _try(codec: Codec, peer: Peer, chunks: Sequence[bytes], figures: Figures) -> None:
    """One conversation. What seems slow is measured again: the machine may have been busy."""
    figures.inputs += 1
    began = time.process_time()
    try:
        frames = listen(codec, peer, chunks)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not come out
        figures.fails(_reason(error), chunks, peer)
        return
    took = time.process_time() - began
    if took > _SLOW_S * frames and took > _SLOW_S:
        took = min(_again(codec, peer, chunks) for _ in range(3))
        if took > _SLOW_S * max(frames, 1):
            figures.fails(f"slow: more than {_SLOW_S * 1e3:.0f} ms a frame", chunks, peer)
    figures.worst_us = max(figures.worst_us, took / max(frames, 1) * 1e6)


def _again(codec: Codec, peer: Peer, chunks: Sequence[bytes]) -> float:
    """Seconds of processor time, with no garbage of others to collect meanwhile."""
    gc.disable()
    try:
        began = time.process_time()
        listen(codec, peer, chunks)
        return time.process_time() - began
    finally:
        gc.enable()


def _size() -> tuple[int, int]:
    gc.collect()
    return psutil.Process().memory_info().rss, sys.getallocatedblocks()


def _reason(error: Exception) -> str:
    """The exception, and the last line of ours that it went through."""
    if isinstance(error, Wrong):
        return str(error)
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "/protocols/" in frame.filename
    ]
    place = ""
    for before, frame in pairwise([None, *ours]):
        # The deepest line that is the codec's own, not the kit's.
        if frame is not None and ("/codecs/" in frame.filename or before is None):
            place = f" at {frame.filename.rpartition('/protocols/')[2]}:{frame.lineno}"
    return f"{type(error).__name__}{place}: {error}"[:200]


def _one(task: tuple[str, int, int]) -> Figures:
    name, inputs, seed = task
    try:
        return fuzz(name, inputs=inputs, seed=seed)
    except Exception as error:  # noqa: BLE001 - a codec that cannot be loaded fails like any other
        figures = Figures(name, seed)
        figures.fails(_reason(error), [], Peer())
        return figures


def measure(arguments: argparse.Namespace) -> list[Figures]:
    """The figures of all chosen codecs, in parallel processes."""
    chosen = arguments.codec or protocols.names()
    tasks = [(name, arguments.inputs, arguments.seed) for name in chosen]
    found = []
    with multiprocessing.get_context("spawn").Pool(arguments.jobs, maxtasksperchild=1) as pool:
        for figures in pool.imap_unordered(_one, tasks):
            found.append(figures)
            say(f"{figures.codec}: {figures.inputs:,} inputs, {figures.failures:,} failures")
    return sorted(found, key=lambda figures: figures.codec)


def text_of(found: Sequence[Figures]) -> str:
    """The figures as people read them, and an input for every kind of failure."""
    rows = [
        (f.codec, f.inputs, f.heard, f.refused, f.leaned, round(f.worst_us), f.failures)
        for f in found
    ]
    head = ("codec", "inputs", "heard", "refused", "by ValueError", "worst µs", "failures")
    shown = [table("Broken frames, one conversation an input", rows, head=head)]
    for figures in found:
        for reason, example in figures.examples.items():
            shown.append(f"WRONG: {figures.codec}: {reason}\n  seed {figures.seed}: {example}")
    return "\n\n".join(shown)


def main() -> int:
    """Exit code 0 when no codec fails."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--codec", action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--inputs", type=int, default=1_000_000, help="inputs a codec (1,000,000: the full run)"
    )
    parser.add_argument("--seed", type=int, default=1, help="repeats the same inputs (1)")
    parser.add_argument(
        "--jobs", type=int, default=multiprocessing.cpu_count(), help="processes (one a core)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    found = measure(arguments)
    as_json = {"codecs": [_as_json(figures) for figures in found]}
    show(as_json, text_of(found), as_json=arguments.json)
    return 1 if any(figures.failures for figures in found) else 0


def _as_json(figures: Figures) -> dict[str, object]:
    return {name: getattr(figures, name) for name in Figures.__slots__}


if __name__ == "__main__":
    sys.exit(main())
