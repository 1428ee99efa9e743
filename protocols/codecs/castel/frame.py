"""One Castel frame: where it ends and how it is sealed."""

from protocols.checksum import crc16_x25
from protocols.errors import Unframeable, Unsupported

SHORT, OLD, TAIL = b"@@", b"$$", b"\r\n"
NAME = 20
SMALLEST_SHORT, SMALLEST_OLD = 31, 30


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: its size has not come yet."""
    head = buffer[start : start + 4]
    if not SHORT.startswith(head[:2]) and not OLD.startswith(head[:2]):
        raise Unframeable("neither @@ nor $$")
    if len(head) < 4:
        return None
    size = int.from_bytes(head[2:], "little")
    if size < (SMALLEST_SHORT if head[:2] == SHORT else SMALLEST_OLD):
        raise Unframeable(f"{size} bytes leave no room for a name and a kind")
    return size


def seal(version: int | None, name: bytes, kind: int, content: bytes = b"") -> bytes:
    """The bytes on the wire for one frame, either way; version None: the oldest has none."""
    head = b"" if version is None else bytes((version,))
    said = head + name + kind.to_bytes(2, "big") + content
    whole = SHORT + (4 + len(said) + 4).to_bytes(2, "little") + said
    return whole + crc16_x25(whole).to_bytes(2, "little") + TAIL


def wire_name(unit_id: str) -> bytes:
    """Twenty letters, NUL behind. Raises Unsupported for a name that does not fit."""
    name = unit_id.encode()
    if not name or len(name) > NAME:
        raise Unsupported("a Castel device is called by one to twenty letters")
    return name.ljust(NAME, b"\0")
