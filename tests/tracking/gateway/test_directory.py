"""A frame is understood with its unit's settings, whatever happens first."""

import pytest

from protocols.settings import AS_USUAL
from tests.devices import Device, ago, report, until
from tests.gateways import Darkness, held, listening, register
from tracking.bus import NOTIFY_FLEET
from tracking.database import Pool
from tracking.gateway import directory
from tracking.settings import Settings

UNIT = "123456789012345"


async def set_up(pool: Pool, unit_id: str, settings: dict[str, object]) -> None:
    """As an administrator would."""
    await pool.execute("UPDATE devices SET settings = $2 WHERE unit_id = $1", unit_id, settings)
    await pool.execute("SELECT pg_notify($1, $2)", NOTIFY_FLEET, unit_id)


async def test_a_profile_a_model_and_a_unit_are_laid_over_each_other(
    settings: Settings, pool: Pool
):
    await register(pool, UNIT, codec="teltonika", model="FMB130")
    await pool.execute(
        "INSERT INTO profiles (codec, model, version, settings) VALUES"
        " ('teltonika', '', 1, $1), ('teltonika', 'fmb130', 1, $2), ('teltonika', 'fmb130', 2, $3)",
        {"time_zone": "+02:00", "heartbeat_s": 60, "alarms": {"1": ["fall"]}},
        {"panic_inputs": [4]},
        {"panic_inputs": [2], "alarms": {"2": ["tow"]}},
    )
    await set_up(pool, UNIT, {"heartbeat_s": 300})
    async with listening(settings) as gateway:
        device = await Device("teltonika", UNIT).connect(gateway.ports["teltonika/tcp"])
        await device.sign_in()
        (connected,) = gateway._devices
        found = connected._talk.peer.settings
        assert (found.model, found.time_zone, found.heartbeat_s) == ("FMB130", "+02:00", 300)
        assert found.panic_inputs == {2}
        assert found.alarms.keys() == {"1", "2"}
        assert connected.read_timeout_s == 750.0


async def test_a_change_reaches_a_device_that_is_connected(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        (connected,) = gateway._devices
        await set_up(pool, UNIT, {"heartbeat_s": 600})

        async def it_knows() -> bool:
            device.say(report(ago(5)))
            await device.answered()
            return connected._talk.peer.settings.heartbeat_s == 600

        await until(it_knows)


async def test_a_unit_that_cannot_be_looked_up_soon_is_heard_as_usual_and_learnt_later(
    settings: Settings, pool: Pool
):
    await register(pool, UNIT)
    await set_up(pool, UNIT, {"heartbeat_s": 600})
    async with (
        listening(settings) as gateway,
        held(settings, "LOCK TABLE devices IN ACCESS EXCLUSIVE MODE") as locks,
    ):
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        (connected,) = gateway._devices
        assert connected._talk.peer.settings == AS_USUAL
        await locks.release()

        async def it_knows() -> bool:
            device.say(report(ago(5)))
            await device.answered()
            return connected._talk.peer.settings.heartbeat_s == 600

        await until(it_knows)


async def test_who_calls_for_help_in_the_dark_is_heard_as_usual(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    darkness = Darkness(settings)
    async with listening(settings) as gateway:
        await darkness.falls()
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        assert gateway.directory.of("anybody") == AS_USUAL
        await darkness.lifts()
        device.say(report(ago(5)))
        await device.answered()


async def test_two_frames_and_a_good_bye_in_one_segment_are_all_heard(
    settings: Settings, pool: Pool
):
    await register(pool, UNIT)
    async with listening(settings) as gateway:
        device = await Device("osmand", UNIT).connect(gateway.ports["osmand/tcp"])
        device.say(report(ago(10)), report(ago(5)))
        device.hang_up()
        await until(lambda: gateway.intake.figures.positions == 2)
        await until(lambda: not gateway._devices)


async def test_a_flood_of_made_up_names_does_not_pile_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(directory, "_MOST_ASKED", 3)
    asked = directory.Directory(settings)
    for number in range(3):
        assert asked.of(f"unit-{number}") is None
        asked.ask(f"unit-{number}")
    assert asked.of("one more") == AS_USUAL
