"""What only time brings, and rules about several assets: noticed although nobody said a word."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from geofence.rules.still import CONDITION as STILL
from tests.devices import Device, ago, fix, report, until
from tests.gateways import Registered, alarms, broken, count, listening, register, settle
from tests.rulebooks import circle, events, rule
from tracking import database
from tracking.database import Connection, Pool
from tracking.rules.book import Shelf
from tracking.settings import Settings
from tracking.timekeeper import due
from tracking.timekeeper.due import arm, look_at_the_clock, tell_of_those_set_aside
from tracking.timekeeper.rounds import Timekeeper
from tracking.timekeeper.together import Companions

UNIT = "356938035643809"
OTHER = "356938035643817"
DEPOT = {"lat": 50.85, "lon": 4.35, "radius_m": 100.0}

Look = Callable[[], Coroutine[Any, Any, int | None]]


@pytest.fixture
async def connection(settings: Settings) -> AsyncIterator[Connection]:
    """A connection in the timekeeper's own role."""
    connection = await database.connect(settings, "ingest")
    yield connection
    await connection.close()


@pytest.fixture
def look(settings: Settings, connection: Connection) -> Look:
    """One look at the clock, by the rules there are now."""

    async def look() -> int | None:
        shelf = Shelf()
        await shelf.refresh(connection)
        await arm(connection, shelf.book)
        return await look_at_the_clock(connection, shelf.book, settings)

    return look


async def say(settings: Settings, *reports: Any, unit_id: str = UNIT) -> None:
    """What a unit says to a gateway that knows the rules."""
    async with listening(settings) as gateway:
        await until(lambda: not gateway.shelf.stale)
        device = await Device("gt06", unit_id).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        for each in reports:
            device.say(each)
            await device.answered()


async def still_person(settings: Settings, pool: Pool, *, quiet_for_s: float) -> UUID:
    """Somebody who ought to move every five minutes was heard that long ago."""
    await register(pool, UNIT, kind="panic_device")
    man_down = await rule(pool, {"kind": STILL.kind, "for_s": 300.0}, severity=1)
    await say(settings, report(ago(quiet_for_s)))
    return man_down


async def test_who_does_not_move_is_noticed_by_the_clock(
    settings: Settings, pool: Pool, look: Look
):
    man_down = await still_person(settings, pool, quiet_for_s=400)
    assert await count(pool, "timers") == 1
    assert await look() is not None
    (event,) = await events(pool)
    assert (event["rule_id"], event["clock"], event["phase"]) == (man_down, True, "began")
    # It points to where the person was last.
    assert event["fix_at"] is not None
    (alarm,) = await alarms(pool)
    assert (alarm["cause"], alarm["priority"], alarm["id"]) == ("still", 1, event["id"])
    # However often one looks, it is one event.
    assert await look() is None
    assert await count(pool, "timers") == 0


async def test_before_its_time_nothing_is_noticed(settings: Settings, pool: Pool, look: Look):
    await still_person(settings, pool, quiet_for_s=100)
    assert await look() is None
    assert await events(pool) == []
    assert await count(pool, "timers", "due_at > now()") == 1


async def test_the_gateway_that_notices_the_same_later_files_it_once(
    settings: Settings, pool: Pool, look: Look
):
    await still_person(settings, pool, quiet_for_s=400)
    await look()
    await say(settings, report(ago(20)), report(ago(10), 9), report(ago(5), 10))
    found = [(each["phase"], each["clock"]) for each in await events(pool)]
    assert found == [("began", True), ("ended", False)]
    assert await count(pool, "alarm_events") == 1


async def test_who_names_what_the_clock_noticed_otherwise_is_found_out(
    settings: Settings, pool: Pool, look: Look, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(due.events, "event_id", lambda *_, **__: uuid4())
    with broken():
        await still_person(settings, pool, quiet_for_s=400)
        await look()
        await say(settings, report(ago(20)), report(ago(10), 9), report(ago(5), 10))
        assert await count(pool, "alarm_events") == 1


async def test_what_a_rule_that_was_changed_meanwhile_set_is_taken_away(
    settings: Settings, pool: Pool, look: Look
):
    man_down = await still_person(settings, pool, quiet_for_s=400)
    await rule(pool, {"kind": "still", "for_s": 3000.0}, rule_id=man_down)
    assert await look() is None
    assert await count(pool, "timers") == 0


async def test_a_journey_is_overdue_though_nothing_was_ever_heard(
    settings: Settings, pool: Pool, look: Look
):
    mine = await register(pool, UNIT)
    there = await circle(pool, **DEPOT)
    by = datetime.now(UTC) - timedelta(hours=1)
    journey = {"kind": "overdue", "zones": [str(there)], "by": by.isoformat(), "grace_s": 60.0}
    await rule(pool, journey, severity=3, scope={"assets": [str(mine.asset_id)]})
    await register(pool, OTHER)
    # The timer is set at the first look, and is due at the next.
    await look()
    await look()
    (event,) = await events(pool)
    assert (event["asset_id"], event["cause"]) == (mine.asset_id, "overdue")


async def test_who_stood_there_before_the_journey_was_set_has_arrived(
    settings: Settings, pool: Pool, look: Look
):
    mine = await register(pool, UNIT)
    await stands(pool, mine, seconds_ago=7200, step=0)
    there = await circle(pool, **DEPOT)
    by = datetime.now(UTC) - timedelta(hours=1)
    await rule(pool, {"kind": "overdue", "zones": [str(there)], "by": by.isoformat()})
    await look()
    await look()
    assert await events(pool) == []


async def test_a_rule_that_fails_at_its_time_is_told_of(
    settings: Settings, pool: Pool, look: Look, monkeypatch: pytest.MonkeyPatch
):
    await still_person(settings, pool, quiet_for_s=400)

    def fails(*_: object) -> None:
        raise ZeroDivisionError("at its time")

    monkeypatch.setattr(STILL, "step", fails)
    await look()
    assert (
        await pool.fetchval("SELECT error FROM rule_failures") == "ZeroDivisionError: at its time"
    )
    assert [each["cause"] for each in await alarms(pool)] == ["rule_failed"]
    assert await count(pool, "timers") == 0


async def test_a_rule_by_which_nobody_can_judge_is_told_of_once(
    settings: Settings, pool: Pool, connection: Connection
):
    await register(pool, UNIT)
    depot = await circle(pool, **DEPOT)
    await rule(pool, {"kind": "inside", "zones": [str(depot)]})
    await pool.execute(
        "INSERT INTO zones (id, version, organisation_id, name, kind, geom, removed)"
        " SELECT id, 2, organisation_id, name, kind, geom, true FROM zones"
    )
    shelf = Shelf()
    for _ in range(2):
        await shelf.refresh(connection)
        await tell_of_those_set_aside(connection, shelf.book, settings)
    (alarm,) = await alarms(pool)
    assert (alarm["cause"], alarm["unit_id"], alarm["repeats"]) == ("rule_failed", "A rule", 0)


async def stands(pool: Pool, who: Registered, *, seconds_ago: float, step: int) -> None:
    """Where an asset was last, as its gateway's transaction left it."""
    at = fix(ago(seconds_ago), step)
    await pool.execute(
        """
        INSERT INTO last_positions (asset_id, device_id, at, received_at, geom, valid, buffered)
        VALUES ($1, $2, $3, clock_timestamp(), ST_SetSRID(ST_MakePoint($4, $5), 4326), true, false)
        ON CONFLICT (asset_id) DO UPDATE
            SET at = excluded.at, received_at = excluded.received_at, geom = excluded.geom
        """,
        who.asset_id,
        who.device_id,
        at.at,
        at.lon,
        at.lat,
    )


async def test_a_worker_who_goes_far_from_the_vehicle_is_noticed_wherever_they_are_heard(
    settings: Settings, pool: Pool, connection: Connection
):
    worker, van = await register(pool, UNIT, kind="panic_device"), await register(pool, OTHER)
    apart = {
        "kind": "apart",
        "companions": [str(van.asset_id)],
        "beyond_m": 500.0,
        "stale_s": 3600.0,
    }
    await rule(pool, apart, scope={"assets": [str(worker.asset_id)]})
    shelf, companions = Shelf(), Companions()
    await shelf.refresh(connection)
    assert [each.rule.cause for each in shelf.book.together] == ["apart"]
    for seconds_ago, step in ((300, 0), (200, 1), (100, 30), (60, 31), (20, 32)):
        await stands(pool, van, seconds_ago=seconds_ago, step=0)
        await stands(pool, worker, seconds_ago=seconds_ago, step=step)
        await companions.look(connection, shelf.book, settings)
    (event,) = await events(pool)
    assert (event["asset_id"], event["cause"]) == (worker.asset_id, "apart")
    assert event["facts"]["companion"] == str(van.asset_id)
    # Another who takes over the rounds goes on with what was remembered.
    await stands(pool, worker, seconds_ago=10, step=0)
    await Companions().look(connection, shelf.book, settings)
    await stands(pool, worker, seconds_ago=1, step=0)
    assert len(await alarms(pool)) == 1


async def test_a_zone_that_moves_is_entered_when_it_comes_to_somebody(
    settings: Settings, pool: Pool, connection: Connection
):
    parked, patrol = await register(pool, UNIT), await register(pool, OTHER)
    around = await pool.fetchval(
        "INSERT INTO zones (version, organisation_id, name, kind, anchor_asset_id, radius_m)"
        " SELECT 1, organisation_id, 'Around the patrol', 'moving', id, 200 FROM assets"
        " WHERE id = $1 RETURNING id",
        patrol.asset_id,
    )
    await pool.execute(
        "UPDATE zones SET organisation_id ="
        " (SELECT id FROM organisations WHERE kind = 'centre' LIMIT 1)"
    )
    setting = {"kind": "zone_entered", "zones": [str(around)]}
    await rule(pool, setting, scope={"assets": [str(parked.asset_id)]})
    shelf, companions = Shelf(), Companions()
    await shelf.refresh(connection)
    await stands(pool, parked, seconds_ago=60, step=0)
    for seconds_ago, step in ((300, 50), (200, 20), (100, 1), (90, 1), (80, 1)):
        await stands(pool, patrol, seconds_ago=seconds_ago, step=step)
        await companions.look(connection, shelf.book, settings)
    (event,) = await events(pool)
    assert (event["asset_id"], event["zone_id"]) == (parked.asset_id, around)


async def test_the_timekeeper_looks_by_itself_and_at_once(settings: Settings, pool: Pool):
    await settle(pool)
    timekeeper = Timekeeper(settings)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(timekeeper.serve(stop))
        await still_person(settings, pool, quiet_for_s=400)
        await until(lambda: count(pool, "events"))
        # A rule that is set while it looks takes part.
        mine = await pool.fetchval("SELECT id FROM assets LIMIT 1")
        there = await circle(pool, lat=51.2, lon=3.2, radius_m=100.0)
        by = datetime.now(UTC) - timedelta(hours=1)
        journey = {"kind": "overdue", "zones": [str(there)], "by": by.isoformat(), "grace_s": 0.0}
        await rule(pool, journey, scope={"assets": [str(mine)]})
        await until(lambda: count(pool, "events", "cause = 'overdue'"))
        stop.set()
