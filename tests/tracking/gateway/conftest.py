"""A broker, for those tests that ask for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.mosquitto import BOX, Mosquitto, mosquitto


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path, "jane", BOX, "mallory") as started:
        yield started
