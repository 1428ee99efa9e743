"""Records that were made small: minimal sets of ten bytes, and what comes by Iridium.

See: "Compressed data" in the Galileosky user manuals, and the "Iridium Short Burst Data Service
Developers Guide" for the envelope of the satellite gateway.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from protocols.codec import Incoming, Peer
from protocols.codecs.galileo.tags import IMEI, SIZES, Record, alarm_of, report, told
from protocols.errors import Malformed
from protocols.message import Fix, Message, Report, Signal
from protocols.wire import Reader

_MINIMAL = 10


def compressed(content: bytes, peer: Peer, heard_at: datetime) -> Iterator[Report]:
    """Minimal sets of ten bytes; the first is followed by a list of the tags that all carry."""
    frame = Reader(content)
    tags: bytes | None = None
    while frame.remaining >= _MINIMAL:
        start = frame.at
        minimal = frame.take(_MINIMAL)
        if tags is None:
            tags = frame.take(frame.u8() & 0x7F) if frame.remaining else b""
        record: Record = {}
        for tag in tags:
            if tag not in SIZES:
                raise Malformed(f"tag {tag:02x} has no size of its own")
            record[tag] = frame.take(SIZES[tag])
        yield _unpacked(minimal, record, peer, heard_at, content[start : frame.at])


def _unpacked(
    minimal: bytes, record: Record, peer: Peer, heard_at: datetime, said: bytes
) -> Report:
    """A minimal set: a spare bit, 25 of seconds in the year, validity, longitude, latitude, alarm.

    The year is ours, or last year's where that would lie ahead.
    """
    bits = int.from_bytes(minimal, "big")
    seconds = bits >> 54 & 0x1FFFFFF
    year = heard_at.astimezone(UTC).year
    at = datetime(year, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    if at > heard_at + timedelta(days=1):
        at = datetime(year - 1, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    full = report(record, peer, at)
    place = Fix(
        at=full.at or at,
        lon=360 * (bits >> 31 & 0x3FFFFF) / 4194304 - 180,
        lat=180 * (bits >> 10 & 0x1FFFFF) / 2097152 - 90,
        valid=not bits >> 53 & 1,
    )
    alarm = alarm_of(peer.settings) if bits >> 9 & 1 else frozenset[Signal]()
    return Report(
        fix=full.fix or place,
        at=full.at,
        signals=full.signals | alarm,
        readings=full.readings,
        other={**full.other, "user_tag": bits & 0x1FF},
        record=said,
    )


def iridium(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """A mobile-originated message of the satellite gateway, with tags in its payload."""
    reader = Reader(frame[3:])
    sent_at: datetime | None = None
    rough: bytes = b""
    payload: bytes = b""
    while reader.remaining >= 3:
        kind, element = reader.u8(), Reader(reader.take(reader.u16()))
        match kind:
            case 0x01:
                element.take(4)
                peer = peer.named(element.text(SIZES[IMEI]))
                element.take(5)
                sent_at = datetime.fromtimestamp(element.u32(), UTC)
            case 0x02:
                payload = element.rest()
            case 0x03:
                rough = element.rest()
    if peer.settings.flag("compressed", usual=False):
        return Incoming(messages=tuple(compressed(payload, peer, heard_at)), peer=peer)
    messages, peer = told(payload, peer)
    if rough and sent_at is not None and not any(_has_place(said) for said in messages):
        whereabouts = Report(fix=_rough_fix(sent_at, rough), at=sent_at, record=rough)
        return Incoming(messages=(*messages, whereabouts), peer=peer)
    return Incoming(messages=messages, peer=peer)


def _has_place(said: Message) -> bool:
    return isinstance(said, Report) and said.fix is not None


def _rough_fix(at: datetime, rough: bytes) -> Fix | None:
    """Where the satellites believe the modem to be: never a fix, and kilometres wide."""
    frame = Reader(rough)
    flags = frame.u8()
    lat, lon = (frame.u8() + frame.u16() / 60_000 for _ in range(2))
    if lat > 90 or lon > 180:
        return None
    return Fix(
        at=at,
        lat=-lat if flags & 0x02 else lat,
        lon=-lon if flags & 0x01 else lon,
        valid=False,
        accuracy_m=frame.u32() * 1000.0 if frame.remaining >= 4 else None,
    )
