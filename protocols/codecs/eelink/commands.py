"""What the platform asks of an Eelink device, and what such a device would say."""

import struct
from datetime import UTC, datetime

from protocols.codec import Peer
from protocols.codecs.eelink.frame import (
    ALARM,
    ENVELOPE,
    HEARTBEAT,
    LOGIN,
    PLACE,
    REPLY,
    enclose,
    seal,
)
from protocols.codecs.eelink.reports import ALARMS, DEGREE
from protocols.errors import Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Immobilise,
    Locate,
    Login,
    Message,
    Mobilise,
    Reboot,
    Report,
    SetSosNumber,
)

_AS_TEXT = b"\x01"
_SERVER = bytes(4)
_PLAIN: dict[type[Command], str] = {
    Locate: "WHERE#",
    Reboot: "RESET#",
    Immobilise: "RELAY,1#",
    Mobilise: "RELAY,0#",
}
_CODES = {signal: code for code, signal in reversed(ALARMS.items())}
_GPS = struct.Struct(">IBiihHHB")


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``, in an envelope where the device spoke in one."""
    frame = seal(REPLY, 0, _AS_TEXT + _SERVER + _words(command).encode())
    return _as_spoken(frame, peer)


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame an Eelink device would send. Raises Unsupported for what it cannot say."""
    match message:
        case Login(unit_id=unit_id):
            if not unit_id.isdecimal() or len(unit_id) > 15:
                raise Unsupported("an Eelink device is called by at most fifteen digits")
            frame = seal(LOGIN, 1, bytes.fromhex(unit_id.zfill(16)) + b"\x01\x20")
        case Heartbeat():
            frame = seal(HEARTBEAT, 1, b"")
        case CommandReply(text=words):
            frame = seal(REPLY, 1, _AS_TEXT + _SERVER + words.encode())
        case Report():
            frame = _report(message)
        case _:
            raise Unsupported(f"an Eelink device cannot say {message!r}")
    return _as_spoken(frame, peer)


def _as_spoken(frame: bytes, peer: Peer) -> bytes:
    return enclose(peer.unit_id, frame) if peer.dialect == ENVELOPE.decode() else frame


def _words(command: Command) -> str:
    match command:
        case SetSosNumber(index=index, phone=phone) if 1 <= index <= 3:
            return f"SOS,A,{',' * (index - 1)}{phone}#"
        case Custom(text=words) if words and words.isascii():
            return words
    plain = _PLAIN.get(type(command))
    if plain is None:
        raise Unsupported(
            f"Eelink devices have no {type(command).__name__} in common: send their own words "
            "as Custom, as in TIMER,60#"
        )
    return plain


def _report(report: Report) -> bytes:
    signals = sorted(report.signals)
    if len(signals) > 1 or any(signal not in _CODES for signal in signals):
        raise Unsupported("a frame of an Eelink device holds one alarm that it knows")
    fix = report.fix
    at = report.at or (fix.at if fix else datetime(2020, 1, 1, tzinfo=UTC))
    place = _place(fix, report) if fix else int(at.timestamp()).to_bytes(4, "big") + b"\0"
    status = _status(report).to_bytes(2, "big")
    if signals:
        return seal(ALARM, 1, place + bytes((_CODES[signals[0]],)) + status)
    battery = round(report.readings.get("battery_v", 0) * 1000).to_bytes(2, "big")
    odometer = round(report.readings.get("odometer_m", 0)).to_bytes(4, "big")
    return seal(PLACE, 1, place + status + battery + bytes(4) + odometer)


def _place(fix: Fix, report: Report) -> bytes:
    if not fix.valid:
        raise Unsupported("in this layout a place is valid or absent")
    return _GPS.pack(
        int(fix.at.timestamp()),
        1,
        round(fix.lat * DEGREE),
        round(fix.lon * DEGREE),
        round(fix.altitude_m or 0),
        round(fix.speed_kmh or 0),
        round(fix.course_deg or 0) % 360,
        report.readings.get("satellites", 8),
    )


def _status(report: Report) -> int:
    readings = report.readings
    status = 1 if report.fix else 0
    if "ignition" in readings:
        status |= 0x02 | (0x04 if readings["ignition"] else 0)
    if "immobilised" in readings:
        status |= 0x20 | (0x40 if readings["immobilised"] else 0)
    if "charging" in readings:
        status |= 0x80 | (0x100 if readings["charging"] else 0)
    return status | (0x200 if readings.get("motion") else 0)
