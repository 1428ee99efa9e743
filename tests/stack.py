"""The house really running, for tests: the same supervisor that ``./vigil up`` starts."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tracking import roster, status
from tracking.program import Program, ourselves
from tracking.settings import Settings

WITHIN_S = 60.0


@dataclass(frozen=True)
class Stack:
    """Gateway, timekeeper and API as processes, on one test's settings."""

    settings: Settings
    program: Program

    @property
    def roster(self) -> roster.Roster:
        """Who runs right now."""
        found = roster.read(self.settings)
        assert found is not None, self.program.last_words()
        return found

    @property
    def address(self) -> str:
        """Where the pages are: http://127.0.0.1:PORT."""
        return self.roster.address

    def port(self, codec: str, transport: str = "tcp") -> int:
        """Where devices of a protocol connect, on 127.0.0.1."""
        return self.roster.device_ports[f"{codec}/{transport}"]

    def pid(self, name: str) -> int:
        """The process of that name: gateway-1, timekeeper, api-1."""
        pids = {one.name: one.pid for one in self.roster.members}
        pid = pids[name]
        assert pid is not None, f"{name} does not run"
        return pid

    def kill(self, name: str) -> int:
        """Kill -9; says which process it was. The supervisor starts it again."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def until(self, fact: Callable[[], object], *, within_s: float = WITHIN_S) -> None:
        """Wait, blocking, until something is so. In async tests: ``await asyncio.to_thread``."""
        ends_at = time.monotonic() + within_s
        while not fact():
            assert time.monotonic() < ends_at, f"not within {within_s} s: {self.logs()}"
            time.sleep(0.02)

    def standing(self) -> status.Standing:
        """What ``./vigil status`` says, from outside any event loop."""
        return asyncio.run(status.standing(self.settings))

    def log(self, name: str) -> str:
        """What a process has written to its log."""
        return (self.settings.state_dir / "log" / f"{name}.log").read_text()

    def logs(self) -> str:
        """The ends of all logs, for the message of a failing test."""
        logs = sorted((self.settings.state_dir / "log").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text()[-1500:]}" for log in logs)


@contextmanager
def running(settings: Settings, **environment: str) -> Iterator[Stack]:
    """Start it, wait until everything answers, stop it in order.

    ``environment`` adds settings by their names in the environment.
    """
    program = Program(
        name="supervisor",
        command=ourselves("up", "--empty", "--quiet"),
        log=settings.state_dir / "log" / "supervisor.log",
        environment={**_as_environment(settings), **environment},
    )
    process = program.start()
    stack = Stack(settings, program)
    try:
        _until_up(stack, process)
        yield stack
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(WITHIN_S)


def _until_up(stack: Stack, process: "subprocess.Popen[bytes]") -> None:
    def up() -> bool:
        assert process.poll() is None, stack.program.last_words(60)
        found = roster.read(stack.settings)
        return found is not None and found.pid == process.pid and found.phase == roster.UP

    stack.until(up)


def _as_environment(settings: Settings) -> dict[str, str]:
    """The same settings, as another process reads them."""
    said = {}
    for name, value in settings.model_dump(exclude_none=True).items():
        if isinstance(value, dict):
            shown = ",".join(f"{key}={one}" for key, one in value.items())
        elif isinstance(value, frozenset):
            shown = ",".join(sorted(value))
        else:
            shown = str(value)
        said[f"VIGIL_{name.upper()}"] = shown
    return said
