"""Profiles: their list, the form of one, its versions, and what a frame would mean with it."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

import protocols
from map_ui import options
from map_ui.app import add_pages
from map_ui.language import LANGUAGES
from tests.devices import Device, ago, report
from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.database import Pool
from tracking.settings import Settings

EDIT = "/profiles/edit"
GT06 = {"codec": "gt06", "model": "GT06N"}
HTMX = {"HX-Request": "true"}


@pytest.fixture
async def town(pool: Pool) -> Town:
    town = await settle(pool)
    await add_person(pool, town.centre, "ada", "administrator", name="Ada")
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
async def ada(web: Web) -> httpx.AsyncClient:
    return await web.browser("ada")


async def save(browser: httpx.AsyncClient, version: int, **said: str) -> httpx.Response:
    form = {**GT06, "version": str(version), **said}
    return await browser.post(EDIT, data=form, headers=HTMX)


async def test_a_profile_is_listed_with_what_it_sets_and_for_how_many(ada, town):
    client = await town.add_client("Bakery")
    device = await town.add_device(client, "unit-1", None)
    await town.pool.execute("UPDATE devices SET model = 'GT06N' WHERE id = $1", device)
    answer = await save(ada, 0, time_zone="+08:00", category="SP3", note="As <b>delivered</b>")
    assert answer.status_code == 200
    page = _text((await ada.get("/profiles")).text)
    assert "gt06 · gt06n" in page
    assert "Time zone of its clock +08:00" in page
    assert "Reporting time SP3 · 30 min" in page
    assert "1 unit Version 1" in page
    assert "· Ada As &lt;b&gt;delivered&lt;/b&gt;" in page


async def test_a_new_profile_starts_empty_and_shows_what_all_models_share(ada):
    shared = {"codec": "gt06", "model": "", "version": "0", "panic_inputs": "3"}
    assert (await ada.post(EDIT, data=shared)).status_code == 200
    page = (await ada.get(EDIT, params=GT06)).text
    assert "no version yet" in page
    assert "what is inherited counts: 3" in page
    assert 'name="panic_inputs" inputmode="numeric" value=""' in page


async def test_versions_say_what_changed_and_an_old_one_is_brought_back(ada, town):
    await save(ada, 0, heartbeat_s="300", category="DP4")
    second = await save(ada, 1, heartbeat_s="600", alarms="9 = fall")
    said = _text(second.text)
    assert "Version 2 is in force" in said
    assert "Sign of life: 300 s → 600 s" in said
    assert "Alarm code 9: Fall" in said
    assert "Reporting time: 90 secs → None" in said
    back = await ada.post("/profiles/bring-back", data={**GT06, "version": "1"}, headers=HTMX)
    assert "Version 3 is in force" in _text(back.text)
    newest = await town.pool.fetchrow("SELECT * FROM profiles ORDER BY version DESC LIMIT 1")
    assert newest["settings"] == {"heartbeat_s": 300}
    assert (newest["category"], newest["reporting_time_s"]) == ("DP4", 90)
    assert newest["note"] == "Version 1 again"
    gone = await ada.post("/profiles/bring-back", data={**GT06, "version": "9"}, headers=HTMX)
    assert gone.status_code == 422


async def test_every_mistake_is_said_and_no_version_is_filed(ada, town):
    answer = await save(
        ada, 0, time_zone="Mars", reporting_time_s="5", category="SP3", note="a\x07b"
    )
    assert answer.status_code == 422
    said = _text(answer.text)
    assert "Mars is no time zone" in said
    assert "from 20 s to 32 days" in said
    assert "without control characters" in said
    assert (await save(ada, 0, category="XX")).status_code == 422
    assert await town.pool.fetchval("SELECT count(*) FROM profiles WHERE codec = 'gt06'") == 0


async def test_two_who_change_at_once_do_not_overwrite_each_other(ada):
    await save(ada, 0, heartbeat_s="300")
    late = await save(ada, 0, heartbeat_s="60")
    assert (late.status_code, "in the meantime" in late.text) == (422, True)


async def test_a_pasted_frame_is_shown_with_what_was_typed(ada):
    frame = Device("gt06", "356307042441013").frame(report(ago(5))).hex()
    form = {**GT06, "time_zone": "+08:00", "frames": frame}
    answer = await ada.post("/profiles/preview", data=form, headers=HTMX)
    assert "1 frame would mean something else." in answer.text
    nothing = await ada.post("/profiles/preview", data=GT06, headers=HTMX)
    assert "Paste at least one." in nothing.text


async def test_options_are_chosen_in_words(ada, town):
    form = {"codec": "scaip", "model": "", "version": "0", "option.reply": "inside"}
    saved = await ada.post(EDIT, data={**form, "option.any_sender": "no"})
    assert '<option value="inside" selected>Inside the 200 OK</option>' in saved.text
    settings = await town.pool.fetchval("SELECT settings FROM profiles WHERE codec = 'scaip'")
    assert settings == {"options": {"reply": "inside", "any_sender": False}}
    odd = await ada.post(EDIT, data={**form, "version": "1", "option.reply": "by pigeon"})
    assert "by pigeon cannot be chosen" in odd.text


async def test_operators_look_and_clients_do_not(web, ada):
    await save(ada, 0, heartbeat_s="300")
    an = await web.browser("an")
    page = await an.get(EDIT, params=GT06)
    assert "Sign of life 300 s This model" in _text(page.text)
    assert "<form" not in page.text.partition("<main")[2]
    for path in (EDIT, "/profiles/bring-back", "/profiles/preview"):
        assert (await an.post(path, data={**GT06, "version": "1"})).status_code == 422
    tom = await web.browser("tom")
    assert (await tom.get("/profiles")).status_code == 403
    assert (await tom.get(EDIT, params=GT06)).status_code == 403
    nobody = web.client()
    assert (await nobody.get("/profiles")).headers["location"] == "/sign-in"


async def test_every_protocol_has_a_form_with_all_its_options(ada):
    for codec in protocols.names():
        page = await ada.get(EDIT, params={"codec": codec})
        assert page.status_code == 200, codec
        for name in protocols.get(codec).options:
            assert f'name="option.{name}"' in page.text


async def test_a_protocol_that_nobody_speaks_has_none(ada):
    assert (await ada.get(EDIT, params={"codec": "morse"})).status_code == 404


@pytest.mark.parametrize("codec", protocols.names())
def test_every_option_is_explained_to_people(codec):
    unsaid = protocols.get(codec).options.keys() - options.ABOUT.keys()
    assert not unsaid - (options.PATHS.keys() if codec == "json_mqtt" else set())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_is_said_in_the_readers_language(ada, language):
    ada.cookies.set("language", language)
    page = (await ada.get("/profiles")).text
    assert {"nl": "Nieuw profiel", "fr": "Nouveau profil", "de": "Neues Profil"}.get(
        language, "New profile"
    ) in page


def _text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
