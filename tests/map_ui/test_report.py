"""The day report: what it says, who may read it, and that nothing in it runs or comes in."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Browser, Route

from map_ui.app import add_pages
from map_ui.causes import CAUSES, said
from map_ui.local_time import bounds_of
from map_ui.report import summed
from tests.tracking.positions.test_positions_api import put
from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.database import Pool
from tracking.positions.position import TrackPoint
from tracking.settings import Settings

MIDNIGHT = datetime(2026, 11, 23, 23, tzinfo=UTC)
"""When the 24th of November begins in Brussels."""

DAY = {"day": "2026-11-24"}
ORIGIN = "http://desk.test"

HOSTILE = [
    "</script><script>stolen()</script>",
    "<img src=x onerror=stolen()>",
    '"><svg onload=stolen()>',
    "`${stolen()}`",
    "';stolen();//",
    "\\u0027};stolen();{//",
    "{{ stolen() }}{% raw %}",
    "<!--<script>",
    "]]>\u2028stolen()",
    "&lt;script&gt;stolen()&lt;/script&gt;",
    "javascript:stolen()",
]
"""What somebody might call an asset, a client or a cause to run a script at our desk."""


@dataclass
class Scene:
    """A client with one lone worker whose day is known, and a neighbour who may not see it."""

    web: Web
    town: Town
    client: UUID
    asset: UUID

    @property
    def path(self) -> str:
        return f"/assets/{self.asset}/report"


@pytest.fixture
async def scene(settings: Settings, pool: Pool) -> AsyncIterator[Scene]:
    town = await settle(pool)
    client, neighbour = await town.add_client("Zorgnet"), await town.add_client("Taxi")
    for name, organisation, role in (
        ("an", town.centre, "operator"),
        ("lies", client, "client"),
        ("tom", neighbour, "client"),
    ):
        await add_person(pool, organisation, name, role)
    asset, _ = await town.add_asset(client, "Nurse 7", "lone_worker")
    async with open_web(settings) as web:
        add_pages(web.app)
        yield Scene(web, town, client, asset)


async def _drive(scene: Scene) -> None:
    """An hour from half past midnight, some 7 km east, at its fastest in the middle."""
    for minute in range(61):
        await put(
            scene.town,
            scene.asset,
            lat=50.85,
            lon=4.35 + minute / 600,
            at=MIDNIGHT + timedelta(minutes=30 + minute),
            speed_kmh=91.0 if minute == 29 else 30.0,
        )


async def test_a_day_is_told_in_figures_and_in_the_clock_time_of_the_centre(scene):
    await _drive(scene)
    await put(scene.town, scene.asset, lat=50.0, lon=4.0, at=MIDNIGHT - timedelta(seconds=1))
    an = await scene.web.browser("an")
    an.cookies.set("language", "en")
    page = (await an.get(scene.path, params=DAY)).text
    figures = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)
    assert [(name, re.sub(r"\s*<.*?>\s*", " ", value).strip()) for name, value in figures] == [
        ("Start", "00:30:00"),
        ("End", "01:30:00"),
        ("Distance", "7.0 km"),
        ("Highest speed", "91 km/h 00:59:00"),
        ("Positions", "61"),
        ("Alarms", "0"),
    ]
    assert "Tuesday, 24 November 2026" in page or "Tuesday 24 November 2026" in page
    assert "Europe/Brussels" in page


async def test_alarms_of_the_day_are_listed_and_numbered_on_the_map(scene):
    await _drive(scene)
    noon = MIDNIGHT + timedelta(hours=12)
    for at, cause in ((noon, "panic"), (noon + timedelta(hours=1), "low_battery")):
        await scene.town.raise_alarm(
            scene.client, scene.asset, cause, raised_at=at, fix=(50.86, 4.4)
        )
    for at in (MIDNIGHT - timedelta(seconds=1), MIDNIGHT + timedelta(days=1)):
        await scene.town.raise_alarm(scene.client, scene.asset, "fall", raised_at=at)
    lies = await scene.web.browser("lies")
    lies.cookies.set("language", "nl")
    page = (await lies.get(scene.path, params=DAY)).text
    rows = re.findall(r"<tr>\s*<td>.*?</tr>", page, re.DOTALL)
    assert [("12:00:00" in row, "13:00:00" in row) for row in rows] == [
        (True, False),
        (False, True),
    ]
    assert "Batterij bijna leeg" in rows[1] or "atterij" in rows[1]
    assert page.count('"className": "report-mark"') == 2
    assert "P1 SOS \\u00b7 12:00:00" in page


async def test_a_day_without_anything_says_so(scene):
    an = await scene.web.browser("an")
    an.cookies.set("language", "en")
    page = (await an.get(scene.path)).text
    assert "No positions on this day." in page


async def test_a_neighbour_learns_nothing_of_it(scene):
    await _drive(scene)
    tom = await scene.web.browser("tom")
    refused = await tom.get(scene.path, params=DAY)
    unknown = await tom.get(f"/assets/{uuid4()}/report", params=DAY)
    assert refused.status_code == unknown.status_code == 404
    assert refused.text == unknown.text
    assert "Nurse" not in refused.text
    assert await scene.town.pool.fetchval("SELECT count(*) FROM location_reads") == 0


async def test_alarms_of_others_are_not_in_it(scene):
    lies = await scene.web.browser("lies")
    neighbour = await scene.town.pool.fetchval("SELECT id FROM organisations WHERE name = 'Taxi'")
    noon = MIDNIGHT + timedelta(hours=12)
    await scene.town.raise_alarm(neighbour, scene.asset, raised_at=noon)
    assert "<table>" not in (await lies.get(scene.path, params=DAY)).text


@pytest.mark.parametrize("who", ["an", "lies"])
async def test_that_it_was_read_is_written_down(scene, who):
    await _drive(scene)
    reader = await scene.web.browser(who)
    assert (await reader.get(scene.path, params=DAY)).status_code == 200
    (read,) = await scene.town.pool.fetch(
        "SELECT p.name, r.asset_id, r.what FROM location_reads r JOIN people p ON p.id = person_id"
    )
    assert tuple(read) == (who, scene.asset, "track")


async def test_whoever_is_not_signed_in_is_sent_to_sign_in(scene):
    answer = await scene.web.client().get(scene.path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize("day", ["yesterday", "1999-12-31", "2100-01-01", "9999-12-31", ""])
async def test_a_day_that_is_none_is_refused(scene, day):
    an = await scene.web.browser("an")
    assert (await an.get(scene.path, params={"day": day})).status_code == 422


async def _hostile(scene: Scene, words: str) -> None:
    """The same words wherever a person or a device may put them."""
    pool = scene.town.pool
    await _drive(scene)
    await pool.execute("UPDATE assets SET name = $1, plate = $1", words)
    await pool.execute("UPDATE organisations SET name = $1 || id", words)
    await pool.execute("UPDATE people SET name = $1", words)
    noon = MIDNIGHT + timedelta(hours=12)
    await scene.town.raise_alarm(scene.client, scene.asset, words, raised_at=noon, fix=(50.86, 4.4))


@pytest.mark.parametrize("words", HOSTILE)
async def test_nobodys_words_become_part_of_the_page(scene, words):
    an = await scene.web.browser("an")
    plain = _skeleton((await an.get(scene.path, params=DAY)).text)
    await _hostile(scene, words)
    page = (await an.get(scene.path, params=DAY)).text
    assert not plain - _skeleton(page)
    assert {tag for tag in _skeleton(page) - plain if "script" in tag or "on" in tag} == set()
    script = page[page.index("<script") :]
    (inline,) = re.findall(r"<script[^>]*nonce=[^>]*>(.*?)</script>", page, re.DOTALL)
    assert "<" not in re.sub(r" <=? ", "", inline)
    assert script.count("</script>") == page.count("<script") == 3


def _skeleton(page: str) -> set[str]:
    """The names of elements and of their attributes, without what they hold."""
    tags = re.findall(r"<(\w+)((?:\s+[\w:-]+(?:=\"[^\"]*\")?)*)", page)
    return {
        f"{tag} {name}"
        for tag, attributes in tags
        for name in re.findall(r"([\w:-]+)=", attributes)
    }


async def test_a_strict_policy_lets_only_this_pages_own_script_run(scene):
    an = await scene.web.browser("an")
    first, second = [await an.get(scene.path) for _ in range(2)]
    nonces = [re.findall(r'nonce="([^"]+)"', answer.text) for answer in (first, second)]
    assert nonces[0] != nonces[1]
    policy = first.headers["content-security-policy"]
    assert f"script-src 'nonce-{nonces[0][0]}' 'self';" in policy
    assert "unsafe" not in policy
    for loaded in re.findall(r'(?:src|href)="([^"]+)"', first.text):
        assert loaded.startswith(("/", "#icon-")), loaded
    assert "http" not in first.text.replace("http-equiv", "")
    assert first.headers["cache-control"] == "no-store"


async def test_in_a_browser_the_map_is_drawn_and_no_words_run(scene, browser: Browser):
    await _hostile(scene, HOSTILE[0] + HOSTILE[1])
    an = await scene.web.browser("an")
    page = await browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda heard: complaints.append(heard.text) if "Security" in heard.text else None,
    )

    async def answer(route: Route) -> None:
        got = await an.get(route.request.url.removeprefix(ORIGIN))
        headers = {k: v for k, v in got.headers.items() if k != "content-encoding"}
        await route.fulfill(status=got.status_code, headers=headers, body=got.content)

    await page.route("**/*", answer)
    await page.goto(f"{ORIGIN}{scene.path}?day=2026-11-24")
    await page.locator(".leaflet-overlay-pane path").first.wait_for()
    assert await page.locator(".leaflet-marker-pane .report-mark").inner_text() == "1"
    await page.locator(".leaflet-marker-pane .report-mark").hover()
    assert "</script>" in await page.locator(".leaflet-tooltip").inner_text()
    assert await page.locator("main script, main img").count() == 0
    assert await page.locator(".report-place").count() > 5
    assert complaints == []
    await page.close()


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 11, 24), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)],
)
def test_a_day_is_as_long_as_clocks_make_it(day, hours):
    begin, end = bounds_of(day)
    assert end - begin == timedelta(hours=hours)
    assert begin.tzinfo is UTC


def test_doubtful_fixes_do_not_count():
    def point(second: int, lon: float, *, valid: bool, speed_kmh: float | None) -> TrackPoint:
        at = MIDNIGHT + timedelta(seconds=second)
        return TrackPoint(
            at=at,
            received_at=at,
            lat=50.0,
            lon=lon,
            speed_kmh=speed_kmh,
            course_deg=None,
            valid=valid,
            buffered=False,
        )

    sure = [point(0, 4.0, valid=True, speed_kmh=None), point(60, 4.01, valid=True, speed_kmh=None)]
    found = summed([*sure, point(90, 9.0, valid=False, speed_kmh=300.0)])
    assert (found.end, found.highest_kmh) == (sure[-1].at, None)
    assert found.distance_km == pytest.approx(0.717, abs=0.001)
    assert summed([]).start is None


def test_causes_are_called_the_same_here_and_in_scripts():
    script = Path("map_ui/static/pages/names.js").read_text()
    table = script[script.index("CAUSES") : script.index("LABELS")]
    assert dict(re.findall(r'(\w+): \(\) => say\("([^"]+)"\)', table)) == dict(CAUSES)
    assert said("odd_cause", str) == "Odd cause"


async def test_the_card_leads_to_it(scene):
    an = await scene.web.browser("an")
    assert 'id="card-report"' in (await an.get("/desk")).text
