"""Devices that publish to a broker: kept, then acknowledged, like all others."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from aiomqtt import MqttError

from protocols.codec import Peer
from protocols.message import Signal
from protocols.mqtt_publish import Publication, written
from tests.devices import ago, until
from tests.gateways import (
    Darkness,
    alarms,
    count,
    listening,
    register,
    the_alarm,
)
from tests.mosquitto import (
    BOX,
    JANE,
    Mosquitto,
    location,
    mosquitto,
    record,
    set_up,
    until_connected,
    until_stored,
)
from tracking import clock, database
from tracking.database import Pool
from tracking.gateway.server import Gateway
from tracking.gateway.topics import filters
from tracking.ingest.figures import Figures
from tracking.ingest.identity import Units
from tracking.ingest.replay import read_again
from tracking.ingest.understood import understood
from tracking.ingest.writer import Writer
from tracking.rules.book import Shelf
from tracking.rules.service import rules_of
from tracking.settings import Settings


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path, "jane", BOX, "mallory") as started:
        yield started


@pytest.fixture
def settings(make_settings: Callable[..., Settings], broker: Mosquitto) -> Settings:
    return make_settings(**broker.settings)


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


async def test_a_broker_is_spoken_to_over_tls(settings: Settings, pool: Pool, broker: Mosquitto):
    await register(pool, BOX, codec="json_mqtt")
    secret = settings.model_copy(update=await broker.also_over_tls())
    async with listening(secret) as gateway, broker.phone(BOX) as box:
        await until_connected(gateway)
        await box.publish(f"devices/{BOX}/json", record(ago(5)))
        await until_stored(pool, 1)


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_that_nobody_vouches_for_is_told_no_password(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    said = await broker.also_over_tls()
    async with listening(settings.model_copy(update={**said, "mqtt_ca": None})) as gateway:
        await until(lambda: gateway.intake.figures.mqtt == "away")

        async def told() -> bool:
            return await count(pool, "gateways", "last_error ILIKE '%certificate%'") == 1

        await until(told)


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
    pool = await database.open_pool(settings, "owner", size=1)
    try:

        async def rung() -> bool:
            return bool(await alarms(pool))

        await until(rung)
        return await the_alarm(pool)
    finally:
        await pool.close()


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


async def test_a_codec_that_breaks_does_not_stop_the_gateway(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    def breaks(*_: object) -> NoReturn:
        raise KeyError("lat")

    await register(pool, JANE, codec="owntracks", kind="panic_device")
    await register(pool, BOX, codec="json_mqtt")
    async with listening(settings) as gateway, broker.phone("jane") as jane:
        spoken = gateway.broker._filters
        spoken[0] = replace(spoken[0], codec=replace(spoken[0].codec, decode=breaks))
        await until_connected(gateway)
        await jane.publish("owntracks/jane/phone", location(ago(9)))
        async with broker.phone(BOX) as box:
            await box.publish(f"devices/{BOX}/json", record(ago(5)))
        await until_stored(pool, 1)
        await until(lambda: not any(line.waiting for line in gateway.broker.held.values()))
        assert await pool.fetchval("SELECT reason FROM quarantined_frames") == "KeyError: 'lat'"


async def test_a_stranger_cannot_fill_the_database(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    async with listening(settings) as gateway, broker.phone("mallory") as mallory:
        await until_connected(gateway)
        for number in range(60):
            await mallory.publish("devices/mallory/json", record(ago(90 - number)))
        await until(lambda: gateway.intake.figures.refused_frames >= 10)
        await until(lambda: not any(line.waiting for line in gateway.broker.held.values()))


async def test_what_it_published_before_is_read_once_it_is_registered(
    settings: Settings, pool: Pool, broker: Mosquitto
):
    async with listening(settings) as gateway:
        await until_connected(gateway)
        async with broker.phone("jane") as jane, broker.phone(BOX) as box:
            await jane.publish("owntracks/jane/phone", location(ago(9)))
            await box.publish(f"devices/{BOX}/json", record(ago(5)))

            async def kept() -> bool:
                return await count(pool, "quarantined_frames") == 2

            await until(kept)
    await register(pool, JANE, codec="owntracks")
    await register(pool, BOX, codec="json_mqtt")
    writer = Writer(
        settings,
        gateway="timekeeper",
        units=Units(),
        rules=rules_of(settings),
        shelf=Shelf(),
        figures=Figures(),
    )
    async with pool.acquire() as connection:
        await read_again(connection, writer)
    await writer.close()
    assert await count(pool, "positions") == 2
    assert await count(pool, "quarantined_frames") == 0


@pytest.mark.parametrize("codec", ["owntracks", "json_mqtt"])
def test_stored_bytes_say_the_same_again(codec: str):
    said = b'{"_type": "location", "tst": 1795505415, "lat": 50.85, "lon": 4.35, "event": "sos"}'
    topic = "application/3/device/a1/event/up" if codec == "json_mqtt" else f"owntracks/{JANE}"
    arrival = understood(
        written(Publication(topic=topic, payload=said)),
        codec=codec,
        peer=Peer(unit_id="a1" if codec == "json_mqtt" else JANE),
        address="mqtt",
        received_at=clock.now(),
    )
    assert not arrival.error
    (report,) = arrival.reports
    assert report.signals == {Signal.PANIC}
    assert report.fix


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
