"""The whole fleet at once, for screens that show all of it."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """What an asset is called. ``number`` is its small name on the live channel."""

    number: int
    id: UUID
    name: str
    kind: str
    organisation_id: UUID
    organisation: str
    plate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """When an asset's devices last said anything (Unix seconds, 0 for never)."""

    number: int
    heard_at: float
    silent: bool
    reporting_time_s: float
