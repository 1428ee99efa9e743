"""TopFlyTech: T8608, T8806, TLW and TLD vehicle trackers, TLP and PioneerX asset trackers.

See: TopFlyTech "Protocol" documents of those families. All frames begin alike::

    [mark 2][kind 1][length 2][index 2][IMEI 8, a nibble 0 first][content …]
             └─ length counts the whole frame ─────────────────────────────┘

The mark tells the family: ``2323`` first generation, ``2525`` second, ``2626`` with a vehicle
computer, ``2727`` asset trackers. Answers repeat mark, kind, index (the first generation wants
1) and IMEI; that to an alarm ends with its code. Where the fix bit of the status is clear, four
fields of the place hold cells. Codes in a device's settings are alarm codes in decimal, with
``asset`` before those of the asset trackers (``3``, ``asset 2``); ``ble`` before those of a
Bluetooth button (``ble 0``). Inputs 1 and 2 are ignition and air conditioning, 3 and 4 free.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    Login,
    Message,
    Readings,
    Report,
    Signal,
    Unknown,
)
from protocols.settings import DeviceSettings
from protocols.wire import Reader, text

_FIRST, _SECOND, _COMPUTER, _ASSET = b"##", b"%%", b"&&", b"''"
_MARKS = (_FIRST, _SECOND, _COMPUTER, _ASSET)
_HEAD, _LONGEST = 15, 2048
_LOGIN, _PLACE, _BEAT, _ALARM, _WORDS = 0x01, 0x02, 0x03, 0x04, 0x81
_LONG_PLACE, _LONG_ALARM = 0x13, 0x14
_BEACON, _OPERATOR, _DRIVING = 0x10, 0x11, 0x05

_HISTORY, _FIXED, _SATELLITES = 0x80, 0x40, 0x1F
_IGNITION, _AIR, _THIRD, _FOURTH = 0x4000, 0x2000, 0x1000, 0x0800
_ASSET_IGNITION = 0x04
_GPS = struct.Struct("<fff")
_CELLS = struct.Struct("<8H")

_ALARMS: Mapping[int, Signal] = {
    1: Signal.POWER_CUT,
    2: Signal.LOW_BATTERY,
    3: Signal.PANIC,
    4: Signal.OVERSPEED,
    5: Signal.ZONE_ENTERED,
    6: Signal.ZONE_LEFT,
    7: Signal.TOW,
    8: Signal.SHOCK,
    9: Signal.INPUT,
    10: Signal.SHOCK,
    21: Signal.JAMMING,
    23: Signal.POWER_RESTORED,
    24: Signal.LOW_POWER,
}
_ASSET_ALARMS: Mapping[int, Signal] = {
    1: Signal.REMOVED,
    2: Signal.TAMPER,
    3: Signal.PANIC,
    4: Signal.REMOVED,
    5: Signal.FALL,
    6: Signal.LOW_BATTERY,
    14: Signal.ZONE_ENTERED,
    15: Signal.ZONE_LEFT,
}
_BUTTON: Mapping[int, Signal] = {0: Signal.PANIC, 1: Signal.LOW_BATTERY}
_SETS = {signal: frozenset({signal}) for signal in Signal}
_NOTHING: frozenset[Signal] = frozenset()
_UNREAD = frozenset({Signal.UNSPECIFIED})


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: not enough to tell.

    Raises Unframeable for a mark or a length that no device sends, and where the same unit
    begins again inside the frame: the line broke, and what follows may be the alarm.
    """
    mark = buffer[start : start + 2]
    if (len(mark) == 2 and mark not in _MARKS) or (len(mark) == 1 and mark not in b"#%&'"):
        raise Unframeable("no mark of a TopFlyTech frame")
    if len(buffer) - start < 5:
        return None
    size = buffer[start + 3] << 8 | buffer[start + 4]
    if not _HEAD <= size <= _LONGEST:
        raise Unframeable(f"a frame of {size} bytes")
    end = start + size
    if len(buffer) >= end:
        again = buffer.find(buffer[start + 7 : start + _HEAD], start + _HEAD, end)
        if again >= 0 and buffer[again - 7 : again - 5] == mark:
            raise Unframeable("another frame begins before this one ends")
    return size


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame says. Raises Malformed where it breaks off and is no alarm."""
    del heard_at
    if len(frame) < _HEAD or frame[:2] not in _MARKS:
        raise Malformed("no head of a TopFlyTech frame")
    name = frame[7:15].hex()
    if not name.isdecimal():
        raise Malformed("an IMEI that is no number")
    mark, kind = frame[:2], frame[2]
    speaker = peer.named(name[1:], text(mark))
    alarm = kind == _ALARM or (kind == _LONG_ALARM and mark == _SECOND)
    if alarm or kind == _PLACE or (kind == _LONG_PLACE and mark == _SECOND):
        message: Message = _place_report(frame, speaker.settings, alarm=alarm)
        code = frame[_LAYOUTS[mark, kind].alarm :][:1] if alarm else b""
        return Incoming(
            messages=(message,), ack=_answer(frame, code) if alarm else b"", peer=speaker
        )
    known = _KINDS.get(kind)
    if known is None or (kind == _DRIVING and mark not in (_COMPUTER, _ASSET)):
        messages: tuple[Message, ...] = (Unknown(kind=f"{kind:02x}"),)
    else:
        messages = known(frame, speaker)
    return Incoming(messages=messages, ack=_answer(frame), peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported, and says why."""
    match command:
        case Custom(text=words) if words and words.isascii() and len(words) <= 500:
            content = b"\x01" + words.encode()
            return _frame(_mark(peer, _FIRST), _WORDS, 1, _name(peer.unit_id), content)
    raise Unsupported("a TopFlyTech tracker obeys texts: try Custom, such as 1234,110#")


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a tracker of the second generation would send. Raises Unsupported."""
    unit_id = message.unit_id if isinstance(message, Login) else peer.unit_id
    name = _name(unit_id)
    match message:
        case Login():
            return _frame(_SECOND, _LOGIN, 1, name, bytes.fromhex("01020300000000000000000000"))
        case Heartbeat():
            return _frame(_SECOND, _BEAT, 1, name, b"")
        case CommandReply(text=words):
            return _frame(_SECOND, _WORDS, 1, name, b"\x01" + words.encode("utf-16-le"))
        case Report():
            kind = _LONG_ALARM if message.signals else _LONG_PLACE
            return _frame(_SECOND, kind, 1, name, _said(message))
    raise Unsupported("an unknown kind has no bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where a family keeps its fields, counted from the first byte of the frame.

    lines  ignition, inputs and outputs; None where the family keeps a word of state instead
    tail   reads what follows the place
    """

    status: int
    alarm: int
    odometer: int
    battery: int
    place: int
    lines: int | None = None
    tail: Callable[[bytes, int, Readings, dict[str, object]], None]


def _place_report(frame: bytes, settings: DeviceSettings, *, alarm: bool) -> Report:
    """A place or an alarm. An alarm too short to say which is one all the same."""
    mark = frame[:2]
    layout = _LAYOUTS.get((mark, frame[2]))
    if layout is None:
        raise Malformed(f"{mark!r} has no kind {frame[2]:02x}")
    if len(frame) < layout.place + 16:
        if alarm:
            return Report(signals=_UNREAD, record=frame[2:3] + frame[_HEAD:])
        raise Malformed("a place that breaks off")
    status = frame[layout.status]
    at = _moment(frame[layout.place - 6 : layout.place], settings)
    readings: Readings = {"satellites": status & _SATELLITES}
    code = frame[layout.alarm]
    other: dict[str, object] = {"alarm_code": code}
    inputs = 0
    if layout.lines is not None:
        readings["rssi"] = frame[22] << 8 | frame[23]
        lines = frame[layout.lines] << 8 | frame[layout.lines + 1]
        readings["ignition"] = bool(lines & _IGNITION)
        inputs = other["inputs"] = _inputs(lines)
    readings["odometer_m"] = float(
        int.from_bytes(frame[layout.odometer : layout.odometer + 4], "big")
    )
    if (battery := _digits(frame[layout.battery : layout.battery + 1])) is not None:
        readings["battery_pct"] = battery or 100
    layout.tail(frame, layout.place + 16, readings, other)
    fix = None
    cells: tuple[CellTower, ...] = ()
    if status & _FIXED:
        speed = layout.place + (18 if mark == _COMPUTER else 12)
        fix = _fix(at, frame, layout.place, speed)
    else:
        cells = _cells(frame[layout.place : layout.place + 16])
    masked = frame[_HEAD : layout.status] + bytes((status & ~_HISTORY,))
    return Report(
        at=at,
        fix=fix,
        signals=_signals(code, mark, settings) | settings.inputs(inputs),
        readings=readings,
        cells=cells,
        buffered=bool(status & _HISTORY),
        other=other,
        record=frame[2:3] + masked + frame[layout.status + 1 :],
    )


def _signals(code: int, mark: bytes, settings: DeviceSettings) -> frozenset[Signal]:
    if not code:
        return _NOTHING
    table, word = (_ASSET_ALARMS, "asset ") if mark == _ASSET else (_ALARMS, "")
    signal = table.get(code)
    usual = _NOTHING if signal is None else _SETS[signal]
    return settings.meaning(f"{word}{code}", usual) if settings.alarms else usual


def _inputs(lines: int) -> int:
    bits = (_IGNITION, _AIR, _THIRD, _FOURTH)
    return sum(bool(lines & bit) << at for at, bit in enumerate(bits))


def _moment(raw: bytes, settings: DeviceSettings) -> datetime | None:
    """Six bytes of packed decimal; None if no clock ever showed that."""
    try:
        year, month, day, hour, minute, second = (int(f"{part:02x}") for part in raw)
        naive = datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 — no zone
    except ValueError:
        return None
    return settings.utc(naive) if settings.time_zone else naive.replace(tzinfo=UTC)


def _fix(at: datetime | None, frame: bytes, place: int, speed: int) -> Fix | None:
    """Altitude, longitude, latitude as little-endian floats; tenths of km/h in packed decimal."""
    if at is None or len(frame) < speed + 2:
        return None
    altitude, lon, lat = _GPS.unpack_from(frame, place)
    tenths = _digits(frame[speed : speed + 2])
    try:
        return Fix(
            at=at,
            lat=lat,
            lon=lon,
            altitude_m=altitude if abs(altitude) < 1e5 else None,
            speed_kmh=None if tenths is None else tenths / 10,
            course_deg=float(int.from_bytes(frame[place + 14 : place + 16], "big")),
        )
    except ValueError:
        return None


def _cells(raw: bytes) -> tuple[CellTower, ...]:
    """Country, network, three times area and cell: little-endian."""
    mcc, mnc, *pairs = _CELLS.unpack(raw)
    if not 200 <= mcc <= 999 or mnc > 999:
        return ()
    towers = {(pairs[at], pairs[at + 1]) for at in (0, 2, 4)}
    return tuple(
        CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid) for lac, cid in sorted(towers) if cid
    )


def _digits(raw: bytes) -> int | None:
    """Packed decimal; None if it is none."""
    digits = raw.hex()
    return int(digits) if digits.isdecimal() else None


def _first_tail(frame: bytes, at: int, readings: Readings, other: dict[str, object]) -> None:
    other["adc1_v"] = (frame[33] << 8 | frame[34]) / 100
    if len(frame) >= at + 2 and (power := _digits(frame[at : at + 2])) is not None:
        readings["power_v"] = power / 100


def _second_tail(frame: bytes, at: int, readings: Readings, other: dict[str, object]) -> None:
    other["adc1_v"] = (frame[35] << 8 | frame[36]) / 100
    if len(frame) >= at + 4:
        if (battery := _digits(frame[at : at + 2])) is not None:
            readings["battery_v"] = battery / 100
        if (power := _digits(frame[at + 2 : at + 4])) is not None:
            readings["power_v"] = power / 100


def _computer_tail(frame: bytes, at: int, readings: Readings, other: dict[str, object]) -> None:
    """Volts and km/h in packed decimal, two counters, then what the engine says, FF if nothing."""
    if len(frame) >= at + 2 and (power := _digits(frame[at : at + 2])) is not None:
        readings["power_v"] = power / 100
    if len(frame) < at + 21:
        return
    other["rpm"] = frame[at + 12] << 8 | frame[at + 13]
    coolant, fuel = frame[at + 16], frame[at + 20]
    if coolant != 0xFF:
        other["coolant_c"] = coolant - 40
    if fuel <= 100:
        readings["fuel"] = float(fuel)


def _asset_tail(frame: bytes, at: int, readings: Readings, other: dict[str, object]) -> None:
    """Acceleration, then battery, degrees, light, volts, solar volts, metres, a word of state."""
    if len(frame) < at + 16:
        return
    other["temperature_c"] = int.from_bytes(frame[at + 6 : at + 7], "big", signed=True)
    if (volts := _digits(frame[at + 8 : at + 9])) is not None:
        readings["battery_v"] = volts / 10
    state = frame[at + 14] << 8 | frame[at + 15]
    readings["rssi"] = state >> 4 & 0x7F
    readings["ignition"] = bool(state & _ASSET_IGNITION)


_FIRST_LAYOUT = _Layout(
    status=24, lines=31, alarm=37, odometer=39, battery=43, place=50, tail=_first_tail
)
_SECOND_LAYOUT = _Layout(
    status=24, lines=31, alarm=45, odometer=47, battery=51, place=58, tail=_second_tail
)
_COMPUTER_LAYOUT = _Layout(
    status=24, lines=31, alarm=33, odometer=35, battery=39, place=46, tail=_computer_tail
)
_ASSET_LAYOUT = _Layout(status=15, alarm=16, odometer=49, battery=44, place=23, tail=_asset_tail)
_LAYOUTS: Mapping[tuple[bytes, int], _Layout] = {
    **{(mark, kind): _FIRST_LAYOUT for mark in (_FIRST, _SECOND) for kind in (_PLACE, _ALARM)},
    **{(_SECOND, kind): _SECOND_LAYOUT for kind in (_LONG_PLACE, _LONG_ALARM)},
    **{(_COMPUTER, kind): _COMPUTER_LAYOUT for kind in (_PLACE, _ALARM)},
    **{(_ASSET, kind): _ASSET_LAYOUT for kind in (_PLACE, _ALARM)},
}


def _login(_frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    return (Login(unit_id=speaker.unit_id),)


def _beat(_frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    return (Heartbeat(),)


def _words(frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    """A byte, and text in two bytes a letter, or in one."""
    said = frame[_HEAD + 1 :]
    wide = len(said) % 2 == 0 and 0 in said[1::2]
    return (CommandReply(text=said.decode("utf-16-le", "replace") if wide else text(said)),)


def _operator(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """Operator (two bytes a letter), technology, band, IMSI, ICCID; each after its length."""
    wire = Reader(frame[_HEAD:])
    at = _moment(wire.take(6), speaker.settings)
    other: dict[str, object] = {}
    for name in ("operator", "technology", "band", "imsi", "iccid"):
        if not wire.remaining:
            break
        said = wire.take(min(wire.u8(), wire.remaining))
        other[name] = said.decode("utf-16-le", "replace") if name == "operator" else text(said)
    return (Report(at=at, other=other, record=b"operator" + frame[_HEAD:]),)


def _driving(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """How it was driven: a code, where it began, where it ended and the engine's turns."""
    if frame[:2] == _ASSET:
        return _operator(frame, speaker)
    content = frame[_HEAD:]
    if len(content) < 25:
        raise Malformed("driving that breaks off")
    code = content[0]
    signal = Signal.HARSH_ACCELERATION if code % 2 else Signal.HARSH_BRAKING
    usual = _SETS[signal] if code <= 5 else _NOTHING
    signals = speaker.settings.meaning(f"driving {code}", usual)
    found: list[Message] = []
    starts = range(_HEAD + 1, len(frame) - 23, 24)
    for start in starts:
        at = _moment(frame[start : start + 6], speaker.settings)
        here = frame[start + 6 : start + 18] != b"\xff" * 12
        found.append(
            Report(
                at=at,
                fix=_fix(at, frame, start + 6, start + 18) if here else None,
                signals=signals if start == starts[-1] else _NOTHING,
                other={"rpm": frame[start + 22] << 8 | frame[start + 23], "driving_code": code},
                record=b"driving" + content[:1] + frame[start : start + 24],
            )
        )
    return tuple(found)


def _beacon(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """Bluetooth: time, ignition, kind, address, and what that kind of beacon says."""
    wire = Reader(frame[_HEAD:])
    at = _moment(wire.take(6), speaker.settings)
    readings: Readings = {"ignition": bool(wire.u8())}
    kind = wire.u16()
    address = wire.take(6).hex()
    other: dict[str, object] = {"beacon": address, "beacon_kind": kind}
    signals = _NOTHING
    fix = None
    if kind in (2, 3):
        # A button that calls for help, or the tag of a driver; behind it stands a place.
        other["beacon_battery_v"] = wire.u8() / 16
        code = wire.u8()
        usual = _BUTTON.get(code) if kind == 2 or code else None
        word = f"ble {code}" if kind == 2 else f"driver {code}"
        signals = speaker.settings.meaning(word, _NOTHING if usual is None else _SETS[usual])
        if kind == 3:
            readings["driver_id"] = address
        if wire.remaining >= 17 and wire.u8() & _FIXED:
            place = _HEAD + wire.at
            fix = _fix(at, frame, place, place + 12)
    elif kind in (4, 5) and wire.remaining >= 4:
        other["beacon_battery_v"] = (wire.u8() + 200) / 100
        wire.u8()
        other["beacon_temperature_c"] = wire.i16() / 100
        if kind == 5 and wire.remaining:
            other["beacon_door_open"] = wire.u8() == 1
        elif kind == 4 and wire.remaining >= 2:
            other["beacon_humidity_pct"] = wire.u16() / 100
    return (
        Report(
            at=at,
            fix=fix,
            signals=signals,
            readings=readings,
            other=other,
            record=b"beacon" + frame[_HEAD:],
        ),
    )


_KINDS: dict[int, Callable[[bytes, Peer], tuple[Message, ...]]] = {
    _LOGIN: _login,
    _BEAT: _beat,
    _WORDS: _words,
    _OPERATOR: _operator,
    _BEACON: _beacon,
    _DRIVING: _driving,
}


def _answer(frame: bytes, code: bytes = b"") -> bytes:
    index = b"\x00\x01" if frame[:2] == _FIRST else frame[5:7]
    size = (_HEAD + len(code)).to_bytes(2, "big")
    return frame[:3] + size + index + frame[7:15] + code


def _mark(peer: Peer, usual: bytes) -> bytes:
    mark = peer.dialect.encode()
    return mark if mark in _MARKS else usual


def _name(unit_id: str) -> bytes:
    if not (unit_id.isdecimal() and unit_id.isascii() and len(unit_id) <= 15):
        raise Unsupported("a TopFlyTech tracker calls itself by an IMEI of fifteen digits")
    return bytes.fromhex(unit_id.zfill(16))


def _frame(mark: bytes, kind: int, index: int, name: bytes, content: bytes) -> bytes:
    size = _HEAD + len(content)
    head = mark + bytes((kind,)) + size.to_bytes(2, "big") + index.to_bytes(2, "big")
    return head + name + content


_SAYABLE = frozenset(
    {"satellites", "rssi", "ignition", "odometer_m", "battery_pct", "battery_v", "power_v"}
)
_CODES = {signal: code for code, signal in sorted(_ALARMS.items(), reverse=True)}


def _said(report: Report) -> bytes:
    """The content of a place or an alarm of the second generation."""
    readings = report.readings
    if odd := set(readings) - _SAYABLE:
        raise Unsupported(f"a TopFlyTech tracker cannot say {', '.join(sorted(odd))}")
    if len(report.signals) > 1 or any(signal not in _CODES for signal in report.signals):
        raise Unsupported("a TopFlyTech frame holds one alarm, of those that have a code")
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("a TopFlyTech tracker dates every report: give it a time")
    fix = report.fix
    status = readings.get("satellites", 9 if fix else 0) & _SATELLITES
    status |= (_FIXED if fix else 0) | (_HISTORY if report.buffered else 0)
    lines = _IGNITION if readings.get("ignition") else 0
    code = next((_CODES[signal] for signal in report.signals), 0)
    head = struct.pack(
        ">HHBHHBBBBBHHHHHHHHBBI",
        *(60, 900, 56, 500, readings.get("rssi", 20) & 0xFFFF, status, 0, 0, 5, 1, 0),
        *(lines, 0, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, code, 0),
        round(readings.get("odometer_m", 0)),
    )
    battery = round(readings.get("battery_pct", 100)) % 100
    place = bytes(16)
    if fix is not None:
        motion = f"{round((fix.speed_kmh or 0) * 10):04d}{round(fix.course_deg or 0):04x}"
        place = _GPS.pack(fix.altitude_m or 0, fix.lon, fix.lat) + bytes.fromhex(motion)
    volts = "".join(
        f"{round(volts * 100):04d}"
        for volts in (readings.get("battery_v", 0.0), readings.get("power_v", 0.0))
    )
    dated = bytes.fromhex(f"{battery:02d}{at.astimezone(UTC):%y%m%d%H%M%S}")
    return head + dated + place + bytes.fromhex(volts) + b"\xff" * 11


CODEC = Codec(
    name="t800x",
    title="TopFlyTech T8608, T8806, TLW, TLD, TLP",
    tells=(
        "fixes, battery, power, ignition, mileage, fuel, towers, Bluetooth beacons; SOS, also of "
        "a Bluetooth button, fall, power cut, removed, tamper, zones, jamming; panic inputs"
    ),
    port=5094,
    transports=("tcp", "udp"),
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=_MARKS,
    max_frame=_LONGEST,
    commands=(Custom,),
)
