"""An administrator sets a device up and sees the difference; a supervisor imports devices."""

from playwright.async_api import Page, expect

from map_ui.assets import _PACKAGES
from tests import axe
from tests.devices import Device, ago, report, until
from tests.journeys.conftest import Connect, House, OpenDesk


async def test_a_time_zone_is_tried_on_the_last_frames_and_the_next_frame_is_understood_with_it(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, _ = await house.unit("gt06")
    ((device_id,),) = await house.rows("SELECT id FROM devices WHERE unit_id = $1", unit_id)
    desk = await open_desk(*house.first("administrator"))
    device = await connect("gt06", unit_id)
    device.say(report(ago(20)))
    await device.answered()
    await desk.goto(f"/devices/{device_id}")
    setup = desk.locator("#setup")
    zone = setup.locator("tr", has_text="Time zone of its clock")
    await expect(zone).to_contain_text("As its protocol prescribes")

    await setup.locator("summary", has_text="Change what this unit has of its own").focus()
    await desk.keyboard.press("Enter")
    field = setup.get_by_label("Time zone of its clock")
    await field.fill("Mars/Olympus")
    await setup.get_by_role("button", name="Save").click()
    await expect(setup.get_by_role("alert")).to_contain_text("Mars/Olympus is no time zone")
    await expect(field).to_have_value("Mars/Olympus")

    await field.fill("+08:00")
    await setup.get_by_role("button", name="What would it say?").click()
    await expect(setup.get_by_role("alert")).to_have_count(0)
    await expect(setup.locator(".preview-sum")).to_contain_text("1 frame would mean something else")
    differs = setup.locator("tr.differs")
    await expect(differs).to_have_count(1)
    await expect(differs).to_contain_text("Time")
    await _can_be_used_by_everybody(desk)
    assert await _time_zone(house, unit_id) is None

    await setup.get_by_role("button", name="Save").click()
    await expect(setup.locator(".done")).to_be_focused()
    await expect(zone).to_contain_text("+08:00")
    await expect(zone).to_contain_text("This unit")
    assert await _time_zone(house, unit_id) == "+08:00"

    async def is_understood_with_it() -> bool:
        """Gateways hear of the change within a second, on connections that are open too."""
        device.say(report(ago(5)))
        await device.answered()
        ((behind_s,),) = await house.rows(
            "SELECT extract(epoch FROM p.received_at - p.at) FROM positions p"
            " JOIN devices d ON d.id = p.device_id WHERE d.unit_id = $1"
            " ORDER BY p.received_at DESC LIMIT 1",
            unit_id,
        )
        return round(behind_s / 3600) == 8

    await until(is_understood_with_it)


async def test_a_file_with_one_bad_row_is_tried_and_imported(house: House, open_desk: OpenDesk):
    ((client,),) = await house.rows(
        "SELECT name FROM organisations WHERE kind = 'client' ORDER BY name LIMIT 1"
    )
    file = (
        "IMEI;protocol;client;asset;plate\n"
        f"359999900000017;gt06;{client};Imported van 1;1-NEW-001\n"
        f"359999900000025;morse;{client};Imported van 2;1-NEW-002\n"
        f"359999900000033;teltonika;{client};Imported van 3;1-NEW-003\n"
    )
    desk = await open_desk(*house.first("supervisor"))
    await desk.goto("/devices/import")
    chosen = {"name": "units.csv", "mimeType": "text/csv", "buffer": file.encode()}
    await desk.set_input_files("input[type=file]", files=[chosen])
    await desk.get_by_role("button", name="Try").click()
    answer = desk.locator("#import-answer")
    await expect(answer).to_contain_text("2 rows are good. 1 is not.")
    await expect(answer.locator("tbody tr")).to_have_count(1)
    await expect(answer.locator("tbody tr")).to_contain_text("no protocol called “morse”")
    await _can_be_used_by_everybody(desk)
    assert await _imported(house) == 0

    await desk.get_by_role("button", name="Import 2 devices").click()
    await expect(answer).to_contain_text("2 devices are filed. 1 row is not.")
    assert await _imported(house) == 2
    device = await Device("gt06", "359999900000017").connect(house.stack.port("gt06"))
    await device.sign_in()
    device.say(report(ago(5)))
    await device.answered()
    device.hang_up()
    await desk.goto("/devices?search=1NEW001")
    await expect(desk.locator("#devices > li")).to_contain_text("Imported van 1")


async def test_a_profile_is_made_changed_and_brought_back(house: House, open_desk: OpenDesk):
    desk = await open_desk(*house.first("administrator"))
    await desk.goto("/profiles")
    await _can_be_used_by_everybody(desk)
    await desk.get_by_label("Protocol").select_option("suntech")
    await desk.get_by_label("Model").fill("ST910")
    await desk.get_by_role("button", name="Go on").click()
    await desk.get_by_label("Panic inputs").fill("2")
    await desk.get_by_label("Category").select_option("SP4")
    await desk.get_by_label("What the ST910 sends").select_option(label="A radio cell and metres")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.locator(".done")).to_contain_text("Version 1 is in force")
    await desk.get_by_label("Panic inputs").fill("3")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.locator(".done")).to_contain_text("Version 2 is in force")
    await expect(desk.locator(".version").first).to_contain_text("Panic inputs: 2 → 3")
    await _can_be_used_by_everybody(desk)
    await desk.get_by_role("button", name="Bring back version 1").click()
    await expect(desk.locator(".done")).to_contain_text("Version 3 is in force")
    await expect(desk.get_by_label("Panic inputs")).to_have_value("2")


async def _time_zone(house: House, unit_id: str) -> object:
    ((zone,),) = await house.rows(
        "SELECT settings ->> 'time_zone' FROM devices WHERE unit_id = $1", unit_id
    )
    return zone


async def _imported(house: House) -> int:
    ((number,),) = await house.rows(
        "SELECT count(*) FROM devices WHERE unit_id LIKE '3599999000000%'"
    )
    return int(number)


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
