"""Messages as JSON, one object a line: how the command line speaks to other programs.

A row comes in::

    {"hex": "<bytes as on the socket>", "unit_id": "…"|null, "session": "…", "model": "…",
     "settings": {…}}

and what it said goes out::

    {"messages": [{"type": "Report", "unit_id": "…", "fix": {…}|null, "signals": […],
                   "readings": {…}, "buffered": false, …}],
     "ack": "<hex>", "error": null|"malformed: …"|"unframeable: …", "unread": 0}

Every message carries the same keys, whatever its type, so a reader needs no special case.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from protocols.codec import Codec, Conversation, Heard, Peer
from protocols.errors import Unframeable
from protocols.message import CommandReply, Fix, Login, Message, Report, Unknown
from protocols.settings import AS_USUAL, DeviceSettings, settings_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of input. ``session`` "" stands alone; "" elsewhere means: not known."""

    wire: bytes
    unit_id: str = ""
    session: str = ""
    settings: DeviceSettings = AS_USUAL

    @classmethod
    def read(cls, line: str) -> "Row":
        """The row on that line. Raises ValueError, which says what is wrong with it."""
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON: {error.msg} at character {error.pos + 1}") from error
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not JSON: {error}") from error
        match row:
            case {"hex": str(digits)}:
                texts = {key: row.get(key) or "" for key in ("unit_id", "session", "model")}
            case _:
                raise ValueError('a row is a JSON object with "hex": the bytes as on the socket')
        if odd := [key for key, value in texts.items() if not isinstance(value, str)]:
            raise ValueError(f"{' and '.join(odd)} must be a text or null")
        if not isinstance(settings := row.get("settings") or {}, dict):
            raise ValueError("settings must be an object or null")
        try:
            wire = bytes.fromhex(digits)
        except ValueError as error:
            raise ValueError(f'"hex" is not hexadecimal: {error}') from error
        if model := texts.pop("model"):
            settings = {"model": model, **settings}
        return cls(wire=wire, settings=settings_from(settings), **texts)


class Sessions:
    """The conversations that rows belong to: one for each session, one for each row without."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._talks: dict[str, Conversation] = {}

    def hear(self, row: Row, heard_at: datetime) -> dict[str, object]:
        """What this row said, ready for JSON."""
        talk = self._talks.get(row.session) or Conversation(self._codec)
        talk.peer = replace(
            talk.peer,
            unit_id=row.unit_id or talk.peer.unit_id,
            settings=talk.peer.settings if row.settings == AS_USUAL else row.settings,
        )
        if row.session:
            self._talks[row.session] = talk
        peer = talk.peer
        try:
            heard = talk.receive(row.wire, heard_at)
        except Unframeable as lost:
            self._talks.pop(row.session, None)
            before = [frame for frame in lost.heard if isinstance(frame, Heard)]
            return _answer(before, peer, error=f"unframeable: {lost}")
        return _answer(heard, peer, unread=talk.unread)


def refusal(reason: str) -> dict[str, object]:
    """The answer to a line that is no row, in the shape of all answers."""
    return {"messages": [], "ack": "", "error": reason, "unread": 0}


def message_as_json(message: Message, unit_id: str) -> dict[str, object]:
    """One message with the keys that every message carries, and its own behind them."""
    said: dict[str, object] = {
        "type": type(message).__name__,
        "unit_id": unit_id or None,
        "fix": None,
        "signals": [],
        "readings": {},
        "buffered": False,
    }
    match message:
        case Report():
            said |= {
                "at": message.at and _utc(message.at),
                "fix": message.fix and _fix(message.fix),
                "signals": sorted(message.signals),
                "readings": _plain(message.readings),
                "buffered": message.buffered,
                "cells": [asdict(cell) for cell in message.cells],
                "wifi": [asdict(network) for network in message.wifi],
                "other": _plain(message.other),
            }
        case CommandReply(text=text):
            said["readings"] = {"reply_text": text}
        case Login(unit_id=name):
            said["unit_id"] = name
        case Unknown(kind=kind):
            said["kind"] = kind
    return said


def _answer(
    heard: list[Heard], peer: Peer, *, error: str | None = None, unread: int = 0
) -> dict[str, object]:
    messages: list[dict[str, object]] = []
    ack = b""
    reasons: dict[str, None] = {}
    for frame in heard:
        if frame.incoming is not None:
            peer = frame.incoming.peer or peer
            messages += [message_as_json(said, peer.unit_id) for said in frame.incoming.messages]
            ack += frame.incoming.ack + frame.incoming.follow_up
        elif frame.error is not None:
            reasons[str(frame.error)] = None
            ack += frame.error.answer
    if error is None and reasons:
        error = f"malformed: {'; '.join(reasons)}"
    return {"messages": messages, "ack": ack.hex(), "error": error, "unread": unread}


_NUMBERS = ("altitude_m", "speed_kmh", "course_deg", "accuracy_m")


def _fix(fix: Fix) -> dict[str, object]:
    """A fix whose every number is a number: what the frame left out is 0.0 and named in unsaid."""
    numbers = {name: _plain(getattr(fix, name)) for name in _NUMBERS}
    return {
        "at": _utc(fix.at),
        "valid": fix.valid,
        "lat": fix.lat,
        "lon": fix.lon,
        **{name: 0.0 if number is None else number for name, number in numbers.items()},
        "unsaid": [name for name, number in numbers.items() if number is None],
    }


def _utc(at: datetime) -> str:
    """2026-11-24T08:00:00Z, with milliseconds where the device gave them."""
    precision = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _plain(value: object) -> object:
    """Only what JSON can carry: no NaN, no bytes, no sets."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case bool() | int() | float() | str() | None:
            return value
    return value.hex() if isinstance(value, bytes) else str(value)
