"""How far others are, when no two fixes are of the same instant."""

from datetime import UTC, datetime, timedelta

import pytest

from geofence.company import Company, distances, kept
from geofence.kinds import condition_from
from geofence.rules.near import Near
from geofence.sighting import Sighting, Subject
from protocols.message import Fix

AT = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
NEAR = Near(companions=frozenset({"car"}), stale_s=300)


def _fix(lat: float, *, ago_s: float = 0, **said: float | None) -> Fix:
    return Fix(at=AT - timedelta(seconds=ago_s), lat=lat, lon=4.35, **said)


def _seen(own: Fix | None, **others: Fix) -> Sighting:
    subject = Subject(asset_id="van", organisation_id="client", kind="vehicle")
    return Sighting(at=AT, subject=subject, fix=own, companions=others)


def _one(own: Fix, car: Fix) -> tuple[float, float]:
    (found,) = distances(_seen(own, car=car), NEAR)
    return round(found.distance_m), round(found.doubt_m)


def test_who_drives_is_brought_up_to_the_newer_fix():
    car = _fix(50.84, ago_s=30, speed_kmh=120, course_deg=0)
    assert _one(_fix(50.85), car) == (round(1112.5 - 1000), 300)
    assert _one(_fix(50.85, ago_s=30, speed_kmh=120, course_deg=180), _fix(50.84)) == (112, 300)


def test_who_drove_without_saying_where_to_may_be_anywhere_as_far_as_it_got():
    assert _one(_fix(50.85), _fix(50.84, ago_s=30, speed_kmh=120)) == (1112, 1000)
    assert _one(_fix(50.85), _fix(50.84, ago_s=90, speed_kmh=120, course_deg=0)) == (1112, 3000)


@pytest.mark.parametrize("speed_kmh", [None, 0, 4.9])
def test_who_stood_still_is_where_it_was(speed_kmh: float | None):
    assert _one(_fix(50.85), _fix(50.84, ago_s=299, speed_kmh=speed_kmh, course_deg=0)) == (1112, 0)


def test_how_rough_both_fixes_are_adds_up_unless_they_are_good():
    rough = _fix(50.84, accuracy_m=200)
    assert _one(_fix(50.85, accuracy_m=50), rough) == (1112, 250)
    assert _one(_fix(50.85, accuracy_m=30), rough) == (1112, 200)


def test_whose_place_is_not_known_has_no_distance():
    here = _fix(50.85)
    assert distances(_seen(here), NEAR) == []
    assert distances(_seen(None, car=here), NEAR) == []
    assert distances(_seen(here, car=_fix(50.85, ago_s=301)), NEAR) == []
    assert distances(_seen(here, car=_fix(50.85, ago_s=-301)), NEAR) == []
    assert distances(_seen(_fix(50.85, ago_s=301), car=here), NEAR) == []
    assert distances(_seen(here, car=Fix(at=AT, lat=50.85, lon=4.35, valid=False)), NEAR) == []
    assert len(distances(_seen(here, car=_fix(50.85, ago_s=300)), NEAR)) == 1


def test_nobody_is_near_to_itself():
    manner = Near(companions=frozenset({"van", "car"}))
    found = distances(_seen(_fix(50.85), van=_fix(50.85), car=_fix(50.86)), manner)
    assert [each.companion for each in found] == ["car"]


def test_distances_hold_across_the_date_line():
    west, east = (Fix(at=AT, lat=0, lon=lon) for lon in (-179.9995, 179.9995))
    assert _one(west, east) == (111, 0)


def test_the_nearest_comes_first():
    manner = Near(companions=frozenset({"a", "b", "c"}))
    found = distances(_seen(_fix(50.85), a=_fix(50.86), b=_fix(50.851), c=_fix(50.90)), manner)
    assert [each.companion for each in found] == ["b", "a", "c"]


def test_nothing_changes_where_nobody_was_heard():
    company = Company(close=("car",), far=("lorry",))
    after = kept(company, [], AT, inner_m=100, outer_m=150, first_m=100, settle_s=0)
    assert after is company


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"kind": "near"}, "near needs companions"),
        ({"kind": "near", "companions": []}, "near.companions must name 1 to 50 assets"),
        ({"kind": "near", "companions": list(map(str, range(51)))}, "near.companions must name"),
        ({"kind": "near", "companions": ["a"], "within_m": 0}, "near.within_m must be more than 0"),
        ({"kind": "near", "companions": ["a"], "margin_m": -1}, "near.margin_m must be from 0"),
        ({"kind": "near", "companions": ["a"], "settle_s": -1}, "near.settle_s must be from 0"),
        ({"kind": "near", "companions": ["a"], "stale_s": 0}, "near.stale_s must be more than 0"),
        ({"kind": "apart", "companions": ["a"], "beyond_m": 2e6}, "apart.beyond_m must be"),
        (
            {"kind": "apart", "companions": ["a"], "beyond_m": 50, "margin_m": 50},
            "apart.margin_m must be less than beyond_m",
        ),
        (
            {"kind": "together", "companions": ["a"], "moved_m": 500},
            "together.moved_m must be more than twice",
        ),
        ({"kind": "together", "companions": ["a"], "moved_s": 0}, "together.moved_s must be"),
    ],
)
def test_what_a_setting_may_not_say_is_told_with_what_to_write(setting: dict, said: str):
    with pytest.raises(ValueError) as refused:
        condition_from(setting)
    assert said in str(refused.value)


@pytest.mark.parametrize("kind", ["near", "apart", "together"])
def test_it_asks_for_the_places_of_its_companions(kind: str):
    condition = condition_from({"kind": kind, "companions": ["b", "a"]})
    assert condition.companion_ids() == {"a", "b"}
    assert condition.zone_ids() == frozenset()
