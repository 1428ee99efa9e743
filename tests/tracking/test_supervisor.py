"""The house comes up, stays up, is found by who asks, and goes down sockets first."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import orjson
import pytest

import protocols
from tests.stack import running
from tracking import doctor, roster, supervisor
from tracking.doctor import Verdict
from tracking.settings import Settings


def _vigil(stack, *arguments, **others):
    """Another `./vigil …` on the same house."""
    return subprocess.run(
        [sys.executable, "-m", "tracking", *arguments],
        env={**os.environ, **stack.program.environment},
        cwd=stack.program.popen_arguments(0)["cwd"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **others,
    )


def _opens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_house_that_is_up_is_found_and_told_alike_by_everyone(stack):
    said = orjson.loads(_vigil(stack, "status", "--json").stdout)
    assert said["up"] is True
    assert said["address"] == stack.address
    assert {one["name"] for one in said["processes"]} == {"gateway-1", "timekeeper", "api-1"}
    assert {name.partition("/")[0] for name in said["ports"]} == {
        name for name in protocols.names() if protocols.get(name).transports
    }

    second = _vigil(stack, "up", "--empty")
    assert second.returncode == 0
    assert "It is up already" in second.stdout
    assert stack.address in second.stdout
    sign_in = (stack.settings.state_dir / "sign_ins").read_text().split()[1]
    assert sign_in in second.stdout
    assert sign_in not in stack.log("supervisor")

    findings = {one.check: one for one in asyncio.run(doctor.examine(stack.settings))}
    assert findings["processes"].verdict is Verdict.HEALTHY
    assert findings["ports"].verdict is Verdict.HEALTHY


def test_every_process_that_is_killed_is_back_and_counted(stack):
    before = {name: stack.kill(name) for name in ("gateway-1", "timekeeper", "api-1")}

    def all_back():
        members = {one.name: one for one in stack.roster.members}
        return all(
            members[name].restarts == 1 and members[name].pid not in (None, pid)
            for name, pid in before.items()
        )

    stack.until(all_back)
    stack.until(lambda: _opens(stack.port("gt06")))
    (gateway,) = [one for one in stack.standing().processes if one.name == "gateway-1"]
    assert gateway.last_exit.endswith("killed by SIGKILL")


def test_down_drains_the_sockets_before_anything_else_stops(stack):
    port = stack.port("gt06")
    said = _vigil(stack, "down")
    assert said.returncode == 0
    assert said.stdout.index("raining the device sockets") < said.stdout.index("losing the pages")
    assert not _opens(port)
    assert roster.read(stack.settings) is None
    assert _vigil(stack, "status").returncode == 3
    assert "Nothing was running" in _vigil(stack, "down").stdout


def test_what_a_killed_supervisor_leaves_behind_is_stopped_by_down(stack):
    left = stack.roster
    os.kill(left.pid, signal.SIGKILL)
    stack.until(lambda: not left.supervised)
    assert all(one.running.process for one in left.members)
    said = _vigil(stack, "down")
    assert "Stopped what was left: gateway-1" in said.stdout
    assert not any(one.running.process for one in left.members)


def test_a_house_that_cannot_start_says_which_process_and_why(make_settings):
    # The gateway refuses a server that may lose what it has confirmed.
    settings = make_settings()
    asyncio.run(_execute(settings, "ALTER ROLE vigil_ingest SET synchronous_commit = off"))
    try:
        with pytest.raises(AssertionError, match="synchronous_commit"), running(settings):
            pass
    finally:
        asyncio.run(_execute(settings, "ALTER ROLE vigil_ingest RESET synchronous_commit"))
    assert roster.read(settings) is None


def test_one_house_has_one_supervisor(settings):
    with (
        supervisor.only_one(settings),
        pytest.raises(supervisor.AlreadyUp),
        supervisor.only_one(settings),
    ):
        pass


@pytest.fixture
def private():
    """Settings of a house that starts its own PostgreSQL and Redis."""
    home = Path(tempfile.mkdtemp(prefix="vigil-private-"))
    home.chmod(0o755)
    yield Settings(
        state_dir=home,
        database_url="",
        redis_url="",
        port=0,
        device_host="127.0.0.1",
        device_ports=dict.fromkeys(protocols.names(), 0),
        gateways=1,
    )
    shutil.rmtree(home)


def test_killed_servers_of_our_own_are_back_with_everything_they_confirmed(private):
    with running(private) as stack:
        centre = asyncio.run(_ask(private, "SELECT id FROM organisations"))
        stack.kill("redis")
        stack.kill("postgresql")
        stack.until(lambda: stack.standing().database == "answers")
        assert asyncio.run(_ask(private, "SELECT id FROM organisations")) == centre
        stack.until(
            lambda: (
                {one.name for one in stack.roster.members if one.restarts and one.pid}
                >= {"redis", "postgresql"}
            )
        )
    assert not (private.state_dir / "postgres" / "data" / "postmaster.pid").exists()


def test_a_house_comes_up_again_after_everything_was_killed_at_once(private):
    with running(private) as stack:
        centre = asyncio.run(_ask(private, "SELECT id FROM organisations"))
        left = stack.roster
        for pid in (left.pid, *(one.pid for one in left.members)):
            os.kill(pid, signal.SIGKILL)
        stack.until(lambda: not any(one.running.process for one in left.members))
    assert (private.state_dir / "postgres" / "data" / "postmaster.pid").exists()
    with running(private):
        assert asyncio.run(_ask(private, "SELECT id FROM organisations")) == centre


async def _execute(settings, statement):
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(statement)
    await connection.close()


async def _ask(settings, question):
    connection = await asyncpg.connect((settings.state_dir / "database_url").read_text().strip())
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()
