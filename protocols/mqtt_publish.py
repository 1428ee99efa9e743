"""MQTT publications as frames: a topic, and what was published on it.

::

    30 | 1 if retained   remaining length   topic length   topic   payload
    └─ 1 byte ─┘         1 to 4 bytes       2 bytes, BE    UTF-8   the rest

This is the PUBLISH packet of MQTT 3.1.1 with QoS 0. Packet identifiers, QoS, DUP and properties
belong to one delivery over one connection and not to what was said; so a publication that is
delivered twice is the same frame twice, and can be stored and read again as it is.

See: OASIS MQTT 3.1.1, sections 2.2 and 3.3.
"""

from dataclasses import dataclass

from protocols.errors import Malformed, Unframeable

MAX_TOPIC = 1024
MAX_PAYLOAD = 64 * 1024
MAX_FRAME = 1 + 4 + 2 + MAX_TOPIC + MAX_PAYLOAD
_PUBLISH, _RETAIN = 0x30, 0x01
_HEADS = (bytes([_PUBLISH]), bytes([_PUBLISH | _RETAIN]))
_LONGEST_LENGTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What was published. ``retained``: the broker kept it and tells it to whoever comes."""

    topic: str
    payload: bytes
    retained: bool = False


def begins(buffer: bytes, start: int) -> bool:
    """Whether a publication can begin there."""
    return buffer[start : start + 1] in _HEADS


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the publication that starts there; None: the rest has yet to come.

    Raises Unframeable where none can begin, or where it is longer than we accept.
    """
    if not begins(buffer, start):
        raise Unframeable("no MQTT publication")
    length = _length(buffer, start + 1)
    if length is None:
        return None
    remaining, width = length
    if remaining > MAX_FRAME:
        raise Unframeable(f"a publication of {remaining} bytes")
    return 1 + width + remaining


def read(frame: bytes) -> Publication:
    """The publication in that frame. Raises Malformed."""
    length = _length(frame, 1)
    if length is None or not begins(frame, 0):
        raise Malformed("no MQTT publication")
    start = 1 + length[1]
    size = int.from_bytes(frame[start : start + 2], "big")
    topic = frame[start + 2 : start + 2 + size]
    if not topic or len(topic) < size:
        raise Malformed("a topic that is longer than its publication, or empty")
    try:
        name = topic.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("a topic that is not UTF-8") from None
    if "\0" in name:
        raise Malformed("a topic with a NUL")
    payload = frame[start + 2 + size :]
    return Publication(topic=name, payload=payload, retained=bool(frame[0] & _RETAIN))


def written(publication: Publication) -> bytes:
    """The frame that carries it. Raises ValueError for more than a frame may hold."""
    topic = publication.topic.encode()
    if len(topic) > MAX_TOPIC or len(publication.payload) > MAX_PAYLOAD:
        raise ValueError(f"{len(topic)} bytes of topic, {len(publication.payload)} of payload")
    body = len(topic).to_bytes(2, "big") + topic + publication.payload
    head, rest = bytearray([_PUBLISH | (_RETAIN if publication.retained else 0)]), len(body)
    while rest > 0x7F:
        head.append(rest & 0x7F | 0x80)
        rest >>= 7
    head.append(rest)
    return bytes(head) + body


def _length(buffer: bytes, start: int) -> tuple[int, int] | None:
    """(remaining length, bytes that say it): seven bits a byte, the lowest first."""
    remaining = 0
    for place, byte in enumerate(buffer[start : start + _LONGEST_LENGTH]):
        remaining |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return remaining, place + 1
    if len(buffer) - start >= _LONGEST_LENGTH:
        raise Unframeable("a remaining length of more than four bytes")
    return None
