"""Arnavi vehicle trackers (Arnavi 3, 4, 5, Integral): the binary protocol and the older text.

See: Arnavi "Internal protocol" (binary) and "Arnavi protocol" (text). Binary, numbers from the
low byte; the name once, then packages of records::

    FF 23 │ F30C45F5C90F0300     →  7B 04 00 C1 │ 064B056B │ 7D
           name, 8 bytes (24: 16)               sum, time in seconds since 1970
    5B 01 │ 01 │ 2800 │ A3175F59 │ 03 51393442  04 47221C42 … │ 29 │ 5D    →  7B 00 01 7D
       │    │    length   time      tags: one byte and four     sum         package
       package  kind of record      of value

Text, one line a record, a sum behind the star::

    $AV,V2,32768,12487,2277,203,-1,0,0,193,0,0,1,13,200741,5950.6773N,03029.1043E,0.0,0.0,121012,*6E
           name  count │    battery │   inputs      satellites                    knots, course, day
                       supply, 10 mV ignition

The sum of a binary record is not held against it: published frames exist whose sum is of other
bytes. The sum of a text line is. There is no panic of its own; a button is wired to an input.
"""

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from protocols.checksum import sum8, xor8
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    Fix,
    Heartbeat,
    Login,
    Message,
    Readings,
    Report,
    Signal,
    Unknown,
)
from protocols.settings import DeviceSettings
from protocols.wire import finite, text

_HELLO, _PACKAGE, _LINE = b"\xff", b"[", b"$AV,"
_HELLO_SIZES = {0x22: 10, 0x23: 10, 0x24: 18, 0x25: 10}
_CLOSED = 0x5D
_RECORD_HEAD = struct.Struct("<BHI")
_TAG = struct.Struct("<BI")
_TAGS = 1
_KMH_PER_KNOT = 1.852
_LONGEST_LINE = 512
_MOST = 16_384


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the greeting, package or line at ``start``; None: not all there yet."""
    match buffer[start : start + 1]:
        case b"\xff":
            if len(buffer) < start + 2:
                return None
            if buffer[start + 1] not in _HELLO_SIZES:
                raise Unframeable("a greeting of no version that we know")
            return _HELLO_SIZES[buffer[start + 1]]
        case b"[":
            return _package_size(buffer, start)
        case b"$":
            end = buffer.find(b"\n", start, start + _LONGEST_LINE)
            seen = buffer[start : start + len(_LINE)]
            if not _LINE.startswith(seen) or (end < 0 and len(buffer) - start >= _LONGEST_LINE):
                raise Unframeable("no line of $AV here")
            return None if end < 0 else end + 1 - start
    raise Unframeable("no greeting, package or line begins here")


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a tracker said; the second version of the greeting wants to be told the time."""
    match frame[:1]:
        case b"\xff":
            return _greeting(frame, peer, heard_at)
        case b"[":
            return _package(frame, peer)
        case b"$":
            return _line(frame, peer)
    raise Malformed("no greeting, package or line")


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: the maker's own server alone commands over this link."""
    raise Unsupported(
        f"an Arnavi takes no {type(command).__name__} over this connection: "
        "send it an SMS in the words of its manual"
    )


def simulate(message: Message, peer: Peer) -> bytes:
    """A greeting in binary, a report as a line of text. Raises Unsupported."""
    match message:
        case Login(unit_id=name) if name.isdecimal() and int(name) < 1 << 64:
            return b"\xff\x22" + int(name).to_bytes(8, "little")
        case Report() if peer.unit_id:
            return _said(message, peer.unit_id)
    raise Unsupported(f"an Arnavi cannot say {message!r}")


def _package_size(buffer: bytes, start: int) -> int | None:
    """Records follow each other until a closing bracket stands where a kind would."""
    at = start + 2
    while at < len(buffer):
        if buffer[at] == _CLOSED:
            return at + 1 - start
        if len(buffer) < at + 3:
            return None
        at += _RECORD_HEAD.size + int.from_bytes(buffer[at + 1 : at + 3], "little") + 1
        if at - start > _MOST:
            raise Unframeable(f"a package of more than {_MOST} bytes")
    return None


# --- binary ------------------------------------------------------------------------


def _greeting(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    if len(frame) < 10:
        raise Malformed("a greeting without a name")
    name = str(int.from_bytes(frame[2:10], "little"))
    match frame[1]:
        case 0x22:
            ack = b"{\x00\x00}"
        case 0x24:
            ack = b"{}"
        case _:
            clock = int(heard_at.timestamp()).to_bytes(4, "little")
            ack = b"{\x04\x00" + bytes([sum8(clock)]) + clock + b"}"
    return Incoming(messages=(Login(unit_id=name),), ack=ack, peer=peer.named(name))


def _package(frame: bytes, peer: Peer) -> Incoming:
    if len(frame) < 3 or frame[-1] != _CLOSED:
        raise Corrupt("a package without its bracket")
    messages: list[Message] = []
    at, end = 2, len(frame) - 1
    while at < end:
        if end - at < _RECORD_HEAD.size + 1:
            raise Malformed("a record that breaks off")
        kind, size, seconds = _RECORD_HEAD.unpack_from(frame, at)
        body = at + _RECORD_HEAD.size
        if body + size >= end:
            raise Malformed("a record longer than its package")
        if kind == _TAGS:
            messages.append(_report(frame[body : body + size], seconds, peer.settings))
        else:
            messages.append(Unknown(kind=f"record {kind}"))
        at = body + size + 1
    return Incoming(messages=tuple(messages) or (Heartbeat(),), ack=b"{\x00%c}" % frame[1])


def _report(raw: bytes, seconds: int, settings: DeviceSettings) -> Report:
    """One record of tags."""
    at = datetime.fromtimestamp(seconds, UTC)
    tags = dict(_TAG.iter_unpack(raw[: len(raw) // _TAG.size * _TAG.size]))
    readings: Readings = {}
    other: dict[str, object] = {}
    cells: tuple[CellTower, ...] = ()
    signals: frozenset[Signal] = frozenset()
    if 1 in tags:
        readings["battery_v"] = (tags[1] & 0xFFFF) / 1000
        readings["power_v"] = (tags[1] >> 16) / 1000
    if 5 in tags:
        readings["satellites"] = (tags[5] >> 16 & 0x0F) + (tags[5] >> 20 & 0x0F)
    if 151 in tags:
        readings["hdop"] = tags[151] / 100
    if 6 in tags and tags[6] & 0xFF == 1:
        other["inputs"] = inputs = tags[6] >> 8 & 0xFF
        signals = settings.inputs(inputs)
    if 7 in tags and 8 in tags:
        readings["rssi"] = tags[8] & 0xFF
        cell, network = tags[7], tags[8] >> 8
        cells = (
            CellTower(mcc=network & 0xFFFF, mnc=network >> 16, lac=cell >> 16, cid=cell & 0xFFFF),
        )
    if 9 in tags:
        other["status"] = tags[9]
    return Report(
        fix=_tagged_fix(tags, at),
        at=at,
        signals=signals,
        readings=readings,
        cells=cells,
        other=other,
        record=_RECORD_HEAD.pack(_TAGS, len(raw), seconds) + raw,
    )


def _tagged_fix(tags: Mapping[int, int], at: datetime) -> Fix | None:
    """Tags 3 and 4: the place as floating point. 5: course in 2°, 10 m, satellites, knots."""
    if 3 not in tags or 4 not in tags:
        return None
    lat, lon = struct.unpack("<ff", struct.pack("<II", tags[3], tags[4]))
    motion = tags.get(5)
    try:
        return Fix(
            at=at,
            lat=lat,
            lon=lon,
            speed_kmh=None if motion is None else (motion >> 24) * _KMH_PER_KNOT,
            course_deg=None if motion is None else float((motion & 0xFF) * 2),
            altitude_m=None if motion is None else float((motion >> 8 & 0xFF) * 10),
        )
    except ValueError:
        return None


# --- text --------------------------------------------------------------------------

_POWER, _BATTERY, _IGNITION, _INPUTS = 4, 5, 7, 9


def _line(frame: bytes, peer: Peer) -> Incoming:
    """$AV,kind,name, … *sum: a report where it carries a place, else a greeting."""
    said, star, check = frame.strip().removeprefix(b"$").partition(b"*")
    if not star or check.upper() != b"%02X" % xor8(said):
        raise Corrupt("the sum is wrong")
    fields = text(said).split(",")
    if len(fields) < 4 or not fields[2].isalnum():
        raise Malformed("a line without a name")
    peer = peer.named(fields[2])
    place = next((at for at in range(12, len(fields) - 4) if fields[at][-1:] in {"N", "S"}), None)
    message: Message = Login(unit_id=fields[2])
    if place is not None:
        message = _line_report(fields, place, peer.settings)
    return Incoming(messages=(message,), peer=peer)


def _line_report(fields: Sequence[str], place: int, settings: DeviceSettings) -> Report:
    """``place`` is the column of the latitude: the clock before it, knots, course, day behind."""
    readings: Readings = {}
    other: dict[str, object] = {"kind": fields[1]}
    signals: frozenset[Signal] = frozenset()
    if fields[1][1:].isdecimal():
        signals = _read_state(fields, place, readings, other, settings)
    at = _moment(fields[place + 4], fields[place - 1])
    return Report(
        fix=None if at is None else _line_fix(fields, place, at),
        at=at,
        signals=signals,
        readings=readings,
        other=other,
        record=",".join((fields[1], *fields[4 : place + 5])).encode(),
    )


def _read_state(
    fields: Sequence[str],
    place: int,
    readings: Readings,
    other: dict[str, object],
    settings: DeviceSettings,
) -> frozenset[Signal]:
    """Supply, battery, ignition, inputs and satellites of a line whose kind is V and a number."""
    if (power := finite(fields[_POWER])) is not None:
        readings["power_v"] = power / 100
    if (battery := finite(fields[_BATTERY])) is not None:
        readings["battery_v"] = battery / 100
    if fields[_IGNITION] in {"0", "1"}:
        readings["ignition"] = fields[_IGNITION] == "1"
    satellites = _before(fields, place - 1)
    if satellites.isdecimal() and len(satellites) <= 2:
        readings["satellites"] = int(satellites)
    inputs = finite(fields[_INPUTS])
    if inputs is None or not 0 <= inputs < 1 << 16:
        return frozenset()
    other["inputs"] = int(inputs)
    return settings.inputs(int(inputs))


def _before(fields: Sequence[str], at: int) -> str:
    """The nearest column before that one which is not empty."""
    return next((fields[back] for back in range(at - 1, 9, -1) if fields[back]), "")


def _line_fix(fields: Sequence[str], place: int, at: datetime) -> Fix | None:
    lat, lon = _degrees(fields[place], "S"), _degrees(fields[place + 1], "W")
    speed = finite(fields[place + 2])
    if lat is None or lon is None:
        return None
    try:
        return Fix(
            at=at,
            lat=lat,
            lon=lon,
            speed_kmh=None if speed is None else speed * _KMH_PER_KNOT,
            course_deg=finite(fields[place + 3]),
        )
    except ValueError:
        return None


def _degrees(said: str, negative: str) -> float | None:
    """Degrees, two digits of minutes and their fraction, and a letter: 5950.6773N."""
    value = finite(said[:-1])
    if value is None or value < 0:
        return None
    degrees = value // 100 + value % 100 / 60
    return -degrees if said[-1] == negative else degrees


def _moment(day: str, clock: str) -> datetime | None:
    """Day as ddmmyy and clock as hhmmss, in UTC; None if no such moment exists."""
    if len(day) != 6 or len(clock) != 6 or not (day + clock).isdecimal():
        return None
    dd, mm, yy = int(day[:2]), int(day[2:4]), 2000 + int(day[4:])
    try:
        return datetime(yy, mm, dd, int(clock[:2]), int(clock[2:4]), int(clock[4:]), tzinfo=UTC)
    except ValueError:
        return None


def _said(report: Report, name: str) -> bytes:
    """A line of the third version."""
    readings = report.readings
    unsayable = set(readings) - {"power_v", "battery_v", "ignition", "satellites"}
    if report.signals or unsayable or report.fix is None:
        wanted = ", ".join(sorted(report.signals | unsayable)) or "anything without a place"
        raise Unsupported(f"an Arnavi cannot say {wanted}: a button is wired to an input")
    fix = report.fix
    speed = (fix.speed_kmh or 0.0) / _KMH_PER_KNOT
    said = (
        f"AV,V3,{name},1,{readings.get('power_v', 12.0) * 100:.0f},"
        f"{readings.get('battery_v', 4.0) * 100:.0f},-1,{int(readings.get('ignition', False))},0,0,"
        f"0,0,0,0,1,{readings.get('satellites', 9)},{fix.at:%H%M%S},"
        f"{_minutes(fix.lat, 2, 'NS')},{_minutes(fix.lon, 3, 'EW')},"
        f"{speed:.1f},{fix.course_deg or 0.0:.1f},{fix.at:%d%m%y},SF"
    ).encode()
    return b"$%b*%02X\r\n" % (said, xor8(said))


def _minutes(value: float, digits: int, letters: str) -> str:
    """5950.6773N: rounded once, so that no minute is ever 60."""
    ten_thousandths = round(abs(value) * 600_000)
    degrees, rest = divmod(ten_thousandths, 600_000)
    return f"{degrees:0{digits}}{rest // 10_000:02}.{rest % 10_000:04}{letters[value < 0]}"


CODEC = Codec(
    name="arnavi",
    title="Arnavi",
    tells="fixes, supply, battery, ignition, satellites, hdop, towers, inputs; panic inputs",
    port=5100,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"\xff\x22", b"\xff\x23", b"\xff\x24", b"\xff\x25", _PACKAGE, _LINE),
    max_frame=_MOST,
)
