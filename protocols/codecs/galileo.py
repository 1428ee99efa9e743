"""Galileosky: boxes in lorries and machines, also over Iridium.

See: "Galileosky Protocol" and "Compressed data" in the maker's user manuals; for Iridium the
"Iridium Short Burst Data Service Developers Guide". Little-endian, the checksum Modbus::

    [ 01 ][ length ][ tag value, tag value … ][ crc ]      answered  02 crc
     1b      2b                                 2b
    [ 07 ][ length ][ part of a photo ][ crc ]             answered  07 crc
    [ 08 ][ length ][ minimal set, tags, values … ][ crc ] answered  02 crc
    [ 01 ][ length ][ 01 header ][ 03 place ][ 02 tags ]   Iridium, big-endian, not answered

The highest bit of a length says that more waits in the box. Tags come in rising order, so one
that comes again begins the next record. A box names itself (03) in the first packet only. Which
input is a panic button is set on the box and in ``panic_inputs``. Alarm codes of the settings
are ``status`` and a bit of tag 40, from ``status0`` to ``status15``, which is the box's alarm.
"""

import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from protocols.checksum import crc16_modbus
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Login,
    Message,
    Readings,
    Reboot,
    Report,
    Signal,
    Unknown,
)
from protocols.wire import Reader, Writer, text

_TAGS, _PHOTO, _COMPRESSED = 0x01, 0x07, 0x08
_IRIDIUM_MARK = b"\x01\x00\x1c"
_MORE_WAITS = 0x8000

_IMEI, _BOX, _NUMBER, _TIME, _PLACE, _MOTION, _HEIGHT = 0x03, 0x04, 0x10, 0x20, 0x30, 0x33, 0x34
_HDOP, _STATUS, _MAINS, _BATTERY, _INPUTS, _CAN, _ODOMETER = (
    0x35,
    0x40,
    0x41,
    0x42,
    0x46,
    0xC1,
    0xD4,
)
_FUEL_USED, _DEVICE_WARM = 0xC0, 0x43
_REPLY, _ARRAY, _EXTENDED = 0xE1, 0xEA, 0xFE
# What says who the box is and what it answers, but nothing of the road.
_ABOUT_ITSELF = frozenset({0x01, 0x02, _IMEI, _BOX, _NUMBER, 0xE0, _REPLY})

_SIZES: Mapping[int, int] = {
    0x01: 1,
    0x02: 1,
    _IMEI: 15,
    _BOX: 2,
    _NUMBER: 2,
    _TIME: 4,
    0x21: 2,
    _PLACE: 9,
    _MOTION: 4,
    _HEIGHT: 2,
    _HDOP: 1,
    _STATUS: 2,
    _MAINS: 2,
    _BATTERY: 2,
    0x43: 1,
    0x44: 4,
    0x45: 2,
    _INPUTS: 2,
    0x47: 4,
    0x48: 2,
    0x49: 1,
    **dict.fromkeys(range(0x50, 0x5A), 2),
    0x5A: 4,
    0x5C: 68,
    0x5D: 3,
    **dict.fromkeys(range(0x60, 0x63), 2),
    **dict.fromkeys(range(0x63, 0x70), 3),
    **dict.fromkeys(range(0x70, 0x80), 2),
    **dict.fromkeys(range(0x80, 0x88), 3),
    **dict.fromkeys(range(0x88, 0x8D), 1),
    0x90: 4,
    **dict.fromkeys(range(0xA0, 0xB0), 1),
    **dict.fromkeys(range(0xB0, 0xBA), 2),
    **dict.fromkeys(range(0xC0, 0xC4), 4),
    **dict.fromkeys(range(0xC4, 0xD3), 1),
    0xD3: 4,
    _ODOMETER: 4,
    0xD5: 1,
    **dict.fromkeys(range(0xD6, 0xDB), 2),
    **dict.fromkeys(range(0xDB, 0xE1), 4),
    **dict.fromkeys(range(0xE2, 0xEA), 4),
    **dict.fromkeys(range(0xF0, 0xFA), 4),
}
_NAMES: Mapping[int, str] = {
    0x01: "hardware",
    0x02: "firmware",
    _BOX: "box",
    _NUMBER: "number",
    _STATUS: "status",
    0x44: "acceleration",
    0x45: "outputs",
    _INPUTS: "inputs",
    0x47: "eco_drive",
    0x48: "extended_status",
    **{0x50 + at: f"adc{at}" for at in range(8)},
    0x58: "rs232_0",
    0x59: "rs232_1",
    0x90: "ibutton",
    0xC2: "can_b0",
    0xC3: "can_b1",
    0xD3: "ibutton2",
    **{0xA0 + at: f"can_8bit_{at + 15}" for at in range(16)},
    **{0xB0 + at: f"can_16bit_{at + 5}" for at in range(10)},
    **{0xC4 + at: f"can_8bit_{at}" for at in range(15)},
    **{0xD6 + at: f"can_16bit_{at}" for at in range(5)},
    **{0xDB + at: f"can_32bit_{at}" for at in range(5)},
    **{0xE2 + at: f"user_{at}" for at in range(8)},
    **{0xF0 + at: f"can_32bit_{at + 5}" for at in range(10)},
}
_PLACE_OF = struct.Struct("<Bii")
_MOTION_OF = struct.Struct("<HH")
_WARM = frozenset({_DEVICE_WARM, *range(0x70, 0x78)})
_ENGINE_BIT, _ALARM_BIT = 9, 15
_MINIMAL = 10

Record = dict[int, bytes]


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the packet at ``start``; None: not all there yet."""
    head = buffer[start]
    if head not in {_TAGS, _PHOTO, _COMPRESSED}:
        raise Unframeable("no packet begins with that byte")
    if len(buffer) - start < 6:
        return None
    if head == _TAGS and buffer[start + 3 : start + 6] == _IRIDIUM_MARK:
        return 3 + int.from_bytes(buffer[start + 1 : start + 3], "big")
    length = int.from_bytes(buffer[start + 1 : start + 3], "little")
    return 5 + (length & ~_MORE_WAITS)


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one packet means. Raises Corrupt if its checksum is wrong.

    ``heard_at`` gives compressed records their year.
    """
    if frame[3:6] == _IRIDIUM_MARK and frame[0] == _TAGS:
        return _iridium(frame, peer, heard_at)
    if len(frame) < 5 or crc16_modbus(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
        raise Corrupt("the checksum is wrong")
    content, crc = frame[3:-2], frame[-2:]
    if frame[0] == _PHOTO:
        return Incoming(messages=(Unknown(kind="photo"),), ack=b"\x07" + crc)
    if frame[0] == _COMPRESSED:
        reports = tuple(_compressed(content, peer, heard_at))
        return Incoming(messages=reports, ack=b"\x02" + crc)
    messages, named = _told(content, peer)
    return Incoming(messages=messages, ack=b"\x02" + crc, peer=named)


def encode(command: Command, peer: Peer) -> bytes:
    """A packet with the words of a command. Raises Unsupported, and says why."""
    match command:
        case Reboot():
            words = "reset"
        case Custom(text=words) if words.isascii() and 0 < len(words) < 256:
            pass
        case _:
            raise Unsupported("a Galileosky is told by Custom in its own words, such as Out 0,1")
    if len(peer.unit_id) != _SIZES[_IMEI] or not peer.unit_id.isascii():
        raise Unsupported("a Galileosky obeys only its own IMEI: it has not told us one yet")
    named = Writer().u8(_IMEI).text(peer.unit_id).u8(_BOX).u16le(0)
    return _sealed(bytes(named.u8(0xE0).u32(0).u8(_REPLY).u8(len(words)).text(words)))


def simulate(message: Message, peer: Peer) -> bytes:
    """The packet a box would send. Raises Unsupported."""
    match message:
        case Login(unit_id=unit_id) if len(unit_id) == _SIZES[_IMEI] and unit_id.isdecimal():
            head = Writer().u8(0x01).u8(1).u8(0x02).u8(1).u8(_IMEI).text(unit_id)
            return _sealed(bytes(head.u8(_BOX).u16le(0)))
        case CommandReply(text=words) if words.isascii() and len(words) < 256:
            return _sealed(bytes(Writer().u8(0xE0).u32(0).u8(_REPLY).u8(len(words)).text(words)))
        case Report():
            return _sealed(_said(message, peer))
    raise Unsupported(f"a Galileosky cannot say {message!r}")


def _sealed(content: bytes) -> bytes:
    packet = bytes(Writer().u8(_TAGS).u16le(len(content)).put(content))
    return packet + crc16_modbus(packet).to_bytes(2, "little")


# --- tags -----------------------------------------------------------------------


def _told(content: bytes, peer: Peer) -> tuple[tuple[Message, ...], Peer]:
    """Every record of a packet, and who says so."""
    messages: list[Message] = []
    for record in _records(content):
        if _IMEI in record:
            peer = peer.named(text(record[_IMEI]))
        messages += _meanings(record, peer)
    if not messages:
        messages.append(Login(unit_id=peer.unit_id) if peer.unit_id else Heartbeat())
    return tuple(messages), peer


def _records(content: bytes) -> Iterator[Record]:
    """The values by tag, record by record. What follows a tag we do not know stays unread."""
    record: Record = {}
    at, end = 0, len(content)
    while at < end:
        tag = content[at]
        size = _SIZES.get(tag)
        at += 1
        if size is None:
            if tag in {_REPLY, _ARRAY} and at < end:
                size = content[at]
                at += 1
            elif tag == _EXTENDED and at + 2 <= end:
                size = int.from_bytes(content[at : at + 2], "little")
                at += 2
            else:
                break
        if at + size > end:
            raise Malformed(f"tag {tag:02x} wants {size} bytes, {end - at} left")
        if tag in record:
            yield record
            record = {}
        record[tag] = content[at : at + size]
        at += size
    if record:
        yield record


def _meanings(record: Record, peer: Peer) -> Iterator[Message]:
    if record.keys() - _ABOUT_ITSELF:
        yield _report(record, peer)
    if _REPLY in record:
        yield CommandReply(text=text(record[_REPLY]))


def _report(record: Record, peer: Peer, at: datetime | None = None) -> Report:
    if _TIME in record:
        at = datetime.fromtimestamp(_number(record, _TIME), UTC)
    return Report(
        fix=None if at is None or _PLACE not in record else _fix(at, record),
        at=at,
        signals=_signals(record, peer),
        readings=_readings(record),
        other=_other(record),
        record=b"".join(bytes((tag,)) + value for tag, value in record.items()),
    )


def _readings(record: Record) -> Readings:
    readings: Readings = {}
    if _MAINS in record:
        readings["power_v"] = _number(record, _MAINS) / 1000
    if _BATTERY in record:
        readings["battery_v"] = _number(record, _BATTERY) / 1000
    if _HDOP in record:
        readings["hdop"] = record[_HDOP][0] / 10
    if _ODOMETER in record:
        readings["odometer_m"] = _number(record, _ODOMETER)
    if _PLACE in record:
        readings["satellites"] = record[_PLACE][0] & 0x0F
    if _STATUS in record:
        readings["ignition"] = bool(_number(record, _STATUS) >> _ENGINE_BIT & 1)
    if _CAN in record:
        readings["fuel"] = record[_CAN][0] * 0.4
    return readings


def _other(record: Record) -> dict[str, object]:
    said: dict[str, object] = {
        name: _number(record, tag) for tag in record if (name := _NAMES.get(tag))
    }
    if _CAN in record:
        can = record[_CAN]
        said |= {"coolant_c": can[1] - 40, "rpm": int.from_bytes(can[2:], "little") * 0.125}
    if _FUEL_USED in record:
        said["fuel_used_l"] = _number(record, _FUEL_USED) / 2
    for tag in record.keys() & _WARM:
        name = "device_c" if tag == _DEVICE_WARM else f"temp{tag - 0x70}"
        said[name] = int.from_bytes(record[tag][-1:], "little", signed=True)
    return said


def _number(record: Record, tag: int) -> int:
    return int.from_bytes(record[tag], "little")


def _fix(at: datetime, record: Record) -> Fix | None:
    """The place; None if it is not one. The upper half of the first byte is 0 for a true fix."""
    quality, lat, lon = _PLACE_OF.unpack(record[_PLACE])
    if abs(lat) > 90_000_000 or abs(lon) > 180_000_000:
        return None
    speed, course = _MOTION_OF.unpack(record[_MOTION]) if _MOTION in record else (None, None)
    height = record.get(_HEIGHT)
    return Fix(
        at=at,
        lat=lat / 1e6,
        lon=lon / 1e6,
        valid=quality >> 4 == 0,
        speed_kmh=None if speed is None else speed / 10,
        course_deg=None if course is None else course / 10,
        altitude_m=None if height is None else int.from_bytes(height, "little", signed=True),
    )


def _signals(record: Record, peer: Peer) -> frozenset[Signal]:
    status = _number(record, _STATUS) if _STATUS in record else 0
    found = peer.settings.inputs(_number(record, _INPUTS)) if _INPUTS in record else frozenset()
    for bit in range(16) if peer.settings.alarms else (_ALARM_BIT,):
        if status >> bit & 1:
            usual = frozenset({Signal.UNSPECIFIED}) if bit == _ALARM_BIT else frozenset[Signal]()
            found |= peer.settings.meaning(f"status{bit}", usual)
    return found


# --- compressed -----------------------------------------------------------------


def _compressed(content: bytes, peer: Peer, heard_at: datetime) -> Iterator[Report]:
    """Minimal sets of ten bytes; the first is followed by a list of the tags that all carry."""
    frame = Reader(content)
    tags: bytes | None = None
    while frame.remaining >= _MINIMAL:
        start = frame.at
        minimal = frame.take(_MINIMAL)
        if tags is None:
            tags = frame.take(frame.u8() & 0x7F) if frame.remaining else b""
        record: Record = {}
        for tag in tags:
            if tag not in _SIZES:
                raise Malformed(f"tag {tag:02x} has no size of its own")
            record[tag] = frame.take(_SIZES[tag])
        yield _unpacked(minimal, record, peer, heard_at, content[start : frame.at])


def _unpacked(
    minimal: bytes, record: Record, peer: Peer, heard_at: datetime, said: bytes
) -> Report:
    """A minimal set: a spare bit, 25 of seconds in the year, validity, longitude, latitude, alarm.

    The year is ours, or last year's where that would lie ahead.
    """
    bits = int.from_bytes(minimal, "big")
    seconds = bits >> 54 & 0x1FFFFFF
    year = heard_at.astimezone(UTC).year
    at = datetime(year, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    if at > heard_at + timedelta(days=1):
        at = datetime(year - 1, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    report = _report(record, peer, at)
    place = Fix(
        at=report.at or at,
        lon=360 * (bits >> 31 & 0x3FFFFF) / 4194304 - 180,
        lat=180 * (bits >> 10 & 0x1FFFFF) / 2097152 - 90,
        valid=not bits >> 53 & 1,
    )
    alarm = frozenset({Signal.UNSPECIFIED}) if bits >> 9 & 1 else frozenset[Signal]()
    return Report(
        fix=report.fix or place,
        at=report.at,
        signals=report.signals | alarm,
        readings=report.readings,
        other={**report.other, "user_tag": bits & 0x1FF},
        record=said,
    )


# --- Iridium --------------------------------------------------------------------


def _iridium(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """A mobile-originated message of the satellite gateway, with tags in its payload."""
    reader = Reader(frame[3:])
    sent_at: datetime | None = None
    rough: bytes = b""
    payload: bytes = b""
    while reader.remaining >= 3:
        kind, element = reader.u8(), Reader(reader.take(reader.u16()))
        match kind:
            case 0x01:
                element.take(4)
                peer = peer.named(element.text(_SIZES[_IMEI]))
                element.take(5)
                sent_at = datetime.fromtimestamp(element.u32(), UTC)
            case 0x02:
                payload = element.rest()
            case 0x03:
                rough = element.rest()
    if peer.settings.flag("compressed", usual=False):
        return Incoming(messages=tuple(_compressed(payload, peer, heard_at)), peer=peer)
    messages, peer = _told(payload, peer)
    if rough and sent_at is not None and not any(_has_place(said) for said in messages):
        whereabouts = Report(fix=_rough_fix(sent_at, rough), at=sent_at, record=rough)
        return Incoming(messages=(*messages, whereabouts), peer=peer)
    return Incoming(messages=messages, peer=peer)


def _has_place(said: Message) -> bool:
    return isinstance(said, Report) and said.fix is not None


def _rough_fix(at: datetime, rough: bytes) -> Fix | None:
    """Where the satellites believe the modem to be: never a fix, and kilometres wide."""
    frame = Reader(rough)
    flags = frame.u8()
    lat, lon = (frame.u8() + frame.u16() / 60_000 for _ in range(2))
    if lat > 90 or lon > 180:
        return None
    return Fix(
        at=at,
        lat=-lat if flags & 0x02 else lat,
        lon=-lon if flags & 0x01 else lon,
        valid=False,
        accuracy_m=frame.u32() * 1000.0 if frame.remaining >= 4 else None,
    )


# --- simulation -----------------------------------------------------------------


def _said(report: Report, peer: Peer) -> bytes:
    """The tags of a report. An alarm is the box's own; a panic is the input that is set as one."""
    readings = report.readings
    if unsayable := set(readings) - _SAYABLE:
        raise Unsupported(f"a Galileosky cannot say {', '.join(sorted(unsayable))}")
    if report.signals - {Signal.UNSPECIFIED, Signal.PANIC}:
        raise Unsupported(f"a Galileosky cannot say {', '.join(sorted(report.signals))}")
    said = Writer().u8(_BOX).u16le(0)
    if (at := report.at or (report.fix.at if report.fix else None)) is not None:
        said.u8(_TIME).u32le(int(at.timestamp()))
    if report.fix is not None:
        said.put(_said_place(report.fix, readings.get("satellites", 8)))
    if "hdop" in readings:
        said.u8(_HDOP).u8(round(readings["hdop"] * 10))
    alarm = Signal.UNSPECIFIED in report.signals
    said.u8(_STATUS)
    said.u16le(bool(readings.get("ignition")) << _ENGINE_BIT | alarm << _ALARM_BIT)
    if "power_v" in readings:
        said.u8(_MAINS).u16le(round(readings["power_v"] * 1000))
    if "battery_v" in readings:
        said.u8(_BATTERY).u16le(round(readings["battery_v"] * 1000))
    if Signal.PANIC in report.signals:
        said.u8(_INPUTS).u16le(1 << _panic_input(peer) - 1)
    if "odometer_m" in readings:
        said.u8(_ODOMETER).u32le(round(readings["odometer_m"]))
    return bytes(said)


def _said_place(fix: Fix, satellites: int) -> bytes:
    quality = (0 if fix.valid else 0x10) | min(satellites, 15)
    said = Writer().u8(_PLACE)
    said.put(_PLACE_OF.pack(quality, round(fix.lat * 1e6), round(fix.lon * 1e6)))
    said.u8(_MOTION)
    said.put(_MOTION_OF.pack(round((fix.speed_kmh or 0) * 10), round((fix.course_deg or 0) * 10)))
    return bytes(
        said.u8(_HEIGHT).put(round(fix.altitude_m or 0).to_bytes(2, "little", signed=True))
    )


def _panic_input(peer: Peer) -> int:
    if not peer.settings.panic_inputs:
        raise Unsupported("a Galileosky has no SOS of its own: say which input is one")
    return min(peer.settings.panic_inputs)


_SAYABLE = frozenset({"power_v", "battery_v", "hdop", "odometer_m", "satellites", "ignition"})


CODEC = Codec(
    name="galileo",
    title="Galileosky",
    tells=(
        "fixes, mains, battery, odometer, CAN, thermometers, iButton, inputs, Iridium; "
        "the box's alarm, a panic button on the input that is set"
    ),
    port=5034,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=33_000,
    commands=(Reboot, Custom),
    options={"compressed": "over Iridium the box sends minimal sets and not plain tags"},
)
