"""A SCAIP request (``mrq``): what a social alarm says, and the answer (``mrs``).

::

    <mrq><ref>00001883</ref><mty>ME</mty><cid>26317</cid><dty>0003</dty><stc>0010</stc>…</mrq>
         which             kind         who             what sent it    what happened
    <mrs><ref>00001883</ref><snu>0</snu><mre>1</mre></mrs>
                            0: taken     1: we shall call

The place (``lge``) is read in every spelling that we could think of: the standard was not at hand.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from xml.sax.saxutils import escape

from defusedxml import ElementTree

from protocols.http_request import instant
from protocols.message import Fix, Signal
from protocols.settings import DeviceSettings

OK, TOO_LONG, INVALID, WRONG, MISSING = 0, 1, 2, 3, 7
"""Codes of ``snu``."""

_LONGEST = {
    "ref": 16, "ver": 5, "sco": 16, "cha": 1, "mty": 2, "hbo": 8, "cid": 16, "dty": 4, "did": 8,
    "dco": 16, "dte": 32, "crd": 256, "stc": 4, "stt": 32, "pri": 1, "lco": 3, "lva": 32,
    "lte": 128, "ico": 16, "ite": 128, "ame": 256,
}  # fmt: skip
_NAMES = {
    "ref": "reference", "ver": "version", "sco": "system", "cha": "channel",
    "mty": "message_type", "hbo": "heartbeat_min", "dty": "device_type", "did": "device",
    "dco": "device_component", "dte": "device_text", "crd": "call_address", "stc": "event",
    "stt": "event_text", "pri": "priority", "lco": "location", "lva": "location_value",
    "lte": "location_text", "ico": "info", "ite": "text", "ame": "more",
}  # fmt: skip
_KINDS = frozenset({"ME", "RE", "IN", "PI"})
_MUST = ("ref", "cid", "dty", "stc")
_CODE = re.compile(r"[0-9A-Za-z]{1,4}\Z")
_REF = re.compile(r"[0-9A-Za-z]{1,16}\Z")
_PAIR = re.compile(
    r"(?:geo:)?\s*([NS]?)\s*(-?[0-9]{1,3}(?:\.[0-9]{1,12})?)\s*([NS]?)\s*[,; ]\s*"
    r"([EW]?)\s*(-?[0-9]{1,3}(?:\.[0-9]{1,12})?)\s*([EW]?)",
    re.IGNORECASE,
)
_COMPACT_TIME = re.compile(r"[0-9]{14}\Z")

_MANUAL, _AUTOMATIC = "0010", "0009"
_STATUS = {
    _AUTOMATIC: Signal.PANIC,
    _MANUAL: Signal.PANIC,
    "0016": Signal.LOW_BATTERY,
    "0019": Signal.SOS_END,
    "0026": Signal.FAULT,
    "0067": Signal.FAULT,
    "0085": Signal.POWER_CUT,
    "0092": Signal.SOS_END,
    "0093": Signal.SOS_END,
    "0125": Signal.TAMPER,
}
_CALL_NOBODY = frozenset({"0102", "0103", "0111"})
"""Tests of a link and the end of an intervention: they call nobody."""
_BY_DEVICE = {
    (_AUTOMATIC, "0005"): Signal.FALL,
    (_AUTOMATIC, "0010"): Signal.NO_MOTION,
    (_AUTOMATIC, "0030"): Signal.FALL,
    (_AUTOMATIC, "0032"): Signal.FAULT,
}
_RESET = {Signal.POWER_CUT: Signal.POWER_RESTORED, Signal.PANIC: Signal.SOS_END}
_EVENT_TEXTS = {
    "0009": "automatic alarm", "0010": "manual alarm", "0016": "low battery", "0019": "cancelled",
    "0026": "primary link failed", "0067": "malfunction", "0085": "power failure",
    "0092": "reset by itself", "0093": "reset by hand", "0102": "test of the primary link",
    "0103": "test of the second link", "0111": "intervention complete", "0125": "tamper",
}  # fmt: skip
_DEVICE_TEXTS = {
    "0002": "unit", "0003": "personal trigger", "0004": "fixed trigger", "0005": "fall sensor",
    "0006": "personal attack", "0007": "panic button", "0010": "activity", "0030": "man-down",
    "0032": "link monitor", "0051": "tracking device",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One ``mrq``. ``problem`` is the ``snu`` for what is wrong with it; 0: nothing."""

    said: dict[str, str]
    problem: int
    place: dict[str, str] = field(default_factory=dict)

    @property
    def cid(self) -> str:
        """Who it says that it is."""
        return self.said.get("cid", "")

    @property
    def kind(self) -> str:
        """ME message, RE reset, IN information, PI ping; what names none is a message."""
        return self.said.get("mty", "").upper() or "ME"


def read(body: bytes) -> Request | None:
    """The request in a body; None if it is not one at all.

    No document type, no entity and no outside reference is accepted.
    """
    try:
        root = ElementTree.fromstring(body, forbid_dtd=True)
    except (ValueError, SyntaxError, LookupError):
        return None
    if _local(root.tag) != "mrq":
        return None
    said: dict[str, str] = {}
    place: dict[str, str] = {}
    for element in root:
        name = _local(element.tag)
        said.setdefault(name, (element.text or "").replace("\0", "").strip())
        if name == "lge":
            place = {_local(each.tag): (each.text or "").strip() for each in element}
    for name, digits in (("dty", 4), ("stc", 4), ("lco", 3)):
        if code := said.get(name):
            said[name] = (code.lstrip("0") if code.isdecimal() else code).zfill(digits)
    return Request(said=said, problem=_problem(said), place=place)


def signals(request: Request, settings: DeviceSettings) -> frozenset[Signal]:
    """What happened. The unit's own meanings go first: ``0010/0003``, then ``0010``."""
    status, device = request.said.get("stc", ""), request.said.get("dty", "")
    found = _BY_DEVICE.get((status, device)) or _STATUS.get(status)
    if found is None and request.kind == "ME" and status not in _CALL_NOBODY:
        found = Signal.UNSPECIFIED
    usual = frozenset() if found is None else frozenset({found})
    means = settings.meaning(f"{status}/{device}", settings.meaning(status, usual))
    if request.kind == "RE":
        return frozenset({_RESET[each] for each in means if each in _RESET})
    return means


def other(request: Request) -> dict[str, object]:
    """Everything else that it said, under names that people read."""
    found: dict[str, object] = {
        name: request.said[key][:256] for key, name in _NAMES.items() if request.said.get(key)
    }
    found.setdefault("event_text", _EVENT_TEXTS.get(request.said.get("stc", ""), ""))
    found.setdefault("device_text", _DEVICE_TEXTS.get(request.said.get("dty", ""), ""))
    return {name: value for name, value in found.items() if value != ""}


def fix(request: Request, heard_at: datetime) -> Fix | None:
    """Where it is: ``lge`` with ``geo`` in degrees or ``gga`` as NMEA has it, and ``tim``."""
    place = request.place
    at = _moment(place.get("tim", "")) or heard_at
    found = _from_gga(place["gga"]) if place.get("gga") else None
    found = found or _from_pair(place.get("geo") or request.said.get("lge", ""))
    if found is None:
        return None
    lat, lon, altitude_m = found
    try:
        return Fix(at=at, lat=lat, lon=lon, altitude_m=altitude_m)
    except ValueError:
        return None


def answer(request: Request, settings: DeviceSettings) -> bytes:
    """The ``mrs``: what became of it, whether we call, and how often it should be heard."""
    said = f"<ref>{escape(request.said.get('ref', '')[:16])}</ref><snu>{request.problem}</snu>"
    if request.kind == "ME":
        address = request.said.get("crd", "")
        said += f"<mre>{int(bool(address) and not address.startswith('no-voice'))}</mre>"
    if settings.heartbeat_s:
        said += f"<hbi>{max(settings.heartbeat_s // 60, 1)}</hbi>"
    return f"<mrs>{said}</mrs>".encode()


def refusal(snu: int) -> bytes:
    """The ``mrs`` for what is no request."""
    return f"<mrs><ref>0</ref><snu>{snu}</snu></mrs>".encode()


def _problem(said: dict[str, str]) -> int:
    """What is wrong with a request, as ``snu`` counts it."""
    if any(not said.get(name) for name in _MUST):
        return MISSING
    if any(len(said.get(name, "")) > most for name, most in _LONGEST.items()):
        return TOO_LONG
    if not (_REF.match(said["ref"]) and _CODE.match(said["dty"]) and _CODE.match(said["stc"])):
        return INVALID
    right = (
        said.get("mty", "").upper() in _KINDS | {""}
        and said.get("cha", "0") in ("0", "1", "")
        and all(said.get(name, "0").isdecimal() or not said[name] for name in ("pri", "hbo"))
    )
    return OK if right else WRONG


def _local(tag: object) -> str:
    """A tag without its namespace; comments and instructions have none."""
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _moment(said: str) -> datetime | None:
    if _COMPACT_TIME.match(said):
        said = f"{said[:4]}-{said[4:6]}-{said[6:8]}T{said[8:10]}:{said[10:12]}:{said[12:]}+00:00"
    return instant(said) if said else None


_Place = tuple[float, float, float | None]


def _from_pair(said: str) -> _Place | None:
    """``50.8468,4.3615``, with or without letters."""
    match = _PAIR.match(said)
    if match is None:
        return None
    south = "S" in (match[1] + match[3]).upper()
    west = "W" in (match[4] + match[6]).upper()
    lat, lon = float(match[2]), float(match[5])
    return (-abs(lat) if south else lat), (-abs(lon) if west else lon), None


def _from_gga(said: str) -> _Place | None:
    """``$GPGGA,081530,5050.8060,N,00421.6890,E,1,08,0.9,35.0,M,…``; quality 0 is no place."""
    words = said.split(",")
    try:
        if words[6] == "0":
            return None
        lat, lon = (
            float(words[at][:digits]) + float(words[at][digits:]) / 60
            for at, digits in ((2, 2), (4, 3))
        )
        altitude_m = float(words[9]) if words[9:10] and words[9] else None
    except (ValueError, IndexError):
        return None
    return (-lat if words[3] == "S" else lat), (-lon if words[5] == "W" else lon), altitude_m
