"""A program that ends is started again, and the log stays readable."""

import asyncio
import os
import signal
import sys

import pytest

from tracking import keeper
from tracking.keeper import Keeper
from tracking.program import Program


@pytest.fixture
def python(tmp_path):
    """Makes a program out of a line of Python."""

    def make(line, **others):
        return Program(
            name="tried", command=(sys.executable, "-c", line), log=tmp_path / "tried.log", **others
        )

    return make


@pytest.fixture
async def kept(python):
    """Keeps a program running; hands out the keeper and a way to wait for a fact about it."""
    running = []

    def keep(line, **others):
        changed = asyncio.Event()
        one = Keeper(python(line, **others), changed.set)
        running.append((one, asyncio.create_task(one.run())))

        async def until(fact):
            async with asyncio.timeout(20):
                while not fact(one):
                    await changed.wait()
                    changed.clear()

        return one, until

    yield keep
    for one, task in running:
        await one.stop(patience_s=10)
        await task


_FOR_EVER = "import signal; signal.pause()"


async def test_a_killed_process_is_started_again_and_said_so(kept):
    one, until = kept(_FOR_EVER)
    await until(lambda one: one.running)
    first = one.member()
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda one: one.restarts == 1 and one.running)
    second = one.member()
    assert second.pid != first.pid
    assert second.state == "running"
    assert second.last_exit.endswith("killed by SIGKILL")


async def test_a_process_that_ends_at_once_is_left_alone_ever_longer(kept, monkeypatch):
    monkeypatch.setattr(keeper, "PAUSES_S", (0.0, 0.0, 600.0))
    one, until = kept("raise SystemExit(7)")
    await until(lambda one: one.restarts == 3)
    assert one.member().state == "waiting"
    assert one.member().last_exit.endswith("exit code 7")
    await one.stop()
    assert one.member().state == "stopped"


async def test_a_process_that_does_not_listen_is_killed_when_patience_ends(kept):
    # Nobody has ever ended because of SIGURG.
    one, until = kept(_FOR_EVER, stop_signal=signal.SIGURG)
    await until(lambda one: one.running)
    await one.stop(patience_s=0.1)
    assert not one.running


async def test_a_program_that_is_not_there_is_tried_again_and_said_so(python, tmp_path, caplog):
    gone = Program(name="gone", command=(str(tmp_path / "gone"),), log=tmp_path / "gone.log")
    changed = asyncio.Event()
    one = Keeper(gone, changed.set)
    task = asyncio.create_task(one.run())
    async with asyncio.timeout(20):
        await changed.wait()
    await one.stop()
    await task
    assert one.restarts == 1
    assert "gone cannot be started" in caplog.text


def test_a_log_that_grows_too_long_is_cut_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper, "_LOG_LIMIT", 10)
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a first long line\n")
        keeper.trim(log)
        writer.write(b"then\n")
    assert log.read_bytes() == b"then\n"
    assert (tmp_path / "a.log.1").read_bytes() == b"a first long line\n"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (1, "exit code 1"),
        (-9, "killed by SIGKILL"),
        (-250, "killed by signal 250"),
    ],
)
def test_how_a_process_ended_is_said_in_words(code, words):
    assert keeper.in_words(code) == words
