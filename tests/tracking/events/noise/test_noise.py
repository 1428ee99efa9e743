"""Who makes most alarms, and which other number would have spared how many."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web
from tracking.events.noise import service
from tracking.events.noise.changes import MOST_CHANGES, changed_rules
from tracking.events.noise.noise import Change, comparison_of
from tracking.rules.rule import SetRule

NOISE = "/api/v1/rules/noise"
NOW = datetime.now(UTC).replace(microsecond=0)
TOO_FAST: dict[str, Any] = {
    "kind": "overspeed",
    "limit": "set",
    "limit_kmh": 90.0,
    "tolerance_kmh": 0.0,
    "ease_kmh": 5.0,
    "settle": 1,
    "zones": [],
}


class Street:
    """A bakery with a noisy rule, a florist, and their keepers."""

    def __init__(self, town: Town, web: Web) -> None:
        self.town, self._web = town, web

    async def settle(self) -> "Street":
        town = self.town
        self.bakery = await town.add_client("Bakery")
        self.florist = await town.add_client("Florist")
        self.van, _ = await town.add_asset(self.bakery, "Van")
        self.baker = await self.person("Bea", organisation=self.bakery, role="client")
        self.flora = await self.person("Flo", organisation=self.florist, role="client")
        self.keeper = await self.person("Sofie", role="supervisor")
        self.rule = await town.add_rule(self.bakery, "Fast", setting=TOO_FAST, severity=2)
        return self

    async def person(self, name: str, **who: Any) -> httpx.AsyncClient:
        _, token = await self.town.add_person(name, **who)
        return self._web.client(token=token)

    async def alarm(
        self, unit: str, cause: str, *, code: str | None = None, repeats: int = 0, **other: Any
    ) -> UUID:
        """An alarm of the bakery's van, of a rule or of a watch, closed so or open."""
        at = other.get("at", NOW - timedelta(hours=1))
        alarm = await self.town.raise_alarm(
            self.bakery, self.van, cause, 2, raised_at=at, notify=False
        )
        await self.town.pool.execute(
            "UPDATE alarms SET unit_id = $2, repeats = $3, close_code = $4, rule_id = $5,"
            " rule_version = CASE WHEN $5::uuid IS NULL THEN NULL ELSE 1 END, last_event_at = at,"
            " state = CASE WHEN $4::text IS NULL THEN 'raised' ELSE 'closed' END WHERE id = $1",
            alarm,
            unit,
            repeats,
            code,
            other.get("rule"),
        )
        return alarm

    async def drive(self, *speeds_kmh: float, until: datetime = NOW) -> None:
        await self.town.pool.execute("SELECT vigil_open_day($1::date)", until.date())
        await self.town.pool.execute("SELECT vigil_open_day($1::date - 1)", until.date())
        first = until - timedelta(minutes=len(speeds_kmh) - 1)
        device = uuid4()
        await self.town.pool.executemany(
            "INSERT INTO positions (asset_id, device_id, at, fingerprint, received_at, geom,"
            " speed_kmh, valid, buffered) VALUES ($1, $2, $3, 7, $3, ST_Point(4.35, 50.85, 4326),"
            " $4, true, false)",
            [
                (self.van, device, first + timedelta(minutes=n), speed)
                for n, speed in enumerate(speeds_kmh)
            ],
        )


@pytest.fixture
async def street(town: Town, web: Web) -> Street:
    return await Street(town, web).settle()


async def test_the_noisiest_come_first_with_how_often_it_was_for_nothing(street: Street):
    for minutes in (0, 10, 30):
        await street.town.add_event(
            street.bakery, street.rule, street.van, NOW - timedelta(minutes=minutes)
        )
    await street.town.add_event(street.bakery, street.rule, street.van, NOW, phase="ended")
    await street.alarm("a", "overspeed", code="false_user", repeats=4, rule=street.rule)
    await street.alarm("a", "overspeed", code="genuine_patrol", rule=street.rule)
    await street.alarm("a", "power_cut", code="test", at=NOW - timedelta(hours=3))
    await street.alarm("b", "power_cut")
    await street.alarm("b", "panic", code="genuine_police", at=NOW - timedelta(days=9))
    shown = (await street.baker.get(NOISE, params={"days": 7})).json()
    (rule,) = shown["rules"]
    assert (rule["rule"], rule["events"], rule["assets"]) == ("Fast", 3, 1)
    assert (rule["alarms"], rule["rings"], rule["false"], rule["genuine"]) == (2, 6, 1, 1)
    assert rule["share_false"] == 0.5
    assert rule["between_s"] == 900.0
    assert [(one["unit_id"], one["rings"]) for one in shown["devices"]] == [("a", 7), ("b", 1)]
    assert shown["devices"][0]["causes"] == ["overspeed", "power_cut"]
    assert shown["devices"][0]["asset"] == "Van"
    (watch,) = shown["watches"]
    assert (watch["cause"], watch["units"], watch["alarms"]) == ("power_cut", 2, 2)
    assert (watch["between_s"], watch["share_false"]) == (7_200.0, 1.0)
    longer = (await street.baker.get(NOISE, params={"days": 31})).json()
    assert {one["cause"] for one in longer["watches"]} == {"power_cut", "panic"}


async def test_nobody_sees_anothers_noise(street: Street):
    await street.alarm("a", "overspeed", rule=street.rule)
    shown = (await street.flora.get(NOISE)).json()
    assert (shown["rules"], shown["devices"], shown["watches"]) == ([], [], [])
    assert len((await street.keeper.get(NOISE)).json()["rules"]) == 1
    answer = await street.flora.post(NOISE, json={"rule_id": str(street.rule)})
    assert answer.status_code == 404


async def ended(client: httpx.AsyncClient, preview_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            shown: dict[str, Any] = (await client.get(f"{NOISE}/{preview_id}")).json()
            if shown["state"] != "running":
                return shown
            await asyncio.sleep(0.02)


async def test_what_other_numbers_would_have_spared_and_lost(street: Street):
    # Three strays of one fix, one a little too fast for long, and one chase that was real.
    await street.drive(50, 130, 50, 50, 130, 50, 50, 130, 50, until=NOW - timedelta(hours=4))
    await street.drive(50, 95, 95, 95, 95, 50, until=NOW - timedelta(hours=3))
    await street.drive(50, 130, 130, 130, 130, 50, until=NOW - timedelta(hours=2))
    chase = NOW - timedelta(hours=2, minutes=4)
    await street.alarm("a", "overspeed", code="genuine_police", rule=street.rule, at=chase)
    begun = await street.baker.post(NOISE, json={"rule_id": str(street.rule), "days": 1})
    assert begun.status_code == 202, begun.text
    shown = await ended(street.baker, begun.json()["preview_id"])
    assert (shown["state"], shown["began"], shown["confirmed"]) == ("done", 5, 1)
    spared = {one["change"]["at"]: one for one in shown["spared"]}
    settle = spared["setting.settle"]
    assert (settle["change"]["before"], settle["change"]["after"]) == (1.0, 2.0)
    assert (settle["began"], settle["spared"], settle["lost"]) == (2, 3, 0)
    limit = spared["setting.limit_kmh"]
    assert (limit["change"]["after"], limit["spared"]) == (99.0, 1)
    assert spared["for_s"]["spared"] == 3
    assert [one["lost"] for one in shown["spared"]] == [0] * len(spared)
    assert shown["spared"][0]["spared"] == 3
    progress = await street.baker.get(f"/api/v1/rules/previews/{shown['preview_id']}")
    assert progress.json()["state"] == "done"
    assert (await street.flora.get(f"{NOISE}/{shown['preview_id']}")).status_code == 404


async def test_what_would_lose_a_confirmed_alarm_is_said(street: Street):
    await street.drive(50, 92, 92, 92, 50, until=NOW - timedelta(hours=2))
    real = NOW - timedelta(hours=2, minutes=3)
    await street.alarm("a", "overspeed", code="genuine_patrol", rule=street.rule, at=real)
    begun = await street.baker.post(NOISE, json={"rule_id": str(street.rule), "days": 1})
    shown = await ended(street.baker, begun.json()["preview_id"])
    spared = {one["change"]["at"]: one for one in shown["spared"]}
    assert (spared["setting.limit_kmh"]["spared"], spared["setting.limit_kmh"]["lost"]) == (1, 1)
    assert spared["setting.settle"]["lost"] == 0


async def test_there_is_a_bound_on_the_work(street: Street, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "MOST_POSITIONS", 3)
    await street.town.pool.execute(
        "INSERT INTO assets (id, organisation_id, kind, name)"
        " VALUES ('ffffffff-ffff-4fff-bfff-ffffffffffff', $1, 'vehicle', 'Read last')",
        street.bakery,
    )
    await street.drive(*([50] * 6))
    begun = await street.baker.post(NOISE, json={"rule_id": str(street.rule), "days": 1})
    shown = await ended(street.baker, begun.json()["preview_id"])
    assert (shown["state"], shown["cut"]) == ("done", True)
    assert (shown["assets_done"], shown["assets"]) == (1, 2)
    answer = await street.baker.post(NOISE, json={"rule_id": str(street.rule), "days": 32})
    assert answer.status_code == 422


async def test_a_preview_is_no_comparison(street: Street):
    begun = await street.baker.post("/api/v1/rules/previews", json={"setting": TOO_FAST, "days": 1})
    assert (await street.baker.get(f"{NOISE}/{begun.json()['id']}")).status_code == 404


def rule(setting: dict[str, Any], for_s: float = 0.0) -> SetRule:
    return SetRule(
        id=uuid4(),
        version=1,
        organisation_id=uuid4(),
        of_centre=False,
        name="x",
        setting=setting,
        cause="x",
        for_s=for_s,
        schedule=None,
        scope={},
        severity=1,
    )


def changes(setting: dict[str, Any], for_s: float = 0.0) -> list[tuple[str, float, float]]:
    return [
        (change.at, change.before, change.after)
        for change, _ in changed_rules(rule(setting, for_s))
    ]


def test_numbers_are_changed_wherever_they_stand():
    inside = {"kind": "inside", "zones": ["x"], "margin_m": 15.0, "settle": 2, "settle_s": 0.0}
    setting = {"kind": "all", "of": [{"kind": "lasting", "for_s": 20.0, "of": TOO_FAST}, inside]}
    found = changes(setting, for_s=45.0)
    assert found[0] == ("for_s", 45.0, 90.0)
    assert ("setting.of.0.of.settle", 1, 2) in found
    assert ("setting.of.1.settle", 2, 3) in found
    assert len(found) == MOST_CHANGES
    changed = {change.at: other.setting for change, other in changed_rules(rule(setting, 45.0))}
    assert changed["setting.of.0.of.settle"]["of"][0]["of"]["settle"] == 2
    assert changed["setting.of.1.settle"]["of"][1]["settle"] == 3
    assert setting["of"][1] == inside


def test_what_is_denied_or_momentary_or_out_of_bounds_is_left_alone():
    assert [at for at, _, _ in changes({"kind": "not", "of": TOO_FAST})] == ["for_s"]
    entered = {"kind": "zone_entered", "zones": ["x"], "settle": 2}
    assert "for_s" not in [at for at, _, _ in changes(entered)]
    assert "setting.limit_kmh" not in [at for at, _, _ in changes({**TOO_FAST, "limit_kmh": 300})]
    assert [at for at, _, _ in changes({**TOO_FAST, "settle": 20})] == [
        "for_s",
        "setting.limit_kmh",
        "setting.tolerance_kmh",
    ]


def test_what_loses_nothing_comes_before_what_spares_more():
    one, two = (Change(at=name, before=1, after=2) for name in ("a", "b"))
    counts = {"by_rule": {"0": 9, "1": 1, "2": 5}, "met": {"0": [0, 3], "1": [3], "2": [0, 3]}}
    began, confirmed, spared = comparison_of(counts, [one, two])
    assert (began, confirmed) == (9, 2)
    assert [(each.change.at, each.spared, each.lost) for each in spared] == [
        ("b", 4, 0),
        ("a", 8, 1),
    ]
    assert comparison_of({}, [one, two]) == (0, 0, [])
