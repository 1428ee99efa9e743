"""Tags and their values: which are how long, and what a record of them tells.

See: "Galileosky Protocol", table of tags. Tags come in rising order, so one that comes again
begins the next record.
"""

import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from protocols.codec import Peer
from protocols.errors import Malformed
from protocols.message import CommandReply, Fix, Heartbeat, Login, Message, Readings, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import text

IMEI, BOX, NUMBER, TIME, PLACE, MOTION, HEIGHT = 0x03, 0x04, 0x10, 0x20, 0x30, 0x33, 0x34
HDOP, STATUS, MAINS, BATTERY, INPUTS, _CAN, ODOMETER = (
    0x35,
    0x40,
    0x41,
    0x42,
    0x46,
    0xC1,
    0xD4,
)
_FUEL_USED, _DEVICE_WARM = 0xC0, 0x43
REPLY, _ARRAY, _EXTENDED = 0xE1, 0xEA, 0xFE
# What says who the box is and what it answers, but nothing of the road.
_ABOUT_ITSELF = frozenset({0x01, 0x02, IMEI, BOX, NUMBER, 0xE0, REPLY})

SIZES: Mapping[int, int] = {
    0x01: 1,
    0x02: 1,
    IMEI: 15,
    BOX: 2,
    NUMBER: 2,
    TIME: 4,
    0x21: 2,
    PLACE: 9,
    MOTION: 4,
    HEIGHT: 2,
    HDOP: 1,
    STATUS: 2,
    MAINS: 2,
    BATTERY: 2,
    0x43: 1,
    0x44: 4,
    0x45: 2,
    INPUTS: 2,
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
    ODOMETER: 4,
    0xD5: 1,
    **dict.fromkeys(range(0xD6, 0xDB), 2),
    **dict.fromkeys(range(0xDB, 0xE1), 4),
    **dict.fromkeys(range(0xE2, 0xEA), 4),
    **dict.fromkeys(range(0xF0, 0xFA), 4),
}
_NAMES: Mapping[int, str] = {
    0x01: "hardware",
    0x02: "firmware",
    BOX: "box",
    NUMBER: "number",
    STATUS: "status",
    0x44: "acceleration",
    0x45: "outputs",
    INPUTS: "inputs",
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
PLACE_OF = struct.Struct("<Bii")
MOTION_OF = struct.Struct("<HH")
_WARM = frozenset({_DEVICE_WARM, *range(0x70, 0x78)})
ENGINE_BIT, ALARM_BIT = 9, 15
Record = dict[int, bytes]
"""The values of one record by their tags."""


def told(content: bytes, peer: Peer) -> tuple[tuple[Message, ...], Peer]:
    """Every record of a packet, and who says so."""
    messages: list[Message] = []
    for record in _records(content):
        if IMEI in record:
            peer = peer.named(text(record[IMEI]))
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
        size = SIZES.get(tag)
        at += 1
        if size is None:
            if tag in {REPLY, _ARRAY} and at < end:
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
        yield report(record, peer)
    if REPLY in record:
        yield CommandReply(text=text(record[REPLY]))


def report(record: Record, peer: Peer, at: datetime | None = None) -> Report:
    """What a record says; ``at`` where it names no time itself."""
    if TIME in record:
        at = datetime.fromtimestamp(_number(record, TIME), UTC)
    return Report(
        fix=None if at is None or PLACE not in record else _fix(at, record),
        at=at,
        signals=_signals(record, peer),
        readings=_readings(record),
        other=_other(record),
        record=b"".join(bytes((tag,)) + value for tag, value in record.items()),
    )


def _readings(record: Record) -> Readings:
    readings: Readings = {}
    if MAINS in record:
        readings["power_v"] = _number(record, MAINS) / 1000
    if BATTERY in record:
        readings["battery_v"] = _number(record, BATTERY) / 1000
    if HDOP in record:
        readings["hdop"] = record[HDOP][0] / 10
    if ODOMETER in record:
        readings["odometer_m"] = _number(record, ODOMETER)
    if PLACE in record:
        readings["satellites"] = record[PLACE][0] & 0x0F
    if STATUS in record:
        readings["ignition"] = bool(_number(record, STATUS) >> ENGINE_BIT & 1)
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
    quality, lat, lon = PLACE_OF.unpack(record[PLACE])
    if abs(lat) > 90_000_000 or abs(lon) > 180_000_000:
        return None
    speed, course = MOTION_OF.unpack(record[MOTION]) if MOTION in record else (None, None)
    height = record.get(HEIGHT)
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
    status = _number(record, STATUS) if STATUS in record else 0
    found = peer.settings.inputs(_number(record, INPUTS)) if INPUTS in record else frozenset()
    for bit in range(16) if peer.settings.alarms else (ALARM_BIT,):
        if status >> bit & 1:
            if bit == ALARM_BIT:
                found |= alarm_of(peer.settings)
            else:
                found |= peer.settings.meaning(f"status{bit}", frozenset())
    return found


def alarm_of(settings: DeviceSettings) -> frozenset[Signal]:
    """What the alarm of the box says, whose button may be whatever was wired to it."""
    return settings.meaning(f"status{ALARM_BIT}", frozenset({Signal.UNSPECIFIED}))
