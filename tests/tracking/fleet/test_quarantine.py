"""Units that nobody registered: listed, registered in one call, dismissed."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web
from tracking.database import Pool

UNIT = "356307042441013"


@pytest.fixture
async def heard(pool: Pool, town: Town) -> None:
    """A unit has been speaking for two hours and nobody knows it."""
    await hear(pool, UNIT)


async def test_an_unknown_unit_is_listed_with_what_we_know_of_it(
    supervisor: httpx.AsyncClient, heard: None
) -> None:
    (unit,) = (await supervisor.get("/api/v1/units")).json()["items"]
    assert (unit["unit_id"], unit["codec"], unit["address"]) == (UNIT, "gt06", "203.0.113.7:4012")
    assert (unit["frames"], unit["refused"]) == (42, 3)
    assert unit["first_seen_at"] < unit["last_seen_at"]


async def test_a_unit_and_a_new_asset_are_registered_in_one_call(
    supervisor: httpx.AsyncClient, pool: Pool, town: Town, heard: None
) -> None:
    bakery = await town.add_client("Bakery")
    first_seen_at = await pool.fetchval("SELECT first_seen_at FROM unknown_units")
    answer = await supervisor.post(
        "/api/v1/units/register",
        json=registration(bakery, asset={"kind": "vehicle", "name": "Van 7", "plate": "1-ABC-1"}),
    )
    assert answer.status_code == 201
    said = answer.json()
    assert said["device"]["asset"] == "Van 7"
    assert (said["device"]["unit_id"], said["device"]["codec"]) == (UNIT, "gt06")
    fitted_from = await pool.fetchval("SELECT fitted_from FROM fitments")
    assert fitted_from == first_seen_at
    assert (await supervisor.get("/api/v1/units")).json()["items"] == []


async def test_a_unit_is_registered_on_an_asset_that_we_have(
    supervisor: httpx.AsyncClient, town: Town, heard: None
) -> None:
    bakery = await town.add_client("Bakery")
    one, _ = await town.add_asset(bakery, "Van 1")
    answer = await supervisor.post(
        "/api/v1/units/register", json=registration(bakery, asset_id=str(one))
    )
    assert answer.json()["fitment"]["asset_id"] == str(one)


async def test_a_unit_is_registered_without_an_asset(
    supervisor: httpx.AsyncClient, town: Town, heard: None
) -> None:
    answer = await supervisor.post("/api/v1/units/register", json=registration(town.centre))
    assert answer.status_code == 201
    assert answer.json()["fitment"] is None


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"unit_id": "never heard"}, 404),
        ({"organisation_id": str(uuid4())}, 404),
        ({"asset_id": str(uuid4())}, 404),
        ({"asset": {"kind": "horse", "name": "X"}}, 422),
        ({"asset_id": str(uuid4()), "asset": {"kind": "vehicle", "name": "X"}}, 422),
        ({"unit_id": "a\x00b"}, 422),
    ],
)
@pytest.mark.usefixtures("heard")
async def test_a_registration_that_fails_leaves_nothing_behind(
    supervisor: httpx.AsyncClient, pool: Pool, town: Town, changed: dict[str, Any], status: int
) -> None:
    body = {**registration(town.centre), **changed}
    answer = await supervisor.post("/api/v1/units/register", json=body)
    assert answer.status_code == status
    assert await pool.fetchval("SELECT count(*) FROM devices") == 0
    assert await pool.fetchval("SELECT count(*) FROM assets") == 0
    assert len((await supervisor.get("/api/v1/units")).json()["items"]) == 1


async def test_an_asset_of_another_client_rolls_the_registration_back(
    supervisor: httpx.AsyncClient, pool: Pool, town: Town, heard: None
) -> None:
    bakery, florist = await town.add_client("Bakery"), await town.add_client("Florist")
    one, _ = await town.add_asset(florist, "Van")
    answer = await supervisor.post(
        "/api/v1/units/register", json=registration(bakery, asset_id=str(one))
    )
    assert answer.status_code == 409
    assert await pool.fetchval("SELECT count(*) FROM devices") == 0


async def test_two_who_register_one_unit_at_once_make_one_device(
    web: Web, pool: Pool, town: Town, heard: None
) -> None:
    tokens = [(await town.add_person(name))[1] for name in ("An", "Luc")]
    answers = await asyncio.gather(
        *(
            web.client(token=token).post("/api/v1/units/register", json=registration(town.centre))
            for token in tokens
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 404]
    assert await pool.fetchval("SELECT count(*) FROM devices") == 1


async def test_a_frame_counted_during_registration_does_not_bring_the_unit_back(
    supervisor: httpx.AsyncClient, pool: Pool, town: Town, heard: None
) -> None:
    await supervisor.post("/api/v1/units/register", json=registration(town.centre))
    await hear(pool, UNIT)
    assert (await supervisor.get("/api/v1/units")).json()["items"] == []


async def test_a_retired_device_that_speaks_is_an_unknown_unit_again(
    supervisor: httpx.AsyncClient, pool: Pool, town: Town, heard: None
) -> None:
    box = (await supervisor.post("/api/v1/units/register", json=registration(town.centre))).json()[
        "device"
    ]["id"]
    await supervisor.post(f"/api/v1/devices/{box}/retire")
    await hear(pool, UNIT)
    assert len((await supervisor.get("/api/v1/units")).json()["items"]) == 1
    await supervisor.post(f"/api/v1/devices/{box}/restore")
    assert (await supervisor.get("/api/v1/units")).json()["items"] == []


async def test_a_dismissed_unit_is_out_of_the_list_until_it_is_put_back(
    supervisor: httpx.AsyncClient, heard: None
) -> None:
    async def listed(**params: Any) -> int:
        return len((await supervisor.get("/api/v1/units", params=params)).json()["items"])

    answer = await supervisor.post("/api/v1/units/dismiss", json={"unit_id": UNIT})
    assert answer.json()["dismissed_at"] is not None
    assert (await listed(), await listed(dismissed=True)) == (0, 1)
    await supervisor.post("/api/v1/units/dismiss", json={"unit_id": UNIT, "dismissed": False})
    assert (await listed(), await listed(dismissed=True)) == (1, 0)


async def test_a_unit_with_a_strange_name_is_handled_like_any_other(
    supervisor: httpx.AsyncClient, pool: Pool, town: Town
) -> None:
    strange = "=cmd|' /C calc'!A0 <script>é\n"
    await hear(pool, strange)
    (unit,) = (await supervisor.get("/api/v1/units")).json()["items"]
    assert unit["unit_id"] == strange
    answer = await supervisor.post(
        "/api/v1/units/register", json=registration(town.centre, unit_id=strange)
    )
    assert answer.status_code == 201
    box = answer.json()["device"]["id"]
    assert (await supervisor.get(f"/api/v1/devices/{box}")).json()["unit_id"] == strange


async def test_units_are_paged_with_the_latest_to_speak_first(
    supervisor: httpx.AsyncClient, pool: Pool
) -> None:
    for number in range(5):
        await hear(pool, f"unit{number}", minutes_ago=number)
    first = (await supervisor.get("/api/v1/units", params={"limit": 2})).json()
    rest = (await supervisor.get("/api/v1/units", params={"cursor": first["next"]})).json()
    found = [unit["unit_id"] for unit in first["items"] + rest["items"]]
    assert found == [f"unit{number}" for number in range(5)]


async def test_clients_do_not_see_the_quarantine(web: Web, town: Town, heard: None) -> None:
    bakery = await town.add_client("Bakery")
    _, token = await town.add_person("Bea", organisation=bakery, role="client")
    assert (await web.client(token=token).get("/api/v1/units")).status_code == 403


async def hear(pool: Pool, unit_id: str, *, minutes_ago: int = 0) -> None:
    """As a gateway files it."""
    await pool.execute(
        "INSERT INTO unknown_units"
        " (unit_id, codec, address, first_seen_at, last_seen_at, frames, refused)"
        " VALUES ($1, 'gt06', '203.0.113.7:4012', now() - interval '2 hours',"
        "         now() - make_interval(mins => $2), 42, 3)",
        unit_id,
        minutes_ago,
    )


def registration(organisation: UUID, **other: Any) -> dict[str, Any]:
    return {
        "unit_id": UNIT,
        "organisation_id": str(organisation),
        "kind": "tracker",
        **other,
    }
