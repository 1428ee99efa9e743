"""A whole house with its demonstration centre, real devices on sockets, and operators at desks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.devices import Device, until
from tests.stack import Stack, running
from tracking.seed import seed
from tracking.settings import Settings

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page


@dataclass(frozen=True)
class House:
    """A running house; who may sign in, and which units have been fitted."""

    stack: Stack
    settings: Settings

    def first(self, role: str) -> tuple[str, str]:
        """Sign-in and password of the first person with that role."""
        return self.people(role)[0]

    def people(self, role: str) -> list[tuple[str, str]]:
        """Everybody with that role."""
        lines = (self.settings.state_dir / "sign_ins").read_text().splitlines()
        rows = [line.split() for line in lines]
        return [(name, password) for kind, name, password in rows if kind == role]

    async def unit(self, codec: str) -> tuple[str, str]:
        """(unit id, name of its asset) of some unit that speaks a protocol."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            row = await connection.fetchrow(
                "SELECT d.unit_id, a.name FROM devices d JOIN fitments f ON f.device_id = d.id"
                " JOIN assets a ON a.id = f.asset_id WHERE d.codec = $1 ORDER BY d.unit_id",
                codec,
            )
        finally:
            await connection.close()
        assert row is not None, f"nothing speaks {codec} in the demonstration"
        return row["unit_id"], row["name"]


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """The demonstration centre, running, with nobody simulating its devices."""
    asyncio.run(seed(settings))
    with running(settings) as stack:
        yield House(stack, settings)


OpenDesk = Callable[..., Awaitable["Page"]]
Connect = Callable[[str, str], Awaitable[Device]]


@pytest.fixture
async def connect(house: House) -> AsyncIterator[Connect]:
    """Connects devices, by protocol and unit id; they hang up when the test ends."""
    devices: list[Device] = []

    async def connect_(codec: str, unit_id: str) -> Device:
        device = await Device(codec, unit_id).connect(house.stack.port(codec))
        devices.append(device)
        return device

    yield connect_
    for device in devices:
        device.hang_up()
    await until(lambda: all(device.closed for device in devices))


@pytest.fixture
async def open_desk(house: House, browser: "Browser") -> AsyncIterator[OpenDesk]:
    """Signs people in, by name and password, and opens their desks.

    When the test ends no page may have complained: no script error, nothing refused by the policy.
    """
    complaints: list[str] = []
    contexts = []

    async def open_(sign_in: str, password: str) -> "Page":
        context = await browser.new_context(
            viewport={"width": 1400, "height": 900}, locale="en-GB", base_url=house.stack.address
        )
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if "Content Security Policy" in said.text else None
            ),
        )
        await page.goto("/sign-in?language=en")
        await page.fill("input[name=sign_in]", sign_in)
        await page.fill("input[name=password]", password)
        await page.press("input[name=password]", "Enter")
        await page.wait_for_url("**/desk")
        await page.locator("#status[data-connected=true]").wait_for()
        return page

    yield open_
    for context in contexts:
        await context.close()
    assert complaints == []
