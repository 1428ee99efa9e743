"""How long somebody who got it wrong must wait: arithmetic on the times of failed sign-ins."""

from collections.abc import Sequence
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
LONG_WINDOW = timedelta(hours=1)
LONG_FACTOR = 2
"""An hour allows twice what fifteen minutes allow, so that patience buys a guesser little."""


def wait_before_next(failed: Sequence[datetime], now: datetime, most: int) -> timedelta:
    """How long until another attempt is heard; zero if it is heard now.

    ``failed`` holds the times of failures, newest first; ``most`` are heard in ``WINDOW``.
    """
    return max(
        _until_room(failed, now, most, WINDOW),
        _until_room(failed, now, most * LONG_FACTOR, LONG_WINDOW),
    )


def _until_room(
    failed: Sequence[datetime], now: datetime, most: int, window: timedelta
) -> timedelta:
    """Room comes back when the oldest of the newest ``most`` failures leaves the window."""
    if len(failed) < most:
        return timedelta(0)
    return max(failed[most - 1] + window - now, timedelta(0))
