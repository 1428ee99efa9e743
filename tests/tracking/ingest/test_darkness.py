"""Promise 3: no single failure silences a cry for help, neither PostgreSQL nor Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.devices import Device, ago, report, sos, until
from tests.gateways import (
    Darkness,
    alarms,
    broken,
    count,
    hearing,
    listening,
    process,
    register,
)
from tracking import bus
from tracking.database import Pool
from tracking.ingest.batch import Intake
from tracking.ingest.journal import Journal
from tracking.settings import Settings

UNIT = "356938035643809"


@asynccontextmanager
async def desk(settings: Settings) -> AsyncIterator[list[dict[str, Any]]]:
    """What rings on the desks before PostgreSQL has confirmed it."""
    rung: list[dict[str, Any]] = []
    open_ears = asyncio.Event()

    async def hear() -> None:
        async with aclosing(bus.listen(settings, bus.PROVISIONAL)) as heard:
            async for channel, payload in heard:
                if channel:
                    rung.append(orjson.loads(payload))
                open_ears.set()

    ears = asyncio.create_task(hear())
    try:
        await open_ears.wait()
        yield rung
    finally:
        ears.cancel()
        await asyncio.gather(ears, return_exceptions=True)


def path_of(settings: Settings) -> Path:
    return settings.journal_dir / "gateway-1.journal"


def journal_of(settings: Settings) -> bytes:
    path = path_of(settings)
    return path.read_bytes() if path.exists() else b""


async def rings_in_the_dark(settings: Settings, pool: Pool) -> None:
    mine = await register(pool, UNIT, kind="panic_device")
    darkness = Darkness(settings)
    async with desk(settings) as rung, listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        await until(lambda: gateway.units.get(UNIT))
        signed_in = device.answers
        await darkness.falls()
        try:
            device.say(sos(ago(5)))
            await until(lambda: gateway.intake.urgent.away)
            await until(lambda: rung)
            await until(lambda: UNIT.encode() in journal_of(settings), within_s=3.0)
            (first, *_) = rung
            assert first["alarm"]["cause"] == "panic"
            assert first["alarm"]["state"] == "provisional"
            assert first["alarm"]["asset"]["id"] == str(mine.asset_id)
            assert first["organisation_id"] == str(mine.organisation_id)
            assert device.answers == signed_in
            # Whoever signs in meanwhile is let in, and can cry for help as well.
            other = await Device("gt06", "356938035643810").connect(gateway.ports["gt06/tcp"])
            device.say(report(ago(4), 1))
            await until(lambda: gateway.intake.ordinary.away)
            await other.sign_in()
            other.say(sos(ago(3)))
            await until(lambda: {one["alarm"]["unit_id"] for one in rung} >= {other.unit_id})
            assert rung[-1]["alarm"]["labels"] == ["unknown_unit"]
        finally:
            await darkness.lifts()
        await device.answered()
        await other.answered()
        mine_now, others = await alarms(pool)
        assert str(mine_now["id"]) == first["event_id"]
        assert (mine_now["repeats"], others["repeats"]) == (0, 0)
        assert str(others["id"]) == rung[-1]["event_id"]
        await until(lambda: not journal_of(settings))


async def test_a_cry_for_help_rings_while_postgresql_is_away(settings: Settings, pool: Pool):
    await rings_in_the_dark(settings, pool)


@pytest.mark.parametrize("guard", [(Journal, "append"), (Intake, "_ring")])
async def test_who_neither_rings_nor_writes_it_down_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch, guard: tuple[type, str]
):
    owner, name = guard

    async def forget(*_: object) -> None:
        """Say that it was done."""

    monkeypatch.setattr(owner, name, forget if name == "append" else lambda *_: None)
    monkeypatch.setattr("tests.devices.WITHIN_S", 3.0)
    with broken():
        await rings_in_the_dark(settings, pool)


async def survives_a_death_in_the_dark(
    settings: Settings, pool: Pool, meanwhile: Callable[[], None]
) -> None:
    await register(pool, UNIT, kind="panic_device")
    other = "356938035643810"
    await register(pool, other)
    darkness = Darkness(settings)
    async with desk(settings) as rung, process(settings, pool) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        await darkness.falls()
        try:
            device.say(sos(ago(5)))
            await until(lambda: UNIT.encode() in journal_of(settings))
            await until(lambda: rung)
            await gateway.kill()
        finally:
            await darkness.lifts()
    meanwhile()
    async with listening(settings) as anew:
        # Cries for help are committed in their order: when this is answered, the journal is read.
        witness = await Device("gt06", other).connect(anew.ports["gt06/tcp"])
        await witness.sign_in()
        witness.say(sos(ago(4)))
        await witness.answered()
        raised = {alarm["unit_id"]: alarm for alarm in await alarms(pool)}
        assert raised.keys() == {UNIT, other}
        assert str(raised[UNIT]["id"]) == rung[0]["event_id"]
        await until(lambda: not journal_of(settings))
        # The device was never answered, and says it again.
        await device.connect(anew.ports["gt06/tcp"])
        await device.sign_in()
        device.say(sos(ago(5)))
        await device.answered()
    assert await count(pool, "alarms", "unit_id = $1", UNIT) == 1
    assert await count(pool, "alarm_events") == len(raised)


async def test_what_a_dead_gateway_wrote_down_is_raised_once(settings: Settings, pool: Pool):
    pressed = sos(ago(5))
    with pytest.MonkeyPatch.context() as same_press:
        same_press.setattr(f"{__name__}.sos", lambda _: pressed)
        await survives_a_death_in_the_dark(settings, pool, lambda: None)


async def test_a_lost_journal_is_found_out(settings: Settings, pool: Pool):
    with broken():
        await survives_a_death_in_the_dark(settings, pool, path_of(settings).unlink)


async def test_a_journal_that_a_crash_cut_short_is_read_up_to_there(settings: Settings):
    journal = Journal(settings.journal_dir, "gateway-1")
    device = Device("gt06", UNIT)
    async with aclosing(_arrivals(device)) as said:
        async for arrival, peer in said:
            await journal.append(arrival, peer)
    path = path_of(settings)
    whole = path.read_bytes()
    assert [entry["unit_id"] for entry in journal.read()] == [UNIT, UNIT]
    path.write_bytes(whole[:-9])
    assert len(journal.read()) == 1
    path.write_bytes(whole.replace(b"gt06", b"gt07", 1))
    assert len(journal.read()) == 1
    await journal.done()
    assert not path.exists()
    assert journal.read() == []


async def _arrivals(device: Device):
    from protocols.codec import Peer
    from tracking.ingest.arrival import Arrival

    for seconds in (20, 10):
        yield (
            Arrival(
                unit_id=UNIT,
                codec="gt06",
                address="127.0.0.1",
                received_at=ago(0),
                frame=device.frame(sos(ago(seconds))),
            ),
            Peer(unit_id=UNIT),
        )


async def test_an_alarm_is_raised_and_told_while_redis_is_away(
    make_settings: Callable[..., Settings],
):
    from tracking import database

    settings = make_settings(redis_url="redis://127.0.0.1:1/0")
    pool = await database.open_pool(settings, "owner", size=2)
    await register(pool, UNIT)
    async with hearing(settings, bus.NOTIFY_ALARMS) as said, listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(sos(ago(5)))
        await device.answered()
        await until(lambda: said)
        assert said == [str(await pool.fetchval("SELECT seq FROM changes"))]
        await until(lambda: gateway.bell.failed)
        device.say(sos(ago(4)), report(ago(3)))
        await device.answered()
    assert await count(pool, "positions") == 3
    await pool.close()


async def test_what_another_gateway_left_is_taken_over_and_a_living_ones_is_not(
    settings: Settings,
):
    living, dead = (Journal(settings.journal_dir, name) for name in ("gateway-1", "gateway-2"))
    async with aclosing(_arrivals(Device("gt06", UNIT))) as said:
        for journal in (living, dead):
            journal.open()
            await journal.append(*await anext(said))
    dead.close()
    heir = Journal(settings.journal_dir, "gateway-3")
    heir.open()
    assert (len(living.read()), len(dead.read()), len(heir.read())) == (1, 0, 1)
    heir.close()
    living.close()
