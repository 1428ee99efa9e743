"""WondeX VT10, VT200, VT300 and the TT1 of Wonde Proud, and boxes that copy them.

See: Wonde Proud "WondeX VT300 Protocol Document", version 1.01. Lines of text, and a keep-alive
of eight bytes that names the unit, lowest byte first::

    1044989601,20130323074605,4.352480,50.846740,43,181,35,9,2,1234.5,0,12.50,0.00,0
    unit       time           longitude latitude │ course │  │ │ km     │ analog    outputs
                                              km/h  metres │ why        inputs
                                                    satellites
    D0 D7  0B 00  01 CA 9A 3B        $OK:… $ERR:…  what it answers to commands

Which number stands for why a line was sent is chosen by whoever configures the unit; the alarm
codes of the settings are these numbers, and ``panic_inputs`` the inputs that are a button. A
place with fewer than three satellites is no fix.
"""

import struct
from collections.abc import Sequence
from datetime import datetime

from protocols import nmea
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Locate,
    Message,
    Readings,
    Reboot,
    Report,
    Signal,
)
from protocols.wire import text

_KEEP_ALIVE = b"\xd0\xd7"
_ALIVE = struct.Struct("<2sHI")
_LONGEST_NAME = 20
_FEWEST_SATELLITES = 3
_BY_TRACKING = "2"

_PASSWORD = "0000"  # noqa: S105 — the factory's; the device's own is in its settings
_PLAIN_COMMANDS: dict[type[Command], str] = {Locate: "GETLOCATION", Reboot: "REBOOT"}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the line or keep-alive at ``start``; None: not all there yet."""
    first = buffer[start]
    if first == _KEEP_ALIVE[0]:
        if buffer[start : start + 2] not in (_KEEP_ALIVE, _KEEP_ALIVE[:1]):
            raise Unframeable("no keep-alive here")
        return _ALIVE.size
    if first != ord("$") and not ord("0") <= first <= ord("9"):
        raise Unframeable("neither a unit's number nor a $ nor a keep-alive here")
    end = buffer.find(b"\n", start)
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one line said. Nothing is answered.

    ``heard_at`` is not needed: every line has its own time.
    """
    del heard_at
    if frame[:2] == _KEEP_ALIVE:
        if len(frame) != _ALIVE.size:
            raise Malformed(f"a keep-alive of {len(frame)} bytes")
        _, _, number = _ALIVE.unpack(frame)
        return Incoming(messages=(Heartbeat(),), peer=peer.named(str(number)))
    said = text(frame).strip()
    if said[:1] == "$":
        return Incoming(messages=(CommandReply(text=said),))
    fields = said.split(",")
    if not fields[0].isdecimal() or len(fields[0]) > _LONGEST_NAME or len(fields) < 9:
        raise Malformed("no unit and eight fields here")
    named = peer.named(fields[0])
    return Incoming(messages=(_report(fields, said, named),), peer=named)


def encode(command: Command, peer: Peer) -> bytes:
    """``$WP+`` command ``=`` password. Raises Unsupported, and says why."""
    match command:
        case Locate() | Reboot():
            words = f"{_PLAIN_COMMANDS[type(command)]}={peer.settings.secret or _PASSWORD}"
        case Custom(text=words) if words.isascii() and words.isprintable():
            words = words.removeprefix("$WP+")
        case _:
            raise Unsupported("a WondeX is told by Custom in its own words, such as TEST=0000")
    return f"$WP+{words}".encode()


def simulate(message: Message, peer: Peer) -> bytes:
    """What a unit called ``peer.unit_id`` would send. Raises Unsupported."""
    if not peer.unit_id.isdecimal():
        raise Unsupported("a WondeX is called by a number")
    match message:
        case Heartbeat() if int(peer.unit_id) < 1 << 32:
            return _ALIVE.pack(_KEEP_ALIVE, 1, int(peer.unit_id))
        case Report():
            return f"{peer.unit_id},{_said(message, peer)}\r\n".encode()
    raise Unsupported(f"a WondeX cannot say {message!r} under the name {peer.unit_id}")


def _report(fields: Sequence[str], said: str, peer: Peer) -> Report:
    at = _moment(fields[1], peer)
    event, rest = fields[8], fields[9:]
    readings: Readings = {}
    satellites = int(fields[7]) if fields[7].isdecimal() and len(fields[7]) < 4 else None
    if satellites is not None:
        readings["satellites"] = satellites
    # The odometer may be left out; it is the only one of the two with decimals.
    if rest and "." in rest[0]:
        if (odometer_km := nmea.number(rest[0])) is not None:
            readings["odometer_m"] = odometer_km * 1000
        rest = rest[1:]
    named = zip(("input", "adc1", "adc2", "output"), rest, strict=False)
    other: dict[str, object] = {"event": event, **{name: value for name, value in named if value}}
    active = int(rest[0]) if rest and rest[0].isdecimal() and len(rest[0]) <= 3 else 0
    return Report(
        fix=None if at is None else _fix(at, fields, satellites),
        at=at,
        signals=peer.settings.meaning(event, frozenset()) | peer.settings.inputs(active),
        readings=readings,
        other=other,
        record=said.encode(),
    )


def _moment(digits: str, peer: Peer) -> datetime | None:
    """In UTC, from yyyymmddhhmmss; None if there is no such moment."""
    if len(digits) != 14 or not digits.isdecimal():
        return None
    month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(4, 14, 2))
    try:
        return peer.settings.utc(datetime(int(digits[:4]), month, day, hour, minute, second))  # noqa: DTZ001 — the settings say whose clock it is
    except (ValueError, OverflowError):
        return None


def _fix(at: datetime, fields: Sequence[str], satellites: int | None) -> Fix | None:
    """The place; None if it is not one."""
    lon, lat = nmea.number(fields[2]), nmea.number(fields[3])
    if lat is None or lon is None or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return Fix(
        at=at,
        lat=lat,
        lon=lon,
        valid=satellites is not None and satellites >= _FEWEST_SATELLITES,
        speed_kmh=nmea.number(fields[4]),
        course_deg=nmea.number(fields[5]),
        altitude_m=nmea.number(fields[6]),
    )


def _said(report: Report, peer: Peer) -> str:
    """The fields behind the name. A panic is the input that is set as one."""
    if unsayable := report.signals - {Signal.PANIC}:
        raise Unsupported(f"a WondeX cannot say {', '.join(sorted(unsayable))}")
    if report.signals and not peer.settings.panic_inputs:
        raise Unsupported("a WondeX has no SOS of its own: say which input is one")
    if unknown := set(report.readings) - {"satellites", "odometer_m"}:
        raise Unsupported(f"a WondeX cannot say {', '.join(sorted(unknown))}")
    fix, at = report.fix, report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("a WondeX says when: give the report a time")
    inputs = 1 << min(peer.settings.panic_inputs) - 1 if report.signals else 0
    place = ["0.000000", "0.000000", "0", "0", "0", "0"]
    if fix is not None:
        satellites = report.readings.get("satellites", 8) if fix.valid else 0
        place = [
            f"{fix.lon:.6f}",
            f"{fix.lat:.6f}",
            f"{fix.speed_kmh or 0:.0f}",
            f"{fix.course_deg or 0:.0f}",
            f"{fix.altitude_m or 0:.0f}",
            str(satellites),
        ]
    odometer = f"{report.readings.get('odometer_m', 0.0) / 1000:.3f}"
    fields = [f"{at:%Y%m%d%H%M%S}", *place, _BY_TRACKING, odometer, str(inputs), "0.00", "0.00"]
    return ",".join([*fields, "0"])


CODEC = Codec(
    name="wondex",
    title="WondeX VT10, VT200, VT300, TT1",
    tells="fixes, odometer, inputs, analog; a panic button on the input or number that is set",
    port=5032,
    transports=("tcp", "udp"),
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(_KEEP_ALIVE, b"$"),
    max_frame=1024,
    commands=(Locate, Reboot, Custom),
)
