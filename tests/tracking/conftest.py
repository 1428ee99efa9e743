"""A town, and the application that watches over it, really listening."""

from collections.abc import AsyncIterator

import pytest

from tests.tracking.town import House, Town, open_house, settle
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
