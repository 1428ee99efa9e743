"""A person gives no sign of movement: the dead man's switch, judged by the clock.

A life may hang on it in both directions. Believing a stray fix would put off help, so a place that
is left needs two fixes beyond their circles of accuracy, while steps and the device's own word on
motion are believed at once. A single fix elsewhere puts the event off once, by a minute at most,
for the second to come. Nothing heard at all is no sign of movement: it is noticed. A device in its
charger is on nobody, while it says so in every report. What waited in the device changes history
only. A device's own no-motion signal needs no rule: it always rings.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import Spot, as_text, later_than, over_at, since_s, spot_of, stayed
from geofence.sighting import Sighting

_COARSE_S = 15.0
"""How coarsely motion is remembered, lest every report be written: never early, this late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The last movement and what the next is measured by.

    moved_s   when it last moved for certain, or was first heard; up to ``_COARSE_S`` later
    spot      where it is, and ``doubt``: a fix that says otherwise
    steps     what its counter showed when steps were last counted
    charging  it is in its charger
    """

    moved_s: float | None = None
    spot: Spot | None = None
    doubt: Spot | None = None
    steps: int | None = None
    charging: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """Holds once nothing has shown movement for ``for_s``, until something does.

    within_m       how far a fix must lie off, beyond what both may be wrong by
    least_steps    how many steps are movement
    by_motion      whether the device's reading of motion is; not where machines shake it
    while_charging whether a device in its charger is watched, too
    """

    kind: ClassVar[str] = "still"
    persists: ClassVar[bool] = True
    for_s: float = 300.0
    within_m: float = 15.0
    least_steps: int = 3
    by_motion: bool = True
    while_charging: bool = False

    def __post_init__(self) -> None:
        if not 30 <= self.for_s <= 7 * 86_400:
            raise ValueError("still.for_s must be from 30 seconds to 7 days")
        if not 0 <= self.within_m <= 1_000:
            raise ValueError("still.within_m must be from 0 to 1,000 metres")
        if not 1 <= self.least_steps <= 1_000:
            raise ValueError("still.least_steps must be from 1 to 1,000")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        if not seen.clock:
            after = self._heard(memory, seen)
            memory = memory if after == memory else after
        if memory.charging:
            return memory, FAILS
        if memory.moved_s is None:
            return memory, CANNOT_SAY
        if seen.at < over_at(memory.moved_s, self.for_s, memory.doubt):
            return memory, FAILS
        return memory, Finding(holds=True, facts={"still_since": as_text(memory.moved_s)})

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        if memory.moved_s is None:
            return None
        return later_than(after, over_at(memory.moved_s, self.for_s, memory.doubt))

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _heard(self, memory: Memory, seen: Sighting) -> Memory:
        readings = seen.report.readings
        if readings.get("charging") is True and not self.while_charging:
            return _CHARGING
        steps = readings.get("steps")
        at_s = seen.at.timestamp()
        if memory.moved_s is None:
            here = None if seen.fix is None else spot_of(seen.fix, seen.at)
            return Memory(moved_s=at_s, spot=here, steps=steps)
        moved_s = memory.moved_s
        walked, steps = self._steps(memory.steps, steps)
        if walked:
            moved_s = max(moved_s, at_s)
        shaken = self.by_motion and readings.get("motion") is True
        if shaken and at_s > moved_s:
            moved_s = at_s + _COARSE_S
        spot: Spot | None = memory.spot
        doubt = memory.doubt
        if seen.fix is not None:
            now = stayed(
                spot, doubt, seen.fix, seen.at, within_m=self.within_m, sure=walked or shaken
            )
            spot, doubt = now.spot, now.doubt
            if now.left:
                moved_s = max(moved_s, since_s(now.spot))
        return Memory(moved_s=moved_s, spot=spot, doubt=doubt, steps=steps)

    def _steps(self, before: int | None, said: int | None) -> tuple[bool, int | None]:
        """Whether it walked, and what its counter is measured by; at midnight that starts anew."""
        if said is None or before is None:
            return False, before if said is None else said
        if said < before:
            return said >= self.least_steps, said
        walked = said - before >= self.least_steps
        return walked, said if walked else before


_UNKNOWN, _CHARGING = Memory(), Memory(charging=True)

CONDITION = Still
