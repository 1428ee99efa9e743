"""Who may set devices up, what is refused, and what a frame would mean with it."""

from typing import Any

import httpx
import pytest

from protocols.settings import settings_from
from tests.devices import Device, ago, report
from tests.tracking.town import Town
from tests.tracking.web import Web
from tracking.gateway.directory import Directory
from tracking.profiles import store
from tracking.profiles.known import KNOWN
from tracking.profiles.profile import NewProfile
from tracking.profiles.service import checked
from tracking.settings import Settings


@pytest.fixture
async def administrator(web: Web, town: Town) -> httpx.AsyncClient:
    _, token = await town.add_person("Ada", role="administrator")
    client = web.client(token=token)
    client.base_url = client.base_url.join("/api/v1")
    return client


async def file_profile(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await client.post("/profiles", json={"codec": "gt06", "model": "GT06N", **said})
    assert answer.status_code == 201, answer.text
    filed: dict[str, Any] = answer.json()
    return filed


async def test_every_change_is_a_version_and_the_newest_is_in_force(
    administrator: httpx.AsyncClient,
):
    await file_profile(administrator, settings={"heartbeat_s": 300}, note="As delivered")
    second = await file_profile(administrator, settings={"heartbeat_s": 600})
    assert (second["version"], second["model"], second["created_by"]) == (2, "gt06n", "Ada")
    (in_force,) = (await administrator.get("/profiles")).json()
    assert in_force["settings"] == {"heartbeat_s": 600}
    query = {"codec": "gt06", "model": "GT06N"}
    versions = (await administrator.get("/profiles/versions", params=query)).json()
    assert [one["version"] for one in versions] == [2, 1]
    assert versions[1]["note"] == "As delivered"


async def test_a_category_stands_for_its_reporting_time(
    administrator: httpx.AsyncClient, settings: Settings
):
    filed = await file_profile(administrator, category="DP4")
    assert filed["reporting_time_s"] == settings.category_times_s["DP4"] == 90
    own = await file_profile(administrator, category="DP4", reporting_time_s=120)
    assert own["reporting_time_s"] == 120


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"settings": {"time_zone": "Mars/Olympus"}}, "no time zone"),
        ({"settings": {"panic_inputs": [0]}}, "from 1"),
        ({"settings": {"alarms": {"120": ["scream"]}}}, "signals are"),
        ({"settings": {"colour": "red"}}, "no such setting"),
        ({"settings": {"options": {"turbo": True}}}, "no option turbo"),
        ({"settings": {"secret": "00"}}, "said of a device"),
        ({"codec": "morse"}, "do not speak morse"),
        ({"category": "SP9"}, "no category"),
        ({"settings": {"heartbeat_s": -1}}, "seconds"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    administrator: httpx.AsyncClient, said: dict[str, Any], words: str
):
    answer = await administrator.post("/profiles", json={"codec": "gt06", **said})
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


async def test_a_secret_is_set_and_never_told(
    administrator: httpx.AsyncClient, town: Town, settings: Settings
):
    client = await town.add_client("Bakery")
    device = await town.add_device(client, "unit-1", None)
    setup = f"/devices/{device}/setup"
    assert (await administrator.get(setup)).json()["secret_set_at"] is None
    answer = await administrator.put(setup, json={"secret": "000102030405060708090a0b0c0d0e0f"})
    assert answer.json()["secret_set_at"]
    kept = await administrator.put(setup, json={"settings": {"heartbeat_s": 60}})
    assert kept.json()["secret_set_at"] == answer.json()["secret_set_at"]
    assert "0001020304" not in answer.text + kept.text
    async with town.pool.acquire() as connection:
        found = await store.settings_of_units(connection, ["unit-1"])
    assert found["unit-1"].secret.startswith("000102")
    gone = await administrator.put(setup, json={"secret": ""})
    assert gone.json()["secret_set_at"] is None
    assert gone.json()["of_unit"] == {}
    assert Directory(settings).of("unit-1") is None


async def test_a_frame_is_understood_anew_with_other_settings(administrator: httpx.AsyncClient):
    device = Device("teltonika", "356938035643809")
    frame = device.frame(report(ago(5))).hex()
    asked = {"codec": "teltonika", "unit_id": "356938035643809", "frames": [frame]}
    answer = (await administrator.post("/profiles/preview", json=asked)).json()
    (meaning,) = answer["frames"]
    assert [said["type"] for said in meaning["messages"]] == ["Report"]
    wrong = await administrator.post(
        "/profiles/preview", json={**asked, "settings": {"time_zone": "nowhere"}}
    )
    assert wrong.status_code == 422


async def test_the_last_frames_of_a_device_are_shown_with_their_meaning(
    administrator: httpx.AsyncClient, town: Town
):
    client = await town.add_client("Bakery")
    asset, _ = await town.add_asset(client, "Jan", kind="lone_worker")
    unit_id = "356938035643809"
    device_id = await town.add_device(client, unit_id, asset)
    device = Device("teltonika", unit_id)
    for days in (0, 1):
        await town.pool.execute("SELECT vigil_open_day(now()::date - $1::int)", days)
    for seconds in (20, 10):
        await town.pool.execute(
            "INSERT INTO frames (received_at, unit_id, codec, payload)"
            " VALUES (now() - make_interval(secs => $1), $2, 'teltonika', $3)",
            float(seconds),
            unit_id,
            device.frame(report(ago(seconds))),
        )
    frames = (await administrator.get(f"/devices/{device_id}/frames")).json()
    assert len(frames) == 2
    assert frames[0]["received_at"] > frames[1]["received_at"]
    assert all(one["meaning"]["messages"][0]["fix"] for one in frames)
    reads = await town.pool.fetch("SELECT asset_id, what FROM location_reads")
    assert [tuple(row) for row in reads] == [(asset, "frames")]
    older = await administrator.get(
        f"/devices/{device_id}/frames", params={"before": frames[0]["received_at"]}
    )
    assert [one["hex"] for one in older.json()] == [frames[1]["hex"]]


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: f"{known.codec} {known.model}")
def test_what_is_known_from_the_start_can_be_set(known: NewProfile):
    assert checked(known.settings, codec=known.codec) == known.settings
    assert known.model == known.model.lower()


async def test_what_an_older_vigil_stored_keeps_nobody_from_being_heard(town: Town):
    client = await town.add_client("Bakery")
    device = await town.add_device(client, "unit-1", None)
    await town.pool.execute(
        "UPDATE devices SET settings = $2 WHERE id = $1", device, {"colour": "red"}
    )
    async with town.pool.acquire() as connection:
        found = await store.settings_of_units(connection, ["unit-1"])
    assert found == {"unit-1": settings_from({})}
