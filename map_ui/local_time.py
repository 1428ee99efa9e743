"""Clock time where the centre is. Everything below the pages knows only UTC."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Brussels")


def today(now: datetime) -> date:
    """The day that it is there."""
    return now.astimezone(ZONE).date()


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """Where a day there begins and ends, in UTC; twice a year it is an hour shorter or longer."""
    begin = datetime.combine(day, time.min, ZONE)
    end = datetime.combine(day + timedelta(days=1), time.min, ZONE)
    return begin.astimezone(UTC), end.astimezone(UTC)
