"""A device says again what was not acknowledged in time. It counts once; nothing else does."""

from typing import Any

import pytest

from protocols.message import Login, Report, Signal
from tests.devices import Device, ago, report, sos
from tests.gateways import alarms, broken, count, listening, register, the_alarm
from tracking.database import Pool
from tracking.ingest import store
from tracking.settings import Settings

UNIT = "356938035643809"


async def speak_twice(settings: Settings, pool: Pool, *reports: Report) -> int:
    """Say it, say it again to the same gateway, to one started anew, and to another one."""
    await register(pool, UNIT)
    async with listening(settings) as gateway:
        for _ in range(2):
            device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
            await device.sign_in()
            # The second time all of it arrives in one batch, each frame twice over.
            device.say(*reports, *reports)
            await device.answered()
        duplicates = gateway.intake.figures.duplicates
    async with listening(settings) as again, listening(settings, "gateway-2") as other:
        for gateway in (again, other, again):
            device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
            await device.sign_in()
            device.say(*reports)
            await device.answered()
        figures = again.intake.figures, other.intake.figures
        return duplicates + sum(each.duplicates for each in figures)


async def counts_once(settings: Settings, pool: Pool) -> None:
    reports = [report(ago(60 - step), step) for step in range(4)]
    said = [*reports, sos(ago(10), 5)]
    duplicates = await speak_twice(settings, pool, *said)
    assert await count(pool, "positions") == len(said)
    assert duplicates == 6 * len(said)
    alarm = await the_alarm(pool)
    assert (alarm["cause"], alarm["repeats"]) == ("panic", 0)
    assert await count(pool, "changes") == 1
    assert await count(pool, "quarantined_frames") == 0


async def test_what_is_said_again_counts_once(settings: Settings, pool: Pool):
    await counts_once(settings, pool)


async def test_who_does_not_ask_what_is_stored_is_found_out(settings: Settings, pool: Pool):
    with broken():
        await counts_once(settings.model_copy(update={"break_promise": "no-dedupe"}), pool)


async def test_two_records_of_one_second_are_both_stored(settings: Settings, pool: Pool):
    at = ago(30)
    await register(pool, UNIT)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(report(at, 1), report(at, 2), report(at, 2, Signal.POWER_CUT))
        await device.answered()
        assert await count(pool, "positions", "at = $1", at) == 3
        assert gateway.intake.figures.duplicates == 0


async def test_equal_records_of_two_units_are_two(settings: Settings, pool: Pool):
    other = "356938035643810"
    await register(pool, UNIT)
    await register(pool, other)
    said = sos(ago(5))
    async with listening(settings) as gateway:
        for unit_id in (UNIT, other):
            device = await Device("gt06", unit_id).connect(gateway.ports["gt06/tcp"])
            await device.sign_in()
            device.say(said)
            await device.answered()
    assert await count(pool, "positions") == 2
    assert {alarm["unit_id"] for alarm in await alarms(pool)} == {UNIT, other}


async def test_a_unit_that_is_forgotten_in_the_middle_of_a_batch_is_no_stranger(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    known = await register(pool, UNIT)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        device.say(Login(unit_id=UNIT), report(ago(60)))
        await device.answered()
        ask, forgotten = store.stored_already, []

        async def forgets(*asked: Any) -> set[Any]:
            """As the other lane does whose claim was taken, or somebody who edits the unit."""
            if not forgotten:
                forgotten.append(UNIT)
                gateway.units.forget([UNIT])
            return await ask(*asked)

        monkeypatch.setattr(store, "stored_already", forgets)
        device.say(sos(ago(10), 5))
        await device.answered()
    assert forgotten
    alarm = await the_alarm(pool)
    assert (alarm["asset_id"], alarm["labels"]) == (known.asset_id, [])
    assert await count(pool, "quarantined_frames") == 0
