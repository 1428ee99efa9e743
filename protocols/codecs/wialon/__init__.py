"""Wialon IPS: the text protocol of Gurtam that phones, trackers and relays of many makers speak.

See: Gurtam "Wialon IPS" communication protocol, versions 1.1, 2.0 and 2.1. A line each way::

    #L#imei;password CR LF                                      who speaks, version 1
    #L#2.0;imei;password;CE45 CR LF                             and version 2: checksums follow
    #D#date;time;lat;N;lon;E;km/h;course;metres;satellites;hdop;inputs;outputs;adc;key;
       name:type:value,…[;checksum] CR LF                       a report
    #SD#date;time;lat;N;lon;E;km/h;course;metres;satellites[;checksum] CR LF
    #B#report|report|…[|checksum] CR LF                         reports that waited
    #P# CR LF · #M#words CR LF                                  a ping · a message of the driver

``NA`` stands where nothing is known. A datagram, and some relays, write ``imei#`` or
``2.0;imei#`` before the kind. The checksum (crc16 arc, four letters) covers what stands between
the kind and itself. Pictures and tachograph files (``#I#``, ``#T#`` and their bytes) are framed
and not kept, so they are not answered.

The alarm button is the parameter ``SOS``; other makers write ``alarm:3:sos`` and its like. Codes
in a device's settings are the words of that parameter, in small letters.
"""

import re
from collections.abc import Callable
from datetime import datetime

from protocols.checksum import crc16_arc
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.wialon.reports import LONG, SHORT, report_of
from protocols.codecs.wialon.simulation import simulate
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Heartbeat,
    Login,
    Reboot,
    Unknown,
)
from protocols.wire import text

_MAX_LINE, _MAX_FRAME = 16_384, 66_000
_KIND = re.compile(rb"([0-9A-Za-z.;_-]{0,64})#([A-Z]{1,3})#")
_LONGEST_KIND = 70
_START = re.compile(rb"[#0-9A-Za-z\r\n]")
_CHECKSUM = re.compile(rb"[0-9A-Fa-f]{4}")
_MARKS = tuple(f"#{kind}#".encode() for kind in ("L", "D", "SD", "B", "P", "M"))
_INNER = re.compile(rb"#(?:L|D|SD|B|P|M)#")
_BINARY = {b"I": 0, b"T": 1, b"IT": 1}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the line at ``start``, with the file behind it if there is one; None: not all.

    Raises Unframeable where no line begins, or another one begins inside it.
    """
    if _START.match(buffer, start) is None:
        raise Unframeable("no #kind# begins here")
    end = buffer.find(b"\n", start, start + _MAX_LINE)
    kind = _KIND.match(buffer, start)
    if kind is None:
        if end < 0 and len(buffer) - start < _LONGEST_KIND:
            return None
        if end < 0 or end - start > 2 or buffer[start : start + 1] not in (b"\r", b"\n"):
            raise Unframeable("no #kind# begins here")
        return end + 1 - start
    if _INNER.search(buffer, kind.end(), end if end >= 0 else start + _MAX_LINE) is not None:
        raise Unframeable("another line begins before this one ends")
    if end < 0:
        if len(buffer) - start >= _MAX_LINE:
            raise Unframeable(f"no end of the line in {_MAX_LINE} bytes")
        return None
    size = end + 1 - start
    if kind[2] in _BINARY:
        size += _bytes_behind(buffer[kind.end() : end], _BINARY[kind[2]])
    return size


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one line says. Raises Corrupt for a wrong checksum, with the answer it asks for."""
    del heard_at
    head = _KIND.match(frame)
    if head is None:
        raise Malformed("an empty line")
    speaker = peer
    if head[1]:
        speaker = peer.named(text(head[1]).rpartition(";")[2])
    kind = text(head[2])
    known = _KINDS.get(kind)
    if known is None:
        return Incoming(messages=(Unknown(kind=kind),), peer=speaker)
    return known(frame[head.end() :].rstrip(b"\r\n"), speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The line that carries ``command``. Raises Unsupported, and says why."""
    del peer
    match command:
        case Reboot():
            return b"reboot\r\n"
        case Custom(text=words) if words and words.isprintable() and len(words) <= 500:
            return words.encode() + b"\r\n"
    raise Unsupported("Wialon IPS has no word for this: try Custom in the words of the device")


def _bytes_behind(fields: bytes, at: int) -> int:
    """The size of the file behind the line, as the line says it."""
    said = fields.split(b";", at + 1)[at : at + 1]
    if not said or not said[0].strip().isdigit() or len(said[0]) > 6:
        raise Unframeable("a file of no size")
    return int(said[0])


def _login(body: bytes, peer: Peer) -> Incoming:
    """``imei;password`` or ``2.0;imei;password;checksum``."""
    fields = body.split(b";")
    dialect = ""
    if len(fields) > 2 and fields[0][1:2] == b".":
        if len(fields) > 3:
            _check(body, fields[-1], b"#AL#10\r\n")
        dialect = text(fields[0])
        del fields[0]
    unit_id = text(fields[0])
    if not unit_id or not unit_id.isprintable() or len(unit_id) > 64:
        raise Malformed("a login without a name", answer=b"#AL#0\r\n")
    return Incoming(
        messages=(Login(unit_id=unit_id),),
        ack=b"#AL#1\r\n",
        refusal=b"#AL#0\r\n",
        peer=peer.named(unit_id, dialect),
    )


def _data(body: bytes, peer: Peer) -> Incoming:
    line = _without_checksum(body, LONG, b"#AD#16\r\n")
    report = report_of(text(line), peer.settings, b"#AD#-1\r\n")
    return Incoming(messages=(report,), ack=b"#AD#1\r\n", refusal=b"#AD#-1\r\n", peer=peer)


def _short_data(body: bytes, peer: Peer) -> Incoming:
    line = _without_checksum(body, SHORT, b"#ASD#13\r\n")
    report = report_of(text(line), peer.settings, b"#ASD#-1\r\n")
    return Incoming(messages=(report,), ack=b"#ASD#1\r\n", refusal=b"#ASD#-1\r\n", peer=peer)


def _black_box(body: bytes, peer: Peer) -> Incoming:
    """Reports between bars; the answer counts them."""
    lines = body.split(b"|")
    if len(lines) > 1 and _CHECKSUM.fullmatch(lines[-1]):
        _check(body, lines[-1], b"#AB#\r\n")
        del lines[-1]
    reports = tuple(
        report_of(text(line), peer.settings, b"#AB#0\r\n", buffered=True) for line in lines if line
    )
    if not reports:
        raise Malformed("a black box without a report", answer=b"#AB#0\r\n")
    ack = f"#AB#{len(reports)}\r\n".encode()
    return Incoming(messages=reports, ack=ack, refusal=b"#AB#0\r\n", peer=peer)


def _ping(_body: bytes, peer: Peer) -> Incoming:
    return Incoming(messages=(Heartbeat(),), ack=b"#AP#\r\n", peer=peer)


def _words(body: bytes, peer: Peer) -> Incoming:
    """What the driver, or the device itself, has to say."""
    words, _, checksum = body.rpartition(b";")
    if words and _CHECKSUM.fullmatch(checksum) and peer.dialect:
        _check(body, checksum, b"#AM#01\r\n")
    else:
        words = body
    return Incoming(
        messages=(CommandReply(text=text(words)),),
        ack=b"#AM#1\r\n",
        refusal=b"#AM#0\r\n",
        peer=peer,
    )


_KINDS: dict[str, Callable[[bytes, Peer], Incoming]] = {
    "L": _login,
    "D": _data,
    "SD": _short_data,
    "B": _black_box,
    "P": _ping,
    "M": _words,
}


def _without_checksum(body: bytes, usual: int, answer: bytes) -> bytes:
    """The report without the checksum that stands behind its last usual field."""
    fields = body.rsplit(b";", 1)
    if body.count(b";") < usual or not _CHECKSUM.fullmatch(fields[-1]):
        return body
    _check(body, fields[-1], answer)
    return fields[0]


def _check(body: bytes, checksum: bytes, answer: bytes) -> None:
    """The bytes as they came: not every device writes its parameters in UTF-8."""
    if crc16_arc(body[: -len(checksum)]) != int(checksum, 16):
        raise Corrupt("the checksum is wrong", answer=answer)


CODEC = Codec(
    name="wialon",
    title="Wialon IPS 1 and 2 (phones, trackers, relays)",
    tells=(
        "fixes, satellites, hdop, battery, fuel, ignition, driver, towers, every parameter; the "
        "SOS parameter, alarms by word, panic inputs; black boxes, checksums"
    ),
    port=5039,
    transports=("tcp", "udp"),
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=_MARKS,
    max_frame=_MAX_FRAME,
    commands=(Reboot, Custom),
)
