"""What a transmitter would send: Contact ID events, encrypted where it has a key."""

import re

from protocols.checksum import crc16_arc
from protocols.codec import Peer
from protocols.codecs.dc09.frame import key_of, seal, sealed, stamp
from protocols.errors import Unsupported
from protocols.message import Heartbeat, Message, Report, Signal

_UNIT = re.compile(r"(?:(R[0-9A-F]{1,6}))?(?:(L[0-9A-F]{1,6}))?#?([0-9A-F]{1,16})\Z")
_PERIODIC_TEST = "1602 00 000"
_EVENTS = {
    Signal.PANIC: "1120 00 001",
    Signal.FALL: "1103 00 001",
    Signal.NO_MOTION: "1102 00 001",
    Signal.TAMPER: "1137 00 001",
    Signal.JAMMING: "1344 00 000",
    Signal.LOW_BATTERY: "1302 00 000",
    Signal.POWER_CUT: "1301 00 000",
    Signal.POWER_RESTORED: "3301 00 000",
    Signal.POWERED_OFF: "1308 00 000",
    Signal.FAULT: "1300 00 000",
    Signal.TEMPERATURE: "1158 00 001",
    Signal.UNSPECIFIED: "1140 00 001",
    Signal.SOS_END: "3120 00 001",
}


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame that the account ``peer.unit_id`` would send. Raises Unsupported.

    A place with a speed or a battery is written in decimal degrees, as transmitters do that say
    such things; else in degrees and minutes.
    """
    unit = _UNIT.match(peer.unit_id.upper())
    if unit is None:
        raise Unsupported("give the peer an account of hexadecimal digits, as #1234 or R1L2#1234")
    address = f"{unit[1] or ''}{unit[2] or 'L0'}#{unit[3]}".encode()
    match message:
        case Heartbeat():
            kind, data, rest = b"NULL", b"", b""
            at = None
        case Report():
            kind, at = b"ADM-CID", message.fix.at if message.fix else message.at
            data = f"#{unit[3]}|{_event(message)}".encode()
            rest = _extended(message)
        case _:
            raise Unsupported(f"no transmitter of DC-09 says {type(message).__name__}")
    # A number that is the same when the same is said again.
    number = b"%04d" % (crc16_arc(data + rest + (stamp(at) if at else b"")) % 9_999 + 1)
    timestamp = b"_" + stamp(at) if at else b""
    secret = peer.settings.secret
    if not secret:
        body = b'"%b"%b%b[%b]%b%b' % (kind, number, address, data, rest, timestamp)
        return seal(body)
    key = key_of(secret)
    if key is None or not timestamp:
        raise Unsupported(
            "an encrypted frame needs a key of 16, 24 or 32 bytes in hex, and a time to say"
        )
    head = b'"*%b"%b%b[' % (kind, number, address)
    return sealed(head, data, rest + timestamp, key)


def _event(report: Report) -> str:
    if not report.signals:
        return _PERIODIC_TEST
    (signal, *more) = report.signals
    if more or signal not in _EVENTS:
        raise Unsupported(f"Contact ID cannot say {', '.join(sorted(report.signals))} in one event")
    return _EVENTS[signal]


def _extended(report: Report) -> bytes:
    """Where and how fast. Without a place nobody would take B for a battery."""
    fix = report.fix
    if fix is None:
        return b""
    altitude = "" if fix.altitude_m is None else f"[Z{fix.altitude_m:.1f}M]"
    percent = report.readings.get("battery_pct")
    if fix.speed_kmh is None and percent is None:
        said = f"[X{_spelled(fix.lon, 3, 'EW')}][Y{_spelled(fix.lat, 2, 'NS')}]{altitude}"
        return said.encode()
    speed = "" if fix.speed_kmh is None else f"[S{fix.speed_kmh:g}]"
    battery = "" if percent is None else f"[B{percent:g}]"
    return f"[X{fix.lon:.6f}][Y{fix.lat:.6f}]{altitude}{speed}{battery}".encode()


def _spelled(degrees: float, digits: int, letters: str) -> str:
    """``004E21.68900``: whole degrees, the hemisphere, minutes."""
    thousandths = round(abs(degrees) * 60 * 100_000)
    whole, rest = divmod(thousandths, 60 * 100_000)
    letter = letters[degrees < 0]
    return f"{whole:0{digits}}{letter}{rest / 100_000:08.5f}"
