"""What may be drawn, what it comes to, and what is mended on the way."""

from typing import Any

import pytest
import shapely
from shapely.geometry import shape

from geofence.metric import area_m2
from tests.tracking.zones.conftest import CIRCLE, CORRIDOR, POLYGON, SQUARE, Street

BOW_TIE = {
    "type": "Polygon",
    "coordinates": [[[4.0, 50.0], [4.1, 50.1], [4.1, 50.0], [4.0, 50.1], [4.0, 50.0]]],
}


async def test_a_circle_is_so_many_metres_around_a_place(street: Street):
    drawn = await street.draw(CIRCLE)
    assert drawn["drawing"] == CIRCLE
    assert drawn["kind"] == "circle"
    assert drawn["remarks"] == []
    assert area_m2(shape(drawn["geometry"])) == pytest.approx(3.14159 * 150.5**2, rel=0.01)


async def test_a_corridor_is_a_line_with_ground_beside_it(street: Street):
    drawn = await street.draw(CORRIDOR)
    assert drawn["drawing"] == CORRIDOR
    covered = shape(drawn["geometry"])
    assert covered.covers(shapely.Point(4.4 + 0.0028, 51.05))
    assert not covered.covers(shapely.Point(4.4 + 0.0029, 51.05))


async def test_a_multipolygon_keeps_its_holes(street: Street):
    geometry = {
        "type": "MultiPolygon",
        "coordinates": [
            [
                SQUARE["coordinates"][0],
                [[4.04, 50.04], [4.04, 50.06], [4.06, 50.06], [4.06, 50.04], [4.04, 50.04]],
            ],
            [[[5.0, 50.0], [5.1, 50.0], [5.1, 50.1], [5.0, 50.0]]],
        ],
    }
    drawn = await street.draw({"kind": "polygon", "geometry": geometry})
    assert drawn["remarks"] == []
    assert shape(drawn["geometry"]).equals(shape(geometry))


async def test_a_bow_tie_is_mended_and_said(street: Street):
    drawn = await street.draw({"kind": "polygon", "geometry": BOW_TIE})
    assert [each["code"] for each in drawn["remarks"]] == ["self_crossing"]
    assert drawn["remarks"][0]["facts"]["lat"] == pytest.approx(50.05)
    assert "crosses itself near 50.05, 4.05" in drawn["remarks"][0]["text"]
    kept = await street.baker.get(f"/api/v1/zones/{drawn['id']}")
    assert shape(kept.json()["geometry"]).is_valid
    assert shape(kept.json()["geometry"]).geom_type == "MultiPolygon"


async def test_a_shape_over_the_date_line_is_cut_there_and_found_on_both_sides(street: Street):
    ring = [[179.5, -17.0], [180.5, -17.0], [180.5, -16.0], [179.5, -16.0], [179.5, -17.0]]
    drawn = await street.draw(
        {"kind": "polygon", "geometry": {"type": "Polygon", "coordinates": [ring]}}, name="Taveuni"
    )
    assert "date_line" in [each["code"] for each in drawn["remarks"]]
    assert shape(drawn["geometry"]).bounds == (-180.0, -17.0, 180.0, -16.0)
    await street.draw(CIRCLE, name="Brussels")
    for box, found in {
        "179,-18,180,-15": ["Taveuni"],
        "-180,-18,-179.9,-15": ["Taveuni"],
        "179.9,-18,-179.9,-15": ["Taveuni"],
        "170,-18,-170,60": ["Taveuni"],
        "0,-80,10,80": ["Brussels"],
        "10,-80,170,80": [],
        "-180,-90,180,90": ["Brussels", "Taveuni"],
    }.items():
        listed = await street.baker.get("/api/v1/zones", params={"bbox": box})
        assert [each["name"] for each in listed.json()["items"]] == found, box


async def test_a_zone_may_be_an_area_of_the_map(street: Street):
    found = (await street.baker.get("/api/v1/areas?search=lüttich&language=de")).json()
    assert [(each["code"], each["name"]) for each in found] == [
        ("province:60000", "Provinz Lüttich")
    ]
    assert found[0]["drawn_to_m"] == 50
    drawn = await street.draw({"kind": "area", "area": "province:60000"})
    assert drawn["drawing"] == {"kind": "area", "area": "province:60000"}
    assert shape(drawn["geometry"]).covers(shapely.Point(5.57, 50.64))
    assert area_m2(shape(drawn["geometry"])) == pytest.approx(3_862e6, rel=0.01)


@pytest.mark.parametrize(
    ("search", "level", "codes"),
    [
        ("nederland", None, ["country:NL"]),
        ("Pays-Bas", None, ["country:NL"]),
        ("aalst", "canton", ["canton:aalst-1", "canton:aalst-2"]),
        ("aalst", "country", []),
        # The map ends in the middle of it.
        ("rusland", None, []),
        ("heverlee", None, []),
    ],
)
async def test_areas_are_found_by_any_of_their_names(
    street: Street, search: str, level: str | None, codes: list[str]
):
    query = {"search": search} | ({"level": level} if level else {})
    found = await street.operator.get("/api/v1/areas", params=query)
    assert [each["code"] for each in found.json()] == codes


async def test_a_zone_may_move_with_an_asset_and_has_no_shape(street: Street):
    van, _ = await street.town.add_asset(street.bakery, "Van 1")
    moving = {"kind": "moving", "anchor_asset_id": str(van), "radius_m": 50.0}
    drawn = await street.draw(moving, by=street.baker)
    assert drawn["geometry"] is None
    assert drawn["drawing"] == moving
    assert drawn["anchor"] == "Van 1"


async def test_a_zone_moves_with_nobody_elses_asset(street: Street):
    lorry, _ = await street.town.add_asset(street.florist, "Lorry")
    moving = {"kind": "moving", "anchor_asset_id": str(lorry), "radius_m": 50.0}
    said = {"organisation_id": str(street.bakery), "name": "X", "drawing": moving}
    unseen = await street.baker.post("/api/v1/zones", json=said)
    assert unseen.status_code == 404
    foreign = await street.supervisor.post("/api/v1/zones", json=said)
    assert foreign.status_code == 422
    assert "asset of that client" in foreign.json()["detail"]
    # The centre watches over all of them.
    await street.draw(moving, organisation=street.town.centre)


async def test_a_zone_does_not_begin_to_move_with_what_is_retired(street: Street):
    van, _ = await street.town.add_asset(street.bakery, "Van 1")
    moving = {"kind": "moving", "anchor_asset_id": str(van), "radius_m": 50.0}
    drawn = await street.draw(moving)
    await street.town.pool.execute("UPDATE assets SET retired_at = now()")
    said = {"organisation_id": str(street.bakery), "name": "X", "drawing": moving}
    assert (await street.supervisor.post("/api/v1/zones", json=said)).status_code == 422
    # One that does so already may still be given another name.
    answer = await street.supervisor.patch(
        f"/api/v1/zones/{drawn['id']}", json={"version": 1, "name": "Van's own"}
    )
    assert answer.status_code == 200


POINT = {"type": "Point", "coordinates": [4.0, 50.0]}
LINE = {"type": "Polygon", "coordinates": [[[4.0, 50.0], [4.1, 50.0], [4.0, 50.0]]]}
MANY = [[4.0 + 0.00001 * (step % 7), 50.0 + 0.00001 * step] for step in range(20_000)]


@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        ({"kind": "polygon", "geometry": POINT}, "olygon"),
        ({"kind": "polygon", "geometry": LINE}, ""),
        ({"kind": "polygon", "geometry": {"type": "Polygon", "coordinates": []}}, ""),
        ({"kind": "polygon", "geometry": {"type": "Polygon"}}, ""),
        ({"kind": "polygon", "geometry": {"type": "Polygon", "coordinates": [[["x"]]]}}, ""),
        ({"kind": "polygon", "geometry": {"type": "Polygon", "coordinates": [MANY]}}, "20000"),
        ({**CIRCLE, "radius_m": 0}, "see errors"),
        ({**CIRCLE, "centre": {"lat": 91, "lon": 0}}, "see errors"),
        ({**CORRIDOR, "line": CORRIDOR["line"][:1] * 2}, "two places"),
        ({**CORRIDOR, "width_m": 1e9}, "see errors"),
        ({"kind": "area", "area": "municipality:24062"}, "no such area"),
        ({"kind": "star"}, "see errors"),
        ({**CIRCLE, "anchor_asset_id": "x"}, "see errors"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_cannot_be_judged_by_is_refused_in_words(
    street: Street, drawing: dict[str, Any], words: str
):
    answer = await street.supervisor.post(
        "/api/v1/zones",
        json={"organisation_id": str(street.bakery), "name": "X", "drawing": drawing},
    )
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["detail"]
    assert await street.town.pool.fetchval("SELECT count(*) FROM zones") == 0


@pytest.mark.parametrize(
    "said",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"colour": "red"},
        {"labels": ["x" * 61]},
        {"labels": ["a\u0000"]},
        {"labels": [str(number) for number in range(21)]},
        {"speed_limit_kmh": 0},
        {"hours": {"weekly": {"mon": ["25:00-26:00"]}}},
        {"hours": "always"},
        {"surprise": 1},
    ],
    ids=str,
)
async def test_what_is_said_of_a_zone_is_checked(street: Street, said: dict[str, Any]):
    answer = await street.supervisor.post(
        "/api/v1/zones",
        json={"organisation_id": str(street.bakery), "name": "X", "drawing": POLYGON, **said},
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


async def test_what_is_said_of_a_zone_is_kept_as_it_was_written(street: Street):
    said = {
        "colour": "#C2410C",
        "labels": ["depot", "night", "depot"],
        "speed_limit_kmh": 33.3,
        "hours": {"weekly": {"mon": ["08:00-18:00"]}},
        "note": "Ring twice.\nThen wait.",
    }
    drawn = await street.draw(POLYGON, **said)
    for name, value in {**said, "colour": "#c2410c", "labels": ["depot", "night"]}.items():
        assert drawn[name] == value
    assert (drawn["version"], drawn["in_force"], drawn["removed"]) == (1, True, False)
    assert drawn["created_by"] == "Sofie"
