"""Keeps one program running: starts it, notices that it ended, starts it again with back-off."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from tracking import clock
from tracking.program import Program, birth_of
from tracking.roster import Member

PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""How long a program that ends again and again is left alone; the first pause is no pause."""

STEADY_S = 30.0
"""A program that lived so long has earned a quick restart again."""

_LOG_LIMIT = 32 * 2**20
_log = logging.getLogger(__name__)


class Keeper:
    """One program and its present process. ``run()`` until ``stop()``."""

    def __init__(self, program: Program, changed: Callable[[], None]) -> None:
        self.program = program
        self.restarts = 0
        self.last_exit: str | None = None
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._since = ""
        self._born = 0.0
        self._stopping = asyncio.Event()

    @property
    def running(self) -> bool:
        """Whether there is a process right now."""
        return self._process is not None and self._process.returncode is None

    def member(self) -> Member:
        """What the roster says of it."""
        waiting = "stopped" if self._stopping.is_set() else "waiting"
        return Member(
            name=self.program.name,
            state="running" if self.running else waiting,
            pid=self._process.pid if self._process and self.running else None,
            born=self._born,
            since=self._since,
            restarts=self.restarts,
            last_exit=self.last_exit,
        )

    async def run(self) -> None:
        """Keep it running until it is told to stop."""
        ended_soon = 0
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            code = await self._live_once()
            if self._stopping.is_set():
                break
            lived_s = asyncio.get_running_loop().time() - began
            ended_soon = 0 if lived_s >= STEADY_S else ended_soon + 1
            pause_s = PAUSES_S[min(ended_soon, len(PAUSES_S)) - 1] if ended_soon else PAUSES_S[0]
            self.restarts += 1
            self.last_exit = f"{clock.now():%Y-%m-%d %H:%M:%S} UTC: {in_words(code)}"
            _log.error(
                "%s ended and is started again",
                self.program.name,
                extra={"how": in_words(code), "lived_s": round(lived_s, 1), "pause_s": pause_s},
            )
            self._changed()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()
        self._changed()

    async def stop(self, *, patience_s: float | None = None) -> None:
        """Ask it to stop; kill it when its patience has run out."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.program.stop_signal)
        try:
            async with asyncio.timeout(
                self.program.patience_s if patience_s is None else patience_s
            ):
                await process.wait()
        except TimeoutError:
            _log.error("%s does not stop and is killed", self.program.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def hurry(self) -> None:
        """Kill it rather than wait, if it is one of ours; PostgreSQL is never hurried."""
        if self._stopping.is_set() and self._process and self.program.stop_signal != signal.SIGINT:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _live_once(self) -> int:
        trim(self.program.log)
        with self.program.open_log() as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self.program.command, **self.program.popen_arguments(log.fileno())
                )
            except OSError as error:
                _log.error("%s cannot be started", self.program.name, extra={"error": str(error)})
                return os.EX_OSERR
        self._born = birth_of(self._process.pid)
        self._since = clock.now().isoformat(timespec="seconds")
        self._changed()
        return await self._process.wait()


def in_words(code: int) -> str:
    """How a process ended."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def trim(log: Path) -> None:
    """Keep a log below its limit: the rest goes to ``.1``, and its writer does not notice."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_LIMIT:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)
