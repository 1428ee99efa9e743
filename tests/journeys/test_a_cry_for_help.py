"""A device speaks, and an operator sees it: the story that everything else serves."""

import asyncio

from playwright.async_api import Page, expect

from tests.devices import ago, report, sos
from tests.gateways import Darkness
from tests.journeys.conftest import Connect, House, OpenDesk


async def test_a_raw_sos_appears_on_an_open_desk_and_stays_until_somebody_takes_it(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit()
    (first, second) = house.people("operator")
    desk = await open_desk(*first)
    other_desk = await open_desk(*second)
    await expect(desk.locator("#no-alarms")).to_be_visible()

    device = await connect("gt06", unit_id)
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
    unit_id, _ = await house.unit()
    desk = await open_desk(*house.first("operator"))
    device = await connect("gt06", unit_id)
    device.say(sos(ago(9)))
    await expect(desk.locator("#alarms-waiting > li")).to_have_count(1)
    device.say(sos(ago(0)))
    await expect(desk.locator("#alarms-waiting .repeats")).to_contain_text("2")
    await expect(desk.locator("#alarms-waiting > li")).to_have_count(1)


async def test_a_client_sees_its_own_assets_and_nobody_elses(house: House, open_desk: OpenDesk):
    operator = await open_desk(*house.first("operator"))
    sign_in, password = house.first("client")
    client = await open_desk(sign_in, password)
    (counted,) = await house.rows(
        "SELECT count(*) AS everybodys, count(*) FILTER (WHERE p.id IS NOT NULL) AS own"
        " FROM assets a LEFT JOIN people p"
        " ON p.organisation_id = a.organisation_id AND p.sign_in = $1",
        sign_in,
    )
    assert 0 < counted["own"] < counted["everybodys"]
    await expect(await _listed(operator)).to_contain_text(f"of {counted['everybodys']}")
    await expect(await _listed(client)).to_contain_text(f"of {counted['own']}")


async def _listed(desk: Page):
    await desk.click("[data-tab=assets]")
    return desk.locator("#asset-total")


async def test_a_desk_says_that_it_is_cut_off_and_misses_nothing(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit()
    desk = await open_desk(*house.first("operator"))
    await desk.context.set_offline(True)
    house.stack.kill("api-1")
    await expect(desk.locator("#lost-banner")).to_be_visible()
    device = await connect("gt06", unit_id)
    device.say(sos(ago(2)))
    await device.answered()
    await desk.context.set_offline(False)
    await expect(desk.locator("#alarms-waiting > li")).to_contain_text(name)
    await expect(desk.locator("#lost-banner")).to_be_hidden()


async def test_a_cry_rings_while_the_database_is_away_and_is_one_alarm_once_it_is_back(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, name = await house.unit()
    desk = await open_desk(*house.first("operator"))
    device = await connect("gt06", unit_id)
    # Who signs in is answered before anybody is looked up; a report, when it is kept.
    device.say(report(ago(10)))
    await device.answered()
    alarm = desk.locator("#alarms-waiting > li")
    darkness = Darkness(house.settings)
    await darkness.falls()
    try:
        device.say(sos(ago(2)))
        await expect(alarm).to_contain_text(name)
        await expect(alarm).to_have_attribute("data-state", "provisional")
        await expect(desk.locator("#alarm-banner")).to_be_visible()
        await expect(desk.locator("#lost-banner")).to_be_hidden()
        event_id = await alarm.get_attribute("data-event-id")
    finally:
        await darkness.lifts()
    await device.answered()
    await expect(alarm).to_have_attribute("data-state", "raised")
    await expect(alarm).to_have_count(1)
    await expect(alarm).to_have_attribute("data-event-id", str(event_id))
    raised = await house.rows("SELECT repeats FROM alarms WHERE unit_id = $1", unit_id)
    assert [row["repeats"] for row in raised] == [0]


async def test_of_two_who_take_an_alarm_at_once_one_has_it_and_both_see_who(
    house: House, open_desk: OpenDesk, connect: Connect
):
    unit_id, _ = await house.unit()
    desks = [await open_desk(*person) for person in house.people("operator")]
    device = await connect("gt06", unit_id)
    device.say(sos(ago(2)))
    for desk in desks:
        await expect(desk.locator("#alarms-waiting > li")).to_have_count(1)
    await asyncio.gather(*(desk.keyboard.press("a") for desk in desks))
    for desk in desks:
        await expect(desk.locator("#alarms-in-hand > li")).to_have_count(1)
    first, second = [await desk.locator("#alarms-in-hand .hand").inner_text() for desk in desks]
    assert first == second
    (taken,) = await house.rows(
        "SELECT count(*) FROM alarm_events e JOIN alarms a ON a.id = e.alarm_id"
        " WHERE a.unit_id = $1 AND e.kind = 'acknowledged'",
        unit_id,
    )
    assert taken["count"] == 1
