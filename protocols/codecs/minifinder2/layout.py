"""The keys, bits and fields of an Eview frame, as reading and writing share them."""

from struct import Struct

from protocols.message import Signal

Elements = list[tuple[int, bytes]]
"""Keys and their values, in the order of the frame."""

UNIT_ID, ALARM, BATTERY, WIFI_NAMED, GPS, WIFI = 0x01, 0x02, 0x14, 0x19, 0x20, 0x22
GENERAL, FUSED, BEACON, CELLS, BEACON_SHORT = 0x24, 0x27, 0x28, 0x29, 0x2C
STEPS = 0x30
MANY_IN_A_RECORD = frozenset({BEACON, BEACON_SHORT})

SIGNALS = (
    (1 << 12, Signal.PANIC),
    (1 << 2, Signal.FALL),
    (1 << 3, Signal.FALL),  # tilted for too long: the posture of somebody who lies down
    (1 << 11, Signal.NO_MOTION),
    (1 << 18, Signal.AMBER),
    (1 << 0, Signal.LOW_BATTERY),
    (1 << 1, Signal.OVERSPEED),
    (1 << 8, Signal.POWERED_OFF),
    (1 << 9, Signal.POWERED_ON),
    (1 << 10, Signal.MOVEMENT),
    (1 << 13, Signal.INPUT),  # the first side button
    (1 << 14, Signal.INPUT),  # the second
    (1 << 15, Signal.CHARGE),
    (1 << 17, Signal.SOS_END),
)
ZONES = tuple((number, 1 << 3 + number, 1 << 25 + number) for number in (1, 2, 3, 4))
SIDE_BUTTONS = ((1 << 13, 1), (1 << 14, 2))
BARK = 1 << 31
CHARGED = 1 << 16
NAMED = (
    sum({bit for bit, _ in SIGNALS})
    | sum(left | inside for _, left, inside in ZONES)
    | BARK
    | CHARGED
)

CHARGING, STORED, MOVING = 1 << 4, 1 << 7, 1 << 9

U32 = Struct("<I")
TIMED = Struct("<II")
GPS_FIELDS = Struct("<iiHHhHIB")
PLACE_FIELDS = Struct("<ii")
FUSED_FIELDS = Struct("<iiHh")
OPERATOR = Struct("<HB")
OPERATOR_WIDE = Struct("<HH")
CELL = Struct("<bHH")
CELL_WIDE = Struct("<bHI")
BEACON_LEVELS = Struct("<bb")


def element(key: int, value: bytes) -> bytes:
    """One element: its size, its key, its value."""
    return bytes((1 + len(value), key)) + value
