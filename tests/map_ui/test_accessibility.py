"""Pages in a real browser, without the API behind them: WCAG 2.2 AA by axe, and a strict policy."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, Route

from map_ui.app import add_pages
from map_ui.assets import _PACKAGES
from tests import axe
from tracking.people.person import Person, Role
from tracking.web.security import person_or_none

ORIGIN = "http://desk.test"
AN = Person(
    id=UUID(int=1),
    organisation_id=UUID(int=2),
    centre_id=UUID(int=2),
    sign_in="an",
    name="An Peeters",
    role=Role.OPERATOR,
    language="nl",
    csrf="token",
)

_WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page whose every request is answered by our pages in this process."""
    page = await browser.new_page(locale="nl-BE", reduced_motion="reduce")
    await page.add_init_script(_WATCH)
    yield page
    await page.close()


async def _serve(page: Page, person: Person | None) -> None:
    app = add_pages(FastAPI(version="1"))
    app.dependency_overrides[person_or_none] = lambda: person
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)

    async def answer(route: Route) -> None:
        asked = route.request
        said = await client.request(asked.method, asked.url)
        headers = {k: v for k, v in said.headers.items() if k != "content-encoding"}
        await route.fulfill(status=said.status_code, headers=headers, body=said.content)

    await page.route(f"{ORIGIN}/**", answer)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("path", "person"), [("/sign-in", None), ("/desk", AN)], ids=["door", "desk"]
)
async def test_a_page_can_be_used_by_everybody(page, path, person, scheme):
    await page.emulate_media(color_scheme=scheme)
    await _serve(page, person)
    await page.goto(f"{ORIGIN}{path}")
    await page.evaluate((_PACKAGES / "axe-core/axe.min.js").read_text() + ";undefined")
    assert await page.evaluate(axe.VIOLATIONS) == []
    assert await page.evaluate("violations") == []


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1600])
async def test_a_page_never_scrolls_sideways(page, width):
    await page.set_viewport_size({"width": width, "height": 844})
    await _serve(page, AN)
    await page.goto(f"{ORIGIN}/desk")
    await page.wait_for_selector("body[data-ready]")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_single_keys_can_be_turned_off(page):
    await _serve(page, AN)
    await page.goto(f"{ORIGIN}/desk")
    await page.wait_for_selector("body[data-ready]")
    await page.keyboard.press("?")
    await page.uncheck("#single-keys")
    await page.click("#help button")
    await page.keyboard.press("?")
    assert not await page.is_visible("#help")


async def test_a_desk_that_cannot_reach_the_server_says_so(page):
    await _serve(page, AN)
    await page.goto(f"{ORIGIN}/desk")
    await page.wait_for_selector("#lost-banner:not([hidden])", timeout=20_000)
    assert "Geen verbinding sinds" in await page.inner_text("#lost-words")
    assert await page.get_attribute("#status", "data-connected") == "false"
