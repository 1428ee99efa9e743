"""Wialon IPS: the text protocol of Gurtam that phones, trackers and relays of many makers speak.

See: Gurtam "Wialon IPS" communication protocol, versions 1.1, 2.0 and 2.1. A line each way::

    #L#imei;password CR LF                                      who speaks, version 1
    #L#2.0;imei;password;CE45 CR LF                             and version 2: checksums follow
    #D#date;time;lat;N;lon;E;km/h;course;metres;satellites;hdop;inputs;outputs;adc;key;
       name:type:value,…[;checksum] CR LF                       a report
    #SD#date;time;lat;N;lon;E;km/h;course;metres;satellites[;checksum] CR LF
    #B#report|report|…[|checksum] CR LF                         reports that waited
    #P# CR LF · #M#words CR LF                                  a ping · a message of the driver

``NA`` stands where nothing is known. A datagram, and some relays, write ``imei#`` or
``2.0;imei#`` before the kind. The checksum (crc16 arc, four letters) covers what stands between
the kind and itself. Pictures and tachograph files (``#I#``, ``#T#`` and their bytes) are framed
and not kept, so they are not answered.

The alarm button is the parameter ``SOS``; other makers write ``alarm:3:sos`` and its like. Codes
in a device's settings are the words of that parameter, in small letters.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from protocols.checksum import crc16_arc
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
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
    Reboot,
    Report,
    Signal,
    Unknown,
)
from protocols.settings import DeviceSettings
from protocols.wire import text

_MAX_LINE, _MAX_FRAME = 16_384, 66_000
_KIND = re.compile(rb"([0-9A-Za-z.;_-]{0,64})#([A-Z]{1,3})#")
_LONGEST_KIND = 70
_START = re.compile(rb"[#0-9A-Za-z\r\n]")
_CHECKSUM = re.compile(r"[0-9A-F]{4}", re.IGNORECASE)
_MARKS = tuple(f"#{kind}#".encode() for kind in ("L", "D", "SD", "B", "P", "M"))
_INNER = re.compile(rb"#(?:L|D|SD|B|P|M)#")
_BINARY = {b"I": 0, b"T": 1, b"IT": 1}
_SHORT, _LONG = 10, 16
_UNKNOWN = ("NA", "")
_FEWEST_SATELLITES = 3

_ALARMS: dict[str, Signal] = {
    "sos": Signal.PANIC,
    "panic": Signal.PANIC,
    "general": Signal.UNSPECIFIED,
    "falldown": Signal.FALL,
    "fall": Signal.FALL,
    "tampering": Signal.TAMPER,
    "removing": Signal.REMOVED,
    "jamming": Signal.JAMMING,
    "poweroff": Signal.POWERED_OFF,
    "poweron": Signal.POWERED_ON,
    "powercut": Signal.POWER_CUT,
    "powerrestored": Signal.POWER_RESTORED,
    "lowbattery": Signal.LOW_BATTERY,
    "lowpower": Signal.LOW_POWER,
    "vibration": Signal.SHOCK,
    "movement": Signal.MOVEMENT,
    "tow": Signal.TOW,
    "accident": Signal.CRASH,
    "overspeed": Signal.OVERSPEED,
    "lowspeed": Signal.LOWSPEED,
    "geofence": Signal.ZONE_ALERT,
    "geofenceenter": Signal.ZONE_ENTERED,
    "geofenceexit": Signal.ZONE_LEFT,
    "gpsantennacut": Signal.ANTENNA_CUT,
    "door": Signal.DOOR_OPENED,
    "bonnet": Signal.BONNET,
    "hardacceleration": Signal.HARSH_ACCELERATION,
    "hardbraking": Signal.HARSH_BRAKING,
    "hardcornering": Signal.HARSH_CORNERING,
    "fatiguedriving": Signal.FATIGUE_DRIVING,
    "footbrake": Signal.FOOT_BRAKE,
    "idle": Signal.IDLE,
    "parking": Signal.PARKING,
    "temperature": Signal.TEMPERATURE,
    "fuelleak": Signal.FUEL_LEAK,
    "fault": Signal.FAULT,
}
_WORDS: dict[Signal, str] = {
    signal: word for word, signal in reversed(_ALARMS.items()) if word not in ("sos", "panic")
}
_NOTHING: frozenset[Signal] = frozenset()
_CELL = re.compile(r"(mcc|mnc|lac|cell_id)(\d?)")


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the line at ``start``, with the file behind it if there is one; None: not all.

    Raises Unframeable where no line begins, or another one begins inside it.
    """
    if _START.match(buffer, start) is None:
        raise Unframeable("no #kind# begins here")
    end = buffer.find(b"\n", start, start + _MAX_LINE)
    kind = _KIND.match(buffer, start)
    if kind is None:
        if end < 0 and len(buffer) - start < _LONGEST_KIND:
            return None
        if end < 0 or end - start > 2 or buffer[start : start + 1] not in (b"\r", b"\n"):
            raise Unframeable("no #kind# begins here")
        return end + 1 - start
    if _INNER.search(buffer, kind.end(), end if end >= 0 else start + _MAX_LINE) is not None:
        raise Unframeable("another line begins before this one ends")
    if end < 0:
        if len(buffer) - start >= _MAX_LINE:
            raise Unframeable(f"no end of the line in {_MAX_LINE} bytes")
        return None
    size = end + 1 - start
    if kind[2] in _BINARY:
        size += _bytes_behind(buffer[kind.end() : end], _BINARY[kind[2]])
    return size


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one line says. Raises Corrupt for a wrong checksum, with the answer it asks for."""
    del heard_at
    head = _KIND.match(frame)
    if head is None:
        raise Malformed("an empty line")
    speaker = peer
    if head[1]:
        speaker = peer.named(text(head[1]).rpartition(";")[2])
    kind = text(head[2])
    known = _KINDS.get(kind)
    if known is None:
        return Incoming(messages=(Unknown(kind=kind),), peer=speaker)
    return known(text(frame[head.end() :]).strip("\r\n"), speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """The line that carries ``command``. Raises Unsupported, and says why."""
    del peer
    match command:
        case Reboot():
            return b"reboot\r\n"
        case Custom(text=words) if words and words.isprintable() and len(words) <= 500:
            return words.encode() + b"\r\n"
    raise Unsupported("Wialon IPS has no word for this: try Custom in the words of the device")


def simulate(message: Message, peer: Peer) -> bytes:
    """The line of version 1 that says ``message``. Raises Unsupported."""
    del peer
    match message:
        case Login(unit_id=unit_id):
            return f"#L#{unit_id};NA\r\n".encode()
        case Heartbeat():
            return b"#P#\r\n"
        case CommandReply(text=words) if words.isprintable():
            return f"#M#{words}\r\n".encode()
        case Report():
            return _said(message).encode()
    raise Unsupported("an unknown kind has no line")


def _bytes_behind(fields: bytes, at: int) -> int:
    """The size of the file behind the line, as the line says it."""
    said = fields.split(b";", at + 1)[at : at + 1]
    if not said or not said[0].strip().isdigit() or len(said[0]) > 6:
        raise Unframeable("a file of no size")
    return int(said[0])


def _login(body: str, peer: Peer) -> Incoming:
    """``imei;password`` or ``2.0;imei;password;checksum``."""
    fields = body.split(";")
    if len(fields) > 2 and fields[0][1:2] == ".":
        if len(fields) > 3:
            _check(body, fields[-1], b"#AL#10\r\n")
        unit_id, dialect = fields[1], fields[0]
    else:
        unit_id, dialect = fields[0], ""
    if not unit_id or len(unit_id) > 64:
        raise Malformed("a login without a name", answer=b"#AL#0\r\n")
    return Incoming(
        messages=(Login(unit_id=unit_id),),
        ack=b"#AL#1\r\n",
        refusal=b"#AL#0\r\n",
        peer=peer.named(unit_id, dialect),
    )


def _data(body: str, peer: Peer) -> Incoming:
    fields = body.split(";")
    if len(fields) > _LONG and _CHECKSUM.fullmatch(fields[-1]):
        _check(body, fields[-1], b"#AD#16\r\n")
        body = body[:-5]
    report = _report(body, peer.settings, b"#AD#-1\r\n")
    return Incoming(messages=(report,), ack=b"#AD#1\r\n", refusal=b"#AD#-1\r\n", peer=peer)


def _short_data(body: str, peer: Peer) -> Incoming:
    fields = body.split(";")
    if len(fields) > _SHORT and _CHECKSUM.fullmatch(fields[-1]):
        _check(body, fields[-1], b"#ASD#13\r\n")
        body = body[:-5]
    report = _report(body, peer.settings, b"#ASD#-1\r\n")
    return Incoming(messages=(report,), ack=b"#ASD#1\r\n", refusal=b"#ASD#-1\r\n", peer=peer)


def _black_box(body: str, peer: Peer) -> Incoming:
    """Reports between bars; the answer counts them."""
    lines = body.split("|")
    if len(lines) > 1 and _CHECKSUM.fullmatch(lines[-1]):
        _check(body, lines[-1], b"#AB#\r\n")
        del lines[-1]
    reports = tuple(
        _report(line, peer.settings, b"#AB#0\r\n", buffered=True) for line in lines if line
    )
    if not reports:
        raise Malformed("a black box without a report", answer=b"#AB#0\r\n")
    ack = f"#AB#{len(reports)}\r\n".encode()
    return Incoming(messages=reports, ack=ack, refusal=b"#AB#0\r\n", peer=peer)


def _ping(_body: str, peer: Peer) -> Incoming:
    return Incoming(messages=(Heartbeat(),), ack=b"#AP#\r\n", peer=peer)


def _words(body: str, peer: Peer) -> Incoming:
    """What the driver, or the device itself, has to say."""
    words, _, checksum = body.rpartition(";")
    if words and _CHECKSUM.fullmatch(checksum) and peer.dialect:
        _check(body, checksum, b"#AM#01\r\n")
    else:
        words = body
    return Incoming(
        messages=(CommandReply(text=words),), ack=b"#AM#1\r\n", refusal=b"#AM#0\r\n", peer=peer
    )


_KINDS: dict[str, Callable[[str, Peer], Incoming]] = {
    "L": _login,
    "D": _data,
    "SD": _short_data,
    "B": _black_box,
    "P": _ping,
    "M": _words,
}


def _check(body: str, checksum: str, answer: bytes) -> None:
    if crc16_arc(body[: -len(checksum)].encode()) != int(checksum, 16):
        raise Corrupt("the checksum is wrong", answer=answer)


def _report(
    line: str, settings: DeviceSettings, complaint: bytes, *, buffered: bool = False
) -> Report:
    fields = line.split(";")
    if len(fields) < _SHORT:
        raise Malformed(f"a report has ten fields or more, not {len(fields)}", answer=complaint)
    at = _moment(fields[0], fields[1], settings)
    readings: Readings = {}
    other: dict[str, object] = {}
    satellites = _number(fields[9])
    if satellites is not None:
        readings["satellites"] = int(satellites)
    signals, cells = _extras(fields, readings, other, settings)
    return Report(
        at=at,
        fix=_fix(fields, at, valid=(satellites or 0) >= _FEWEST_SATELLITES),
        signals=signals,
        readings=readings,
        cells=cells,
        buffered=buffered,
        other=other,
        record=line.encode(),
    )


def _moment(day: str, clock: str, settings: DeviceSettings) -> datetime | None:
    """``ddmmyy``, ``hhmmss``; a leading zero may be missing. None if it is no moment."""
    try:
        date, time = int(day), int(clock)
        naive = datetime(  # noqa: DTZ001 — the wire names no zone
            2000 + date % 100,
            date // 100 % 100,
            date // 10_000,
            time // 10_000,
            time // 100 % 100,
            time % 100,
        )
    except ValueError:
        return None
    return settings.utc(naive) if settings.time_zone else naive.replace(tzinfo=UTC)


def _fix(fields: Sequence[str], at: datetime | None, *, valid: bool) -> Fix | None:
    if at is None or fields[2] in _UNKNOWN or fields[4] in _UNKNOWN:
        return None
    try:
        lat, lon = _degrees(fields[2]), _degrees(fields[4])
        return Fix(
            at=at,
            lat=-lat if fields[3] == "S" else lat,
            lon=-lon if fields[5] == "W" else lon,
            valid=valid,
            speed_kmh=_number(fields[6]),
            course_deg=_number(fields[7]),
            altitude_m=_number(fields[8]),
        )
    except ValueError:
        return None


def _degrees(said: str) -> float:
    """Degrees and minutes in one: ``5544.6025``."""
    degrees, minutes = divmod(float(said), 100)
    return degrees + minutes / 60


def _number(said: str) -> float | None:
    if said in _UNKNOWN or len(said) > 24 or not said.lstrip("+-").replace(".", "", 1).isdecimal():
        return None
    return float(said)


def _extras(
    fields: Sequence[str], readings: Readings, other: dict[str, object], settings: DeviceSettings
) -> tuple[frozenset[Signal], tuple[CellTower, ...]]:
    """hdop, inputs, outputs, analogue inputs, key, parameters."""
    if len(fields) > _SHORT and (hdop := _number(fields[10])) is not None:
        readings["hdop"] = hdop
    signals = _NOTHING
    if len(fields) > 11 and len(fields[11]) <= 10 and fields[11].isdecimal():
        inputs = other["inputs"] = int(fields[11])
        signals = settings.inputs(inputs)
    if len(fields) > 13 and fields[13] not in _UNKNOWN:
        other["analogue"] = fields[13]
    if len(fields) > 14 and fields[14] not in _UNKNOWN:
        readings["driver_id"] = fields[14]
    if len(fields) < _LONG or fields[15] in _UNKNOWN:
        return signals, ()
    cells: dict[str, dict[str, str]] = {}
    for parameter in fields[15].split(","):
        name, _, value = parameter.partition(":")
        value = value.partition(":")[2]
        cell = _CELL.fullmatch(name)
        if cell is not None:
            cells.setdefault(cell[2], {})[cell[1]] = value
        else:
            signals |= _parameter(name, value, readings, other, settings)
    return signals, _towers(cells)


def _parameter(
    name: str, value: str, readings: Readings, other: dict[str, object], settings: DeviceSettings
) -> frozenset[Signal]:
    """One ``name:type:value`` into its place; answers what it signals."""
    number = _number(value)
    match name.casefold():
        case "sos":
            return settings.meaning("sos", frozenset({Signal.PANIC})) if number else _NOTHING
        case "alarm":
            word = value.strip().casefold()
            if word in ("0", "", "na", "false"):
                return _NOTHING
            signal = _ALARMS.get(word, Signal.UNSPECIFIED)
            return settings.meaning(word, frozenset({signal}))
        case "bat" | "battery" if number is not None and 0 <= number <= 100:
            readings["battery_pct"] = number
        case "fuel" if number is not None:
            readings["fuel"] = number
        case "ign" | "ignition" if number is not None:
            readings["ignition"] = bool(number)
        case _ if name:
            other[name[:64]] = value if number is None else number
    return _NOTHING


def _towers(said: dict[str, dict[str, str]]) -> tuple[CellTower, ...]:
    found = []
    for cell in said.values():
        try:
            tower = CellTower(
                mcc=int(cell["mcc"]),
                mnc=int(cell["mnc"]),
                lac=int(cell["lac"]),
                cid=int(cell["cell_id"]),
            )
        except (KeyError, ValueError):
            continue
        found.append(tower)
    return tuple(found)


def _said(report: Report) -> str:
    readings = report.readings
    if odd := set(readings) - {"satellites", "hdop", "battery_pct", "fuel", "ignition"}:
        raise Unsupported(f"Wialon IPS has no word of its own for {', '.join(sorted(odd))}")
    at = report.at or (report.fix.at if report.fix else None)
    signals = sorted(report.signals - {Signal.PANIC})
    if len(signals) > 1 or any(signal not in _WORDS for signal in signals):
        raise Unsupported("a report names its alarm button, and one alarm beside it")
    parameters = ["SOS:1:1"] if Signal.PANIC in report.signals else []
    parameters += [f"alarm:3:{_WORDS[signal]}" for signal in signals]
    if "battery_pct" in readings:
        parameters.append(f"bat:2:{readings['battery_pct']:g}")
    if "fuel" in readings:
        parameters.append(f"fuel:2:{readings['fuel']:g}")
    if "ignition" in readings:
        parameters.append(f"ignition:1:{readings['ignition']:d}")
    fields = [
        f"{at:%d%m%y}" if at else "NA",
        f"{at:%H%M%S}" if at else "NA",
        *_place(report.fix),
        str(readings.get("satellites", 9 if report.fix and report.fix.valid else 0)),
        f"{readings['hdop']:g}" if "hdop" in readings else "NA",
        *["NA"] * 4,
        ",".join(parameters) or "NA",
    ]
    kind = "B" if report.buffered else "D"
    return f"#{kind}#{';'.join(fields)}\r\n"


def _place(fix: Fix | None) -> list[str]:
    if fix is None:
        return ["NA"] * 7
    motion = (fix.speed_kmh, fix.course_deg, fix.altitude_m)
    return [
        _minutes(fix.lat, 2),
        "S" if fix.lat < 0 else "N",
        _minutes(fix.lon, 3),
        "W" if fix.lon < 0 else "E",
        *("NA" if value is None else f"{value:g}" for value in motion),
    ]


def _minutes(degrees: float, width: int) -> str:
    whole, millionths = divmod(round(abs(degrees) * 60_000_000), 60_000_000)
    return f"{whole:0{width}d}{millionths / 1_000_000:09.6f}"


CODEC = Codec(
    name="wialon",
    title="Wialon IPS 1 and 2 (phones, trackers, relays)",
    tells=(
        "fixes, satellites, hdop, battery, fuel, ignition, driver, towers, every parameter; the "
        "SOS parameter, alarms by word, panic inputs; black boxes, checksums"
    ),
    port=5039,
    transports=("tcp", "udp"),
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=_MARKS,
    max_frame=_MAX_FRAME,
    commands=(Reboot, Custom),
)
