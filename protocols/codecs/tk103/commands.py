"""What a TK103 tracker is told, and what one would have said."""

import re
from datetime import UTC, datetime

from protocols.codec import Peer
from protocols.codecs.tk103.reports import BO01_NUMBER, KIND_WITH_CELLS, KIND_WITH_PLACE
from protocols.errors import Unsupported
from protocols.message import (
    Command,
    Custom,
    Fix,
    Immobilise,
    Locate,
    Login,
    Message,
    Mobilise,
    Readings,
    Reboot,
    Report,
    ReportEvery,
    SetSosNumber,
)
from protocols.nmea import written_angle

OPTIONS = {"alternative": "is told everything as text messages, [begin]sms2,…,[end]"}

_PASSWORD = "123456"  # noqa: S105 — the factory's, which every manual prints
_PHONE = re.compile(r"\+?[0-9]{2,20}\Z")
_NAME_SIZE = 12
_SAYABLE = {"ignition", "charging", "odometer_m", "fuel"}
_NO_PLACE = Fix(at=datetime(2000, 1, 1, tzinfo=UTC), lat=0.0, lon=0.0, valid=False)


def encode(command: Command, peer: Peer) -> bytes:
    """The bytes that carry ``command``. Raises Unsupported, and says why."""
    if peer.settings.flag("alternative", usual=False):
        return f"[begin]sms2,{_text_message(command, peer)},[end]".encode()
    if not peer.unit_id:
        raise Unsupported("a TK103 obeys only its own name: it has not told us one yet")
    return f"({peer.unit_id}{_content(command)})".encode()


def simulate(message: Message, peer: Peer) -> bytes:
    """The frame a tracker would send, under the last 12 characters of its name.

    Raises Unsupported.
    """
    unit_id = message.unit_id if isinstance(message, Login) else peer.unit_id
    name = unit_id[-_NAME_SIZE:]
    if len(name) < _NAME_SIZE:
        raise Unsupported("a TK103 has a name of 12 characters: give the peer such a unit_id")
    match message:
        case Login():
            return f"({name}BP00{name:0>15}HSO)".encode()
        case Report():
            return f"({name}{_said_report(message)})".encode()
        case _:
            raise Unsupported(f"a TK103 cannot say {message!r}")


def _content(command: Command) -> str:
    match command:
        case Locate():
            return "AP00"
        case ReportEvery(seconds=seconds) if 1 <= seconds <= 65535:
            return f"AR00{seconds:04X}0000"
        case Reboot():
            return "AT00"
        case Immobilise():
            return "AV010"
        case Mobilise():
            return "AV011"
        case Custom(text=words) if _is_plain(words):
            return words
    raise Unsupported(
        _LIMITS.get(type(command), "this cannot be said to a TK103: try Custom in its words")
    )


def _text_message(command: Command, peer: Peer) -> str:
    match command:
        case ReportEvery():
            return "*routetrack*99*"
        case Reboot():
            return "88888888"
        case SetSosNumber(index=1, phone=phone) if _PHONE.match(phone):
            return f"*master*{peer.settings.secret or _PASSWORD}*{phone}*"
        case Custom(text=words) if _is_plain(words):
            return words
    raise Unsupported("this cannot be said to a TK103 in text messages: try Custom in its words")


def _is_plain(words: str) -> bool:
    return bool(words) and words.isascii() and words.isprintable() and not set("()[]") & set(words)


_LIMITS: dict[type[Command], str] = {
    ReportEvery: "a TK103 reports every 1 to 65535 seconds: choose a number of seconds in between",
    SetSosNumber: "only a TK103 with the option alternative is told an SOS number, and only one",
    Custom: "a command to a TK103 is plain text without brackets, such as AP07",
}


def _said_report(report: Report) -> str:
    at = report.at or (report.fix.at if report.fix else None)
    if at is None:
        raise Unsupported("a TK103 puts a time on every report: give it one")
    if len(report.signals) > 1:
        raise Unsupported("a TK103 says one alarm at a time")
    if odd := set(report.readings) - _SAYABLE:
        raise Unsupported(f"a TK103 cannot say {', '.join(sorted(odd))}")
    at = at.astimezone(UTC)
    signal = next(iter(report.signals), None)
    if report.fix is None and not report.readings and signal in KIND_WITH_CELLS:
        return f",{KIND_WITH_CELLS[signal]},0,0,0,0,0,{at:%d%m%y},{at:%H%M%S}"
    fix = report.fix or _NO_PLACE
    if signal is None or signal in BO01_NUMBER:
        kind = "BR00" if signal is None else f"BO01{BO01_NUMBER[signal]}"
        return kind + _said_place(fix, at) + _said_state(report.readings)
    if signal not in KIND_WITH_PLACE or report.readings:
        raise Unsupported(f"a TK103 cannot say {signal} and {sorted(report.readings)}")
    lat, lon = _said_angles(fix)
    valid = "A" if fix.valid else "V"
    moving = f"{fix.speed_kmh or 0:.2f},{at:%H%M%S},{fix.course_deg or 0:.2f}"
    return f",{KIND_WITH_PLACE[signal]},{at:%d%m%y},{valid},{lat},{lon},{moving}"


def _said_place(fix: Fix, at: datetime) -> str:
    lat, lon = _said_angles(fix)
    moving = f"{fix.speed_kmh or 0:05.1f}{at:%H%M%S}{fix.course_deg or 0:06.2f}"
    return f"{at:%y%m%d}{'A' if fix.valid else 'V'}{lat}{lon}{moving}"


def _said_angles(fix: Fix) -> tuple[str, str]:
    lat = written_angle(fix.lat, "NS", width=2)
    lon = written_angle(fix.lon, "EW", width=3)
    return lat.replace(",", ""), lon.replace(",", "")


def _said_state(told: Readings) -> str:
    power = "0" if told.get("charging", True) else "1"
    engine = "1" if told.get("ignition") else "0"
    fuel, metres = int(told.get("fuel", 0)), int(told.get("odometer_m", 0))
    return f"{power}{engine}000{fuel & 0xFFF:03X}L{metres & 0xFFFFFFFF:08X}"
