"""The whole fleet at once, for screens that show all of it.

Ten thousand assets are read in columns and in pages: building an object for each in one go would
hold up every alarm of the process by a tenth of a second.
"""

from collections.abc import Sequence
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
    """When assets' devices last said anything (Unix seconds, 0 for never), in columns."""

    number: Sequence[int]
    heard_at: Sequence[float]
    silent: Sequence[bool]
    reporting_time_s: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where assets were last, in columns. Times in Unix seconds; -1 for what was not said."""

    number: Sequence[int]
    lon: Sequence[float]
    lat: Sequence[float]
    speed_kmh: Sequence[float]
    course_deg: Sequence[float]
    at: Sequence[float]
    received_at: Sequence[float]
    flags: Sequence[int]
