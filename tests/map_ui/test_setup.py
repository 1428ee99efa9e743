"""How a device is set up: what is in force, changing it, and what its frames would mean then."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

import protocols
from map_ui.app import add_pages
from map_ui.language import LANGUAGES
from protocols.codec import Peer
from protocols.message import Report
from tests.devices import Device, ago, report
from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.database import Pool
from tracking.settings import Settings

UNIT = "356307042441013"
HTMX = {"HX-Request": "true"}


@dataclass(frozen=True)
class Van:
    """A van with a GT06 in it, whose clock is an hour ahead of what the protocol prescribes."""

    town: Town
    device: UUID

    @property
    def setup(self) -> str:
        return f"/devices/{self.device}/setup"

    async def says(self, said: Report) -> None:
        frame = protocols.get("gt06").simulate(said, Peer(unit_id=UNIT))
        await self.town.pool.execute(
            "INSERT INTO frames (received_at, unit_id, codec, payload)"
            " VALUES (now() - interval '5 s', $1, 'gt06', $2)",
            UNIT,
            frame,
        )


@pytest.fixture
async def van(pool: Pool) -> Van:
    town = await settle(pool)
    await add_person(pool, town.centre, "ada", "administrator")
    await add_person(pool, town.centre, "an", "operator")
    client = await town.add_client("Taxi")
    await add_person(pool, client, "tom", "client")
    asset, _ = await town.add_asset(client, "Van 9")
    device = await town.add_device(client, UNIT, asset)
    await pool.execute("UPDATE people SET language = 'en'")
    await pool.execute("SELECT vigil_open_day(now()::date)")
    await pool.execute("UPDATE devices SET model = 'GT06N' WHERE id = $1", device)
    return Van(town, device)


@pytest.fixture
async def web(settings: Settings, van: Van) -> AsyncIterator[Web]:
    async with open_web(settings) as opened:
        add_pages(opened.app)
        yield opened


@pytest.fixture
async def ada(web: Web) -> httpx.AsyncClient:
    return await web.browser("ada")


async def typed(browser: httpx.AsyncClient, path: str, **said: str) -> dict[str, str]:
    """The form as the page gives it, with what somebody types."""
    page = (await browser.get(path)).text
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen
    return {"seen": seen[1], **{name.replace("__", "."): text for name, text in said.items()}}


async def stored(van: Van) -> Mapping[str, object]:
    settings: Mapping[str, object] = await van.town.pool.fetchval(
        "SELECT settings FROM devices WHERE id = $1", van.device
    )
    return settings


async def test_each_setting_says_where_it_comes_from(ada, van):
    profile = {"codec": "gt06", "settings": {"time_zone": "+08:00", "heartbeat_s": 300}}
    for said in (profile, {**profile, "model": "GT06N", "settings": {"panic_inputs": [2]}}):
        assert (await ada.post("/api/v1/profiles", json=said)).status_code == 201
    await ada.put(f"/api/v1{van.setup}", json={"settings": {"alarms": {"9": ["fall"]}}})
    rows = dict(_rows((await ada.get(van.setup)).text))
    assert rows["Time zone of its clock"] == "+08:00 All models of gt06"
    assert rows["Panic inputs"] == "2 Its model, GT06N"
    assert rows["Alarm code 9"] == "Fall This unit"
    assert rows["Columns"] == "As usual"
    assert rows["Secret"] == "None"


async def test_what_is_typed_is_what_is_set(ada, van):
    form = await typed(
        ada,
        van.setup,
        time_zone="+08:00",
        panic_inputs="2, 1 2",
        columns="",
        heartbeat_s="180",
        alarms="120 = fall, SOS\n\n7 =\n",
    )
    answer = await ada.post(van.setup, data=form, headers=HTMX)
    assert answer.status_code == 200
    assert "Saved" in answer.text
    assert await stored(van) == {
        "time_zone": "+08:00",
        "panic_inputs": [1, 2],
        "heartbeat_s": 180,
        "alarms": {"120": ["fall", "panic"], "7": []},
    }
    assert "7 = \n120 = fall, panic" in answer.text


async def test_every_mistake_is_said_and_nothing_is_saved(ada, van):
    form = await typed(
        ada,
        van.setup,
        time_zone="Mars/Olympus",
        panic_inputs="2, many",
        heartbeat_s="soon",
        alarms="120 = scream",
        secret="with spaces in it",
        frames="ab cd\nxyz",
    )
    for path in (van.setup, f"{van.setup}/preview"):
        answer = await ada.post(path, data=form, headers=HTMX)
        assert answer.status_code == 422
        for words in ("Mars/Olympus is no time zone", "numbers of the inputs", "seconds"):
            assert words in answer.text
        assert "scream is no signal" in answer.text
        # Only what is wrong comes back: the form stays as it is, with what was typed.
        assert "<form" not in answer.text
        assert "with spaces" not in answer.text
    assert "xyz is not hexadecimal" in answer.text
    assert await stored(van) == {}


async def test_a_unit_can_have_none_of_what_its_model_has(ada, van):
    profile = {"codec": "gt06", "model": "gt06n", "settings": {"panic_inputs": [2]}}
    await ada.post("/api/v1/profiles", json=profile)
    form = await typed(ada, van.setup, none__panic_inputs="yes")
    answer = await ada.post(van.setup, data=form)
    assert dict(_rows(answer.text))["Panic inputs"] == "None This unit"
    assert 'name="none.panic_inputs" value="yes" checked' in answer.text
    both = await ada.post(
        van.setup, data=await typed(ada, van.setup, none__panic_inputs="yes", panic_inputs="1")
    )
    assert "not both" in both.text


async def test_a_secret_is_set_replaced_and_removed_and_never_shown(ada, van):
    secret = "0123456789abcdef"
    answer = await ada.post(van.setup, data=await typed(ada, van.setup, secret=secret))
    assert dict(_rows(answer.text))["Secret"].startswith("Set since")
    assert secret not in answer.text
    kept = await ada.post(van.setup, data=await typed(ada, van.setup, secret=""))
    assert dict(_rows(kept.text))["Secret"].startswith("Set since")
    gone = await ada.post(van.setup, data=await typed(ada, van.setup, secret_removed="yes"))
    assert dict(_rows(gone.text))["Secret"] == "None"
    assert await van.town.pool.fetchval("SELECT count(*) FROM device_secrets") == 0


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(ada, van):
    form = await typed(ada, van.setup, heartbeat_s="60")
    await ada.put(f"/api/v1{van.setup}", json={"settings": {"heartbeat_s": 90}})
    answer = await ada.post(van.setup, data=form)
    assert (answer.status_code, "in the meantime" in answer.text) == (422, True)
    assert await stored(van) == {"heartbeat_s": 90}


async def test_the_last_frames_are_shown_as_they_are_and_as_they_would_be(ada, van):
    await van.says(report(ago(5)))
    form = await typed(ada, van.setup, time_zone="+01:00")
    answer = await ada.post(f"{van.setup}/preview", data=form, headers=HTMX)
    assert answer.status_code == 200
    assert "1 frame would mean something else." in answer.text
    differing = re.findall(r'<tr class="differs">\s*<th scope="row">(\w+)', answer.text)
    assert differing == ["Time"]
    assert await stored(van) == {}
    same = await ada.post(f"{van.setup}/preview", data=await typed(ada, van.setup), headers=HTMX)
    assert "Every frame would mean the same." in same.text


async def test_a_pasted_frame_is_shown_with_what_was_typed(ada, van):
    frame = Device("gt06", UNIT).frame(report(ago(5))).hex(" ")
    form = await typed(ada, van.setup, time_zone="Asia/Tokyo", frames=f"\n{frame}\n")
    answer = await ada.post(f"{van.setup}/preview", data=form, headers=HTMX)
    assert "1 frame would mean something else." in answer.text


async def test_operators_look_and_clients_do_not(web, van):
    an = await web.browser("an")
    page = await an.get(van.setup)
    assert page.status_code == 200
    assert "<form" not in page.text
    for path in (van.setup, f"{van.setup}/preview"):
        refused = await an.post(path, data={"time_zone": "+01:00"}, headers=HTMX)
        assert refused.status_code == 422
        assert "administrator" in refused.text
    assert await stored(van) == {}
    tom = await web.browser("tom")
    assert (await tom.get(van.setup, headers=HTMX)).status_code == 403
    assert (
        'hx-get="/devices/' + str(van.device) + "/setup"
        not in (await tom.get(f"/devices/{van.device}")).text
    )


async def test_the_page_of_a_device_brings_its_setup_in(ada, van):
    assert f'hx-get="{van.setup}"' in (await ada.get(f"/devices/{van.device}")).text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_is_said_in_the_readers_language(ada, van, language):
    ada.cookies.set("language", language)
    page = (await ada.get(van.setup)).text
    titles = {"nl": "Paniekingangen", "fr": "Entrées de panique", "de": "Paniktasten-Eingänge"}
    assert titles.get(language, "Panic inputs") in page


def _rows(page: str) -> list[tuple[str, str]]:
    """Label and the rest of every row of the table, as they are read."""
    rows = re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', page, re.DOTALL)
    return [(_text(label), _text(rest)) for label, rest in rows]


def _text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>|\u2013", " ", html).split())
