"""The one place the service asks what time it is. Tests move it."""

from collections.abc import Callable
from datetime import UTC, datetime

_source: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731 - replaced whole by tests


def now() -> datetime:
    """The time, aware, in UTC."""
    return _source()


def set_source(source: Callable[[], datetime]) -> None:
    """Take the time from somewhere else (tests, replays)."""
    global _source  # noqa: PLW0603 - one clock, on purpose
    _source = source
