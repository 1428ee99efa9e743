"""What many GT06 kinds have in common: time, fix, cell, terminal information, alarm code."""

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from protocols.codecs.gt06.frame import Frame
from protocols.errors import Malformed
from protocols.message import CellTower, Fix, Readings, Report, Signal
from protocols.wire import Reader

_GPS = struct.Struct(">6sBIIBH")
GPS_SIZE = _GPS.size
DEGREE = 1_800_000.0

COURSE = 0x03FF
NORTH, WEST, VALID = 0x0400, 0x0800, 0x1000
ACC_KNOWN, ACC_ON = 0x4000, 0x8000

ARMED, ACC, CHARGING, CUT = 0x01, 0x02, 0x04, 0x80

_LONG_MNC = 0x8000
_LEVELS = 6

STATUS_ALARMS = {
    1: Signal.SHOCK,
    2: Signal.POWER_CUT,
    3: Signal.LOW_BATTERY,
    4: Signal.PANIC,
    6: Signal.ZONE_ALERT,
    7: Signal.REMOVED,
}
"""Bits 3 to 5 of the terminal information."""

ALARMS = {
    0x01: Signal.PANIC,
    0x02: Signal.POWER_CUT,
    0x03: Signal.SHOCK,
    0x04: Signal.ZONE_ENTERED,
    0x05: Signal.ZONE_LEFT,
    0x06: Signal.OVERSPEED,
    0x09: Signal.MOVEMENT,
    0x0A: Signal.GPS_LOST,
    0x0C: Signal.TAMPER,
    0x0E: Signal.LOW_BATTERY,
    0x0F: Signal.LOW_BATTERY,
    0x10: Signal.TAMPER,
    0x11: Signal.POWERED_OFF,
    0x13: Signal.TAMPER,
    0x14: Signal.DOOR_OPENED,
    0x15: Signal.POWERED_OFF,
    0x16: Signal.UNSPECIFIED,
    0x17: Signal.JAMMING,
    0x18: Signal.REMOVED,
    0x19: Signal.LOW_BATTERY,
    0x20: Signal.SLEEP,
    0x23: Signal.FALL,
    0x25: Signal.TAMPER,
    0x26: Signal.HARSH_ACCELERATION,
    0x27: Signal.HARSH_BRAKING,
    0x29: Signal.HARSH_ACCELERATION,
    0x2A: Signal.HARSH_CORNERING,
    0x2B: Signal.HARSH_CORNERING,
    0x2C: Signal.CRASH,
    0x2D: Signal.CRASH,
    0x2E: Signal.HARSH_CORNERING,
    0x30: Signal.JAMMING,
    0x32: Signal.TAMPER,
    # The high digit of the language byte makes the code wider.
    0x107: Signal.JAMMING,
    0x10B: Signal.JAMMING,
}

_MODEL_ALARMS = {
    "VL": {0x09: Signal.TOW, 0x28: Signal.POWERED_OFF, 0x30: Signal.HARSH_BRAKING},
    "LW": {
        0x18: Signal.CRASH,
        0x19: Signal.HARSH_ACCELERATION,
        0x1A: Signal.HARSH_BRAKING,
        0x1B: Signal.HARSH_CORNERING,
    },
}
"""What a model family means by a code, where it differs; by the first letters of the model."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """A report of ``frame`` while its fields are being read, one after the other."""

    frame: Frame
    at: datetime | None = None
    fix: Fix | None = None
    readings: Readings = field(default_factory=Readings)
    signals: set[Signal] = field(default_factory=set)
    cells: list[CellTower] = field(default_factory=list)
    other: dict[str, object] = field(default_factory=dict)
    buffered: bool = False

    def notice(self, code: str, usual: Signal | None) -> None:
        """What ``code`` says on this device: ``usual``, unless it was set otherwise."""
        self.signals |= self.frame.settings.meaning(code, frozenset({usual} if usual else ()))

    def notice_inputs(self, active: int) -> None:
        """PANIC where an input that is a panic button is on; bit 0 is input 1."""
        if self.frame.settings.panic_inputs:
            self.signals |= self.frame.settings.inputs(active)

    def report(self) -> Report:
        """The finished report. An empty place for a cell is no cell."""
        return Report(
            fix=self.fix,
            at=self.at,
            signals=frozenset(self.signals),
            readings=self.readings,
            cells=tuple(cell for cell in self.cells if cell.cid or cell.lac),
            other=self.other,
            buffered=self.buffered,
            record=self.frame.record(timed=self.at is not None),
        )


def moment(stamp: bytes, zone: tzinfo | None) -> datetime | None:
    """Six bytes, year since 2000 to second; None if no clock can show that."""
    try:
        year, month, day, hour, minute, second = stamp
        at = datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone or UTC)
    except ValueError:
        return None
    return at.astimezone(UTC) if zone else at


def draft_of(frame: Frame, start: int = 0) -> Draft:
    """Reads the eighteen bytes of time and fix that most kinds begin with.

    A date or a place that cannot be leaves the fix empty, never the report.
    """
    content = frame.content
    if len(content) < start + GPS_SIZE:
        raise Malformed(f"{len(content)} bytes of content are too few for a fix")
    stamp, satellites, lat, lon, speed_kmh, flags = _GPS.unpack_from(content, start)
    draft = Draft(frame=frame, at=moment(stamp, frame.zone))
    draft.fix = fix_of(draft.at, lat, lon, float(speed_kmh), flags)
    draft.readings["satellites"] = satellites & 0x0F
    if flags & ACC_KNOWN:
        draft.readings["ignition"] = bool(flags & ACC_ON)
    return draft


def fix_of(
    at: datetime | None, lat: int, lon: int, speed_kmh: float | None, flags: int
) -> Fix | None:
    """A fix from units of 1/1,800,000 degree; None without a time or off the Earth."""
    if at is None:
        return None
    try:
        return Fix(
            at=at,
            lat=lat / DEGREE if flags & NORTH else -lat / DEGREE,
            lon=-lon / DEGREE if flags & WEST else lon / DEGREE,
            valid=bool(flags & VALID),
            speed_kmh=speed_kmh,
            course_deg=float(flags & COURSE),
        )
    except ValueError:
        return None


def read_cell(rest: Reader, lac_size: int, cid_size: int) -> CellTower:
    """One serving cell. The top bit of the country says that the network takes two bytes."""
    mcc, mnc = read_network(rest)
    lac = int.from_bytes(rest.take(lac_size), "big")
    return CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=int.from_bytes(rest.take(cid_size), "big"))


def read_network(rest: Reader) -> tuple[int, int]:
    """Country and network code."""
    mcc = rest.u16()
    return mcc & 0x7FFF, rest.u16() if mcc & _LONG_MNC else rest.u8()


def note_status(draft: Draft, status: int) -> None:
    """The terminal information: relay, ignition, charging, and an alarm in bits 3 to 5."""
    draft.readings["ignition"] = bool(status & ACC)
    draft.readings["charging"] = bool(status & CHARGING)
    draft.readings["immobilised"] = bool(status & CUT)
    draft.other["status"] = status
    if alarm := status >> 3 & 0x07:
        draft.notice(f"terminal {alarm}", STATUS_ALARMS.get(alarm))


def note_battery(draft: Draft, level: int) -> None:
    """Six steps, or per cent: devices do both in the same byte."""
    if level <= _LEVELS:
        draft.readings["battery_pct"] = float(level * 100 // _LEVELS)
    elif level <= 100:
        draft.readings["battery_pct"] = float(level)


def note_alarm(draft: Draft, code: int, language: int = 0) -> None:
    """The alarm byte. An alarm in the terminal information stands beside it."""
    if not code:
        return
    draft.other["alarm_code"] = code
    settings = draft.frame.settings
    wide = language >> 4 << 8 | code
    if wide > 0xFF and (wide in ALARMS or f"{wide:x}" in settings.alarms):
        draft.notice(f"{wide:x}", ALARMS.get(wide))
    else:
        draft.notice(f"{code:02x}", _meanings(settings.model).get(code) or ALARMS.get(code))


def note_terminal(draft: Draft, rest: Reader) -> None:
    """Terminal information, battery, GSM, alarm, language: as many as there are."""
    if rest.remaining:
        note_status(draft, rest.u8())
    if rest.remaining:
        note_battery(draft, rest.u8())
    if rest.remaining:
        draft.readings["rssi"] = rest.u8()
    if rest.remaining:
        code = rest.u8()
        note_alarm(draft, code, rest.u8() if rest.remaining else 0)


def elements(rest: Reader) -> dict[int, bytes]:
    """The list at the end of newer kinds: id 2 bytes, size 1 byte, value."""
    found = {}
    while rest.remaining >= 3:
        identity = rest.u16()
        found[identity] = rest.take(min(rest.u8(), rest.remaining))
    return found


def note_elements(draft: Draft, found: dict[int, bytes]) -> None:
    """What we can name of that list."""
    number = {identity: int.from_bytes(value, "big") for identity, value in found.items()}
    if 0x18 in number:
        draft.readings["battery_v"] = number[0x18] / 100
    if 0x2E in number:
        draft.readings["odometer_m"] = float(number[0x2E])
    if 0x32 in number:
        draft.other["startup_status"] = number[0x32]
    if 0x6A in number:
        draft.readings["battery_pct"] = float(number[0x6A])


def is_imei(name: bytes) -> bool:
    """Eight bytes of packed decimal that begin with 0: fifteen digits."""
    return len(name) == 8 and not name[0] >> 4 and name.hex().isdecimal()


def _meanings(model: str) -> dict[int, Signal]:
    family = model.upper().removeprefix("JM-")[:2] if model else ""
    return _MODEL_ALARMS.get(family, {})
