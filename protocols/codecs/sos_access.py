"""SOS Access v4: alarm transmitters of the Nordic countries, in XML over TCP.

See: SOS Alarm, "SOS Access v4", as the documentation of the sos-access package tells it.
One document a connection (several are taken), in ISO-8859-1, answered with one::

    <?xml version="1.0" encoding="ISO-8859-1"?>
    <alarmrequest>
      <reference>1</reference> <authentication>hxp4x9nnwxjatv8</authentication>
      <receiver>42</receiver> <transmittertime>2026-11-24 08:15:30.000</transmittertime>
      <alarmtype>AL</alarmtype> <transmittertype>SV300</transmittertype>
      <transmittercode>1234567</transmittercode> <eventcode>PA</eventcode> …
      <position><pos>N505080E0042168</pos></position>
    </alarmrequest>

    <alarmresponse><reference>1</reference><status>0</status><info>OK</info>
                   <arrivaltime>2026-11-24 08:15:31.000</arrivaltime></alarmresponse>

The unit id is ``transmittercode``. Where the unit has a secret, ``authentication`` must be it:
else status 4, and nothing is taken. What is missing (7), too long or otherwise wrong (3), or
without its XML header (100) is told, and rings all the same. A new password
(``requestnewauthentication``) is not given: status 9; the old one stays.

``eventcode`` is the centre's own choice. We know the codes of SIA and Contact ID and a few words;
another alarm is UNSPECIFIED. A unit's own meanings are by that code as it is written, and
``PA restored`` for its restore (``alarmtype`` RE).

Places are degrees and minutes, ``N50 50.80 E004 21.68`` without spaces, exact to some 18 m; option
``decimal_degrees``: N50.8468 E004.3615 without points. Or in the Swedish grid RT90 2.5 gon V, in
metres: ``x6580925y1628833``.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hmac import compare_digest
from math import asin, atan2, cos, cosh, degrees, radians, sin, sinh
from xml.sax.saxutils import escape

from defusedxml import ElementTree

from protocols import event_codes
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Locked, Malformed, Unframeable, Unsupported
from protocols.message import Command, Fix, Heartbeat, Message, Report, Signal, Unknown
from protocols.settings import DeviceSettings

_LONGEST = 100_000
_LONGEST_READ = 16 * 1024
"""The protocol allows 100,000 characters, and its longest elements make a twentieth of that."""
_LONGEST_HEAD = 256
_SAID_AGAIN_S = 60
_BEGINNING = re.compile(
    rb"\s{0,32}(?:<\?xml[^>]{0,200}\?>\s{0,32})?<([A-Za-z]{1,40})(?:\s[^<>]{0,200}?)?(/?)>"
)
_HEADER = re.compile(rb"\s*<\?xml[^>]{0,200}\?>")
_RESPONSES = {
    "alarmrequest": "alarmresponse",
    "pingrequest": "pingresponse",
    "requestnewauthentication": "requestnewauthenticationresponse",
}
_OK, _TOO_LONG, _INVALID, _WRONG, _NOT_AUTHORISED, _MISSING = 0, 1, 2, 3, 4, 7
_NOT_ENABLED, _NO_HEADER = 9, 100
_INFO = {
    _OK: "OK",
    _TOO_LONG: "INVALID_LENGTH",
    _INVALID: "INVALID_XML",
    _WRONG: "WRONG_CONTENT",
    _NOT_AUTHORISED: "NOT_AUTHORIZED",
    _MISSING: "MANDATORY_DATA_MISSING",
    _NOT_ENABLED: "SERVICE_UNAVAILABLE",
    _NO_HEADER: "XML_HEADER_MISSING_OR_INVALID",
}
_MANDATORY = ("authentication", "receiver", "transmittertype", "transmittercode", "eventcode")
_LENGTHS = {
    "reference": (1, 50), "authentication": (15, 15), "receiver": (1, 20), "alarmtype": (2, 2),
    "transmittertype": (5, 5), "transmittercode": (1, 15), "transmitterarea": (1, 5),
    "eventcode": (1, 25), "section": (1, 5), "sectiontext": (1, 40), "detector": (1, 5),
    "detectortext": (1, 40), "additionalinfo": (1, 2000),
}  # fmt: skip
_NAMES = {
    "eventcode": "event", "alarmtype": "alarm_type", "receiver": "receiver",
    "transmittertype": "transmitter_type", "transmitterarea": "area", "section": "section",
    "sectiontext": "section_text", "detector": "detector", "detectortext": "detector_text",
    "additionalinfo": "text", "reference": "reference",
}  # fmt: skip
_WORDS = {
    Signal.PANIC: ("SOS", "PANIC", "HELP", "ALARM", "ASSAULT", "OVERFALL", "ÖVERFALL", "HOLDUP",
                   "DURESS", "MEDICAL", "FIRE", "BRAND", "TRYGGHETSLARM"),
    Signal.FALL: ("FALL", "FALLLARM", "FALL_ALARM"),
    Signal.NO_MOTION: ("INACTIVITY", "NO_MOTION", "INAKTIVITET"),
    Signal.TAMPER: ("TAMPER", "SABOTAGE", "SABOTAGELARM"),
    Signal.LOW_BATTERY: ("LOW_BATTERY", "LOWBATTERY", "BATTERY", "BATTERI"),
    Signal.POWER_CUT: ("POWER_CUT", "POWERFAIL", "MAINS", "NÄTFEL"),
}  # fmt: skip
_BY_WORD = {word: frozenset({signal}) for signal, words in _WORDS.items() for word in words}
_NO_ALARM = re.compile(r"(?:[CDJLORTVY][A-Z]|[A-Z][BHJRSUX]|[2-9][0-9]{2})\Z")
"""The other codes of SIA and Contact ID: openings and closings, doors, restores, tests …"""
_TESTS = frozenset({"TEST", "TESTLARM", "TESTALARM", "PROV"})
_MINUTES = re.compile(r"([NS])([0-9]{2})([0-9]{4})([EW])([0-9]{3})([0-9]{4})\Z", re.IGNORECASE)
_GRID = re.compile(r"x([0-9]{7})y([0-9]{7})\Z", re.IGNORECASE)


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes up to the end of the element that the document is; None: that has yet to come.

    Raises Unframeable where no document begins, and for one with a document type.
    """
    match = _BEGINNING.match(buffer, start)
    if match is None:
        seen = buffer[start : start + _LONGEST_HEAD]
        begun = seen.lstrip()[:2]
        if len(seen) == _LONGEST_HEAD or b"<!" in seen or begun[:1] not in (b"", b"<"):
            raise Unframeable("no XML document without a document type")
        return None
    if match[2]:
        return match.end() - start
    end = buffer.find(b"</" + match[1], match.end())
    close = buffer.find(b">", end) if end >= 0 else -1
    return None if close < 0 else close + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one document says. Raises Malformed or Locked with the answer that says why not."""
    kind, said = _read(frame, heard_at)
    code = said.get("transmittercode", "")
    if not code or len(code) > 32 or not code.isprintable():
        raise Malformed("no transmitter code", answer=_answer(kind, said, _MISSING, heard_at))
    speaker = peer.named(code)
    settings = speaker.settings
    now = heard_at.astimezone(settings.zone())
    refusal = _answer(kind, said, _NOT_AUTHORISED, now)
    password = said.get("authentication", "").encode()
    if settings.secret and not compare_digest(password, settings.secret.encode()):
        raise Locked("another password than the unit's", unit_id=code, answer=refusal)
    status = _OK if _HEADER.match(frame) else _NO_HEADER
    message: Message
    match kind:
        case "alarmrequest":
            status = _problem(said) or status
            message = _alarm(said, settings, heard_at)
        case "pingrequest":
            message = Heartbeat()
        case _:
            status, message = _NOT_ENABLED, Unknown(kind=kind)
    return Incoming(
        messages=(message,), ack=_answer(kind, said, status, now), refusal=refusal, peer=speaker
    )


def encode(command: Command, peer: Peer) -> bytes:
    """Raises Unsupported: SOS Access has no commands."""
    del command, peer
    raise Unsupported("SOS Access carries alarms and no commands: reach the unit in its own way")


def simulate(message: Message, peer: Peer) -> bytes:
    """The document that the transmitter ``peer.unit_id`` would send. Raises Unsupported."""
    if not 1 <= len(peer.unit_id) <= 15:
        raise Unsupported("give the peer a transmitter code of 1 to 15 characters as its unit_id")
    who = {
        "authentication": peer.settings.secret or "0" * 15,
        "transmittertype": "SV300",
        "transmittercode": peer.unit_id,
    }
    match message:
        case Heartbeat():
            return _document("pingrequest", who)
        case Report():
            said = {**who, "receiver": "1", **_simulated(message)}
            return _document("alarmrequest", said, _simulated_place(message))
    raise Unsupported(f"no transmitter says {type(message).__name__} in SOS Access")


def _read(frame: bytes, heard_at: datetime) -> tuple[str, dict[str, str]]:
    """The kind of a document and its elements. Raises Malformed with a status 2."""
    beginning = _BEGINNING.match(frame)
    kind = beginning[1].decode() if beginning is not None else ""
    if len(frame) > _LONGEST_READ:
        answer = _answer(kind, {}, _TOO_LONG, heard_at)
        raise Malformed(f"{len(frame)} bytes, {_LONGEST_READ} read", answer=answer)
    # What names no encoding is in that of the protocol, which every byte is.
    text = frame if _HEADER.match(frame) else frame.decode("latin-1").encode()
    try:
        root = ElementTree.fromstring(text.strip(), forbid_dtd=True)
    except (ValueError, SyntaxError, LookupError) as error:
        answer = _answer(kind, {}, _INVALID, heard_at)
        raise Malformed(f"not XML: {type(error).__name__}", answer=answer) from None
    if kind not in _RESPONSES:
        answer = _answer(kind, {}, _INVALID, heard_at)
        raise Malformed(f"{kind}: no request of SOS Access", answer=answer)
    said: dict[str, str] = {}
    for element in root:
        name = element.tag.rpartition("}")[2].lower()
        inner = next(iter(element), element) if name == "position" else element
        said.setdefault(name, (inner.text or "").replace("\0", "").strip())
    return kind, said


def _problem(said: Mapping[str, str]) -> int:
    """The status for what is wrong with an alarm; 0 for nothing."""
    if any(not said.get(name) for name in _MANDATORY):
        return _MISSING
    right = all(
        least <= len(said[name]) <= most
        for name, (least, most) in _LENGTHS.items()
        if said.get(name)
    )
    return _OK if right and said.get("alarmtype", "") in ("AL", "RE", "") else _WRONG


def _alarm(said: Mapping[str, str], settings: DeviceSettings, heard_at: datetime) -> Report:
    at = _moment(said.get("transmittertime", ""), settings)
    place = said.get("position", "")
    fix = _fix(place, at or heard_at, settings)
    code = said.get("eventcode", "")
    other: dict[str, object] = {
        name: said[key] for key, name in _NAMES.items() if said.get(key)
    } | event_codes.about(code.upper())
    if place and fix is None:
        other["position"] = place
    return Report(
        fix=fix,
        at=at,
        signals=_signals(code, settings, over=said.get("alarmtype", "").upper() == "RE"),
        other=other,
        record="\n".join(
            f"{key}={value}" for key, value in sorted(said.items()) if key != "authentication"
        ).encode(),
        again_s=0 if at is not None else _SAID_AGAIN_S,
    )


def _signals(code: str, settings: DeviceSettings, *, over: bool) -> frozenset[Signal]:
    word = code.upper()
    usual = _BY_WORD.get(word) or event_codes.SIA.get(word) or event_codes.CONTACT_ID.get(word)
    if usual is None:
        known = word in event_codes.TEXTS or word in _TESTS or _NO_ALARM.match(word)
        usual = event_codes.NOTHING if known or over else frozenset({Signal.UNSPECIFIED})
    means = settings.meaning(code, usual)
    return settings.meaning(f"{code} restored", event_codes.restored(means)) if over else means


def _moment(said: str, settings: DeviceSettings) -> datetime | None:
    """``2026-11-24 08:15:30.000`` on the transmitter's clock; None if it is no such moment."""
    try:
        at = datetime.fromisoformat(said)
        return settings.utc(at) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _fix(said: str, at: datetime, settings: DeviceSettings) -> Fix | None:
    """A place; None if it is none, or not on Earth."""
    grid = _GRID.match(said)
    if grid is not None:
        lat, lon = _from_rt90(float(grid[1]), float(grid[2]))
    elif (match := _MINUTES.match(said)) is not None:
        decimal = settings.flag("decimal_degrees", usual=False)
        parts = [int(digits) / (10_000 if decimal else 6_000) for digits in (match[3], match[6])]
        if max(parts) >= 1.0:
            return None
        lat, lon = int(match[2]) + parts[0], int(match[5]) + parts[1]
        lat = -lat if match[1] in "Ss" else lat
        lon = -lon if match[4] in "Ww" else lon
    else:
        return None
    try:
        return Fix(at=at, lat=lat, lon=lon)
    except ValueError:
        return None


def _from_rt90(x: float, y: float) -> tuple[float, float]:
    """Latitude and longitude of a point in RT90 2.5 gon V; ``x`` is north, in metres.

    Gauss-Krüger with the parameters by which Lantmäteriet goes from RT90 straight to SWEREF 99.
    """
    flat = 1 / 298.257222101
    e2, n = flat * (2 - flat), flat / (2 - flat)
    radius = 6_378_137 / (1 + n) * (1 + n**2 / 4 + n**4 / 64) * 1.00000561024
    xi, eta = (x + 667.711) / radius, (y - 1_500_064.274) / radius
    series = (
        n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96 - n**4 / 360,
        n**2 / 48 + n**3 / 15 - 437 * n**4 / 1440,
        17 * n**3 / 480 - 37 * n**4 / 840,
        4397 * n**4 / 161_280,
    )
    pairs = [(2 * number, factor) for number, factor in enumerate(series, start=1)]
    north = xi - sum(factor * sin(k * xi) * cosh(k * eta) for k, factor in pairs)
    east = eta - sum(factor * cos(k * xi) * sinh(k * eta) for k, factor in pairs)
    lat, lon = asin(sin(north) / cosh(east)), atan2(sinh(east), cos(north))
    squared = sin(lat) ** 2
    correction = (
        (e2 + e2**2 + e2**3 + e2**4)
        - (7 * e2**2 + 17 * e2**3 + 30 * e2**4) / 6 * squared
        + (224 * e2**3 + 889 * e2**4) / 120 * squared**2
        - 4279 * e2**4 / 1260 * squared**3
    )
    lat += sin(lat) * cos(lat) * correction
    return degrees(lat), degrees(radians(15 + 48 / 60 + 22.624306 / 3600) + lon)


def _answer(kind: str, said: Mapping[str, str], status: int, now: datetime) -> bytes:
    """The response to a request of that kind; ``arrivaltime`` is in the zone of ``now``."""
    clock = now.replace(tzinfo=None).isoformat(" ", "milliseconds")
    reference = {"reference": said["reference"][:50]} if said.get("reference") else {}
    return _document(
        _RESPONSES.get(kind, "alarmresponse"),
        {**reference, "status": str(status), "info": _INFO[status], "arrivaltime": clock},
    )


def _document(kind: str, said: Mapping[str, str], inner: str = "") -> bytes:
    elements = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in said.items())
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<{kind}>{elements}{inner}</{kind}>'
    return text.encode("latin-1", "xmlcharrefreplace")


def _simulated(report: Report) -> dict[str, str]:
    said = {"alarmtype": "AL", "eventcode": "RP"}
    if report.signals:
        (signal, *more) = report.signals
        if more or signal not in _CODES:
            raise Unsupported(
                f"SOS Access cannot say {', '.join(sorted(report.signals))} in one alarm"
            )
        said["alarmtype"], said["eventcode"] = _CODES[signal]
    at = report.fix.at if report.fix else report.at
    if at is not None:
        clock = at.astimezone(UTC).replace(tzinfo=None)
        said["transmittertime"] = clock.isoformat(" ", "milliseconds")
    return said


def _simulated_place(report: Report) -> str:
    fix = report.fix
    if fix is None:
        return ""
    said = ""
    for letters, value, digits in (("NS", fix.lat, 2), ("EW", fix.lon, 3)):
        whole, hundredths = divmod(round(abs(value) * 6_000), 6_000)
        said += f"{letters[value < 0]}{whole:0{digits}}{hundredths:04}"
    return f"<position><pos>{said}</pos></position>"


_CODES = {
    Signal.PANIC: ("AL", "PA"),
    Signal.FALL: ("AL", "FALL"),
    Signal.NO_MOTION: ("AL", "NA"),
    Signal.TAMPER: ("AL", "TA"),
    Signal.JAMMING: ("AL", "XQ"),
    Signal.LOW_BATTERY: ("AL", "YT"),
    Signal.POWER_CUT: ("AL", "AT"),
    Signal.POWER_RESTORED: ("RE", "AT"),
    Signal.UNSPECIFIED: ("AL", "UA"),
    Signal.SOS_END: ("RE", "PA"),
}

CODEC = Codec(
    name="sos_access",
    title="Alarm transmitters of SOS Access v4",
    tells=(
        "alarms and restores by SIA or Contact ID code or word: panic, fall, inactivity, tamper, "
        "power, battery; pings; place in degrees or RT90, sections, detectors, texts; passwords"
    ),
    port=19000,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=_LONGEST,
    read_timeout_s=60.0,
    one_unit_per_connection=False,
    options={"decimal_degrees": "places are degrees with four decimals, not degrees and minutes"},
)
