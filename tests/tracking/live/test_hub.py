"""Promise 3: NOTIFY, Redis and the poll each suffice alone, and each may die."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from tests.tracking.town import Town
from tracking import bus, clock, cluster
from tracking.live import desk as desks
from tracking.live.desk import Desk, SentAway
from tracking.live.hub import Hub, Way
from tracking.settings import Settings


class Ear:
    """A desk without a socket. While ``deaf``, it takes nothing."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.positions: list[bytes] = []
        self._heard = asyncio.Condition()
        self.listens = asyncio.Event()
        self.listens.set()

    async def send_text(self, said: str) -> None:
        await self.listens.wait()
        async with self._heard:
            self.frames.append(orjson.loads(said))
            self._heard.notify_all()

    async def send_bytes(self, said: bytes) -> None:
        await self.listens.wait()
        async with self._heard:
            self.positions.append(said)
            self._heard.notify_all()

    async def until(self, fact: Callable[[], object]) -> None:
        async with asyncio.timeout(30), self._heard:
            await self._heard.wait_for(fact)

    async def more(self) -> None:
        """Wait for one more frame than there are now."""
        known = len(self.frames)
        await self.until(lambda: len(self.frames) > known)

    async def alarm(self, alarm: object, change: str = "raised") -> dict[str, Any]:
        """Wait for that change of that alarm."""
        await self.until(lambda: self._find(alarm, change))
        return self._find(alarm, change)[0]

    def alarms(self) -> list[str]:
        return [frame["alarm"]["id"] for frame in self.frames if frame["type"] == "alarm"]

    def _find(self, alarm: object, change: str) -> list[dict[str, Any]]:
        return [
            frame
            for frame in self.frames
            if frame["type"] == "alarm"
            and frame["alarm"]["id"] == str(alarm)
            and frame["change"] == change
        ]


@asynccontextmanager
async def listening(
    settings: Settings, town: Town, *ways: Way, after: int = 0
) -> AsyncIterator[tuple[Hub, Ear, Desk]]:
    """A hub that hears in these ways only, and a desk of the centre that has caught up."""
    hub = Hub(settings, ways=frozenset(ways))
    ear = Ear()
    centre = hub.centre(town.centre)
    desk = Desk(
        centre,
        hub.whereabouts,
        organisation_id=None,
        after=after,
        send_text=ear.send_text,
        send_bytes=ear.send_bytes,
    )
    hub.join(desk, centre)
    work = [asyncio.create_task(hub.run()), asyncio.create_task(desk.run("test"))]
    try:
        await ear.until(lambda: any(frame["type"] == "beat" for frame in ear.frames))
        async with asyncio.timeout(30):
            while not desk.caught_up:
                await ear.more()
        yield hub, ear, desk
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def publish(settings: Settings, channel: str, payload: bytes) -> None:
    client = bus.connect(bus.address_of(settings))
    async with asyncio.timeout(30):
        while not await client.publish(settings.redis_prefix + channel, payload):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)
    await client.aclose()


@pytest.mark.parametrize("way", Way)
async def test_each_way_suffices_alone(settings: Settings, town: Town, way: Way) -> None:
    client = await town.add_client("Bakery")
    async with listening(settings, town, way) as (_, ear, _):
        alarm = await town.raise_alarm(client, notify=way is Way.NOTIFY)
        if way is Way.REDIS:
            await publish(settings, bus.ALARMS, b"1")
        told = await ear.alarm(alarm)
        assert told["sound"]


async def test_control_without_any_way_nothing_is_heard(settings: Settings, town: Town) -> None:
    """The test above must fail when nothing wakes the hub, or it would prove nothing."""
    client = await town.add_client("Bakery")
    async with (
        listening(settings, town) as (_, deaf, _),
        listening(settings, town, *Way) as (_, ear, _),
    ):
        alarm = await town.raise_alarm(client)
        await ear.alarm(alarm)
        for _ in range(2):
            await deaf.more()
        assert deaf.alarms() == []


async def test_a_listener_whose_connection_is_killed_listens_again(
    settings: Settings, town: Town
) -> None:
    client = await town.add_client("Bakery")
    async with listening(settings, town, Way.NOTIFY) as (_, ear, _):
        for _ in range(3):
            killed = await town.pool.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'vigil_app' AND datname = current_database()"
            )
            assert killed
            # Raised while nobody listens: heard when the listener is back.
            await ear.alarm(await town.raise_alarm(client))


async def test_an_alarm_is_told_once_although_all_ways_ring(settings: Settings, town: Town) -> None:
    client = await town.add_client("Bakery")
    async with listening(settings, town, *Way) as (hub, ear, _):
        alarms = []
        for _ in range(20):
            alarms.append(str(await town.raise_alarm(client)))
            hub.rang(1)
            await publish(settings, bus.ALARMS, b"1")
        await ear.alarm(alarms[-1])
        assert ear.alarms() == alarms


@contextmanager
def own_redis(settings: Settings) -> Iterator[Callable[[], Any]]:
    """A Redis that this test may kill; call it to start one (again)."""
    started = []

    def start() -> Any:
        process = cluster.redis(settings).start()
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)


async def test_redis_may_be_killed_and_come_back(
    make_settings: Callable[..., Settings], town: Town, settings: Settings, tmp_path: Path
) -> None:
    """Alarms go on at once, positions more slowly; when Redis is back, so are they."""
    alone = Settings(**{**settings.model_dump(), "redis_url": ""})
    client = await town.add_client("Bakery")
    asset, number = await town.add_asset(client, "Van")
    device = await town.add_device(client, "unit-1", asset)
    with own_redis(alone) as start:
        redis = start()
        await cluster.until_redis_answers(alone)
        async with listening(alone, town, *Way) as (hub, ear, _):

            def hears() -> bool:
                return hub.bell_heard

            row = bus.POSITION_ROW.pack(number, 4.0, 50.0, 0, 0, 1_600_000_000, 1)
            await publish(alone, bus.POSITIONS, row)
            await ear.until(lambda: len(ear.positions) == 1)
            assert hears()
            redis.kill()
            redis.wait(30)
            await ear.alarm(await town.raise_alarm(client))
            await town.pool.execute(
                "INSERT INTO last_positions (asset_id, device_id, at, received_at, geom, valid,"
                " buffered) VALUES ($1, $2, '2023-11-14T22:13:20Z', now(),"
                " ST_SetSRID(ST_MakePoint(5, 51), 4326), true, false)",
                asset,
                device,
            )
            await ear.until(lambda: len(ear.positions) == 2)
            assert not hears()
            start()
            await cluster.until_redis_answers(alone)
            row = bus.POSITION_ROW.pack(number, 6.0, 52.0, 0, 0, 1_800_000_000, 1)
            await publish(alone, bus.POSITIONS, row)
            await ear.until(lambda: len(ear.positions) == 3)


class Door:
    """Lets nobody into the test's database, and puts out who is in."""

    def __init__(self, settings: Settings, run_sql: Callable[[str], None]) -> None:
        self._name = urlsplit(settings.database_url).path.lstrip("/")
        self._run_sql = run_sql

    async def shut(self) -> None:
        await asyncio.to_thread(
            self._run_sql, f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false"
        )
        await asyncio.to_thread(
            self._run_sql,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{self._name}' AND pid <> pg_backend_pid()",
        )

    async def open(self) -> None:
        await asyncio.to_thread(
            self._run_sql, f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true"
        )


async def test_a_cry_for_help_rings_while_postgresql_is_away_and_is_confirmed_later(
    settings: Settings, town: Town, servers: Any
) -> None:
    client = await town.add_client("Bakery")
    door = Door(settings, servers.run_sql)
    said = {"event_id": "", "organisation_id": str(client), "alarm": {"state": "provisional"}}
    async with listening(settings, town, *Way) as (hub, ear, _):
        await door.shut()
        said["event_id"] = "0b8f6a52-6d0e-5c1b-9f0e-0a4f8f7e2c11"
        for _ in range(2):
            await publish(settings, bus.PROVISIONAL, orjson.dumps(said))
        await ear.until(lambda: [one for one in ear.frames if one["type"] == "provisional"])
        await ear.more()
        # Who comes while it is still away hears of it too.
        assert [one.event_id for one in hub.centre(town.centre).provisional()] == [said["event_id"]]
        await door.open()
        alarm = await town.raise_alarm(client)
        event = said["event_id"]
        await town.pool.execute(
            "INSERT INTO changes (seq, alarm_id, organisation_id, event_id, kind, sound)"
            " VALUES (vigil_next_change(), $1, $2, $3, 'repeated', true)",
            alarm,
            client,
            event,
        )
        told = await ear.alarm(alarm, "repeated")
        assert told["event_id"] == event
        # The bell may be late; what is confirmed does not ring as provisional again.
        await publish(settings, bus.PROVISIONAL, orjson.dumps(said))
        await publish(settings, bus.PROVISIONAL, orjson.dumps(said | {"event_id": "another"}))
        await ear.until(lambda: [one for one in ear.frames if one.get("event_id") == "another"])
        rung = [one["event_id"] for one in ear.frames if one["type"] == "provisional"]
        assert rung == [event, "another"]
        assert [one.event_id for one in hub.centre(town.centre).provisional()] == ["another"]


async def test_a_provisional_alarm_of_a_client_just_registered_waits_until_it_is_known(
    settings: Settings, town: Town
) -> None:
    async with listening(settings, town, *Way) as (_, ear, _):
        client = await town.add_client("New")
        said = {"event_id": "e", "organisation_id": str(client), "alarm": {}}
        await publish(settings, bus.PROVISIONAL, orjson.dumps(said))
        await town.pool.execute("SELECT pg_notify('vigil_fleet', '')")
        await ear.until(lambda: [one for one in ear.frames if one["type"] == "provisional"])


async def test_a_provisional_alarm_of_another_centre_does_not_ring_here(
    settings: Settings, town: Town
) -> None:
    theirs = await town.add_client("Theirs", await town.add_centre("Elsewhere"))
    async with listening(settings, town, *Way) as (_, ear, _):
        said: dict[str, Any] = {"event_id": "theirs", "organisation_id": str(theirs), "alarm": {}}
        await publish(settings, bus.PROVISIONAL, orjson.dumps(said))
        said = {"event_id": "of a unit nobody knows", "organisation_id": None, "alarm": {}}
        await publish(settings, bus.PROVISIONAL, orjson.dumps(said))
        await ear.until(lambda: [one for one in ear.frames if one["type"] == "provisional"])
        rung = [one["event_id"] for one in ear.frames if one["type"] == "provisional"]
        assert rung == ["of a unit nobody knows"]


async def test_a_desk_that_does_not_read_is_sent_away_and_resumes_without_loss(
    settings: Settings, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "MOST_OWED", 20)
    client = await town.add_client("Bakery")
    async with listening(settings, town, *Way) as (hub, ear, _):
        centre = hub.centre(town.centre)
        slow = Ear()
        desk = Desk(
            centre,
            hub.whereabouts,
            organisation_id=None,
            after=0,
            send_text=slow.send_text,
            send_bytes=slow.send_bytes,
        )
        hub.join(desk, centre)
        work = asyncio.create_task(desk.run("test"))
        await slow.until(lambda: desk.caught_up and slow.frames)
        slow.listens.clear()
        alarms = [str(await town.raise_alarm(client)) for _ in range(30)]
        async with asyncio.timeout(30):
            with pytest.raises(BaseExceptionGroup) as sent_away:
                await work
        assert sent_away.value.subgroup(SentAway)
        hub.leave(desk, centre)
        await ear.alarm(alarms[-1])
        seen = slow.alarms()
        last = max((one["seq"] for one in slow.frames if one["type"] == "alarm"), default=0)
    monkeypatch.undo()
    async with listening(settings, town, *Way, after=last) as (_, again, _):
        await again.alarm(alarms[-1])
        assert seen + again.alarms() == alarms


async def test_a_slow_desk_gets_the_last_position_of_each_and_not_the_way_there(
    settings: Settings, town: Town
) -> None:
    client = await town.add_client("Bakery")
    numbers = [(await town.add_asset(client, f"Van {n}"))[1] for n in range(2)]
    async with listening(settings, town, *Way) as (hub, ear, desk):
        ear.listens.clear()
        for at in range(1, 100):
            rows = b"".join(
                bus.POSITION_ROW.pack(number, 4.0, 50.0, at, 0, at, 1) for number in numbers
            )
            hub.whereabouts.hear(rows, received_at=float(at))
            desk.tell_positions(hub.whereabouts.take_moved(), {})
        ear.listens.set()
        await ear.until(lambda: len(ear.positions) == 2)
        speeds = [
            int.from_bytes(frame[8 + 2 * 12 : 8 + 2 * 12 + 2], "little") for frame in ear.positions
        ]
        assert speeds == [1, 99]


async def test_a_unit_that_speaks_while_the_fleet_is_read_again_becomes_live(
    settings: Settings, town: Town
) -> None:
    client = await town.add_client("Bakery")
    _, number = await town.add_asset(client, "Van")
    hub, ear = Hub(settings), Ear()
    centre = hub.centre(town.centre)
    desk = Desk(
        centre,
        hub.whereabouts,
        organisation_id=None,
        after=0,
        send_text=ear.send_text,
        send_bytes=ear.send_bytes,
    )
    hub.join(desk, centre)
    work = asyncio.create_task(desk.run("test"))
    await centre.learn_fleet()
    await ear.until(lambda: _states(ear) == ["never"])
    row = bus.POSITION_ROW.pack(number, 4.0, 50.0, 1, 0, 0, 1)
    hub.whereabouts.hear(row, received_at=clock.now().timestamp())
    await centre.learn_fleet()
    await ear.until(lambda: _states(ear)[-1] == "live")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    centre.close()


def _states(ear: Ear) -> list[str]:
    return [
        asset["state"]
        for frame in ear.frames
        if frame["type"] == "assets"
        for asset in frame["assets"]
    ]


async def test_a_mistake_of_ours_in_one_part_does_not_silence_the_others(
    settings: Settings, town: Town, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def wrong(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Hub, "_heard", wrong)
    client = await town.add_client("Bakery")
    async with listening(settings, town, *Way) as (_, ear, _):
        await ear.alarm(await town.raise_alarm(client))
    assert "begins again" in caplog.text


async def test_a_database_that_hangs_is_let_go_and_asked_again(
    settings: Settings, town: Town, caplog: Any
) -> None:
    client = await town.add_client("Bakery")
    async with listening(settings, town, *Way) as (_, ear, _):
        async with town.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE alarms, changes IN ACCESS EXCLUSIVE MODE")
            async with asyncio.timeout(30):
                while "alarms cannot be followed" not in caplog.text:
                    await ear.more()
        await ear.alarm(await town.raise_alarm(client))
