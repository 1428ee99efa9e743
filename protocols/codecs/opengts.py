"""Phone apps that log to an OpenGTS server: GPSLogger, TrackMe, HubSync and their like.

See: OpenGTS "GPRMC" device communication server and the status codes of OpenDMTP; NMEA 0183,
sentence RMC. One GET, one position::

    GET /gprmc/Data?acct=soc&dev=phone&code=0xF020&alt=35.0&gprmc=$GPRMC,081530,A,5050.808,N,…*0E
                             │         │                          clock, A or V, place, knots,
                             name      status code                course, day, …, sum

The name is ``id``, else ``dev``. A status code is the code of ``DeviceSettings.alarms``, in small
letters: ``0xf841`` is the panic button.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote

from protocols import http_request
from protocols.checksum import xor8
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unsupported
from protocols.http_request import FORBIDDEN, KEPT, number, refuse, scalars, unit_id
from protocols.message import Command, Fix, Login, Message, Readings, Report, Signal

_KMH_PER_KNOT = 1.852
_STATUS = {
    "0xf841": Signal.PANIC,
    "0xf11a": Signal.OVERSPEED,
    "0xfd13": Signal.POWER_CUT,
    "0xfd15": Signal.POWER_RESTORED,
}
_IGNITION = {"0xf401": True, "0xf403": False}

_READINGS = {"batt": "battery_pct", "batteryLevel": "battery_pct", "sats": "satellites"}


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one request says. Every refusal is a Malformed that is answered with a 400.

    ``heard_at`` is when a call without a time was made: two of them are two calls.
    """
    request = http_request.read(frame)
    said = dict(http_request.pairs(request.query))
    name = said.pop("id", "") or said.pop("dev", "")
    peer = peer.named(unit_id(name))
    sentence = said.pop("gprmc", "")
    code = _code(said.get("code", ""))
    usual = _STATUS.get(code)
    signals = peer.settings.meaning(code, frozenset() if usual is None else frozenset({usual}))
    if not sentence and not signals:
        return _incoming(Login(unit_id=peer.unit_id), peer)
    altitude = number(said.pop("alt", None))
    try:
        fix, at = _position(sentence, altitude)
    except Malformed:
        # A call for help stands, whatever became of the place beside it.
        if not signals:
            raise
        fix, at = None, None
    report = Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=_readings(said, code),
        other=scalars(said.items()),
        record=f"{request.query}{'' if at else heard_at.isoformat()}".encode("latin-1"),
    )
    return _incoming(report, peer)


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: a request is answered, and that is all we can say."""
    raise Unsupported(
        f"a phone app takes no {type(command).__name__} over HTTP: "
        "call the person, or change the setting in the app"
    )


def simulate(message: Message, peer: Peer) -> bytes:
    """The GET that GPSLogger sends. Raises Unsupported."""
    match message:
        case Login(unit_id=name):
            query = f"id={quote(name)}"
        case Report():
            query = f"id={quote(peer.unit_id)}&{_said(message)}"
        case _:
            raise Unsupported(f"a phone app never sends a {type(message).__name__}")
    return f"GET /gprmc/Data?{query} HTTP/1.1\r\nHost: tracker\r\n\r\n".encode("ascii")


def _incoming(message: Message, peer: Peer) -> Incoming:
    return Incoming(messages=(message,), ack=KEPT, refusal=FORBIDDEN, peer=peer)


def _code(said: str) -> str:
    """A status code as 0xf841, though the app writes it in decimal or in capitals."""
    try:
        return f"0x{int(said[:8], 0):04x}"
    except ValueError:
        return said[:8].casefold()


def _position(sentence: str, altitude: float | None) -> tuple[Fix | None, datetime | None]:
    """The place and the time of an RMC sentence; its sum, where it has one, must be right."""
    if not sentence:
        return None, None
    said, star, check = sentence.removeprefix("$").partition("*")
    if star and check.strip().upper() != f"{xor8(said.encode()):02X}":
        refuse("the sum of the sentence is wrong")
    fields = said.split(",")
    if len(fields) < 10 or fields[0] not in {"GPRMC", "GNRMC"}:
        refuse("no GPRMC sentence")
    at = _moment(fields[9], fields[1])
    if at is None:
        return None, None
    lat, lon = _degrees(fields[3], fields[4]), _degrees(fields[5], fields[6])
    speed = number(fields[7])
    if lat is None or lon is None:
        return None, at
    with suppress(ValueError):
        fix = Fix(
            at=at,
            lat=lat,
            lon=lon,
            valid=fields[2] == "A",
            speed_kmh=None if speed is None else speed * _KMH_PER_KNOT,
            course_deg=number(fields[8]),
            altitude_m=altitude,
        )
        return fix, at
    return None, at


def _degrees(said: str, letter: str) -> float | None:
    """Degrees, two digits of minutes and their fraction: 5006.728217 and N."""
    value = number(said)
    if value is None or value < 0:
        return None
    degrees = value // 100 + value % 100 / 60
    return -degrees if letter in {"S", "W"} else degrees


def _moment(day: str, clock: str) -> datetime | None:
    """Day as ddmmyy and clock as hhmmss.s, in UTC; None if no such moment exists."""
    clock = clock[:6]
    if len(day) != 6 or len(clock) != 6 or not (day + clock).isdecimal():
        return None
    dd, mm, yy = int(day[:2]), int(day[2:4]), 2000 + int(day[4:])
    try:
        return datetime(yy, mm, dd, int(clock[:2]), int(clock[2:4]), int(clock[4:]), tzinfo=UTC)
    except ValueError:
        return None


def _readings(said: Mapping[str, str], code: str) -> Readings:
    readings: Readings = {}
    if code in _IGNITION:
        readings["ignition"] = _IGNITION[code]
    for key, name in _READINGS.items():
        value = number(said.get(key))
        if value is None or value < 0:
            continue
        if name == "satellites":
            readings["satellites"] = int(value)
        else:
            readings["battery_pct"] = value
    return readings


def _said(report: Report) -> str:
    codes = {signal: code for code, signal in _STATUS.items()}
    unsayable = (report.signals - set(codes)) | (
        set(report.readings) - {"battery_pct", "satellites"}
    )
    if unsayable or len(report.signals) > 1:
        wanted = ", ".join(sorted(unsayable)) or "two alarms in one request"
        raise Unsupported(f"an OpenGTS app cannot say {wanted}")
    code = next((codes[signal] for signal in report.signals), "0xf020")
    words = [f"code={code}"]
    for key, name in (("batt", "battery_pct"), ("sats", "satellites")):
        if (value := report.readings.get(name)) is not None:
            words.append(f"{key}={value}")
    if fix := report.fix:
        sentence = (
            f"GPRMC,{fix.at:%H%M%S},{'A' if fix.valid else 'V'},{_minutes(fix.lat, 2, 'NS')},"
            f"{_minutes(fix.lon, 3, 'EW')},{(fix.speed_kmh or 0.0) / _KMH_PER_KNOT:.4f},"
            f"{fix.course_deg or 0.0:.2f},{fix.at:%d%m%y},,"
        )
        if fix.altitude_m is not None:
            words.append(f"alt={fix.altitude_m:.1f}")
        words.append(f"gprmc=${sentence}*{xor8(sentence.encode()):02X}")
    return "&".join(words)


def _minutes(value: float, digits: int, letters: str) -> str:
    """5006.728217,N: rounded once, so that no minute is ever 60."""
    millionths = round(abs(value) * 60_000_000)
    degrees, rest = divmod(millionths, 60_000_000)
    return f"{degrees:0{digits}}{rest // 1_000_000:02}.{rest % 1_000_000:06},{letters[value < 0]}"


CODEC = Codec(
    name="opengts",
    title="OpenGTS apps (GPSLogger, TrackMe)",
    tells="fixes, battery, satellites, ignition; SOS, power, speed by status code",
    port=5159,
    frame_size=http_request.frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=http_request.MAX_FRAME,
    read_timeout_s=60.0,
    one_unit_per_connection=False,
)
