"""The bell: tells other processes at once what PostgreSQL already holds.

Nothing here is a promise. Redis may be away: positions then reach the map by its own refresh,
alarms by NOTIFY and by a poll. So publishing never raises and never waits long; it counts.

Channels, each behind the installation's own ``redis_prefix``
    positions    rows of POSITION_ROW, one message a commit
    alarms       the newest change number, as decimal text
    provisional  one JSON object: a life-safety alarm that PostgreSQL has not confirmed yet
"""

import asyncio
import contextlib
import logging
import struct
from collections import deque
from collections.abc import AsyncGenerator

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tracking.settings import Settings

POSITIONS = "positions"
ALARMS = "alarms"
PROVISIONAL = "provisional"

NOTIFY_ALARMS = "vigil_alarms"
NOTIFY_FLEET = "vigil_fleet"
NOTIFY_RULES = "vigil_rules"
"""PostgreSQL's own channels: a new change (payload: seq), a changed device or fitment (unit id), a
changed rule or zone (its id)."""

POSITION_ROW = struct.Struct("<IffHHIB3x")
"""asset number, lon, lat, speed in 0.1 km/h, course in 0.1 °, device time (Unix s), FLAG_ bits."""
POSITION_FIELDS = [
    ("number", "<u4"),
    ("lon", "<f4"),
    ("lat", "<f4"),
    ("speed", "<u2"),
    ("course", "<u2"),
    ("at", "<u4"),
    ("flags", "u1"),
    ("_", "u1", 3),
]
"""POSITION_ROW for numpy.frombuffer."""

UNSAID = 0xFFFF
"""A speed or course that the device did not say."""

FLAG_VALID, FLAG_IGNITION, FLAG_BUFFERED, FLAG_MOTION = 1, 2, 4, 8

_log = logging.getLogger(__name__)
_AWAY = (RedisError, OSError, TimeoutError, asyncio.TimeoutError)


class Bell:
    """Publishes without ever holding up who rings it. Run ``run()`` as a task.

    At most ``most`` messages wait; when Redis is away or slow the oldest positions are
    forgotten first (the map will ask PostgreSQL), rings of alarms last.
    """

    def __init__(self, settings: Settings, *, most: int = 200) -> None:
        self._redis = connect(address_of(settings))
        self._prefix = settings.redis_prefix
        self._positions: deque[bytes] = deque(maxlen=most)
        self._rings: deque[tuple[str, bytes]] = deque(maxlen=most)
        self._wake = asyncio.Event()
        self.published = 0
        self.failed = 0

    def positions(self, rows: bytes) -> None:
        """Positions that have just been committed, as POSITION_ROWs."""
        if rows:
            self._positions.append(rows)
            self._wake.set()

    def alarms(self, seq: int) -> None:
        """There are changes up to this number."""
        self._rings.append((ALARMS, b"%d" % seq))
        self._wake.set()

    def provisional(self, alarm: bytes) -> None:
        """A life-safety alarm while PostgreSQL is away."""
        self._rings.append((PROVISIONAL, alarm))
        self._wake.set()

    async def run(self) -> None:
        """Publish what was rung, until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._publish_all()
        finally:
            with contextlib.suppress(*_AWAY):
                await self._redis.aclose()

    async def _publish_all(self) -> None:
        while self._rings or self._positions:
            channel, payload = self._rings.popleft() if self._rings else self._next_positions()
            try:
                async with asyncio.timeout(1.0):
                    await self._redis.publish(self._prefix + channel, payload)
                self.published += 1
            except _AWAY as error:
                self.failed += 1
                level = logging.WARNING if self.failed % 1000 == 1 else logging.DEBUG
                _log.log(level, "the bell does not ring", extra={"error": repr(error)})
                if channel == PROVISIONAL:
                    # The only message that PostgreSQL cannot tell instead: keep trying.
                    self._rings.appendleft((channel, payload))
                    await asyncio.sleep(0.1)

    def _next_positions(self) -> tuple[str, bytes]:
        rows = b"".join(self._positions)
        self._positions.clear()
        return POSITIONS, rows


def connect(url: str) -> "redis.asyncio.Redis":
    """A Redis client that fails fast; whoever uses it decides what to do then."""
    return redis.asyncio.Redis.from_url(
        url,
        socket_timeout=None,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


async def listen(settings: Settings, *channels: str) -> AsyncGenerator[tuple[str, bytes], None]:
    """Messages on these channels, for ever; ("", b"") each time the bell comes back.

    What was published while it was away is gone: on ("", b"") ask PostgreSQL.
    """
    prefix = settings.redis_prefix
    pause_s = 0.1
    while True:
        client = connect(address_of(settings))
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as subscription:
                await subscription.subscribe(*(prefix + channel for channel in channels))
                pause_s = 0.1
                yield "", b""
                async for message in subscription.listen():
                    yield message["channel"].decode().removeprefix(prefix), message["data"]
        except _AWAY as error:
            _log.info("the bell is away", extra={"error": repr(error)})
        finally:
            with contextlib.suppress(*_AWAY):
                await client.aclose()
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 1.0)


def address_of(settings: Settings) -> str:
    """The Redis that was given, else the private one."""
    note = settings.state_dir / "redis_url"
    if settings.redis_url or not note.exists():
        return settings.redis_url or "redis://127.0.0.1:6379/0"
    return note.read_text().strip()
