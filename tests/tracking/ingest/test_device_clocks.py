"""Nothing is refused for its time: late, misdated or from the future, it is filed and labelled."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.devices import Device, ago, report, sos
from tests.gateways import broken, count, listening, register, the_alarm
from tracking.database import Pool
from tracking.ingest import store
from tracking.ingest.fold import Bounds
from tracking.settings import Settings

UNIT = "356938035643809"
NINETEEN_SEVENTY = datetime(1970, 1, 1, tzinfo=UTC)


async def leaves_the_last_place_alone(settings: Settings, pool: Pool) -> None:
    mine = await register(pool, UNIT)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        live = report(ago(10), 9)
        device.say(live)
        await device.answered()
        device.say(report(ago(7200), 1), report(ago(7100), 2))
        await device.answered()
    stored = await pool.fetch("SELECT at, buffered FROM positions ORDER BY at DESC")
    assert [row["buffered"] for row in stored] == [False, True, True]
    last = await pool.fetchrow(
        "SELECT at, ST_X(geom) AS lon FROM last_positions WHERE asset_id = $1", mine.asset_id
    )
    assert last is not None
    assert last["at"] == live.at
    assert last["lon"] == pytest.approx(4.359, abs=1e-5)


async def test_a_late_fix_is_kept_and_moves_nobody_back(settings: Settings, pool: Pool):
    await leaves_the_last_place_alone(settings, pool)


async def test_who_moves_them_back_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    unguarded = store._FILE_AND_MOVE.replace("WHERE last.at <= excluded.at", "")
    assert unguarded != store._FILE_AND_MOVE
    monkeypatch.setattr(store, "_FILE_AND_MOVE", unguarded)
    with broken():
        await leaves_the_last_place_alone(settings, pool)


async def test_a_late_cry_for_help_rings_and_says_that_it_is_late(settings: Settings, pool: Pool):
    await register(pool, UNIT, kind="panic_device")
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(sos(ago(3600)))
        await device.answered()
    alarm = await the_alarm(pool)
    assert (alarm["cause"], alarm["labels"]) == ("panic", ["late"])


async def files_apart(settings: Settings, pool: Pool, at: datetime) -> None:
    mine = await register(pool, UNIT, kind="panic_device", codec="teltonika")
    async with listening(settings) as gateway:
        device = await Device("teltonika", UNIT).connect(gateway.ports["teltonika/tcp"])
        await device.sign_in()
        device.say(sos(at, 3), sos(at, 3))
        await device.answered()
        assert await count(pool, "positions") == 0
        assert await count(pool, "misdated_positions", "at = $1", at) == 1
        received_at = await pool.fetchval("SELECT received_at FROM misdated_positions")
        last_at = await pool.fetchval(
            "SELECT at FROM last_positions WHERE asset_id = $1", mine.asset_id
        )
        assert last_at == received_at
        alarm = await the_alarm(pool)
        assert (alarm["cause"], alarm["labels"]) == ("panic", ["clock_wrong"])
        assert alarm["asset_id"] == mine.asset_id
        # A device whose clock has been set right goes on as if nothing had been.
        device.say(report(ago(0), 4))
        await device.answered()
    assert await count(pool, "positions", "NOT buffered") == 1


@pytest.mark.parametrize("at", [NINETEEN_SEVENTY, ago(0) + timedelta(days=2)])
async def test_what_an_absurd_clock_dates_is_filed_apart_and_rings(
    settings: Settings, pool: Pool, at: datetime
):
    await files_apart(settings, pool, at)


async def test_who_believes_every_clock_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Bounds, "absurd", lambda *_: False)
    with broken():
        await files_apart(settings, pool, ago(0) + timedelta(days=2))


async def test_the_first_fix_of_an_old_day_opens_it(settings: Settings, pool: Pool):
    await register(pool, UNIT)
    days_ago = 40
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        old = ago(days_ago * 86_400)
        name = f"positions_{old:%Y%m%d}"
        assert await pool.fetchval("SELECT to_regclass($1)", name) is None
        device.say(report(old), report(ago(1)))
        await device.answered()
        assert await count(pool, name) == 1
    assert await count(pool, "positions") == 2


def test_the_bounds_of_belief():
    bounds = Bounds.of(Settings())
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    for at, absurd in (
        (now, False),
        (now + timedelta(hours=24), False),
        (now + timedelta(hours=24, seconds=1), True),
        # Positions are kept for 400 days: a day older than that would be dropped as it is made.
        (now - timedelta(days=399), False),
        (now - timedelta(days=399, seconds=1), True),
        (datetime(2014, 12, 31, tzinfo=UTC), True),
    ):
        assert bounds.absurd(at, now) is absurd, at
