"""Fields that frames of both kinds have: why they were sent, when, where, and the tower."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from protocols import nmea
from protocols.codec import Peer
from protocols.message import CellTower, Fix, Signal

_NOTHING: frozenset[Signal] = frozenset()
CODES: Mapping[str, frozenset[Signal]] = {
    code: frozenset({signal})
    for code, signal in {
        "01": Signal.PANIC,
        "10": Signal.LOW_BATTERY,
        "11": Signal.OVERSPEED,
        "30": Signal.PARKING,
        "42": Signal.ZONE_LEFT,
        "43": Signal.ZONE_ENTERED,
        **{f"5{digit}": Signal.INPUT for digit in range(8)},
        "91": Signal.SLEEP,
    }.items()
}


def meaning(code: str, peer: Peer) -> frozenset[Signal]:
    """What the code of a frame says on this box."""
    return peer.settings.meaning(code, CODES.get(code, _NOTHING))


def moment(digits: str, peer: Peer, *, year_first: bool = False) -> datetime | None:
    """Twelve digits of date and time in UTC; None if there is no such moment."""
    if len(digits) != 12:
        return None
    day = digits[4:6] + digits[2:4] + digits[:2] if year_first else digits[:6]
    return nmea.moment(day, digits[6:], peer.settings)


def fix_from(at: datetime | None, place: Sequence[str], *, kmh: bool = False) -> Fix | None:
    """From A or V, latitude, side, longitude, side, speed, course. None if that is no place."""
    if at is None:
        return None
    speed = nmea.number(place[5])
    try:
        return Fix(
            at=at,
            lat=nmea.angle(place[1], place[2]),
            lon=nmea.angle(place[3], place[4]),
            valid=place[0] == "A",
            speed_kmh=speed if kmh or speed is None else speed * nmea.KMH_OF_A_KNOT,
            course_deg=nmea.number(place[6]),
        )
    except ValueError:
        return None


def tower(lac: str, cid: str, rssi: int | None) -> tuple[CellTower, ...]:
    """The tower of which only area and cell are said; none if both are zero."""
    try:
        area, cell = int(lac, 16), int(cid, 16)
    except ValueError:
        return ()
    return (CellTower(mcc=0, mnc=0, lac=area, cid=cell, rssi=rssi),) if area or cell else ()
