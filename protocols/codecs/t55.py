"""Modems and boxes that send bare NMEA sentences: T55, Sierra Wireless, CradlePoint, Falcom.

See: NMEA 0183, and what the makers added: Sierra Wireless "AirLink GPS reports" (PSIWMDID),
CradlePoint "NMEA sentences" (PCPTI), Dogtrace TRCCR, the T55 manual (GPFID, GPIOP).

A frame is one line. The unit says its name once, in a sentence of its maker's invention or
alone on the line, or before every sentence::

    $PGID,359853000144328*0F
    $GPRMC,094907.000,A,6000.5332,N,03020.5192,E,1.17,60.26,091111,,*33
    990000561287964,$GPRMC,213516.0,A,4337.216791,N,11611.995877,W,0.0,335.4,181214,,,A*72

Checksums are not verified: units in the field send 00, half a checksum, or that of a sentence
they have since lengthened. GGA and GLL name no date: it is the one that brings them nearest to
the time they were heard. Panic inputs are those of GPIOP, the leftmost digit being input 1.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unsupported
from protocols.message import (
    Command,
    Fix,
    Heartbeat,
    Login,
    Message,
    Readings,
    Report,
    Unknown,
)
from protocols.nmea import KMH_OF_A_KNOT, angle, moment, number, rmc, sentence, written_rmc
from protocols.settings import DeviceSettings
from protocols.wire import text

_LONGEST_LINE = 1024
_SEPARATORS = re.compile(r"[,;:/|\s]+")
_NAME = re.compile(r"[0-9A-Za-z_\-]{4,32}\Z")
_SAYS_ITS_NAME = re.compile(r"(?:IMEI|ID|DEVID|SN)[ =:,]+([0-9A-Za-z\-]{4,32})\Z", re.IGNORECASE)
_NAMES = frozenset({"PSIWMDID", "DEVID", "GPFID", "PGID", "GPID", "PCPTI", "CONNECT"})
_HALF_A_DAY = timedelta(hours=12)
_NOTHING_YET = Report()
"""What can be read of a receiver that has not seen the sky since it woke: that it is alive."""


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the line that starts there, its end included; None: not all there yet."""
    end = buffer.find(b"\n", start)
    return None if end < 0 else end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one line says. Raises Malformed for a line that is neither name nor sentence."""
    line = text(frame).strip()
    before, dollar, words = line.partition("$")
    if not dollar:
        return _name_alone(line, peer)
    named = _named_before(before, peer)
    body, _, tail = words.partition("*")
    kind, _, rest = body.partition(",")
    fields = rest.split(",")
    if kind in _NAMES or kind.startswith("IMEI="):
        unit_id = fields[0] if kind in _NAMES else kind[5:]
        if not unit_id:
            raise Malformed(f"{kind} without a name")
        return Incoming(messages=(Login(unit_id=unit_id),), peer=named.named(unit_id))
    if kind == "GPTXT":
        return _network(fields, line, named)
    # Two letters say which satellites: GP, GN, BD, GA … and three what the sentence says.
    telling = _SENTENCES.get(kind[2:] if len(kind) == 5 and kind != "TRCCR" else kind)
    if telling is None:
        return Incoming(messages=(Unknown(kind=kind[:20]),), peer=named)
    report = telling(fields, heard_at, peer.settings)
    if report == _NOTHING_YET:
        return Incoming(messages=(Heartbeat(),), peer=named)
    if "," in tail and kind.endswith("RMC"):
        report, named = _lengthened(report, tail.split(","), named)
    return Incoming(messages=(replace(report, record=line.encode()),), peer=named)


def encode(command: Command, peer: Peer) -> bytes:
    """Nothing: these units listen to their maker's own program only. Raises Unsupported."""
    del command, peer
    raise Unsupported("such a unit takes no commands on this line: configure it with its own tool")


def simulate(message: Message, peer: Peer) -> bytes:
    """The line that says ``message``. Raises Unsupported for what NMEA cannot say."""
    del peer
    match message:
        case Login(unit_id=unit_id):
            return f"{sentence(f'PGID,{unit_id}')}\r\n".encode()
        case Report(fix=Fix() as fix) if not message.signals and not message.readings:
            return f"{sentence(f'GPRMC,{written_rmc(fix)},,,A')}\r\n".encode()
    raise Unsupported("an NMEA unit says its name and fixes, and nothing else")


def _name_alone(line: str, peer: Peer) -> Incoming:
    """``359853000144328`` or ``IMEI 359853000144328``."""
    said = _SAYS_ITS_NAME.match(line)
    if said is None and _NAME.match(line) is None:
        raise Malformed("neither a name nor a sentence")
    unit_id = said[1] if said is not None else line
    return Incoming(messages=(Login(unit_id=unit_id),), peer=peer.named(unit_id))


def _named_before(before: str, peer: Peer) -> Peer:
    """The peer, by the last word before the sentence if there is one."""
    words = [word for word in _SEPARATORS.split(before) if word] if before else []
    return peer.named(words[-1]) if words and _NAME.match(words[-1]) else peer


def _network(fields: Sequence[str], line: str, peer: Peer) -> Incoming:
    """``NET,name,operator,dBm,mcc mnc``; any other GPTXT is talk of the receiver."""
    if fields[0] != "NET" or len(fields) < 5:
        return Incoming(messages=(Unknown(kind="GPTXT"),), peer=peer)
    mcc, _, mnc = fields[4].partition(" ")
    report = Report(
        readings={"rssi": int(fields[3][:6])},
        other={"operator": fields[2], "mcc": int(mcc[:4]), "mnc": int(mnc[:4])},
        record=line.encode(),
    )
    return Incoming(messages=(report,), peer=peer.named(fields[1]))


def _rmc(fields: Sequence[str], _heard_at: datetime, settings: DeviceSettings) -> Report:
    fix, at = rmc(fields, settings)
    return Report(fix=fix, at=at)


def _gga(fields: Sequence[str], heard_at: datetime, settings: DeviceSettings) -> Report:
    """Clock, latitude, N, longitude, E, quality, satellites, HDOP, altitude, M …"""
    if len(fields) < 9:
        raise Malformed(f"a GGA wants 9 fields and more, not {len(fields)}")
    if not fields[1]:
        return _NOTHING_YET
    readings: Readings = {}
    if fields[6].isdecimal():
        readings["satellites"] = int(fields[6][:3])
    if (hdop := number(fields[7])) is not None:
        readings["hdop"] = hdop
    at = _nearest(fields[0], heard_at, settings)
    fix = _place(fields[1:5], at, valid=fields[5] not in ("", "0"), altitude_m=number(fields[8]))
    return Report(fix=fix, at=at, readings=readings)


def _gll(fields: Sequence[str], heard_at: datetime, settings: DeviceSettings) -> Report:
    """Latitude, N, longitude, E, clock, A or V."""
    if len(fields) < 6:
        raise Malformed(f"a GLL wants 6 fields, not {len(fields)}")
    at = _nearest(fields[4], heard_at, settings)
    return Report(fix=_place(fields[:4], at, valid=fields[5] == "A"), at=at)


def _rma(fields: Sequence[str], heard_at: datetime, _settings: DeviceSettings) -> Report:
    """A or V, latitude, N, longitude, E, two of Loran, knots, course. It names no time."""
    if len(fields) < 9:
        raise Malformed(f"an RMA wants 9 fields and more, not {len(fields)}")
    fix = _place(
        fields[1:5],
        heard_at,
        valid=fields[0] == "A",
        knots=number(fields[7]),
        course_deg=number(fields[8]),
    )
    return Report(fix=fix)


def _trccr(fields: Sequence[str], _heard_at: datetime, settings: DeviceSettings) -> Report:
    """``yyyymmddhhmmss.sss``, A or V, degrees, degrees, knots, course, altitude, volts."""
    if len(fields) < 8:
        raise Malformed(f"a TRCCR wants 8 fields, not {len(fields)}")
    stamp = fields[0]
    at = moment(stamp[6:8] + stamp[4:6] + stamp[2:4], stamp[8:], settings)
    readings: Readings = {}
    if (volts := number(fields[7])) is not None:
        readings["battery_v"] = volts
    knots = number(fields[4])
    fix = None
    if at is not None:
        try:
            fix = Fix(
                at=at,
                lat=float(fields[2]),
                lon=float(fields[3]),
                valid=fields[1] == "A",
                speed_kmh=None if knots is None else knots * KMH_OF_A_KNOT,
                course_deg=number(fields[5]),
                altitude_m=number(fields[6]),
            )
        except ValueError:
            fix = None
    return Report(fix=fix, at=at, readings=readings)


def _iop(fields: Sequence[str], _heard_at: datetime, settings: DeviceSettings) -> Report:
    """Inputs and outputs as digits, input 1 leftmost, then volts: analogue, supply, battery."""
    if len(fields) < 2 or not set(fields[0]) <= {"0", "1"} or len(fields[0]) > 16:
        raise Malformed("a GPIOP begins with its inputs, as digits 0 and 1")
    active = sum(1 << at for at, digit in enumerate(fields[0]) if digit == "1")
    readings: Readings = {}
    if len(fields) > 3 and (volts := number(fields[3])) is not None:
        readings["power_v"] = volts
    if len(fields) > 4 and (volts := number(fields[4])) is not None:
        readings["battery_v"] = volts
    return Report(
        signals=settings.inputs(active),
        readings=readings,
        other={"inputs": fields[0], "outputs": fields[1][:16]},
    )


_SENTENCES: dict[str, Callable[[Sequence[str], datetime, DeviceSettings], Report]] = {
    "RMC": _rmc,
    "GGA": _gga,
    "GLL": _gll,
    "RMA": _rma,
    "IOP": _iop,
    "TRCCR": _trccr,
}


def _place(
    fields: Sequence[str],
    at: datetime | None,
    *,
    valid: bool,
    altitude_m: float | None = None,
    knots: float | None = None,
    course_deg: float | None = None,
) -> Fix | None:
    """Latitude, N or S, longitude, E or W; None if that is no place or has no time."""
    if at is None:
        return None
    try:
        return Fix(
            at=at,
            lat=angle(fields[0], fields[1]),
            lon=angle(fields[2], fields[3]),
            valid=valid,
            altitude_m=altitude_m,
            speed_kmh=None if knots is None else knots * KMH_OF_A_KNOT,
            course_deg=course_deg,
        )
    except ValueError:
        return None


def _nearest(clock: str, heard_at: datetime, settings: DeviceSettings) -> datetime | None:
    """A time of day on the date that brings it nearest to when it was heard."""
    local = heard_at.astimezone(settings.zone())
    at = moment(f"{local:%d%m%y}", clock, settings)
    if at is None:
        return None
    if at - heard_at > _HALF_A_DAY:
        return at - 2 * _HALF_A_DAY
    if heard_at - at > _HALF_A_DAY:
        return at + 2 * _HALF_A_DAY
    return at.astimezone(UTC)


def _lengthened(report: Report, tail: Sequence[str], peer: Peer) -> tuple[Report, Peer]:
    """Behind the checksum: satellites, IMEI, ignition, fuel, volts, five analogue inputs."""
    if len(tail) < 6 or _NAME.match(tail[2]) is None:
        return report, peer
    readings: Readings = {"ignition": tail[3] == "1"}
    if tail[1].isdecimal():
        readings["satellites"] = int(tail[1][:3])
    if (fuel := number(tail[4])) is not None:
        readings["fuel"] = fuel
    if (volts := number(tail[5])) is not None:
        readings["battery_v"] = volts
    analogue: dict[str, object] = {f"analogue_{at}": word for at, word in enumerate(tail[6:16], 1)}
    return replace(report, readings=readings, other=analogue), peer.named(tail[2])


CODEC = Codec(
    name="t55",
    title="T55 and modems that send NMEA",
    tells="fixes from RMC, GGA, GLL, RMA and TRCCR; satellites, battery, ignition, fuel, inputs",
    port=5005,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    transports=("tcp", "udp"),
    max_frame=_LONGEST_LINE,
)
