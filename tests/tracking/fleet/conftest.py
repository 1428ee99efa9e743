from collections.abc import AsyncIterator

import httpx
import pytest

from tests.tracking.town import Town, settle
from tests.tracking.web import Web, open_web
from tracking.database import Pool
from tracking.settings import Settings


@pytest.fixture
async def town(pool: Pool) -> Town:
    return await settle(pool)


@pytest.fixture
async def web(settings: Settings, town: Town) -> AsyncIterator[Web]:
    async with open_web(settings) as opened:
        yield opened


@pytest.fixture
async def supervisor(web: Web, town: Town) -> httpx.AsyncClient:
    """Somebody who keeps the books, with a token."""
    _, token = await town.add_person("Sofie", role="supervisor")
    return web.client(token=token)
