"""A process of its own for each trial, so that no alarm waits behind one.

It is told the rules and zones, then the assets one after the other with their stored positions,
and answers what would have been noticed. Messages are pickled and have their length in front;
both ends are us. It has no connection to anything else, and ends when its input does.
"""

import asyncio
import contextlib
import os
import pickle
import struct
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from geofence.rule import Rule
from geofence.sighting import Subject
from geofence.zone import Zone
from geofence.zone_index import ZoneIndex
from tracking.rules.trial import AssetTrial, Noticed, Stored

_LENGTH: Final = struct.Struct("<I")
_POLITE: Final = 10
"""What others run first: gateways and this API on the same machine."""
_PROJECT: Final = Path(__file__).resolve().parents[2]


class TrialDied(RuntimeError):
    """The process ended before it had answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """What is tried, and by which zones. ``rules`` differ in their ids."""

    rules: Sequence[Rule]
    zones: Mapping[str, Zone]
    together: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What follows is about this asset."""

    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Stored positions in order of ``at``; nothing that follows is older than ``until``."""

    stored: Sequence[Stored]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """There is no more of this asset; it is now ``at``."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was noticed, and errors of rules that could not judge, with how often."""

    noticed: Sequence[Noticed]
    failures: Mapping[str, int]


class Trial:
    """The other end of the process, as the service sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, said: Begin | About | Page | End) -> Answer:
        """Tell it something and wait for what it makes of that. Raises TrialDied."""
        reading, writing = self._process.stdout, self._process.stdin
        assert reading is not None
        assert writing is not None
        # Off the event loop: a page of positions takes some milliseconds to write down.
        message = await asyncio.to_thread(_packed, said)
        try:
            writing.write(message)
            await writing.drain()
            (length,) = _LENGTH.unpack(await reading.readexactly(_LENGTH.size))
            answer: Answer = pickle.loads(await reading.readexactly(length))  # noqa: S301 - our own
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise TrialDied("the process that tried the rule has ended") from error
        return answer


@asynccontextmanager
async def open_trial(begin: Begin) -> AsyncIterator[Trial]:
    """A process that tries these rules, until the end of the block. Raises TrialDied."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from tracking.rules.trial_process import main; main()",
        cwd=_PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        trial = Trial(process)
        await trial.ask(begin)
        yield trial
    finally:
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def serve(reading: BinaryIO, writing: BinaryIO) -> None:
    """Answer messages until there are no more."""
    begin: Begin | None = None
    index = ZoneIndex(())
    asset: AssetTrial | None = None
    while (said := _read(reading)) is not None:
        noticed: list[Noticed] = []
        failures: Mapping[str, int] = {}
        match said:
            case Begin():
                begin, index = said, ZoneIndex(said.zones.values())
            case About():
                assert begin is not None
                asset = AssetTrial(begin.rules, said.subject, index, together=begin.together)
            case Page():
                assert asset is not None
                noticed = asset.hear(said.stored, until=said.until)
            case End():
                assert asset is not None
                noticed, failures = asset.end(said.at), asset.failures
        writing.write(_packed(Answer(noticed=noticed, failures=failures)))
        writing.flush()


def main() -> None:
    """What the process does, from its beginning to its end."""
    os.nice(_POLITE)
    serve(sys.stdin.buffer, sys.stdout.buffer)


def _packed(said: object) -> bytes:
    body = pickle.dumps(said)
    return _LENGTH.pack(len(body)) + body


def _read(reading: BinaryIO) -> Any:  # noqa: ANN401 - one of the messages, None at the end
    head = reading.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    return pickle.loads(reading.read(length))  # noqa: S301 - our own
