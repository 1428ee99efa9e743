"""The binary ("HEX") form of @Track, which saves half the traffic of the text.

::

    2B 52 53 50 │ 07 │ 00FC1FBF │ 005D │ 45 0102 0209 5632…05 │ 64 377E 42 07 10 01 │ place … │
      "+RSP"     kind   mask     length  model, versions, name  battery, mV, motion, satellites, …
    km, hours, … │ 07E1 08 01 08 24 10 │ 19E1  │ 7EBE │ 0D 0A
                   time of sending       count   CRC

Heads: +RSP and +EVT (+BSP, +BVT: kept for a while), +INF (+BNF), +HBD, +ACK, +CRD (+BRD). Each
bit of the mask adds a group; the place is found from the end, because what stands before it
differs from kind to kind. The name is the IMEI, two digits a byte, or eight letters. The checksum
is CRC-16/IBM-3740 from the kind to the count.

Newer pendants send another form: ``2B 00``, the length, the IMEI in packed decimal, then a place
that says its time, and ``$``. Of that the maker publishes nothing; only the place is read.

What a kind of +RSP and +EVT means is set as ``RSP 5`` or ``EVT 3`` in ``DeviceSettings.alarms``.
A +RSP whose kind is not known to be harmless is an UNSPECIFIED alarm until then.

See: GV200 and GV300 @Track Air Interface Protocol, "HEX format report message", AT+GTHRM.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastcrc.crc16 import ibm_3740

from protocols.codec import Incoming, Peer
from protocols.codecs.gl200.fields import read_state
from protocols.errors import Corrupt, Malformed, Unframeable
from protocols.message import (
    CellTower,
    CommandReply,
    Fix,
    Heartbeat,
    Message,
    Readings,
    Report,
    Signal,
    Unknown,
)
from protocols.wire import Reader, text

HEADS = (b"+RSP", b"+BSP", b"+EVT", b"+BVT", b"+INF", b"+BNF", b"+HBD", b"+ACK", b"+CRD", b"+BRD")
PENDANT = b"+\0"

_BUFFERED = frozenset({b"+BSP", b"+BVT", b"+BNF", b"+BRD"})
_HEAD_SIZE = {
    b"+RSP": (5, 4, 7),
    b"+EVT": (5, 4, 7),
    b"+INF": (5, 2, 0),
    b"+CRD": (5, 2, 0),
    b"+ACK": (5, 1, 0),
    b"+HBD": (4, 1, 0),
}
"""Where the mask begins, how long it is, and which of its bits is the length."""

_SAME = {b"+BSP": b"+RSP", b"+BVT": b"+EVT", b"+BNF": b"+INF", b"+BRD": b"+CRD"}
_END = b"\r\n"
_MOST_PLACES = 15

_FRI, _LBC, _GEO, _ERI, _COMPRESSED = 7, 3, 8, 9, 100
_HARMLESS = frozenset({_FRI, _LBC, _GEO, _ERI, _COMPRESSED})
_EVENTS = {6: Signal.LOW_BATTERY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What every binary frame says of itself; ``at`` is where its own part begins."""

    head: bytes
    kind: int
    mask: int
    unit_id: str
    version: str
    at: int


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the binary frame at ``start``; None: not all there yet. Raises Unframeable."""
    if buffer.startswith(PENDANT, start):
        if len(buffer) - start < 4:
            return None
        size = int.from_bytes(buffer[start + 2 : start + 4], "big")
        if size < 19:
            raise Unframeable("a length that leaves no room for a name")
        return size
    head = buffer[start : start + 4]
    mask_at, mask_size, length_bit = _HEAD_SIZE[_SAME.get(head, head)]
    after = start + mask_at + mask_size
    long = 1 if mask_size == 1 else 2
    if len(buffer) < after + long:
        return None
    mask = int.from_bytes(buffer[start + mask_at : after], "big")
    if mask >> length_bit & 1:
        size = int.from_bytes(buffer[after : after + long], "big")
        if size < mask_at + mask_size + 6:
            raise Unframeable("a length that leaves no room for a frame")
        return size
    return _size_by_end(buffer, start, after)


def decode(frame: bytes, peer: Peer) -> Incoming:
    """What one binary frame said. Raises Malformed, or Corrupt if its checksum is wrong."""
    if frame.startswith(PENDANT):
        return _pendant(frame, peer)
    if frame[-2:] != _END or int.from_bytes(frame[-4:-2], "big") != ibm_3740(frame[4:-4]):
        raise Corrupt("the checksum is wrong")
    names = _names(frame)
    peer = peer.named(names.unit_id) if names.unit_id else peer
    buffered = frame[:4] in _BUFFERED
    messages: tuple[Message, ...]
    ack = b""
    match names.head:
        case b"+RSP" | b"+EVT":
            messages = _reports(frame, names, peer, buffered=buffered)
        case b"+INF":
            messages = (_information(frame, names, buffered=buffered),)
        case b"+HBD":
            messages = (Heartbeat(),)
            count = frame[-6:-4].hex().upper()
            ack = f"+SACK:GTHBD,{names.version},{count}$".encode()
        case b"+ACK":
            messages = (CommandReply(text=f"command {names.kind} carried out"),)
        case _:
            messages = (Unknown(kind=names.head.decode()),)
    return Incoming(messages=messages, ack=ack, peer=peer)


def _size_by_end(buffer: bytes, start: int, after: int) -> int | None:
    """A frame that does not say its length ends where its checksum is right."""
    end = after
    for _ in range(8):
        end = buffer.find(_END, end)
        if end < 0:
            return None
        checked = int.from_bytes(buffer[end - 2 : end], "big")
        if end - 2 > start + 4 and checked == ibm_3740(buffer[start + 4 : end - 2]):
            return end + 2 - start
        end += 1
    raise Unframeable("no end of frame with a right checksum")


def _names(frame: bytes) -> Names:
    head = _SAME.get(frame[:4], frame[:4])
    mask_at, mask_size, length_bit = _HEAD_SIZE[head]
    reader = Reader(frame[:-4])
    reader.take(mask_at)
    mask = int.from_bytes(reader.take(mask_size), "big")
    model, unit = b"", b""
    versions = {"protocol": b"", "firmware": b""}
    # The bits of the length, the model, the two versions, and the kind of name.
    bits = {0: (0, 1, 2, 3, 4), 7: (7, 8, 9, 10, 6)}[length_bit]
    if mask_size == 2:
        bits = (0, 2, 3, 4, 1)
    if mask >> bits[0] & 1:
        reader.take(1 if mask_size == 1 else 2)
    if head == b"+INF":
        unit = reader.take(8)
    model = reader.take(mask >> bits[1] & 1)
    versions["protocol"] = reader.take(2 * (mask >> bits[2] & 1))
    versions["firmware"] = reader.take(2 * (mask >> bits[3] & 1))
    if head not in {b"+INF", b"+HBD"} or (head == b"+HBD" and mask & 0x80):
        unit = reader.take(8)
    return Names(
        head=head,
        kind=frame[4],
        mask=mask,
        unit_id=_unit_id(unit, by_name=bool(mask >> bits[4] & 1)),
        version=(model + versions["protocol"]).hex().upper() if versions["protocol"] else "",
        at=reader.at,
    )


def _unit_id(raw: bytes, *, by_name: bool) -> str:
    """The IMEI, two digits a byte (the fifteenth alone), or the eight letters of a name."""
    if by_name:
        return "".join(c for c in text(raw).strip() if c.isprintable())
    if len(raw) != 8 or max(raw) > 99:
        return ""
    return "".join(f"{pair:02d}" for pair in raw[:7]) + str(raw[7])


# --- places ------------------------------------------------------------------------


def _reports(frame: bytes, names: Names, peer: Peer, *, buffered: bool) -> tuple[Report, ...]:
    readings: Readings = {}
    name = names.head[1:].decode()
    other: dict[str, object] = {"report": f"{name} {names.kind}"}
    inputs, said = _read_device(frame, names, readings, other)
    signals = peer.settings.inputs(inputs >> 1) | _alarm(name, names.kind, peer)
    found, behind, sent_at = _found_places(frame, names, said)
    _read_totals(frame, behind, names.mask, readings, other)
    if not found:
        report = Report(
            at=sent_at,
            signals=signals,
            readings=readings,
            buffered=buffered,
            other=other,
            record=bytes([names.kind]) + frame[names.at : behind],
        )
        return (report,)
    size = _place_size(names.mask)
    reports = []
    for index, raw in enumerate(found, 1):
        last = index == len(found)
        fix, at, hdop, cells = _place(raw, names.mask)
        start = behind - size * (len(found) - index + 1)
        reports.append(
            Report(
                fix=fix,
                at=at,
                signals=signals if last else frozenset(),
                readings={**(readings if last else {}), "hdop": hdop},
                cells=cells,
                buffered=buffered,
                other=other,
                record=bytes([names.kind]) + frame[start : start + size],
            )
        )
    return tuple(reports)


def _alarm(head: str, kind: int, peer: Peer) -> frozenset[Signal]:
    usual: frozenset[Signal] = frozenset()
    if head == "EVT" and kind in _EVENTS:
        usual = frozenset({_EVENTS[kind]})
    elif head == "RSP" and kind not in _HARMLESS:
        usual = frozenset({Signal.UNSPECIFIED})
    return peer.settings.meaning(f"{head} {kind}", usual)


def _read_device(
    frame: bytes, names: Names, readings: Readings, other: dict[str, object]
) -> tuple[int, int]:
    """Battery, supply, analogues, inputs and outputs, motion, satellites.

    Answers the inputs, and where what is special to the kind begins.
    """
    reader, mask, inputs = Reader(frame[names.at : -4]), names.mask, 0
    if mask >> 11 & 1:
        readings["battery_pct"] = min(reader.u8(), 100)
    if mask >> 12 & 1:
        readings["power_v"] = reader.u16() / 1000
    for index in range(3):
        if mask >> (13 + index) & 1:
            other[f"analogue{index + 1}_v"] = reader.u16() / 1000
    if mask >> 16 & 1:
        other["inputs"] = inputs = reader.u8()
    if mask >> 17 & 1:
        other["outputs"] = reader.u8()
    if mask >> 18 & 1:
        read_state(f"{reader.u8():02X}", readings)
    if mask >> 19 & 1:
        readings["satellites"] = reader.u8()
    return inputs, names.at + reader.at


def _found_places(
    frame: bytes, names: Names, said: int
) -> tuple[list[bytes], int, datetime | None]:
    """The raw places, the offset behind the last of them, and the time of sending.

    The number stands right before the first: the one count that agrees with itself. An extended
    report has more behind its places, and its own mask, type and number before them.
    """
    mask = names.mask
    behind = len(frame) - 4 - 2 * (mask >> 5 & 1)
    sent_at = None
    if mask >> 4 & 1:
        behind -= 7
        sent_at = _moment(frame[behind : behind + 7])
    behind -= sum(size for bit, size in _TOTALS if mask >> bit & 1)
    size = _place_size(mask)
    if behind <= names.at:
        raise Malformed("shorter than its mask says")
    if names.head == b"+RSP" and names.kind == _ERI:
        start = said + 6
        count = frame[start - 1] if start < behind else 0
        if 0 < count <= _MOST_PLACES and start + count * size <= behind:
            places = [frame[start + size * n : start + size * (n + 1)] for n in range(count)]
            return places, start + count * size, sent_at
    for count in range(1, _MOST_PLACES + 1):
        start = behind - count * size
        if start <= names.at:
            break
        if frame[start - 1] == count:
            return (
                [frame[start + size * n : start + size * (n + 1)] for n in range(count)],
                behind,
                sent_at,
            )
    return [], behind, sent_at


_TOTALS = ((20, 3), (21, 5), (22, 3), (23, 6))
"""The last distance, the whole one, the last hours, all hours: mask bits and bytes."""


def _place_size(mask: int) -> int:
    return 16 + 3 * (mask & 1) + 2 * (mask >> 1 & 1) + 2 * (mask >> 2 & 1) + 9 * (mask >> 3 & 1)


def _place(
    raw: bytes, mask: int
) -> tuple[Fix | None, datetime | None, float, tuple[CellTower, ...]]:
    """Accuracy, speed (whole and tenths), course, altitude, place, time and cell."""
    reader = Reader(raw)
    hdop = reader.u8()
    speed = reader.u16() + reader.u8() / 10 if mask & 1 else None
    course = reader.u16() if mask >> 1 & 1 else None
    altitude = reader.i16() if mask >> 2 & 1 else None
    lon, lat = reader.i32() / 1e6, reader.i32() / 1e6
    at = _moment(reader.take(7))
    cells: tuple[CellTower, ...] = ()
    if mask >> 3 & 1:
        mcc, mnc, lac, cid = reader.u16(), reader.u16(), reader.u16(), reader.u16()
        cells = (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),)
    if at is None:
        return None, None, float(hdop), cells
    try:
        fix = Fix(
            at=at,
            lat=lat,
            lon=lon,
            valid=hdop > 0,
            speed_kmh=speed,
            course_deg=course,
            altitude_m=altitude,
        )
    except ValueError:
        return None, at, float(hdop), cells
    return fix, at, float(hdop), cells


def _read_totals(
    frame: bytes, at: int, mask: int, readings: Readings, other: dict[str, object]
) -> None:
    if mask >> 20 & 1:
        at += 3
    if mask >> 21 & 1:
        whole, tenths = struct.unpack_from(">IB", frame, at)
        readings["odometer_m"] = float(whole * 1000 + tenths * 100)
        at += 5
    if mask >> 22 & 1:
        at += 3
    if mask >> 23 & 1:
        hours, minutes, seconds = struct.unpack_from(">IBB", frame, at)
        other["engine_hours"] = round(hours + minutes / 60 + seconds / 3600, 4)


def _moment(raw: bytes) -> datetime | None:
    """Two bytes of year, then month, day, hour, minute, second; None if there is no such time."""
    if len(raw) != 7:
        return None
    month, day, hour, minute, second = raw[2:]
    try:
        return datetime(int.from_bytes(raw[:2]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


# --- information ------------------------------------------------------------------

_VERSIONS, _WIRES, _POSITIONING = 1 << 8, 1 << 9, 1 << 10


def _information(frame: bytes, names: Names, *, buffered: bool) -> Report:
    """+INF: versions, then motion and satellites; groups of unknown length end the reading."""
    readings: Readings = {}
    other: dict[str, object] = {"report": f"INF {names.kind}"}
    reader = Reader(frame[names.at : -4])
    if names.mask & _VERSIONS:
        other["hardware"], other["mcu"] = reader.take(2).hex(), reader.take(2).hex()
        reader.take(2)
    if names.mask & _POSITIONING and not names.mask & _WIRES:
        read_state(f"{reader.u8():02X}", readings)
        readings["satellites"] = reader.u8()
    sent = frame[-13:-6] if names.mask >> 6 & 1 else frame[-11:-4]
    return Report(
        at=_moment(sent),
        readings=readings,
        buffered=buffered,
        other=other,
        record=b"INF" + frame[names.at : -13],
    )


# --- newer pendants -----------------------------------------------------------------

_AROUND = timedelta(days=366)
_SEARCHED = 128
_PLACE = struct.Struct(">iiI")
_MOTION = struct.Struct(">HBH")


def _pendant(frame: bytes, peer: Peer) -> Incoming:
    """The name, and the first place whose time is near the time of the frame."""
    if len(frame) < 19 or frame[-1:] != b"$":
        raise Corrupt("no $ at the end")
    digits = frame[5:13].hex()
    if not digits.isdecimal():
        raise Malformed("the IMEI is not in decimal")
    peer = peer.named(digits[1:])
    written = frame[13:-4]
    at = _instant(int.from_bytes(written[7:11], "big")) if len(written) > 11 else None
    for start in range(11, min(len(written) - 20, _SEARCHED)):
        lon, lat, seconds = _PLACE.unpack_from(written, start)
        fixed_at = _instant(seconds)
        if at is None or fixed_at is None or abs(fixed_at - at) > _AROUND:
            continue
        if abs(lat) <= 90_000_000 and abs(lon) <= 180_000_000:
            return Incoming(messages=(_pendant_report(written, start, fixed_at),), peer=peer)
    return Incoming(messages=(Unknown(kind="00"),), peer=peer)


def _pendant_report(written: bytes, start: int, at: datetime) -> Report:
    lon, lat, _ = _PLACE.unpack_from(written, start)
    speed, hdop, course = _MOTION.unpack_from(written, start + 12)
    altitude = int.from_bytes(written[start + 17 : start + 20], "big", signed=True)
    return Report(
        fix=Fix(
            at=at,
            lat=lat / 1e6,
            lon=lon / 1e6,
            speed_kmh=speed / 10,
            course_deg=float(course),
            altitude_m=altitude / 10,
        ),
        at=at,
        readings={"hdop": hdop / 10, "satellites": written[start + 20]},
        other={"report": "00"},
        record=written[start : start + 21],
    )


def _instant(seconds: int) -> datetime | None:
    """A moment since 2010; None for a number that is no time of a report."""
    return datetime.fromtimestamp(seconds, UTC) if seconds > 1_262_304_000 else None
