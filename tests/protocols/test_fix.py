"""What a fix is born with."""

from datetime import UTC, datetime
from math import inf, nan

import pytest

from protocols.message import Fix

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize(("lat", "lon"), [(90.1, 0.0), (0.0, -180.1), (nan, 0.0), (0.0, inf)])
def test_a_place_that_is_not_on_earth_is_refused(lat: float, lon: float):
    with pytest.raises(ValueError, match="not on Earth"):
        Fix(at=AT, lat=lat, lon=lon)


@pytest.mark.parametrize("number", [inf, -inf, nan])
@pytest.mark.parametrize("name", ["altitude_m", "speed_kmh", "course_deg", "accuracy_m"])
def test_a_number_without_end_is_not_said_and_hides_no_other(name: str, number: float):
    said = {"altitude_m": 1.0, "speed_kmh": 2.0, "course_deg": 3.0, "accuracy_m": None}
    fix = Fix(at=AT, lat=50.0, lon=4.0, **{**said, name: number})
    assert {key: getattr(fix, key) for key in said} == {**said, name: None}
