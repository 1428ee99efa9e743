"""Telic Picotrack and SBC boxes, on goods, in vehicles and on animals.

See: Telic "SBC-AVL user manual", Event Message Structure, and "Telic Standard BC", Event and Log
Codes. Text that ends with a zero byte, or that has its length (4 bytes, lowest first) before it::

    0026 355565071347499 | 206 | 01 | 001002008                        the first words
    0020 172978 99 , 190216202500 , 0 , 190216202459 , 014221890 , 46492170 , 3 , 0 , 0 , 6 , …
    kind unit  why   when it was        when it was     longitude   latitude  fix │  course
                     written            there                                  km/h    satellites
                                … , metres , odometer , network , inputs , outputs , volts , …

The unit is named by its IMEI or by six digits of it. Coordinates have four decimals, on newer
boxes six. An alarm code of the settings is the number of an event (why), as ``2``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from protocols import nmea
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    Fix,
    Login,
    Message,
    Readings,
    Report,
    Signal,
    Unknown,
)
from protocols.wire import text

_LONGEST = 1024
_FEWEST = 10
_LOGIN = "0026"

_NOTHING: frozenset[Signal] = frozenset()
_EVENTS: Mapping[str, frozenset[Signal]] = {
    event: frozenset({signal})
    for event, signal in {
        "1": Signal.POWERED_ON,
        "2": Signal.PANIC,
        "5": Signal.POWERED_OFF,
        "7": Signal.ZONE_ENTERED,
        "8": Signal.ZONE_LEFT,
        "15": Signal.POWER_RESTORED,
        "16": Signal.POWER_CUT,
        "22": Signal.LOW_BATTERY,
        "25": Signal.MOVEMENT,
    }.items()
}
_SAID_EVENTS = {means: event for event, means in _EVENTS.items()}
_IGNITION = {"11": True, "12": False}
_BY_THE_CLOCK = "99"


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``; None: not all there yet."""
    seen = buffer[start : start + 4]
    if seen[0] >= ord("0") and seen.isdigit():
        end = buffer.find(b"\0", start)
        return None if end < 0 else end + 1 - start
    if len(seen) >= 3 and seen[2]:
        raise Unframeable("neither a kind of four digits nor a length here")
    if len(seen) < 4:
        return None
    length = int.from_bytes(seen, "little")
    if not 4 <= length <= _LONGEST:
        raise Unframeable(f"{length} bytes announced")
    return 4 + length


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame said. Nothing is answered: the device counts on TCP.

    ``heard_at`` is not needed: every record has its own time.
    """
    del heard_at
    said = text(frame[:-1] if frame[-1:] == b"\0" else frame[4:]).strip("\0\r\n")
    if said[:4] == _LOGIN or "|" in said[:24]:
        named = peer.named(_name_in(said))
        return Incoming(messages=(Login(unit_id=named.unit_id),), peer=named)
    fields = said.split(",")
    head = fields[0]
    if not head[4:].isdecimal() or len(head) < 11:
        return Incoming(messages=(Unknown(kind=head[:20]),))
    # One that breaks off may still say why it was sent.
    fields += [""] * (_FEWEST - len(fields))
    digits = 15 if len(head) >= 20 else 6
    named = peer.named(head[4 : 4 + digits])
    report = _report(head[4 + digits :], fields, said, named)
    return Incoming(messages=(report,), peer=named)


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: these boxes are configured by SMS or cable."""
    raise Unsupported(f"a Telic takes no {type(command).__name__} over TCP: send it an SMS")


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a box called ``peer.unit_id`` would send. Raises Unsupported."""
    match message:
        case Login(unit_id=unit_id) if len(unit_id) in {6, 15} and unit_id.isdecimal():
            return f"{_LOGIN}{unit_id}|206|01|001002008\0".encode()
        case Report() if len(peer.unit_id) in {6, 15} and peer.unit_id.isdecimal():
            return f"0020{peer.unit_id}{_said(message)}\0".encode()
    raise Unsupported(f"a Telic cannot say {message!r} under the name {peer.unit_id!r}")


def _name_in(said: str) -> str:
    """The IMEI or the six digits that stand before the first bar."""
    words = said[4:].partition("|")[0]
    name = words[:15] if words[:15].isdecimal() and len(words) >= 15 else words[:6]
    if not name.isdecimal():
        raise Malformed("no name behind the kind of frame")
    return name


def _report(event: str, fields: Sequence[str], said: str, peer: Peer) -> Report:
    written, there = _moment(fields[1], peer), _moment(fields[3], peer)
    active = 0
    if len(fields) > 15:
        active = sum(1 << at for at, digit in enumerate(fields[15][:8]) if digit == "1")
    readings = _readings(fields)
    if event in _IGNITION:
        readings["ignition"] = _IGNITION[event]
    other: dict[str, object] = {"event": event, "inputs": active}
    for name, at in (("network", 14), ("outputs", 16), ("adc1", 17), ("adc2", 18)):
        if len(fields) > at and fields[at]:
            other[name] = fields[at]
    return Report(
        fix=None if there is None else _fix(there, fields),
        at=written or there,
        signals=peer.settings.meaning(event, _EVENTS.get(event, _NOTHING))
        | peer.settings.inputs(active),
        readings=readings,
        other=other,
        record=said.encode(),
    )


def _moment(digits: str, peer: Peer) -> datetime | None:
    """In UTC, from ddmmyyhhmmss; None if there is no such moment."""
    return nmea.moment(digits[:6], digits[6:], peer.settings) if len(digits) == 12 else None


def _fix(at: datetime, fields: Sequence[str]) -> Fix | None:
    """The place; None if it is not one."""
    lon, lat = _degrees(fields[4], 8), _degrees(fields[5], 7)
    if lat is None or lon is None or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    speed, course = _whole(fields, 7), _whole(fields, 8)
    altitude = _whole(fields, 12)
    return Fix(
        at=at,
        lat=lat,
        lon=lon,
        valid=fields[6] != "1",
        altitude_m=None if altitude is None else float(altitude),
        speed_kmh=None if speed is None else float(speed),
        course_deg=None if course is None else float(course),
    )


def _degrees(digits: str, long: int) -> float | None:
    """Degrees with six decimals if there are that many digits, else with four."""
    plain = digits.removeprefix("-")
    if not plain.isdecimal() or len(plain) > 12:
        return None
    return int(digits) / (1_000_000 if len(plain) >= long else 10_000)


def _readings(fields: Sequence[str]) -> Readings:
    readings: Readings = {}
    if (satellites := _whole(fields, 9)) is not None:
        readings["satellites"] = satellites
    if (odometer := _whole(fields, 13)) is not None:
        readings["odometer_m"] = odometer
    # What the first analog input measures is not told in volts; it is passed on as it is.
    if (battery := _whole(fields, 17)) is not None:
        readings["battery_v"] = battery
    return readings


def _whole(fields: Sequence[str], at: int) -> int | None:
    try:
        return int(fields[at]) if len(fields[at]) <= 12 else None
    except (ValueError, IndexError):
        return None


def _said(report: Report) -> str:
    """The event and the fields behind the name."""
    event = _SAID_EVENTS.get(report.signals, "" if report.signals else _BY_THE_CLOCK)
    if not event:
        raise Unsupported(f"a Telic cannot say {', '.join(sorted(report.signals))} in one frame")
    if unsayable := set(report.readings) - {"satellites", "odometer_m"}:
        raise Unsupported(f"a Telic cannot say {', '.join(sorted(unsayable))}")
    fix, at = report.fix, report.at or (report.fix.at if report.fix else None)
    written = f"{at:%d%m%y%H%M%S}" if at else ""
    place = [written, "000000000", "00000000", "1", "0", "0"]
    altitude = ""
    if fix is not None:
        place = [
            f"{fix.at:%d%m%y%H%M%S}",
            f"{'-' if fix.lon < 0 else ''}{abs(round(fix.lon * 1e6)):09d}",
            f"{'-' if fix.lat < 0 else ''}{abs(round(fix.lat * 1e6)):08d}",
            "3" if fix.valid else "1",
            f"{fix.speed_kmh or 0:.0f}",
            f"{fix.course_deg or 0:.0f}",
        ]
        altitude = "" if fix.altitude_m is None else f"{fix.altitude_m:.0f}"
    counted = [str(report.readings.get(name, "")) for name in ("satellites", "odometer_m")]
    fields = [event, written, "0", *place, counted[0], "", "", altitude, counted[1], "", "0000"]
    return ",".join([*fields, "00"])


CODEC = Codec(
    name="telic",
    title="Telic Picotrack, SBC",
    tells=(
        "fixes, odometer, ignition, inputs; SOS, low battery, mains cut, zones, movement, "
        "switched on and off"
    ),
    port=5067,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=1032,
)
