"""GlobalSat TR-203, TR-206, TR-600, GTR-128 and GTR-388; TR-102 and TR-151 of before.

See: GlobalSat "TR-206 Development Document", 2.5 and 2.6, "TR-600 Development Document" and
"TR-151 Call Center Development Document", 3.2. Text up to an exclamation mark::

    GSr,135785412249986,4,6,00,,3,230410,153318,E12129.2839,N2459.8570,0,1.17,212,8,1.0,53*57!
        S               O R P  Z A B             2           7          G H    K   L M   N  sum
    GSh,131826789036289,3,M,ea04*3d!
    $355632004245866,1,1,040202,093633,E12129.2252,N2459.8891,00161,0.0100,147,07,2.4!
     unit            why fix date  time  longitude  latitude  metres knots course sats hdop

Which letters a report has is set on the device; ``columns`` of the settings repeats it in the
maker's notation (``TSPRXAB27GHKLMmnaictuvw*U!``). Without it, or where it does not fit the
frame, we look for the place, which has a shape of its own, and count from there. An alarm code
of the settings is ``bit`` and the number of the bit in P (``bit0`` is the SOS), or ``mode`` and
the first number of a ``$`` frame (``mode5``).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from protocols import nmea
from protocols.checksum import xor8
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Corrupt, Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Message,
    Readings,
    Report,
    Signal,
    Unknown,
)
from protocols.wire import text

_HEADS = (b"GS", b"$")
_LONGITUDE = re.compile(r"[EW][0-9]{5}\.[0-9]+\Z")
_UNIT = re.compile(r"[0-9]{14,16}\Z")

_ALARM_BITS: Mapping[int, Signal] = {
    0: Signal.PANIC,
    3: Signal.ZONE_ALERT,
    4: Signal.ZONE_ALERT,
    5: Signal.OVERSPEED,
    6: Signal.POWER_CUT,
}
# The two hexadecimal digits of a pocket tracker; the four of a vehicle unit do not mean these.
_POCKET_BITS: Mapping[int, Signal] = {
    **_ALARM_BITS,
    1: Signal.PARKING,
    2: Signal.SLEEP,
    7: Signal.LOW_BATTERY,
}
_MODES: Mapping[str, Signal] = {
    "5": Signal.PANIC,
    "11": Signal.ZONE_ALERT,
    "14": Signal.LOW_BATTERY,
    "18": Signal.PARKING,
    "23": Signal.ZONE_ALERT,
}
# A place with three fields before it (fix, date, time) and six behind (metres … dilution).
_AROUND_A_PLACE = "AB27GHKLM"


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes of the frame at ``start``, line ends before it included; None: not all there yet."""
    at = start
    while at < len(buffer) and buffer[at] in b"\r\n\0 ":
        at += 1
    if not any(head.startswith(buffer[at : at + len(head)]) for head in _HEADS):
        raise Unframeable("no GS and no $ here")
    end = buffer.find(b"!", at)
    if buffer.find(b"$", at + 1, end if end >= 0 else len(buffer)) >= 0:
        raise Unframeable("another frame begins before this one ends")
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a device said. Raises Corrupt if its checksum is wrong.

    ``heard_at`` is not needed: no answer names the time.
    """
    del heard_at
    said = frame.strip(b"\r\n\0 ").removesuffix(b"!")
    if said[:1] == b"$":
        return _old(text(said[1:]), peer)
    content, star, digits = said.rpartition(b"*")
    if not star or digits.upper() != b"%02X" % xor8(content):
        raise Corrupt("the checksum is wrong or absent")
    words = text(content)
    kind, _, rest = words.partition(",")
    match kind:
        case "GSr" | "GSb":
            return _report(rest, peer)
        case "GSh":
            return _short(rest, peer)
        case "GSs" | "GSg":
            reply = CommandReply(text=words)
            return Incoming(
                messages=(reply,), ack=b"ACK\r", peer=_named(rest.split(",")[:2], peer)[1]
            )
    return Incoming(messages=(Unknown(kind=kind[:20]),), ack=b"ACK\r")


def encode(command: Command, peer: Peer) -> bytes:
    """``GSC``, the name of the device, its own words. Raises Unsupported, and says why."""
    match command:
        case Custom(text=words) if words.isascii() and words.isprintable() and "!" not in words:
            if not peer.unit_id:
                raise Unsupported("a GlobalSat obeys only its own name: it has not told us yet")
            return _sealed(f"GSC,{peer.unit_id},{words}")
    raise Unsupported("a GlobalSat is told by Custom in its own codewords, such as Lo(1,1)")


def simulate(message: Message, peer: Peer) -> bytes:
    """The report a TR-206 called ``peer.unit_id`` would send. Raises Unsupported."""
    if not isinstance(message, Report) or _UNIT.match(peer.unit_id) is None:
        raise Unsupported(f"a GlobalSat sends reports under its IMEI, not {message!r}")
    return _sealed(f"GSr,{peer.unit_id},4,6,{_said_alarm(message.signals)},,{_said(message)}")


def _sealed(content: str) -> bytes:
    return f"{content}*{xor8(content.encode()):02x}!".encode()


def _named(fields: Sequence[str], peer: Peer) -> tuple[int, Peer]:
    """Where the IMEI stands, first or behind the model, and the peer of that name."""
    for at, field in enumerate(fields[:2]):
        if _UNIT.match(field):
            return at, peer.named(field)
    raise Malformed("no IMEI in the first two fields")


# --- reports in columns ---------------------------------------------------------


def _report(rest: str, peer: Peer) -> Incoming:
    listed, _, quoted = rest.partition('"')
    fields = listed.rstrip(",").split(",")
    unit_at, named = _named(fields, peer)
    values = _by_column(fields, unit_at, peer.settings.columns)
    report = _meaning(values, _towers(values, quoted), rest, named)
    return Incoming(messages=(report,), ack=b"ACK\r", peer=named)


def _by_column(fields: Sequence[str], unit_at: int, columns: str) -> dict[str, str]:
    """The fields under the letters of their columns, as set or as the frame itself shows."""
    if columns:
        letters = _letters(columns)
        if letters.index("S") == unit_at if "S" in letters else False:
            return dict(zip(letters, fields, strict=False))
    place = next(
        (at for at in range(unit_at + 4, len(fields) - 1) if _LONGITUDE.match(fields[at])),
        0,
    )
    values: dict[str, str] = {}
    if place:
        values = dict(zip(_letters(_AROUND_A_PLACE), fields[place - 3 :], strict=False))
    # A report without a place may still be an SOS.
    before = fields[unit_at + 1 : place - 3 if place else None]
    states = [field for field in before if len(field) in {2, 4}]
    values["P"] = states[0] if states else ""
    values["X"] = states[1] if len(states) > 1 and len(states[1]) == 4 else ""
    values["Z"] = next((field for field in before if field[:1] in ("I", "O")), "")
    if not place:
        return values
    behind = fields[place + 7 :]
    volts = [field for field in behind[:2] if field.endswith("mV")]
    if len(volts) == 2 or (volts and volts[0] == behind[0]):
        values["m"] = volts[0]
        values["n"] = behind[1] if len(behind) > 1 else ""
    elif behind:
        values["n"] = behind[0]
    return values


@cache
def _letters(columns: str) -> tuple[str, ...]:
    """One letter for each field; B is a date and a time, so its second field is called b+."""
    letters = columns.partition("*")[0].replace(",", "")[:60]
    return tuple(
        name for letter in letters for name in ((letter, "b+") if letter == "B" else letter)
    )


def _meaning(
    values: Mapping[str, str], cells: tuple[CellTower, ...], rest: str, peer: Peer
) -> Report:
    at = nmea.moment(values.get("B", ""), values.get("b+", ""), peer.settings)
    state = _hexadecimal(values.get("Y", "")) or _hexadecimal(values.get("X", ""))
    signals = _signals(values.get("P", ""), values.get("Z", ""), peer)
    readings: Readings = {}
    if len(values.get("L", "")) in {1, 2} and values["L"].isdecimal():
        readings["satellites"] = int(values["L"])
    if (dilution := nmea.number(values.get("M", ""))) is not None:
        readings["hdop"] = dilution
    _read_power(values, readings)
    if state is not None:
        readings["charging"] = bool(state >> 15 & 1)
        readings["ignition"] = bool(state >> 13 & 1)
        readings["motion"] = bool(state >> 7 & 1)
        signals |= peer.settings.inputs(state & 0xF)
    known = {"alarm_status": values.get("P", ""), "status": state, "report": values.get("R", "")}
    return Report(
        fix=_fix(at, values),
        at=at,
        signals=signals,
        readings=readings,
        cells=cells,
        other={name: value for name, value in known.items() if value not in {"", None}},
        record=rest.encode(),
    )


def _signals(alarm: str, zone: str, peer: Peer) -> frozenset[Signal]:
    """Every bit of P that is set; Z tells whether a zone was entered or left."""
    bits = _hexadecimal(alarm) if len(alarm) in {2, 4} else None
    if not bits:
        return frozenset()
    usual = _POCKET_BITS if len(alarm) == 2 else _ALARM_BITS
    found: set[Signal] = set()
    for bit in range(bits.bit_length()):
        if bits >> bit & 1:
            means = frozenset({usual[bit]}) if bit in usual else frozenset[Signal]()
            found |= peer.settings.meaning(f"bit{bit}", means)
    if Signal.ZONE_ALERT in found and zone[:1] in {"I", "O"}:
        found.remove(Signal.ZONE_ALERT)
        found.add(Signal.ZONE_ENTERED if zone[0] == "I" else Signal.ZONE_LEFT)
    return frozenset(found)


def _read_power(values: Mapping[str, str], readings: Readings) -> None:
    """Mains and battery as 12380mV, or the battery as 60% or a bare 60."""
    if (mains := nmea.number(values.get("m", "").removesuffix("mV"))) is not None:
        readings["power_v"] = mains / 1000
    for name in ("n", "N"):
        said = values.get(name, "")
        if said.endswith("mV") and (battery := nmea.number(said[:-2])) is not None:
            readings["battery_v"] = battery / 1000
        elif (share := nmea.number(said.removesuffix("%"))) is not None:
            readings["battery_pct"] = share


def _towers(values: Mapping[str, str], quoted: str) -> tuple[CellTower, ...]:
    """From t, u, v and w, or from z: each tower in quotes, its level last."""
    if {"t", "u", "v", "w"} <= values.keys():
        return _tower(values["t"], values["u"], values["v"], values["w"], values.get("c", ""))
    found: list[CellTower] = []
    for each in quoted.split('"')[:16]:
        parts = each.split(",")
        if len(parts) >= 6:
            found += _tower(parts[0], parts[1], parts[2], parts[3], parts[5])
    return tuple(found)


def _tower(mcc: str, mnc: str, lac: str, cid: str, level: str) -> tuple[CellTower, ...]:
    try:
        return (
            CellTower(
                mcc=int(mcc),
                mnc=int(mnc),
                lac=int(lac, 16),
                cid=int(cid, 16),
                rssi=-int(level) if level.isdecimal() else None,
            ),
        )
    except ValueError:
        return ()


def _short(rest: str, peer: Peer) -> Incoming:
    """Format 1 has no place. It may have P in front (SPAN) or not (SARY)."""
    fields = rest.split(",")
    unit_at, named = _named(fields, peer)
    values = {"P": fields[unit_at + 1] if len(fields) > unit_at + 1 else ""}
    signals = _signals(values["P"], "", named)
    message: Message = Heartbeat()
    if signals:
        readings: Readings = {}
        _read_power({"N": fields[-1]}, readings)
        message = Report(signals=signals, readings=readings, record=rest.encode())
    return Incoming(messages=(message,), ack=b"ACK\r", peer=named)


# --- the frames of before -------------------------------------------------------


def _old(content: str, peer: Peer) -> Incoming:
    """A ``$`` frame. What stands behind a star was no checksum in any we saw."""
    fields = content.replace("*", ",").split(",")
    unit_at, named = _named(fields[:1], peer)
    if len(fields) < unit_at + 7:
        # "$,OK!" and the like answer a command.
        reply = CommandReply(text=content)
        return Incoming(messages=(reply,), peer=named)
    mode = fields[1]
    values = dict(zip(_letters(_AROUND_A_PLACE), fields[2:], strict=False))
    at = nmea.moment(values["B"], values["b+"], named.settings)
    usual = frozenset({_MODES[mode]}) if mode in _MODES else frozenset[Signal]()
    readings: Readings = {}
    if values.get("L", "").isdecimal():
        readings["satellites"] = int(values["L"][:4])
    if (dilution := nmea.number(values.get("M", ""))) is not None:
        readings["hdop"] = dilution
    report = Report(
        fix=_fix(at, values),
        at=at,
        signals=named.settings.meaning(f"mode{mode}", usual),
        readings=readings,
        other={"mode": mode},
        record=content.encode(),
    )
    return Incoming(messages=(report,), peer=named)


# --- fields ---------------------------------------------------------------------


def _fix(at: datetime | None, values: Mapping[str, str]) -> Fix | None:
    """The place under 2 and 7, or 1 and 6 in degrees; None if it is not one."""
    lat = _degrees(values.get("7", values.get("6", "")), "S")
    lon = _degrees(values.get("2", values.get("1", "")), "W")
    if at is None or lat is None or lon is None or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    knots, kmh = nmea.number(values.get("H", "")), nmea.number(values.get("I", ""))
    return Fix(
        at=at,
        lat=lat,
        lon=lon,
        valid=values.get("A") != "1",
        altitude_m=nmea.number(values.get("G", "")),
        speed_kmh=kmh if knots is None else knots * nmea.KMH_OF_A_KNOT,
        course_deg=nmea.number(values.get("K", "")),
    )


def _degrees(said: str, negative: str) -> float | None:
    """Degrees as N2459.8570 or E12129.2839, or as N24.997617 or -24.997617."""
    side, digits = (said[:1], said[1:]) if said[:1] in {"N", "S", "E", "W"} else ("", said)
    try:
        if digits.find(".") in {4, 5}:
            return nmea.angle(digits, side)
    except ValueError:
        return None
    value = nmea.number(digits)
    return -value if value is not None and side == negative else value


def _hexadecimal(digits: str) -> int | None:
    try:
        return int(digits, 16) if 0 < len(digits) <= 4 else None
    except ValueError:
        return None


# --- simulation -----------------------------------------------------------------


def _said_alarm(signals: frozenset[Signal]) -> str:
    bits = 0
    for signal in signals:
        bit = next((bit for bit, means in _POCKET_BITS.items() if means is signal), None)
        if bit is None:
            raise Unsupported(f"a GlobalSat cannot say {signal}")
        bits |= 1 << bit
    return f"{bits:02x}"


def _said(report: Report) -> str:
    """The fields from A to N."""
    if unsayable := set(report.readings) - {"satellites", "hdop", "battery_pct"}:
        raise Unsupported(f"a GlobalSat cannot say {', '.join(sorted(unsayable))}")
    fix, at = report.fix, report.at or (report.fix.at if report.fix else None)
    place = ["E00000.0000", "N0000.0000", "0", "0.00", "0"]
    if fix is not None:
        lat, north = nmea.written_angle(fix.lat, "NS", width=2).split(",")
        lon, east = nmea.written_angle(fix.lon, "EW", width=3).split(",")
        place = [
            east + lon,
            north + lat,
            f"{fix.altitude_m or 0:g}",
            f"{(fix.speed_kmh or 0) / nmea.KMH_OF_A_KNOT:.2f}",
            f"{fix.course_deg or 0:g}",
        ]
    readings = report.readings
    fields = [
        "3" if fix is not None and fix.valid else "1",
        f"{at:%d%m%y}" if at else "000000",
        f"{at:%H%M%S}" if at else "000000",
        *place,
        str(readings.get("satellites", 0)),
        f"{readings.get('hdop', 0.0):g}",
        f"{readings['battery_pct']:g}" if "battery_pct" in readings else "",
    ]
    return ",".join(fields)


CODEC = Codec(
    name="globalsat",
    title="GlobalSat TR-151, TR-203, TR-206, TR-600, GTR-128, GTR-388",
    tells=(
        "fixes, battery, mains, ignition, towers, by any column list; "
        "SOS, mains cut, overspeed, zones, low battery"
    ),
    port=5043,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=_HEADS,
    max_frame=2048,
    commands=(Custom,),
)
