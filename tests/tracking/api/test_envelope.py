"""What every answer carries, and whom we take the client to be."""

import logging

import pytest
from fastapi import Request

from tests.tracking.town import Town
from tests.tracking.web import PASSWORD, Web, add_person, open_web
from tracking.database import Pool
from tracking.settings import Settings
from tracking.web.security import client_address, own_origin

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


async def boom() -> None:
    raise RuntimeError("boom")


async def test_every_answer_forbids_what_no_page_of_ours_needs(web: Web) -> None:
    web.app.add_api_route("/test/boom", boom)
    client = web.client()
    for path in ("/healthz", "/api/docs", "/api/docs.css", "/nothing", "/api/v1/assets"):
        answer = await client.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
    answer = await client.get("/test/boom")
    assert answer.status_code == 500
    assert HEADERS.items() <= dict(answer.headers).items()
    rules = dict(
        rule.partition(" ")[::2] for rule in answer.headers["content-security-policy"].split("; ")
    )
    assert rules["default-src"] == rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["object-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert "unsafe" not in str(rules)
    assert "http" not in str(rules)


PROXY, OUTER = "127.0.0.1", "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "192.0.2.1", "203.0.113.9"),
        (PROXY, None, PROXY),
        (PROXY, "192.0.2.1", "192.0.2.1"),
        (PROXY, "192.0.2.66, 192.0.2.1", "192.0.2.1"),
        (PROXY, f"192.0.2.66, 192.0.2.1, {OUTER}", "192.0.2.1"),
        (PROXY, f"{OUTER}, {OUTER}", OUTER),
        (PROXY, "not an address", PROXY),
        (PROXY, "192.0.2.1, not an address", PROXY),
        (PROXY, "2001:db8::1", "2001:db8::1"),
        ("", None, "None"),
    ],
)
async def test_a_proxy_that_we_trust_tells_who_the_client_is(
    settings: Settings, town: Town, peer: str, forwarded: str | None, address: str
) -> None:
    trusting = settings.model_copy(
        update={"trusted_proxies": frozenset({"127.0.0.1", "10.0.0.0/24"})}
    )

    async def who(request: Request) -> str:
        return str(client_address(request))

    async with open_web(trusting) as web:
        web.app.add_api_route("/test/who", who)
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        answer = await web.client(address=peer).get("/test/who", headers=headers)
        assert answer.json() == address


@pytest.mark.parametrize(
    ("peer", "headers", "origin"),
    [
        (PROXY, {}, "http://desk.test"),
        (PROXY, {"X-Forwarded-Proto": "https"}, "https://desk.test"),
        (PROXY, {"X-Forwarded-Proto": "javascript"}, "http://desk.test"),
        ("203.0.113.9", {"X-Forwarded-Proto": "https"}, "http://desk.test"),
    ],
)
async def test_a_proxy_that_we_trust_tells_whether_the_browser_used_https(
    web: Web, peer: str, headers: dict[str, str], origin: str
) -> None:
    async def origin_of(request: Request) -> str:
        return own_origin(request)

    web.app.add_api_route("/test/origin", origin_of)
    answer = await web.client(address=peer).get("/test/origin", headers=headers)
    assert answer.json() == origin


@pytest.mark.parametrize(
    ("peer", "said", "kept"),
    [
        (PROXY, "abcdef12-3456", True),
        ("203.0.113.9", "abcdef12-3456", False),
        (PROXY, "short", False),
        (PROXY, "has spaces and <tags>", False),
        (PROXY, "x" * 65, False),
    ],
)
async def test_a_request_is_known_by_an_id(web: Web, peer: str, said: str, kept: bool) -> None:
    answer = await web.client(address=peer).get("/healthz", headers={"X-Request-ID": said})
    assert (answer.headers["x-request-id"] == said) is kept
    assert len(answer.headers["x-request-id"]) >= 8


async def test_the_log_names_operations_and_neither_people_nor_secrets(
    web: Web, town: Town, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await add_person(pool, town.centre, "canary.name", "operator", name="Canary Person")
    browser = await web.browser("canary.name")
    await browser.get("/api/v1/assets", params={"search": "canary-search"})
    await browser.post("/api/v1/assets", json={"name": "canary-asset"})
    await web.client().post(
        "/api/v1/sessions", json={"sign_in": "canary.name", "password": "canary-password"}
    )
    text = "".join(
        f"{record.getMessage()}{record.__dict__}"
        for record in caplog.records
        if record.name.startswith("tracking")
    )
    assert "add_asset" in text
    for secret in ("canary", "Canary", PASSWORD, browser.cookies["vigil_session"]):
        assert secret not in text
