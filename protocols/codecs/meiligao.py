"""Meiligao VT300, VT310, VT400, GT60 and the boxes of Redview and Eurosens that copied them.

See: Meiligao "GPRS communication protocol" V1.2 to V2.0.

A frame; the length counts all of it, and some units leave it 0::

    $$ │ 0070 │ 67 96 50 20 79 10 89 │ 9955 │ 113118.000,A,1037.9678,N,… │ 4CAE │ 0D0A
       │length│ digits, then f's     │ kind │ what it says               │ crc
    @@ │ 0012 │ 67 14 40 25 88 55 40 │ 4000 │ 01                         │ D8E1 │ 0D0A

A position is an RMC sentence without its head, then fields between bars: HDOP, altitude,
state (hexadecimal; bits 0 to 4 outputs, 8 to 12 inputs), analogue inputs, and either an
odometer or a cell, a signal level and an odometer in hexadecimal.

The checksum is CRC16/IBM-3740 of all before it. It is not verified: units in the field send
the checksum of a frame with a length, and leave the length 0; others send a wrong one.
Alarm codes for the settings are two hexadecimal digits as ``01``. Alarms 01 to 05 are inputs
that went on, so a panic input is heard there too; 01 is the SOS button without any setting.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from protocols.checksum import crc16_ibm_3740
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Immobilise,
    Locate,
    Login,
    Message,
    Mobilise,
    Readings,
    Reboot,
    Report,
    ReportEvery,
    SetTimezone,
    Signal,
    Unknown,
)
from protocols.nmea import angle, moment, number, rmc, written_rmc
from protocols.settings import DeviceSettings
from protocols.wire import text

_MARKS = (b"$$", b"@@")
_TAIL = b"\r\n"
_OVERHEAD = 17
_LOGIN, _LOGIN_ANSWER = 0x5000, 0x4000
_HEARTBEAT, _HEARTBEAT_ANSWER = 0x0001, 0x0002
_POSITION, _ALARM = 0x9955, 0x9999
_INPUTS, _FIVE = 8, 0x1F
_ANSWERS = range(0x4100, 0x5000)
_SENTENCE = re.compile(rb"\d{6}(?:\.\d+)?,[AV],")
_MOST_LOGGED = 64

_ALARMS: dict[int, frozenset[Signal]] = {
    0x01: frozenset({Signal.PANIC}),
    0x02: frozenset({Signal.INPUT}),
    0x03: frozenset({Signal.INPUT}),
    0x04: frozenset({Signal.INPUT}),
    0x05: frozenset({Signal.INPUT}),
    0x10: frozenset({Signal.LOW_BATTERY}),
    0x11: frozenset({Signal.OVERSPEED}),
    0x12: frozenset({Signal.MOVEMENT}),
    0x13: frozenset({Signal.ZONE_ENTERED}),
    0x14: frozenset({Signal.CRASH}),
    0x50: frozenset({Signal.POWERED_OFF}),
    0x53: frozenset({Signal.ANTENNA_CUT}),
    0x72: frozenset({Signal.HARSH_BRAKING}),
    0x73: frozenset({Signal.HARSH_ACCELERATION}),
}
_NOTHING: frozenset[Signal] = frozenset()

_OBD = (
    "",
    "rpm",
    "obd_speed_kmh",
    "throttle_pct",
    "engine_load_pct",
    "coolant_c",
    "fuel_consumption",
    "average_fuel_consumption",
    "driving_range_km",
    "",
    "trip_fuel_consumption",
    "fuel_used_l",
    "trouble_codes",
    "harsh_accelerations",
    "harsh_brakings",
)


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the frame that starts there; None: need more."""
    head = buffer[start : start + 4]
    if not any(mark.startswith(head[:2]) for mark in _MARKS):
        raise Unframeable("neither $$ nor @@")
    if len(head) < 4:
        return None
    size = int.from_bytes(head[2:], "big")
    if size == 0:
        end = buffer.find(_TAIL, start + _OVERHEAD - 2)
        return None if end < 0 else end + 2 - start
    if size < _OVERHEAD:
        raise Unframeable(f"a length of {size} leaves no room for the kind and the checksum")
    return size


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Corrupt if it does not end where its length says."""
    del heard_at
    if len(frame) < _OVERHEAD or frame[-2:] != _TAIL:
        raise Corrupt("no 0D0A at the end")
    unit_id = frame[4:11].hex().rstrip("f")
    if not unit_id.isdecimal():
        raise Malformed(f"a unit id of digits, not {unit_id!r}")
    speaker = peer.named(unit_id)
    kind, said = int.from_bytes(frame[11:13], "big"), frame[13:-4]
    if kind == _LOGIN:
        answer = _frame(b"@@", frame[4:11], _LOGIN_ANSWER, b"\x01")
        return Incoming(messages=(Login(unit_id=unit_id),), ack=answer, peer=speaker)
    if kind == _HEARTBEAT:
        answer = _frame(b"@@", frame[4:11], _HEARTBEAT_ANSWER, b"\x01")
        return Incoming(messages=(Heartbeat(),), ack=answer, peer=speaker)
    if kind in _ANSWERS:
        # A unit answers a command under the command's own kind.
        reply = CommandReply(text=f"{kind:04x} {said[:200].hex()}".strip())
        return Incoming(messages=(reply,), peer=speaker)
    read = _KINDS.get(kind)
    messages: tuple[Message, ...] = () if read is None else read(said, speaker.settings)
    if not messages:
        return Incoming(messages=(Unknown(kind=f"{kind:04x}"),), peer=speaker)
    return Incoming(messages=messages, peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported."""
    kind, said = _order(command)
    return _frame(b"@@", _name(peer.unit_id), kind, said)


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame that a unit would send. Raises Unsupported."""
    match message:
        case Login(unit_id=unit_id):
            return _frame(b"$$", _name(unit_id), _LOGIN, b"")
        case Heartbeat():
            return _frame(b"$$", _name(peer.unit_id), _HEARTBEAT, b"")
        case Report(fix=Fix() as fix):
            return _said(message, fix, _name(peer.unit_id))
    raise Unsupported("such a unit says logins, heartbeats and reports with a fix")


def _position(said: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    return (_place(said, settings),)


def _repeated(said: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    """Positions that were kept, each behind some bytes of their own."""
    starts = [found.start() for found in _SENTENCE.finditer(said)][:_MOST_LOGGED]
    reports = []
    for start, end in zip(starts, [*starts[1:], len(said)], strict=True):
        report = _place(said[start:end].rstrip(b"\\\r\n\0"), settings)
        reports.append(replace(report, buffered=True))
    return tuple(reports)


def _alarm(said: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    """A code, then a position. An unknown code is an alarm all the same."""
    if not said:
        raise Malformed("an alarm without a code")
    code = said[0]
    signals = settings.meaning(f"{code:02x}", _ALARMS.get(code, frozenset({Signal.UNSPECIFIED})))
    if 1 <= code <= 5:
        pressed = settings.inputs(1 << (code - 1))
        signals = signals - {Signal.INPUT} | pressed if pressed else signals
    report = _place(said[1:], settings)
    return (replace(report, signals=signals | report.signals, record=said),)


def _place(said: bytes, settings: DeviceSettings) -> Report:
    """``RMC|HDOP|altitude|state|analogue|odometer`` or ``…|cell|level|odometer``."""
    sentence, *fields = text(said).split("|")
    fix, at = rmc(sentence.split(","), settings)
    readings: Readings = {}
    other: dict[str, object] = {}
    signals = _NOTHING
    if fields and (hdop := number(fields[0])) is not None:
        readings["hdop"] = hdop
    if len(fields) > 1 and fix is not None and (altitude_m := number(fields[1])) is not None:
        fix = replace(fix, altitude_m=altitude_m)
    if len(fields) > 2 and (state := _hexadecimal(fields[2])) is not None:
        signals = settings.inputs(state >> _INPUTS)
        other["inputs"] = state >> _INPUTS & _FIVE
        other["outputs"] = state & _FIVE
    if len(fields) > 3:
        for channel, word in enumerate(fields[3].split(",")[:8], 1):
            if (level := _hexadecimal(word)) is not None:
                other[f"analogue_{channel}"] = level
    driven, cells = _distance(fields[4:7])
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings={**readings, **driven},
        cells=cells,
        other=other,
        record=said,
    )


def _distance(fields: list[str]) -> tuple[Readings, tuple[CellTower, ...]]:
    """A decimal odometer, or a cell, a signal level and a hexadecimal odometer; in metres."""
    readings: Readings = {}
    if fields and len(fields[0]) == 16:
        rssi, metres = (_hexadecimal(word) for word in (*fields[1:], "", "")[:2])
        if rssi is not None:
            readings["rssi"] = rssi
        if metres is not None:
            readings["odometer_m"] = metres
        return readings, _cell(fields[0])
    if fields and (driven := number(fields[0])) is not None:
        readings["odometer_m"] = driven
    return readings, ()


def _hexadecimal(word: str) -> int | None:
    try:
        return int(word, 16) if 0 < len(word) <= 8 else None
    except ValueError:
        return None


def _cell(digits: str) -> tuple[CellTower, ...]:
    """Four hexadecimal digits each for country, network, area and cell."""
    numbers = [_hexadecimal(digits[at : at + 4]) for at in (0, 4, 8, 12)]
    mcc, mnc, lac, cid = (number if number is not None else -1 for number in numbers)
    if min(mcc, mnc, lac, cid) < 0 or not cid:
        return ()
    return (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),)


def _card(said: bytes, settings: DeviceSettings) -> tuple[Message, ...]:
    """Cards of four bytes each, a bar, then clock, date, latitude, N, longitude, E."""
    cards, _, place = said.partition(b"|")
    fields = text(place).split(",")
    numbers = [
        f"{number:010}"
        for at in range(0, min(len(cards), 128), 4)
        if (number := int.from_bytes(cards[at : at + 4], "big"))
    ]
    readings: Readings = {"driver_id": numbers[0]} if numbers else {}
    at = moment(fields[1], fields[0], settings) if len(fields) >= 6 else None
    fix = None
    if at is not None:
        try:
            fix = Fix(at=at, lat=angle(fields[2], fields[3]), lon=angle(fields[4], fields[5]))
        except ValueError:
            fix = None
    other: dict[str, object] = {f"card_{at}": number for at, number in enumerate(numbers, 1)}
    return (Report(fix=fix, at=at, readings=readings, other=other, record=said),)


def _vehicle_computer(said: bytes, _settings: DeviceSettings) -> tuple[Message, ...]:
    """Fifteen figures between commas: volts first, the odometer the tenth."""
    fields = text(said).split(",")
    readings: Readings = {}
    if (volts := number(fields[0])) is not None:
        readings["battery_v"] = volts
    if len(fields) > 9 and (metres := number(fields[9])) is not None:
        readings["odometer_m"] = metres
    other: dict[str, object] = {
        name: value
        for name, word in zip(_OBD, fields, strict=False)
        if name and (value := number(word)) is not None
    }
    return (Report(readings=readings, other=other, record=said),)


_KINDS: dict[int, Callable[[bytes, DeviceSettings], tuple[Message, ...]]] = {
    _POSITION: _position,
    _ALARM: _alarm,
    0x6688: _repeated,
    0x9016: _repeated,
    0x9966: _card,
    0x9901: _vehicle_computer,
}


def _name(unit_id: str) -> bytes:
    """Fourteen digits, filled with f's. Raises Unsupported for a name that is none."""
    digits = unit_id[:14]
    if not (digits.isascii() and digits.isdecimal()):
        raise Unsupported("such a unit is called by digits, and it has not told us its name yet")
    return bytes.fromhex(digits.ljust(14, "f"))


def _frame(mark: bytes, name: bytes, kind: int, said: bytes) -> bytes:
    size = (len(said) + _OVERHEAD).to_bytes(2, "big")
    whole = mark + size + name + kind.to_bytes(2, "big") + said
    return whole + crc16_ibm_3740(whole).to_bytes(2, "big") + _TAIL


def _order(command: Command) -> tuple[int, bytes]:
    if (plain := _ORDERS.get(type(command))) is not None:
        return plain
    match command:
        case ReportEvery(seconds=seconds) if 10 <= seconds <= 655_350:
            return 0x4102, (seconds // 10).to_bytes(2, "big")
        case SetTimezone(minutes=minutes):
            return 0x4132, b"%d" % minutes
        case Custom(text=words) if re.fullmatch("(?:[0-9a-fA-F]{2}){2,200}", words):
            wire = bytes.fromhex(words)
            return int.from_bytes(wire[:2], "big"), wire[2:]
        case ReportEvery():
            raise Unsupported("such a unit reports every 10 to 655350 seconds: choose between them")
    raise Unsupported("no such command here: try Custom, the kind and its data in hexadecimal")


_ORDERS: dict[type[Command], tuple[int, bytes]] = {
    Locate: (0x4101, b""),
    Reboot: (0x4902, b""),
    Immobilise: (0x4115, b"\x01"),
    Mobilise: (0x4115, b"\x00"),
}


def _said(report: Report, fix: Fix, name: bytes) -> bytes:
    readings = report.readings
    if odd := readings.keys() - {"hdop", "odometer_m"}:
        raise Unsupported(f"such a unit cannot say {', '.join(sorted(odd))}")
    hdop, altitude_m = readings.get("hdop", 1.0), fix.altitude_m or 0
    words = f"{written_rmc(fix)},,|{hdop:.2f}|{altitude_m:.1f}|0000|0000,0000"
    if "odometer_m" in readings:
        words += f"|{round(readings['odometer_m']):09}"
    if not report.signals:
        return _frame(b"$$", name, _POSITION, words.encode())
    codes = [code for code, meant in _ALARMS.items() if meant == report.signals]
    if not codes:
        raise Unsupported(f"such a unit has no alarm that means {', '.join(report.signals)}")
    return _frame(b"$$", name, _ALARM, codes[0].to_bytes(1, "big") + words.encode())


CODEC = Codec(
    name="meiligao",
    title="Meiligao VT300, VT310, VT400, GT60",
    tells=(
        "fixes, inputs, odometer, towers, cards, OBD figures; SOS, low battery, power, antenna, "
        "overspeed, movement, crash; kept positions"
    ),
    port=5009,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    transports=("tcp", "udp"),
    marks=_MARKS,
    max_frame=4096,
    commands=(Locate, ReportEvery, Reboot, SetTimezone, Custom, Immobilise, Mobilise),
)
