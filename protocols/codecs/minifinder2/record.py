"""One record of an Eview data frame: its elements, read into a Report."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypedDict

from protocols.codecs.minifinder2.layout import (
    ALARM,
    BARK,
    BATTERY,
    BEACON,
    BEACON_LEVELS,
    BEACON_SHORT,
    CELL,
    CELL_WIDE,
    CELLS,
    CHARGING,
    FUSED,
    FUSED_FIELDS,
    GENERAL,
    GPS,
    GPS_FIELDS,
    MANY_IN_A_RECORD,
    MOVING,
    NAMED,
    OPERATOR,
    OPERATOR_WIDE,
    PLACE_FIELDS,
    SIDE_BUTTONS,
    SIGNALS,
    STEPS,
    STORED,
    TIMED,
    U32,
    UNIT_ID,
    WIFI,
    WIFI_NAMED,
    ZONES,
    Elements,
    element,
)
from protocols.message import CellTower, Fix, Readings, Report, Signal, WifiNetwork
from protocols.settings import DeviceSettings
from protocols.wire import text


def records(elements: Elements) -> Iterator[Elements]:
    """The elements of each record, without the name."""
    record: Elements = []
    seen: set[int] = set()
    for key, value in elements:
        if key == UNIT_ID:
            continue
        if key in seen and key not in MANY_IN_A_RECORD:
            yield record
            record, seen = [], set()
        record.append((key, value))
        seen.add(key)
    if record:
        yield record


class _Place(TypedDict, total=False):
    lat: float
    lon: float
    valid: bool
    speed_kmh: float
    course_deg: float
    altitude_m: float


@dataclass(slots=True)
class _Draft:
    """A record while it is being read. ``places`` ranks them: satellites first."""

    settings: DeviceSettings
    at: datetime | None = None
    alarm_at: datetime | None = None
    places: dict[int, _Place] = field(default_factory=dict)
    signals: set[Signal] = field(default_factory=set)
    readings: Readings = field(default_factory=Readings)
    cells: list[CellTower] = field(default_factory=list)
    wifi: list[WifiNetwork] = field(default_factory=list)
    beacons: list[dict[str, object]] = field(default_factory=list)
    other: dict[str, object] = field(default_factory=dict)
    buffered: bool = False


def report_of(record: Elements, heard_at: datetime, settings: DeviceSettings) -> Report:
    """What a record says. ``heard_at`` is the time of a place that came without one."""
    draft = _Draft(settings)
    for key, value in record:
        try:
            _KEYS.get(key, _unnamed)(draft, key, value)
        except (struct.error, IndexError):
            _unnamed(draft, key, value)
    if draft.beacons:
        draft.other["beacons"] = draft.beacons
    at = draft.alarm_at or draft.at
    return Report(
        fix=_fix(draft, draft.at or at or heard_at),
        at=at,
        signals=frozenset(draft.signals),
        readings=draft.readings,
        cells=tuple(draft.cells),
        wifi=tuple(draft.wifi),
        buffered=draft.buffered,
        other=draft.other,
        record=b"".join(element(key, value) for key, value in record),
    )


def _fix(draft: _Draft, at: datetime) -> Fix | None:
    """The best place of the record that is on Earth."""
    for rank in sorted(draft.places):
        try:
            return Fix(at=at, **draft.places[rank])
        except ValueError:
            continue
    return None


def _alarm(draft: _Draft, _key: int, value: bytes) -> None:
    """u32 bits, u32 time. A value cut short still has its low bits."""
    event = int.from_bytes(value[:4], "little")
    draft.signals |= _signals(event, draft.settings)
    for number, crossed, _ in ZONES:
        if event & crossed:
            draft.other["zone"] = number
    if len(value) < 4 and not (draft.signals or _usual_signals(event)):
        draft.signals.add(Signal.UNSPECIFIED)
    for bit, number in SIDE_BUTTONS:
        if event & bit:
            draft.other["side_button"] = number
    if event & BARK:
        draft.other["bark"] = True
    draft.other["event"] = event
    if len(value) >= 8:
        draft.alarm_at = _moment(value, 4)


def _signals(event: int, settings: DeviceSettings) -> frozenset[Signal]:
    """Every signal whose bit is set. A bit that has no name is an alarm all the same."""
    if not settings.alarms:
        return _usual_signals(event)
    inside = sum(event & bit for _, _, bit in ZONES)
    found: frozenset[Signal] = frozenset()
    for bit in range(event.bit_length()):
        if event >> bit & 1:
            found |= settings.meaning(f"bit {bit}", _usual_signals(1 << bit | inside))
    return found


def _usual_signals(event: int) -> frozenset[Signal]:
    signals = {signal for bit, signal in SIGNALS if event & bit}
    for _, crossed, inside in ZONES:
        if event & crossed:
            signals.add(Signal.ZONE_ENTERED if event & inside else Signal.ZONE_LEFT)
    if event & ~NAMED:
        signals.add(Signal.UNSPECIFIED)
    return frozenset(signals)


def _moment(value: bytes, at: int) -> datetime:
    return datetime.fromtimestamp(U32.unpack_from(value, at)[0], UTC)


def _general(draft: _Draft, _key: int, value: bytes) -> None:
    """u32 time, u32 state: the battery, the signal and what the device is doing."""
    draft.at = _moment(value, 0)
    if len(value) < 8:
        return
    (status,) = U32.unpack_from(value, 4)
    draft.readings.setdefault("battery_pct", status >> 24)
    draft.readings["rssi"] = status >> 19 & 0x1F
    draft.readings["motion"] = bool(status & MOVING)
    if status & CHARGING:
        draft.readings["charging"] = True
    draft.buffered = bool(status & STORED)
    draft.other["status"] = status


def _battery(draft: _Draft, _key: int, value: bytes) -> None:
    """u8 per cent, u16 millivolts."""
    draft.readings["battery_pct"] = value[0]
    if len(value) >= 3:
        draft.readings["battery_v"] = int.from_bytes(value[1:3], "little") / 1000


def _gps(draft: _Draft, _key: int, value: bytes) -> None:
    lat, lon, speed, course, altitude, hdop, odometer, satellites = GPS_FIELDS.unpack_from(value)
    draft.places[0] = {
        "lat": lat / 1e7,
        "lon": lon / 1e7,
        "valid": satellites > 0 or _somewhere(lat, lon),
        "speed_kmh": speed,
        "course_deg": course,
        "altitude_m": altitude,
    }
    draft.readings["hdop"] = hdop / 10
    draft.readings["odometer_m"] = odometer
    draft.readings["satellites"] = satellites


def _somewhere(lat: int, lon: int) -> bool:
    """Two zeros are a receiver that has not found itself, not a boat off Ghana."""
    return lat != 0 or lon != 0


def _fused(draft: _Draft, _key: int, value: bytes) -> None:
    """The place the device made of all it sees: lat, lon, hdop, altitude."""
    lat, lon, hdop, altitude = FUSED_FIELDS.unpack_from(value)
    draft.places[1] = {
        "lat": lat / 1e7,
        "lon": lon / 1e7,
        "valid": _somewhere(lat, lon),
        "altitude_m": altitude,
    }
    draft.readings.setdefault("hdop", hdop / 10)


def _landmark(draft: _Draft, key: int, value: bytes) -> None:
    """A radio whose place is known: address, lat, lon, its name."""
    draft.other["beacon"] = _address(value[:6])
    _standing_at(draft, key, value[6:14])
    if len(value) > 14:
        draft.other["beacon_name"] = text(value[14:])


def _standing_at(draft: _Draft, rank: int, value: bytes) -> None:
    lat, lon = PLACE_FIELDS.unpack(value)
    draft.places.setdefault(rank, {"lat": lat / 1e7, "lon": lon / 1e7})


def _address(value: bytes) -> str:
    """A Bluetooth address comes last byte first."""
    return value[::-1].hex(":")


def _beacon(draft: _Draft, key: int, value: bytes) -> None:
    """Flags, address, dBm here, dBm at a metre; bit 7 a place, bit 6 a name."""
    beacon = _beacon_head(value)
    rest = value[9:]
    if value[0] & 0x80 and len(rest) >= 8:
        _standing_at(draft, key, rest[:8])
        rest = rest[8:]
    if value[0] & 0x40 and rest:
        beacon["name"] = text(rest)
    draft.beacons.append(beacon)


def _beacon_short(draft: _Draft, _key: int, value: bytes) -> None:
    """Flags, address, dBm here, dBm at a metre, its battery in per cent."""
    beacon = _beacon_head(value)
    if len(value) > 9:
        beacon["battery_pct"] = value[9]
    draft.beacons.append(beacon)


def _beacon_head(value: bytes) -> dict[str, object]:
    here, at_a_metre = BEACON_LEVELS.unpack_from(value, 7)
    return {
        "number": (value[0] & 0x0F) + 1,
        "mac": _address(value[1:7]),
        "rssi": here,
        "rssi_at_1_m": at_a_metre,
    }


def _cells(draft: _Draft, key: int, value: bytes) -> None:
    """Operator, then dBm, area and cell of each; the cell is wider than in 2G after key 21.

    Networks with three-digit operators (2B) may write theirs in two bytes: what
    divides evenly into cells is right.
    """
    cell = CELL if key == 0x21 else CELL_WIDE
    operator = OPERATOR
    if (len(value) - operator.size) % cell.size and not (len(value) - 4) % cell.size:
        operator = OPERATOR_WIDE
    mcc, mnc = operator.unpack_from(value)
    for at in range(operator.size, len(value) - cell.size + 1, cell.size):
        rssi, lac, cid = cell.unpack_from(value, at)
        draft.cells.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=-abs(rssi)))


def _wifi(draft: _Draft, _key: int, value: bytes) -> None:
    """The level in dBm and the address of each."""
    for at in range(0, len(value) - 6, 7):
        draft.wifi.append(_network(value, at))


def _wifi_named(draft: _Draft, _key: int, value: bytes) -> None:
    """Level, address, size of the name, and the name of each. The name is not ours to keep."""
    at = 0
    while at + 7 <= len(value):
        draft.wifi.append(_network(value, at))
        at += 8 + (value[at + 7] if at + 7 < len(value) else 0)


def _network(value: bytes, at: int) -> WifiNetwork:
    rssi = value[at] - 256 if value[at] > 127 else value[at]
    return WifiNetwork(mac=value[at + 1 : at + 7].hex(":"), rssi=rssi)


def _steps(draft: _Draft, _key: int, value: bytes) -> None:
    draft.readings["steps"] = TIMED.unpack_from(value)[1]


def _barks(draft: _Draft, _key: int, value: bytes) -> None:
    draft.other["barks"] = TIMED.unpack_from(value)[1]


def _activity(draft: _Draft, _key: int, value: bytes) -> None:
    """Pairs of a time and how much the wearer moved."""
    pairs = TIMED.iter_unpack(value[: len(value) // 8 * 8])
    draft.other["activity"] = [list(pair) for pair in pairs]


def _heart(draft: _Draft, _key: int, value: bytes) -> None:
    draft.other["heart_rate"] = _timed_byte(value)


def _oxygen(draft: _Draft, _key: int, value: bytes) -> None:
    draft.other["oxygen_pct"] = _timed_byte(value)


def _timed_byte(value: bytes) -> int:
    """A figure behind its time, or alone."""
    return value[4] if len(value) > 4 else value[0]


def _unnamed(draft: _Draft, key: int, value: bytes) -> None:
    """What has no name here is kept as it came; an alarm we cannot read is one."""
    if key == ALARM:
        draft.signals.add(Signal.UNSPECIFIED)
    draft.other[f"key_{key:02x}"] = value.hex()


_KEYS: dict[int, Callable[[_Draft, int, bytes], None]] = {
    ALARM: _alarm,
    BATTERY: _battery,
    WIFI_NAMED: _wifi_named,
    GPS: _gps,
    0x21: _cells,
    WIFI: _wifi,
    0x23: _landmark,
    GENERAL: _general,
    0x26: _landmark,
    FUSED: _fused,
    BEACON: _beacon,
    CELLS: _cells,
    0x2B: _cells,
    BEACON_SHORT: _beacon_short,
    STEPS: _steps,
    0x31: _activity,
    0x37: _barks,
    0x40: _heart,
    0x41: _oxygen,
}
