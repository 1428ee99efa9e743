"""The frames that a tracker of the second generation would send."""

import struct
from datetime import UTC

from protocols.codec import Peer
from protocols.codecs.t800x.frame import (
    BEAT,
    LOGIN,
    LONG_ALARM,
    LONG_PLACE,
    SECOND,
    WORDS,
    framed,
    name_of,
)
from protocols.codecs.t800x.places import ALARMS, FIXED, GPS, HISTORY, IGNITION, SATELLITES
from protocols.errors import Unsupported
from protocols.message import CommandReply, Heartbeat, Login, Message, Report

_SAYABLE = frozenset(
    {"satellites", "rssi", "ignition", "odometer_m", "battery_pct", "battery_v", "power_v"}
)
_CODES = {signal: code for code, signal in sorted(ALARMS.items(), reverse=True)}


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a tracker of the second generation would send. Raises Unsupported."""
    unit_id = message.unit_id if isinstance(message, Login) else peer.unit_id
    name = name_of(unit_id)
    match message:
        case Login():
            return framed(SECOND, LOGIN, 1, name, bytes.fromhex("01020300000000000000000000"))
        case Heartbeat():
            return framed(SECOND, BEAT, 1, name, b"")
        case CommandReply(text=words):
            return framed(SECOND, WORDS, 1, name, b"\x01" + words.encode("utf-16-le"))
        case Report():
            kind = LONG_ALARM if message.signals else LONG_PLACE
            return framed(SECOND, kind, 1, name, _said(message))
    raise Unsupported("an unknown kind has no bytes")


def _said(report: Report) -> bytes:
    """The content of a place or an alarm of the second generation."""
    readings = report.readings
    if odd := set(readings) - _SAYABLE:
        raise Unsupported(f"a TopFlyTech tracker cannot say {', '.join(sorted(odd))}")
    if len(report.signals) > 1 or any(signal not in _CODES for signal in report.signals):
        raise Unsupported("a TopFlyTech frame holds one alarm, of those that have a code")
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("a TopFlyTech tracker dates every report: give it a time")
    fix = report.fix
    status = readings.get("satellites", 9 if fix else 0) & SATELLITES
    status |= (FIXED if fix else 0) | (HISTORY if report.buffered else 0)
    lines = IGNITION if readings.get("ignition") else 0
    code = next((_CODES[signal] for signal in report.signals), 0)
    head = struct.pack(
        ">HHBHHBBBBBHHHHHHHHBBI",
        *(60, 900, 56, 500, readings.get("rssi", 20) & 0xFFFF, status, 0, 0, 5, 1, 0),
        *(lines, 0, 0, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, code, 0),
        round(readings.get("odometer_m", 0)),
    )
    battery = round(readings.get("battery_pct", 100)) % 100
    place = bytes(16)
    if fix is not None:
        motion = f"{round((fix.speed_kmh or 0) * 10):04d}{round(fix.course_deg or 0):04x}"
        place = GPS.pack(fix.altitude_m or 0, fix.lon, fix.lat) + bytes.fromhex(motion)
    volts = "".join(
        f"{round(volts * 100):04d}"
        for volts in (readings.get("battery_v", 0.0), readings.get("power_v", 0.0))
    )
    dated = bytes.fromhex(f"{battery:02d}{at.astimezone(UTC):%y%m%d%H%M%S}")
    return head + dated + place + bytes.fromhex(volts) + b"\xff" * 11
