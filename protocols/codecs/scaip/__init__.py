"""SCAIP: social alarms, pendants' bases and their units, as SIP MESSAGE over UDP and TCP.

See: SS 91100 (2014) and CEN/TS 50134-9 (2018); RFC 3261 and 3428 for SIP. The envelope is drawn
in ``sip.py``, the request in it in ``requests.py``.

The unit id is ``cid``, without spaces around it; the user part of From must say the same, else
403 (option ``any_sender``: proxies that call in their own name).

**Answers**, as the account wants them (option ``reply``). ``message``: 200 OK, and the ``mrs`` in
a MESSAGE of ours to the unit, over UDP in a datagram of its own. ``inside``: in the body of the 200
OK. A MESSAGE of ours that gets lost is not said again by itself: the unit asks again, and gets it
again. What is wrong with a request stands in ``snu`` (1 too long, 2 not as it should be written, 3
wrong value, 7 something is missing); it rings all the same. XML that is none is a 400, with an
``mrs`` that says 2. OPTIONS and REGISTER are answered 200, other methods 405.

**Said again.** SCAIP names no time: the record is ``ref`` with Call-ID and CSeq, and equal records
that are heard within ten minutes are one event. A Date header counts as the time.

**Codes** for a unit's own alarm meanings: ``0010/0003`` (stc, a slash, dty) or ``0010`` (stc
whatever sent it), padded to four digits as here.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.scaip import requests, sip
from protocols.codecs.scaip.requests import Request
from protocols.codecs.scaip.simulation import simulate
from protocols.codecs.scaip.sip import Sip
from protocols.errors import Locked, Malformed, Unsupported
from protocols.message import Command, Heartbeat, Login, Message, Report, Unknown

_MOST_NAME = 32
_SAID_AGAIN_S = 600
_NAMES_PING = frozenset({"ref", "ver", "mty", "cha", "cid", "dty", "did", "crd", "stc"})


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one SIP message says. Raises Malformed or Locked with the answer that SIP has for it."""
    if frame == sip.KEEP_ALIVE:
        return Incoming(messages=(), ack=sip.STILL_HERE)
    message = sip.read(frame)
    return _METHODS.get(message.method, _refused)(message, peer, heard_at)


def encode(command: Command, peer: Peer) -> bytes:
    """Raises Unsupported: what SCAIP lets a centre do, it does in a call."""
    del command, peer
    raise Unsupported("SCAIP has no commands: call the unit, it is steered by tones in the call")


def _message(message: Sip, peer: Peer, heard_at: datetime) -> Incoming:
    kind = message.header("content-type").partition(";")[0].strip().lower()
    if kind not in (sip.SCAIP, "application/xml", "text/xml", ""):
        accept = ("Accept", sip.SCAIP)
        sip.refuse(message, 415, "Unsupported Media Type", f"a body of {kind[:40]}", accept)
    request = requests.read(message.body)
    if request is None:
        answer = requests.refusal(requests.INVALID)
        sip.refuse(message, 400, "Bad Request", "the body is no SCAIP request", body=answer)
    unit_id = _named(request.cid or message.sender)
    if not unit_id:
        answer = requests.refusal(requests.MISSING)
        sip.refuse(message, 400, "Bad Request", "nobody in cid and From", body=answer)
    speaker = peer.named(unit_id)
    settings = speaker.settings
    forbidden = sip.respond(message, 403, "Forbidden")
    if message.sender != unit_id and not settings.flag("any_sender", usual=False):
        raise Locked("From names another unit than cid", unit_id=unit_id, answer=forbidden)
    answer = requests.answer(request, settings)
    inside = settings.options.get("reply", "message") == "inside"
    return Incoming(
        messages=(_said(request, message, speaker, heard_at),),
        ack=sip.respond(message, 200, "OK", body=answer if inside else b""),
        follow_up=b"" if inside else sip.request_back(message, answer),
        refusal=forbidden,
        peer=speaker,
    )


def _said(request: Request, message: Sip, peer: Peer, heard_at: datetime) -> Message:
    """A heartbeat, where a ping says no more than that; else a report."""
    signals = requests.signals(request, peer.settings)
    if request.kind == "PI" and not signals and request.said.keys() <= _NAMES_PING:
        return Heartbeat()
    at = _date(message)
    return Report(
        fix=requests.fix(request, heard_at),
        at=at,
        signals=signals,
        other=requests.other(request),
        record="\n".join(
            (
                request.said.get("ref", ""),
                message.header("call-id"),
                message.header("cseq"),
                *map(str, sorted(request.said.items())),
            )
        ).encode(),
        again_s=0 if at is not None else _SAID_AGAIN_S,
    )


def _greeting(message: Sip, peer: Peer, _heard_at: datetime) -> Incoming:
    """OPTIONS asks whether we are here, REGISTER says where the unit is; both say who."""
    welcome = sip.welcome(message)
    unit_id = _named(message.sender)
    if not unit_id:
        raise Malformed(f"{message.method} from nobody", answer=welcome)
    said = Login(unit_id=unit_id) if message.method == "REGISTER" else Heartbeat()
    return Incoming(messages=(said,), ack=welcome, peer=peer.named(unit_id))


def _answer_to_us(message: Sip, peer: Peer, _heard_at: datetime) -> Incoming:
    """The unit has heard our MESSAGE; it stands in To."""
    unit_id = _named(sip.user_of(message.header("to")))
    return Incoming(
        messages=(Unknown(kind=f"SIP {message.status}"),),
        peer=peer.named(unit_id) if unit_id else None,
    )


def _refused(message: Sip, _peer: Peer, _heard_at: datetime) -> Incoming:
    sip.refuse_method(message)


def _named(said: str) -> str:
    """A name fit to be a unit id; "" for anything else."""
    name = said.strip()
    return name if len(name) <= _MOST_NAME and name.isascii() and name.isprintable() else ""


def _date(message: Sip) -> datetime | None:
    """The Date header; None without one, and if it is no date."""
    said = message.header("date")
    if not said:
        return None
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


_METHODS: dict[str, Callable[[Sip, Peer, datetime], Incoming]] = {
    "MESSAGE": _message,
    "OPTIONS": _greeting,
    "REGISTER": _greeting,
    "": _answer_to_us,
}

CODEC = Codec(
    name="scaip",
    title="Social alarms of SCAIP (SS 91100, TS 50134-9)",
    tells=(
        "manual and automatic alarms by device: panic, fall, inactivity, attack; tamper, power, "
        "battery, link, resets, heartbeats; place, call address, texts; answers inside or apart"
    ),
    port=5060,
    transports=("tcp", "udp"),
    frame_size=sip.frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=sip.MAX_FRAME,
    read_timeout_s=1_800.0,
    one_unit_per_connection=False,
    options={
        "reply": '"message": answer in a MESSAGE of our own (usual); "inside": in the 200 OK',
        "any_sender": "the user in From need not be the unit: a proxy speaks for many",
    },
)
