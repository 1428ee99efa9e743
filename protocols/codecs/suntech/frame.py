"""Where one Suntech frame ends: a carriage return in text, a length in the zipped forms."""

import re

from protocols.errors import Unframeable

MAX_FRAME = 4096
ZIP, ZIP_END = 0x02, 0x03
COMPRESSED = 0x80
_LONGEST_BINARY = 1024
_WORD = re.compile(rb"S[AT]\d{3,4}[;A-Z]|[A-Z]{3};|[-\r\n]")
_LONGEST_WORD = 7
_SECOND_HEAD = re.compile(
    rb"S[AT]\d{3,4}(?:STT|EMG|EVT|ALT|ALV|UEX|CMD);\w|ST910;(?:Loc|Al|Em)"
    rb"|(?:STT|ALT|UEX);\d{9,10};[0-9A-F]{6}"
)
_SERIAL = re.compile(rb"S[AT]\d{3,4}UEX;(?:[^;]*;){15}|UEX;(?:[^;]*;){20}")
_CRASH = re.compile(rb"CR[RB];(?:[^;]*;){3}")


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: the rest has yet to come.

    Raises Unframeable where none begins, and where another one begins inside it: the line
    broke, and what follows may be the alarm.
    """
    first = buffer[start]
    if first == ZIP or first > COMPRESSED:
        return _binary_size(buffer, start, ends=first == ZIP)
    if _WORD.match(buffer, start) is None:
        if len(buffer) - start < _LONGEST_WORD and buffer[start : start + 1].isupper():
            return None
        raise Unframeable("no report header of a Suntech device")
    end = buffer.find(b"\r", start, start + MAX_FRAME)
    if end >= 0 and buffer.startswith((b"U", b"S", b"C"), start):
        end = _after_data(buffer, start, end)
    if end < 0:
        if _SECOND_HEAD.search(buffer, start + 3) is not None:
            raise Unframeable("another report begins before this one ends")
        return None
    if _SECOND_HEAD.search(buffer, start + 3, end) is not None:
        raise Unframeable("another report begins before this one ends")
    return end + 1 - start


def _binary_size(buffer: bytes, start: int, *, ends: bool) -> int | None:
    if len(buffer) - start < 3:
        return None
    size = int.from_bytes(buffer[start + 1 : start + 3], "big")
    if size > _LONGEST_BINARY:
        raise Unframeable(f"{size} bytes in one binary report")
    return 3 + size + ends


def _after_data(buffer: bytes, start: int, end: int) -> int:
    """The return behind what a serial port or a crash recorder said: it may hold returns too.

    -1 where that has not arrived yet.
    """
    head = _SERIAL.match(buffer, start) or _CRASH.match(buffer, start)
    if head is None or head.end() > end:
        return end
    length, found, _ = buffer[head.end() : head.end() + 6].partition(b";")
    if not found or not length.isdigit():
        return end
    return buffer.find(b"\r", head.end() + len(length) + 1 + int(length), start + MAX_FRAME)
