"""Each codec meets some broken frames here; ``python -m loadtests.fuzz`` brings millions."""

from dataclasses import replace
from datetime import datetime

import pytest

import protocols
from loadtests import fuzz, mutations, seals, seeds
from protocols.codec import Codec, Incoming, Peer
from protocols.message import Report


@pytest.mark.parametrize("name", protocols.names())
def test_broken_frames_raise_only_protocol_errors(name: str) -> None:
    figures = fuzz.fuzz(name, inputs=2_000, seed=1)
    assert figures.inputs == 2_000
    assert figures.heard, "no frame survived: nothing behind the framing was tried"
    assert not figures.examples, fuzz.text_of([figures])


def breaking(why: object) -> Codec:
    """Teltonika, but what its decoder does last is ``why``."""
    real = protocols.get("teltonika")
    kept: list[bytes] = []

    def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
        incoming = real.decode(frame, peer, heard_at)
        match why:
            case Exception():
                raise why
            case "leaks":
                kept.extend(b"%d" % number for number in range(200))
            case "is slow":
                sum(number * number for number in range(500_000))
            case Report():
                return Incoming(messages=(why,))
        return incoming

    return replace(real, decode=decode)


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (KeyError("no such element"), "KeyError"),
        (RecursionError("too deep"), "RecursionError"),
        ("is slow", "slow: more than 5 ms a frame"),
        ("leaks", "grows"),
        (Report(at=datetime(2026, 1, 1)), "a time that is not UTC"),  # noqa: DTZ001 - that is it
        (Report(other={"raw": b"\0"}), "TypeError"),
        (Report(readings={"driver_id": "half \ud800"}), "UnicodeEncodeError"),
        (Report(readings={"driver_id": "\0"}), "a NUL"),
    ],
    ids=str,
)
def test_a_codec_that_breaks_a_promise_is_noticed(why: object, reason: str) -> None:
    inputs = 4_000 if why == "leaks" else 60
    figures = fuzz.hunt(breaking(why), seeds.seeds_of("teltonika"), inputs=inputs, seed=1)
    assert figures.failures
    assert any(told.startswith(reason) for told in figures.examples)
    assert reason in fuzz.text_of([figures])


def test_a_plain_value_error_is_allowed_and_counted() -> None:
    codec = breaking(ValueError("not a number"))
    figures = fuzz.hunt(codec, seeds.seeds_of("teltonika"), inputs=50, seed=1)
    assert not figures.failures
    assert figures.leaned


def test_the_same_seed_brings_the_same_inputs() -> None:
    first, again = (fuzz.fuzz("gt06", inputs=200, seed=7) for _ in range(2))
    assert (first.heard, first.refused) == (again.heard, again.refused)


def test_length_and_checksum_are_found_and_made_true_again() -> None:
    codec = protocols.get("gt06")
    frames = [seed.wire for seed in seeds.seeds_of("gt06")]
    found = seals.seals_of(frames)
    assert {type(seal) for seal in found} == {seals.Length, seals.Checksum}
    wire = next(frame for frame in frames if frame[3] == 0x12)
    broken = wire[:20] + b"\x55\x55" + wire[20:]
    mended = seals.mended(broken, found)
    assert codec.frame_size(mended, 0) == len(mended)
    codec.decode(mended, Peer(unit_id="1"), seeds.HEARD_AT)


def test_bytes_are_cut_without_losing_any() -> None:
    random = fuzz.Random(1)
    for size in (1, 2, 50, 500):
        wire = random.randbytes(size)
        assert all(b"".join(mutations.cuts(random, wire)) == wire for _ in range(50))
