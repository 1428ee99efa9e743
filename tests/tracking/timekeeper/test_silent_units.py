"""A unit that is silent for longer than it promised is noticed; our own absence is not theirs."""

from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from geofence.rules.silence import Silence
from tests.devices import Device, ago, report, until
from tests.gateways import alarms, broken, count, hearing, listening, register, settle, the_alarm
from tracking import bus, database
from tracking.database import Connection, Pool
from tracking.settings import Settings
from tracking.timekeeper import silence

UNIT = "356938035643809"
HOUR = 3600

Round = Callable[[], Coroutine[Any, Any, int | None]]


@pytest.fixture
async def look(settings: Settings) -> AsyncIterator[Round]:
    """One look for silence, as the timekeeper's own role."""
    connection: Connection = await database.connect(settings, "ingest")
    yield lambda: silence.look_for_silence(connection, settings)
    await connection.close()


async def hear(pool: Pool, unit_id: str, *, seconds_ago: float) -> None:
    """The unit was last heard then."""
    await pool.execute(
        "INSERT INTO unit_sessions (unit_id, epoch, heard_at) VALUES ($1, 1, now() - $2::interval)"
        " ON CONFLICT (unit_id) DO UPDATE SET heard_at = excluded.heard_at",
        unit_id,
        timedelta(seconds=seconds_ago),
    )


async def we_hear_since(pool: Pool, *, seconds_ago: float) -> None:
    """A gateway is there, and has been for so long."""
    await pool.execute(
        "INSERT INTO gateways (name, pid) VALUES ('gateway-1', 1)"
        " ON CONFLICT (name) DO UPDATE SET seen_at = now()"
    )
    await pool.execute(
        "INSERT INTO reception (single, hearing_since) VALUES (true, now() - $1::interval)"
        " ON CONFLICT (single) DO UPDATE SET hearing_since = excluded.hearing_since,"
        " checked_at = now()",
        timedelta(seconds=seconds_ago),
    )


async def test_a_unit_is_silent_once_its_promise_is_broken(
    settings: Settings, pool: Pool, look: Round
):
    mine = await register(pool, UNIT, reporting_time_s=HOUR)
    await register(pool, "never-heard")
    await we_hear_since(pool, seconds_ago=10 * HOUR)
    await hear(pool, UNIT, seconds_ago=HOUR - 60)
    assert await look() is None
    await hear(pool, UNIT, seconds_ago=HOUR + 60)
    async with hearing(settings, bus.NOTIFY_ALARMS) as said:
        seq = await look()
        await until(lambda: said == [str(seq)])
    alarm = await the_alarm(pool)
    assert (alarm["cause"], alarm["priority"]) == ("silence", 3)
    assert (alarm["asset_id"], alarm["unit_id"]) == (mine.asset_id, UNIT)
    # It is told once, however often one looks.
    assert await look() is None
    assert await count(pool, "alarm_events") == 1


async def test_the_centres_own_promise_holds_for_who_made_none(pool: Pool, look: Round):
    await register(pool, UNIT)
    await we_hear_since(pool, seconds_ago=100 * HOUR)
    await hear(pool, UNIT, seconds_ago=25 * HOUR - 60)
    assert await look() is None
    await hear(pool, UNIT, seconds_ago=25 * HOUR + 60)
    assert await look() is not None


async def test_nobody_is_silent_while_we_are_deaf(pool: Pool, look: Round):
    await register(pool, UNIT, reporting_time_s=HOUR)
    await hear(pool, UNIT, seconds_ago=2 * HOUR)
    assert await look() is None
    # We are back: whoever could not reach us has the time of grace to do so.
    await we_hear_since(pool, seconds_ago=0)
    assert await look() is None
    await we_hear_since(pool, seconds_ago=299)
    assert await look() is None
    await we_hear_since(pool, seconds_ago=301)
    assert await look() is not None


async def test_a_pause_of_our_own_begins_the_grace_anew(pool: Pool, look: Round):
    await register(pool, UNIT, reporting_time_s=HOUR)
    await we_hear_since(pool, seconds_ago=10 * HOUR)
    await hear(pool, UNIT, seconds_ago=2 * HOUR)
    # Nobody has looked for a minute: we cannot know whether gateways were there meanwhile.
    await pool.execute("UPDATE reception SET checked_at = now() - interval '1 minute'")
    assert await look() is None
    await pool.execute("UPDATE gateways SET seen_at = now() - interval '1 minute'")
    assert await look() is None
    assert await pool.fetchval("SELECT hearing_since FROM reception") is None


async def test_hearing_from_it_ends_the_silence(settings: Settings, pool: Pool, look: Round):
    await register(pool, UNIT, reporting_time_s=HOUR)
    await we_hear_since(pool, seconds_ago=10 * HOUR)
    await hear(pool, UNIT, seconds_ago=2 * HOUR)
    await look()
    assert await count(pool, "unit_sessions", "silent_since IS NOT NULL") == 1
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(report(ago(1)))
        await device.answered()
        assert await count(pool, "unit_sessions", "silent_since IS NOT NULL") == 0
    # The next silence is a new event.
    await we_hear_since(pool, seconds_ago=10 * HOUR)
    await hear(pool, UNIT, seconds_ago=2 * HOUR)
    assert await look() is not None
    assert (await the_alarm(pool))["repeats"] == 1


async def finds_everybody(pool: Pool, look: Round, number: int) -> None:
    await settle(pool)
    await pool.execute(
        """
        WITH owner AS (SELECT id FROM organisations WHERE kind = 'client'),
        unit AS (SELECT 'unit-' || lpad(n::text, 4, '0') AS name FROM generate_series(1, $1) n),
        registered AS (
            INSERT INTO devices (organisation_id, unit_id, codec, kind, reporting_time_s)
            SELECT owner.id, unit.name, 'gt06', 'tracker', 3600 FROM owner, unit
        )
        INSERT INTO unit_sessions (unit_id, epoch, heard_at)
        SELECT name, 1, now() - interval '2 hours' FROM unit
        """,
        number,
    )
    await we_hear_since(pool, seconds_ago=10 * HOUR)
    await look()
    assert await count(pool, "alarms", "cause = 'silence'") == number
    assert await count(pool, "changes") == number
    assert await look() is None


async def test_six_hundred_silent_units_are_all_found(pool: Pool, look: Round):
    await finds_everybody(pool, look, 600)


async def test_who_stops_after_the_first_lot_is_found_out(
    pool: Pool, look: Round, monkeypatch: pytest.MonkeyPatch
):
    whole = silence.store.units_quiet_for_too_long

    async def first_few(connection: Connection, *, reporting_time_s: float, after: str, most: int):
        return await whole(connection, reporting_time_s=reporting_time_s, after=after, most=7)

    monkeypatch.setattr(silence.store, "units_quiet_for_too_long", first_few)
    with broken():
        await finds_everybody(pool, look, 20)


async def test_a_retired_device_may_be_silent(pool: Pool, look: Round):
    await register(pool, UNIT, reporting_time_s=HOUR)
    await pool.execute("UPDATE devices SET retired_at = now()")
    await we_hear_since(pool, seconds_ago=10 * HOUR)
    await hear(pool, UNIT, seconds_ago=2 * HOUR)
    assert await look() is None
    assert await alarms(pool) == []


@pytest.mark.parametrize(
    ("heard_s", "back_s", "due_s"),
    [
        # Heard at 100, promised every 3,600 s; we have been there all the time.
        (100, 0, 3_700),
        # We were away until 200: the promise of 3,700 stands, the grace is long over by then.
        (100, 200, 3_700),
        # We came back at 3,600: it has 300 s from there.
        (100, 3_600, 3_900),
        (100, 10_000, 10_300),
    ],
)
def test_when_silence_is_due(heard_s: int, back_s: int, due_s: int):
    start = ago(0)
    rule = Silence(reporting_time_s=3_600, grace_s=300)
    heard_at, back, due = (start + timedelta(seconds=each) for each in (heard_s, back_s, due_s))
    early = due - timedelta(seconds=1)
    assert rule.noticed(heard_at=heard_at, hearing_since=back, now=early) is None
    event = rule.noticed(heard_at=heard_at, hearing_since=back, now=due)
    assert event is not None
    assert (event.at, event.cause) == (due, "silence")
