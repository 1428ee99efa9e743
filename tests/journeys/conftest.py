"""One house with its demonstration centre, real devices on sockets, and operators at desks.

The house runs for all journeys. Each takes a unit that no other journey has touched, and leaves
a calm desk behind, so none depends on another.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, StorageState, async_playwright, expect

from tests.conftest import _QUIET, Servers, making_settings
from tests.devices import Device, until
from tests.stack import Stack, running
from tracking.seed import seed
from tracking.settings import Settings

# A machine that runs other tests beside these is slow, and none of these is about speed.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All journeys share one event loop, because they share one browser."""
    for item in items:
        if pytest_asyncio.is_async_test(item) and "/journeys/" in item.path.as_posix():
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass(frozen=True)
class House:
    """A running house; who may sign in, and which units have been fitted."""

    stack: Stack
    settings: Settings
    given: set[str] = field(default_factory=set)
    signed_in: dict[str, StorageState] = field(default_factory=dict)

    def first(self, role: str) -> tuple[str, str]:
        """Sign-in and password of the first person with that role."""
        return self.people(role)[0]

    def people(self, role: str) -> list[tuple[str, str]]:
        """Everybody with that role."""
        lines = (self.settings.state_dir / "sign_ins").read_text().splitlines()
        rows = [line.split() for line in lines]
        return [(name, password) for kind, name, password in rows if kind == role]

    async def unit(self, codec: str = "gt06") -> tuple[str, str]:
        """(unit id, name of its asset) of a unit that no other journey has."""
        rows = await self.rows(
            "SELECT d.unit_id, a.name FROM devices d JOIN fitments f ON f.device_id = d.id"
            " JOIN assets a ON a.id = f.asset_id WHERE d.codec = $1 ORDER BY d.unit_id",
            codec,
        )
        fresh = next(row for row in rows if row["unit_id"] not in self.given)
        self.given.add(fresh["unit_id"])
        return fresh["unit_id"], fresh["name"]

    async def rows(self, question: str, *values: object) -> list[Any]:
        """What the database says, asked as its owner."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            return list(await connection.fetch(question, *values))
        finally:
            await connection.close()

    @contextmanager
    def service(self, role: str) -> Iterator[httpx.Client]:
        """The API, as somebody with that role asks it."""
        sign_in, password = self.first(role)
        with httpx.Client(base_url=f"{self.stack.address}/api/v1") as client:
            answer = client.post("/sessions", json={"sign_in": sign_in, "password": password})
            client.headers["X-CSRF-Token"] = answer.raise_for_status().json()["csrf"]
            yield client


@pytest.fixture(scope="session")
def running_house(servers: Servers) -> Iterator[tuple[House, httpx.Client]]:
    """The demonstration centre, running, with nobody simulating its devices; and its supervisor."""
    with making_settings(servers, servers.home) as make:
        settings = make()
        asyncio.run(_settle(settings))
        with running(settings) as stack:
            house = House(stack, settings)
            with house.service("supervisor") as supervisor:
                yield house, supervisor


async def _settle(settings: Settings) -> None:
    """The demonstration centre, whose people all read English here, as these tests do."""
    await seed(settings)
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("UPDATE people SET language = 'en'")
    await connection.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all journeys; everybody in them has a profile of their own in it."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=_QUIET)
        yield started
        await started.close()


@pytest.fixture
def house(running_house: tuple[House, httpx.Client]) -> Iterator[House]:
    """The house, in which nothing rings; what a journey leaves open is closed behind it."""
    house, supervisor = running_house
    yield house
    found = supervisor.get("/alarms", params={"state": "open"}).raise_for_status()
    for alarm in found.json()["items"]:
        if alarm["state"] == "raised":
            supervisor.post(f"/alarms/{alarm['id']}/acknowledge").raise_for_status()
        closing = {"code": "test", "note": "The journey is over."}
        supervisor.post(f"/alarms/{alarm['id']}/close", json=closing).raise_for_status()


OpenDesk = Callable[..., Awaitable[Page]]
Connect = Callable[[str, str], Awaitable[Device]]


@pytest_asyncio.fixture(loop_scope="session")
async def connect(house: House) -> AsyncIterator[Connect]:
    """Connects devices, by protocol and unit id; they hang up when the test ends."""
    devices: list[Device] = []

    async def connect_(codec: str, unit_id: str) -> Device:
        device = await Device(codec, unit_id).connect(house.stack.port(codec))
        devices.append(device)
        await device.sign_in()
        return device

    yield connect_
    for device in devices:
        device.hang_up()
    await until(lambda: all(device.closed for device in devices))


@pytest_asyncio.fixture(loop_scope="session")
async def open_desk(house: House, browser: Browser) -> AsyncIterator[OpenDesk]:
    """Opens desks of people, by name and password, who sign in if they have not yet.

    When the test ends no page may have complained: no script error, nothing refused by the policy.
    """
    complaints: list[str] = []
    contexts = []

    async def open_(sign_in: str, password: str, **screen: Any) -> Page:
        context = await browser.new_context(
            **{"viewport": {"width": 1200, "height": 760}, "reduced_motion": "reduce", **screen},
            locale="en-GB",
            timezone_id="Europe/Brussels",
            base_url=house.stack.address,
            storage_state=house.signed_in.get(sign_in),
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
        await page.goto("/")
        if sign_in not in house.signed_in:
            await page.fill("input[name=sign_in]", sign_in)
            await page.fill("input[name=password]", password)
            await page.press("input[name=password]", "Enter")
            await page.wait_for_url("**/desk")
            house.signed_in[sign_in] = await context.storage_state()
        await page.locator("#status[data-connected=true]").wait_for()
        await page.locator("body[data-synced=true]").wait_for()
        return page

    yield open_
    for context in contexts:
        await context.close()
    assert complaints == []
