"""A codec that fails in a way nobody thought of costs one connection, and no bytes."""

import dataclasses
import gc

import pytest

import protocols
from tests.devices import Device, Mailbox, ago, report, until
from tests.gateways import count, listening, register
from tracking.database import Pool
from tracking.gateway import server
from tracking.gateway.connection import Device as Connected
from tracking.settings import Settings

UNIT, OTHER = "356938035643809", "356938035643810"


@pytest.fixture
def broken_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    """H02, whose author divides by zero."""
    usual = protocols.get

    def get(name: str) -> object:
        codec = usual(name)
        if name != "h02":
            return codec
        return dataclasses.replace(codec, decode=lambda *_: 1 // 0)

    monkeypatch.setattr(server.protocols, "get", get)


async def test_what_a_codec_chokes_on_is_kept_and_others_are_heard(
    settings: Settings, pool: Pool, broken_codec: None
):
    await register(pool, UNIT)
    frame = Device("h02", UNIT).frame(report(ago(5)))
    async with listening(settings) as gateway:
        choked = await Device("h02", UNIT).connect(gateway.ports["h02/tcp"])
        choked.send(frame)
        await until(lambda: choked.closed)
        mailbox = await Mailbox().connect(gateway.ports["h02/udp"])
        mailbox.send(frame)
        other = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await other.sign_in()
        other.say(report(ago(5)))
        await other.answered()

        async def both_are_kept() -> bool:
            return await count(pool, "quarantined_frames", "reason LIKE 'ZeroDivision%'") == 2

        await until(both_are_kept)
        mailbox.hang_up()
    kept = await pool.fetch("SELECT payload FROM quarantined_frames")
    assert [row["payload"] for row in kept] == [frame, frame]
    assert await count(pool, "positions") == 1


async def test_a_datagram_of_garbage_is_kept_to_be_looked_at(settings: Settings, pool: Pool):
    async with listening(settings) as gateway:
        mailbox = await Mailbox().connect(gateway.ports["calamp/udp"])
        mailbox.send(b"\x01")
        await until(lambda: gateway.intake.figures.quarantined)
        mailbox.hang_up()
    assert await count(pool, "quarantined_frames", "codec = 'calamp' AND unit_id = ''") == 1


async def test_a_connection_that_has_ended_holds_nothing(settings: Settings, pool: Pool):
    """A gateway looks for cycles so seldom that one in each connection would fill its memory."""
    await register(pool, UNIT)
    await register(pool, OTHER)
    gc.collect()
    gc.disable()
    try:
        async with listening(settings) as gateway:
            device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
            await device.sign_in()
            device.say(report(ago(5)))
            await device.answered()
            device.hang_up()
            await until(lambda: not gateway._devices)
            # The lane has its last batch in hand until the next one comes.
            other = await Device("gt06", OTHER).connect(gateway.ports["gt06/tcp"])
            await other.sign_in()
            other.say(report(ago(5)))
            await other.answered()
            held = (each for each in gc.get_objects() if isinstance(each, Connected))
            assert {each.unit_id for each in held} == {OTHER}
    finally:
        gc.enable()
