"""What rules noticed: who may know of it, how it is found, and why it is one."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web

EVENTS = "/api/v1/events"
BRUSSELS = ZoneInfo("Europe/Brussels")
NOW = datetime.now(UTC).replace(microsecond=0)
NIGHT = {
    "time_zone": "Europe/Brussels",
    "weekly": {"mon": ["00:00-24:00"], "sun": ["00:00-24:00"]},
}
SAYS = {
    "nl": "{asset} rijdt {speed_kmh} in {zone}, sinds {since}",
    "en": "{asset} does {speed_kmh} km/h at {at}",
}


class Scene:
    """A bakery and a florist, a rule of each and of the centre, and somebody of each."""

    def __init__(self, town: Town, web: Web) -> None:
        self.town, self._web = town, web

    async def settle(self) -> "Scene":
        town = self.town
        self.bakery = await town.add_client("Bakery")
        self.florist = await town.add_client("Florist")
        self.van, _ = await town.add_asset(self.bakery, "Van", plate="1-ABC-123")
        self.jan, _ = await town.add_asset(self.bakery, "Jan", kind="lone_worker")
        self.cart, _ = await town.add_asset(self.florist, "Cart")
        self.own = await town.add_rule(self.bakery, "Baker's", messages=SAYS, schedule=NIGHT)
        self.centres = await town.add_rule(town.centre, "Centre's", messages=SAYS)
        self.baker = await self.person("Bea", organisation=self.bakery, role="client")
        self.flora = await self.person("Flo", organisation=self.florist, role="client")
        self.operator = await self.person("Otto")
        for days in (0, 1):
            await town.pool.execute("SELECT vigil_open_day(now()::date - $1::int)", days)
        return self

    async def person(self, name: str, **who: Any) -> httpx.AsyncClient:
        _, token = await self.town.add_person(name, **who)
        return self._web.client(token=token)

    async def zone(self, organisation: UUID, version: int = 1, **same: Any) -> UUID:
        zone: UUID = await self.town.pool.fetchval(
            "INSERT INTO zones (id, version, organisation_id, name, kind, geom, created_at)"
            " VALUES ($1, $2, $3, 'Depot', 'polygon',"
            " ST_MakeEnvelope(4.3, 50.8, 4.3 + $2::int, 50.9, 4326), $4) RETURNING id",
            same.get("id", uuid4()),
            version,
            organisation,
            same.get("since", NOW - timedelta(days=9)),
        )
        return zone

    async def fix(self, asset: UUID, at: datetime, *, heard: datetime | None = None) -> None:
        await self.town.pool.execute(
            "INSERT INTO positions (asset_id, device_id, at, fingerprint, received_at, geom,"
            " speed_kmh, valid, buffered) VALUES ($1, $2, $3, 7, $4,"
            " ST_Point(4.35, 50.85, 4326), 30, true, false)",
            asset,
            uuid4(),
            at,
            heard or at,
        )


@pytest.fixture
async def scene(town: Town, web: Web) -> Scene:
    return await Scene(town, web).settle()


async def seen(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get(EVENTS, params=query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_a_client_knows_of_its_own_rules_and_of_what_it_is_told(scene: Scene):
    own = await scene.town.add_event(scene.bakery, scene.own, scene.van, NOW)
    centre = scene.town.centre
    told = await scene.town.add_event(centre, scene.centres, scene.van, NOW, client_told=True)
    untold = await scene.town.add_event(centre, scene.centres, scene.van, NOW)
    others = await scene.town.add_event(centre, scene.centres, scene.cart, NOW, client_told=True)
    assert set(await seen(scene.baker)) == {str(own), str(told)}
    assert set(await seen(scene.flora)) == {str(others)}
    everything = {str(own), str(told), str(untold), str(others)}
    assert set(await seen(scene.operator)) == everything
    for hidden in (untold, others):
        assert (await scene.baker.get(f"{EVENTS}/{hidden}")).status_code == 404
        assert (await scene.baker.get(f"{EVENTS}/{hidden}/why")).status_code == 404


async def test_a_client_is_not_told_what_the_centre_has_set(scene: Scene):
    foreign = await scene.zone(scene.town.centre)
    event = await scene.town.add_event(
        scene.town.centre,
        scene.centres,
        scene.van,
        NOW,
        client_told=True,
        zone_id=foreign,
        zone_version=1,
        facts={"speed_kmh": 87.25, "zone": str(foreign), "companion": str(scene.cart)},
    )
    why = (await scene.baker.get(f"{EVENTS}/{event}/why")).json()
    assert why["rule"] is None
    assert why["zones"] == []
    assert why["event"]["rule"] is None
    assert why["event"]["zone_id"] is None
    assert why["event"]["facts"] == {"speed_kmh": 87.25}
    assert str(foreign) not in str(why)
    assert str(scene.cart) not in str(why)
    assert "overspeed" in why["event"]["cause"]
    # The message is meant for the client; what it may not know is a dash in it.
    assert why["words"] == "Van rijdt 87,2 in –, sinds –"  # noqa: RUF001 - the dash of what is unknown
    full = (await scene.operator.get(f"{EVENTS}/{event}/why")).json()
    assert full["rule"]["setting"]["limit_kmh"] == 90.0
    assert full["zones"][0]["name"] == "Depot"


async def test_why_shows_the_shape_the_rule_and_the_message_as_they_were(scene: Scene):
    zone = await scene.zone(scene.bakery)
    await scene.zone(scene.bakery, 2, id=zone)
    await scene.town.pool.execute(
        "INSERT INTO rules (id, version, organisation_id, name, setting, cause, severity)"
        " VALUES ($1, 2, $2, 'Later', $3, 'overspeed', 1)",
        scene.own,
        scene.bakery,
        {"kind": "overspeed", "limit_kmh": 50},
    )
    event = await scene.town.add_event(
        scene.bakery,
        scene.own,
        scene.van,
        NOW,
        since=NOW - timedelta(minutes=3),
        zone_id=zone,
        zone_version=1,
        facts={"speed_kmh": 112.0},
    )
    why = (await scene.baker.get(f"{EVENTS}/{event}/why")).json()
    assert (why["rule"]["name"], why["rule"]["setting"]["limit_kmh"]) == ("Baker's", 90.0)
    assert [(one["version"], one["kind"]) for one in why["zones"]] == [(1, "polygon")]
    east = max(lon for lon, _ in why["zones"][0]["shape"]["coordinates"][0])
    assert east == pytest.approx(5.3)
    since = (NOW - timedelta(minutes=3)).astimezone(BRUSSELS)
    same_day = since.date() == NOW.astimezone(BRUSSELS).date()
    clock = since.strftime("%H:%M" if same_day else "%d/%m %H:%M")
    assert why["words"] == f"Van rijdt 112 in Depot, sinds {clock}"
    assert why["facts_in_words"]["lasted"] == "3 min 00 s"
    assert why["facts_in_words"]["plate"] == "1-ABC-123"


async def test_a_rule_about_zones_shows_them_as_they_were_then(scene: Scene):
    zone = await scene.zone(scene.bakery)
    await scene.zone(scene.bakery, 2, id=zone, since=NOW + timedelta(hours=1))
    rule = await scene.town.add_rule(
        scene.bakery, "Out", setting={"kind": "zone_left", "zones": [str(zone)]}
    )
    event = await scene.town.add_event(scene.bakery, rule, scene.van, NOW)
    why = (await scene.baker.get(f"{EVENTS}/{event}/why")).json()
    assert [one["version"] for one in why["zones"]] == [1]


async def test_why_shows_the_fixes_around_it_and_the_clock(scene: Scene):
    minutes = (-11, -10, -3, 0, 5, 6)
    for each in minutes:
        heard = NOW + timedelta(minutes=each, seconds=4)
        await scene.fix(scene.jan, NOW + timedelta(minutes=each), heard=heard)
    event = await scene.town.add_event(scene.bakery, scene.own, scene.jan, NOW, fix_at=NOW)
    why = (await scene.operator.get(f"{EVENTS}/{event}/why")).json()
    found = [datetime.fromisoformat(one["at"]) - NOW for one in why["fixes"]]
    assert found == [timedelta(minutes=each) for each in (-10, -3, 0, 5)]
    assert not why["more"]
    said = why["clock"]
    assert datetime.fromisoformat(said["received_at"]) == NOW + timedelta(seconds=4)
    assert datetime.fromisoformat(said["local"]) == NOW
    assert datetime.fromisoformat(said["local"]).utcoffset() == NOW.astimezone(BRUSSELS).utcoffset()
    assert said["schedule"] == NIGHT
    assert said["covered"] is (NOW.astimezone(BRUSSELS).weekday() in (0, 6))
    reads = await scene.town.pool.fetch("SELECT asset_id, what FROM location_reads")
    assert [tuple(row) for row in reads] == [(scene.jan, "event track")]


async def test_what_began_long_before_is_shown_from_its_beginning(scene: Scene):
    begun = NOW - timedelta(hours=1)
    await scene.fix(scene.van, begun)
    event = await scene.town.add_event(scene.bakery, scene.own, scene.van, NOW, since=begun)
    why = (await scene.baker.get(f"{EVENTS}/{event}/why")).json()
    assert [one["at"] for one in why["fixes"]] == [begun.isoformat().replace("+00:00", "Z")]


async def test_events_are_found_by_what_they_are_about(scene: Scene):
    town, zone = scene.town, await scene.zone(scene.bakery)
    early = await town.add_event(scene.bakery, scene.own, scene.van, NOW - timedelta(hours=2))
    over = await town.add_event(scene.bakery, scene.own, scene.van, NOW, phase="ended")
    left = await town.add_event(
        scene.bakery, scene.own, scene.jan, NOW, cause="zone_left", severity=2, zone_id=zone,
        zone_version=1,
    )  # fmt: skip
    centre = await town.add_event(town.centre, scene.centres, scene.cart, NOW, severity=1)
    asked: list[tuple[dict[str, Any], set[UUID]]] = [
        ({"rule_id": scene.centres}, {centre}),
        ({"asset_id": scene.van}, {early, over}),
        ({"zone_id": zone}, {left}),
        ({"cause": ["zone_left", "x"]}, {left}),
        ({"severity": [1, 2]}, {left, centre}),
        ({"phase": "ended"}, {over}),
        ({"until": NOW.isoformat()}, {early}),
        ({"from": NOW.isoformat(), "severity": 0}, {over}),
    ]
    for query, expected in asked:
        found = await seen(scene.operator, **{name: _text(said) for name, said in query.items()})
        assert set(found) == {str(each) for each in expected}, query


def _text(said: Any) -> Any:
    return str(said) if isinstance(said, UUID) else said


async def test_events_are_read_newest_first_a_page_at_a_time(scene: Scene):
    filed = [
        await scene.town.add_event(
            scene.bakery, scene.own, scene.van, NOW - timedelta(seconds=n // 2)
        )
        for n in range(7)
    ]
    cursor, read = None, []
    while True:
        query = {"limit": 3} if cursor is None else {"limit": 3, "cursor": cursor}
        page = (await scene.baker.get(EVENTS, params=query)).json()
        read += page["items"]
        if (cursor := page["next"]) is None:
            break
    assert {one["id"] for one in read} == {str(each) for each in filed}
    assert len(read) == 7
    assert [one["at"] for one in read] == sorted((one["at"] for one in read), reverse=True)


async def test_whose_whereabouts_an_event_showed_is_written_down_once_shown(scene: Scene):
    for n in range(3):
        await scene.town.pool.execute(
            "UPDATE events SET geom = ST_Point(4.35, 50.85, 4326) WHERE id = $1",
            await scene.town.add_event(
                scene.bakery, scene.own, scene.jan if n == 0 else scene.van,
                NOW - timedelta(hours=n),
            ),
        )  # fmt: skip
    await seen(scene.operator, until=(NOW - timedelta(minutes=5)).isoformat())
    assert await scene.town.pool.fetchval("SELECT count(*) FROM location_reads") == 0
    await seen(scene.operator)
    reads = await scene.town.pool.fetch("SELECT asset_id, what FROM location_reads")
    assert [tuple(row) for row in reads] == [(scene.jan, "event")]
