"""Inside a zone for longer than it should be, while the zone is open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from geofence import placing
from geofence.combination import earliest
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.placing import ALWAYS_OPEN, UNKNOWN, Opening, Place
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where it is, the hours there, and since when it is in each open zone (Unix seconds)."""

    place: Place = UNKNOWN
    opening: Opening = ALWAYS_OPEN
    since_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwelled:
    """Holds once it has been in one of the zones for ``for_s``, until it leaves that zone.

    Each zone counts for itself; the time begins when the zone opens, and ends when it closes.
    """

    kind: ClassVar[str] = "dwelled"
    persists: ClassVar[bool] = True
    zones: frozenset[str]
    for_s: float = 900.0
    margin_m: float = 15.0
    settle: int = 2
    settle_s: float = 30.0

    def __post_init__(self) -> None:
        placing.check(self)
        placing.check_seconds(self.kind, "for_s", self.for_s, least=1)

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        place, _ = placing.placed(memory.place, seen, self)
        opening = memory.opening
        if place.inside or opening.turns_s:
            opening = placing.followed(opening, place, seen)
        there = placing.open_zones(place, opening)
        at_s = seen.at.timestamp()
        since_s = {zone_id: memory.since_s.get(zone_id, at_s) for zone_id in there}
        if place is not memory.place or opening is not memory.opening or since_s != memory.since_s:
            memory = Memory(place=place, opening=opening, since_s=since_s)
        long = [zone_id for zone_id in there if at_s - since_s[zone_id] >= self.for_s]
        if long:
            facts = placing.facts_of(long, place, seen)
            facts["inside_s"] = round(at_s - since_s[long[0]])
            return memory, Finding(holds=True, facts=facts)
        return memory, FAILS if place.known and not place.doubt else CANNOT_SAY

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        enough = (
            datetime.fromtimestamp(since_s, UTC) + timedelta(seconds=self.for_s)
            for since_s in memory.since_s.values()
        )
        return earliest(memory.opening.due(after), *(each for each in enough if each > after))

    def zone_ids(self) -> frozenset[str]:
        return self.zones

    def companion_ids(self) -> frozenset[str]:
        return frozenset()


_NOTHING = Memory()

CONDITION = Dwelled
