"""Works at previews inside an API process, and lets nobody wait for them.

Judging happens in a process of its own; what is left here is reading, a page at a time, through
the asker's own row-level security. Whoever cancels a preview writes so in its row, from whatever
process; the runner sees it within a second.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from geofence.sighting import Subject
from tracking.audit.store import note_location_reads
from tracking.database import AWAY, Pool, transaction
from tracking.errors import TooMany
from tracking.rules.previews import store
from tracking.rules.previews.preview import Job, State, Tally
from tracking.rules.trial import Stored
from tracking.rules.trial_process import About, End, Page, Trial, TrialDied, open_trial
from tracking.rules.trial_process import Begin as BeginTrial

_log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 2
"""Previews that one process works at: each reads, and has a process beside it."""
PROGRESS_S: Final = 0.5
_FOUND_EVERY: Final = 4
"""What was found is written with every so many reports of progress."""
PAGE: Final = 1_000
_DAY: Final = timedelta(days=1)
_LONGEST_PIECE: Final = timedelta(days=16)


class Runner:
    """The previews of one process. ``take`` a place before a job is filed, then ``start`` it."""

    def __init__(self, pool: Pool, group: asyncio.TaskGroup) -> None:
        self._pool = pool
        self._group = group
        self._taken = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def place(self) -> Iterator["Place"]:
        """A place for one job, given back unless the job was started. Raises TooMany."""
        if self._taken >= MOST_AT_ONCE:
            raise TooMany("Other previews are running; wait for one to end, or cancel it.")
        self._taken += 1
        place = Place(self)
        try:
            yield place
        finally:
            if not place.used:
                self._taken -= 1

    def stop(self) -> None:
        """Let go of everything that runs."""
        for task in self._tasks:
            task.cancel()

    def _start(self, job: Job) -> None:
        task = self._group.create_task(self._look_after(job))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._taken -= 1

    async def _look_after(self, job: Job) -> None:
        """One job from beginning to end; whatever happens to it is written in its row."""
        tally = Tally(job=job)
        try:
            state, error = await self._outcome(tally)
        except asyncio.CancelledError:
            await self._finish(tally, State.FAILED, "This process was stopped; ask again.")
            raise
        await self._finish(tally, state, error)

    async def _outcome(self, tally: Tally) -> tuple[State, str]:
        """How the work ended, while its progress is told twice a second."""
        async with asyncio.TaskGroup() as group:
            work = group.create_task(self._tried(tally))
            reports = 0
            while not work.done():
                await asyncio.wait({work}, timeout=PROGRESS_S)
                reports += 1
                if not work.done() and not await self._tell(tally, reports):
                    work.cancel()
                    return State.CANCELLED, ""
        return work.result()

    async def _tell(self, tally: Tally, reports: int) -> bool:
        """Write the progress down; False if somebody has cancelled it meanwhile."""
        with_found = reports % _FOUND_EVERY == 0
        try:
            async with transaction(self._pool, tally.job.reach) as connection:
                return await store.report_progress(connection, tally, with_found=with_found)
        except AWAY as error:
            # Reading will fail as well if this lasts.
            _log.info("progress of a preview is not told", extra={"error": repr(error)})
            return True

    async def _tried(self, tally: Tally) -> tuple[State, str]:
        preview = {"preview": str(tally.job.preview_id)}
        try:
            await self._try(tally)
        except TrialDied:
            _log.exception("a preview lost its process", extra=preview)
            return State.FAILED, "The process that judged has ended."
        except AWAY as error:
            _log.warning("a preview could not read", extra={**preview, "error": repr(error)})
            return State.FAILED, "The database did not answer; ask again."
        except Exception:  # noqa: BLE001 - who asked must hear of it, whatever it is
            _log.exception("a preview failed", extra=preview)
            return State.FAILED, "This is our mistake; it is in our log."
        return State.DONE, ""

    async def _finish(self, tally: Tally, state: State, error: str) -> None:
        # Who asks is told anyway, by the time at which the row was last written.
        with contextlib.suppress(*AWAY):
            async with asyncio.timeout(2), transaction(self._pool, tally.job.reach) as connection:
                await store.finish(connection, tally, state, error=error)

    async def _try(self, tally: Tally) -> None:
        job = tally.job
        begin = BeginTrial(rules=list(job.rules.values()), zones=job.zones, together=job.together)
        async with open_trial(begin) as trial:
            for number, subject in enumerate(job.subjects):
                if job.most_positions is not None and tally.positions >= job.most_positions:
                    tally.cut = True
                    return
                await self._try_asset(tally, trial, subject)
                tally.assets_done = number + 1
                tally.share = (number + 1) / len(job.subjects)
        tally.share = 1.0

    async def _try_asset(self, tally: Tally, trial: Trial, subject: Subject) -> None:
        job = tally.job
        await trial.ask(About(subject=subject))
        async for stored, until in self._pages(job, subject):
            answer = await trial.ask(Page(stored=stored, until=until))
            own = UUID(subject.asset_id)
            tally.positions += sum(each.asset_id == own for each in stored)
            tally.add(answer.noticed, subject)
            done = (until - job.from_at) / (job.until_at - job.from_at)
            tally.share = (tally.assets_done + done) / len(job.subjects)
        answer = await trial.ask(End(at=job.until_at))
        tally.add(answer.noticed, subject)
        tally.fail(answer.failures)

    async def _pages(
        self, job: Job, subject: Subject
    ) -> AsyncIterator[tuple[list[Stored], datetime]]:
        """What is stored of an asset, a day at a time, and more days where there was nothing."""
        own = UUID(subject.asset_id)
        asset_ids = [own, *sorted({UUID(each) for each in others_of(job)} - {own})]
        await self._note_reads(job, asset_ids)
        begin, piece = job.from_at, _DAY
        while begin < job.until_at:
            end = min(begin + piece, job.until_at)
            after: tuple[datetime, UUID, int] | None = None
            heard = False
            while True:
                async with transaction(self._pool, job.reach) as connection:
                    rows = await store.positions_after(
                        connection, asset_ids, begin=begin, end=end, after=after, most=PAGE
                    )
                stored = [Stored(*row) for row in rows]
                if len(stored) < PAGE:
                    yield stored, end
                    heard = heard or bool(stored)
                    break
                heard = True
                last = stored[-1]
                after = last.at, last.asset_id, last.fingerprint
                yield stored, last.at
            begin = end
            piece = _DAY if heard else min(2 * piece, _LONGEST_PIECE)

    async def _note_reads(self, job: Job, asset_ids: list[UUID]) -> None:
        async with transaction(self._pool, job.reach) as connection:
            await note_location_reads(
                connection, person_id=job.person_id, asset_ids=asset_ids, what="rule trial"
            )


class Place:
    """A place in the runner, until the job that it was taken for is started."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.used = False

    def start(self, job: Job) -> None:
        """Work at this job from now on."""
        self.used = True
        self._runner._start(job)  # noqa: SLF001 - a place is the runner's own


def others_of(job: Job) -> set[str]:
    """The other assets whose place the rules of a job ask about."""
    named = (rule.when.companion_ids() for rule in job.rules.values())
    anchors = {zone.anchor for zone in job.zones.values() if zone.anchor is not None}
    return set().union(anchors, *named)


@asynccontextmanager
async def open_runner(pool: Pool) -> AsyncIterator[Runner]:
    """A runner that works until the end of the block; what runs then is let go of."""
    async with asyncio.TaskGroup() as group:
        runner = Runner(pool, group)
        try:
            yield runner
        finally:
            runner.stop()
