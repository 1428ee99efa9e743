"""Every codec at its door: a registered unit says where it is and calls for help.

Codecs without a door of their own are heard through the broker: ``test_mqtt.py``.
"""

import tomllib
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any

import pytest

import protocols
from protocols.codec import Conversation, Heard, Peer
from protocols.errors import Unsupported
from protocols.message import Fix, Login, Message, Report, Signal
from tests.devices import Mailbox, until
from tests.gateways import DOORS, broken, count, held, register, until_a_commit_waits
from tests.lasting import HEARD_AT, Lasting, Wire, as_a_datagram, name_on_the_wire
from tests.protocols.vector_files import FOLDER
from tracking import clock

on_one_loop = pytest.mark.asyncio(loop_scope="module")

UNIT = "356938035643809"
SAID_AT = HEARD_AT - timedelta(seconds=30)
NOTHING_CAN_BE_KEPT = "LOCK TABLE positions, alarms IN SHARE MODE"

LIMITS: dict[str, dict[str, Any]] = {
    name: tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    for name in protocols.names()
}
"""What a protocol cannot say stands in its vectors, with the reason."""

TIMELESS = {"topin"}
"""An SOS without a time or a number: nobody can tell it from the next one."""


class Unit(ABC):
    """A simulated unit: what it says, what it was answered, and what it should be."""

    def __init__(self, name: str) -> None:
        self.codec = protocols.get(name)
        self.talk = Conversation(self.codec)
        self.expected: list[bytes] = []

    @property
    @abstractmethod
    def answers(self) -> bytes:
        """Everything that came back."""

    async def sign_in(self) -> None:  # noqa: B027 - most have no such frame
        """Say who it is, where that is a frame of its own."""

    def say(self, message: Message) -> None:
        """Say it, and note what must be answered. Raises Unsupported."""
        speaker = self.talk.peer if self.talk.peer.unit_id else Peer(unit_id=UNIT)
        self.send(self.codec.simulate(message, speaker))

    @abstractmethod
    def send(self, frame: bytes) -> None:
        """Send it, and note what must be answered."""

    async def answered(self) -> None:
        """Wait until everything has been answered, and check that it was answered right."""
        expected = b"".join(self.expected)
        await until(lambda: len(self.answers) >= len(expected))
        assert self.answers == expected

    def _owes(self, heard: list[Heard]) -> None:
        for one in heard:
            assert one.incoming is not None, one.error
            self.expected += one.incoming.ack, one.incoming.follow_up


class Connected(Unit):
    """One that keeps a connection."""

    def __init__(self, name: str, wire: Wire) -> None:
        super().__init__(name)
        self._wire = wire

    @property
    def answers(self) -> bytes:
        return self._wire.answers

    async def sign_in(self) -> None:
        try:
            self.say(Login(unit_id=UNIT))
        except Unsupported:
            return
        await self._wire.heard()
        await self.answered()

    def send(self, frame: bytes) -> None:
        self._owes(self.talk.receive(frame, clock.now()))
        self._wire.pour(frame)


class Posting(Unit):
    """One that sends datagrams, each a conversation of its own."""

    def __init__(self, name: str, mailbox: Mailbox) -> None:
        super().__init__(name)
        self._mailbox = mailbox

    @property
    def answers(self) -> bytes:
        return b"".join(self._mailbox.answers)

    def send(self, frame: bytes) -> None:
        datagram = as_a_datagram(self.codec.name, frame, UNIT)
        self._owes(Conversation(self.codec).receive(datagram, clock.now()))
        self._mailbox.send(datagram)


async def unit_at(shared: Lasting, door: str) -> Unit:
    """A unit that has signed in at this door."""
    name, how = door.split("/")
    if how == "udp":
        return Posting(name, await shared.mailbox(name))
    unit = Connected(name, await shared.connect(name))
    await unit.sign_in()
    await shared.settled()
    return unit


async def is_answered_only_after_commit(shared: Lasting, unit: Unit, said: Report) -> None:
    before, kept = unit.answers, shared.gateway.intake.figures.frames
    async with held(shared.settings, NOTHING_CAN_BE_KEPT) as locks:
        unit.say(said)
        await until_a_commit_waits(shared.pool)
        assert unit.answers == before
        await locks.release()
    await unit.answered()
    await until(lambda: shared.gateway.intake.figures.frames == kept + 1)


def test_only_what_is_published_has_no_door():
    assert {name for name in protocols.names() if not protocols.get(name).transports} == {
        "json_mqtt"
    }


@on_one_loop
@pytest.mark.parametrize("door", sorted(DOORS))
async def test_a_position_is_on_the_map_and_answered_once_it_is_kept(shared: Lasting, door: str):
    await shared.empty()
    name, _ = door.split("/")
    await register(shared.pool, name_on_the_wire(name, UNIT), codec=name)
    unit = await unit_at(shared, door)
    fix = Fix(at=SAID_AT, lat=50.84674, lon=4.35248, speed_kmh=36.0, course_deg=90.0)
    await is_answered_only_after_commit(shared, unit, Report(fix=fix, at=SAID_AT))
    (place,) = await shared.positions()
    near = LIMITS[name].get("coarse_deg", 1e-5)
    assert place["lat"] == pytest.approx(fix.lat, abs=near)
    assert place["lon"] == pytest.approx(fix.lon, abs=near)
    assert abs(place["at"] - fix.at) <= timedelta(seconds=1)
    assert place["valid"]
    if "without_speed" not in LIMITS[name]:
        assert place["speed_kmh"] == pytest.approx(fix.speed_kmh, abs=1.0)
    assert await shared.alarms() == []
    assert await count(shared.pool, "quarantined_frames") == 0


@on_one_loop
@pytest.mark.parametrize(
    "door", sorted(door for door in DOORS if "without_panic" not in LIMITS[door.partition("/")[0]])
)
async def test_a_call_for_help_rings_once_and_is_answered_once_it_is_kept(
    shared: Lasting, door: str
):
    await shared.empty()
    name, _ = door.split("/")
    unit_id = name_on_the_wire(name, UNIT)
    await register(shared.pool, unit_id, kind="panic_device", codec=name)
    unit = await unit_at(shared, door)
    fix = Fix(at=SAID_AT, lat=50.84674, lon=4.35248, speed_kmh=3.0)
    says_where = "panic_without_fix" not in LIMITS[name]
    said = Report(fix=fix if says_where else None, at=SAID_AT, signals=frozenset({Signal.PANIC}))
    await is_answered_only_after_commit(shared, unit, said)
    # Whoever heard no answer says it again.
    kept = shared.gateway.intake.figures.frames
    unit.say(said)
    await unit.answered()
    await until(lambda: shared.gateway.intake.figures.frames == kept + 1)
    assert await shared.alarms() == [(unit_id, "panic", 1 if name in TIMELESS else 0)]
    assert await count(shared.pool, "positions") == says_where
    if says_where:
        where = await shared.pool.fetchrow(
            "SELECT ST_Y(geom) AS lat, ST_X(geom) AS lon FROM alarms"
        )
        assert where is not None
        near = LIMITS[name].get("coarse_deg", 1e-5)
        assert tuple(where) == (pytest.approx(fix.lat, abs=near), pytest.approx(fix.lon, abs=near))
    assert await count(shared.pool, "quarantined_frames") == 0


@on_one_loop
@pytest.mark.parametrize("door", ["gt06/tcp", "h02/udp", "osmand/tcp"])
async def test_who_answers_before_it_is_kept_is_found_out(
    shared: Lasting, door: str, monkeypatch: pytest.MonkeyPatch
):
    await shared.empty()
    hasty = shared.settings.model_copy(update={"break_promise": "ack-first"})
    monkeypatch.setattr(shared.gateway.intake, "_settings", hasty)
    await register(shared.pool, UNIT, codec=door.partition("/")[0])
    unit = await unit_at(shared, door)
    fix = Fix(at=SAID_AT, lat=50.84674, lon=4.35248)
    with broken():
        await is_answered_only_after_commit(shared, unit, Report(fix=fix, at=SAID_AT))
