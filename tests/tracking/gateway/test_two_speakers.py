"""A name is not a password: two who speak under one are both kept, and somebody is told."""

from datetime import timedelta

import pytest

from tests.devices import Device, ago, report, until
from tests.gateways import alarms, broken, count, listening, register, the_alarm
from tracking.database import Pool
from tracking.gateway.presence import Presence
from tracking.ingest import writer
from tracking.ingest.identity import Unit
from tracking.settings import Settings

UNIT = "356938035643809"


class Voice:
    """A connection, as far as presence cares."""

    unit_id = UNIT


async def tells_of_two_who_speak(settings: Settings, pool: Pool) -> None:
    await register(pool, UNIT)
    async with listening(settings) as gateway:
        gateway.presence._settle_s = 0.0
        first = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        second = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        for step, device in enumerate((first, second, first, second, first)):
            await device.sign_in()
            device.say(report(ago(60 - step), step))
            await device.answered()
        assert await count(pool, "positions") == 5
        assert gateway.presence.addressee(UNIT, gateway.time()) is None
        alarm = await the_alarm(pool)
        assert (alarm["cause"], alarm["priority"]) == ("identity_conflict", 2)


async def test_two_who_speak_are_both_kept_and_neither_is_given_commands(
    settings: Settings, pool: Pool
):
    await tells_of_two_who_speak(settings, pool)


async def test_who_does_not_notice_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Presence, "heard", lambda *_: False)
    with broken():
        await tells_of_two_who_speak(settings, pool)


async def test_two_who_speak_at_different_gateways_are_noticed(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "_SETTLES", timedelta(0))
    monkeypatch.setattr(Unit, "slack", timedelta(0))
    await register(pool, UNIT)
    async with listening(settings) as here, listening(settings, "gateway-2") as there:
        first = await Device("gt06", UNIT).connect(here.ports["gt06/tcp"])
        second = await Device("gt06", UNIT).connect(there.ports["gt06/tcp"])
        for step, device in enumerate((first, second, first, second)):
            if step < 2:
                await device.sign_in()
            device.say(report(ago(60 - step), step))
            await device.answered()
        assert await count(pool, "positions") == 4
        assert (await the_alarm(pool))["cause"] == "identity_conflict"
        for gateway in (here, there):
            assert gateway.presence.addressee(UNIT, gateway.time()) is None


async def test_a_device_that_moves_between_gateways_is_no_rival_of_itself(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "_SETTLES", timedelta(0))
    monkeypatch.setattr(Unit, "slack", timedelta(0))
    await register(pool, UNIT)
    async with listening(settings) as here, listening(settings, "gateway-2") as there:
        for step, gateway in enumerate((here, there, here, there)):
            device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
            await device.sign_in()
            device.say(report(ago(60 - step), step))
            await device.answered()
            device.vanish()
        assert await count(pool, "positions") == 4
        assert await alarms(pool) == []


async def test_a_device_that_comes_back_is_served_while_its_old_socket_dies(
    settings: Settings, pool: Pool
):
    await register(pool, UNIT)
    async with listening(settings) as gateway:
        gateway.presence._settle_s = 60.0
        old = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await old.sign_in()
        new = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await new.sign_in()
        # What was still on its way through the old socket arrives after the new one signed in.
        old.say(report(ago(30), 1))
        new.say(report(ago(20), 2))
        await old.answered()
        await new.answered()
        speaker = gateway.presence.addressee(UNIT, gateway.time())
        assert speaker is not None
        old.vanish()
        await until(lambda: gateway.intake.figures.connections == 1)
        assert gateway.presence.addressee(UNIT, gateway.time()) is speaker
        new.say(report(ago(10), 3))
        await new.answered()
    assert await count(pool, "positions") == 3
    assert await alarms(pool) == []


async def test_many_requests_of_one_phone_are_no_conflict(settings: Settings, pool: Pool):
    """An app opens a connection when it likes; those of HTTP are requests, not a presence."""
    await register(pool, UNIT, codec="osmand")
    async with listening(settings) as gateway:
        gateway.presence._settle_s = 0.0
        first = await Device("osmand", UNIT).connect(gateway.ports["osmand/tcp"])
        second = await Device("osmand", UNIT).connect(gateway.ports["osmand/tcp"])
        for step, phone in enumerate((first, second, first, second)):
            phone.say(report(ago(60 - step), step))
            await phone.answered()
    assert await count(pool, "positions") == 4
    assert await alarms(pool) == []


def test_the_newest_connection_is_the_addressee():
    presence, old, new = Presence(), Voice(), Voice()
    assert not presence.heard(old, UNIT, 0.0)
    assert presence.addressee(UNIT, 0.0) is old
    assert not presence.heard(new, UNIT, 100.0)
    assert presence.addressee(UNIT, 100.0) is new


def test_an_old_socket_may_finish_its_sentence_but_not_begin_another():
    presence, old, new = Presence(settle_s=2.0), Voice(), Voice()
    presence.heard(old, UNIT, 0.0)
    presence.heard(new, UNIT, 100.0)
    assert not presence.heard(old, UNIT, 101.9)
    assert presence.addressee(UNIT, 101.9) is new
    assert presence.heard(old, UNIT, 102.1)
    assert presence.addressee(UNIT, 102.1) is None


def test_after_a_conflict_nobody_is_addressed_for_a_while():
    presence, one, other = Presence(settle_s=2.0, conflict_s=600.0), Voice(), Voice()
    presence.heard(one, UNIT, 0.0)
    presence.heard(other, UNIT, 10.0)
    presence.heard(one, UNIT, 20.0)
    presence.gone(other, UNIT)
    assert presence.addressee(UNIT, 619.0) is None
    assert presence.addressee(UNIT, 621.0) is one


def test_who_is_gone_is_no_addressee_and_no_rival():
    presence, one, other = Presence(), Voice(), Voice()
    presence.heard(one, UNIT, 0.0)
    presence.gone(one, UNIT)
    assert presence.addressee(UNIT, 1.0) is None
    assert not presence.heard(other, UNIT, 50.0)
    assert presence.addressee(UNIT, 50.0) is other
    assert presence.addressee("another", 50.0) is None
