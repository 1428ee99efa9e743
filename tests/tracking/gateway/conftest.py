"""A gateway that lasts for a module of tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conftest import Servers, making_settings
from tests.lasting import Lasting, lasting


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(servers: Servers) -> AsyncIterator[Lasting]:
    """One gateway and one database, which each test empties first."""
    with making_settings(servers, servers.home) as make:
        async with lasting(make()) as opened:
            yield opened
