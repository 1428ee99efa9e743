"""Importing devices from a spreadsheet: tried first, then filed, bad rows in words."""

import csv
import io
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from map_ui.app import add_pages
from map_ui.language import LANGUAGES
from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.database import Pool
from tracking.fleet.unit_file import COLUMNS
from tracking.settings import Settings

PATH = "/devices/import"
HTMX = {"HX-Request": "true"}
FILE = (
    "unit_id;codec;client;asset;plate;device_phone\n"
    "356938035643801;gt06;Taxi;Van 1;1-ABC-123;+32 470 12 34 56\n"
    "356938035643802;morse;Taxi;Van 2;;\n"
    "356938035643803;gt06;Bakery <b>;Van 3;;\n"
    "356938035643804;gt06;Taxi;Van 4;1;\n"
    "356938035643801;gt06;Taxi;Van 5;;\n"
    "356938035643805;gt06;;;;\n"
    "356938035643806;watch;Taxi;Van 1;;\n"
)


@pytest.fixture
async def town(pool: Pool) -> Town:
    town = await settle(pool)
    await add_person(pool, town.centre, "sofie", "supervisor")
    await add_person(pool, town.centre, "an", "operator")
    await add_person(pool, await town.add_client("Taxi"), "tom", "client")
    await pool.execute("UPDATE people SET language = 'en'")
    return town


@pytest.fixture
async def web(settings: Settings, town: Town) -> AsyncIterator[Web]:
    async with open_web(settings) as opened:
        add_pages(opened.app)
        yield opened


@pytest.fixture
async def sofie(web: Web) -> httpx.AsyncClient:
    return await web.browser("sofie")


async def send(
    browser: httpx.AsyncClient, step: str, file: str | bytes, tried: str = ""
) -> httpx.Response:
    return await browser.post(
        PATH,
        data={"step": step, "tried": tried},
        files={"file": ("units.csv", file, "text/csv")},
        headers=HTMX,
    )


async def _count(town: Town) -> int:
    number: int = await town.pool.fetchval("SELECT count(*) FROM devices")
    return number


async def test_a_file_is_tried_and_every_bad_row_said_in_words(sofie, town):
    answer = await send(sofie, "try", FILE)
    assert answer.status_code == 200
    assert _rows(answer.text) == [
        ["3", "codec", "Vigil speaks no protocol called “morse”."],
        ["4", "client", "There is no client called Bakery &lt;b&gt;, or more than one."],
        ["5", "plate", "Its number plate: 2 to 15 letters, digits, spaces and dashes"],
        ["6", "unit_id", "This unit is on line 2 of the file already."],
        ["7", "client", "This must not be empty."],
    ]
    assert "2 rows are good. 5 are not." in answer.text
    assert "Import 2 devices" in answer.text
    assert await _count(town) == 0


async def test_what_was_tried_is_imported(sofie, town):
    tried = _tried(await send(sofie, "try", FILE))
    answer = await send(sofie, "import", FILE, tried)
    assert "2 devices are filed. 5 rows are not." in answer.text
    assert len(_rows(answer.text)) == 5
    assert await _count(town) == 2
    again = await send(sofie, "try", FILE)
    assert ["2", "unit_id", "This unit is registered already."] in _rows(again.text)


async def test_another_file_than_the_one_that_was_tried_is_refused(sofie, town):
    tried = _tried(await send(sofie, "try", FILE))
    for mark in (tried, ""):
        other = await send(sofie, "import", FILE.replace("Van", "Bus"), mark)
        assert (other.status_code, "Try it first" in other.text) == (422, True)
    assert await _count(town) == 0


async def test_no_file_is_no_import(sofie):
    answer = await sofie.post(PATH, data={"step": "try"}, headers=HTMX)
    assert (answer.status_code, "Choose a file first." in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "The file is empty."),
        (b"codec;client\n", "Missing: unit_id."),
        (b"unit_id;codec;client\na\0b;;\n", "not a text file"),
        (b'unit_id;codec;client\n"a"b;;\n', "Line 2 cannot be read"),
        (b"unit_id;codec;client\n" + b"a;gt06;Taxi\n" * 5_001, "At most 5000 units"),
    ],
)
async def test_what_is_no_table_is_refused_in_words(sofie, file, words):
    answer = await send(sofie, "try", file)
    assert answer.status_code == 422
    assert words in answer.text


async def test_the_template_has_every_column_and_is_a_good_file(sofie):
    answer = await sofie.get(f"{PATH}/template.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert next(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")) == [
        *COLUMNS
    ]
    assert "0 rows are good." in (await send(sofie, "try", answer.content)).text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_columns_are_explained_in_the_readers_language(sofie, language):
    sofie.cookies.set("language", language)
    page = (await sofie.get(PATH)).text
    for column in COLUMNS:
        assert f'<span class="mono">{column}</span>' in page
    explained = {
        "nl": "Telefoonnummer van zijn simkaart",
        "fr": "Numéro de téléphone de sa carte SIM",
        "de": "Telefonnummer seiner SIM-Karte",
    }
    assert explained.get(language, "Telephone number of its SIM") in page


async def test_only_who_keeps_the_books_imports(web, town):
    for name in ("an", "tom"):
        browser = await web.browser(name)
        assert (await browser.get(PATH)).status_code == 403
        assert (await browser.get(f"{PATH}/template.csv")).status_code == 403
        assert (await send(browser, "try", FILE)).status_code == 422
    assert (await web.client().get(PATH)).headers["location"] == "/sign-in"
    assert await _count(town) == 0


async def test_a_forged_import_files_nothing(sofie, town):
    tried = _tried(await send(sofie, "try", FILE))
    del sofie.headers["X-CSRF-Token"]
    assert (await send(sofie, "import", FILE, tried)).status_code == 403
    assert await _count(town) == 0


def _tried(answer: httpx.Response) -> str:
    found = re.search(r'name="tried" value="(\w+)"', answer.text)
    assert found
    return found[1]


def _rows(page: str) -> list[list[str]]:
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', page, re.DOTALL)
    return [
        [line, *(" ".join(cell.split()) for cell in re.findall(r"<td[^>]*>(.*?)</td>", rest))]
        for line, rest in rows
    ]
