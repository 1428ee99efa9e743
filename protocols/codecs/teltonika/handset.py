"""Records of codec 7, the one of the GH handsets: masks say which fields follow.

    [ priority and time ][ what follows ][ place ][ elements of 1 ][ of 2 ][ of 4 bytes ]
             4b                1b          ≤ 28b     1b + n x 2b

The two highest bits of the first field are the priority; the rest counts seconds
since 2007.

See: Teltonika, "GH3000 Protocols".
"""

from datetime import datetime
from struct import Struct
from typing import cast

from protocols.codecs.teltonika.elements import NOTHING_NOTICED, Element, Said, meaning
from protocols.codecs.teltonika.records import moment
from protocols.errors import Malformed
from protocols.message import CellTower, Fix, Readings, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import Reader


def reports(body: bytes, settings: DeviceSettings) -> tuple[Report, ...]:
    """Every record between the two counts of ``body``. Raises Malformed if one is cut short."""
    frame = Reader(body)
    frame.take(1)
    return tuple(_record(frame, body, settings) for _ in range(frame.u8()))


_SINCE_2007 = 1_167_609_600
_COORDINATES = Struct(">ff")

_PLACE, _SMALL, _MIDDLE, _LARGE = 0x01, 0x02, 0x04, 0x08
_GROUPS = ((_SMALL, 1), (_MIDDLE, 2), (_LARGE, 4))

_BUTTON_ALARM = 222

_ELEMENTS = {
    (1, 1): Element("battery_pct", int, reading=True),
    (1, 2): Element("usb_connected", bool),
    (4, 5): Element("uptime_s"),
    (2, 20): Element("hdop", lambda tenths: tenths / 10, reading=True),
    (2, 21): Element("vdop", lambda tenths: tenths / 10),
    (2, 22): Element("pdop", lambda tenths: tenths / 10),
    (2, 67): Element("battery_v", lambda millivolts: millivolts / 1000, reading=True),
    (1, 221): Element("button"),
    (1, _BUTTON_ALARM): Element("alarm"),
    (1, 240): Element("motion", bool, reading=True),
    (1, 244): Element("roaming", bool),
}


def _pressed(said: Said) -> Signal | None:
    return Signal.PANIC if said.value else None


def _record(frame: Reader, body: bytes, settings: DeviceSettings) -> Report:
    start = frame.at
    stamp, follows = frame.u32(), frame.u8()
    if follows > _PLACE | _SMALL | _MIDDLE | _LARGE:
        raise Malformed(f"fields {follows:#04x} follow, and we know only the lowest four")
    at = moment(_SINCE_2007 + (stamp & 0x3FFF_FFFF))
    readings: dict[str, object] = {}
    other: dict[str, object] = {"priority": stamp >> 30} if stamp >> 30 else {}
    fix, cells = _place(frame, at, readings) if follows & _PLACE else (None, ())
    signals: frozenset[Signal] = NOTHING_NOTICED
    for present, width in _GROUPS:
        for _ in range(frame.u8() if follows & present else 0):
            number, value = frame.u8(), int.from_bytes(frame.take(width), "big")
            element = _ELEMENTS.get((width, number)) or Element(f"io{number}")
            (readings if element.reading else other)[element.name] = element.read(value)
            if number == _BUTTON_ALARM or settings.alarms:
                notice = _pressed if number == _BUTTON_ALARM else None
                signals |= meaning(number, Said(value, value != 0, stamp >> 30), notice, settings)
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=cast(Readings, readings),
        cells=cells,
        other=other,
        record=body[start : frame.at],
    )


def _place(
    frame: Reader, at: datetime | None, readings: dict[str, object]
) -> tuple[Fix | None, tuple[CellTower, ...]]:
    """The place as far as its own mask goes; satellites go into ``readings``."""
    mask = frame.u8()
    coordinates = _COORDINATES.unpack(frame.take(_COORDINATES.size)) if mask & 0x01 else None
    altitude = frame.i16() if mask & 0x02 else None
    course = frame.u8() * 360 / 256 if mask & 0x04 else None
    speed = frame.u8() if mask & 0x08 else None
    satellites = frame.u8() if mask & 0x10 else None
    area, cell = (frame.u16(), frame.u16()) if mask & 0x20 else (0, 0)
    quality = frame.u8() if mask & 0x40 else None
    operator = frame.u32() if mask & 0x80 else 0
    if satellites is not None:
        readings["satellites"] = satellites
    if quality is not None:
        readings["rssi"] = quality
    mcc, mnc = divmod(operator, 100 if operator < 100_000 else 1000)
    cells = (CellTower(mcc=mcc, mnc=mnc, lac=area, cid=cell),) if cell else ()
    if at is None or coordinates is None:
        return None, cells
    try:
        fix = Fix(
            at=at,
            lat=coordinates[0],
            lon=coordinates[1],
            valid=satellites != 0,
            altitude_m=altitude,
            course_deg=course,
            speed_kmh=speed,
        )
    except ValueError:
        return None, cells
    return fix, cells
