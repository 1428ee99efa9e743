"""When the clock alone will change what a rule says of an asset."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """``as_of`` is the newest sighting it reckons with; ``due_at`` None: nothing is to come."""

    rule_id: UUID
    edition: str
    asset_id: UUID
    as_of: datetime
    due_at: datetime | None
