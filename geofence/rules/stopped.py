"""The asset has stayed in one place for too long.

It stays while its fixes lie within some metres of where it came to stand, beyond what they may be
wrong by; one stray fix does not end that. The clock ends the wait: a parked vehicle says little.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import Spot, as_text, later_than, over_at, since_s, speed_of, stayed
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where it stands, or none while it goes; and a fix that says otherwise."""

    spot: Spot | None = None
    doubt: Spot | None = None
    going: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Holds once it has stayed within ``within_m`` for ``for_s``, until it leaves.

    From ``moving_kmh`` on it goes, wherever it is.
    """

    kind: ClassVar[str] = "stopped"
    persists: ClassVar[bool] = True
    for_s: float = 1800.0
    within_m: float = 50.0
    moving_kmh: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.for_s <= 31 * 86_400:
            raise ValueError("stopped.for_s must be more than 0 seconds and at most 31 days")
        if not 5 <= self.within_m <= 10_000:
            raise ValueError("stopped.within_m must be from 5 to 10,000 metres")
        if not 1 <= self.moving_kmh <= 100:
            raise ValueError("stopped.moving_kmh must be from 1 to 100 km/h")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        if seen.fix is not None:
            memory = self._seen(memory, seen)
        if memory.spot is None:
            return memory, FAILS if memory.going else CANNOT_SAY
        if seen.at < over_at(since_s(memory.spot), self.for_s, memory.doubt):
            return memory, FAILS
        facts = {"stopped_since": as_text(since_s(memory.spot)), "within_m": self.within_m}
        return memory, Finding(holds=True, facts=facts)

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
            return memory if memory.going else _GOING
        now = stayed(
            memory.spot,
            memory.doubt,
            seen.fix,
            seen.at,
            within_m=self.within_m,
            sure=fast and seen.report.readings.get("motion") is True,
        )
        if now.left and fast:
            return _GOING
        if now.spot is memory.spot and now.doubt is memory.doubt:
            return memory
        return Memory(spot=now.spot, doubt=now.doubt)


_UNKNOWN, _GOING = Memory(), Memory(going=True)

CONDITION = Stopped
