"""The client of SOS Access that others wrote, sos-access, speaks to a gateway of ours."""

import asyncio
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gateways import alarms, count, listening, register, the_alarm
from tracking.bus import NOTIFY_FLEET
from tracking.database import Pool
from tracking.gateway.server import Gateway
from tracking.settings import Settings

with warnings.catch_warnings():
    # What it stands on asks distutils for a version.
    warnings.simplefilter("ignore", DeprecationWarning)
    from sos_access.client import SOSAccessClient
    from sos_access.exceptions import (
        MandatoryDataMissing,
        NotAuthorized,
        ServiceUnavailable,
        WrongContent,
    )

CODE, PASSWORD = "PPA00042", "0123456789abcde"


async def register_a_transmitter(pool: Pool, secret: str = PASSWORD) -> None:
    device = await register(pool, CODE, kind="panic_device", codec="sos_access")
    await pool.execute(
        "INSERT INTO device_secrets (device_id, secret) VALUES ($1, $2)", device.device_id, secret
    )
    await pool.execute("SELECT pg_notify($1, $2)", NOTIFY_FLEET, CODE)


def client(gateway: Gateway, **others: Any) -> SOSAccessClient:
    said = {
        "transmitter_code": CODE,
        "transmitter_type": "SV001",
        "authentication": PASSWORD,
        "receiver_id": "CENTRE",
        "receiver_address": ("127.0.0.1", gateway.ports["sos_access/tcp"]),
        "use_single_receiver": True,
    }
    return SOSAccessClient(**{**said, **others})


async def test_their_client_calls_for_help_and_ends_it(settings: Settings, pool: Pool):
    await register_a_transmitter(pool)
    at = datetime.now(UTC).replace(microsecond=0)
    async with listening(settings) as gateway:
        theirs = client(gateway)
        answer = await asyncio.to_thread(
            theirs.send_alarm,
            "SOS",
            transmitter_time=at,
            reference="2026112400001",
            section="1",
            section_text="Entré",
            detector_text="Pendant",
            additional_info=["Förste rad", "second line"],
            position={"pos": "N505080E0042169"},
        )
        assert (answer.status, answer.reference) == (0, "2026112400001")
        arrived = answer.arrival_time.replace(tzinfo=UTC)
        assert abs(arrived - datetime.now(UTC)) < timedelta(minutes=1)
        # Said again, as their client does when it has not heard our answer.
        for _ in range(2):
            await asyncio.to_thread(theirs.send_alarm, "HA", transmitter_time=at, reference="2")
        await asyncio.to_thread(theirs.restore_alarm, "SOS", transmitter_time=at)
    alarm = await the_alarm(pool)
    assert (alarm["unit_id"], alarm["cause"], alarm["repeats"]) == (CODE, "panic", 1)
    row = await pool.fetchrow(
        "SELECT at, ST_X(geom) AS lon, ST_Y(geom) AS lat, other FROM positions"
    )
    assert row is not None
    assert row["at"] == at
    assert (row["lon"], row["lat"]) == pytest.approx((4.3615, 50.846667), abs=1e-6)
    assert row["other"]["section_text"] == "Entré"
    assert row["other"]["text"].startswith("Förste rad")


async def test_their_pings_are_answered_and_a_new_password_is_not_given(
    settings: Settings, pool: Pool
):
    await register_a_transmitter(pool)
    async with listening(settings) as gateway:
        answer = await asyncio.to_thread(client(gateway).ping, "734632")
        assert (answer.status, answer.reference) == (0, "734632")
        with pytest.raises(ServiceUnavailable):
            await asyncio.to_thread(client(gateway).request_new_auth)
        await asyncio.to_thread(client(gateway).ping)
    assert await count(pool, "unit_sessions", "unit_id = $1", CODE) == 1
    assert await alarms(pool) == []


async def test_another_password_is_not_authorised_and_the_desk_is_told(
    settings: Settings, pool: Pool
):
    await register_a_transmitter(pool, "another_secret_")
    async with listening(settings) as gateway:
        with pytest.raises(NotAuthorized):
            await asyncio.to_thread(client(gateway).send_alarm, "SOS")
    alarm = await the_alarm(pool)
    assert (alarm["unit_id"], alarm["cause"]) == (CODE, "unreadable")


@pytest.mark.parametrize(
    ("others", "refused"),
    [({"receiver_id": ""}, MandatoryDataMissing), ({"transmitter_type": "SV"}, WrongContent)],
)
async def test_what_is_missing_or_wrong_is_told_and_rings_all_the_same(
    settings: Settings, pool: Pool, others: dict[str, str], refused: type[Exception]
):
    await register_a_transmitter(pool)
    async with listening(settings) as gateway:
        with pytest.raises(refused):
            await asyncio.to_thread(client(gateway, **others).send_alarm, "SOS")
    assert (await the_alarm(pool))["cause"] == "panic"
