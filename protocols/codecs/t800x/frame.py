"""The frame that every family of TopFlyTech shares: its marks, kinds, ends and answers."""

from protocols.codec import Peer
from protocols.errors import Unframeable, Unsupported

FIRST, SECOND, COMPUTER, ASSET = b"##", b"%%", b"&&", b"''"
MARKS = (FIRST, SECOND, COMPUTER, ASSET)
HEAD, LONGEST = 15, 2048
LOGIN, PLACE, BEAT, ALARM, WORDS = 0x01, 0x02, 0x03, 0x04, 0x81
LONG_PLACE, LONG_ALARM = 0x13, 0x14
BEACON, OPERATOR, DRIVING = 0x10, 0x11, 0x05


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: not enough to tell.

    Raises Unframeable for a mark or a length that no device sends, and where the same unit
    begins again inside the frame: the line broke, and what follows may be the alarm.
    """
    mark = buffer[start : start + 2]
    if (len(mark) == 2 and mark not in MARKS) or (len(mark) == 1 and mark not in b"#%&'"):
        raise Unframeable("no mark of a TopFlyTech frame")
    if len(buffer) - start < 5:
        return None
    size = buffer[start + 3] << 8 | buffer[start + 4]
    if not HEAD <= size <= LONGEST:
        raise Unframeable(f"a frame of {size} bytes")
    end = start + size
    if len(buffer) >= end:
        again = buffer.find(buffer[start + 7 : start + HEAD], start + HEAD, end)
        if again >= 0 and buffer[again - 7 : again - 5] == mark:
            raise Unframeable("another frame begins before this one ends")
    return size


def answer(frame: bytes, code: bytes = b"") -> bytes:
    """What a tracker wants back: the head of its frame, and the code of an alarm."""
    index = b"\x00\x01" if frame[:2] == FIRST else frame[5:7]
    size = (HEAD + len(code)).to_bytes(2, "big")
    return frame[:3] + size + index + frame[7:15] + code


def mark_of(peer: Peer, usual: bytes) -> bytes:
    """The family that the peer spoke as, or the usual one."""
    mark = peer.dialect.encode()
    return mark if mark in MARKS else usual


def name_of(unit_id: str) -> bytes:
    """An IMEI in packed decimal. Raises Unsupported if it is none."""
    if not (unit_id.isdecimal() and unit_id.isascii() and len(unit_id) <= 15):
        raise Unsupported("a TopFlyTech tracker calls itself by an IMEI of fifteen digits")
    return bytes.fromhex(unit_id.zfill(16))


def framed(mark: bytes, kind: int, index: int, name: bytes, content: bytes) -> bytes:
    """A whole frame around ``content``."""
    size = HEAD + len(content)
    head = mark + bytes((kind,)) + size.to_bytes(2, "big") + index.to_bytes(2, "big")
    return head + name + content
