"""Everything is bounded: who brings more than can be kept is not read, and silences nobody."""

import pytest

from protocols.message import Login
from tests.devices import Device, ago, report, sos, until
from tests.gateways import alarms, broken, count, held, listening, register, until_a_commit_waits
from tracking.database import Pool
from tracking.gateway.connection import _ALLOWANCE
from tracking.gateway.connection import Device as Connected
from tracking.settings import Settings

UNIT, OTHER, THIRD = "356938035643809", "356938035643810", "356938035643811"
FLOOD = 40_000
LARGEST_READ = 256 * 1024


async def bounds_a_flood(settings: Settings, pool: Pool) -> None:
    for unit_id in (UNIT, OTHER, THIRD):
        await register(pool, unit_id)
    async with listening(settings) as gateway:
        port = gateway.ports["gt06/tcp"]
        flooding = await Device("gt06", UNIT).connect(port)
        await flooding.sign_in()
        await until(lambda: gateway.units.get(UNIT))
        unit = gateway.units.get(UNIT)
        assert unit is not None
        unit.written_at = unit.written_at.replace(year=2020)  # hearing from it is due
        frame = flooding.frame(report(ago(60)))
        try:
            async with held(
                settings, "SELECT FROM unit_sessions WHERE unit_id = $1 FOR UPDATE", UNIT
            ):
                flooding.send(frame)
                await until_a_commit_waits(pool)
                flooding.send(frame * FLOOD)
                (connected,) = gateway._devices
                await until(lambda: connected._paused or gateway.intake.pending > FLOOD)
                at_most = 1 + _ALLOWANCE + LARGEST_READ // len(frame)
                assert gateway.intake.pending <= at_most
                # Behind a commit that does not return, somebody else cries for help.
                other = await Device("gt06", OTHER).connect(port)
                other.say(Login(unit_id=OTHER), sos(ago(5)))
                await until(lambda: gateway.intake.figures.alarms)
                assert [alarm["unit_id"] for alarm in await alarms(pool)] == [OTHER]
                assert gateway.intake.pending <= at_most + 1
        finally:
            flooding.vanish()
        await until(lambda: gateway.intake.figures.connections == 1)


async def test_a_flood_is_not_read_and_a_cry_for_help_passes_it(settings: Settings, pool: Pool):
    await bounds_a_flood(settings, pool)
    # What was heard of the flood before its socket died is kept, and is one position.
    assert await count(pool, "positions") == 2


async def test_who_reads_on_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Connected, "_pause", lambda *_: None)
    with broken():
        await bounds_a_flood(settings, pool)


async def test_when_the_gateway_is_full_everybody_gets_less(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    await register(pool, OTHER)
    tight = settings.model_copy(update={"pending_frames": 100})
    async with listening(tight) as gateway:
        old = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await old.sign_in()
        (brings_history,) = gateway._devices
        live = await Device("gt06", OTHER).connect(gateway.ports["gt06/tcp"])
        await live.sign_in()
        (brings_news,) = gateway._devices - {brings_history}
        await until(lambda: gateway.intake.pending == 0)
        assert brings_history._allowance() == brings_news._allowance() == _ALLOWANCE
        async with held(settings, "LOCK TABLE positions IN SHARE MODE") as locks:
            old.say(*(report(ago(3000 - step), step) for step in range(50)))
            await until(lambda: gateway.intake.pending == 50)
            assert (brings_history._allowance(), brings_news._allowance()) == (2, _ALLOWANCE)
            assert brings_history._paused
            live.say(*(report(ago(200 - step), step) for step in range(50)))
            await until(lambda: gateway.intake.pending == 100)
            assert brings_history._allowance() == brings_news._allowance() == 8
            assert brings_news._paused
            await locks.release()
        await old.answered()
        await live.answered()
        assert not brings_history._paused
        assert not brings_news._paused
    assert await count(pool, "positions") == 100


async def test_a_stranger_is_read_more_slowly_than_a_unit_we_know(settings: Settings, pool: Pool):
    async with listening(settings) as gateway:
        gateway.time = lambda: 1000.0
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        (connected,) = gateway._devices
        for step in range(settings.frames_per_second_per_unknown_unit):
            assert not connected._paused
            device.say(report(ago(60 - step), step))
            await device.answered()
        assert connected._paused
        gateway.time = lambda: 1001.0
        await until(lambda: not connected._paused)
        device.say(report(ago(1)))
        await device.answered()


async def test_who_does_not_read_what_we_answer_is_cut_off(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.pause()
        (connected,) = gateway._devices

        def talks_on() -> bool:
            connected.write(bytes(30_000))
            return not gateway._devices

        await until(talks_on)
