"""One Eelink frame, and the envelope that it travels in over UDP."""

from protocols.errors import Unframeable

MARK, ENVELOPE = b"\x67\x67", b"EL"
LOGIN, OLD_PLACE, HEARTBEAT, OLD_ALARM = 0x01, 0x02, 0x03, 0x04
PLACE, ALARM, REPLY = 0x12, 0x14, 0x80

_HEAD, _ENVELOPE_HEAD = 5, 14
_ROOM_FOR_SUM_AND_NAME = 10


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame or envelope at ``start``; None: its size has not come yet."""
    head = buffer[start : start + _HEAD]
    if MARK.startswith(head[:2]):
        if len(head) < _HEAD:
            return None
        size = int.from_bytes(head[3:5], "big")
        if size < 2:
            raise Unframeable("a size that leaves no room for a serial number")
        return _HEAD + size
    if not ENVELOPE.startswith(head[:2]):
        raise Unframeable("neither 6767 nor EL")
    if len(head) < 4:
        return None
    size = int.from_bytes(head[2:4], "big")
    if size < _ROOM_FOR_SUM_AND_NAME + _HEAD:
        raise Unframeable("an envelope that leaves no room for a frame")
    return 4 + size


def frames_in(envelope: bytes) -> list[bytes]:
    """The frames behind the head of an envelope; one that breaks off is left out."""
    found = []
    at = _ENVELOPE_HEAD
    while envelope[at : at + 2] == MARK and at + _HEAD <= len(envelope):
        size = _HEAD + int.from_bytes(envelope[at + 3 : at + 5], "big")
        if size < _HEAD + 2 or at + size > len(envelope):
            break
        found.append(envelope[at : at + size])
        at += size
    return found


def seal(kind: int, serial: int, content: bytes) -> bytes:
    """The bytes of one frame, either way."""
    size = (len(content) + 2).to_bytes(2, "big")
    return MARK + bytes((kind,)) + size + serial.to_bytes(2, "big") + content


def enclose(unit_id: str, frame: bytes) -> bytes:
    """The frame in an envelope that names the unit."""
    said = bytes.fromhex(unit_id.zfill(16)) + frame
    size = (len(said) + 2).to_bytes(2, "big")
    return ENVELOPE + size + turned_sum(said).to_bytes(2, "big") + said


def turned_sum(data: bytes) -> int:
    """Sixteen bits, turned left by one before each byte is added."""
    total = 0
    for byte in data:
        total = ((total << 1 | total >> 15) & 0xFFFF) + byte & 0xFFFF
    return total
