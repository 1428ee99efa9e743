"""Assets, devices and fitments: filed, changed, fitted, retired; gateways hear of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web
from tracking.bus import NOTIFY_FLEET
from tracking.database import Pool, connect
from tracking.fleet import store
from tracking.settings import Settings


async def test_an_asset_is_filed_found_changed_and_retired(
    supervisor: httpx.AsyncClient, town: Town
) -> None:
    bakery = await town.add_client("Bakery")
    answer = await supervisor.post(
        "/api/v1/assets",
        json=asset(bakery, name=" Van 1 ", plate="1-abc-123", phone="+32 (0)470/12.34.56"),
    )
    assert answer.status_code == 201
    filed = answer.json()
    assert filed["name"] == "Van 1"
    assert filed["plate"] == "1-ABC-123"
    assert filed["phone"] == "+32470123456"
    assert filed["organisation"] == "Bakery"
    where = f"/api/v1/assets/{filed['id']}"
    changed = await supervisor.patch(where, json={"name": "Van 2", "plate": None})
    assert changed.json() == {**filed, "name": "Van 2", "plate": None}
    assert (await supervisor.get(where)).json() == changed.json()
    retired = (await supervisor.post(f"{where}/retire")).json()
    assert retired["retired_at"] is not None
    assert await names(supervisor, "/api/v1/assets") == []
    assert await names(supervisor, "/api/v1/assets", retired=True) == ["Van 2"]
    again = (await supervisor.post(f"{where}/retire")).json()
    assert again["retired_at"] == retired["retired_at"]
    await supervisor.post(f"{where}/restore")
    assert await names(supervisor, "/api/v1/assets") == ["Van 2"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"kind": "horse"}, 422),
        ({"name": ""}, 422),
        ({"name": "a\x00b"}, 422),
        ({"name": "x" * 201}, 422),
        ({"plate": "<script>"}, 422),
        ({"phone": "0470123456"}, 422),
        ({"phone": "+0470123456"}, 422),
        ({"note": "a\x1bb"}, 422),
        ({"organisation_id": str(uuid4())}, 404),
        ({"number": 7}, 422),
        ({"retired_at": None}, 422),
    ],
)
async def test_what_is_not_an_asset_is_refused(
    supervisor: httpx.AsyncClient, town: Town, wrong: dict[str, Any], status: int
) -> None:
    answer = await supervisor.post("/api/v1/assets", json={**asset(town.centre), **wrong})
    assert answer.status_code == status


@pytest.mark.parametrize("field", ["kind", "name", "note"])
async def test_a_field_that_must_be_there_is_not_emptied(
    supervisor: httpx.AsyncClient, town: Town, field: str
) -> None:
    one, _ = await town.add_asset(town.centre, "Van")
    answer = await supervisor.patch(f"/api/v1/assets/{one}", json={field: None})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["Van 10", "van 9", "Zoë"]),
        ("VAN", ["Van 10", "van 9"]),
        ("zoë", ["Zoë"]),
        ("1-abc", ["van 9"]),
        ("3563070", ["Van 10"]),
        ("%", []),
        ("_", []),
        ("' OR 1=1 --", []),
    ],
)
async def test_an_asset_is_found_by_what_people_know_of_it(
    supervisor: httpx.AsyncClient, town: Town, search: str, found: list[str]
) -> None:
    ten, _ = await town.add_asset(town.centre, "Van 10")
    await town.add_asset(town.centre, "van 9", plate="1-ABC-123")
    await town.add_asset(town.centre, "Zoë", kind="senior")
    await town.add_device(town.centre, "356307042441013", ten)
    assert await names(supervisor, "/api/v1/assets", search=search) == found


@pytest.mark.parametrize(
    "search",
    [
        "356307",
        "fmb920",
        "+32470123456",
        "0470 12 34 56",
        "1ABC123",
        "1 abc 12",
        "van 9",
        "0471/99",
    ],
)
async def test_a_device_is_found_however_people_write_what_they_know_of_it(
    supervisor: httpx.AsyncClient, town: Town, pool: Pool, search: str
) -> None:
    van, _ = await town.add_asset(town.centre, "van 9", plate="1-ABC-123")
    await pool.execute("UPDATE assets SET phone = '+32471990000'")
    device = await town.add_device(town.centre, "356307042441013", van)
    await pool.execute(
        "UPDATE devices SET model = 'FMB920', phone = '+32470123456' WHERE id = $1", device
    )
    await town.add_device(town.centre, "7026420081", None)
    found = (await supervisor.get("/api/v1/devices", params={"search": search})).json()["items"]
    assert [one["unit_id"] for one in found] == ["356307042441013"]


async def test_a_device_keeps_the_promise_of_its_profile_unless_it_has_its_own(
    town: Town, pool: Pool
) -> None:
    plain = await town.add_device(town.centre, "1", None)
    eager = await town.add_device(town.centre, "2", None)
    await pool.execute(
        "INSERT INTO profiles (codec, version, reporting_time_s) VALUES ('gt06', 99, 1800)"
    )
    await pool.execute("UPDATE devices SET reporting_time_s = 60 WHERE id = $1", eager)
    async with pool.acquire() as connection:
        promised = [await store.device(connection, each) for each in (plain, eager)]
        assert [device.promised_s for device in promised if device] == [1800, 60]
        assert await store.codecs_of_devices(connection) == ["gt06"]


async def test_assets_are_filtered_by_kind_and_organisation(
    supervisor: httpx.AsyncClient, town: Town
) -> None:
    bakery = await town.add_client("Bakery")
    await town.add_asset(bakery, "Van")
    await town.add_asset(town.centre, "Maria", kind="senior")
    assert await names(supervisor, "/api/v1/assets", kind="senior") == ["Maria"]
    assert await names(supervisor, "/api/v1/assets", organisation_id=str(bakery)) == ["Van"]


@pytest.mark.parametrize(
    ("path", "key"), [("/api/v1/assets", "name"), ("/api/v1/devices", "unit_id")]
)
async def test_pages_together_are_the_whole_list_while_it_changes(
    supervisor: httpx.AsyncClient, town: Town, path: str, key: str
) -> None:
    for number in range(7):
        one, _ = await town.add_asset(town.centre, f"b{number}")
        await town.add_device(town.centre, f"b{number}", one)
    first = (await supervisor.get(path, params={"limit": 3})).json()
    one, _ = await town.add_asset(town.centre, "a-new-one-before")
    await town.add_device(town.centre, "a-new-one-before", one)
    rest = (await supervisor.get(path, params={"cursor": first["next"]})).json()
    found = [item[key] for item in first["items"] + rest["items"]]
    assert found == [f"b{number}" for number in range(7)]
    assert rest["next"] is None


async def test_a_device_is_filed_changed_fitted_and_unfitted(
    supervisor: httpx.AsyncClient, town: Town
) -> None:
    bakery = await town.add_client("Bakery")
    one, _ = await town.add_asset(bakery, "Van 1")
    filed = (await supervisor.post("/api/v1/devices", json=device(bakery))).json()
    assert filed["asset"] is None
    where = f"/api/v1/devices/{filed['id']}"
    changed = await supervisor.patch(where, json={"model": "GT06N", "reporting_time_s": None})
    assert changed.json() == {**filed, "model": "GT06N", "reporting_time_s": None}
    fitted = await supervisor.post(
        "/api/v1/fitments", json={"device_id": filed["id"], "asset_id": str(one)}
    )
    assert fitted.status_code == 201
    fitment = fitted.json()
    assert (fitment["asset"], fitment["unit_id"]) == ("Van 1", "356307042441013")
    assert (await supervisor.get(where)).json()["asset"] == "Van 1"
    card = (await supervisor.get(f"/api/v1/assets/{one}")).json()
    assert [fitted["fitment_id"] for fitted in card["devices"]] == [fitment["id"]]
    ended = await supervisor.post(f"/api/v1/fitments/{fitment['id']}/end", json={})
    assert ended.json()["fitted_until"] is not None
    assert (await supervisor.get(where)).json()["asset"] is None
    again = await supervisor.post(f"/api/v1/fitments/{fitment['id']}/end", json={})
    assert again.status_code == 409
    listed = (await supervisor.get("/api/v1/fitments", params={"asset_id": str(one)})).json()
    assert listed["items"] == [ended.json()]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"unit_id": "two words"}, 422),
        ({"unit_id": ""}, 422),
        ({"unit_id": "x" * 101}, 422),
        ({"codec": "morse"}, 422),
        ({"kind": "horse"}, 422),
        ({"reporting_time_s": 0}, 422),
        ({"reporting_time_s": 10**12}, 422),
        ({"settings": {}}, 422),
        ({"organisation_id": str(uuid4())}, 404),
    ],
)
async def test_what_is_not_a_device_is_refused(
    supervisor: httpx.AsyncClient, town: Town, wrong: dict[str, Any], status: int
) -> None:
    answer = await supervisor.post("/api/v1/devices", json={**device(town.centre), **wrong})
    assert answer.status_code == status


async def test_a_unit_id_exists_once_at_whatever_client(
    supervisor: httpx.AsyncClient, town: Town
) -> None:
    bakery = await town.add_client("Bakery")
    assert (await supervisor.post("/api/v1/devices", json=device(bakery))).status_code == 201
    answer = await supervisor.post("/api/v1/devices", json=device(town.centre))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_device_is_on_one_asset_at_a_time_whatever_the_dates(
    supervisor: httpx.AsyncClient, town: Town
) -> None:
    first, _ = await town.add_asset(town.centre, "Van 1")
    second, _ = await town.add_asset(town.centre, "Van 2")
    box = (await supervisor.post("/api/v1/devices", json=device(town.centre))).json()["id"]
    now = datetime.now(UTC)

    async def fit(on: UUID, ago: timedelta) -> httpx.Response:
        body = {"device_id": box, "asset_id": str(on), "fitted_from": (now - ago).isoformat()}
        return await supervisor.post("/api/v1/fitments", json=body)

    one = (await fit(first, timedelta(days=9))).json()
    taken = await fit(second, timedelta(days=1))
    assert taken.status_code == 409
    assert "Van 1" in taken.json()["detail"]
    end = {"fitted_until": (now - timedelta(days=2)).isoformat()}
    await supervisor.post(f"/api/v1/fitments/{one['id']}/end", json=end)
    assert (await fit(second, timedelta(days=3))).status_code == 409
    assert (await fit(second, timedelta(days=2))).status_code == 201


@pytest.mark.parametrize(
    ("path", "field"), [("/api/v1/fitments", "fitted_from"), ("end", "fitted_until")]
)
@pytest.mark.parametrize("when", ["tomorrow", "before it began", "no zone", "never"])
async def test_a_fitment_has_a_sensible_time(
    supervisor: httpx.AsyncClient, town: Town, path: str, field: str, when: str
) -> None:
    one, _ = await town.add_asset(town.centre, "Van")
    box = (await supervisor.post("/api/v1/devices", json=device(town.centre))).json()["id"]
    body = {"device_id": box, "asset_id": str(one)}
    if path == "end":
        fitment = (await supervisor.post("/api/v1/fitments", json=body)).json()["id"]
        path, body = f"/api/v1/fitments/{fitment}/end", {}
    elif when == "before it began":
        return
    said = {
        "tomorrow": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        "before it began": "2020-01-01T00:00:00Z",
        "no zone": "2026-01-01T00:00:00",
        "never": "never",
    }[when]
    answer = await supervisor.post(path, json={**body, field: said})
    assert answer.status_code == 422


async def test_what_belongs_to_different_clients_is_not_fitted_together(
    supervisor: httpx.AsyncClient, town: Town
) -> None:
    bakery, florist = await town.add_client("Bakery"), await town.add_client("Florist")
    one, _ = await town.add_asset(florist, "Van")
    box = (await supervisor.post("/api/v1/devices", json=device(bakery))).json()["id"]
    answer = await supervisor.post(
        "/api/v1/fitments", json={"device_id": box, "asset_id": str(one)}
    )
    assert answer.status_code == 409


@pytest.mark.parametrize("what", ["assets", "devices"])
async def test_what_is_retired_is_unfitted_and_not_fitted_again(
    supervisor: httpx.AsyncClient, town: Town, what: str
) -> None:
    one, _ = await town.add_asset(town.centre, "Van")
    box = await town.add_device(town.centre, "356307042441013", one)
    retired = one if what == "assets" else box
    await supervisor.post(f"/api/v1/{what}/{retired}/retire")
    listed = (await supervisor.get("/api/v1/fitments")).json()["items"]
    assert [fitment["fitted_until"] is None for fitment in listed] == [False]
    again = {"device_id": str(box), "asset_id": str(one)}
    assert (await supervisor.post("/api/v1/fitments", json=again)).status_code == 409
    await supervisor.post(f"/api/v1/{what}/{retired}/restore")
    assert (await supervisor.post("/api/v1/fitments", json=again)).status_code == 201


async def test_gateways_hear_of_every_change_when_it_is_true(
    settings: Settings, supervisor: httpx.AsyncClient, town: Town
) -> None:
    one, _ = await town.add_asset(town.centre, "Van")
    heard: asyncio.Queue[str] = asyncio.Queue()
    gateway = await connect(settings, "ingest")
    await gateway.add_listener(NOTIFY_FLEET, lambda *said: heard.put_nowait(str(said[3])))
    try:
        box = (await supervisor.post("/api/v1/devices", json=device(town.centre))).json()["id"]
        assert await told(heard)
        body = {"device_id": box, "asset_id": str(one)}
        fitment = (await supervisor.post("/api/v1/fitments", json=body)).json()["id"]
        assert await told(heard)
        for method, path, change in [
            ("PATCH", f"assets/{one}", {"name": "Van 2"}),
            ("PATCH", f"devices/{box}", {"model": "GT06N"}),
            ("POST", f"fitments/{fitment}/end", {}),
            ("POST", f"devices/{box}/retire", None),
            ("POST", f"devices/{box}/restore", None),
            ("POST", f"assets/{one}/retire", None),
        ]:
            answer = await supervisor.request(method, f"/api/v1/{path}", json=change)
            assert answer.status_code == 200, path
            assert await told(heard), path
    finally:
        await gateway.close()


async def test_a_client_reads_its_own_fleet_and_changes_nothing(web: Web, town: Town) -> None:
    bakery = await town.add_client("Bakery")
    one, _ = await town.add_asset(bakery, "Van")
    await town.add_device(bakery, "356307042441013", one)
    other = await town.add_client("Florist")
    await town.add_asset(other, "Secret")
    _, token = await town.add_person("Bea", organisation=bakery, role="client")
    client = web.client(token=token)
    assert await names(client, "/api/v1/assets") == ["Van"]
    assert len((await client.get("/api/v1/devices")).json()["items"]) == 1
    assert (await client.patch(f"/api/v1/assets/{one}", json={"name": "X"})).status_code == 403


async def test_the_database_itself_refuses_a_fitment_across_clients(pool: Pool, town: Town) -> None:
    bakery, florist = await town.add_client("Bakery"), await town.add_client("Florist")
    theirs, _ = await town.add_asset(florist, "Van")
    ours, _ = await town.add_asset(bakery, "Van")
    box = await town.add_device(bakery, "unit", ours)
    await pool.execute("UPDATE fitments SET fitted_until = now()")
    for organisation in (bakery, florist):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await pool.execute(
                "INSERT INTO fitments (organisation_id, device_id, asset_id) VALUES ($1, $2, $3)",
                organisation,
                box,
                theirs,
            )


async def names(client: httpx.AsyncClient, path: str, **params: Any) -> list[str]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def told(heard: asyncio.Queue[str]) -> bool:
    async with asyncio.timeout(10):
        return await heard.get() == "356307042441013"


def asset(organisation: UUID, **other: Any) -> dict[str, Any]:
    return {"organisation_id": str(organisation), "kind": "vehicle", "name": "Van", **other}


def device(organisation: UUID, **other: Any) -> dict[str, Any]:
    return {
        "organisation_id": str(organisation),
        "unit_id": "356307042441013",
        "codec": "gt06",
        "kind": "tracker",
        "reporting_time_s": 3600,
        **other,
    }
