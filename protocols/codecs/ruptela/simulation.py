"""The frames that a Ruptela would send: one extended record each."""

from collections.abc import Iterator

from protocols.codec import Peer
from protocols.codecs.ruptela.frame import EXTENDED, HEARTBEAT, IDENTITY, WORDS, seal
from protocols.codecs.ruptela.records import (
    ANTENNA,
    DEGREE,
    EXTENDED_GROUPS,
    FIRST_INPUT,
    NO_HDOP,
    NO_PLACE,
    POWER,
    SIGNALS,
)
from protocols.errors import Unsupported
from protocols.message import CommandReply, Heartbeat, Login, Message, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import Writer

_VALUES_SAID: tuple[tuple[str, int, int, float], ...] = (
    ("ignition", 409, 0, 1.0),
    ("motion", 173, 0, 1.0),
    ("charging", 170, 0, 1.0),
    ("power_v", POWER, 1, 1e-3),
    ("battery_v", 30, 1, 1e-3),
    ("odometer_m", 65, 2, 1.0),
)


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a device called ``peer.unit_id`` would send. Raises Unsupported."""
    unit_id = message.unit_id if isinstance(message, Login) else peer.unit_id
    if not (unit_id.isdecimal() and len(unit_id) <= 15):
        raise Unsupported("a Ruptela calls itself by an IMEI of at most fifteen digits")
    head = int(unit_id).to_bytes(8, "big")
    match message:
        case Login():
            return seal(head + bytes((IDENTITY,)) + b"0W0C00.03.68.04" + bytes(24))
        case Heartbeat():
            return seal(head + bytes((HEARTBEAT,)))
        case CommandReply(text=words):
            return seal(head + bytes((WORDS,)) + words.encode())
        case Report():
            return seal(head + bytes((EXTENDED, 0, 1)) + _said(message, peer.settings))
    raise Unsupported("an unknown kind has no bytes")


def _said(report: Report, settings: DeviceSettings) -> bytes:
    """One extended record."""
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("a Ruptela dates every record: give the report a time")
    sayable = {"satellites", "hdop", *(name for name, *_ in _VALUES_SAID)}
    if odd := set(report.readings) - sayable:
        raise Unsupported(f"a Ruptela cannot say {', '.join(sorted(odd))}")
    groups: tuple[list[tuple[int, int]], ...] = ([], [], [], [])
    event = 7
    for number in _numbers(report.signals, settings):
        event = number
        groups[0].append((number, 0 if number == ANTENNA else 1))
    for name, number, group, factor in _VALUES_SAID:
        if name in report.readings:
            value = float(report.readings[name])  # type: ignore[literal-required]
            groups[group].append((number, round(value / factor)))
    wire = Writer().u32(int(at.timestamp())).put(bytes(3))
    fix = report.fix
    if fix is None:
        wire.i32(NO_PLACE).i32(NO_PLACE).put(bytes(7))
    else:
        wire.i32(round(fix.lon * DEGREE)).i32(round(fix.lat * DEGREE))
        wire.u16(round((fix.altitude_m or 0) * 10)).u16(round((fix.course_deg or 0) * 100))
        wire.u8(report.readings.get("satellites", 9)).u16(round(fix.speed_kmh or 0))
    wire.u8(round(report.readings.get("hdop", NO_HDOP / 10) * 10)).u16(event)
    for pairs, layout in zip(groups, EXTENDED_GROUPS, strict=True):
        wire.u8(len(pairs)).put(b"".join(layout.pack(*pair) for pair in pairs))
    return bytes(wire)


def _numbers(signals: frozenset[Signal], settings: DeviceSettings) -> Iterator[int]:
    known = {signal: number for number, signal in SIGNALS.items()} | {Signal.ANTENNA_CUT: ANTENNA}
    if settings.panic_inputs:
        known[Signal.PANIC] = min(settings.panic_inputs) + FIRST_INPUT - 1
    for signal in sorted(signals):
        if signal not in known:
            raise Unsupported(f"no I/O of a Ruptela means {signal}, unless its settings say so")
        yield known[signal]
