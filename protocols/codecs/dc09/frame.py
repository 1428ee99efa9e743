"""The envelope of DC-09: where a frame ends, whether it is whole, what it is called, its key."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.checksum import crc16_arc
from protocols.errors import Corrupt, Malformed, Unframeable

LF, CR, QUOTE = 0x0A, 0x0D, 0x22
TALLEST_BODY = 0xFFF
MAX_FRAME = TALLEST_BODY + 10
ACKNOWLEDGED = b'"ACK"'
"""What an Osborne-Hoffman heartbeat is answered with: no frame around it."""

_BETWEEN_FRAMES = b"\r\0\x14 "
_MOST_BETWEEN = 16
_TEXT_CRC, _RAW_CRC = 9, 7
_HEX = re.compile(rb"[0-9A-Fa-f]{4}\Z")
_HEADER = re.compile(
    rb'"(\*?)([A-Za-z0-9-]{1,10})"([0-9]{4})'
    rb"((?:R([0-9A-Fa-f]{0,6}))?(?:L([0-9A-Fa-f]{0,6}))?(?:#([0-9A-Za-z]{1,16}))?)\["
)
_ACCOUNT_IN_DATA = re.compile(rb"\|?#([0-9A-Za-z]{1,16})(?:\||\Z)")
_HEARTBEAT = re.compile(rb"SR([0-9]{4})L([0-9]{4})[ \0]+([0-9A-Za-z]{1,16})[ \0]+\[\w{0,32}\]")
_LONGEST_HEARTBEAT = 80
_HEARTBEAT_BYTES = re.compile(rb"SR?[0-9L]{0,9}[ \0A-Za-z0-9]{0,56}(?:\[\w{0,32})?\Z")
_CLOCK = re.compile(rb"([0-9]{2}):([0-9]{2}):([0-9]{2}),([0-9]{2})-([0-9]{2})-([0-9]{4})\Z")
_KEY_DIGITS = {32, 48, 64}
# The pad may hold anything but the three characters that end it, open and close data.
_PAD = bytes(number for number in range(33, 127) if number not in b"[]|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands in the clear before the data. ``address`` is R…L…#… as it came."""

    encrypted: bool
    kind: str
    sequence: bytes
    address: bytes
    unit_id: str
    body: bytes
    raw_crc: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a frame carries: its data, its extended data, its timestamp."""

    data: bytes
    extensions: tuple[bytes, ...]
    timestamp: bytes


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes up to the CR that ends the frame at ``start``; None: it has not come yet.

    What some panels send between frames counts with the next one. Raises Unframeable where
    neither a DC-09 frame nor an Osborne-Hoffman heartbeat begins.
    """
    at = start
    while buffer[at : at + 1] and buffer[at] in _BETWEEN_FRAMES:
        at += 1
        if at - start > _MOST_BETWEEN:
            raise Unframeable("nothing but filling")
    first = buffer[at : at + 1]
    if not first:
        return None
    if first == b"S":
        size = _heartbeat_size(buffer, at)
        return size and at + size - start
    if first[0] != LF:
        raise Unframeable("no line feed")
    if len(buffer) < at + 10:
        return None
    body = _body_at(buffer, at)
    end = buffer.find(b"\r", body, start + MAX_FRAME + _MOST_BETWEEN)
    return None if end < 0 else end + 1 - start


def is_heartbeat(frame: bytes) -> bool:
    """Whether this is the heartbeat of Osborne-Hoffman receivers rather than DC-09."""
    return frame.lstrip(_BETWEEN_FRAMES).startswith(b"SR")


def heartbeat_unit(frame: bytes) -> str:
    """Who sent an Osborne-Hoffman heartbeat. Raises Malformed."""
    match = _HEARTBEAT.match(frame.lstrip(_BETWEEN_FRAMES))
    if match is None:
        raise Malformed("no Osborne-Hoffman heartbeat")
    return name_of(match[1], match[2], match[3].removesuffix(b"XX") or match[3])


def open_frame(frame: bytes) -> Header:
    """The header of a whole frame. Raises Corrupt for a wrong checksum or length.

    Both are left without an answer, as the standard has it: the transmitter says it again.
    """
    framed = frame.lstrip(_BETWEEN_FRAMES)
    if len(framed) < 12 or framed[0] != LF or framed[-1] != CR:
        raise Corrupt("not a frame from line feed to carriage return")
    start = _body_at(framed, 0)
    raw = start == _RAW_CRC
    said = int.from_bytes(framed[1:3], "big") if raw else int(framed[1:5], 16)
    body = framed[start:-1]
    if len(body) != int(framed[start - 4 : start], 16):
        raise Corrupt(f"{len(body)} bytes, {framed[start - 4 : start].decode('latin-1')} announced")
    if said != crc16_arc(body):
        raise Corrupt("the checksum is wrong")
    match = _HEADER.match(body)
    if match is None:
        raise Malformed("no identifier, sequence and account before the data")
    account = match[7]
    if account is None:
        # XSIA transmitters name the account in the data alone.
        inner = _ACCOUNT_IN_DATA.match(body[match.end() :].partition(b"]")[0])
        if inner is None:
            raise Malformed("no account")
        account = inner[1]
    return Header(
        encrypted=bool(match[1]),
        kind=match[2].decode(),
        sequence=match[3],
        address=match[4],
        unit_id=name_of(match[5], match[6], account),
        body=body[match.end() :],
        raw_crc=raw,
    )


def name_of(receiver: bytes | None, line: bytes | None, account: bytes) -> str:
    """The unit id of an account: ``#1234``, and ``R1L2#1234`` where it has those numbers."""
    before = ""
    for letter, said in (("R", receiver), ("L", line)):
        if number := (said or b"").lstrip(b"0").decode().upper():
            before += letter + number
    return f"{before}#{account.decode().upper()}"


def content_of(body: bytes) -> Content:
    """Data, extended data and timestamp of a body in the clear. Raises Malformed."""
    data, *rest = body.split(b"]")
    if not rest:
        raise Malformed("the data has no end")
    *extensions, last = rest
    if any(one[:1] != b"[" for one in extensions) or last[:1] not in (b"", b"_"):
        raise Malformed("what follows the data is neither extended data nor a timestamp")
    return Content(
        data=data,
        extensions=tuple([one[1:] for one in extensions]),
        timestamp=last[1:].strip(),
    )


def decrypted(body: bytes, key: bytes) -> Content:
    """The content behind the pad. Raises Malformed, above all when the key is another one."""
    sealed = bytes.fromhex(body.decode("ascii"))
    if not sealed or len(sealed) % 16:
        raise Malformed("not whole blocks of sixteen bytes")
    opener = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).decryptor()
    clear = opener.update(sealed) + opener.finalize()
    pad, bar, behind = clear.partition(b"|")
    if not bar or b"]" in pad:
        # An empty frame may leave the bar out: then the pad ends where the data would.
        behind = b"]" + clear.partition(b"]")[2] if b"]" in clear else b""
    return content_of(behind)


def clock(said: bytes, *, day_first: bool = False) -> datetime | None:
    """``HH:MM:SS,MM-DD-YYYY`` as it stands, without a zone; None if it is no such moment."""
    match = _CLOCK.match(said)
    if match is None:
        return None
    hour, minute, second, month, day, year = map(int, match.groups())
    if day_first:
        month, day = day, month
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the caller knows
    except ValueError:
        return None


def stamp(at: datetime) -> bytes:
    """``HH:MM:SS,MM-DD-YYYY`` in UTC."""
    utc = at.astimezone(UTC)
    return (
        f"{utc.hour:02}:{utc.minute:02}:{utc.second:02},{utc.month:02}-{utc.day:02}-{utc.year:04}"
    ).encode()


def key_of(secret: str) -> bytes | None:
    """The AES key that our records hold in hexadecimal; None if they hold none."""
    if len(secret) not in _KEY_DIGITS:
        return None
    try:
        return bytes.fromhex(secret)
    except ValueError:
        return None


def seal(body: bytes, *, raw_crc: bool = False) -> bytes:
    """The frame around a body that runs from the quote to the last byte before CR."""
    crc = crc16_arc(body)
    mark = crc.to_bytes(2, "big") if raw_crc else b"%04X" % crc
    return b"\n%b%04X%b\r" % (mark, len(body), body)


def sealed(head: bytes, data: bytes, rest: bytes, key: bytes, *, raw_crc: bool = False) -> bytes:
    """An encrypted frame: ``head`` up to the bracket in the clear, then pad, data and rest."""
    behind = (b"|" + data if data else b"") + b"]" + rest
    # 16 to 31 bytes, so that the whole is a multiple of sixteen.
    clear = _pad(16 + -len(behind) % 16, key, head + behind) + behind
    closer = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    return seal(head + (closer.update(clear) + closer.finalize()).hex().encode(), raw_crc=raw_crc)


def acknowledge(header: Header, heard_at: datetime, key: bytes | None) -> bytes:
    """ACK with the sequence and the address of what it answers, encrypted as that was."""
    if not header.encrypted or key is None:
        return _answer(b'"ACK"', header.sequence, header)
    head = b'"*ACK"' + header.sequence + header.address + b"["
    return sealed(head, b"", b"_" + stamp(heard_at), key, raw_crc=header.raw_crc)


def refuse_clock(header: Header, heard_at: datetime) -> bytes:
    """NAK, never encrypted, with our time: the transmitter sets its clock and says it again."""
    return _answer(b'"NAK"', b"0000", header, b"_" + stamp(heard_at))


def unable(header: Header) -> bytes:
    """DUH, never encrypted: whole, and yet we can do nothing with it."""
    return _answer(b'"DUH"', header.sequence, header)


def _answer(kind: bytes, sequence: bytes, header: Header, rest: bytes = b"") -> bytes:
    return seal(kind + sequence + header.address + b"[]" + rest, raw_crc=header.raw_crc)


def _body_at(buffer: bytes, at: int) -> int:
    """Where the quote stands: behind a checksum of two raw bytes or of four digits."""
    for start, length in ((_RAW_CRC, 3), (_TEXT_CRC, 5)):
        digits = buffer[at + length : at + start]
        if buffer[at + start : at + start + 1] == b'"' and _HEX.match(digits):
            if start == _TEXT_CRC and not _HEX.match(buffer[at + 1 : at + 5]):
                break
            return at + start
    raise Unframeable("no checksum, length and quote behind the line feed")


def _heartbeat_size(buffer: bytes, at: int) -> int | None:
    match = _HEARTBEAT.match(buffer, at)
    if match is not None:
        return match.end() - at
    seen = buffer[at : at + _LONGEST_HEARTBEAT]
    if len(seen) < _LONGEST_HEARTBEAT and _HEARTBEAT_BYTES.match(seen):
        return None
    raise Unframeable("no Osborne-Hoffman heartbeat")


def _pad(size: int, key: bytes, about: bytes) -> bytes:
    """Bytes that nobody without the key foresees, and that are the same when said again."""
    drawn = blake2b(about, digest_size=size, key=key).digest()
    return bytes([_PAD[number % len(_PAD)] for number in drawn])
