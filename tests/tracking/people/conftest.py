from collections.abc import AsyncIterator

import pytest

from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.database import Pool
from tracking.settings import Settings


@pytest.fixture
async def town(pool: Pool) -> Town:
    """A centre with an operator, a supervisor and an administrator, who sign in by their role."""
    town = await settle(pool)
    for role in ("operator", "supervisor", "administrator"):
        await add_person(pool, town.centre, role, role)
    return town


@pytest.fixture
async def web(settings: Settings, town: Town) -> AsyncIterator[Web]:
    async with open_web(settings) as opened:
        yield opened
