"""The timekeeper process: makes its rounds for as long as it holds them.

Any number may run. One makes the rounds; when it dies its lock is freed with its connection and
another goes on. Nothing is lost in between: what is due is a row, and is due until it is done.
"""

import asyncio
import logging
import signal
from datetime import timedelta
from itertools import count

import uvloop

from tracking import bus, database
from tracking.database import AWAY, Connection
from tracking.ingest.figures import Figures
from tracking.ingest.identity import Units
from tracking.ingest.replay import read_again
from tracking.ingest.store import REPLAY
from tracking.ingest.writer import Writer
from tracking.rules.book import Shelf
from tracking.rules.service import rules_of
from tracking.settings import Settings
from tracking.timekeeper import store
from tracking.timekeeper.due import arm, look_at_the_clock, tell_of_those_set_aside
from tracking.timekeeper.silence import look_for_silence
from tracking.timekeeper.together import Companions

_log = logging.getLogger(__name__)

DAYS_AHEAD = 3
_TICK_S = 1.0
_DAYS_EVERY = 600
_CLOCK_S = 0.2
_COMPANIONS_EVERY = 5


async def turn_the_days(connection: Connection, settings: Settings) -> None:
    """Open days ahead, index those that are over, drop those that nobody may keep."""
    today = await store.today(connection)
    for ahead in range(-1, DAYS_AHEAD + 1):
        await store.open_day(connection, today + timedelta(days=ahead))
    keep = {
        "positions": settings.positions_retention_days,
        "frames": settings.frames_retention_days,
    }
    for parent, days in keep.items():
        for each in await store.days_of(connection, parent):
            age = (today - each.day).days
            if age > days:
                await store.drop_day(connection, parent, each.day)
                _log.info("a day has been dropped", extra={"table": parent, "day": str(each.day)})
            elif parent == "positions" and age >= 2 and not each.indexed:
                await store.close_day(connection, each.day)
    await store.let_go_of_the_old(
        connection,
        quarantine_days=settings.quarantine_retention_days,
        positions_days=settings.positions_retention_days,
    )


class Timekeeper:
    """One process that keeps the rounds, or waits for them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bell = bus.Bell(settings)
        self._shelf = Shelf()

    async def serve(self, until: asyncio.Event) -> None:
        """Make the rounds until told to stop."""
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(self._bell.run()), group.create_task(self._keep_on())]
            await until.wait()
            for task in work:
                task.cancel()

    async def _keep_on(self) -> None:
        while True:
            try:
                connection = await database.connect(self._settings, "ingest")
                try:
                    await store.take_the_rounds(connection)
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._rounds(connection))
                        group.create_task(self._judge())
                finally:
                    connection.terminate()
            except* AWAY as error:
                _log.warning("no rounds without PostgreSQL", extra={"error": repr(error)})
                await asyncio.sleep(0.5)

    async def _judge(self) -> None:
        """Look at what the clock brings and who has come near whom, over a connection of its own.

        Nothing that takes long is done here: a worker who does not move waits for nobody.
        """
        connection = await database.connect(self._settings, "ingest")
        try:
            for channel in (bus.NOTIFY_RULES, bus.NOTIFY_FLEET):
                await connection.add_listener(channel, lambda *_: self._shelf.something_changed())
            self._shelf.something_changed()
            companions = Companions()
            for tick in count():
                async with asyncio.timeout(60.0):
                    aside = await self._read_anew(connection) if self._shelf.stale else None
                    book = self._shelf.book
                    seq = await look_at_the_clock(connection, book, self._settings) or aside
                    if tick % _COMPANIONS_EVERY == 0:
                        near = await companions.look(connection, book, self._settings)
                        seq = near or seq
                if seq is not None:
                    self._bell.alarms(seq)
                await asyncio.sleep(_CLOCK_S)
        finally:
            connection.terminate()

    async def _read_anew(self, connection: Connection) -> int | None:
        """Read what has changed in the rules; the newest change number of what is wrong in them."""
        await self._shelf.refresh(connection)
        book = self._shelf.book
        await arm(connection, book)
        return await tell_of_those_set_aside(connection, book, self._settings)

    async def _rounds(self, connection: Connection) -> None:
        settings = self._settings
        units = Units()
        writer = Writer(
            settings,
            gateway=REPLAY,
            units=units,
            rules=rules_of(settings),
            shelf=self._shelf,
            figures=Figures(),
        )
        try:
            for tick in count():
                async with asyncio.timeout(300.0):
                    if tick % _DAYS_EVERY == 0:
                        await turn_the_days(connection, settings)
                    seq = await look_for_silence(connection, settings)
                    # Nobody tells this process of a changed fitment, so it remembers none.
                    units.forget_all()
                    for kept in await read_again(connection, writer):
                        self._bell.positions(b"".join(kept.folded.bell))
                        seq = kept.seq or seq
                if seq is not None:
                    self._bell.alarms(seq)
                await asyncio.sleep(_TICK_S)
        finally:
            writer.drop()


def run(settings: Settings) -> None:
    """Be the timekeeper until SIGTERM or SIGINT."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        await Timekeeper(settings).serve(stop)

    uvloop.run(main())
