"""The ignition is on and no driver has said who is driving.

A card may be shown shortly before the ignition is switched on, or after. Readers that are only
touched say the driver once and nobody afterwards: that does not unsay it. Whoever stalls and
starts again need not show the card again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.motion import as_text, later_than, over_at
from geofence.sighting import Sighting

_COARSE_S = 30.0
"""A reader that repeats the card changes what is remembered only so often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The ignition and the driver.

    on_s      since when the ignition has been on (Unix seconds), if it is
    driver_s  when a driver was last known while it was off
    driven    a driver is known for this run of the engine
    """

    ignition: bool | None = None
    on_s: float | None = None
    driver_s: float | None = None
    driven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Driverless:
    """Holds once the ignition has been on for ``for_s`` and no driver is known.

    before_s  how long before a card may be shown
    """

    kind: ClassVar[str] = "driverless"
    persists: ClassVar[bool] = True
    for_s: float = 60.0
    before_s: float = 120.0

    def __post_init__(self) -> None:
        if not 1 <= self.for_s <= 86_400:
            raise ValueError("driverless.for_s must be from 1 second to a day")
        if not 0 <= self.before_s <= 3_600:
            raise ValueError("driverless.before_s must be from 0 to 3,600 seconds")

    def begin(self) -> Memory:
        return _UNKNOWN

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        readings = seen.report.readings
        if "ignition" in readings or "driver_id" in readings:
            after = self._heard(
                memory,
                seen.at.timestamp(),
                ignition=readings.get("ignition"),
                # "", "0" and "000000000000" are how readers say that there is nobody.
                driver=bool(readings.get("driver_id", "").strip(" 0")),
            )
            memory = memory if after == memory else after
        if memory.ignition is None:
            return memory, CANNOT_SAY
        if memory.on_s is None or memory.driven or seen.at < over_at(memory.on_s, self.for_s):
            return memory, FAILS
        return memory, Finding(holds=True, facts={"ignition_on_since": as_text(memory.on_s)})

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        if memory.on_s is None or memory.driven:
            return None
        return later_than(after, over_at(memory.on_s, self.for_s))

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return frozenset()

    def _heard(self, memory: Memory, at_s: float, *, ignition: bool | None, driver: bool) -> Memory:
        was = memory.ignition
        now = was if ignition is None else ignition
        if now:
            shown = memory.driver_s is not None and at_s - memory.driver_s <= self.before_s
            driven = driver or (memory.driven if was else shown)
            return Memory(ignition=True, on_s=memory.on_s if was else at_s, driven=driven)
        driver_s = memory.driver_s
        if was:
            driver_s = at_s if memory.driven or driver else None
        elif driver and (driver_s is None or at_s - driver_s > _COARSE_S):
            driver_s = at_s
        return Memory(ignition=now, driver_s=driver_s)


_UNKNOWN = Memory()

CONDITION = Driverless
