from collections.abc import AsyncIterator

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
