"""Metres are metres: in Ostend and Quito, in the north, and where the longitudes begin again.

The truth here is slow: ``pyproj.Geod`` from place to place, along sides cut into small pieces.
"""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as some
from pyproj import Geod

from geofence.metric import (
    Place,
    Plane,
    area_m2,
    covers,
    distance_m,
    distances_m,
    edge_of,
    nearest_m,
    place_from,
    way,
)
from geofence.shapes import circle, sound

EARTH = Geod(ellps="WGS84")
PLACES = {
    "Ostend": Place(51.2254, 2.9194),
    "Svalbard": Place(78.2232, 15.6267),
    "Quito": Place(-0.1807, -78.4678),
    "Suva": Place(-18.1416, 178.4419),
    "Taveuni, on the date line": Place(-16.8, 180.0),
    "a degree from the pole": Place(89.0, 30.0),
    "the pole": Place(90.0, 0.0),
    "the other pole": Place(-89.9, -120.0),
}

anywhere = some.builds(
    Place, lat=some.floats(-90, 90, width=32), lon=some.floats(-180, 180, width=32)
)
around_here = some.tuples(some.floats(0, 360), some.floats(1, 20_000))


everywhere = pytest.mark.parametrize("somewhere", PLACES.values(), ids=PLACES.keys())
a_few = settings(max_examples=40, deadline=None)


def moved(place, course_deg, metres):
    return place_from(lat=place.lat, lon=place.lon, course_deg=course_deg, distance_m=metres)


def far_m(one, other):
    return EARTH.inv(one.lon, one.lat, other.lon, other.lat)[2]


def sides_cut_small(shape):
    """Places along the edge of a shape, without the cuts at 180° and the poles."""
    pieces = np.linspace(0, 1, 3_000)[:, None]
    rings = [
        ring.coords
        for part in shapely.get_parts(shape)
        for ring in (part.exterior, *part.interiors)
    ]
    sides = [
        (start, end)
        for ring in rings
        for start, end in pairwise(np.asarray(ring))
        if not (abs(start[0]) == abs(end[0]) == 180 or abs(start[1]) == abs(end[1]) == 90)
    ]
    lons, lats = np.vstack([start + pieces * (end - start) for start, end in sides]).T
    return lats, lons


def slowly_m(shape, place):
    lats, lons = sides_cut_small(shape)
    return EARTH.inv(np.full_like(lons, place.lon), np.full_like(lats, place.lat), lons, lats)[
        2
    ].min()


@given(anywhere, anywhere)
def test_a_distance_is_the_geodesic_both_ways(one, other):
    there = distance_m(lat=one.lat, lon=one.lon, to_lat=other.lat, to_lon=other.lon)
    back = distance_m(lat=other.lat, lon=other.lon, to_lat=one.lat, to_lon=one.lon)
    in_rows = distances_m(*(np.array([value]) for value in (*one, *other)))
    assert there == pytest.approx(far_m(one, other), abs=1e-6)
    assert there == pytest.approx(back, abs=1e-6)
    assert there == pytest.approx(in_rows[0], abs=1e-6)


def test_known_distances():
    """A metre is a ten-millionth of the way from the equator to the pole, or nearly so."""
    assert distance_m(lat=0, lon=0, to_lat=90, to_lon=0) == pytest.approx(10_001_965.7, abs=0.1)
    assert distance_m(lat=0, lon=179.5, to_lat=0, to_lon=-179.5) == pytest.approx(
        111_319.5, abs=0.1
    )
    assert distance_m(lat=89, lon=0, to_lat=89, to_lon=180) == pytest.approx(223_387.7, abs=0.5)


@everywhere
@a_few
@given(around_here, around_here)
def test_a_flat_map_is_true_around_its_centre(somewhere, one, other):
    here, there = moved(somewhere, *one), moved(somewhere, *other)
    assume(far_m(here, there) > 0.1)
    plane = Plane(lat=somewhere.lat, lon=somewhere.lon)
    (x, y), (to_x, to_y) = (plane.spot(lat=each.lat, lon=each.lon) for each in (here, there))
    assert np.hypot(to_x - x, to_y - y) == pytest.approx(far_m(here, there), rel=1e-5, abs=1e-3)
    assert plane.metres([here.lat], [here.lon])[0] == pytest.approx((x, y), abs=1e-6)
    lats, lons = plane.degrees(np.array([[x, y]]))
    assert far_m(here, Place(lats[0], lons[0])) < 1e-6


@everywhere
@a_few
@given(around_here)
def test_the_edge_of_a_circle_is_as_far_as_it_should_be(somewhere, where):
    shape = circle(lat=somewhere.lat, lon=somewhere.lon, radius_m=5_000)
    place = moved(somewhere, *where)
    measured = edge_of(shape).distance_m(lat=place.lat, lon=place.lon)
    # The sides of a circle with 96 corners are up to 0.06 % inside it.
    assert measured == pytest.approx(abs(where[1] - 5_000), abs=5_000 * 0.0012)


@everywhere
@a_few
@given(some.lists(around_here, min_size=3, max_size=6), around_here)
def test_the_edge_of_any_shape_is_as_far_as_its_nearest_piece(somewhere, corners, where):
    places = [moved(somewhere, *each) for each in corners]
    # A side along 180° may be an edge or a cut; another test tells them apart.
    assume(sum(abs(place.lon) == 180 for place in places) < 2)
    plane = Plane(lat=somewhere.lat, lon=somewhere.lon)
    assume(shapely.Polygon([plane.spot(lat=each.lat, lon=each.lon) for each in places]).is_valid)
    ring = [[place.lon, place.lat] for place in (*places, places[0])]
    try:
        shape = sound({"type": "Polygon", "coordinates": [ring]}).shape
    except ValueError:
        reject()
    place = moved(somewhere, *where)
    measured = edge_of(shape).distance_m(lat=place.lat, lon=place.lon)
    assert measured == pytest.approx(slowly_m(shape, place), rel=1e-3, abs=5.0)


def test_a_long_side_is_straight_in_degrees_as_it_was_drawn():
    """The way along a parallel is not the shortest: seen from its middle it is bent."""
    shape = shapely.box(2.0, 50.0, 6.0, 51.0)
    north = edge_of(shape)
    assert north.distance_m(lat=51.0, lon=4.0) == pytest.approx(0.0, abs=2.0)
    assert north.distance_m(lat=50.99, lon=4.0) == pytest.approx(1_112.5, rel=1e-3)


@pytest.mark.parametrize("kilometres", [700, 3_000, 9_000])
def test_far_away_is_measured_as_well(kilometres):
    shape = circle(lat=51.2, lon=2.9, radius_m=1_000)
    for course_deg in (0, 77, 143, 260):
        place = moved(Place(51.2, 2.9), course_deg, kilometres * 1_000)
        measured = edge_of(shape).distance_m(lat=place.lat, lon=place.lon)
        assert measured == pytest.approx(kilometres * 1_000 - 1_000, rel=1e-3)


def test_a_continent_is_measured_where_one_stands():
    shape = shapely.box(-10.0, 36.0, 30.0, 70.0)
    for place in (Place(50.85, 4.35), Place(37.0, 29.0), Place(69.0, -9.0), Place(30.0, 45.0)):
        measured = edge_of(shape).distance_m(lat=place.lat, lon=place.lon)
        assert measured == pytest.approx(slowly_m(shape, place), rel=1e-3)


def test_what_ends_at_the_date_line_on_one_side_only_has_an_edge_there():
    one_side = shapely.box(179.0, -18.0, 180.0, -17.0)
    both = shapely.union_all([one_side, shapely.box(-180.0, -18.0, -179.0, -17.0)])
    assert edge_of(one_side).distance_m(lat=-17.5, lon=179.99) == pytest.approx(1_062, rel=0.01)
    assert edge_of(both).distance_m(lat=-17.5, lon=179.99) == pytest.approx(55_300, rel=0.01)


def test_the_pole_is_no_edge():
    cap = circle(lat=90, lon=0, radius_m=50_000)
    assert covers(cap, lat=90, lon=0)
    assert edge_of(cap).distance_m(lat=89.9, lon=180) == pytest.approx(50_000 - 11_169, rel=2e-3)


@everywhere
@a_few
@given(around_here, around_here)
def test_a_way_touches_a_circle_when_it_comes_near_enough(somewhere, one, other):
    start, end = moved(somewhere, *one), moved(somewhere, *other)
    near_m = nearest_m(lat=somewhere.lat, lon=somewhere.lon, start=start, end=end)
    pieces = way([start, end], step_m=20.0)
    slowly = min(far_m(somewhere, each) for each in pieces)
    assert near_m == pytest.approx(slowly, abs=11.0)
    assume(abs(near_m - 5_000) > 10)
    edge = edge_of(circle(lat=somewhere.lat, lon=somewhere.lon, radius_m=5_000))
    far = max(far_m(somewhere, each) for each in (start, end))
    assume(abs(far - 5_000) > 10)
    assert edge.touched(start, end) is (near_m < 5_000 < far)


def test_a_flight_is_followed_along_the_great_circle():
    """From Brussels to Tokyo one passes over the north of Siberia, not over Kazakhstan."""
    brussels, tokyo = Place(50.9, 4.5), Place(35.7, 140.4)
    over_yamal = edge_of(shapely.box(65.0, 60.0, 75.0, 75.0))
    over_kazakhstan = edge_of(shapely.box(60.0, 44.0, 75.0, 52.0))
    assert over_yamal.touched(brussels, tokyo)
    assert not over_kazakhstan.touched(brussels, tokyo)


def test_areas_are_those_of_the_ground():
    assert area_m2(shapely.box(-180, -90, 180, 90)) == pytest.approx(5.10065621724e14, rel=1e-9)
    for place in PLACES.values():
        shape = circle(lat=place.lat, lon=place.lon, radius_m=3_000)
        # A polygon with 96 corners has 0.07 % less than the circle around it.
        assert area_m2(shape) == pytest.approx(np.pi * 3_000**2, rel=1.5e-3)


def test_a_way_has_steps_no_longer_than_asked():
    steps = way([Place(-17.0, 179.0), Place(-17.5, -179.0), Place(-17.5, -178.9)], step_m=5_000)
    lengths = [far_m(one, other) for one, other in pairwise(steps)]
    assert max(lengths) <= 5_000.001
    whole = far_m(Place(-17.0, 179.0), Place(-17.5, -179.0)) + far_m(
        Place(-17.5, -179.0), Place(-17.5, -178.9)
    )
    assert sum(lengths) == pytest.approx(whole)
