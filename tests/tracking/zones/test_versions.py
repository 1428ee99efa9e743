"""A zone through its life: every version stays, and nobody writes over somebody else's."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from tests.tracking.zones.conftest import CIRCLE, POLYGON, Street
from tracking.bus import NOTIFY_RULES
from tracking.database import open_pool
from tracking.settings import Settings
from tracking.zones import store


async def patch(client: httpx.AsyncClient, zone: dict[str, Any], **said: Any) -> httpx.Response:
    return await client.patch(f"/api/v1/zones/{zone['id']}", json={"version": 1, **said})


async def remove(
    client: httpx.AsyncClient, zone: dict[str, Any], version: int = 1, **query: Any
) -> httpx.Response:
    return await client.delete(f"/api/v1/zones/{zone['id']}", params={"version": version, **query})


async def test_a_change_is_a_new_version_and_the_old_one_stays(street: Street):
    drawn = await street.draw(CIRCLE, labels=["depot"], speed_limit_kmh=30)
    answer = await patch(street.baker, drawn, drawing=POLYGON, speed_limit_kmh=None)
    changed = answer.json()
    assert changed["version"] == 2
    assert (changed["kind"], changed["speed_limit_kmh"]) == ("polygon", None)
    assert (changed["name"], changed["labels"]) == ("Depot", ["depot"])
    assert changed["created_by"] == "Bart"
    old = (await street.baker.get(f"/api/v1/zones/{drawn['id']}/versions/1")).json()
    assert old == {
        **{name: value for name, value in drawn.items() if name != "remarks"},
        "in_force": False,
        # A client's people do not see those of the centre.
        "created_by": None,
    }
    listed = (await street.baker.get(f"/api/v1/zones/{drawn['id']}/versions")).json()
    assert [(each["version"], each["in_force"]) for each in listed] == [(2, True), (1, False)]
    assert (await street.baker.get(f"/api/v1/zones/{drawn['id']}")).json()["version"] == 2
    missing = await street.baker.get(f"/api/v1/zones/{drawn['id']}/versions/3")
    assert missing.status_code == 404


async def test_nobody_writes_over_a_change_that_they_have_not_seen(street: Street):
    drawn = await street.draw()
    answers = await asyncio.gather(
        *(patch(client, drawn, note=str(client)) for client in (street.baker, street.supervisor))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert "you saw version 1, the newest is 2" in refused["detail"]
    assert len((await street.baker.get(f"/api/v1/zones/{drawn['id']}/versions")).json()) == 2
    assert (await remove(street.baker, drawn)).status_code == 409


async def test_a_removed_zone_judges_no_more_and_can_be_brought_back(street: Street):
    drawn = await street.draw()
    removed = (await remove(street.baker, drawn)).json()
    assert (removed["version"], removed["removed"], removed["in_force"]) == (2, True, False)
    assert (await street.baker.get("/api/v1/zones")).json()["items"] == []
    listed = (await street.baker.get("/api/v1/zones?removed=true")).json()["items"]
    assert [each["id"] for each in listed] == [drawn["id"]]
    for answer in (
        await street.baker.patch(f"/api/v1/zones/{drawn['id']}", json={"version": 2, "note": "x"}),
        await remove(street.baker, drawn, 2),
    ):
        assert answer.status_code == 409
        assert "removed" in answer.json()["detail"]
    path = f"/api/v1/zones/{drawn['id']}/versions/1/restore"
    assert (await street.baker.post(path, json={"version": 1})).status_code == 409
    again = (await street.baker.post(path, json={"version": 2})).json()
    assert (again["version"], again["removed"], again["in_force"]) == (3, False, True)
    assert again["geometry"] == drawn["geometry"]
    assert again["drawing"] == drawn["drawing"]


async def test_a_zone_that_rules_ask_for_is_not_removed_unknowingly(street: Street):
    drawn = await street.draw()
    inside = {"kind": "not", "of": {"kind": "inside", "zones": [drawn["id"]]}}
    setting = {"kind": "all", "of": [{"kind": "overspeed", "limit_kmh": 9}, inside]}
    await street.town.add_rule(street.bakery, "Speeding in town", setting=setting)
    answer = await remove(street.baker, drawn)
    assert answer.status_code == 409
    assert "Speeding in town" in answer.json()["detail"]
    assert (await remove(street.baker, drawn, although_asked_for=True)).status_code == 200


async def test_the_last_zone_of_a_label_that_a_rule_names_is_asked_for_too(street: Street):
    first = await street.draw(labels=["depot"])
    second = await street.draw(labels=["depot"], name="Second")
    await street.draw(labels=["depot"], name="Theirs", organisation=street.florist)
    setting = {"kind": "inside", "zones": ["label:depot"]}
    await street.town.add_rule(street.bakery, "At a depot", setting=setting)
    assert (await remove(street.baker, first)).status_code == 200
    answer = await remove(street.baker, second)
    assert answer.status_code == 409
    assert "At a depot" in answer.json()["detail"]


async def test_a_client_does_not_take_away_what_its_centre_judges_by(street: Street):
    drawn = await street.draw()
    setting = {"kind": "inside", "zones": [drawn["id"]]}
    await street.town.add_rule(street.town.centre, "Secret watch", setting=setting)
    answer = await remove(street.baker, drawn, although_asked_for=True)
    assert answer.status_code == 409
    assert "Secret" not in answer.text
    assert "centre" in answer.json()["detail"]
    answer = await remove(street.supervisor, drawn)
    assert "Secret watch" in answer.json()["detail"]
    answer = await remove(street.supervisor, drawn, although_asked_for=True)
    assert answer.status_code == 200


async def test_whoever_judges_hears_of_every_change_at_its_commit(
    street: Street, settings: Settings
):
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(settings.database_url)
    try:
        await listener.add_listener(NOTIFY_RULES, lambda *said: heard.put_nowait(str(said[3])))
        drawn = await street.draw()
        await patch(street.baker, drawn, note="x")
        refused = await patch(street.baker, drawn, note="y")
        assert refused.status_code == 409
        await remove(street.baker, drawn, 2)
        path = f"/api/v1/zones/{drawn['id']}/versions/2/restore"
        await street.baker.post(path, json={"version": 3})
        async with asyncio.timeout(20):
            assert [await heard.get() for _ in range(4)] == [drawn["id"]] * 4
        assert heard.empty()
    finally:
        await listener.close()


async def test_what_gateways_judge_by_is_the_newest_version(street: Street, settings: Settings):
    drawn = await street.draw(labels=["depot"], hours={"weekly": {"mon": ["08:00-18:00"]}})
    await patch(street.baker, drawn, speed_limit_kmh=30)
    gone = await street.draw(name="Gone")
    await remove(street.baker, gone)
    pool = await open_pool(settings, "ingest", size=1)
    try:
        async with pool.acquire() as connection:
            versions = await store.versions_in_force(connection)
            assert versions == {drawn["id"]: 2}
            judged = await store.zones_to_judge_by(connection, [drawn["id"], gone["id"]])
    finally:
        await pool.close()
    assert set(judged) == {drawn["id"]}
    zone = judged[drawn["id"]]
    assert (zone.version, zone.speed_limit_kmh, zone.radius_m) == (2, 30.0, 150.5)
    assert zone.hours is not None
    assert zone.labels == {"depot"}


async def test_a_client_sees_no_zone_of_the_centre_or_of_another(street: Street):
    own = await street.draw(by=street.baker)
    theirs = await street.draw(organisation=street.florist, name="Theirs", labels=["secret"])
    ours = await street.draw(organisation=street.town.centre, name="Ours", labels=["secret"])
    listed = (await street.baker.get("/api/v1/zones")).json()["items"]
    assert [each["id"] for each in listed] == [own["id"]]
    assert (await street.baker.get("/api/v1/zones/labels")).json() == []
    assert (await street.supervisor.get("/api/v1/zones/labels")).json() == ["secret"]
    for zone in (theirs, ours):
        for answer in (
            await street.baker.get(f"/api/v1/zones/{zone['id']}"),
            await street.baker.get(f"/api/v1/zones/{zone['id']}/versions"),
            await street.baker.get(f"/api/v1/zones/{zone['id']}/versions/1"),
            await patch(street.baker, zone, note="x"),
            await remove(street.baker, zone),
        ):
            assert answer.status_code == 404
    said = {"organisation_id": str(street.town.centre), "name": "X", "drawing": CIRCLE}
    assert (await street.baker.post("/api/v1/zones", json=said)).status_code == 404
    listed = (await street.operator.get("/api/v1/zones")).json()["items"]
    assert len(listed) == 3


async def test_operators_look_and_do_not_draw(street: Street):
    drawn = await street.draw()
    assert (await street.operator.get(f"/api/v1/zones/{drawn['id']}")).status_code == 200
    assert (await patch(street.operator, drawn, note="x")).status_code == 403
    assert (await remove(street.operator, drawn)).status_code == 403


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=DEPOT", ["Depot A", "Depot B"]),
        ("search=nacht", ["Yard"]),
        ("search=bloem", ["Depot B"]),
        ("search=%25", []),
        ("label=nachtpost", ["Yard"]),
        ("label=nacht", []),
        ("organisation_id={florist}", ["Depot B"]),
    ],
)
async def test_zones_are_found_by_name_label_and_organisation(
    street: Street, query: str, names: list[str]
):
    await street.draw(name="Depot A")
    await street.draw(name="Depot B", organisation=street.florist)
    await street.draw(name="Yard", labels=["nachtpost"])
    answer = await street.supervisor.get("/api/v1/zones?" + query.format(florist=street.florist))
    assert [each["name"] for each in answer.json()["items"]] == names


async def test_a_list_is_read_page_by_page(street: Street):
    for number in range(5):
        await street.draw(name=f"Zone {number}")
    names, cursor = [], ""
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = (await street.baker.get("/api/v1/zones", params=query)).json()
        names += [each["name"] for each in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert names == [f"Zone {number}" for number in range(5)]


@pytest.mark.parametrize(
    "box", ["1,2,3", "a,b,c,d", "0,50,1,40", "0,-91,1,0", "0,0,181,1", "1,1,e,1"]
)
async def test_a_box_that_is_none_is_refused(street: Street, box: str):
    assert (await street.baker.get("/api/v1/zones", params={"bbox": box})).status_code == 422


async def test_corners_that_nobody_sees_are_spared(street: Street):
    drawn = await street.draw({"kind": "area", "area": "country:BE"})
    fine = len(str(drawn["geometry"]))
    listed = (await street.baker.get("/api/v1/zones?tolerance_m=5000")).json()["items"]
    assert len(str(listed[0]["geometry"])) < fine / 10
    assert UUID(listed[0]["id"])
