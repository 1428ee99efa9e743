"""Promise 1: a device is answered only after COMMIT, in order, and once for each frame."""

import asyncio

import pytest

from protocols.message import Report
from tests.devices import Device, ago, report, sos, until
from tests.gateways import (
    DOORS,
    broken,
    count,
    held,
    listening,
    register,
    until_a_commit_waits,
)
from tracking.database import Pool
from tracking.gateway.connection import Device as Connected
from tracking.gateway.server import Gateway
from tracking.settings import Settings

UNIT = "356938035643809"
NO_POSITIONS = "LOCK TABLE positions IN SHARE MODE"


async def is_answered_only_after_commit(
    settings: Settings, pool: Pool, codecs: tuple[str, ...], said: Report
) -> None:
    async with listening(settings) as gateway:
        for number, codec in enumerate(codecs):
            unit_id = str(int(UNIT) + number)
            await register(pool, unit_id, codec=codec)
            device = await Device(codec, unit_id).connect(gateway.ports[f"{codec}/tcp"])
            await device.sign_in()
            signed_in = device.answers
            async with held(settings, NO_POSITIONS) as locks:
                device.say(said)
                await until_a_commit_waits(pool)
                assert device.answers == signed_in
                assert await count(pool, "positions") == number
                await locks.release()
                await device.answered()
            assert len(device.answers) > len(signed_in)
            assert await count(pool, "positions") == number + 1


async def test_a_cry_for_help_is_answered_only_after_commit(settings: Settings, pool: Pool):
    codecs = ("gt06", "teltonika", "watch", "minifinder2", "osmand")
    await is_answered_only_after_commit(settings, pool, codecs, sos(ago(5)))


async def test_a_position_is_answered_only_after_commit(settings: Settings, pool: Pool):
    # A watch is answered only when it calls for help.
    codecs = ("gt06", "teltonika", "minifinder2", "osmand", "owntracks")
    await is_answered_only_after_commit(settings, pool, codecs, report(ago(5)))


async def test_who_answers_first_is_found_out(settings: Settings, pool: Pool):
    hasty = settings.model_copy(update={"break_promise": "ack-first"})
    with broken():
        await is_answered_only_after_commit(hasty, pool, ("gt06",), report(ago(5)))


async def test_answers_come_in_the_order_of_the_frames(settings: Settings, pool: Pool):
    """A cry for help overtakes what waits before it on the way in, never on the way out."""
    await register(pool, UNIT, codec="teltonika")
    async with listening(settings) as gateway:
        device = await Device("teltonika", UNIT).connect(gateway.ports["teltonika/tcp"])
        await device.sign_in()
        device.say(report(ago(60)))
        await device.answered()
        async with held(settings, "SELECT FROM unit_sessions WHERE unit_id = $1 FOR UPDATE", UNIT):
            # Hearing from it is written again only after a while: pretend that it has passed.
            unit = gateway.units.get(UNIT)
            assert unit is not None
            unit.written_at = unit.written_at.replace(year=2020)
            answered = device.answers
            device.say(report(ago(30), 1))
            await until_a_commit_waits(pool)
            device.say(sos(ago(20), 2))
            await until(lambda: gateway.intake.urgent.pending)
            assert device.answers == answered
        await device.answered()


async def answers_what_it_heard_before_it_stops(settings: Settings, pool: Pool) -> None:
    await register(pool, UNIT)
    stop = asyncio.Event()
    gateway = Gateway(settings, "gateway-1")
    work = asyncio.create_task(gateway.serve(stop))
    await until(lambda: gateway.ports.keys() == DOORS)
    device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
    await device.sign_in()
    async with held(settings, NO_POSITIONS) as locks:
        device.say(report(ago(9)), report(ago(8), 1))
        await until_a_commit_waits(pool)
        stop.set()
        await until(lambda: not any(server.is_serving() for server in gateway._servers))
        # It has stopped listening. One that drains does not end now; one that does not, ends.
        await until(lambda: work.done() or gateway.intake._news._waiters)
        await locks.release()
    await work
    await until(lambda: device.closed)
    assert device.answers == device.expected
    assert await count(pool, "positions") == 2
    assert await count(pool, "gateways") == 0


async def test_a_stopping_gateway_answers_what_it_heard(settings: Settings, pool: Pool):
    await answers_what_it_heard_before_it_stops(settings, pool)


async def test_a_gateway_that_does_not_wait_for_its_commits_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    def hang_up(device: Connected, reason: str) -> None:
        device._close()

    monkeypatch.setattr(Connected, "hang_up", hang_up)
    with broken():
        await answers_what_it_heard_before_it_stops(
            settings.model_copy(update={"drain_s": 0.0}), pool
        )


async def test_a_frame_with_a_bad_checksum_is_not_answered_and_the_next_one_counts(
    settings: Settings, pool: Pool
):
    await register(pool, UNIT)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        bad = bytearray(device.frame(report(ago(9))))
        bad[-3] ^= 0xFF
        good = device.frame(report(ago(8), 1))
        heard = device.send_frames(bytes(bad), good)
        assert [one.incoming is not None for one in heard] == [False, True]
        await device.answered()
        assert gateway.intake.figures.malformed == 1
        assert await count(pool, "positions") == 1
        assert await count(pool, "quarantined_frames", "payload = $1", bytes(bad)) == 1


async def test_a_server_that_may_forget_is_refused(settings: Settings, pool: Pool):
    name = await pool.fetchval("SELECT current_database()")
    await pool.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(RuntimeError, match="synchronous_commit = off"):
        async with asyncio.timeout(10):
            await Gateway(settings, "gateway-1").serve(asyncio.Event())

    async def nobody_is_left_behind() -> bool:
        ours = "datname = current_database() AND usename = 'vigil_ingest'"
        return await count(pool, "pg_stat_activity", ours) == 0

    await until(nobody_is_left_behind)
    await pool.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
    async with listening(settings) as gateway:
        assert gateway.ports
