"""Alarms over HTTP, as operators and clients use them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.tracking.town import House, Town


@pytest.fixture
async def anna(house: House, town: Town) -> AsyncIterator[httpx.AsyncClient]:
    _, token = await town.add_person("Anna")
    async with house.client(token) as client:
        yield client


async def all_of(client: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = await client.get(f"/api/v1/alarms?{query}{cursor}")
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        cursor = f"&cursor={answer.json()['next']}"


async def test_the_queue_is_by_priority_and_then_by_who_waits_longest(
    anna: httpx.AsyncClient, town: Town
) -> None:
    bakery = await town.add_client("Bakery")
    now = datetime.now(UTC)
    said = [(3, 10), (1, 5), (1, 9), (4, 99), (1, 7), (3, 10)]
    for priority, minutes in said:
        await town.raise_alarm(
            bakery, priority=priority, raised_at=now - timedelta(minutes=minutes)
        )
    found = await all_of(anna, "limit=2")
    ages = [
        (one["priority"], round((now - datetime.fromisoformat(one["raised_at"])).seconds / 60))
        for one in found
    ]
    assert ages == [(1, 9), (1, 7), (1, 5), (3, 10), (3, 10), (4, 99)]
    assert len({one["id"] for one in found}) == 6
    assert len(await all_of(anna, "priority=1")) == 3


async def test_of_fifty_who_acknowledge_together_one_wins_and_the_others_hear_who(
    house: House, town: Town
) -> None:
    alarm = await town.raise_alarm(await town.add_client("Bakery"))
    clients = []
    for number in range(50):
        _, token = await town.add_person(f"Operator {number}")
        clients.append(house.client(token))
    path = f"/api/v1/alarms/{alarm}/acknowledge"
    answers = await asyncio.gather(*(client.post(path) for client in clients))
    for client in clients:
        await client.aclose()
    won = [answer for answer in answers if answer.status_code == 200]
    lost = [answer for answer in answers if answer.status_code == 409]
    assert (len(won), len(lost)) == (1, 49)
    winner = won[0].json()["acknowledged_by"]
    assert winner == f"Operator {answers.index(won[0])}"
    for answer in lost:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"].startswith(f"{winner} acknowledged this alarm at ")
    kinds = await town.pool.fetch("SELECT kind FROM alarm_events WHERE alarm_id = $1", alarm)
    assert sorted(row[0] for row in kinds) == ["acknowledged", "raised"]
    assert await town.pool.fetchval("SELECT count(*) FROM changes WHERE alarm_id = $1", alarm) == 2


async def test_an_alarm_is_taken_noted_and_closed_and_its_story_is_kept(
    anna: httpx.AsyncClient, town: Town
) -> None:
    alarm = await town.raise_alarm(await town.add_client("Bakery"))
    path = f"/api/v1/alarms/{alarm}"
    early = await anna.post(f"{path}/close", json={"code": "test", "note": "a drill, as agreed"})
    assert early.status_code == 409
    assert "Acknowledge" in early.json()["detail"]
    assert (await anna.post(f"{path}/acknowledge")).json()["state"] == "acknowledged"
    noted = await anna.post(f"{path}/notes", json={"note": "  Daughter is on her way.  "})
    assert noted.status_code == 201
    brief = await anna.post(f"{path}/close", json={"code": "test", "note": "drill"})
    assert brief.status_code == 422
    unknown = await anna.post(f"{path}/close", json={"code": "whatever", "note": "1234567890"})
    assert unknown.status_code == 422
    closed = await anna.post(f"{path}/close", json={"code": "test", "note": "A drill, as agreed."})
    assert closed.json()["close_code"] == "test"
    again = await anna.post(f"{path}/close", json={"code": "test", "note": "A drill, as agreed."})
    assert again.status_code == 409
    assert again.json()["detail"].startswith("Anna closed this alarm at ")
    story = (await anna.get(path)).json()
    assert [(event["kind"], event["person"]) for event in story["events"]] == [
        ("raised", None),
        ("acknowledged", "Anna"),
        ("noted", "Anna"),
        ("closed", "Anna"),
    ]
    assert story["events"][2]["detail"] == {"note": "Daughter is on her way."}
    assert story["close_note"] == "A drill, as agreed."
    assert await all_of(anna, "state=open") == []
    assert [one["id"] for one in await all_of(anna, "state=closed")] == [str(alarm)]


async def test_a_lesser_alarm_is_closed_without_a_note(anna: httpx.AsyncClient, town: Town) -> None:
    alarm = await town.raise_alarm(await town.add_client("Bakery"), cause="low_battery", priority=4)
    await anna.post(f"/api/v1/alarms/{alarm}/acknowledge")
    closed = await anna.post(f"/api/v1/alarms/{alarm}/close", json={"code": "technical"})
    assert closed.status_code == 200


async def test_a_client_reads_its_own_alarms_and_acts_on_none(house: House, town: Town) -> None:
    bakery, butcher = await town.add_client("Bakery"), await town.add_client("Butcher")
    own, other = await town.raise_alarm(bakery), await town.raise_alarm(butcher)
    _, operator = await town.add_person("Anna")
    _, token = await town.add_person("Baker", organisation=bakery, role="client")
    async with house.client(operator) as anna:
        await anna.post(f"/api/v1/alarms/{own}/acknowledge")
        await anna.post(f"/api/v1/alarms/{own}/notes", json={"note": "Among ourselves."})
    async with house.client(token) as baker:
        assert [one["id"] for one in await all_of(baker, "")] == [str(own)]
        assert (await baker.get(f"/api/v1/alarms/{other}")).status_code == 404
        story = (await baker.get(f"/api/v1/alarms/{own}")).json()
        assert story["acknowledged_at"] is not None
        assert "Anna" not in str(story)
        assert "Among ourselves." not in str(story)
        for act in ("acknowledge", "close", "notes"):
            answer = await baker.post(
                f"/api/v1/alarms/{own}/{act}", json={"code": "test", "note": "1234567890"}
            )
            assert answer.status_code == 403


async def test_another_centre_does_not_exist_for_us(house: House, town: Town) -> None:
    elsewhere = await town.add_centre("Elsewhere")
    alarm = await town.raise_alarm(await town.add_client("Theirs", elsewhere))
    _, token = await town.add_person("Anna")
    async with house.client(token) as anna:
        assert await all_of(anna, "state=all") == []
        assert (await anna.get(f"/api/v1/alarms/{alarm}")).status_code == 404
        assert (await anna.post(f"/api/v1/alarms/{alarm}/acknowledge")).status_code == 404
        assert (await anna.post(f"/api/v1/alarms/{uuid4()}/acknowledge")).status_code == 404


async def test_nobody_reads_alarms_without_signing_in(house: House) -> None:
    async with house.client() as nobody:
        for path in ("/alarms", f"/alarms/{uuid4()}", "/alarms/close-codes"):
            assert (await nobody.get(f"/api/v1{path}")).status_code == 401


async def test_a_look_at_where_a_person_called_for_help_is_written_down(
    house: House, town: Town
) -> None:
    care = await town.add_client("Home care")
    nurse, _ = await town.add_asset(care, "Nurse 7", "lone_worker")
    van, _ = await town.add_asset(care, "Van")
    for asset in (nurse, van):
        await town.raise_alarm(care, asset, fix=(50.85, 4.35))
    person, token = await town.add_person("Anna")
    async with house.client(token) as anna:
        await all_of(anna, "")
    rows = await town.pool.fetch("SELECT person_id, asset_id, what FROM location_reads")
    assert [tuple(row) for row in rows] == [(person, nurse, "alarm")]


async def test_close_codes_come_with_their_names(anna: httpx.AsyncClient) -> None:
    codes = (await anna.get("/api/v1/alarms/close-codes")).json()
    assert {"false_user", "genuine_police", "training"} <= {one["code"] for one in codes}
    assert all(set(one["names"]) == {"nl", "fr", "de", "en"} for one in codes)


async def test_a_cursor_that_nobody_gave_is_refused(anna: httpx.AsyncClient) -> None:
    for cursor in ("x", "WyJhIiwiYiJd", "WzFd"):
        answer = await anna.get(f"/api/v1/alarms?cursor={cursor}")
        assert answer.status_code == 422, cursor


async def test_a_note_says_something(anna: httpx.AsyncClient, town: Town) -> None:
    alarm = await town.raise_alarm(await town.add_client("Bakery"))
    for note in ("", "   "):
        answer = await anna.post(f"/api/v1/alarms/{alarm}/notes", json={"note": note})
        assert answer.status_code == 422
