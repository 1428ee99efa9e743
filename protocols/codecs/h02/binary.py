"""Binary H02 frames: packed decimal, one report each, without an answer.

::

    $ │ unit id │ time │ date │ latitude │ battery │ longitude, sides │ knots, course │ status │ …
    24  42 09 13 41 33
                  20 59 57  28 07 17  51 37 35 80  06  00 01 83 64 0e    000 000   ff ff fb fd  …
    1b     5b       3b     3b     4b         1b           5b                3b         4b

What follows is either ``ff 00 00``, or an alarm byte, seven bytes of mileage and the like, the
mobile network (country 2b, operator 1b, area 2b, cell 2b) and a serial number; some firmware adds
a few bytes more. Units with an IMEI write it in eight bytes, padded with a zero, and end earlier.
"""

from datetime import UTC, datetime

from protocols.codec import Incoming, Peer
from protocols.codecs.h02 import status as bits
from protocols.errors import Malformed, Unframeable
from protocols.message import CellTower, Fix, Readings, Report
from protocols.nmea import KMH_OF_A_KNOT, number
from protocols.settings import DeviceSettings

MARK = b"$"
_NEXT = b"$*\r\n"
_CHECKED = 12
_SHORT = 32
_LONG = 45
_LONG_WITH_IMEI = 43
_LONGEST = 60
_SHORT_END = b"\xff\0\0"

# Offsets in half bytes: where the unit id ends, and what follows it, counted from there.
_SHORT_NAME, _IMEI = 12, 18
_TIME, _DATE, _LAT, _BATTERY, _LON, _SIDES, _SPEED, _COURSE, _STATUS, _REST = (
    0, 6, 12, 20, 22, 31, 32, 35, 38, 46,
)  # fmt: skip
_EAST, _NORTH, _VALID = 8, 4, 2

_BATTERY_PCT = {1: 0, 2: 10, 3: 20, 4: 60, 5: 80, 6: 100}
_CHARGING = 0xF0
_COUNTRIES = range(200, 800)


def frame_size(buffer: bytes, begin: int) -> int | None:
    """Bytes from the ``$`` on; None: not all there yet. Raises Unframeable.

    The length is nowhere written, so it is read off what stands behind the status.
    """
    waiting = len(buffer) - begin
    if waiting >= _CHECKED and not buffer[begin + 1 : begin + _CHECKED].hex().isdecimal():
        raise Unframeable("a $ without a unit, a time and a date behind it")
    if waiting < _SHORT:
        return None
    end = begin + _SHORT
    if buffer[end - 3 : end] == _SHORT_END and buffer[end : end + 1] in (b"", b"$", b"*", b"\r"):
        return _SHORT
    named = _end_of_name(buffer[begin:end].hex())
    size = _LONG if named == _SHORT_NAME else _LONG_WITH_IMEI
    while size < min(waiting, _LONGEST) and buffer[begin + size] not in _NEXT:
        size += 1
    return size


def decode(frame: bytes, peer: Peer) -> Incoming:
    """One report. Raises Malformed where the frame is not packed decimal."""
    if len(frame) < _SHORT:
        raise Malformed(f"{len(frame)} bytes behind a $, {_SHORT} wanted")
    digits = frame.hex()
    start = _end_of_name(digits)
    unit_id = digits[2 : min(start, 17)]
    if not unit_id.isdecimal():
        raise Malformed("the unit has no decimal name")
    fields = digits[start:]
    status = int(fields[_STATUS:_REST], 16)
    at = _moment(fields, peer.settings)
    report = Report(
        fix=None if at is None else _fix(fields, at),
        at=at,
        signals=bits.signals(status, peer.settings),
        readings=_readings(fields, status),
        cells=_cells(frame, start // 2 + _REST // 2),
        other={"status": status},
        record=frame[: _LONG - 1],
    )
    return Incoming(messages=(report,), peer=peer.named(unit_id))


def _end_of_name(digits: str) -> int:
    """Where the name ends; behind an IMEI where only that gives a time and a place."""
    if not _plausible(digits[_SHORT_NAME:]) and _plausible(digits[_IMEI:]):
        return _IMEI
    return _SHORT_NAME


def _plausible(fields: str) -> bool:
    """Whether a clock, a date and a latitude can begin here."""
    return (
        fields[:_BATTERY].isdecimal()
        and fields[_TIME : _TIME + 2] < "24"
        and fields[_TIME + 2 : _TIME + 4] < "60"
        and fields[_TIME + 4 : _TIME + 6] < "60"
        and "01" <= fields[_DATE : _DATE + 2] < "32"
        and "01" <= fields[_DATE + 2 : _DATE + 4] < "13"
        and fields[_LAT : _LAT + 2] < "90"
        and fields[_LAT + 2 : _LAT + 4] < "60"
        and fields[_LON:_SIDES].isdecimal()
        and fields[_SPEED:_STATUS].isdecimal()
    )


def _moment(fields: str, settings: DeviceSettings) -> datetime | None:
    try:
        local = datetime(
            2000 + int(fields[10:12]),
            int(fields[8:10]),
            int(fields[6:8]),
            int(fields[:2]),
            int(fields[2:4]),
            int(fields[4:6]),
            tzinfo=UTC,
        )
        return settings.utc(local) if settings.time_zone else local
    except (ValueError, OverflowError):
        return None


def _fix(fields: str, at: datetime) -> Fix | None:
    sides = int(fields[_SIDES], 16)
    try:
        lat = int(fields[_LAT : _LAT + 2]) + int(fields[_LAT + 2 : _BATTERY]) / 600_000
        lon = int(fields[_LON : _LON + 3]) + int(fields[_LON + 3 : _SIDES]) / 600_000
        knots = number(fields[_SPEED:_COURSE])
        return Fix(
            at=at,
            lat=lat if sides & _NORTH else -lat,
            lon=lon if sides & _EAST else -lon,
            valid=bool(sides & _VALID),
            speed_kmh=None if knots is None else knots * KMH_OF_A_KNOT,
            course_deg=number(fields[_COURSE:_STATUS]),
        )
    except ValueError:
        return None


def _readings(fields: str, status: int) -> Readings:
    readings = bits.readings(status)
    level = int(fields[_BATTERY:_LON], 16)
    if level > _CHARGING:
        readings["charging"] = True
        level -= _CHARGING
    if level in _BATTERY_PCT:
        readings["battery_pct"] = _BATTERY_PCT[level]
    elif 0 < level <= 100:
        readings["battery_pct"] = level
    return readings


def _cells(frame: bytes, rest: int) -> tuple[CellTower, ...]:
    """The mobile network, where the eight bytes before it are there as well."""
    if len(frame) < rest + 15:
        return ()
    network = frame[rest + 8 : rest + 15]
    mcc = int.from_bytes(network[:2], "big")
    lac, cid = int.from_bytes(network[3:5], "big"), int.from_bytes(network[5:], "big")
    if mcc not in _COUNTRIES or not (lac or cid):
        return ()
    return (CellTower(mcc=mcc, mnc=network[2], lac=lac, cid=cid),)
