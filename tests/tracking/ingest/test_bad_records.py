"""What cannot be stored or read holds up nobody, is kept, and is not silent."""

from typing import Any

import pytest

from protocols.errors import Malformed
from protocols.message import Report
from tests.devices import Device, ago, report, sos, until
from tests.gateways import (
    alarms,
    broken,
    count,
    held,
    listening,
    register,
    settle,
    the_alarm,
    until_a_commit_waits,
)
from tracking.database import Pool
from tracking.ingest import fold
from tracking.ingest.writer import Writer
from tracking.settings import Settings

UNIT = "356938035643809"
OTHER = "356938035643810"
POISON = (
    b"GET /?id=%s&lat=50.8&lon=4.3&timestamp=%d&driverUniqueId=poison%s HTTP/1.1\r\n"
    b"Host: tracker\r\n\r\n"
)


def poison(seconds_ago: float, more: bytes = b"") -> bytes:
    """A record that no table takes (see ``no_table_takes_poison``)."""
    return POISON % (UNIT.encode(), int(ago(seconds_ago).timestamp()), more)


@pytest.fixture(autouse=True)
def no_table_takes_poison(monkeypatch: pytest.MonkeyPatch):
    """Whatever we hold against bad values: there will be one that we have not thought of."""
    whole = fold.position_row

    def refuse(said: Report, *where: object, **other: Any) -> bytes:
        if said.readings.get("driver_id") == "poison":
            raise OverflowError("no table takes poison")
        return whole(said, *where, **other)

    monkeypatch.setattr(fold, "position_row", refuse)


async def isolates_poison(settings: Settings, pool: Pool) -> None:
    await register(pool, UNIT, codec="osmand")
    await register(pool, OTHER)
    async with listening(settings) as gateway:
        phone = await Device("osmand", UNIT).connect(gateway.ports["osmand/tcp"])
        tracker = await Device("gt06", OTHER).connect(gateway.ports["gt06/tcp"])
        await tracker.sign_in()
        await until(lambda: gateway.intake.pending == 0)
        async with held(settings, "LOCK TABLE positions IN SHARE MODE") as locks:
            tracker.say(report(ago(90)))
            await until_a_commit_waits(pool)
            # While this commit waits, a whole batch gathers behind it, with poison in the middle.
            for step in range(4):
                tracker.say(report(ago(80 - step), step))
                phone.say(report(ago(80 - step), step))
            phone.send_frames(poison(70))
            tracker.say(report(ago(60), 8))
            phone.say(report(ago(60), 8))
            await until(lambda: gateway.intake.pending == 12)
            await locks.release()
        await tracker.answered()
        await phone.answered()
        assert "poison record" in gateway.intake.figures.error or await count(
            pool, "gateways", "last_error LIKE 'poison record%'"
        )
    assert await count(pool, "positions") == 11
    (kept,) = await pool.fetch("SELECT payload, reason FROM quarantined_frames")
    assert b"=poison" in kept["payload"]
    assert kept["reason"] == "OverflowError: no table takes poison"


async def test_a_record_that_cannot_be_stored_holds_up_nobody(settings: Settings, pool: Pool):
    await isolates_poison(settings, pool)


async def test_who_gives_up_a_whole_batch_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    async def keep(self: Writer, batch):
        await self.open()
        try:
            kept, _ = await self._commit(batch)
        except OverflowError as error:
            return [each for one in batch for each in await self._give_up(one, error)]
        for arrival in batch:
            arrival.settle(kept=True)
        return [kept]

    monkeypatch.setattr(Writer, "keep", keep)
    with broken():
        await isolates_poison(settings, pool)


@pytest.mark.parametrize("kind", ["tracker", "panic_device", ""])
async def test_a_cry_for_help_that_cannot_be_stored_rings(
    settings: Settings, pool: Pool, kind: str
):
    await settle(pool)
    if kind:
        await register(pool, UNIT, codec="osmand", kind=kind)
    async with listening(settings) as gateway:
        phone = await Device("osmand", UNIT).connect(gateway.ports["osmand/tcp"])
        phone.send_frames(poison(5, b"&alarm=sos"))
        await phone.answered()
    assert await count(pool, "quarantined_frames") == 1
    assert [(one["cause"], one["priority"]) for one in await alarms(pool)] == [("panic", 1)]


async def rings_for_what_it_cannot_read(settings: Settings, pool: Pool, kind: str) -> None:
    await register(pool, UNIT, kind=kind)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        bad = bytearray(device.frame(sos(ago(5))))
        bad[-3] ^= 0xFF
        device.send(bytes(bad))
        await until(lambda: gateway.intake.figures.quarantined)
        (kept,) = await pool.fetch("SELECT unit_id, payload FROM quarantined_frames")
        assert (kept["unit_id"], kept["payload"]) == (UNIT, bytes(bad))
        assert await count(pool, "alarms", "cause <> 'unreadable'") == 0
    alarm = await the_alarm(pool)
    assert (alarm["cause"], alarm["priority"]) == ("unreadable", 2)


async def test_what_a_panic_device_says_unreadably_rings(settings: Settings, pool: Pool):
    await rings_for_what_it_cannot_read(settings, pool, "panic_device")


async def test_what_a_tracker_says_unreadably_is_only_kept(settings: Settings, pool: Pool):
    with broken():
        await rings_for_what_it_cannot_read(settings, pool, "tracker")
    assert await count(pool, "quarantined_frames") == 1
    assert await alarms(pool) == []


async def test_words_that_no_table_takes_are_kept_or_put_aside(settings: Settings, pool: Pool):
    """Names with NULs, half characters and ten thousand letters: stored or kept, never a crash."""
    await settle(pool)
    names = ["%00", "a%00b", "%ff%fe", "%ed%a0%80", "x" * 5_000, "%E2%80%AE%0d%0a", "'; DROP", "💥"]
    said = ["driverUniqueId", "note", "alarm", "wifi", "cell", "batt", "sat"]
    await register(pool, UNIT, codec="osmand")
    async with listening(settings) as gateway:
        for number, name in enumerate(names):
            odd = name.replace(" ", "%20").encode()
            phone = await Device("osmand", UNIT).connect(gateway.ports["osmand/tcp"])
            start = b"GET /?id=%s&lat=50.8&lon=4.3&timestamp=%d"
            at = int(ago(500 - number).timestamp())
            phone.send_frames(
                start % (odd, at) + b" HTTP/1.1\r\n\r\n",
                *(
                    start % (UNIT.encode(), at) + b"&%s=%s HTTP/1.1\r\n\r\n" % (word.encode(), odd)
                    for word in said
                ),
            )
            await until(lambda phone=phone: len(phone.answers) >= len(phone.expected))
        await until(lambda: not gateway.intake.pending)
        # Whatever became of those: the gateway is there, and the next frame counts.
        phone = await Device("osmand", UNIT).connect(gateway.ports["osmand/tcp"])
        phone.say(report(ago(1), 5))
        await phone.answered()
    kept = await count(pool, "positions") + await count(pool, "quarantined_frames")
    assert kept >= len(names) * len(said)
    assert await pool.fetchval("SELECT max(length(unit_id)) FROM unknown_units") <= 100


async def test_an_error_whose_words_no_table_takes_is_kept(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    import protocols

    def refuse(*_: object) -> None:
        raise Malformed("no such thing: \0\ud800 " + "x" * 10_000)

    await register(pool, UNIT, kind="panic_device")
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        codec = protocols.get("gt06")
        for connected in gateway._devices:
            from dataclasses import replace

            connected._talk.codec = replace(codec, decode=refuse)
        device.send(device.frame(report(ago(5))))
        await until(lambda: gateway.intake.figures.quarantined)
        assert (await the_alarm(pool))["cause"] == "unreadable"
