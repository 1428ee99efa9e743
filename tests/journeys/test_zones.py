"""A supervisor draws zones with the keyboard, the mouse and a file; a client sees only its own."""

import json
from typing import Any

from playwright.async_api import Page, expect

from map_ui.assets import _PACKAGES
from tests import axe
from tests.journeys.conftest import House, OpenDesk

# What PostGIS says, on the spheroid, of a point and the rim of what was drawn.
_REACH = """
SELECT min(ST_Distance(corner, centre)), max(ST_Distance(corner, centre))
FROM (SELECT (ST_DumpPoints(geom)).geom::geography AS corner,
             ST_SetSRID(ST_MakePoint(5.526667, 50.36), 4326)::geography AS centre
      FROM zones_in_force WHERE name = $1) AS rim
"""
KML = """<?xml version="1.0"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document>
<Placemark><name>Yard from a file</name><Polygon><outerBoundaryIs><LinearRing><coordinates>
4.40,50.87 4.42,50.87 4.42,50.88 4.40,50.88 4.40,50.87
</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>
<Placemark><name>Crossed from a file</name><Polygon><outerBoundaryIs><LinearRing><coordinates>
4.45,50.87 4.47,50.88 4.47,50.87 4.45,50.88 4.45,50.87
</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>
<Placemark><name>Nowhere</name></Placemark>
</Document></kml>
"""


async def test_a_circle_is_drawn_without_a_mouse(house: House, open_desk: OpenDesk):
    desk = await _zones(open_desk, house, "supervisor")
    await desk.get_by_role("button", name="New zone").focus()
    await desk.keyboard.press("Enter")
    await expect(desk.get_by_label("Name")).to_be_focused()
    await desk.keyboard.type("By hand and by metres")
    await desk.get_by_role("radio", name="Polygon").focus()
    await desk.keyboard.press("ArrowRight")
    await desk.locator("#field-centre").fill("50°21'36\"N 5°31'36\"E")
    await desk.locator("#field-radius").fill("750")
    await expect(desk.locator("#shape-size")).to_have_text("750 m around it: 1.8 km²")
    await desk.get_by_label("Always open").uncheck()
    await expect(desk.locator(".schedule-said")).to_contain_text("Mon–Fri 08:00–18:00")  # noqa: RUF001
    await _can_be_used_by_everybody(desk)
    await desk.get_by_role("button", name="Save").press("Enter")
    await expect(desk.locator("#zone-name")).to_have_text("By hand and by metres")
    await expect(desk.locator(".done")).to_contain_text("The zone is in force.")
    await _can_be_used_by_everybody(desk)

    ((nearest, furthest),) = await house.rows(_REACH, "By hand and by metres")
    assert abs(nearest - 750) < 2
    assert abs(furthest - 750) < 2
    await expect(desk.locator("#map")).to_have_attribute("data-zones", "1")
    await desk.get_by_role("button", name="All zones").click()
    await expect(desk.get_by_role("button", name="By hand and by metres")).to_be_focused()


async def test_a_polygon_is_drawn_with_the_mouse_and_a_corner_moved_with_keys(
    house: House, open_desk: OpenDesk
):
    desk = await _zones(open_desk, house, "supervisor")
    await desk.get_by_role("button", name="New zone").click()
    await desk.get_by_label("Name").fill("By mouse")
    box = await desk.locator("#map").bounding_box()
    assert box is not None
    for x, y in ((0.3, 0.4), (0.6, 0.4), (0.6, 0.7), (0.3, 0.7)):
        corners = await desk.locator(".handle.corner").count()
        await desk.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        await expect(desk.locator(".handle.corner")).to_have_count(corners + 1)
    await desk.get_by_role("button", name="Finish").click()
    await desk.locator("summary", has_text="Coordinates").click()
    lines = desk.get_by_label("Coordinates, one place a line")
    before = [_place(line) for line in (await lines.input_value()).splitlines()]
    assert len(before) == 4

    second = desk.get_by_role("button", name="Corner 2 of 4")
    await second.focus()
    await desk.keyboard.press("ArrowUp")
    await expect(desk.locator("#said")).to_contain_text("Moved")
    await desk.keyboard.press("Shift+ArrowUp")
    after = [_place(line) for line in (await lines.input_value()).splitlines()]
    coarse_and_fine = after[1][0] - before[1][0]
    assert coarse_and_fine > 0
    assert after[1][1] == before[1][1]
    assert [after[0], *after[2:]] == [before[0], *before[2:]]
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#said")).to_contain_text("Added. Corner 3 of 5")
    await desk.keyboard.press("Delete")
    await expect(desk.locator("#said")).to_contain_text("Taken away. Corner 3 of 4")
    await desk.keyboard.press("Control+z")
    await expect(desk.locator(".handle.corner")).to_have_count(5)
    await desk.keyboard.press("Control+y")
    await expect(desk.locator(".handle.corner")).to_have_count(4)
    await _can_be_used_by_everybody(desk)
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.locator(".done")).to_contain_text("The zone is in force.")
    assert await _ring(house, "By mouse") == sorted(after)


async def test_an_outline_that_crosses_itself_is_shown_mended_before_it_is_kept(
    house: House, open_desk: OpenDesk
):
    desk = await _zones(open_desk, house, "supervisor")
    await desk.get_by_role("button", name="New zone").click()
    await desk.get_by_label("Name").fill("Bow tie")
    await desk.locator("summary", has_text="Coordinates").click()
    lines = desk.get_by_label("Coordinates, one place a line")
    await lines.fill("50.0, 4.0\n50.1, 4.1\nsomewhere")
    await expect(desk.locator("#lines-problem")).to_contain_text("Line 3: “somewhere” is no place")
    await lines.fill("50.0, 4.0\n50.1, 4.1\n50.1, 4.0\n50.0, 4.1")
    await desk.get_by_role("button", name="Save").click()
    said = desk.locator("#form-said")
    await expect(said).to_contain_text("it was split in 2 areas")
    assert await house.rows("SELECT id FROM zones WHERE name = 'Bow tie'") == []
    await desk.get_by_role("button", name="Save it so").click()
    await expect(desk.locator("#zone-name")).to_have_text("Bow tie")
    ((parts,),) = await house.rows(
        "SELECT ST_NumGeometries(geom) FROM zones_in_force WHERE name = 'Bow tie'"
    )
    assert parts == 2


async def test_who_saves_over_a_newer_version_is_asked_and_old_versions_come_back(
    house: House, open_desk: OpenDesk
):
    zone = _drawn(house, "Depot")
    desk = await _zones(open_desk, house, "supervisor", f"?zone={zone['id']}")
    await desk.get_by_role("button", name="Change").click()
    await desk.get_by_label("Note").fill("Mine")
    with house.service("administrator") as other:
        newer = {"version": 1, "note": "Theirs"}
        other.patch(f"/zones/{zone['id']}", json=newer).raise_for_status()
    await desk.get_by_role("button", name="Save").click()
    said = desk.locator("#form-said")
    await expect(said).to_contain_text("saved version 2 while you were drawing")
    await said.get_by_role("button", name="Save mine as the next version").click()
    await expect(desk.locator(".done")).to_contain_text("Version 3 is in force.")
    await expect(desk.locator(".zone-note")).to_have_text("Mine")
    await expect(desk.locator(".zone-versions > li")).to_have_count(3)
    await desk.get_by_role("button", name="Show on the map").first.click()
    await desk.get_by_role("button", name="Bring version 2 back").click()
    await expect(desk.locator(".done")).to_contain_text("as version 2 was")
    await expect(desk.locator(".zone-note")).to_have_text("Theirs")


async def test_a_zone_that_rules_ask_for_is_removed_only_after_they_are_named(
    house: House, open_desk: OpenDesk
):
    zone = _drawn(house, "Asked for")
    rule = {
        "organisation_id": zone["organisation_id"],
        "name": "Left at night",
        "cause": "zone_left",
        "setting": {"kind": "zone_left", "zones": [zone["id"]]},
        "severity": 3,
    }
    with house.service("supervisor") as service:
        service.post("/rules", json=rule).raise_for_status()
    desk = await _zones(open_desk, house, "supervisor", f"?zone={zone['id']}")
    await expect(desk.locator(".zone-rules")).to_contain_text("Left at night")
    await desk.get_by_role("button", name="Remove").click()
    dialog = desk.get_by_role("dialog")
    await expect(dialog).to_contain_text("These rules ask for it")
    await expect(dialog).to_contain_text("Left at night")
    await dialog.get_by_role("button", name="Keep it").click()
    await expect(dialog).to_have_count(0)
    await desk.get_by_role("button", name="Remove").click()
    await dialog.get_by_role("button", name="Remove").click()
    await expect(desk.locator("#zone-count")).to_contain_text("“Asked for” is removed.")
    assert await house.rows("SELECT id FROM zones_in_force WHERE name = 'Asked for'") == []


async def test_a_file_is_looked_at_and_then_kept(house: House, open_desk: OpenDesk):
    desk = await _zones(open_desk, house, "supervisor")
    await desk.get_by_role("button", name="Import").click()
    chosen = {"name": "yards.kml", "mimeType": "text/xml", "buffer": KML.encode()}
    await desk.set_input_files("#import-file", files=[chosen])
    await desk.get_by_role("button", name="Look at it").click()
    await expect(desk.locator("#import-said")).to_contain_text("2 zones can be imported. 1 cannot")
    await expect(desk.locator(".import-row.bad")).to_contain_text("Nowhere")
    await expect(desk.locator("#import-rows")).to_contain_text("it was split in 2 areas")
    await _can_be_used_by_everybody(desk)
    there = "SELECT count(*) FROM zones_in_force WHERE name LIKE '% from a file'"
    assert [row[0] for row in await house.rows(there)] == [0]
    await desk.get_by_role("button", name="Import 2 zones").click()
    await expect(desk.locator("#zone-count")).to_contain_text("2 zones were imported.")
    assert [row[0] for row in await house.rows(there)] == [2]
    await desk.get_by_label("Search zones").fill("yard from")
    await expect(desk.locator(".zone-row")).to_have_count(1)


async def test_a_client_sees_and_draws_only_its_own(house: House, open_desk: OpenDesk):
    sign_in, _ = house.first("client")
    ((client, name),) = await house.rows(
        "SELECT o.id, o.name FROM people p JOIN organisations o ON o.id = p.organisation_id"
        " WHERE p.sign_in = $1",
        sign_in,
    )
    own = _drawn(house, "Of this client", organisation=str(client))
    foreign = _drawn(house, "Of the centre")
    desk = await _zones(open_desk, house, "client")
    ((many,),) = await house.rows(
        "SELECT count(*) FROM zones_in_force WHERE organisation_id = $1", client
    )
    await expect(desk.locator(".zone-row")).to_have_count(many)
    row = desk.locator(".zone-row", has_text="Of this client")
    await expect(row).to_contain_text(f"Circle · {name}")
    await expect(desk.locator("#map")).to_have_attribute("data-zones", str(many))
    await desk.locator("summary", has_text="Export").click()
    link = await desk.get_by_role("link", name="GeoJSON").get_attribute("href")
    file = await (await desk.request.get(str(link))).json()
    names = {each["properties"]["name"] for each in file["features"]}
    assert len(file["features"]) == many
    assert "Of this client" in names
    assert "Of the centre" not in names
    await row.click()
    await expect(desk.locator("#zone-name")).to_have_text("Of this client")
    await desk.goto(f"/zones?zone={foreign['id']}")
    await expect(desk.locator("#zone-count")).to_contain_text("no such zone")
    await desk.goto(f"/zones?zone={own['id']}")
    await expect(desk.get_by_role("button", name="Change")).to_be_visible()


async def test_an_operator_looks_and_does_not_draw(house: House, open_desk: OpenDesk):
    zone = _drawn(house, "Only looked at")
    desk = await _zones(open_desk, house, "operator", f"?zone={zone['id']}")
    await expect(desk.locator("#zone-name")).to_have_text("Only looked at")
    await expect(desk.get_by_role("link", name="Events").last).to_have_attribute(
        "href", f"/events?zone_id={zone['id']}"
    )
    for name in ("Change", "Remove", "New zone"):
        await expect(desk.get_by_role("button", name=name)).to_have_count(0)


async def test_zones_are_drawn_on_a_telephone(house: House, open_desk: OpenDesk):
    screen = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    desk = await _zones(open_desk, house, "supervisor", **screen)
    assert await desk.evaluate("document.documentElement.scrollWidth") <= 390
    await _can_be_used_by_everybody(desk)
    await desk.get_by_role("button", name="New zone").tap()
    await desk.get_by_label("Name").fill("By finger")
    box = await desk.locator("#map").bounding_box()
    assert box is not None
    for x, y in ((0.3, 0.5), (0.7, 0.5), (0.6, 0.8)):
        corners = await desk.locator(".handle.corner").count()
        await desk.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])
        await expect(desk.locator(".handle.corner")).to_have_count(corners + 1)
    await desk.get_by_role("button", name="Finish").tap()
    await desk.get_by_role("button", name="Save").tap()
    await expect(desk.locator(".done")).to_contain_text("The zone is in force.")
    assert len(await _ring(house, "By finger")) == 3
    assert await desk.evaluate("document.documentElement.scrollWidth") <= 390


async def _zones(
    open_desk: OpenDesk, house: House, role: str, query: str = "", **screen: Any
) -> Page:
    desk = await open_desk(*house.first(role), **screen)
    await desk.goto(f"/zones{query}")
    await desk.locator("body[data-ready=true]").wait_for()
    await desk.locator("#map[data-drawn=true]").wait_for(state="attached")
    return desk


def _drawn(house: House, name: str, organisation: str = "") -> Any:
    """A circle that a supervisor drew; the centre's, unless said otherwise."""
    with house.service("supervisor") as service:
        if not organisation:
            found = service.get("/organisations").raise_for_status().json()["items"]
            organisation = next(each["id"] for each in found if each["kind"] == "centre")
        circle = {"kind": "circle", "centre": {"lat": 50.5, "lon": 4.9}, "radius_m": 3000}
        asked = {"organisation_id": organisation, "name": name, "drawing": circle}
        return service.post("/zones", json=asked).raise_for_status().json()


def _place(line: str) -> tuple[float, float]:
    lat, lon = line.split(", ")
    return float(lat), float(lon)


async def _ring(house: House, name: str) -> list[tuple[float, float]]:
    """The corners of a zone with one part, sorted: (lat, lon)."""
    ((said,),) = await house.rows(
        "SELECT ST_AsGeoJSON(geom, 6) FROM zones_in_force WHERE name = $1", name
    )
    rings = json.loads(said)["coordinates"]
    ring = rings[0][0] if json.loads(said)["type"] == "MultiPolygon" else rings[0]
    return sorted((lat, lon) for lon, lat in ring[:-1])


async def _can_be_used_by_everybody(page: Page) -> None:
    await page.evaluate((_PACKAGES / "axe-core/axe.min.js").read_text() + ";undefined")
    assert await page.evaluate(axe.VIOLATIONS) == []
