"""The live channel as a desk meets it."""

from collections.abc import AsyncIterator

import pytest

from tests.tracking.town import House, Town, open_house, settle
from tracking.database import Pool
from tracking.settings import Settings


@pytest.fixture
async def town(pool: Pool) -> Town:
    return await settle(pool)


@pytest.fixture
async def house(settings: Settings, town: Town) -> AsyncIterator[House]:
    async with open_house(settings) as opened:
        yield opened


async def test_a_desk_is_greeted_and_told_what_is_open(house: House, town: Town) -> None:
    client = await town.add_client("Bakery")
    asset, number = await town.add_asset(client, "Van 1", plate="1-ABC-234")
    alarm = await town.raise_alarm(client, asset, fix=(50.85, 4.35))
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        hello = await screen.next("hello")
        assert hello["seq"] == 0
        told = await screen.next("alarm")
        assert told["change"] == "raised"
        assert told["sound"]
        assert told["alarm"]["id"] == str(alarm)
        assert told["alarm"]["asset"] == {"id": str(asset), "name": "Van 1", "kind": "vehicle"}
        assert told["alarm"]["fix"]["lat"] == 50.85
        beat = await screen.next("beat")
        assert beat["seq"] == told["seq"]
    assets = [asset for frame in screen.frames for asset in frame.get("assets", [])]
    assert [(one["n"], one["plate"], one["state"], one["last"]) for one in assets] == [
        (number, "1-ABC-234", "never", None)
    ]


async def test_an_alarm_raised_later_rings_at_once(house: House, town: Town) -> None:
    client = await town.add_client("Bakery")
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        await screen.next("beat")
        alarm = await town.raise_alarm(client)
        told = await screen.next("alarm", sound=True)
        assert told["alarm"]["id"] == str(alarm)
