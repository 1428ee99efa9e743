"""Units that nobody registered: heard, kept within bounds, and rung for when they cry for help."""

import pytest

import protocols
from protocols.codec import Peer
from protocols.message import Report, Signal
from tests.devices import Device, Mailbox, ago, report, sos, until
from tests.gateways import (
    alarms,
    broken,
    count,
    listening,
    process,
    register,
    settle,
    the_alarm,
)
from tracking.database import Pool
from tracking.ingest.figures import Figures
from tracking.ingest.identity import Units
from tracking.ingest.replay import read_again
from tracking.ingest.writer import Writer
from tracking.rules.book import Shelf
from tracking.rules.service import rules_of
from tracking.settings import Settings

UNIT = "356938035643809"


async def test_what_a_stranger_says_is_kept_and_answered(settings: Settings, pool: Pool):
    await settle(pool)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(report(ago(9)), report(ago(8), 1))
        await device.answered()
    kept = await pool.fetch("SELECT unit_id, codec, reason FROM quarantined_frames")
    assert {tuple(row) for row in kept} == {(UNIT, "gt06", "unknown unit")}
    assert len(kept) == 3
    stranger = await pool.fetchrow("SELECT codec, address, frames, refused FROM unknown_units")
    assert stranger is not None
    assert tuple(stranger) == ("gt06", "127.0.0.1", 3, 0)
    assert await count(pool, "positions") == 0
    assert await alarms(pool) == []


async def test_a_stranger_is_kept_up_to_a_bound_but_its_cry_for_help_always(
    settings: Settings, pool: Pool
):
    await settle(pool)
    few = settings.model_copy(update={"quarantine_frames_per_unit": 3})
    async with listening(few) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(report(ago(9)), report(ago(8), 1))
        await device.answered()
        answered = device.answers
        # There is no room for this one: it is not kept, so it is not answered either.
        device.send(device.frame(report(ago(7), 2)))
        await until(lambda: gateway.intake.figures.refused_frames)
        assert device.answers == answered
        device.say(sos(ago(6)))
        await device.answered()
    assert await count(pool, "quarantined_frames") == 4
    assert await pool.fetchval("SELECT refused FROM unknown_units") == 1
    assert (await the_alarm(pool))["cause"] == "panic"


async def rings_at_the_centre(settings: Settings, pool: Pool, said: Report, cause: str) -> None:
    await settle(pool)
    async with listening(settings) as gateway:
        device = await Device("teltonika", UNIT).connect(gateway.ports["teltonika/tcp"])
        await device.sign_in()
        device.say(said)
        await device.answered()
    alarm = await the_alarm(pool)
    assert (alarm["cause"], alarm["unit_id"]) == (cause, UNIT)
    assert "unknown_unit" in alarm["labels"]
    centre = await pool.fetchval("SELECT id FROM organisations WHERE kind = 'centre'")
    assert await count(pool, "changes", "organisation_id = $1 AND sound", centre) == 1


@pytest.mark.parametrize("signal", [Signal.PANIC, Signal.FALL, Signal.UNSPECIFIED])
async def test_a_stranger_that_cries_for_help_rings_at_the_centre(
    settings: Settings, pool: Pool, signal: Signal
):
    await rings_at_the_centre(settings, pool, report(ago(5), 0, signal), signal.value)


async def flows_once_registered(settings: Settings, pool: Pool) -> None:
    await settle(pool)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        await until(lambda: gateway.intake.figures.unknown_frames)
        await register(pool, UNIT)
        await until(lambda: gateway.units.get(UNIT) is None and UNIT not in gateway.units._unknown)
        device.say(report(ago(5)))
        await device.answered()
    assert await count(pool, "positions") == 1


async def test_a_unit_flows_as_soon_as_it_is_registered(settings: Settings, pool: Pool):
    await flows_once_registered(settings, pool)


async def test_who_does_not_hear_of_the_fleet_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Units, "forget", lambda *_: None)
    monkeypatch.setattr("tests.devices.WITHIN_S", 3.0)
    with broken():
        await flows_once_registered(settings, pool)


async def test_what_it_said_before_is_read_once_it_is_registered(settings: Settings, pool: Pool):
    await settle(pool)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(report(ago(60)), sos(ago(50), 1))
        await device.answered()
        mine = await register(pool, UNIT)
        intake = gateway.intake
        async with pool.acquire() as connection:
            for _ in range(2):
                writer = Writer(
                    settings,
                    gateway="replay",
                    units=Units(),
                    rules=intake.rules,
                    shelf=gateway.shelf,
                    figures=type(intake.figures)(),
                )
                await read_again(connection, writer)
                await writer.close()
    assert await count(pool, "positions", "asset_id = $1", mine.asset_id) == 2
    assert await count(pool, "quarantined_frames") == 0
    # The alarm that rang for a stranger is the same alarm.
    assert (await the_alarm(pool))["repeats"] == 0


async def test_bytes_that_can_no_longer_be_read_do_not_stop_who_reads_them(
    settings: Settings, pool: Pool
):
    await settle(pool)
    await register(pool, UNIT)
    await pool.execute(
        "INSERT INTO quarantined_frames (received_at, unit_id, codec, address, payload, reason)"
        " VALUES (now(), $1, 'a protocol we gave up', '', $2, 'unknown unit')",
        UNIT,
        b"bytes",
    )
    writer = Writer(
        settings,
        gateway="replay",
        units=Units(),
        rules=rules_of(settings),
        shelf=Shelf(),
        figures=Figures(),
    )
    async with pool.acquire() as connection:
        await read_again(connection, writer)
    await writer.close()
    kept = await pool.fetchrow("SELECT payload, reason FROM quarantined_frames")
    assert kept is not None
    assert kept["payload"] == b"bytes"
    assert "a protocol we gave up" in kept["reason"]


async def test_a_gateway_process_serves_strangers_too(settings: Settings, pool: Pool):
    """The same as it really runs: a process of its own, on the event loop of production."""
    await settle(pool)
    async with process(settings, pool) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(report(ago(9)), sos(ago(8)))
        await device.answered()
        assert (await the_alarm(pool))["labels"] == ["unknown_unit"]


@pytest.mark.parametrize("how", ["tcp", "udp"])
async def test_who_cries_for_help_without_a_name_rings(settings: Settings, pool: Pool, how: str):
    await settle(pool)
    frame = protocols.get("eelink").simulate(sos(ago(5)), Peer(unit_id=UNIT))
    async with listening(settings) as gateway:
        port = gateway.ports[f"eelink/{how}"]
        if how == "tcp":
            device = await Device("eelink", UNIT).connect(port)
            device.send(frame)
        else:
            mailbox = await Mailbox().connect(port)
            mailbox.send(frame)
            mailbox.hang_up()
        await until(lambda: gateway.intake.figures.alarms)
    alarm = await the_alarm(pool)
    assert (alarm["unit_id"], alarm["cause"]) == ("unnamed@127.0.0.1", "panic")
    assert alarm["labels"] == ["unknown_unit"]
    assert await count(pool, "quarantined_frames") == 1
    assert await count(pool, "unknown_units") == 0
