"""What can be said to a Suntech device, and the reports that one would send."""

import re

from protocols.codec import Peer
from protocols.codecs.suntech.codes import ALERTS, EMERGENCIES
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
    Signal,
)

UNIVERSAL = "universal"
_OLDEST = "SA200"
_LEGACY: dict[type[Command], str] = {
    Locate: "StatusReq",
    Reboot: "Reboot",
    Immobilise: "Enable1",
    Mobilise: "Disable1",
}
_UNIVERSAL: dict[type[Command], str] = {
    Locate: "03;01",
    Reboot: "03;03",
    Immobilise: "04;01",
    Mobilise: "04;02",
}
_WORDS = re.compile(r"[ -~]{1,200}")
_CODES = {signal: ("ALT", code) for code, signal in sorted(ALERTS.items(), reverse=True)} | {
    signal: ("EMG", code) for code, signal in sorted(EMERGENCIES.items(), reverse=True)
}
_SAYABLE = frozenset({"satellites", "odometer_m", "power_v", "battery_v", "ignition"})


def encode(command: Command, peer: Peer) -> bytes:
    """The line that carries ``command``. Raises Unsupported, and says why."""
    if not peer.unit_id:
        raise Unsupported("a Suntech device obeys only its own name: it has not told us one yet")
    universal = peer.dialect == UNIVERSAL
    words = (_UNIVERSAL if universal else _LEGACY).get(type(command))
    if isinstance(command, Custom) and _WORDS.fullmatch(command.text):
        words = command.text
    if words is None:
        raise Unsupported("this cannot be said to a Suntech device: try Custom in its own words")
    if universal:
        return f"CMD;{peer.unit_id};{words}\r".encode()
    return f"{peer.dialect or _OLDEST}CMD;{peer.unit_id};02;{words}\r".encode()


def simulate(message: Message, peer: Peer) -> bytes:
    """The line an ST300 called ``peer.unit_id`` would send. Raises Unsupported."""
    if not peer.unit_id:
        raise Unsupported("a Suntech device names itself in every report: give the peer a unit_id")
    match message:
        case Heartbeat():
            return f"ST300ALV;{peer.unit_id}\r".encode()
        case CommandReply(text=words) if _WORDS.fullmatch(words):
            return f"ST300CMD;Res;{peer.unit_id};{words}\r".encode()
        case Report():
            return _report(message, peer.unit_id).encode()
    raise Unsupported("a Suntech device has no line for this: it reports, or answers a command")


def _report(report: Report, unit_id: str) -> str:
    readings = report.readings
    if odd := set(readings) - _SAYABLE:
        raise Unsupported(f"an ST300 cannot say {', '.join(sorted(odd))}")
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("an ST300 dates every report: give it a time")
    kind, code = _code(report.signals)
    values = [readings.get(name, "") for name in ("satellites", "odometer_m", "power_v")]
    satellites, metres, volts = (f"{value:g}" if value != "" else "" for value in values)
    if metres:
        metres = f"{readings['odometer_m']:.0f}"
    valid = report.fix is not None and report.fix.valid
    lines = f"{int(bool(readings.get('ignition')))}00000" if "ignition" in readings else ""
    fields = [
        f"ST300{kind}",
        unit_id,
        "04",
        "706",
        f"{at:%Y%m%d}",
        f"{at:%H:%M:%S}",
        "080fd",
        *_place(report.fix),
        satellites,
        f"{valid:d}",
        metres,
        volts,
        lines,
        str(code),
    ]
    if kind == "STT":
        fields.append("0001")
    if "battery_v" in readings:
        fields += ["000207", f"{readings['battery_v']:.1f}", f"{not report.buffered:d}"]
    return ";".join(fields) + "\r"


def _code(signals: frozenset[Signal]) -> tuple[str, int]:
    if not signals:
        return "STT", 1
    if len(signals) > 1:
        raise Unsupported("a Suntech report holds one code, so it says one signal")
    (signal,) = signals
    if signal not in _CODES:
        raise Unsupported(f"a Suntech device has no code that means {signal}")
    return _CODES[signal]


def _place(fix: Fix | None) -> list[str]:
    if fix is None:
        return ["", "", "", ""]
    motion = (fix.speed_kmh, fix.course_deg)
    return [
        f"{fix.lat:+010.6f}",
        f"{fix.lon:+011.6f}",
        *("" if value is None else f"{value:07.3f}" for value in motion),
    ]
