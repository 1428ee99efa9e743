"""Demonstration assets move as cars and people do."""

import math
import random

import pytest

from tracking import walks
from tracking.walks import Spot, Walk


@pytest.fixture(autouse=True)
def _the_same_lots_every_time():
    random.seed(4711)


def _metres(a, b):
    return math.hypot(*a.metres_to(b))


def test_towns_are_in_belgium():
    assert len(walks.towns()) > 100
    assert all(49.4 < town.lat < 51.6 and 2.5 < town.lon < 6.5 for town in walks.towns())


@pytest.mark.parametrize(
    ("walk", "fastest_kmh"),
    [
        (walks.drive, 125.0),
        (lambda: walks.stroll(within_m=700.0, rest_s=240.0), 6.0),
        (lambda: walks.stroll(within_m=25.0, rest_s=3600.0), 6.0),
    ],
)
def test_nobody_jumps(walk, fastest_kmh):
    one = walk()
    before = one.after(5.0)
    for _ in range(2_000):
        now = one.after(5.0)
        assert _metres(before.spot, now.spot) <= fastest_kmh / 3.6 * 5.0 + 1.0
        assert 0.0 <= now.speed_kmh <= fastest_kmh
        assert 0.0 <= now.course_deg < 360.0
        before = now


def test_somebody_on_foot_stays_around():
    one = walks.stroll(within_m=25.0, rest_s=60.0)
    home = one.after(1.0).spot
    assert all(_metres(home, one.after(30.0).spot) < 150.0 for _ in range(500))


def test_cars_drive_and_rest():
    one = walks.drive()
    moments = [one.after(30.0) for _ in range(1_000)]
    assert any(moment.moving for moment in moments)
    assert any(not moment.moving for moment in moments)


def test_a_road_has_the_same_bends_both_ways():
    a, b = walks.towns()[:2]
    there, back = walks._road(a, b), walks._road(b, a)
    assert there[:-1] == back[:-1][::-1]
    assert (there[-1], back[-1]) == (b, a)


def test_a_leg_ends_exactly_where_it_leads():
    start = Spot(lat=50.0, lon=4.0)
    goal = start.moved(north_m=100.0, east_m=0.0)
    walk = Walk(start, iter([(goal, 36.0, 0.0), (goal, 0.0, 1e9)]))
    assert walk.after(5.0).spot.lat == pytest.approx((start.lat + goal.lat) / 2, abs=1e-6)
    arrived = walk.after(60.0)
    assert arrived.spot == goal
    assert not arrived.moving
