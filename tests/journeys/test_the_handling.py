"""An operator handles an alarm: with the mouse, with the keyboard only, on a telephone."""

from playwright.async_api import expect

from tests.devices import ago, sos
from tests.journeys.conftest import Connect, House, OpenDesk

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


async def test_closing_an_urgent_alarm_asks_what_it_was_and_what_was_done(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, _ = await house.unit()
    desk = await open_desk(*house.first("operator"))
    device = await connect("gt06", unit_id)
    device.say(sos(ago(2)))
    await desk.click("#alarms-waiting [data-action=acknowledge]")
    await desk.click("#alarms-in-hand [data-action=close]")
    alarm = desk.locator("#alarms-in-hand > li")
    await alarm.locator("select").select_option(label="False: mistake of the user")
    note = alarm.locator("textarea")
    await note.press_sequentially("too short")
    await alarm.locator("[data-action=close-confirm]").click()
    assert await note.evaluate("note => note.validity.tooShort")
    await expect(alarm).to_have_count(1)

    await note.fill("  blank     ")  # long enough for the form, not once it has been trimmed
    await alarm.locator("[data-action=close-confirm]").click()
    await expect(alarm.locator(".problem")).to_contain_text("10")

    await note.fill("Called back: she leaned on the button, codeword was right.")
    await alarm.locator("[data-action=close-confirm]").click()
    await expect(alarm).to_have_count(0)
    await expect(desk.locator("#no-alarms")).to_be_visible()
    (closed,) = await house.rows(
        "SELECT state, close_code, close_note FROM alarms WHERE unit_id = $1", unit_id
    )
    assert closed["close_code"] == "false_user"
    assert closed["close_note"].startswith("Called back")


async def test_an_alarm_is_handled_with_the_keyboard_only(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit()
    desk = await open_desk(*house.first("operator"))
    device = await connect("gt06", unit_id)
    device.say(sos(ago(2)))
    await expect(desk.locator("#alarms-waiting > li")).to_have_count(1)
    keyboard = desk.keyboard
    await keyboard.press("f")
    await expect(desk.locator("#card-name")).to_have_text(name)
    await keyboard.press("a")
    await expect(desk.locator("#alarms-in-hand > li")).to_have_count(1)
    await keyboard.press("n")
    await expect(desk.locator("#alarms-in-hand > li")).to_be_focused()
    await keyboard.press("Tab")
    await expect(desk.locator("[data-action=close]")).to_be_focused()
    await keyboard.press("Enter")
    await expect(desk.locator(".close-form select")).to_be_focused()
    await keyboard.type("Training")
    await keyboard.press("Tab")
    await keyboard.type("An exercise, announced at noon. Mail: a/n@f.m")  # no single key acts here
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(desk.locator("#alarms-in-hand > li")).to_have_count(0)
    (closed,) = await house.rows("SELECT close_code FROM alarms WHERE unit_id = $1", unit_id)
    assert closed["close_code"] == "training"


async def test_a_cry_for_help_is_handled_on_a_telephone(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit()
    desk = await open_desk(*house.first("operator"), **PHONE)
    await desk.tap("[data-tab=assets]")
    device = await connect("gt06", unit_id)
    device.say(sos(ago(2)))
    banner = desk.locator("#alarm-banner")
    await expect(banner).to_contain_text(name)
    await desk.tap("#banner-go")
    await expect(desk.locator("#card-name")).to_have_text(name)
    await expect(desk.locator("#card-place")).to_contain_text("canton")
    await desk.tap("#banner-acknowledge")
    await expect(banner).to_be_hidden()
    await desk.tap("#card-close")
    await desk.tap("[data-tab=alarms]")
    alarm = desk.locator("#alarms-in-hand > li")
    await expect(alarm).to_contain_text(name)
    await alarm.locator("[data-action=close]").tap()
    await alarm.locator("select").select_option("genuine_patrol")
    await alarm.locator("textarea").fill("Patrol 3 is with him, he is unharmed.")
    await alarm.locator("[data-action=close-confirm]").tap()
    await expect(alarm).to_have_count(0)
    assert await desk.evaluate("document.documentElement.scrollWidth") <= 390
