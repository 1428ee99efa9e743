"""The state of the vehicle and the counted places that most Castel contents are made of."""

import struct
from datetime import UTC, datetime

from protocols.message import CellTower, Fix, Readings, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import Reader

STATE = struct.Struct("<IIIIIHI8x")
PLACE = struct.Struct("<6BIIHHB")
IGNITION = 1 << 18
SECOND = 3_600_000

ALARMS = {
    0x01: Signal.OVERSPEED,
    0x02: Signal.LOW_POWER,
    0x03: Signal.TEMPERATURE,
    0x04: Signal.HARSH_ACCELERATION,
    0x05: Signal.HARSH_BRAKING,
    0x06: Signal.IDLE,
    0x07: Signal.TOW,
    0x09: Signal.POWERED_ON,
    0x0B: Signal.HARSH_CORNERING,
    0x0C: Signal.HARSH_CORNERING,
    0x0D: Signal.FATIGUE_DRIVING,
    0x0E: Signal.POWERED_OFF,
    0x0F: Signal.ZONE_ALERT,
    0x10: Signal.PANIC,
    0x11: Signal.CRASH,
    0x12: Signal.TAMPER,
    0x14: Signal.IGNITION,
    0x18: Signal.FAULT,
    0x1C: Signal.SHOCK,
}

_HELP = ((1 << 13, "10"), (1 << 14, "11"))
"""The bits of the state that say that a person may need help: SOS and crash."""


class Vehicle:
    """What one frame says of the vehicle; every place in it says so too."""

    __slots__ = ("at", "other", "readings", "signals")

    def __init__(self, rest: Reader, settings: DeviceSettings) -> None:
        _, now, odometer, trip, fuel, _, state = STATE.unpack(rest.take(STATE.size))
        self.at = datetime.fromtimestamp(now, UTC)
        self.readings: Readings = {
            "odometer_m": float(odometer),
            "ignition": bool(state & IGNITION),
        }
        self.other: dict[str, object] = {"trip_m": trip, "fuel_used": fuel / 100, "state": state}
        self.signals: frozenset[Signal] = frozenset()
        for bit, code in _HELP:
            if state & bit:
                self.signals |= meaning(int(code, 16), settings)

    def report(self, record: bytes) -> Report:
        """What is said without a place."""
        return Report(
            at=self.at,
            signals=self.signals,
            readings=self.readings,
            other=self.other,
            record=record,
        )

    def places(self, rest: Reader, record: bytes, *, buffered: bool = False) -> tuple[Report, ...]:
        """Counted places; an alarm belongs to the last."""
        count = rest.u8() if rest.remaining else 0
        found = []
        for number in range(1, count + 1):
            if rest.remaining < PLACE.size:
                break
            place = Reader(rest.take(PLACE.size))
            said = record if count == 1 else record + bytes((number,))
            signals = self.signals if number == count else frozenset()
            found.append(
                place_report(
                    place, self.readings, self.other, said, signals=signals, buffered=buffered
                )
            )
        return tuple(found)


def meaning(code: int, settings: DeviceSettings) -> frozenset[Signal]:
    """What an alarm code says on this device."""
    known = ALARMS.get(code)
    return settings.meaning(f"{code:02x}", frozenset({known} if known else ()))


def counted(rest: Reader) -> bytes:
    """The count of places and the places, as far as they go."""
    count = rest.peek(1)[0] if rest.remaining else 0
    return rest.take(min(1 + PLACE.size * count, rest.remaining))


def place_report(
    rest: Reader,
    readings: Readings,
    other: dict[str, object],
    record: bytes,
    *,
    signals: frozenset[Signal] = frozenset(),
    buffered: bool = False,
    cells: tuple[CellTower, ...] = (),
) -> Report:
    day, month, year, hour, minute, second, lat, lon, speed, course, flags = PLACE.unpack(
        rest.take(PLACE.size)
    )
    said = readings.copy()
    said["satellites"] = flags >> 4
    fix, at = None, None
    try:
        at = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
        fix = Fix(
            at=at,
            lat=(lat if flags & 2 else -lat) / SECOND,
            lon=(lon if flags & 1 else -lon) / SECOND,
            valid=bool(flags & 0x0C),
            speed_kmh=speed * 0.036,
            course_deg=course / 10,
        )
    except ValueError:
        pass  # A month 13 or a place that is not on Earth: what else was said stands.
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=said,
        cells=cells,
        buffered=buffered,
        other=other,
        record=record,
    )
