"""One GT06 frame: where it ends, whether it is whole, and how it is sealed."""

from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo

from protocols.checksum import crc16_x25
from protocols.codec import Peer
from protocols.errors import Corrupt, Malformed, Unframeable
from protocols.settings import DeviceSettings

NARROW, WIDE, TAIL = b"xx", b"yy", b"\r\n"
SCAN_KINDS = (0x17, 0x69)
"""Two kinds that older wearables send without length, serial and checksum (see scan_size)."""

MOST_SCANNED = 16
LONGEST_NARROW = 0xFF

_BARE_KIND = 0x10
_BARE_CONTENT = 18
_SMALLEST = 10
_OVERHEAD = 5  # kind, serial and checksum, which the length counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, opened. ``zone`` is that of the unit's clock; None: it runs on UTC."""

    kind: int
    content: bytes
    serial: int
    wide: bool
    zone: tzinfo | None
    settings: DeviceSettings

    def record(self, *, timed: bool) -> bytes:
        """The bytes that say this and only this.

        A frame without a time of its own keeps its serial number: an SOS that is
        pressed a second time differs in nothing else, and must not look repeated.
        """
        said = self.kind.to_bytes(1, "big") + self.content
        return said if timed else said + self.serial.to_bytes(2, "big")


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the frame that starts at ``start``; None: need more."""
    head = buffer[start : start + 4]
    if not NARROW.startswith(head[:2]) and not WIDE.startswith(head[:2]):
        raise Unframeable("neither 7878 nor 7979")
    if len(head) < 4:
        return None
    if head[:2] == WIDE:
        size = int.from_bytes(head[2:4], "big")
        if size < _OVERHEAD:
            raise Unframeable(f"a length of {size} leaves no room for kind and checksum")
        return size + 6
    size, kind = head[2], head[3]
    if kind in SCAN_KINDS and size <= MOST_SCANNED:
        return scan_size(buffer, start)
    if size < _OVERHEAD:
        raise Unframeable(f"a length of {size} leaves no room for kind and checksum")
    if kind == _BARE_KIND and size == _BARE_CONTENT:
        return _bare_size(buffer, start)
    return size + 5


def scan_size(buffer: bytes, start: int) -> int | None:
    """The size of a scan of the surroundings, whose counts are all that tells it.

    ``7878 n kind YYMMDDhhmmss n x (mac rssi) m mcc mnc m x (lac cid rssi) 0D0A``
    """
    cells_at = start + 10 + 7 * buffer[start + 2]
    if cells_at >= len(buffer):
        return None
    cells = buffer[cells_at]
    if cells > MOST_SCANNED:
        raise Unframeable(f"{cells} cells in one scan")
    return cells_at - start + 4 + 5 * cells + 2


def open_frame(frame: bytes, peer: Peer) -> Frame:
    """The frame without its wrapping. Raises Corrupt if the checksum or tail is wrong."""
    zone, settings = zone_of(peer), peer.settings
    if len(frame) < _SMALLEST or frame[-2:] != TAIL:
        raise Corrupt("no 0D0A at the end")
    if is_scan(frame):
        return Frame(
            kind=frame[3],
            content=frame[2:3] + frame[4:-2],
            serial=0,
            wide=False,
            zone=zone,
            settings=settings,
        )
    if _is_bare(frame):
        # What such a clone expects back as its serial is what lies where others keep it.
        serial = int.from_bytes(frame[-6:-4], "big")
        return Frame(
            kind=frame[3],
            content=frame[4:-2],
            serial=serial,
            wide=False,
            zone=zone,
            settings=settings,
        )
    if crc16_x25(frame[2:-4]) != int.from_bytes(frame[-4:-2], "big"):
        raise Corrupt("the checksum does not match")
    wide = frame[:2] == WIDE
    if wide and len(frame) == _SMALLEST:
        raise Corrupt("no room for a kind")
    at = 4 if wide else 3
    return Frame(
        kind=frame[at],
        content=frame[at + 1 : -6],
        serial=int.from_bytes(frame[-6:-4], "big"),
        wide=wide,
        zone=zone,
        settings=settings,
    )


def zone_of(peer: Peer) -> tzinfo | None:
    """The zone of this unit's clock: as it was set, else as its own login said (Peer.dialect)."""
    if peer.settings.time_zone:
        return peer.settings.zone()
    if not peer.dialect:
        return None
    unit_id, _, minutes = peer.dialect.rpartition(":")
    return timezone(timedelta(minutes=int(minutes))) if unit_id == peer.unit_id else None


def is_scan(frame: bytes) -> bool:
    """Is this one of the kinds without length, serial and checksum?"""
    return frame[:2] == NARROW and frame[3] in SCAN_KINDS and frame[2] <= MOST_SCANNED


def seal(kind: int, content: bytes, serial: int, *, wide: bool = False) -> bytes:
    """The bytes on the wire for one frame, either way."""
    if not wide and len(content) + _OVERHEAD > LONGEST_NARROW:
        raise Malformed(f"{len(content)} bytes do not fit a 7878 frame")
    size = (len(content) + _OVERHEAD).to_bytes(2 if wide else 1, "big")
    checked = size + bytes((kind,)) + content + serial.to_bytes(2, "big")
    mark = WIDE if wide else NARROW
    return mark + checked + crc16_x25(checked).to_bytes(2, "big") + TAIL


def _bare_size(buffer: bytes, start: int) -> int | None:
    """A clone's 0x10: its length counts the content alone, and no checksum follows."""
    whole = start + _BARE_CONTENT + 5
    if len(buffer) < whole:
        return None
    if buffer[whole - 2 : whole] == TAIL:
        return whole - start
    if len(buffer) == whole:
        return None
    return whole - start + (buffer[whole - 1 : whole + 1] == TAIL)


def _is_bare(frame: bytes) -> bool:
    return (
        frame[:2] == NARROW
        and frame[3] == _BARE_KIND
        and frame[2] == _BARE_CONTENT
        and len(frame) == _BARE_CONTENT + 6
    )
