"""MiniFinder Pico, Eview EV-07P and their like: pendants and key fobs of the first generation.

See: Eview "EV-07P communication protocol", the sections on GPRS messages and on commands.

A pendant logs in once and answers to nothing; everything is text::

    !1,867273023933661,V07S.5701.1621,100;
    !D,24/11/26,07:15:00,50.867572,4.614966,89,84,140041,50.0,83,7,11,0.8;
     │ date     time     degrees            km/h │ flags  m    %  │ │  hdop
     kind                                   course                satellites used, seen

D is a place, B one that waited, C one without satellites at its end, A one without anything behind
the flags. A code of ``DeviceSettings.alarms`` is the number of a flag bit, counted from the lowest.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Login,
    Message,
    Readings,
    Report,
    SetSosNumber,
    SetTimezone,
    Signal,
    Unknown,
)
from protocols.nmea import number
from protocols.settings import DeviceSettings
from protocols.wire import text

_HEAD = re.compile(rb"![0-9A-Z],")
_HEAD_SIZE = 3
_LONGEST_NAME = 20
_PASSWORD = "123456"  # noqa: S105 — the factory's, which every manual prints
_PHONE = re.compile(r"\+?[0-9]{2,20}\Z")

_GOOD, _CHARGING, _RSSI, _RSSI_MASK = 1 << 0, 1 << 22, 16, 0x1F
_SIGNALS: dict[int, Signal] = {
    6: Signal.PANIC,
    8: Signal.FALL,
    2: Signal.FAULT,
    7: Signal.OVERSPEED,
    9: Signal.ZONE_ALERT,
    10: Signal.ZONE_ALERT,
    11: Signal.ZONE_ALERT,
    12: Signal.LOW_BATTERY,
    14: Signal.MOVEMENT,
    15: Signal.MOVEMENT,
}
_ALARMS = sum(1 << bit for bit in _SIGNALS)
_BITS = range(24)
_NOTHING: frozenset[Signal] = frozenset()


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, with what parts it from the last; None: not all there.

    Raises Unframeable where no frame begins, and where another one begins before this one
    ends: the line broke, and what follows may be the alarm.
    """
    begin, waiting = start, len(buffer)
    while begin < waiting and buffer[begin] in b";\r\n":
        begin += 1
    if begin == waiting:
        return None
    if _HEAD.match(buffer, begin) is None:
        if buffer[begin] == ord("!") and waiting - begin < _HEAD_SIZE:
            return None
        raise Unframeable("no !, a kind and a comma here")
    end = buffer.find(b";", begin)
    if _HEAD.search(buffer, begin + 1, end if end >= 0 else waiting) is not None:
        raise Unframeable("another frame begins before this one ends")
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Malformed if it is none.

    ``heard_at`` is not needed: nothing is answered.
    """
    del heard_at
    words = text(frame.strip(b";\r\n"))
    fields = words[1:].split(",")
    if not words.startswith("!") or len(fields) < 2:
        raise Malformed("no !, a kind and a comma here")
    known = _KINDS.get(fields[0])
    if known is None:
        return Incoming(messages=(Unknown(kind=fields[0]),), peer=peer)
    message = known(fields, words.encode(), peer.settings)
    if isinstance(message, Login):
        return Incoming(messages=(message,), peer=peer.named(message.unit_id))
    return Incoming(messages=(message,), peer=peer)


def encode(command: Command, peer: Peer) -> bytes:
    """The words that carry ``command``. Raises Unsupported, and says why.

    ``DeviceSettings.secret`` is the password; the SOS numbers A, B and C are 0, 1 and 2.
    """
    return _content(command, peer.settings.secret or _PASSWORD).encode()


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a pendant would send. Raises Unsupported."""
    del peer
    match message:
        case Login(unit_id=unit_id):
            return f"!1,{unit_id};".encode()
        case Report():
            return f"!{_said_report(message)};".encode()
        case _:
            raise Unsupported(f"a pendant cannot say {message!r}")


def _login(fields: Sequence[str], _record: bytes, _settings: DeviceSettings) -> Message:
    unit_id = fields[1].strip()
    if not 0 < len(unit_id) <= _LONGEST_NAME:
        raise Malformed("a login without a name")
    return Login(unit_id=unit_id)


def _reply(fields: Sequence[str], _record: bytes, _settings: DeviceSettings) -> Message:
    return CommandReply(text=",".join(fields[1:]))


def _numbers(fields: Sequence[str], record: bytes, _settings: DeviceSettings) -> Message:
    """4: the telephone numbers A, B and C, among settings."""
    phones = zip(("phone1", "phone2", "phone3"), fields[2:5], strict=False)
    return Report(other={name: phone for name, phone in phones if phone}, record=record)


def _alive(fields: Sequence[str], record: bytes, _settings: DeviceSettings) -> Message:
    """5: signal strength, A or V, and perhaps the battery."""
    readings: Readings = {}
    if (rssi := number(fields[1])) is not None:
        readings["rssi"] = int(rssi)
    if len(fields) > 3 and (battery := number(fields[3])) is not None:
        readings["battery_pct"] = battery
    return Report(readings=readings, record=record) if readings else Heartbeat()


def _place(fields: Sequence[str], record: bytes, settings: DeviceSettings) -> Message:
    """Date, time, degrees, km/h, course, flags, then as the kind has it."""
    told = fields[2:] if not fields[1] else fields[1:]
    flags = _flags(told)
    at = _moment(told, settings)
    altitude = number(told[7]) if len(told) > 7 else None
    return Report(
        fix=None if at is None else _fix(told, at, altitude, valid=bool(flags & _GOOD)),
        at=at,
        signals=_signals(flags, settings),
        readings=_readings(fields[0], told, flags),
        buffered=fields[0] == "B",
        other={"flags": flags},
        record=record[2:],
    )


def _flags(told: Sequence[str]) -> int:
    """The flags; 0 if there are none to read."""
    try:
        return int(told[6], 16) if len(told[6]) <= 8 else 0
    except (ValueError, IndexError):
        return 0


def _moment(told: Sequence[str], settings: DeviceSettings) -> datetime | None:
    """dd/mm/yy and hh:mm:ss, with or without zeros before, in UTC."""
    try:
        day, month, year = map(int, told[0].split("/"))
        hour, minute, second = map(int, told[1].split(":"))
        local = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
        return settings.utc(local)
    except (ValueError, OverflowError, IndexError):
        return None


def _fix(told: Sequence[str], at: datetime, altitude: float | None, *, valid: bool) -> Fix | None:
    try:
        course = number(told[5])
        return Fix(
            at=at,
            lat=float(told[2]),
            lon=float(told[3]),
            valid=valid,
            speed_kmh=number(told[4]),
            course_deg=course if course is not None and 0 <= course <= 360 else None,
            altitude_m=altitude,
        )
    except (ValueError, IndexError):
        return None


def _signals(flags: int, settings: DeviceSettings) -> frozenset[Signal]:
    """Every signal whose bit is set, each for itself."""
    if not settings.alarms:
        if not flags & _ALARMS:
            return _NOTHING
        return frozenset(signal for bit, signal in _SIGNALS.items() if flags >> bit & 1)
    found = _NOTHING
    for bit in _BITS:
        if flags >> bit & 1:
            usual = frozenset({_SIGNALS[bit]}) if bit in _SIGNALS else _NOTHING
            found |= settings.meaning(str(bit), usual)
    return found


def _readings(kind: str, told: Sequence[str], flags: int) -> Readings:
    readings: Readings = {}
    if kind == "A":
        return readings
    readings["rssi"] = flags >> _RSSI & _RSSI_MASK
    readings["charging"] = bool(flags & _CHARGING)
    if len(told) > 8 and (battery := number(told[8])) is not None:
        readings["battery_pct"] = battery
    if kind == "C" or len(told) < 12:
        return readings
    if (satellites := number(told[9])) is not None:
        readings["satellites"] = int(satellites)
    if (hdop := number(told[11])) is not None:
        readings["hdop"] = hdop
    return readings


_KINDS: dict[str, Callable[[Sequence[str], bytes, DeviceSettings], Message]] = {
    "1": _login,
    "3": _reply,
    "4": _numbers,
    "5": _alive,
    "A": _place,
    "B": _place,
    "C": _place,
    "D": _place,
}


def _content(command: Command, password: str) -> str:
    match command:
        case SetSosNumber(index=0 | 1 | 2 as index, phone=phone) if _PHONE.match(phone):
            return f"{password}{'ABC'[index]}1,{phone}"
        case SetTimezone(minutes=minutes) if minutes % 60 == 0:
            return f"{password}L{minutes // 60:+03}"
        case Custom(text=words) if words and words.isascii() and words.isprintable():
            return words
    raise Unsupported(
        _LIMITS.get(type(command), "this cannot be said to a pendant: try Custom in its words")
    )


_LIMITS: dict[type[Command], str] = {
    SetSosNumber: "the SOS numbers A, B and C are 0, 1 and 2, of digits with at most a + before",
    SetTimezone: "a pendant knows only whole hours from Greenwich: choose a full hour",
    Custom: "a command to a pendant is plain text that begins with its password",
}


def _said_report(report: Report) -> str:
    told = report.readings
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        if not report.signals and "rssi" in told and set(told) <= {"rssi", "battery_pct"}:
            battery = f",{told['battery_pct']:g}" if "battery_pct" in told else ""
            return f"5,{told['rssi']},V{battery}"
        raise Unsupported("a pendant without a time says its signal strength and battery only")
    if odd := set(told) - {"rssi", "charging", "battery_pct", "satellites", "hdop"}:
        raise Unsupported(f"a pendant cannot say {', '.join(sorted(odd))}")
    at = at.astimezone(UTC)
    fix = report.fix or Fix(at=at, lat=0.0, lon=0.0, valid=False)
    kind = "B" if report.buffered else "D"
    behind = [told.get(name, "") for name in ("battery_pct", "satellites")]
    return ",".join(
        (
            f"{kind},{at:%d/%m/%y},{at:%H:%M:%S},{fix.lat:.6f},{fix.lon:.6f}",
            f"{fix.speed_kmh or 0:.0f},{fix.course_deg or 0:.0f}",
            f"{_said_flags(report, valid=fix.valid):06x},{fix.altitude_m or 0:.1f}",
            *(f"{value}" for value in behind),
            f",{told.get('hdop', '')}",
        )
    )


def _said_flags(report: Report, *, valid: bool) -> int:
    bits = {signal: bit for bit, signal in reversed(_SIGNALS.items())}
    flags = (_GOOD if valid else 0) | (report.readings.get("rssi", 0) & _RSSI_MASK) << _RSSI
    if report.readings.get("charging"):
        flags |= _CHARGING
    for signal in report.signals:
        if signal not in bits:
            raise Unsupported(f"a pendant has no flag for {signal}")
        flags |= 1 << bits[signal]
    return flags


CODEC = Codec(
    name="minifinder",
    title="MiniFinder Pico, Eview EV-07P pendants",
    tells=(
        "fixes, battery, charging, satellites, signal strength; SOS, fall, movement, zones, speed, "
        "low battery from every flag"
    ),
    port=5062,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"!",),
    commands=(SetSosNumber, SetTimezone, Custom),
)
