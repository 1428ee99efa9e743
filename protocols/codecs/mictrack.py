"""Mictrack pendants and asset trackers on LTE-M: MT710, MT825, MT820 and the older MT500.

See: Mictrack "MT710/MT825 communication protocol". Text, one record in one segment, and nothing
at its end::

    MT;6;866425031361423;R0;10+190109091803+22.63827+114.02922+2.14+69+ 2+3744+113
       │ IMEI            │  satellites       place              km/h    │ battery, mV
       mode              │     time, UTC                        course  event
    MT;6;866425031377981;R12;190108024848+6a:db:54:5a:79:6d,-91, … +0,21681,20616,460+ 3+3831+0
                         0: satellites, 1: Wi-Fi, 2 or 3: cells    MNC, cell, area, MCC
    861836051888035$162835.00,A,4139.6460,N,07009.7239,W,0.5,41.53,-25.8,220621$ …
    867035041390699 netlock=Success!

A record is whole where event, battery and the last number stand at the end of what was heard,
where it has as many columns as its kind wants, or where the next one begins. The event is the
code of ``DeviceSettings.alarms``: "5" is the button.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Fix,
    Message,
    Readings,
    Report,
    Signal,
    WifiNetwork,
)
from protocols.settings import DeviceSettings
from protocols.wire import finite, text

_EVENTS = {
    "0": Signal.POWERED_ON,
    "5": Signal.PANIC,
    "8": Signal.LOW_BATTERY,
    "9": Signal.ZONE_ENTERED,
    "10": Signal.ZONE_LEFT,
}

_MARK = b"MT;"
_LONGEST = 2048
_NAME = 15
_KMH_PER_KNOT = 1.852
_STARTS = re.compile(rb"[\r\n]*(?:MT;|\d{15}[ $]|\$\d{6})")
_MAY_START = re.compile(rb"[\r\n]*(?:M|MT|\d{1,15}|\$\d{0,5})?\Z")
_AFTER_RECORD = re.compile(rb"MT;\d{1,2};\d{15};|[\r\n]")
_AFTER_LINE = re.compile(rb"MT;\d{1,2};\d{15};|[\r\n!]|\d{15}[ $]")
_WHOLE = re.compile(rb"\+\d{1,2}\+\d{3,5}\+-?\d{1,4}\Z")
_LAST_COLUMNS = re.compile(rb"\+\d{1,2}\+\d{1,5}\+[^+]*\d\Z")
_WHOLE_LINE = re.compile(rb",\d{6}\Z")
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\Z")


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the record at ``start``, with the line end before it; None: not whole yet.

    Raises Unframeable where no record begins.
    """
    begun = _STARTS.match(buffer, start)
    if begun is None:
        if _MAY_START.match(buffer, start):
            return None
        raise Unframeable("no MT; and no IMEI here")
    record = begun[0].endswith(_MARK)
    after = (_AFTER_RECORD if record else _AFTER_LINE).search(buffer, begun.end())
    if after is not None:
        # The mark of exclamation belongs to the answer that it ends.
        return after.start() + (after[0] == b"!") - start
    seen = buffer[start : start + _LONGEST]
    if record:
        return len(seen) if _WHOLE.search(seen) or _has_all_columns(seen) else None
    return len(seen) if begun[0][-1:] != b" " and _WHOLE_LINE.search(seen) else None


def _has_all_columns(seen: bytes) -> bool:
    """Six of the satellites, or the time; one for each kind of network; three at the end."""
    kind, _, columns = b"".join(seen.split(b";", 3)[3:]).partition(b";")
    networks = len(kind.strip(b"RY0")) if kind[1:].isdigit() else 9
    wanted = (6 if b"0" in kind else 1) + networks + 3
    return columns.count(b"+") >= wanted - 1 and bool(_LAST_COLUMNS.search(columns))


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one record says. Raises Malformed for text that is none.

    ``heard_at`` is not needed: every record names its time.
    """
    del heard_at
    said = text(frame).strip()
    if said.startswith("MT;"):
        return _record(said, peer)
    name, mark, rest = said[:_NAME], said[_NAME : _NAME + 1], said[_NAME + 1 :]
    if said.startswith("$"):
        name, mark, rest = peer.unit_id, "$", said[1:]
    elif not (len(name) == _NAME and name.isdecimal()):
        raise Malformed("a record without a name")
    peer = peer.named(name)
    if mark == "$":
        messages: tuple[Message, ...] = tuple(_line(line) for line in rest.split("$")[:64])
        return Incoming(messages=messages, peer=peer)
    if mark != " " or not rest:
        raise Malformed("neither a place nor an answer")
    return Incoming(messages=(CommandReply(text=rest.rstrip("!")),), peer=peer)


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: the maker describes commands as SMS."""
    raise Unsupported(
        f"a Mictrack takes no {type(command).__name__} over this connection: "
        "send it an SMS in the words of its manual"
    )


def simulate(message: Message, peer: Peer) -> bytes:
    """The record that a tracker called ``peer.unit_id`` would send. Raises Unsupported."""
    if not (isinstance(message, Report) and peer.unit_id):
        raise Unsupported("a Mictrack says reports and nothing else: name it and give it a report")
    codes = {signal: code for code, signal in _EVENTS.items()}
    readings = message.readings
    unsayable = (message.signals - set(codes)) | (set(readings) - {"battery_v", "satellites"})
    if unsayable or len(message.signals) > 1:
        wanted = ", ".join(sorted(unsayable)) or "two events at once"
        raise Unsupported(f"a Mictrack record cannot say {wanted}")
    at = message.at or (message.fix.at if message.fix else None)
    if at is None:
        raise Unsupported("a Mictrack dates every record: give it a time")
    event = next((codes[signal] for signal in message.signals), "2")
    end = f"{event}+{readings.get('battery_v', 3.9) * 1000:04.0f}+0"
    head = f"MT;6;{peer.unit_id}"
    fix = message.fix
    if fix is None:
        return f"{head};R2;{at:%y%m%d%H%M%S}+10,20481,3051,206+{end}".encode()
    return (
        f"{head};R0;{readings.get('satellites', 9)}+{at:%y%m%d%H%M%S}+{fix.lat:.6f}+{fix.lon:.6f}"
        f"+{fix.speed_kmh or 0.0:.2f}+{fix.course_deg or 0.0:.0f}+{end}"
    ).encode()


def _record(said: str, peer: Peer) -> Incoming:
    """MT;mode;name;kind;columns between plus signs."""
    fields = said.split(";", 4)
    if len(fields) < 5 or not fields[2].isalnum():
        raise Malformed("a record without a name")
    peer = peer.named(fields[2])
    kind, columns = fields[3], fields[4].split("+")
    satellites = "0" in kind
    if len(columns) < 4 + satellites:
        raise Malformed("a record that breaks off")
    event, battery = columns[-3], columns[-2]
    readings: Readings = {}
    if battery.isdecimal() and len(battery) <= 5:
        readings["battery_v"] = int(battery) / 1000
    if satellites and columns[0].isdecimal() and len(columns[0]) <= 2:
        readings["satellites"] = int(columns[0])
    at = _moment(columns[satellites])
    networks = columns[6 if satellites else 1 : -3]
    report = Report(
        fix=_fix(columns[2:6], at) if satellites and at is not None else None,
        at=at,
        signals=_signals(event, peer.settings),
        readings=readings,
        cells=_cells(networks) if set(kind) & {"2", "3"} else (),
        wifi=_wifi(networks) if "1" in kind else (),
        other={"mode": fields[1], "event": event},
        record=f"{kind};{fields[4]}".encode(),
    )
    return Incoming(messages=(report,), peer=peer)


def _signals(event: str, settings: DeviceSettings) -> frozenset[Signal]:
    usual = _EVENTS.get(event)
    return settings.meaning(event, frozenset() if usual is None else frozenset({usual}))


def _fix(columns: Sequence[str], at: datetime) -> Fix | None:
    """Latitude, longitude, km/h and course; None if that is no place."""
    lat, lon, speed, course = (finite(said) for said in (*columns, "", "", "", "")[:4])
    if lat is None or lon is None:
        return None
    try:
        return Fix(at=at, lat=lat, lon=lon, speed_kmh=speed, course_deg=course)
    except ValueError:
        return None


def _wifi(columns: Sequence[str]) -> tuple[WifiNetwork, ...]:
    """Every address with the level behind it; a name before it is not ours to keep."""
    found = []
    for column in columns:
        said = column.split(",")
        for mac, level in pairwise(said):
            if len(mac) == 17 and _MAC.match(mac):
                rssi = finite(level)
                found.append(WifiNetwork(mac=mac.lower(), rssi=None if rssi is None else int(rssi)))
    return tuple(found)


def _cells(columns: Sequence[str]) -> tuple[CellTower, ...]:
    """Network code, cell, area and country in the last column; more may follow."""
    said = columns[-1].split(",")[:4] if columns else []
    if len(said) < 4 or not all(part.isdecimal() and len(part) <= 10 for part in said):
        return ()
    mnc, cid, lac, mcc = map(int, said)
    return (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),)


def _line(said: str) -> Report:
    """Clock, A or V, place, knots, course, altitude and day, as a GPS receiver writes them."""
    fields = said.split(",")
    if len(fields) < 10:
        raise Malformed(f"a place wants 10 fields, not {len(fields)}")
    at = _moment(fields[9][4:6] + fields[9][2:4] + fields[9][:2] + fields[0][:6])
    lat, lon = (
        _degrees(fields[2], negative=fields[3] == "S"),
        _degrees(fields[4], negative=fields[5] == "W"),
    )
    speed = finite(fields[6])
    fix = None
    if at is not None and lat is not None and lon is not None:
        with suppress(ValueError):
            fix = Fix(
                at=at,
                lat=lat,
                lon=lon,
                valid=fields[1] == "A",
                speed_kmh=None if speed is None else speed * _KMH_PER_KNOT,
                course_deg=finite(fields[7]),
                altitude_m=finite(fields[8]),
            )
    return Report(fix=fix, at=at, record=said.encode())


def _degrees(said: str, *, negative: bool) -> float | None:
    """Degrees, two digits of minutes and their fraction: 4139.6460."""
    value = finite(said)
    if value is None or value < 0:
        return None
    degrees = value // 100 + value % 100 / 60
    return -degrees if negative else degrees


def _moment(said: str) -> datetime | None:
    """YYMMDDHHMMSS as UTC; None if no such moment exists."""
    if len(said) != 12 or not said.isdecimal():
        return None
    year, month, day, hour, minute, second = (int(said[at : at + 2]) for at in range(0, 12, 2))
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


CODEC = Codec(
    name="mictrack",
    title="Mictrack MT710, MT825, MT500",
    tells="fixes, battery, satellites, towers, Wi-Fi; SOS, low battery, zones, switched on",
    port=5200,
    transports=("tcp", "udp"),
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(_MARK,),
    max_frame=_LONGEST,
)
