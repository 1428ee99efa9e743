"""Who may set which rules about whom, version by version, and what is refused in which words."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web
from tracking.bus import NOTIFY_RULES
from tracking.settings import Settings

RULES = "/api/v1/rules"
TOO_FAST: dict[str, Any] = {"kind": "overspeed", "limit_kmh": 90}


class Who:
    """A centre with two clients, and somebody of each."""

    def __init__(self, town: Town, web: Web) -> None:
        self.town = town
        self._web = web

    async def settle(self) -> "Who":
        self.bakery = await self.town.add_client("Bakery")
        self.florist = await self.town.add_client("Florist")
        self.van, _ = await self.town.add_asset(self.bakery, "Van")
        self.cart, _ = await self.town.add_asset(self.florist, "Cart")
        self.baker = await self.person("Bea", organisation=self.bakery, role="client")
        self.keeper = await self.person("Sofie", role="supervisor")
        self.operator = await self.person("Otto", role="operator")
        return self

    async def person(self, name: str, **who: Any) -> httpx.AsyncClient:
        _, token = await self.town.add_person(name, **who)
        return self._web.client(token=token)

    async def zone(self, organisation: UUID, *, labels: tuple[str, ...] = ()) -> UUID:
        zone: UUID = await self.town.pool.fetchval(
            "INSERT INTO zones (version, organisation_id, name, kind, geom, radius_m, labels)"
            " VALUES (1, $1, 'Depot', 'circle', ST_Buffer(ST_Point(4.35, 50.85, 4326), 0.001),"
            " 80, $2) RETURNING id",
            organisation,
            list(labels),
        )
        return zone


@pytest.fixture
async def who(town: Town, web: Web) -> Who:
    return await Who(town, web).settle()


async def file_rule(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await client.post(RULES, json={"name": "Fast", "setting": TOO_FAST, **said})
    assert answer.status_code == 201, answer.text
    filed: dict[str, Any] = answer.json()
    return filed


async def refused(client: httpx.AsyncClient, **said: Any) -> tuple[str, str]:
    """Where a rule is wrong, and what is said of it."""
    answer = await client.post(RULES, json={"name": "Fast", "setting": TOO_FAST, **said})
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    return error["where"], error["what"]


async def test_a_rule_is_filed_whole_with_what_was_left_out(who: Who):
    filed = await file_rule(who.baker, severity=2, note="Since the accident")
    assert (filed["version"], filed["cause"], filed["enabled"]) == (1, "overspeed", True)
    assert filed["setting"]["tolerance_kmh"] == 5.0
    assert filed["organisation"] == "Bakery"
    assert filed["scope"]["organisations"] == [str(who.bakery)]
    assert filed["created_by"] == "Bea"
    assert (await who.baker.get(f"{RULES}/{filed['id']}")).json()["failures"] == []


async def test_every_change_is_a_version_and_the_newest_is_in_force(who: Who):
    filed = await file_rule(who.baker)
    where = f"{RULES}/{filed['id']}"
    slower = {"name": "Slower", "setting": {"kind": "overspeed", "limit_kmh": 50}, "based_on": 1}
    second = (await who.baker.put(where, json=slower)).json()
    assert (second["version"], second["setting"]["limit_kmh"]) == (2, 50.0)
    off = (await who.baker.post(f"{where}/disable")).json()
    assert (off["version"], off["enabled"], off["name"]) == (3, False, "Slower")
    again = (await who.baker.post(f"{where}/disable")).json()
    assert again["version"] == 3
    versions = (await who.baker.get(f"{where}/versions")).json()
    assert [one["version"] for one in versions] == [3, 2, 1]
    assert versions[2]["setting"]["limit_kmh"] == 90.0


async def test_who_changes_an_older_version_hears_of_the_newer_one(who: Who):
    filed = await file_rule(who.baker)
    where = f"{RULES}/{filed['id']}"
    change = {"name": "Mine", "setting": TOO_FAST, "based_on": 1}
    answers = await asyncio.gather(*(who.baker.put(where, json=change) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    late = next(answer for answer in answers if answer.status_code == 409)
    assert "version 2 is in force" in late.json()["detail"]


async def test_what_is_removed_is_gone_from_the_books_and_its_versions_stay(who: Who):
    filed = await file_rule(who.baker)
    where = f"{RULES}/{filed['id']}"
    assert (await who.baker.delete(where)).status_code == 204
    assert (await who.baker.get(where)).status_code == 404
    assert (await who.baker.delete(where)).status_code == 404
    assert (await who.baker.get(RULES)).json()["items"] == []
    versions = (await who.baker.get(f"{where}/versions")).json()
    assert [(one["version"], one["removed"]) for one in versions] == [(2, True), (1, False)]


async def test_a_client_sees_and_sets_its_own_rules_only(who: Who):
    of_centre = await file_rule(who.keeper, name="Centre's")
    theirs = await file_rule(who.keeper, name="Florist's", organisation_id=str(who.florist))
    own = await file_rule(who.baker, name="Baker's")
    seen = [one["id"] for one in (await who.baker.get(RULES)).json()["items"]]
    assert seen == [own["id"]]
    for rule in (of_centre, theirs):
        where = f"{RULES}/{rule['id']}"
        change = {"name": "X", "setting": TOO_FAST, "based_on": 1}
        assert (await who.baker.get(where)).status_code == 404
        assert (await who.baker.get(f"{where}/versions")).status_code == 404
        assert (await who.baker.put(where, json=change)).status_code == 404
        assert (await who.baker.delete(where)).status_code == 404
    answer = await who.baker.post(
        RULES,
        json={"name": "X", "setting": TOO_FAST, "organisation_id": str(who.florist)},
    )
    assert answer.status_code == 404
    names = [one["name"] for one in (await who.operator.get(RULES)).json()["items"]]
    assert names == ["Baker's", "Centre's", "Florist's"]


async def test_an_operator_looks_and_does_not_set(who: Who):
    filed = await file_rule(who.keeper)
    assert (await who.operator.get(f"{RULES}/{filed['id']}")).status_code == 200
    answer = await who.operator.post(RULES, json={"name": "X", "setting": TOO_FAST})
    assert answer.status_code == 403


async def test_a_clients_rule_is_about_that_clients_assets_whatever_it_says(who: Who):
    where, _ = await refused(who.baker, scope={"assets": [str(who.cart)]})
    assert where == "body.scope.assets"
    where, _ = await refused(who.baker, scope={"organisations": [str(who.florist)]})
    assert where == "body.scope.organisations"
    # The keeper sees the cart, but a rule of the bakery is about the bakery.
    where, _ = await refused(
        who.keeper, organisation_id=str(who.bakery), scope={"assets": [str(who.cart)]}
    )
    assert where == "body.scope.assets"
    filed = await file_rule(
        who.keeper, organisation_id=str(who.bakery), scope={"assets": [str(who.van)]}
    )
    assert filed["scope"]["organisations"] == [str(who.bakery)]
    wide = await file_rule(who.keeper, scope={"assets": [str(who.van), str(who.cart)]})
    assert wide["scope"]["organisations"] == []


async def test_a_rule_asks_about_zones_that_are_its_owners_to_name(who: Who):
    own, theirs = await who.zone(who.bakery), await who.zone(who.florist)
    centres = await who.zone(who.town.centre)

    def about(zone: object) -> dict[str, Any]:
        return {"setting": {"kind": "zone_left", "zones": [str(zone)]}}

    await file_rule(who.baker, **about(own))
    await file_rule(who.baker, **about("label:depot"))
    for zone in (theirs, centres, uuid4()):
        where, what = await refused(who.baker, **about(zone))
        assert where == "body.setting"
        assert f"no zone {zone}" in what
    assert (await refused(who.baker, **about("depot")))[1] == "Name it by its id."
    await file_rule(who.keeper, **about(centres))
    await file_rule(who.keeper, **about(theirs))
    where, _ = await refused(who.keeper, organisation_id=str(who.bakery), **about(theirs))
    assert where == "body.setting"


async def test_a_rule_that_tells_clients_tells_none_of_another(who: Who):
    theirs = await who.zone(who.florist)
    about = {"setting": {"kind": "zone_left", "zones": [str(theirs)]}, "told": ["desk", "client"]}
    where, what = await refused(who.keeper, **about)
    assert where == "body.scope.organisations"
    assert "that client only" in what
    await refused(who.keeper, **about, scope={"organisations": [str(who.bakery)]})
    filed = await file_rule(who.keeper, **about, scope={"organisations": [str(who.florist)]})
    assert filed["told"] == ["desk", "client"]


@pytest.mark.parametrize(
    ("said", "where", "words"),
    [
        ({"setting": {"kind": "telepathy"}}, "body.setting", "There is no kind 'telepathy'"),
        ({"setting": {"kind": "overspeed", "limit_kmh": "x"}}, "body.setting", "must be a number"),
        (
            {"setting": {"kind": "all", "of": [TOO_FAST, {"kind": "not", "of": {"kind": "x"}}]}},
            "body.setting.of.1.of",
            "no kind 'x'",
        ),
        ({"setting": {**TOO_FAST, "colour": "red"}}, "body.setting", "no setting colour"),
        ({"schedule": {"weekly": {"mon": ["25:00-26:00"]}}}, "body.schedule", "hours"),
        ({"setting": {"kind": "overspeed", "limit": "zone"}}, "body.setting", "label"),
        ({"cause": "Too fast!"}, "body.cause", "one word"),
        ({"cause": "panic"}, "body.cause", "asks for panic"),
        ({"scope": {"kinds": ["boat"]}}, "body.scope.kinds", "vehicle"),
        ({"scope": {"assets": ["Van"]}}, "body.scope.assets", "by its id"),
        ({"scope": {"tags": ["x\ty"]}}, "body.scope.tags", "one line"),
        ({"messages": {"en": "{asset.__class__}"}}, "body.messages.en", "name of a fact"),
        ({"messages": {"en": "{asset!r:>99}"}}, "body.messages.en", "name of a fact"),
        ({"messages": {"nl": "{wachtwoord}"}}, "body.messages.nl", "no fact wachtwoord"),
        ({"messages": {"fr": " "}}, "body.messages.fr", "says something"),
        ({"messages": {"de": "x" * 501}}, "body.messages.de", "at most 500"),
        ({"setting": {"kind": "zone_entered", "zones": ["label:x"]}, "for_s": 5}, "body.for_s",
         "moment"),
        ({"scope": {"tags": ["x" * 200 + str(n) for n in range(5)]}}, "body.scope.tags", "200"),
    ],
)  # fmt: skip
async def test_what_cannot_be_judged_is_refused_in_words(
    supervisor: httpx.AsyncClient, said: dict[str, Any], where: str, words: str
):
    at, what = await refused(supervisor, **said)
    assert at == where
    assert words in what


async def test_the_kinds_say_what_can_be_set(supervisor: httpx.AsyncClient):
    said = (await supervisor.get(f"{RULES}/kinds")).json()
    kinds = {kind["name"]: kind for kind in said["kinds"]}
    fields = {field["name"]: field for field in kinds["overspeed"]["fields"]}
    assert fields["limit_kmh"]["type"] == "number"
    assert fields["limit_kmh"]["unit"] == "kmh"
    assert fields["tolerance_kmh"]["default"] == 5.0
    assert kinds["all"]["combination"]
    assert kinds["all"]["fields"][0]["type"] == "conditions"
    assert kinds["not"]["fields"][0]["type"] == "condition"
    assert {"asset", "zone", "speed_kmh"} <= set(said["facts"])


async def test_whoever_judges_hears_of_every_change_at_its_commit(who: Who, settings: Settings):
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = await asyncpg.connect(settings.database_url)
    await listening.add_listener(NOTIFY_RULES, lambda *said: heard.put_nowait(said[3]))
    filed = await file_rule(who.baker)
    where = f"{RULES}/{filed['id']}"
    assert await asyncio.wait_for(heard.get(), 20) == filed["id"]
    await who.baker.put(where, json={"name": "X", "setting": TOO_FAST, "based_on": 1})
    assert await asyncio.wait_for(heard.get(), 20) == filed["id"]
    await who.baker.post(f"{where}/disable")
    assert await asyncio.wait_for(heard.get(), 20) == filed["id"]
    await who.baker.delete(where)
    assert await asyncio.wait_for(heard.get(), 20) == filed["id"]
    await listening.close()


async def test_a_rule_that_could_not_judge_says_how_and_that_somebody_looked(who: Who):
    worker, _ = await who.town.add_asset(who.bakery, "Jan", kind="lone_worker")
    filed = await file_rule(who.baker)
    await who.town.pool.execute(
        "INSERT INTO rule_failures (rule_id, rule_version, error, times, asset_id, input)"
        " VALUES ($1, 1, 'ZeroDivisionError: division by zero', 3, $2, $3)",
        UUID(filed["id"]),
        worker,
        {"at": "2026-11-24T22:00:00Z"},
    )
    assert (await who.baker.get(RULES)).json()["items"][0]["failing"] == 1
    shown = (await who.baker.get(f"{RULES}/{filed['id']}")).json()
    (failure,) = shown["failures"]
    assert (failure["times"], failure["input"]["at"]) == (3, "2026-11-24T22:00:00Z")
    reads = await who.town.pool.fetch("SELECT asset_id, what FROM location_reads")
    assert [tuple(row) for row in reads] == [(worker, "rule failure")]
    other = await who.person("Flo", organisation=who.florist, role="client")
    assert (await other.get(f"{RULES}/{filed['id']}")).status_code == 404


async def test_a_rule_that_nobody_judges_by_says_why(who: Who):
    zone = await who.zone(who.bakery)
    setting = {"kind": "zone_left", "zones": [str(zone)]}
    filed = await file_rule(who.baker, setting=setting)
    assert (await who.baker.get(f"{RULES}/{filed['id']}")).json()["aside"] is None
    await who.town.pool.execute(
        "INSERT INTO zones SELECT (jsonb_populate_record(z,"
        ' \'{"version": 2, "removed": true}\')).* FROM zones z WHERE id = $1',
        zone,
    )
    shown = (await who.baker.get(f"{RULES}/{filed['id']}")).json()
    assert f"zone {zone} is not in force" in shown["aside"]
    # It may still be switched off, or asked about something else.
    assert (await who.baker.post(f"{RULES}/{filed['id']}/disable")).status_code == 200
    label = await file_rule(who.baker, setting={"kind": "zone_left", "zones": ["label:none"]})
    assert (await who.baker.get(f"{RULES}/{label['id']}")).json()["aside"]


async def test_rules_are_read_a_page_at_a_time_and_searched(who: Who):
    for name in ("Beta", "alpha", "Gamma"):
        await file_rule(who.keeper, name=name, note="winter" if name == "Gamma" else "")
    first = (await who.keeper.get(RULES, params={"limit": 2})).json()
    rest = (await who.keeper.get(RULES, params={"limit": 2, "cursor": first["next"]})).json()
    assert [one["name"] for one in first["items"] + rest["items"]] == ["alpha", "Beta", "Gamma"]
    assert rest["next"] is None
    found = (await who.keeper.get(RULES, params={"search": "WINTER"})).json()
    assert [one["name"] for one in found["items"]] == ["Gamma"]


async def test_a_client_does_not_ring_as_a_life_in_danger(who: Who):
    where, what = await refused(who.baker, severity=1)
    assert where == "body.severity"
    assert what.startswith("Priority 1 is kept for lives in danger")
    await file_rule(who.baker, severity=2)
    await file_rule(who.keeper, severity=1)
