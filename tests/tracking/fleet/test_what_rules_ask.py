"""Groups, tags, limits and hours: what rules ask of an asset, by hand and from a file."""

from typing import Any

import httpx
import pytest

from tests.tracking.town import Town
from tracking.database import Pool

ASSETS = "/api/v1/assets"
HOURS = {"weekly": {"mon": ["07:00-19:00"]}}


@pytest.fixture
async def truck(supervisor: httpx.AsyncClient, town: Town) -> dict[str, Any]:
    client = await town.add_client("Ardenne")
    said = {
        "organisation_id": str(client),
        "kind": "vehicle",
        "name": "Truck 14",
        "group": "Night shift",
        "tags": ["night", "airport", "night"],
        "speed_limit_kmh": 90,
        "hours": HOURS,
    }
    answer = await supervisor.post(ASSETS, json=said)
    assert answer.status_code == 201, answer.text
    filed: dict[str, Any] = answer.json()
    return filed


async def test_an_asset_is_filed_with_what_rules_ask(
    supervisor: httpx.AsyncClient, truck: dict[str, Any]
):
    shown = (await supervisor.get(f"{ASSETS}/{truck['id']}")).json()
    assert (shown["group"], shown["tags"]) == ("Night shift", ["airport", "night"])
    assert shown["speed_limit_kmh"] == 90.0
    assert shown["hours"]["weekly"]["mon"] == ["07:00-19:00"]
    assert shown["hours"]["time_zone"] == "Europe/Brussels"


async def test_what_is_absent_stays_and_null_takes_away(
    supervisor: httpx.AsyncClient, truck: dict[str, Any]
):
    where = f"{ASSETS}/{truck['id']}"
    changed = (await supervisor.patch(where, json={"tags": [], "hours": None})).json()
    assert (changed["group"], changed["tags"], changed["hours"]) == ("Night shift", [], None)
    assert changed["speed_limit_kmh"] == 90.0
    changed = (await supervisor.patch(where, json={"speed_limit_kmh": None, "group": ""})).json()
    assert (changed["group"], changed["speed_limit_kmh"]) == ("", None)
    assert (await supervisor.patch(where, json={"tags": None})).status_code == 422


@pytest.mark.parametrize(
    "said",
    [
        {"speed_limit_kmh": 0},
        {"tags": ["a,b"]},
        {"tags": ["x"] * 51},
        {"hours": {"weekly": {"mon": ["19:00"]}}},
        {"hours": {"weekly": {"someday": []}}},
        {"group": "a\tb"},
    ],
)
async def test_what_rules_could_not_read_is_refused(
    supervisor: httpx.AsyncClient, truck: dict[str, Any], said: dict[str, Any]
):
    answer = await supervisor.patch(f"{ASSETS}/{truck['id']}", json=said)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"].startswith(f"body.{next(iter(said))}")


async def test_a_file_may_say_them_too(supervisor: httpx.AsyncClient, town: Town, pool: Pool):
    await town.add_client("Bakkerij")
    file = (
        "imei;protocol;klant;naam;groep;tags;snelheidslimiet\n"
        "356938035643801;gt06;Bakkerij;Van 1;Nacht;koel, nacht;90\n"
        "356938035643802;gt06;Bakkerij;Van 2;;;\n"
        "356938035643803;gt06;Bakkerij;Van 3;;;hard\n"
    )
    answer = await supervisor.post(
        "/api/v1/devices/import", content=file, headers={"Content-Type": "text/csv"}
    )
    said = answer.json()
    assert said["filed"] == 2
    assert [(each["line"], each["column"]) for each in said["problems"]] == [(4, "speed_limit_kmh")]
    rows = await pool.fetch(
        "SELECT name, group_name, tags, speed_limit_kmh FROM assets ORDER BY name"
    )
    assert [tuple(row) for row in rows] == [
        ("Van 1", "Nacht", ["koel", "nacht"], 90.0),
        ("Van 2", "", [], None),
    ]
