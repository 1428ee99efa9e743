"""Nothing was heard of the asset for longer than somebody is willing to wait.

Every unit is watched for its promised reporting time anyway; this is what somebody asks beside
that. What waited in the device tells that it was alive, not that it was heard: it neither makes
nor ends a silence that has begun.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import later_than, over_at
from geofence.sighting import Sighting

_COARSE = 0.05
"""What part of the wait the time of hearing may be wrong by, lest every report be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """When it was heard (Unix seconds): never earlier, but up to ``_COARSE`` of the wait later."""

    heard_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """Holds once nothing was heard for ``for_s``, or up to 5 % more; never for less."""

    kind: ClassVar[str] = "unheard"
    persists: ClassVar[bool] = True
    for_s: float = 3600.0

    def __post_init__(self) -> None:
        if not 60 <= self.for_s <= 31 * 86_400:
            raise ValueError("unheard.for_s must be from 60 seconds to 31 days")

    def begin(self) -> Memory:
        return _NEVER

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        silent = memory.heard_s is not None and seen.at >= over_at(memory.heard_s, self.for_s)
        if seen.late and (silent or seen.clock):
            return memory, CANNOT_SAY
        if not seen.clock:
            at_s = seen.at.timestamp()
            if memory.heard_s is None or at_s > memory.heard_s:
                memory = Memory(heard_s=at_s + self.for_s * _COARSE)
            return memory, FAILS
        if memory.heard_s is None:
            return memory, CANNOT_SAY
        return memory, Finding(holds=True, facts={"unheard_s": self.for_s}) if silent else FAILS

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        if memory.heard_s is None:
            return None
        return later_than(after, over_at(memory.heard_s, self.for_s))

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_NEVER = Memory()

CONDITION = Unheard
