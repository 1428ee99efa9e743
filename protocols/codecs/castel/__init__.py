"""Castel: IDD plugs for the vehicle's computer, HT and PT trackers.

See: Sinocastel "New OBD Smart communication protocol" (CB212-C1005) and its "MPIP protocol".
Little endian, but for the kind::

    40 40  size  version  name        kind  content  crc16 x25  0D 0A      size: the whole frame
    2      2     1        20, ASCII   2     …        2          2
    24 24  size           name        kind  content  crc16 x25  0D 0A      the oldest, no version

Most contents begin with the state of the vehicle, and go on with counted places::

    ignition since  now  metres  trip  fuel  fuel now  state  again
    4               4    4       4     4     2         4      8
    day month year  hour minute second  lat/3.6e6  lon/3.6e6  cm/s  course/10  flags
    1   1     1     1    1      1       4          4          2     2          1

Flags: 1 east, 2 north, 4 and 8 located, the rest counts satellites. An alarm (4007) ends with
counted ``begins(1) code(1) value(2) limit(2)``; the codes are those of the settings: ``10`` SOS.
An SOS or a crash also stands in the state of whatever the plug says meanwhile.

Frames: ``frame.py``. State and places: ``places.py``. The kinds of the plugs: ``idd.py``.
"""

from datetime import datetime

from protocols.checksum import crc16_x25
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.castel import idd
from protocols.codecs.castel.commands import encode, simulate
from protocols.codecs.castel.frame import (
    NAME,
    OLD,
    SHORT,
    SMALLEST_OLD,
    SMALLEST_SHORT,
    TAIL,
    frame_size,
    seal,
)
from protocols.codecs.castel.places import PLACE, place_report
from protocols.errors import Corrupt, Malformed
from protocols.message import CellTower, Custom, Heartbeat, Message, Readings, Unknown
from protocols.wire import Reader, text

_MPIP = 12
_LOGIN, _HEARTBEAT, _PLACES, _ALARM = 0x1001, 0x1003, 0x4001, 0x4007
_OLD_LOGIN, _MPIP_STATE = 0x2001, 0x4206


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a frame said. Raises Corrupt if its checksum is wrong, Malformed if it breaks off.

    ``heard_at`` is told to a device that logs in.
    """
    if len(frame) < SMALLEST_OLD or frame[-2:] != TAIL:
        raise Corrupt("no 0D0A at the end")
    if crc16_x25(frame[:-4]) != int.from_bytes(frame[-4:-2], "little"):
        raise Corrupt("the checksum does not match")
    old = frame[:2] == OLD
    name_at = 4 if old else 5
    if not old and len(frame) < SMALLEST_SHORT:
        raise Malformed("no room for a kind")
    name = frame[name_at : name_at + NAME]
    kind = int.from_bytes(frame[name_at + NAME : name_at + NAME + 2], "big")
    content = frame[name_at + NAME + 2 : -4]
    speaker = peer.named(text(name).strip())
    if old:
        messages, ack = _oldest(kind, content, name)
    elif frame[4] == _MPIP:
        messages, ack = _mpip(kind, content, name)
    else:
        known = idd.KINDS.get(kind, idd.unknown)
        messages = known(kind, content, speaker)
        ack = _answer(kind, content, frame[4], name, heard_at)
    return Incoming(messages=messages, ack=ack, peer=speaker)


def _answer(kind: int, content: bytes, version: int, name: bytes, heard_at: datetime) -> bytes:
    """A login hears the time, a heartbeat and an alarm that they were kept; the rest nothing."""
    if kind == _LOGIN:
        now = int(heard_at.timestamp()).to_bytes(4, "little")
        return seal(version, name, 0x9001, b"\xff" * 4 + bytes(2) + now)
    if kind == _HEARTBEAT:
        return seal(version, name, 0x9003)
    if kind == _ALARM:
        return seal(version, name, 0xC007, content[:4])
    return b""


def _oldest(kind: int, content: bytes, name: bytes) -> tuple[tuple[Message, ...], bytes]:
    """$$: a login with a place behind nine bytes, or a place."""
    rest = Reader(content)
    if kind == _OLD_LOGIN:
        rest.take(9)
        ack = seal(None, name, _LOGIN, bytes(4) + b"\xff" * 8)
        return (place_report(rest, {}, {}, content),), ack
    if kind == _PLACES:
        return (place_report(rest, {}, {}, content),), seal(0xFF, name, _PLACES)
    return (Unknown(kind=f"$$ {kind:04x}"),), b""


def _mpip(kind: int, content: bytes, name: bytes) -> tuple[tuple[Message, ...], bytes]:
    """PT trackers: a place, then ``state(4) battery(1) metres(4) ?(3) area(2) cell(2)``."""
    ack = seal(_MPIP, name, kind + 0x4000) if 0x4000 <= kind < 0x8000 else b""
    if kind not in (_PLACES, _MPIP_STATE):
        return (Unknown(kind=f"MPIP {kind:04x}"),), ack
    rest = Reader(content)
    if kind == _MPIP_STATE:
        rest.take(1)
        if rest.u8() == 0:
            return (Heartbeat(),), ack
    place = rest.take(PLACE.size)
    other: dict[str, object] = {"state": rest.u32le()}
    readings: Readings = {"battery_v": float(rest.u8()), "odometer_m": float(rest.u32le())}
    cells: tuple[CellTower, ...] = ()
    if rest.remaining >= 7:
        rest.take(3)
        cells = (CellTower(mcc=0, mnc=0, lac=rest.u16le(), cid=rest.u16le()),)
    return (place_report(Reader(place), readings, other, content, cells=cells),), ack


CODEC = Codec(
    name="castel",
    title="Castel IDD plugs, HT and PT trackers",
    tells=(
        "fixes, ignition, mileage, fuel used, faults, battery; SOS, crash, tow and all else "
        "from the alarm code"
    ),
    port=5086,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(SHORT, OLD),
    max_frame=2048,
    commands=(Custom,),
)
