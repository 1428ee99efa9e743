"""Our own vectors: published example frames and what they mean, one file a protocol.

``[[uplink]]``    name, source, hex, ack; perhaps prelude, model, unit_id; its messages
``[[downlink]]``  name, source, command, arguments, unit_id, hex; perhaps prelude, model, dialect
``[codes]``       a signal, and a code of ``DeviceSettings.alarms`` that says it as usual
"""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import protocols
from protocols.codec import Codec, Conversation, Heard, Peer
from protocols.json_lines import message_as_json
from protocols.settings import DeviceSettings, settings_from

FOLDER = Path(__file__).resolve().parents[1] / "vectors"
HEARD_AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One frame with its meaning, or one command with its bytes."""

    protocol: str
    said: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.protocol}-{self.said['name']}".replace(" ", "_")

    @property
    def codec(self) -> Codec:
        return protocols.get(self.protocol)

    @property
    def wire(self) -> bytes:
        return bytes.fromhex(self.said["hex"])

    @property
    def ack(self) -> bytes:
        return bytes.fromhex(self.said.get("ack", ""))

    @property
    def settings(self) -> DeviceSettings:
        return settings_from({"model": self.said.get("model", ""), **self.said.get("settings", {})})

    def conversation(self, settings: DeviceSettings | None = None) -> Conversation:
        """A conversation in which the prelude has been said, with the row's settings or others."""
        peer = Peer(
            unit_id=self.said.get("unit_id", ""),
            settings=settings or self.settings,
            dialect=self.said.get("dialect", ""),
        )
        talk = Conversation(self.codec, peer)
        for sent in self.said.get("prelude", []):
            talk.receive(bytes.fromhex(sent), HEARD_AT)
        return talk


def vectors(kind: str) -> list[Vector]:
    """All ``uplink`` or all ``downlink`` vectors there are."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get(kind, [])
        found += [Vector(protocol=path.stem, said=row) for row in rows]
    return found


def meanings(heard: list[Heard]) -> list[dict[str, Any]]:
    """Every message in what was heard, in order, as JSON would have it."""
    return [
        message_as_json(message, "")
        for frame in heard
        if frame.incoming is not None
        for message in frame.incoming.messages
    ]


def acks(heard: list[Heard]) -> bytes:
    """Every answer to what was heard, in order."""
    return b"".join(
        frame.incoming.ack + frame.incoming.follow_up
        if frame.incoming
        else frame.error.answer
        if frame.error
        else b""
        for frame in heard
    )
