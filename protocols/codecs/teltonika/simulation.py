"""What a device would send: our messages as codec 8 Extended records."""

from protocols.codecs.teltonika.elements import (
    ALARM,
    CRASH,
    MAN_DOWN,
    PRIORITY_HIGH,
    PRIORITY_LOW,
    PRIORITY_PANIC,
    Family,
)
from protocols.errors import Unsupported
from protocols.message import LIFE_SAFETY, CellTower, Report, Signal
from protocols.wire import Writer


def record_of(report: Report, family: Family) -> bytes:
    """One record, without codec and counts. Raises Unsupported for what it cannot hold."""
    fix = report.fix
    if fix is None:
        raise Unsupported("a Teltonika record always has a place: give the last one, not valid")
    elements, event, priority = _signalled(report.signals, family)
    elements |= _measured(report)
    record = Writer().u64(round(fix.at.timestamp() * 1000)).u8(priority)
    record.i32(round(fix.lon * 1e7)).i32(round(fix.lat * 1e7))
    record.i16(round(fix.altitude_m or 0)).u16(round(fix.course_deg or 0))
    record.u8(report.readings.get("satellites", 9) if fix.valid else 0)
    record.u16(round(fix.speed_kmh or 0)).u16(event).u16(len(elements))
    for width in (1, 2, 4, 8):
        group = {number: value for (wide, number), value in elements.items() if wide == width}
        record.u16(len(group))
        for number, value in group.items():
            record.u16(number).put(value.to_bytes(width, "big"))
    return bytes(record.u16(0))


_SIGNALS = {
    Signal.PANIC: (ALARM, 1),
    Signal.UNSPECIFIED: (ALARM, 1),
    Signal.FALL: (MAN_DOWN, 1),
    Signal.CRASH: (CRASH, 1),
    Signal.AMBER: (400, 1),
    Signal.TOW: (246, 1),
    Signal.JAMMING: (249, 1),
    Signal.IDLE: (251, 1),
    Signal.POWER_CUT: (252, 1),
    Signal.POWER_RESTORED: (252, 0),
    Signal.HARSH_ACCELERATION: (253, 1),
    Signal.HARSH_BRAKING: (253, 2),
    Signal.HARSH_CORNERING: (253, 3),
    Signal.OVERSPEED: (255, 120),
    Signal.OVERSPEED_END: (255, 0),
    Signal.ZONE_LEFT: (155, 0),
    Signal.ZONE_ENTERED: (155, 1),
}
_ONLY_AS_EVENT = frozenset(
    {
        Signal.POWER_RESTORED,
        Signal.OVERSPEED,
        Signal.OVERSPEED_END,
        Signal.ZONE_LEFT,
        Signal.ZONE_ENTERED,
    }
)
_PERSONAL = frozenset({Signal.AMBER})
_NOT_PERSONAL = frozenset({Signal.UNSPECIFIED})

_READINGS = {
    "ignition": (1, 239, 1),
    "motion": (1, 240, 1),
    "rssi": (1, 21, 1),
    "battery_pct": (1, 113, 1),
    "charging": (1, 116, 1),
    "immobilised": (1, 179, 1),
    "power_v": (2, 66, 1000),
    "battery_v": (2, 67, 1000),
    "hdop": (2, 182, 10),
    "odometer_m": (4, 16, 1),
}


def _signalled(
    signals: frozenset[Signal], family: Family
) -> tuple[dict[tuple[int, int], int], int, int]:
    """Elements, the event among them, and the priority."""
    cannot = signals - _SIGNALS.keys() | signals & (_NOT_PERSONAL if family.personal else _PERSONAL)
    events = signals & _ONLY_AS_EVENT
    numbers = {_SIGNALS[signal][0] for signal in signals - cannot}
    if cannot or len(events) > 1 or len(numbers) < len(signals):
        raise Unsupported(f"one record of this model cannot say {', '.join(sorted(signals))}")
    first = min(events, default=None) or min(signals & LIFE_SAFETY or signals, default=None)
    elements = {(1, number): value for number, value in map(_SIGNALS.__getitem__, signals)}
    if first is None:
        return elements, 0, PRIORITY_LOW
    priority = PRIORITY_PANIC if Signal.PANIC in signals else PRIORITY_HIGH
    return elements, _SIGNALS[first][0], priority


def _measured(report: Report) -> dict[tuple[int, int], int]:
    elements = {
        (width, number): round(float(str(value)) * scale)
        if not isinstance(value, bool)
        else int(value)
        for name, (width, number, scale) in _READINGS.items()
        if (value := report.readings.get(name)) is not None
    }
    key = report.readings.get("driver_id")
    if key:
        elements[8, 78] = int(key, 16)
    if report.cells:
        elements |= _seen(report.cells[0])
    return elements


def _seen(cell: CellTower) -> dict[tuple[int, int], int]:
    return {
        (2, 206): cell.lac,
        (4, 241): cell.mcc * (100 if cell.mnc < 100 else 1000) + cell.mnc,
        (2, 205) if cell.cid < 1 << 16 else (4, 636): cell.cid,
    }
