"""Stretches of time in whole Unix seconds: put together, cut out, cut at clock changes."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

Run = tuple[int, int]
"""From one second until another, which is no longer part of it."""


def merged(runs: Iterable[Run]) -> list[Run]:
    """The same time in runs that neither touch nor overlap, in their order."""
    found: list[Run] = []
    for begins_s, ends_s in sorted(runs):
        if found and begins_s <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], ends_s)
        elif begins_s < ends_s:
            found.append((begins_s, ends_s))
    return found


def within(runs: Sequence[Run], begins_s: int, ends_s: int) -> list[Run]:
    """What of these runs, which are merged, lies within a stretch of time."""
    found: list[Run] = []
    for index in range(max(0, bisect_right(runs, (begins_s, begins_s)) - 1), len(runs)):
        since_s, until_s = runs[index]
        if since_s >= ends_s:
            break
        if until_s > begins_s:
            found.append((max(since_s, begins_s), min(until_s, ends_s)))
    return found


def without(runs: Sequence[Run], taken: Sequence[Run]) -> list[Run]:
    """These runs less those others; both are merged."""
    found = list(runs)
    for since_s, until_s in taken:
        left: list[Run] = []
        for begins_s, ends_s in found:
            pieces = (begins_s, min(ends_s, since_s)), (max(begins_s, until_s), ends_s)
            left += (piece for piece in pieces if piece[0] < piece[1])
        found = left
    return found


def constant_offsets(zone: ZoneInfo, begins_s: int, ends_s: int) -> Iterator[tuple[int, int, int]]:
    """From when until when clocks are how many seconds ahead of UTC, where they change once."""
    first, last = _ahead_s(zone, begins_s), _ahead_s(zone, ends_s)
    if first == last:
        yield begins_s, ends_s, first
        return
    before_s, after_s = begins_s, ends_s
    while after_s - before_s > 1:
        middle_s = (before_s + after_s) // 2
        if _ahead_s(zone, middle_s) == first:
            before_s = middle_s
        else:
            after_s = middle_s
    yield begins_s, after_s, first
    if after_s < ends_s:
        yield after_s, ends_s, last


def _ahead_s(zone: ZoneInfo, at_s: int) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
