"""Rules as pages: their list, writing one, its versions, and what would have been noticed."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from geofence import kinds
from map_ui.app import add_pages
from map_ui.ready_rules import READY
from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.database import Pool
from tracking.settings import Settings

HTMX = {"HX-Request": "true"}
MOVING = {"w.kind": "moving", "severity": "3", "told": "desk", "name": "Moves"}


@pytest.fixture
async def town(pool: Pool) -> Town:
    town = await settle(pool)
    town.taxi = await town.add_client("Taxi")  # type: ignore[attr-defined]
    town.bakery = await town.add_client("Bakery")  # type: ignore[attr-defined]
    await add_person(pool, town.centre, "sam", "supervisor", name="Sam")
    await add_person(pool, town.centre, "an", "operator")
    await add_person(pool, town.taxi, "tom", "client")  # type: ignore[attr-defined]
    await pool.execute("UPDATE people SET language = 'en'")
    return town


@pytest.fixture
async def web(settings: Settings, town: Town) -> AsyncIterator[Web]:
    async with open_web(settings) as opened:
        add_pages(opened.app)
        yield opened


@pytest.fixture
async def sam(web: Web) -> httpx.AsyncClient:
    return await web.browser("sam")


async def save(browser: httpx.AsyncClient, town: Town, **said: object) -> httpx.Response:
    form = {**MOVING, "organisation_id": str(town.centre), "enabled": "yes", **said}
    return await browser.post("/rules/save", data=form, headers=HTMX)


def id_of(saved: httpx.Response) -> str:
    assert saved.status_code == 204, saved.text
    return saved.headers["HX-Redirect"].removeprefix("/rules/").partition("?")[0]


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


async def test_a_rule_is_saved_listed_as_a_sentence_and_switched_off(sam, town):
    rule = id_of(await save(sam, town))
    page = text((await sam.get("/rules")).text)
    assert "When anything that we follow moves, an operator is called with priority 3 ." in page
    assert "0 events in 7 days" in page
    off = await sam.post(f"/rules/{rule}/switch", data={"enabled": "no"}, headers=HTMX)
    assert 'aria-checked="false"' in off.text
    enabled = "SELECT enabled FROM rules_in_force WHERE id = $1"
    assert await town.pool.fetchval(enabled, UUID(rule)) is False


async def test_the_list_is_narrowed_by_words_kind_owner_state_and_asset(sam, town):
    van, _ = await town.add_asset(town.taxi, "Cab 1")
    await save(sam, town)
    own = {"organisation_id": str(town.taxi), "name": "Cabs", "w.kind": "towed"}
    await save(sam, town, **own, enabled="no")
    await save(sam, town, name="People", kinds="senior")

    async def found(**asked: str) -> list[str]:
        answer = await sam.get("/rules", params=asked, headers=HTMX)
        return re.findall(r'<a href="/rules/[^"#]+">([^<]+)</a>', answer.text)

    assert await found() == ["Cabs", "Moves", "People"]
    assert await found(search="peo") == ["People"]
    assert await found(kind="towed") == ["Cabs"]
    assert await found(organisation_id=str(town.taxi)) == ["Cabs"]
    assert await found(on="off") == ["Cabs"]
    assert await found(on="failing") == []
    assert await found(asset_id=str(van)) == ["Cabs", "Moves"]


async def test_the_sentence_follows_what_is_typed_and_parts_come_and_go(sam, town):
    zone = await town.add_zone(town.centre, "Depot <b>North</b>")
    form = {
        "w.kind": "outside",
        "w.f.zones.add": "Depot <b>North</b> · Centre",
        "kinds": "vehicle",
        "severity": "2",
        "told": ["desk", "client"],
        "for": "2",
        "for.unit": "min",
        "do": "and:w",
    }
    parts = await sam.post("/rules/parts", data=form, headers=HTMX)
    assert parts.status_code == 200
    assert f'name="w.0.f.zones" value="{zone}"' in parts.text
    assert 'name="w.parts" value="2"' in parts.text
    assert "<b>North" not in parts.text
    said = await sam.post("/rules/sentence", data={**form, "w.f.zones": str(zone)}, headers=HTMX)
    assert "When a vehicle is outside Depot &lt;b&gt;North&lt;/b&gt; , for 2 minutes" in text(
        said.text
    ).replace("strong", "")


async def test_names_that_fit_nothing_or_several_are_said_at_their_field(sam, town):
    for owner in (town.taxi, town.bakery):
        await town.add_zone(owner, "Yard")
    for typed, problem in (("Nowhere", "nothing called Nowhere"), ("yard", "Several are called")):
        form = {"w.kind": "inside", "w.f.zones.add": typed}
        answer = await sam.post("/rules/parts", data=form, headers=HTMX)
        place = re.search(r'id="problem-w.f.zones"[^>]*>([^<]+)<', answer.text)
        assert place is not None
        assert problem in place[1]
        assert f'value="{typed}"' in answer.text
    offered = await sam.get("/rules/names", params={"what": "zones", "search": "ya"})
    assert offered.json() == ["Yard · Bakery", "Yard · Taxi"]


async def test_every_mistake_is_said_and_nothing_is_filed(sam, town):
    said = {"w.kind": "inside", "name": " ", "for": "soon"}
    answer = await save(sam, town, **said)
    assert answer.status_code == 422
    for field in ("w.f.zones", "name", "for"):
        assert f'href="#field-{field}"' in answer.text
    moment = await save(sam, town, **{"w.kind": "crashed", "for": "3"})
    assert 'href="#field-for"' in moment.text
    fact = await save(sam, town, **{"messages.en": "{secret} moves"})
    assert 'href="#field-messages.en"' in fact.text
    limit = {
        "w.kind": "all",
        "w.parts": "2",
        "w.0.kind": "moving",
        "w.1.kind": "overspeed",
        "w.1.f.limit_kmh": "4000",
    }
    assert 'href="#field-w.1.kind"' in (await save(sam, town, **limit)).text
    assert await town.pool.fetchval("SELECT count(*) FROM rules") == 0


async def test_versions_say_what_changed_and_an_old_one_is_brought_back(sam, town):
    rule = id_of(await save(sam, town))
    same = {"rule_id": rule, "version": "1"}
    await save(sam, town, **same, name="Goes", severity="1", note="At night too")
    page = text((await sam.get(f"/rules/{rule}?saved=2")).text)
    assert "Version 2 is in force." in page
    assert "Name: Moves → Goes" in page
    assert "with priority 3 → an operator is called with priority 1" in page
    late = await save(sam, town, **same)
    assert (late.status_code, "Somebody changed this rule" in late.text) == (422, True)
    back = await sam.post(f"/rules/{rule}/bring-back", data={"version": "1"}, headers=HTMX)
    assert back.headers["HX-Redirect"] == f"/rules/{rule}?saved=3"
    newest = await town.pool.fetchrow("SELECT * FROM rules_in_force")
    assert (newest["name"], newest["severity"], newest["note"]) == ("Moves", 3, "Version 1 again")
    gone = await sam.post(f"/rules/{rule}/bring-back", data={"version": "9"}, headers=HTMX)
    assert gone.status_code == 422


async def test_a_rule_that_fails_shows_what_broke_it(sam, town):
    rule = id_of(await save(sam, town))
    await town.pool.execute(
        "INSERT INTO rule_failures (rule_id, rule_version, error, input)"
        " VALUES ($1, 1, 'ZeroDivisionError: division by zero', '{\"speed\": 0}')",
        UUID(rule),
    )
    assert "Failing" in text((await sam.get("/rules")).text)
    page = (await sam.get(f"/rules/{rule}")).text
    assert "ZeroDivisionError: division by zero" in page
    assert "&#34;speed&#34;: 0" in page


async def test_clients_write_about_what_is_theirs_and_see_nothing_of_the_centre(web, sam, town):
    centres = id_of(await save(sam, town))
    tom = await web.browser("tom")
    assert "No rule that you may see fits." in text((await tom.get("/rules")).text)
    assert (await tom.get(f"/rules/{centres}")).status_code == 404
    own = id_of(await save(tom, town, organisation_id=str(town.taxi), name="Ours"))
    page = (await tom.get(f"/rules/{own}")).text
    assert 'value="Ours"' in page
    assert 'name="scope.organisations.add"' not in page
    foreign = await save(tom, town, organisation_id=str(town.bakery))
    assert foreign.status_code == 422
    assert await town.pool.fetchval("SELECT count(*) FROM rules") == 2


async def test_operators_look_and_nobody_who_is_not_signed_in_does(web, sam, town):
    rule = id_of(await save(sam, town))
    an = await web.browser("an")
    page = (await an.get(f"/rules/{rule}")).text
    assert "an operator is called with priority" in page
    assert 'id="rule-form"' not in page
    assert "New rule" not in text((await an.get("/rules")).text)
    assert (await an.get("/rules/new")).status_code == 403
    assert (await save(an, town)).status_code == 422
    nobody = web.client()
    for path in ("/rules", "/rules/new", "/rules/ready", f"/rules/{rule}", "/rules/noise"):
        assert (await nobody.get(path)).headers["location"] == "/sign-in"


async def test_every_ready_rule_opens_and_asks_what_there_is(sam):
    gallery = (await sam.get("/rules/ready")).text
    for name, ready in READY.items():
        assert f"ready={name}" in gallery
        page = await sam.get("/rules/new", params={"ready": name})
        assert page.status_code == 200
        assert f'value="{ready.severity}" checked' in page.text


async def test_every_kind_has_a_form_with_all_its_settings(sam):
    for kind in kinds.names():
        answer = await sam.post("/rules/parts", data={"w.kind": kind}, headers=HTMX)
        assert answer.status_code == 200, kind
        assert f'<option value="{kind}" selected>' in answer.text


async def test_a_rule_is_tried_on_what_was_stored(sam, town):
    form = {**MOVING, "organisation_id": str(town.centre), "days": "1"}
    started = await sam.post("/rules/preview", data=form, headers=HTMX)
    assert started.status_code == 200, started.text
    preview = await town.pool.fetchval("SELECT id FROM previews")
    ended = f"/rules/previews/{preview}/cancel"
    assert "Nothing would have been noticed." in text((await sam.post(ended)).text)
    places = (await sam.get(f"/rules/previews/{preview}/places")).json()
    assert places == {"type": "FeatureCollection", "features": []}
    wrong = await sam.post("/rules/preview", data={**form, "w.kind": ""}, headers=HTMX)
    assert 'href="#field-w.kind"' in wrong.text


async def test_noise_is_counted_and_a_quieter_number_opens_in_the_form(sam, town):
    page = text((await sam.get("/rules/noise")).text)
    assert "No rule has rung." in page
    rule = id_of(await save(sam, town, **{"w.kind": "overspeed", "w.f.limit_kmh": "90"}))
    query = {"change": "setting.limit_kmh", "to": "99"}
    form = (await sam.get(f"/rules/{rule}", params=query)).text
    assert re.search(r'name="w.f.limit_kmh"[^>]*value="99"', form)
    for odd in ("setting.secret", "setting.of.9.x", "name", "for_s.x", "setting"):
        same = (await sam.get(f"/rules/{rule}", params={"change": odd, "to": "9"})).text
        assert re.search(r'name="w.f.limit_kmh"[^>]*value="90"', same)
    odd = await sam.post("/rules/noise", data={"rule_id": "x"}, headers=HTMX)
    assert odd.status_code == 422
