"""Our scripts in a real browser, without a server: files are handed to it as they lie there."""

import shutil
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Page, Route, async_playwright

from map_ui.assets import allowed
from map_ui.policy import PAGE_HEADERS
from tests.conftest import _QUIET

ORIGIN = "http://desk.test"
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripts() -> AsyncIterator[Page]:
    """An empty page of ours, one for all tests of a module, in which modules are imported."""
    async with async_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = await playwright.chromium.launch(executable_path=program, args=_QUIET)
        page = await browser.new_page()
        await page.route(f"{ORIGIN}/**", _answer)
        await page.goto(f"{ORIGIN}/empty")
        yield page
        await browser.close()


async def _answer(route: Route) -> None:
    path = route.request.url.removeprefix(f"{ORIGIN}/")
    if path == "empty":
        html = '<!doctype html><html lang="en" data-words="/words"><title>empty</title>'
        await route.fulfill(body=html, content_type="text/html")
        return
    if path == "words":
        await route.fulfill(json={"messages": {}, "plurals": {}})
        return
    file = allowed().get(path.removeprefix("static/"))
    if file is None:
        await route.fulfill(status=404)
        return
    await route.fulfill(
        path=file, headers=PAGE_HEADERS | {"Content-Type": _TYPES.get(file.suffix, "text/plain")}
    )
