"""What a frame means now and would mean then, line by line."""

import pytest

from map_ui.comparison import Compared, compared, differing
from map_ui.frames_typed import MOST_FRAMES, frames_typed
from map_ui.meaning import Fact, Meaning, Said, SignalSaid

SOS = SignalSaid(words="SOS", urgent=True)


def _meaning(*said: Said, problem: str = "", answer: str = "") -> Meaning:
    return Meaning(said=said, problem=problem, reason="", answer=answer)


def _said(*facts: tuple[str, str], signals: tuple[SignalSaid, ...] = ()) -> Said:
    told = tuple(Fact(name=name, value=value) for name, value in facts)
    return Said(title="Position", signals=signals, facts=told)


def _compare(now: Meaning, then: Meaning) -> Compared:
    return compared(now, then, str)


def _differences(frame: Compared) -> list[tuple[str, str, str]]:
    return [
        (line.name, line.now.text, line.then.text)
        for lines in frame.messages
        for line in lines
        if line.differs
    ]


def test_what_is_said_twice_the_same_does_not_differ():
    meaning = _meaning(_said(("Time", "12:00"), ("Tower", "1"), ("Tower", "2")), answer="01")
    frame = _compare(meaning, meaning)
    assert not frame.differs
    assert frame.unchanged
    assert [line.now.text for lines in frame.messages for line in lines] == [
        "Position", "12:00", "1", "2", "01",
    ]  # fmt: skip


def test_only_what_differs_is_marked():
    now = _meaning(_said(("Time", "12:00"), ("Tower", "1"), ("Tower", "2")))
    then = _meaning(_said(("Time", "04:00"), ("Tower", "1"), ("Tower", "3")))
    assert _differences(_compare(now, then)) == [("Time", "12:00", "04:00"), ("Tower", "2", "3")]


def test_a_signal_that_appears_is_a_difference():
    frame = _compare(_meaning(_said()), _meaning(_said(signals=(SOS,))))
    (line,) = [line for lines in frame.messages for line in lines if line.differs]
    assert (line.name, line.now.signals, line.then.signals) == ("Signals", (), (SOS,))


def test_a_message_that_cannot_be_read_any_more_is_a_difference_in_all_it_says():
    now, then = _meaning(_said(("Time", "12:00"))), _meaning(problem="It could not be read.")
    assert _differences(_compare(now, then)) == [
        ("What it is", "Position", ""),
        ("Time", "12:00", ""),
        ("Trouble", "", "It could not be read."),
    ]


def test_frames_that_differ_are_counted():
    same = _compare(_meaning(_said()), _meaning(_said()))
    other = _compare(_meaning(_said()), _meaning(answer="06"))
    assert differing([same, other, same]) == 1


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("", []),
        ("78780d01", [b"\x78\x78\x0d\x01"]),
        ("78 78:0D-01\n\n 0x01, 0x02 \n", [b"\x78\x78\x0d\x01", b"\x01\x02"]),
    ],
)
def test_frames_are_pasted_as_logs_write_them(text, frames):
    assert frames_typed(text, str) == frames


@pytest.mark.parametrize("text", ["7", "hello", "00" * 10_001, "00\n" * (MOST_FRAMES + 1)])
def test_what_is_no_frame_is_refused(text):
    with pytest.raises(ValueError):
        frames_typed(text, str)
