"""Rules judge inside the one commit: event, alarm and memory are there with the position."""

from datetime import timedelta
from typing import Any

import pytest

from geofence.rules.overspeed import Overspeed
from protocols.message import Report
from tests.devices import Device, ago, fix, report, sos, until
from tests.gateways import alarms, broken, count, listening, process, register, settle
from tests.rulebooks import circle, events, rule
from tracking.database import Pool
from tracking.gateway.server import Gateway
from tracking.settings import Settings

UNIT = "356938035643809"
DEPOT = {"lat": 50.85, "lon": 4.35, "radius_m": 100.0}


def at_speed(seconds: float, speed_kmh: float, step: int = 0) -> Report:
    """A report so many seconds ago, at that speed."""
    at = ago(seconds)
    return Report(fix=fix(at, step, speed_kmh=speed_kmh), at=at)


async def read(gateway: Gateway, rules: int) -> None:
    """Wait until the gateway judges by so many rules."""
    await until(lambda: not gateway.shelf.stale and len(gateway.shelf.book.rules) == rules)


async def connected(gateway: Gateway) -> Device:
    device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
    await device.sign_in()
    return device


async def said(device: Device, *reports: Report) -> None:
    for each in reports:
        device.say(each)
        await device.answered()


async def test_what_a_rule_notices_is_an_event_and_an_alarm(settings: Settings, pool: Pool):
    mine = await register(pool, UNIT)
    fast = await rule(pool, {"kind": "overspeed", "limit_kmh": 90.0}, severity=3)
    async with listening(settings) as gateway:
        await read(gateway, 1)
        device = await connected(gateway)
        await said(device, *(at_speed(90 - 10 * n, 120.0, n) for n in range(4)))
        await said(device, *(at_speed(40 - 10 * n, 50.0, n) for n in range(4)))
    began, ended = await events(pool)
    assert (began["rule_id"], began["rule_version"]) == (fast, 1)
    assert (began["cause"], began["phase"], ended["phase"]) == ("overspeed", "began", "ended")
    assert began["asset_id"] == mine.asset_id
    assert began["facts"]["limit_kmh"] == 90.0
    assert began["since"] == ended["since"]
    (alarm,) = await alarms(pool)
    assert (alarm["id"], alarm["cause"], alarm["priority"]) == (began["id"], "overspeed", 3)


async def test_an_event_without_severity_rings_nowhere(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    await rule(pool, {"kind": "overspeed", "limit_kmh": 90.0}, severity=0)
    async with listening(settings) as gateway:
        await read(gateway, 1)
        await said(await connected(gateway), *(at_speed(90 - n, 120.0, n) for n in range(9)))
    assert [each["phase"] for each in await events(pool)] == ["began"]
    assert await count(pool, "alarms") == 0


async def test_a_rule_that_changes_judges_the_next_report(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    fast = await rule(pool, {"kind": "overspeed", "limit_kmh": 150.0})
    async with listening(settings) as gateway:
        await read(gateway, 1)
        device = await connected(gateway)
        await said(device, *(at_speed(90 - n, 120.0, n) for n in range(5)))
        assert await events(pool) == []
        await rule(pool, {"kind": "overspeed", "limit_kmh": 90.0}, rule_id=fast)
        await until(lambda: gateway.shelf.book.rules[str(fast)].setting.version == 2)
        await said(device, *(at_speed(50 - n, 120.0, n) for n in range(5)))
        assert [each["rule_version"] for each in await events(pool)] == [2]
        await rule(pool, {"kind": "overspeed"}, rule_id=fast, removed=True)
        await read(gateway, 0)
        await said(device, *(at_speed(20 - n, 40.0, n) for n in range(5)))
    assert len(await events(pool)) == 1


async def test_an_event_points_at_the_shape_that_it_was_judged_by(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    depot = await circle(pool, **DEPOT)
    await circle(pool, **DEPOT, zone_id=depot)
    await rule(pool, {"kind": "inside", "zones": [str(depot)]}, severity=0)
    async with listening(settings) as gateway:
        await read(gateway, 1)
        await said(await connected(gateway), report(ago(60)), report(ago(50), 9))
    began = (await events(pool))[0]
    assert (began["zone_id"], began["zone_version"]) == (depot, 2)


async def test_nobody_leaves_a_zone_because_it_was_drawn_anew(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    depot = await circle(pool, **DEPOT)
    await rule(pool, {"kind": "zone_left", "zones": [str(depot)]})
    async with listening(settings) as gateway:
        await read(gateway, 1)
        device = await connected(gateway)
        await said(device, *(report(ago(90 - n)) for n in range(4)))
        await circle(pool, lat=51.0, lon=5.0, radius_m=100.0, zone_id=depot)
        await until(lambda: gateway.shelf.book.zones[str(depot)].version == 2)
        await said(device, *(report(ago(60 - n)) for n in range(4)))
    assert await events(pool) == []


async def test_memory_survives_kill_9_exactly(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    depot = await circle(pool, **DEPOT)
    await rule(pool, {"kind": "zone_left", "zones": [str(depot)]})
    async with process(settings, pool) as first:
        device = await Device("gt06", UNIT).connect(first.ports["gt06/tcp"])
        await device.sign_in()
        await said(device, *(report(ago(200 - n)) for n in range(4)))
        await first.kill()
    async with process(settings, pool) as second:
        device = await Device("gt06", UNIT).connect(second.ports["gt06/tcp"])
        await device.sign_in()
        # It was inside before the crash; to whom nobody told that, it was never inside.
        await said(device, *(report(ago(100 - 10 * n), 20 + n) for n in range(6)))
    assert [each["cause"] for each in await events(pool)] == ["zone_left"]


async def test_who_forgets_at_a_crash_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    await register(pool, UNIT)
    depot = await circle(pool, **DEPOT)
    await rule(pool, {"kind": "zone_left", "zones": [str(depot)]})

    async def went_away_over_a_restart() -> None:
        async with listening(settings) as gateway:
            await said(await connected(gateway), *(report(ago(200 - n)) for n in range(4)))
        async with listening(settings) as gateway:
            away = (report(ago(100 - 10 * n), 20 + n) for n in range(6))
            await said(await connected(gateway), *away)
        assert [each["cause"] for each in await events(pool)] == ["zone_left"]

    monkeypatch.setattr("geofence.memory.remembered", lambda *_: None)
    with broken():
        await went_away_over_a_restart()


async def test_a_rule_that_fails_is_told_of_and_the_others_judge_on(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    mine = await register(pool, UNIT)
    bad = await rule(pool, {"kind": "overspeed", "limit_kmh": 13.0})
    good = await rule(pool, {"kind": "overspeed", "limit_kmh": 90.0})
    right = Overspeed.step

    def step(self: Overspeed, memory: Any, seen: Any) -> Any:
        if self.limit_kmh == 13.0:
            raise ZeroDivisionError("nobody thought of this")
        return right(self, memory, seen)

    monkeypatch.setattr(Overspeed, "step", step)
    async with listening(settings) as gateway:
        await read(gateway, 2)
        await said(await connected(gateway), *(at_speed(90 - n, 120.0, n) for n in range(9)))
    assert {each["rule_id"] for each in await events(pool)} == {good}
    failure = await pool.fetchrow("SELECT * FROM rule_failures")
    assert failure is not None
    assert (failure["rule_id"], failure["asset_id"]) == (bad, mine.asset_id)
    assert failure["error"] == "ZeroDivisionError: nobody thought of this"
    assert failure["input"]["fix"]["speed_kmh"] == pytest.approx(120.0)
    found = {each["cause"]: each for each in await alarms(pool)}
    assert found["rule_failed"]["unit_id"] == "A rule"
    assert found["rule_failed"]["asset_id"] is None


async def test_a_rule_whose_zone_is_gone_is_set_aside(settings: Settings, pool: Pool):
    await settle(pool)
    depot = await circle(pool, **DEPOT)
    await rule(pool, {"kind": "inside", "zones": [str(depot)]})
    await rule(pool, {"kind": "overspeed", "limit_kmh": 90.0})
    async with listening(settings) as gateway:
        await read(gateway, 2)
        await pool.execute(
            "INSERT INTO zones (id, version, organisation_id, name, kind, geom, removed)"
            " SELECT id, 2, organisation_id, name, kind, geom, true FROM zones"
        )
        await pool.execute("SELECT pg_notify('vigil_rules', '')")
        await read(gateway, 1)
        (aside,) = gateway.shelf.book.aside
        assert "is not in force any more" in aside.reason


async def test_both_lanes_remember_what_one_unit_says(settings: Settings, pool: Pool):
    await register(pool, UNIT, kind="panic_device")
    await rule(pool, {"kind": "overspeed", "limit_kmh": 90.0}, severity=0)
    async with listening(settings) as gateway:
        await read(gateway, 1)
        device = await connected(gateway)
        # SOS and reports of one moment go through two lanes, each with what it remembers.
        fast = (at_speed(58 - n, 120.0) for n in range(9))
        device.say(at_speed(60, 120.0), sos(ago(59), 1), *fast)
        await device.answered()
        device.say(*(at_speed(30 - n, 20.0) for n in range(9)))
        await device.answered()
    version = await pool.fetchval("SELECT memory_version FROM unit_sessions")
    assert version > 0
    phases = [each["phase"] for each in await events(pool)]
    assert phases == ["began", "ended"]
    assert await count(pool, "alarms", "cause = 'panic'") == 1


async def test_what_waited_in_the_device_is_judged_as_history(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    depot = await circle(pool, **DEPOT)
    await rule(pool, {"kind": "zone_left", "zones": [str(depot)]})
    await rule(pool, {"kind": "zone_entered", "zones": [str(depot)]})
    async with listening(settings) as gateway:
        await read(gateway, 2)
        device = await connected(gateway)
        await said(device, *(report(ago(3600 - n)) for n in range(3)))
        # An hour later it stands in the depot; what it did meanwhile comes afterwards.
        await said(device, report(ago(60)))
        away = [report(ago(3000 - 60 * n), 20) for n in range(5)]
        back = [report(ago(2000 - 60 * n)) for n in range(5)]
        await said(device, *away, *back, report(ago(30)))
    found = await events(pool)
    assert [(each["cause"], each["late"]) for each in found] == [
        ("zone_left", True),
        ("zone_entered", True),
    ]
    assert found[1]["at"] - found[0]["at"] > timedelta(minutes=10)
