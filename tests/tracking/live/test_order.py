"""Promise 4: whatever the order of commits, a desk that asks for what came after misses nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking.town import Town
from tracking.alarms import store
from tracking.alarms.lifecycle import Kind
from tracking.database import Connection, Reach, connect_for
from tracking.settings import Settings

WRITERS = 4
ROLLED_BACK = 3
"""This writer never commits."""


@dataclass
class Writer:
    """A transaction that changes an alarm; its three steps run one after another when told."""

    connection: Connection
    alarm_id: UUID
    organisation_id: UUID
    commits: bool
    event_id: UUID = field(default_factory=uuid4)
    todo: list[str] = field(default_factory=lambda: ["begin", "number", "end"])
    running: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """Do the next step as soon as the one before is done."""
        if self.todo:
            step, before = self.todo.pop(0), self.running
            self.running = asyncio.create_task(self._step(step, before))

    async def _step(self, step: str, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await before
        if step == "begin":
            await self.connection.execute("BEGIN")
        elif step == "number":
            await store.add_change(
                self.connection,
                alarm_id=self.alarm_id,
                organisation_id=self.organisation_id,
                event_id=self.event_id,
                kind=Kind.NOTED,
                sound=False,
            )
        else:
            await self.connection.execute("COMMIT" if self.commits else "ROLLBACK")


@dataclass
class Reader:
    """A desk that comes back again and again and asks for what came after what it saw last."""

    connection: Connection
    seq: int
    seen: list[UUID] = field(default_factory=list)

    async def ask(self) -> None:
        while changes := await store.changes_after(self.connection, self.seq, limit=2):
            self.seen += [change.event_id for change in changes]
            assert [change.seq for change in changes] == sorted({one.seq for one in changes})
            self.seq = changes[-1].seq


@dataclass
class Scene:
    """Connections that are used again for every example."""

    connections: list[Connection]
    reader: Connection
    watcher: Connection
    alarm_id: UUID
    organisation_id: UUID

    async def settled(self, writers: Sequence[Writer]) -> None:
        """Wait until every writer has done what it was told, or waits for another's lock."""
        while True:
            await asyncio.sleep(0)
            busy = [one for one in writers if one.running is not None and not one.running.done()]
            waiting = {
                row[0]
                for row in await self.watcher.fetch("SELECT pid FROM pg_locks WHERE NOT granted")
            }
            if all(one.connection.get_server_pid() in waiting for one in busy):
                return

    async def play(self, steps: Sequence[int]) -> tuple[set[UUID], list[UUID]]:
        """Run an interleaving; what was committed, and what the desk saw.

        A step is a writer's number, or WRITERS for the desk asking.
        """
        writers = [
            Writer(connection, self.alarm_id, self.organisation_id, commits=place != ROLLED_BACK)
            for place, connection in enumerate(self.connections)
        ]
        _, newest = await store.change_bounds(self.reader)
        desk = Reader(self.reader, newest)
        for step in steps:
            if step == WRITERS:
                await desk.ask()
            else:
                writers[step].tell()
                await self.settled(writers)
        for writer in writers:
            while writer.todo:
                writer.tell()
        await asyncio.gather(*(one.running for one in writers if one.running is not None))
        await desk.ask()
        return {one.event_id for one in writers if one.commits}, desk.seen


@pytest.fixture
async def scene(settings: Settings, town: Town) -> AsyncIterator[Scene]:
    client = await town.add_client("Bakery")
    alarm = await town.raise_alarm(client)
    reach = Reach(organisation_id=town.centre, centre_id=town.centre)
    opened = [await connect_for(settings, reach) for _ in range(WRITERS + 1)]
    watcher = await asyncpg.connect(settings.database_url)
    yield Scene(opened[:-1], opened[-1], watcher, alarm, client)
    for connection in (*opened, watcher):
        await connection.close()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.integers(0, WRITERS), max_size=24))
async def test_no_interleaving_of_commits_hides_a_change_from_a_desk_that_resumes(
    scene: Scene, steps: list[int]
) -> None:
    committed, seen = await scene.play(steps)
    assert set(seen) == committed
    assert len(seen) == len(set(seen))


OVERTAKEN = [0, 0, 1, 1, 1, WRITERS, 0, WRITERS]
"""The first takes its number, the second takes the next and commits, the desk asks in between."""


async def test_a_change_that_is_overtaken_is_not_missed(scene: Scene) -> None:
    committed, seen = await scene.play(OVERTAKEN)
    assert set(seen) == committed


async def test_control_without_the_lock_an_overtaken_change_is_missed(
    scene: Scene, town: Town
) -> None:
    """With the promise broken on purpose the same story must end badly."""
    await town.pool.execute(
        "CREATE OR REPLACE FUNCTION vigil_next_change() RETURNS bigint LANGUAGE sql AS"
        " $$ SELECT nextval('changes_seq') $$"
    )
    committed, seen = await scene.play(OVERTAKEN)
    assert len(committed - set(seen)) == 1
