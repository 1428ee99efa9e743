"""Bytes that came to the wrong door are recognised."""

import random

import pytest

import protocols
from protocols.recognition import guesses
from tests.protocols.shared_rows import FOLDER, HEARD_AT, lines_of
from tests.protocols.vector_files import vectors


@pytest.mark.parametrize("vector", vectors("uplink"), ids=str)
def test_guessing_never_fails(vector):
    for wire in (vector.wire, vector.wire[:5], vector.wire[1:], b""):
        for guess in guesses(wire, HEARD_AT):
            assert guess.codec in protocols.names()
            assert 0.0 < guess.share <= 1.0


def test_noise_is_nobody():
    noise = random.Random(8).randbytes(300)
    assert [guess for guess in guesses(noise, HEARD_AT) if guess.share > 0.5] == []


@pytest.mark.skipif(not FOLDER.exists(), reason="no ../shared/vectors here")
def test_nine_field_frames_in_ten_are_recognised():
    tried, right = 0, 0
    for name in protocols.names():
        path = FOLDER / f"{name}.jsonl"
        for row in lines_of(path)[:10] if path.exists() else []:
            wire = bytes.fromhex(row["wire_hex"] or row["hex"])
            found = guesses(wire, HEARD_AT)
            tried += 1
            right += bool(found) and found[0].codec == name
    assert right >= 0.9 * tried, f"{right} of {tried}"
