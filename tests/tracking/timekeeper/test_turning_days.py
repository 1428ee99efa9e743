"""Days are opened ahead, indexed when they are over, and dropped whole when they are too old."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.devices import until
from tests.gateways import count, register
from tests.rulebooks import rule
from tracking import database
from tracking.database import Connection, Pool
from tracking.settings import Settings
from tracking.timekeeper import store
from tracking.timekeeper.rounds import DAYS_AHEAD, Timekeeper, turn_the_days

TODAY = datetime.now(UTC).date()


@pytest.fixture
async def keeper(settings: Settings) -> AsyncIterator[Connection]:
    connection: Connection = await database.connect(settings, "ingest")
    yield connection
    await connection.close()


async def test_days_are_open_before_they_begin(settings: Settings, keeper: Connection):
    await turn_the_days(keeper, settings)
    await turn_the_days(keeper, settings)
    for parent in ("positions", "frames"):
        days = [each.day for each in await store.days_of(keeper, parent)]
        assert days == [TODAY + timedelta(days=ahead) for ahead in range(-1, DAYS_AHEAD + 1)]


async def test_a_day_that_is_over_gets_its_index_and_one_that_is_not_does_not(
    settings: Settings, keeper: Connection
):
    for days_ago in (5, 2, 1, 0):
        await store.open_day(keeper, TODAY - timedelta(days=days_ago))
    await turn_the_days(keeper, settings)
    indexed = {
        (TODAY - each.day).days: each.indexed for each in await store.days_of(keeper, "positions")
    }
    assert indexed == {5: True, 2: True, 1: False, 0: False, -1: False, -2: False, -3: False}


async def test_what_is_older_than_may_be_kept_is_dropped_whole(
    settings: Settings, pool: Pool, keeper: Connection
):
    mine = await register(pool, "356938035643809")
    short = settings.model_copy(update={"positions_retention_days": 10, "frames_retention_days": 3})
    for days_ago in (11, 10, 4, 3, 0):
        day = TODAY - timedelta(days=days_ago)
        await store.open_day(keeper, day)
        await pool.execute(
            "INSERT INTO positions (asset_id, device_id, at, fingerprint, received_at, geom, valid,"
            " buffered) VALUES ($1, $2, $3, 1, now(), ST_Point(4, 50, 4326), true, false)",
            mine.asset_id,
            mine.device_id,
            datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
        )
    await turn_the_days(keeper, short)
    kept = {
        parent: [(TODAY - each.day).days for each in await store.days_of(keeper, parent)]
        for parent in ("positions", "frames")
    }
    ahead = [0, -1, -2, -3]
    assert kept == {"positions": [10, 4, 3, 1, *ahead], "frames": [3, 1, *ahead]}
    assert await count(pool, "positions") == 4


async def test_a_day_that_is_not_over_cannot_be_dropped(keeper: Connection):
    for days_ago in (1, 0, -1):
        with pytest.raises(asyncpg.RaiseError, match="not over"):
            await store.drop_day(keeper, "positions", TODAY - timedelta(days=days_ago))
    with pytest.raises(asyncpg.RaiseError, match="only days of"):
        await store.drop_day(keeper, "alarms", TODAY - timedelta(days=9))


async def test_what_is_kept_for_a_while_is_let_go_after_it(
    settings: Settings, pool: Pool, keeper: Connection
):
    for days in (89, 91):
        await pool.execute(
            "INSERT INTO quarantined_frames (received_at, unit_id, codec, address, payload, reason)"
            " VALUES (now() - $1::interval, 'unit', 'gt06', '', '', '')",
            timedelta(days=days),
        )
    await register(pool, "unit")
    noted = await rule(pool, {"kind": "overspeed", "limit_kmh": 90.0}, severity=0)
    for days in (399, 401):
        await pool.execute(
            "INSERT INTO events (id, organisation_id, asset_id, unit_id, rule_id, rule_version,"
            " cause, phase, severity, at) SELECT gen_random_uuid(), organisation_id, id, 'unit',"
            " $1, 1, 'overspeed', 'began', 0, now() - $2::interval FROM assets",
            noted,
            timedelta(days=days),
        )
    await turn_the_days(keeper, settings)
    assert await count(pool, "quarantined_frames") == 1
    assert await count(pool, "events") == 1


async def test_one_keeper_makes_the_rounds_and_another_takes_over(settings: Settings, pool: Pool):
    async def waiting() -> bool:
        locks = "locktype = 'advisory' AND NOT granted"
        return await count(pool, "pg_locks", locks) == 1

    async def days_are_open() -> bool:
        return await count(pool, "pg_inherits", "inhparent = 'positions'::regclass") == 5

    stops = [asyncio.Event(), asyncio.Event()]
    first = asyncio.create_task(Timekeeper(settings).serve(stops[0]))
    await until(days_are_open)
    second = asyncio.create_task(Timekeeper(settings).serve(stops[1]))
    await until(waiting)
    await pool.execute("DROP TABLE positions_" + f"{TODAY:%Y%m%d}")
    stops[0].set()
    await first
    # Whatever the first one left undone, the second one does.
    await until(days_are_open)
    stops[1].set()
    await second
