"""Finds out where a protocol keeps its checksum and its length, and makes them hold again.

Nothing here knows any protocol: a place is a checksum if it fits all the real frames in which
it could be tried. What is not found (text checksums, escapes) is simply left as it was.
"""

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from fastcrc import crc16, crc32

Order = Literal["big", "little"]
Form = Literal["big", "little", "hex"]


@dataclass(frozen=True, slots=True)
class Length:
    """A number at ``at`` that is the length of the frame plus ``more``."""

    at: int
    width: int
    order: Order
    more: int

    def mend(self, wire: bytearray) -> None:
        """Make it true, if the field is there and can hold it."""
        says = len(wire) + self.more
        if len(wire) >= self.at + self.width and 0 <= says < 1 << (8 * self.width):
            wire[self.at : self.at + self.width] = says.to_bytes(self.width, self.order)


@dataclass(frozen=True, slots=True)
class Checksum:
    """A sum over ``[first : end - until]``, kept at ``place``, from the end if that is negative."""

    name: str
    first: int
    until: int
    place: int
    width: int
    form: Form

    def mend(self, wire: bytearray) -> None:
        """Make it true, if the frame is long enough to have one."""
        at = self.place if self.place > 0 else len(wire) + self.place
        if 0 < at <= len(wire) - self.width and self.first < len(wire) - self.until:
            over = bytes(wire[self.first : len(wire) - self.until])
            said = _form(_SUMS[self.name][1](over), self.width, self.form)
            wire[at : at + len(said)] = said


Seal = Length | Checksum


def seals_of(frames: Sequence[bytes]) -> list[Seal]:
    """The length and the checksum of most of these frames; nothing where they are not found."""
    frames = [frame for frame in dict.fromkeys(frames) if 8 <= len(frame) <= 4_096][:40]
    found: list[Seal] = []
    if (length := _commonest(_lengths(frames), most_of=len(frames))) is not None:
        found.append(length)
    if (checksum := _commonest(_checksums(frames), most_of=len(frames))) is not None:
        found.append(checksum)
    return found


def mended(wire: bytes, seals: Iterable[Seal]) -> bytes:
    """The bytes with every seal true again."""
    changed = bytearray(wire)
    for seal in seals:
        seal.mend(changed)
    return bytes(changed)


def _commonest(found: Iterator[Seal], *, most_of: int) -> Seal | None:
    counted = Counter(found).most_common(1)
    # By chance one byte fits one frame of 256.
    return counted[0][0] if counted and counted[0][1] >= max(3, 0.3 * most_of) else None


def _lengths(frames: Sequence[bytes]) -> Iterator[Length]:
    """A place that grows with the frame in all of them: fixed frames have no length to tell."""
    if len({len(frame) for frame in frames}) < 3:
        return
    orders: tuple[Order, ...] = ("big", "little")
    for frame in frames:
        for at in range(min(16, len(frame) - 2)):
            for width in (1, 2, 4):
                for order in orders[: 1 if width == 1 else 2]:
                    says = int.from_bytes(frame[at : at + width], order)
                    if says >= 4 and abs(says - len(frame)) <= 24:
                        yield Length(at, width, order, says - len(frame))


def _checksums(frames: Sequence[bytes]) -> Iterator[Checksum]:
    for frame in frames:
        for name, (width, function) in _SUMS.items():
            for place, first, until in _places(width, len(frame)):
                if until + first >= len(frame):
                    continue
                says = function(frame[first : len(frame) - until])
                for form in _FORMS[: 1 if width == 1 else 3]:
                    said = _form(says, width, form)
                    at = place if place > 0 else len(frame) + place
                    if frame[at : at + len(said)] == said:
                        yield Checksum(name, first, until, place, width, form)


def _places(width: int, size: int) -> Iterator[tuple[int, int, int]]:
    """(place, first, until): behind what it covers, perhaps with two bytes between; or before."""
    for back in range(width, width + 5):
        for first in range(min(9, size - back)):
            yield -back, first, back
            yield -back, first, back + 2
    for place in range(2, 8):
        for first in range(place + width, min(place + width + 3, size)):
            yield place, first, 0


def _form(says: int, width: int, form: Form) -> bytes:
    if form == "hex":
        return b"%0*X" % (2 * width, says)
    return says.to_bytes(width, "little" if form == "little" else "big")


_FORMS: tuple[Form, ...] = ("big", "little", "hex")
_SUMS: dict[str, tuple[int, Callable[[bytes], int]]] = {
    "sum8": (1, lambda data: sum(data) & 0xFF),
    "xor8": (1, lambda data: reduce(operator.xor, data, 0)),
    "sum16": (2, lambda data: sum(data) & 0xFFFF),
    **{
        name: (2, getattr(crc16, name))
        for name in ("arc", "ibm_sdlc", "ibm_3740", "kermit", "modbus", "xmodem", "genibus")
    },
    "crc32": (4, crc32.iso_hdlc),
}
