"""Castel: IDD plugs for the vehicle's computer, HT and PT trackers.

See: Castel "IDD series communication protocol" and "MPIP protocol". Little endian, but
for the kind::

    40 40  size  version  name        kind  content  crc16 x25  0D 0A      size: the whole frame
    2      2     1        20, ASCII   2     …        2          2
    24 24  size           name        kind  content  crc16 x25  0D 0A      the oldest, no version

Most contents begin with the state of the vehicle, and go on with counted places::

    ignition since  now  metres  trip  fuel  fuel now  state  again
    4               4    4       4     4     2         4      8
    day month year  hour minute second  lat/3.6e6  lon/3.6e6  cm/s  course/10  flags
    1   1     1     1    1      1       4          4          2     2          1

Flags: 1 east, 2 north, 4 and 8 located, the rest counts satellites. An alarm (4007) ends with
counted ``begins(1) code(1) value(2) limit(2)``; the codes are those of the settings: ``10`` SOS.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime

from protocols.checksum import crc16_x25
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Custom,
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
from protocols.wire import Reader, text

_SHORT, _OLD, _TAIL = b"@@", b"$$", b"\r\n"
_IDD, _MPIP = 4, 12
_NAME = 20
_SMALLEST_SHORT, _SMALLEST_OLD = 31, 30
_LARGEST = 2048

_LOGIN, _LOGOUT, _HEARTBEAT, _PLACES, _ALARM = 0x1001, 0x1002, 0x1003, 0x4001, 0x4007
_COMPREHENSIVE, _ANSWER, _OLD_LOGIN, _MPIP_STATE = 0x401F, 0xA002, 0x2001, 0x4206

_STATE = struct.Struct("<IIIIIHI8x")
_PLACE = struct.Struct("<6BIIHHB")
_IGNITION = 1 << 18
_SECOND = 3_600_000

_ALARMS = {
    0x01: Signal.OVERSPEED,
    0x02: Signal.LOW_POWER,
    0x03: Signal.TEMPERATURE,
    0x04: Signal.HARSH_ACCELERATION,
    0x05: Signal.HARSH_BRAKING,
    0x06: Signal.IDLE,
    0x07: Signal.TOW,
    0x09: Signal.POWERED_ON,
    0x0B: Signal.HARSH_CORNERING,
    0x0C: Signal.HARSH_CORNERING,
    0x0D: Signal.FATIGUE_DRIVING,
    0x0E: Signal.POWERED_OFF,
    0x0F: Signal.ZONE_ALERT,
    0x10: Signal.PANIC,
    0x11: Signal.CRASH,
    0x12: Signal.TAMPER,
    0x14: Signal.IGNITION,
    0x18: Signal.FAULT,
    0x1C: Signal.SHOCK,
}
_CODES = {signal: code for code, signal in reversed(_ALARMS.items())}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: its size has not come yet."""
    head = buffer[start : start + 4]
    if not _SHORT.startswith(head[:2]) and not _OLD.startswith(head[:2]):
        raise Unframeable("neither @@ nor $$")
    if len(head) < 4:
        return None
    size = int.from_bytes(head[2:], "little")
    if size < (_SMALLEST_SHORT if head[:2] == _SHORT else _SMALLEST_OLD):
        raise Unframeable(f"{size} bytes leave no room for a name and a kind")
    return size


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a frame said. Raises Corrupt if its checksum is wrong, Malformed if it breaks off.

    ``heard_at`` is told to a device that logs in.
    """
    if len(frame) < _SMALLEST_OLD or frame[-2:] != _TAIL:
        raise Corrupt("no 0D0A at the end")
    if crc16_x25(frame[:-4]) != int.from_bytes(frame[-4:-2], "little"):
        raise Corrupt("the checksum does not match")
    old = frame[:2] == _OLD
    name_at = 4 if old else 5
    if not old and len(frame) < _SMALLEST_SHORT:
        raise Malformed("no room for a kind")
    name = frame[name_at : name_at + _NAME]
    kind = int.from_bytes(frame[name_at + _NAME : name_at + _NAME + 2], "big")
    content = frame[name_at + _NAME + 2 : -4]
    speaker = peer.named(text(name).strip())
    if old:
        messages, ack = _oldest(kind, content, name)
    elif frame[4] == _MPIP:
        messages, ack = _mpip(kind, content, name)
    else:
        known = _KINDS.get(kind, _unknown)
        messages = known(kind, content, speaker)
        ack = _answer(kind, content, frame[4], name, heard_at)
    return Incoming(messages=messages, ack=ack, peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries Custom: kind and content in hexadecimal. Raises Unsupported."""
    if not isinstance(command, Custom):
        raise Unsupported(
            f"Castel devices have no {type(command).__name__} in common: send kind and content "
            "in hexadecimal as Custom"
        )
    try:
        said = bytes.fromhex(command.text)
    except ValueError:
        said = b""
    if len(said) < 2:
        raise Unsupported("Custom is two bytes of kind and the content, in hexadecimal")
    return _seal(_IDD, _wire_name(peer.unit_id), said)


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a Castel device would send. Raises Unsupported for what it cannot say."""
    match message:
        case Login(unit_id=unit_id):
            said = _kind(_LOGIN) + bytes(_STATE.size) + b"\0"
            return _seal(_IDD, _wire_name(unit_id), said)
        case Heartbeat():
            said = _kind(_HEARTBEAT)
        case Report(fix=fix, signals=signals):
            said = _said_report(message)
            if not signals and fix is None:
                raise Unsupported("a report of a Castel device has a place or an alarm")
        case _:
            raise Unsupported(f"a Castel device cannot say {message!r}")
    return _seal(_IDD, _wire_name(peer.unit_id), said)


def _seal(version: int | None, name: bytes, said: bytes) -> bytes:
    head = b"" if version is None else bytes((version,))
    size = 4 + len(head) + len(name) + len(said) + 4
    whole = _SHORT + size.to_bytes(2, "little") + head + name + said
    return whole + crc16_x25(whole).to_bytes(2, "little") + _TAIL


def _kind(kind: int) -> bytes:
    return kind.to_bytes(2, "big")


def _answer(kind: int, content: bytes, version: int, name: bytes, heard_at: datetime) -> bytes:
    """A login hears the time, a heartbeat and an alarm that they were kept; the rest nothing."""
    if kind == _LOGIN:
        now = int(heard_at.timestamp()).to_bytes(4, "little")
        return _seal(version, name, _kind(0x9001) + b"\xff" * 4 + bytes(2) + now)
    if kind == _HEARTBEAT:
        return _seal(version, name, _kind(0x9003))
    if kind == _ALARM:
        return _seal(version, name, _kind(0xC007) + content[:4])
    return b""


def _oldest(kind: int, content: bytes, name: bytes) -> tuple[tuple[Message, ...], bytes]:
    """$$: a login with a place behind nine bytes, or a place."""
    rest = Reader(content)
    if kind == _OLD_LOGIN:
        rest.take(9)
        said = _kind(_LOGIN) + bytes(4) + b"\xff" * 8
        return (_place(rest, {}, {}, content),), _seal(None, name, said)
    if kind == _PLACES:
        return (_place(rest, {}, {}, content),), _seal(0xFF, name, _kind(_PLACES))
    return (Unknown(kind=f"$$ {kind:04x}"),), b""


def _mpip(kind: int, content: bytes, name: bytes) -> tuple[tuple[Message, ...], bytes]:
    """PT trackers: a place, then ``state(4) battery(1) metres(4) ?(3) area(2) cell(2)``."""
    ack = _seal(_MPIP, name, _kind(kind + 0x4000)) if 0x4000 <= kind < 0x8000 else b""
    if kind not in (_PLACES, _MPIP_STATE):
        return (Unknown(kind=f"MPIP {kind:04x}"),), ack
    rest = Reader(content)
    if kind == _MPIP_STATE:
        rest.take(1)
        if rest.u8() == 0:
            return (Heartbeat(),), ack
    place = rest.take(_PLACE.size)
    other: dict[str, object] = {"state": rest.u32le()}
    readings: Readings = {"battery_v": float(rest.u8()), "odometer_m": float(rest.u32le())}
    cells: tuple[CellTower, ...] = ()
    if rest.remaining >= 7:
        rest.take(3)
        cells = (CellTower(mcc=0, mnc=0, lac=rest.u16le(), cid=rest.u16le()),)
    return (_place(Reader(place), readings, other, content, cells=cells),), ack


# --- kinds of IDD ----------------------------------------------------------------------


def _login(_kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    rest = Reader(content)
    readings, other, _ = _state(rest)
    places = _places(rest, readings, other, content)
    return places or (Login(unit_id=peer.unit_id),)


def _logout(_kind: int, content: bytes, _peer: Peer) -> tuple[Message, ...]:
    rest = Reader(content)
    readings, other, _ = _state(rest)
    return _places(rest, readings, other, content) or (Heartbeat(),)


def _counted_places(_kind: int, content: bytes, _peer: Peer) -> tuple[Message, ...]:
    """4001: ``late(1)``, the state, places."""
    rest = Reader(content)
    late = rest.u8() == 1
    readings, other, _ = _state(rest)
    said = content[1:]
    return _places(rest, readings, other, said, buffered=late) or (Heartbeat(),)


def _comprehensive(_kind: int, content: bytes, _peer: Peer) -> tuple[Message, ...]:
    """401F: ``late(1) serial(4)``, the state, places, then ``id(2) size(2) value`` …"""
    rest = Reader(content)
    late = rest.u8() == 1
    rest.take(4)
    readings, other, _ = _state(rest)
    places = _counted(rest)
    while rest.remaining >= 4:
        key, size = rest.u16le(), rest.u16le()
        value = int.from_bytes(rest.take(min(size, rest.remaining)), "little")
        if key == 0x0010:
            other["device_c"] = value / 10
        elif key == 0x0021:
            readings["battery_v"] = value / 100
    said = content[5:]
    return _places(Reader(places), readings, other, said, buffered=late) or (Heartbeat(),)


def _asleep(_kind: int, content: bytes, _peer: Peer) -> tuple[Message, ...]:
    """4009: ``now(4)`` and a place, counted or not."""
    rest = Reader(content)
    rest.take(4)
    if rest.remaining > _PLACE.size:
        return _places(rest, {}, {}, content) or (Heartbeat(),)
    return (_place(rest, {}, {}, content),)


def _asked_place(_kind: int, content: bytes, _peer: Peer) -> tuple[Message, ...]:
    """B001: ``serial(2)`` of the question, the state, places."""
    rest = Reader(content)
    rest.take(2)
    readings, other, _ = _state(rest)
    return _places(rest, readings, other, content[2:]) or (Heartbeat(),)


def _vehicle(kind: int, content: bytes, _peer: Peer) -> tuple[Message, ...]:
    """4002, 4005, 4006, 400B: the state of the vehicle, and what its computer says."""
    rest = Reader(content)
    readings, other, at = _state(rest)
    faults = rest.rest()
    if kind == 0x400B and len(faults) >= 2:
        codes = (faults[place : place + 2] for place in range(2, len(faults) - 1, 4))
        other["faults"] = [f"P{int.from_bytes(code, 'little'):04X}" for code in codes]
    return (Report(at=at, readings=readings, other=other, record=_kind_of(kind, content)),)


def _alarm(_kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    """4007: ``serial(4)``, the state, places, alarms. An alarm needs no place to be one."""
    rest = Reader(content)
    rest.take(4)
    readings, other, at = _state(rest)
    said = content[4:]
    placed = _counted(rest)
    signals: frozenset[Signal] = frozenset()
    codes: list[int] = []
    for _ in range(rest.u8() if rest.remaining else 0):
        if rest.remaining < 2:
            break
        begins, code = rest.u8(), rest.u8()
        rest.take(min(4, rest.remaining))
        codes.append(code)
        if begins:
            signals |= _meaning(code, peer.settings)
    other["alarms"] = codes
    places = _places(Reader(placed), readings, other, said, signals=signals)
    if places or not signals:
        return places or (Heartbeat(),)
    return (Report(at=at, signals=signals, readings=readings, other=other, record=said),)


def _meaning(code: int, settings: DeviceSettings) -> frozenset[Signal]:
    known = _ALARMS.get(code)
    return settings.meaning(f"{code:02x}", frozenset({known} if known else ()))


def _reply(_kind: int, content: bytes, _peer: Peer) -> tuple[Message, ...]:
    """A002: ``serial(2) ?(4) [id(2) …]``; one text with its size says itself."""
    size = int.from_bytes(content[8:10], "little")
    words = content[10 : 10 + size]
    plain = text(words) if size and len(words) == size and words.isascii() else content.hex()
    return (CommandReply(text=plain),)


def _nothing(_kind: int, _content: bytes, _peer: Peer) -> tuple[Message, ...]:
    return (Heartbeat(),)


def _unknown(kind: int, _content: bytes, _peer: Peer) -> tuple[Message, ...]:
    return (Unknown(kind=f"{kind:04x}"),)


def _kind_of(kind: int, content: bytes) -> bytes:
    return _kind(kind) + content


def _state(rest: Reader) -> tuple[Readings, dict[str, object], datetime]:
    _, now, odometer, trip, fuel, _, state = _STATE.unpack(rest.take(_STATE.size))
    readings: Readings = {"odometer_m": float(odometer), "ignition": bool(state & _IGNITION)}
    other: dict[str, object] = {"trip_m": trip, "fuel_used": fuel / 100, "state": state}
    return readings, other, datetime.fromtimestamp(now, UTC)


def _places(
    rest: Reader,
    readings: Readings,
    other: dict[str, object],
    record: bytes,
    *,
    signals: frozenset[Signal] = frozenset(),
    buffered: bool = False,
) -> tuple[Report, ...]:
    """Counted places; an alarm belongs to the last."""
    count = rest.u8() if rest.remaining else 0
    found = []
    for number in range(1, count + 1):
        if rest.remaining < _PLACE.size:
            break
        last = number == count
        place = Reader(rest.take(_PLACE.size))
        said = record if count == 1 else record + bytes((number,))
        found.append(
            _place(
                place,
                readings,
                other,
                said,
                signals=signals if last else frozenset(),
                buffered=buffered,
            )
        )
    return tuple(found)


def _counted(rest: Reader) -> bytes:
    """The count of places and the places, as far as they go."""
    count = rest.peek(1)[0] if rest.remaining else 0
    return rest.take(min(1 + _PLACE.size * count, rest.remaining))


def _place(
    rest: Reader,
    readings: Readings,
    other: dict[str, object],
    record: bytes,
    *,
    signals: frozenset[Signal] = frozenset(),
    buffered: bool = False,
    cells: tuple[CellTower, ...] = (),
) -> Report:
    day, month, year, hour, minute, second, lat, lon, speed, course, flags = _PLACE.unpack(
        rest.take(_PLACE.size)
    )
    said = readings.copy()
    said["satellites"] = flags >> 4
    fix, at = None, None
    try:
        at = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
        fix = Fix(
            at=at,
            lat=(lat if flags & 2 else -lat) / _SECOND,
            lon=(lon if flags & 1 else -lon) / _SECOND,
            valid=bool(flags & 0x0C),
            speed_kmh=speed * 0.036,
            course_deg=course / 10,
        )
    except ValueError:
        pass  # A month 13 or a place that is not on Earth: what else was said stands.
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=said,
        cells=cells,
        buffered=buffered,
        other=other,
        record=record,
    )


def _wire_name(unit_id: str) -> bytes:
    name = unit_id.encode()
    if not name or len(name) > _NAME:
        raise Unsupported("a Castel device is called by one to twenty letters")
    return name.ljust(_NAME, b"\0")


def _said_report(report: Report) -> bytes:
    """4001, or 4007 with one alarm."""
    fix = report.fix
    at = report.at or (fix.at if fix else datetime(2020, 1, 1, tzinfo=UTC))
    readings = report.readings
    state = _STATE.pack(
        0,
        int(at.timestamp()),
        round(readings.get("odometer_m", 0)),
        0,
        0,
        0,
        _IGNITION if readings.get("ignition") else 0,
    )
    places = b"\0" if fix is None else b"\1" + _packed_place(fix, readings.get("satellites", 8))
    if not report.signals:
        return _kind(_PLACES) + bytes((report.buffered,)) + state + places
    (signal, *others) = sorted(report.signals)
    if others or signal not in _CODES:
        raise Unsupported("a Castel device tells of one alarm that it knows")
    return _kind(_ALARM) + bytes(4) + state + places + bytes((1, 1, _CODES[signal])) + bytes(4)


def _packed_place(fix: Fix, satellites: int) -> bytes:
    at = fix.at.astimezone(UTC)
    flags = (fix.lon >= 0) | (fix.lat >= 0) << 1 | (0x0C if fix.valid else 0)
    return _PLACE.pack(
        at.day,
        at.month,
        at.year - 2000,
        at.hour,
        at.minute,
        at.second,
        round(abs(fix.lat) * _SECOND),
        round(abs(fix.lon) * _SECOND),
        round((fix.speed_kmh or 0) / 0.036),
        round((fix.course_deg or 0) * 10) % 3600,
        flags | min(satellites, 15) << 4,
    )


_KINDS: dict[int, Callable[[int, bytes, Peer], tuple[Message, ...]]] = {
    _LOGIN: _login,
    _LOGOUT: _logout,
    _HEARTBEAT: _nothing,
    _PLACES: _counted_places,
    0x4002: _vehicle,
    0x4003: _nothing,
    0x4004: _nothing,
    0x4005: _vehicle,
    0x4006: _vehicle,
    _ALARM: _alarm,
    0x4009: _asleep,
    0x400B: _vehicle,
    0xB001: _asked_place,
    _COMPREHENSIVE: _comprehensive,
    _ANSWER: _reply,
}

CODEC = Codec(
    name="castel",
    title="Castel IDD plugs, HT and PT trackers",
    tells=(
        "fixes, ignition, mileage, fuel used, faults, battery; SOS, crash, tow and all else "
        "from the alarm code"
    ),
    port=5086,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(_SHORT, _OLD),
    max_frame=_LARGEST,
    commands=(Custom,),
)
