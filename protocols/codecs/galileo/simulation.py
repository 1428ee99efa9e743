"""What a simulated Galileosky sends."""

from protocols.codec import Peer
from protocols.codecs.galileo.tags import (
    ALARM_BIT,
    BATTERY,
    BOX,
    ENGINE_BIT,
    HDOP,
    HEIGHT,
    INPUTS,
    MAINS,
    MOTION,
    MOTION_OF,
    ODOMETER,
    PLACE,
    PLACE_OF,
    STATUS,
    TIME,
)
from protocols.errors import Unsupported
from protocols.message import Fix, Report, Signal
from protocols.wire import Writer

_SAYABLE = frozenset({"power_v", "battery_v", "hdop", "odometer_m", "satellites", "ignition"})


def tags_of(report: Report, peer: Peer) -> bytes:
    """The tags of a report. An alarm is the box's own; a panic is the input that is set as one."""
    readings = report.readings
    if unsayable := set(readings) - _SAYABLE:
        raise Unsupported(f"a Galileosky cannot say {', '.join(sorted(unsayable))}")
    if report.signals - {Signal.UNSPECIFIED, Signal.PANIC}:
        raise Unsupported(f"a Galileosky cannot say {', '.join(sorted(report.signals))}")
    said = Writer().u8(BOX).u16le(0)
    if (at := report.at or (report.fix.at if report.fix else None)) is not None:
        said.u8(TIME).u32le(int(at.timestamp()))
    if report.fix is not None:
        said.put(_said_place(report.fix, readings.get("satellites", 8)))
    if "hdop" in readings:
        said.u8(HDOP).u8(round(readings["hdop"] * 10))
    alarm = Signal.UNSPECIFIED in report.signals
    said.u8(STATUS)
    said.u16le(bool(readings.get("ignition")) << ENGINE_BIT | alarm << ALARM_BIT)
    if "power_v" in readings:
        said.u8(MAINS).u16le(round(readings["power_v"] * 1000))
    if "battery_v" in readings:
        said.u8(BATTERY).u16le(round(readings["battery_v"] * 1000))
    if Signal.PANIC in report.signals:
        said.u8(INPUTS).u16le(1 << _panic_input(peer) - 1)
    if "odometer_m" in readings:
        said.u8(ODOMETER).u32le(round(readings["odometer_m"]))
    return bytes(said)


def _said_place(fix: Fix, satellites: int) -> bytes:
    quality = (0 if fix.valid else 0x10) | min(satellites, 15)
    said = Writer().u8(PLACE)
    said.put(PLACE_OF.pack(quality, round(fix.lat * 1e6), round(fix.lon * 1e6)))
    said.u8(MOTION)
    said.put(MOTION_OF.pack(round((fix.speed_kmh or 0) * 10), round((fix.course_deg or 0) * 10)))
    return bytes(said.u8(HEIGHT).put(round(fix.altitude_m or 0).to_bytes(2, "little", signed=True)))


def _panic_input(peer: Peer) -> int:
    if not peer.settings.panic_inputs:
        raise Unsupported("a Galileosky has no SOS of its own: say which input is one")
    return min(peer.settings.panic_inputs)
