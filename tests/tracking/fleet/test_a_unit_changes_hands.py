"""A box that is sold leaves its name to the next owner, and nothing else."""

import httpx
import pytest

from tests.devices import Device, ago, report, sos
from tests.gateways import alarms, listening
from tests.tracking.town import Town
from tests.tracking.web import Web
from tracking.settings import Settings

UNIT = "356938035643809"


@pytest.fixture
async def supervisor(web: Web, town: Town) -> httpx.AsyncClient:
    _, token = await town.add_person("Ada", role="supervisor")
    return web.client(token=token)


async def test_a_retired_unit_is_registered_by_its_next_owner(
    supervisor: httpx.AsyncClient, town: Town, settings: Settings
):
    bakery, florist = await town.add_client("Bakery"), await town.add_client("Florist")
    van, _ = await town.add_asset(bakery, "Van")
    old = await town.add_device(bakery, UNIT, van)
    async with listening(settings) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await device.sign_in()
        device.say(report(ago(30)), sos(ago(20), 1))
        await device.answered()
        await supervisor.post(f"/api/v1/devices/{old}/retire")
        new = {
            "organisation_id": str(florist),
            "unit_id": UNIT,
            "codec": "gt06",
            "kind": "tracker",
        }
        added = await supervisor.post("/api/v1/devices", json=new)
        assert added.status_code == 201, added.text
        bike, _ = await town.add_asset(florist, "Bike")
        fitted = {
            "device_id": added.json()["id"],
            "asset_id": str(bike),
            "fitted_from": ago(10).isoformat(),
        }
        assert (await supervisor.post("/api/v1/fitments", json=fitted)).status_code == 201
        again = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await again.sign_in()
        again.say(sos(ago(0), 2))
        await again.answered()
    first, second = await alarms(town.pool)
    assert (first["asset_id"], second["asset_id"]) == (van, bike)
    assert (first["repeats"], second["repeats"]) == (0, 0)
    restored = await supervisor.post(f"/api/v1/devices/{old}/restore")
    assert restored.status_code == 409
    shown = (await supervisor.get(f"/api/v1/devices/{old}")).json()
    assert shown["heard_at"] is None


async def test_two_devices_in_use_never_share_a_name(supervisor: httpx.AsyncClient, town: Town):
    bakery = await town.add_client("Bakery")
    await town.add_device(bakery, UNIT, None)
    new = {"organisation_id": str(bakery), "unit_id": UNIT, "codec": "gt06", "kind": "tracker"}
    assert (await supervisor.post("/api/v1/devices", json=new)).status_code == 409


async def test_the_next_owners_centre_does_not_read_what_was_said_before(web: Web, town: Town):
    before = await town.add_client("Bakery")
    old = await town.add_device(before, UNIT, None)
    await town.pool.execute("UPDATE devices SET created_at = now() - interval '1 day'")
    other_centre = await town.add_centre("Elsewhere")
    after = await town.add_client("Florist", other_centre)
    for days in (0, 1):
        await town.pool.execute("SELECT vigil_open_day(now()::date - $1::int)", days)
    await town.pool.execute(
        "INSERT INTO frames SELECT now() - interval '1 minute', $1, 'gt06', '\\x01'", UNIT
    )
    await town.pool.execute("UPDATE devices SET retired_at = now() WHERE id = $1", old)
    new = await town.add_device(after, UNIT, None)
    await town.pool.execute(
        "INSERT INTO frames SELECT now() + interval '1 second', $1, 'gt06', '\\x02'", UNIT
    )
    seen = {}
    for name, centre, device in (("ours", town.centre, old), ("theirs", other_centre, new)):
        _, token = await town.add_person("Eva", organisation=centre)
        answer = await web.client(token=token).get(
            f"/api/v1/devices/{device}/frames", params={"before": "2100-01-01T00:00:00Z"}
        )
        seen[name] = [frame["hex"] for frame in answer.json()]
    assert seen == {"ours": ["01"], "theirs": ["02"]}
