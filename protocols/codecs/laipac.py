"""Laipac S911 bracelets and lone-worker lockets, StarFinder boxes.

See: Laipac "S911 communication protocol". NMEA-like lines with the NMEA checksum::

    $AVRMC,358174067149865,142945,R,5050.1254,N,00420.0490,E,0.00,0.00,190318,3,3455,119,1,0,0,
           unit            time   │ latitude    longitude   knots course date  │ mV   km  GPS analog
                                  fix                                          event
           3EE4A617,020610*53     the tower: area and cell, country and network
    $ECHK,99999999,0*35           is anybody there? Answered word for word
    $AVSYS, $EAVSYS               what box it is

The letter of the fix is A, R (remembered) or P (parked), and V for none; a small letter wants
``$EAVACK``. Some events go on until ``$AVCFG`` takes them back. An alarm code of the settings
is the letter or digit of an event, as ``3``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from protocols import nmea
from protocols.checksum import xor8
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Locate,
    Login,
    Message,
    Readings,
    Reboot,
    Report,
    Signal,
    Unknown,
)
from protocols.wire import text

_NOTHING: frozenset[Signal] = frozenset()
_EVENTS: Mapping[str, frozenset[Signal]] = {
    event: frozenset({signal})
    for event, signal in {
        "3": Signal.PANIC,
        "4": Signal.ZONE_LEFT,
        "5": Signal.POWER_CUT,
        "6": Signal.OVERSPEED,
        "7": Signal.ZONE_LEFT,
        "8": Signal.SHOCK,
        "H": Signal.POWERED_OFF,
        "S": Signal.TAMPER,
        "T": Signal.TAMPER,
        "X": Signal.ZONE_ENTERED,
        "Y": Signal.TOW,
        "Z": Signal.LOW_BATTERY,
    }.items()
}
# Where two events mean the same, we simulate the later one: T is what bracelets send.
_SAID_EVENTS = {means: event for event, means in _EVENTS.items()}
_TAKEN_BACK = {"3": "d", "4": "x", "M": "m", "S": "t", "T": "t", "X": "x", "Y": "y", "Z": "z"}

_PASSWORD = "00000000"  # noqa: S105 — the factory's; the device's own is in its settings


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the line at ``start`` with its line end; None: not all there yet."""
    if buffer[start] != ord("$"):
        raise Unframeable("no $ here")
    end = buffer.find(b"\n", start)
    if buffer.find(b"$", start + 1, end if end >= 0 else len(buffer)) >= 0:
        raise Unframeable("another line begins before this one ends")
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one line said. Raises Corrupt if its checksum is wrong.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    content, star, digits = frame.strip().partition(b"*")
    if content[:1] != b"$" or not star or len(digits) != 2:
        raise Malformed("no $…*checksum here")
    if digits.upper() != b"%02X" % xor8(content[1:]):
        raise Corrupt("the checksum is wrong")
    fields = text(content[1:]).split(",")
    kind = fields[0].removeprefix("E")
    if len(fields) < 2 or not fields[1]:
        raise Malformed("no name behind the kind of line")
    named = peer.named(fields[1])
    match kind:
        case "AVRMC":
            report = _report(fields, content, named)
            return Incoming(
                messages=(report,), ack=_answer(fields, text(digits), named), peer=named
            )
        case "CHK":
            return Incoming(messages=(Heartbeat(),), ack=frame.strip() + b"\r\n", peer=named)
        case _:
            return Incoming(messages=(_other(kind, fields, content),), peer=named)


def encode(command: Command, peer: Peer) -> bytes:
    """The line that carries ``command``. Raises Unsupported, and says why."""
    match command:
        case Locate():
            return _line(f"AVREQ,{_password(peer)},1")
        case Reboot() if peer.unit_id:
            return _line(f"AVRESET,{peer.unit_id},{_password(peer)}")
        case Custom(text=words) if words.isascii() and words.isprintable() and "*" not in words:
            return _line(words.removeprefix("$"))
    raise Unsupported("a Laipac cannot be told this here: send Custom, such as AVREQ,00000000,1")


def simulate(message: Message, peer: Peer) -> bytes:
    """The line a bracelet called ``peer.unit_id`` would send. Raises Unsupported."""
    match message:
        case Login(unit_id=unit_id):
            return _line(f"AVSYS,{unit_id},V1.50,SN0000103,32768")
        case Heartbeat() if peer.unit_id:
            return _line(f"ECHK,{peer.unit_id},0")
        case Report() if peer.unit_id:
            return _line(f"AVRMC,{peer.unit_id},{_said(message)}")
        case _:
            raise Unsupported(f"a Laipac cannot say {message!r} under the name {peer.unit_id!r}")


def _password(peer: Peer) -> str:
    return peer.settings.secret or _PASSWORD


def _line(content: str) -> bytes:
    said = content.encode()
    return b"$%b*%02X\r\n" % (said, xor8(said))


def _answer(fields: Sequence[str], checksum: str, peer: Peer) -> bytes:
    """What a position wants back: that it is kept, and that its event may end."""
    state, event = (fields[3], fields[11]) if len(fields) > 11 else ("", "")
    kept = _line(f"EAVACK,{event},{checksum}") if state.islower() else b""
    letter = _TAKEN_BACK.get(event)
    if letter is None:
        return kept
    return kept + _line(f"AVCFG,{_password(peer)},{letter}")


def _report(fields: Sequence[str], content: bytes, peer: Peer) -> Report:
    if len(fields) < 12:
        raise Malformed(f"a position wants 12 fields and more, not {len(fields)}")
    at = nmea.moment(fields[10], fields[2], peer.settings)
    event = fields[11]
    rest = fields[12:]
    other: dict[str, object] = {"status": fields[3], "event": event}
    for name, value in zip(("gps", "adc1", "adc2"), rest[2:5], strict=False):
        other[name] = nmea.number(value)
    cells: tuple[CellTower, ...] = ()
    if len(rest) > 6 and len(rest[5]) == 8:
        cells = _cells(rest[5], rest[6])
    active = 0
    if len(rest) > 6 and len(rest[5]) == 1:
        active = (rest[5] == "1") | (rest[6] == "1") << 1
        other["inputs"] = active
    return Report(
        fix=None if at is None else _fix(at, fields),
        at=at,
        signals=peer.settings.meaning(event, _EVENTS.get(event, _NOTHING))
        | peer.settings.inputs(active),
        readings=_readings(rest),
        cells=cells,
        other=other,
        record=content,
    )


def _readings(rest: Sequence[str]) -> Readings:
    """Battery in volts or millivolts, then kilometres."""
    readings: Readings = {}
    if rest and (volts := nmea.number(rest[0])) is not None:
        readings["battery_v"] = volts if "." in rest[0] else volts / 1000
    if len(rest) > 1 and (odometer_km := nmea.number(rest[1])) is not None:
        readings["odometer_m"] = odometer_km * 1000
    return readings


def _fix(at: datetime, fields: Sequence[str]) -> Fix | None:
    """The place; None if it is not one."""
    knots = nmea.number(fields[8])
    try:
        return Fix(
            at=at,
            lat=nmea.angle(fields[4], fields[5]),
            lon=nmea.angle(fields[6], fields[7]),
            valid=fields[3] not in {"V", "v"},
            speed_kmh=None if knots is None else knots * nmea.KMH_OF_A_KNOT,
            course_deg=nmea.number(fields[9]),
        )
    except ValueError:
        return None


def _cells(tower: str, network: str) -> tuple[CellTower, ...]:
    """Area and cell in hexadecimal; country and network in six digits, the first perhaps spare."""
    if len(network) != 6 or not network.isdecimal():
        return ()
    mcc, mnc = (network[1:4], network[4:]) if network[0] == "0" else (network[:3], network[3:])
    try:
        area, cell = int(tower[:4], 16), int(tower[4:], 16)
    except ValueError:
        return ()
    return (CellTower(mcc=int(mcc), mnc=int(mnc), lac=area, cid=cell),)


def _other(kind: str, fields: Sequence[str], content: bytes) -> Message:
    """What box it is: the old kind is a mere name, the new one has a SIM and a version."""
    if kind == "AVSYS" and fields[0] == "AVSYS":
        return Login(unit_id=fields[1])
    if kind == "AVSYS" and len(fields) > 2:
        return Report(
            other={"iccid": fields[2], "version_fw": fields[-1]},
            record=content,
        )
    if kind in {"AVCFG", "AVRESET", "AVREQ"}:
        return CommandReply(text=",".join(fields))
    return Unknown(kind=kind[:20])


def _said(report: Report) -> str:
    """The fields of a position, from the time to the second analog input."""
    event = _SAID_EVENTS.get(report.signals, "0" if not report.signals else "")
    if unsayable := set(report.readings) - {"battery_v", "odometer_m"}:
        raise Unsupported(f"a Laipac cannot say {', '.join(sorted(unsayable))}")
    if not event:
        raise Unsupported(f"a Laipac cannot say {', '.join(sorted(report.signals))} in one line")
    fix, at = report.fix, report.at or (report.fix.at if report.fix else None)
    if fix is None:
        place = ["V", "0000.0000", "N", "00000.0000", "E", "0.00", "0.00"]
    else:
        place = [
            "A" if fix.valid else "V",
            nmea.written_angle(fix.lat, "NS", width=2),
            nmea.written_angle(fix.lon, "EW", width=3),
            f"{(fix.speed_kmh or 0.0) / nmea.KMH_OF_A_KNOT:.2f}",
            f"{fix.course_deg or 0.0:.2f}",
        ]
    battery = round(report.readings.get("battery_v", 0.0) * 1000)
    odometer = round(report.readings.get("odometer_m", 0.0) / 1000)
    clock = [f"{at:%H%M%S}", f"{at:%d%m%y}"] if at else ["", ""]
    fields = [clock[0], *place, clock[1], event, str(battery), str(odometer), "1", "0", "0"]
    return ",".join(fields)


CODEC = Codec(
    name="laipac",
    title="Laipac S911, StarFinder",
    tells="fixes, battery, odometer, tower, inputs; SOS, tamper, switched off, zones, low battery",
    port=5048,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"$",),
    max_frame=1024,
    commands=(Locate, Reboot, Custom),
)
