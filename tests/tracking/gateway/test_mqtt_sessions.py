"""Gateways and their broker come and go, and nothing that was published is lost or doubled."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.devices import ago, until
from tests.gateways import (
    broken,
    count,
    hearing,
    held,
    listening,
    process,
    register,
    the_alarm,
    until_a_commit_waits,
)
from tests.mosquitto import (
    BOX,
    Mosquitto,
    location,
    mosquitto,
    record,
    until_connected,
    until_hears,
    until_stored,
)
from tracking.database import Pool
from tracking.gateway.server import Gateway
from tracking.settings import Settings

NO_POSITIONS = "LOCK TABLE positions IN SHARE MODE"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path, "jane", BOX, "mallory") as started:
        yield started


@pytest.fixture
def settings(make_settings: Callable[..., Settings], broker: Mosquitto) -> Settings:
    return make_settings(**broker.settings)


def sharing(settings: Settings) -> Settings:
    return settings.model_copy(update={"mqtt_shared": True})


async def is_told_again_to_whoever_comes_after(
    settings: Settings, pool: Pool, broker: Mosquitto
) -> None:
    """Killed between hearing and commit: the broker must not have been told to forget."""
    await register(pool, BOX, codec="json_mqtt")
    async with broker.phone(BOX) as box:
        async with process(settings, pool) as first:
            await until_hears(pool, "gateway-1")
            await box.publish(f"devices/{BOX}/json", record(ago(60)))
            await until_stored(pool, 1)
            async with held(settings, NO_POSITIONS):
                await box.publish(f"devices/{BOX}/json", record(ago(30), 1))
                await until_a_commit_waits(pool)
                await first.kill()
        async with process(settings, pool):
            # A third one shows that whatever was waiting has been told by now.
            await box.publish(f"devices/{BOX}/json", record(ago(5), 2))

            async def the_third() -> bool:
                return await count(pool, "positions", "ST_X(geom) > 4.3515") == 1

            await until(the_third, within_s=30.0)
            assert await count(pool, "positions") == 3


@pytest.mark.timeout(120)
async def test_what_was_not_committed_is_told_again_and_counts_once(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await is_told_again_to_whoever_comes_after(settings, pool, broker)


@pytest.mark.timeout(120)
async def test_who_acknowledges_first_is_found_out(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    hasty = settings.model_copy(update={"break_promise": "ack-first"})
    with broken():
        await is_told_again_to_whoever_comes_after(hasty, pool, broker)


async def test_gateways_share_the_work(settings: Settings, pool: Pool, broker: Mosquitto):
    settings = sharing(settings)
    for number in range(4):
        await register(pool, f"jane/{number}", codec="owntracks")
    async with listening(settings) as one, listening(settings, "gateway-2") as two:
        await until_connected(one, two)
        async with broker.phone("jane") as jane:
            for number in range(40):
                said = location(ago(60 - number), vel=number)
                await jane.publish(f"owntracks/jane/{number % 4}", said)
        await until_stored(pool, 40)
        assert one.intake.figures.frames > 5
        assert two.intake.figures.frames > 5


@pytest.mark.timeout(120)
async def test_what_waits_for_a_dead_gateway_is_taken_over(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    """The broker goes on giving the dead one its share."""
    settings = sharing(settings)
    await register(pool, BOX, codec="json_mqtt", kind="panic_device")
    async with listening(settings) as survivor:
        await until_connected(survivor)
        async with broker.phone(BOX) as box, process(settings, pool, "gateway-2") as second:
            await until_hears(pool, "gateway-2")
            await until_somebody_shares(survivor, pool, box.publish)
            before = await count(pool, "positions")
            await second.kill()
            for number in range(6):
                await box.publish(f"devices/{BOX}/json", record(ago(20 - number), 500 + number))
            await box.publish(f"devices/{BOX}/json", record(ago(5), 900, event="sos"))
            await until_stored(pool, before + 7)
            assert (await the_alarm(pool))["cause"] == "panic"


async def until_somebody_shares(one: Gateway, pool: Pool, publish: Any) -> None:
    """Until a message went to another gateway than this one."""
    said = 0

    async def elsewhere() -> bool:
        nonlocal said
        said += 1
        await publish(f"devices/{BOX}/json", record(ago(900 - said), said))
        await until_stored(pool, said)
        return one.intake.figures.positions < said

    await until(elsewhere)


async def test_one_hears_and_the_other_stands_by_until_it_is_gone(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, BOX, codec="json_mqtt", kind="panic_device")
    async with process(settings, pool, "gateway-2") as first:
        await until_hears(pool, "gateway-2")
        async with listening(settings) as second, broker.phone(BOX) as box:
            await until(lambda: second.intake.figures.mqtt == "stands by")
            await box.publish(f"devices/{BOX}/json", record(ago(60)))
            await until_stored(pool, 1)
            assert second.intake.figures.positions == 0
            await first.kill()
            await box.publish(f"devices/{BOX}/json", record(ago(5), 1, event="sos"))
            await until_stored(pool, 2)
            assert (await the_alarm(pool))["cause"] == "panic"
            assert second.intake.figures.positions == 1


async def test_two_that_come_at_once_agree_who_hears(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, BOX, codec="json_mqtt")
    async with listening(settings) as one, listening(settings, "gateway-2") as two:
        both = (one, two)
        await until(lambda: sum(len(each.broker.held) for each in both) == 1)
        async with broker.phone(BOX) as box:
            for number in range(5):
                await box.publish(f"devices/{BOX}/json", record(ago(60 - number), number))
        await until_stored(pool, 5)
        assert sum(len(each.broker.held) for each in both) == 1


async def test_a_gateway_that_stops_leaves_its_turn_to_another(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, BOX, codec="json_mqtt")
    async with listening(settings, "gateway-2") as two:
        async with listening(settings) as one:
            await until(lambda: one.broker.held or two.broker.held)
        await until_connected(two)
        async with broker.phone(BOX) as box:
            await box.publish(f"devices/{BOX}/json", record(ago(5)))
        await until_stored(pool, 1)


async def test_a_broker_that_restarts_is_found_again(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, BOX, codec="json_mqtt")
    async with listening(settings) as gateway:
        await until_connected(gateway)
        await broker.stop()
        await until(lambda: gateway.intake.figures.mqtt == "away")
        await broker.start()
        # Perhaps before the gateway is back: the broker knows that it will be.
        async with broker.phone(BOX) as box:
            await box.publish(f"devices/{BOX}/json", record(ago(5)))
        await until_stored(pool, 1)
        await until_connected(gateway)


async def test_a_gateway_works_without_its_broker(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await broker.stop()
    async with listening(settings) as gateway:
        await until(lambda: gateway.intake.figures.mqtt == "away")
        async with hearing(settings, "vigil_fleet"):
            assert gateway.ports
        await broker.start()
        await until_connected(gateway)


async def test_what_is_published_while_no_gateway_is_there_is_told_later(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, BOX, codec="json_mqtt")
    async with listening(settings) as gateway:
        await until_connected(gateway)
    async with broker.phone(BOX) as box:
        await box.publish(f"devices/{BOX}/json", record(ago(5)))
    async with listening(settings):
        await until_stored(pool, 1)
