"""The page of zones: who sees what, and its scripts that draw nothing: shapes, places, steps."""

import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from map_ui.app import add_pages
from tests.tracking.town import Town, settle
from tests.tracking.web import Web, add_person, open_web
from tracking.database import Pool
from tracking.settings import Settings

module = pytest.mark.asyncio(loop_scope="module")
BOW_TIE = [[4.0, 50.0], [4.1, 50.1], [4.1, 50.0], [4.0, 50.1], [4.0, 50.0]]
SQUARE = [[4.0, 50.0], [4.1, 50.0], [4.1, 50.1], [4.0, 50.1]]


@pytest.fixture
async def town(pool: Pool) -> Town:
    town = await settle(pool)
    await add_person(pool, town.centre, "an", "operator")
    await add_person(pool, town.centre, "sofie", "supervisor")
    await add_person(pool, await town.add_client("Taxi"), "tom", "client")
    await town.add_client("Bakery")
    await pool.execute("UPDATE people SET language = 'en'")
    return town


@pytest.fixture
async def web(settings: Settings, town: Town) -> AsyncIterator[Web]:
    async with open_web(settings) as opened:
        add_pages(opened.app)
        yield opened


async def drawn(browser: httpx.AsyncClient, organisation: str, name: str, **said: object) -> Any:
    circle = {"kind": "circle", "centre": {"lat": 50.85, "lon": 4.35}, "radius_m": 100}
    asked = {"organisation_id": organisation, "name": name, "drawing": circle, **said}
    answer = await browser.post("/api/v1/zones", json=asked)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_nobody_is_sent_to_the_door(web):
    answer = await web.client().get("/zones")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    ("who", "draws", "organisations"),
    [
        ("an", False, {"Taxi", "Bakery"}),
        ("sofie", True, {"Taxi", "Bakery"}),
        ("tom", True, set()),
    ],
)
async def test_who_draws_is_offered_to_draw_for_whom_they_see(web, who, draws, organisations):
    page = (await (await web.browser(who)).get("/zones")).text
    assert ('id="zone-form"' in page) is draws
    offered = {name for name in ("Taxi", "Bakery") if f">{name}</option>" in page}
    assert offered == organisations


async def test_labels_that_are_used_are_offered(web, town):
    sofie = await web.browser("sofie")
    await drawn(sofie, str(town.centre), "Depot", labels=["night <b>"])
    page = (await sofie.get("/zones")).text
    assert "night &lt;b&gt;</option>" in page


async def test_a_drawing_is_mended_before_it_is_kept_and_nothing_is_kept(web):
    sofie = await web.browser("sofie")
    crossed = {"type": "Polygon", "coordinates": [BOW_TIE]}
    answer = await sofie.post("/zones/outline", json={"kind": "polygon", "geometry": crossed})
    assert answer.status_code == 200
    assert answer.json()["geometry"]["type"] == "MultiPolygon"
    (said,) = [each for each in answer.json()["remarks"] if each["code"] == "self_crossing"]
    assert said["facts"]["parts"] == 2
    assert (await sofie.get("/api/v1/zones")).json()["items"] == []


async def test_what_cannot_be_mended_is_refused(web):
    sofie = await web.browser("sofie")
    line = {"type": "Polygon", "coordinates": [[[4.0, 50.0], [4.1, 50.0], [4.0, 50.0]]]}
    answer = await sofie.post("/zones/outline", json={"kind": "polygon", "geometry": line})
    assert answer.status_code == 422


async def test_an_outline_is_reckoned_only_for_who_is_signed_in(web):
    drawing = {"kind": "area", "area": "country:BE"}
    assert (await web.client().post("/zones/outline", json=drawing)).status_code == 401


async def test_rules_that_ask_for_a_zone_are_named_to_who_may_see_it(web, town):
    sofie, tom = await web.browser("sofie"), await web.browser("tom")
    zone = await drawn(sofie, str(town.centre), "Depot")
    assert (await sofie.get(f"/zones/{zone['id']}/rules")).json() == []
    rule = {
        "organisation_id": str(town.centre),
        "name": "Left at night",
        "cause": "zone_left",
        "setting": {"kind": "zone_left", "zones": [zone["id"]]},
        "severity": 2,
    }
    added = await sofie.post("/api/v1/rules", json=rule)
    assert added.status_code == 201, added.text
    assert (await sofie.get(f"/zones/{zone['id']}/rules")).json() == ["Left at night"]
    assert (await tom.get(f"/zones/{zone['id']}/rules")).status_code == 404


async def _ask(scripts, module_name: str, expression: str, *values: object) -> Any:
    return await scripts.evaluate(
        f"async (values) => {{ const m = await import('/static/zones/{module_name}.js');"
        f" return ({expression})(...values); }}",
        list(values),
    )


@module
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("50.8503, 4.3517", [4.3517, 50.8503]),
        ("50,8503; 4,3517", [4.3517, 50.8503]),
        ("50.8503 4.3517", [4.3517, 50.8503]),
        ("-33.9, 18.4", [18.4, -33.9]),
        ("50°51'36\"N 4°21'36\"E", [4.36, 50.86]),
        ("50°51′36″N, 4°21′36″E", [4.36, 50.86]),  # noqa: RUF001 - as maps print it
        ("N50 51.6 E4 21.6", [4.36, 50.86]),
        ("4°21'36\"E 50°51'36\"N", [4.36, 50.86]),
        ("33°54'S 18°24'W", [-18.4, -33.9]),
        ("50.86° 4.36°", [4.36, 50.86]),
        ("91, 4", None),
        ("50.85", None),
        ("50.85 N 4.35 N", None),
        ("50°61'N 4°21'E", None),
        ("50.8503, 4.3517, 12", None),
        ("here", None),
    ],
)
async def test_a_place_is_read_as_people_write_it(scripts, text, place):
    read = await _ask(scripts, "coordinates", "(text) => m.placeIn(text)", text)
    assert read == (None if place is None else pytest.approx(place))


@module
async def test_lines_are_parts_and_holes_and_come_back_the_same(scripts):
    text = "50, 4\n50, 5\n51, 5\n\n52, 4\n52, 5\n53, 5\nhole\n52.5, 4.6\n52.5, 4.7\n52.6, 4.7"
    again = "(text) => { const one = m.outlinesIn(text); const two = m.outlinesIn("
    again += "m.outlinesText(one.outlines)); return [one, two]; }"
    one, two = await _ask(scripts, "coordinates", again, text)
    assert one == two
    assert one["problems"] == []
    assert [(len(each["points"]), each["hole"]) for each in one["outlines"]] == [
        (3, False),
        (3, False),
        (3, True),
    ]


@module
async def test_a_line_that_is_no_place_is_named_by_its_number(scripts):
    found = await _ask(scripts, "coordinates", "(text) => m.outlinesIn(text)", "50, 4\nfifty\n")
    assert found["problems"] == ["Line 2: “fifty” is no place. Write it as 50.8503, 4.3517."]


@module
async def test_parts_and_holes_are_one_multipolygon(scripts):
    outlines = [
        {"points": SQUARE, "hole": False},
        {"points": [[4.02, 50.02], [4.04, 50.02], [4.04, 50.04]], "hole": True},
        {"points": [[5, 50], [5.1, 50], [5.1, 50.1]], "hole": False},
    ]
    shape = {"kind": "polygon", "outlines": outlines}
    found = await _ask(scripts, "shape", "(shape) => m.geometryOf(shape)", shape)
    assert found["type"] == "MultiPolygon"
    assert [len(part) for part in found["coordinates"]] == [2, 1]
    assert found["coordinates"][0][0] == [*SQUARE, SQUARE[0]]
    back = await _ask(scripts, "shape", "(geometry) => m.outlinesOf(geometry)", found)
    assert back == outlines


@module
@pytest.mark.parametrize(
    ("shape", "lack"),
    [
        ({"kind": "polygon", "outlines": [{"points": SQUARE, "hole": False}]}, ""),
        ({"kind": "polygon", "outlines": [{"points": SQUARE[:2], "hole": False}]}, "corners"),
        ({"kind": "polygon", "outlines": [{"points": SQUARE, "hole": True}]}, "hole"),
        ({"kind": "circle", "centre": None, "radiusM": 10}, "centre"),
        ({"kind": "circle", "centre": [4, 50], "radiusM": 0}, "radius"),
        ({"kind": "corridor", "outlines": [{"points": SQUARE[:1]}], "widthM": 5}, "line"),
        ({"kind": "corridor", "outlines": [{"points": SQUARE[:2]}], "widthM": 0}, "width"),
        ({"kind": "area", "area": None}, "area"),
        ({"kind": "moving", "asset": None, "radiusM": 10}, "asset"),
    ],
)
async def test_what_a_shape_lacks_is_said(scripts, shape, lack):
    assert await _ask(scripts, "shape", "(shape) => m.lacks(shape)", shape) == lack


@module
async def test_metres_that_are_drawn_are_metres(scripts):
    rim = await _ask(scripts, "earth", "(centre) => m.circle(centre, 1000)", [4.35, 50.85])
    for lon, lat in rim:
        north_m = (lat - 50.85) * 111_226
        east_m = (lon - 4.35) * 111_320 * math.cos(math.radians(50.85))
        assert math.hypot(north_m, east_m) == pytest.approx(1000, rel=0.01)
    area_m2 = await _ask(scripts, "earth", "(ring) => m.areaOf(ring)", rim)
    assert area_m2 == pytest.approx(math.pi * 1000**2, rel=0.01)


_DRAFT = """
(kind, steps) => {
  const draft = new m.Draft();
  draft.begin(kind);
  for (const [name, ...args] of steps) draft[name](...args);
  const { shape, chosen, placing, canUndo, canRedo } = draft;
  return { shape, chosen, placing, canUndo, canRedo };
}
"""


async def _draft(scripts, kind: str, *steps: list[object]) -> Any:
    return await _ask(scripts, "draft", _DRAFT, kind, list(steps))


PUT = [["put", place] for place in SQUARE]


@module
async def test_corners_are_put_one_after_the_other(scripts):
    found = await _draft(scripts, "polygon", *PUT, ["finish"])
    assert found["shape"]["outlines"] == [{"points": SQUARE, "hole": False}]
    assert (found["placing"], found["chosen"]) == ("", {"outline": 0, "index": 3})


@module
async def test_every_step_goes_back_and_forth(scripts):
    undone = await _draft(scripts, "polygon", *PUT, *[["undo"]] * 4)
    assert undone["shape"]["outlines"] == []
    assert (undone["canUndo"], undone["canRedo"]) == (False, True)
    redone = await _draft(scripts, "polygon", *PUT, *[["undo"]] * 4, *[["redo"]] * 4)
    assert redone["shape"]["outlines"][0]["points"] == SQUARE
    assert (redone["canUndo"], redone["canRedo"]) == (True, False)
    other = await _draft(scripts, "polygon", *PUT, ["undo"], ["put", [9, 9]])
    assert other["shape"]["outlines"][0]["points"] == [*SQUARE[:3], [9, 9]]
    assert other["canRedo"] is False


@module
async def test_a_corner_is_added_after_the_chosen_one_and_taken_away(scripts):
    chosen = ["choose", {"outline": 0, "index": 3}]
    added = await _draft(scripts, "polygon", *PUT, ["finish"], chosen, ["addAfter"])
    assert added["shape"]["outlines"][0]["points"][4] == pytest.approx([4.0, 50.05])
    assert added["chosen"] == {"outline": 0, "index": 4}
    taken = await _draft(scripts, "polygon", *PUT, ["finish"], chosen, ["addAfter"], ["remove"])
    assert taken["shape"]["outlines"][0]["points"] == SQUARE
    assert taken["chosen"] == {"outline": 0, "index": 3}


@module
async def test_another_part_and_a_hole_begin_outlines_of_their_own(scripts):
    found = await _draft(
        scripts, "polygon", *PUT, ["finish"], ["another", True], *PUT[:3], ["finish"]
    )
    assert [each["hole"] for each in found["shape"]["outlines"]] == [False, True]
    given_up = await _draft(scripts, "polygon", *PUT, ["finish"], ["another"], *PUT[:2], ["finish"])
    assert len(given_up["shape"]["outlines"]) == 1
    assert given_up["placing"] == ""


@module
async def test_an_outline_that_is_none_yet_is_drawn_on(scripts):
    found = await _draft(scripts, "polygon", *PUT[:2], ["finish"])
    assert found["placing"] == "corner"
    assert (await _draft(scripts, "circle", ["finish"]))["placing"] == "centre"


@module
async def test_two_corners_make_a_rectangle(scripts):
    found = await _draft(
        scripts, "polygon", ["place", "rectangle"], ["put", [4, 50]], ["put", [5, 51]]
    )
    assert found["shape"]["outlines"][0]["points"] == [[4, 50], [5, 50], [5, 51], [4, 51]]
    assert found["placing"] == ""
