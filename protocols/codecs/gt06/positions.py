"""GT06 kinds that carry a fix, an alarm, or the terminal's state. One function a family.

In the drawings ``gps`` is the 18 bytes that draft_of reads; ``cell`` is country,
network, area and cell, whose widths differ by kind; ``terminal`` is terminal
information, battery, GSM, alarm, language.
"""

from protocols.codecs.gt06.fields import (
    GPS_SIZE,
    Draft,
    draft_of,
    elements,
    fix_of,
    is_imei,
    moment,
    note_alarm,
    note_battery,
    note_elements,
    note_status,
    note_terminal,
    read_cell,
)
from protocols.codecs.gt06.frame import Frame
from protocols.message import CellTower, Message, Signal, Unknown
from protocols.wire import Reader, text

_LTE = (4, 8)
_GSM = (2, 3)
_GSM_WIDE = (2, 4)
_NO_CELL = 8
_SHORT_TERMINAL = 4

_EVENTS = {
    0x0E: Signal.LOW_POWER,
    0x76: Signal.TEMPERATURE,
    0x80: Signal.SHOCK,
    0x87: Signal.OVERSPEED,
    0x88: Signal.POWER_CUT,
    0x90: Signal.HARSH_ACCELERATION,
    0x91: Signal.HARSH_BRAKING,
    0x92: Signal.HARSH_CORNERING,
    0x93: Signal.CRASH,
}
_CAMERA_EVENTS = _EVENTS | {0x01: Signal.UNSPECIFIED}
_NEW_CAMERA_EVENTS = _EVENTS | {0x01: Signal.PANIC}


def position(frame: Frame) -> tuple[Message, ...]:
    """10, 11, 12, 17, 1A, 2A, 2D, 61: ``[imei] gps [cell] [what the maker added]``."""
    content = frame.content
    if not content:
        # Without a fix some say no more than this, and wait for their answer all the same.
        return (Draft(frame=frame).report(),)
    start = 8 if is_imei(content[:8]) and moment(content[:6], None) is None else 0
    draft = draft_of(frame, start)
    rest = Reader(content[start + GPS_SIZE :])
    if frame.kind == 0x11 and rest.remaining == 10:
        # This one writes a long network code without the bit that announces it.
        draft.cells.append(
            CellTower(mcc=rest.u16(), mnc=rest.u16(), lac=rest.u16(), cid=rest.u32())
        )
    elif rest.remaining >= 8:
        draft.cells.append(read_cell(rest, *(_GSM_WIDE if frame.kind == 0x61 else _GSM)))
    if note := _ADDITIONS.get((frame.kind, rest.remaining)):
        note(draft, rest)
    return (draft.report(),)


def position_with_mode(frame: Frame) -> tuple[Message, ...]:
    """22, 37, A0: ``gps cell acc mode again [odometer] [elements]``.

    ``again`` says that the fix was kept for a while before it was sent.
    """
    content = frame.content
    if content[:1] == b"\x01" and is_imei(content[1:9]):
        return named_position(frame)
    draft = draft_of(frame)
    rest = Reader(content[GPS_SIZE:])
    if rest.remaining < 8:
        return (draft.report(),)
    draft.cells.append(read_cell(rest, *_cell_with_mode(frame.kind, rest)))
    _note_mode(draft, rest)
    if frame.kind == 0x37 and rest.remaining > 4:
        note_elements(draft, elements(rest))
    elif rest.remaining >= 4:
        draft.readings["odometer_m"] = float(rest.u32())
    return (draft.report(),)


def named_position(frame: Frame) -> tuple[Message, ...]:
    """22 and 25 of the XT40 and its like: the unit and two times stand before the fix.

    ``01 imei sent gps size cell [event] status power battery GSM alarm language
    odometer hours [size type driver]``
    """
    draft = draft_of(frame, 15)
    rest = Reader(frame.content[15 + GPS_SIZE :])
    size = rest.u8()
    draft.cells.append(read_cell(rest, 2, max(size - 6, 3)))
    if frame.kind == 0x25:
        event = rest.u8()
        draft.other["event"] = event
        draft.notice(f"25 {event:02x}", None)
    note_status(draft, rest.u8())
    draft.readings["power_v"] = rest.u16() / 100
    draft.readings["battery_v"] = rest.u8() / 10
    draft.readings["rssi"] = rest.u8()
    note_alarm(draft, rest.u8(), rest.u8())
    draft.readings["odometer_m"] = float(rest.u24())
    draft.other["engine_minutes"] = rest.u24()
    if rest.remaining > 2:
        size = rest.u8()
        rest.take(1)
        draft.readings["driver_id"] = rest.take(min(size - 1, rest.remaining)).hex()
    return (draft.report(),)


def alarm(frame: Frame) -> tuple[Message, ...]:
    """16, 26, 27, A4: ``gps size cell terminal [fence] [driver]``.

    Some leave out the size of the cell, some the language, some write a cell of four
    bytes under the size of three: what a country can be tells them apart, and the
    rest the length of the whole.
    """
    draft = draft_of(frame)
    rest = Reader(frame.content[GPS_SIZE:])
    if rest.remaining <= _NO_CELL:
        if rest.remaining in (_SHORT_TERMINAL, _SHORT_TERMINAL + 1):
            note_terminal(draft, rest)
        else:
            # An alarm cut short is still an alarm, though nobody can say which.
            draft.signals.add(Signal.UNSPECIFIED)
        return (draft.report(),)
    sized = 3 < rest.peek(1)[0] < 0x80
    if sized:
        rest.take(1)
    draft.cells.append(read_cell(rest, *_alarm_cell(frame, rest)))
    if sized:
        note_terminal(draft, rest)
    else:
        _note_long_terminal(draft, rest)
    if frame.kind in (0x27, 0xA4) and rest.remaining:
        draft.other["fence"] = rest.u8()
    if rest.remaining >= 8:
        draft.readings["driver_id"] = rest.take(8).hex()
    return (draft.report(),)


def alarm_with_elements(frame: Frame) -> tuple[Message, ...]:
    """39: ``gps network-type cell advance rssi terminal [elements]``."""
    draft = draft_of(frame)
    rest = Reader(frame.content[GPS_SIZE:])
    rest.take(1)
    draft.cells.append(read_cell(rest, *_LTE))
    rest.take(2)
    note_terminal(draft, Reader(rest.take(min(5, rest.remaining))))
    note_elements(draft, elements(rest))
    return (draft.report(),)


def position_with_elements(frame: Frame) -> tuple[Message, ...]:
    """38: ``gps mode again network-type cell advance rssi [elements]``."""
    draft = draft_of(frame)
    rest = Reader(frame.content[GPS_SIZE:])
    draft.other["upload_mode"] = rest.u8()
    rest.take(2)
    draft.cells.append(read_cell(rest, *_LTE))
    rest.take(min(2, rest.remaining))
    note_elements(draft, elements(rest))
    return (draft.report(),)


def cell_alarm(frame: Frame) -> tuple[Message, ...]:
    """19, A5: ``cell terminal``; no time, no fix."""
    if frame.kind == 0x19 and len(frame.content) > 16 and moment(frame.content[:6], None):
        return (Unknown(kind="19 with a date"),)
    draft = Draft(frame=frame)
    rest = Reader(frame.content)
    draft.cells.append(read_cell(rest, *(_LTE if frame.kind == 0xA5 else _GSM)))
    note_terminal(draft, rest)
    return (draft.report(),)


def status(frame: Frame) -> tuple[Message, ...]:
    """13: ``status battery GSM alarm language``; some models put a voltage there."""
    rest = Reader(frame.content)
    draft = Draft(frame=frame)
    model = frame.settings.model.upper()
    note_status(draft, rest.u8())
    if model == "R11" and rest.remaining >= 3:
        draft.readings["power_v"] = rest.u16() / 100
        draft.readings["rssi"] = rest.u8()
        return (draft.report(),)
    if rest.remaining:
        note_battery(draft, rest.u8())
    if rest.remaining:
        draft.readings["rssi"] = rest.u8()
    if model == "SEEWORLD" and rest.remaining:
        draft.readings["power_v"] = float(rest.u8())
    elif model.startswith("LW") and rest.remaining >= 2:
        draft.readings["power_v"] = (rest.u16() & 0x0FFF) / 10
    elif rest.remaining:
        note_alarm(draft, rest.u8(), rest.u8() if rest.remaining else 0)
    return (draft.report(),)


def status_with_voltage(frame: Frame) -> tuple[Message, ...]:
    """23: ``status voltage GSM alarm language``."""
    rest = Reader(frame.content)
    draft = Draft(frame=frame)
    note_status(draft, rest.u8())
    if rest.remaining >= 2:
        draft.readings["power_v"] = rest.u16() / 100
    if rest.remaining:
        draft.readings["rssi"] = rest.u8()
    if rest.remaining:
        note_alarm(draft, rest.u8(), rest.u8() if rest.remaining else 0)
    return (draft.report(),)


def status_or_position(frame: Frame) -> tuple[Message, ...]:
    """36: ``terminal elements``.

    From a VL103: ``gps cell acc mode again odometer power battery hours``.
    """
    if len(frame.content) < 40 or moment(frame.content[:6], None) is None:
        rest = Reader(frame.content)
        draft = Draft(frame=frame)
        note_terminal(draft, Reader(rest.take(min(5, rest.remaining))))
        note_elements(draft, elements(rest))
        return (draft.report(),)
    draft = draft_of(frame)
    rest = Reader(frame.content[GPS_SIZE:])
    draft.cells.append(read_cell(rest, *_GSM_WIDE))
    _note_mode(draft, rest)
    draft.readings["odometer_m"] = float(rest.u32())
    draft.readings["power_v"] = rest.u16() / 100
    draft.readings["battery_v"] = rest.u8() / 10
    draft.other["engine_minutes"] = rest.u24()
    return (draft.report(),)


def short_status(frame: Frame) -> tuple[Message, ...]:
    """A3: ``status battery GSM alarm ? ? again``, or nineteen bytes with a step count."""
    rest = Reader(frame.content)
    draft = Draft(frame=frame)
    note_status(draft, rest.u8())
    if len(frame.content) >= 19:
        rest.take(3)
        draft.readings["rssi"] = rest.u8()
        draft.readings["power_v"] = float(rest.u8())
        draft.readings["motion"] = rest.u8() != 0
        rest.take(2)
        draft.readings["steps"] = rest.u32()
        note_battery(draft, rest.u8())
        return (draft.report(),)
    note_battery(draft, rest.u8())
    draft.readings["rssi"] = rest.u8()
    note_alarm(draft, rest.u8())
    draft.buffered = rest.remaining >= 3 and rest.rest()[-1] == 1
    return (draft.report(),)


def vehicle_position(frame: Frame) -> tuple[Message, ...]:
    """A2 of vehicles: ``gps cell ? status power battery GSM ? odometer hours imei inputs``."""
    draft = draft_of(frame)
    rest = Reader(frame.content[GPS_SIZE:])
    draft.cells.append(read_cell(rest, *_LTE))
    rest.take(1)
    note_status(draft, rest.u8())
    draft.readings["power_v"] = rest.u16() / 100
    note_battery(draft, rest.u8())
    draft.readings["rssi"] = rest.u8()
    rest.take(2)
    draft.readings["odometer_m"] = float(rest.u32())
    draft.other["engine_minutes"] = rest.u32()
    if rest.remaining >= 10:
        rest.take(8)
        inputs = rest.u16()
        draft.other["inputs"] = inputs
        draft.notice_inputs(inputs)
    return (draft.report(),)


def analogue_position(frame: Frame) -> tuple[Message, ...]:
    """34: ``alarms time gps odometer ? cell ? battery power inputs outputs analogue 1 and 2``."""
    rest = Reader(frame.content)
    alarms = rest.u32()
    draft = Draft(frame=frame, at=moment(rest.take(6), frame.zone))
    if alarms and frame.settings.alarms:
        # Every maker of these numbers them in its own way, so no bit is one as usual.
        for bit in range(32):
            if alarms >> bit & 1:
                draft.notice(f"34 bit {bit}", None)
    satellites = rest.u8()
    lat, lon, speed_kmh, flags = rest.u32(), rest.u32(), rest.u8(), rest.u16()
    draft.fix = fix_of(draft.at, lat, lon, float(speed_kmh), flags)
    draft.readings["satellites"] = satellites & 0x0F
    draft.readings["odometer_m"] = float(rest.u32())
    rest.take(2)
    draft.cells.append(read_cell(rest, *_GSM_WIDE))
    rest.take(4)
    draft.readings["battery_v"] = rest.u16() / 100
    draft.readings["power_v"] = rest.u16() / 100
    rest.take(2)
    inputs = rest.u16()
    draft.other["inputs"], draft.other["outputs"] = inputs, rest.u16()
    draft.notice_inputs(inputs)
    draft.other["analogue_1_v"], draft.other["analogue_2_v"] = rest.u16() / 100, rest.u16() / 100
    return (draft.report(),)


def camera_event(frame: Frame) -> tuple[Message, ...]:
    """95: what a camera noticed: ``time [lat lon flags] event [number files]``.

    From a JC400: ``FFFF type time satellites lat lon flags speed power event number files``.
    """
    rest = Reader(frame.content)
    meanings = _CAMERA_EVENTS
    if newer := rest.peek(2) == b"\xff\xff":
        rest.take(3)
        meanings = _NEW_CAMERA_EVENTS
    draft = Draft(frame=frame, at=moment(rest.take(6), frame.zone))
    if newer:
        draft.readings["satellites"] = rest.u8() & 0x0F
    if rest.remaining >= 11:
        lat, lon, flags = rest.u32(), rest.u32(), rest.u16()
        speed_kmh = float(rest.u16()) if newer else None
        draft.fix = fix_of(draft.at, lat, lon, speed_kmh, flags)
    if newer:
        draft.readings["power_v"] = rest.u16() / 10
    event = rest.u8()
    draft.other["event"] = event
    draft.notice(f"95 {event:02x}", meanings.get(event))
    if rest.remaining >= 2:
        draft.other["event_number"] = rest.u16()
        draft.other["event_files"] = text(rest.rest())
    return (draft.report(),)


def _cell_with_mode(kind: int, rest: Reader) -> tuple[int, int]:
    """Widths of area and cell: in 22 a wide cell shows in the length of what is left."""
    if kind == 0xA0:
        return _LTE
    network = 4 if rest.peek(1)[0] & 0x80 else 3
    behind = rest.remaining - network - sum(_GSM)
    return _GSM_WIDE if kind == 0x22 and behind in (4, 8) else _GSM


def _note_mode(draft: Draft, rest: Reader) -> None:
    if rest.remaining >= 3:
        draft.readings["ignition"] = rest.u8() != 0
        draft.other["upload_mode"] = rest.u8()
        draft.buffered = rest.u8() == 1


def _alarm_cell(frame: Frame, rest: Reader) -> tuple[int, int]:
    network = 4 if rest.peek(1)[0] & 0x80 else 3
    if frame.kind == 0xA4 and rest.remaining >= network + sum(_LTE) + _SHORT_TERMINAL:
        return _LTE
    behind = rest.remaining - network - sum(_GSM)
    fence = frame.kind == 0x27
    return _GSM_WIDE if behind - fence in (6, 14) else _GSM


def _note_long_terminal(draft: Draft, rest: Reader) -> None:
    """Behind a cell without a size: ``status battery GSM ? alarm``, as one maker has it."""
    note_terminal(draft, Reader(rest.take(min(3, rest.remaining))))
    if rest.remaining >= 2:
        rest.take(1)
        note_alarm(draft, rest.u8())


def _note_odometer(draft: Draft, rest: Reader) -> None:
    draft.readings["odometer_m"] = float(rest.u32())


def _note_inputs(draft: Draft, rest: Reader) -> None:
    value = rest.u16()
    draft.other["inputs"] = value >> 14
    draft.notice_inputs(value >> 14)
    draft.other["analogue_1_v"] = (value & 0x0FFF) / 100


def _note_fuel_and_temperature(draft: Draft, rest: Reader) -> None:
    note_status(draft, rest.u8())
    draft.readings["power_v"] = rest.u16() / 100
    draft.readings["rssi"] = rest.u8()
    draft.other["oil"] = rest.u16()
    draft.other["temperature_c"] = rest.u16()
    draft.readings["odometer_m"] = float(rest.u32() * 10)


def _note_driver(draft: Draft, rest: Reader) -> None:
    draft.readings["driver_id"] = rest.take(8).hex()


def _note_card(draft: Draft, rest: Reader) -> None:
    """A card number, in decimal as it is printed on the card."""
    draft.readings["driver_id"] = str(int.from_bytes(rest.rest(), "big"))


_ADDITIONS = {
    (0x12, 2): _note_inputs,
    (0x12, 4): _note_odometer,
    (0x12, 12): _note_fuel_and_temperature,
    (0x17, 8): _note_driver,
    (0x17, 9): _note_driver,
    (0x61, 6): _note_card,
}
