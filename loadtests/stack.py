"""A whole house for one load test: own PostgreSQL and Redis, own ports, own temporary folder.

Nothing of it touches the ``.vigil`` of this checkout, and all of it is gone afterwards.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from loadtests import population, store
from loadtests.population import Ground
from tracking import cluster, database, ports
from tracking.people.passwords import Passwords
from tracking.program import Program, ourselves
from tracking.settings import Settings

KINDS = ("gateway", "api", "timekeeper", "redis", "postgresql")
HOST = "127.0.0.1"


class NotUp(RuntimeError):
    """A process of the house does not start; the text says what it said last."""


class Stack:
    """The processes of one house. Make it with ``stack``."""

    def __init__(self, settings: Settings, programs: Mapping[str, Program]) -> None:
        self.settings = settings
        self.address = f"http://{HOST}:{settings.port}"
        self.ground = Ground(host=HOST, ports=dict(settings.device_ports))
        self.programs = dict(programs)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start one process, by its name in ``programs``."""
        self.running[name] = self.programs[name].start()

    def kill(self, name: str) -> None:
        """Kill -9, and wait until the operating system has buried it."""
        process = self.running[name]
        process.kill()
        process.wait()

    def stop(self, name: str) -> None:
        """Ask one process to stop, in its own way."""
        process, program = self.running.pop(name), self.programs[name]
        if process.poll() is None:
            process.send_signal(program.stop_signal)
            try:
                process.wait(program.patience_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def data(self) -> Path:
        """The folder of the database."""
        return self.settings.state_dir / "postgres" / "data"

    def ended(self) -> list[str]:
        """Which processes are not running though they were started."""
        return [name for name, process in self.running.items() if process.poll() is not None]

    def processes(self, kind: str) -> list[psutil.Process]:
        """The living processes of a kind, a server's children included."""
        found = []
        for name, process in self.running.items():
            if name.startswith(kind) and process.poll() is None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    parent = psutil.Process(process.pid)
                    found += [parent, *parent.children(recursive=True)]
        return found

    def cpu_s(self) -> dict[str, float]:
        """Processor time taken so far, by kind of process; a server's ended children included."""
        taken = dict.fromkeys(KINDS, 0.0)
        for kind in KINDS:
            for process in self.processes(kind):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    taken[kind] += sum(times[:4])
        return taken

    def resident(self, kind: str) -> int:
        """Bytes of memory that are only theirs (USS), all processes of a kind together."""
        return sum(process.memory_full_info().uss for process in self.processes(kind))

    def save_logs(self) -> Path:
        """Copy the logs to a folder that stays, for whoever has to find out what went wrong."""
        kept = Path(tempfile.mkdtemp(prefix="vigil-load-logs-"))
        shutil.copytree(self.settings.state_dir / "log", kept, dirs_exist_ok=True)
        return kept

    async def connect(self) -> database.Connection:
        """A connection as the owner of the database."""
        return await database.connect(self.settings, "owner")

    async def until_open(self, *names: str, within_s: float = 60.0) -> None:
        """Return when these gateways listen and the API answers. Raises NotUp."""
        until = time.monotonic() + within_s
        waiting = {name for name in names if not name.startswith("timekeeper")}
        connection = await self.connect()
        try:
            while waiting:
                if time.monotonic() > until or (set(self.ended()) & waiting):
                    raise NotUp(
                        "\n".join(
                            f"{name} does not answer:\n{self.programs[name].last_words(30)}"
                            for name in sorted(waiting)
                        )
                    )
                rows = await connection.fetch("SELECT name, pid FROM gateways WHERE ports <> '{}'")
                heard = {row["name"]: row["pid"] for row in rows}
                waiting = {
                    name
                    for name in waiting
                    if (
                        not await self.pages_answer()
                        if name.startswith("api")
                        else heard.get(name) != self.running[name].pid
                    )
                }
                await asyncio.sleep(0.05)
        finally:
            await connection.close()

    async def pages_answer(self) -> bool:
        """Whether the API answers, and says that it is ready."""
        try:
            async with asyncio.timeout(5.0):
                reader, writer = await asyncio.open_connection(HOST, self.settings.port)
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: vigil\r\nConnection: close\r\n\r\n")
                status = await reader.readline()
                writer.close()
        except (OSError, TimeoutError):
            return False
        return status.startswith(b"HTTP/") and b" 503 " not in status


@asynccontextmanager
async def stack(
    *,
    units: int,
    gateways: int = 2,
    api: bool = True,
    mixed: bool = False,
    password: bool = False,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Stack]:
    """A house in which ``units`` units are registered, up and ready; stopped when the block ends.

    password     let the operator sign in with a password too, not only with a token
    environment  settings of the processes beyond the usual, as VIGIL_… variables
    """
    _forget_own_settings()
    home = _fresh_folder()
    with ports.listen_for_people(Settings(host=HOST, port=0, state_dir=home)) as listening:
        settings = _settings(home, port=listening.getsockname()[1], gateways=gateways)
        house = Stack(settings, {})
        try:
            programs = await asyncio.to_thread(_servers, settings)
            house.programs.update(programs)
            for name in programs:
                house.start(name)
            await cluster.until_postgres_answers(settings, within_s=60)
            await cluster.until_redis_answers(settings)
            await _furnish(house, units, mixed=mixed, password=password)
            descriptor = listening.fileno() if api else None
            ours = _ours(settings, gateways, descriptor, environment or {})
            house.programs.update(ours)
            for name in ours:
                house.start(name)
            await house.until_open(*ours)
            yield house
        finally:
            await asyncio.to_thread(_take_down, house)
            shutil.rmtree(home, ignore_errors=True)


def _fresh_folder() -> Path:
    home = Path(tempfile.mkdtemp(prefix="vigil-load-"))
    # The account that PostgreSQL drops to must be able to enter.
    home.chmod(0o755)
    return home


def _forget_own_settings() -> None:
    """What the user's shell says of the real house must not reach this one."""
    for name in list(os.environ):
        if name.startswith("VIGIL_") or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]


def _settings(home: Path, *, port: int, gateways: int) -> Settings:
    free = Settings(
        state_dir=home,
        device_host=HOST,
        device_ports=dict.fromkeys(ports.every_protocol(), 0),
    )
    doors = {one.codec: one.port for one in ports.device_ports(free)}
    return Settings(
        state_dir=home, host=HOST, port=port, device_host=HOST, device_ports=doors,
        gateways=gateways, simulate_devices=False,
    )  # fmt: skip


def _servers(settings: Settings) -> dict[str, Program]:
    return {
        "postgresql": cluster.postgres(settings),
        "redis": cluster.redis(settings),
    }


def _ours(
    settings: Settings, gateways: int, descriptor: int | None, others: Mapping[str, str]
) -> dict[str, Program]:
    log = settings.state_dir / "log"
    environment = {
        "VIGIL_STATE_DIR": str(settings.state_dir),
        "VIGIL_HOST": HOST,
        "VIGIL_PORT": str(settings.port),
        "VIGIL_DEVICE_HOST": HOST,
        "VIGIL_DEVICE_PORTS": ",".join(f"{n}={p}" for n, p in settings.device_ports.items()),
        **others,
    }

    def program(name: str, *arguments: str, descriptors: tuple[int, ...] = ()) -> Program:
        return Program(
            name=name,
            command=ourselves(*arguments),
            log=log / f"{name}.log",
            environment=environment,
            patience_s=settings.drain_s + 5,
            descriptors=descriptors,
        )

    names = [f"gateway-{number}" for number in range(1, gateways + 1)]
    ours = {name: program(name, "gateway", "--name", name) for name in names}
    ours["timekeeper"] = program("timekeeper", "timekeeper")
    if descriptor is not None:
        ours["api-1"] = program("api-1", "api", "--fd", str(descriptor), descriptors=(descriptor,))
    return ours


async def _furnish(house: Stack, units: int, *, mixed: bool, password: bool) -> None:
    """Tables, and everybody who will speak."""
    migrate = Program(
        name="migrate",
        command=ourselves("migrate"),
        log=house.settings.state_dir / "log" / "migrate.log",
        environment={"VIGIL_STATE_DIR": str(house.settings.state_dir)},
    )
    code = await asyncio.to_thread(migrate.start().wait)
    if code != 0:
        raise NotUp(f"the tables could not be made:\n{migrate.last_words(30)}")
    password_hash = ""
    if password:
        passwords = Passwords()
        password_hash = await passwords.hash(store.PASSWORD)
        passwords.close()
    registered = {
        population.unit_id(number): population.codec_of(number, mixed=mixed)
        for number in range(units)
    }
    connection = await house.connect()
    try:
        await store.register(connection, registered, password_hash=password_hash)
    finally:
        await connection.close()


def _take_down(house: Stack) -> None:
    order = ("gateway", "timekeeper", "api", "redis", "postgresql")
    for kind in order:
        names = [name for name in house.running if name.startswith(kind)]
        for name in names:
            with contextlib.suppress(ProcessLookupError):
                house.running[name].send_signal(house.programs[name].stop_signal)
        for name in names:
            house.stop(name)
    # A postmaster that was killed may have left children that hold its folder.
    cluster.clear_the_way(house.settings)


def immediately(house: Stack) -> None:
    """``pg_ctl -m immediate stop``: the server ends without a checkpoint, as in a power cut."""
    house.running["postgresql"].send_signal(signal.SIGQUIT)
    house.running["postgresql"].wait()
