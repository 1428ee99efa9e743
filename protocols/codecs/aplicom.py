"""Aplicom A1, A9, A11, A12 and T10 vehicle computers: protocols D, E, F and H.

See: Aplicom "D-protocol", "E-protocol" (tachograph), "F-protocol" (vehicle network) and
"H-protocol" (driving statistics) data packets.

A frame says with the bits of its selector which fields it holds. Numbers are big-endian::

    44 │ C3 │ 0144F667CA8E6B │ 002D │ 00305F │ 77    │ 00 │ D4 5B307A9A 5B307A97 031F840A …
    D  │    │ unit id: 3 or  │      │selector│ event │    │ fields, in the order of a table
       │    │ 7 bytes        │      │                │ its detail
       │ 80: 7 bytes of unit id     │
       │ 40: a selector follows     length, from event on

No frame is answered, and no checksum guards them. Events are programmed by who fits the unit,
so none is an alarm as usual: in the settings, ``119`` is event 119. Panic inputs are the bits of
the input byte, counted from 1.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import Command, Fix, Message, Readings, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import Reader, Writer

_D, _E, _F, _H = b"D", b"E", b"F", b"H"
_LONG_NAME, _SELECTOR = 0x80, 0x40
_USUAL_SELECTORS = {_D: 0x0002FC, _E: 0x007FFC, _F: 0x0007FD, _H: 0x000004}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TIME, _STATUS_AND_PLACE, _SPEED, _ANALOGUE, _IO = 0x04, 0x08, 0x10, 0x20, 0x40
_TRIP_1, _TRIP_2, _DRIVER, _KEYPAD, _ALTITUDE = 0x80, 0x100, 0x200, 0x400, 0x800
_EVENT_DATA, _COUNTER, _STATE, _VOLTAGES = 0x1000, 0x2000, 0x4000, 0x8000
_PULSES = (0x10000, 0x20000)
_VALID = 0x40
_MOST_EVENT_DATA = 512


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the frame that starts there; None: need more."""
    head = buffer[start : start + 11]
    if head[:1] not in _USUAL_SELECTORS:
        raise Unframeable("neither D, E, F nor H")
    if len(head) < 2:
        return None
    at = 9 if head[1] & _LONG_NAME else 5
    if len(head) < at + 2:
        return None
    selector = 3 if head[1] & _SELECTOR else 0
    return at + 2 + selector + int.from_bytes(head[at : at + 2], "big")


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Malformed for one that breaks off."""
    del heard_at
    said = Reader(frame)
    letter, flags = said.take(1), said.u8()
    if letter not in _USUAL_SELECTORS:
        raise Malformed("neither D, E, F nor H")
    unit_id = str(int.from_bytes(said.take(7 if flags & _LONG_NAME else 3), "big"))
    speaker = peer.named(unit_id)
    said.u16()
    selector = said.u24() if flags & _SELECTOR else _USUAL_SELECTORS[letter]
    record = letter + said.peek(len(frame))
    event, detail = said.u8(), said.u8()
    report = _LETTERS[letter](said, selector, speaker.settings)
    whole = Report(
        fix=report.fix,
        at=report.at,
        signals=report.signals | speaker.settings.meaning(str(event), _NOTHING),
        readings=report.readings,
        other={"event": event, "event_detail": detail, **report.other},
        record=record,
    )
    return Incoming(messages=(whole,), peer=speaker)


def encode(command: Command, peer: Peer) -> bytes:
    """Nothing: the units are set up with the maker's own tools. Raises Unsupported."""
    del command, peer
    raise Unsupported("an Aplicom unit takes no commands here: use the maker's configurator")


def simulate(message: Message, peer: Peer) -> bytes:
    """The D frame that says ``message``. Raises Unsupported."""
    if not (isinstance(message, Report) and message.fix is not None) or message.signals:
        raise Unsupported("an Aplicom unit says fixes; its programme says what events mean")
    if not (peer.unit_id.isascii() and peer.unit_id.isdecimal() and len(peer.unit_id) <= 16):
        raise Unsupported("an Aplicom unit is called by a number: give the peer such a unit_id")
    return _said(message.readings, message.fix, int(peer.unit_id))


_NOTHING: frozenset[Signal] = frozenset()


def _moment(said: Reader) -> datetime:
    return _EPOCH + timedelta(seconds=said.u32())


def _snapshot(said: Reader, selector: int, settings: DeviceSettings) -> Report:
    """D: the place and what belongs to it. What lies behind the counter is the event's own."""
    readings: Readings = {}
    other: dict[str, object] = {}
    signals = _NOTHING
    status = said.u8() if selector & _STATUS_AND_PLACE else 0
    at = _moment(said) if selector & _TIME else None
    place = (_moment(said), said.i32(), said.i32()) if selector & _STATUS_AND_PLACE else None
    if place is not None:
        other["satellites_visible"] = said.u8()
    motion = (said.u8(), said.u8(), said.u8()) if selector & _SPEED else None
    if motion is not None:
        other["fastest_kmh"] = motion[1]
    altitude_m = None
    try:
        if selector & _IO:
            inputs = said.u8()
            other["inputs"] = inputs
            signals = settings.inputs(inputs)
        if selector & _ANALOGUE:
            other |= {f"analogue_{channel}": said.u16() for channel in (1, 2, 3, 4)}
        if selector & _VOLTAGES:
            readings["power_v"] = said.u16() / 1000
            readings["battery_v"] = said.u16() / 1000
        altitude_m = _counters(said, selector, readings, other)
    except Malformed as cut:
        # The place was whole; what breaks off behind it must not cost an alarm.
        other["cut_off"] = str(cut)
    if selector & _EVENT_DATA and said.remaining:
        other["event_data"] = said.peek(_MOST_EVENT_DATA).hex()
    return Report(
        fix=_fix(place, motion, altitude_m, valid=bool(status & _VALID)),
        at=at,
        signals=signals,
        readings=readings,
        other=other,
    )


def _fix(
    place: tuple[datetime, int, int] | None,
    motion: tuple[int, int, int] | None,
    altitude_m: float | None,
    *,
    valid: bool,
) -> Fix | None:
    """The place in millionths of a degree; speed, fastest speed, course halved."""
    if place is None:
        return None
    at, lat, lon = place
    try:
        return Fix(
            at=at,
            lat=lat / 1e6,
            lon=lon / 1e6,
            valid=valid,
            altitude_m=altitude_m,
            speed_kmh=None if motion is None else float(motion[0]),
            course_deg=None if motion is None else motion[2] * 2.0,
        )
    except ValueError:
        return None


def _counters(
    said: Reader, selector: int, readings: Readings, other: dict[str, object]
) -> float | None:
    """Pulses, trips, outputs, driver, keypad, altitude (which is answered), counter."""
    for number, bit in enumerate(_PULSES, 1):
        if selector & bit:
            other[f"pulse_rate_{number}"] = said.u16()
            other[f"pulse_count_{number}"] = said.u32()
    if selector & _TRIP_1:
        other["trip_1"] = said.u32()
    if selector & _TRIP_2:
        other["trip_2"] = said.u32()
    if selector & _IO:
        other["outputs"] = said.u8()
    if selector & _DRIVER and (key := int.from_bytes(said.take(6), "big")):
        readings["driver_id"] = f"{key:010}"
    if selector & _KEYPAD:
        other["keypad"] = said.u8()
    altitude_m = float(said.i16()) if selector & _ALTITUDE else None
    if selector & _COUNTER:
        other["snapshot"] = said.u16()
    if selector & _STATE:
        other["state"] = said.take(8).hex()
    return altitude_m


def _tachograph(said: Reader, selector: int, _settings: DeviceSettings) -> Report:
    """E: what the tachograph says, and who drives."""
    other: dict[str, object] = {}
    if selector & 0x08:
        other["tachograph_event"] = said.u16()
    at = _moment(said) if selector & 0x04 else None
    if selector & 0x10:
        other["tachograph_time"] = said.take(8).hex()
    _note(said, selector, _TACHOGRAPH, other)
    if selector & 0x1000:
        other["vin"] = said.text(17)
    if selector & 0x2000:
        for driver in (1, 2):
            other[f"card_{driver}_type"] = said.u8()
            if said.u8():
                other[f"card_{driver}"] = said.text(20).strip()
    return Report(at=at, other=other)


def _vehicle_network(said: Reader, selector: int, _settings: DeviceSettings) -> Report:
    """F: figures of the vehicle's own network."""
    readings: Readings = {}
    other: dict[str, object] = {}
    at = _moment(said) if selector & 0x04 else None
    other["network_state"] = said.u8()
    _note(said, selector, _ENGINE, other)
    if selector & 0x20:
        readings["fuel"] = said.u8()
    if selector & 0x40:
        other["fuel_used"] = said.u32()
    if selector & 0x80:
        readings["odometer_m"] = said.u32()
    _note(said, selector, _DRIVING, other)
    if selector & 0x400:
        for axle in range(said.u8()):
            other[f"axle_{axle}_kg"] = said.u16()
    return Report(at=at, readings=readings, other=other)


def _statistics(said: Reader, selector: int, _settings: DeviceSettings) -> Report:
    """H: a time, and how the vehicle was driven since the last one, which we keep as it is."""
    at = _moment(said) if selector & 0x04 else None
    return Report(at=at, other={"statistics": said.peek(_MOST_EVENT_DATA).hex()})


_LETTERS: dict[bytes, Callable[[Reader, int, DeviceSettings], Report]] = {
    _D: _snapshot,
    _E: _tachograph,
    _F: _vehicle_network,
    _H: _statistics,
}

_TACHOGRAPH = (
    (0x20, "work_state", 1, 1),
    (0x20, "driver_1_state", 1, 1),
    (0x20, "driver_2_state", 1, 1),
    (0x40, "tachograph_status", 1, 1),
    (0x80, "tachograph_kmh", 2, 1 / 256),
    (0x100, "tachograph_odometer_m", 4, 5),
    (0x200, "tachograph_trip_m", 4, 5),
    (0x8000, "pulses_per_m", 2, 1 / 1000),
    (0x400, "rpm", 2, 1 / 8),
    (0x800, "extra", 2, 1),
)
_ENGINE = (
    (0x08, "rpm", 2, 1),
    (0x08, "rpm_most", 2, 1),
    (0x08, "rpm_least", 2, 1),
    (0x10, "engine_c", 2, 1),
    (0x10, "engine_c_most", 2, 1),
    (0x10, "engine_c_least", 2, 1),
    (0x20, "engine_h", 4, 1),
    (0x20, "service_distance_km", 4, 1),
    (0x20, "driver_activity", 1, 1),
    (0x20, "throttle_pct", 1, 1),
)
_DRIVING = (
    (0x100, "wheel_kmh", 1, 1),
    (0x100, "wheel_kmh_most", 1, 1),
    (0x100, "wheel_kmh_least", 1, 1),
    (0x100, "hard_brakings", 1, 1),
    (0x200, "tachograph_kmh", 1, 1),
    (0x200, "driver_1_state", 1, 1),
    (0x200, "driver_2_state", 1, 1),
    (0x200, "tachograph_status", 1, 1),
    (0x200, "overspeeds", 1, 1),
)


def _note(
    said: Reader,
    selector: int,
    fields: Sequence[tuple[int, str, int, float]],
    other: dict[str, object],
) -> None:
    """Every field whose bit is set: bit, name, size in bytes, scale."""
    for bit, name, size, scale in fields:
        if selector & bit:
            other[name] = int.from_bytes(said.take(size), "big", signed="_c" in name) * scale


def _said(readings: Readings, fix: Fix, unit: int) -> bytes:
    if odd := readings.keys() - {"power_v", "battery_v"}:
        raise Unsupported(f"an Aplicom unit cannot say {', '.join(sorted(odd))}")
    seconds = int((fix.at - _EPOCH).total_seconds())
    selector = _TIME | _STATUS_AND_PLACE | _SPEED | _ALTITUDE | _COUNTER
    said = (
        Writer()
        .u8(7)
        .u8(0)
        .u8(_VALID if fix.valid else 0)
        .u32(seconds)
        .u32(seconds)
        .i32(round(fix.lat * 1e6))
        .i32(round(fix.lon * 1e6))
        .u8(9)
        .u8(min(round(fix.speed_kmh or 0), 255))
        .u8(0)
        .u8(round((fix.course_deg or 0) % 360) // 2)
    )
    if readings:
        selector |= _VOLTAGES
        said.u16(round(readings.get("power_v", 0) * 1000))
        said.u16(round(readings.get("battery_v", 0) * 1000))
    said.i16(round(fix.altitude_m or 0)).u16(1)
    head = Writer().put(_D).u8(_LONG_NAME | _SELECTOR | 3).put(unit.to_bytes(7, "big"))
    return bytes(head.u16(len(said)).put(selector.to_bytes(3, "big")).put(bytes(said)))


CODEC = Codec(
    name="aplicom",
    title="Aplicom A1, A9, A11, A12, T10",
    tells=(
        "fixes, power, inputs, trips, driver, tachograph, engine and fuel figures, axle weights; "
        "alarms where the settings name the event or the input"
    ),
    port=5049,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=2048,
)
