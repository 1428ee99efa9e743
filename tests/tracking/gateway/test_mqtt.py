"""Devices that publish to a broker: kept, then acknowledged, by whichever gateway there is."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiomqtt import MqttError

from tests.devices import ago, until
from tests.gateways import (
    Darkness,
    alarms,
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
from tests.mosquitto import Mosquitto, mosquitto
from tracking.bus import NOTIFY_FLEET
from tracking.database import Pool
from tracking.gateway.server import Gateway
from tracking.gateway.topics import filters
from tracking.settings import Settings

JANE, BOX = "jane/phone", "356938035643809"
NO_POSITIONS = "LOCK TABLE positions IN SHARE MODE"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path, "jane", BOX, "mallory") as started:
        yield started


@pytest.fixture
def settings(make_settings: Callable[..., Settings], broker: Mosquitto) -> Settings:
    return make_settings(**broker.settings)


def location(at: datetime, **more: object) -> dict[str, object]:
    return {"_type": "location", "tst": int(at.timestamp()), "lat": 50.85, "lon": 4.35, **more}


def record(at: datetime, step: int = 0, **more: object) -> dict[str, object]:
    return {"time": at.isoformat(), "lat": 50.85, "lon": 4.35 + step / 1000, **more}


async def set_up(pool: Pool, unit_id: str, settings: dict[str, object]) -> None:
    await pool.execute("UPDATE devices SET settings = $2 WHERE unit_id = $1", unit_id, settings)
    await pool.execute("SELECT pg_notify($1, $2)", NOTIFY_FLEET, unit_id)


async def until_connected(*gateways: Gateway) -> None:
    await until(lambda: all(one.intake.figures.mqtt == "connected" for one in gateways))


async def until_hears(pool: Pool, name: str) -> None:
    """The same of a gateway that is a process of its own."""

    async def hears() -> bool:
        said = "name = $1 AND figures->>'mqtt' = 'connected'"
        return await count(pool, "gateways", said, name) == 1

    await until(hears)


def sharing(settings: Settings) -> Settings:
    return settings.model_copy(update={"mqtt_shared": True})


async def until_stored(pool: Pool, positions: int) -> None:
    async def stored() -> bool:
        return await count(pool, "positions") >= positions

    await until(stored)
    assert await count(pool, "positions") == positions


async def test_a_position_is_stored_whichever_way_it_is_written(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, JANE, codec="owntracks")
    await register(pool, BOX, codec="json_mqtt")
    async with listening(settings) as gateway, broker.phone("jane") as jane:
        await until_connected(gateway)
        await jane.publish("owntracks/jane/phone", location(ago(9), vel=30))
        async with broker.phone(BOX) as box:
            await box.publish(f"devices/{BOX}/json", record(ago(5), speed_kmh=50, battery_pct=82))
        await until_stored(pool, 2)
        rows = await pool.fetch("SELECT speed_kmh, buffered FROM positions ORDER BY speed_kmh")
        assert [tuple(row) for row in rows] == [(30, False), (50, False)]
        codecs = await pool.fetch("SELECT codec, unit_id FROM frames ORDER BY codec")
        assert [tuple(row) for row in codecs] == [("json_mqtt", BOX), ("owntracks", JANE)]


async def test_nobody_speaks_for_another(settings: Settings, pool: Pool, broker: Mosquitto):
    await register(pool, BOX, codec="json_mqtt")
    async with listening(settings) as gateway:
        await until_connected(gateway)
        async with broker.phone("mallory") as mallory:
            with suppress(MqttError):  # the broker may hang up for this
                await mallory.publish(f"devices/{BOX}/json", record(ago(9), event="sos"))
        async with broker.phone("mallory") as mallory:
            said = record(ago(5), unit_id=BOX, imei=BOX, topic=f"devices/{BOX}/json")
            await mallory.publish("devices/mallory/json", said)

        async def heard() -> bool:
            return await count(pool, "quarantined_frames", "unit_id = 'mallory'") == 1

        await until(heard)
        assert await count(pool, "positions") == 0
        assert await alarms(pool) == []


async def test_an_event_that_was_set_up_as_sos_rings(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, JANE, codec="owntracks", kind="panic_device")
    await set_up(pool, JANE, {"alarms": {"desc:SOS": ["panic"]}})
    async with listening(settings) as gateway, broker.phone("jane") as jane:
        await until_connected(gateway)
        said = location(ago(5), _type="waypoint", desc="SOS", rad=50)
        await jane.publish("owntracks/jane/phone/waypoint", said)

        async def rung() -> bool:
            return bool(await alarms(pool))

        await until(rung)
        alarm = await the_alarm(pool)
        assert (alarm["cause"], alarm["unit_id"], alarm["lon"]) == ("panic", JANE, 4.35)


async def test_a_cry_for_help_rings_while_postgresql_is_away(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, BOX, codec="json_mqtt", kind="panic_device")
    darkness = Darkness(settings)
    async with listening(settings) as gateway, broker.phone(BOX) as box:
        await until_connected(gateway)
        await box.publish(f"devices/{BOX}/json", record(ago(20)))
        await until_stored(pool, 1)
        await darkness.falls()
        await box.publish(f"devices/{BOX}/json", record(ago(5), event="sos"))
        await until(gateway.intake.journal.read)
        (entry,) = gateway.intake.journal.read()
        assert (entry["unit_id"], entry["codec"]) == (BOX, "json_mqtt")
        await darkness.lifts()

    opened = await the_alarm_once_there_is_light(settings)
    assert opened["cause"] == "panic"


async def the_alarm_once_there_is_light(settings: Settings) -> dict[str, Any]:
    from tracking import database

    pool = await database.open_pool(settings, "owner", size=1)
    try:

        async def rung() -> bool:
            return bool(await alarms(pool))

        await until(rung)
        return await the_alarm(pool)
    finally:
        await pool.close()


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


async def test_what_the_broker_retained_is_history(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, BOX, codec="json_mqtt")
    async with broker.phone(BOX) as box:
        await box.publish(f"devices/{BOX}/json", record(ago(5)), retain=True)
    async with listening(settings):
        await until_stored(pool, 1)
        assert await pool.fetchval("SELECT buffered FROM positions")


async def test_what_cannot_be_read_is_kept_and_does_not_stop_the_rest(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    await register(pool, BOX, codec="json_mqtt", kind="panic_device")
    async with listening(settings) as gateway, broker.phone(BOX) as box:
        await until_connected(gateway)
        await box.publish(f"devices/{BOX}/json", b"\xff\xfe not JSON")
        await box.publish(f"devices/{BOX}/json", b'{"a":"' + b"x" * 70_000 + b'"}')
        await box.publish(f"devices/{BOX}/json", record(ago(5)))
        await until_stored(pool, 1)
        assert await count(pool, "quarantined_frames") == 2
        assert {alarm["cause"] for alarm in await alarms(pool)} == {"unreadable"}


async def test_a_stranger_cannot_fill_the_database(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    async with listening(settings) as gateway, broker.phone("mallory") as mallory:
        await until_connected(gateway)
        for number in range(60):
            await mallory.publish("devices/mallory/json", record(ago(90 - number)))
        await until(lambda: gateway.intake.figures.refused_frames >= 10)
        await until(lambda: not any(line.waiting for line in gateway.broker.held.values()))


@pytest.mark.parametrize(
    ("wanted", "topic", "unit_id"),
    [
        ("owntracks/#", "owntracks/jane/phone", ""),
        ("owntracks/+/+", "owntracks/jane/phone/event", None),
        ("devices/{unit}/json", "devices/7/json", "7"),
        ("devices/{unit}/json", "devices/7/xml", None),
        ("devices/{unit}/json", "devices/7", None),
        ("application/+/device/{unit}/event/up", "application/3/device/a1/event/up", "a1"),
        ("{unit}/#", "a1/x/y", "a1"),
    ],
)
def test_a_filter_names_the_unit(wanted: str, topic: str, unit_id: str | None):
    (found,) = filters({wanted: "json_mqtt"})
    assert found.unit_of(topic) == unit_id
    assert "{" not in found.subscription


@pytest.mark.parametrize(
    "wanted",
    [{"a/#/b": "json_mqtt"}, {"a/{unit}/{unit}": "json_mqtt"}, {"a//b": "json_mqtt"}, {"a": "x"}],
)
def test_a_filter_that_cannot_be_is_refused(wanted: dict[str, str]):
    with pytest.raises(ValueError, match="VIGIL_MQTT_TOPICS"):
        filters(wanted)


async def test_an_address_that_is_none_is_refused(make_settings: Callable[..., Settings]):
    with pytest.raises(ValueError, match="VIGIL_MQTT_URL"):
        Gateway(make_settings(mqtt_url="http://broker"), "gateway-1")
