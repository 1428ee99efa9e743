"""The arrays say what a dictionary would."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracking.bus import POSITION_ROW
from tracking.live.whereabouts import Whereabouts

positions = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 6), st.integers(0, 1000)), max_size=30
)


def packed(rows: list[tuple[int, int, int]]) -> bytes:
    """(number, at, tag) rows; the tag tells two of the same second apart."""
    return b"".join(POSITION_ROW.pack(n, 4.0, 50.0, tag, 0, at, 1) for n, at, tag in rows)


@given(st.lists(positions, max_size=6))
def test_the_newest_of_each_asset_wins_and_a_late_one_never_moves_it_back(
    batches: list[list[tuple[int, int, int]]],
) -> None:
    whereabouts = Whereabouts()
    whereabouts.make_room(8)
    size = whereabouts.size
    truth: dict[int, tuple[int, int]] = {}
    for batch in batches:
        before = dict(truth)
        for number, at, tag in batch:
            if number < size and at >= truth.get(number, (0, 0))[0]:
                truth[number] = (at, tag)
        whereabouts.hear(packed(batch), received_at=1.0)
        moved = set(whereabouts.take_moved().tolist())
        assert moved == {number for number in truth if truth[number] != before.get(number)}
        assert not len(whereabouts.take_moved())
    told = {}
    for number in range(size):
        found = whereabouts.row(number)
        if found:
            told[number] = (found[0]["at"], found[0]["speed"])
    assert told == truth


def test_numbers_nobody_knows_take_no_room() -> None:
    whereabouts = Whereabouts()
    whereabouts.make_room(10)
    size = whereabouts.size
    whereabouts.hear(packed([(size, 1, 1), (4_294_967_295, 1, 1), (3, 1, 1)]), received_at=1.0)
    assert whereabouts.size == size
    assert whereabouts.take_moved().tolist() == [3]


def test_more_room_forgets_nothing() -> None:
    whereabouts = Whereabouts()
    whereabouts.make_room(10)
    whereabouts.hear(packed([(3, 5, 1)]), received_at=1.0)
    whereabouts.make_room(whereabouts.size + 1)
    assert whereabouts.row(3) is not None
    assert whereabouts.take_moved().tolist() == [3]


def test_a_box_may_cross_the_date_line() -> None:
    whereabouts = Whereabouts()
    whereabouts.make_room(4)
    rows = [(0, 179.5), (1, -179.5), (2, 0.0)]
    data = b"".join(POSITION_ROW.pack(n, lon, -17.0, 0, 0, 1, 1) for n, lon in rows)
    whereabouts.hear(data, received_at=1.0)
    inside = whereabouts.within(np.arange(3), west=179, south=-20, east=-179, north=-10)
    assert inside.tolist() == [0, 1]
