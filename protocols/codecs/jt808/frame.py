"""One JT/T 808 frame: where it ends, whether it is whole, who speaks, and how it is sealed."""

from dataclasses import dataclass

from protocols.checksum import xor8
from protocols.codec import Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported

MARK = b"\x7e"
LOCK_KINDS = frozenset({0x5501, 0x5502})
"""Two kinds of Jointech locks whose serial number is one byte instead of two."""

LOCK_ACK = 0x4401
"""What a lock hears back; its serial number is one byte, as in what it says."""

LONGEST_BODY = 0x3FF

_LONGEST_TEXT = 512
_PARTS, _VERSIONED, _ENCRYPTED = 0x2000, 0x4000, 0x1C00
_SHORT_ID, _LONG_ID = 6, 10
_IMEI_DIGITS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands before the body.

    name       the bytes of the terminal's name as they came: six, or ten since 2019
    version    the protocol version byte of 2019; None in the headers before
    part       (parts, number) of a message in several frames; None if it is whole
    encrypted  the header says that the body is
    """

    kind: int
    name: bytes
    serial: int = 0
    version: int | None = None
    part: tuple[int, int] | None = None
    encrypted: bool = False


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, marks included; None: not all there yet."""
    first = buffer[start]
    if first == 0x7E:
        end = buffer.find(MARK, start + 1)
        if end == start + 1:
            raise Unframeable("an end of frame where one should begin")
        return None if end < 0 else end + 1 - start
    if first != 0x28:
        raise Unframeable("neither 7E nor a bracket")
    end = buffer.find(b")", start, start + _LONGEST_TEXT)
    text = buffer[start + 1 : end if end >= 0 else start + _LONGEST_TEXT]
    if not (text[:1] or b"0").isdigit() or MARK in text or len(text) >= _LONGEST_TEXT - 1:
        raise Unframeable("a bracket without a number, or without an end")
    return None if end < 0 else end + 1 - start


def open_frame(frame: bytes) -> tuple[Header, bytes]:
    """The header and the body. Raises Corrupt if marks or checksum are wrong.

    The length in the header is not believed: units in the field write it wrong
    and the checksum right.
    """
    if len(frame) < 2 or frame[0] != 0x7E or frame[-1] != 0x7E:
        raise Corrupt("no 7E at both ends")
    plain = frame[1:-1]
    if b"\x7d" in plain:
        plain = plain.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
    if xor8(plain) != 0:
        raise Corrupt("the checksum does not match")
    kind = int.from_bytes(plain[:2], "big")
    flags = int.from_bytes(plain[2:4], "big")
    if kind in LOCK_KINDS:
        if len(plain) < 12:
            raise Malformed("too short for a header")
        return Header(kind=kind, name=plain[4:10], serial=plain[10]), plain[11:-1]
    at, version, width = 4, None, _SHORT_ID
    if flags & _VERSIONED and len(plain) > 4:
        at, version, width = 5, plain[4], _LONG_ID
    body = at + width + 2
    part = None
    if flags & _PARTS:
        part = (
            int.from_bytes(plain[body : body + 2], "big"),
            int.from_bytes(plain[body + 2 : body + 4], "big"),
        )
        body += 4
    if len(plain) < body + 1:
        raise Malformed("too short for a header")
    header = Header(
        kind=kind,
        name=plain[at : at + width],
        serial=int.from_bytes(plain[at + width : at + width + 2], "big"),
        version=version,
        part=part,
        encrypted=bool(flags & _ENCRYPTED),
    )
    return header, plain[body:-1]


def seal(
    kind: int, body: bytes, *, name: bytes, version: int | None = None, serial: int = 0
) -> bytes:
    """The bytes on the wire for one frame, either way."""
    if len(body) > LONGEST_BODY:
        raise Unsupported(f"{len(body)} bytes do not fit a frame of at most {LONGEST_BODY}")
    flags = len(body) | (0 if version is None else _VERSIONED)
    head = kind.to_bytes(2, "big") + flags.to_bytes(2, "big")
    if version is not None:
        head += bytes((version,))
    width = 1 if kind == LOCK_ACK else 2
    return enclose(head + name + serial.to_bytes(width, "big") + body)


def enclose(plain: bytes) -> bytes:
    """Checksum, escapes and marks around a header and body."""
    whole = plain + bytes((xor8(plain),))
    return MARK + whole.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + MARK


def unit_id_of(name: bytes) -> str:
    """The name in digits: packed decimal, or an IMEI without its check digit as a number.

    Twelve digits stay twelve, leading zeros and all; twenty lose their padding.
    """
    digits = name.hex()
    if len(name) != _SHORT_ID:
        return digits.lstrip("0") or "0"
    if digits.isdecimal():
        return digits
    return _with_check_digit(str(int.from_bytes(name, "big")).zfill(_IMEI_DIGITS - 1))


def name_of(peer: Peer) -> tuple[bytes, int | None]:
    """The name on the wire and the header version of that peer; see Peer.dialect.

    Raises Unsupported for a name that no header can carry.
    """
    unit_id = peer.unit_id
    if not unit_id.isascii() or not unit_id.isdecimal() or len(unit_id) > 2 * _LONG_ID:
        raise Unsupported("a JT/T 808 terminal is called by at most twenty digits")
    version = version_of(peer.dialect)
    if version is None and len(unit_id) <= 2 * _SHORT_ID:
        return bytes.fromhex(unit_id.zfill(2 * _SHORT_ID)), None
    if version is None and len(unit_id) == _IMEI_DIGITS:
        short = int(unit_id[:-1]).to_bytes(_SHORT_ID, "big")
        if not short.hex().isdecimal():
            return short, None
    return bytes.fromhex(unit_id.zfill(2 * _LONG_ID)), 1 if version is None else version


def version_of(dialect: str) -> int | None:
    """The version of the header that a peer writes; None before 2019."""
    spoken = dialect.partition(" ")[0]
    return int(spoken[1:]) if spoken.startswith("v") else None


def spoken(version: int | None, carried: str = "") -> str:
    """How Peer.dialect says a header version, and what is carried to the next part."""
    words = "" if version is None else f"v{version}"
    return f"{words} {carried}" if carried else words


def _with_check_digit(digits: str) -> str:
    """The fourteen digits of an IMEI and their Luhn digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)
