"""The service as map programs ask it: pages, boxes, times, and nothing passed over in silence."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web, add_person
from tracking.database import Pool

NOW = datetime(2026, 11, 24, 22, tzinfo=UTC)


async def locate(
    town: Town,
    organisation: UUID,
    name: str,
    *,
    lat: float = 50.85,
    lon: float = 4.35,
    kind: str = "vehicle",
    at: datetime = NOW,
) -> UUID:
    asset, _ = await town.add_asset(organisation, name, kind=kind)
    device = await town.add_device(organisation, f"unit-{name}", asset)
    await town.pool.execute(
        "INSERT INTO last_positions (asset_id, device_id, at, received_at, geom, valid, buffered,"
        " speed_kmh) VALUES ($1, $2, $3, $3, ST_Point($4, $5, 4326), true, false, 33)",
        asset,
        device,
        at,
        lon,
        lat,
    )
    return asset


@pytest.fixture
async def bakery(town: Town) -> UUID:
    return await town.add_client("Bakkerij")


@pytest.fixture
async def baker(web: Web, town: Town, bakery: UUID) -> httpx.AsyncClient:
    _, token = await town.add_person("Bart", organisation=bakery, role="client")
    return web.client(token=token)


async def names(client: httpx.AsyncClient, collection: str, query: str = "") -> list[str]:
    answer = await client.get(f"/ogc/collections/{collection}/items?{query}")
    assert answer.status_code == 200, answer.text
    return [each["properties"]["name"] for each in answer.json()["features"]]


async def test_every_link_leads_somewhere_of_the_kind_it_says(
    baker: httpx.AsyncClient, town: Town, bakery: UUID
):
    await town.add_zone(bakery, "Depot")
    await locate(town, bakery, "Van")
    asked, waiting = set(), ["http://desk.test/ogc"]
    while waiting:
        address = waiting.pop()
        if address in asked:
            continue
        asked.add(address)
        answer = await baker.get(address)
        assert answer.status_code == 200, address
        document = answer.json()
        found = [document, *document.get("collections", ())]
        for link in (link for each in found for link in each.get("links", ())):
            assert link["href"].startswith("http://desk.test/ogc")
            told = (await baker.get(link["href"])).headers["content-type"]
            assert told == link["type"], link
            waiting.append(link["href"])
    assert {
        address.removeprefix("http://desk.test/ogc").partition("?")[0] for address in asked
    } == {
        "",
        "/api",
        "/conformance",
        "/collections",
        *(
            f"/collections/{name}{more}"
            for name in ("zones", "last_positions")
            for more in ("", "/schema", "/items")
        ),
    }


async def test_it_says_what_it_conforms_to(baker: httpx.AsyncClient):
    said = (await baker.get("/ogc/conformance")).json()["conformsTo"]
    assert {each.rpartition("/")[2] for each in said} == {"core", "oas30", "geojson"}
    described = (await baker.get("/ogc/api")).json()
    assert described["openapi"] == "3.0.3"
    assert described["servers"] == [{"url": "http://desk.test/ogc"}]
    assert described["components"]["parameters"]["limit"]["schema"]["maximum"] == 1_000
    for path, methods in described["paths"].items():
        assert list(methods) == ["get"]
        if "{" not in path:
            assert (await baker.get(f"/ogc{path}")).status_code == 200, path


async def test_a_zone_is_a_feature_with_every_property_that_is_promised(
    baker: httpx.AsyncClient, town: Town, bakery: UUID
):
    zone = await town.add_zone(bakery, "Depot", labels=["a", "b"], speed_limit_kmh=30.0)
    van, _ = await town.add_asset(bakery, "Van")
    await town.add_zone(
        bakery, "Round the van", kind="moving", anchor_asset_id=van, definition={"radius_m": 50}
    )
    answer = await baker.get("/ogc/collections/zones/items")
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["content-crs"].endswith("/OGC/1.3/CRS84>")
    page = answer.json()
    assert (page["type"], page["numberReturned"]) == ("FeatureCollection", 2)
    assert datetime.fromisoformat(page["timeStamp"]).tzinfo is not None
    promised = (await baker.get("/ogc/collections/zones/schema")).json()["properties"].keys()
    for feature in page["features"]:
        assert feature["properties"].keys() == promised - {"geometry"}
    depot, moving = page["features"]
    assert depot["id"] == str(zone)
    assert depot["geometry"]["type"] == "Polygon"
    assert (depot["properties"]["labels"], depot["properties"]["speed_limit_kmh"]) == ("a,b", 30)
    assert moving["geometry"] is None
    assert moving["properties"]["anchor"] == "Van"
    one = (await baker.get(f"/ogc/collections/zones/items/{zone}")).json()
    assert {name: one[name] for name in depot} == depot
    assert [link["rel"] for link in one["links"]] == ["self", "collection"]


async def test_pages_follow_each_other_and_keep_what_was_asked(
    baker: httpx.AsyncClient, town: Town, bakery: UUID
):
    for number in range(7):
        await town.add_zone(bakery, f"Zone {number}")
        await locate(town, bakery, f"Van {number}")
    for collection, name in (("zones", "Zone"), ("last_positions", "Van")):
        address = f"/ogc/collections/{collection}/items?limit=3&bbox=4,50,5,51"
        found, pages = [], 0
        while address:
            page = (await baker.get(address)).json()
            found += [each["properties"]["name"] for each in page["features"]]
            links = {link["rel"]: link["href"] for link in page["links"]}
            assert "bbox=4%2C50%2C5%2C51" in links["self"]
            address = links.get("next", "")
            assert not address or "limit=3" in address
            pages += 1
        assert (found, pages) == ([f"{name} {number}" for number in range(7)], 3)


async def test_boxes_and_times_choose(baker: httpx.AsyncClient, town: Town, bakery: UUID):
    await locate(town, bakery, "Brussels")
    await locate(town, bakery, "Suva", lat=-18.1, lon=178.4, at=NOW - timedelta(hours=1))
    await locate(town, bakery, "Apia", lat=-13.8, lon=-171.8, at=NOW - timedelta(hours=2))
    for query, found in {
        "bbox=4,50,5,51": ["Brussels"],
        "bbox=4,50,-100,5,51,100": ["Brussels"],
        "bbox=170,-30,-170,0": ["Apia", "Suva"],
        "bbox=170,-30,190,0": ["Apia", "Suva"],
        "bbox=-200,-100,200,100": ["Apia", "Brussels", "Suva"],
        "datetime=2026-11-24T22:00:00Z": ["Brussels"],
        "datetime=2026-11-24T23:00:00%2B01:00": ["Brussels"],
        "datetime=2026-11-24T20:30:00Z/..": ["Brussels", "Suva"],
        "datetime=/2026-11-24T20:30:00Z": ["Apia"],
        "datetime=2026-11-24T20:30:00Z/2026-11-24T21:30:00Z": ["Suva"],
        "datetime=../..": ["Apia", "Brussels", "Suva"],
        "limit=5000": ["Apia", "Brussels", "Suva"],
    }.items():
        assert await names(baker, "last_positions", query) == found, query
    await town.add_zone(bakery, "Old", created_at=NOW - timedelta(days=1))
    await town.add_zone(bakery, "New", created_at=NOW)
    assert await names(baker, "zones", "datetime=2026-11-24T12:00:00Z") == ["Old"]
    assert await names(baker, "zones", "datetime=2026-11-24T12:00:00Z/..") == ["New", "Old"]


@pytest.mark.parametrize(
    "query",
    [
        "foo=1",
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=1&limit=2",
        "bbox=1,2,3",
        "bbox=1,2,3,x",
        "bbox=1,50,2,40",
        "bbox=nan,0,1,1",
        "datetime=yesterday",
        "datetime=2026-11-25T00:00:00Z/2026-11-24T00:00:00Z",
        "datetime=/",
        "cursor=x",
        "cursor=WyJhIiwiYiJd",
    ],
)
async def test_what_is_not_understood_is_refused(baker: httpx.AsyncClient, query: str):
    for collection in ("zones", "last_positions"):
        answer = await baker.get(f"/ogc/collections/{collection}/items?{query}")
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/collections/alarms",
        "/collections/alarms/items",
        "/collections/zones/items/x",
        "/collections/zones/items/00000000-0000-4000-8000-000000000000",
        "/collections/last_positions/items/00000000-0000-4000-8000-000000000000",
    ],
)
async def test_what_is_not_there_is_not_found(baker: httpx.AsyncClient, path: str):
    assert (await baker.get(f"/ogc{path}")).status_code == 404


async def test_a_removed_zone_is_not_served(baker: httpx.AsyncClient, town: Town, bakery: UUID):
    zone = await town.add_zone(bakery, "Gone")
    assert (await baker.delete(f"/api/v1/zones/{zone}?version=1")).status_code == 200
    assert await names(baker, "zones") == []
    assert (await baker.get(f"/ogc/collections/zones/items/{zone}")).status_code == 404


async def test_nobody_sees_what_is_not_theirs(
    baker: httpx.AsyncClient, supervisor: httpx.AsyncClient, town: Town, bakery: UUID
):
    florist = await town.add_client("Bloemist")
    for organisation, name in ((bakery, "Own"), (florist, "Theirs"), (town.centre, "Ours")):
        await town.add_zone(organisation, name)
    await locate(town, florist, "Their van")
    assert await names(baker, "zones") == ["Own"]
    assert await names(baker, "last_positions") == []
    assert await names(supervisor, "zones") == ["Ours", "Own", "Theirs"]
    assert await names(supervisor, "last_positions") == ["Their van"]


def basic(name: str, password: str) -> dict[str, str]:
    said = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {said}"}


async def test_a_token_is_a_password_here_and_nowhere_else(
    web: Web, town: Town, bakery: UUID, pool: Pool
):
    _, token = await town.add_person("Bart", organisation=bakery, role="client")
    await add_person(pool, bakery, "an@example.org", "client")
    anybody = web.client()
    assert (await anybody.get("/ogc", headers=basic("qgis", token))).status_code == 200
    assert (await anybody.get("/ogc", headers=basic("", token))).status_code == 200
    for header in (
        basic("qgis", "vigil_guess"),
        basic(token, ""),
        # A person's own password is for signing in, where guessing is slowed down.
        basic("an@example.org", "een goede zin 1830"),
        {"Authorization": "Basic"},
        {b"Authorization": "Basic é".encode()},
        {"Authorization": "Basic Zm9v/w=="},
    ):
        refused = await anybody.get("/ogc", headers=header)
        assert refused.status_code == 401, header
        # A browser that is asked for a password would go on sending it by itself.
        assert "basic" not in refused.headers["www-authenticate"].lower()
    elsewhere = await anybody.get("/api/v1/zones", headers=basic("qgis", token))
    assert elsewhere.status_code == 401
    await pool.execute("UPDATE api_tokens SET revoked_at = now()")
    assert (await anybody.get("/ogc", headers=basic("qgis", token))).status_code == 401


async def test_whose_whereabouts_are_shown_is_written_down(
    baker: httpx.AsyncClient, supervisor: httpx.AsyncClient, town: Town, bakery: UUID
):
    senior = await locate(town, bakery, "Maria", kind="senior")
    await locate(town, bakery, "Zoë", kind="lone_worker")
    await locate(town, bakery, "Van")

    async def read() -> list[dict[str, Any]]:
        answer = await supervisor.get("/api/v1/audit/location-reads")
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    await names(baker, "zones")
    await names(baker, "last_positions", "bbox=0,0,1,1")
    assert await read() == []
    # Only who is on the page.
    assert await names(baker, "last_positions", "limit=1") == ["Maria"]
    assert [each["asset_id"] for each in await read()] == [str(senior)]
    await baker.get(f"/ogc/collections/last_positions/items/{senior}")
    assert [each["asset_id"] for each in await read()] == [str(senior)] * 2
