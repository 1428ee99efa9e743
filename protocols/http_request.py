"""HTTP/1.1 requests as frames, for the protocols that phones speak.

::

    POST /?id=1 HTTP/1.1 CR LF  Name: value CR LF …  CR LF  body
    └─────────────── head, up to 8 KiB ──────────────────┘  └ up to 64 KiB

The body is as long as Content-Length says, or comes in chunks. Requests may follow
each other in one segment. The whole response is the codec's ack: a few constants here.

See: RFC 9112 (HTTP/1.1), RFC 3986 (percent-encoding).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Never
from urllib.parse import unquote_to_bytes

from protocols.errors import Malformed, Unframeable

MAX_HEAD = 8 * 1024
MAX_BODY = 64 * 1024
MAX_FRAME = MAX_HEAD + MAX_BODY
_MAX_CHUNKS = 256
_MAX_CHUNK_LINE = 64
_MAX_UNIT_ID = 128
_MAX_TEXT = 1024
_MAX_DEPTH = 16
_MAX_NUMBER = 1e15
_HEX_DIGITS = b"0123456789abcdefABCDEF"

KEPT = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. Header names are in small letters; the body is out of its chunks."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the request that starts there; None: the rest has yet to come.

    Raises Unframeable where no request can begin, where it is longer than we
    accept, or where its length could be read in two ways.
    """
    # A client may send an empty line after a body; it belongs to the next request.
    line = start + 2 if buffer.startswith(b"\r\n", start) else start
    first = buffer[line : line + 8]
    if first in (b"", b"\r"):
        return None
    word = first.partition(b" ")[0]
    if len(word) == 8 or not (word.isalpha() and word.isupper()):
        raise Unframeable("no HTTP method")
    end = buffer.find(b"\r\n\r\n", line, start + MAX_HEAD)
    if end < 0:
        if len(buffer) - start >= MAX_HEAD:
            raise Unframeable(f"no end of the head in {MAX_HEAD} bytes (431)")
        return None
    _, headers = _head(buffer[line:end])
    body = end + 4
    if "transfer-encoding" not in headers:
        size = _content_length(headers)
        return body + size - start
    if headers["transfer-encoding"].casefold() != "chunked" or "content-length" in headers:
        raise Unframeable("a body that is neither chunked nor of one length")
    walked = _chunks(buffer, body)
    return walked and walked[0] - start


def read(frame: bytes) -> Request:
    """The request in that frame. Raises Malformed, to be answered with a 400."""
    head, _, body = frame.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    line, headers = _head(head)
    if "transfer-encoding" in headers:
        walked = _chunks(body, 0)
        body = b"".join(walked[1]) if walked else b""
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        refuse("not an HTTP/1 request line")
    path, _, query = words[1].partition("?")
    return Request(method=words[0], path=path, query=query, headers=headers, body=body)


def pairs(form: str) -> list[tuple[str, str]]:
    """``a=1&b=%32`` as [("a", "1"), ("b", "2")], in order, duplicates and all."""
    found = []
    for pair in form.split("&"):
        key, _, value = pair.partition("=")
        if key:
            found.append((_unquoted(key), _unquoted(value)))
    return found


def json_object(body: bytes) -> dict[str, object]:
    """The JSON object that a body is. Raises Malformed, to be answered with a 400."""
    try:
        said = json.loads(_decoded(body))
    except (ValueError, RecursionError):
        refuse("the body is not JSON")
    if not isinstance(said, dict):
        refuse("the body is not a JSON object")
    if not _shallow(said, _MAX_DEPTH):
        refuse("the body is nested too deep")
    return said


def refuse(reason: str) -> Never:
    """Raise the Malformed that is answered with a 400."""
    raise Malformed(reason, answer=BAD_REQUEST)


def unit_id(name: object) -> str:
    """A name fit to be shown and stored: what cannot be printed is escaped, never dropped.

    Dropping a NUL would turn one unit's name into another's. Raises Malformed
    for no name at all, and for one too long to be a name.
    """
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name.strip():
        refuse("no unit id")
    if len(name) > _MAX_UNIT_ID:
        refuse(f"a unit id of {len(name)} characters")
    name = name.strip(" ")
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in name)


def number(said: object) -> float | None:
    """A number that means something, however it is written; None for everything else."""
    if isinstance(said, bool) or not isinstance(said, (int, float, str)):
        return None
    try:
        value = float(said)
    except (ValueError, OverflowError):
        return None
    return value if -_MAX_NUMBER < value < _MAX_NUMBER else None


def instant(said: object) -> datetime | None:
    """A moment: seconds or milliseconds since 1970, or ISO 8601 (UTC if it names no zone).

    None when it cannot be a moment: letters, month 13, year 60000.
    """
    seconds = number(said)
    try:
        if seconds is not None:
            # 100,000,000,000 seconds is the year 5138; as milliseconds it is 1973.
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        # A form writes "+" for a space, so a bare "+01:00" arrives as " 01:00".
        text = str(said).strip()
        zoned = text.replace(" ", "+") if "T" in text else text
        at = datetime.fromisoformat(zoned)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def scalars(said: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Those that are a text, a number or a yes/no, fit to be stored as JSON.

    Objects and lists are left out: nobody reads them.
    """
    kept: dict[str, object] = {}
    for key, value in said:
        if isinstance(value, str):
            kept[storable(key)] = storable(value)
        elif isinstance(value, bool) or number(value) is not None:
            kept[storable(key)] = value
    return kept


def storable(text: str) -> str:
    """Without NUL and half characters, which PostgreSQL refuses; not longer than we show."""
    if not text.isprintable():
        text = text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return text[:_MAX_TEXT]


def _head(head: bytes) -> tuple[str, dict[str, str]]:
    """The request line and the headers. A header said twice is joined with a comma."""
    line, *rest = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for header in rest:
        name, colon, value = header.partition(":")
        name = name.lower()
        if not colon or name != name.strip():
            continue
        value = value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return line, headers


def _content_length(headers: Mapping[str, str]) -> int:
    said = headers.get("content-length", "0")
    # int() would also take "+5" and "1_000", and another server might not.
    if not (said.isascii() and said.isdecimal()):
        raise Unframeable("Content-Length is not one number")
    if len(said) > 10 or int(said) > MAX_BODY:
        raise Unframeable(f"a body of more than {MAX_BODY} bytes (413)")
    return int(said)


def _chunks(buffer: bytes, at: int) -> tuple[int, list[bytes]] | None:
    """Where the chunked body ends, and its pieces; None: the rest has yet to come.

    The number of chunks is limited because we walk them again at every segment.
    """
    pieces: list[bytes] = []
    start = at
    while len(pieces) <= _MAX_CHUNKS and at - start <= MAX_BODY:
        end = buffer.find(b"\r\n", at, at + _MAX_CHUNK_LINE)
        if end < 0:
            if len(buffer) - at >= _MAX_CHUNK_LINE:
                break
            return None
        size = buffer[at:end].partition(b";")[0].strip()
        if not size or len(size) > 8 or size.strip(_HEX_DIGITS):
            break
        at, length = end + 2, int(size, 16)
        if length == 0:
            return _after_trailer(buffer, at, pieces)
        if length > MAX_BODY:
            break
        if len(buffer) < at + length + 2:
            return None
        if not buffer.startswith(b"\r\n", at + length):
            break
        pieces.append(buffer[at : at + length])
        at += length + 2
    raise Unframeable("a chunked body that is broken or too long")


def _after_trailer(buffer: bytes, at: int, pieces: list[bytes]) -> tuple[int, list[bytes]] | None:
    if buffer.startswith(b"\r\n", at):
        return at + 2, pieces
    end = buffer.find(b"\r\n\r\n", at, at + MAX_HEAD)
    if end >= 0:
        return end + 4, pieces
    if len(buffer) - at >= MAX_HEAD:
        raise Unframeable(f"no end of the trailer in {MAX_HEAD} bytes")
    return None


def _shallow(value: object, levels: int) -> bool:
    """Whether JSON is nested no deeper than that, so that anyone may walk it."""
    if isinstance(value, dict):
        return levels > 0 and all(_shallow(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_shallow(item, levels - 1) for item in value)
    return True


def _unquoted(text: str) -> str:
    if "%" not in text and "+" not in text and text.isascii():
        return text
    return _decoded(unquote_to_bytes(text.replace("+", " ").encode("latin-1")))


def _decoded(data: bytes) -> str:
    """UTF-8 if it is that, else byte for byte. Unlike wire.text it keeps a NUL: see unit_id."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
