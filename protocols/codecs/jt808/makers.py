"""The items that makers added behind a place, each under the number that they took for it.

Several makers took the same number; then the size tells whose it is.
"""

from collections.abc import Callable

from protocols.codecs.jt808.draft import Draft, number, signed
from protocols.message import CellTower, Signal, WifiNetwork
from protocols.wire import text

Note = Callable[[Draft, bytes], None]

_EMPTY_TYRE = 0xFFFFFF


def _signal_level(draft: Draft, value: bytes) -> None:
    draft.readings["rssi"] = value[0]


def _satellites(draft: Draft, value: bytes) -> None:
    draft.readings["satellites"] = value[0]


def _spoken_battery(draft: Draft, value: bytes) -> None:
    """33: ``*M00,45,1138600…``: in the third word a voltage in hundredths."""
    words = value.split(b",", 3)
    if value[:1] == b"*" and len(words) > 2 and words[2][2:5].isdigit():
        draft.readings["battery_v"] = int(words[2][2:5]) / 100
    elif len(value) == 1:
        draft.other["mode"] = value[0]


def _wifi(draft: Draft, value: bytes) -> None:
    """Seven bytes each: address, level in dBm."""
    for at in range(0, len(value) - 6, 7):
        mac = value[at : at + 6].hex(":")
        draft.wifi.append(WifiNetwork(mac=mac, rssi=signed(value[at + 6 : at + 7])))


def _temperatures(draft: Draft, value: bytes) -> None:
    """Tenths of a degree, the first bit for minus; FFFF where there is no sensor."""
    for at in range(0, len(value) - 1, 2):
        tenths = number(value[at : at + 2])
        if tenths != 0xFFFF:
            below = -1 if tenths & 0x8000 else 1
            draft.other[f"temperature_{at // 2 + 1}_c"] = below * (tenths & 0x7FFF) / 10


def _battery_tenths(draft: Draft, value: bytes) -> None:
    draft.readings["battery_pct"] = float(value[0] * 10)


def _cells(draft: Draft, value: bytes) -> None:
    """``count``, then ``country(2) network(1) area(2) cell(4) level(1)`` each."""
    for at in range(1, min(len(value), 1 + 10 * value[0]) - 9, 10):
        draft.cells.append(
            CellTower(
                mcc=number(value[at : at + 2]),
                mnc=value[at + 2],
                lac=number(value[at + 3 : at + 5]),
                cid=number(value[at + 5 : at + 9]),
                rssi=signed(value[at + 9 : at + 10]),
            )
        )


def _seal_event(draft: Draft, value: bytes) -> None:
    """60: ``event(2) ?(1) [sensor(6)] card(8)``, from electronic seals; some hold several."""
    draft.other["event"] = number(value[:2])
    if len(value) == 17 and value[9:].isdigit():
        draft.readings["driver_id"] = text(value[9:])


def _seal_lock(draft: Draft, value: bytes) -> None:
    """63: ``number(6) voltage(2) state(1) …`` of a lock that speaks through this unit."""
    draft.other["lock"] = value[:6].hex()
    draft.other["lock_battery_v"] = number(value[6:8]) / 1000


def _seal_cells(draft: Draft, value: bytes) -> None:
    """66: country, then ``level(1) network(2) cell(4) area(2)`` each."""
    for at in range(2, len(value) - 8, 9):
        draft.cells.append(
            CellTower(
                mcc=number(value[:2]),
                mnc=number(value[at + 1 : at + 3]),
                lac=number(value[at + 7 : at + 9]),
                cid=number(value[at + 3 : at + 7]),
            )
        )


def _seal_voltage(draft: Draft, value: bytes) -> None:
    draft.readings["battery_v"] = number(value[:2]) / 100


def _tyres(draft: Draft, value: bytes) -> None:
    """Eight bytes each: ``place(1) sensor(3) pressure(1) temperature(1) state(2)``."""
    tyres = []
    for at in range(0, len(value) - 7, 8):
        sensor = number(value[at + 1 : at + 4])
        if sensor not in (0, _EMPTY_TYRE):
            tyres.append(
                {
                    "place": value[at],
                    "sensor": f"{sensor:06x}",
                    "pressure_bar": round(value[at + 4] * 0.025, 3),
                    "temperature_c": value[at + 5] - 50,
                    "state": number(value[at + 6 : at + 8]),
                }
            )
    if tyres:
        draft.other["tyres"] = tyres


def _volts_in_tenths(draft: Draft, value: bytes) -> None:
    if len(value) == 2:
        draft.readings["power_v"] = number(value) / 10


def _fuel_in_litres(draft: Draft, value: bytes) -> None:
    if len(value) == 1:
        draft.readings["fuel"] = float(value[0])


def _said(name: str, size: int, scale: float = 1.0, offset: float = 0.0) -> tuple[int, Note]:
    """A plain number that goes under its name."""

    def note(draft: Draft, value: bytes) -> None:
        if len(value) == size:
            draft.other[name] = round(number(value) * scale + offset, 3)

    return size, note


def _written(name: str) -> tuple[int, Note]:
    """A plain text that goes under its name."""

    def note(draft: Draft, value: bytes) -> None:
        if words := text(value).strip():
            draft.other[name] = words

    return 1, note


def _driver_name(draft: Draft, value: bytes) -> None:
    if words := text(value).strip():
        draft.other["driver"] = words


def _driver_card(draft: Draft, value: bytes) -> None:
    if words := text(value).strip():
        draft.readings["driver_id"] = words


def _lock_alarms(draft: Draft, value: bytes) -> None:
    """D0: states of an electronic lock; bit 3 says that it was shaken."""
    bits = number(value[:4])
    draft.other["lock_bits"] = bits
    if bits & 8:
        draft.signal("d0:3", Signal.SHOCK)


def _lock_power(draft: Draft, value: bytes) -> None:
    draft.readings["power_v"] = number(value[:2]) / 10


def _lock_battery(draft: Draft, value: bytes) -> None:
    draft.readings["battery_pct"] = float(value[0])


def _lock_state(draft: Draft, value: bytes) -> None:
    bits = value[-1]
    draft.readings["motion"] = bool(bits & 4)
    draft.other["lock_state"] = bits


def _power_driver_or_cells(draft: Draft, value: bytes) -> None:
    """E1: two bytes a voltage, four the number of a card, from twelve on cells.

    Cells: country and network once, then ``area(3) cell(4) level(1)`` each.
    """
    if len(value) == 2:
        draft.readings["power_v"] = number(value) / 10
    elif len(value) == 4:
        draft.readings["driver_id"] = str(number(value))
    else:
        for at in range(4, len(value) - 7, 8):
            draft.cells.append(
                CellTower(
                    mcc=number(value[:2]),
                    mnc=number(value[2:4]),
                    lac=number(value[at : at + 3]),
                    cid=number(value[at + 3 : at + 7]),
                    rssi=-value[at + 7] if value[at + 7] else None,
                )
            )


def _tank(draft: Draft, value: bytes) -> None:
    if len(value) == 4:
        draft.readings["fuel"] = number(value) / 10


def _battery(draft: Draft, value: bytes) -> None:
    """E3 of six bytes: ``charge(2) voltage(2) ?(2)``; longer ones are words."""
    if len(value) == 6:
        draft.readings["battery_pct"] = float(number(value[:2]))
        draft.readings["battery_v"] = number(value[2:4]) / 100


def _state_and_charge(draft: Draft, value: bytes) -> None:
    draft.readings["battery_pct"] = float(value[1])


def _moving(draft: Draft, value: bytes) -> None:
    draft.readings["motion"] = value[0] == 1


def _charging(draft: Draft, value: bytes) -> None:
    """E6 of one byte: 0 while it charges; longer ones are words of a vehicle computer."""
    if len(value) == 1:
        draft.readings["charging"] = value[0] == 0


def _camera_alarm(draft: Draft, value: bytes) -> None:
    """E8, from Jimi cameras: ``kind(2) level(1) …``."""
    code = number(value[:2])
    draft.other["camera_alarm"] = f"{code:04x}"
    draft.signal(f"e8:{code:04x}", CAMERA_ALARMS.get(code))


CAMERA_ALARMS = {
    0x0401: Signal.HARSH_ACCELERATION,
    0x0402: Signal.HARSH_BRAKING,
    0x0403: Signal.HARSH_CORNERING,
    0x0404: Signal.HARSH_CORNERING,
    0x0406: Signal.SHOCK,
    0x0408: Signal.ZONE_ENTERED,
    0x0409: Signal.ZONE_LEFT,
    0x0C01: Signal.PANIC,
    0x0C0E: Signal.POWER_CUT,
    0x0C0F: Signal.LOW_BATTERY,
    0x0C12: Signal.TAMPER,
}


def _wide_items(draft: Draft, value: bytes) -> None:
    """EB: items in an item: ``size(2) id(2) value``; the size counts the id."""
    at, end = 0, len(value)
    while at + 4 <= end:
        stop = at + 2 + number(value[at : at + 2])
        if stop < at + 4 or stop > end:
            return
        known = _WIDE_ITEMS.get(number(value[at + 2 : at + 4]))
        if known is not None and stop - at - 4 >= known[0]:
            known[1](draft, value[at + 4 : stop])
        at = stop


def _card_number(draft: Draft, value: bytes) -> None:
    draft.other["iccid"] = value.hex().rstrip("f") if len(value) == 10 else text(value)


def _ends_alarms(draft: Draft, value: bytes) -> None:
    """0089: a bit is 0 while its alarm lasts; bit 12: taken off."""
    if not number(value[:4]) >> 12 & 1:
        draft.signal("eb89:12", Signal.REMOVED)


def _ends_states(draft: Draft, value: bytes) -> None:
    """00C5: a bit is 0 while it holds; bit 6: shaken, bit 23: in motion."""
    bits = number(value[:4])
    if not bits >> 6 & 1:
        draft.signal("ebc5:6", Signal.SHOCK)
    if not bits >> 23 & 1:
        draft.readings["motion"] = True


def _millivolts(draft: Draft, value: bytes) -> None:
    draft.readings["battery_v"] = number(value[:2]) / 1000


def _power_hundredths(draft: Draft, value: bytes) -> None:
    draft.readings["power_v"] = number(value[:2]) / 100


def _one_cell(draft: Draft, value: bytes) -> None:
    """``country(2) network(1) area(2) cell(4)``."""
    draft.cells.append(
        CellTower(
            mcc=number(value[:2]),
            mnc=value[2],
            lac=number(value[3:5]),
            cid=number(value[5:9]),
        )
    )


def _written_wifi(draft: Draft, value: bytes) -> None:
    """A count, then ``address,level`` in letters, one after the other."""
    words = text(value[1:]).split(",")
    for mac, level in zip(words[::2], words[1::2], strict=False):
        if len(mac) == 17 and mac.count(":") == 5 and level.lstrip("-").isdecimal():
            draft.wifi.append(WifiNetwork(mac=mac.lower(), rssi=int(level[:5])))


def _tank_tenths(draft: Draft, value: bytes) -> None:
    draft.other["fuel_1"] = number(value[:2]) / 10


def _tank_written(draft: Draft, value: bytes) -> None:
    draft.other["fuel_2"] = text(value)


def _located_by_cell(draft: Draft, value: bytes) -> None:
    """F0, from AOVX: ``country(2) network(2) cell(4) area(4) level(1)``."""
    draft.cells.append(
        CellTower(
            mcc=number(value[:2]),
            mnc=number(value[2:4]),
            lac=number(value[8:12]),
            cid=number(value[4:8]),
            rssi=signed(value[12:13]),
        )
    )


def _power_millivolts(draft: Draft, value: bytes) -> None:
    if len(value) == 4:
        draft.readings["power_v"] = number(value) / 1000


def _vehicle(draft: Draft, value: bytes) -> None:
    """F3, from the vehicle's computer: ``id(2) size(1) value``."""
    at, end = 0, len(value)
    while at + 3 <= end:
        stop = at + 3 + value[at + 2]
        if stop > end:
            return
        named = _VEHICLE.get(number(value[at : at + 2]))
        said = number(value[at + 3 : stop])
        if named == ("power_v", 0.001):
            draft.readings["power_v"] = said / 1000
        elif named is not None:
            draft.other[named[0]] = round(said * named[1], 3)
        at = stop


_VEHICLE = {
    0x0002: ("vehicle_speed_kmh", 0.1),
    0x0003: ("engine_rpm", 1.0),
    0x0004: ("power_v", 0.001),
    0x0005: ("vehicle_odometer_m", 100.0),
    0x0006: ("fuel_consumption", 0.1),
    0x0100: ("trip_odometer_m", 100.0),
    0x0102: ("trip_fuel", 0.1),
    0x0103: ("fuel_used", 0.1),
}


def _sensors(draft: Draft, value: bytes) -> None:
    """F6, from AOVX: an IMEI of eight bytes, or ``? event? temperature(2) humidity(2) …``."""
    if len(value) == 8 and value.hex().isdecimal():
        draft.other["imei"] = value.hex().lstrip("0")
    elif len(value) >= 12:
        draft.other["temperature_1_c"] = signed(value[2:4]) / 10
        draft.other["humidity_pct"] = number(value[4:6]) / 10
        draft.other["acceleration"] = [signed(value[at : at + 2]) for at in (6, 8, 10)]


def _battery_of_aovx(draft: Draft, value: bytes) -> None:
    """F7: ``millivolts(4) state(1) charge(1)``; state 2: charging."""
    draft.readings["battery_v"] = number(value[:4]) / 1000
    draft.readings["battery_pct"] = float(value[5])
    if value[4] == 2:
        draft.readings["charging"] = True


def _dilution(draft: Draft, value: bytes) -> None:
    draft.readings["hdop"] = number(value[10:12]) / 10


def _charge_or_events(draft: Draft, value: bytes) -> None:
    """FE of one byte: charge; else 7C and ``id(1) size(1) value``: id 1 is a word of alarms."""
    if len(value) == 1:
        draft.readings["battery_pct"] = float(value[0])
    elif value[0] == 0x7C:
        at = 1
        while at + 2 <= len(value):
            stop = at + 2 + value[at + 1]
            if value[at] == 1:
                bits = number(value[at + 2 : stop])
                for bit, signal in enumerate(_MANOEUVRES):
                    if bits >> bit & 1:
                        draft.signal(f"fe:{bit}", signal)
            at = stop


_MANOEUVRES = (Signal.HARSH_ACCELERATION, Signal.HARSH_BRAKING, Signal.HARSH_CORNERING)

_WIDE_ITEMS: dict[int, tuple[int, Note]] = {
    0x0001: (2, _tank_tenths),
    0x0023: (1, _tank_written),
    0x002D: (2, _millivolts),
    0x0089: (4, _ends_alarms),
    0x00A8: (1, _lock_battery),
    0x00B2: (10, _card_number),
    0x00B9: (1, _written_wifi),
    0x00C5: (4, _ends_states),
    0x00CE: (2, _power_hundredths),
    0x00D5: _written("imei"),
    0x00D8: (9, _one_cell),
    0x00E1: (1, _lock_battery),
}

MAKERS_ITEMS: dict[int, tuple[int, Note]] = {
    0x2A: _said("io_state", 2),
    0x33: (1, _spoken_battery),
    0x50: (7, _wifi),
    0x51: (2, _temperatures),
    0x53: (11, _cells),
    0x56: (1, _battery_tenths),
    0x5D: (11, _cells),
    0x60: (2, _seal_event),
    0x63: (8, _seal_lock),
    0x66: (11, _seal_cells),
    0x67: _written("password"),
    0x69: (2, _seal_voltage),
    0x6A: (1, _signal_level),
    0x6B: (1, _satellites),
    0x6C: _written("imsi"),
    0x71: _written("iccid"),
    0x77: (8, _tyres),
    0x80: _said("vehicle_speed_kmh", 1),
    0x81: _said("engine_rpm", 2),
    0x82: (2, _volts_in_tenths),
    0x83: _said("engine_load_pct", 1),
    0x84: _said("coolant_c", 1, offset=-40),
    0x85: _said("fuel_consumption", 2),
    0x86: _said("intake_c", 1, offset=-40),
    0x87: _said("intake_flow", 2),
    0x89: _said("throttle_pct", 1),
    0x8B: _written("vin"),
    0x8C: _said("vehicle_odometer_m", 4, scale=100),
    0x8D: _said("trip_odometer_m", 2, scale=1000),
    0x8E: (1, _fuel_in_litres),
    0xBC: (1, _driver_name),
    0xBD: (1, _driver_card),
    0xCC: _written("iccid"),
    0xD0: (4, _lock_alarms),
    0xD3: (2, _lock_power),
    0xD4: (1, _lock_battery),
    0xD6: _written("iccid"),
    0xDA: (1, _lock_state),
    0xE1: (2, _power_driver_or_cells),
    0xE2: (4, _tank),
    0xE3: (6, _battery),
    0xE4: (2, _state_and_charge),
    0xE5: (1, _moving),
    0xE6: (1, _charging),
    0xE8: (2, _camera_alarm),
    0xEB: (4, _wide_items),
    0xEC: (7, _wifi),
    0xEE: (9, _one_cell),
    0xF0: (13, _located_by_cell),
    0xF1: (4, _power_millivolts),
    0xF2: _written("firmware"),
    0xF3: (4, _vehicle),
    0xF4: (7, _wifi),
    0xF6: (8, _sensors),
    0xF7: (6, _battery_of_aovx),
    0xF9: (12, _dilution),
    0xFE: (1, _charge_or_events),
}
