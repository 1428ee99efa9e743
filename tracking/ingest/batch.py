"""Group commit in two lanes: what waits on all connections is committed together.

The ordinary lane commits at once when little is going on, and lingers for more rows under load.
Life-safety signals have a lane of their own with its own connection, ahead of any backlog; what
that lane cannot commit soon is journalled and rings on the desks all the same.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine

from protocols.codec import Peer
from tracking import clock
from tracking.bus import Bell
from tracking.database import AWAY, NotDurable
from tracking.ingest.arrival import Arrival
from tracking.ingest.figures import Figures
from tracking.ingest.identity import Units
from tracking.ingest.journal import Journal, again
from tracking.ingest.provisional import provisional_alarms
from tracking.ingest.writer import Writer
from tracking.rules.book import Shelf
from tracking.rules.service import RuleBook
from tracking.settings import Settings

_log = logging.getLogger(__name__)

_LINGER_FROM = 300.0
_LINGER_FULL = 6_000.0
"""Frames a second at which lingering begins, and at which it is at its longest."""


class Lane:
    """One queue, one writer, one connection. Run ``run()`` as a task."""

    def __init__(
        self, writer: Writer, bell: Bell, *, name: str, batch_rows: int, linger_s: float
    ) -> None:
        self._writer = writer
        self._bell = bell
        self._name = name
        self._rows = batch_rows
        self._linger_s = linger_s
        self._waiting: deque[Arrival] = deque()
        self._wake = asyncio.Event()
        self._in_hand: list[Arrival] = []
        self._rate = 0.0
        self.away = False
        self.on_kept: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Connect now rather than at the first frame, if there is anything to connect to.

        Raises NotDurable. A database that is merely away is no reason not to listen: a cry for
        help can ring without it.
        """
        try:
            await self._writer.open()
        except NotDurable:
            raise
        except AWAY as error:
            self.away = True
            _log.warning("starting without PostgreSQL", extra={"error": repr(error)})

    @property
    def pending(self) -> int:
        """Frames that wait for a commit."""
        return len(self._waiting) + len(self._in_hand)

    @property
    def oldest_s(self) -> float:
        """How long the oldest of them has waited."""
        oldest = self._in_hand or self._waiting
        return (clock.now() - oldest[0].received_at).total_seconds() if oldest else 0.0

    def put(self, arrival: Arrival) -> None:
        """Queue one frame."""
        self._waiting.append(arrival)
        self._wake.set()

    async def run(self) -> None:
        """Commit what waits, for ever. A batch that cannot be committed is tried again whole."""
        last = time.monotonic()
        try:
            while True:
                await self._wake.wait()
                await self._linger()
                batch = [
                    self._waiting.popleft() for _ in range(min(len(self._waiting), self._rows))
                ]
                if not self._waiting:
                    self._wake.clear()
                now = time.monotonic()
                # A moving rate over about a quarter of a second.
                share = min((now - last) * 4.0, 1.0)
                self._rate += (len(batch) / max(now - last, 1e-4) - self._rate) * share
                last = now
                self._in_hand = batch
                await self._keep(batch)
                self._in_hand = []
                self.on_kept()
        finally:
            await self._writer.close()

    async def _linger(self) -> None:
        """Wait for more rows, the longer the busier: a commit costs the same for 5 as for 500."""
        if self._linger_s and len(self._waiting) < self._rows:
            load = (self._rate - _LINGER_FROM) / (_LINGER_FULL - _LINGER_FROM)
            if load > 0.0:
                await asyncio.sleep(self._linger_s * min(load, 1.0))

    async def _keep(self, batch: list[Arrival]) -> None:
        pause_s = 0.05
        while batch:
            try:
                for kept in await self._writer.keep(batch):
                    self._bell.positions(b"".join(kept.folded.bell))
                    if kept.seq is not None:
                        self._bell.alarms(kept.seq)
            except AWAY as error:
                self._writer.drop()
                self._writer.figures.failed(f"{type(error).__name__}: {error}")
                if not self.away:
                    _log.error(
                        "cannot commit; nothing is acknowledged until it works again",
                        extra={"lane": self._name, "error": repr(error), "rows": len(batch)},
                    )
                self.away = True
                batch = [arrival for arrival in batch if not arrival.settled]
                self._in_hand = batch
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 0.5)
            else:
                if self.away:
                    _log.warning("commits work again", extra={"lane": self._name})
                self.away = False
                return


class Intake:
    """Where connections bring what they heard."""

    def __init__(
        self,
        settings: Settings,
        *,
        gateway: str,
        units: Units,
        rules: RuleBook,
        shelf: Shelf,
        bell: Bell,
    ) -> None:
        self.units = units
        self.rules = rules
        self.figures = Figures()
        self.journal = Journal(settings.journal_dir, gateway)
        self._bell = bell
        self._settings = settings
        self._in_the_dark: set[Arrival] = set()
        self._group: asyncio.TaskGroup | None = None
        self._news = asyncio.Event()

        def lane(name: str, linger_ms: float) -> Lane:
            return Lane(
                Writer(
                    settings,
                    gateway=gateway,
                    units=units,
                    rules=rules,
                    shelf=shelf,
                    figures=self.figures,
                ),
                bell,
                name=name,
                batch_rows=settings.batch_rows,
                linger_s=linger_ms / 1000.0,
            )

        self.ordinary = lane("ordinary", settings.linger_ms)
        self.urgent = lane("urgent", 0.0)
        self.ordinary.on_kept = self._news.set
        self.urgent.on_kept = self._back_in_the_light

    async def run(self) -> None:
        """Commit what is offered, until cancelled; first what the journal kept from before."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self.ordinary.run())
            group.create_task(self.urgent.run())
            try:
                self.journal.open()
                self._replay()
            except OSError as error:
                # A full disk must not keep a gateway from hearing.
                self.figures.failed(f"journal: {error}")
                _log.exception("the journal cannot be opened")
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None
                self.journal.close()

    async def empty(self) -> None:
        """Wait until nothing waits."""
        while self.pending:
            self._news.clear()
            await self._news.wait()

    @property
    def pending(self) -> int:
        """Frames that wait for a commit, in both lanes."""
        return self.ordinary.pending + self.urgent.pending

    def offer(self, arrival: Arrival, peer: Peer) -> None:
        """Take one frame in; its ``settle`` says what became of it."""
        if self._settings.break_promise == "ack-first":
            kept_later = arrival.on_settled
            arrival.on_settled = None
            arrival.kept = True
            if kept_later is not None:
                arrival.settled = True
                kept_later(arrival)
                arrival.settled = False
        if not arrival.life_safety:
            self.ordinary.put(arrival)
            return
        self.urgent.put(arrival)
        wait_s = 0.0 if self.urgent.away else self._settings.provisional_after_ms / 1000.0
        asyncio.get_running_loop().call_later(wait_s, self._if_not_kept, arrival, peer)

    def _if_not_kept(self, arrival: Arrival, peer: Peer) -> None:
        if not arrival.settled and self._group is not None:
            self._in_the_dark.add(arrival)
            self._start(self._ring_in_the_dark(arrival, peer))

    async def _ring_in_the_dark(self, arrival: Arrival, peer: Peer) -> None:
        """PostgreSQL has not confirmed a cry for help: ring anyway, and write it down."""
        _log.error(
            "a life-safety record is not committed yet: journalled, and rung as provisional",
            extra={"unit": arrival.unit_id},
        )
        self._ring(arrival)
        try:
            await self.journal.append(arrival, peer)
        except OSError as error:
            self.figures.failed(f"journal: {error}")
            _log.exception("the journal cannot be written", extra={"unit": arrival.unit_id})
        # A desk or a bell that was away itself must hear of it too, and soon.
        pause_s = 0.5
        while not arrival.settled:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 2.0)
            if not arrival.settled:
                self._ring(arrival)

    def _ring(self, arrival: Arrival) -> None:
        try:
            for alarm in provisional_alarms(arrival, self.units, self.rules):
                self._bell.provisional(alarm)
        except Exception as error:  # noqa: BLE001 - see below
            # One cry that cannot be told must not end the gateway that hears all the others.
            self.figures.failed(f"provisional: {error}")
            _log.exception("cannot ring", extra={"unit": arrival.unit_id})

    def _back_in_the_light(self) -> None:
        self._news.set()
        if self._in_the_dark:
            self._in_the_dark = {each for each in self._in_the_dark if not each.settled}
            if not self._in_the_dark:
                self._start(self.journal.done())

    def _replay(self) -> None:
        """Bring what a gateway before us wrote down in the dark; it may be known already."""
        for entry in self.journal.read():
            arrival = again(entry)
            self._in_the_dark.add(arrival)
            self.urgent.put(arrival)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        if self._group is None:
            work.close()  # stopping: what is in the dark is in the journal
        else:
            self._group.create_task(work)
