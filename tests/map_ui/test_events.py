"""Events as pages: what rules noticed day by day, and for each of them why."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from map_ui.app import add_pages
from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.database import Pool
from tracking.settings import Settings

HTMX = {"HX-Request": "true"}
NOON = datetime.now(UTC).replace(hour=11, minute=0, second=0, microsecond=0) - timedelta(days=1)
FAST = {"speed_kmh": 112.0, "limit_kmh": 90.0}


class Street(Town):
    """A taxi and a baker's van, and a rule of the centre."""

    taxi: UUID
    cab: UUID
    van: UUID
    rule: UUID


@pytest.fixture
async def street(pool: Pool) -> Street:
    town = await settle(pool)
    street = Street(pool=town.pool, centre=town.centre)
    street.taxi = await town.add_client("Taxi")
    street.cab, _ = await town.add_asset(street.taxi, "Cab <1>")
    street.van, _ = await town.add_asset(await town.add_client("Bakery"), "Van 2")
    street.rule = await town.add_rule(
        town.centre, "Speeding", severity=2, messages={"en": "{asset} races at {speed_kmh} km/h"}
    )
    await add_person(pool, town.centre, "an", "operator")
    await add_person(pool, street.taxi, "tom", "client")
    await pool.execute("UPDATE people SET language = 'en'")
    for days in (0, 1, 2):
        await pool.execute("SELECT vigil_open_day(now()::date - $1::int)", days)
    return street


@pytest.fixture
async def web(settings: Settings, street: Street) -> AsyncIterator[Web]:
    async with open_web(settings) as opened:
        add_pages(opened.app)
        yield opened


@pytest.fixture
async def an(web: Web) -> httpx.AsyncClient:
    return await web.browser("an")


async def noticed(street: Street, at: datetime = NOON, **other: object) -> UUID:
    said = {"facts": FAST, "severity": 2, "fix_at": at, **other}
    return await street.add_event(street.centre, street.rule, street.cab, at, **said)


async def drive(street: Street, at: datetime, lon: float, **other: object) -> None:
    said = {"accuracy_m": 12.0, "buffered": False, **other}
    await street.pool.execute(
        "INSERT INTO positions (asset_id, device_id, at, fingerprint, received_at, geom, speed_kmh,"
        " accuracy_m, valid, buffered)"
        " VALUES ($1, $2, $3, 7, $7, ST_Point($4, 50.85, 4326), 112, $5, true, $6)",
        street.cab,
        uuid4(),
        at,
        lon,
        said["accuracy_m"],
        said["buffered"],
        at + timedelta(seconds=4),
    )


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


async def test_events_are_listed_by_day_in_the_words_of_their_rule(an, street):
    await noticed(street)
    await noticed(street, NOON - timedelta(days=1), late=True)
    page = text((await an.get("/events")).text)
    assert "Cab &lt;1&gt; races at 112 km/h" in page
    assert page.index("yesterday") < page.index("Late", page.index("yesterday"))
    assert len(re.findall("races at", page)) == 2
    assert "Too fast · Cab &lt;1&gt; · Taxi · Speeding" in page


async def test_the_list_is_narrowed_and_goes_on_under_the_same_day(an, street):
    first = await noticed(street)
    late = await noticed(street, NOON - timedelta(minutes=1), late=True)
    zone = await street.add_zone(street.centre, "Depot")
    there = await noticed(street, NOON - timedelta(days=1), zone_id=zone, zone_version=1)
    others = await street.add_event(street.centre, street.rule, street.van, NOON, cause="towed")

    async def found(**asked: object) -> list[str]:
        answer = await an.get("/events", params=asked)
        assert answer.status_code == 200
        return re.findall(r'class="event-message" href="/events/([^"]+)"', answer.text)

    def ids(*events: UUID) -> list[str]:
        return [str(each) for each in events]

    assert set(await found()) == set(ids(first, late, there, others))
    assert await found(late="yes") == ids(late)
    assert await found(cause="towed") == ids(others)
    assert await found(asset="van 2") == ids(others)
    assert await found(zone_id=str(zone)) == ids(there)
    assert await found(rule_id=str(uuid4())) == []
    day = (NOON - timedelta(days=1)).date()
    assert await found(until=day) == ids(there)
    assert await found(**{"from": NOON.date(), "asset_id": str(street.cab)}) == ids(first, late)
    unknown = await an.get("/events", params={"asset": "Nobody"})
    assert "There is nothing called Nobody" in unknown.text
    page = await an.get("/events", params={"limit": "1", "asset_id": str(street.cab)})
    more = re.search(r'hx-get="(/events\?[^"]+)"', page.text)
    assert more is not None
    rows = (await an.get(more[1].replace("&amp;", "&"), headers=HTMX)).text
    assert str(late) in rows
    assert str(first) not in rows
    # The day of the first is not said again, that of the older ones is.
    assert rows.count("<h3>") == 1


async def test_why_shows_the_sentence_the_facts_the_clock_and_the_fixes(an, street):
    for seconds, lon in ((-20, 4.34), (-10, 4.35), (0, 4.36), (10, 4.37)):
        await drive(street, NOON + timedelta(seconds=seconds), lon, buffered=seconds == 0)
    event = await noticed(street, late=True, clock=True, since=NOON - timedelta(seconds=10))
    page = text((await an.get(f"/events/{event}")).text)
    assert "Why did this fire? When anything that we follow drives faster than 90 km/h" in page
    assert "Speed 112 km/h Limit 90 km/h" in page
    assert "The device kept this and sent it later." in page
    assert "It became an event because time had passed." in page
    assert "Heard by us" in page
    assert "Tolerance 5 km/h (as usual)" in page.replace("( ", "(").replace(" )", ")")
    assert "noticed here" in page
    assert page.count("112 km/h 12 m") == 4
    assert "4 s later" in page


async def test_the_map_holds_the_shape_the_way_the_circles_and_the_line_to_it(an, street):
    for seconds, lon in ((-20, 4.34), (-10, 4.35), (0, 4.36), (10, 4.37)):
        await drive(street, NOON + timedelta(seconds=seconds), lon)
    # Whereabouts of people are written down when somebody looks.
    await street.pool.execute("UPDATE assets SET kind = 'lone_worker'")
    zone = await street.add_zone(street.centre, "Depot")
    where = {"zone_id": zone, "zone_version": 1}
    event = await noticed(street, **where)
    await street.pool.execute("UPDATE events SET geom = ST_Point(4.36, 50.85, 4326)")
    places = (await an.get(f"/events/{event}/places")).json()["features"]
    roles = [each["properties"]["role"] for each in places]
    assert roles == ["zone", *["rough"] * 4, "way", "last", *["fix"] * 4, "event"]
    last = places[roles.index("last")]["geometry"]["coordinates"]
    assert [lon for lon, _ in last] == pytest.approx([4.35, 4.36])
    assert places[0]["properties"]["words"] == "Depot"
    reads = "SELECT count(*) FROM location_reads WHERE what LIKE 'event%'"
    assert await street.pool.fetchval(reads) > 0


async def test_an_event_leads_to_the_alarm_that_it_raised(an, street):
    event = await noticed(street)
    assert "It raised an alarm" not in (await an.get(f"/events/{event}")).text
    alarm = await street.pool.fetchval(
        "INSERT INTO alarms (id, organisation_id, asset_id, unit_id, cause, priority, state, at,"
        " raised_at, last_event_at, last_event_id, rule_id, rule_version)"
        " VALUES (gen_random_uuid(), $1, $2, 'unit', 'overspeed', 2, 'raised', $3, $3, $3, $4, $5,"
        " 1) RETURNING id",
        street.taxi,
        street.cab,
        NOON,
        event,
        street.rule,
    )
    await street.pool.execute(
        "INSERT INTO alarm_events (id, alarm_id, kind, at) VALUES ($1, $2, 'raised', $3)",
        event,
        alarm,
        NOON,
    )
    page = (await an.get(f"/events/{event}")).text
    assert "It raised an alarm that waits to be taken." in page
    day = (NOON + timedelta(hours=1)).date()
    report = text((await an.get(f"/assets/{street.cab}/report", params={"day": str(day)})).text)
    assert "Cab &lt;1&gt; races at 112 km/h" in report
    assert (
        f'href="/events/{event}"'
        in (await an.get(f"/assets/{street.cab}/report", params={"day": str(day)})).text
    )


async def test_a_client_reads_what_it_was_judged_by_and_not_the_centres_rule(web, street):
    told = await noticed(street, client_told=True)
    untold = await noticed(street, NOON - timedelta(minutes=5))
    tom = await web.browser("tom")
    page = text((await tom.get(f"/events/{told}")).text)
    assert "A rule of your security centre noticed it." in page
    assert "races at 112 km/h" in page
    assert "Speeding" not in page
    assert "Tolerance" not in page
    assert (await tom.get(f"/events/{untold}")).status_code == 404
    assert (await tom.get(f"/events/{untold}/places")).status_code == 404
    assert str(untold) not in (await tom.get("/events")).text
    nobody = web.client()
    for path in ("/events", f"/events/{told}"):
        assert (await nobody.get(path)).headers["location"] == "/sign-in"
