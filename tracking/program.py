"""A program we start: its command line, the account it runs as, and how it is asked to stop."""

import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tracking.settings import PROJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of the operating system whom a program runs as instead of root."""

    name: str
    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, Any]:
        """What makes ``subprocess`` start a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How one program is started and stopped; supervisor and tests start the same.

    log          the file that its output is added to
    account      None: whoever we are
    stop_signal  the polite way to ask; ``patience_s`` later it is killed
    descriptors  open files it inherits, by number
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience_s: float = 10.0
    descriptors: tuple[int, ...] = ()

    def popen_arguments(self, log: int) -> dict[str, Any]:
        """Arguments for ``subprocess.Popen`` and asyncio's alike, without the command.

        Every program gets a session of its own: Ctrl-C in a terminal must reach the supervisor
        only, which then stops them in order.
        """
        return {
            "stdin": subprocess.DEVNULL,
            "stdout": log,
            "stderr": log,
            "cwd": "/" if self.account else PROJECT,
            "env": {**os.environ, "PYTHONUNBUFFERED": "1", **self.environment},
            "pass_fds": self.descriptors,
            "start_new_session": True,
            **(self.account.popen_arguments() if self.account else {}),
        }

    def start(self) -> subprocess.Popen[bytes]:
        """Start it now."""
        with self.open_log() as log:
            return subprocess.Popen(  # noqa: S603 - our own command lines
                self.command, **self.popen_arguments(log.fileno())
            )

    def open_log(self) -> Any:  # noqa: ANN401 - a binary file
        """The log, opened for adding to."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        return self.log.open("ab")

    def last_words(self, count: int = 12) -> str:
        """The end of its log, for a person who has to see why."""
        try:
            said = self.log.read_bytes()[-16_384:].decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join("    " + line for line in said.splitlines()[-count:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process by number and birth, so that a number handed out again is not mistaken for it."""

    name: str
    pid: int
    born: float

    @property
    def process(self) -> psutil.Process | None:
        """The process, while it lives."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.born) > 1.0:
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.NoSuchProcess:
            return None


def birth_of(pid: int) -> float:
    """When this process began, as Unix seconds; 0 if it is gone already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def stop(
    process: psutil.Process, *, stop_signal: signal.Signals = signal.SIGTERM, patience_s: float
) -> bool:
    """Ask it to stop, wait, kill it if it does not. Says whether it went by itself."""
    try:
        process.send_signal(stop_signal)
        process.wait(patience_s)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(10.0)
        return False
    return True


def account(name: str) -> Account | None:
    """The account a server drops to when we are root; None when we are not root.

    Raises LookupError if there is no such account.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise LookupError(f"there is no user {name} on this machine") from None
    return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)


def ourselves(*arguments: str) -> tuple[str, ...]:
    """The command line that runs a part of this house."""
    return (sys.executable, "-m", "tracking", *arguments)
