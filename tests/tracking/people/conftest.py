import pytest

from tests.tracking.town import Town, settle
from tests.tracking.web import add_person
from tracking.database import Pool


@pytest.fixture
async def town(pool: Pool) -> Town:
    """A centre with an operator, a supervisor and an administrator, who sign in by their role."""
    town = await settle(pool)
    for role in ("operator", "supervisor", "administrator"):
        await add_person(pool, town.centre, role, role)
    return town
