"""What goes wrong on a wire, one function a way; and noise that begins as a frame does.

A frame that fails its checksum is refused before its fields are read. So after most mutations
the checksum and the length are made to hold again (``seals.py``), and the lie is in the fields.
"""

import re
from collections.abc import Callable, Sequence
from random import Random

Mutation = Callable[[Random, bytearray, bytes], None]

_LIMITS = {1: (0, 1, 0x7F, 0x80, 0xFF), 2: (0, 1, 0x7FFF, 0x8000, 0xFFFF)}
_WORDS = (
    b"A", b"V", b"-", b"+", b".", b",", b";", b"*", b"#", b"NaN", b"inf", b"-1", b"1e309", b"99",
    b"000000", b"-00.000000", b"180.000001", b"9" * 24, b"0x10", b"1_000", b"\xc3\xa9", b"\xff\xfe",
    "\u0663".encode(), b"\0", b"\r\n", b" ", b"{}", b"null", b"[[[[", b"%", b"%zz", b"\\ud800",
)  # fmt: skip
_NUMBER = re.compile(rb"\d+")
_DELIMITER = re.compile(rb"[,;|*:&=\"#\s]")


def mutated(random: Random, wire: bytes, other: bytes) -> bytes:
    """The frame after one to four accidents; ``other`` is a frame to splice with."""
    changed = bytearray(wire)
    for _ in range(_HOW_MANY[int(random.random() * len(_HOW_MANY))]):
        _MUTATIONS[int(random.random() * len(_MUTATIONS))](random, changed, other)
    return bytes(changed)


def noise(random: Random, marks: Sequence[bytes]) -> bytes:
    """Random bytes behind a mark, as if a frame began there."""
    mark = random.choice(marks) if marks else b""
    return mark + random.randbytes(int(random.random() ** 2 * 300))


def cuts(random: Random, wire: bytes) -> list[bytes]:
    """The same bytes as they may come off a socket: mostly whole, else in up to eight pieces."""
    if len(wire) < 2 or random.random() < 0.6:
        return [wire]
    if len(wire) < 120 and random.random() < 0.05:
        return [wire[at : at + 1] for at in range(len(wire))]
    places = sorted({random.randrange(1, len(wire)) for _ in range(random.randrange(1, 8))})
    return [wire[a:b] for a, b in zip([0, *places], [*places, len(wire)], strict=True)]


def _place(random: Random, wire: bytearray) -> int:
    """Anywhere; rather in the head, where kinds and lengths are."""
    length = min(len(wire), 24) if random.random() < 0.3 else len(wire)
    return int(random.random() * length)


def _flip(random: Random, wire: bytearray, _: bytes) -> None:
    if wire:
        wire[_place(random, wire)] ^= 1 << int(random.random() * 8)


def _any_byte(random: Random, wire: bytearray, _: bytes) -> None:
    if wire:
        wire[_place(random, wire)] = int(random.random() * 256)


def _limit(random: Random, wire: bytearray, _: bytes) -> None:
    """A field of one, two or four bytes at the end of its range."""
    width = (1, 1, 2, 4)[int(random.random() * 4)]
    at = _place(random, wire)
    values = _LIMITS.get(width) or (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
    value = random.choice(values).to_bytes(width, "big" if random.random() < 0.7 else "little")
    wire[at : at + width] = value[: max(len(wire) - at, 0)]


def _length_lies(random: Random, wire: bytearray, _: bytes) -> None:
    """A byte of the head, a little more or less than it says."""
    if wire:
        at = int(random.random() * min(len(wire), 16))
        wire[at] = (wire[at] + random.choice((-2, -1, 1, 2, 16, 128))) % 256


def _truncate(random: Random, wire: bytearray, _: bytes) -> None:
    if wire:
        del wire[int(random.random() * len(wire)) :]


def _cut_out(random: Random, wire: bytearray, _: bytes) -> None:
    at = _place(random, wire)
    del wire[at : at + 1 + int(random.random() ** 3 * 12)]


def _repeat(random: Random, wire: bytearray, _: bytes) -> None:
    """A stretch said twice, or one byte many times."""
    at = _place(random, wire)
    if random.random() < 0.3:
        wire[at:at] = wire[at : at + 1] * int(1 + random.random() ** 4 * 2_000)
    else:
        wire[at:at] = wire[at : at + 1 + int(random.random() * 24)]


def _insert(random: Random, wire: bytearray, _: bytes) -> None:
    at = _place(random, wire)
    wire[at:at] = random.randbytes(1 + int(random.random() * 4))


def _splice(random: Random, wire: bytearray, other: bytes) -> None:
    """The head of this frame and the tail of another."""
    wire[int(random.random() * (len(wire) + 1)) :] = other[int(random.random() * len(other)) :]


def _two_at_once(_: Random, wire: bytearray, other: bytes) -> None:
    if len(wire) < 8_000:
        wire += other


def _word(random: Random, wire: bytearray, _: bytes) -> None:
    """A number in the text becomes something else."""
    numbers = [*_NUMBER.finditer(wire)]
    word = _WORDS[int(random.random() * len(_WORDS))]
    if numbers:
        found = numbers[int(random.random() * len(numbers))]
        if random.random() < 0.3:  # as long as before, where fields have a fixed width
            word = (word * 24)[: found.end() - found.start()]
        wire[found.start() : found.end()] = word
    else:
        at = _place(random, wire)
        wire[at : at + len(word)] = word


def _lose_a_field(random: Random, wire: bytearray, _: bytes) -> None:
    """What stands between two delimiters is gone, or so is one delimiter."""
    places = [found.start() for found in _DELIMITER.finditer(wire)]
    if len(places) < 2:
        return
    which = int(random.random() * (len(places) - 1))
    first, second = places[which], places[which + 1]
    del wire[first + 1 : second if random.random() < 0.7 else second + 1]


_HOW_MANY = (1, 1, 1, 1, 2, 2, 3, 4)

_MUTATIONS: tuple[Mutation, ...] = (
    _flip, _flip, _any_byte, _any_byte, _limit, _limit, _length_lies, _truncate, _cut_out, _repeat,
    _insert, _splice, _two_at_once, _word, _word, _lose_a_field,
)  # fmt: skip
