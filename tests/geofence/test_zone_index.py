"""Around a fix, the index says what asking every zone one by one would say."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as some

from geofence.metric import distance_m, place_from, way
from geofence.shapes import circle, corridor, sound
from geofence.zone import Zone, ZoneKind, definition_of, zone_from
from geofence.zone_index import ZoneIndex
from protocols.message import Fix

AT = datetime(2026, 11, 24, 22, tzinfo=UTC)
LEAST = {"version": 1, "organisation_id": "client", "name": "depot"}


def fix(lat, lon, *, at=AT):
    return Fix(at=at, lat=lat, lon=lon)


def still(zone_id, shape):
    return Zone(id=zone_id, kind=ZoneKind.POLYGON, shape=shape, **LEAST)


def moving(zone_id, anchor, *, radius_m):
    return Zone(
        id=zone_id, kind=ZoneKind.MOVING, shape=None, anchor=anchor, radius_m=radius_m, **LEAST
    )


def near(centre, *, within_m=3_000):
    """Fixes around a place."""
    return some.builds(
        lambda course_deg, far_m: fix(
            *place_from(lat=centre.lat, lon=centre.lon, course_deg=course_deg, distance_m=far_m)
        ),
        some.floats(0, 360),
        some.floats(0, within_m),
    )


@some.composite
def neighbourhoods(draw):
    """Zones of every sort and fixes around one place, anchors too."""
    lat, lon = draw(
        some.sampled_from([(51.2, 2.9), (78.2, 15.6), (-0.2, -78.5), (-16.8, 180.0), (89.99, 7.0)])
    )
    centre = fix(lat, lon)
    places = near(centre)
    zones = []
    for number in range(draw(some.integers(0, 6))):
        where, radius_m = draw(places), draw(some.floats(1, 2_000))
        zones.append(
            still(f"circle {number}", circle(lat=where.lat, lon=where.lon, radius_m=radius_m))
        )
    for number in range(draw(some.integers(0, 2))):
        line = [(each.lat, each.lon) for each in draw(some.lists(places, min_size=2, max_size=4))]
        if len(set(line)) > 1:
            zones.append(still(f"corridor {number}", corridor(line, width_m=300)))
    anchors = {name: draw(places) for name in draw(some.sets(some.sampled_from("abc")))}
    for number, anchor in enumerate(draw(some.lists(some.sampled_from("abc"), max_size=3))):
        zones.append(moving(f"moving {number}", anchor, radius_m=draw(some.floats(1, 2_000))))
    return zones, draw(some.lists(places, max_size=8)), anchors


@settings(max_examples=150, deadline=None)
@given(neighbourhoods())
def test_a_batch_is_inside_what_each_fix_alone_would_be(neighbourhood):
    zones, fixes, anchors = neighbourhood
    around = ZoneIndex(zones).around(fixes, anchors=anchors)
    assert len(around) == len(fixes)
    for here, found in zip(fixes, around, strict=True):
        truly = set()
        for zone in zones:
            if zone.shape is not None:
                inside = zone.shape.covers(shapely.Point(here.lon, here.lat))
            elif (anchor := anchors.get(zone.anchor)) is not None:
                far_m = distance_m(lat=here.lat, lon=here.lon, to_lat=anchor.lat, to_lon=anchor.lon)
                inside = far_m <= zone.radius_m
            else:
                inside = False
            if inside:
                truly.add(zone.id)
        assert found.inside == truly
        assert ZoneIndex(zones).around([here], anchors=anchors)[0].inside == truly


@settings(max_examples=100, deadline=None)
@given(neighbourhoods())
def test_distance_and_depth_and_crossing_agree_with_inside(neighbourhood):
    zones, fixes, anchors = neighbourhood
    around = ZoneIndex(zones).around(fixes, anchors=anchors)
    for here, found in zip(fixes, around, strict=True):
        for zone in zones:
            known = zone.shape is not None or zone.anchor in anchors
            assert (found.zone(zone.id) is not None) is known
            if zone.id in found.inside:
                assert found.distance_m(zone.id) == 0
                assert 0 <= found.depth_m(zone.id) < 10_000
                assert found.crossed(zone.id, here)
            else:
                assert found.depth_m(zone.id) == 0
                assert found.distance_m(zone.id) > 0 or zone.shape is not None
                assert (found.distance_m(zone.id) == inf) is not known
        for since, before in zip(fixes, around, strict=True):
            for zone_id in found.inside ^ before.inside:
                assert found.crossed(zone_id, since)


@settings(max_examples=100, deadline=None)
@given(neighbourhoods())
def test_what_is_crossed_is_what_some_place_on_the_way_is_inside_of(neighbourhood):
    zones, fixes, anchors = neighbourhood
    if len(fixes) < 2:
        return
    index = ZoneIndex(zones)
    start, end = fixes[0], fixes[-1]
    found = index.around([end], anchors=anchors)[0]
    steps = index.around(
        [fix(*place) for place in way([place_of(start), place_of(end)], step_m=5.0)],
        anchors=anchors,
    )
    passed = frozenset().union(*(step.inside for step in steps))
    for zone in zones:
        crossed = found.crossed(zone.id, start)
        if zone.id in passed and not crossed:
            # Only by the width of a hair: a side of the shape is straight in degrees.
            assert max(step.depth_m(zone.id) for step in steps) < 0.5
        if crossed and zone.id not in passed:
            assert min(step.distance_m(zone.id) for step in steps) < 3.0


@settings(max_examples=100, deadline=None)
@given(neighbourhoods(), some.floats(1, 5_000))
def test_what_is_near_and_nearest_is_what_every_distance_says(neighbourhood, within_m):
    zones, fixes, anchors = neighbourhood
    for found in ZoneIndex(zones).around(fixes, anchors=anchors):
        far_m = {zone.id: found.distance_m(zone.id) for zone in zones}
        within = {zone_id for zone_id, far in far_m.items() if far <= within_m or far == inf}
        assert within <= found.near(within_m)
        placed = {zone_id for zone_id, far in far_m.items() if far < inf}
        nearest = found.nearest(far_m.keys())
        assert (nearest is None) is (not placed)
        if nearest is not None:
            assert far_m[nearest] == min(far_m.values())
        assert found.nearest(far_m.keys() - {nearest}) != nearest or nearest is None


def test_what_is_near_is_so_on_both_sides_of_the_date_line():
    index = ZoneIndex(
        [
            still("east", circle(lat=-16.8, lon=-179.95, radius_m=500)),
            still("far", circle(lat=-16.8, lon=-170, radius_m=500)),
            still("pole", circle(lat=90, lon=0, radius_m=500)),
        ]
    )
    fiji, arctic = index.around([fix(-16.8, 179.95), fix(89.99, -120)])
    assert fiji.near(11_000) == {"east"}
    assert fiji.near(5_000) == frozenset()
    assert fiji.nearest({"east", "far", "pole"}) == "east"
    assert fiji.nearest({"far", "pole"}) == "far"
    assert fiji.nearest(set()) is None
    assert arctic.near(1_500) == {"pole"}


def place_of(where):
    from geofence.metric import Place

    return Place(lat=where.lat, lon=where.lon)


def test_a_zone_in_fiji_is_whole_on_both_sides_of_the_date_line():
    index = ZoneIndex([still("fiji", circle(lat=-16.8, lon=180.0, radius_m=5_000))])
    west, east, outside = index.around(
        [fix(-16.8, 179.99), fix(-16.8, -179.99), fix(-16.8, -179.9)]
    )
    assert west.inside == east.inside == {"fiji"}
    # Its 96 sides are a little inside of the circle; the cut at 180° is 1 km away and no edge.
    assert west.depth_m("fiji") == pytest.approx(5_000 - 1_066, rel=2e-3)
    assert west.depth_m("fiji") == pytest.approx(east.depth_m("fiji"), rel=1e-3)
    assert outside.distance_m("fiji") == pytest.approx(10_659 - 5_000, rel=2e-3)
    assert outside.crossed("fiji", fix(-16.8, 179.9))
    assert not outside.crossed("fiji", fix(-16.9, -179.9))


def test_far_from_everything_a_distance_is_still_told():
    index = ZoneIndex([still("ostend", circle(lat=51.2, lon=2.9, radius_m=100))])
    (found,) = index.around([fix(-33.9, 18.4)])
    assert found.inside == frozenset()
    truly = distance_m(lat=-33.9, lon=18.4, to_lat=51.2, to_lon=2.9) - 100
    assert found.distance_m("ostend") == pytest.approx(truly, rel=1e-6)
    assert found.distance_m("nowhere") == inf
    assert found.depth_m("nowhere") == 0
    assert found.zone("nowhere") is None
    assert not found.crossed("nowhere", fix(51.2, 2.9))


def test_no_zones_and_no_fixes_are_no_trouble():
    assert ZoneIndex([]).around([]) == []
    assert ZoneIndex([]).around([fix(51, 3)])[0].inside == frozenset()
    assert ZoneIndex([still("a", shapely.box(3, 50, 4, 51))]).around([]) == []


@pytest.mark.parametrize("seconds", [-600, 0, 600])
def test_a_zone_that_moves_is_around_its_anchor(seconds):
    anchor = fix(51.2, 2.9, at=AT + timedelta(seconds=seconds))
    index = ZoneIndex([moving("patrol", "van", radius_m=50)])
    near_by, away = index.around([fix(51.2003, 2.9), fix(51.21, 2.9)], anchors={"van": anchor})
    assert near_by.inside == {"patrol"}
    assert near_by.zone("patrol").centre == (51.2, 2.9)
    assert near_by.depth_m("patrol") == pytest.approx(50 - 33.4, abs=0.1)
    assert away.inside == frozenset()
    assert away.distance_m("patrol") == pytest.approx(1_112.6 - 50, abs=0.1)
    assert away.crossed("patrol", fix(51.19, 2.9))
    assert not away.crossed("patrol", fix(51.21, 2.95))


@pytest.mark.parametrize("seconds", [-601, 601])
def test_a_zone_that_moves_is_lost_when_its_anchor_is(seconds):
    index = ZoneIndex([moving("patrol", "van", radius_m=50)])
    stale = fix(51.2, 2.9, at=AT + timedelta(seconds=seconds))
    for anchors in ({"van": stale}, {}):
        (found,) = index.around([fix(51.2, 2.9)], anchors=anchors)
        assert found.inside == frozenset()
        assert found.zone("patrol") is None
        assert found.distance_m("patrol") == inf
        assert not found.crossed("patrol", fix(51.2, 2.8))


def test_threads_may_share_an_index():
    """Shapes are readied for looking into when that is first done, by whoever comes first."""
    shapes = [circle(lat=51.2 + n / 500, lon=2.9, radius_m=300) for n in range(200)]
    fixes = [fix(51.2 + n / 1_000, 2.9) for n in range(400)]
    alone = [
        each.inside for each in ZoneIndex(map(still, map(str, range(200)), shapes)).around(fixes)
    ]
    fresh = [sound(shape).shape for shape in shapes]
    index = ZoneIndex(map(still, map(str, range(200)), fresh))
    with ThreadPoolExecutor(8) as threads:
        for found in threads.map(lambda _: index.around(fixes), range(16)):
            assert [each.inside for each in found] == alone


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        (ZoneKind.CIRCLE, {"centre": [51.2, 2.9], "radius_m": 100.0}),
        (ZoneKind.CORRIDOR, {"line": [[51.2, 2.9], [51.3, 3.0]], "width_m": 40.0}),
        (ZoneKind.MOVING, {"radius_m": 50.0}),
        (ZoneKind.AREA, {"area": "canton-12"}),
        (ZoneKind.POLYGON, {}),
    ],
)
def test_a_zone_is_what_its_definition_says(kind, definition):
    drawn = kind in {ZoneKind.POLYGON, ZoneKind.AREA}
    anchor = "van" if kind is ZoneKind.MOVING else None
    shape = shapely.box(3, 50, 4, 51) if drawn else None
    zone = zone_from(id="a", kind=kind, definition=definition, shape=shape, anchor=anchor, **LEAST)
    assert definition_of(zone) == definition
    assert (zone.shape is None) is (kind is ZoneKind.MOVING)
    stored = zone_from(
        id="a", kind=kind, definition=definition, shape=zone.shape, anchor=anchor, **LEAST
    )
    assert stored == zone


@pytest.mark.parametrize(
    ("kind", "definition", "says"),
    [
        (ZoneKind.CIRCLE, {"radius_m": 100}, "the circle needs centre"),
        (ZoneKind.CIRCLE, {"centre": [51.2, 2.9]}, "the circle needs radius_m"),
        (ZoneKind.CIRCLE, {"centre": [51.2], "radius_m": 100}, "two numbers"),
        (ZoneKind.CIRCLE, {"centre": 51.2, "radius_m": 100}, "not drawn in numbers"),
        (ZoneKind.CORRIDOR, {"line": [[51.2, 2.9]], "width_m": 40}, "at least two places"),
        (ZoneKind.MOVING, {"radius_m": 50}, "needs an anchor"),
        (ZoneKind.POLYGON, {}, "the polygon needs its shape"),
        (ZoneKind.AREA, {}, "the area needs area"),
    ],
)
def test_a_definition_that_says_too_little_is_refused(kind, definition, says):
    with pytest.raises(ValueError, match=says):
        zone_from(id="a", kind=kind, definition=definition, **LEAST)
