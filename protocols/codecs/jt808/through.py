"""Kind 0900: what another box in the vehicle says through the terminal.

F0, from readers of the vehicle's computer::

    F0  time  late  vehicle  kind  …
    1   6     1     1        1

Kind 03 is a list of alarms, ``count`` times ``(code, size, value)``; kind 02 lists fault
codes. Both end with status, latitude and longitude, and 02 with the time once more.
That place is where the vehicle was when its computer noticed; the terminal's own
reports say where it is, so it goes under ``other`` and is no fix.
"""

from protocols.codecs.jt808.draft import Draft
from protocols.codecs.jt808.location import (
    SOUTH,
    WEST,
    moment,
    note_status,
)
from protocols.message import Message, Report, Signal, Unknown
from protocols.settings import DeviceSettings
from protocols.wire import text

COMPUTER = 0xF0
ALARMS = {
    0x01: Signal.POWER_RESTORED,
    0x02: Signal.POWER_CUT,
    0x04: Signal.LOW_POWER,
    0x13: Signal.DOOR_OPENED,
    0x1A: Signal.HARSH_ACCELERATION,
    0x1B: Signal.HARSH_BRAKING,
    0x1C: Signal.HARSH_CORNERING,
    0x20: Signal.PANIC,
    0x21: Signal.ZONE_LEFT,
    0x22: Signal.ZONE_ENTERED,
    0x23: Signal.FATIGUE_DRIVING,
    0x24: Signal.FATIGUE_DRIVING,
    0x25: Signal.OVERSPEED,
    0x26: Signal.CRASH,
    0x27: Signal.CRASH,
    0x28: Signal.CRASH,
    0x31: Signal.DOOR_OPENED,
    0x32: Signal.DOOR_OPENED,
}
_FAULTS, _ALARMS = 0x02, 0x03
_TIME, _PLACE = 6, 12


def passed_through(body: bytes, settings: DeviceSettings) -> Message:
    """What came through. Kinds that we do not know are Unknown."""
    if len(body) < 10 or body[0] != COMPUTER:
        return Unknown(kind=f"0900 {body[:1].hex()}")
    draft = Draft(settings)
    kind, rest = body[9], body[10:]
    if kind == _ALARMS:
        _note_alarms(draft, rest)
        _note_place(draft, rest[-_PLACE:])
    elif kind == _FAULTS:
        _note_faults(draft, rest)
        _note_place(draft, rest[-_PLACE - _TIME : -_TIME])
    else:
        draft.other["computer"] = body[8:].hex()
    return Report(
        at=moment(body[1:7], settings),
        signals=draft.signals,
        readings=draft.readings,
        buffered=body[7] == 1,
        other=draft.other,
        record=body,
    )


def _note_alarms(draft: Draft, rest: bytes) -> None:
    at = 1
    for _ in range(rest[0] if rest else 0):
        if at + 2 > len(rest):
            return
        draft.signal(f"f0:{rest[at]:02x}", ALARMS.get(rest[at]))
        draft.other["alarm"] = rest[at]
        at += 2 + rest[at + 1]


def _note_faults(draft: Draft, rest: bytes) -> None:
    """A text behind its two-byte size: the only one that begins with a fault's letter."""
    for at in range(len(rest) - 3):
        size = int.from_bytes(rest[at : at + 2], "big")
        word = rest[at + 2 : at + 2 + size].rstrip(b"\0")
        if 5 <= size <= 200 and word[:1] in b"PCBU" and word[:5].isalnum() and word.isascii():
            draft.other["faults"] = text(word)
            return


def _note_place(draft: Draft, place: bytes) -> None:
    if len(place) < _PLACE:
        return
    status = int.from_bytes(place[:4], "big")
    lat, lon = int.from_bytes(place[4:8], "big") / 1e6, int.from_bytes(place[8:12], "big") / 1e6
    note_status(draft, status)
    if lat <= 90 and lon <= 180:
        draft.other["lat"] = -lat if status & SOUTH else lat
        draft.other["lon"] = -lon if status & WEST else lon
