"""Pages of devices: the list that is searched, and the page of one with what it said."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

import protocols
from map_ui.app import add_pages
from map_ui.language import LANGUAGES
from map_ui.policy import CONTENT_SECURITY_POLICY
from protocols.codec import Peer
from protocols.message import CommandReply, Message
from tests.devices import Device, ago, report, sos
from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.settings import Settings

UNIT = "356307042441013"
HTMX = {"HX-Request": "true"}


@dataclass(frozen=True)
class Taxi:
    """A client with one van, its device, and a second device on nothing."""

    town: Town
    client: UUID
    van: UUID
    device: UUID

    async def said(self, *messages: Message, seconds: float = 10.0, codec: str = "gt06") -> None:
        """The device said these, in frames that came in one piece."""
        peer = Peer(unit_id=UNIT)
        for message in messages:
            await self.kept(protocols.get(codec).simulate(message, peer), seconds, codec)

    async def kept(self, payload: bytes, seconds: float = 10.0, codec: str = "gt06") -> None:
        """A gateway kept these bytes of it."""
        await self.town.pool.execute(
            "INSERT INTO frames (received_at, unit_id, codec, payload)"
            " VALUES (date_trunc('second', now()) - make_interval(secs => $1), $2, $3, $4)",
            seconds,
            UNIT,
            codec,
            payload,
        )


@pytest.fixture
async def taxi(pool) -> Taxi:
    town = await settle(pool)
    await add_person(pool, town.centre, "an", "operator")
    client = await town.add_client("Taxi")
    other = await town.add_client("Bakery")
    await add_person(pool, client, "tom", "client")
    van, _ = await town.add_asset(client, "Van <b>9</b>", plate="1-ABC-123")
    device = await town.add_device(client, UNIT, van)
    await town.add_device(other, "7026420081", None)
    await pool.execute("UPDATE devices SET phone = '+32470123456' WHERE id = $1", device)
    for days in (0, 1):
        await pool.execute("SELECT vigil_open_day(now()::date - $1::int)", days)
    return Taxi(town, client, van, device)


@pytest.fixture
async def web(settings: Settings, taxi: Taxi) -> AsyncIterator[Web]:
    async with open_web(settings) as opened:
        add_pages(opened.app)
        yield opened


@pytest.fixture
async def an(web: Web) -> httpx.AsyncClient:
    return await web.browser("an")


async def _frames(browser: httpx.AsyncClient, taxi: Taxi, **query: str) -> httpx.Response:
    return await browser.get(f"/devices/{taxi.device}/frames", params=query, headers=HTMX)


async def test_every_device_of_the_centre_is_listed_with_what_it_is_on(an, taxi):
    page = (await an.get("/devices")).text
    assert f'href="/devices/{taxi.device}"' in page
    assert "Van &lt;b&gt;9&lt;/b&gt;" in page
    assert "1-ABC-123" in page
    assert "7026420081" in page
    assert "2 toestellen" in page
    assert "Nooit gehoord" in page


@pytest.mark.parametrize(
    "query",
    [
        {"search": "1ABC123"},
        {"search": "0470 12 34 56"},
        {"search": "van"},
        {"search": "3563070"},
        {"use": "fitted"},
        {"codec": "gt06", "search": "taxi", "use": "fitted"},
    ],
)
async def test_a_search_answers_with_the_rows_alone(an, query):
    rows = (await an.get("/devices", params=query, headers=HTMX)).text
    assert "<html" not in rows
    assert ("356307042441013" in rows) == (query.get("search") != "taxi")
    assert "7026420081" not in rows
    assert 'id="device-count" hx-swap-oob="innerHTML"' in rows


async def test_free_and_retired_devices_are_listed_apart(an, taxi):
    await taxi.town.pool.execute("UPDATE devices SET retired_at = now() WHERE unit_id = $1", UNIT)
    free = (await an.get("/devices", params={"use": "free"}, headers=HTMX)).text
    assert "7026420081" in free
    assert UNIT not in free
    retired = (await an.get("/devices", params={"use": "retired"}, headers=HTMX)).text
    assert UNIT in retired
    assert "Buiten gebruik" in retired


async def test_a_long_list_goes_on_where_it_ended(an, taxi):
    for number in range(3):
        await taxi.town.add_device(taxi.client, f"90{number}", None)
    first = (await an.get("/devices", params={"limit": "2"})).text
    assert UNIT in first
    assert "902" not in first
    (more,) = re.findall(r'hx-get="(/devices\?[^"]+cursor[^"]+)"', first)
    rest = (await an.get(more.replace("&amp;", "&"), headers=HTMX)).text
    assert "902" in rest
    assert UNIT not in rest
    assert "device-count" not in rest


async def test_a_client_sees_only_its_own_devices(web, taxi):
    tom = await web.browser("tom")
    page = (await tom.get("/devices")).text
    assert UNIT in page
    assert "7026420081" not in page
    other = await taxi.town.pool.fetchval("SELECT id FROM devices WHERE unit_id = '7026420081'")
    assert (await tom.get(f"/devices/{other}")).status_code == 404
    assert (await tom.get(f"/devices/{other}/live", headers=HTMX)).status_code == 404


async def test_a_client_sees_its_device_but_not_what_it_said(web, taxi):
    await taxi.said(report(ago(20)))
    tom = await web.browser("tom")
    page = (await tom.get(f"/devices/{taxi.device}")).text
    assert "1-ABC-123" in page
    assert "/frames" not in page
    for part in ("frames", "answers"):
        answer = await tom.get(f"/devices/{taxi.device}/{part}", headers=HTMX)
        assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/devices", "/devices/{}"])
async def test_whoever_is_not_signed_in_is_sent_to_sign_in(web, taxi, path):
    answer = await web.client().get(path.format(taxi.device))
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("path", ["/devices", "/devices/{}/live", "/devices/{}/frames"])
async def test_a_part_of_a_page_is_for_who_is_signed_in(web, taxi, path):
    answer = await web.client().get(path.format(taxi.device), headers=HTMX)
    assert answer.status_code == 401


async def test_a_device_shows_where_its_asset_is_and_what_is_open(an, taxi):
    await taxi.town.raise_alarm(taxi.client, taxi.van, "power_cut", 3)
    assert "Nog geen positie" in (await an.get(f"/devices/{taxi.device}")).text
    await taxi.town.pool.execute(
        "INSERT INTO last_positions (asset_id, device_id, at, received_at, geom, valid, buffered,"
        " speed_kmh, course_deg) VALUES ($1, $2, $3, $3, ST_SetSRID(ST_MakePoint(4.7009, 50.8796),"
        " 4326), true, false, 43, 44)",
        taxi.van,
        taxi.device,
        ago(60),
    )
    page = (await an.get(f"/devices/{taxi.device}")).text
    assert "kanton Leuven, bij Leuven (België)" in page
    assert "50.87960, 4.70090" in page
    assert "43 km/h" in page
    assert "#icon-priority-3" in page
    assert "wacht om aangenomen te worden" in page


async def test_a_silent_device_says_since_when(an, taxi):
    await taxi.town.pool.execute(
        "INSERT INTO unit_sessions (unit_id, heard_at, silent_since)"
        " VALUES ($1, now() - interval '2 days', now() - interval '1 day')",
        UNIT,
    )
    live = (await an.get(f"/devices/{taxi.device}/live", headers=HTMX)).text
    assert 'data-state="silent"' in live
    assert "2 dagen geleden" in live
    assert "Zwijgt sinds" in live


async def test_a_frame_is_shown_in_bytes_with_its_meaning_beside_it(an, taxi):
    device = Device("gt06", UNIT)
    await taxi.kept(device.frame(sos(ago(30))))
    page = (await _frames(an, taxi)).text
    assert device.frame(sos(ago(30))).hex()[:8] in page
    assert '<span class="chip p1">SOS</span>' in page
    assert "kanton Brussel" in page
    assert "50.85000, 4.35000" in page
    assert "40 km/h" in page


async def test_what_cannot_be_read_is_shown_with_the_reason(an, taxi):
    await taxi.kept(b"78 is no frame")
    page = (await _frames(an, taxi)).text
    assert "Het kon niet worden gelezen." in page
    assert "78 is no frame" in page


async def test_older_frames_are_read_on_without_a_gap(an, taxi):
    """Also where the end of a page falls between frames that came in one piece."""
    for number in range(24):
        await taxi.kept(b"text %02d" % number, seconds=100.0 - number // 4)
    first = (await _frames(an, taxi)).text
    (older,) = re.findall(r'hx-get="([^"]+before=[^"]+)"', first)
    second = (await an.get(older.replace("&amp;", "&"), headers=HTMX)).text
    seen = [re.findall(r"text (\d\d)", page) for page in (first, second)]
    assert sorted(set(seen[0] + seen[1])) == [f"{number:02}" for number in range(24)]
    assert not set(seen[0]) & set(seen[1])
    assert "frames-news" not in second


async def test_what_was_said_since_is_put_before_the_rest(an, taxi):
    await taxi.kept(b"the first", seconds=60)
    first = (await _frames(an, taxi)).text
    (news,) = re.findall(r'hx-get="([^"]+after=[^"]+)"', first)
    assert (await an.get(news, headers=HTMX)).status_code == 204
    await taxi.kept(b"the second", seconds=30)
    more = (await an.get(news, headers=HTMX)).text
    assert "the second" in more
    assert "the first" not in more
    (newer,) = re.findall(r'hx-get="([^"]+after=[^"]+)"', more)
    assert (await an.get(newer, headers=HTMX)).status_code == 204


async def test_that_frames_of_a_person_were_looked_at_is_written_down(an, taxi):
    await taxi.town.pool.execute("UPDATE assets SET kind = 'senior' WHERE id = $1", taxi.van)
    await taxi.said(report(ago(20)))
    await _frames(an, taxi)
    reads = await taxi.town.pool.fetch("SELECT asset_id, what FROM location_reads")
    assert [tuple(row) for row in reads] == [(taxi.van, "frames")]


async def test_commands_are_named_and_none_can_be_sent(an, taxi):
    page = (await an.get(f"/devices/{taxi.device}")).text
    assert "ondertekende bevelen" in page
    assert "Eén keer zeggen waar het is" in page
    assert not re.findall(r"hx-post|hx-put", page.partition('id="commands-title"')[2][:3000])


async def test_answers_to_commands_are_found_in_its_frames(an, taxi):
    where = f"/devices/{taxi.device}/answers"
    assert "niets bewaard" in (await an.get(where, headers=HTMX)).text
    await taxi.said(report(ago(20)), seconds=60)
    assert "laatste bericht" in (await an.get(where, headers=HTMX)).text
    await taxi.said(CommandReply(text="RELAY:<b>ON"))
    assert "RELAY:&lt;b&gt;ON" in (await an.get(where, headers=HTMX)).text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_device_is_shown_in_every_language(an, taxi, language):
    said = {"nl": "Opdrachten", "fr": "Commandes", "de": "Befehle", "en": "Commands"}
    an.cookies.set("language", language)
    page = (await an.get(f"/devices/{taxi.device}")).text
    assert f">{said[language]}</h3>" in page


@pytest.mark.parametrize("path", ["/devices", "/devices/{}"])
async def test_a_page_runs_only_our_own_scripts(an, taxi, path):
    answer = await an.get(path.format(taxi.device))
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert not re.findall(r"<script(?![^>]*\ssrc=)|\s(?:style|on\w+)=|<style", answer.text)
    for loaded in re.findall(r'"(/static/[^"]+)"', answer.text):
        assert (await an.get(loaded)).status_code == 200, loaded
