"""Queclink GL100, GT100 … GT301: pendants of before the GL200, whose words are others.

See: Queclink "GT300 @Track Air Interface Protocol". Text between commas, up to a NUL::

    +RESP:GTSOS,359231030000010,1,0,0,  0, 4.3,92,70.0,1,121.354335,31.222073,20090101000000,
          │     IMEI            │        │ speed, course, altitude, HDOP, place, time
          kind of report        number   0: the satellites were found
      0460,0000,18d8,6141,00, 11F0,0102120204 NUL
      MCC, MNC, area, cell    count, versions
    AT+GTHBD=HeartBeat,359231030000010,20090101000000,11F0,0102120204 NUL   the heartbeat

The document writes km/h; what is known from the field was read as knots, and so do we, unless the
option ``kmh`` says otherwise. Likewise 0, and not 1, stands for satellites that were found. The
letters of a report (SOS, EST …) are the codes of ``DeviceSettings.alarms``.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Fix,
    Heartbeat,
    Message,
    Report,
    Signal,
    Unknown,
)
from protocols.wire import finite, text

_HEADS = (b"+RESP:GT", b"+BUFF:GT", b"+ACK:GT", b"AT+GTHBD")
_LONGEST_HEAD = 8
_TIME = 14
_KMH_PER_KNOT = 1.852
_SAID_AGAIN_S = 3600

_SIGNALS = {"SOS": Signal.PANIC, "MSA": Signal.FALL, "NMR": Signal.NO_MOTION}
"""The button; a fall ("man saving"); nobody moved. GTEST and GTSZI, which only repeat a place
that crossed a speed or a zone, are left to ``DeviceSettings.alarms``."""


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes up to the NUL (or ``$``) that ends the frame; None: not all there yet.

    Raises Unframeable where no frame begins, and where another begins before the end.
    """
    if not buffer.startswith(_HEADS, start):
        seen = buffer[start : start + _LONGEST_HEAD]
        if any(head.startswith(seen) for head in _HEADS):
            return None
        raise Unframeable("no +RESP:GT or AT+GTHBD here")
    end = buffer.find(b"\0", start)
    dollar = buffer.find(b"$", start, end if end >= 0 else len(buffer))
    end = dollar if dollar >= 0 else end
    if end < 0:
        return None
    if any(buffer.find(head, start + 1, end) >= 0 for head in _HEADS):
        raise Unframeable("another frame begins before this one ends")
    return end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What a pendant said. Raises Malformed if there is no name in it.

    ``heard_at`` is not needed: the pendant names its own time.
    """
    del heard_at
    said = text(frame.rstrip(b"$\0"))
    if said.startswith("AT+GTHBD="):
        return _heartbeat(said.removeprefix("AT+GTHBD="), peer)
    fields = said.split(",")
    head, _, kind = fields[0].partition(":GT")
    if len(fields) < 2 or not (kind.isalnum() and fields[1].isalnum()):
        raise Malformed("a report without a name")
    peer = peer.named(fields[1])
    messages: tuple[Message, ...]
    if head == "+ACK":
        messages = (CommandReply(text=said),)
    else:
        messages = _reports(kind, fields, peer, buffered=head == "+BUFF")
    return Incoming(messages=messages, peer=peer)


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: these devices take their commands by SMS."""
    raise Unsupported(
        f"a GL100 takes no {type(command).__name__} over this connection: "
        "send it an SMS in the words of its manual"
    )


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame that a pendant called ``peer.unit_id`` would send. Raises Unsupported."""
    unit_id = peer.unit_id
    if not unit_id:
        raise Unsupported("a GL100 names itself in every frame: give the peer a unit_id")
    match message:
        case Heartbeat():
            return f"AT+GTHBD=HeartBeat,{unit_id},20260101000000,11F0,0102120204\0".encode()
        case Report():
            return _said(message, unit_id)
    raise Unsupported(f"a GL100 never says a {type(message).__name__} by itself")


def _heartbeat(said: str, peer: Peer) -> Incoming:
    """Its words come back without the versions, and the line stays open."""
    fields = said.split(",")
    if len(fields) < 4 or not fields[1].isalnum():
        raise Malformed("a heartbeat without a name")
    ack = f"+RESP:GTHBD,GPRS ACTIVE,{','.join(fields[:4])}\0".encode()
    return Incoming(messages=(Heartbeat(),), ack=ack, peer=peer.named(fields[1]))


def _reports(
    kind: str, fields: Sequence[str], peer: Peer, *, buffered: bool
) -> tuple[Message, ...]:
    """One report for each time that stands behind two coordinates; an alarm even without one."""
    usual = _SIGNALS.get(kind)
    signals = peer.settings.meaning(kind, frozenset() if usual is None else frozenset({usual}))
    places = [
        at
        for at in range(8, len(fields))
        if len(fields[at]) == _TIME
        and fields[at].isdecimal()
        and "." in fields[at - 1]
        and "." in fields[at - 2]
    ]
    if not places and not signals:
        return (Unknown(kind=kind),)
    if not places:
        return (
            Report(
                signals=signals,
                buffered=buffered,
                other={"report": kind},
                # With no time in it, only the count tells the next alarm from this one again.
                record=f"{kind},{','.join(fields[2:])}".encode(),
                again_s=_SAID_AGAIN_S,
            ),
        )
    factor = 1.0 if peer.settings.flag("kmh", usual=False) else _KMH_PER_KNOT
    last = places[-1]
    return tuple(
        _report(
            kind,
            fields,
            at,
            signals=signals if at == last else frozenset(),
            factor=factor,
            buffered=buffered,
        )
        for at in places
    )


def _report(
    kind: str,
    fields: Sequence[str],
    time: int,
    *,
    signals: frozenset[Signal],
    factor: float,
    buffered: bool,
) -> Report:
    at = _moment(fields[time])
    hdop = finite(fields[time - 3])
    return Report(
        fix=None if at is None else _fix(fields, time, at, factor),
        at=at,
        signals=signals,
        readings={} if hdop is None else {"hdop": hdop},
        cells=_cell(fields[time + 1 : time + 5]),
        buffered=buffered,
        other={"report": kind},
        record=f"{kind},{','.join(fields[time - 7 : time + 5])}".encode(),
    )


def _fix(fields: Sequence[str], time: int, at: datetime, factor: float) -> Fix | None:
    speed, lat, lon = (finite(fields[time - back]) for back in (6, 1, 2))
    if lat is None or lon is None:
        return None
    try:
        return Fix(
            at=at,
            lat=lat,
            lon=lon,
            valid=fields[time - 7] == "0",
            speed_kmh=None if speed is None else round(speed * factor, 3),
            course_deg=finite(fields[time - 5]),
            altitude_m=finite(fields[time - 4]),
        )
    except ValueError:
        return None


def _moment(said: str) -> datetime | None:
    """YYYYMMDDHHMMSS as UTC; None if no such moment exists."""
    try:
        day = int(said[:4]), int(said[4:6]), int(said[6:8])
        return datetime(*day, int(said[8:10]), int(said[10:12]), int(said[12:]), tzinfo=UTC)
    except ValueError:
        return None


def _cell(fields: Sequence[str]) -> tuple[CellTower, ...]:
    """MCC and MNC in digits, area and cell in hexadecimal; nothing where one is missing."""
    if len(fields) < 4 or not all(0 < len(field) <= 8 for field in fields):
        return ()
    try:
        mcc, mnc = int(fields[0]), int(fields[1])
        lac, cid = int(fields[2], 16), int(fields[3], 16)
    except ValueError:
        return ()
    return (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),)


def _said(report: Report, unit_id: str) -> bytes:
    kinds = {signal: kind for kind, signal in _SIGNALS.items()}
    if len(report.signals) > 1 or not report.signals <= set(kinds):
        raise Unsupported("a GL100 report is one of: a place, the button, a fall, no movement")
    if set(report.readings) - {"hdop"}:
        raise Unsupported("a GL100 report says a place and no readings but the hdop")
    kind = next((kinds[signal] for signal in report.signals), "TRI")
    head = "+BUFF" if report.buffered else "+RESP"
    fix = report.fix
    if fix is None:
        if not report.signals:
            raise Unsupported("a GL100 reports a place: give the report a fix or an alarm")
        return f"{head}:GT{kind},{unit_id},0,0,0,1,,,,,,,,,,,00,11F0,0102120204\0".encode()
    speed = 0.0 if fix.speed_kmh is None else fix.speed_kmh / _KMH_PER_KNOT
    place = (
        f"{0 if fix.valid else 1},{speed:.3f},{fix.course_deg or 0:g},{fix.altitude_m or 0:g},"
        f"{report.readings.get('hdop', 1)},{fix.lon:.6f},{fix.lat:.6f},{fix.at:%Y%m%d%H%M%S}"
    )
    cell = "0206,0010,0beb,5001,00"
    return f"{head}:GT{kind},{unit_id},1,0,0,{place},{cell},11F0,0102120204\0".encode()


CODEC = Codec(
    name="gl100",
    title="Queclink GL100 and GT300",
    tells="fixes, precision, towers; SOS, fall, no motion",
    port=5003,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=_HEADS,
    max_frame=4096,
    options={"kmh": "the speed is in km/h, as the maker's document has it, and not in knots"},
)
