"""Totem AT05, AT07, AT09 and the AVL02: boxes in vehicles, and what was made after them.

See: Totem "AT09 Protocol & Commands" and the AVL02 user guide, chapter 3. All is text; the
length of the old kind is hexadecimal, of the new kind decimal, and both count every byte::

    $$ A9   353358019474100 | AA $GPRMC,… | pdop | hdop | vdop | state | clock | volts | …
    $$ 8B   862170017861566 | AA 180613080657 | A | 2237.1901 | N | … | 0014 | 2B16
    $$ 0108 AA 864244026063437 | 1A000000 140101010101 41 11 0000 27BA 0E57 … E 0481 56
    $$ 0112 E5 864606045334223 | 201112223514, -68.923106, -22.455926, $Cloud, … ,| 13
       length  └ why it was sent  └ state, clock, battery, mains, inputs, tower, place, serial, sum

The old end in a Modbus CRC, the new in an exclusive-or. Frames seen in the field carry wrong
ones, so a wrong sum is noted in ``other`` and the frame is heard: it may be the alarm. Why a
frame was sent are two hexadecimal digits, and so are the alarm codes of the settings: ``01``.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from protocols import nmea
from protocols.checksum import crc16_modbus, xor8
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
    Locate,
    Message,
    Mobilise,
    Readings,
    Reboot,
    Report,
    Signal,
    Unknown,
)
from protocols.wire import text

_OLD_BAR, _NEW_BAR = 19, 23
_LONGEST_HEAD = 26

_NOTHING: frozenset[Signal] = frozenset()
_CODES: Mapping[str, frozenset[Signal]] = {
    code: frozenset({signal})
    for code, signal in {
        "01": Signal.PANIC,
        "10": Signal.LOW_BATTERY,
        "11": Signal.OVERSPEED,
        "30": Signal.PARKING,
        "42": Signal.ZONE_LEFT,
        "43": Signal.ZONE_ENTERED,
        **{f"5{digit}": Signal.INPUT for digit in range(8)},
        "91": Signal.SLEEP,
    }.items()
}
_STATE_SIGNALS = (
    (1 << 31, Signal.PANIC),
    (1 << 29, Signal.OVERSPEED),
    (1 << 27, Signal.ZONE_LEFT),
    (1 << 26, Signal.ZONE_ENTERED),
    (1 << 25, Signal.ANTENNA_CUT),
)
# Only firmware that also sends temperatures means these; on older one bit 14 is the fix.
_LATER_STATE_SIGNALS = ((1 << 14, Signal.LOW_BATTERY), (1 << 10, Signal.JAMMING))
_IGNITION, _MAINS = 1 << 30, 1 << 28
_FIXED, _FIXED_BEFORE = 1 << 12, 1 << 14

_PASSWORD = "000000"  # noqa: S105 — the factory's; the device's own is in its settings
_PLAIN_COMMANDS: dict[type[Command], str] = {
    Locate: "012",
    Reboot: "006",
    Immobilise: "025,C,1",
    Mobilise: "025,C,0",
}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, with the line ends before it; None: not all there yet.

    Some firmware ends a frame with CR LF, some does not; so they belong to the next one.
    """
    at = start
    while at < len(buffer) and buffer[at] in b"\r\n":
        at += 1
    head = buffer[at : at + _LONGEST_HEAD]
    if not b"$$".startswith(head[:2]):
        raise Unframeable("no $$ here")
    bar = head.find(b"|")
    if bar < 0:
        if len(head) < _LONGEST_HEAD:
            return None
        raise Unframeable("no bar behind the unit's name")
    end = _end(buffer, at, bar)
    if end is None:
        return None
    if buffer.find(b"$$", at + 2, end) >= 0:
        raise Unframeable("another frame begins before this one ends")
    return end - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a box said. Raises Malformed if that has no shape we know.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    said = frame.strip(b"\r\n")
    bar = said.find(b"|", 0, _LONGEST_HEAD)
    if said[:2] != b"$$" or bar < _OLD_BAR:
        raise Malformed("no $$, length and name here")
    if _is_new(said, bar):
        named = peer.named(text(said[8:bar]))
        message = _new(said, text(said[6:8]), text(said[bar + 1 :]), named)
        serial = said[-6:-2] if said[-4:] != b"@E#@" else said[-10:-6]
        return Incoming(messages=(message,), ack=_sealed(b"AA", serial), peer=named)
    named = peer.named(text(said[4:bar]))
    message = _old(said, text(said[bar + 1 :]), named)
    return Incoming(messages=(message,), ack=b"ACK OK\r\n", peer=named)


def encode(command: Command, peer: Peer) -> bytes:
    """``$$`` length ``CF`` password, command, sum. Raises Unsupported, and says why."""
    match command:
        case Locate() | Reboot() | Immobilise() | Mobilise():
            words = _PLAIN_COMMANDS[type(command)]
        case Custom(text=words) if words.isascii() and words.isprintable():
            pass
        case _:
            raise Unsupported("a Totem cannot be told this here: send Custom with its own digits")
    return _sealed(b"CF", f"{peer.settings.secret or _PASSWORD},{words}".encode())


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame an AVL02 called ``peer.unit_id`` would send. Raises Unsupported."""
    if len(peer.unit_id) != _OLD_BAR - 4:
        raise Unsupported("a Totem is called by the fifteen digits of its IMEI")
    match message:
        case Heartbeat():
            content = _said(Report(), "88")
        case Report(signals=signals):
            content = _said(message, _said_code(signals))
        case _:
            raise Unsupported(f"a Totem cannot say {message!r}")
    length = 4 + len(peer.unit_id) + 1 + len(content) + 4
    frame = f"$${length:02X}{peer.unit_id}|{content}".encode()
    return frame + f"{crc16_modbus(frame):04X}".encode()


def _is_new(said: bytes, bar: int) -> bool:
    return bar == _NEW_BAR and said[2:6].isdigit()


def _end(buffer: bytes, at: int, bar: int) -> int | None:
    """Where the frame that begins at ``at`` ends; None: that cannot be told yet."""
    if not _is_new(buffer[at : at + bar], bar):
        try:
            size = int(buffer[at + 2 : at + 4], 16)
        except ValueError:
            raise Unframeable("no length behind the $$") from None
        if size < bar:
            raise Unframeable("too short for its own head")
        return at + size
    if buffer[at + 6] == ord("E"):
        # Their length is wrong in frames from the field; two digits behind a second bar end them.
        second = buffer.find(b"|", at + bar + 1)
        return None if second < 0 else second + 3
    size = int(buffer[at + 2 : at + 6])
    if size < bar:
        raise Unframeable("too short for its own head")
    return at + size


def _sealed(kind: bytes, content: bytes) -> bytes:
    """A frame of the new kind from us to the box."""
    frame = b"$$%04d%b%b" % (len(content) + 10, kind, content)
    return frame + b"%02X" % xor8(frame)


# --- the old kind: fields between bars ------------------------------------------


def _old(said: bytes, content: str, peer: Peer) -> Message:
    fields = content.split("|")
    code, first = fields[0][:2], fields[0][2:]
    other: dict[str, object] = {"alarm_code": code}
    if len(fields) > 15 and len(first) == 12:
        at = _moment(first, peer)
        fix, hdop, rest = _fix(at, fields[1:8]), fields[8], fields[9:]
    elif len(fields) > 10:
        rmc = first.split(",")
        fix, at = nmea.rmc(rmc[1:], peer.settings) if rmc[0] == "$GPRMC" else (None, None)
        hdop, rest = fields[2], [fields[4], *fields[6:]]
        other |= {"pdop": nmea.number(fields[1]), "vdop": nmea.number(fields[3])}
        # The clock of the box stands in where the satellites named no time.
        at = at or _moment(fields[5][2:], peer, year_first=True)
    else:
        raise Malformed(f"{len(fields)} fields between bars")
    active = _switches(rest[0][4:8])
    signals = peer.settings.meaning(code, _CODES.get(code, _NOTHING))
    signals |= peer.settings.inputs(active)
    if fix is None and not signals:
        # A box without a place and without news says only that it is there.
        return Heartbeat()
    readings = _old_readings(hdop, rest, centivolts=peer.settings.flag("centivolts", usual=False))
    other |= {"status": rest[0], "inputs": active, "adc": rest[2], "temperature": rest[4]}
    if said[-4:].upper() != b"%04X" % crc16_modbus(said[:-4]):
        other["wrong_sum"] = True
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        cells=_cell(rest[3][:4], rest[3][4:8], None),
        other=other,
        record="|".join(fields[:11]).encode(),
    )


def _old_readings(hdop: str, rest: Sequence[str], *, centivolts: bool) -> Readings:
    """From state, volts, analog, tower, temperature and odometer.

    Volts are a charging flag, three digits of battery and four of mains (13360808), or two
    and two (13811).
    """
    readings: Readings = {}
    if (dilution := nmea.number(hdop)) is not None:
        readings["hdop"] = dilution
    volts = rest[1]
    if volts.isdecimal() and len(volts) == 8:
        readings["battery_v"] = int(volts[1:4]) / 100
        # The guide counts hundredths. What was decoded before in this field did not divide.
        readings["power_v"] = int(volts[4:]) / 100 if centivolts else float(int(volts[4:]))
    elif volts.isdecimal() and len(volts) == 5:
        readings["battery_v"] = int(volts[1:3]) / 10
        readings["power_v"] = float(int(volts[3:]))
        readings["charging"] = rest[0][3:4] == "1"
    if "." in rest[5] and (odometer_km := nmea.number(rest[5])) is not None:
        readings["odometer_m"] = round(odometer_km * 1000, 1)
    return readings


def _switches(digits: str) -> int:
    """Four characters 0 or 1 as bits; the first is input 1."""
    return sum(1 << at for at, digit in enumerate(digits) if digit == "1")


# --- the new kind: columns ------------------------------------------------------


def _new(said: bytes, kind: str, content: str, peer: Peer) -> Message:
    match kind:
        case "CF":
            return CommandReply(text=content[:-2].rstrip("|"))
        case "E2" | "E5":
            return _listed(kind, content, peer)
    wrong_sum = said[-2:].upper() != b"%02X" % xor8(said[:-2])
    return _columns(kind, content.removesuffix("@E#@"), peer, wrong_sum=wrong_sum)


def _columns(kind: str, content: str, peer: Peer, *, wrong_sum: bool) -> Message:
    """Hexadecimal state, clock, then what differs by firmware, then tower and place."""
    # The side of the latitude stands before the longitude: sixteen or twenty from the end.
    north = next((at for at in (-18, -22) if content[at : at + 1] in ("N", "S")), None)
    if north is None or len(content) < 74:
        return Unknown(kind=kind[:2])
    try:
        state = int(content[:8], 16)
    except ValueError:
        raise Malformed("no state in hexadecimal") from None
    place = content[north - 38 : north]
    lac, cid, satellites, rssi, course, speed, hdop = (
        place[:4],
        place[4:8],
        place[8:10],
        place[10:12],
        place[12:15],
        place[15:18],
        place[18:22],
    )
    middle = content[20 : north - 38]
    later = len(middle) >= 16
    at = _moment(content[8:20], peer, year_first=True)
    signals = _state_signals(state, later=later)
    signals |= peer.settings.meaning(kind, _CODES.get(kind, _NOTHING))
    inputs = bool(state & _IGNITION) | (state >> 18 & 2) | (state >> 16 & 4) | (state >> 14 & 8)
    signals |= peer.settings.inputs(inputs)
    fixed = state & (_FIXED if later else _FIXED_BEFORE)
    fix = _fix(
        at,
        [
            "A" if fixed else "V",
            place[29:38],
            content[north],
            content[north + 1 : north + 11],
            content[north + 11],
            speed,
            course,
        ],
        kmh=True,
    )
    readings = _volts(middle)
    readings["ignition"] = bool(state & _IGNITION)
    readings["charging"] = bool(state & _MAINS)
    if satellites.isdecimal():
        readings["satellites"] = int(satellites)
    if (dilution := nmea.number(hdop)) is not None:
        readings["hdop"] = dilution
    if place[22:29].isdecimal():
        readings["odometer_m"] = int(place[22:29])
    other = _middle(middle) | {"alarm_code": kind, "status": state, "inputs": inputs}
    if wrong_sum:
        other["wrong_sum"] = True
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        cells=_cell(lac, cid, -int(rssi) if rssi.isdecimal() else None),
        other=other,
        record=f"{kind}{content[:-6]}".encode(),
    )


def _state_signals(state: int, *, later: bool) -> frozenset[Signal]:
    bits = _STATE_SIGNALS + _LATER_STATE_SIGNALS if later else _STATE_SIGNALS
    return frozenset(signal for bit, signal in bits if state & bit)


def _volts(middle: str) -> Readings:
    """Battery and mains in two digits each, or battery alone in three."""
    if len(middle) == 7 and middle.isdecimal():
        return {"battery_v": int(middle[:3]) / 100}
    if len(middle) >= 8 and middle[:4].isdecimal():
        return {"battery_v": int(middle[:2]) / 10, "power_v": float(int(middle[2:4]))}
    return {}


def _middle(middle: str) -> dict[str, object]:
    """The analog inputs, and behind them two thermometers where there are three and more."""
    start = 3 if len(middle) == 7 else 4
    groups = [middle[at : at + 4] for at in range(start, len(middle), 4)]
    warm = groups[-2:] if len(groups) >= 3 else []
    analog = groups[: len(groups) - len(warm)]
    named = {f"adc{number}": group for number, group in enumerate(analog, 1)}
    return dict(named | {f"temp{number}": group for number, group in enumerate(warm, 1)})


def _listed(kind: str, content: str, peer: Peer) -> Message:
    """An iButton or OBD record: clock, longitude, latitude, then its own fields."""
    fields = content.partition("|")[0].split(",")
    if len(fields) < 3:
        raise Malformed(f"a place wants 3 fields, not {len(fields)}")
    at = _moment(fields[0], peer, year_first=True)
    fix: Fix | None = None
    if at is not None:
        with suppress(ValueError):
            fix = Fix(at=at, lat=float(fields[2]), lon=float(fields[1]))
    readings: Readings = {}
    other: dict[str, object] = {}
    if kind == "E2" and len(fields) > 3:
        readings["driver_id"] = fields[3]
    elif kind == "E5" and len(fields) > 9:
        for name, at_field, scale in (("odometer_m", 4, 1.0), ("power_v", 7, 1000.0)):
            if (value := nmea.number(fields[at_field])) is not None:
                readings[name] = value / scale  # type: ignore[literal-required]
        if (fuel := nmea.number(fields[10] if len(fields) > 10 else "")) is not None:
            readings["fuel"] = fuel
        other = {"obd": fields[5:]}
    return Report(
        fix=fix, at=at, readings=readings, other=other, record=f"{kind}{','.join(fields)}".encode()
    )


# --- fields ---------------------------------------------------------------------


def _moment(digits: str, peer: Peer, *, year_first: bool = False) -> datetime | None:
    """Twelve digits of date and time in UTC; None if there is no such moment."""
    if len(digits) != 12:
        return None
    day = digits[4:6] + digits[2:4] + digits[:2] if year_first else digits[:6]
    return nmea.moment(day, digits[6:], peer.settings)


def _fix(at: datetime | None, place: Sequence[str], *, kmh: bool = False) -> Fix | None:
    """From A or V, latitude, side, longitude, side, speed, course. None if that is no place."""
    if at is None:
        return None
    speed = nmea.number(place[5])
    try:
        return Fix(
            at=at,
            lat=nmea.angle(place[1], place[2]),
            lon=nmea.angle(place[3], place[4]),
            valid=place[0] == "A",
            speed_kmh=speed if kmh or speed is None else speed * nmea.KMH_OF_A_KNOT,
            course_deg=nmea.number(place[6]),
        )
    except ValueError:
        return None


def _cell(lac: str, cid: str, rssi: int | None) -> tuple[CellTower, ...]:
    """The tower of which only area and cell are said; none if both are zero."""
    try:
        area, cell = int(lac, 16), int(cid, 16)
    except ValueError:
        return ()
    return (CellTower(mcc=0, mnc=0, lac=area, cid=cell, rssi=rssi),) if area or cell else ()


# --- simulation -----------------------------------------------------------------


def _said_code(signals: frozenset[Signal]) -> str:
    if not signals:
        return "AA"
    for code, means in _CODES.items():
        if means == signals:
            return code
    raise Unsupported(f"a Totem cannot say {', '.join(sorted(signals))} in one frame")


def _said(report: Report, code: str) -> str:
    """A $GPRMC report up to the bar before its checksum."""
    at = report.at or (report.fix.at if report.fix else None)
    readings = report.readings
    if unsayable := set(readings) - {"hdop", "battery_v", "odometer_m"}:
        raise Unsupported(f"a Totem cannot say {', '.join(sorted(unsayable))}")
    battery = round(readings.get("battery_v", 0.0) * 100)
    fields = [
        f"{code}$GPRMC,{_said_rmc(report.fix)}",
        "00.0",
        f"{readings.get('hdop', 0.0):04.1f}",
        "00.0",
        "0" * 12,
        f"{at:%Y%m%d%H%M%S}" if at else "0" * 14,
        f"1{battery:03d}0000",
        "0" * 8,
        "0" * 8,
        "0000",
        f"{readings.get('odometer_m', 0.0) / 1000:.4f}",
        "0001",
    ]
    return "|".join(fields) + "|"


def _said_rmc(fix: Fix | None) -> str:
    if fix is None:
        return "000000.000,V,0000.0000,N,00000.0000,E,0.00,,000000,,,A*73"
    return f"{nmea.written_rmc(fix)},,,A*73"


CODEC = Codec(
    name="totem",
    title="Totem AT05, AT07, AT09, AVL02",
    tells=(
        "fixes, voltages, ignition, odometer, tower, inputs, iButton, OBD; "
        "SOS, antenna cut, overspeed, zones, low battery, jamming"
    ),
    port=5007,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"$$",),
    max_frame=2048,
    commands=(Locate, Reboot, Immobilise, Mobilise, Custom),
    options={"centivolts": "mains are counted in hundredths of a volt, as the AVL02 guide says"},
)
