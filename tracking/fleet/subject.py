"""An asset as rules see it."""

import logging
from collections.abc import Mapping
from typing import Any

from geofence.schedule import Schedule, schedule_from
from geofence.sighting import Subject

_log = logging.getLogger(__name__)


def subject_of(row: Mapping[str, Any]) -> Subject:
    """The subject of rules in a row with the columns of ``assets``; its id as ``asset_id``."""
    return Subject(
        asset_id=str(row["asset_id"]),
        organisation_id=str(row["organisation_id"]),
        kind=row["kind"],
        name=row["name"],
        group=row["group_name"],
        tags=frozenset(row["tags"]),
        speed_limit_kmh=row["speed_limit_kmh"],
        hours=hours_of(row["hours"]),
    )


def hours_of(setting: Mapping[str, Any] | None) -> Schedule | None:
    """Hours as they were stored. Unreadable ones count as none: an asset must not go unheard."""
    if setting is None:
        return None
    try:
        return schedule_from(setting)
    except ValueError:
        _log.exception("hours cannot be read")
        return None
