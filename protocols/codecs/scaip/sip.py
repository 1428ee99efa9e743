"""SIP messages as frames, as far as SCAIP needs them: requests, and the answers to ours.

::

    MESSAGE sip:arc@soc.example SIP/2.0 CR LF  Name: value CR LF …  CR LF  body
    └──────────────────── head, up to 8 KiB ────────────────────┘  └ up to 8 KiB

See: RFC 3261 (SIP), section 18.3 for the framing: over TCP the body is as long as Content-Length
says; in a datagram it may go without, and then ends with the datagram. RFC 5626 for the two empty
lines that keep a connection open.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Never

from protocols.errors import Malformed, Unframeable

MAX_HEAD = 8 * 1024
MAX_BODY = 8 * 1024
_READ_BODY = 2 * MAX_BODY
"""A body that is somewhat too long is read to its end, so that it can be refused in words."""
MAX_FRAME = MAX_HEAD + _READ_BODY
KEEP_ALIVE, STILL_HERE = b"\r\n\r\n", b"\r\n"
SCAIP = "application/scaip+xml"

_SHORT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "c": "content-type",
          "l": "content-length", "m": "contact", "k": "supported", "s": "subject"}  # fmt: skip
_ANSWER = b"SIP/2.0"
_LONGEST_WORD = 17
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:([^\r]*)", re.IGNORECASE)
_OVER_UDP = re.compile(rb"\r\n(?:via|v)[ \t]*:[ \t]*SIP ?/ ?2\.0 ?/ ?UDP", re.IGNORECASE)
_USER = re.compile(r"(?:sips?|tel|im):([^@;>\s:]{1,64})", re.IGNORECASE)
_HOST = re.compile(
    r"sips?:(?:[^@>\s]{0,128}@)?([A-Za-z0-9.\-]{1,128}|\[[0-9A-Fa-f:.]{2,45}\])", re.IGNORECASE
)
_ADDRESS = re.compile(r"<([^<>\s]{1,256})>|(sips?:[^;<>\s]{1,256})", re.IGNORECASE)
_TRANSPORT = re.compile(r"SIP ?/ ?2\.0 ?/ ?(\w{2,8})", re.IGNORECASE)
_ALLOW = ("Allow", "MESSAGE, OPTIONS, REGISTER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip:
    """One SIP message. ``method`` is "" for an answer, ``status`` 0 for a request.

    Header names are in small letters and long; every value of a name is kept, in order.
    """

    method: str
    status: int
    uri: str
    headers: Mapping[str, Sequence[str]]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header; "" if it is not there."""
        return next(iter(self.headers.get(name, ())), "")

    @property
    def sender(self) -> str:
        """The user part of From; "" if it has none."""
        return user_of(self.header("from"))


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the message that starts there; None: the rest has yet to come.

    Raises Unframeable where none can begin, and where it is longer than we accept.
    """
    line = start
    if buffer.startswith(b"\r\n", start):
        if buffer.startswith(KEEP_ALIVE, start):
            return len(KEEP_ALIVE)
        line += 2
    first = buffer[line : line + _LONGEST_WORD]
    if first in (b"", b"\r"):
        return None
    word, space, _ = first.partition(b" ")
    method = word.isalpha() and word.isupper()
    if not (method or (word == _ANSWER if space else _ANSWER.startswith(word))):
        raise Unframeable("no SIP method")
    if not space and len(word) == _LONGEST_WORD:
        raise Unframeable("a method without an end")
    end = buffer.find(b"\r\n\r\n", line, start + MAX_HEAD)
    if end < 0:
        if len(buffer) - start >= MAX_HEAD:
            raise Unframeable(f"no end of the head in {MAX_HEAD} bytes")
        return None
    body = end + 4
    size = _body_size(buffer[line:end], len(buffer) - body)
    if size > _READ_BODY:
        raise Unframeable(f"a body of {size} bytes, {MAX_BODY} allowed")
    return body + size - start


def read(frame: bytes) -> Sip:
    """The message in that frame. Raises Malformed, with a 400 or a 413 where it is a request."""
    head, _, body = frame.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    line, headers = _head(head)
    words = line.split(" ", 2)
    if words[0] == "SIP/2.0" and len(words) >= 2 and words[1].isdecimal():
        status = int(words[1][:3])
        return Sip(method="", status=status, uri="", headers=headers, body=body)
    if len(words) != 3 or words[2] != "SIP/2.0":
        raise Malformed("not a SIP/2.0 request line")
    request = Sip(method=words[0], status=0, uri=words[1], headers=headers, body=body)
    if not all(headers.get(name) for name in ("via", "from", "to", "call-id", "cseq")):
        refuse(request, 400, "Bad Request", "a request without Via, From, To, Call-ID or CSeq")
    if len(body) > MAX_BODY:
        refuse(request, 413, "Request Entity Too Large", f"a body of {len(body)} bytes")
    return request


def respond(
    request: Sip, status: int, reason: str, *more: tuple[str, str], body: bytes = b""
) -> bytes:
    """The answer to a request: where it came through, whom it concerns, and a body."""
    to = request.header("to")
    if ";tag=" not in to.lower():
        to = f"{to};tag={_mark(request, 'tag')}"
    lines = [
        f"SIP/2.0 {status} {reason}",
        *(f"Via: {via}" for via in request.headers.get("via", ())),
        f"From: {request.header('from')}",
        f"To: {to}",
        f"Call-ID: {request.header('call-id')}",
        f"CSeq: {request.header('cseq')}",
        *(f"{name}: {value}" for name, value in more),
    ]
    return _message(lines, body)


def request_back(request: Sip, body: bytes) -> bytes:
    """A MESSAGE of ours to who sent that request; the same bytes if it is said again."""
    ours = _address(request.header("to")) or request.uri
    theirs = _address(request.header("from"))
    host = _HOST.match(ours)
    via = _TRANSPORT.match(request.header("via"))
    through = f"{via[1].upper() if via else 'UDP'} {host[1] if host else 'invalid'}"
    lines = [
        f"MESSAGE {_address(request.header('contact')) or theirs} SIP/2.0",
        f"Via: SIP/2.0/{through};branch=z9hG4bK{_mark(request, 'branch')};rport",
        f"From: <{ours}>;tag={_mark(request, 'tag')}",
        f"To: <{theirs}>",
        f"Call-ID: {_mark(request, 'call')}",
        "CSeq: 1 MESSAGE",
        "Max-Forwards: 70",
    ]
    return _message(lines, body)


def refuse(
    request: Sip, status: int, reason: str, why: str, *more: tuple[str, str], body: bytes = b""
) -> Never:
    """Raise the Malformed that is answered with that status."""
    raise Malformed(why, answer=respond(request, status, reason, *more, body=body))


def refuse_method(request: Sip) -> Never:
    """Raise the Malformed for a request that is none of ours. An ACK is never answered."""
    if request.method == "ACK":
        raise Malformed("an ACK to nothing")
    refuse(request, 405, "Method Not Allowed", f"{request.method[:20]} is not for us", _ALLOW)


def welcome(request: Sip) -> bytes:
    """200 to OPTIONS and REGISTER: what we understand, and the contacts as they came."""
    contacts = [("Contact", contact) for contact in request.headers.get("contact", ())]
    expires = [("Expires", said) for said in request.headers.get("expires", ())[:1]]
    more = [*contacts, *expires] if request.method == "REGISTER" else []
    return respond(request, 200, "OK", _ALLOW, ("Accept", SCAIP), *more)


def user_of(address: str) -> str:
    """The user in ``"Name" <sip:26317@dev.example>;tag=1``; "" if there is none."""
    if "@" not in address and "tel:" not in address.lower():
        return ""
    match = _USER.search(address)
    return match[1] if match is not None else ""


def _head(head: bytes) -> tuple[str, dict[str, list[str]]]:
    """The first line and the headers; a line that begins with a space goes on the one before."""
    line, *rest = head.decode("latin-1").split("\r\n")
    headers: dict[str, list[str]] = {}
    values: list[str] = []
    for header in rest:
        if header[:1] in (" ", "\t"):
            if values:
                values[-1] = f"{values[-1]} {header.strip()}"
            continue
        name, colon, value = header.partition(":")
        if not colon:
            continue
        name = name.strip().lower()
        values = headers.setdefault(_SHORT.get(name, name), [])
        values.append(value.strip())
    return line, headers


def _body_size(head: bytes, rest: int) -> int:
    """Bytes in the body; without a length it is what is left of the datagram."""
    said = {length.strip() for length in _LENGTH.findall(head)}
    if not said:
        return rest if _OVER_UDP.search(head) else 0
    (length, *more) = said
    if more or not length.isdigit() or len(length) > 10:
        raise Unframeable("Content-Length is not one number")
    return int(length)


def _address(header: str) -> str:
    match = _ADDRESS.search(header)
    return "" if match is None else match[1] or match[2]


def _mark(request: Sip, what: str) -> str:
    """A token of ours for a request: the same when it is said again."""
    about = "\n".join(
        (what, request.header("call-id"), request.header("cseq"), request.header("from"))
    )
    return blake2b(about.encode(), digest_size=8).hexdigest()


def _message(lines: list[str], body: bytes) -> bytes:
    if body:
        lines.append(f"Content-Type: {SCAIP}")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "\r\n")).encode("latin-1", "replace") + body
