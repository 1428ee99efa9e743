"""What a social alarm would send: one request in a SIP MESSAGE."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b
from xml.sax.saxutils import escape

from protocols.codec import Peer
from protocols.errors import Unsupported
from protocols.message import Heartbeat, Login, Message, Report, Signal

_UNIT = re.compile(r"[!-~]{1,32}\Z")
_SIGNALS = {
    Signal.PANIC: ("ME", "0003", "0010"),
    Signal.FALL: ("ME", "0005", "0009"),
    Signal.NO_MOTION: ("ME", "0010", "0009"),
    Signal.LOW_BATTERY: ("ME", "0002", "0016"),
    Signal.POWER_CUT: ("ME", "0002", "0085"),
    Signal.POWER_RESTORED: ("RE", "0002", "0085"),
    Signal.TAMPER: ("ME", "0002", "0125"),
    Signal.FAULT: ("ME", "0002", "0067"),
    Signal.SOS_END: ("ME", "0002", "0093"),
}
_PING = ("PI", "0002", "0102")
_INFORMATION = ("IN", "0051", "0102")


def simulate(message: Message, peer: Peer) -> bytes:
    """The SIP message that the unit ``peer.unit_id`` would send. Raises Unsupported."""
    name = message.unit_id if isinstance(message, Login) else peer.unit_id
    if not _UNIT.match(name):
        raise Unsupported("give the peer a unit id of printable characters, 32 at most")
    match message:
        case Login():
            return _sip("REGISTER", name, b"", None)
        case Heartbeat():
            return _sip("MESSAGE", name, _mrq(name, _PING), None)
        case Report():
            at = message.fix.at if message.fix else message.at
            return _sip("MESSAGE", name, _mrq(name, _codes(message), _place(message)), at)
    raise Unsupported(f"no unit says {type(message).__name__} in SCAIP")


def _codes(report: Report) -> tuple[str, str, str]:
    if not report.signals:
        return _INFORMATION
    (signal, *more) = report.signals
    if more or signal not in _SIGNALS:
        raise Unsupported(f"SCAIP cannot say {', '.join(sorted(report.signals))} in one request")
    return _SIGNALS[signal]


def _place(report: Report) -> str:
    fix = report.fix
    if fix is None:
        return ""
    at = fix.at.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    return f"<lge><geo>{fix.lat:.6f},{fix.lon:.6f}</geo><tim>{at}</tim></lge>"


def _mrq(name: str, codes: tuple[str, str, str], place: str = "") -> bytes:
    kind, device, status = codes
    said = (
        f"<mty>{kind}</mty><cid>{escape(name)}</cid><dty>{device}</dty><stc>{status}</stc>{place}"
    )
    return f"<mrq><ref>{_mark(said)[:8]}</ref>{said}</mrq>".encode()


def _sip(method: str, name: str, body: bytes, at: datetime | None) -> bytes:
    mark = _mark(f"{method}{name}{body!r}{at}")
    lines = [
        f"{method} sip:arc@centre.example SIP/2.0",
        f"Via: SIP/2.0/TCP unit.example:5060;branch=z9hG4bK{mark}",
        f"From: <sip:{name}@unit.example>;tag={mark[:8]}",
        "To: <sip:arc@centre.example>",
        f"Call-ID: {mark}@unit.example",
        f"CSeq: 1 {method}",
        "Max-Forwards: 70",
    ]
    if at is not None:
        lines.append(f"Date: {format_datetime(at.astimezone(UTC), usegmt=True)}")
    if body:
        lines.append("Content-Type: application/scaip+xml")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "\r\n")).encode() + body


def _mark(about: str) -> str:
    """A token that is the same when the same is said again."""
    return blake2b(about.encode(), digest_size=8).hexdigest()
