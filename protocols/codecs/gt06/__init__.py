"""GT06: Concox, Jimi and their many clones: vehicle trackers, wearables, cameras.

See: Concox "GPS Tracker Communication Protocol" (GT06N, JM01, VL103) and the
supplements of the makers who copied it.

A frame, narrow and wide::

    [ 7878 ][ length ][ kind ][ content ][ serial ][ crc16 x25 ][ 0D0A ]
       2b       1b       1b       …          2b          2b         2b
    [ 7979 ][ length ][ kind ][ content ][ serial ][ crc16 x25 ][ 0D0A ]
       2b       2b       1b       …          2b          2b         2b

``length`` counts from kind to checksum, the checksum runs from length to serial.
A unit says its name once (kind 01, eight bytes of packed decimal, and perhaps the
time zone of its clock) and expects every frame that matters back, empty, with the
same kind and serial::

    78 78  0D  01  01 23 45 67 89 01 23 45  00 01  8C DD  0D 0A
    78 78  05  01                           00 01  D9 DC  0D 0A

Frames: ``frame.py``. Fields that many kinds share: ``fields.py``. The kinds
themselves: ``positions.py``, ``surroundings.py``, ``details.py``, listed below.

Codes in a device's settings, numbers in hexadecimal unless said otherwise::

    01          the alarm byte; 107 where the language byte makes it wider
    terminal 4  the alarm in the terminal information, 1 to 7
    95 76       an event of a camera          70 12    an event of a module
    status a4   the status of an AZ735        25 07    an event of an XT40
    f2 0003     an event of an accessory      34 bit 5 the alarm word of kind 34, 0 to 31

A clock is on UTC, in the zone that the login named, or in that of the settings. Inputs 1 and 2
(1 to 16 on vehicles with kinds 34 and A2) can be panic buttons; 94 names input 1 alone.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.gt06 import details, positions, surroundings
from protocols.codecs.gt06.commands import encode
from protocols.codecs.gt06.frame import (
    NARROW,
    TAIL,
    WIDE,
    Frame,
    frame_size,
    is_scan,
    open_frame,
    seal,
)
from protocols.codecs.gt06.simulation import simulate
from protocols.message import (
    Custom,
    Heartbeat,
    Immobilise,
    Locate,
    Login,
    Message,
    Mobilise,
    Reboot,
    ReportEvery,
    SetSosNumber,
    SetTimezone,
    Unknown,
)
from protocols.wire import Reader

_LOGIN, _TIME, _ADDRESS, _ADDRESS_REPLY = 0x01, 0x8A, 0x2A, 0x97
_COMMANDS = frozenset({0x80, 0x81, 0x82})
_WEST = 0x08
_FARTHEST_ZONE = timedelta(hours=14)
_NO_ADDRESS = b"NA&&NA&&0##"


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame means. Raises Corrupt if its checksum is wrong, Malformed if it is short."""
    opened = open_frame(frame, peer)
    if opened.kind == _LOGIN:
        return _login(opened, peer)
    if opened.kind == _TIME:
        now = heard_at.astimezone(UTC)
        stamp = bytes((now.year - 2000, now.month, now.day, now.hour, now.minute, now.second))
        return Incoming(messages=(Heartbeat(),), ack=seal(_TIME, stamp, opened.serial))
    if is_scan(frame):
        messages = surroundings.scan(opened)
        return Incoming(
            messages=messages, ack=NARROW + b"\0" + frame[3:4] + opened.content[1:7] + TAIL
        )
    known = _KINDS.get(opened.kind)
    if known is None:
        # Its bytes are kept, so it may be told so: units repeat what nobody answers.
        answered = not opened.wide and opened.kind not in _COMMANDS
        unknown = Unknown(kind=f"{opened.kind:02x}")
        return Incoming(messages=(unknown,), ack=_ack(opened) if answered else b"")
    messages = known(opened)
    if isinstance(messages[0], Unknown):
        return Incoming(messages=messages)
    return Incoming(messages=messages, ack=_ack(opened))


def _login(frame: Frame, peer: Peer) -> Incoming:
    """``imei [type [zone and language]]``; the zone is hundreds of hours, minutes, and a side."""
    rest = Reader(frame.content)
    name = rest.take(8).hex()
    unit_id = name.removeprefix("0") if name.isdecimal() else name
    ahead = timedelta(0)
    if rest.remaining >= 4:
        rest.take(2)
        bits = rest.u16()
        hours, minutes = divmod(bits >> 4, 100)
        ahead = timedelta(hours=hours, minutes=minutes)
        ahead = -ahead if bits & _WEST else ahead
        if abs(ahead) > _FARTHEST_ZONE:
            ahead = timedelta(0)
    # The zone belongs to the unit that said it: another name on the same line
    # must not inherit it.
    dialect = f"{unit_id}:{ahead // timedelta(minutes=1)}" if ahead else ""
    return Incoming(
        messages=(Login(unit_id=unit_id),),
        ack=seal(_LOGIN, b"", frame.serial),
        peer=peer.named(unit_id, dialect),
    )


def _ack(frame: Frame) -> bytes:
    if frame.kind in _UNANSWERED:
        return b""
    if frame.kind == _ADDRESS:
        said = bytes((len(_NO_ADDRESS),)) + bytes(4) + _NO_ADDRESS
        return seal(_ADDRESS_REPLY, said, 0, wide=True)
    return seal(frame.kind, b"", frame.serial, wide=frame.kind in _ANSWERED_WIDE)


def _cells_or_position(frame: Frame) -> tuple[Message, ...]:
    """11 is a cell alone from most, and a fix as well from some."""
    return positions.position(frame) if len(frame.content) >= 26 else surroundings.cells(frame)


def _position_or_query(frame: Frame) -> tuple[Message, ...]:
    """17 is a question about a cell from most, and a fix with a driver from some."""
    if len(frame.content) >= 34:
        return positions.position(frame)
    return surroundings.cell_query(frame)


_KINDS: dict[int, Callable[[Frame], tuple[Message, ...]]] = {
    0x10: positions.position,
    0x11: _cells_or_position,
    0x12: positions.position,
    0x13: positions.status,
    0x15: details.words,
    0x16: positions.alarm,
    0x17: _position_or_query,
    0x18: surroundings.cells,
    0x19: positions.cell_alarm,
    0x1A: positions.position,
    0x21: details.words,
    0x22: positions.position_with_mode,
    0x23: positions.status_with_voltage,
    0x24: surroundings.cells,
    0x25: positions.named_position,
    0x26: positions.alarm,
    0x27: positions.alarm,
    0x28: surroundings.cells,
    0x2A: positions.position,
    0x2C: surroundings.cells_and_wifi,
    0x2D: positions.position,
    0x2E: surroundings.cells,
    0x32: surroundings.sections,
    0x33: surroundings.sections,
    0x34: positions.analogue_position,
    0x36: positions.status_or_position,
    0x37: positions.position_with_mode,
    0x38: positions.position_with_elements,
    0x39: positions.alarm_with_elements,
    0x61: positions.position,
    0x70: details.modules,
    0x8C: details.vehicle_computer,
    0x94: details.information,
    0x95: positions.camera_event,
    0x9B: details.words,
    0xA0: positions.position_with_mode,
    0xA1: surroundings.cells,
    0xA2: surroundings.cells_and_wifi,
    0xA3: positions.short_status,
    0xA4: positions.alarm,
    0xA5: positions.cell_alarm,
    0xA7: surroundings.cell_query,
    0xA9: surroundings.cells_and_wifi_alarm,
    0xF1: details.terminal_parts,
    0xF2: details.accessories,
}

_UNANSWERED = frozenset({0x21, 0x34, 0x38, 0x8C, 0x94, 0x9B})
_ANSWERED_WIDE = frozenset({0x32, 0x33})

CODEC = Codec(
    name="gt06",
    title="Concox, Jimi and clones (GT06)",
    tells=(
        "fixes, battery, power, ignition, relay, mileage, towers, Wi-Fi; SOS, fall and all "
        "else from the alarm byte and the terminal bits; both headers"
    ),
    port=5023,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(NARROW, WIDE),
    commands=(
        Locate,
        ReportEvery,
        Reboot,
        SetSosNumber,
        SetTimezone,
        Custom,
        Immobilise,
        Mobilise,
    ),
)
