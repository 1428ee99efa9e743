"""A whole house for tests: one private cluster a session, a fresh database and settings a test.

settings  fresh ``Settings``: own migrated database, own state folder, Redis, free ports
pool      a pool on that database as its owner; ``database.open_pool(settings, role)`` for others
stack     gateway, api and timekeeper really running (``tests/stack.py``)
browser   a real Chromium
"""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import pytest

from protocols import names
from tests.stack import Stack, running
from tracking import cluster, database
from tracking.program import Program
from tracking.settings import PROJECT, Settings

if TYPE_CHECKING:
    from playwright.async_api import Browser

_TEMPLATE = "vigil_template"


@dataclass(frozen=True)
class Servers:
    """Where the session's PostgreSQL and Redis listen; ``home`` is a folder for state folders."""

    home: Path
    sockets: str
    redis_url: str

    def url(self, database_name: str, role: str = "vigil") -> str:
        return f"postgresql://{role}@/{database_name}?host={self.sockets}"

    def run_sql(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.url("postgres"))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        # In a thread, because an async test may ask for one more database.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(run())).result()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and Redis of our own, with a migrated template database."""
    # pytest's own temporary folders are closed to the account that PostgreSQL drops to.
    home = Path(tempfile.mkdtemp(prefix="vigil-tests-"))
    home.chmod(0o755)
    ours = Settings(state_dir=home)
    programs = [cluster.postgres(ours, shared_buffers_mb=64), cluster.redis(ours)]
    started = [(program, _ending_with_us(program).start()) for program in programs]
    try:
        asyncio.run(_until_all_answer(ours))
        sockets = (home / "database_url").read_text().strip().partition("?host=")[2]
        found = Servers(
            home=home, sockets=sockets, redis_url=(home / "redis_url").read_text().strip()
        )
        _make_template(found)
        yield found
    finally:
        for program, process in reversed(started):
            process.send_signal(program.stop_signal)
            process.wait(60)
        shutil.rmtree(home)


def _ending_with_us(program: Program) -> Program:
    """The same program, told by the kernel to end if this test run is killed."""
    if shutil.which("setpriv") is None:
        return program
    ends = ("setpriv", "--pdeathsig", program.stop_signal.name.removeprefix("SIG"), "--")
    return replace(program, command=(*ends, *program.command))


async def _until_all_answer(ours: Settings) -> None:
    await cluster.until_postgres_answers(ours, within_s=60)
    await cluster.until_redis_answers(ours)


def _make_template(servers: Servers) -> None:
    servers.run_sql(f"CREATE DATABASE {_TEMPLATE}")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VIGIL_")},
        "DATABASE_URL": servers.url(_TEMPLATE),
    }
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        env=environment,
        cwd=PROJECT,
        check=True,
    )


@pytest.fixture
def make_settings(servers: Servers) -> Iterator[Callable[..., Settings]]:
    """Makes settings, each with a database of its own: ``make_settings(linger_ms=0)``."""
    # Not in tmp_path: a Redis of the test's own must be able to enter it as its own account.
    with making_settings(servers, servers.home) as make:
        yield make


@contextmanager
def making_settings(servers: Servers, folder: Path) -> Iterator[Callable[..., Settings]]:
    """Makes settings with databases that are dropped at the end of the block."""
    made: list[str] = []

    def make(**others: Any) -> Settings:
        name = f"test_{uuid4().hex[:12]}"
        servers.run_sql(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        made.append(name)
        state = folder / name
        state.mkdir()
        said: dict[str, Any] = {
            "state_dir": state,
            "database_url": servers.url(name),
            "database_app_url": servers.url(name, "vigil_app"),
            "database_ingest_url": servers.url(name, "vigil_ingest"),
            "redis_url": servers.redis_url,
            "redis_prefix": f"{name}:",
            "host": "127.0.0.1",
            "port": 0,
            "device_host": "127.0.0.1",
            "device_ports": dict.fromkeys(names(), 0),
            "gateways": 1,
            "simulate_devices": False,
        }
        return Settings(**{**said, **others})

    yield make
    for name in made:
        servers.run_sql(f"DROP DATABASE {name} WITH (FORCE)")
        shutil.rmtree(folder / name)


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings of a house of its own; nothing runs in it yet."""
    return make_settings()


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[database.Pool]:
    """The test's database, as its owner."""
    opened = await database.open_pool(settings, "owner", size=4)
    yield opened
    await opened.close()


@pytest.fixture
def stack(settings: Settings) -> Iterator[Stack]:
    """Gateway, api and timekeeper as they really run, on the test's own database."""
    with running(settings) as house:
        yield house


@pytest.fixture
async def browser() -> "AsyncIterator[Browser]":
    """A real, headless Chromium that talks to nobody but us (Playwright's async API)."""
    from playwright.async_api import async_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.fail("chromium is not installed: `./vigil test` installs it")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=_QUIET)
        yield started
        await started.close()


_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Chromium without the calls home that a closed network refuses, and drawing WebGL in software."""
