"""Real frames to begin from: what the tests know of a codec, and what it simulates itself.

Rows of one session are heard in their order, so that each frame is known together with the peer
that it was said by: its unit id, its dialect, its settings.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import protocols
from protocols.codec import Codec, Conversation, Peer
from protocols.errors import ProtocolError
from protocols.message import Fix, Heartbeat, Login, Message, Report, Signal
from protocols.settings import DeviceSettings, settings_from
from tracking.settings import PROJECT

VECTORS = PROJECT / "tests" / "vectors"
SHARED = PROJECT.parent / "shared" / "vectors"
HEARD_AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
UNIT_ID = "356938035643809"

_MOST = 400
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Seed:
    """Bytes as they were on a socket, and by whom they were said."""

    wire: bytes
    peer: Peer


def seeds_of(name: str) -> list[Seed]:
    """At most a few hundred different frames of a codec; at least what it simulates."""
    found: dict[bytes, Seed] = {}
    for seed in (*_simulated(name), *_from_vectors(name), *_shared(name)):
        if 0 < len(seed.wire) <= _LONGEST:
            found.setdefault(seed.wire, seed)
    every = list(found.values())
    # Evenly from all of them: the rows of one kind stand together.
    return every[:: -(-len(every) // _MOST)] if every else []


def _simulated(name: str) -> Iterator[Seed]:
    codec = protocols.get(name)
    fix = Fix(
        at=HEARD_AT, lat=50.84674, lon=4.35248, altitude_m=40.0, speed_kmh=48.0, course_deg=90.0
    )
    said: tuple[Message, ...] = (
        Login(unit_id=UNIT_ID),
        Heartbeat(),
        Report(fix=fix, at=fix.at),
        Report(fix=fix, at=fix.at, signals=frozenset({Signal.PANIC})),
        Report(fix=fix, at=fix.at, buffered=True, readings={"battery_pct": 82.0}),
    )
    peer = Peer(unit_id=UNIT_ID)
    for message in said:
        with suppress(ProtocolError):
            wire = codec.simulate(message, peer)
            yield Seed(wire, peer)
            peer = _after(codec, peer, wire)


def _from_vectors(name: str) -> Iterator[Seed]:
    path = VECTORS / f"{name}.toml"
    if not path.exists():
        return
    codec = protocols.get(name)
    for said in tomllib.loads(path.read_text(encoding="utf-8")).get("uplink", []):
        settings = {"model": said.get("model", ""), **said.get("settings", {})}
        peer = Peer(
            unit_id=said.get("unit_id", ""),
            dialect=said.get("dialect", ""),
            settings=settings_from(settings),
        )
        for before in said.get("prelude", []):
            yield Seed(bytes.fromhex(before), peer)
            peer = _after(codec, peer, bytes.fromhex(before))
        yield Seed(bytes.fromhex(said["hex"]), peer)


def _shared(name: str) -> Iterator[Seed]:
    """The rows beside the project, where there are any."""
    codec = protocols.get(name)
    talks: dict[str, Conversation] = {}
    for path in sorted(SHARED.glob(f"{name}.*jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            said = json.loads(line)
            session = f"{path.stem} {said['session']}"
            talk = talks.get(session)
            if talk is None:
                talk = talks[session] = Conversation(codec, _peer_of(said))
                for before in said.get("prelude_wire_hex") or []:
                    yield Seed(bytes.fromhex(before), talk.peer)
                    _hear(talk, bytes.fromhex(before))
            wire = bytes.fromhex(said["wire_hex"] or said["hex"])
            yield Seed(wire, talk.peer)
            _hear(talk, wire)


def _peer_of(said: Mapping[str, Any]) -> Peer:
    setup = said["setup"]
    columns = next((setup[key] for key in ("setForm", "setFormat0") if key in setup), "")
    settings = DeviceSettings(model=setup.get("setModelOverride", ""), columns=columns)
    return Peer(unit_id=said.get("unit_id") or "", settings=settings)


def _after(codec: Codec, peer: Peer, wire: bytes) -> Peer:
    """Who speaks once that has been said."""
    talk = Conversation(codec, peer)
    _hear(talk, wire)
    return talk.peer if talk.peer.unit_id else replace(talk.peer, unit_id=peer.unit_id)


def _hear(talk: Conversation, wire: bytes) -> None:
    # A seed may break a codec that is being written; the run finds that again, and says so.
    with suppress(Exception):
        talk.receive(wire, HEARD_AT)
