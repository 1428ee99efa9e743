"""A codec that fails in a way nobody thought of costs one connection, and no bytes."""

import dataclasses

import pytest

import protocols
from tests.devices import Device, Mailbox, ago, report, until
from tests.gateways import count, listening, register
from tracking.database import Pool
from tracking.gateway import server
from tracking.settings import Settings

UNIT = "356938035643809"


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
