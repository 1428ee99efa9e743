"""Hours of a day as people write them: ``08:00-12:00``, ``22:00-06:00``, ``00:00-24:00``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_SPANS = 48
"""Spans in one day: one each half hour."""

_DAY_MIN = 24 * 60
_WRITTEN = re.compile(r"\s*(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)\s*")  # noqa: RUF001 - as people write it


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From one time of the clock until another, in minutes after midnight.

    It belongs to the day on which it begins. One that goes over midnight ends after more than
    1,440 minutes.
    """

    begins_min: int
    ends_min: int

    def __post_init__(self) -> None:
        if not 0 <= self.begins_min < _DAY_MIN:
            raise ValueError("hours begin between 00:00 and 23:59")
        if not self.begins_min < self.ends_min <= self.begins_min + _DAY_MIN:
            raise ValueError("hours last longer than nothing and at most one day")


Hours = tuple[Span, ...]
"""The hours of one day, in the order in which they begin; empty: none at all."""

WHOLE_DAY: Hours = (Span(begins_min=0, ends_min=_DAY_MIN),)


def hours_from(name: str, said: object) -> Hours:
    """The hours in a list of texts. Raises ValueError, which says under ``name`` what to write."""
    if not isinstance(said, Sequence) or isinstance(said, str) or len(said) > MOST_SPANS:
        raise ValueError(
            f"{name} must be a list of at most {MOST_SPANS} hours, as ['08:00-12:00']; [] for none"
        )
    spans = (_span_from(name, each) for each in said)
    return tuple(sorted(spans, key=lambda span: (span.begins_min, span.ends_min)))


def hours_as_setting(hours: Hours) -> list[str]:
    """The texts that make these hours."""
    return [f"{_clock(span.begins_min)}-{_clock(span.ends_min, ends=True)}" for span in hours]


def _span_from(name: str, said: object) -> Span:
    written = _WRITTEN.fullmatch(said) if isinstance(said, str) else None
    times = [int(each) for each in written.groups()] if written else []
    if not times or max(times[1], times[3]) > 59 or times[0] > 23 or times[2] > 24:
        raise ValueError(f"{name}: write hours as '08:00-17:30', not {said!r}"[:200])
    begins_min, ends_min = times[0] * 60 + times[1], times[2] * 60 + times[3]
    if ends_min > _DAY_MIN:
        raise ValueError(f"{name}: a day ends at 24:00, not at {said!r}"[:200])
    if begins_min == ends_min:
        raise ValueError(f"{name}: {said!r} is no time at all; a whole day is '00:00-24:00'"[:200])
    if ends_min < begins_min:
        ends_min += _DAY_MIN
    return Span(begins_min=begins_min, ends_min=ends_min)


def _clock(minutes: int, *, ends: bool = False) -> str:
    """A time of the clock; the end of a day is 24:00."""
    if minutes > _DAY_MIN or (minutes == _DAY_MIN and not ends):
        minutes -= _DAY_MIN
    return f"{minutes // 60:02}:{minutes % 60:02}"
