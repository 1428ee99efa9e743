"""Places and times in the notation of NMEA 0183, which many makers put inside their own frames.

See: NMEA 0183, sentence RMC, and the ``dddmm.mmmm`` that all sentences share.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from protocols.checksum import xor8
from protocols.message import Fix
from protocols.settings import AS_USUAL, DeviceSettings

KMH_OF_A_KNOT = 1.852

_MOST = 1e15
_MOST_WHOLE = 3
_FINE = 100_000
_A_DEGREE = 60 * _FINE


def angle(digits: str, side: str) -> float:
    """Degrees from ``dddmm.mmmm`` and its side, N S E W. Raises ValueError if they are none."""
    point = digits.find(".")
    whole = (len(digits) if point < 0 else point) - 2
    if not 0 <= whole <= _MOST_WHOLE:
        raise ValueError(f"no degrees and minutes: {digits!r}")
    degrees = int(digits[:whole] or "0") + float(digits[whole:]) / 60
    return -degrees if side in ("S", "W") else degrees


def moment(day: str, clock: str, settings: DeviceSettings = AS_USUAL) -> datetime | None:
    """``ddmmyy`` and ``hhmmss.sss`` in UTC; None if there is no such moment."""
    try:
        local = datetime(  # noqa: DTZ001 — the settings say whose clock it is
            2000 + int(day[4:6]),
            int(day[2:4]),
            int(day[:2]),
            int(clock[:2]),
            int(clock[2:4]),
            int(clock[4:6]),
            _microseconds(clock),
        )
        return settings.utc(local)
    except (ValueError, OverflowError):
        return None


def number(text: str) -> float | None:
    """The number in that field; None if it is empty, or too large to be measured."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < _MOST else None


def rmc(
    fields: Sequence[str], settings: DeviceSettings = AS_USUAL
) -> tuple[Fix | None, datetime | None]:
    """The place and the time in an RMC sentence; None for what cannot be read.

    ``fields`` are what follows ``$GPRMC,``: clock, A or V, latitude, N or S, longitude,
    E or W, speed in knots, course, date.
    """
    if len(fields) < 9:
        return None, None
    clock, state, lat, north, lon, east, knots, course, day = fields[:9]
    at = moment(day, clock, settings)
    if at is None:
        return None, None
    try:
        speed = number(knots)
        fix = Fix(
            at=at,
            lat=angle(lat, north),
            lon=angle(lon, east),
            valid=state == "A",
            speed_kmh=None if speed is None else speed * KMH_OF_A_KNOT,
            course_deg=number(course),
        )
    except ValueError:
        return None, at
    return fix, at


def written_angle(degrees: float, sides: str, *, width: int) -> str:
    """``dddmm.mmmmm,E``: the inverse of ``angle``, with ``width`` digits for whole degrees."""
    whole, minutes = divmod(round(abs(degrees) * _A_DEGREE), _A_DEGREE)
    side = sides[1] if degrees < 0 else sides[0]
    return f"{whole:0{width}}{minutes / _FINE:08.5f},{side}"


def written_rmc(fix: Fix) -> str:
    """What follows ``$GPRMC,`` for that fix, up to its date."""
    at = fix.at.astimezone(UTC)
    return ",".join(
        (
            f"{at:%H%M%S}.{at.microsecond // 1000:03}",
            "A" if fix.valid else "V",
            written_angle(fix.lat, "NS", width=2),
            written_angle(fix.lon, "EW", width=3),
            f"{(fix.speed_kmh or 0) / KMH_OF_A_KNOT:.2f}",
            f"{fix.course_deg or 0:.2f}",
            f"{at:%d%m%y}",
        )
    )


def sentence(words: str) -> str:
    """``$words*hh``: a sentence with its checksum."""
    return f"${words}*{xor8(words.encode()):02X}"


def _microseconds(clock: str) -> int:
    """The digits behind the point of ``hhmmss.sss``; none: 0."""
    digits = clock[7:13]
    return int(digits.ljust(6, "0")) if digits.isdecimal() and clock[6] == "." else 0
