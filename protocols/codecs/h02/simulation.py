"""What an H02 device would have sent: V1 for a place, LINK for readings alone, HTBT for neither."""

from datetime import UTC

from protocols.codec import Peer
from protocols.codecs.h02 import status as bits
from protocols.errors import Unsupported
from protocols.message import Fix, Heartbeat, Message, Report
from protocols.nmea import KMH_OF_A_KNOT, written_angle

_ANY = {"ignition", "immobilised"}
_ON_A_LINK = ("rssi", "satellites", "battery_pct", "steps")


def simulate(message: Message, peer: Peer) -> bytes:
    """The sentence a device called ``peer.unit_id`` would send. Raises Unsupported."""
    if not peer.unit_id:
        raise Unsupported("an H02 device names itself in every frame: give the peer a unit_id")
    return f"*{peer.dialect or 'HQ'},{peer.unit_id},{_said(message)}#".encode()


def _said(message: Message) -> str:
    match message:
        case Heartbeat():
            return "HTBT"
        case Report():
            return _said_report(message)
        case _:
            raise Unsupported(f"an H02 device cannot say {message!r}")


def _said_report(report: Report) -> str:
    status = bits.written(report.signals, report.readings)
    told = set(report.readings) - _ANY
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("an H02 device puts a time on every report: give it one")
    at = at.astimezone(UTC)
    if report.fix is None and told:
        if odd := told - set(_ON_A_LINK):
            raise Unsupported(f"an H02 device cannot say {', '.join(sorted(odd))}")
        values = ",".join(f"{report.readings.get(name, 0):g}" for name in _ON_A_LINK)
        return f"LINK,{at:%H%M%S},{values},0,{at:%d%m%y},{status:08X}"
    if told:
        raise Unsupported(f"an H02 device says {', '.join(sorted(told))} only without a place")
    place = ",V,,N,,E,0.00,0" if report.fix is None else _said_place(report.fix)
    return f"V1,{at:%H%M%S}{place},{at:%d%m%y},{status:08X}"


def _said_place(fix: Fix) -> str:
    state = "A" if fix.valid else "V"
    lat = written_angle(fix.lat, "NS", width=2)
    lon = written_angle(fix.lon, "EW", width=3)
    knots = (fix.speed_kmh or 0) / KMH_OF_A_KNOT
    return f",{state},{lat},{lon},{knots:06.2f},{fix.course_deg or 0:03.0f}"
