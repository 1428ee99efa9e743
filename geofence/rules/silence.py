"""Notice a unit that has not been heard for longer than it promised.

Judged by the clock, not by a report: there is none. While we could not hear anybody ourselves,
nobody was silent: the time starts again when we are back, with a grace to reconnect.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from geofence.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """``reporting_time_s`` is the promise; ``slack_s`` how stale the record of hearing may be."""

    reporting_time_s: float
    grace_s: float = 300.0
    slack_s: float = 0.0
    name: str = "silence"

    def due_at(self, *, heard_at: datetime, hearing_since: datetime) -> datetime:
        """When silence becomes an event."""
        promised = timedelta(seconds=self.reporting_time_s + self.slack_s)
        back = hearing_since + timedelta(seconds=min(self.grace_s, self.reporting_time_s))
        return max(heard_at + promised, back) if heard_at < hearing_since else heard_at + promised

    def noticed(
        self, *, heard_at: datetime, hearing_since: datetime, now: datetime
    ) -> Event | None:
        """The event, if it is due."""
        due = self.due_at(heard_at=heard_at, hearing_since=hearing_since)
        return Event(at=due, rule=self.name, cause="silence") if now >= due else None
