"""Wrist alarms and children's watches of the 3G / SG / CS / ZJ family (SeTracker, Wonlex …).

See: the makers' "GPS watch communication protocol", the sections on terminal and platform
messages. Everything is text between brackets, except voice and pictures::

    [ 3G * 8809008845 * 0002 * 0070 * AL,241126,081530,A,50.846800,N,… ]
      │    unit id      │      │      content: a kind, then fields between commas
      maker             │      bytes of the content, four hex digits
                        index, four hex digits; only some firmware has it

In voice and pictures the five marks ``} [ ] , *`` are written as ``}`` and a byte 1 to 5.
The length is often wrong on cheap watches. We believe it where a closing bracket stands at
its end and read up to the first closing bracket otherwise: a person may be behind it.

Codes in a device's settings are the bits of the state, ``bit 16``, and ``AL`` for an alarm none of
whose bits has a meaning. Bits 3 (not worn) and 4 (moving) are read in alarms alone. The clock
is on UTC; a watch whose zone was moved (LZ) may write that zone's.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Locate,
    Login,
    Message,
    PowerOff,
    Readings,
    Reboot,
    Report,
    ReportEvery,
    SetSosNumber,
    SetTimezone,
    Signal,
    Unknown,
    WifiNetwork,
)
from protocols.settings import DeviceSettings
from protocols.wire import finite_at, text

Said = tuple[Message, bytes]
"""A message, and the content to answer it with (empty: nothing)."""

_LONGEST_HEADER = 40
_HEADER = re.compile(
    rb"\[([0-9A-Za-z]{2})\*([0-9A-Za-z]{1,20})\*(?:([0-9A-Fa-f]{4})\*)?([0-9A-Fa-f]{4})\*"
)
_PLACE = re.compile(rb"(UD|AL|WT)(?:\d|_[0-9A-Z]+)?\Z")
_ESCAPED = re.compile(rb"\}[\x01-\x05]")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}\Z")
_PHONE = re.compile(r"\+?[0-9]{2,20}\Z")

_SIGNALS = (
    (1 << 16, Signal.PANIC),
    (1 << 21, Signal.FALL),
    (1 << 22, Signal.FALL),
    (1 << 20, Signal.REMOVED),
    (1 << 14, Signal.POWER_CUT),
    (1 << 17, Signal.LOW_BATTERY),
    (1 << 18, Signal.ZONE_LEFT),
    (1 << 19, Signal.ZONE_ENTERED),
    (1 << 0, Signal.LOW_BATTERY),
    (1 << 1, Signal.ZONE_LEFT),
    (1 << 2, Signal.ZONE_ENTERED),
)
# Watches in a drawer keep sending this bit in ordinary reports; only in an alarm is it news.
_NOT_WORN = 1 << 3
_MOVING = 1 << 4
_ALL_BITS = 0xFFFF_FFFF

_VITALS: dict[str, tuple[str, ...]] = {
    "pulse": ("heart_rate",),
    "heart": ("heart_rate",),
    "blood": ("pressure_high_mmhg", "pressure_low_mmhg"),
    "bphrt": ("pressure_high_mmhg", "pressure_low_mmhg", "heart_rate"),
    "btemp2": ("", "body_temperature_c"),
    "oxygen": ("", "oxygen_pct"),
}

# What a watch says back when it has carried out a command of the same name.
_COMMAND_WORD = re.compile(
    "(?:CENTER|CR|FACTORY|FIND|FLOWER|HRTSTART|IP|LOWBAT|LZ|MESSAGE|MONITOR|PEDO|PHB2?|POWEROFF|"
    "PROFILE|PW|REMIND|REMOVE|REMOVESMS|RESET|SILENCETIME|SLAVE|SLEEPTIME|SMSONOFF|SOS[123]?|"
    "SOSSMS|TK|TS|UPGRADE|UPLOAD|URL|VERNO|WALKTIME)(?:,|$)",
    re.IGNORECASE,
)
_PLAIN_COMMANDS: dict[type[Command], str] = {Locate: "CR", Reboot: "RESET", PowerOff: "POWEROFF"}


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, brackets included; None: not all there yet.

    Raises Unframeable where no frame begins, and where another one begins before
    this one ends: the line broke, and what follows may be the alarm.
    """
    header = _HEADER.match(buffer, start)
    if header is None:
        seen = buffer[start : start + _LONGEST_HEADER]
        if seen[:1] == b"[" and len(seen) < _LONGEST_HEADER and not _has_bracket(seen):
            return None
        raise Unframeable("no [maker*unit*length* here")
    body = header.end()
    end = body + int(header[4], 16)
    if buffer[end : end + 1] != b"]":
        end = buffer.find(b"]", body)
    inner = _HEADER.search(buffer, body, end if end >= 0 else len(buffer))
    if inner is not None:
        raise Unframeable("another frame begins before this one ends")
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a watch said. Raises Malformed if it is neither whole nor an alarm.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    header = _HEADER.match(frame)
    if header is None or frame[-1:] != b"]":
        raise Malformed("no [maker*unit*length*content] here")
    content = frame[header.end() : -1]
    raw_kind, _, rest = content.partition(b",")
    speaker = _speaker(header, peer)
    place = _PLACE.match(raw_kind)
    if place is not None:
        family = place[1]
        report = _place_report(family, raw_kind, rest, speaker.settings)
        messages: tuple[Message, ...] = (report,)
        answer = b"AL" if family == b"AL" else b""
    else:
        kind = text(raw_kind)
        message, answer = _KINDS.get(kind, _reply)(kind, rest, content, text(header[2]))
        messages = (message,)
    return Incoming(
        messages=messages,
        ack=_answer(header, answer) if answer else b"",
        peer=speaker,
    )


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported, and says why."""
    return _frame(_maker_for_commands(peer), peer, _content(command).encode())


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a watch called ``peer.unit_id`` would send. Raises Unsupported."""
    unit_id = message.unit_id if isinstance(message, Login) else peer.unit_id
    if not unit_id:
        raise Unsupported("a watch names itself in every frame: give the peer a unit_id")
    speaker = Peer(unit_id=unit_id, dialect=peer.dialect)
    return _frame(peer.dialect[:2] or "3G", speaker, _said(message).encode())


def _has_bracket(seen: bytes) -> bool:
    return b"[" in seen[1:] or b"]" in seen


def _speaker(header: re.Match[bytes], peer: Peer) -> Peer:
    """Who is speaking: the same object while nothing changes, as in nearly every frame."""
    unit_id = header[2].decode()
    dialect = header[1].decode() if header[3] is None else header[1].decode() + "*"
    if unit_id == peer.unit_id and dialect == peer.dialect:
        return peer
    return peer.named(unit_id, dialect)


def _answer(header: re.Match[bytes], content: bytes) -> bytes:
    """An answer under the watch's own maker and index."""
    index = b"" if header[3] is None else header[3] + b"*"
    return b"[%b*%b*%b%04x*%b]" % (header[1], header[2], index, len(content), content)


def _place_report(family: bytes, kind: bytes, rest: bytes, settings: DeviceSettings) -> Report:
    """A report from fields: date, time, A or V, place, motion, state, cells and Wi-Fi.

    An alarm stands even when nothing else in it can be read.
    """
    fields = text(rest).split(",")
    alarm = family == b"AL"
    if len(fields) < 7 and not alarm:
        raise Malformed(f"a place wants 7 fields and more, not {len(fields)}")
    at = _moment(fields, settings)
    status = _status(fields)
    readings = _readings(fields, status)
    cells, wifi, other = _network(fields) if len(fields) > 16 else ((), (), {})
    if (tumbles := _whole(fields, 14)) is not None and tumbles > 0:
        other["tumbles"] = tumbles
    return Report(
        fix=None if at is None else _fix(fields, at),
        at=at,
        signals=_signals(status, settings, alarm=alarm) if status or alarm else frozenset(),
        readings=readings,
        cells=cells,
        wifi=wifi,
        buffered=kind == b"UD2",
        other=other,
        record=family + b"," + rest,
    )


def _moment(fields: Sequence[str], settings: DeviceSettings) -> datetime | None:
    """ddmmyy,hhmmss; None if no such moment exists or the watch named none."""
    try:
        day, clock = fields[0], fields[1]
        if len(day) != 6 or len(clock) != 6:
            return None
        named = datetime(
            2000 + int(day[4:]),
            int(day[2:4]),
            int(day[:2]),
            int(clock[:2]),
            int(clock[2:4]),
            int(clock[4:]),
            tzinfo=UTC,
        )
        return settings.utc(named) if settings.time_zone else named
    except (ValueError, IndexError, OverflowError):
        return None


def _fix(fields: Sequence[str], at: datetime) -> Fix | None:
    """The place; None if it is not one. South and west may carry a minus as well."""
    try:
        lat, lon = float(fields[3]), float(fields[5])
        return Fix(
            at=at,
            lat=-abs(lat) if fields[4] == "S" else lat,
            lon=-abs(lon) if fields[6] == "W" else lon,
            valid=fields[2] == "A",
            speed_kmh=finite_at(fields, 7),
            course_deg=finite_at(fields, 8),
            altitude_m=finite_at(fields, 9),
        )
    except (ValueError, IndexError):
        return None


def _status(fields: Sequence[str]) -> int:
    """The state and alarm bits; 0 if there are none to read."""
    try:
        return int(fields[15], 16) & _ALL_BITS if len(fields[15]) <= 8 else 0
    except (ValueError, IndexError):
        return 0


def _readings(fields: Sequence[str], status: int) -> Readings:
    readings: Readings = {}
    if (satellites := _whole(fields, 10)) is not None:
        readings["satellites"] = satellites
    if (rssi := _whole(fields, 11)) is not None:
        readings["rssi"] = rssi
    if (battery := finite_at(fields, 12)) is not None:
        readings["battery_pct"] = battery
    if (steps := _whole(fields, 13)) is not None:
        readings["steps"] = steps
    if status & _MOVING:
        readings["motion"] = True
    return readings


def _signals(status: int, settings: DeviceSettings, *, alarm: bool) -> frozenset[Signal]:
    """Every signal whose bit is set; an alarm that names none is UNSPECIFIED."""
    if settings.alarms:
        return _signals_as_set(status, settings, alarm=alarm)
    signals = {signal for bit, signal in _SIGNALS if status & bit}
    if alarm and status & _NOT_WORN:
        signals.add(Signal.REMOVED)
    if alarm and not signals:
        signals.add(Signal.UNSPECIFIED)
    return frozenset(signals)


def _signals_as_set(status: int, settings: DeviceSettings, *, alarm: bool) -> frozenset[Signal]:
    """The same bit by bit, for a watch some of whose bits mean something else."""
    usual = {bit: frozenset({signal}) for bit, signal in _SIGNALS}
    if alarm:
        usual[_NOT_WORN] = frozenset({Signal.REMOVED})
    else:
        status &= ~(_NOT_WORN | _MOVING)
    signals: frozenset[Signal] = frozenset()
    named = False
    for bit in range(status.bit_length()):
        if status >> bit & 1:
            code = f"bit {bit}"
            signals |= settings.meaning(code, usual.get(1 << bit, frozenset()))
            named = named or 1 << bit in usual or code in settings.alarms
    if alarm and not named:
        signals |= settings.meaning("AL", frozenset({Signal.UNSPECIFIED}))
    return signals


def _network(
    fields: Sequence[str],
) -> tuple[tuple[CellTower, ...], tuple[WifiNetwork, ...], dict[str, object]]:
    """Cells and Wi-Fi: count, timing advance, MCC, MNC, {LAC, cell, level} …; count, {name …}.

    With no cell some firmware leaves the operator out, so the Wi-Fi is looked
    for in both places. What remains after it is the accuracy in metres.
    """
    count = min(_whole(fields, 16) or 0, (len(fields) - 20) // 3)
    mcc, mnc = _whole(fields, 18), _whole(fields, 19)
    cells: list[CellTower] = []
    if count > 0 and mcc is not None and mnc is not None:
        for at in range(20, 20 + 3 * count, 3):
            lac, cid, level = _whole(fields, at), _whole(fields, at + 1), _whole(fields, at + 2)
            if lac is not None and cid is not None:
                rssi = None if level is None else -abs(level)
                cells.append(CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=rssi))
    for start in (20 + 3 * count,) if count > 0 else (17, 20):
        wifi = _wifi(fields, start)
        if wifi or (count > 0 and start == len(fields) - 2):
            accuracy_m = finite_at(fields, start + 1 + 3 * len(wifi))
            return tuple(cells), wifi, {"accuracy_m": accuracy_m} if accuracy_m else {}
    return tuple(cells), (), {}


def _wifi(fields: Sequence[str], start: int) -> tuple[WifiNetwork, ...]:
    """Count, then name, address and dBm of each. The name is not ours to keep."""
    networks: list[WifiNetwork] = []
    for at in range(start + 1, start + 1 + 3 * (_whole(fields, start) or 0), 3):
        if at + 2 >= len(fields):
            break
        mac = fields[at + 1].lower()
        if _MAC.match(mac) is None:
            break
        networks.append(WifiNetwork(mac=mac, rssi=_whole(fields, at + 2)))
    return tuple(networks)


def _whole(fields: Sequence[str], at: int) -> int | None:
    """The whole number in that field; None if it is missing, empty or not one."""
    try:
        return int(fields[at]) if len(fields[at]) <= 10 else None
    except (ValueError, IndexError):
        return None


def _keep_alive(_kind: str, rest: bytes, content: bytes, _unit_id: str) -> Said:
    """LK, or LK,steps,tumbles,battery: readings without a place."""
    fields = text(rest).split(",")
    if len(fields) < 3:
        return Heartbeat(), b"LK"
    readings: Readings = {}
    if (steps := _whole(fields, 0)) is not None:
        readings["steps"] = steps
    if (battery := finite_at(fields, 2)) is not None:
        readings["battery_pct"] = battery
    tumbles = _whole(fields, 1)
    other: dict[str, object] = {"tumbles": tumbles} if tumbles else {}
    return Report(readings=readings, other=other, record=content), b"LK"


def _first_words(_kind: str, _rest: bytes, _content: bytes, unit_id: str) -> Said:
    return Login(unit_id=unit_id), b"INIT,1"


def _configuration(_kind: str, _rest: bytes, _content: bytes, _unit_id: str) -> Said:
    return Heartbeat(), b"CONFIG,1"


def _asks_for_voice(kind: str, _rest: bytes, _content: bytes, _unit_id: str) -> Said:
    return Heartbeat(), kind.encode()


def _voice(_kind: str, rest: bytes, content: bytes, _unit_id: str) -> Said:
    """TK with sound is a message from the wearer; TK,1 says that ours was heard."""
    if len(rest) <= 2:
        return CommandReply(text=text(content)), b""
    return Report(other={"voice_bytes": _plain_size(rest)}, record=content), b"TK,1"


def _voice_in_parts(kind: str, rest: bytes, _content: bytes, _unit_id: str) -> Said:
    """JXTK,type,file,part,parts,sound: all parts in one go, one answer, to the first."""
    first = rest.split(b",", 4)[2:3] == [b"1"]
    return Unknown(kind=kind), b"JXTKR,1" if first else b""


def _picture(_kind: str, rest: bytes, content: bytes, _unit_id: str) -> Said:
    """img,type,time,picture."""
    picture = rest.split(b",", 2)[-1]
    return Report(other={"picture_bytes": _plain_size(picture)}, record=content), b""


def _vitals(kind: str, rest: bytes, content: bytes, unit_id: str) -> Said:
    """What the watch measured on the wearer; without figures it obeys a command."""
    fields = text(rest).split(",")
    values = (
        (name, finite_at(fields, at)) for at, name in enumerate(_VITALS[kind.lower()]) if name
    )
    other: dict[str, object] = {name: value for name, value in values if value is not None}
    if not other:
        return _reply(kind, rest, content, unit_id)
    return Report(other=other, record=content), b""


def _reply(kind: str, _rest: bytes, content: bytes, _unit_id: str) -> Said:
    if _COMMAND_WORD.match(kind):
        return CommandReply(text=text(content)), b""
    return Unknown(kind=kind[:20]), b""


def _plain_size(data: bytes) -> int:
    """Bytes of a voice or picture once ``}`` and its five escapes are undone."""
    return len(data) - len(_ESCAPED.findall(data))


_KINDS: dict[str, Callable[[str, bytes, bytes, str], Said]] = {
    "LK": _keep_alive,
    "INIT": _first_words,
    "CONFIG": _configuration,
    "TKQ": _asks_for_voice,
    "TKQ2": _asks_for_voice,
    "TK": _voice,
    "JXTK": _voice_in_parts,
    "img": _picture,
    **{kind: _vitals for word in _VITALS for kind in (word, word.upper())},
}


def _maker_for_commands(peer: Peer) -> str:
    """The maker a watch obeys. Those that call themselves 3G listen to SG, as do most."""
    maker = peer.dialect[:2]
    return "SG" if maker in ("", "3G") else maker


def _frame(maker: str, peer: Peer, content: bytes) -> bytes:
    if not peer.unit_id:
        raise Unsupported("a watch obeys only its own name: it has not told us one yet")
    index = "0001*" if peer.dialect[2:] == "*" else ""
    return f"[{maker}*{peer.unit_id}*{index}{len(content):04x}*".encode() + content + b"]"


def _content(command: Command) -> str:
    match command:
        case Locate() | Reboot() | PowerOff():
            return _PLAIN_COMMANDS[type(command)]
        case ReportEvery(seconds=seconds) if 1 <= seconds <= 65535:
            return f"UPLOAD,{seconds}"
        case SetSosNumber(index=1 | 2 | 3 as index, phone=phone) if _PHONE.match(phone):
            return f"SOS{index},{phone}"
        case SetTimezone(minutes=minutes):
            return f"LZ,,{minutes / 60:+g}"
        case Custom(text=words) if words and not any(mark in words for mark in "[]\r\n\0"):
            return words
    reason = _LIMITS.get(type(command), "this cannot be said to a watch: try Custom in its words")
    raise Unsupported(reason)


_LIMITS: dict[type[Command], str] = {
    ReportEvery: "a watch reports every 1 to 65535 seconds: choose a number of seconds in between",
    SetSosNumber: "a watch has SOS numbers 1 to 3, of digits with at most a + before them",
    Custom: "a command to a watch is text without brackets and line ends, such as CR",
}


def _said(message: Message) -> str:
    match message:
        case Login():
            return "INIT"
        case Heartbeat():
            return "LK"
        case CommandReply(text=words) if _COMMAND_WORD.match(words):
            return words
        case Report():
            return _said_report(message)
        case _:
            raise Unsupported(f"a watch cannot say {message!r}")


def _said_report(report: Report) -> str:
    readings = report.readings
    unsayable = set(readings) - {"satellites", "rssi", "battery_pct", "steps", "motion"}
    if unsayable or readings.get("motion") is False:
        raise Unsupported(f"a watch cannot say {', '.join(sorted(unsayable)) or 'at rest'}")
    at = report.at or (report.fix.at if report.fix else None)
    if at is None and not report.signals and set(readings) == {"steps", "battery_pct"}:
        return f"LK,{readings['steps']},0,{readings['battery_pct']:g}"
    kind = "AL" if report.signals else "UD2" if report.buffered else "UD"
    place = _said_place(report.fix)
    state = [readings.get(name, "") for name in ("satellites", "rssi", "battery_pct", "steps")]
    fields = [
        f"{at:%d%m%y}" if at else "",
        f"{at:%H%M%S}" if at else "",
        *place,
        *(f"{value:g}" if isinstance(value, float) else str(value) for value in state),
        "0",
        f"{_said_status(report):08x}",
        *_said_network(report),
    ]
    return f"{kind},{','.join(fields)}"


def _said_place(fix: Fix | None) -> list[str]:
    if fix is None:
        return ["V", "", "N", "", "E", "", "", ""]
    motion = (fix.speed_kmh, fix.course_deg, fix.altitude_m)
    return [
        "A" if fix.valid else "V",
        f"{abs(fix.lat):.7f}",
        "S" if fix.lat < 0 else "N",
        f"{abs(fix.lon):.7f}",
        "W" if fix.lon < 0 else "E",
        *("" if value is None else f"{value:.2f}" for value in motion),
    ]


def _said_status(report: Report) -> int:
    """The bits for the signals; the alarm bit of each stands before its state bit."""
    status = _MOVING if report.readings.get("motion") else 0
    bits = {signal: bit for bit, signal in reversed(_SIGNALS)}
    for signal in report.signals - {Signal.UNSPECIFIED}:
        if signal not in bits:
            raise Unsupported(f"a watch cannot say {signal}")
        status |= bits[signal]
    if Signal.UNSPECIFIED in report.signals and len(report.signals) > 1:
        raise Unsupported("a watch says unspecified only when it names no other signal")
    return status


def _said_network(report: Report) -> list[str]:
    fields = [str(len(report.cells))]
    if report.cells:
        fields += ["255", str(report.cells[0].mcc), str(report.cells[0].mnc)]
    for cell in report.cells:
        level = "" if cell.rssi is None else str(-cell.rssi)
        fields += [str(cell.lac), str(cell.cid), level]
    fields.append(str(len(report.wifi)))
    for at, network in enumerate(report.wifi):
        fields += [f"AP{at}", network.mac, "" if network.rssi is None else str(network.rssi)]
    return fields


CODEC = Codec(
    name="watch",
    title="3G/SG/CS/ZJ wrist alarms",
    tells=(
        "fixes, battery, steps, towers, Wi-Fi; SOS, fall, removed, zones, also in plain positions"
    ),
    port=5093,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"[",),
    max_frame=66_000,
    commands=(Locate, ReportEvery, Reboot, PowerOff, SetSosNumber, SetTimezone, Custom),
)
