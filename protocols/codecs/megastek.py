"""Megastek personal and vehicle trackers: MT90, MT100, MT110, GVT900, wristbands, GPT.

See: Megastek "GPRS protocol" V2.x (MGV002) and the older "STX" protocol.

Text. MGV002 comes behind four digits that count it, or as a line; STX is a line::

    0143 $MGV002,869152024261564,,R,220621,120804,V,5152.09429,N,01051.32158,E,00,00,00,99.9,
         knots,course,altitude,km,232,10,A5AE,5A4908,22,… ,00,093,Timer,,;!
         │ R: now, S: kept           mcc mnc lac cid level    │  │   event
                                                      charging  battery
    STX,,$GPRMC,…,A*67,L,Help,imei:013227009737796,0/8,137.1,Battery=9%,,0,226,01,2B9B,BBBF;8D
    STX123456            $GPRMC,…,A*7F,460,01,2531,647E,11,87,1000,001001,0000,0.00,Timer;4A

The checksum of STX, where there is one, is not verified: units of the second kind send a
wrong one. Without a place, a report is made of a call for help only; anything else that a
unit says while it has never seen the sky is a heartbeat.

Alarm codes for the settings are the event's letters, small: ``sos``, ``lowbattery``, ``movein``.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    LIFE_SAFETY,
    CellTower,
    Command,
    Fix,
    Heartbeat,
    Message,
    Readings,
    Report,
    Signal,
    WifiNetwork,
)
from protocols.nmea import (
    KMH_OF_A_KNOT,
    angle,
    moment,
    number,
    rmc,
    sentence,
    written_angle,
    written_rmc,
)
from protocols.settings import DeviceSettings
from protocols.wire import text

_MARKS = (b"$MGV", b"STX")
_NOT_LETTERS = re.compile("[^a-z]+")
_MAC = re.compile("[0-9a-f]{12}")

_EVENTS: dict[str, frozenset[Signal]] = {
    word: frozenset({signal})
    for signal, words in (
        (Signal.PANIC, "sos help soson emergency panic"),
        (Signal.FALL, "fall falldown mandown fallalarm"),
        (Signal.CRASH, "crash collision"),
        (Signal.POWERED_ON, "pwon poweron"),
        (Signal.POWERED_OFF, "pwoff poweroff"),
        (Signal.LOW_BATTERY, "lowbattery lowbatt lowbat"),
        (Signal.LOW_POWER, "lowextvol lowexternalvoltage"),
        (Signal.POWER_CUT, "extpowercut powercut extpwcut extoff poweroutage"),
        (Signal.OVERSPEED, "overspeed speedover overspd"),
        (Signal.LOWSPEED, "lowspeed"),
        (Signal.ZONE_ENTERED, "movein geoin enterfence"),
        (Signal.ZONE_LEFT, "moveout geoout exitfence"),
        (Signal.SHOCK, "vib vibration shock"),
        (Signal.MOVEMENT, "move movement motion"),
        (Signal.TOW, "tow towing"),
        (Signal.REMOVED, "beltoff beltopen removed"),
        (Signal.TAMPER, "tamper dismantle"),
        (Signal.ANTENNA_CUT, "gpsantcut antcut gpscut"),
        (Signal.FAULT, "error gpserr"),
    )
    for word in words.split()
}
_NOTHING: frozenset[Signal] = frozenset()


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the frame that starts there; None: need more."""
    head = buffer[start : start + 8]
    if head[:1].isdigit():
        if len(head) < 8:
            if head[:4].isdigit() and b"$MGV".startswith(head[4:]):
                return None
        elif head[:4].isdigit() and head[4:] == b"$MGV":
            return 4 + int(head[:4])
        raise Unframeable("digits, and no $MGV behind them")
    if not any(head.startswith(mark) or mark.startswith(head) for mark in _MARKS):
        raise Unframeable("neither $MGV nor STX")
    end = buffer.find(b"\n", start)
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Malformed for one without its fields."""
    del heard_at
    line = text(frame).strip()
    if line.startswith("STX"):
        return _older(line, peer)
    start = line.find("$MGV")
    if start not in (0, 4):
        raise Malformed("neither $MGV nor STX")
    return _newer(line[start:].rstrip(";!"), peer)


def encode(command: Command, peer: Peer) -> bytes:
    """Nothing: the documented commands are short messages. Raises Unsupported."""
    del command, peer
    raise Unsupported("a Megastek unit takes its commands by short message: send it one")


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame that says ``message``. Raises Unsupported."""
    if not (isinstance(message, Report) and message.fix is not None and peer.unit_id):
        raise Unsupported("a Megastek unit says reports with a fix, under its IMEI")
    return _said(message, message.fix, peer.unit_id)


def _meaning(event: str, settings: DeviceSettings) -> frozenset[Signal]:
    word = _NOT_LETTERS.sub("", event.lower())
    usual = _EVENTS.get(word, _NOTHING)
    if not usual and ("sos" in word or "help" in word):
        usual = _EVENTS["sos"]
    return settings.meaning(word, usual) if word else usual


def _newer(line: str, peer: Peer) -> Incoming:
    """MGV002: the first 24 fields are the same on all units."""
    fields = line.split(",")
    if len(fields) < 24:
        raise Malformed(f"an MGV wants 24 fields and more, not {len(fields)}")
    speaker = peer.named(fields[1]) if fields[1] else peer
    event = fields[34].strip() if len(fields) > 34 else ""
    signals = _meaning(event, speaker.settings)
    fix, at = _place(fields, speaker.settings)
    if fix is None and not signals & LIFE_SAFETY and not fields[7]:
        return Incoming(messages=(Heartbeat(),), peer=speaker)
    readings, other = _readings(fields)
    signals |= speaker.settings.inputs(_bits(str(other.get("inputs", ""))))
    if event:
        other["event"] = event
    report = Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        cells=_cells(fields[19:24]),
        wifi=_wifi(fields[35]) if len(fields) > 35 else (),
        buffered=fields[3] == "S",
        other=other,
        record=",".join((*fields[4:24], *fields[24:])).encode(),
    )
    return Incoming(messages=(report,), peer=speaker)


def _place(fields: Sequence[str], settings: DeviceSettings) -> tuple[Fix | None, datetime | None]:
    at = moment(fields[4], fields[5], settings)
    if at is None:
        return None, None
    knots = number(fields[15])
    try:
        fix = Fix(
            at=at,
            lat=angle(fields[7], fields[8]),
            lon=angle(fields[9], fields[10]),
            valid=fields[6] == "A",
            speed_kmh=None if knots is None else knots * KMH_OF_A_KNOT,
            course_deg=number(fields[16]),
            altitude_m=number(fields[17]),
        )
    except ValueError:
        return None, at
    return fix, at


def _readings(fields: Sequence[str]) -> tuple[Readings, dict[str, object]]:
    """Satellites, HDOP, odometer; from field 32 on charging and battery."""
    readings: Readings = {}
    if fields[12].isdecimal():
        readings["satellites"] = int(fields[12][:3])
    if (hdop := number(fields[14])) is not None:
        readings["hdop"] = hdop
    if (km := number(fields[18])) is not None:
        readings["odometer_m"] = km * 1000
    if len(fields) < 34:
        return readings, {}
    other = _figures(fields[24:31], readings)
    if fields[32][:1] in ("0", "1"):
        readings["charging"] = fields[32][0] == "1"
        other["belt"] = fields[32][-1]
    if (battery := number(fields[33])) is not None:
        readings["battery_pct"] = battery
    return readings, other


def _figures(fields: Sequence[str], readings: Readings) -> dict[str, object]:
    """A vehicle's inputs, outputs and sensors, or a wristband's figures."""
    names = _VEHICLE if len(fields[0]) == 4 else _WRISTBAND
    if names is _WRISTBAND and fields[1].isdecimal():
        readings["steps"] = int(fields[1][:9])
    named = zip(names, fields, strict=True)
    return {name: word for name, word in named if name and word.strip()}


_VEHICLE = ("inputs", "outputs", "analogue_1", "analogue_2", "analogue_3", "temp_1_c", "temp_2_c")
_WRISTBAND = ("heart_rate", "", "activity_min", "light_sleep_min", "deep_sleep_min", "", "")


def _cells(fields: Sequence[str]) -> tuple[CellTower, ...]:
    """Country, network, area and cell in hexadecimal, and perhaps the level without its minus."""
    try:
        level = int(fields[4]) if len(fields) > 4 and fields[4] else None
        cell = CellTower(
            mcc=int(fields[0]),
            mnc=int(fields[1]),
            lac=int(fields[2], 16),
            cid=int(fields[3], 16),
            rssi=None if level is None else -level,
        )
    except ValueError:
        return ()
    return (cell,)


def _wifi(words: str) -> tuple[WifiNetwork, ...]:
    """``mac:level`` between bars, the level without its minus."""
    found = []
    for word in words.split("|")[:40]:
        digits, _, level = word.lower().partition(":")
        if _MAC.fullmatch(digits) is not None:
            mac = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
            found.append(WifiNetwork(mac=mac, rssi=-int(level[:3]) if level.isdecimal() else None))
    return tuple(found)


def _older(line: str, peer: Peer) -> Incoming:
    """STX, a name, an RMC sentence; then one of two orders of fields."""
    name, dollar, rest = line[3:].partition("$GPRMC,")
    said = rest.rpartition(";")[0] or rest
    sentence_fields, star, tail = said.partition("*")
    if not dollar or not star:
        raise Malformed("an STX without its RMC sentence")
    fix, at = rmc(sentence_fields.split(","), peer.settings)
    # Behind the star stand the two digits of the sentence's own checksum.
    fields = tail.split(",")[1:]
    record = said.encode()
    if len(fields) > 7 and fields[2].startswith("imei:"):
        return _named_by_imei(fields, fix, at, record, peer)
    # The name is filled up with blanks, and on some units with a letter of no meaning.
    words = name.strip(",").split()
    speaker = peer.named(words[0]) if words else peer
    return _named_at_the_head(fields, fix, at, record, speaker)


def _named_by_imei(
    fields: Sequence[str], fix: Fix | None, at: datetime | None, record: bytes, peer: Peer
) -> Incoming:
    """F or L, event, imei:…, satellites, altitude, Battery=…%, ?, charging, cell."""
    speaker = peer.named(fields[2][5:])
    readings: Readings = {}
    other: dict[str, object] = {}
    used, _, visible = fields[3].partition("/")
    if used.isdecimal():
        readings["satellites"] = int(used[:3])
    if visible.isdecimal():
        other["satellites_visible"] = int(visible[:3])
    battery = number(fields[5].removeprefix("Battery=").removesuffix("%"))
    if battery is not None:
        readings["battery_pct"] = battery
    if fields[7] in ("0", "1"):
        readings["charging"] = fields[7] == "1"
    if fix is not None:
        fix = Fix(
            at=fix.at,
            lat=fix.lat,
            lon=fix.lon,
            valid=fix.valid,
            speed_kmh=fix.speed_kmh,
            course_deg=fix.course_deg,
            altitude_m=number(fields[4]),
        )
    report = Report(
        fix=fix,
        at=at,
        signals=_meaning(fields[1], speaker.settings),
        readings=readings,
        cells=_cells(fields[8:12]) if len(fields) > 11 else (),
        other=other,
        record=record,
    )
    return Incoming(messages=(report,), peer=speaker)


def _named_at_the_head(
    fields: Sequence[str], fix: Fix | None, at: datetime | None, record: bytes, peer: Peer
) -> Incoming:
    """Cell, level, battery, flags, inputs, outputs, analogue inputs …, event."""
    if len(fields) < 6:
        raise Malformed(f"an STX wants 6 fields and more behind its sentence, not {len(fields)}")
    readings: Readings = {}
    if (battery := number(fields[5])) is not None:
        readings["battery_pct"] = battery
    active = fields[7] if len(fields) > 8 else ""
    report = Report(
        fix=fix,
        at=at,
        signals=_meaning(fields[-1], peer.settings) | peer.settings.inputs(_bits(active)),
        readings=readings,
        cells=_cells(fields[:5]),
        other={"flags": fields[6] if len(fields) > 6 else "", "inputs": active},
        record=record,
    )
    return Incoming(messages=(report,), peer=peer)


def _bits(digits: str) -> int:
    """``0101`` as a number; the rightmost digit is input 1."""
    return sum(1 << at for at, digit in enumerate(reversed(digits[:16])) if digit == "1")


def _said(report: Report, fix: Fix, unit_id: str) -> bytes:
    """STX where the signal wants a word, MGV002 where a plain fix is said."""
    readings = report.readings
    if odd := readings.keys() - {"battery_pct", "satellites", "charging", "steps"}:
        raise Unsupported(f"a Megastek unit cannot say {', '.join(sorted(odd))}")
    battery = round(readings.get("battery_pct", 100))
    satellites, charging = readings.get("satellites", 9), int(readings.get("charging", False))
    altitude_m = fix.altitude_m or 0
    words = [word for word, meant in _EVENTS.items() if meant == report.signals]
    if report.signals and not words:
        raise Unsupported(f"a Megastek unit has no word for {', '.join(sorted(report.signals))}")
    if report.signals and "steps" not in readings:
        rest = f"F,{words[0]},imei:{unit_id},{satellites:02},{altitude_m:.1f}"
        line = f"STX,,{sentence(f'GPRMC,{written_rmc(fix)},,,A')},{rest},Battery={battery}%"
        line += f",,{charging},206,01,1E3A,07D8;"
        return f"{line}{sum(line.encode()) & 0xFF:02X}\r\n".encode()
    place = f"{written_angle(fix.lat, 'NS', width=2)},{written_angle(fix.lon, 'EW', width=3)}"
    knots, course = (fix.speed_kmh or 0) / KMH_OF_A_KNOT, fix.course_deg or 0
    line = (
        f"$MGV002,{unit_id},,{'S' if report.buffered else 'R'},{fix.at:%d%m%y,%H%M%S},"
        f"{'A' if fix.valid else 'V'},{place},00,{satellites:02},00,1.00,{knots:.3f},{course:.2f},"
        f"{altitude_m:.1f},,206,01,1E3A,07D8,20,,{readings.get('steps', '')},,,,,,,"
        f"{charging}1,{battery:03},{words[0] if report.signals else 'Timer'},,;!"
    )
    return f"{len(line):04}{line}".encode()


CODEC = Codec(
    name="megastek",
    title="Megastek MT90, MT110, GVT900, wristbands",
    tells=(
        "fixes, battery, charging, steps, odometer, towers, Wi-Fi, pulse; SOS, fall, low battery, "
        "power, overspeed, zones, belt"
    ),
    port=5024,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=_MARKS,
    max_frame=4096,
)
