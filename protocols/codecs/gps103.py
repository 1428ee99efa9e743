"""Coban and Xexun trackers of the GPS103, TK102, TK103B and GPS303 kind, and OBD plugs of theirs.

See: "GPS103 communication protocol" (Coban), the sections on data and on commands.

A unit logs in, keeps its line alive with its bare IMEI, and reports in text::

    ##,imei:359586015829802,A;                                                   answered LOAD
    359586015829802;                                                             answered ON
    imei:359586015829802,help me,261124090100,,F,080100.000,A,5050.8042,N,00421.1490,E,16.20,90,…;
         unit            keyword local time    │ UTC        place                     knots course
                                               F: satellites; L: a cell instead of a place

Behind the course come altitude, engine, door, fuel, a second fuel, temperature. A frame ends with
``;``, with ``*`` or with a line end. The day is the local one and the time of day is UTC, so that
the day may be wrong by one: the nearer one is meant.

A cry for help is repeated until somebody answers it with the command E, which is our answer.
A code of ``DeviceSettings.alarms`` is a keyword, such as ``sensor alarm``.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    Custom,
    Fix,
    Heartbeat,
    Immobilise,
    Locate,
    Login,
    Message,
    Mobilise,
    Readings,
    Report,
    ReportEvery,
    Signal,
    Unknown,
)
from protocols.nmea import KMH_OF_A_KNOT, angle, moment, number, written_angle
from protocols.settings import DeviceSettings
from protocols.wire import text

_LOGIN, _NAME = b"##,", b"imei:"
_BETWEEN = b";*\r\n"
_END = re.compile(rb"[;*\n]")
_BARE_NAME = re.compile(rb"\d{10,20}")
_LONGEST_NAME = 20
_MOST_DIGITS = 32
_SAID_AGAIN_S = 600
_HALF_A_DAY, _A_DAY = timedelta(hours=12), timedelta(days=1)

_SIGNALS: dict[str, frozenset[Signal]] = {
    keyword: frozenset({signal})
    for keyword, signal in {
        "help me": Signal.PANIC,
        "low battery": Signal.LOW_BATTERY,
        "stockade": Signal.ZONE_ALERT,
        "move": Signal.MOVEMENT,
        "speed": Signal.OVERSPEED,
        "door alarm": Signal.DOOR_OPENED,
        "ac alarm": Signal.POWER_CUT,
        "acc alarm": Signal.IGNITION,
        "accident alarm": Signal.CRASH,
        "sensor alarm": Signal.SHOCK,
        "bonnet alarm": Signal.BONNET,
        "footbrake alarm": Signal.FOOT_BRAKE,
        "DTC": Signal.FAULT,
    }.items()
}
_BEGINNINGS = (
    ("oil", frozenset({Signal.FUEL_LEAK})),
    ("t:", frozenset({Signal.TEMPERATURE})),
    ("help", frozenset({Signal.PANIC})),
    ("sos", frozenset({Signal.PANIC})),
)
_NOTHING: frozenset[Signal] = frozenset()
_SWITCHES: dict[str, Readings] = {
    "acc on": {"ignition": True},
    "acc off": {"ignition": False},
    "jt": {"immobilised": True},
    "kt": {"immobilised": False},
}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, with what parts it from the last; None: not all there.

    Raises Unframeable where no frame begins, and where another one begins before this one
    ends: the line broke, and what follows may be the alarm.
    """
    begin, waiting = start, len(buffer)
    while begin < waiting and buffer[begin] in _BETWEEN:
        begin += 1
    if begin == waiting:
        return None
    head = _head(buffer, begin)
    ends = _END.search(buffer, begin)
    end = ends.start() if ends else -1
    if head is None:
        return None if end < 0 else end + 1 - start
    inner = buffer.find(_NAME, begin + head, end if end >= 0 else waiting)
    if inner < 0:
        return None if end < 0 else end + 1 - start
    if buffer[begin:inner].isdigit():
        return inner - start
    raise Unframeable("another report begins before this one ends")


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Malformed if it is neither a name nor a report.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    words = text(frame.strip(_BETWEEN))
    if words.isdecimal() and len(words) <= _LONGEST_NAME:
        return Incoming(messages=(Heartbeat(),), ack=b"ON", peer=peer.named(words))
    fields = words.removeprefix("##,").split(",")
    unit_id = fields[0].strip().removeprefix("imei:")
    if unit_id == fields[0] or not 0 < len(unit_id) <= _LONGEST_NAME or len(fields) < 2:
        raise Malformed("no imei: and keyword here")
    speaker = peer.named(unit_id)
    if words.startswith("##") or fields[1:] in (["L", ""], ["L"]):
        return Incoming(messages=(Login(unit_id=unit_id),), ack=b"LOAD", peer=speaker)
    if not fields[1] and len(fields) > 2:
        del fields[1]
    message = _report(fields, words.encode(), speaker.settings)
    called = isinstance(message, Report) and Signal.PANIC in message.signals
    ack = f"**,imei:{unit_id},E;".encode() if called else b""
    return Incoming(messages=(message,), ack=ack, peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The line that carries ``command``. Raises Unsupported, and says why."""
    if not peer.unit_id:
        raise Unsupported("this tracker obeys only its own IMEI: it has not told us one yet")
    return f"**,imei:{peer.unit_id},{_content(command)}".encode()


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a tracker called ``peer.unit_id`` would send. Raises Unsupported."""
    match message:
        case Login(unit_id=unit_id):
            return f"##,imei:{unit_id},A;".encode()
        case Heartbeat() if peer.unit_id:
            return f"{peer.unit_id};".encode()
        case Report() if peer.unit_id:
            return f"imei:{peer.unit_id},{_said_report(message)};".encode()
    raise Unsupported(f"a tracker called {peer.unit_id!r} cannot say {message!r}")


def _head(buffer: bytes, begin: int) -> int | None:
    """Bytes before the end of a head there; None: it may become one. Raises Unframeable."""
    for head in (_NAME, _LOGIN + _NAME):
        if buffer.startswith(head, begin):
            return len(head)
        if head.startswith(buffer[begin : begin + len(head)]):
            return None
    digits = _BARE_NAME.match(buffer, begin)
    if digits is not None:
        return digits.end() - begin
    if len(buffer) - begin < _LONGEST_NAME and buffer[begin:].rstrip(_BETWEEN).isdigit():
        return None
    raise Unframeable("no imei: and no bare name here")


def _report(fields: Sequence[str], record: bytes, settings: DeviceSettings) -> Message:
    if fields[1] == "OBD":
        return _from_obd(fields, record, settings)
    if len(fields) > 17 and fields[2] == "---":
        return _from_a_name(fields, record, settings)
    return _from_keyword(fields, record, settings)


def _from_keyword(fields: Sequence[str], record: bytes, settings: DeviceSettings) -> Message:
    keyword = fields[1]
    signals = _signals(keyword, settings)
    readings: Readings = {**_SWITCHES.get(keyword, {})}
    other: dict[str, object] = {}
    if keyword.startswith("oil ") and (fuel := number(keyword[4:])) is not None:
        readings["fuel"] = fuel
    if keyword not in ("tracker", "") and not signals:
        other["event"] = keyword
    if keyword == "rfid" and len(fields) > 3 and fields[3]:
        readings["driver_id"] = fields[3]
    at: datetime | None = None
    fix: Fix | None = None
    cells: tuple[CellTower, ...] = ()
    again_s = 0
    if fields[4:5] == ["L"]:
        local = _local(fields[2], settings)
        cells = _cells(fields)
        if settings.time_zone:
            at = local
        elif local is not None:
            # Without its zone it is no time, but it tells one report from the next.
            again_s = _SAID_AGAIN_S
    elif len(fields) > 5:
        at = _moment(fields, settings)
        fix = None if at is None else _fix(fields, at)
        _add_tail(fields, readings, other)
    if not (fix or signals or readings or cells):
        return Unknown(kind=keyword)
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        cells=cells,
        other=other,
        record=record,
        again_s=again_s,
    )


def _signals(keyword: str, settings: DeviceSettings) -> frozenset[Signal]:
    usual = _SIGNALS.get(keyword)
    if usual is None:
        begins = keyword.strip().lower().startswith
        usual = next((means for word, means in _BEGINNINGS if begins(word)), _NOTHING)
    return settings.meaning(keyword, usual)


def _local(said: str, settings: DeviceSettings) -> datetime | None:
    """``yymmddhhmm[ss]``, perhaps with marks between, on the clock of the device; in UTC."""
    if len(said) > _MOST_DIGITS:
        return None
    digits = "".join(filter(str.isdecimal, said))
    if len(digits) not in (10, 12):
        return None
    return moment(digits[4:6] + digits[2:4] + digits[:2], digits[6:].ljust(6, "0"), settings)


def _moment(fields: Sequence[str], settings: DeviceSettings) -> datetime | None:
    """The UTC time of day, on whichever day brings it nearest to the local time."""
    local = _local(fields[2], settings)
    if local is None or not fields[5]:
        return local
    at = moment(f"{local:%d%m%y}", fields[5])
    if at is None:
        return None
    if at - local > _HALF_A_DAY:
        return at - _A_DAY
    return at + _A_DAY if local - at > _HALF_A_DAY else at


def _fix(fields: Sequence[str], at: datetime) -> Fix | None:
    """From the letter A or V in field 6 to the altitude; None if it is no place."""
    try:
        speed = number(fields[11])
        return Fix(
            at=at,
            lat=angle(fields[7], fields[8]),
            lon=angle(fields[9], fields[10]),
            valid=fields[6] == "A",
            speed_kmh=None if speed is None else speed * KMH_OF_A_KNOT,
            course_deg=number(fields[12]) if len(fields) > 12 else None,
            altitude_m=number(fields[13]) if len(fields) > 13 else None,
        )
    except (ValueError, IndexError):
        return None


def _add_tail(fields: Sequence[str], readings: Readings, other: dict[str, object]) -> None:
    """What stands behind the altitude: engine, door, fuel, fuel, temperature."""
    if len(fields) > 14 and fields[14] in ("0", "1"):
        readings["ignition"] = fields[14] == "1"
    if len(fields) > 15 and fields[15] in ("0", "1"):
        other["door"] = fields[15] == "1"
    for at, name in ((16, "fuel1"), (17, "fuel2"), (18, "temp1")):
        if len(fields) > at and (value := number(fields[at].rstrip("%"))) is not None:
            other[name] = value


def _cells(fields: Sequence[str]) -> tuple[CellTower, ...]:
    """The serving cell, in hexadecimal; the country is not said."""
    try:
        lac, cid = int(fields[7], 16), int(fields[9], 16)
    except (ValueError, IndexError):
        return ()
    if not 0 <= lac <= 0xFFFF or not 0 <= cid <= 0xFFFFFFF or not (lac or cid):
        return ()
    return (CellTower(mcc=0, mnc=0, lac=lac, cid=cid),)


def _from_obd(fields: Sequence[str], record: bytes, settings: DeviceSettings) -> Message:
    """Local time, odometer, fuel now and used, hours, speed, load, coolant, throttle, rpm, V."""
    told = [*fields[2:], *[""] * 12]
    odometer, battery = number(told[1]), number(told[10])
    if odometer is None and battery is None:
        return Unknown(kind="OBD")
    readings: Readings = {}
    if odometer is not None:
        readings["odometer_m"] = odometer
    if battery is not None:
        readings["battery_v"] = battery
    names = ("fuel_now", "fuel_used", "hours", "obd_speed_kmh", "load_pct", "coolant_c")
    other: dict[str, object] = {
        name: value
        for name, said in zip((*names, "throttle_pct", "rpm"), told[2:10], strict=True)
        if (value := number(said.rstrip("%"))) is not None
    }
    if faults := [said for said in fields[13:] if said]:
        other["faults"] = faults
    return Report(at=_local(told[0], settings), readings=readings, other=other, record=record)


def _from_a_name(fields: Sequence[str], record: bytes, settings: DeviceSettings) -> Report:
    """The other layout: a name, alarms, time, date, signal, 1 or 0, degrees, km/h, course, …."""
    clock, day, rssi, good, lat, lon, speed, course, altitude, hdop, satellites, engine, power = (
        fields[5:18]
    )
    signals = _NOTHING.union(*(_signals(word, settings) for word in fields[1:5]))
    readings: Readings = {"ignition": engine == "1", "charging": power == "1"}
    if (value := number(rssi)) is not None:
        readings["rssi"] = int(value)
    if (value := number(hdop)) is not None:
        readings["hdop"] = value
    if (value := number(satellites)) is not None:
        readings["satellites"] = int(value)
    at = moment(day, clock, settings)
    fix = None
    if at is not None:
        try:
            fix = Fix(
                at=at,
                lat=float(lat),
                lon=float(lon),
                valid=good == "1",
                speed_kmh=number(speed),
                course_deg=number(course),
                altitude_m=number(altitude),
            )
        except ValueError:
            fix = None
    return Report(fix=fix, at=at, signals=signals, readings=readings, record=record)


def _content(command: Command) -> str:
    match command:
        case Locate():
            return "B"
        case ReportEvery(seconds=seconds) if (every := _interval(seconds)) is not None:
            return f"C,{every}"
        case Immobilise():
            return "J"
        case Mobilise():
            return "K"
        case Custom(text=words) if words.isascii() and words.isprintable() and ";" not in words:
            return words
    raise Unsupported(
        _LIMITS.get(type(command), "this cannot be said to a GPS103: try Custom in its words")
    )


def _interval(seconds: int) -> str | None:
    """Two digits of seconds, minutes or hours."""
    for size, unit in ((3600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(seconds, size)
        if not rest and 1 <= count <= 99:
            return f"{count:02}{unit}"
    return None


_LIMITS: dict[type[Command], str] = {
    ReportEvery: "a GPS103 reports every 1 to 99 seconds, or whole minutes, or whole hours",
    Custom: "a command to a GPS103 is plain text without ;, such as H,080",
}


def _said_report(report: Report) -> str:
    keyword = _keyword(report.signals)
    if odd := set(report.readings) - {"ignition"}:
        raise Unsupported(f"a GPS103 cannot say {', '.join(sorted(odd))}")
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("a GPS103 puts a time on every report: give it one")
    at = at.astimezone(UTC)
    if report.fix is None:
        cell = report.cells[0] if report.cells else CellTower(mcc=0, mnc=0, lac=0, cid=0)
        return f"{keyword},{at:%y%m%d%H%M%S},,L,,,{cell.lac:04x},,{cell.cid:04x},,,"
    fix = report.fix
    engine = {True: "1", False: "0", None: ""}[report.readings.get("ignition")]
    return ",".join(
        (
            f"{keyword},{at:%y%m%d%H%M%S},,F,{at:%H%M%S}.000",
            "A" if fix.valid else "V",
            written_angle(fix.lat, "NS", width=2),
            written_angle(fix.lon, "EW", width=3),
            f"{(fix.speed_kmh or 0) / KMH_OF_A_KNOT:.2f}",
            f"{fix.course_deg or 0:.2f}",
            "" if fix.altitude_m is None else f"{fix.altitude_m:.1f}",
            f"{engine},,,,",
        )
    )


def _keyword(signals: frozenset[Signal]) -> str:
    if not signals:
        return "tracker"
    for keyword, means in _SIGNALS.items():
        if means == signals:
            return keyword
    raise Unsupported(f"a GPS103 has no keyword for {' and '.join(sorted(signals))}")


CODEC = Codec(
    name="gps103",
    title="Coban GPS103, TK103B, GPS303 and OBD plugs",
    tells=(
        "fixes, ignition, fuel, OBD values, a tower; SOS, battery, power cut, doors, shock, crash, "
        "movement, zones, speed by keyword"
    ),
    port=5001,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    transports=("tcp", "udp"),
    marks=(_NAME, _LOGIN),
    commands=(Locate, ReportEvery, Immobilise, Mobilise, Custom),
)
