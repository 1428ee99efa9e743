"""Every press rings; what goes on does not ring again and again."""

from datetime import timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest

from protocols.message import Readings, Report, Signal
from tests.devices import Device, ago, fix, report, sos, until
from tests.gateways import alarms, broken, count, hearing, listening, register, the_alarm
from tracking.bus import NOTIFY_ALARMS
from tracking.database import Pool
from tracking.settings import Settings

UNIT = "356938035643809"


async def rings_again_and_only_then(settings: Settings, pool: Pool) -> None:
    await register(pool, UNIT, kind="panic_device")
    async with hearing(settings, NOTIFY_ALARMS) as said, listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        first, second = sos(ago(60)), sos(ago(40), 1)
        for press in (first, first, second, second, first):
            device.say(press)
            await device.answered()
        await pool.execute("SELECT pg_notify($1, 'that was all')", NOTIFY_ALARMS)
        await until(lambda: "that was all" in said)
    alarm = await the_alarm(pool)
    assert (alarm["priority"], alarm["state"], alarm["repeats"]) == (1, "raised", 1)
    assert alarm["lon"] == pytest.approx(4.351, abs=1e-5)
    changes = await pool.fetch("SELECT seq, kind, sound, event_id FROM changes ORDER BY seq")
    assert [(row["kind"], row["sound"]) for row in changes] == [
        ("raised", True),
        ("repeated", True),
    ]
    assert alarm["last_event_id"] == changes[-1]["event_id"]
    assert await count(pool, "alarm_events") == 2
    assert said == [*(str(row["seq"]) for row in changes), "that was all"]


async def test_a_second_press_rings_again_and_a_retransmitted_one_does_not(
    settings: Settings, pool: Pool
):
    await rings_again_and_only_then(settings, pool)


async def test_who_takes_a_second_press_for_the_first_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    def blunt(*, unit_id: str, **_: object) -> UUID:
        return uuid5(NAMESPACE_OID, unit_id)

    monkeypatch.setattr("tracking.ingest.fold.event_id", blunt)
    with broken():
        await rings_again_and_only_then(settings, pool)


async def test_a_press_half_an_hour_later_is_a_new_alarm(settings: Settings, pool: Pool):
    await register(pool, UNIT, kind="panic_device")
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(sos(ago(60)))
        await device.answered()
        for minutes, expected in ((29, 1), (31, 2)):
            await pool.execute(
                "UPDATE alarms SET last_event_at = now() - $1::interval",
                timedelta(minutes=minutes),
            )
            device.say(sos(ago(50 - minutes)))
            await device.answered()
            assert await count(pool, "alarms") == expected


async def test_a_press_after_the_alarm_was_closed_is_a_new_alarm(settings: Settings, pool: Pool):
    await register(pool, UNIT, kind="panic_device")
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        for number, state in ((1, "acknowledged"), (1, "closed"), (2, "raised")):
            device.say(sos(ago(60), number))
            await device.answered()
            assert await count(pool, "alarms") == number
            await pool.execute("UPDATE alarms SET state = $1", state)
            device.say(sos(ago(50), 9 if state == "acknowledged" else number))
            await device.answered()


def cut(seconds_ago: float, *signals: Signal) -> Report:
    return report(ago(seconds_ago), int(seconds_ago), *signals)


async def test_a_cut_that_is_said_with_every_report_is_one_event(settings: Settings, pool: Pool):
    await register(pool, UNIT, codec="teltonika")
    async with listening(settings) as gateway:
        device = await Device("teltonika", UNIT).connect(gateway.ports["teltonika/tcp"])
        await device.sign_in()
        for seconds in range(600, 300, -30):
            device.say(cut(seconds, Signal.POWER_CUT))
        await device.answered()
        # A gateway that meets the unit anew remembers it too.
        gateway.units.forget_all()
        device.say(cut(250, Signal.POWER_CUT))
        await device.answered()
        assert [(one["cause"], one["repeats"]) for one in await alarms(pool)] == [("power_cut", 0)]
        device.say(cut(200, Signal.POWER_RESTORED), cut(100, Signal.POWER_CUT))
        await device.answered()
    assert [(one["cause"], one["repeats"]) for one in await alarms(pool)] == [("power_cut", 1)]
    assert await count(pool, "rule_memory", "rule = 'tampering'") == 1


async def test_a_low_battery_is_one_event_until_it_was_charged(settings: Settings, pool: Pool):
    await register(pool, UNIT)

    def charged(seconds_ago: float, percent: int) -> Report:
        at = ago(seconds_ago)
        readings: Readings = {"battery_pct": percent}
        return Report(fix=fix(at, int(seconds_ago)), at=at, readings=readings)

    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        for seconds, percent in enumerate((40, 15, 14, 16, 24, 15), start=1):
            device.say(charged(100 - seconds, percent))
        await device.answered()
        assert [(one["cause"], one["repeats"]) for one in await alarms(pool)] == [
            ("low_battery", 0)
        ]
        device.say(charged(50, 25), charged(40, 15))
        await device.answered()
    assert [(one["cause"], one["repeats"]) for one in await alarms(pool)] == [("low_battery", 1)]
