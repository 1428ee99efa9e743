"""Topin / ZhongXun watches, tags and pocket trackers (ZX303, ZX612, TM5 and their like).

See: "ZX303 GPS tracker communication protocol" of ZhongXun Topin. Frames look like GT06 and are
not::

    [ 7878 ][ length ][ kind ][ content ][ 0D0A ]
       2b       1b       1b       …         2b

There is no checksum and no serial number, and the length is counted in another way in nearly
every kind (from it, content or content and kind; in a scan it is the number of Wi-Fi networks),
so each kind says itself where it ends. The unit names itself once (kind 01) and wants most
frames back, cut to kind and time. The SOS (99) is two bytes and says no place.

Codes in a device's settings are ``99`` and the bits of the alarm byte, ``bit 0`` to ``bit 7``.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    Fix,
    Heartbeat,
    Locate,
    Login,
    Message,
    Readings,
    Reboot,
    Report,
    ReportEvery,
    SetSosNumber,
    Signal,
    Unknown,
    WifiNetwork,
)
from protocols.settings import DeviceSettings
from protocols.wire import Reader, Writer

_MARK, _TAIL = b"xx", b"\r\n"
_LOGIN, _BEAT, _GPS, _OLD_GPS, _STATUS, _TIME, _SOS = 0x01, 0x08, 0x10, 0x11, 0x13, 0x30, 0x99
_SCANS = frozenset({0x17, 0x18, 0x19, 0x1A, 0x1B, 0x69})
_OLD_SCANS = frozenset({0x17, 0x19})
_LOGIN_SIZE, _LONGEST = 15, 1024
_DEGREE = 1_800_000
_FIXED, _WEST, _NORTH, _COURSE = 0x1000, 0x0800, 0x0400, 0x03FF
_PLACE = struct.Struct(">6BBIIBH")
_NOTHING: frozenset[Signal] = frozenset()
_ALARMS = (
    (0x01, "bit 0", frozenset({Signal.SHOCK})),
    (0x02, "bit 1", frozenset({Signal.OVERSPEED})),
    (0x10, "bit 4", frozenset({Signal.LOW_POWER})),
    *((1 << bit, f"bit {bit}", _NOTHING) for bit in (2, 3, 5, 6, 7)),
)
_HELP = frozenset({Signal.PANIC})
_REJECTED = _MARK + b"\x01\x44" + _TAIL
_FEWEST_SECONDS, _MOST_SECONDS = 10, 65_535


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: not enough to tell.

    Raises Unframeable where no frame begins, or where none of its possible ends is one.
    """
    seen = buffer[start : start + 4]
    if not _MARK.startswith(seen[:2]) and not seen.startswith(_MARK):
        raise Unframeable("no 7878")
    if len(seen) < 4:
        return None
    length, kind = seen[2], seen[3]
    for size in _sizes(buffer, start, length, kind):
        end = start + size
        if len(buffer) < end:
            return None
        if buffer[end - 2 : end] == _TAIL:
            return size
    raise Unframeable(f"a frame of kind {kind:02x} that does not end")


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame says; ``heard_at`` is what a unit is told that asks for the time."""
    if len(frame) < 6:
        raise Malformed("a frame has six bytes or more")
    kind, content = frame[3], frame[4:-2]
    if kind == _LOGIN:
        name = content[:8].hex()
        if len(content) < 8 or not name.isdecimal():
            raise Malformed("a login without an IMEI")
        unit_id = name.removeprefix("0")
        return Incoming(
            messages=(Login(unit_id=unit_id),),
            ack=frame[:4] + b"\x01" + _TAIL + _time(heard_at),
            refusal=_REJECTED,
            peer=peer.named(unit_id),
        )
    if kind in (_GPS, _OLD_GPS):
        return _with_time(frame, _place(kind, content, peer.settings))
    if kind in _SCANS:
        return _with_time(frame, _scan(frame, peer.settings))
    return _KINDS.get(kind, _unknown)(frame, peer, heard_at)


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported, and says why."""
    del peer
    match command:
        case Locate():
            return _frame(0x80, b"")
        case Reboot():
            return _frame(0x48, b"")
        case ReportEvery(seconds=seconds) if _FEWEST_SECONDS <= seconds <= _MOST_SECONDS:
            return _frame(0x97, seconds.to_bytes(2, "big"))
        case SetSosNumber(index=1 | 2 | 3 as index, phone=phone) if _is_phone(phone):
            return _frame(0x40 + index, phone.encode())
        case ReportEvery():
            raise Unsupported("a Topin reports every 10 to 65535 seconds: choose a number between")
        case SetSosNumber():
            raise Unsupported("a Topin has SOS numbers 1 to 3, of digits with at most a + before")
    raise Unsupported("a Topin device has no word for this command")


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a unit would send. Raises Unsupported for what none can say."""
    del peer
    match message:
        case Login(unit_id=unit_id):
            if not (unit_id.isdecimal() and unit_id.isascii() and len(unit_id) <= 15):
                raise Unsupported("a Topin calls itself by an IMEI of fifteen digits")
            name = bytes.fromhex(unit_id.zfill(16))
            return _MARK + bytes((_LOGIN_SIZE - 2, _LOGIN)) + name + b"\x4d" + _TAIL
        case Heartbeat():
            return _frame(_BEAT, b"")
        case Report():
            return _said(message)
    raise Unsupported("a Topin answers commands with their own frames, without words")


def _sizes(buffer: bytes, start: int, length: int, kind: int) -> tuple[int, ...]:
    """Where a frame of that kind can end, the nearest first; as far as is known by now."""
    if kind in _SCANS:
        return _scan_sizes(buffer, start, length)
    if kind in _SIZES:
        return (_SIZES[kind](length),)
    return (length + 4, length + 5, length + 6) if length > 1 else (length + 5, length + 6)


_SIZES: dict[int, Callable[[int], int]] = {
    _LOGIN: lambda _: _LOGIN_SIZE,
    _GPS: lambda length: length + 6,
    _OLD_GPS: lambda length: length + 6,
    _BEAT: lambda length: length + 5,
}


def _scan_sizes(buffer: bytes, start: int, networks: int) -> tuple[int, ...]:
    """Behind the networks stands how many cells there are; perhaps an alarm ends it all."""
    count = start + 10 + 7 * networks
    if len(buffer) <= count:
        return (count - start + 3,)
    end = 14 + 7 * networks + 5 * buffer[count]
    return (end + 2, end + 3, end + 4) if buffer[count] else (end - 1, end, end + 2, end + 3)


def _time(now: datetime) -> bytes:
    """What time it is: two bytes of year, then month, day, hour, minute and second."""
    utc = now.astimezone(UTC)
    said = (utc.month, utc.day, utc.hour, utc.minute, utc.second)
    return _MARK + b"\x07\x30" + utc.year.to_bytes(2, "big") + bytes(said) + _TAIL


def _with_time(frame: bytes, report: Report) -> Incoming:
    """The answer is the frame without what stands behind its time."""
    return Incoming(messages=(report,), ack=frame[:10] + _TAIL)


def _place(kind: int, content: bytes, settings: DeviceSettings) -> Report:
    """Time, satellites, place, km/h, course and flags; then perhaps altitude and alarm."""
    if len(content) < _PLACE.size:
        raise Malformed("a place that breaks off")
    *when, satellites, lat, lon, speed, flags = _PLACE.unpack_from(content)
    at = _moment(when, settings)
    altitude = None
    signals = _NOTHING
    if len(content) >= _PLACE.size + 3:
        altitude = float(int.from_bytes(content[18:20], "big", signed=True))
        signals = _alarm(content[20], settings)
    fix = None
    if at is not None:
        try:
            fix = Fix(
                at=at,
                lat=lat / _DEGREE if flags & _NORTH else -lat / _DEGREE,
                lon=-lon / _DEGREE if flags & _WEST else lon / _DEGREE,
                valid=bool(flags & _FIXED),
                altitude_m=altitude,
                speed_kmh=float(speed),
                course_deg=float(flags & _COURSE),
            )
        except ValueError:
            fix = None
    return Report(
        at=at,
        fix=fix,
        signals=signals,
        readings={"satellites": satellites & 0x0F},
        buffered=kind == _OLD_GPS,
        record=b"place" + content,
    )


def _scan(frame: bytes, settings: DeviceSettings) -> Report:
    """Time in packed decimal, Wi-Fi networks, how many cells, MCC, MNC, cells, alarm."""
    wire = Reader(frame[4:-2])
    at = _moment([int(f"{part:02x}") for part in _decimal(wire.take(6))], settings)
    wifi = tuple(WifiNetwork(mac=wire.take(6).hex(":"), rssi=-wire.u8()) for _ in range(frame[2]))
    cells = []
    if (count := wire.u8() if wire.remaining else 0) and wire.remaining >= 3:
        mcc, mnc = wire.u16(), wire.u8()
        for _ in range(min(count, wire.remaining // 5)):
            lac, cid, level = wire.u16(), wire.u16(), wire.u8()
            cells.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=-level))
    alarm = wire.rest()[-1:]
    return Report(
        at=at,
        signals=_alarm(alarm[0], settings) if alarm else _NOTHING,
        wifi=wifi,
        cells=tuple(cells),
        buffered=frame[3] in _OLD_SCANS,
        record=b"scan" + frame[4:-2],
    )


def _decimal(raw: bytes) -> bytes:
    """The bytes, if they are packed decimal; month 0, which no clock shows, if they are not."""
    return raw if raw.hex().isdecimal() else bytes(6)


def _moment(when: list[int], settings: DeviceSettings) -> datetime | None:
    """Year since 2000 to second; None if no clock ever showed that."""
    year, month, day, hour, minute, second = when
    try:
        naive = datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 — no zone
    except ValueError:
        return None
    return settings.utc(naive) if settings.time_zone else naive.replace(tzinfo=UTC)


def _alarm(byte: int, settings: DeviceSettings) -> frozenset[Signal]:
    """Every bit of the alarm byte. An alarm none of whose bits is known is UNSPECIFIED."""
    if not byte:
        return _NOTHING
    signals = _NOTHING
    read = False
    for bit, name, usual in _ALARMS:
        if byte & bit and (usual or name in settings.alarms):
            signals |= settings.meaning(name, usual)
            read = True
    return signals if read else frozenset({Signal.UNSPECIFIED})


def _beat(frame: bytes, peer: Peer, _heard_at: datetime) -> Incoming:
    """A heartbeat, or the short place of newer units: degrees, millionths, twice."""
    content = frame[4:-2]
    if len(content) < 6 + 8 + 8 + 3:
        return Incoming(messages=(Heartbeat(),))
    at = _moment(list(content[:6]), peer.settings)
    lat = content[6] + int.from_bytes(content[7:10], "big") / 1e6
    lon = content[10] + int.from_bytes(content[11:14], "big") / 1e6
    speed, course, satellites = content[22:25]
    fix = None
    if at is not None and lat <= 90 and lon <= 180:
        fix = Fix(at=at, lat=lat, lon=lon, speed_kmh=float(speed), course_deg=course * 2.0)
    report = Report(at=at, fix=fix, readings={"satellites": satellites}, record=b"short" + content)
    return Incoming(messages=(report,))


def _status(frame: bytes, _peer: Peer, _heard_at: datetime) -> Incoming:
    """Battery, version, zone, interval, level, charging; the answer is the frame itself."""
    content = frame[4:-2]
    if len(content) < 5:
        return Incoming(messages=(Heartbeat(),), ack=frame)
    readings: Readings = {"battery_pct": content[0], "rssi": content[4]}
    if len(content) > 5:
        readings["charging"] = bool(content[5])
    other: dict[str, object] = {"firmware": content[1], "interval_min": content[3]}
    report = Report(readings=readings, other=other, record=b"status" + content)
    return Incoming(messages=(report,), ack=frame)


def _asks_for_time(_frame: bytes, _peer: Peer, heard_at: datetime) -> Incoming:
    return Incoming(messages=(Heartbeat(),), ack=_time(heard_at))


def _help(frame: bytes, peer: Peer, _heard_at: datetime) -> Incoming:
    """The SOS. It has no time either, so each one that comes is one more."""
    signals = peer.settings.meaning("99", _HELP)
    return Incoming(messages=(Report(signals=signals, record=b"sos" + frame[4:-2]),))


def _unknown(frame: bytes, _peer: Peer, _heard_at: datetime) -> Incoming:
    return Incoming(messages=(Unknown(kind=f"{frame[3]:02x}"),))


_KINDS: dict[int, Callable[[bytes, Peer, datetime], Incoming]] = {
    _BEAT: _beat,
    _STATUS: _status,
    _TIME: _asks_for_time,
    _SOS: _help,
}


def _frame(kind: int, content: bytes) -> bytes:
    return _MARK + bytes((len(content) + 1, kind)) + content + _TAIL


def _is_phone(phone: str) -> bool:
    digits = phone.removeprefix("+")
    return digits.isascii() and digits.isdecimal() and len(digits) <= 20


_BITS = {signal: bit for bit, _, usual in _ALARMS for signal in usual}


def _said(report: Report) -> bytes:
    readings, fix = report.readings, report.fix
    if report.signals == _HELP and fix is None and not readings:
        return _frame(_SOS, b"")
    if fix is None and not report.signals and set(readings) >= {"battery_pct", "rssi"}:
        if set(readings) - {"battery_pct", "rssi", "charging"}:
            raise Unsupported("a Topin tells battery, level and charging, and nothing else")
        state = (round(readings["battery_pct"]), 64, 8, 5, readings["rssi"] & 0xFF)
        return _frame(_STATUS, bytes(state) + bytes((bool(readings.get("charging")), 0, 0, 0)))
    if Signal.PANIC in report.signals:
        raise Unsupported("the SOS of a Topin says no place: simulate it without one")
    if fix is None or set(readings) - {"satellites"}:
        raise Unsupported("a Topin says a place with satellites, or its state, or the SOS")
    if odd := report.signals - _BITS.keys():
        raise Unsupported(f"a Topin has no alarm that means {', '.join(sorted(odd))}")
    at = fix.at.astimezone(UTC)
    flags = round(fix.course_deg or 0) % 360
    flags |= (_NORTH if fix.lat >= 0 else 0) | (_WEST if fix.lon < 0 else 0)
    flags |= _FIXED if fix.valid else 0
    content = (
        Writer()
        .put(bytes((at.year - 2000, at.month, at.day, at.hour, at.minute, at.second)))
        .u8(0x90 | readings.get("satellites", 9) & 0x0F)
        .u32(round(abs(fix.lat) * _DEGREE))
        .u32(round(abs(fix.lon) * _DEGREE))
        .u8(min(round(fix.speed_kmh or 0), 255))
        .u16(flags)
        .i16(round(fix.altitude_m or 0))
        .u8(sum(_BITS[signal] for signal in report.signals))
    )
    kind = _OLD_GPS if report.buffered else _GPS
    return _MARK + bytes((len(content), kind)) + bytes(content) + _TAIL


CODEC = Codec(
    name="topin",
    title="Topin, ZhongXun ZX303 and other watches and tags",
    tells=(
        "fixes, battery, charging, level, Wi-Fi, towers; SOS (without a place), shock, overspeed, "
        "low power, all bits of the alarm byte"
    ),
    port=5199,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(_MARK,),
    max_frame=_LONGEST,
    commands=(Locate, ReportEvery, Reboot, SetSosNumber),
)
