"""The vehicle goes although its ignition is off: somebody tows or carries it away.

The device's own word is believed at once. Otherwise two fixes in a row must go like a vehicle, and
lie apart as they then would: a parked receiver is now and then said to do 30, but stays. Where no
speed is said, it goes once it is well away from where it was parked.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import Spot, beyond_m, since_s, speed_of, spot_of
from geofence.sighting import Sighting
from protocols.message import Signal

_PAIR_S = 600.0
"""Two fixes that are further apart in time do not speak for each other."""

_AWAY_M = 100.0
"""How far off a fix without a speed must be before it can speak of towing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What speaks for towing.

    spot    where it was parked
    first   the last fix at which it went, where another is compared with it
    towed   it is being towed, and ``rest_s``: it has not gone since (Unix seconds)
    """

    ignition: bool | None = None
    spot: Spot | None = None
    first: Spot | None = None
    towed: bool = False
    rest_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Towed:
    """Holds while it is towed, until the ignition is on or it has stood for ``stand_s``.

    apart_m  how far the two fixes must lie apart, beyond what they may be wrong by
    """

    kind: ClassVar[str] = "towed"
    persists: ClassVar[bool] = False
    moving_kmh: float = 8.0
    apart_m: float = 30.0
    stand_s: float = 600.0

    def __post_init__(self) -> None:
        if not 1 <= self.moving_kmh <= 100:
            raise ValueError("towed.moving_kmh must be from 1 to 100 km/h")
        if not 0 <= self.apart_m <= 10_000:
            raise ValueError("towed.apart_m must be from 0 to 10,000 metres")
        if not 60 <= self.stand_s <= 86_400:
            raise ValueError("towed.stand_s must be from 60 seconds to a day")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        said = seen.report.readings.get("ignition")
        ignition = memory.ignition if said is None else said
        signalled = Signal.TOW in seen.report.signals
        if ignition and not (signalled and said is None):
            return (memory if memory == _DRIVEN else _DRIVEN), FAILS
        after = self._after(memory, seen, ignition, signalled=signalled)
        memory = memory if after == memory else after
        if memory.towed:
            return memory, Finding(holds=True, facts=_facts(seen, signalled=signalled))
        return memory, CANNOT_SAY if memory.ignition is None else FAILS

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _after(
        self, memory: Memory, seen: Sighting, ignition: bool | None, *, signalled: bool
    ) -> Memory:
        if signalled:
            # It is being towed, so its ignition is off, whatever we last heard of it.
            return Memory(ignition=False, spot=memory.spot, towed=True)
        if seen.fix is None or (ignition is None and not memory.towed):
            return replace(memory, ignition=ignition)
        here = spot_of(seen.fix, seen.at)
        if memory.towed:
            return self._going_on(memory, seen, here, ignition)
        if not self._goes(memory, seen):
            return Memory(ignition=ignition, spot=here if memory.spot is None else memory.spot)
        first = memory.first
        if first is None or not self._like_a_vehicle(first, seen):
            return Memory(ignition=ignition, spot=memory.spot, first=here)
        return Memory(ignition=ignition, spot=memory.spot, towed=True)

    def _going_on(
        self, memory: Memory, seen: Sighting, here: Spot, ignition: bool | None
    ) -> Memory:
        """It was being towed: it goes on, rests for a while, or stands."""
        assert seen.fix is not None
        speed_kmh = speed_of(seen.fix)
        if speed_kmh is not None:
            goes, first = speed_kmh >= self.moving_kmh, None
        else:
            goes = memory.first is None or beyond_m(memory.first, seen.fix) > self.apart_m
            first = here if goes else memory.first
        rest_s = since_s(here) if memory.rest_s is None else memory.rest_s
        if not goes and since_s(here) - rest_s >= self.stand_s:
            return Memory(ignition=ignition, spot=here)
        return Memory(
            ignition=ignition,
            spot=memory.spot,
            first=first,
            towed=True,
            rest_s=None if goes else rest_s,
        )

    def _goes(self, memory: Memory, seen: Sighting) -> bool:
        assert seen.fix is not None
        speed_kmh = speed_of(seen.fix)
        if speed_kmh is not None:
            return speed_kmh >= self.moving_kmh
        return memory.spot is not None and beyond_m(memory.spot, seen.fix) > _AWAY_M

    def _like_a_vehicle(self, first: Spot, seen: Sighting) -> bool:
        assert seen.fix is not None
        passed_s = max(seen.at.timestamp() - since_s(first), 1.0)
        if passed_s > _PAIR_S:
            return False
        apart_m = beyond_m(first, seen.fix)
        return apart_m > self.apart_m and apart_m / passed_s * 3.6 >= self.moving_kmh / 2


def _facts(seen: Sighting, *, signalled: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"by": "signal"} if signalled else {}
    speed_kmh = speed_of(seen.fix)
    return facts if speed_kmh is None else {**facts, "speed_kmh": round(speed_kmh, 1)}


_UNKNOWN, _DRIVEN = Memory(), Memory(ignition=True)

CONDITION = Towed
