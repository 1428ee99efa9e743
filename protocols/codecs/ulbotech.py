"""Ulbotech T301, T373 and their kin: vehicle trackers that read the vehicle's computer.

See: Ulbotech "T3xx communication protocol". Bytes between F8, where F8 and F7 within are
written as F7 and the byte xor F7; or words between a star and a hash::

    F8  version  kind  name     seconds  (id, size, value) …  crc16 xmodem  F8
        1        1     8, BCD   4        1   1                2

    *TS01,353323081464660,092039010618,GPS:3;N23.164396;E113.428541;0;0;0.86,STT:242;0 …#

Seconds count from 2000; the first bit says no more than that they are sure. Bytes are answered
with one frame that is always the same, words with their checksum. Alarm codes in the settings
are the bits of the alarm word: ``bit0``, ``bit10`` …
"""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from protocols.checksum import crc16_xmodem
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Custom,
    Fix,
    Login,
    Message,
    Readings,
    Report,
    Signal,
)
from protocols.settings import DeviceSettings
from protocols.wire import finite_at, text

_MARK, _ESCAPE, _WORDS = 0xF8, 0xF7, b"*TS"
_KEPT = bytes.fromhex("f801fef80104aef8")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_SECONDS = 0x7FFFFFFF
_HEAD = 14
_LARGEST = 2048
_MOST_UNESCAPED = 4

_GPS = struct.Struct(">iiHHH")
_CELL = struct.Struct(">HHHIB")
_NO_FIX = 9999
_NO_NETWORK = 0xFFFF
_IGNITION = 0x200

_ALARMS = {
    0: Signal.POWERED_OFF,
    2: Signal.OVERSPEED,
    4: Signal.ZONE_ALERT,
    10: Signal.PANIC,
}
_MOVED, _UNPLUGGED = 2, 1
_BITS = {signal: bit for bit, signal in _ALARMS.items()}

_BATTERY = 2


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame or words at ``start``; None: not all there yet."""
    if buffer[start] == _MARK:
        return _bytes_size(buffer, start)
    head = buffer[start : start + len(_WORDS)]
    if not _WORDS.startswith(head):
        raise Unframeable("neither F8 nor *TS")
    end = buffer.find(b"#", start)
    return None if end < 0 else end + 1 - start


def _bytes_size(buffer: bytes, start: int) -> int | None:
    """Up to the F8 that ends it. One within, if it was not escaped, is known by the checksum."""
    first = end = buffer.find(b"\xf8", start + 1)
    if first == start + 1:
        raise Unframeable("an end of frame where one should begin")
    for _ in range(_MOST_UNESCAPED):
        if end < 0 or _sealed(buffer[start + 1 : end]):
            break
        end = buffer.find(b"\xf8", end + 1, start + _LARGEST)
    end = first if end < 0 or not _sealed(buffer[start + 1 : end]) else end
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a frame said. Raises Corrupt if its checksum is wrong, Malformed if it breaks off.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    if frame[:1] == b"*":
        return _words(frame, peer)
    if len(frame) < 2 or frame[0] != _MARK or frame[-1] != _MARK:
        raise Corrupt("no F8 at both ends")
    plain = frame[1:-1]
    if not _sealed(plain):
        plain = _unescape(plain)
        if not _sealed(plain):
            raise Corrupt("the checksum does not match")
    if len(plain) < _HEAD + 2:
        raise Malformed("too short for a name and a time")
    speaker = peer.named(plain[2:10].hex().removeprefix("0"))
    report = _report(plain[10:-2], speaker.settings)
    return Incoming(messages=(report,), ack=_KEPT, peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """Custom in the device's own words, as in ``UNO;13912345678``. Raises Unsupported."""
    del peer
    if isinstance(command, Custom) and command.text.isascii() and "#" not in command.text:
        return b"*TS01,%b#" % command.text.encode()
    raise Unsupported(
        f"Ulbotech devices have no {type(command).__name__} in common: send their own words, "
        "without star and hash, as Custom"
    )


def simulate(message: Message, peer: Peer) -> bytes:
    """The bytes an Ulbotech device would send. Raises Unsupported for what it cannot say."""
    match message:
        case Login(unit_id=unit_id):
            return b"*TS01,%b#" % unit_id.encode()
        case CommandReply(text=words):
            return f"*TS01,{peer.unit_id},000000010100,{words}#".encode()
        case Report():
            name = bytes.fromhex(peer.unit_id.zfill(16))
            body = b"\1\1" + name + _said(message)
            return b"\xf8" + _escape(body + crc16_xmodem(body).to_bytes(2, "big")) + b"\xf8"
    raise Unsupported(f"an Ulbotech device cannot say {message!r}")


def _sealed(plain: bytes) -> bool:
    return crc16_xmodem(plain[:-2]) == int.from_bytes(plain[-2:], "big")


def _unescape(plain: bytes) -> bytes:
    found = bytearray()
    escaped = False
    for byte in plain:
        if escaped:
            found.append(byte ^ _ESCAPE)
        elif byte != _ESCAPE:
            found.append(byte)
        escaped = byte == _ESCAPE and not escaped
    return bytes(found)


def _escape(plain: bytes) -> bytes:
    found = bytearray()
    for byte in plain:
        found += bytes((_ESCAPE, byte ^ _ESCAPE)) if byte in (_ESCAPE, _MARK) else bytes((byte,))
    return bytes(found)


# --- bytes -----------------------------------------------------------------------------


class _Draft:
    __slots__ = ("at", "cells", "fix", "other", "readings", "settings", "signals")

    def __init__(self, settings: DeviceSettings) -> None:
        self.settings = settings
        self.at: datetime | None = None
        self.fix: Fix | None = None
        self.signals: frozenset[Signal] = frozenset()
        self.readings: Readings = {}
        self.cells: list[CellTower] = []
        self.other: dict[str, object] = {}

    def report(self, record: bytes) -> Report:
        return Report(
            fix=self.fix,
            at=self.at,
            signals=self.signals,
            readings=self.readings,
            cells=tuple(self.cells),
            other=self.other,
            record=record,
        )


def _report(said: bytes, settings: DeviceSettings) -> Report:
    """``seconds(4)``, then every item up to the first that reaches beyond the end."""
    draft = _Draft(settings)
    draft.at = _EPOCH + timedelta(seconds=int.from_bytes(said[:4], "big") & _SECONDS)
    at, end = 4, len(said)
    while at + 2 <= end:
        stop = at + 2 + said[at + 1]
        if stop > end:
            break
        known = _ITEMS.get(said[at])
        if known is not None and stop - at - 2 >= known[0]:
            known[1](draft, said[at + 2 : stop])
        at = stop
    return draft.report(said)


def _place(draft: _Draft, value: bytes) -> None:
    lat, lon, speed, course, hdop = _GPS.unpack_from(value)
    draft.readings["hdop"] = hdop / 100
    if draft.at is not None:
        draft.fix = _fix(
            draft.at,
            lat / 1e6,
            lon / 1e6,
            valid=hdop < _NO_FIX,
            speed_kmh=float(speed),
            course_deg=float(course),
        )


def _fix(
    at: datetime, lat: float, lon: float, *, valid: bool, speed_kmh: float, course_deg: float
) -> Fix | None:
    """The place; None if it is not on Earth."""
    try:
        return Fix(at=at, lat=lat, lon=lon, valid=valid, speed_kmh=speed_kmh, course_deg=course_deg)
    except ValueError:
        return None


def _cell(draft: _Draft, value: bytes) -> None:
    mcc, mnc, lac, cid, level = _CELL.unpack_from(value)
    if mcc != _NO_NETWORK:
        draft.cells.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=-level))


def _state(draft: _Draft, value: bytes) -> None:
    _note_state(draft, int.from_bytes(value[:2], "big"), int.from_bytes(value[2:4], "big"))


def _note_state(draft: _Draft, status: int, alarms: int) -> None:
    draft.readings["ignition"] = bool(status & _IGNITION)
    draft.other["status"] = status
    if alarms == 0:
        return
    draft.other["alarms"] = alarms
    for bit in range(16):
        if alarms >> bit & 1:
            known = _ALARMS.get(bit)
            if bit == 1 and not alarms & _UNPLUGGED:
                # Whoever pulls the plug moves the unit too, and that is no second alarm.
                known = Signal.MOVEMENT
            usual = frozenset({known} if known else ())
            draft.signals |= draft.settings.meaning(f"bit{bit}", usual)


def _odometer(draft: _Draft, value: bytes) -> None:
    draft.readings["odometer_m"] = float(int.from_bytes(value, "big"))


def _analogue(draft: _Draft, value: bytes) -> None:
    """Two bytes each: the channel in the first four bits, its steps in the rest."""
    for at in range(0, len(value) - 1, 2):
        channel, steps = value[at] >> 4, (value[at] & 0x0F) << 8 | value[at + 1]
        _note_analogue(draft, channel, steps)


def _note_analogue(draft: _Draft, channel: int, steps: int) -> None:
    """Channel 1 is the unit's own temperature, the others reach from -10 to 100 V."""
    if channel == 1:
        draft.other["temperature_c"] = steps * 180 / 4096 - 55
        return
    volts = steps * 110 / 4096 - 10
    if channel == 0:
        draft.readings["power_v"] = volts
    elif channel == _BATTERY:
        draft.readings["battery_v"] = volts
    else:
        draft.other[f"analogue_{channel}_v"] = volts


def _zones(draft: _Draft, value: bytes) -> None:
    draft.other["zones_inside"] = int.from_bytes(value[:4], "big")
    draft.other["zones_crossed"] = int.from_bytes(value[4:8], "big")


def _vehicle(draft: _Draft, value: bytes) -> None:
    """``size and mode(1) pid(1) value``; the size counts all three."""
    at = 0
    while at + 2 < len(value):
        size = value[at] >> 4
        if size < 3:
            return
        pid, said = value[at + 1], int.from_bytes(value[at + 2 : at + size], "big")
        if pid == 0x2F:
            draft.readings["fuel"] = float(said * 100 // 255)
        elif pid in _PIDS:
            name, scale, offset = _PIDS[pid]
            draft.other[name] = said * scale + offset
        at += size


_PIDS = {
    0x04: ("engine_load_pct", 100 / 255, 0.0),
    0x05: ("coolant_c", 1.0, -40.0),
    0x0C: ("engine_rpm", 0.25, 0.0),
    0x0D: ("vehicle_speed_kmh", 1.0, 0.0),
    0x0F: ("intake_c", 1.0, -40.0),
    0x11: ("throttle_pct", 100 / 255, 0.0),
}


def _fuel_used(draft: _Draft, value: bytes) -> None:
    draft.other["fuel_used"] = int.from_bytes(value[:4], "big") / 10_000


def _faults(draft: _Draft, value: bytes) -> None:
    """One byte of mode, then two a fault: a letter in the first two bits, digits in the rest."""
    codes = (int.from_bytes(value[at : at + 2], "big") for at in range(1, len(value) - 1, 2))
    draft.other["faults"] = " ".join(f"{'PCBU'[code >> 14]}{code & 0x3FFF:04X}" for code in codes)


def _driving(draft: _Draft, value: bytes) -> None:
    draft.other["driving_bits"] = value[0]


def _event(draft: _Draft, value: bytes) -> None:
    draft.other["event"] = value[0]


_ITEMS: dict[int, tuple[int, Callable[[_Draft, bytes], None]]] = {
    0x01: (14, _place),
    0x02: (11, _cell),
    0x03: (4, _state),
    0x04: (4, _odometer),
    0x05: (2, _analogue),
    0x06: (8, _zones),
    0x07: (3, _vehicle),
    0x08: (4, _fuel_used),
    0x09: (3, _faults),
    0x0A: (1, _driving),
    0x10: (1, _event),
}


# --- words -----------------------------------------------------------------------------


def _words(frame: bytes, peer: Peer) -> Incoming:
    """``*TS01,name[,hhmmssddmmyy,WORD:value;value …]#``."""
    if frame[-1:] != b"#":
        raise Corrupt("no # at the end")
    said = frame[1:-1]
    parts = text(said).split(",")
    if len(parts) < 2 or not parts[1].isdecimal():
        raise Malformed("words without a name")
    speaker = peer.named(parts[1])
    words = dict(part.partition(":")[::2] for part in parts[3:])
    message: Message
    if len(parts) < 4:
        message = Login(unit_id=parts[1])
    elif words.keys() & {"GPS", "STT", "LBS"}:
        message = _worded_report(parts[2], words, said, speaker.settings)
    else:
        message = CommandReply(text=",".join(parts[3:]))
    ack = b"*TS01,ACK:%04X#" % crc16_xmodem(said)
    return Incoming(messages=(message,), ack=ack, peer=speaker)


def _worded_report(
    clock: str, words: dict[str, str], said: bytes, settings: DeviceSettings
) -> Report:
    draft = _Draft(settings)
    draft.at = _moment(clock)
    gps = words.get("GPS", "").split(";")
    if draft.at is not None and len(gps) >= 5:
        draft.fix = _worded_fix(draft.at, gps)
    if len(gps) >= 6 and (hdop := finite_at(gps, 5)) is not None:
        draft.readings["hdop"] = hdop
    state = words.get("STT", "").split(";")
    if (status := _hexadecimal(state, 0)) is not None:
        _note_state(draft, status, _hexadecimal(state, 1) or 0)
    if (odometer := finite_at([words.get("MGR", "")], 0)) is not None:
        draft.readings["odometer_m"] = odometer
    measured = words.get("ADC", "").split(";")
    for at in range(0, len(measured) - 1, 2):
        value = finite_at(measured, at + 1)
        if value is not None and measured[at] == "0":
            draft.readings["power_v"] = value
        elif value is not None and measured[at] == "2":
            draft.readings["battery_v"] = value
    return draft.report(said)


def _worded_fix(at: datetime, gps: Sequence[str]) -> Fix | None:
    """``fix;N23.164396;E113.428541;km/h;course``."""
    try:
        return _fix(
            at,
            float(gps[1][1:]) * (-1 if gps[1][:1] == "S" else 1),
            float(gps[2][1:]) * (-1 if gps[2][:1] == "W" else 1),
            valid=gps[0] in ("2", "3"),
            speed_kmh=float(gps[3]),
            course_deg=float(gps[4]),
        )
    except ValueError:
        return None


def _moment(clock: str) -> datetime | None:
    """Hhmmssddmmyy in UTC."""
    try:
        return datetime.strptime(clock, "%H%M%S%d%m%y").replace(tzinfo=UTC)
    except ValueError:
        return None


def _hexadecimal(fields: Sequence[str], at: int) -> int | None:
    try:
        return int(fields[at], 16) if len(fields[at]) <= 8 else None
    except (ValueError, IndexError):
        return None


# --- what a device would say -------------------------------------------------------------


def _said(report: Report) -> bytes:
    """Seconds and items: place, state, metres, voltages."""
    fix, readings = report.fix, report.readings
    at = report.at or (fix.at if fix else datetime(2020, 1, 1, tzinfo=UTC))
    said = bytearray(int((at - _EPOCH).total_seconds()).to_bytes(4, "big"))
    if fix is not None:
        hdop = round(readings.get("hdop", 0.9) * 100) if fix.valid else _NO_FIX
        said += b"\x01\x0e" + _GPS.pack(
            round(fix.lat * 1e6),
            round(fix.lon * 1e6),
            round(fix.speed_kmh or 0),
            round(fix.course_deg or 0) % 360,
            hdop,
        )
    said += b"\x03\x04" + (_IGNITION if readings.get("ignition") else 0).to_bytes(2, "big")
    said += _alarm_word(report.signals).to_bytes(2, "big")
    if "odometer_m" in readings:
        said += b"\x04\x04" + round(readings["odometer_m"]).to_bytes(4, "big")
    if "battery_v" in readings:
        steps = round((readings["battery_v"] + 10) * 4096 / 110)
        said += b"\x05\x02" + (_BATTERY << 12 | steps).to_bytes(2, "big")
    return bytes(said)


def _alarm_word(signals: frozenset[Signal]) -> int:
    word = 0
    for signal in signals:
        if signal is Signal.MOVEMENT and Signal.POWERED_OFF not in signals:
            word |= _MOVED
        elif signal in _BITS:
            word |= 1 << _BITS[signal]
        else:
            raise Unsupported(f"an Ulbotech device has no alarm that means {signal}")
    return word


CODEC = Codec(
    name="ulbotech",
    title="Ulbotech T301 and T373 vehicle trackers",
    tells=(
        "fixes, power, battery, ignition, mileage, fuel, towers, the vehicle's computer; SOS and "
        "all else from the alarm bits; bytes and words"
    ),
    port=5072,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"\xf8", _WORDS),
    max_frame=_LARGEST,
    commands=(Custom,),
)
