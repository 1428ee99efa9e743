"""Jointech asset trackers and electronic seals: JT600, JT606, JT701 and their sensors.

See: Jointech "JT600 GPRS protocol", "The protocol of JT701 product" V2 and V3.

Positions are binary, in packed decimal; everything else is text between brackets. The older
units (version and kind share a byte, 27 bytes a record, the index behind what length counts)
and the seals (a whole byte for the version, the index inside)::

    24 │ 4081118888 │ 2 1 │ 001b │ 090609080453 22564025 113242329 f 05 98 … │ ab
       │ unit id    │ │ kind     │ ddmmyyhhmmss ddmmmmmm dddmmmmmm │ │  course, halved
       │            version     length                             │ knots     index
    24 │ 8043396604 │ 01 │ 1 1 │ 0027 │ 180319191958 … odometer sats id status battery … │ c7
    (3301210003,U06,1,040812,185302,T,22.564025,N,113.242329,E,5,152,9,32%,00000000000011,…)

The digit behind the longitude: bit 0 a valid fix, bit 1 north, bit 2 east. A digit above nine
counts all the same: 1f knots are 25.

Alarm codes for the settings: ``seal:4`` for bit 4 of a seal's status, ``status:17`` for bit 17
of the status of version 2, ``U06:1`` for event 1 of that text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Immobilise,
    Message,
    Mobilise,
    Readings,
    Reboot,
    Report,
    SetTimezone,
    Signal,
    Unknown,
)
from protocols.nmea import KMH_OF_A_KNOT, moment, number
from protocols.settings import DeviceSettings
from protocols.wire import Writer, text

_KMH_OF_A_MILE = 1.609344
_VALID, _NORTH, _EAST = 1, 2, 4
_PLACE = 15  # time, latitude, longitude
_RECORD = 27
_SMALLEST_SEAL = 34
_LATEST, _BUFFERED_KINDS = 0x19, frozenset({3, 4})
_SENSOR = b",WLNET,5,"
_SENSOR_BYTES = 40

_SEAL_SIGNALS = {
    1: Signal.ZONE_ENTERED,
    2: Signal.ZONE_LEFT,
    3: Signal.TAMPER,
    4: Signal.SHOCK,
    8: Signal.DOOR_OPENED,
    9: Signal.TAMPER,
    10: Signal.TAMPER,
    11: Signal.LOW_BATTERY,
    12: Signal.TAMPER,
    14: Signal.FAULT,
}
_SEAL_WANTS_ANSWER, _SEAL_LOCKED = 1 << 5, 1 << 7
_CHARGING = 0xFF

# As field units show them; no other bit of this status has been seen set by itself.
_STATUS_SIGNALS = {17: (Signal.TOW,), 20: (Signal.OVERSPEED, Signal.ANTENNA_CUT)}
_STATUS_CHARGING, _STATUS_CUT, _STATUS_IGNITION, _STATUS_DOOR = 1 << 0, 1 << 11, 1 << 24, 1 << 25


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the frame that starts there; None: need more."""
    mark = buffer[start : start + 1]
    if mark == b"$":
        if len(buffer) - start < 10:
            return None
        if _is_seal(buffer, start):
            return 10 + int.from_bytes(buffer[start + 8 : start + 10], "big")
        return 10 + int.from_bytes(buffer[start + 7 : start + 9], "big")
    if mark != b"(":
        raise Unframeable("neither $ nor a bracket")
    sensor = buffer.find(_SENSOR, start, start + 40)
    least = start
    if sensor >= 0:
        comma = buffer.find(b",", sensor + len(_SENSOR))
        if comma < 0:
            return None
        least = comma + 1 + _SENSOR_BYTES
    end = buffer.find(b")", least)
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Malformed for one that is shorter than it says."""
    del heard_at
    if frame[:1] == b"(":
        return _words(frame, peer)
    unit_id = frame[1:6].hex()
    if len(frame) < 10 or not unit_id.isdecimal():
        raise Malformed("no $, ten digits and a length")
    speaker = peer.named(unit_id)
    if _is_seal(frame, 0):
        return _seal(frame, speaker)
    version, kind = frame[6] >> 4, frame[6] & 0x0F
    read = _VERSIONS.get(version)
    body = frame[9:-1]
    if read is None or len(body) % _RECORD:
        return Incoming(messages=(Unknown(kind=f"{frame[6]:02x}"),), peer=speaker)
    records = (body[at : at + _RECORD] for at in range(0, len(body), _RECORD))
    return Incoming(
        messages=tuple(_report(record, speaker.settings, kind, read) for record in records),
        peer=speaker,
    )


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``; it names no unit. Raises Unsupported."""
    del peer
    match command:
        case Immobilise():
            return b"(S07,0)"
        case Mobilise():
            return b"(S07,1)"
        case Reboot():
            return b"(S17)"
        case SetTimezone(minutes=minutes):
            return b"(S09,1,%d)" % minutes
        case Custom(text=words) if words and not set(words) & set("()\r\n\0"):
            return b"(%b)" % words.encode()
    raise Unsupported("a Jointech unit has no such command here: try Custom, such as P02")


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame that an electronic seal would send. Raises Unsupported."""
    unit_id = peer.unit_id[-10:]
    if not (unit_id.isascii() and unit_id.isdecimal()):
        raise Unsupported("a Jointech unit is called by ten digits: give the peer such a unit_id")
    match message:
        case Heartbeat():
            return b"(%b,@JT)" % unit_id.encode()
        case Report(fix=Fix() as fix):
            return _said(message, fix, unit_id.zfill(10))
    raise Unsupported("a Jointech unit says heartbeats and fixes, nothing else")


def _is_seal(frame: bytes, start: int) -> bool:
    """Seals have a kind of 11 hex and more where the others have the length's high byte."""
    return frame[start + 7] >= 0x10


def _place(record: bytes, settings: DeviceSettings) -> tuple[Fix | None, datetime | None]:
    """Time, place, speed and course in the first 17 bytes."""
    digits = record[:_PLACE].hex()
    at = moment(digits[:6], digits[6:12], settings)
    if at is None or not digits[12:29].isdecimal():
        return None, at
    flags = record[14] & 0x0F
    lat = int(digits[12:14]) + int(digits[14:20]) / 600_000
    lon = int(digits[20:23]) + int(digits[23:29]) / 600_000
    knots = (record[15] >> 4) * 10 + (record[15] & 0x0F)
    try:
        fix = Fix(
            at=at,
            lat=lat if flags & _NORTH else -lat,
            lon=lon if flags & _EAST else -lon,
            valid=bool(flags & _VALID),
            speed_kmh=knots * KMH_OF_A_KNOT,
            course_deg=record[16] * 2.0,
        )
    except ValueError:
        return None, at
    return fix, at


def _cells(lac: int, cid: int, rssi: int) -> tuple[CellTower, ...]:
    return (CellTower(mcc=0, mnc=0, lac=lac, cid=cid, rssi=-rssi),) if lac or cid else ()


Rest = tuple[frozenset[Signal], Readings, tuple[CellTower, ...], dict[str, object]]
"""What a record says besides its place."""


def _first_version(rest: bytes, _settings: DeviceSettings) -> Rest:
    """Satellites, supply, status, (altitude,) cell, level."""
    readings: Readings = {"satellites": rest[0], "power_v": rest[1]}
    cells = _cells(int.from_bytes(rest[7:9], "big"), int.from_bytes(rest[5:7], "big"), rest[9])
    if not cells:
        readings["rssi"] = rest[9]
    return frozenset(), readings, cells, {"status": rest[2]}


def _second_version(rest: bytes, settings: DeviceSettings) -> Rest:
    """Fuel (high byte), status, odometer in km, fuel (low byte)."""
    status = int.from_bytes(rest[1:5], "big")
    readings: Readings = {
        "odometer_m": int.from_bytes(rest[5:9], "big") * 1000.0,
        "fuel": rest[0] << 8 | rest[9],
        "charging": bool(status & _STATUS_CHARGING),
        "immobilised": bool(status & _STATUS_CUT),
        "ignition": bool(status & _STATUS_IGNITION),
    }
    signals = _meanings("status", _bits(status), _STATUS_SIGNALS, settings)
    return signals, readings, (), {"door_open": bool(status & _STATUS_DOOR), "status": status}


def _third_version(rest: bytes, _settings: DeviceSettings) -> Rest:
    """Three fuel gauges, odometer in km, status."""
    status = int.from_bytes(rest[7:10], "big")
    readings: Readings = {
        "odometer_m": int.from_bytes(rest[3:7], "big") * 1000.0,
        "ignition": bool(status & 1),
    }
    other: dict[str, object] = {f"fuel_{at}": rest[at - 1] for at in (1, 2, 3)}
    return frozenset(), readings, (), {**other, "status": status}


_VERSIONS: dict[int, Callable[[bytes, DeviceSettings], Rest]] = {
    1: _first_version,
    2: _second_version,
    3: _third_version,
}


def _report(
    record: bytes,
    settings: DeviceSettings,
    kind: int,
    read: Callable[[bytes, DeviceSettings], Rest],
) -> Report:
    """One record of 27 bytes. Altitude is told by version 1 only."""
    fix, at = _place(record, settings)
    signals, readings, cells, other = read(record[17:], settings)
    if fix is not None and read is _first_version:
        fix = _with_altitude(fix, int.from_bytes(record[20:22], "big"))
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        cells=cells,
        buffered=kind in _BUFFERED_KINDS,
        other=other,
        record=record,
    )


def _with_altitude(fix: Fix, altitude_m: float) -> Fix:
    return Fix(
        at=fix.at,
        lat=fix.lat,
        lon=fix.lon,
        valid=fix.valid,
        altitude_m=altitude_m,
        speed_kmh=fix.speed_kmh,
        course_deg=fix.course_deg,
    )


def _bits(status: int) -> Iterable[int]:
    """The numbers of the bits that are set."""
    while status:
        lowest = status & -status
        yield lowest.bit_length() - 1
        status ^= lowest


def _meanings(
    family: str,
    codes: Iterable[int],
    usual: Mapping[int, tuple[Signal, ...]],
    settings: DeviceSettings,
) -> frozenset[Signal]:
    found: set[Signal] = set()
    for code in codes:
        found |= settings.meaning(f"{family}:{code}", frozenset(usual.get(code, ())))
    return frozenset(found)


def _seal(frame: bytes, speaker: Peer) -> Incoming:
    """Odometer in km, satellites, bound id, status, battery, cell, lac, level, … index."""
    body = frame[10:]
    if len(body) < _SMALLEST_SEAL:
        raise Malformed(f"a seal says {_SMALLEST_SEAL} bytes and more, not {len(body)}")
    fix, at = _place(body, speaker.settings)
    status = int.from_bytes(body[26:28], "big")
    readings: Readings = {
        "odometer_m": int.from_bytes(body[17:21], "big") * 1000.0,
        "satellites": body[21],
        "immobilised": bool(status & _SEAL_LOCKED),
    }
    if body[28] == _CHARGING:
        readings["charging"] = True
    else:
        readings["battery_pct"] = body[28]
    report = Report(
        fix=fix,
        at=at,
        signals=_meanings("seal", _bits(status), _SEAL_MEANINGS, speaker.settings),
        readings=readings,
        cells=_cells(
            int.from_bytes(body[31:33], "big"), int.from_bytes(body[29:31], "big"), body[33]
        ),
        buffered=frame[7] & 0x0F in _BUFFERED_KINDS,
        other={"status": status, "bound_id": body[22:26].hex()},
        record=body[:-1],
    )
    return Incoming(messages=(report,), ack=_seal_answer(frame, status), peer=speaker)


_SEAL_MEANINGS = {bit: (signal,) for bit, signal in _SEAL_SIGNALS.items()}


def _seal_answer(frame: bytes, status: int) -> bytes:
    if not status & _SEAL_WANTS_ANSWER:
        return b""
    return b"(P69,0,%d)" % frame[-1] if frame[6] >= _LATEST else b"(P35)"


def _words(frame: bytes, peer: Peer) -> Incoming:
    """``(unit id,kind,fields)``."""
    unit, _, rest = frame[1:-1].partition(b",")
    unit_id = text(unit)
    if not unit_id.isalnum() or len(unit_id) > 20:
        raise Malformed("no unit id behind the bracket")
    speaker = peer.named(unit_id)
    if rest.startswith(b"@"):
        return Incoming(messages=(Heartbeat(),), peer=speaker)
    if (sensor := frame.find(_SENSOR, 0, 40)) >= 0:
        return Incoming(messages=(_sensor(frame, sensor, speaker.settings),), peer=speaker)
    words = text(rest)
    fields = words.split(",")
    kind = fields[0]
    if kind == "P45":
        return _seal_event(fields, rest, speaker)
    if kind[:1] == "U" and len(fields) >= 17:
        return _position(fields, rest, speaker)
    if kind[:1] in ("S", "P") and kind[1:].isdecimal():
        return Incoming(messages=(CommandReply(text=words),), peer=speaker)
    return Incoming(messages=(Unknown(kind=kind[:20]),), peer=speaker)


def _written_place(
    fields: Sequence[str], settings: DeviceSettings, kmh: float
) -> tuple[Fix | None, datetime | None]:
    """Date, clock, then latitude, N, longitude, E, speed and course at 3, 4, 5, 6, 7, 8."""
    at = moment(fields[0], fields[1], settings)
    if at is None:
        return None, None
    speed = number(fields[7])
    try:
        lat, lon = float(fields[3]), float(fields[5])
        fix = Fix(
            at=at,
            lat=-lat if fields[4] == "S" else lat,
            lon=-lon if fields[6] == "W" else lon,
            valid=fields[2] in ("T", "A"),
            speed_kmh=None if speed is None else speed * kmh,
            course_deg=number(fields[8]),
        )
    except ValueError:
        return None, at
    return fix, at


def _position(fields: list[str], rest: bytes, speaker: Peer) -> Incoming:
    """U01, U02, U03 and, with an event before the date, U06."""
    kind = fields[0]
    event = fields.pop(1) if kind == "U06" else ""
    # Satellites, battery, status and what follows stand behind kind, date … course.
    satellites, battery, bits, cid, lac, level, *left = fields[10:]
    fix, at = _written_place(fields[1:10], speaker.settings, _KMH_OF_A_MILE)
    readings: Readings = {}
    if satellites.isdecimal():
        readings["satellites"] = int(satellites[:3])
    if (battery_pct := number(battery.removesuffix("%"))) is not None:
        readings["battery_pct"] = battery_pct
    if left and (km := number(left[0])) is not None:
        readings["odometer_m"] = km * 1000
    other: dict[str, object] = {"status": int(bits[:32] or "0", 2)}
    if event:
        other["event"] = event[:8]
    report = Report(
        fix=fix,
        at=at,
        signals=speaker.settings.meaning(f"U06:{event}", frozenset()) if event else frozenset(),
        readings=readings,
        cells=_cells(int(lac[:9]), int(cid[:9]), int(level[:4])),
        other=other,
        record=rest,
    )
    answer = b"(S20)" if kind == "U06" else b"(S39)"
    return Incoming(messages=(report,), ack=answer, peer=speaker)


def _seal_event(fields: list[str], rest: bytes, speaker: Peer) -> Incoming:
    """P45: a card, a password or a command at the lock. Event, check, card, password … index."""
    if len(fields) < 17:
        raise Malformed(f"a P45 wants 17 fields, not {len(fields)}")
    _, day, clock, lat, north, lon, east, state, knots, course, event, check, card = fields[:13]
    place = (day, clock, state, lat, north, lon, east, knots, course)
    fix, at = _written_place(place, speaker.settings, KMH_OF_A_KNOT)
    readings: Readings = {}
    if card.strip("0"):
        readings["driver_id"] = card[:20]
    report = Report(
        fix=fix,
        at=at,
        signals=speaker.settings.meaning(f"P45:{event}", frozenset()),
        readings=readings,
        other={"event_source": event[:8], "unlock_check": check[:8]},
        record=rest,
    )
    index = fields[15][:10]
    answer = b"(P69,0,%b)" % index.encode() if index.isdecimal() else b""
    return Incoming(messages=(report,), ack=answer, peer=speaker)


def _sensor(frame: bytes, at_kind: int, settings: DeviceSettings) -> Report:
    """A sensor of the seal: the seal's place, the sensor's clock, name and measurements."""
    start = frame.index(b",", at_kind + len(_SENSOR)) + 1
    body = frame[start : start + _SENSOR_BYTES]
    if len(body) < _SENSOR_BYTES:
        raise Malformed("a sensor says forty bytes")
    fix, at = _place(body, settings)
    return Report(
        fix=fix,
        at=at,
        other={
            "sensor_id": body[23:28].hex(),
            "sensor_battery_v": int.from_bytes(body[29:31], "big") / 100,
            "sensor_battery_pct": body[31],
            "sensor_rssi": -body[32],
            "temperature_c": int.from_bytes(body[34:36], "big", signed=True) / 10,
            "humidity_pct": body[36],
        },
        record=body,
    )


def _said(report: Report, fix: Fix, unit_id: str) -> bytes:
    readings = report.readings
    if odd := readings.keys() - {"odometer_m", "satellites", "battery_pct", "immobilised"}:
        raise Unsupported(f"a seal cannot say {', '.join(sorted(odd))}")
    status = _SEAL_LOCKED if readings.get("immobilised") else 0
    for signal in report.signals:
        bits = [bit for bit, meant in _SEAL_SIGNALS.items() if meant is signal]
        if not bits:
            raise Unsupported(f"a seal has no alarm that means {signal}")
        status |= 1 << bits[0]
    at = fix.at.astimezone(UTC)
    lat, lon = (round(abs(degrees) * 600_000) for degrees in (fix.lat, fix.lon))
    flags = (_VALID if fix.valid else 0) | (_NORTH if fix.lat >= 0 else 0)
    flags |= _EAST if fix.lon >= 0 else 0
    digits = (
        f"{at:%d%m%y%H%M%S}{lat // 600_000:02}{lat % 600_000:06}"
        f"{lon // 600_000:03}{lon % 600_000:06}{flags:x}"
    )
    tens, units = divmod(min(round((fix.speed_kmh or 0) / KMH_OF_A_KNOT), 159), 10)
    body = (
        Writer()
        .put(bytes.fromhex(digits))
        .u8(tens << 4 | units)
        .u8(round((fix.course_deg or 0) % 360) // 2)
        .u32(round(readings.get("odometer_m", 0) / 1000))
        .u8(readings.get("satellites", 9))
        .u32(0)
        .u16(status)
        .u8(min(round(readings.get("battery_pct", 100)), 100))
        .put(bytes(6))
        .u8(1)
    )
    head = b"$" + bytes.fromhex(unit_id) + b"\x17\x11"
    return head + len(body).to_bytes(2, "big") + bytes(body)


CODEC = Codec(
    name="jt600",
    title="Jointech JT600, JT606 and JT701 seals",
    tells=(
        "fixes, battery, odometer, fuel, lock, towers, sensors; shock, tow, overspeed, tamper, "
        "zones, low battery; events of cards and passwords"
    ),
    port=5014,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"$", b"("),
    max_frame=2048,
    commands=(Reboot, SetTimezone, Custom, Immobilise, Mobilise),
)
