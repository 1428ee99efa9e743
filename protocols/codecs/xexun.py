"""Xexun TK102, XT107, XT009 and copies: pocket trackers that put an RMC sentence into their own.

See: Xexun "TK102 user manual and communication protocol", the section on GPRS data.

The short form, and the long one, which begins with a local time and ends in a line end::

    GPRMC,233842.000,A,5001.3060,N,01429.3243,E,0.00,,210211,,,A*74,F,help me!,imei:354776030495631,
          └─────────── RMC ────────────────────────────────┘      │  alarm        unit
                                                                  F: good signal, L: poor
    171007160525,+32499000000,GPRMC,…,imei:864504031916915,10,41.1,F:4.28V,1,134,42896,234,15,0062,B7D5
    local time   telephone                        satellites  m   volts    │ size  crc   cell
                                                                           charging
Nothing is answered. The checksum of the RMC is not that of what is sent: makers fill the sentence
in afterwards. A code of ``DeviceSettings.alarms`` is an alarm in small letters without its
exclamation mark, such as ``sensor alarm``.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    Custom,
    Fix,
    Heartbeat,
    Immobilise,
    Message,
    Mobilise,
    Readings,
    Report,
    Signal,
)
from protocols.nmea import number, rmc, sentence, written_rmc
from protocols.settings import DeviceSettings
from protocols.wire import text

_START = re.compile(rb"(?:(\d{6,14}),([^,\r\n]{0,24}),)?\$?G[A-Z]RMC,")
_LONGEST_START = 47
_NAME = re.compile(rb"imei:(\d{10,20}),")
_TAIL = re.compile(
    rb"[^,\r\n]*,[^,\r\n]*,[A-Z]:[^,\r\n]*,\d*,\d*,\d*,\d*,\d*,[0-9A-Fa-f]*,"
    rb"[0-9A-Fa-f]{4,8}?(?=\Z|[\r\n,]|\d{12},)(?:,\d+(?:\.\d+)?km)?"
)
_LARGEST_CELL = (1 << 36) - 1
_VOLTS = re.compile(r"[A-Z]:(\d+(?:\.\d+)?)V")
_PASSWORD = "123456"  # noqa: S105 — the factory's, which every manual prints

_SIGNALS: dict[str, frozenset[Signal]] = {
    word: frozenset({signal})
    for word, signal in {
        "help me": Signal.PANIC,
        "sos": Signal.PANIC,
        "low battery": Signal.LOW_BATTERY,
        "move": Signal.MOVEMENT,
        "speed": Signal.OVERSPEED,
        "stockade": Signal.ZONE_ALERT,
        "sensor alarm": Signal.SHOCK,
        "door alarm": Signal.DOOR_OPENED,
        "ac alarm": Signal.POWER_CUT,
        "power alarm": Signal.POWER_CUT,
    }.items()
}
_NOTHING: frozenset[Signal] = frozenset()
_ENGINE = {"accstart": True, "acc start": True, "accstop": False, "acc stop": False}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, with line ends before it; None: not all there yet.

    Raises Unframeable where no frame begins, and where another one begins before this one
    names its unit: the line broke, and what follows may be the alarm.
    """
    begin, waiting = start, len(buffer)
    while begin < waiting and buffer[begin] in b"\r\n":
        begin += 1
    if begin == waiting:
        return None
    head = _START.match(buffer, begin)
    if head is None:
        if waiting - begin < _LONGEST_START and (
            buffer[begin] in b"$G" or buffer[begin : begin + 1].isdigit()
        ):
            return None
        raise Unframeable("no GPRMC here")
    name = _NAME.search(buffer, head.end())
    if buffer.find(b"RMC,", head.end(), name.start() if name else waiting) >= 0:
        raise Unframeable("another sentence begins before this one names its unit")
    if name is None:
        return None
    if head[1] is None:
        return name.end() - start
    return _long_size(buffer, name.end(), start)


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Malformed if it is none.

    ``heard_at`` is not needed: nothing is answered.
    """
    del heard_at
    frame = frame.strip(b"\r\n")
    head = _START.match(frame)
    name = _NAME.search(frame, head.end()) if head else None
    if head is None or name is None:
        raise Malformed("no GPRMC … imei: here")
    speaker = peer.named(name[1].decode())
    said = text(frame[head.end() : name.start()]).split(",")
    told = text(frame[name.end() :]).split(",") if head[1] else []
    return Incoming(
        messages=(_report(said, told, frame, speaker.settings),),
        peer=speaker,
    )


def encode(command: Command, peer: Peer) -> bytes:
    """The words that carry ``command``. Raises Unsupported, and says why.

    ``DeviceSettings.secret`` is the password.
    """
    password = peer.settings.secret or _PASSWORD
    match command:
        case Immobilise():
            return f"powercar{password} 11".encode()
        case Mobilise():
            return f"powercar{password} 00".encode()
        case Custom(text=words) if words and words.isascii() and words.isprintable():
            return words.encode()
    raise Unsupported("this cannot be said to a Xexun over data: try Custom in its words")


def simulate(message: Message, peer: Peer) -> bytes:
    """The short form that a tracker called ``peer.unit_id`` would send. Raises Unsupported."""
    if not isinstance(message, Report) or not peer.unit_id:
        raise Unsupported(f"a Xexun called {peer.unit_id!r} cannot say {message!r}")
    alarm = _alarm(message)
    fix = message.fix
    if fix is None:
        if message.at is None or not alarm:
            raise Unsupported("a Xexun without a place says an alarm and its time, or nothing")
        place = f"{message.at:%H%M%S}.000,V,,,,,,,{message.at:%d%m%y}"
    else:
        place = written_rmc(fix)
    signed = sentence(f"GPRMC,{place},,,{'N' if fix is None or not fix.valid else 'A'}")
    return f"{signed[1:]},F,{alarm},imei:{peer.unit_id},".encode()


def _long_size(buffer: bytes, after_name: int, start: int) -> int | None:
    """Up to the cell; failing that up to the line end, or to the name if another frame begins."""
    tail = _TAIL.match(buffer, after_name)
    if tail is not None:
        return tail.end() - start
    end = buffer.find(b"\n", after_name)
    other = buffer.find(b"RMC,", after_name)
    if other >= 0 and (end < 0 or other < end):
        return after_name - start
    return None if end < 0 else end + 1 - start


def _report(
    said: Sequence[str], told: Sequence[str], frame: bytes, settings: DeviceSettings
) -> Message:
    """``said`` stands behind GPRMC and before the name, ``told`` behind the name."""
    fields = [field.strip() for field in said]
    if len(fields) > 4 and fields[4][1:2] == ".":
        # Minutes below ten, on the meridian, lose their zero.
        fields[4] = "0" + fields[4]
    fix, at = rmc(fields, settings)
    signals, readings = _alarms(fields[9:], settings)
    if fix is None and not signals:
        return Heartbeat()
    other: dict[str, object] = {}
    cells: tuple[CellTower, ...] = ()
    if told:
        fix = _with_altitude(fix, told)
        _add_readings(told, readings, other)
        cells = _cells(told)
    return Report(
        fix=fix, at=at, signals=signals, readings=readings, cells=cells, other=other, record=frame
    )


def _alarms(fields: Sequence[str], settings: DeviceSettings) -> tuple[frozenset[Signal], Readings]:
    """Every alarm, wherever it stands behind the date, and the engine."""
    signals, readings = _NOTHING, Readings()
    for field in fields:
        if len(field) < 3:
            continue
        word = field.lower().rstrip("! ")
        signals |= settings.meaning(word, _SIGNALS.get(word, _NOTHING))
        if word in _ENGINE:
            readings["ignition"] = _ENGINE[word]
    return signals, readings


def _with_altitude(fix: Fix | None, told: Sequence[str]) -> Fix | None:
    altitude_m = number(told[1]) if len(told) > 1 else None
    if fix is None or altitude_m is None:
        return fix
    return Fix(
        at=fix.at,
        lat=fix.lat,
        lon=fix.lon,
        valid=fix.valid,
        speed_kmh=fix.speed_kmh,
        course_deg=fix.course_deg,
        altitude_m=altitude_m,
    )


def _add_readings(told: Sequence[str], readings: Readings, other: dict[str, object]) -> None:
    """Satellites, altitude, volts, charging, …, and perhaps kilometres at the end."""
    if (satellites := number(told[0])) is not None:
        readings["satellites"] = int(satellites)
    if len(told) > 2 and (volts := _VOLTS.match(told[2])):
        readings["power_v"] = float(volts[1])
    if len(told) > 3 and told[3] in ("0", "1"):
        readings["charging"] = told[3] == "1"
    if told[-1].endswith("km") and (km := number(told[-1][:-2])) is not None:
        other["distance_km"] = km


def _cells(told: Sequence[str]) -> tuple[CellTower, ...]:
    """Country, operator, and in hexadecimal area and cell."""
    try:
        mcc, mnc, lac, cid = int(told[6]), int(told[7]), int(told[8], 16), int(told[9], 16)
    except (ValueError, IndexError):
        return ()
    if min(mcc, mnc, lac, cid) < 0 or max(mcc, mnc, lac, cid) > _LARGEST_CELL:
        return ()
    return (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),)


def _alarm(report: Report) -> str:
    """The word for the one signal of that report; "" for none."""
    if report.readings:
        raise Unsupported("a Xexun in its short form measures nothing")
    if not report.signals:
        return ""
    for word, means in _SIGNALS.items():
        if means == report.signals:
            return f"{word}!"
    raise Unsupported(f"a Xexun has no word for {' and '.join(sorted(report.signals))}")


CODEC = Codec(
    name="xexun",
    title="Xexun TK102, XT107 and copies",
    tells=(
        "fixes, satellites, voltage, ignition, a tower; SOS, battery, movement, speed, zones by "
        "word; short and long form"
    ),
    port=5006,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"GPRMC,", b"GNRMC,"),
    commands=(Immobilise, Mobilise, Custom),
)
