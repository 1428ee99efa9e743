"""Xexun pocket and personal trackers of the binary generation (NT20, X05 and their like).

See: Xexun "Communication protocol" (binary, version 2)::

    [FAAF][kind 2][index 2][IMEI 8, a nibble behind][length 2][checksum 2][content …][FAAF]

Inside, FAAF is written FBBF01 and FBBF is written FBBF02. The checksum is the sum of the
content's bytes, inverted. A report (kind 14) holds records: their number, the length of each,
then the records::

    index 1 | time 4 | level 1 | charging 1 bit, battery 15 bits | parts 1
    parts: 01 alarm bits 4 | 02 place: its own parts 1, then in this order
           01 satellites, lon and lat in 4 bytes     02 Wi-Fi networks    04 cells
           20 km/h and course in tenths              40 satellites, lon and lat in 8 bytes
           80 length 2, then fields by letter: 47 is a whole fix
    longitudes and latitudes are degrees and minutes in one number, 5057.25

A report is answered with 01. Codes in a device's settings are alarm bits, ``bit 0`` to ``bit 31``.
"""

import math
import struct
from collections.abc import Mapping
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Custom,
    Fix,
    Message,
    PowerOff,
    Readings,
    Reboot,
    Report,
    ReportEvery,
    Signal,
    Unknown,
    WifiNetwork,
)
from protocols.settings import DeviceSettings
from protocols.wire import Reader, Writer, text

_MARK, _ESCAPE = b"\xfa\xaf", b"\xfb\xbf"
_HEAD = struct.Struct(">2x2s2s8sHH")
_LONGEST = 4096
_REPORT, _WORDS = b"\x00\x14", b"\x00\x07"
_KEPT = b"\x01"
_CHARGING = 0x8000
_ALARM, _PLACE = 0x01, 0x02
_SHORT, _WIFI, _CELLS, _MOTION, _LONG, _FIELDS = 0x01, 0x02, 0x04, 0x20, 0x40, 0x80
_UNREAD_PARTS = 0x18
_WHOLE_FIX = 0x47
_WHOLE_FIX_SIZE = 27
_SIGNALS: Mapping[int, Signal] = {0: Signal.PANIC, 1: Signal.REMOVED, 15: Signal.FALL}
_SETS = {bit: frozenset({signal}) for bit, signal in _SIGNALS.items()}
_NOTHING: frozenset[Signal] = frozenset()
_UNREAD = frozenset({Signal.UNSPECIFIED})


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes from mark to mark; None: the second has yet to come. Raises Unframeable."""
    if not buffer.startswith(_MARK, start):
        if buffer[start : start + 2] == _MARK[:1]:
            return None
        raise Unframeable("no FAAF")
    end = buffer.find(_MARK, start + 2, start + _LONGEST)
    if end < 0 and len(buffer) - start >= _LONGEST:
        raise Unframeable(f"no end of the frame in {_LONGEST} bytes")
    return None if end < 0 else end + 2 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame says. Raises Corrupt if its length or checksum is wrong."""
    del heard_at
    plain = frame[:-2]
    if _ESCAPE in plain:
        plain = plain.replace(b"\xfb\xbf\x01", _MARK).replace(b"\xfb\xbf\x02", _ESCAPE)
    if len(plain) < _HEAD.size:
        raise Corrupt("no head between two marks")
    kind, index, name, length, checksum = _HEAD.unpack_from(plain)
    content = plain[_HEAD.size :]
    if len(content) != length or _checksum(content) != checksum:
        raise Corrupt("the length or the checksum is wrong")
    unit_id = name.hex()[:15]
    if not unit_id.isdecimal():
        raise Malformed("an IMEI that is no number")
    speaker = peer.named(unit_id)
    if kind == _REPORT:
        reports = _records(content, speaker.settings)
        ack = _frame(kind, index, name, _KEPT)
        return Incoming(messages=reports, ack=ack, peer=speaker)
    message: Message = Unknown(kind=kind.hex())
    if kind == _WORDS:
        message = CommandReply(text=text(content))
    return Incoming(messages=(message,), peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported, and says why."""
    return _frame(_WORDS, b"\x00\x01", _name(peer.unit_id), _words(command).encode())


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a tracker called ``peer.unit_id`` would send. Raises Unsupported."""
    name = _name(peer.unit_id)
    match message:
        case CommandReply(text=words):
            return _frame(_WORDS, b"\x00\x01", name, words.encode())
        case Report():
            record = _said(message)
            content = _KEPT + len(record).to_bytes(2, "big") + record
            return _frame(_REPORT, b"\x00\x01", name, content)
    raise Unsupported("a Xexun says who it is in every report, and sends no heartbeats")


def _records(content: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    wire = Reader(content)
    lengths = [wire.u16() for _ in range(wire.u8())]
    if not lengths:
        raise Malformed("a report of no records")
    return tuple(_record(wire.take(length), settings) for length in lengths)


def _record(raw: bytes, settings: DeviceSettings) -> Report:
    """One record. Its alarm counts even where its place cannot be read."""
    wire = Reader(raw)
    wire.take(1)
    at = datetime.fromtimestamp(wire.u32(), UTC)
    level, battery = wire.u8(), wire.u16()
    readings: Readings = {
        "rssi": level,
        "battery_pct": battery & ~_CHARGING,
        "charging": bool(battery & _CHARGING),
    }
    parts = wire.u8() if wire.remaining else 0
    signals = _NOTHING
    other: dict[str, object] = {}
    if parts & _ALARM:
        alarm = wire.u32()
        signals = _signals(alarm, settings)
        other["alarm_bits"] = alarm
    place = _Place(readings)
    if parts & _PLACE and wire.remaining:
        try:
            place.read(wire)
        except Malformed:
            other["unread_bytes"] = wire.remaining
    return Report(
        at=at,
        fix=place.fix(at),
        signals=signals,
        readings=readings,
        cells=tuple(place.cells),
        wifi=tuple(place.wifi),
        other=other,
        record=raw[1:],
    )


def _signals(alarm: int, settings: DeviceSettings) -> frozenset[Signal]:
    """Every alarm bit. A bit that nobody knows is an alarm all the same."""
    signals = _NOTHING
    for bit in range(32):
        if alarm >> bit & 1:
            signals |= settings.meaning(f"bit {bit}", _SETS.get(bit, _UNREAD))
    return signals


class _Place:
    """The place of one record while its parts are read."""

    __slots__ = ("_at", "_motion", "_readings", "altitude_m", "cells", "wifi")

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._at: tuple[float, float] | None = None
        self._motion: tuple[float, float] | None = None
        self.altitude_m: float | None = None
        self.cells: list[CellTower] = []
        self.wifi: list[WifiNetwork] = []

    def read(self, wire: Reader) -> None:
        """Part by part, in the order of their bits. Raises Malformed where one breaks off."""
        parts = wire.u8()
        if parts & _SHORT:
            self._seen(wire.u8(), *struct.unpack(">ff", wire.take(8)))
        if parts & _WIFI:
            for _ in range(wire.u8()):
                mac, level = wire.take(6).hex(":"), wire.i8()
                self.wifi.append(WifiNetwork(mac=mac, rssi=level))
        if parts & _CELLS:
            for _ in range(wire.u8()):
                mcc, mnc, lac, cid = wire.u16(), wire.u16(), wire.u32(), wire.u32()
                tower = CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=wire.i8())
                self.cells.append(tower)
        if parts & _UNREAD_PARTS:
            raise Malformed("parts of a place that no document names")
        if parts & _MOTION:
            self._motion = (wire.u16() / 10, wire.u16() / 10)
        if parts & _LONG:
            self._seen(wire.u8(), *struct.unpack(">dd", wire.take(16)))
        if parts & _FIELDS:
            self._fields(Reader(wire.take(wire.u16())))

    def fix(self, at: datetime) -> Fix | None:
        """What was seen; None if that is nowhere on Earth."""
        if self._at is None:
            return None
        speed, course = self._motion or (None, None)
        try:
            return Fix(
                at=at,
                lat=_degrees(self._at[1]),
                lon=_degrees(self._at[0]),
                altitude_m=self.altitude_m,
                speed_kmh=speed,
                course_deg=course,
            )
        except (ValueError, OverflowError):
            return None

    def _seen(self, satellites: int, lon: float, lat: float) -> None:
        self._readings["satellites"] = satellites
        self._at = (lon, lat)

    def _fields(self, wire: Reader) -> None:
        """Fields by letter: ``G`` is a fix with its validity, satellites, motion, altitude."""
        while wire.remaining:
            letter, content = wire.u8(), wire.take(wire.u16())
            if letter != _WHOLE_FIX or len(content) < _WHOLE_FIX_SIZE:
                continue
            lon, lat, valid, satellites, _, speed, course, altitude = struct.unpack_from(
                ">ddBBBHHf", content
            )
            self._readings["satellites"] = satellites
            if valid:
                self._at = (lon, lat)
                self._motion = (speed / 10, course / 10)
                self.altitude_m = altitude if math.isfinite(altitude) else None


def _degrees(said: float) -> float:
    """Degrees and minutes in one number: 5057.25 is 50 degrees and 57.25 minutes."""
    whole, minutes = divmod(abs(said), 100)
    return math.copysign(whole + minutes / 60, said)


def _checksum(content: bytes) -> int:
    return ~sum(content) & 0xFFFF


def _frame(kind: bytes, index: bytes, name: bytes, content: bytes) -> bytes:
    sizes = len(content).to_bytes(2, "big") + _checksum(content).to_bytes(2, "big")
    plain = kind + index + name + sizes + content
    written = plain.replace(_ESCAPE, b"\xfb\xbf\x02").replace(_MARK, b"\xfb\xbf\x01")
    return _MARK + written + _MARK


def _name(unit_id: str) -> bytes:
    if not (unit_id.isdecimal() and unit_id.isascii() and len(unit_id) <= 15):
        raise Unsupported("a Xexun is called by its IMEI of fifteen digits: give the peer one")
    return bytes.fromhex(unit_id.zfill(15) + "0")


def _words(command: Command) -> str:
    match command:
        case Reboot():
            return "reset"
        case PowerOff():
            return "of=1"
        case ReportEvery(seconds=seconds) if seconds > 0:
            return f"tracking_send={seconds},{seconds}"
        case Custom(text=words) if words and len(words) <= 500:
            return words
    raise Unsupported("a Xexun has no word for this: try Custom in its own words")


_BITS = {signal: bit for bit, signal in _SIGNALS.items()}
_SAYABLE = frozenset({"rssi", "battery_pct", "charging", "satellites"})


def _said(report: Report) -> bytes:
    readings, fix = report.readings, report.fix
    if odd := set(readings) - _SAYABLE:
        raise Unsupported(f"a Xexun cannot say {', '.join(sorted(odd))}")
    if unknown := report.signals - _BITS.keys():
        raise Unsupported(f"a Xexun has no alarm bit that means {', '.join(sorted(unknown))}")
    if fix is not None and not fix.valid:
        raise Unsupported("a Xexun leaves out a place that it does not believe")
    at = report.at or (fix.at if fix else None)
    if at is None:
        raise Unsupported("a Xexun dates every record: give the report a time")
    battery = round(readings.get("battery_pct", 100))
    battery |= _CHARGING if readings.get("charging") else 0
    wire = Writer().u8(0).u32(int(at.timestamp())).u8(readings.get("rssi", 20) & 0xFF)
    parts = (_ALARM if report.signals else 0) | (_PLACE if fix else 0)
    wire.u16(battery).u8(parts)
    if report.signals:
        wire.u32(sum(1 << _BITS[signal] for signal in report.signals))
    if fix is not None:
        wire.u8(_MOTION | _LONG)
        wire.u16(round((fix.speed_kmh or 0) * 10)).u16(round((fix.course_deg or 0) * 10))
        wire.u8(readings.get("satellites", 9))
        wire.put(struct.pack(">dd", _written(fix.lon), _written(fix.lat)))
    return bytes(wire)


def _written(degrees: float) -> float:
    whole, part = divmod(abs(degrees), 1)
    return math.copysign(whole * 100 + part * 60, degrees)


CODEC = Codec(
    name="xexun2",
    title="Xexun NT20, X05 and other binary personal trackers",
    tells=(
        "fixes, battery, charging, level, Wi-Fi, towers; SOS, fall, removed, every other alarm bit "
        "as unspecified; several records a frame, checksums"
    ),
    port=5233,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(_MARK,),
    max_frame=_LONGEST,
    commands=(ReportEvery, Reboot, PowerOff, Custom),
)
