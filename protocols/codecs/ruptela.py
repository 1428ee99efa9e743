"""Ruptela vehicle trackers: FM-Eco, FM-Pro, FM-Tco, FM-Plug and the HCV, LCV, Trace lines.

See: Ruptela "Protocol documentation" (records, extended records, identification, heartbeat,
diagnostic codes, files, SMS over GPRS) and its lists of I/O parameters.

Every frame, in both directions (a device's frames carry its IMEI, ours do not)::

    [length 2][IMEI 8][command 1][content …][crc16 kermit 2]
              └──── length and checksum count these ────┘

A record, and an extended record (command 44, fields in brackets only there)::

    time 4 | its fraction 1 | [parts 1] | priority 1 | lon 4 | lat 4 | altitude 2 | course 2
    satellites 1 | km/h 2 | hdop 1 | event 1 [2] | four groups of I/O: 1, 2, 4 and 8 bytes each
    a group: count 1 | { number 1 [2] | value } …

``parts`` holds the last part in its high and this part in its low four bits: what does not fit
into one record follows in the next, and is one report here.

The family has no SOS of its own: a panic button is wired to a digital input (I/O 2 to 5 are
inputs 1 to 4), and the settings say to which. Codes in a device's settings are I/O numbers.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from protocols.checksum import crc16_kermit
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Immobilise,
    Login,
    Message,
    Mobilise,
    Readings,
    Reboot,
    Report,
    Signal,
    Unknown,
)
from protocols.settings import DeviceSettings
from protocols.wire import Reader, Writer, text

_RECORDS, _EXTENDED, _WORDS, _FAULTS = 0x01, 0x44, 0x07, 0x09
_IDENTITY, _HEARTBEAT, _FILE = 0x0F, 0x10, 0x25
_SAY = 0x6C
_SHORTEST, _LONGEST = 9, 2048
_MAX_FRAME = _LONGEST + 4
_HEAD = struct.Struct(">IBBiiHHBHBB")
_EXTENDED_HEAD = struct.Struct(">IBBBiiHHBHBH")
_GROUPS = tuple(struct.Struct(f">B{value}") for value in "BHIQ")
_EXTENDED_GROUPS = tuple(struct.Struct(f">H{value}") for value in "BHIQ")
_NO_PLACE = -0x80000000
_NO_HDOP = 0xFF
_DEGREE = 1e7

_SIGNALS: Mapping[int, Signal] = {
    88: Signal.JAMMING,
    134: Signal.HARSH_BRAKING,
    136: Signal.HARSH_ACCELERATION,
    410: Signal.TOW,
    411: Signal.CRASH,
    758: Signal.TAMPER,
}
"""The I/O that says so when it is not 0."""
_SETS = {number: frozenset({signal}) for number, signal in _SIGNALS.items()}
_NOTHING: frozenset[Signal] = frozenset()
_ANTENNA, _POWER = 415, 29
_AT_ZERO = {
    _ANTENNA: frozenset({Signal.ANTENNA_CUT}),
    _POWER: frozenset({Signal.POWER_CUT}),
}
"""The antenna's state at 0 always says so; the voltage, where it is the event as well."""
_FIRST_INPUT, _LAST_INPUT = 2, 5
_DRIVER, _MOST_STEPS = 34, 250


def _volts(value: int) -> float:
    return value / 1000


def _driver(value: int) -> str | None:
    return f"{value:016x}" if value else None


def _fuel(value: int) -> float | None:
    """Steps of 0.4 %; what is above is "not known" in the language of lorries."""
    return value * 0.4 if value <= _MOST_STEPS else None


_READ: Mapping[int, tuple[str, Callable[[int], object]]] = {
    _POWER: ("power_v", _volts),
    30: ("battery_v", _volts),
    _DRIVER: ("driver_id", _driver),
    65: ("odometer_m", float),
    98: ("fuel", lambda value: value * 100 / 255),
    170: ("charging", bool),
    173: ("motion", bool),
    207: ("fuel", _fuel),
    409: ("ignition", bool),
}

_PASSWORD = "pass"  # noqa: S105 — what the makers write in their examples; settings name a real one
_SPOKEN: dict[type[Command], str] = {
    Reboot: "reset",
    Immobilise: "immobilizer 10",
    Mobilise: "resetimmob",
}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: not all there. Two zeros are filling.

    Raises Unframeable for a length that no device sends.
    """
    if len(buffer) - start < 2:
        return None
    length = buffer[start] << 8 | buffer[start + 1]
    if length == 0:
        return 2
    if not _SHORTEST <= length <= _LONGEST:
        raise Unframeable(f"a frame of {length} bytes")
    return length + 4


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame says. Raises Corrupt if its checksum is wrong, Malformed if it is empty.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    if len(frame) < _SHORTEST + 4:
        raise Malformed("nothing but a length")
    if crc16_kermit(frame[2:-2]) != int.from_bytes(frame[-2:], "big"):
        raise Corrupt("the checksum is wrong")
    speaker = peer.named(f"{int.from_bytes(frame[2:10], 'big'):015d}")
    kind = frame[10]
    messages = _KINDS.get(kind, _unknown)(frame, speaker)
    refusal = _reply(kind, accepted=False) if kind in _ANSWERS else b""
    ack = _next_part(frame) if kind == _FILE else _reply(kind, accepted=True)
    return Incoming(messages=messages, ack=ack, refusal=refusal, peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported, and says why.

    The device's own words travel as an SMS would; text of hexadecimal digits goes out as the
    bytes it names.
    """
    if isinstance(command, Custom):
        return _own_words(command.text)
    if type(command) in _SPOKEN:
        password = peer.settings.secret or _PASSWORD
        return _say(f"{password} {_SPOKEN[type(command)]}")
    raise Unsupported("this cannot be said to a Ruptela: try Custom in the words of an SMS")


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a device called ``peer.unit_id`` would send. Raises Unsupported."""
    unit_id = message.unit_id if isinstance(message, Login) else peer.unit_id
    if not (unit_id.isdecimal() and len(unit_id) <= 15):
        raise Unsupported("a Ruptela calls itself by an IMEI of at most fifteen digits")
    head = int(unit_id).to_bytes(8, "big")
    match message:
        case Login():
            return _seal(head + bytes((_IDENTITY,)) + b"0W0C00.03.68.04" + bytes(24))
        case Heartbeat():
            return _seal(head + bytes((_HEARTBEAT,)))
        case CommandReply(text=words):
            return _seal(head + bytes((_WORDS,)) + words.encode())
        case Report():
            return _seal(head + bytes((_EXTENDED, 0, 1)) + _said(message, peer.settings))
    raise Unsupported("an unknown kind has no bytes")


def _records(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    return tuple(_reports(frame, speaker.settings, extended=False))


def _extended_records(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    return tuple(_reports(frame, speaker.settings, extended=True))


def _reports(frame: bytes, settings: DeviceSettings, *, extended: bool) -> list[Report]:
    """Record by record. What can be read counts, even where the count promises more."""
    if len(frame) < 15:
        raise Malformed("no records")
    found: list[Report] = []
    whole: list[tuple[int, int]] = []
    end = len(frame) - 2
    at, begun = 13, 13
    place: tuple[int, ...] = ()
    head = _EXTENDED_HEAD if extended else _HEAD
    for _ in range(frame[12]):
        if at + head.size > end:
            break
        fields = head.unpack_from(frame, at)
        continued = extended and fields[2] & 0x0F
        if not continued and place:
            found.append(_report(place, whole, frame[begun:at], settings))
        if not continued or not place:
            place, whole, begun = fields[:1] + fields[-8:], [], at
        at = _inputs_outputs(frame, at + head.size, end, extended=extended, into=whole)
        if at < 0:
            break
    if place:
        found.append(_report(place, whole, frame[begun : at if at >= 0 else end], settings))
    if not found:
        raise Malformed("no record can be read")
    return found


def _inputs_outputs(
    frame: bytes, at: int, end: int, *, extended: bool, into: list[tuple[int, int]]
) -> int:
    """The four groups of I/O; answers where the next record begins, -1 where they break off."""
    for group in _EXTENDED_GROUPS if extended else _GROUPS:
        if at >= end:
            return -1
        stop = at + 1 + frame[at] * group.size
        if stop > end:
            return -1
        into.extend(group.iter_unpack(frame[at + 1 : stop]))
        at = stop
    return at


def _report(
    head: tuple[int, ...],
    pairs: list[tuple[int, int]],
    record: bytes,
    settings: DeviceSettings,
) -> Report:
    seconds, lon, lat, altitude, course, satellites, speed, hdop, event = head
    at = datetime.fromtimestamp(seconds, UTC)
    readings: Readings = {}
    fix = None
    if _NO_PLACE not in (lon, lat):
        readings["satellites"] = satellites
        fix = _fix(at, lat, lon, (altitude, course, speed))
    if hdop != _NO_HDOP:
        readings["hdop"] = hdop / 10
    other: dict[str, object] = {"event": event}
    signals, inputs = _values(pairs, event, readings, other, settings)
    return Report(
        at=at,
        fix=fix,
        signals=signals | settings.inputs(inputs),
        readings=readings,
        other=other,
        record=record,
    )


def _fix(at: datetime, lat: int, lon: int, motion: tuple[int, int, int]) -> Fix | None:
    altitude, course, speed = motion
    try:
        return Fix(
            at=at,
            lat=lat / _DEGREE,
            lon=lon / _DEGREE,
            altitude_m=altitude / 10,
            course_deg=course / 100,
            speed_kmh=float(speed),
        )
    except ValueError:
        return None


def _values(
    pairs: list[tuple[int, int]],
    event: int,
    readings: Readings,
    other: dict[str, object],
    settings: DeviceSettings,
) -> tuple[frozenset[Signal], int]:
    """The I/O into readings and the rest; answers the signals and the inputs that are on."""
    inputs = 0
    for number, value in pairs:
        if number in _READ:
            name, read = _READ[number]
            if (said := read(value)) is not None:
                readings[name] = said  # type: ignore[literal-required]
        elif _FIRST_INPUT <= number <= _LAST_INPUT:
            inputs |= bool(value) << (number - _FIRST_INPUT)
            other[f"input{number - 1}"] = bool(value)
        else:
            other[f"io{number}"] = value
    return _signals(pairs, event, settings), inputs


def _signals(
    pairs: list[tuple[int, int]], event: int, settings: DeviceSettings
) -> frozenset[Signal]:
    signals = _NOTHING
    for number, value in pairs:
        if value:
            usual = _SETS.get(number, _NOTHING)
        elif number == _ANTENNA or number == event == _POWER:
            usual = _AT_ZERO[number]
        else:
            continue
        if usual or settings.alarms:
            signals |= settings.meaning(str(number), usual)
    return signals


def _faults(frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    """Diagnostic codes, each with a place: kind, time, lon, lat, stored, five letters."""
    wire = Reader(frame[11:-2])
    found: list[Message] = []
    for _ in range(wire.u8()):
        record = wire.take(19)
        fields = Reader(record)
        fields.take(1)
        at = datetime.fromtimestamp(fields.u32(), UTC)
        lon, lat, stored = fields.i32(), fields.i32(), fields.u8()
        fix = None
        if _NO_PLACE not in (lon, lat) and abs(lat) <= 90 * _DEGREE:
            fix = Fix(at=at, lat=lat / _DEGREE, lon=lon / _DEGREE)
        found.append(
            Report(
                at=at,
                fix=fix,
                buffered=stored == 2,
                other={"fault_code": fields.text(5)},
                record=record,
            )
        )
    return tuple(found)


def _login(_frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    return (Login(unit_id=speaker.unit_id),)


def _heartbeat(_frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    return (Heartbeat(),)


def _words(frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    return (CommandReply(text=text(frame[11:-2])),)


def _unknown(frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    return (Unknown(kind=f"{frame[10]:02x}"),)


_KINDS: dict[int, Callable[[bytes, Peer], tuple[Message, ...]]] = {
    _RECORDS: _records,
    _EXTENDED: _extended_records,
    _WORDS: _words,
    _FAULTS: _faults,
    _IDENTITY: _login,
    _HEARTBEAT: _heartbeat,
}

_ANSWERS = {_RECORDS: 0x64, _EXTENDED: 0x64, _FAULTS: 0x6D, _IDENTITY: 0x73, _HEARTBEAT: 0x74}


def _reply(kind: int, *, accepted: bool) -> bytes:
    """``0002 64 01 13BC`` and its like: nothing where the kind expects nothing."""
    return _SEALED.get((kind, accepted), b"")


def _next_part(frame: bytes) -> bytes:
    """A picture in parts: kind, 0, name of eight letters, parts, this part, bytes. Ask the next."""
    if len(frame) < 28 or frame[11] != 2:
        return b""
    wanted = (int.from_bytes(frame[23:25], "big") + 1) & 0xFFFF
    return _seal(b"\x89" + frame[11:21] + wanted.to_bytes(2, "big"))


def _seal(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content + crc16_kermit(content).to_bytes(2, "big")


_SEALED = {
    (kind, accepted): _seal(bytes((answer, accepted)))
    for kind, answer in _ANSWERS.items()
    for accepted in (False, True)
}


def _own_words(words: str) -> bytes:
    try:
        return bytes.fromhex(words) or _say(words)
    except ValueError:
        return _say(words)


def _say(words: str) -> bytes:
    if not words or not words.isascii() or len(words) > 500:
        raise Unsupported("a Ruptela reads up to 500 ASCII letters, as in an SMS")
    return _seal(bytes((_SAY,)) + words.encode())


_VALUES_SAID: tuple[tuple[str, int, int, float], ...] = (
    ("ignition", 409, 0, 1.0),
    ("motion", 173, 0, 1.0),
    ("charging", 170, 0, 1.0),
    ("power_v", _POWER, 1, 1e-3),
    ("battery_v", 30, 1, 1e-3),
    ("odometer_m", 65, 2, 1.0),
)


def _said(report: Report, settings: DeviceSettings) -> bytes:
    """One extended record."""
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("a Ruptela dates every record: give the report a time")
    sayable = {"satellites", "hdop", *(name for name, *_ in _VALUES_SAID)}
    if odd := set(report.readings) - sayable:
        raise Unsupported(f"a Ruptela cannot say {', '.join(sorted(odd))}")
    groups: tuple[list[tuple[int, int]], ...] = ([], [], [], [])
    event = 7
    for number in _numbers(report.signals, settings):
        event = number
        groups[0].append((number, 0 if number == _ANTENNA else 1))
    for name, number, group, factor in _VALUES_SAID:
        if name in report.readings:
            value = float(report.readings[name])  # type: ignore[literal-required]
            groups[group].append((number, round(value / factor)))
    wire = Writer().u32(int(at.timestamp())).put(bytes(3))
    fix = report.fix
    if fix is None:
        wire.i32(_NO_PLACE).i32(_NO_PLACE).put(bytes(7))
    else:
        wire.i32(round(fix.lon * _DEGREE)).i32(round(fix.lat * _DEGREE))
        wire.u16(round((fix.altitude_m or 0) * 10)).u16(round((fix.course_deg or 0) * 100))
        wire.u8(report.readings.get("satellites", 9)).u16(round(fix.speed_kmh or 0))
    wire.u8(round(report.readings.get("hdop", _NO_HDOP / 10) * 10)).u16(event)
    for pairs, layout in zip(groups, _EXTENDED_GROUPS, strict=True):
        wire.u8(len(pairs)).put(b"".join(layout.pack(*pair) for pair in pairs))
    return bytes(wire)


def _numbers(signals: frozenset[Signal], settings: DeviceSettings) -> Iterator[int]:
    known = {signal: number for number, signal in _SIGNALS.items()} | {Signal.ANTENNA_CUT: _ANTENNA}
    if settings.panic_inputs:
        known[Signal.PANIC] = min(settings.panic_inputs) + _FIRST_INPUT - 1
    for signal in sorted(signals):
        if signal not in known:
            raise Unsupported(f"no I/O of a Ruptela means {signal}, unless its settings say so")
        yield known[signal]


CODEC = Codec(
    name="ruptela",
    title="Ruptela",
    tells=(
        "fixes, battery, power, ignition, movement, mileage, fuel, driver, all I/O, fault codes; "
        "jamming, tow, crash, tamper, harsh driving, antenna, power cut; panic inputs"
    ),
    port=5046,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=_MAX_FRAME,
    commands=(Reboot, Custom, Immobilise, Mobilise),
)
