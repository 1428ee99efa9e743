"""Pages: who may see them, in which language, and that they load nothing from outside."""

import re
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from map_ui.app import add_pages
from map_ui.assets import allowed, missing
from map_ui.language import LANGUAGES
from map_ui.policy import CONTENT_SECURITY_POLICY
from tracking.people.person import Person, Role
from tracking.web.security import person_or_none

AN = Person(
    id=UUID(int=1),
    organisation_id=UUID(int=2),
    centre_id=UUID(int=2),
    sign_in="an",
    name='An <script>alert("An")</script>',
    role=Role.OPERATOR,
    language="nl",
    csrf="token",
)


@pytest.fixture
async def visit() -> AsyncIterator[Callable[[Person | None], httpx.AsyncClient]]:
    """Makes the browser of somebody, or of nobody who has signed in."""
    opened: list[httpx.AsyncClient] = []

    def visit(person: Person | None) -> httpx.AsyncClient:
        app = add_pages(FastAPI(version="7"))
        app.dependency_overrides[person_or_none] = lambda: person
        transport = httpx.ASGITransport(app)
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://desk.test"))
        return opened[-1]

    yield visit
    for client in opened:
        await client.aclose()


@pytest.fixture
def nobody(visit) -> httpx.AsyncClient:
    return visit(None)


@pytest.fixture
def an(visit) -> httpx.AsyncClient:
    return visit(AN)


@pytest.mark.parametrize("path", ["/", "/desk"])
async def test_whoever_is_not_signed_in_is_sent_to_sign_in(nobody, path):
    answer = await nobody.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("path", ["/", "/sign-in"])
async def test_whoever_is_signed_in_is_sent_to_the_desk(an, path):
    answer = await an.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")


async def test_a_page_that_the_database_does_not_answer_for_asks_again_by_itself():
    app = add_pages(FastAPI(version="7"))

    async def away() -> Person:
        raise ConnectionRefusedError

    app.dependency_overrides[person_or_none] = away
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        answer = await client.get("/desk", headers={"Accept-Language": "fr"})
    assert answer.status_code == 503
    assert '<meta http-equiv="refresh" content="3">' in answer.text
    assert "La base de données ne répond pas" in answer.text


async def test_the_desk_is_written_in_the_persons_language_and_names_them(an):
    page = (await an.get("/desk")).text
    assert '<html lang="nl"' in page
    assert "Aan te nemen" in page
    assert "An &lt;script&gt;" in page
    assert 'data-version="7"' in page


async def test_a_choice_of_language_and_of_light_goes_before_the_persons_own(an):
    an.cookies.set("language", "fr")
    an.cookies.set("theme", "dark")
    page = (await an.get("/desk")).text
    assert '<html lang="fr" data-theme="dark"' in page
    assert "À prendre en charge" in page


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("en;q=0.4, fr-BE;q=0.8", "fr"),
        ("es", "en"),
        ("nl;q=nonsense", "en"),
        ("", "en"),
    ],
)
async def test_before_signing_in_the_browser_says_the_language(nobody, accepted, language):
    page = (await nobody.get("/sign-in", headers={"Accept-Language": accepted})).text
    assert f'<html lang="{language}"' in page


@pytest.mark.parametrize(("who", "path"), [(AN, "/desk"), (None, "/sign-in")], ids=["desk", "door"])
async def test_a_page_runs_only_our_own_scripts_and_loads_nothing_from_outside(visit, who, path):
    answer = await visit(who).get(path)
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-store"
    for loaded in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert loaded.startswith(("/", "#icon-", "#alarms")), loaded
    assert not re.findall(r"<script(?![^>]*\ssrc=)", answer.text)
    assert not re.findall(r"\s(?:style|on\w+)=", answer.text)
    assert "<style" not in answer.text


@pytest.mark.parametrize(("who", "path"), [(AN, "/desk"), (None, "/sign-in")], ids=["desk", "door"])
async def test_every_file_that_a_page_names_is_there(visit, who, path):
    client = visit(who)
    page = (await client.get(path)).text
    for loaded in re.findall(r'"(/(?:static|words)/[^"]+)"', page):
        assert (await client.get(loaded)).status_code == 200, loaded


def test_every_module_that_a_script_imports_is_on_the_allow_list():
    for name, place in allowed().items():
        if not name.endswith(".js") or name.startswith("vendor/"):
            continue
        for wanted in re.findall(r'(?:from|import)\s*\(?"([./][^"]+)"', place.read_text()):
            absolute = wanted.removeprefix("/static/")
            beside = f"{name.rpartition('/')[0]}/{wanted.removeprefix('./')}"
            assert absolute in allowed() or beside in allowed(), f"{name} imports {wanted}"


def test_the_npm_packages_are_installed():
    assert missing() == [], "run `npm ci` at the root of the project"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pages.py",
        "/static/%2e%2e/pages.py",
        "/static/vendor/maplibre-gl/package.json",
        "/static/vendor/../../package.json",
        "/static/",
    ],
)
async def test_no_other_file_is_served(nobody, path):
    assert (await nobody.get(path)).status_code == 404


async def test_a_file_that_the_browser_has_is_not_sent_again(nobody):
    first = await nobody.get("/static/css/page.css")
    assert first.headers["content-encoding"] == "gzip"
    again = await nobody.get(
        "/static/css/page.css", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_the_base_map_is_served_from_our_own_files(nobody):
    for name in ("be_cantons", "be_provinces", "eu_countries", "places"):
        answer = await nobody.get(f"/static/basemap/{name}.geojson")
        assert answer.headers["content-type"] == "application/geo+json"
        assert answer.json()["features"]


async def test_scripts_get_their_words_in_every_language(nobody):
    for language in LANGUAGES:
        words = (await nobody.get(f"/words/{language}.json")).json()
        expected = {"nl": "Aannemen", "fr": "Prendre en charge", "de": "Annehmen"}
        assert words["messages"].get("Acknowledge") == expected.get(language)
    assert (await nobody.get("/words/xx.json")).status_code == 404
