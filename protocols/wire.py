"""A cursor over one frame. Reading past the end is Malformed, never IndexError."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Self

from protocols.errors import Malformed


class Reader:
    """Reads fields in order: ``lat = frame.i32() / 1e7``.

    Numbers are big-endian unless the name ends in ``le``.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at(self) -> int:
        """Bytes read so far."""
        return self._at

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        start = self._at
        if size < 0 or start + size > len(self._data):
            raise Malformed(f"wanted {size} bytes at offset {start}, {self.remaining} left")
        self._at = start + size
        return self._data[start : self._at]

    def rest(self) -> bytes:
        """Everything not read yet."""
        return self.take(self.remaining)

    def peek(self, size: int) -> bytes:
        """Up to ``size`` bytes ahead, without moving."""
        return self._data[self._at : self._at + size]

    def u8(self) -> int:
        return self.take(1)[0]

    def i8(self) -> int:
        return int.from_bytes(self.take(1), "big", signed=True)

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def i16(self) -> int:
        return int.from_bytes(self.take(2), "big", signed=True)

    def u24(self) -> int:
        return int.from_bytes(self.take(3), "big")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def i32(self) -> int:
        return int.from_bytes(self.take(4), "big", signed=True)

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def u16le(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def i16le(self) -> int:
        return int.from_bytes(self.take(2), "little", signed=True)

    def u32le(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def i32le(self) -> int:
        return int.from_bytes(self.take(4), "little", signed=True)

    def text(self, size: int) -> str:
        """Characters from a device: UTF-8 if it is that, else byte for byte."""
        return text(self.take(size))

    def bcd(self, size: int) -> str:
        """Packed decimal, two digits a byte, as text (it may lead with zeros)."""
        digits = self.take(size).hex()
        if not digits.isdecimal():
            raise Malformed(f"not packed decimal: {digits}")
        return digits

    def utc(self) -> datetime:
        """Six bytes: year since 2000, month, day, hour, minute, second.

        Raises ValueError for a month 13 and its like.
        """
        year, month, day, hour, minute, second = self.take(6)
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)


class Writer:
    """Builds a frame field by field: ``Writer().u8(1).u16(size)``."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = bytearray()

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def put(self, data: bytes) -> Self:
        self._data += data
        return self

    def u8(self, value: int) -> Self:
        return self.put(value.to_bytes(1, "big"))

    def u16(self, value: int) -> Self:
        return self.put(value.to_bytes(2, "big"))

    def i16(self, value: int) -> Self:
        return self.put(value.to_bytes(2, "big", signed=True))

    def u32(self, value: int) -> Self:
        return self.put(value.to_bytes(4, "big"))

    def i32(self, value: int) -> Self:
        return self.put(value.to_bytes(4, "big", signed=True))

    def u64(self, value: int) -> Self:
        return self.put(value.to_bytes(8, "big"))

    def u16le(self, value: int) -> Self:
        return self.put(value.to_bytes(2, "little"))

    def i16le(self, value: int) -> Self:
        return self.put(value.to_bytes(2, "little", signed=True))

    def u32le(self, value: int) -> Self:
        return self.put(value.to_bytes(4, "little"))

    def i32le(self, value: int) -> Self:
        return self.put(value.to_bytes(4, "little", signed=True))

    def text(self, value: str) -> Self:
        return self.put(value.encode("ascii"))


def text(data: bytes) -> str:
    """What a device wrote, in whatever encoding: UTF-8 if it is, else Latin-1.

    Never fails, and never holds a NUL (PostgreSQL refuses one in text).
    """
    try:
        said = data.decode("utf-8")
    except UnicodeDecodeError:
        said = data.decode("latin-1")
    return said.replace("\0", "")


def finite(said: str) -> float | None:
    """The number that a text field says; None if it says none, or one without end."""
    try:
        value = float(said)
    except ValueError:
        return None
    return value if isfinite(value) else None


def finite_at(fields: Sequence[str], at: int) -> float | None:
    """The same for one field of many, which may be missing."""
    return finite(fields[at]) if at < len(fields) else None
