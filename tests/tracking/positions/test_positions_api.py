"""Whereabouts over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pyproj import Geod

from tests.tracking.town import House, Town
from tracking.positions.freshness import Freshness, freshness

GEOD = Geod(ellps="WGS84")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
async def anna(house: House, town: Town) -> AsyncIterator[httpx.AsyncClient]:
    _, token = await town.add_person("Anna")
    async with house.client(token) as client:
        yield client


async def put(
    town: Town,
    asset: UUID,
    *,
    lat: float,
    lon: float,
    at: datetime = NOON,
    table: str = "positions",
    **other: Any,
) -> None:
    """A position as a gateway files it; ``last_positions`` has no fingerprint."""
    columns = {
        "asset_id": asset,
        "device_id": uuid4(),
        "at": at,
        "received_at": at,
        "speed_kmh": 50.0,
        "course_deg": 90.0,
        "valid": True,
        "buffered": False,
        **({} if table == "last_positions" else {"fingerprint": hash((lat, lon, at)) >> 4}),
        **other,
    }
    names = ", ".join(columns)
    marks = ", ".join(f"${place + 3}" for place in range(len(columns)))
    await town.pool.execute("SELECT vigil_open_day($1::date)", at.date())
    await town.pool.execute(
        f"INSERT INTO {table} (geom, {names})"
        f" VALUES (ST_SetSRID(ST_MakePoint($1, $2), 4326), {marks})",
        lon,
        lat,
        *columns.values(),
    )


async def test_who_is_in_a_box_by_name_a_page_at_a_time(
    anna: httpx.AsyncClient, town: Town
) -> None:
    client = await town.add_client("Bakery")
    for name, lat, lon in (
        ("b", 50.5, 4.5),
        ("A", 50.6, 4.6),
        ("c", 50.7, 4.7),
        ("outside", 52.0, 4.5),
        ("Suva", -17.0, 179.5),
        ("Taveuni", -17.0, -179.5),
    ):
        asset, _ = await town.add_asset(client, name)
        await put(town, asset, lat=lat, lon=lon, table="last_positions")
    path = "/api/v1/positions?west=4&south=50&east=5&north=51&limit=2"
    first = (await anna.get(path)).json()
    second = (await anna.get(f"{path}&cursor={first['next']}")).json()
    assert [one["name"] for one in first["items"]] == ["A", "b"]
    assert [one["name"] for one in second["items"]] == ["c"]
    assert second["next"] is None
    assert (first["items"][0]["lat"], first["items"][0]["lon"]) == (50.6, 4.6)
    across = "/api/v1/positions?west=179&south=-20&east=-179&north=-10"
    assert [one["name"] for one in (await anna.get(across)).json()["items"]] == ["Suva", "Taveuni"]
    assert (await anna.get("/api/v1/positions?west=4&south=50&east=5&north=91")).status_code == 422


async def test_who_is_nearest_in_metres_over_the_ellipsoid(
    anna: httpx.AsyncClient, town: Town
) -> None:
    client = await town.add_client("Bakery")
    places = {"far": (50.9, 4.35), "near": (50.851, 4.35), "east": (50.85, 4.36)}
    for name, (lat, lon) in places.items():
        asset, _ = await town.add_asset(client, name)
        await put(town, asset, lat=lat, lon=lon, table="last_positions")
    found = (await anna.get("/api/v1/positions/nearest?lat=50.85&lon=4.35")).json()["items"]
    assert [one["name"] for one in found] == ["near", "east", "far"]
    for one in found:
        lat, lon = places[one["name"]]
        _, _, distance_m = GEOD.inv(4.35, 50.85, lon, lat)
        assert one["distance_m"] == pytest.approx(distance_m, abs=0.01)
    path = "/api/v1/positions/nearest?lat=50.85&lon=4.35&within_m=1000&limit=1"
    assert [one["name"] for one in (await anna.get(path)).json()["items"]] == ["near"]


async def test_a_track_is_in_order_with_its_times_and_as_few_points_as_show_it(
    anna: httpx.AsyncClient, town: Town
) -> None:
    asset, _ = await town.add_asset(await town.add_client("Bakery"), "Van")
    for second in range(60):
        await put(
            town,
            asset,
            lat=50.0,
            lon=4.0 + 1e-4 * min(second, 30),
            at=NOON + timedelta(seconds=second),
        )
    await put(town, asset, lat=50.5, lon=4.5, at=NOON + timedelta(hours=2))
    await put(
        town,
        asset,
        lat=50.1,
        lon=4.1,
        at=datetime(2004, 1, 1, tzinfo=UTC),
        received_at=NOON,
        table="misdated_positions",
    )
    path = f"/api/v1/assets/{asset}/track?from=2026-11-24T12:00:00Z&to=2026-11-24T13:00:00Z"
    track = (await anna.get(path)).json()
    assert [point["at"] for point in track["points"]] == [
        "2026-11-24T12:00:00Z",
        "2026-11-24T12:00:30Z",
        "2026-11-24T12:00:59Z",
    ]
    assert track["read"] == 60
    assert track["strays_m"] < 0.01
    assert not track["more"]
    assert [point["at"] for point in track["misdated"]] == ["2004-01-01T00:00:00Z"]
    every = (await anna.get(f"{path}&tolerance_m=0&limit=10")).json()
    assert len(every["points"]) <= 10


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-11-24T12:00:00Z&to=2026-11-24T11:00:00Z",
        "from=2026-01-01T00:00:00Z&to=2026-11-24T11:00:00Z",
        "from=2026-11-24T12:00:00&to=2026-11-24T13:00:00",
        "from=yesterday&to=today",
        "from=2026-11-24T12:00:00Z",
    ],
)
async def test_a_track_of_nonsense_or_of_a_year_is_refused(
    anna: httpx.AsyncClient, town: Town, query: str
) -> None:
    asset, _ = await town.add_asset(await town.add_client("Bakery"), "Van")
    assert (await anna.get(f"/api/v1/assets/{asset}/track?{query}")).status_code == 422


async def test_the_card_says_who_where_and_how_fresh(anna: httpx.AsyncClient, town: Town) -> None:
    client = await town.add_client("Bakery")
    asset, number = await town.add_asset(client, "Van", plate="1-ABC-234")
    path = f"/api/v1/assets/{asset}/card"
    unseen = (await anna.get(path)).json()
    assert (unseen["state"], unseen["last"], unseen["place"]) == ("never", None, None)
    assert unseen["device"] is None
    await town.add_device(client, "unit-1", asset)
    now = datetime.now(UTC).replace(microsecond=0)
    where: dict[str, Any] = {"lat": 50.8794, "lon": 4.7007, "at": now}
    await put(town, asset, **where, table="last_positions")
    readings: dict[str, Any] = {
        "battery_pct": 82.0,
        "ignition": True,
        "other": {"axle": 3},
        "signals": ["sos"],
    }
    await put(town, asset, **where, **readings)
    card = (await anna.get(path)).json()
    assert (card["id"], card["number"], card["plate"]) == (str(asset), number, "1-ABC-234")
    assert card["device"]["unit_id"] == "unit-1"
    assert card["state"] == "live"
    assert card["last"]["lat"] == 50.8794
    assert card["place"]["country"] == "BE"
    assert "Leuven" in card["place"]["text"]
    assert "Belgien" in (await anna.get(path, params={"language": "de"})).json()["place"]["text"]
    assert card["readings"] == readings


async def test_the_whereabouts_of_people_are_written_down_with_every_look(
    house: House, town: Town
) -> None:
    care = await town.add_client("Home care")
    nurse, _ = await town.add_asset(care, "Nurse 7", "lone_worker")
    van, _ = await town.add_asset(care, "Van")
    for asset in (nurse, van):
        await put(town, asset, lat=50.85, lon=4.35, table="last_positions")
    person, token = await town.add_person("Anna")
    looks = {
        "latest": "/assets/{asset}/position",
        "card": "/assets/{asset}/card",
        "track": "/assets/{asset}/track?from=2026-11-24T12:00:00Z&to=2026-11-24T13:00:00Z",
        "box": "/positions?west=4&south=50&east=5&north=51",
        "nearest": "/positions/nearest?lat=50.85&lon=4.35",
    }
    async with house.client(token) as anna:
        for path in looks.values():
            for asset in (nurse, van):
                answer = await anna.get("/api/v1" + path.format(asset=asset))
                assert answer.status_code == 200, answer.text
    rows = await town.pool.fetch(
        "SELECT DISTINCT person_id, organisation_id, asset_id, what FROM location_reads"
    )
    assert {tuple(row) for row in rows} == {(person, care, nurse, what) for what in looks}


async def test_nobody_finds_what_is_not_theirs(house: House, town: Town) -> None:
    bakery, butcher = await town.add_client("Bakery"), await town.add_client("Butcher")
    asset, _ = await town.add_asset(butcher, "Truck")
    for table in ("positions", "last_positions", "misdated_positions"):
        await put(town, asset, lat=50.85, lon=4.35, table=table)
    _, token = await town.add_person("Baker", organisation=bakery, role="client")
    hours = "from=2026-11-24T12:00:00Z&to=2026-11-24T13:00:00Z"
    async with house.client(token) as baker:
        for what in ("position", "card", f"track?{hours}"):
            assert (await baker.get(f"/api/v1/assets/{asset}/{what}")).status_code == 404
        for path in (
            "/positions?west=4&south=50&east=5&north=51",
            "/positions/nearest?lat=50.85&lon=4.35",
        ):
            assert (await baker.get(f"/api/v1{path}")).json()["items"] == []
    assert await town.pool.fetchval("SELECT count(*) FROM location_reads") == 0
    async with house.client() as nobody:
        assert (await nobody.get(f"/api/v1/assets/{asset}/card")).status_code == 401


@pytest.mark.parametrize(
    ("age_s", "silent", "word"),
    [
        (None, False, Freshness.NEVER),
        (0, False, Freshness.LIVE),
        (600, False, Freshness.LIVE),
        (601, False, Freshness.STALE),
        (3600, False, Freshness.STALE),
        (3601, False, Freshness.SILENT),
        (1, True, Freshness.SILENT),
    ],
)
def test_how_long_ago_is_one_word(age_s: float | None, silent: bool, word: Freshness) -> None:
    said = freshness(
        None if age_s is None else NOON - timedelta(seconds=age_s),
        silent_since=NOON if silent else None,
        reporting_time_s=3600,
        now=NOON,
    )
    assert said is word
