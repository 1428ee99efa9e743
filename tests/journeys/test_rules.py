"""A rule is written with the keyboard, tried, switched on; it rings, and says why it did."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from playwright.async_api import Page, expect

from map_ui.assets import _PACKAGES
from protocols.message import Fix, Report
from tests import axe
from tests.journeys.conftest import Connect, House, OpenDesk

DEPOT = {"lat": 50.85, "lon": 4.35, "radius_m": 200}
WAY = (4.35, 4.35, 4.35, 4.35, 4.364, 4.365, 4.366, 4.367, 4.368, 4.369)
"""Longitudes: in the depot, and away from it to the east."""


async def test_a_rule_is_written_by_keyboard_tried_switched_on_rings_and_says_why(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, asset = await house.unit()
    zone = f"Yard {uuid4().hex[:6]}"
    await _depot(house, zone)
    await _a_night_last_week(house, unit_id)
    page = await open_desk(*house.first("supervisor"))
    await _written_by_keyboard(page, zone, asset)
    await _mistakes_are_said_at_their_field(page)
    await _tried(page, zone, asset)
    assert await house.rows("SELECT FROM rules WHERE name = 'Left the yard'") == []
    await page.get_by_role("button", name="Save and switch on").press("Enter")
    await expect(page.locator(".done")).to_contain_text("Version 1 is in force.")
    await _can_be_used_by_everybody(page)

    operator = await open_desk(*house.first("operator"))
    device = await connect("gt06", unit_id)
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=100)
    for number, lon in enumerate(WAY):
        device.say(_report(at + timedelta(seconds=10 * number), lon))
        await device.answered()
    await _rings_and_says_why(operator, zone, asset)
    await _is_found_again(page, zone, asset)


async def _written_by_keyboard(page: Page, zone: str, asset: str) -> None:
    await page.goto("/rules")
    await page.get_by_role("link", name="New rule").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Leaves its zone at night").focus()
    await page.keyboard.press("Enter")
    said = page.locator("#rule-said")
    await expect(said).to_contain_text("When a vehicle leaves …, Monday to Sunday")
    # The page is there before its scripts are.
    await expect(said).to_have_attribute("data-htmx-powered", "true")

    place = page.locator("[id='field-w.f.zones']")
    await place.focus()
    await page.keyboard.type(zone)
    await page.keyboard.press("Enter")
    await expect(said).to_contain_text(f"When a vehicle leaves {zone}")
    await expect(place).to_be_focused()
    await page.get_by_label("Always").focus()
    await page.keyboard.press("Space")
    await expect(said).to_contain_text(f"leaves {zone}, an operator is called with priority 2.")
    single = page.locator("[id='field-scope.assets']")
    await single.focus()
    await page.keyboard.type(asset)
    await page.keyboard.press("Enter")
    await expect(said).to_contain_text(asset)


async def _mistakes_are_said_at_their_field(page: Page) -> None:
    name = page.get_by_label("Name of the rule")
    await name.fill("")
    await page.get_by_role("button", name="Save and switch on").press("Enter")
    await expect(page.locator("#problem-name")).to_contain_text("Give it a name")
    await expect(name).to_have_attribute("aria-invalid", "true")
    await name.fill("Left the yard")


async def _tried(page: Page, zone: str, asset: str) -> None:
    await page.get_by_label("On the last").select_option("30")
    await page.get_by_role("button", name="Try this rule").press("Enter")
    verdict = page.locator(".verdict")
    await expect(verdict).to_contain_text("1 in all")
    await expect(page.locator(".found li")).to_contain_text(f"{asset} has left {zone}")
    await expect(page.locator(".places-map")).to_have_attribute("data-shown", "true")
    await _can_be_used_by_everybody(page)


async def _rings_and_says_why(operator: Page, zone: str, asset: str) -> None:
    alarm = operator.locator("#alarms-waiting > li", has_text=asset)
    await expect(alarm).to_contain_text(f"{asset} has left {zone}")

    await alarm.get_by_role("link", name="Why?").press("Enter")
    await expect(operator.locator("h2")).to_contain_text(f"{asset} has left {zone}")
    await expect(operator.locator(".event-rule")).to_contain_text(f"leaves {zone}")
    await expect(operator.locator(".map-key")).to_contain_text(zone)
    await expect(operator.locator(".places-map")).to_have_attribute("data-shown", "true")
    await expect(operator.locator(".this-fix")).to_contain_text("noticed here")
    await _can_be_used_by_everybody(operator)
    await operator.get_by_role("link", name="Show on the desk").press("Enter")
    await expect(operator.locator("#alarms-waiting > li.chosen")).to_contain_text(asset)


async def _is_found_again(page: Page, zone: str, asset: str) -> None:
    await page.goto("/rules?search=Left the yard")
    switch = page.get_by_role("switch", name="Left the yard")
    await switch.press("Space")
    await expect(switch).to_have_attribute("aria-checked", "false")
    await _can_be_used_by_everybody(page)
    await page.goto("/events")
    await expect(page.locator(".event-list")).to_contain_text(f"{asset} has left {zone}")
    await _can_be_used_by_everybody(page)
    await page.goto("/rules/noise")
    await expect(page.locator(".noisy").first).to_contain_text("Left the yard")
    await _can_be_used_by_everybody(page)


async def _depot(house: House, name: str) -> None:
    sign_in, _ = house.first("supervisor")
    ((centre,),) = await house.rows(
        "SELECT organisation_id FROM people WHERE sign_in = $1", sign_in
    )
    with house.service("supervisor") as supervisor:
        drawing = {
            "kind": "circle",
            "centre": {"lat": DEPOT["lat"], "lon": DEPOT["lon"]},
            "radius_m": DEPOT["radius_m"],
        }
        body = {"organisation_id": str(centre), "name": name, "drawing": drawing}
        answer = supervisor.post("/zones", json=body)
        assert answer.status_code == 201, answer.text


async def _a_night_last_week(house: House, unit_id: str) -> None:
    """The unit's asset left the depot once, as it was stored."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    await house.rows("SELECT vigil_open_day($1::date)", begin.date())
    for number, lon in enumerate(WAY):
        at = begin + timedelta(seconds=20 * number)
        await house.rows("SELECT vigil_open_day($1::date)", at.date())
        await house.rows(
            "INSERT INTO positions (asset_id, device_id, at, fingerprint, received_at, geom,"
            " speed_kmh, valid, buffered) SELECT f.asset_id, d.id, $2, $3, $2,"
            " ST_Point($4, $5, 4326), 40, true, false"
            " FROM devices d JOIN fitments f ON f.device_id = d.id WHERE d.unit_id = $1",
            unit_id,
            at,
            number,
            lon,
            DEPOT["lat"],
        )


def _report(at: datetime, lon: float) -> Report:
    return Report(fix=Fix(at=at, lat=DEPOT["lat"], lon=lon, valid=True, speed_kmh=40.0), at=at)


async def _can_be_used_by_everybody(page: Page) -> None:
    """By axe, by day and by night, and never wider than a small telephone."""
    await page.evaluate((_PACKAGES / "axe-core/axe.min.js").read_text() + ";undefined")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        assert await page.evaluate(axe.VIOLATIONS) == []
    size = page.viewport_size
    assert size is not None
    await page.set_viewport_size({"width": 320, "height": 700})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.set_viewport_size(size)
