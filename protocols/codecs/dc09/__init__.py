"""SIA DC-09: alarm panels, pendants' bases and lone-worker centres, over TCP and UDP.

See: ANSI/SIA DC-09 (2021), with DC-05 (Contact ID), DC-03 (SIA codes) and DC-07 for the CRC.

A frame::

    LF  37F2 003B "ADM-CID"0001 R1 L0 #1234 [#1234|1120 00 001][X…][Y…]_08:15:30,11-24-2026 CR
        │    │     │       │    │  │  │      │                 │       timestamp, UTC
        │    │     │       │    │  │  │      data              extended data
        │    │     │       │    │  │  account, 3 to 16 hex digits
        │    │     │       │    receiver (may lack) and line
        │    │     │       sequence: the same number when it is said again
        │    │     identifier; with * before it the rest is encrypted from behind the bracket
        │    bytes from the quote to before CR
        CRC-16/ARC of those bytes, four hex digits or two raw bytes

Encrypted: AES-CBC with a zero vector, in hex, of pad ``|`` data ``]`` extended data, timestamp.
The key (16, 24 or 32 bytes, in hex) is the unit's secret.

**Unit ids.** ``#1234`` is account 1234 without a receiver and on line 0; receiver and line stand
before it where they are not zero: ``R1L2#1234``. Leading zeros of the account count.

**Answers.** ACK once kept, encrypted when the frame was. NAK with our time when an encrypted
frame (option ``check_clock``: any frame; ``any_time``: none) is not of -40 to +20 s from now. DUH
when we can do nothing with it: no key, another key, a format or an event that we cannot read, or
no longer encrypted although we hold a key. A call for help is heard unencrypted too. A wrong
checksum or length is not answered: the transmitter says it again.

**Said again.** The record is the sequence number and the content, without the timestamp. Its time
is the time of occurrence (H), else the timestamp, else when we heard it. The same number and
content on the same connection within a minute keeps the time of the first, whatever its timestamp.
On another connection it is the same event where it names the same time, or none and comes in the
same minute; else it is another, which joins the open alarm.

**Codes** for a unit's own alarm meanings: ``120`` (Contact ID), ``PA`` (SIA), and for the restore
of a Contact ID event ``120 restored``. Climax pendants: ``{"120": ["fall"]}``.

Frames: ``frame.py``; events: ``events.py``; extended data: ``extensions.py``; what the codes mean:
``protocols/event_codes.py``. On the same port the heartbeat of Osborne-Hoffman receivers is
understood: ``SR0001L0001    006969XX    [ID00000000]``.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zlib import crc32

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.dc09 import events
from protocols.codecs.dc09.events import Event
from protocols.codecs.dc09.extensions import Extended, extended
from protocols.codecs.dc09.frame import (
    ACKNOWLEDGED,
    MAX_FRAME,
    Content,
    Header,
    acknowledge,
    clock,
    content_of,
    decrypted,
    frame_size,
    heartbeat_unit,
    is_heartbeat,
    key_of,
    open_frame,
    refuse_clock,
    unable,
)
from protocols.codecs.dc09.simulation import simulate
from protocols.errors import Locked, Malformed, Unsupported
from protocols.message import LIFE_SAFETY, Command, Fix, Heartbeat, Message, Report, Unknown
from protocols.settings import DeviceSettings

_EARLIEST, _LATEST = timedelta(seconds=-40), timedelta(seconds=20)
_SAID_AGAIN_S = 60
_REMEMBERED = 16
_BUFFERED_AFTER = timedelta(minutes=5)
_ANSWERS = frozenset({"ACK", "NAK", "DUH", "RSP"})
_NULLS = frozenset({"NULL", "XNM"})

_EVENTS: dict[str, Callable[[bytes, DeviceSettings], list[Event]]] = {
    "ADM-CID": events.of_contact_id,
    "SIA-DCS": events.of_sia,
}


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame says. Raises Corrupt for a wrong checksum, Locked with a DUH or a NAK."""
    if is_heartbeat(frame):
        speaker = peer.named(heartbeat_unit(frame))
        return Incoming(messages=(Heartbeat(),), ack=ACKNOWLEDGED, peer=speaker)
    header = open_frame(frame)
    settings = peer.named(header.unit_id).settings
    if header.kind in _ANSWERS:
        # Nothing that we send asks for one, and an answer to an answer has no end.
        return Incoming(messages=(Unknown(kind=header.kind),), peer=peer.named(header.unit_id))
    key = key_of(settings.secret)
    content = _content(header, settings, key)
    timestamp = clock(content.timestamp)
    sent = None if timestamp is None else settings.utc(timestamp)
    _check_clock(header, settings, sent, heard_at)
    at, dialect = _time(header, content, sent, peer, heard_at)
    messages = _messages(header, content, settings, at, sent)
    trusted = header.encrypted or not settings.secret or settings.flag("plain", usual=False)
    if not trusted and not _cries_for_help(messages):
        raise _refused(header, "not encrypted, though we hold its key")
    return Incoming(
        messages=messages,
        ack=acknowledge(header, heard_at, key),
        refusal=unable(header),
        peer=peer.named(header.unit_id, dialect),
    )


def encode(command: Command, peer: Peer) -> bytes:
    """Raises Unsupported: DC-09 has no commands."""
    del command, peer
    raise Unsupported("DC-09 carries alarms and no commands: use the panel's own way to reach it")


def _content(header: Header, settings: DeviceSettings, key: bytes | None) -> Content:
    """What a frame carries, out of its encryption. Raises Locked."""
    if not header.encrypted:
        return content_of(header.body)
    if key is None:
        fit = "the key in our records is not 16, 24 or 32 bytes in hex"
        raise _refused(header, fit if settings.secret else "encrypted, and we hold no key")
    try:
        return decrypted(header.body, key)
    except ValueError:
        raise _refused(header, "encrypted with another key than the one we hold") from None


def _check_clock(
    header: Header, settings: DeviceSettings, sent: datetime | None, heard_at: datetime
) -> None:
    """Raises Locked with a NAK for a timestamp that should be near now and is not."""
    checked = header.encrypted or settings.flag("check_clock", usual=False)
    if not checked or settings.flag("any_time", usual=False):
        return
    if sent is None:
        why = "no timestamp, or one that cannot be read"
    elif _EARLIEST <= sent - heard_at <= _LATEST:
        return
    else:
        why = f"its clock is {(sent - heard_at).total_seconds():+.0f} s from ours"
    raise Locked(why, unit_id=header.unit_id, answer=refuse_clock(header, heard_at))


def _time(
    header: Header, content: Content, sent: datetime | None, peer: Peer, heard_at: datetime
) -> tuple[datetime, str]:
    """When it was sent first, and what to remember of it on this connection.

    The dialect is ``mark=heard=sent`` of the newest frames, times in seconds.
    """
    now = int(heard_at.timestamp())
    first = heard_at.replace(microsecond=0) if sent is None else sent
    if header.kind in _NULLS:
        return first, peer.dialect
    mark = f"{crc32(header.unit_id.encode() + _said(header, content)):08x}"
    known = [each for each in peer.dialect.split(";") if each]
    for each in known:
        if each.startswith(mark):
            _, heard, said = each.split("=")
            if 0 <= now - int(heard) <= _SAID_AGAIN_S:
                return datetime.fromtimestamp(int(said), UTC), peer.dialect
    newest = [each for each in known if not each.startswith(mark)][1 - _REMEMBERED :]
    return first, ";".join([*newest, f"{mark}={now}={int(first.timestamp())}"])


def _messages(
    header: Header,
    content: Content,
    settings: DeviceSettings,
    at: datetime,
    sent: datetime | None,
) -> tuple[Message, ...]:
    """Everything a frame says. Raises Locked for what we cannot read."""
    more = extended(content.extensions, day_first=settings.flag("day_first", usual=False))
    if header.kind in _NULLS:
        if not content.extensions:
            return (Heartbeat(),)
        found = [Event(signals=frozenset(), other={}, record=content.data)]
    elif (read := _EVENTS.get(header.kind)) is None:
        raise _refused(header, f"{header.kind}: a format that we do not read")
    else:
        try:
            found = read(content.data, settings)
        except Malformed as unread:
            raise _refused(header, str(unread)) from None
    happened = _happened(more, settings, at, sent)
    fix = _fix(more, happened)
    sequence = header.sequence + b" "
    place = b"".join(content.extensions)
    return tuple(
        [
            Report(
                fix=fix,
                at=happened,
                signals=event.signals,
                readings=more.readings,
                buffered=at - happened > _BUFFERED_AFTER,
                other={**event.other, **more.other} if more.other else event.other,
                # Two equal events in one frame are two; the same frame again is the same.
                record=sequence + b"%d " % number + event.record + place,
                again_s=_SAID_AGAIN_S if sent is None and more.happened is None else 0,
            )
            for number, event in enumerate(found)
        ]
    )


def _happened(
    more: Extended, settings: DeviceSettings, at: datetime, sent: datetime | None
) -> datetime:
    """The time of occurrence, unless it lies after it was sent."""
    if more.happened is None:
        return at
    happened = settings.utc(more.happened)
    if sent is not None and happened - sent > _LATEST:
        return at
    return happened


def _fix(more: Extended, at: datetime) -> Fix | None:
    if more.lat is None or more.lon is None:
        return None
    return Fix(
        at=at,
        lat=more.lat,
        lon=more.lon,
        altitude_m=more.altitude_m,
        speed_kmh=more.speed_kmh,
    )


def _said(header: Header, content: Content) -> bytes:
    return b" ".join((header.sequence, content.data, *content.extensions))


def _cries_for_help(messages: tuple[Message, ...]) -> bool:
    return any(isinstance(each, Report) and each.signals & LIFE_SAFETY for each in messages)


def _refused(header: Header, why: str) -> Locked:
    return Locked(why, unit_id=header.unit_id, answer=unable(header))


CODEC = Codec(
    name="dc09",
    title="Alarm panels and receivers of SIA DC-09 (Contact ID, SIA-DCS)",
    tells=(
        "panic, hold-up, duress, medical, fire, fall, inactivity, tamper, jamming, power, battery; "
        "place, time of occurrence, texts and media links; AES, ACK/NAK/DUH"
    ),
    port=12300,
    transports=("tcp", "udp"),
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(b"\n", b"SR"),
    max_frame=MAX_FRAME + 16,
    read_timeout_s=1_800.0,
    one_unit_per_connection=False,
    options={
        "check_clock": "refuse an unencrypted frame too whose timestamp is not of -40 to +20 s",
        "any_time": "accept an encrypted frame whatever its timestamp: its clock cannot be set",
        "plain": "accept every frame unencrypted although a key is set, not cries for help only",
        "day_first": "the time of occurrence (H) names the day before the month",
    },
)
