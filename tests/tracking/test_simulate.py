"""Demonstration devices speak their protocols, and only for the demonstration centre."""

import asyncio

import pytest

import protocols
from protocols.codec import Conversation, Peer
from protocols.message import Report, Signal
from protocols.settings import DeviceSettings
from tests.stack import running
from tracking import clock, database, demonstration, seed, simulate

ASSETS = {
    (asset.codec, asset.model, asset.kind): asset
    for client in demonstration.clients()
    for asset in client.assets
}


def _device(asset):
    return simulate.Device(
        unit_id=asset.unit_id,
        codec=protocols.get(asset.codec),
        model=asset.model,
        kind=asset.kind,
    )


@pytest.mark.parametrize("asset", ASSETS.values(), ids=map(str, ASSETS))
def test_every_kind_of_device_is_understood(asset):
    device = _device(asset)
    talk = Conversation(device.codec, Peer(settings=DeviceSettings(model=asset.model)))
    device.befall(Signal.PANIC)
    heard = []
    for frame in filter(None, (device.login(), *device.report())):
        heard += talk.receive(frame, clock.now())
    assert all(one.error is None for one in heard)
    reports = [
        message for one in heard for message in one.incoming.messages if isinstance(message, Report)
    ]
    assert reports
    assert all(one.fix for one in reports)
    spoken = frozenset().union(*(one.signals for one in reports))
    can_cry = simulate._has_a_word_for(asset.codec, Signal.PANIC)
    assert (Signal.PANIC in spoken) == can_cry


async def test_trouble_is_reported_without_waiting():
    device = _device(next(iter(ASSETS.values())))
    waiting = asyncio.create_task(device.until_next_report())
    device.befall(Signal.POWER_CUT)
    async with asyncio.timeout(5):
        await waiting
    assert len(device.report()) == 2


async def test_nobody_speaks_for_devices_of_a_real_centre(settings, pool):
    assert await simulate._devices(settings) == []
    await seed.seed(settings)
    found = await simulate._devices(settings)
    assert len(found) == 200
    await pool.execute("UPDATE organisations SET name = 'somebody else' WHERE kind = 'centre'")
    assert await simulate._devices(settings) == []


async def test_ports_that_want_more_than_bare_bytes_are_left_alone(make_settings):
    settings = make_settings(tls_protocols=frozenset({"gt06"}), device_ports={"watch": -1})
    await seed.seed(settings)
    spoken = {one.codec.name for one in await simulate._devices(settings)}
    assert spoken == {asset.codec for asset in ASSETS.values()} - {"gt06", "watch"}


def test_a_demonstration_fills_the_map_and_somebody_cries_for_help(settings, monkeypatch):
    monkeypatch.setattr(simulate, "_ARRIVE_WITHIN_S", 0.5)
    monkeypatch.setattr(simulate, "_FIRST_TROUBLE_S", 1.0)
    asyncio.run(seed.seed(settings))
    with running(settings) as stack:
        ports = {name.partition("/")[0]: port for name, port in stack.roster.device_ports.items()}
        asyncio.run(_demonstrate(settings.model_copy(update={"device_ports": ports})))


async def _demonstrate(settings):
    """Run some devices until every one of them is on the map and one has raised an alarm."""
    devices = [one for one in await simulate._devices(settings) if one.kind != "vehicle"][:30]
    running_devices = asyncio.create_task(simulate.Demonstration(settings, devices).run())
    connection = await database.connect(settings, "owner")
    try:
        async with asyncio.timeout(60):
            await _until(connection, f"SELECT count(*) = {len(devices)} FROM last_positions")
            await _until(connection, "SELECT EXISTS (SELECT FROM alarms WHERE cause = 'panic')")
    finally:
        running_devices.cancel()
        await connection.close()
        with pytest.raises(asyncio.CancelledError):
            await running_devices


async def _until(connection, fact):
    while not await connection.fetchval(fact):  # noqa: ASYNC110 - the fact is in another process
        await asyncio.sleep(0.05)
