"""The hub: hears that something is new three ways, asks PostgreSQL what it is, tells the desks.

A wake is only a hint; the query is the truth. NOTIFY, Redis and a poll each suffice alone
(promise 3), and a desk that resumes after what it saw last misses nothing (promise 4).
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg
import orjson
from redis.exceptions import RedisError

from tracking import bus, clock, database
from tracking.live import figures
from tracking.live.centre import Centre, Provisional
from tracking.live.desk import Desk
from tracking.live.line import AWAY
from tracking.live.whereabouts import Whereabouts
from tracking.settings import Settings

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

POLL_S = 0.25
TELL_POSITIONS_S = 0.2
JUDGE_STATES_S = 2.0
HEAR_UNITS_S = 10.0
LEARN_FLEET_S = 60.0
REFRESH_S = 2.0
"""How often positions are read from PostgreSQL while the bell is away."""
PULSE_S = 2.0
FRESH_S = 5.0
PROVISIONAL_S = 3_600.0
_MOST_PROVISIONAL = 10_000
_MOST_REMEMBERED = 10_000
_TRUST = timedelta(seconds=10)
"""How long the map believes the bell before it asks PostgreSQL what it may have missed."""

_LONGEST_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


class Way(StrEnum):
    """A way in which the hub hears that there is something new."""

    NOTIFY = "notify"
    REDIS = "redis"
    POLL = "poll"


class Hub:
    """One a process. ``run()`` it as a task; it outlives PostgreSQL and Redis being away.

    ``ways`` is for tests that show that each way suffices alone.
    """

    def __init__(self, settings: Settings, *, ways: frozenset[Way] = frozenset(Way)) -> None:
        self.whereabouts = Whereabouts()
        self._settings = settings
        self._ways = ways
        self._bell = bus.Bell(settings)
        self._centres: dict[UUID, Centre] = {}
        self._wake = asyncio.Event()
        self._fleet_changed = asyncio.Event()
        self._provisional: OrderedDict[str, Provisional] = OrderedDict()
        self._confirmed: OrderedDict[str, None] = OrderedDict()
        self._shown: asyncio.Queue[tuple[Centre, UUID, UUID]] = asyncio.Queue(10_000)
        self._pulse = f"pulse:{uuid4().hex}"
        self._bell_heard_at = float("-inf")
        self._followed_at = float("-inf")

    @property
    def fresh(self) -> bool:
        """Whether every centre that has screens here was followed lately."""
        return not self._centres or self._now() - self._followed_at < FRESH_S

    @property
    def bell_heard(self) -> bool:
        """Whether Redis tells us things right now."""
        return self._now() - self._bell_heard_at < FRESH_S

    def rang(self, seq: int) -> None:
        """Something of this process was committed: tell our own desks and everybody else."""
        self._wake.set()
        self._bell.alarms(seq)

    def centre(self, centre_id: UUID) -> Centre:
        """The centre, followed from now on."""
        if centre_id not in self._centres:
            self._centres[centre_id] = Centre(
                self._settings, centre_id, self.whereabouts, self._provisional
            )
            self._fleet_changed.set()
            self._wake.set()
        return self._centres[centre_id]

    def join(self, desk: Desk, centre: Centre) -> None:
        """From now on the desk is told what happens."""
        centre.desks.add(desk)
        figures.CLIENTS.inc()

    def leave(self, desk: Desk, centre: Centre) -> None:
        """The desk is gone."""
        centre.desks.discard(desk)
        figures.CLIENTS.dec()

    def shown(self, centre: Centre, alarm_id: UUID, person_id: UUID) -> None:
        """A desk has shown an alarm; written down as soon as PostgreSQL answers."""
        with contextlib.suppress(asyncio.QueueFull):
            self._shown.put_nowait((centre, alarm_id, person_id))

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for work in (
                    self._bell.run,
                    self._follow,
                    self._listen,
                    self._hear_bell,
                    self._feel_pulse,
                    self._tell_positions,
                    self._judge_states,
                    self._keep_fleet,
                    self._keep_heard,
                    self._refresh_without_bell,
                    self._note_shown,
                ):
                    tasks.create_task(_without_end(work))
        finally:
            for centre in self._centres.values():
                centre.close()

    # ── alarms ────────────────────────────────────────────────────────────────────────────────

    async def _follow(self) -> None:
        patience = POLL_S if Way.POLL in self._ways else None
        away = False
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._wake.wait()
            self._wake.clear()
            try:
                for centre in list(self._centres.values()):
                    for event_id in await centre.follow():
                        self._confirm(event_id)
            except AWAY as error:
                if not away:
                    _log.warning("alarms cannot be followed", extra={"error": repr(error)})
                away = True
                figures.FRESH.set(self.fresh)
                await asyncio.sleep(POLL_S)
                self._wake.set()
                continue
            if away:
                _log.info("alarms are followed again")
            away = False
            if self._centres:
                self._followed_at = self._now()
            figures.FRESH.set(1)

    async def _listen(self) -> None:
        """NOTIFY, on a connection of its own whose silent death is noticed."""
        pause_s = 0.1
        while True:
            try:
                async with asyncio.timeout(5.0):
                    connection = await database.connect(self._settings, "app")
                try:
                    pause_s = 0.1
                    await self._listen_on(connection)
                finally:
                    connection.terminate()
            except AWAY as error:
                _log.info("notifications are away", extra={"error": repr(error)})
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _listen_on(self, connection: database.Connection) -> None:
        ended = asyncio.Event()

        def alarm_changed(*_: object) -> None:
            self._wake.set()

        def fleet_changed(*_: object) -> None:
            self._fleet_changed.set()

        def end(_: "database.Connection | PoolConnectionProxy[asyncpg.Record]") -> None:
            ended.set()

        connection.add_termination_listener(end)
        if Way.NOTIFY in self._ways:
            await connection.add_listener(bus.NOTIFY_ALARMS, alarm_changed)
        await connection.add_listener(bus.NOTIFY_FLEET, fleet_changed)
        # What was notified while nobody listened is asked for.
        self._fleet_changed.set()
        if Way.NOTIFY in self._ways:
            self._wake.set()
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PULSE_S):
                    await ended.wait()
            async with asyncio.timeout(PULSE_S):
                await connection.execute("SELECT 1")

    def _confirm(self, event_id: str) -> None:
        self._provisional.pop(event_id, None)
        self._confirmed[event_id] = None
        if len(self._confirmed) > _MOST_REMEMBERED:
            self._confirmed.popitem(last=False)

    # ── Redis ─────────────────────────────────────────────────────────────────────────────────

    async def _hear_bell(self) -> None:
        channels = (bus.POSITIONS, bus.ALARMS, bus.PROVISIONAL, self._pulse)
        while True:
            # A subscription that does not even hear our own pulse is made again.
            with contextlib.suppress(TimeoutError):
                async with (
                    asyncio.timeout(FRESH_S) as patience,
                    contextlib.aclosing(bus.listen(self._settings, *channels)) as messages,
                ):
                    async for channel, payload in messages:
                        self._bell_heard_at = self._now()
                        patience.reschedule(self._bell_heard_at + FRESH_S)
                        self._heard(channel, payload)

    def _heard(self, channel: str, payload: bytes) -> None:
        if channel == bus.POSITIONS:
            received_at = clock.now().timestamp()
            figures.POSITIONS.inc(self.whereabouts.hear(payload, received_at=received_at))
        elif channel == bus.PROVISIONAL:
            self._heard_provisional(payload)
        elif channel != self._pulse and Way.REDIS in self._ways:
            # Alarms; or the bell came back, and what it rang meanwhile is asked for.
            self._wake.set()

    def _heard_provisional(self, payload: bytes) -> None:
        try:
            said = orjson.loads(payload)
            event_id, alarm = str(said["event_id"]), said["alarm"]
            organisation = said.get("organisation_id")
            organisation_id = None if organisation is None else UUID(organisation)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            _log.error("a provisional alarm cannot be read", extra={"error": repr(error)})
            return
        if event_id in self._confirmed or event_id in self._provisional:
            return
        self._forget_old_provisional()
        frame = {"type": "provisional", "event_id": event_id, "alarm": alarm}
        self._provisional[event_id] = Provisional(
            event_id=event_id,
            organisation_id=organisation_id,
            frame=orjson.dumps(frame),
            until=self._now() + PROVISIONAL_S,
        )
        self._tell_provisional()

    def _tell_provisional(self) -> None:
        for alarm in self._provisional.values():
            for centre in self._centres.values():
                centre.tell_provisional(alarm)

    def _forget_old_provisional(self) -> None:
        while self._provisional:
            oldest = next(iter(self._provisional.values()))
            if oldest.until > self._now() and len(self._provisional) < _MOST_PROVISIONAL:
                return
            self._provisional.popitem(last=False)

    async def _feel_pulse(self) -> None:
        """Ring for ourselves: hearing it back is the only proof that we would hear others."""
        client = bus.connect(bus.address_of(self._settings))
        try:
            while True:
                with contextlib.suppress(RedisError, OSError, TimeoutError):
                    async with asyncio.timeout(PULSE_S):
                        await client.publish(self._settings.redis_prefix + self._pulse, b"")
                await asyncio.sleep(PULSE_S)
        finally:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                await client.aclose()

    # ── positions and the fleet ───────────────────────────────────────────────────────────────

    async def _tell_positions(self) -> None:
        while True:
            await asyncio.sleep(TELL_POSITIONS_S)
            moved = self.whereabouts.take_moved()
            for centre in self._centres.values():
                centre.tell_positions(moved)

    async def _judge_states(self) -> None:
        while True:
            await asyncio.sleep(JUDGE_STATES_S)
            for centre in self._centres.values():
                centre.judge_states()

    async def _keep_fleet(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEARN_FLEET_S):
                    await self._fleet_changed.wait()
            self._fleet_changed.clear()
            if await self._of_all(Centre.learn_fleet):
                self._tell_provisional()
            else:
                self._fleet_changed.set()
            await asyncio.sleep(_LONGEST_PAUSE_S)

    async def _keep_heard(self) -> None:
        while True:
            await asyncio.sleep(HEAR_UNITS_S)
            await self._of_all(Centre.hear)

    async def _refresh_without_bell(self) -> None:
        refreshed_at = clock.now()
        was_heard = False
        while True:
            await asyncio.sleep(REFRESH_S)
            heard, now = self.bell_heard, clock.now()
            # Once more after the bell is back: it tells only what it rang since. And now and then
            # while it rings, for a message of it may be lost without anybody noticing.
            if heard and was_heard and now - refreshed_at < _TRUST:
                continue
            since = refreshed_at - timedelta(seconds=2 * FRESH_S)
            if await self._of_all(partial(Centre.refresh_positions, since=since)):
                refreshed_at, was_heard = now, heard

    async def _note_shown(self) -> None:
        while True:
            centre, alarm_id, person_id = await self._shown.get()
            while True:
                try:
                    await centre.note_shown(alarm_id, person_id)
                    break
                except AWAY:
                    await asyncio.sleep(_LONGEST_PAUSE_S)

    async def _of_all(self, ask: Callable[[Centre], Awaitable[None]]) -> bool:
        """Ask for every centre; whether PostgreSQL answered."""
        try:
            for centre in list(self._centres.values()):
                await ask(centre)
        except AWAY as error:
            _log.info("the fleet cannot be read", extra={"error": repr(error)})
            return False
        return True

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


async def _without_end(work: Callable[[], Awaitable[None]]) -> None:
    """Work until cancelled: a mistake of ours in one part must not silence the others."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - it is logged as ours, and alarms go on
            _log.exception("a part of the live channel failed and begins again")
            await asyncio.sleep(_LONGEST_PAUSE_S)
