"""An operator looks a device up and reads what it said; what came to the wrong port is named."""

from playwright.async_api import Page, expect

from map_ui.assets import _PACKAGES
from protocols.message import CommandReply
from tests import axe
from tests.devices import Device, ago, report, sos, until
from tests.journeys.conftest import Connect, House, OpenDesk


async def test_a_device_is_looked_up_by_plate_and_what_it_said_is_read(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit("teltonika")
    ((plate,),) = await house.rows(
        "SELECT a.plate FROM assets a JOIN fitments f ON f.asset_id = a.id"
        " JOIN devices d ON d.id = f.device_id WHERE d.unit_id = $1",
        unit_id,
    )
    typed = plate.replace("-", "").lower()
    desk = await open_desk(*house.first("operator"))
    device = await connect("teltonika", unit_id)
    device.say(report(ago(20)), CommandReply(text="RELAY:ON OK"))
    await device.answered()

    await desk.click("#devices-link")
    await desk.wait_for_url("**/devices")
    await desk.locator("[name=search]").press_sequentially(typed)
    await expect(desk.locator("#device-count")).to_have_text("1 device")
    await expect(desk).to_have_url(f"{house.stack.address}/devices?search={typed}&codec=&use=")
    row = desk.locator("#devices > li")
    await expect(row).to_contain_text(name)
    await expect(row.locator(".state-chip")).to_have_text("Live")
    await _can_be_used_by_everybody(desk)
    await desk.keyboard.press("Tab")
    await desk.keyboard.press("Tab")
    await desk.keyboard.press("Tab")
    await expect(desk.get_by_role("link", name=unit_id)).to_be_focused()
    await desk.keyboard.press("Enter")

    frames = desk.locator(".frame")
    await expect(frames).to_have_count(3)
    await expect(frames.nth(0)).to_contain_text("RELAY:ON OK")
    await expect(frames.nth(1)).to_contain_text("canton Brussel")
    await expect(frames.nth(1)).to_contain_text("40 km/h")
    await expect(frames.nth(1).locator(".hex").first).to_contain_text("8e010000")
    await expect(frames.nth(2)).to_contain_text("Says who it is")
    await expect(desk.locator("#answers")).to_contain_text("RELAY:ON OK")
    await expect(desk.locator("#live")).to_contain_text("canton Brussel")
    await _can_be_used_by_everybody(desk)


async def test_a_page_that_is_kept_up_to_date_shows_what_is_said_and_stays_as_it_was_opened(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, _ = await house.unit("gt06")
    ((device_id,),) = await house.rows("SELECT id FROM devices WHERE unit_id = $1", unit_id)
    desk = await open_desk(*house.first("operator"))
    device = await connect("gt06", unit_id)
    device.say(report(ago(20)))
    await device.answered()
    await desk.goto(f"/devices/{device_id}")
    frames = desk.locator(".frame")
    await expect(frames).to_have_count(2)
    opened = frames.first.locator("details").first
    await opened.locator("summary").click()

    await desk.check("#keep-up")
    device.say(sos(ago(1)))
    await expect(frames).to_have_count(3)
    await expect(frames.first).to_contain_text("SOS")
    await expect(frames.nth(1).locator("details[open]")).to_have_count(1)
    await expect(desk.locator("#live")).to_contain_text("SOS")
    device.say(CommandReply(text="DYD=Success!"))
    await expect(frames).to_have_count(4)
    await expect(desk.locator("#answers")).to_contain_text("DYD=Success!")
    await desk.uncheck("#keep-up")


async def test_what_came_to_the_wrong_port_is_named(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, _ = await house.unit("teltonika")
    stranger = await Device("teltonika", unit_id).connect(house.stack.port("gt06"))
    stranger.send(stranger.frame(report(ago(5))))
    desk = await open_desk(*house.first("supervisor"))
    row = desk.locator("#unreadable .unit").first
    named = f"Looks like teltonika, whose port is {house.stack.port('teltonika')}."

    async def is_named() -> bool:
        await desk.goto("/quarantine")
        return named in await desk.inner_text("#unreadable")

    await until(is_named)
    await expect(row).to_contain_text(named)
    await expect(row).to_contain_text("127.0.0.1")
    await expect(row).to_contain_text("Came to the port of gt06")
    await _can_be_used_by_everybody(desk)
    stranger.hang_up()


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
