"""The page of unknown units: one click makes a device and an asset of one."""

from collections.abc import AsyncIterator

import pytest

from map_ui.app import add_pages
from tests.devices import Device, ago, report
from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.database import Pool
from tracking.settings import Settings

UNIT = "3590000000000<b>7"


@pytest.fixture
async def town(pool: Pool) -> Town:
    town = await settle(pool)
    await add_person(pool, town.centre, "an", "operator")
    await pool.execute(
        "INSERT INTO unknown_units (unit_id, codec, address, frames) VALUES"
        " ($1, 'watch', '203.0.113.7', 12)",
        UNIT,
    )
    return town


@pytest.fixture
async def web(settings: Settings, town: Town) -> AsyncIterator[Web]:
    async with open_web(settings) as opened:
        add_pages(opened.app)
        yield opened


async def _form(town: Town, **others: object) -> dict[str, str]:
    client = await town.add_client("Zorgnet")
    said = {"row": 1, "unit_id": UNIT, "name": "Mevr. Els", "kind": "senior"}
    return {key: str(value) for key, value in {**said, "organisation_id": client, **others}.items()}


async def test_a_unit_is_listed_with_a_form_that_guesses_what_it_protects(web):
    an = await web.browser("an")
    page = (await an.get("/quarantine")).text
    assert "3590000000000&lt;b&gt;7" in page
    assert '<option value="senior" selected>' in page


async def test_one_click_makes_a_device_on_an_asset_of_the_client(web, town, pool):
    an = await web.browser("an")
    answer = await an.post("/quarantine/register", data=await _form(town))
    assert answer.status_code == 200
    assert "Mevr. Els" in answer.text
    row = await pool.fetchrow(
        "SELECT d.kind, d.codec, a.name, a.kind AS protects FROM devices d"
        " JOIN fitments f ON f.device_id = d.id JOIN assets a ON a.id = f.asset_id"
        " WHERE d.unit_id = $1",
        UNIT,
    )
    assert tuple(row) == ("panic_device", "watch", "Mevr. Els", "senior")
    assert UNIT not in (await an.get("/quarantine")).text


async def test_a_refusal_says_why_and_leaves_the_button(web, town):
    an = await web.browser("an")
    form = await _form(town)
    await an.post("/quarantine/register", data=form)
    again = await an.post("/quarantine/register", data=form)
    assert again.status_code == 422
    assert "<button" in again.text
    assert '<p class="problem">' in again.text


async def test_a_name_of_nothing_is_refused(web, town, pool):
    an = await web.browser("an")
    answer = await an.post("/quarantine/register", data=await _form(town, name="  "))
    assert answer.status_code == 422
    assert await pool.fetchval("SELECT count(*) FROM devices WHERE unit_id = $1", UNIT) == 0


async def test_a_forged_request_registers_nothing(web, town):
    an = await web.browser("an")
    del an.headers["X-CSRF-Token"]
    assert (await an.post("/quarantine/register", data=await _form(town))).status_code == 403


async def test_units_that_appear_later_are_announced(web, pool):
    an = await web.browser("an")
    since = {"since": "2026-01-01T00:00:00Z"}
    assert "/quarantine" in (await an.get("/quarantine/news", params=since)).text
    newest = await pool.fetchval("SELECT max(first_seen_at) FROM unknown_units")
    seen = {"since": newest.isoformat()}
    assert (await an.get("/quarantine/news", params=seen)).text.strip() == ""


async def test_a_client_does_not_see_unknown_units(web, town, pool):
    client = await town.add_client("Taxi")
    await add_person(pool, client, "tom", "client")
    tom = await web.browser("tom")
    answer = await tom.get("/quarantine")
    assert answer.status_code == 403
    assert UNIT[:12] not in answer.text


async def test_whoever_is_not_signed_in_is_sent_to_sign_in(web):
    answer = await web.client().get("/quarantine")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        ({}, "whose port is 5027"),
        ({"device_port_offset": 30_000}, "whose port is 35027"),
        ({"device_port_offset": 30_000, "device_ports": {"teltonika": 5099}}, "port is 5099"),
        ({"device_ports": {"teltonika": -1}}, "which is switched off here"),
        ({"device_ports": {"teltonika": 0}}, "Looks like teltonika."),
    ],
)
async def test_what_came_to_the_wrong_port_is_named_with_the_right_one(
    settings, town, pool, ports, said
):
    frame = Device("teltonika", "356307042441013").frame(report(ago(20)))
    await pool.execute(
        "INSERT INTO quarantined_frames (received_at, unit_id, codec, address, reason, payload)"
        " VALUES (now(), '', 'gt06', '203.0.113.9', 'no frame starts here', $1)",
        frame,
    )
    async with open_web(settings.model_copy(update={"device_ports": {}, **ports})) as web:
        add_pages(web.app)
        an = await web.browser("an")
        an.cookies.set("language", "en")
        page = (await an.get("/quarantine")).text
    assert said in page
    assert "203.0.113.9" in page
    assert frame[:4].hex() in page
    assert "no frame starts here" in page


async def test_what_nobody_can_read_is_not_guessed_at(web, pool):
    await pool.execute(
        "INSERT INTO quarantined_frames (received_at, unit_id, codec, address, reason, payload)"
        " VALUES (now(), '', 'gt06', '203.0.113.9', 'no frame', $1)",
        b"SSH-2.0-OpenSSH_9.2",
    )
    an = await web.browser("an")
    page = (await an.get("/quarantine")).text
    assert "Geen van onze protocollen" in page
    assert "SSH-2.0-OpenSSH_9.2" in page


async def test_when_everything_could_be_read_the_page_says_so(web):
    an = await web.browser("an")
    assert "Alles wat kwam kon worden gelezen." in (await an.get("/quarantine")).text
