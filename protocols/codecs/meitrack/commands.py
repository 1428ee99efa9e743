"""What the platform asks of a Meitrack device, and what such a device would say."""

from datetime import UTC, datetime

from protocols.checksum import sum8
from protocols.codec import Peer
from protocols.codecs.meitrack.events import CARD_SHOWN, EVENTS
from protocols.errors import Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Immobilise,
    Locate,
    Message,
    Mobilise,
    Reboot,
    Report,
    ReportEvery,
    SetSosNumber,
)

_PLAIN: dict[type[Command], str] = {
    Locate: "A10",
    Reboot: "F02",
    # At any speed, the first output on or off, the others as they are.
    Immobilise: "C01,0,12222",
    Mobilise: "C01,0,02222",
}
_HEARTBEAT, _BY_TIME = 31, 35
_CODES = {signal: event for event, signal in reversed(EVENTS.items())}
_LONGEST = 65_535


def encode(command: Command, peer: Peer) -> bytes:
    """The line that carries ``command``. Raises Unsupported, and says why."""
    return line(b"@@", "A", peer.unit_id, _words(command))


def simulate(message: Message, peer: Peer) -> bytes:
    """The line a device called ``peer.unit_id`` would send. Raises Unsupported."""
    match message:
        case Heartbeat():
            empty = Fix(at=datetime(2020, 1, 1, tzinfo=UTC), lat=0, lon=0, valid=False)
            words = _report(Report(fix=empty, at=empty.at), _HEARTBEAT)
        case CommandReply(text=words):
            pass
        case Report(buffered=buffered):
            words = _report(message, _event(message))
            if buffered:
                words = "AFF,0001," + words.removeprefix("AAA,")
        case _:
            raise Unsupported(f"a Meitrack device cannot say {message!r}")
    return line(b"$$", "A", peer.unit_id, words)


def line(mark: bytes, flag: str, unit_id: str, words: str) -> bytes:
    """A line either way: mark, flag, size from the comma to its end, words and sum."""
    if not unit_id:
        raise Unsupported("a line names its device: give the peer a unit_id")
    said = f",{unit_id},{words}*".encode()
    if len(said) > _LONGEST:
        raise Unsupported("too long for a line")
    head = mark + f"{flag}{len(said) + 4}".encode() + said
    return head + b"%02X\r\n" % sum8(head)


def _words(command: Command) -> str:
    match command:
        case ReportEvery(seconds=seconds):
            tens = round(seconds / 10)
            if not 1 <= tens <= _LONGEST:
                raise Unsupported("a Meitrack device counts its interval in steps of 10 seconds")
            return f"A12,{tens}"
        case SetSosNumber(index=1, phone=phone):
            return f"A71,{phone}"
        case SetSosNumber():
            raise Unsupported("all three numbers are set at once: send Custom as A71,first,second")
        case Custom(text=words):
            if not words or not words.isascii() or "\n" in words:
                raise Unsupported("a command is one line of ASCII, as A12,6")
            return words
    plain = _PLAIN.get(type(command))
    if plain is None:
        raise Unsupported(
            f"a Meitrack device has no {type(command).__name__}: send its own words as Custom"
        )
    return plain


def _event(report: Report) -> int:
    if not report.signals:
        return CARD_SHOWN if "driver_id" in report.readings else _BY_TIME
    (signal, *others) = sorted(report.signals)
    if others or signal not in _CODES:
        raise Unsupported("a line of a Meitrack device tells of one event that it knows")
    return _CODES[signal]


def _report(report: Report, event: int) -> str:
    """AAA: Numbers are rounded to what the line holds."""
    at = report.at or (report.fix.at if report.fix else datetime(2020, 1, 1, tzinfo=UTC))
    fix = report.fix or Fix(at=at, lat=0, lon=0, valid=False)
    readings = report.readings
    voltages = "|".join(
        f"{round(readings[name] * 100):04X}" if name in readings else ""
        for name in ("battery_v", "power_v")
    )
    data = readings["driver_id"] if event == CARD_SHOWN else "00000001"
    return ",".join(
        (
            f"AAA,{event},{fix.lat:.6f},{fix.lon:.6f},{fix.at.astimezone(UTC):%y%m%d%H%M%S}",
            "A" if fix.valid and report.fix else "V",
            f"{readings.get('satellites', 8)},{readings.get('rssi', 20)}",
            f"{round(fix.speed_kmh or 0)},{round(fix.course_deg or 0)},{readings.get('hdop', 0.9)}",
            f"{round(fix.altitude_m or 0)},{round(readings.get('odometer_m', 0))},0",
            f"206|1|1234|00005678,0000,0000|0000|0000|{voltages},{data},,3,,",
        )
    )
