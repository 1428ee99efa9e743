"""A parked vehicle is not where it was parked any more.

Parked is a vehicle whose ignition is off, or one that never speaks of its ignition and has stood
for a while. The fixes of a parked vehicle wander by tens of metres and jump further. So it has
moved when two fixes in a row lie off beyond what they may be wrong by: one, if the device felt
motion; three, if it says that it felt none.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import Spot, as_text, beyond_m, since_s, speed_of, spot_of, stayed
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where it was parked, and what speaks for its having left.

    spot   where it stands, or stood before it was moved
    away   how many fixes in a row lay off
    moved  it was moved, and now rests at ``rest``, if it does
    """

    ignition: bool | None = None
    spot: Spot | None = None
    away: int = 0
    moved: bool = False
    rest: Spot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedWhileParked:
    """Holds from the move until the ignition is on, or it has stood elsewhere for ``parked_s``.

    metres      how far it must be off, beyond what both fixes may be wrong by
    parked_s    how long it must stand to be parked, if it does not speak of its ignition
    moving_kmh  as slow as this it stands
    """

    kind: ClassVar[str] = "moved_while_parked"
    persists: ClassVar[bool] = True
    metres: float = 75.0
    parked_s: float = 600.0
    moving_kmh: float = 8.0

    def __post_init__(self) -> None:
        if not 10 <= self.metres <= 10_000:
            raise ValueError("moved_while_parked.metres must be from 10 to 10,000")
        if not 60 <= self.parked_s <= 86_400:
            raise ValueError("moved_while_parked.parked_s must be from 60 seconds to a day")
        if not 1 <= self.moving_kmh <= 100:
            raise ValueError("moved_while_parked.moving_kmh must be from 1 to 100 km/h")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        said = seen.report.readings.get("ignition")
        ignition = memory.ignition if said is None else said
        if ignition:
            return (memory if memory == _DRIVEN else _DRIVEN), FAILS
        off_m = 0.0
        if seen.fix is not None:
            off_m = 0.0 if memory.spot is None else beyond_m(memory.spot, seen.fix)
            after = self._seen(memory, seen, ignition, off_m)
            memory = memory if after == memory else after
        elif ignition != memory.ignition:
            memory = replace(memory, ignition=ignition)
        if memory.spot is None:
            return memory, CANNOT_SAY
        if not memory.moved:
            return memory, FAILS
        facts = {"parked_since": as_text(since_s(memory.spot))}
        return memory, Finding(
            holds=True, facts={**facts, "moved_m": round(off_m)} if off_m else facts
        )

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _seen(self, memory: Memory, seen: Sighting, ignition: bool | None, off_m: float) -> Memory:
        assert seen.fix is not None
        fast = (speed_of(seen.fix) or 0.0) >= self.moving_kmh
        if memory.moved:
            return self._elsewhere(memory, seen, ignition, off_m, fast=fast)
        at_s = seen.at.timestamp()
        spot = memory.spot
        if spot is not None and ignition is None and at_s - since_s(spot) < self.parked_s:
            spot = None if fast or off_m > self.metres else spot
        if spot is None:
            return Memory(ignition=ignition, spot=None if fast else spot_of(seen.fix, seen.at))
        if off_m <= self.metres:
            spot = stayed(spot, None, seen.fix, seen.at, within_m=self.metres).spot
            return Memory(ignition=ignition, spot=spot)
        away = memory.away + 1
        motion = seen.report.readings.get("motion")
        if away < {True: 1, None: 2, False: 3}[motion]:
            return Memory(ignition=ignition, spot=spot, away=away)
        rest = None if fast else spot_of(seen.fix, seen.at)
        return Memory(ignition=ignition, spot=spot, moved=True, rest=rest)

    def _elsewhere(
        self,
        memory: Memory,
        seen: Sighting,
        ignition: bool | None,
        off_m: float,
        *,
        fast: bool,
    ) -> Memory:
        """It was moved: it goes on, rests, is parked anew, or is back where it was."""
        assert seen.fix is not None
        rest: Spot | None = memory.rest
        if fast:
            rest = None
        elif rest is None or beyond_m(rest, seen.fix) > self.metres:
            rest = spot_of(seen.fix, seen.at)
        elif seen.at.timestamp() - since_s(rest) >= self.parked_s:
            back = off_m <= self.metres
            return Memory(ignition=ignition, spot=memory.spot if back else rest)
        return Memory(ignition=ignition, spot=memory.spot, moved=True, rest=rest)


_UNKNOWN, _DRIVEN = Memory(), Memory(ignition=True)

CONDITION = MovedWhileParked
