"""Xirgo XT vehicle trackers, in their old layout, their new one, and columns of one's own.

See: Xirgo "XT2000 series interface control document". A line, comma by comma, between two
dollars and two hashes::

    $$name,event,date,time,lat,lon,altitude, km/h … ##

    old: mph,course,satellites,hdop,volts,GSM,miles,valid …
    new: mph,speeding up,slowing down,rpm,course,satellites,hdop,miles,fuel,volts,GSM,valid, …
         ?,inputs and outputs,analogue,tank

In the old layout the fourth number behind the altitude is an hdop, with its point; in the new
one it is a whole number of turns. Columns are named in the device's settings, in the maker's
notation: ``UID,EV,D,T,LT,LN,AL,GSPT,HD,SV,HP,BV,CQ,MI,GS,SI,IG,OT``; then the date is
mm/dd/yyyy. No line is answered. Alarm codes in the settings are event numbers; the maker's
list has no SOS, so a button is an input of the device's settings.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import Command, Fix, Message, Readings, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import finite, text

_MARK, _END = b"$$", b"##"
_MILE_KM = 1.609344
_MILE_M = 1609.34

_PLACE = {"event": 1, "date": 2, "time": 3, "lat": 4, "lon": 5, "altitude": 6, "speed": 7}
_OLD: Mapping[str, int] = _PLACE | {
    "course": 8,
    "satellites": 9,
    "hdop": 10,
    "volts": 11,
    "rssi": 12,
    "miles": 13,
    "valid": 14,
}
_NEW: Mapping[str, int] = _PLACE | {
    "course": 11,
    "satellites": 12,
    "hdop": 13,
    "miles": 14,
    "volts": 16,
    "rssi": 17,
    "valid": 18,
    "io": 20,
    "fuel": 22,
}
_TELLTALE = 10
_SHORTEST = 7

_IGNITION = {
    **dict.fromkeys(("4001", "4003", "4007", "6011"), True),
    **dict.fromkeys(("4002", "4004", "4008", "6012"), False),
}
_MOTION = {"6030": True, "6031": False}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the line at ``start``, hashes included; None: not all there yet."""
    head = buffer[start : start + 2]
    if not _MARK.startswith(head):
        raise Unframeable("no $$")
    end = buffer.find(_END, start + 2)
    inner = buffer.find(_MARK, start + 2, end if end >= 0 else len(buffer))
    if inner >= 0:
        raise Unframeable("another line begins before this one ends")
    return None if end < 0 else end + 2 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a line said. Raises Malformed if it has no name and event.

    ``heard_at`` is not needed: nothing is answered.
    """
    del heard_at
    if frame[:2] != _MARK or frame[-2:] != _END:
        raise Malformed("no line between $$ and ##")
    said = frame[2:-2]
    fields = text(said).split(",")
    columns = peer.settings.columns
    names = columns.split(",") if columns else ()
    name_at = names.index("UID") if "UID" in names else 0
    unit_id = fields[name_at] if name_at < len(fields) else ""
    if not unit_id.isalnum() or len(unit_id) > 20:
        raise Malformed("a line without a name")
    speaker = peer.named(unit_id)
    if names:
        report = _columns(dict(zip(names, fields, strict=False)), said, speaker.settings)
    elif len(fields) < _SHORTEST:
        raise Malformed(f"{len(fields)} fields hold no place")
    else:
        is_old = len(fields) > _TELLTALE and "." in fields[_TELLTALE]
        report = _fixed(fields, _OLD if is_old else _NEW, said, speaker.settings)
    return Incoming(messages=(report,), peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """Nothing: Xirgo devices are set up from Xirgo's own portal. Raises Unsupported."""
    del peer
    raise Unsupported(
        f"no {type(command).__name__} reaches a Xirgo device over its line: "
        "use Xirgo's own portal or a text message"
    )


def simulate(message: Message, peer: Peer) -> bytes:
    """The line of the new layout that such a device would send. Raises Unsupported."""
    if not isinstance(message, Report) or message.fix is None or message.signals:
        raise Unsupported("a Xirgo device sends places, and no alarm that has a name of its own")
    if not peer.unit_id.isalnum():
        raise Unsupported("a line names its device: give the peer a unit_id")
    fix, readings = message.fix, message.readings
    ignition = readings.get("ignition")
    event = "6001" if ignition is None else "4001" if ignition else "4002"
    words = (
        peer.unit_id,
        event,
        f"{fix.at.astimezone(UTC):%Y/%m/%d,%H:%M:%S},{fix.lat:.6f},{fix.lon:.6f}",
        f"{fix.altitude_m or 0:.1f},{(fix.speed_kmh or 0) / _MILE_KM:.2f},0,0,0",
        f"{fix.course_deg or 0:.1f},{readings.get('satellites', 8)}",
        f"{readings.get('hdop', 0.9):.1f}",
        f"{readings.get('odometer_m', 0) / _MILE_M:.3f},0.0,{readings.get('battery_v', 12.6):.1f}",
        f"{readings.get('rssi', 20)},{int(fix.valid)},0",
    )
    return _MARK + ",".join(words).encode() + _END


def _fixed(
    fields: Sequence[str], layout: Mapping[str, int], said: bytes, settings: DeviceSettings
) -> Report:
    def field(name: str) -> str:
        at = layout.get(name, len(fields))
        return fields[at] if at < len(fields) else ""

    event = field("event")
    at = _moment(f"{field('date')} {field('time')}", "%Y/%m/%d %H:%M:%S")
    speed = finite(field("speed"))
    readings = _measured(field("satellites"), field("hdop"), field("volts"), field("rssi"))
    if (miles := finite(field("miles"))) is not None:
        readings["odometer_m"] = miles * _MILE_M
    inputs = _inputs(field("io"))
    if inputs is not None and (fuel := finite(field("fuel"))) is not None:
        readings["fuel"] = fuel
    _note_event(event, readings)
    return Report(
        fix=_fix(
            at,
            (field("lat"), field("lon")),
            valid=field("valid") == "1",
            speed_kmh=None if speed is None else speed * _MILE_KM,
            course_deg=finite(field("course")),
            altitude_m=finite(field("altitude")),
        ),
        at=at,
        signals=_signals(event, inputs or 0, settings),
        readings=readings,
        other={"event": event} | ({"inputs": inputs} if inputs is not None else {}),
        record=said,
    )


def _columns(said: Mapping[str, str], record: bytes, settings: DeviceSettings) -> Report:
    """A line whose columns the device's settings name; what has no place of its own is kept."""
    event = said.get("EV", "")
    at = _moment(f"{said.get('D', '')} {said.get('T', '')}", "%m/%d/%Y %H:%M:%S")
    readings = _measured(*(said.get(name, "") for name in ("SV", "HP", "BV", "CQ")))
    if (miles := finite(said.get("MI", ""))) is not None:
        readings["odometer_m"] = miles * _MILE_M
    _note_event(event, readings)
    if ignition := said.get("IG", ""):
        readings["ignition"] = ignition == "1"
    course = said.get("HD", "")
    course_deg = finite(course)
    if course_deg is not None and "." not in course:
        course_deg /= 10
    return Report(
        fix=_fix(
            at,
            (said.get("LT", ""), said.get("LN", "")),
            valid=said.get("GS", "3") == "3",
            speed_kmh=finite(said.get("GSPT", "")),
            course_deg=course_deg,
            altitude_m=finite(said.get("AL", "")),
        ),
        at=at,
        signals=_signals(event, 0, settings),
        readings=readings,
        other={name: word for name, word in said.items() if name not in _PLACED and word},
        record=record,
    )


_PLACED = frozenset(
    ("UID", "D", "T", "LT", "LN", "AL", "GSPT", "HD", "SV", "HP", "BV", "CQ", "MI", "GS", "IG")
)


def _signals(event: str, inputs: int, settings: DeviceSettings) -> frozenset[Signal]:
    return settings.meaning(event, frozenset()) | settings.inputs(inputs)


def _note_event(event: str, readings: Readings) -> None:
    if event in _IGNITION:
        readings["ignition"] = _IGNITION[event]
    if event in _MOTION:
        readings["motion"] = _MOTION[event]


def _measured(satellites: str, hdop: str, volts: str, rssi: str) -> Readings:
    readings: Readings = {}
    if (count := finite(satellites)) is not None:
        readings["satellites"] = int(count)
    if (dilution := finite(hdop)) is not None:
        readings["hdop"] = dilution
    if (voltage := finite(volts)) is not None:
        readings["battery_v"] = voltage
    if (level := finite(rssi)) is not None:
        readings["rssi"] = int(level)
    return readings


def _inputs(io: str) -> int | None:
    """Three inputs and an output, a digit each, the first input first."""
    if len(io) != 4 or not set(io) <= {"0", "1"}:
        return None
    return sum(1 << number for number in range(3) if io[number] == "1")


def _fix(
    at: datetime | None,
    place: tuple[str, str],
    *,
    valid: bool,
    speed_kmh: float | None,
    course_deg: float | None,
    altitude_m: float | None,
) -> Fix | None:
    """The place; None without a moment, or if it is not on Earth."""
    if at is None:
        return None
    try:
        return Fix(
            at=at,
            lat=float(place[0]),
            lon=float(place[1]),
            valid=valid,
            speed_kmh=speed_kmh,
            course_deg=course_deg,
            altitude_m=altitude_m,
        )
    except ValueError:
        return None


def _moment(said: str, layout: str) -> datetime | None:
    try:
        return datetime.strptime(said, layout).replace(tzinfo=UTC)
    except ValueError:
        return None


CODEC = Codec(
    name="xirgo",
    title="Xirgo XT vehicle trackers",
    tells="fixes, ignition, motion, voltage, mileage, tank; own columns; buttons wired to inputs",
    port=5081,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(_MARK,),
)
