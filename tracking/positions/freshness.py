"""How long ago we heard from an asset, as one word."""

from datetime import datetime, timedelta
from enum import StrEnum


class Freshness(StrEnum):
    """Heard recently, longer ago than usual, longer ago than promised, or not yet."""

    LIVE = "live"
    STALE = "stale"
    SILENT = "silent"
    NEVER = "never"


USUAL_S = 600.0
"""Heard within this, or within half its reporting time if that is shorter, an asset is live."""


def freshness(
    heard_at: datetime | None,
    *,
    silent_since: datetime | None,
    reporting_time_s: float,
    now: datetime,
) -> Freshness:
    """The word for an asset whose devices must report within ``reporting_time_s``."""
    if heard_at is None:
        return Freshness.NEVER
    age = now - heard_at
    if silent_since is not None or age > timedelta(seconds=reporting_time_s):
        return Freshness.SILENT
    usual = timedelta(seconds=min(USUAL_S, reporting_time_s / 2))
    return Freshness.STALE if age > usual else Freshness.LIVE
