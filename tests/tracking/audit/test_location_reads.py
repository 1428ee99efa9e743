"""Who looked at whom: every read of a person's whereabouts, and nothing that could be edited."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web
from tracking.audit import store
from tracking.database import Pool, Reach, transaction

READS = "/api/v1/audit/location-reads"


async def add_located(town: Town, organisation: UUID, name: str, kind: str) -> UUID:
    asset, _ = await town.add_asset(organisation, name, kind=kind)
    device = await town.add_device(organisation, f"unit-{name}", asset)
    await town.pool.execute(
        "INSERT INTO last_positions (asset_id, device_id, at, received_at, geom, valid, buffered)"
        " VALUES ($1, $2, now(), now(), ST_Point(4.35, 50.85, 4326), true, false)",
        asset,
        device,
    )
    return asset


@pytest.mark.parametrize(
    "path",
    [
        "/assets/{asset}/position",
        "/assets/{asset}/card",
        "/assets/{asset}/track?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z",
        "/positions?west=4&south=50&east=5&north=51",
        "/positions/nearest?lat=50.85&lon=4.35",
    ],
)
@pytest.mark.parametrize(
    ("kind", "noted"), [("senior", True), ("lone_worker", True), ("vehicle", False)]
)
async def test_a_person_who_is_looked_at_finds_it_written_down(
    *, web: Web, supervisor: httpx.AsyncClient, town: Town, path: str, kind: str, noted: bool
) -> None:
    bakery = await town.add_client("Bakery")
    asset = await add_located(town, bakery, "Maria", kind)
    person, token = await town.add_person("An")
    where = f"/api/v1{path.format(asset=asset)}"
    assert (await web.client(token=token).get(where)).status_code == 200
    found = await reads(supervisor)
    assert [(read["person_id"], read["person"], read["asset"]) for read in found] == (
        [(str(person), "An", "Maria")] if noted else []
    )
    if noted:
        assert found[0]["what"]
        assert found[0]["organisation_id"] == str(bakery)


async def test_a_look_that_failed_is_not_a_look(
    web: Web, supervisor: httpx.AsyncClient, town: Town
) -> None:
    asset = await add_located(town, await town.add_client("Bakery"), "Maria", "senior")
    other = await town.add_client("Florist")
    _, token = await town.add_person("Bea", organisation=other, role="client")
    answer = await web.client(token=token).get(f"/api/v1/assets/{asset}/position")
    assert answer.status_code == 404
    assert await reads(supervisor) == []


async def test_reads_are_filtered_and_paged_with_the_newest_first(
    supervisor: httpx.AsyncClient, pool: Pool, town: Town
) -> None:
    bakery = await town.add_client("Bakery")
    maria = await add_located(town, bakery, "Maria", "senior")
    jef = await add_located(town, bakery, "Jef", "senior")
    an, _ = await town.add_person("An")
    luc, _ = await town.add_person("Luc")
    reach = Reach(organisation_id=town.centre, centre_id=town.centre)
    for person, asset in [(an, maria), (luc, maria), (an, jef), (luc, jef), (an, maria)]:
        async with transaction(pool, reach) as connection:
            await store.note_location_reads(
                connection, person_id=person, asset_ids=[asset], what="latest"
            )
    everything = await reads(supervisor)
    assert [read["person"] for read in everything] == ["An", "Luc", "An", "Luc", "An"]
    assert len(await reads(supervisor, asset_id=str(jef))) == 2
    assert len(await reads(supervisor, person_id=str(an), asset_id=str(maria))) == 2
    first = (await supervisor.get(READS, params={"limit": 2})).json()
    rest = (await supervisor.get(READS, params={"cursor": first["next"]})).json()
    assert first["items"] + rest["items"] == everything


async def test_a_screen_that_shows_everybody_is_written_down_once(
    supervisor: httpx.AsyncClient, pool: Pool, town: Town
) -> None:
    an, _ = await town.add_person("An")
    reach = Reach(organisation_id=town.centre, centre_id=town.centre)
    async with transaction(pool, reach) as connection:
        await store.note_screen_opened(
            connection, person_id=an, organisation_id=town.centre, what="live"
        )
    (read,) = await reads(supervisor)
    assert (read["person"], read["asset_id"], read["what"]) == ("An", None, "live")


async def reads(client: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    answer = await client.get(READS, params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
