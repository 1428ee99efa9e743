"""What else an operator does at a desk: look somebody up, follow a day, register a unit."""

import math
from datetime import UTC, datetime

from playwright.async_api import Locator, Page, expect

from protocols.message import Fix, Report
from tests.devices import ago, report, sos, until
from tests.journeys.conftest import Connect, House, OpenDesk

LEUVEN = {"lat": 50.8796, "lon": 4.7009}


async def test_a_click_on_an_asset_opens_its_card_with_its_place_and_readings(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit("teltonika")
    desk = await open_desk(*house.first("operator"))
    device = await connect("teltonika", unit_id)
    device.say(_at(ago(3), battery_v=3.9))
    await device.answered()
    await _look_up(desk, name)
    await expect(desk.locator("#card-place")).to_have_text("canton Leuven, near Leuven (Belgium)")
    await expect(desk.locator("#card-readings")).to_contain_text("3.90 V")
    await expect(desk.locator("#card-coordinates")).to_contain_text("50.8796")
    await expect(desk.locator("#card-device a[href^='/devices/']")).to_have_text(unit_id)

    await _settled(desk)
    await desk.click("#card-close")
    await expect(desk.locator("#card")).to_be_hidden()
    await desk.locator("#map canvas").click(position=await _beside_the_card(desk))
    await expect(desk.locator("#card-name")).to_have_text(name)


async def test_the_slider_of_a_track_moves_through_the_day(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit()
    desk = await open_desk(*house.first("operator"))
    device = await connect("gt06", unit_id)
    device.say(*(_around_the_block(minute) for minute in range(20, 0, -1)))
    await device.answered()
    await _look_up(desk, name)
    await desk.click("#card-track")
    slider, words = desk.locator("#track-slider"), desk.locator("#track-words")
    await expect(words).to_contain_text("km/h")
    last = await words.inner_text()
    at_the_end = await _settled(desk)
    await slider.press("Home")
    await expect(words).not_to_have_text(last)
    await until(lambda: _differs(desk, at_the_end))
    first = await words.inner_text()
    await slider.press("ArrowRight")
    await expect(words).not_to_have_text(first)


async def test_the_desk_changes_its_language_and_keeps_it(house: House, open_desk: OpenDesk):
    desk = await open_desk(*house.people("operator")[1])
    await expect(desk.locator("#panel-alarms h2").first).to_contain_text("To acknowledge")
    for language, words in (("fr", "À prendre en charge"), ("de", "Anzunehmen"), ("en", "To ack")):
        await desk.select_option("#language", language)
        await expect(desk.locator("html")).to_have_attribute("lang", language)
        await expect(desk.locator("#panel-alarms h2").first).to_contain_text(words)
        await desk.locator("body[data-synced=true]").wait_for()
    (person,) = await house.rows(
        "SELECT language FROM people WHERE sign_in = $1", house.people("operator")[1][0]
    )
    assert person["language"] == "en"


async def test_a_unit_that_nobody_registered_is_registered_and_appears_on_the_map(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = "359339075009999", "Koerier <b>9</b>"
    house.given.add(unit_id)
    desk = await open_desk(*house.first("supervisor"))
    device = await connect("gt06", unit_id)
    device.say(sos(ago(4)))
    await device.answered()
    await expect(desk.locator("#alarms-waiting > li")).to_contain_text(unit_id)
    await desk.click("#alarms-waiting [data-action=quarantine]")

    row = desk.locator(f"[data-unit-id='{unit_id}']")
    await row.locator("[name=name]").fill(name)
    await row.locator("[name=organisation_id]").select_option(label="Transport Verhaegen")
    await row.locator("button[type=submit]").click()
    await expect(row.locator(".done")).to_contain_text(name)
    fitted = datetime.now(UTC)

    await desk.goto("/desk")
    # The device names whole seconds, and was on nothing before it was registered.
    await until(lambda: ago(0) > fitted)
    device.say(_at(ago(0)))
    await device.answered()
    await _look_up(desk, name)
    await expect(desk.locator("#card-state")).to_have_text("Live")
    await expect(desk.locator("#card-place")).to_contain_text("Leuven")


async def _look_up(desk: Page, name: str) -> None:
    await desk.locator("body[data-synced=true]").wait_for()
    await desk.keyboard.press("/")
    await desk.fill("#search", name)
    row = desk.locator("#asset-list button").filter(has_text=name).first
    await expect(row).to_contain_text("Live")
    await row.click()
    await expect(desk.locator("#card-name")).to_have_text(name)


async def _settled(desk: Page) -> bytes:
    """The map's picture, once it has been the same twice."""
    await desk.locator("#map[data-drawn=true]").wait_for()
    seen: list[bytes] = []

    async def the_same_twice() -> bool:
        seen.append(await _picture(desk).screenshot())
        return len(seen) > 1 and seen[-1] == seen[-2]

    await until(the_same_twice)
    return seen[-1]


async def _differs(desk: Page, before: bytes) -> bool:
    return await _picture(desk).screenshot() != before


def _picture(desk: Page) -> Locator:
    return desk.locator("#map canvas")


async def _beside_the_card(desk: Page) -> dict[str, float]:
    """The middle of what a card leaves free of the map: where it brings its asset."""
    box = await _picture(desk).bounding_box()
    assert box is not None
    return {"x": box["width"] / 2, "y": box["height"] / 2}


def _at(at, **readings: float) -> Report:
    return Report(fix=Fix(at=at, **LEUVEN, speed_kmh=30.0), at=at, readings=readings)  # type: ignore[typeddict-item]


def _around_the_block(minute: int) -> Report:
    """One minute of a round of twenty."""
    angle = minute / 20 * math.tau
    moved = report(ago(minute * 60))
    assert moved.fix is not None
    lat = round(LEUVEN["lat"] + 0.01 * math.sin(angle), 5)
    lon = round(LEUVEN["lon"] + 0.015 * math.cos(angle), 5)
    return Report(fix=Fix(at=moved.fix.at, lat=lat, lon=lon, speed_kmh=20.0 + minute), at=moved.at)
