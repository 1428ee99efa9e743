"""What Jointech locks (JT701) say in kinds of their own: 5501, a place, and 5502, an alarm.

See: Jointech "The protocol of JT701 product". Clock and coordinates in packed decimal, in UTC::

    ddmmyy hhmmss  ddmmmmmm  dddmmmmm s  speed course GSM sats odometer charge cell area
    3      3       4         4½       ½  1     1      1   1    4        1      4    2
    product status alarms  then (id, size, value) …
    1       2      2

The half byte ``s``: 8 located, 4 east, 2 north. Speed in knots, course in steps of 2°.
"""

from datetime import UTC, datetime

from protocols.codecs.jt808.draft import Draft
from protocols.message import CellTower, Fix, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import Reader

_KNOT_KMH = 1.852
_ON_USB = (0xAA, 0xFF)
_EARLY_PRODUCTS = (1, 2)
_LOW_POWER, _MOTOR_LOCKED = 1, 1 << 5
_TILT, _WAKE = 0x0C, 0x10


def lock_report(body: bytes, settings: DeviceSettings) -> Report:
    """What a lock says. Raises Malformed where the fixed part is not whole."""
    rest = Reader(body)
    digits = rest.bcd(6)
    at = _moment(digits)
    lat, lon = rest.bcd(4), rest.take(5).hex()
    flags = int(lon[9], 16)
    speed_kmh, course_deg = rest.u8() * _KNOT_KMH, rest.u8() * 2.0
    fix = None if at is None else _fix(at, lat, lon[:9], flags, speed_kmh, course_deg)
    draft = Draft(settings)
    draft.readings["rssi"] = rest.u8()
    draft.readings["satellites"] = rest.u8()
    draft.readings["odometer_m"] = float(rest.u32() * 1000)
    charge = rest.u8()
    if charge in _ON_USB:
        draft.readings["charging"] = True
    elif charge <= 100:
        draft.readings["battery_pct"] = float(charge)
    cid, lac = rest.u32(), rest.u16()
    if cid and lac:
        draft.cells.append(CellTower(mcc=0, mnc=0, lac=lac, cid=cid))
    if rest.remaining >= 5:
        _note_state(draft, rest)
    return Report(
        fix=fix,
        at=at,
        signals=draft.signals,
        readings=draft.readings,
        cells=tuple(draft.cells),
        other=draft.other,
        record=body,
    )


def _note_state(draft: Draft, rest: Reader) -> None:
    product, status, alarms = rest.u8(), rest.u16(), rest.u16()
    draft.other["status"] = status
    draft.other["alarms"] = alarms
    if product in _EARLY_PRODUCTS:
        if alarms & _LOW_POWER:
            draft.signal("lock:0", Signal.LOW_POWER)
        return
    draft.readings["immobilised"] = bool(status & _MOTOR_LOCKED)
    for bit in range(16):
        if alarms >> bit & 1:
            # Which bit is which differs between locks; that it calls is certain.
            draft.signal(f"lock:{bit}", Signal.UNSPECIFIED)
    while rest.remaining >= 2:
        kind, size = rest.u8(), rest.u8()
        if size > rest.remaining:
            return
        value = rest.take(size)
        if kind == _TILT and size >= 6:
            draft.other["tilt"] = [
                int.from_bytes(value[place : place + 2], "big", signed=True) for place in (0, 2, 4)
            ]
        elif kind == _WAKE and size:
            draft.other["wake_source"] = value[0]


def _moment(digits: str) -> datetime | None:
    day, month, year, hour, minute, second = (int(digits[i : i + 2]) for i in range(0, 12, 2))
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _fix(  # noqa: PLR0917 — a place has that many parts
    at: datetime, lat: str, lon: str, flags: int, speed_kmh: float, course_deg: float
) -> Fix | None:
    """Degrees, minutes and their ten-thousandths; None if it is no place on Earth."""
    try:
        north = int(lat[:2]) + int(lat[2:]) / 600_000
        east = int(lon[:3]) + int(lon[3:]) / 600_000
        return Fix(
            at=at,
            lat=north if flags & 2 else -north,
            lon=east if flags & 4 else -east,
            valid=bool(flags & 8),
            speed_kmh=speed_kmh,
            course_deg=course_deg,
        )
    except ValueError:
        return None
