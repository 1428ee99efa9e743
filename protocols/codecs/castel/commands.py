"""What the platform asks of a Castel device, and what such a device would say."""

from datetime import UTC, datetime

from protocols.codec import Peer
from protocols.codecs.castel.frame import seal, wire_name
from protocols.codecs.castel.places import ALARMS, IGNITION, PLACE, SECOND, STATE
from protocols.errors import Unsupported
from protocols.message import Command, Custom, Fix, Heartbeat, Login, Message, Report

_IDD = 4
_CODES = {signal: code for code, signal in reversed(ALARMS.items())}


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries Custom: kind and content in hexadecimal. Raises Unsupported."""
    if not isinstance(command, Custom):
        raise Unsupported(
            f"Castel devices have no {type(command).__name__} in common: send kind and content "
            "in hexadecimal as Custom"
        )
    try:
        said = bytes.fromhex(command.text)
    except ValueError:
        said = b""
    if len(said) < 2:
        raise Unsupported("Custom is two bytes of kind and the content, in hexadecimal")
    return seal(_IDD, wire_name(peer.unit_id), int.from_bytes(said[:2], "big"), said[2:])


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a Castel device would send. Raises Unsupported for what it cannot say."""
    match message:
        case Login(unit_id=unit_id):
            return seal(_IDD, wire_name(unit_id), 0x1001, bytes(STATE.size) + b"\0")
        case Heartbeat():
            return seal(_IDD, wire_name(peer.unit_id), 0x1003)
        case Report(fix=fix, signals=signals) if signals or fix is not None:
            return seal(_IDD, wire_name(peer.unit_id), *_said(message))
    raise Unsupported(f"a Castel device cannot say {message!r}")


def _said(report: Report) -> tuple[int, bytes]:
    """4001, or 4007 with one alarm."""
    fix = report.fix
    at = report.at or (fix.at if fix else datetime(2020, 1, 1, tzinfo=UTC))
    readings = report.readings
    state = STATE.pack(
        0,
        int(at.timestamp()),
        round(readings.get("odometer_m", 0)),
        0,
        0,
        0,
        IGNITION if readings.get("ignition") else 0,
    )
    places = b"\0" if fix is None else b"\1" + packed_place(fix, readings.get("satellites", 8))
    if not report.signals:
        return 0x4001, bytes((report.buffered,)) + state + places
    (signal, *others) = sorted(report.signals)
    if others or signal not in _CODES:
        raise Unsupported("a Castel device tells of one alarm that it knows")
    return 0x4007, bytes(4) + state + places + bytes((1, 1, _CODES[signal])) + bytes(4)


def packed_place(fix: Fix, satellites: int) -> bytes:
    """The nineteen bytes of one place."""
    at = fix.at.astimezone(UTC)
    flags = (fix.lon >= 0) | (fix.lat >= 0) << 1 | (0x0C if fix.valid else 0)
    return PLACE.pack(
        at.day,
        at.month,
        at.year - 2000,
        at.hour,
        at.minute,
        at.second,
        round(abs(fix.lat) * SECOND),
        round(abs(fix.lon) * SECOND),
        round((fix.speed_kmh or 0) / 0.036),
        round((fix.course_deg or 0) * 10) % 3600,
        flags | min(satellites, 15) << 4,
    )
