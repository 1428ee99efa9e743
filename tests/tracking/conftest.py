"""A town, and the application that watches over it: really listening, or in this process."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.tracking.town import House, Town, open_house, settle
from tests.tracking.web import Web, open_web
from tracking.database import Pool
from tracking.settings import Settings


@pytest.fixture
async def town(pool: Pool) -> Town:
    """A centre and nothing else."""
    return await settle(pool)


@pytest.fixture
async def house(settings: Settings, town: Town) -> AsyncIterator[House]:
    """The application on a free port."""
    async with open_house(settings) as opened:
        yield opened


@pytest.fixture
async def web(settings: Settings, town: Town) -> AsyncIterator[Web]:
    """The application in this process."""
    async with open_web(settings) as opened:
        yield opened


@pytest.fixture
async def supervisor(web: Web, town: Town) -> httpx.AsyncClient:
    """Somebody who keeps the books, with a token, asking the application in this process."""
    _, token = await town.add_person("Sofie", role="supervisor")
    return web.client(token=token)
