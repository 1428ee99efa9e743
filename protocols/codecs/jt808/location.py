"""The record of a place: alarm word, status word, place, time, and items behind them.

::

    alarm  status  latitude  longitude  altitude  speed  course  time          items
    u32    u32     u32/1e6   u32/1e6    u16 m     u16/10 u16     6 x decimal   (id, size, value) …

Status: bit 0 ignition, 1 located, 2 south, 3 west, 10 fuel cut, 26 charging.
"""

import struct
from datetime import UTC, datetime, timedelta, timezone

from protocols.codecs.jt808.draft import Draft
from protocols.codecs.jt808.items import note_items
from protocols.errors import Malformed
from protocols.message import Fix, Report, Signal
from protocols.settings import DeviceSettings

CHINA = timezone(timedelta(hours=8))
"""The clock that the standard prescribes; a unit in Europe may be set to another."""

PLACE = struct.Struct(">IIIIhHH6s")
IGNITION, LOCATED, SOUTH, WEST, FUEL_CUT, CHARGING = 1, 2, 4, 8, 1 << 10, 1 << 26

ALARM_BITS: tuple[Signal | None, ...] = (
    Signal.PANIC,
    Signal.OVERSPEED,
    Signal.FATIGUE_DRIVING,
    Signal.UNSPECIFIED,  # "danger warning", whatever the driver meant
    Signal.FAULT,  # satellite receiver
    Signal.ANTENNA_CUT,
    Signal.ANTENNA_CUT,  # shorted
    Signal.LOW_POWER,
    Signal.POWER_CUT,
    Signal.FAULT,  # display
    Signal.FAULT,  # voice
    Signal.FAULT,  # camera
    Signal.FAULT,  # card reader
    Signal.OVERSPEED,  # about to
    Signal.FATIGUE_DRIVING,  # about to
    Signal.SHOCK,  # from here to 17 free in 2011, and used so by makers of trackers
    Signal.TAMPER,
    Signal.TAMPER,
    Signal.FATIGUE_DRIVING,  # too long in one day
    Signal.PARKING,
    Signal.ZONE_ALERT,
    Signal.ZONE_ALERT,  # route
    Signal.ROUTE_DEVIATION,  # too long or too short on a section
    Signal.ROUTE_DEVIATION,
    Signal.FAULT,  # speed sensor
    Signal.FUEL_LEAK,
    Signal.STOLEN,
    Signal.IGNITION,
    Signal.MOVEMENT,
    Signal.CRASH,
    Signal.CRASH,  # rolled over
    Signal.DOOR_OPENED,
)
"""What the bits of the alarm word say, from the lowest."""

_USUAL = tuple(
    (1 << bit, f"bit{bit}", frozenset({signal} if signal else ()))
    for bit, signal in enumerate(ALARM_BITS)
)
# This personal tracker has no button: its first bit says that it was taken off.
_OF_MODEL = {
    "G-360P": (
        (1, "bit0", frozenset({Signal.REMOVED})),
        (2, "bit1", frozenset({Signal.TAMPER})),
        *_USUAL[2:],
    )
}


def report_of(record: bytes, settings: DeviceSettings, *, buffered: bool = False) -> Report:
    """What one record says. An alarm stands even where the rest cannot be read."""
    if len(record) < 4:
        raise Malformed(f"{len(record)} bytes hold no alarm word")
    draft = Draft(settings)
    note_alarm_word(draft, int.from_bytes(record[:4], "big"))
    if len(record) < PLACE.size:
        return Report(signals=frozenset(draft.signals), buffered=buffered, record=record)
    _, status, lat, lon, altitude_m, speed, course, clock = PLACE.unpack_from(record)
    at = moment(clock, settings)
    note_status(draft, status)
    note_items(draft, record, PLACE.size)
    return Report(
        fix=None
        if at is None
        else fix_of(
            at,
            status,
            lat,
            lon,
            altitude_m=float(altitude_m),
            speed_kmh=speed / 10,
            course_deg=float(course),
        ),
        at=at,
        signals=frozenset(draft.signals),
        readings=draft.readings,
        cells=tuple(draft.cells),
        wifi=tuple(draft.wifi),
        buffered=buffered,
        other=draft.other,
        record=record,
    )


def note_alarm_word(draft: Draft, word: int) -> None:
    """Every bit that is set says its own; none hides another."""
    if word == 0:
        return
    settings = draft.settings
    for bit, code, usual in _OF_MODEL.get(settings.model, _USUAL):
        if word & bit:
            draft.signals |= settings.meaning(code, usual)


def note_status(draft: Draft, status: int) -> None:
    draft.readings["ignition"] = bool(status & IGNITION)
    draft.readings["charging"] = bool(status & CHARGING)
    draft.readings["immobilised"] = bool(status & FUEL_CUT)


def fix_of(
    at: datetime,
    status: int,
    lat: int,
    lon: int,
    *,
    altitude_m: float | None = None,
    speed_kmh: float | None = None,
    course_deg: float | None = None,
) -> Fix | None:
    """The place; None if it is not on Earth."""
    try:
        return Fix(
            at=at,
            lat=(-lat if status & SOUTH else lat) / 1e6,
            lon=(-lon if status & WEST else lon) / 1e6,
            valid=bool(status & LOCATED),
            altitude_m=altitude_m,
            speed_kmh=speed_kmh,
            course_deg=course_deg,
        )
    except ValueError:
        return None


def moment(clock: bytes, settings: DeviceSettings) -> datetime | None:
    """Year, month, day, hour, minute, second in packed decimal; None for a month 13."""
    digits = clock.hex()
    try:
        return datetime(
            2000 + int(digits[:2]),
            int(digits[2:4]),
            int(digits[4:6]),
            int(digits[6:8]),
            int(digits[8:10]),
            int(digits[10:12]),
            tzinfo=settings.zone(CHINA),
        ).astimezone(UTC)
    except ValueError:
        return None
