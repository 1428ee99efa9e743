"""Small towns in which units fall silent: a jammer, a cell that fails, a car park under the ground.

A town lies around 50.85, 4.35; a thousandth of a degree of latitude is 111 m. The power of a cell
fails, or a jammer is switched on, at ten o'clock.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.outage import Cause, Limits, Reason, Unit, Verdict, groups, verdict
from protocols.message import CellTower, Fix, Signal

TEN = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
PROMISE_S = 900.0
NOW = TEN + timedelta(seconds=PROMISE_S)
NORTH_CELL = CellTower(mcc=206, mnc=1, lac=7, cid=100, rssi=-70)
SOUTH_CELL = CellTower(mcc=206, mnc=1, lac=7, cid=200, rssi=-70)
OTHER_NETWORK = CellTower(mcc=206, mnc=10, lac=3, cid=300, rssi=-70)


def unit(
    name: str,
    *,
    heard_s: float = -30,
    north: float = 0,
    place: bool = True,
    placed_s: float | None = None,
    kmh: float = 0,
    **said: object,
) -> Unit:
    """A unit, by when it was heard (seconds after ten) and how many thousandths north it is."""
    at = TEN + timedelta(seconds=heard_s if placed_s is None else placed_s)
    return Unit(
        **{
            "unit_id": name,
            "heard_at": TEN + timedelta(seconds=heard_s),
            "reporting_time_s": PROMISE_S,
            "last": Fix(at=at, lat=50.85 + north / 1000, lon=4.35, speed_kmh=kmh)
            if place
            else None,
            **said,
        }
    )


def heard(count: int, *, first: float = 1, step: float = 2, **said: object) -> list[Unit]:
    """So many units that were heard ten seconds ago, each a little further north."""
    ago = {"heard_s": PROMISE_S - 10, **said}
    return [unit(f"heard {n}", north=first + n * step, **ago) for n in range(count)]


def silent(count: int, *, first: float = 0, step: float = 4, **said: object) -> list[Unit]:
    """So many units that were last heard within the half minute before ten."""
    return [
        unit(f"silent {n}", heard_s=-n % 30, north=first + n * step, **said) for n in range(count)
    ]


def means(found: Verdict) -> tuple[Cause, Reason, bool]:
    return found.cause, found.reason, found.as_one


def test_one_that_falls_silent_among_neighbours_who_are_heard_may_be_jammed():
    found = verdict([unit("van")], heard(6), now=NOW)
    assert means(found) == (Cause.JAMMING, Reason.NEIGHBOURS_HEARD, False)
    assert found.missing == ("van",)
    assert found.facts == {"lost": 1, "missed": 0, "heard": 6, "radius_m": 3000.0, "reach_m": 0.0}


def test_many_that_fall_silent_over_a_wide_area_are_one_outage():
    lost = silent(8)
    found = verdict(lost, heard(2), now=NOW)
    assert means(found) == (Cause.OUTAGE, Reason.LOST_TOGETHER, True)
    assert found.missing == tuple(each.unit_id for each in lost)
    assert (found.facts["lost"], found.facts["heard"]) == (8, 2)
    assert found.facts["reach_m"] == pytest.approx(7 * 4 * 111.25, abs=2)


def test_the_first_that_is_due_tells_of_an_outage_because_the_others_are_missed_already():
    """Fifty that report every minute fall silent at ten; one of them is due before the rest."""
    first = unit("first", heard_s=-60)
    others = [unit(f"other {n}", heard_s=-n, north=n % 20) for n in range(50)]
    found = verdict([first], others, now=NOW - timedelta(seconds=60))
    assert means(found) == (Cause.OUTAGE, Reason.LOST_TOGETHER, True)
    assert len(found.missing) == 51
    assert (found.facts["lost"], found.facts["missed"]) == (1, 50)


def test_parked_neighbours_who_report_once_an_hour_are_no_outage():
    """What would be missed by a promise alone: they were heard at any time of the last hour."""
    parked = [
        unit(f"parked {n}", heard_s=-600 - 300 * n, north=n, reporting_time_s=3600.0)
        for n in range(8)
    ]
    found = verdict([unit("van")], [*parked, *heard(4)], now=NOW)
    assert means(found) == (Cause.JAMMING, Reason.NEIGHBOURS_HEARD, False)
    assert found.facts["missed"] == 0


def test_who_has_been_silent_since_yesterday_is_not_missed_now():
    yesterday = [unit(f"old {n}", heard_s=-86_400, north=n) for n in range(8)]
    assert verdict([unit("van")], yesterday, now=NOW).missing == ("van",)


def test_a_neighbour_heard_before_the_loss_is_no_witness():
    """They promised an hour, so that nobody misses them; but nothing was heard since ten either."""
    before = heard(6, heard_s=-20, reporting_time_s=3600.0)
    found = verdict([unit("van")], before, now=NOW)
    assert means(found) == (Cause.UNKNOWN, Reason.TOO_FEW_NEIGHBOURS, False)
    assert found.facts["heard"] == 0


def test_a_neighbour_is_a_witness_from_the_middle_of_the_promise_on():
    middle = -30 + PROMISE_S / 2
    for after_s, cause in ((-1, Cause.UNKNOWN), (1, Cause.JAMMING)):
        neighbours = heard(5, heard_s=middle + after_s, reporting_time_s=3600.0)
        assert verdict([unit("van")], neighbours, now=NOW).cause is cause


def test_alone_on_the_heath_nobody_can_say():
    far = heard(6, first=100)
    assert means(verdict([unit("van")], far, now=NOW)) == (
        Cause.UNKNOWN,
        Reason.TOO_FEW_NEIGHBOURS,
        False,
    )


def test_two_witnesses_are_too_few():
    found = verdict([unit("van")], heard(2), now=NOW)
    assert means(found) == (Cause.UNKNOWN, Reason.TOO_FEW_NEIGHBOURS, False)


def test_a_neighbour_who_spoke_after_the_loss_was_not_lost_with_it():
    """The van promised a minute; they were heard a minute and a half later, and not since."""
    van = unit("van", reporting_time_s=60.0)
    after = [unit(f"after {n}", heard_s=60, north=n) for n in range(5)]
    assert verdict([van], after, now=NOW).missing == ("van",)


def test_two_of_five_are_neither():
    found = verdict(silent(2), heard(3), now=NOW)
    assert means(found) == (Cause.UNKNOWN, Reason.MIXED, False)


def test_a_lorry_park_that_falls_silent_in_a_town_that_is_heard_is_jammed():
    lorries = silent(6, step=0.3)
    found = verdict(lorries, heard(5, first=5), now=NOW)
    assert means(found) == (Cause.JAMMING, Reason.ONE_SPOT_LOST, True)


def test_a_lorry_park_with_nobody_near_is_told_once_and_not_explained_away():
    found = verdict(silent(6, step=0.3), [], now=NOW)
    assert means(found) == (Cause.UNKNOWN, Reason.ONE_SPOT_LOST, True)


def test_a_unit_is_jammed_if_its_own_cell_is_heard_by_a_single_neighbour():
    lost = [unit("van", cell=NORTH_CELL)]
    assert means(verdict(lost, heard(1, cell=NORTH_CELL), now=NOW)) == (
        Cause.JAMMING,
        Reason.SAME_CELL_HEARD,
        False,
    )
    assert verdict(lost, heard(1, cell=SOUTH_CELL), now=NOW).cause is Cause.UNKNOWN


def test_a_strength_is_no_part_of_a_cell():
    stronger = replace(NORTH_CELL, rssi=-50)
    found = verdict([unit("van", cell=NORTH_CELL)], heard(1, cell=stronger), now=NOW)
    assert found.reason is Reason.SAME_CELL_HEARD


def test_neighbours_on_another_network_say_nothing_about_this_one():
    lost = [unit("van", cell=NORTH_CELL)]
    assert verdict(lost, heard(6, cell=OTHER_NETWORK), now=NOW).cause is Cause.UNKNOWN
    assert verdict(lost, heard(6, cell=SOUTH_CELL), now=NOW).cause is Cause.JAMMING
    assert verdict(lost, heard(6, cell=None), now=NOW).cause is Cause.JAMMING


def test_one_cell_of_two_in_a_street_is_out_while_the_other_is_heard():
    lost = silent(5, step=5, cell=NORTH_CELL)
    found = verdict(lost, heard(9, step=2, cell=SOUTH_CELL), now=NOW)
    assert means(found) == (Cause.OUTAGE, Reason.ONE_CELL_LOST, True)
    assert (found.facts["cell"], found.facts["cell_share"]) == ("206-1-7-100", 1.0)
    assert found.facts["heard_on_cell"] == 0


def test_many_lost_on_a_cell_that_is_still_heard_are_not_one_outage():
    lost = silent(5, step=5, cell=NORTH_CELL)
    found = verdict(lost, heard(9, step=2, cell=NORTH_CELL), now=NOW)
    assert means(found) == (Cause.UNKNOWN, Reason.MIXED, False)


def test_many_lost_on_many_cells_among_more_who_are_heard_are_not_one_outage():
    cells = [replace(NORTH_CELL, cid=n) for n in range(5)]
    lost = [unit(f"silent {n}", north=5 * n, cell=cells[n]) for n in range(5)]
    found = verdict(lost, heard(9, cell=SOUTH_CELL), now=NOW)
    assert means(found) == (Cause.UNKNOWN, Reason.MIXED, False)
    assert found.facts["cell_share"] == 0.2


def test_a_cell_brings_together_those_whose_place_is_not_known():
    lost = [unit(f"silent {n}", place=False, cell=NORTH_CELL) for n in range(5)]
    assert [len(group) for group in groups(lost)] == [5]
    found = verdict(lost, [], now=NOW)
    assert means(found) == (Cause.OUTAGE, Reason.LOST_TOGETHER, True)
    assert found.facts["reach_m"] is None


def test_what_a_device_says_of_jamming_is_believed_whoever_is_near():
    said = [unit("van", said=frozenset({Signal.JAMMING}), kmh=50)]
    for neighbours in ([], heard(6), silent(6)):
        found = verdict(said, neighbours, now=NOW)
        assert means(found) == (Cause.JAMMING, Reason.DEVICE_SAID_SO, False)
        assert found.missing == ("van",)


@pytest.mark.parametrize(("kmh", "shaded"), [(0, True), (4.9, True), (50, False)])
def test_one_that_loses_the_satellites_its_neighbours_see_is_jammed_or_under_a_roof(
    kmh: float, shaded: bool
):
    lost = [unit("van", said=frozenset({Signal.GPS_LOST}), kmh=kmh)]
    found = verdict(lost, heard(4), now=NOW)
    assert means(found) == (Cause.JAMMING, Reason.NEIGHBOURS_SEE_SATELLITES, False)
    assert found.facts["may_be_shaded"] is shaded


def test_neighbours_who_are_heard_without_new_fixes_do_not_see_satellites():
    lost = [unit("van", said=frozenset({Signal.GPS_LOST}))]
    found = verdict(lost, heard(4, placed_s=-60), now=NOW)
    assert means(found) == (Cause.UNKNOWN, Reason.TOO_FEW_NEIGHBOURS, False)


def test_many_that_lose_the_satellites_together_are_jammed_and_told_once():
    lost = [unit("van", said=frozenset({Signal.GPS_LOST}))]
    too = silent(4, said=frozenset({Signal.GPS_LOST}))
    found = verdict(lost, [*too, *heard(9)], now=NOW)
    assert means(found) == (Cause.JAMMING, Reason.SATELLITES_LOST_TOGETHER, True)
    assert len(found.missing) == 5


def test_who_lost_the_satellites_this_morning_is_no_part_of_it():
    lost = [unit("van", said=frozenset({Signal.GPS_LOST}))]
    too = silent(4, said=frozenset({Signal.GPS_LOST}))
    earlier = [replace(each, heard_at=each.heard_at - timedelta(hours=3)) for each in too]
    found = verdict(lost, earlier, now=NOW)
    assert (found.missing, found.cause) == (("van",), Cause.UNKNOWN)


def test_who_fell_silent_beside_a_jammer_two_hours_before_is_another_matter():
    says = unit("says", said=frozenset({Signal.JAMMING}))
    assert [len(group) for group in groups([says, unit("beside", heard_s=-7_200)])] == [1, 1]


def test_an_outage_is_not_called_jamming_because_one_device_says_so():
    """Only who is within the reach of a jammer belongs to the one that says it is jammed."""
    wide = silent(6, first=6)
    beside = unit("beside", north=1)
    says = unit("says", said=frozenset({Signal.JAMMING}))
    found = groups([*wide, beside, says])
    assert [{each.unit_id for each in group} for group in found] == [
        {each.unit_id for each in wide},
        {"beside", "says"},
    ]
    assert [verdict(group, [], now=NOW).cause for group in found] == [Cause.OUTAGE, Cause.JAMMING]


def test_two_towns_and_two_times_are_groups_of_their_own():
    north, south = silent(5, first=0), silent(5, first=200)
    later = [
        replace(each, unit_id=f"later {each.unit_id}", heard_at=each.heard_at + timedelta(hours=2))
        for each in north
    ]
    found = groups([*north, *south, *later])
    assert [{each.unit_id for each in group} for group in found] == [
        {each.unit_id for each in town} for town in (north, south, later)
    ]


def test_what_counts_as_many_can_be_set():
    lost = silent(3)
    assert verdict(lost, [], now=NOW).cause is Cause.UNKNOWN
    assert verdict(lost, [], now=NOW, limits=Limits(many=3)).cause is Cause.OUTAGE


def test_a_verdict_about_nobody_is_refused():
    with pytest.raises(ValueError, match="at least one unit"):
        verdict([], heard(3), now=NOW)


units = st.builds(
    lambda n, heard_s, north, cell, said: unit(
        f"unit {n}", heard_s=heard_s, north=north, cell=cell, said=frozenset(said)
    ),
    st.integers(0, 99),
    st.integers(-2_000, 900),
    st.integers(-50, 50),
    st.sampled_from([None, NORTH_CELL, SOUTH_CELL, OTHER_NETWORK]),
    st.sets(st.sampled_from([Signal.JAMMING, Signal.GPS_LOST]), max_size=1),
)


def _distinct(some: Iterable[Unit]) -> list[Unit]:
    return list({each.unit_id: each for each in some}.values())


@settings(max_examples=150, deadline=None)
@given(st.lists(units, min_size=1, max_size=12).map(_distinct), st.randoms())
def test_everybody_is_in_one_group_and_in_whatever_order_they_come(lost: list[Unit], lots):
    found = groups(lost)
    assert sorted(each.unit_id for group in found for each in group) == sorted(
        each.unit_id for each in lost
    )
    shuffled = list(lost)
    lots.shuffle(shuffled)
    as_sets = {frozenset(each.unit_id for each in group) for group in found}
    assert {frozenset(each.unit_id for each in group) for group in groups(shuffled)} == as_sets


@settings(max_examples=150, deadline=None)
@given(
    st.lists(units, min_size=1, max_size=8).map(_distinct),
    st.lists(units, max_size=12).map(_distinct),
)
def test_nobody_who_is_heard_is_missing_and_an_outage_concerns_many(
    lost: list[Unit], nearby: list[Unit]
):
    found = verdict(lost, [*lost, *nearby], now=NOW)
    assert found.missing[: len(lost)] == tuple(each.unit_id for each in lost)
    assert len(set(found.missing)) == len(found.missing)
    still_heard = {each.unit_id for each in nearby if each.heard_at > NOW - timedelta(seconds=60)}
    silent_ones = {each.unit_id for each in lost} | {each.unit_id for each in nearby if each.said}
    assert still_heard & (set(found.missing) - silent_ones) == set()
    if found.cause is Cause.OUTAGE:
        assert len(found.missing) >= Limits().many
        assert not any(each.said for each in lost)
