"""The frame of a Ruptela: where it ends, and how ours are closed."""

from protocols.checksum import crc16_kermit
from protocols.errors import Unframeable

RECORDS, EXTENDED, WORDS, FAULTS = 0x01, 0x44, 0x07, 0x09
IDENTITY, HEARTBEAT, FILE = 0x0F, 0x10, 0x25
SAY = 0x6C
SHORTEST, _LONGEST = 9, 2048
MAX_FRAME = _LONGEST + 4


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: not all there. Two zeros are filling.

    Raises Unframeable for a length that no device sends.
    """
    if len(buffer) - start < 2:
        return None
    length = buffer[start] << 8 | buffer[start + 1]
    if length == 0:
        return 2
    if not SHORTEST <= length <= _LONGEST:
        raise Unframeable(f"a frame of {length} bytes")
    return length + 4


def seal(content: bytes) -> bytes:
    """Length before, checksum behind."""
    return len(content).to_bytes(2, "big") + content + crc16_kermit(content).to_bytes(2, "big")
