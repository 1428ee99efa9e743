"""The lines of version 1 that a device would send, for tests, demonstrations and load."""

from protocols.codec import Peer
from protocols.codecs.wialon.reports import ALARMS
from protocols.errors import Unsupported
from protocols.message import CommandReply, Fix, Heartbeat, Login, Message, Report, Signal

_WORDS: dict[Signal, str] = {
    signal: word for word, signal in reversed(ALARMS.items()) if word not in ("sos", "panic")
}


def simulate(message: Message, peer: Peer) -> bytes:
    """The line of version 1 that says ``message``. Raises Unsupported."""
    del peer
    match message:
        case Login(unit_id=unit_id):
            return f"#L#{unit_id};NA\r\n".encode()
        case Heartbeat():
            return b"#P#\r\n"
        case CommandReply(text=words) if words.isprintable():
            return f"#M#{words}\r\n".encode()
        case Report():
            return _said(message).encode()
    raise Unsupported("an unknown kind has no line")


def _said(report: Report) -> str:
    readings = report.readings
    if odd := set(readings) - {"satellites", "hdop", "battery_pct", "fuel", "ignition"}:
        raise Unsupported(f"Wialon IPS has no word of its own for {', '.join(sorted(odd))}")
    at = report.at or (report.fix.at if report.fix else None)
    signals = sorted(report.signals - {Signal.PANIC})
    if len(signals) > 1 or any(signal not in _WORDS for signal in signals):
        raise Unsupported("a report names its alarm button, and one alarm beside it")
    parameters = ["SOS:1:1"] if Signal.PANIC in report.signals else []
    parameters += [f"alarm:3:{_WORDS[signal]}" for signal in signals]
    if "battery_pct" in readings:
        parameters.append(f"bat:2:{readings['battery_pct']:g}")
    if "fuel" in readings:
        parameters.append(f"fuel:2:{readings['fuel']:g}")
    if "ignition" in readings:
        parameters.append(f"ignition:1:{readings['ignition']:d}")
    fields = [
        f"{at:%d%m%y}" if at else "NA",
        f"{at:%H%M%S}" if at else "NA",
        *_place(report.fix),
        str(readings.get("satellites", 9 if report.fix and report.fix.valid else 0)),
        f"{readings['hdop']:g}" if "hdop" in readings else "NA",
        *["NA"] * 4,
        ",".join(parameters) or "NA",
    ]
    kind = "B" if report.buffered else "D"
    return f"#{kind}#{';'.join(fields)}\r\n"


def _place(fix: Fix | None) -> list[str]:
    if fix is None:
        return ["NA"] * 7
    motion = (fix.speed_kmh, fix.course_deg, fix.altitude_m)
    return [
        _minutes(fix.lat, 2),
        "S" if fix.lat < 0 else "N",
        _minutes(fix.lon, 3),
        "W" if fix.lon < 0 else "E",
        *("NA" if value is None else f"{value:g}" for value in motion),
    ]


def _minutes(degrees: float, width: int) -> str:
    whole, millionths = divmod(round(abs(degrees) * 60_000_000), 60_000_000)
    return f"{whole:0{width}d}{millionths / 1_000_000:09.6f}"
