"""A schedule: the hours in which something is allowed, watched or open, as people say them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Weekly hours in one time zone, and the days on which they are different."""

    time_zone: str = "Europe/Brussels"

    def covers(self, at: datetime) -> bool:
        """Whether it is within these hours."""
        raise NotImplementedError

    def next_change(self, after: datetime) -> datetime | None:
        """The first instant after ``after`` at which they begin or end; None if they never do."""
        raise NotImplementedError


def schedule_from(setting: Mapping[str, Any]) -> Schedule:
    """A schedule from its setting. Raises ValueError, which says what to write instead."""
    raise NotImplementedError


def schedule_as_setting(schedule: Schedule) -> dict[str, Any]:
    """The setting that makes this schedule; JSON values."""
    raise NotImplementedError
