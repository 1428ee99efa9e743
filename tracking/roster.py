"""Who is running: the note that the supervisor keeps for `status`, `down` and a second `up`."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from tracking.program import Running
from tracking.settings import Settings

UP = "up"
"""The phase of a house in which everything answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One process under the supervisor.

    state      running, waiting (ended; started again soon) or stopped
    since      when the present process began, ISO 8601
    restarts   how often it ended by itself
    last_exit  how it ended the last time, in words
    """

    name: str
    state: str
    pid: int | None
    born: float
    since: str
    restarts: int
    last_exit: str | None

    @property
    def running(self) -> Running | None:
        """The process, if there is one."""
        return Running(name=self.name, pid=self.pid, born=self.born) if self.pid else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The whole house: its supervisor, where it is reached, its processes.

    device_ports  by protocol and transport: {"gt06/tcp": 5023}
    phase         what it is doing; UP when everything answers
    """

    pid: int
    born: float
    phase: str
    started_at: str
    address: str = ""
    device_host: str = ""
    device_ports: dict[str, int] = field(default_factory=dict)
    members: tuple[Member, ...] = ()

    @property
    def supervisor(self) -> Running:
        """The supervising process."""
        return Running(name="supervisor", pid=self.pid, born=self.born)

    @property
    def supervised(self) -> bool:
        """Whether the supervisor that wrote this still lives."""
        return self.supervisor.process is not None


def read(settings: Settings) -> Roster | None:
    """The last note; None if there never was one, or it cannot be read."""
    try:
        said = orjson.loads(_path(settings).read_bytes())
        members = tuple(Member(**member) for member in said.pop("members"))
        return Roster(**said, members=members)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write(settings: Settings, roster: Roster) -> None:
    """Replace the note whole, so that nobody reads half of one."""
    path = _path(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}")
    beside.write_bytes(orjson.dumps(asdict(roster), option=orjson.OPT_INDENT_2))
    beside.replace(path)


def remove(settings: Settings) -> None:
    """Nobody is running any more."""
    _path(settings).unlink(missing_ok=True)


def _path(settings: Settings) -> Path:
    return settings.state_dir / "supervisor.json"


def ports_in_columns(device_ports: Mapping[str, int]) -> list[str]:
    """The device ports as lines for a person: ``gt06 5023``, ``dc09 12300/tcp,udp``."""
    doors: dict[tuple[str, int], list[str]] = {}
    for door, port in sorted(device_ports.items()):
        name, _, transport = door.partition("/")
        doors.setdefault((name, port), []).append(transport)
    cells = [
        f"{name:<12}{port}" + ("" if how == ["tcp"] else f"/{','.join(how)}")
        for (name, port), how in doors.items()
    ]
    height = -(-len(cells) // _COLUMNS)
    return ["".join(f"{cell:<27}" for cell in cells[row::height]).rstrip() for row in range(height)]


_COLUMNS = 4
