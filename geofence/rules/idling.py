"""The engine runs although the vehicle stands.

Creeping in a queue is not standing, and an engine shakes: what the device says of motion is no
proof that the vehicle goes. Where the ignition is left out of a report, it is as it was.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import Spot, as_text, later_than, over_at, since_s, speed_of, stayed
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Whether the ignition is on; where it has stood since, and a fix that says otherwise."""

    ignition: bool | None = None
    spot: Spot | None = None
    doubt: Spot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Idling:
    """Holds once it has stood within ``within_m`` for ``for_s`` with its ignition on."""

    kind: ClassVar[str] = "idling"
    persists: ClassVar[bool] = True
    for_s: float = 600.0
    within_m: float = 30.0
    moving_kmh: float = 8.0

    def __post_init__(self) -> None:
        if not 0 < self.for_s <= 86_400:
            raise ValueError("idling.for_s must be more than 0 seconds and at most a day")
        if not 5 <= self.within_m <= 1_000:
            raise ValueError("idling.within_m must be from 5 to 1,000 metres")
        if not 1 <= self.moving_kmh <= 100:
            raise ValueError("idling.moving_kmh must be from 1 to 100 km/h")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        said = seen.report.readings.get("ignition")
        if said is not None and said != memory.ignition:
            memory = Memory(ignition=said)
        if memory.ignition is None:
            return memory, CANNOT_SAY
        if not memory.ignition:
            return memory, FAILS
        if seen.fix is not None:
            memory = self._seen(memory, seen)
        if memory.spot is None or seen.at < over_at(since_s(memory.spot), self.for_s, memory.doubt):
            return memory, FAILS
        return memory, Finding(holds=True, facts={"idling_since": as_text(since_s(memory.spot))})

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        if memory.spot is None:
            return None
        return later_than(after, over_at(since_s(memory.spot), self.for_s, memory.doubt))

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _seen(self, memory: Memory, seen: Sighting) -> Memory:
        assert seen.fix is not None
        fast = (speed_of(seen.fix) or 0.0) >= self.moving_kmh
        if memory.spot is None and fast:
            return memory
        now = stayed(memory.spot, memory.doubt, seen.fix, seen.at, within_m=self.within_m)
        if now.left and fast:
            return Memory(ignition=True)
        if now.spot is memory.spot and now.doubt is memory.doubt:
            return memory
        return Memory(ignition=True, spot=now.spot, doubt=now.doubt)


_UNKNOWN = Memory()

CONDITION = Idling
