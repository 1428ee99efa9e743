"""The items behind a place: those of the standard, and those that makers added.

Every item is (id, size, value), one byte each for id and size. An item that reaches
beyond the end stops the reading; what came before it stands.
"""

from protocols.codecs.jt808.draft import Draft, number
from protocols.codecs.jt808.makers import MAKERS_ITEMS, Note
from protocols.message import Signal


def note_items(draft: Draft, record: bytes, start: int) -> None:
    """Every item from ``start`` on; one early maker has 18 bytes in fixed places instead."""
    end = len(record)
    if end - start == _FIXED_TAIL and record[start] == 0:
        _fixed_tail(draft, record[start:])
        return
    at = start
    while at + 2 <= end:
        stop = at + 2 + record[at + 1]
        if stop > end:
            return
        known = _ITEMS.get(record[at])
        if known is not None and stop - at - 2 >= known[0]:
            known[1](draft, record[at + 2 : stop])
        at = stop


_FIXED_TAIL = 18


def _fixed_tail(draft: Draft, value: bytes) -> None:
    """``odometer(4) fuel(4) voltage(2) ?(4) GSM level(1) ?(3)``."""
    draft.readings["odometer_m"] = float(number(value[:4]) * 1000)
    draft.readings["battery_v"] = number(value[8:10]) / 10
    draft.readings["rssi"] = value[14]


def _odometer(draft: Draft, value: bytes) -> None:
    draft.readings["odometer_m"] = float(number(value[:4]) * 100)


def _fuel(draft: Draft, value: bytes) -> None:
    draft.readings["fuel"] = number(value[:2]) / 10


def _recorder_speed(draft: Draft, value: bytes) -> None:
    draft.other["recorder_speed_kmh"] = number(value[:2]) / 10


def _area(draft: Draft, value: bytes) -> None:
    """``type(1) id(4) direction(1)``: says which way the border was crossed."""
    if value[5] in _DIRECTIONS:
        draft.signals -= {Signal.ZONE_ALERT}
        draft.signal(f"area{value[5]}", _DIRECTIONS[value[5]])
    draft.other["area"] = number(value[1:5])


_DIRECTIONS = {0: Signal.ZONE_ENTERED, 1: Signal.ZONE_LEFT}


def _video_alarms(draft: Draft, value: bytes) -> None:
    draft.other["video_alarms"] = number(value[:4])


def _inputs(draft: Draft, value: bytes) -> None:
    inputs = number(value[:4])
    draft.other["inputs"] = inputs
    draft.signals |= draft.settings.inputs(inputs)


def _analogue(draft: Draft, value: bytes) -> None:
    draft.other["analogue_1"] = number(value[:2]) / 100
    draft.other["analogue_2"] = number(value[2:4]) / 100


def _signal_level(draft: Draft, value: bytes) -> None:
    draft.readings["rssi"] = value[0]


def _satellites(draft: Draft, value: bytes) -> None:
    draft.readings["satellites"] = value[0]


_ITEMS: dict[int, tuple[int, Note]] = MAKERS_ITEMS | {
    0x01: (4, _odometer),
    0x02: (2, _fuel),
    0x03: (2, _recorder_speed),
    0x12: (6, _area),
    0x14: (4, _video_alarms),
    0x25: (4, _inputs),
    0x2B: (4, _analogue),
    0x30: (1, _signal_level),
    0x31: (1, _satellites),
}
