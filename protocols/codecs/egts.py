"""EGTS: what Russian vehicles, emergency-call boxes and relays speak (ERA-GLONASS).

See: GOST 33472 (order 285 of the Ministry of Transport), parts "transport level" and "service
support level". Little-endian; a CRC-8 over the header, a CRC-16 over the rest::

    [01][key][flags][ HL ][00][ length ][ number ][ kind ][ crc8 ][ records ][ crc16 ]
     1b  1b    1b     1b   1b     2b        2b       1b      1b        …         2b
    record      [ length ][ number ][ flags ][ object ][ from, to ][ subrecords ]
                    2b        2b        1b    4b, if said   1b  1b
    subrecord   [ kind ][ length ][ value ]     16 place, 18 inputs, 20 state of the emergency call

Every record is answered by a packet of its own, numbered upwards on a connection; a terminal
that names itself (1) is let in by one more. Terminals call themselves by IMEI; what comes from a
relay is called by the number of its object. Alarm codes of the settings are ``source`` and the
number of what made a terminal send (``source13``), and ``state`` and that of the emergency call.
"""

import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fastcrc.crc8 import nrsc_5
from fastcrc.crc16 import ibm_3740

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
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
from protocols.wire import Reader, Writer

_VERSION = b"\x01"
_HEADERS = (11, 16)
_RESPONSE, _APPDATA = 0, 1
_ACKNOWLEDGED, _IDENTITY, _RELAY, _PLACE, _QUALITY, _SENSORS, _STATE, _LEVEL = (
    0,
    1,
    5,
    16,
    17,
    18,
    20,
    27,
)
_LET_IN_AS_HEARD, _LET_IN = 7, 9
# How the unit of a connection got its name: it said it, or its records are about an object.
_TERMINAL, _OBJECT = "terminal", "object"

_EPOCH = datetime(2010, 1, 1, tzinfo=UTC)
_HEADER = struct.Struct("<5sHHB")
_RECORD = struct.Struct("<HHB")
_PART = struct.Struct("<BH")
_PLACE_OF = struct.Struct("<IIIBHB3sBB")
_FULL = 0xFFFFFFFF

_SOURCES: Mapping[int, Signal] = {
    7: Signal.OVERSPEED,
    10: Signal.TAMPER,
    11: Signal.POWER_CUT,
    12: Signal.LOW_BATTERY,
    13: Signal.PANIC,
    15: Signal.PANIC,
    19: Signal.FAULT,
    20: Signal.HARSH_ACCELERATION,
    21: Signal.HARSH_BRAKING,
    22: Signal.GPS_LOST,
    25: Signal.ANTENNA_CUT,
    27: Signal.OVERSPEED_END,
    28: Signal.TOW,
}
_EMERGENCY_CALL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record: who it is about, which services exchange it, and its subrecords."""

    number: int
    about: int | None
    services: bytes
    parts: tuple[tuple[int, bytes], ...]
    said: bytes


@dataclass(slots=True)
class _Answers:
    """The packets we answer with, numbered on from the last of this connection."""

    number: int
    wire: list[bytes] = field(default_factory=list)

    def add(self, kind: int, body: bytes) -> None:
        self.wire.append(_packet(kind, self.number, body))
        self.number = self.number + 1 & 0xFFFF


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the packet at ``start``; None: not all there yet."""
    seen = buffer[start : start + _HEADERS[-1]]
    if seen[:1] != _VERSION:
        raise Unframeable("no version 1 here")
    if len(seen) < _HEADERS[0]:
        return None
    header = seen[3]
    if header not in _HEADERS:
        raise Unframeable(f"a header of {header} bytes")
    if len(seen) < header:
        return None
    if nrsc_5(seen[: header - 1]) != seen[header - 1]:
        raise Unframeable("the checksum of the header is wrong")
    length = int.from_bytes(seen[5:7], "little")
    return header + length + (2 if length else 0)


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one packet says. Raises Corrupt if its checksum is wrong.

    ``heard_at`` is not needed: every place has its own time.
    """
    del heard_at
    if len(frame) < _HEADERS[0] or len(frame) < frame[3] + 2:
        return Incoming(messages=(Heartbeat(),))
    header = frame[3]
    body = frame[header:-2]
    if ibm_3740(body) != int.from_bytes(frame[-2:], "little"):
        raise Corrupt("the checksum is wrong")
    kind = frame[9]
    if kind == _APPDATA:
        return _heard(body, frame[7:9], peer)
    if kind == _RESPONSE:
        return Incoming(messages=(Heartbeat(),))
    return Incoming(messages=(Unknown(kind=f"packet {kind}"),))


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: each maker has its own words inside EGTS commands."""
    raise Unsupported(
        f"EGTS carries no {type(command).__name__} that every terminal knows: use its maker's own"
    )


def simulate(message: Message, _peer: Peer) -> bytes:
    """The packet a terminal would send. Raises Unsupported."""
    match message:
        case Login(unit_id=unit_id) if len(unit_id) == 15 and unit_id.isascii():
            said = Writer().u32le(0).u8(0x02).text(unit_id)
            return _packet(_APPDATA, 1, _record(b"\x01\x01", _part(_IDENTITY, bytes(said))))
        case Report():
            return _packet(_APPDATA, 2, _record(b"\x02\x02", _said(message)))
    raise Unsupported(f"an EGTS terminal cannot say {message!r}")


# --- packets and records --------------------------------------------------------


def _heard(body: bytes, number: bytes, peer: Peer) -> Incoming:
    """Every record of a packet, and an answer to each that we could place."""
    count, _, role = peer.dialect.partition(" ")
    answers = _Answers(int(count) if count.isdecimal() else 0)
    as_standard = peer.settings.flag("standard", usual=False)
    answered = number if as_standard else number[::-1]
    messages: list[Message] = []
    about: int | None = None
    for record in _records(body):
        if record.about is not None and (role == _OBJECT or not peer.unit_id):
            if about not in {None, record.about}:
                # A packet is kept under one name; what is not answered comes again by itself.
                messages.append(Unknown(kind="record of another object in one packet"))
                continue
            about, role = record.about, _OBJECT
            peer = peer.named(str(about))
        kinds = {kind for kind, _ in record.parts}
        for kind, value in record.parts:
            if kind == _IDENTITY:
                peer, role = peer.named(_identity(value)), _TERMINAL
                messages.append(Login(unit_id=peer.unit_id))
        if _RELAY in kinds:
            role = _OBJECT
        messages += _reports(record, peer)
        kept = _part(_ACKNOWLEDGED, record.number.to_bytes(2, "little") + b"\0")
        answers.add(_RESPONSE, answered + b"\0" + _record(record.services, kept))
        if _IDENTITY in kinds:
            let_in = _LET_IN if as_standard else _LET_IN_AS_HEARD
            answers.add(_APPDATA, _record(record.services, _part(let_in, b"\0")))
    dialect = f"{answers.number} {role}".rstrip()
    return Incoming(
        messages=tuple(messages) or (Heartbeat(),),
        ack=b"".join(answers.wire),
        peer=peer.named(peer.unit_id, dialect),
    )


def _records(body: bytes) -> Iterator[Record]:
    at, end = 0, len(body)
    while at + _RECORD.size <= end:
        length, number, flags = _RECORD.unpack_from(body, at)
        at += _RECORD.size
        about = int.from_bytes(body[at : at + 4], "little") if flags & 1 else None
        at += 4 * ((flags & 1) + (flags >> 1 & 1) + (flags >> 2 & 1))
        said = body[at + 2 : at + 2 + length]
        if length < _PART.size or len(said) < length:
            raise Malformed(f"a record of {length} bytes, {len(said)} of them here")
        services = body[at : at + 2]
        at += 2 + length
        yield Record(
            number=number, about=about, services=services, parts=tuple(_parts(said)), said=said
        )


def _parts(said: bytes) -> Iterator[tuple[int, bytes]]:
    at, end = 0, len(said)
    while at + _PART.size <= end:
        kind, size = _PART.unpack_from(said, at)
        at += _PART.size
        if at + size > end:
            raise Malformed(f"a subrecord of {size} bytes, {end - at} left")
        yield kind, said[at : at + size]
        at += size


def _part(kind: int, value: bytes) -> bytes:
    return _PART.pack(kind, len(value)) + value


def _record(services: bytes, parts: bytes) -> bytes:
    """A record from us: our service is the one that was spoken to."""
    return _RECORD.pack(len(parts), 0, 0) + services[::-1] + parts


def _packet(kind: int, number: int, body: bytes) -> bytes:
    header = _HEADER.pack(b"\x01\x00\x00\x0b\x00", len(body), number, kind)
    return b"".join((header, bytes((nrsc_5(header),)), body, ibm_3740(body).to_bytes(2, "little")))


def _identity(value: bytes) -> str:
    """The IMEI of a terminal, or else its number."""
    said = Reader(value)
    number, flags = said.u32le(), said.u8()
    if flags & 0x01:
        said.take(2)
    imei = said.text(15).strip("\0 ") if flags & 0x02 else ""
    return imei or str(number)


# --- what a record tells --------------------------------------------------------


def _reports(record: Record, peer: Peer) -> Iterator[Report]:
    """One report for each place; what stands behind a place belongs to it."""
    group: list[tuple[int, bytes]] = []
    for part in record.parts:
        if part[0] == _PLACE and any(kind == _PLACE for kind, _ in group):
            yield _report(group, peer)
            group = []
        if part[0] in _TOLD:
            group.append(part)
    if group:
        yield _report(group, peer)


def _report(parts: list[tuple[int, bytes]], peer: Peer) -> Report:
    fix: Fix | None = None
    at: datetime | None = None
    signals: frozenset[Signal] = frozenset()
    readings: Readings = {}
    other: dict[str, object] = {}
    buffered = False
    for kind, value in parts:
        # A subrecord that breaks off costs only itself: the alarm may stand in the next one.
        with suppress(Malformed):
            if kind == _PLACE:
                at, fix, source, buffered = _place(value, readings, other)
                signals |= _meaning(peer, "source", source, _SOURCES.get(source))
                signals |= peer.settings.inputs(value[19])
            elif kind == _STATE and value:
                usual = Signal.PANIC if value[0] == _EMERGENCY_CALL else None
                signals |= _meaning(peer, "state", value[0], usual)
                _state(Reader(value), readings, other)
            else:
                _TOLD[kind](Reader(value), readings, other, peer)
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        buffered=buffered,
        other=other,
        record=b"".join(_part(kind, value) for kind, value in parts),
    )


def _meaning(peer: Peer, word: str, code: int, usual: Signal | None) -> frozenset[Signal]:
    means = frozenset({usual}) if usual is not None else frozenset[Signal]()
    return peer.settings.meaning(f"{word}{code}", means)


def _place(
    value: bytes, readings: Readings, other: dict[str, object]
) -> tuple[datetime, Fix, int, bool]:
    """When, where, what made the terminal send, and whether it had waited.

    Without a fix the standard leaves zeros in place of the coordinates, and the fix is invalid.
    """
    if len(value) < _PLACE_OF.size:
        raise Malformed(f"a place wants {_PLACE_OF.size} bytes, not {len(value)}")
    seconds, lat, lon, flags, speed, course, odometer, inputs, source = _PLACE_OF.unpack_from(value)
    at = _EPOCH + timedelta(seconds=seconds)
    altitude: float | None = None
    if flags & 0x80 and len(value) >= _PLACE_OF.size + 3:
        altitude = float(int.from_bytes(value[_PLACE_OF.size : _PLACE_OF.size + 3], "little"))
        altitude = -altitude if speed & 0x4000 else altitude
    readings["odometer_m"] = int.from_bytes(odometer, "little") * 100
    readings["motion"] = bool(flags & 0x10)
    other |= {"inputs": inputs, "source": source}
    north, east = lat * 90 / _FULL, lon * 180 / _FULL
    fix = Fix(
        at=at,
        lat=-north if flags & 0x20 else north,
        lon=-east if flags & 0x40 else east,
        valid=bool(flags & 0x01),
        altitude_m=altitude,
        speed_kmh=(speed & 0x3FFF) / 10,
        course_deg=float(course + (256 if speed & 0x8000 else 0)),
    )
    return at, fix, source, bool(flags & 0x08)


def _quality(said: Reader, readings: Readings, other: dict[str, object], peer: Peer) -> None:
    flags = said.u8()
    if flags & 0x01:
        other["vdop"] = said.u16le() / 100
    if flags & 0x02:
        # The standard counts hundredths; what was decoded before in this field did not divide.
        hundredths = said.u16le()
        readings["hdop"] = hundredths / (100 if peer.settings.flag("standard", usual=False) else 1)
    if flags & 0x04:
        other["pdop"] = said.u16le() / 100
    if flags & 0x08:
        readings["satellites"] = said.u8()


def _sensors(said: Reader, _readings: Readings, other: dict[str, object], _peer: Peer) -> None:
    """More inputs in eights, the outputs, and analog sensors in three bytes each."""
    inputs, outputs, analog = said.u8(), said.u8(), said.u8()
    other["outputs"] = outputs
    for at in range(8):
        if inputs >> at & 1:
            other[f"inputs{at + 1}"] = said.u8()
    for at in range(8):
        if analog >> at & 1:
            other[f"adc{at + 1}"] = int.from_bytes(said.take(3), "little")


def _state(said: Reader, readings: Readings, other: dict[str, object]) -> None:
    """The state of the emergency call, and two voltages in tenths."""
    other["state"] = said.u8()
    readings["power_v"] = said.u8() / 10
    readings["battery_v"] = said.u8() / 10


def _level(said: Reader, _readings: Readings, other: dict[str, object], _peer: Peer) -> None:
    """A liquid level sensor; units as it is set. Several may follow each other."""
    flags, address = said.u8(), said.u16le()
    if not flags & 0x08 and said.remaining >= 4:
        other[f"liquid{flags & 0x07}"] = said.u32le()
        other[f"liquid{flags & 0x07}_address"] = address


def _told_elsewhere(
    _said: Reader, _readings: Readings, _other: dict[str, object], _peer: Peer
) -> None:
    """A place and the state are read by their own functions."""


_TOLD = {
    _PLACE: _told_elsewhere,
    _QUALITY: _quality,
    _SENSORS: _sensors,
    _STATE: _told_elsewhere,
    _LEVEL: _level,
}


# --- simulation -----------------------------------------------------------------


def _said(report: Report) -> bytes:
    """The subrecords of a report. Without a fix the coordinates are zero."""
    sources = [s for s, means in _SOURCES.items() if report.signals == {means}]
    if report.signals and not sources:
        raise Unsupported(f"EGTS cannot say {', '.join(sorted(report.signals))} in one record")
    if unsayable := set(report.readings) - {"odometer_m", "satellites", "motion"}:
        raise Unsupported(f"EGTS cannot say {', '.join(sorted(unsayable))} without more sensors")
    fix, at = report.fix, report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("an EGTS place has a time: give the report one")
    flags = 0x10 if report.readings.get("motion") else 0
    lat = lon = speed = course = altitude = 0
    if fix is not None:
        lat, lon = round(abs(fix.lat) * _FULL / 90), round(abs(fix.lon) * _FULL / 180)
        flags |= 0x82 | fix.valid | (fix.lat < 0) << 5 | (fix.lon < 0) << 6
        course, altitude = round(fix.course_deg or 0) % 360, round(fix.altitude_m or 0)
        speed = round((fix.speed_kmh or 0) * 10) | (altitude < 0) << 14 | (course >> 8) << 15
    place = _PLACE_OF.pack(
        int((at - _EPOCH).total_seconds()),
        lat,
        lon,
        flags | report.buffered << 3,
        speed,
        course & 0xFF,
        round(report.readings.get("odometer_m", 0) / 100).to_bytes(3, "little"),
        0,
        sources[0] if sources else 0,
    )
    said = _part(_PLACE, place + (abs(altitude).to_bytes(3, "little") if fix else b""))
    if "satellites" in report.readings:
        said += _part(_QUALITY, bytes((0x08, report.readings["satellites"])))
    return said


CODEC = Codec(
    name="egts",
    title="EGTS (GOST 33472) terminals, ERA-GLONASS",
    tells=(
        "fixes, odometer, voltages, inputs, analog and level sensors; SOS and emergency call, "
        "tamper, mains cut, overspeed, harsh driving, towing"
    ),
    port=5162,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"\x01\x00",),
    max_frame=16_384,
    one_unit_per_connection=False,
    options={
        "standard": "answers number packets lowest byte first and dilution is in hundredths, "
        "as GOST 33472 has it, where field firmware is heard to expect otherwise"
    },
)
