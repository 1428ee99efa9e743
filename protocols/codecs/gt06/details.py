"""GT06 kinds that carry words, lists of modules, or what a vehicle's computer says."""

import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite

from protocols.codecs.gt06.fields import Draft, fix_of, moment
from protocols.codecs.gt06.frame import Frame
from protocols.message import CellTower, CommandReply, Fix, Message, Report, Signal
from protocols.wire import Reader, text

_WORDS_ASCII = 0x01

_TECHNOLOGY = {0x00: "2G", 0x01: "4G"}

_OBD = {
    "22": "ignition",
    "28": "odometer_m",
    "2B": "fuel",
    "2D": "coolant_temperature_c",
    "35": "obd_speed_kmh",
    "36": "rpm",
    "47": "fuel_used",
    "49": "engine_hours",
}
"""The key of a value is this and a 3; every value is a hundredth, in hexadecimal."""

_MODULE_EVENTS = {0x12: Signal.REMOVED}
_MODULE_FIX = struct.Struct(">IBhIIBH")
_BEACON = struct.Struct(">6shBhHB")


def words(frame: Frame) -> tuple[Message, ...]:
    """15: ``size flag words language``; 21: ``flag encoding words``; 9B: ``port words``.

    Words that hold a place or a card's number are a report, all others a reply.
    """
    content = frame.content
    if frame.kind == 0x15:
        # Some firmware writes no size, and its words fill the frame.
        size = content[0] - 4 if content else 0
        said = content[5 : 5 + size] if size > 0 else content[5:-2]
    elif frame.kind == 0x21:
        encoding = content[4] if len(content) > 4 else _WORDS_ASCII
        said = content[5:]
        if encoding != _WORDS_ASCII:
            said = said.decode("utf-16-be", "replace").encode()
    else:
        said = content[1:]
    reply = CommandReply(text=text(said).strip())
    return (_facts_in(reply.text, frame) or reply,)


def information(frame: Frame) -> tuple[Message, ...]:
    """94: ``type value``; in the narrow frame a voltage alone."""
    rest = Reader(frame.content)
    draft = Draft(frame=frame)
    if not frame.wide:
        draft.readings["power_v"] = rest.u16() / 100
        return (draft.report(),)
    kind = rest.u8()
    value = rest.rest()
    if kind == 0x00 and len(value) >= 2:
        draft.other["analogue_1_v"] = int.from_bytes(value[:2], "big") / 100
    elif kind == 0x04:
        draft.other["settings"] = dict(
            pair.split("=", 1) for pair in text(value).split(";") if "=" in pair
        )
    elif kind == 0x05 and value:
        draft.other["door"] = bool(value[0] & 0x01)
        draft.other["input_1"] = bool(value[0] & 0x04)
        draft.notice_inputs(value[0] >> 2 & 0x01)
    elif kind == 0x0A and len(value) >= 26:
        draft.other["imei"] = value[:8].hex()[1:]
        draft.other["imsi"] = value[8:16].hex()[1:]
        draft.other["iccid"] = value[16:26].hex().replace("f", "")
    elif kind == 0x0B and value:
        draft.other["network"] = _TECHNOLOGY.get(value[0], str(value[0]))
    elif kind == 0x0D:
        draft.other["sensor"] = text(value)
    elif kind == 0x1B:
        said = text(value).strip()
        draft.readings["driver_id"] = said if said.isascii() and said.isprintable() else value.hex()
    else:
        draft.other["information"] = kind
    return (draft.report(),)


def vehicle_computer(frame: Frame) -> tuple[Message, ...]:
    """8C: ``time type key=value,…`` and a fix that other frames say better."""
    rest = Reader(frame.content)
    draft = Draft(frame=frame, at=moment(rest.take(6), frame.zone))
    rest.take(1)
    for pair in text(rest.rest()).split(","):
        key, _, value = pair.partition("=")
        if not value or not key.endswith("3"):
            continue
        if key == "4A3":
            draft.other["vin"] = value
        elif name := _OBD.get(key[:-1]):
            _note_obd(draft, name, value)
    return (draft.report(),)


def modules(frame: Frame) -> tuple[Message, ...]:
    """70: ``n x (type 2, size 2, value)``."""
    rest = Reader(frame.content)
    draft = Draft(frame=frame)
    while rest.remaining >= 4:
        kind = rest.u16()
        value = rest.take(rest.u16())
        needed, note = _MODULES.get(kind, _UNNAMED_MODULE)
        if len(value) >= needed:
            note(draft, value)
    return (draft.report(),)


def terminal_parts(frame: Frame) -> tuple[Message, ...]:
    """F1: ``unix-time n x (type 2, size 1, value)``."""
    rest = Reader(frame.content)
    draft = Draft(frame=frame, at=datetime.fromtimestamp(rest.u32(), UTC))
    while rest.remaining >= 3:
        kind = rest.u16()
        value = int.from_bytes(rest.take(rest.u8()), "big")
        match kind:
            case 0x0001:
                draft.readings["ignition"] = value == 1
            case 0x0002:
                draft.other["armed"] = value == 1
            case 0x0003:
                draft.readings["motion"] = value == 1
            case 0x0005:
                draft.readings["power_v"] = value / 100
    return (draft.report(),)


def accessories(frame: Frame) -> tuple[Message, ...]:
    """F2: ``unix-time n x (type 2, size 1 (000A: 2), value)``: buttons, batteries, beacons."""
    rest = Reader(frame.content)
    draft = Draft(frame=frame, at=datetime.fromtimestamp(rest.u32(), UTC))
    while rest.remaining >= 3:
        kind = rest.u16()
        value = rest.take(rest.u16() if kind == 0x000A else rest.u8())
        if kind == 0x000A and len(value) >= 10:
            draft.other["mac"] = value[1:7].hex()
            event = int.from_bytes(value[7:9], "big")
            draft.other["event"] = event
            draft.notice(f"f2 {event:04x}", None)
            draft.other["accessory_says"] = text(value[10:])
        elif kind == 0x000C and len(value) >= 3:
            draft.other["external_battery_pct"] = value[0]
            draft.other["external_battery_cycles"] = int.from_bytes(value[1:3], "big")
    return (draft.report(),)


def _facts_in(said: str, frame: Frame) -> Report | None:
    """What the words themselves tell: a card's number, or a position in letters."""
    if said.startswith("<ICCID:"):
        number = said.removeprefix("<ICCID:").rstrip("<>")
        return Report(other={"iccid": number, "text": said}, record=frame.record(timed=False))
    if "!" not in said or "Lat:" not in said:
        return None
    title, _, listed = said.partition("!")
    facts = dict(pair.split(":", 1) for pair in listed.split(",") if ":" in pair)
    try:
        local = datetime.fromisoformat(" ".join(facts["DateTime"].split()))
        at = local.replace(tzinfo=frame.zone or UTC).astimezone(UTC)
        fix = Fix(
            at=at,
            lat=_letters(facts["Lat"]),
            lon=_letters(facts["Lon"]),
            valid=not title.startswith("Last"),
            speed_kmh=_finite(facts["Speed"]) if "Speed" in facts else None,
            course_deg=_finite(facts["Course"]) if "Course" in facts else None,
        )
    except (KeyError, ValueError, OverflowError):
        return None
    return Report(fix=fix, at=at, other={"text": said}, record=said.encode())


def _letters(place: str) -> float:
    """``N54.739332`` or ``W25.273270``."""
    degrees = _finite(place.strip()[1:])
    return -degrees if place.strip().startswith(("S", "W")) else degrees


def _finite(amount: str) -> float:
    """Python reads "inf" and "nan" as numbers; no unit means them."""
    value = float(amount)
    if not isfinite(value):
        raise ValueError(f"{amount} is no amount")
    return value


def _note_obd(draft: Draft, name: str, value: str) -> None:
    try:
        amount = int(value, 16) / 100
    except ValueError:
        return
    if name == "ignition":
        draft.readings["ignition"] = amount > 0
    elif name == "odometer_m":
        draft.readings["odometer_m"] = amount
    elif name == "fuel":
        draft.readings["fuel"] = amount
    else:
        draft.other[name] = amount


def _note_module_fix(draft: Draft, value: bytes) -> None:
    seconds, satellites, altitude_m, lat, lon, speed_kmh, flags = _MODULE_FIX.unpack_from(value)
    at = datetime.fromtimestamp(seconds, UTC)
    placed = fix_of(at, lat, lon, float(speed_kmh), flags)
    draft.at = at
    draft.readings["satellites"] = satellites
    if placed:
        draft.fix = replace(placed, altitude_m=float(altitude_m))


def _note_module_event(draft: Draft, value: bytes) -> None:
    draft.other["event"] = value[0]
    draft.notice(f"70 {value[0]:02x}", _MODULE_EVENTS.get(value[0]))


def _note_module_cell(draft: Draft, value: bytes) -> None:
    rest = Reader(value)
    draft.cells.append(CellTower(mcc=rest.u16(), mnc=rest.u16(), lac=rest.u16(), cid=rest.u32()))


def _note_module_door(draft: Draft, value: bytes) -> None:
    draft.other["door"], draft.other["tamper"] = bool(value[0] & 0x01), bool(value[0] & 0x10)


def _note_tag(draft: Draft, value: bytes) -> None:
    mac, battery_mv, battery_pct, temperature, humidity, status = _BEACON.unpack_from(value)
    draft.other["tag"] = {
        "mac": mac.hex(),
        "battery_v": battery_mv / 1000,
        "battery_pct": battery_pct,
        "temperature_c": temperature / 10,
        "humidity": humidity,
        "status": status,
    }


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _note_battery_v(draft: Draft, value: bytes) -> None:
    draft.readings["battery_v"] = _number(value) / 100


def _note_satellites(draft: Draft, value: bytes) -> None:
    draft.readings["satellites"] = _number(value)


def _note_hdop(draft: Draft, value: bytes) -> None:
    draft.readings["hdop"] = _number(value) / 10


def _note_odometer(draft: Draft, value: bytes) -> None:
    draft.readings["odometer_m"] = float(_number(value))


def _note_iccid(draft: Draft, value: bytes) -> None:
    draft.other["iccid"] = value.hex().replace("f", "")


def _other(name: str) -> Callable[[Draft, bytes], None]:
    def note(draft: Draft, value: bytes) -> None:
        draft.other[name] = _number(value)

    return note


def _note_nothing(_draft: Draft, _value: bytes) -> None:
    """A module that has no name here."""


_UNNAMED_MODULE = (0, _note_nothing)
_MODULES: dict[int, tuple[int, Callable[[Draft, bytes], None]]] = {
    0x03: (1, _note_iccid),
    0x09: (1, _note_satellites),
    0x0A: (1, _other("satellites_in_view")),
    0x11: (10, _note_module_cell),
    0x18: (2, _note_battery_v),
    0x28: (1, _note_hdop),
    0x29: (1, _other("index")),
    0x2A: (1, _note_module_door),
    0x2B: (1, _other("boot_reason")),
    0x2E: (1, _note_odometer),
    0x33: (_MODULE_FIX.size, _note_module_fix),
    0x34: (1, _note_module_event),
    0x7F: (_BEACON.size, _note_tag),
}
"""How many bytes a module has at least, and what they mean."""
