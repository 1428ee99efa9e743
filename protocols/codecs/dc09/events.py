"""The data of a frame as events: ADM-CID carries one, SIA-DCS as many as fit.

::

    ADM-CID   #1234|1120 01 005             1 new, 3 restored, 6 still so; code; partition; zone
    SIA-DCS   #1234|Nri1/id5/PA005^Text^|AMore text
                    │└┬┘ └┬┘ └┬─┘ a code with its zone, and words about it
                    │ area user
                    N new, O old
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from protocols import event_codes as codes
from protocols.errors import Malformed
from protocols.message import Signal
from protocols.settings import DeviceSettings
from protocols.wire import text

_QUALIFIERS = {"1": "new", "3": "restored", "6": "previous"}
_CONTACT_ID = re.compile(rb"([0-9A-Fa-f])([0-9A-Fa-f]{3}) ?([0-9A-Fa-f]{2}) ?([0-9A-Fa-f]{3,4})\Z")
_SHORT_CONTACT_ID = re.compile(rb"([0-9A-Fa-f])([0-9A-Fa-f]{3})(?: ([0-9A-Fa-f]{2}))?\Z")
_PACKET = re.compile(
    rb"/?(?:([a-z]{2})([0-9:.\-]*)|([A-Z]{2})([0-9A-F]*))"
    rb"(?:\*([^\^/]{0,80}))?(?:\^([^\^]{0,200})\^?)?/?"
)
_XSIA_TEXT = re.compile(rb"['\"]([^'\"]{0,80})['\"]")
_MODIFIERS = {
    "ri": "area",
    "id": "user",
    "pi": "peripheral",
    "ti": "event_time",
    "da": "event_date",
    "ai": "automated_id",
    "ph": "telephone",
    "lv": "level",
    "va": "value",
    "pt": "path",
    "rg": "route_group",
    "ss": "sub_subscriber",
}
_END_OF_XSIA = b"NM"
_MOST_EVENTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: what it says, what to keep with it, and its own bytes."""

    signals: frozenset[Signal]
    other: dict[str, object]
    record: bytes


def of_contact_id(data: bytes, settings: DeviceSettings) -> list[Event]:
    """The one event of ADM-CID data. Raises Malformed if it carries none."""
    found: Event | None = None
    words = ""
    for block in data.split(b"|"):
        if block[:1] == b"#" or not block:
            continue
        match = _CONTACT_ID.match(block) or _SHORT_CONTACT_ID.match(block)
        if match is not None and found is None:
            found = _contact_id(match, block, settings)
        elif block[:1] == b"A":
            words = text(block[1:])
    if found is None:
        raise Malformed("ADM-CID without an event of Contact ID")
    if words:
        found.other["text"] = words
    return [found]


def of_sia(data: bytes, settings: DeviceSettings) -> list[Event]:
    """The events of SIA-DCS data, in order. Raises Malformed if it carries none."""
    events: list[Event] = []
    apart: dict[str, object] = {}
    for block in data.split(b"|"):
        match block[:1]:
            case b"" | b"#":
                continue
            case b"N" | b"O":
                events += _sia(block[1:], settings, old=block[:1] == b"O")
            case b"A" if events:
                events[-1].other["text"] = _joined(events[-1].other.get("text"), text(block[1:]))
            case b"A":
                apart["text"] = text(block[1:])
            case letter:
                apart[f"block_{text(letter)}"] = text(block[1:])[:200]
    if not events and "text" in apart:
        # Words and no code: whoever sends them wants them read.
        events.append(Event(signals=frozenset({Signal.UNSPECIFIED}), other={}, record=data))
    if not events:
        raise Malformed("SIA-DCS without an event")
    if apart:
        events[-1].other.update(apart)
    return events


def _contact_id(match: re.Match[bytes], block: bytes, settings: DeviceSettings) -> Event:
    qualifier, code = match[1].decode(), match[2].decode().upper()
    means = settings.meaning(code, codes.contact_id(code))
    if qualifier == "3":
        means = settings.meaning(f"{code} restored", codes.restored(means))
    other: dict[str, object] = {
        "event": code,
        "qualifier": _QUALIFIERS.get(qualifier, qualifier),
        **codes.about(code),
    }
    if match[3] is not None:
        other["partition"] = match[3].decode()
    if match.re is _CONTACT_ID:
        other["zone"] = match[4].decode()
    return Event(signals=means, other=other, record=block)


def _sia(block: bytes, settings: DeviceSettings, *, old: bool) -> Iterator[Event]:
    """Modifiers hold for every event behind them, until they are said again."""
    about: dict[str, object] = {"qualifier": "previous"} if old else {}
    at = found = 0
    while (packet := _PACKET.match(block, at)) is not None:
        at = packet.end()
        if packet[1] is not None:
            name = _MODIFIERS.get(packet[1].decode(), packet[1].decode())
            about[name] = packet[2].decode()
            if packet[6]:
                about[f"{name}_text"] = text(packet[6])
        elif packet[3] != _END_OF_XSIA or not found:
            found += 1
            if found > _MOST_EVENTS:
                raise Malformed(f"more than {_MOST_EVENTS} events in one block")
            yield _sia_event(packet, about, settings)


def _sia_event(
    packet: re.Match[bytes], about: dict[str, object], settings: DeviceSettings
) -> Event:
    code = packet[3].decode()
    other: dict[str, object] = {"event": code, **about, **codes.about(code)}
    if packet[4]:
        other["zone"] = packet[4].decode()
    words, units = packet[6] or b"", packet[5] or b""
    if (said := _XSIA_TEXT.match(units)) is not None:
        words = words or said[1]
    elif units:
        other["units"] = text(units)
    if words:
        other["text"] = text(words)
    return Event(
        signals=settings.meaning(code, codes.SIA.get(code, codes.NOTHING)),
        other=other,
        record=packet[0],
    )


def _joined(before: object, words: str) -> str:
    return f"{before} {words}" if before else words
