"""GT06 kinds that name the cells and Wi-Fi networks around a unit that has no fix."""

from dataclasses import replace
from datetime import datetime, tzinfo
from textwrap import wrap

from protocols.codecs.gt06.fields import (
    Draft,
    fix_of,
    moment,
    note_alarm,
    read_cell,
    read_network,
)
from protocols.codecs.gt06.frame import Frame
from protocols.codecs.gt06.positions import vehicle_position
from protocols.message import CellTower, Message, Report, Signal, WifiNetwork
from protocols.wire import Reader

_NEIGHBOURS = 7
_WIFI_SIZE = 7
_SHORTEST_SCAN = 8
_WIDTHS = {0x2C: (2, 3), 0xA2: (4, 8), 0xA9: (4, 8)}
_LTE_KINDS = (0xA1, 0xA7)

_AZ735_ARMED = {0xA0: True, 0xA1: False}
_AZ735_ALARMS = {
    0xA2: Signal.LOW_BATTERY,
    0xA3: Signal.LOW_BATTERY,
    0xA4: Signal.UNSPECIFIED,
    0xA5: Signal.DOOR_OPENED,
}


def cells(frame: Frame) -> tuple[Message, ...]:
    """11, 18, 24, 28, 2E, A1: ``time mcc mnc n x (lac cid rssi) advance language``."""
    rest = Reader(frame.content)
    at = moment(rest.take(6), frame.zone)
    mcc, mnc = read_network(rest)
    lac_size, cid_size = (4, 8) if frame.kind in _LTE_KINDS else (2, 3)
    seen = []
    if rest.remaining == lac_size + cid_size:
        lac, cid = _number(rest, lac_size), _number(rest, cid_size)
        seen.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid))
    while rest.remaining > lac_size + cid_size and len(seen) < _NEIGHBOURS:
        seen.append(_tower(rest, mcc, mnc, lac_size, cid_size))
    return (_report(frame, at, seen, []),)


def cells_and_wifi(frame: Frame) -> tuple[Message, ...]:
    """2C, A2: ``time mcc mnc 7 x (lac cid rssi) advance n n x (mac rssi)``."""
    content = frame.content
    if len(content) > 6 and content[6] & 0x7C:
        return vehicle_position(frame)
    rest = Reader(content)
    at = moment(rest.take(6), frame.zone)
    mcc, mnc = read_network(rest)
    widths = _WIDTHS[frame.kind]
    seen = [_tower(rest, mcc, mnc, *widths) for _ in range(_NEIGHBOURS)]
    rest.take(1)
    wifi = [_network(rest) for _ in range(rest.u8())]
    return (_report(frame, at, seen, wifi),)


def cells_and_wifi_alarm(frame: Frame) -> tuple[Message, ...]:
    """A9: ``time mcc mnc n n x (lac cid rssi) advance m m x (mac rssi) alarm language``.

    The alarm is read from the end, so that it survives whatever stands before it.
    """
    draft = Draft(frame=frame)
    rest = Reader(frame.content)
    draft.at = moment(rest.take(6), frame.zone)
    alarm, language = frame.content[-2:]
    note_alarm(draft, alarm, language)
    seen: list[CellTower] = []
    wifi: list[WifiNetwork] = []
    mcc, mnc = read_network(rest) if rest.remaining >= _SHORTEST_SCAN else (0, 0)
    count = rest.u16() if mcc else 0
    if widths := _fitting(frame, rest.at, count):
        seen = [_tower(rest, mcc, mnc, *widths) for _ in range(count)]
        rest.take(1)
        wifi = [_network(rest) for _ in range(rest.u8())]
    report = _report(frame, draft.at, seen, wifi)
    return (replace(report, signals=frozenset(draft.signals), other=draft.other),)


def cell_query(frame: Frame) -> tuple[Message, ...]:
    """17, A7: where am I, asked with a telephone number: ``cell phone alarm language``."""
    draft = Draft(frame=frame)
    widths = (4, 8) if frame.kind in _LTE_KINDS else (2, 3)
    draft.cells.append(read_cell(Reader(frame.content), *widths))
    return (draft.report(),)


def scan(frame: Frame) -> tuple[Message, ...]:
    """17 and 69 of older wearables (see frame.scan_size), here with the Wi-Fi count in front."""
    rest = Reader(frame.content)
    networks = rest.u8()
    # The zone of a login is that of other firmware; what was set is meant.
    at = scanned_at(rest.take(6), frame.zone if frame.settings.time_zone else None)
    wifi = [_network(rest) for _ in range(networks)]
    count, mcc, mnc = rest.u8(), rest.u16(), rest.u8()
    seen = [_tower(rest, mcc, mnc, 2, 2) for _ in range(count)]
    return (_report(frame, at, seen, wifi),)


def sections(frame: Frame) -> tuple[Message, ...]:
    """32, 33 of the AZ735: ``time`` and sections that each begin with their size.

    ``fix · cell rssi · n x (lac cid rssi) · n x (mac rssi) · status [alarm …]``
    """
    rest = Reader(frame.content)
    draft = Draft(frame=frame, at=moment(rest.take(6), frame.zone))
    place, home, neighbours, wireless = (Reader(rest.take(rest.u8())) for _ in range(4))
    if place.remaining >= 12:
        satellites = place.u8()
        lat, lon, speed_kmh, flags = place.u32(), place.u32(), place.u8(), place.u16()
        draft.fix = fix_of(draft.at, lat, lon, float(speed_kmh), flags)
        draft.readings["satellites"] = satellites & 0x0F
    seen = []
    if home.remaining >= 9:
        mcc, mnc = read_network(home)
        seen.append(_tower(home, mcc, mnc, 2, 3))
        draft.readings["rssi"] = -(seen[0].rssi or 0)
        while neighbours.remaining >= 6:
            seen.append(_tower(neighbours, mcc, mnc, 2, 3))
    wifi = []
    while wireless.remaining >= _WIFI_SIZE:
        wifi.append(_network(wireless))
    if rest.remaining:
        status = rest.u8()
        draft.other["status"] = status
        if status in _AZ735_ARMED:
            draft.other["armed"] = _AZ735_ARMED[status]
        draft.notice(f"status {status:02x}", _AZ735_ALARMS.get(status))
    around = _report(frame, draft.at, seen, wifi)
    return (replace(draft.report(), cells=around.cells, wifi=around.wifi),)


def scanned_at(stamp: bytes, zone: tzinfo | None) -> datetime | None:
    """Six bytes of packed decimal; None if they are no time."""
    digits = stamp.hex()
    return moment(bytes(map(int, wrap(digits, 2))), zone) if digits.isdecimal() else None


def _report(
    frame: Frame, at: datetime | None, seen: list[CellTower], wifi: list[WifiNetwork]
) -> Report:
    """Each tower and network once, without the zeros that fill empty places."""
    return Report(
        at=at,
        cells=tuple(dict.fromkeys(tower for tower in seen if tower.cid)),
        wifi=tuple(dict.fromkeys(wifi)),
        record=frame.record(timed=at is not None),
    )


def _tower(rest: Reader, mcc: int, mnc: int, lac_size: int, cid_size: int) -> CellTower:
    lac, cid = _number(rest, lac_size), _number(rest, cid_size)
    return CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=_strength(rest.u8()))


def _network(rest: Reader) -> WifiNetwork:
    return WifiNetwork(mac=rest.take(6).hex(":"), rssi=_strength(rest.u8()))


def _strength(value: int) -> int:
    """dBm: some write the amount, some the negative number itself."""
    return value - 0x100 if value & 0x80 else -value


def _number(rest: Reader, size: int) -> int:
    return int.from_bytes(rest.take(size), "big")


def _fitting(frame: Frame, start: int, count: int) -> tuple[int, int] | None:
    """The widths of area and cell with which everything falls into its place."""
    content = frame.content
    for lac_size, cid_size in ((2, 3), (4, 8)):
        networks_at = start + count * (lac_size + cid_size + 1) + 1
        if networks_at < len(content) and len(content) == (
            networks_at + 1 + content[networks_at] * _WIFI_SIZE + 2
        ):
            return lac_size, cid_size
    return None
