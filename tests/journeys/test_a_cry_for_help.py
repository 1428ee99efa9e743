"""A device speaks, and an operator sees it: the story that everything else serves."""

from playwright.async_api import expect

from tests.devices import ago, sos
from tests.journeys.conftest import Connect, House, OpenDesk


async def test_a_raw_sos_appears_on_an_open_desk_and_stays_until_somebody_takes_it(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit("gt06")
    (first, second) = house.people("operator")
    desk = await open_desk(*first)
    other_desk = await open_desk(*second)
    await expect(desk.locator("#no-alarms")).to_be_visible()

    device = await connect("gt06", unit_id)
    await device.sign_in()
    device.say(sos(ago(2)))
    await device.answered()

    waiting = desk.locator("#alarms-waiting > li")
    await expect(waiting).to_have_count(1)
    await expect(waiting).to_contain_text(name)
    await expect(desk.locator("#alarm-banner")).to_be_visible()
    await expect(desk.locator("#p1-number")).to_have_text("1")

    await desk.reload()
    await expect(desk.locator("#alarms-waiting > li")).to_have_count(1)

    await other_desk.keyboard.press("a")
    await expect(other_desk.locator("#alarms-in-hand > li")).to_have_count(1)
    await expect(desk.locator("#alarms-in-hand > li")).to_contain_text(name)
    await expect(desk.locator("#alarms-waiting > li")).to_have_count(0)
    await expect(desk.locator("#p1-number")).to_have_text("0")


async def test_a_second_press_rings_again_on_the_same_alarm(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, _ = await house.unit("gt06")
    desk = await open_desk(*house.first("operator"))
    device = await connect("gt06", unit_id)
    await device.sign_in()
    device.say(sos(ago(9)))
    await expect(desk.locator("#alarms-waiting > li")).to_have_count(1)
    device.say(sos(ago(0)))
    await expect(desk.locator("#alarms-waiting > li")).to_contain_text("2")
    await expect(desk.locator("#alarms-waiting > li")).to_have_count(1)


async def test_a_cry_from_a_unit_that_nobody_registered_is_seen_and_the_unit_registered(
    house: House, open_desk: OpenDesk, connect: Connect
):
    desk = await open_desk(*house.first("supervisor"))
    device = await connect("gt06", "359339075009999")
    await device.sign_in()
    device.say(sos(ago(2)))
    await device.answered()
    await expect(desk.locator("#alarms-waiting > li")).to_contain_text("359339075009999")
    await desk.goto("/quarantine")
    await expect(desk.locator("body")).to_contain_text("359339075009999")


async def test_a_client_sees_its_own_assets_and_nobody_elses(house: House, open_desk: OpenDesk):
    operator = await open_desk(*house.first("operator"))
    client = await open_desk(*house.first("client"))
    everything = operator.locator("#tally-never")
    own = client.locator("#tally-never")
    await expect(everything).to_have_text("200")
    await expect(own).not_to_have_text("0")
    assert 0 < int(await own.inner_text()) < 200


async def test_a_desk_says_that_it_is_cut_off_and_misses_nothing(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit("gt06")
    desk = await open_desk(*house.first("operator"))
    await desk.context.set_offline(True)
    house.stack.kill("api-1")
    await expect(desk.locator("#lost-banner")).to_be_visible(timeout=20_000)
    device = await connect("gt06", unit_id)
    await device.sign_in()
    device.say(sos(ago(2)))
    await device.answered()
    await desk.context.set_offline(False)
    await expect(desk.locator("#alarms-waiting > li")).to_contain_text(name, timeout=30_000)
    await expect(desk.locator("#lost-banner")).to_be_hidden()
