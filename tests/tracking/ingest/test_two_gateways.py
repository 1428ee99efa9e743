"""A unit's rule memory has one owner at a time: the gateway that holds its session epoch."""

import pytest

from protocols.message import Signal
from tests.devices import Device, ago, report
from tests.gateways import alarms, broken, count, listening, register, the_alarm
from tracking.database import Pool
from tracking.ingest import store
from tracking.settings import Settings

UNIT = "356938035643809"


async def refuses_a_stale_owner(settings: Settings, pool: Pool) -> None:
    await register(pool, UNIT)
    async with listening(settings) as first, listening(settings, "gateway-2") as second:
        device = Device("gt06", UNIT)
        for step, (gateway, signals) in enumerate(
            (
                (first, ()),
                (second, (Signal.POWER_CUT,)),
                # The first still believes that nothing is cut; by its own memory this is news.
                (first, (Signal.POWER_CUT,)),
                (second, (Signal.POWER_CUT,)),
            )
        ):
            await device.connect(gateway.ports["gt06/tcp"])
            await device.sign_in()
            device.say(report(ago(300 - step * 100), step, *signals))
            await device.answered()
            held = await pool.fetchrow("SELECT epoch, gateway FROM unit_sessions")
            assert held is not None
            assert (held["epoch"], held["gateway"]) == (step + 1, gateway.name)
        alarm = await the_alarm(pool)
        assert (alarm["cause"], alarm["repeats"]) == ("power_cut", 0)
    assert await count(pool, "positions") == 4
    assert await count(pool, "quarantined_frames") == 0


async def test_a_stale_gateway_is_refused_and_does_it_again(settings: Settings, pool: Pool):
    await refuses_a_stale_owner(settings, pool)


async def test_who_does_not_ask_for_the_epoch_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    async def write_whatever(*_: object) -> set[str]:
        return set()

    monkeypatch.setattr(store, "write_memories", write_whatever)
    monkeypatch.setattr(store, "write_hearing", write_whatever)
    with broken():
        await refuses_a_stale_owner(settings, pool)


async def test_a_press_heard_by_two_gateways_is_one_event(settings: Settings, pool: Pool):
    await register(pool, UNIT, kind="panic_device")
    pressed = report(ago(5), 0, Signal.PANIC)
    async with listening(settings) as first, listening(settings, "gateway-2") as second:
        devices = [
            await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
            for gateway in (first, second)
        ]
        for device in devices:
            await device.sign_in()
        for device in devices:
            device.say(pressed)
        for device in devices:
            await device.answered()
    assert await count(pool, "positions") == 1
    assert [(one["cause"], one["repeats"]) for one in await alarms(pool)] == [("panic", 0)]
    assert await count(pool, "changes") == 1
