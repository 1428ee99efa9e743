"""What a frame means now and would mean with other settings, side by side. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from map_ui.meaning import Meaning, Said, SignalSaid
from map_ui.names import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one side says of one thing: a text, or signals. Empty where it says nothing."""

    text: str = ""
    signals: tuple[SignalSaid, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that a frame says, now and then."""

    name: str
    now: Side
    then: Side
    technical: bool = False

    @property
    def differs(self) -> bool:
        """Whether the settings make a difference here."""
        return self.now != self.then


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One frame: a group of lines for each of its messages, and one for the frame as a whole."""

    messages: tuple[tuple[Line, ...], ...]

    @property
    def differs(self) -> bool:
        """Whether the settings make any difference to this frame."""
        return any(line.differs for lines in self.messages for line in lines)

    @property
    def unchanged(self) -> bool:
        """Whether the frame says anything that the settings do not touch."""
        return any(not line.differs for lines in self.messages for line in lines)


_NOTHING = Side()


def compared(now: Meaning, then: Meaning, words: Words) -> Compared:
    """Both meanings of one frame, line by line; messages that agree wholly are kept too."""
    groups = [
        _aligned(_of_message(a, words), _of_message(b, words))
        for a, b in zip_longest(now.said, then.said)
    ]
    groups.append(_aligned(_of_frame(now, words), _of_frame(then, words)))
    return Compared(messages=tuple(group for group in groups if group))


_Named = tuple[str, Side, bool]


def _of_message(said: Said | None, words: Words) -> Iterator[_Named]:
    if said is None:
        return
    yield words("What it is"), Side(text=said.title), False
    yield words("Signals"), Side(signals=said.signals), False
    for fact in (*said.facts, *said.rest):
        yield fact.name, Side(text=fact.value), fact.technical


def _of_frame(meaning: Meaning, words: Words) -> Iterator[_Named]:
    if meaning.problem:
        yield (
            words("Trouble"),
            Side(text=f"{meaning.problem} {meaning.reason}".strip()),
            False,
        )
    if meaning.answer:
        yield words("Our answer"), Side(text=meaning.answer), True


def _aligned(now: Iterator[_Named], then: Iterator[_Named]) -> tuple[Line, ...]:
    """Things of the same name beside each other; the second tower beside the second tower."""
    left, right = _counted(now), _counted(then)
    order = list(dict.fromkeys([*left, *right]))
    lines = []
    for name, count in order:
        side_now, technical = left.get((name, count), (_NOTHING, False))
        side_then, technical_too = right.get((name, count), (_NOTHING, False))
        line = Line(name=name, now=side_now, then=side_then, technical=technical or technical_too)
        if line.now != _NOTHING or line.then != _NOTHING:
            lines.append(line)
    return tuple(lines)


def _counted(named: Iterator[_Named]) -> dict[tuple[str, int], tuple[Side, bool]]:
    found: dict[tuple[str, int], tuple[Side, bool]] = {}
    for name, side, technical in named:
        count = 0
        while (name, count) in found:
            count += 1
        found[(name, count)] = (side, technical)
    return found


def differing(frames: Sequence[Compared]) -> int:
    """How many frames would mean something else."""
    return sum(frame.differs for frame in frames)
