"""The one door that is not a request: who may open a live channel, and from which pages."""

import pytest
import websockets

from tests.tracking.town import House, Town
from tests.tracking.web import add_person, try_to_sign_in
from tracking.database import Pool


@pytest.mark.parametrize(
    ("origin", "opens"),
    [
        ("http://127.0.0.1:{port}", True),
        (None, False),
        ("null", False),
        ("", False),
        ("https://127.0.0.1:{port}", False),
        ("http://127.0.0.1", False),
        ("http://localhost:{port}", False),
        ("http://127.0.0.1:{port}.evil.test", False),
        ("http://evil.test", False),
        ("http://127.0.0.1:{port}/", False),
    ],
)
async def test_a_cookie_opens_a_live_channel_from_exactly_our_own_pages(
    house: House, town: Town, pool: Pool, origin: str | None, opens: bool
) -> None:
    await add_person(pool, town.centre, "operator", "operator")
    async with house.client() as browser:
        assert (await try_to_sign_in(browser, "operator")).status_code == 201
        cookie = f"vigil_session={browser.cookies['vigil_session']}"
    said = None if origin is None else websockets.Origin(origin.format(port=house.port))
    assert await opened(house, origin=said, Cookie=cookie) is opens


async def test_a_token_opens_a_live_channel_from_anywhere(house: House, town: Town) -> None:
    _, token = await town.add_person("Anna")
    assert await opened(house, Authorization=f"Bearer {token}")


async def opened(house: House, *, origin: websockets.Origin | None = None, **headers: str) -> bool:
    """Whether the channel greets us; a refusal is a problem document like any other."""
    channel = websockets.connect(
        f"ws://127.0.0.1:{house.port}/api/v1/live",
        origin=origin,
        additional_headers=headers,
        proxy=None,
    )
    try:
        async with channel as screen:
            return '"hello"' in str(await screen.recv())
    except websockets.InvalidStatus as refused:
        answer = refused.response
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return False
