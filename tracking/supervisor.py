"""Starts the whole house in order, keeps every process alive, and stops it sockets first."""

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from tracking import clock, cluster, ports, roster, schema
from tracking.database import connect
from tracking.errors import VigilError
from tracking.keeper import PAUSES_S, Keeper, trim
from tracking.operations import store
from tracking.program import Program, Running, birth_of, ourselves, stop
from tracking.settings import Settings

READY_WITHIN_S = 120.0
"""A gateway or page that does not answer by then will not; `up` says so and stops."""

_TRIM_EVERY_S = 60.0
_log = logging.getLogger(__name__)


class AlreadyUp(VigilError):
    """Another supervisor has this house."""


class NotComingUp(VigilError):
    """A process ends or stays silent; the text says where it says why."""


class Supervisor:
    """The house of one state folder. Make one, then ``run()``.

    empty    no demonstration data and no simulated devices
    say      tells the person who is waiting what happens
    welcome  tells them that everything answers, and where
    """

    def __init__(
        self,
        settings: Settings,
        *,
        empty: bool,
        say: Callable[[str], None],
        welcome: Callable[[roster.Roster], None],
    ) -> None:
        self._settings = settings
        self._empty = empty
        self._say = say
        self._welcome = welcome
        self._keepers: list[Keeper] = []
        self._tasks = asyncio.TaskGroup()
        self._leave = asyncio.Event()
        self._started_at = clock.now().isoformat(timespec="seconds")
        self._phase = "starting"
        self._address = ""
        self._device_ports: list[ports.DevicePort] = []

    async def run(self) -> None:
        """Bring everything up and keep it up until SIGTERM or SIGINT; then take it down in order.

        Raises AlreadyUp, NotComingUp, cluster.Missing, cluster.NotStarting, ports.Taken.
        """
        with only_one(self._settings):
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._asked_to_leave)
            if roster.read(self._settings):
                self._say("Stopping what an earlier run left behind …")
            stop_leftovers(self._settings)
            with self._listening() as listening:
                await self._live(listening)

    async def _live(self, listening: socket.socket) -> None:
        refused: VigilError | None = None
        async with self._tasks:
            try:
                await self._unless_left(self._bring_up(listening))
                await self._stay_up()
            except VigilError as error:
                # Kept for after the stop: a task group would wrap it.
                refused = error
            finally:
                await self._take_down()
        if refused is not None:
            raise refused

    async def _bring_up(self, listening: socket.socket) -> None:
        self._enter("choosing ports")
        self._device_ports = ports.device_ports(self._settings)
        await self._start_servers()
        await self._prepare_database()
        self._enter("starting the gateways, the pages and the timekeeper")
        for program in self._programs(listening):
            self._keep(program)
        await self._until_ready()
        self._enter(roster.UP)
        self._welcome(self._roster())

    async def _start_servers(self) -> None:
        settings = self._settings
        if not settings.redis_url:
            self._enter("starting Redis")
            self._keep(cluster.redis(settings))
            await self._or_ended(cluster.until_redis_answers(settings), "redis")
        if not settings.database_url:
            self._enter("starting PostgreSQL")
            self._keep(await asyncio.to_thread(cluster.postgres, settings))
            await self._or_ended(cluster.until_postgres_answers(settings), "postgresql")

    async def _prepare_database(self) -> None:
        wanted = await asyncio.to_thread(schema.wanted_revision)
        connection = await connect(self._settings, "owner")
        try:
            found = await store.revision(connection)
            if found != wanted:
                self._enter("bringing the tables up to date")
                await self._once("migrate")
            lived_in = await store.lived_in(connection)
        finally:
            await connection.close()
        if not lived_in:
            self._enter("making an administrator" if self._empty else "inventing a demonstration")
            await self._once("seed", *(("--empty",) if self._empty else ()))

    def _programs(self, listening: socket.socket) -> Iterator[Program]:
        """Every process of our own, in the order in which they start."""
        settings = self._settings
        log = settings.state_dir / "log"
        doors = {one.codec: one.port for one in self._device_ports}
        chosen = {name: doors.get(name, ports.OFF) for name in ports.every_protocol()}
        environment = {
            "VIGIL_STATE_DIR": str(settings.state_dir.resolve()),
            "VIGIL_DEVICE_PORTS": ",".join(f"{name}={port}" for name, port in chosen.items()),
            # A scrape reaches one API process of several; here they find each other's counts.
            "PROMETHEUS_MULTIPROC_DIR": str(_emptied(settings.state_dir.resolve() / "metrics")),
        }

        def program(name: str, *arguments: str, **others: object) -> Program:
            return Program(
                name=name,
                command=ourselves(*arguments),
                log=log / f"{name}.log",
                environment=environment,
                **others,  # type: ignore[arg-type]  # patience_s and descriptors
            )

        for number in range(1, settings.gateways + 1):
            name = f"gateway-{number}"
            yield program(name, "gateway", "--name", name, patience_s=settings.drain_s + 5)
        yield program("timekeeper", "timekeeper")
        fd = listening.fileno()
        for number in range(1, settings.api_processes + 1):
            name = f"api-{number}"
            yield program(name, "api", "--name", name, "--fd", str(fd), descriptors=(fd,))
        if settings.simulate_devices and not self._empty:
            yield program("simulate", "simulate")

    def _keep(self, program: Program) -> None:
        keeper = Keeper(program, self._write_down)
        self._keepers.append(keeper)
        self._tasks.create_task(keeper.run(), name=program.name)

    async def _once(self, what: str, *options: str) -> None:
        """Run one of our own commands to its end."""
        program = Program(
            name=what,
            command=ourselves(what, *options),
            log=self._settings.state_dir / "log" / f"{what}.log",
            environment={"VIGIL_STATE_DIR": str(self._settings.state_dir.resolve())},
        )
        with program.open_log() as file:
            process = await asyncio.create_subprocess_exec(
                *program.command, **program.popen_arguments(file.fileno())
            )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
        if code != 0:
            raise NotComingUp(f"`python -m tracking {what}` failed:\n{program.last_words()}")

    async def _until_ready(self) -> None:
        """Return when every gateway has opened its ports and the pages answer."""
        for name, answers in (("gateways", self._gateways_open), ("pages", self._pages_answer)):
            try:
                async with asyncio.timeout(READY_WITHIN_S):
                    while not await answers():
                        self._refuse_what_keeps_ending()
                        await asyncio.sleep(0.1)
            except TimeoutError:
                raise NotComingUp(
                    f"After {READY_WITHIN_S:.0f} s the {name} do not answer; "
                    f"see the logs in {self._settings.state_dir}/log."
                ) from None

    async def _gateways_open(self) -> bool:
        expected = {one.pid for one in self._members() if one.name.startswith("gateway")}
        try:
            connection = await connect(self._settings, "owner")
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            heard = {row["pid"] for row in await store.gateways(connection) if row["ports"]}
        finally:
            await connection.close()
        return expected <= heard

    async def _pages_answer(self) -> bool:
        host, _, port = self._address.removeprefix("http://").rpartition(":")
        try:
            async with asyncio.timeout(5.0):
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: vigil\r\nConnection: close\r\n\r\n")
                status = await reader.readline()
                writer.close()
        except (OSError, TimeoutError):
            return False
        return b" 200 " in status

    def _refuse_what_keeps_ending(self) -> None:
        for keeper in self._keepers:
            if keeper.restarts >= len(PAUSES_S) // 2:
                raise NotComingUp(
                    f"{keeper.program.name} keeps ending ({keeper.last_exit}). The end of its log, "
                    f"{keeper.program.log}:\n{keeper.program.last_words()}"
                )

    async def _or_ended(self, answer: Coroutine[Any, Any, None], name: str) -> None:
        """Wait for a server's answer, but not longer than it takes to see that it cannot start."""
        waiting = asyncio.ensure_future(answer)
        try:
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=0.2)
                self._refuse_what_keeps_ending()
            await waiting
        finally:
            waiting.cancel()
        _log.debug("%s answers", name)

    async def _stay_up(self) -> None:
        while not self._leave.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TRIM_EVERY_S):
                    await self._leave.wait()
            for log in (self._settings.state_dir / "log").glob("*.log"):
                trim(log)

    async def _unless_left(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work, unless somebody asks us to leave meanwhile."""
        doing = asyncio.ensure_future(work)
        leaving = asyncio.ensure_future(self._leave.wait())
        try:
            await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                await doing
        finally:
            for task in (doing, leaving):
                task.cancel()
            await asyncio.gather(doing, leaving, return_exceptions=True)

    async def _take_down(self) -> None:
        """Sockets first, so that what was heard is kept; PostgreSQL last."""
        for names, words in _LAST_TO_FIRST:
            group = [one for one in self._keepers if one.program.name.startswith(names)]
            if group:
                self._enter(words)
                await asyncio.gather(*(keeper.stop() for keeper in group))
        roster.remove(self._settings)
        if self._keepers:
            self._say("Everything has stopped.")

    def _asked_to_leave(self) -> None:
        if self._leave.is_set():
            self._say("Not waiting any longer (PostgreSQL still stops in order).")
            for keeper in self._keepers:
                keeper.hurry()
        self._leave.set()

    @contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        with ports.listen_for_people(self._settings) as listening:
            host, port = listening.getsockname()[:2]
            shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown as what a browser can open
            self._address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
            yield listening

    def _enter(self, phase: str) -> None:
        self._phase = phase
        if phase != roster.UP:
            self._say(phase[0].upper() + phase[1:] + " …")
        self._write_down()

    def _members(self) -> tuple[roster.Member, ...]:
        return tuple(keeper.member() for keeper in self._keepers)

    def _write_down(self) -> None:
        roster.write(self._settings, self._roster())

    def _roster(self) -> roster.Roster:
        return roster.Roster(
            pid=os.getpid(),
            born=birth_of(os.getpid()),
            phase=self._phase,
            started_at=self._started_at,
            address=self._address,
            device_host=self._settings.device_host,
            device_ports={
                f"{one.codec}/{transport}": one.port
                for one in self._device_ports
                for transport in one.transports
            },
            members=self._members(),
        )


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the house of this state folder. Raises AlreadyUp if somebody else does."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with (settings.state_dir / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUp("It is up already.") from None
        yield


def stop_leftovers(settings: Settings) -> list[str]:
    """Stop, in order, what a supervisor that died left running. Names what was stopped."""
    left = roster.read(settings)
    stopped: list[str] = []
    living = [one.running for one in left.members if one.running] if left else []
    for names, _ in _LAST_TO_FIRST[:-1]:
        stopped += [
            one.name for one in living if one.name.startswith(names) and _stopped(one, settings)
        ]
    cluster.clear_the_way(settings)
    roster.remove(settings)
    if stopped:
        _log.warning("stopped what an earlier run left behind", extra={"processes": stopped})
    return stopped


def _emptied(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    return folder


def _stopped(one: Running, settings: Settings) -> bool:
    process = one.process
    if process is None:
        return False
    stop(process, patience_s=settings.drain_s + 5)
    return True


_LAST_TO_FIRST = (
    (("simulate",), "sending the simulated devices home"),
    (("gateway",), "draining the device sockets"),
    (("api", "timekeeper"), "closing the pages"),
    (("redis", "postgresql"), "stopping PostgreSQL and Redis"),
)
"""Which processes stop together, and in which order."""
