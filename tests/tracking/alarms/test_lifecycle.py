"""The life of an alarm, walked."""

import pytest

from tracking.alarms import lifecycle
from tracking.alarms.close_codes import names_of
from tracking.alarms.lifecycle import CloseCode, State
from tracking.errors import Conflict, IllegalMove, Invalid

LEGAL = {(State.RAISED, State.ACKNOWLEDGED), (State.ACKNOWLEDGED, State.CLOSED)}


@pytest.mark.parametrize("now", State)
@pytest.mark.parametrize("to", State)
def test_a_life_goes_only_as_the_table_says(now: State, to: State) -> None:
    if (now, to) in LEGAL:
        assert lifecycle.move(now, to) is to
    else:
        with pytest.raises(IllegalMove):
            lifecycle.move(now, to)


def test_every_state_is_in_the_table() -> None:
    assert set(lifecycle._NEXT) == set(State)


def test_nothing_is_closed_that_nobody_took() -> None:
    assert State.CLOSED not in lifecycle._NEXT[State.RAISED]


def test_an_illegal_move_is_a_conflict_for_who_asked() -> None:
    assert issubclass(IllegalMove, Conflict)


@pytest.mark.parametrize("note", ["", "short", "         x", "123456789"])
def test_a_life_safety_alarm_is_not_closed_without_an_explanation(note: str) -> None:
    with pytest.raises(Invalid):
        lifecycle.explained(note, priority=1)


def test_an_explanation_is_kept_without_its_margins() -> None:
    assert lifecycle.explained("  ten chars!  ", priority=1) == "ten chars!"
    assert lifecycle.explained("", priority=2) == ""


@pytest.mark.parametrize("code", CloseCode)
def test_every_code_has_a_name_in_every_language(code: CloseCode) -> None:
    names = names_of(code)
    assert set(names) == {"nl", "fr", "de", "en"}
    assert all(names.values())
