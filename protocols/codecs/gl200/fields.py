"""The fields of one text report: numbers, times, places, cells and Wi-Fi."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite

from protocols.codecs.gl200.kinds import STATES
from protocols.message import CellTower, Fix, Readings, WifiNetwork

_TIME = 14
_MAC = 12
_MOST_NETWORKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One position inside a report: columns ``start`` (the accuracy) up to ``end``.

    ``at`` is None for a moment that does not exist, ``fix`` for a place that does not.
    """

    start: int
    end: int
    at: datetime | None
    fix: Fix | None
    hdop: float | None
    cells: tuple[CellTower, ...]
    wifi: tuple[WifiNetwork, ...]


def places(fields: Sequence[str], *, doubtful: bool = False) -> list[Place]:
    """Every position, found by its time: fourteen digits behind two coordinates.

    ``doubtful``: an accuracy of 0 says that the place is the last known one.
    """
    return [
        _place(fields, at, doubtful=doubtful)
        for at in range(9, len(fields) - 2)
        if len(fields[at]) == _TIME
        and "." in fields[at - 1]
        and "." in fields[at - 2]
        and fields[at].isdecimal()
    ]


def moment(said: str) -> datetime | None:
    """YYYYMMDDHHMMSS as UTC; None if no such moment exists."""
    if len(said) != _TIME or not (said.isascii() and said.isdecimal()):
        return None
    try:
        return datetime(
            int(said[:4]),
            int(said[4:6]),
            int(said[6:8]),
            int(said[8:10]),
            int(said[10:12]),
            int(said[12:]),
            tzinfo=UTC,
        )
    except ValueError:
        return None


def number(said: str) -> float | None:
    """A finite number; None for an empty field and for anything else."""
    if not said:
        return None
    try:
        value = float(said)
    except ValueError:
        return None
    return value if isfinite(value) else None


def whole(said: str, *, most: int = 2**31) -> int | None:
    """Digits as a whole number up to ``most``; None for anything else."""
    if not (said.isascii() and said.isdecimal()) or len(said) > 10:
        return None
    value = int(said)
    return value if value <= most else None


def hexadecimal(said: str) -> int | None:
    """Hexadecimal digits; None for an empty field and for anything else."""
    if not said or len(said) > 16:
        return None
    try:
        return int(said, 16)
    except ValueError:
        return None


def percent(said: str) -> int | None:
    """A charge in per cent: one to three digits up to 100. Two noughts are a reserved field."""
    return None if said == "00" or len(said) > 3 else whole(said, most=100)


def cells_at(fields: Sequence[str], at: int) -> tuple[CellTower, ...]:
    """The serving cell in the four columns from ``at``: MCC, MNC, area and cell in hexadecimal."""
    if at + 4 > len(fields):
        return ()
    mcc, mnc = whole(fields[at], most=999), whole(fields[at + 1], most=999)
    lac, cid = hexadecimal(fields[at + 2]), hexadecimal(fields[at + 3])
    if mcc is None or mnc is None or lac is None or cid is None:
        return ()
    return (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),)


def wifi_at(fields: Sequence[str], at: int) -> tuple[tuple[WifiNetwork, ...], int]:
    """The networks whose number stands at ``at``, and the column behind them.

    Each has five columns: address, dBm and three reserved ones.
    """
    count = whole(fields[at], most=_MOST_NETWORKS) if at < len(fields) else None
    after = at + 1
    found = []
    for _ in range(count or 0):
        if after + 5 > len(fields) or len(fields[after]) != _MAC:
            break
        mac = fields[after].lower()
        if hexadecimal(mac) is None:
            break
        rssi = number(fields[after + 1])
        pairs = ":".join(mac[pair : pair + 2] for pair in range(0, _MAC, 2))
        found.append(WifiNetwork(mac=pairs, rssi=None if rssi is None else int(rssi)))
        after += 5
    return tuple(found), after


def read_state(said: str, readings: Readings) -> None:
    """Ignition and motion from the two digits of the device state."""
    ignition, motion = STATES.get(said, (None, None))
    if ignition is not None:
        readings["ignition"] = ignition
    if motion is not None:
        readings["motion"] = motion


def _place(fields: Sequence[str], time: int, *, doubtful: bool) -> Place:
    at = moment(fields[time])
    hdop = number(fields[time - 6])
    wifi: tuple[WifiNetwork, ...] = ()
    network = time + 1
    if len(fields[network + 1]) == _MAC:
        wifi, network = wifi_at(fields, network)
    return Place(
        start=time - 6,
        end=min(network + 4, len(fields) - 2),
        at=at,
        fix=None if at is None else _fix(fields, time, at, valid=not doubtful or bool(hdop)),
        hdop=hdop,
        cells=cells_at(fields, network),
        wifi=wifi,
    )


def _fix(fields: Sequence[str], time: int, at: datetime, *, valid: bool) -> Fix | None:
    lat, lon = number(fields[time - 1]), number(fields[time - 2])
    if lat is None or lon is None:
        return None
    try:
        return Fix(
            at=at,
            lat=lat,
            lon=lon,
            valid=valid,
            speed_kmh=number(fields[time - 5]),
            course_deg=number(fields[time - 4]),
            altitude_m=number(fields[time - 3]),
        )
    except ValueError:
        return None
