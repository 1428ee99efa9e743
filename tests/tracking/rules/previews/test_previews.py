"""What a rule would have noticed: found at once, looked at while it runs, cancelled, never lost."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web, open_web
from tracking.rules.previews import runner as runners
from tracking.rules.previews import service, store
from tracking.rules.previews.runner import Runner
from tracking.rules.trial_process import Trial
from tracking.settings import Settings

PREVIEWS = "/api/v1/rules/previews"
TOO_FAST: dict[str, Any] = {"kind": "overspeed", "limit_kmh": 90, "settle": 1}
NOW = datetime.now(UTC).replace(microsecond=0)


class Past:
    """A bakery with a van that was driven, and a lone worker; a florist with a cart."""

    def __init__(self, town: Town, web: Web) -> None:
        self.town, self._web = town, web

    async def settle(self) -> "Past":
        town = self.town
        self.bakery = await town.add_client("Bakery")
        self.florist = await town.add_client("Florist")
        self.van, _ = await town.add_asset(self.bakery, "Van")
        self.jan, _ = await town.add_asset(self.bakery, "Jan", kind="lone_worker")
        self.cart, _ = await town.add_asset(self.florist, "Cart")
        self.baker = await self.person("Bea", organisation=self.bakery, role="client")
        self.flora = await self.person("Flo", organisation=self.florist, role="client")
        self.keeper = await self.person("Sofie", role="supervisor")
        for days in range(4):
            await town.pool.execute("SELECT vigil_open_day(now()::date - $1::int)", days)
        return self

    async def person(self, name: str, **who: Any) -> httpx.AsyncClient:
        _, token = await self.town.add_person(name, **who)
        return self._web.client(token=token)

    async def drive(self, asset: UUID, *speeds_kmh: float, until: datetime = NOW) -> None:
        """One position a minute, the last one at ``until``."""
        first = until - timedelta(minutes=len(speeds_kmh) - 1)
        device = uuid4()
        await self.town.pool.executemany(
            "INSERT INTO positions (asset_id, device_id, at, fingerprint, received_at, geom,"
            " speed_kmh, valid, buffered) VALUES ($1, $2, $3, 7, $3, ST_Point(4.35, 50.85, 4326),"
            " $4, true, false)",
            [
                (asset, device, first + timedelta(minutes=n), speed)
                for n, speed in enumerate(speeds_kmh)
            ],
        )


@pytest.fixture
async def past(town: Town, web: Web) -> Past:
    return await Past(town, web).settle()


async def start(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await client.post(PREVIEWS, json={"setting": TOO_FAST, "days": 3, **said})
    assert answer.status_code == 202, answer.text
    begun: dict[str, Any] = answer.json()
    return begun


async def ended(client: httpx.AsyncClient, preview_id: str) -> dict[str, Any]:
    """The preview when it no longer runs."""
    async with asyncio.timeout(60):
        while True:
            shown: dict[str, Any] = (await client.get(f"{PREVIEWS}/{preview_id}")).json()
            if shown["state"] != "running":
                return shown
            await asyncio.sleep(0.02)


async def test_a_rule_is_tried_on_the_days_that_were(past: Past):
    await past.drive(past.van, 50, 120, 50, 50, 130, 131, 60)
    await past.drive(past.van, 40, 110, 40, until=NOW - timedelta(days=2))
    await past.drive(past.cart, 120, 120)
    begun = await start(past.baker)
    assert begun["state"] == "running"
    shown = await ended(past.baker, begun["id"])
    assert (shown["state"], shown["share"], shown["error"]) == ("done", 1.0, "")
    assert (shown["assets"], shown["assets_done"], shown["positions"]) == (2, 2, 10)
    assert (shown["events"], shown["began"]) == (6, 3)
    assert [(one["asset"], one["began"]) for one in shown["by_asset"]] == [("Van", 3)]
    assert sum(day["began"] for day in shown["by_day"]) == 3
    found = (await past.baker.get(f"{PREVIEWS}/{begun['id']}/events")).json()
    assert [one["phase"] for one in found["items"]] == ["began", "ended"] * 3
    assert found["events"] == 6
    assert found["items"][0]["asset_id"] == str(past.van)
    assert found["items"][0]["facts"]["speed_kmh"] == 110.0
    assert found["items"][0]["lat"] == pytest.approx(50.85)


async def test_what_is_tried_may_be_the_next_version_of_a_rule(past: Past):
    await past.drive(past.van, 50, 120)
    await past.drive(past.cart, 50, 120)
    rule = await past.town.add_rule(past.bakery, "Baker's")
    begun = await start(past.keeper, rule_id=str(rule))
    shown = await ended(past.keeper, begun["id"])
    assert (shown["rule_id"], shown["began"]) == (str(rule), 1)
    missing = await past.flora.post(
        PREVIEWS, json={"setting": TOO_FAST, "rule_id": str(rule), "days": 1}
    )
    assert missing.status_code == 404


async def test_nobody_tries_a_rule_on_what_is_not_theirs(past: Past):
    await past.drive(past.cart, 50, 120)
    shown = await ended(past.baker, (await start(past.baker))["id"])
    assert (shown["assets"], shown["events"]) == (2, 0)
    wide = await ended(past.keeper, (await start(past.keeper))["id"])
    assert (wide["assets"], wide["events"]) == (3, 1)
    answer = await past.baker.post(
        PREVIEWS, json={"setting": TOO_FAST, "scope": {"assets": [str(past.cart)]}}
    )
    assert answer.status_code == 422
    for client in (past.baker, past.flora):
        for path in (wide["id"], f"{wide['id']}/events"):
            assert (await client.get(f"{PREVIEWS}/{path}")).status_code == 404
        assert (await client.delete(f"{PREVIEWS}/{wide['id']}")).status_code == 404


async def test_whose_history_was_read_is_written_down(past: Past):
    shown = await ended(past.baker, (await start(past.baker))["id"])
    assert shown["state"] == "done"
    reads = await past.town.pool.fetch("SELECT asset_id, what FROM location_reads")
    assert [tuple(row) for row in reads] == [(past.jan, "rule trial")]


async def test_a_rule_is_tried_on_as_many_days_as_are_kept(past: Past, settings: Settings):
    days = settings.positions_retention_days
    assert (await start(past.keeper, days=days))["state"] == "running"
    answer = await past.keeper.post(PREVIEWS, json={"setting": TOO_FAST, "days": days + 1})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "body.days"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """While this is not set, no trial answers."""
    let_go = asyncio.Event()
    asked: Callable[..., Awaitable[Any]] = Trial.ask

    async def ask(self: Trial, said: Any) -> Any:
        await let_go.wait()
        return await asked(self, said)

    monkeypatch.setattr(Trial, "ask", ask)
    return let_go


async def test_who_cancels_is_obeyed_from_another_process_too(
    past: Past, settings: Settings, held: asyncio.Event, town: Town
):
    begun = await start(past.baker)
    runner: Runner = past._web.app.state.previews
    assert runner._taken == 1
    async with open_web(settings) as elsewhere:
        _, token = await town.add_person("Ben", organisation=past.bakery, role="client")
        answer = await elsewhere.client(token=token).delete(f"{PREVIEWS}/{begun['id']}")
        assert answer.status_code == 204
    async with asyncio.timeout(20):
        await asyncio.wait(runner._tasks)
    assert runner._taken == 0
    assert (await ended(past.baker, begun["id"]))["state"] == "cancelled"


async def test_so_many_previews_run_and_no_more(past: Past, held: asyncio.Event):
    begun = [await start(past.baker) for _ in range(2)]
    answer = await past.baker.post(PREVIEWS, json={"setting": TOO_FAST, "days": 1})
    assert answer.status_code == 429
    held.set()
    for each in begun:
        assert (await ended(past.baker, each["id"]))["state"] == "done"
    await start(past.baker)


async def test_an_organisation_has_so_many_previews_whatever_process_works_at_them(
    past: Past, settings: Settings, held: asyncio.Event, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runners, "MOST_AT_ONCE", 9)
    for _ in range(service.MOST_OF_ORGANISATION):
        await start(past.baker)
    answer = await past.baker.post(PREVIEWS, json={"setting": TOO_FAST, "days": 1})
    assert answer.status_code == 429
    assert "Your other previews" in answer.json()["detail"]
    await start(past.flora)
    held.set()


async def test_a_preview_that_lost_its_process_is_told_as_failed(past: Past, held: asyncio.Event):
    begun = await start(past.baker)
    # Looked at before the runner, which lives on here, says so again.
    async with asyncio.timeout(20):
        while True:
            await past.town.pool.execute(
                "UPDATE previews SET seen_at = now() - make_interval(secs => $1)",
                store.ALIVE_S + 1,
            )
            shown = (await past.baker.get(f"{PREVIEWS}/{begun['id']}")).json()
            if shown["state"] == "failed":
                break
    assert "has ended" in shown["error"]
    held.set()


async def test_a_process_that_judges_and_dies_is_told_as_failed(
    past: Past, monkeypatch: pytest.MonkeyPatch
):
    await past.drive(past.van, 50, 120)
    asked: Callable[..., Awaitable[Any]] = Trial.ask
    told = 0

    async def ask(self: Trial, said: Any) -> Any:
        nonlocal told
        told += 1
        if told == 3:
            self._process.kill()
            await self._process.wait()
        return await asked(self, said)

    monkeypatch.setattr(Trial, "ask", ask)
    shown = await ended(past.baker, (await start(past.baker))["id"])
    assert shown["state"] == "failed"
    assert "process that judged" in shown["error"]


async def test_a_house_that_closes_says_so_of_what_it_was_working_at(
    settings: Settings, town: Town, held: asyncio.Event
):
    async with open_web(settings) as web:
        past = await Past(town, web).settle()
        await start(past.baker)
    row = await town.pool.fetchrow("SELECT state, error FROM previews")
    assert row is not None
    assert (row["state"], row["error"]) == ("failed", "This process was stopped; ask again.")


async def test_more_than_a_thousand_are_counted_and_the_first_are_kept(
    past: Past, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tracking.rules.previews.preview.MOST_KEPT", 3)
    monkeypatch.setattr(runners, "PAGE", 4)
    await past.drive(past.van, *([50, 120] * 5))
    shown = await ended(past.baker, (await start(past.baker))["id"])
    assert (shown["positions"], shown["began"], shown["events"]) == (10, 5, 9)
    found = (await past.baker.get(f"{PREVIEWS}/{shown['id']}/events")).json()
    assert len(found["items"]) == 3
    times = [one["at"] for one in found["items"]]
    assert times == sorted(times)


async def test_a_rule_about_a_label_is_tried_with_the_zones_that_have_it(past: Past):
    await past.town.pool.execute(
        "INSERT INTO zones (version, organisation_id, name, kind, geom, labels) VALUES"
        " (1, $1, 'Depot', 'polygon', ST_MakeEnvelope(4.3, 50.8, 4.4, 50.9, 4326), '{depot}')",
        past.bakery,
    )
    await past.drive(past.van, *([30] * 6))
    setting = {"kind": "inside", "zones": ["label:depot"]}
    shown = await ended(past.baker, (await start(past.baker, setting=setting))["id"])
    assert (shown["state"], shown["began"]) == ("done", 1)
