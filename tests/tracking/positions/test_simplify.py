"""A track with fewer points tells the same journey."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from tracking.positions.simplify import worth_keeping

GEOD = Geod(ellps="WGS84")


Kept = tuple[npt.NDArray[np.intp], float]


def keep(
    points: Sequence[tuple[float, float, float]], tolerance_m: float, most: int = 10_000
) -> Kept:
    at_s, lat, lon = (np.array(column, float) for column in zip(*points, strict=True))
    return worth_keeping(lat=lat, lon=lon, at_s=at_s, tolerance_m=tolerance_m, most=most)


def test_a_straight_drive_is_two_points() -> None:
    kept, strays_m = keep([(t, 50.0, 4.0 + t * 1e-4) for t in range(100)], 1.0)
    assert kept.tolist() == [0, 99]
    assert strays_m < 0.01


def test_a_stop_on_a_straight_road_is_kept() -> None:
    drive = [(t, 50.0, 4.0 + t * 1e-4) for t in range(50)]
    stop = [(t, 50.0, 4.0 + 49e-4) for t in range(50, 1000)]
    on = [(t, 50.0, 4.0 + (t - 1000 + 50) * 1e-4) for t in range(1000, 1050)]
    kept, _ = keep(drive + stop + on, 5.0)
    assert kept.tolist() == [0, 49, 999, 1049]


def test_a_corner_is_kept() -> None:
    east = [(t, 50.0, 4.0 + t * 1e-4) for t in range(50)]
    north = [(t, 50.0 + (t - 49) * 1e-4, 4.0 + 49e-4) for t in range(50, 100)]
    assert keep(east + north, 5.0)[0].tolist() == [0, 49, 99]


def test_with_a_limit_the_worst_are_kept_and_the_rest_is_owned_up_to() -> None:
    zigzag = [
        (t, 50.0 + (t % 2) * (0.001 if t < 50 else 0.0001), 4.0 + t * 1e-4) for t in range(99)
    ]
    kept, strays_m = keep(zigzag, 1.0, most=40)
    assert len(kept) == 40
    assert strays_m > 1.0


def test_the_date_line_is_no_detour() -> None:
    across = [(t, -17.0, ((179.99 + t * 1e-3 + 180) % 360) - 180) for t in range(30)]
    assert keep(across, 1.0)[0].tolist() == [0, 29]


def test_one_and_two_and_no_points_stay_as_they_are() -> None:
    assert keep([(0, 50.0, 4.0)], 5.0)[0].tolist() == [0]
    assert keep([(0, 50.0, 4.0), (1, 50.0, 4.0)], 5.0)[0].tolist() == [0, 1]
    empty = np.zeros(0)
    assert worth_keeping(lat=empty, lon=empty, at_s=empty, tolerance_m=5, most=9)[0].size == 0


steps = st.tuples(st.floats(0, 60), st.floats(-2e-3, 2e-3), st.floats(-2e-3, 2e-3))


@given(st.lists(steps, min_size=3, max_size=60), st.floats(1, 200), st.floats(-60, 60))
def test_nothing_strays_further_than_was_promised(
    steps: list[tuple[float, float, float]], tolerance_m: float, south: float
) -> None:
    """Measured by an independent geodesic."""
    moved = np.cumsum(np.array(steps), axis=0) + np.array([0.0, south, 10.0])
    at_s, lat, lon = moved.T
    kept, _ = worth_keeping(lat=lat, lon=lon, at_s=at_s, tolerance_m=tolerance_m, most=1_000)
    assert kept[0] == 0
    assert kept[-1] == len(lat) - 1
    assert (np.diff(kept) > 0).all()
    where_lat = np.interp(at_s, at_s[kept], lat[kept])
    where_lon = np.interp(at_s, at_s[kept], lon[kept])
    _, _, strays_m = GEOD.inv(lon, lat, where_lon, where_lat)
    # Positions of one instant may lie anywhere; only their order is promised then.
    alone = np.append(True, np.diff(at_s) > 0) & np.append(np.diff(at_s) > 0, True)
    assert strays_m[alone].max(initial=0) <= tolerance_m * 1.01
