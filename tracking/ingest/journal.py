"""Where a cry for help waits on disk while PostgreSQL is away.

One small file a gateway; one line a record: CRC-32, then JSON with the frame and who sent it,
fsynced. It does not replace the commit (nothing is acknowledged for it): it is there so that a
gateway that dies in the dark still raises the alarm when there is light again — itself when it
is back, or whichever starts next on this machine. Reading it twice is harmless, since an alarm's
identity is derived.
"""

import asyncio
import binascii
import fcntl
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from protocols.codec import Peer
from protocols.settings import settings_as_json, settings_from
from tracking.ingest.arrival import Arrival
from tracking.ingest.understood import understood


class Journal:
    """The journal of one gateway."""

    def __init__(self, folder: Path, gateway: str) -> None:
        self._path = folder / f"{gateway}.journal"
        self._waiting = 0
        self._lock = asyncio.Lock()
        self._ours: int | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def open(self) -> None:
        """Show that this gateway lives, and take over what those wrote down that do not."""
        self._ours = _held(self._path.with_suffix(".lock"))
        for left in sorted(self._path.parent.glob("*.journal")):
            if left == self._path:
                continue
            theirs = _held(left.with_suffix(".lock"))
            if theirs is not None:
                for entry in _whole(left.read_bytes().splitlines()):
                    self._write(orjson.dumps(entry))
                left.unlink()
                os.close(theirs)

    def close(self) -> None:
        """This gateway ends; what still waits is for whoever starts next."""
        if self._ours is not None:
            os.close(self._ours)
            self._ours = None

    async def append(self, arrival: Arrival, peer: Peer) -> None:
        """Write one record down and wait until it is on disk. Raises OSError."""
        entry = {
            "unit_id": arrival.unit_id,
            "codec": arrival.codec,
            "address": arrival.address,
            "received_at": arrival.received_at.isoformat(),
            "frame": arrival.frame.hex(),
            "dialect": peer.dialect,
            # Without them an encrypted frame, or another clock, could not be read again.
            "settings": settings_as_json(peer.settings) | {"secret": peer.settings.secret},
        }
        async with self._lock:
            await asyncio.to_thread(self._write, orjson.dumps(entry))
            self._waiting += 1

    def read(self) -> list[dict[str, Any]]:
        """What waits from before; a line that a crash cut short is skipped."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return list(_whole(lines))

    async def done(self) -> None:
        """Everything that waited is committed: start again with an empty file."""
        async with self._lock:
            if self._waiting or self._path.exists():
                await asyncio.to_thread(self._path.unlink, missing_ok=True)
                self._waiting = 0

    def _write(self, entry: bytes) -> None:
        line = b"%08x %s\n" % (binascii.crc32(entry), entry)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)


def again(entry: dict[str, Any]) -> Arrival:
    """A journalled frame, understood anew."""
    arrival = understood(
        bytes.fromhex(entry["frame"]),
        codec=entry["codec"],
        peer=Peer(
            unit_id=entry["unit_id"],
            dialect=entry["dialect"],
            settings=settings_from(entry["settings"]),
        ),
        address=entry["address"],
        received_at=datetime.fromisoformat(entry["received_at"]),
    )
    if not arrival.reports and not arrival.error:
        arrival.error = "nothing readable in the journal"
    return arrival


def _held(path: Path) -> int | None:
    """An open lock file that nobody else holds; None if somebody does. Held until closed."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _whole(lines: Iterable[bytes]) -> Iterable[dict[str, str]]:
    for line in lines:
        check, _, entry = line.partition(b" ")
        if check == b"%08x" % binascii.crc32(entry):
            yield orjson.loads(entry)
