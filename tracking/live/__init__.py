"""What the screens hear: alarms in order and without gaps, positions as fresh as they can be."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tracking.database import Pool
from tracking.live.api import router
from tracking.live.hub import Hub
from tracking.settings import Settings

__all__ = ["Hub", "open_hub", "router"]


@contextlib.asynccontextmanager
async def open_hub(settings: Settings, _pool: Pool) -> AsyncIterator[Hub]:
    """A hub that works until the end of the block."""
    hub = Hub(settings)
    work = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
