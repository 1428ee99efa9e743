"""What goes wrong is said as a problem document, whoever's fault it is."""

import socket
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest

from tests.tracking.web import Web, open_web
from tracking.errors import Conflict, TooMany, VigilError
from tracking.settings import Settings
from tracking.web.envelope import MOST_BODY_BYTES


def said(answer: httpx.Response) -> dict[str, Any]:
    """The problem document, once it is one."""
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"].startswith("urn:vigil:problem:")
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["title"]
    assert document["detail"]
    return document


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("PUT", "/api/v1/assets", 405),
        ("GET", "/api/v1/assets/not-a-uuid", 422),
        ("GET", "/api/v1/assets/00000000-0000-4000-8000-000000000000", 404),
        ("GET", "/api/v1/assets?limit=0", 422),
        ("GET", "/api/v1/assets?limit=201", 422),
        ("GET", "/api/v1/assets?limit=many", 422),
        ("GET", "/api/v1/assets?kind=horse", 422),
        ("GET", "/api/v1/assets?search=%00", 422),
        ("GET", "/api/v1/devices?codec=%00", 422),
        ("POST", "/api/v1/assets", 422),
    ],
)
async def test_a_request_that_is_wrong_is_told_how(
    supervisor: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await supervisor.request(method, path)
    assert answer.status_code == status
    document = said(answer)
    if status == 422:
        assert document["errors"][0]["where"]
        assert document["errors"][0]["what"]


@pytest.mark.parametrize(
    "cursor",
    ["x", "AA", "é", "W10", "WzEsMl0", "WyJhIl0", "WyJhIiwiYiJd", "WyJcdTAwMDAiLCJhIl0", "e30"],
)
@pytest.mark.parametrize("path", ["assets", "devices", "fitments", "units", "organisations"])
async def test_a_cursor_that_we_did_not_give_is_refused(
    supervisor: httpx.AsyncClient, path: str, cursor: str
) -> None:
    answer = await supervisor.get(f"/api/v1/{path}", params={"cursor": cursor})
    assert answer.status_code == 422, answer.text
    said(answer)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 422),
        (b"\xff\xfe", 422),
        (b"null", 422),
        (b"[]", 422),
        (b'{"name": "\\ud800"}', 422),
        (b'{"name": NaN}', 422),
        (b"[" * 50_000, 400),
        (b" " * (MOST_BODY_BYTES + 1), 413),
    ],
)
async def test_a_body_that_cannot_be_read_is_the_senders_fault(
    supervisor: httpx.AsyncClient, content: bytes, status: int
) -> None:
    answer = await supervisor.post(
        "/api/v1/assets", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == status
    said(answer)


class Odd(VigilError):
    """Raised by a test's own route."""

    status = 418
    title = "Short and stout"


def fails_with(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


async def test_every_error_has_its_status_and_only_ours_are_logged_as_ours(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    throttled = TooMany("Wait.")
    throttled.retry_after_s = 7
    raised: dict[str, tuple[Exception, int]] = {
        "odd": (Odd("I am a teapot."), 418),
        "conflict": (Conflict(), 409),
        "throttled": (throttled, 429),
        "unique": (asyncpg.UniqueViolationError("secret detail"), 409),
        "overlap": (asyncpg.ExclusionViolationError("secret detail"), 409),
        "check": (asyncpg.CheckViolationError("secret detail"), 422),
        "value": (asyncpg.DataError("secret detail"), 422),
        "slow": (asyncpg.QueryCanceledError("secret detail"), 503),
        "stopping": (asyncpg.AdminShutdownError("secret detail"), 503),
        "refused": (ConnectionRefusedError("secret detail"), 503),
        "lookup": (socket.gaierror("secret detail"), 503),
        "late": (TimeoutError("secret detail"), 503),
        "privilege": (asyncpg.InsufficientPrivilegeError("secret detail"), 500),
        "ours": (RuntimeError("secret detail"), 500),
    }
    for name, (error, _) in raised.items():
        web.app.add_api_route(f"/test/{name}", fails_with(error))
    client = web.client()
    for name, (_, status) in raised.items():
        caplog.clear()
        answer = await client.get(f"/test/{name}")
        assert answer.status_code == status, name
        document = said(answer)
        assert "secret" not in answer.text
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert len(errors) == (status == 500), name
        if status == 500:
            assert errors[0].request_id == document["request_id"]  # type: ignore[attr-defined]
            assert errors[0].exc_info
        # Asking the same slow question again soon would be no better.
        waits = status in (429, 503) and name != "slow"
        assert ("retry-after" in answer.headers) is waits, name


async def test_without_its_database_the_api_starts_and_says_so(
    settings: Settings,
) -> None:
    nowhere = "postgresql://vigil@/vigil?host=/nonexistent"
    away = settings.model_copy(update={"database_app_url": nowhere, "database_url": nowhere})
    async with open_web(away) as web:
        for cookie in (None, "x" * 43):
            client = web.client()
            if cookie:
                client.cookies.set("vigil_session", cookie)
            answer = await client.get("/api/v1/sessions/current")
            # Nobody is told that they are signed out because the database is away.
            assert answer.status_code == (503 if cookie else 401)
            said(answer)
        answer = await client.post("/api/v1/sessions", json={"sign_in": "a", "password": "b"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
