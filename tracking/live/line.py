"""A connection to PostgreSQL that is made again when it breaks, for those who listen for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tracking.database import Connection, Reach, connect_for
from tracking.settings import Settings

AWAY = (OSError, TimeoutError, asyncio.TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError)
"""What asking PostgreSQL may raise while it is away, starting, stopping or being replaced."""


class Line:
    """One connection that sees what ``reach`` allows; one question at a time.

    A question that is not answered in time breaks the connection, because a server that
    hangs would otherwise hold its asker for as long as it hangs.
    """

    def __init__(self, settings: Settings, reach: Reach, *, patience_s: float = 2.0) -> None:
        self._settings = settings
        self._reach = reach
        self._patience_s = patience_s
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self.made = 0
        """How many times the connection was made."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Connection]:
        """The connection, for one question. Raises one of AWAY."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._patience_s):
                    yield await self._connected()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let go at once, whatever the server is doing."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect_for(self._settings, self._reach)
            self.made += 1
        return self._connection
