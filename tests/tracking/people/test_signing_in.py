"""Signing in: sessions, their cookies, their ends, and forged requests."""

from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import pytest

from tests.tracking.town import Town
from tests.tracking.web import HOME, PASSWORD, Web, open_web, try_to_sign_in
from tracking import clock
from tracking.database import Pool, connect
from tracking.people.sessions import store
from tracking.settings import Settings

ME = "/api/v1/sessions/current"


async def test_who_signs_in_is_known_by_the_cookie(web: Web) -> None:
    client = web.client()
    assert (await client.get(ME)).status_code == 401
    answer = await try_to_sign_in(client, "operator")
    assert answer.status_code == 201
    said = answer.json()
    assert (said["role"], said["sign_in"]) == ("operator", "operator")
    me = await client.get(ME)
    assert me.status_code == 200
    assert me.json() == {key: value for key, value in said.items() if key != "ends_at"}


@pytest.mark.parametrize("typed", ["Operator", " operator ", "OPERATOR"])
async def test_a_name_is_typed_in_any_case(web: Web, typed: str) -> None:
    assert (await try_to_sign_in(web.client(), typed)).status_code == 201


@pytest.mark.parametrize(
    ("secure", "name", "flags"),
    [
        (False, "vigil_session", {"httponly": True, "secure": "", "samesite": "strict"}),
        (True, "__Host-vigil_session", {"httponly": True, "secure": True, "samesite": "strict"}),
    ],
)
async def test_the_cookie_is_kept_from_scripts_and_other_sites(
    settings: Settings, town: Town, secure: bool, name: str, flags: dict[str, object]
) -> None:
    async with open_web(settings.model_copy(update={"secure_cookies": secure})) as web:
        origin = "https://desk.test" if secure else "http://desk.test"
        answer = await try_to_sign_in(web.client(origin=origin), "operator")
    cookie = SimpleCookie(answer.headers["set-cookie"])[name]
    assert {flag: cookie[flag] for flag in flags} == flags
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert int(cookie["max-age"]) == settings.session_lifetime_h * 3600
    assert len(cookie.value) >= 43
    assert ("strict-transport-security" in answer.headers) is secure


async def test_a_wrong_name_and_a_wrong_password_look_and_cost_the_same(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = web.app.state.passwords
    checked: list[str] = []
    verify = passwords._hasher.verify

    class Spy:
        def verify(self, password_hash: str, password: str) -> bool:
            checked.append(password_hash)
            return bool(verify(password_hash, password))

    monkeypatch.setattr(passwords, "_hasher", Spy())
    wrong_password = await try_to_sign_in(web.client(), "operator", "not this one")
    wrong_name = await try_to_sign_in(web.client(), "nobody", "not this one")
    for answer in (wrong_name, wrong_password):
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
    assert without_id(wrong_name.json()) == without_id(wrong_password.json())
    assert len(checked) == 2
    assert checked[1] == passwords._nobodys_hash


async def test_a_disabled_person_is_a_wrong_name(web: Web, pool: Pool) -> None:
    await pool.execute("UPDATE people SET disabled_at = now() WHERE sign_in = 'operator'")
    answer = await try_to_sign_in(web.client(), "operator")
    assert answer.status_code == 401
    unknown = await try_to_sign_in(web.client(), "nobody")
    assert without_id(answer.json()) == without_id(unknown.json())


async def test_secrets_are_kept_as_hashes_only(web: Web, pool: Pool) -> None:
    browser = await web.browser("operator")
    secret = browser.cookies["vigil_session"]
    rows = await pool.fetch("SELECT s::text AS row FROM sessions s")
    assert len(rows) == 1
    assert secret not in rows[0]["row"]
    assert secret.encode().hex() not in rows[0]["row"]


async def test_signing_in_again_ends_the_session_before(web: Web, pool: Pool) -> None:
    browser = await web.browser("operator")
    old = browser.cookies["vigil_session"]
    assert (await try_to_sign_in(browser, "operator")).status_code == 201
    assert browser.cookies["vigil_session"] != old
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 1


async def test_a_cookie_that_was_planted_before_is_worth_nothing_after(web: Web) -> None:
    client = web.client()
    client.cookies.set("vigil_session", "planted", domain="desk.test")
    answer = await try_to_sign_in(client, "operator")
    assert answer.status_code == 201
    assert SimpleCookie(answer.headers["set-cookie"])["vigil_session"].value != "planted"
    thief = web.client()
    thief.cookies.set("vigil_session", "planted")
    assert (await thief.get(ME)).status_code == 401


async def test_who_signs_out_is_out(web: Web) -> None:
    browser = await web.browser("operator")
    elsewhere = await web.browser("operator")
    secret = browser.cookies["vigil_session"]
    answer = await browser.delete(ME)
    assert answer.status_code == 204
    assert SimpleCookie(answer.headers["set-cookie"])["vigil_session"]["max-age"] == "0"
    thief = web.client()
    thief.cookies.set("vigil_session", secret)
    assert (await thief.get(ME)).status_code == 401
    assert (await elsewhere.get(ME)).status_code == 200


async def test_who_signs_out_everywhere_is_out_everywhere_and_nobody_else_is(web: Web) -> None:
    browser, elsewhere = await web.browser("operator"), await web.browser("operator")
    colleague = await web.browser("supervisor")
    assert (await browser.delete("/api/v1/sessions")).status_code == 204
    assert (await elsewhere.get(ME)).status_code == 401
    assert (await colleague.get(ME)).status_code == 200


@pytest.mark.parametrize(
    ("moved", "status"),
    [
        ("seen_at = now() - interval '11 hours 59 minutes'", 200),
        ("seen_at = now() - interval '12 hours'", 401),
        ("expires_at = now() + interval '1 minute'", 200),
        ("expires_at = now()", 401),
    ],
)
async def test_a_session_ends_when_unused_and_at_last_in_any_case(
    web: Web, pool: Pool, moved: str, status: int
) -> None:
    browser = await web.browser("operator")
    await pool.execute(f"UPDATE sessions SET {moved}")
    assert (await browser.get(ME)).status_code == status


@pytest.mark.parametrize("ahead", [timedelta(days=-2), timedelta(days=2)])
async def test_the_end_of_a_session_is_judged_by_the_clock_of_the_database(
    web: Web, pool: Pool, ahead: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_source", lambda: datetime.now(UTC) + ahead)
    browser = await web.browser("operator")
    assert (await browser.get(ME)).status_code == 200
    await pool.execute("UPDATE sessions SET expires_at = now()")
    assert (await browser.get(ME)).status_code == 401


async def test_using_a_session_keeps_it_alive(web: Web, pool: Pool) -> None:
    browser = await web.browser("operator")
    await pool.execute("UPDATE sessions SET seen_at = now() - interval '6 hours'")
    assert (await browser.get(ME)).status_code == 200
    assert await pool.fetchval("SELECT now() - seen_at < interval '1 minute' FROM sessions")


async def test_where_a_session_came_from_is_kept(web: Web, pool: Pool) -> None:
    client = web.client()
    client.headers["User-Agent"] = "Desk " + "x" * 1000
    await try_to_sign_in(client, "operator")
    row = await pool.fetchrow("SELECT host(address) AS address, agent FROM sessions")
    assert row is not None
    assert row["address"] == HOME
    assert row["agent"] == ("Desk " + "x" * 1000)[:200]


async def test_what_is_old_is_forgotten_and_what_is_used_is_not(
    web: Web, settings: Settings, pool: Pool
) -> None:
    gone, kept = await web.browser("operator"), await web.browser("supervisor")
    await pool.execute(
        "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE person_id ="
        " (SELECT id FROM people WHERE sign_in = 'operator')"
    )
    await pool.execute(
        "UPDATE sign_in_attempts SET at = at - interval '31 days' WHERE sign_in = 'operator'"
    )
    timekeeper = await connect(settings, "ingest")
    try:
        await store.forget_the_old(timekeeper)
    finally:
        await timekeeper.close()
    assert await pool.fetchval("SELECT count(*) FROM sessions") == 1
    assert await pool.fetchval("SELECT count(*) FROM sign_in_attempts") == 2
    assert (await gone.get(ME)).status_code == 401
    assert (await kept.get(ME)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/organisations", {"name": "Forged"}),
        ("PATCH", "/api/v1/people/me", {"language": "fr"}),
        ("PUT", "/api/v1/people/me/password", {"current": PASSWORD, "new": "een andere zin 1831"}),
        ("DELETE", "/api/v1/sessions", None),
    ],
)
@pytest.mark.parametrize("header", [None, "", "wrong", "é", "of another session"])
async def test_an_unsafe_request_without_the_csrf_token_of_its_session_is_a_forgery(
    web: Web, method: str, path: str, body: object, header: str | None
) -> None:
    browser = await web.browser("administrator")
    right = browser.headers.pop("X-CSRF-Token")
    if header == "of another session":
        header = (await web.browser("administrator")).headers["X-CSRF-Token"]
    headers = {} if header is None else {b"X-CSRF-Token": header.encode()}
    answer = await browser.request(method, path, json=body, headers=headers)
    assert answer.status_code == 403
    answer = await browser.request(method, path, json=body, headers={"X-CSRF-Token": right})
    assert answer.status_code in (200, 201, 204)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Origin": "http://desk.test"}, 201),
        ({"Origin": "http://desk.test", "Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "none"}, 201),
        ({"Origin": "https://desk.test"}, 403),
        ({"Origin": "http://desk.test:8081"}, 403),
        ({"Origin": "http://desk.test.evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_another_site_signs_nobody_in(web: Web, headers: dict[str, str], status: int) -> None:
    answer = await web.client().post(
        "/api/v1/sessions", json={"sign_in": "operator", "password": PASSWORD}, headers=headers
    )
    assert answer.status_code == status


async def test_a_form_of_another_kind_signs_nobody_in(web: Web) -> None:
    answer = await web.client().post(
        "/api/v1/sessions",
        content=f'{{"sign_in": "operator", "password": "{PASSWORD}"}}',
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("cookie", ["", "x", "0" * 43, "' OR 1=1 --", "%00"])
async def test_a_cookie_that_we_did_not_give_opens_nothing(web: Web, cookie: str) -> None:
    client = web.client()
    client.cookies.set("vigil_session", cookie)
    assert (await client.get(ME)).status_code == 401


async def test_a_password_is_not_repeated_in_an_error(web: Web) -> None:
    answer = await web.client().post(
        "/api/v1/sessions", json={"sign_in": ["operator"], "password": "geheim" * 100}
    )
    assert answer.status_code == 422
    assert "geheim" not in answer.text


def without_id(problem: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in problem.items() if key != "request_id"}
