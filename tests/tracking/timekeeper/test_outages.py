"""Many units that a network lost are one alarm; one that is jammed among others is its own."""

from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from geofence.outage import Cause, Reason, Verdict
from tests.devices import ago, fix
from tests.gateways import Registered, alarms, broken, register
from tracking import database
from tracking.database import Connection, Pool
from tracking.settings import Settings
from tracking.timekeeper import silence

HOUR = 3600.0

Look = Callable[[], Coroutine[Any, Any, int | None]]


@pytest.fixture
async def look(settings: Settings, pool: Pool) -> AsyncIterator[Look]:
    """One look for silence by whoever has heard devices for a day."""
    await pool.execute("INSERT INTO gateways (name, pid) VALUES ('gateway-1', 1)")
    await pool.execute(
        "INSERT INTO reception (single, hearing_since) VALUES (true, now() - interval '1 day')"
    )
    connection: Connection = await database.connect(settings, "ingest")
    yield lambda: silence.look_for_silence(connection, settings)
    await connection.close()


async def last_heard(
    pool: Pool, number: int, *, hours_ago: float, step: int, kind: str = "tracker"
) -> Registered:
    """A unit that promises to speak every hour, where and when it was heard last."""
    mine = await register(pool, f"35693803564{number:04}", kind=kind, reporting_time_s=3600)
    at = fix(ago(hours_ago * HOUR), step)
    await pool.execute(
        "INSERT INTO unit_sessions (unit_id, epoch, heard_at) VALUES ($1, 1, now() - $2::interval)",
        mine.unit_id,
        timedelta(hours=hours_ago),
    )
    await pool.execute(
        "INSERT INTO last_positions (asset_id, device_id, at, received_at, geom, valid, buffered)"
        " VALUES ($1, $2, $3, $3, ST_SetSRID(ST_MakePoint($4, $5), 4326), true, false)",
        mine.asset_id,
        mine.device_id,
        at.at,
        at.lon,
        at.lat,
    )
    return mine


async def a_quarter_without_network(pool: Pool) -> None:
    """Six trackers and one person, a few hundred metres apart, fell silent within a minute."""
    for number in range(6):
        await last_heard(pool, number, hours_ago=1.05 + number / 1000, step=6 * number)
    await last_heard(pool, 6, hours_ago=1.05, step=3, kind="panic_device")


async def told_as_one(settings: Settings, pool: Pool, look: Look) -> None:
    await a_quarter_without_network(pool)
    await look()
    # However often one looks, it is told once; a person is never waited with.
    assert await look() is None
    found = await alarms(pool)
    assert [each["cause"] for each in found] == ["outage", "silence"]
    outage, person = found
    assert (outage["priority"], outage["repeats"], outage["asset_id"]) == (2, 0, None)
    assert person["unit_id"] == "356938035640006"


async def test_many_that_fall_silent_together_are_told_as_one(
    settings: Settings, pool: Pool, look: Look
):
    await told_as_one(settings, pool, look)


async def test_who_takes_each_for_itself_is_found_out(
    settings: Settings, pool: Pool, look: Look, monkeypatch: pytest.MonkeyPatch
):
    no_idea = Verdict(cause=Cause.UNKNOWN, reason=Reason.MIXED, missing=())
    monkeypatch.setattr(silence.outage, "verdict", lambda *_, **__: no_idea)
    with broken():
        await told_as_one(settings, pool, look)


async def test_what_is_silent_when_patience_ends_is_told_of_each(
    make_settings: Callable[..., Settings], pool: Pool, settings: Settings, look: Look
):
    await a_quarter_without_network(pool)
    await look()
    await pool.execute("UPDATE unit_sessions SET heard_at = heard_at - interval '1 hour'")
    await look()
    causes = [each["cause"] for each in await alarms(pool)]
    assert causes.count("silence") == 7


async def test_one_among_neighbours_who_are_heard_may_be_jammed(pool: Pool, look: Look):
    stolen = await last_heard(pool, 0, hours_ago=1.2, step=0)
    for number in range(1, 6):
        await last_heard(pool, number, hours_ago=0.01, step=2 * number)
    await look()
    (alarm,) = await alarms(pool)
    assert (alarm["asset_id"], alarm["cause"], alarm["priority"]) == (stolen.asset_id, "silence", 2)
    assert alarm["labels"] == ["no_fix", "jamming_suspected", "last_known"]


async def test_one_of_whom_nobody_can_say_why_is_merely_silent(pool: Pool, look: Look):
    await last_heard(pool, 0, hours_ago=1.2, step=0)
    await look()
    (alarm,) = await alarms(pool)
    assert (alarm["priority"], alarm["labels"]) == (3, ["no_fix", "last_known"])


async def test_who_comes_due_later_joins_the_outage_that_is_told(pool: Pool, look: Look):
    await a_quarter_without_network(pool)
    await look()
    for number in range(7, 12):
        await last_heard(pool, number, hours_ago=1.06, step=number)
    await look()
    assert [each["cause"] for each in await alarms(pool)].count("outage") == 1
