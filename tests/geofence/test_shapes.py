"""Circles and corridors in metres; what is drawn badly is made sound, and it is said how."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, reject, settings
from hypothesis import strategies as some
from pyproj import Geod

from geofence.metric import Place, area_m2, covers, edge_of, place_from, way
from geofence.shapes import MOST_VERTICES, Remark, Repair, circle, corridor, sound

EARTH = Geod(ellps="WGS84")
PLACES = {
    "Ostend": Place(51.2254, 2.9194),
    "Svalbard": Place(78.2232, 15.6267),
    "Quito": Place(-0.1807, -78.4678),
    "Suva": Place(-18.1416, 178.4419),
    "on the date line": Place(-16.8, 180.0),
    "ten metres from the pole": Place(89.9999, 3.0),
    "the south pole": Place(-90.0, 0.0),
}
SQUARE = [[4.0, 50.0], [5.0, 50.0], [5.0, 51.0], [4.0, 51.0], [4.0, 50.0]]

everywhere = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())


def polygon(*rings):
    return {"type": "Polygon", "coordinates": rings}


def remarks(drawn):
    return {said.repair: dict(said.numbers) for said in sound(drawn).remarks}


@everywhere
@pytest.mark.parametrize("radius_m", [5, 100, 20_000, 300_000])
def test_every_vertex_of_a_circle_is_its_radius_away(place, radius_m):
    shape = circle(lat=place.lat, lon=place.lon, radius_m=radius_m)
    corners = shapely.get_coordinates(shape)
    # Corners at 180° and at the poles are where the shape is cut, not where it ends.
    lons, lats = corners[(np.abs(corners[:, 0]) < 180) & (np.abs(corners[:, 1]) < 90)].T
    far = EARTH.inv(np.full_like(lons, place.lon), np.full_like(lats, place.lat), lons, lats)[2]
    assert len(far) >= 48
    assert far == pytest.approx(np.full_like(far, radius_m), rel=1e-3)
    assert shape.is_valid
    assert covers(shape, lat=place.lat, lon=place.lon)


@everywhere
@settings(max_examples=60, deadline=None)
@given(course_deg=some.floats(0, 360), share=some.floats(0.001, 2))
def test_a_circle_covers_what_is_within_its_radius(place, course_deg, share):
    shape = circle(lat=place.lat, lon=place.lon, radius_m=100)
    there = place_from(lat=place.lat, lon=place.lon, course_deg=course_deg, distance_m=100 * share)
    if not 0.998 < share < 1.001:
        assert covers(shape, lat=there.lat, lon=there.lon) is (share < 1)


@pytest.mark.parametrize(
    ("line", "width_m"),
    [
        ([[50.85, 4.35], [51.05, 3.7], [51.2, 2.9]], 40),
        ([[78.2, 15.6], [78.5, 16.9], [78.9, 11.9]], 200),
        ([[-17.0, 178.0], [-17.5, -178.0]], 4_000),
        ([[88.5, 0.0], [88.5, 170.0]], 1_000),
        ([[50.85, 4.35], [48.86, 2.35], [41.39, 2.17]], 300),
    ],
    ids=["to the sea", "Svalbard", "across the date line", "past the pole", "to Barcelona"],
)
def test_a_corridor_is_as_wide_as_it_should_be(line, width_m):
    shape = corridor(line, width_m=width_m)
    edge = edge_of(shape)
    assert shape.is_valid
    for start, end in pairwise([Place(*each) for each in line]):
        steps = way([start, end], step_m=7_919)
        for here, there in pairwise(steps[1:]):
            course_deg = EARTH.inv(here.lon, here.lat, there.lon, there.lat)[0]
            assert covers(shape, lat=here.lat, lon=here.lon)
            measured = edge.distance_m(lat=here.lat, lon=here.lon)
            assert measured <= width_m / 2 * 1.002 + 0.2
            for side in (90, -90):
                for share in (0.98, 1.02):
                    beside = place_from(
                        lat=here.lat,
                        lon=here.lon,
                        course_deg=course_deg + side,
                        distance_m=width_m / 2 * share,
                    )
                    assert covers(shape, lat=beside.lat, lon=beside.lon) is (share < 1)


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda: circle(lat=51, lon=3, radius_m=0), "radius_m must be above 0"),
        (lambda: circle(lat=51, lon=3, radius_m=float("nan")), "radius_m must be above 0"),
        (lambda: circle(lat=91, lon=3, radius_m=5), "not on Earth: 91, 3"),
        (lambda: circle(lat=float("nan"), lon=3, radius_m=5), "not on Earth"),
        (lambda: corridor([[51, 3], [52, 3]], width_m=-1), "width_m must be above 0"),
        (lambda: corridor([[51, 3], [51, 3]], width_m=40), "at least two places"),
        (lambda: corridor([[51, 3], [51, 200]], width_m=40), "not on Earth: 51, 200"),
        (lambda: corridor([[51, i / 1e5] for i in range(10_001)], width_m=40), "10001"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(draw, says):
    with pytest.raises(ValueError, match=says):
        draw()


def test_what_is_sound_stays_as_it_is():
    made = sound(polygon(SQUARE))
    assert made.remarks == ()
    assert made.shape.equals_exact(shapely.Polygon(SQUARE))
    assert sound(made.shape) == made


def test_a_hole_stays_a_hole():
    hole = [[4.2, 50.2], [4.2, 50.8], [4.8, 50.8], [4.8, 50.2], [4.2, 50.2]]
    made = sound(polygon(SQUARE, hole))
    assert made.remarks == ()
    assert not covers(made.shape, lat=50.5, lon=4.5)
    assert covers(made.shape, lat=50.1, lon=4.1)


def test_heights_are_not_kept():
    made = sound(polygon([[*place, 12.5] for place in SQUARE]))
    assert made.remarks == ()
    assert not made.shape.has_z


@pytest.mark.parametrize(
    ("drawn", "said", "area_deg2"),
    [
        (polygon(SQUARE[:-1]), {Repair.CLOSED: {"rings": 1}}, 1.0),
        (
            polygon([SQUARE[0], SQUARE[0], *SQUARE[1:], SQUARE[0]]),
            {Repair.REPEATED: {"places": 2}},
            1.0,
        ),
        (polygon(SQUARE[::-1]), {Repair.TURNED: {"rings": 1}}, 1.0),
        (
            polygon([[4, 50], [5, 51], [5, 50], [4, 51], [4, 50]]),
            {Repair.SELF_CROSSING: {"parts": 2, "lat": 50.5, "lon": 4.5}, Repair.TURNED: None},
            0.5,
        ),
        (
            polygon(SQUARE, [[6, 50], [6, 51], [7, 51], [6, 50]]),
            {Repair.HOLES_OUTSIDE: {"holes": 1}},
            1.0,
        ),
        (
            polygon(SQUARE, [[4.5, 50.5], [4.5, 52], [4.9, 52], [4.9, 50.5], [4.5, 50.5]]),
            {Repair.SELF_CROSSING: None},
            0.8,
        ),
        (
            {
                "type": "MultiPolygon",
                "coordinates": [[SQUARE], [[[x + 0.5, y] for x, y in SQUARE]]],
            },
            {Repair.OVERLAPPING: {"parts": 2}},
            1.5,
        ),
        (
            {"type": "MultiPolygon", "coordinates": [[SQUARE], [[[9, 50], [9, 51], [9, 50]]]]},
            {Repair.DROPPED: {"parts": 1}},
            1.0,
        ),
        (
            polygon([[x, y + 100] for x, y in SQUARE]),
            {Repair.SWAPPED: {}, Repair.TURNED: None},
            1.0,
        ),
        (
            polygon([[y, x] for x, y in SQUARE]),
            {Repair.PERHAPS_SWAPPED: {"lat": 50.4, "lon": 4.4}, Repair.TURNED: None},
            1.0,
        ),
    ],
)
def test_what_can_be_repaired_is_and_every_repair_is_said(drawn, said, area_deg2):
    found = remarks(drawn)
    for repair, numbers in said.items():
        if numbers is None:
            found.pop(repair, None)
        else:
            assert found.pop(repair) == pytest.approx(numbers)
    assert not found
    made = sound(drawn).shape
    assert made.is_valid
    assert made.area == pytest.approx(area_deg2)


def test_a_lobe_drawn_twice_is_covered_and_no_hole():
    """Who goes round a yard twice means the yard."""
    made = sound(polygon([*SQUARE, *SQUARE[1:]]))
    assert made.shape.equals(shapely.Polygon(SQUARE))


@pytest.mark.parametrize(
    "ring",
    [
        [[179, -18], [-179, -18], [-179, -17], [179, -17], [179, -18]],
        [[179, -18], [181, -18], [181, -17], [179, -17], [179, -18]],
        [[-181, -18], [-179, -18], [-179, -17], [-181, -17], [-181, -18]],
    ],
    ids=["the short way round", "on beyond 180", "from beyond -180"],
)
def test_what_crosses_the_date_line_is_cut_there(ring):
    hole = [[-179.9, -17.4], [-179.8, -17.4], [-179.85, -17.5], [-179.9, -17.4]]
    made = sound(polygon(ring, hole))
    assert [said.repair for said in made.remarks] == [Repair.DATE_LINE]
    assert made.shape.geom_type == "MultiPolygon"
    assert made.shape.bounds == (-180, -18, 180, -17)
    assert made.shape.area == pytest.approx(2.0 - 0.005)
    assert not covers(made.shape, lat=-17.45, lon=-179.85)
    assert covers(made.shape, lat=-17.45, lon=179.85)
    assert sound(made.shape).remarks == ()


def test_a_ring_around_the_pole_holds_the_pole():
    made = sound(polygon([[0, 80], [90, 80], [180, 80], [-90, 80], [0, 80]]))
    assert covers(made.shape, lat=89.99, lon=-135)
    assert not covers(made.shape, lat=79, lon=0)
    assert sound(made.shape) == type(made)(shape=made.shape)


@pytest.mark.parametrize(
    ("drawn", "says"),
    [
        (polygon(), "no places"),
        (polygon([[4, 50], [5, 51], [4, 50]]), "no area"),
        (polygon([[4, 50], [5, 51], [6, 52], [4, 50]]), "no area"),
        (polygon([[4, 50], [4.000001, 50], [4, 50.000001], [4, 50]]), "no area"),
        (polygon([[-170, -80], [0, -80], [170, -80], [170, 80], [0, 80], [-170, 80]]), "half"),
        (polygon([[i / 1e4, i % 2] for i in range(MOST_VERTICES + 1)]), "10001"),
        (polygon([[4, 250], [5, 250], [5, 251]]), "not on Earth: 25[01], [45]"),
        (polygon([[float("nan"), 50], [5, 50], [5, 51]]), "two numbers"),
        (polygon([["east", 50], [5, 50], [5, 51]]), "two numbers"),
        (polygon(4, 5), "GeoJSON"),
        ({"type": "Polygon", "coordinates": None}, "GeoJSON"),
        ({"type": "GeometryCollection"}, "GeoJSON"),
        ({"type": "LineString", "coordinates": [[4, 50], [5, 50]]}, "not 'LineString'"),
        ({"kind": "circle"}, "not 'None'"),
        (shapely.Point(4, 50), "not 'Point'"),
    ],
)
def test_what_cannot_be_judged_by_is_refused_in_a_sentence(drawn, says):
    with pytest.raises(ValueError, match=says):
        sound(drawn)


scribbles = some.lists(
    some.tuples(some.integers(-6, 6), some.integers(-6, 6)), min_size=1, max_size=9
)


@settings(max_examples=300, deadline=None)
@given(
    some.lists(some.lists(scribbles, min_size=1, max_size=3), min_size=1, max_size=3),
    some.sampled_from([(4.0, 50.0), (179.98, -17.0), (-30.0, 88.97), (12.0, -89.98)]),
)
def test_whatever_is_scribbled_comes_out_sound_or_is_refused(polygons, middle):
    lon, lat = middle
    drawn = [
        [[[lon + x / 100, lat + y / 200] for x, y in ring] for ring in rings] for rings in polygons
    ]
    try:
        made = sound({"type": "MultiPolygon", "coordinates": drawn})
    except ValueError as refused:
        assert "area" in str(refused) or "Earth" in str(refused)  # noqa: PT017 - either is right
        reject()
    assert made.shape.geom_type in {"Polygon", "MultiPolygon"}
    assert made.shape.is_valid
    assert area_m2(made.shape) > 0
    west, south, east, north = made.shape.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    again = sound(made.shape)
    assert again.remarks == ()
    assert again.shape.equals(made.shape)
    assert all(isinstance(said, Remark) for said in made.remarks)
