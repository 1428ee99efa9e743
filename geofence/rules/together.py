"""Travelling together: a vehicle that is followed, a load that goes where its lorry goes.

Speeds do not say it, as everybody stops at a red light. Two travel together who have both come a
good way and were near each other all the time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from geofence.company import ALONE, Company, Distance, check, distances, facts_of, kept
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.metric import distance_m
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Who is near, and how far the asset has come with each.

    setting_out  of each companion that is near: when and where the present piece of the way began
                 (Unix seconds, latitude, longitude)
    travelling   those who came a piece of the way with it
    """

    company: Company = ALONE
    setting_out: Mapping[str, Sequence[float]] = field(default_factory=dict)
    travelling: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Holds while both come ``moved_m`` further in each ``moved_s``, and never part."""

    kind: ClassVar[str] = "together"
    persists: ClassVar[bool] = False
    companions: frozenset[str]
    within_m: float = 150.0
    moved_m: float = 1_000.0
    moved_s: float = 600.0
    margin_m: float = 100.0
    settle_s: float = 60.0
    stale_s: float = 120.0

    def __post_init__(self) -> None:
        check(self, within_m=self.within_m, moved_m=self.moved_m)
        if self.moved_m <= 2 * (self.within_m + self.margin_m):
            # Or the companion could have stood still while it was passed.
            raise ValueError("together.moved_m must be more than twice within_m and margin_m")
        if not 0 < self.moved_s <= 86_400:
            raise ValueError("together.moved_s must be more than 0 seconds and at most one day")

    def begin(self) -> Memory:
        return _NOTHING

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        now = distances(seen, self)
        company = kept(
            memory.company,
            now,
            seen.at,
            inner_m=self.within_m,
            outer_m=self.within_m + self.margin_m,
            first_m=self.within_m,
            settle_s=self.settle_s,
        )
        after = self._travelled(memory, company, now, seen)
        if after.travelling:
            return after, Finding(holds=True, facts=facts_of(after.travelling, now))
        return after, FAILS if company.known else CANNOT_SAY

    def due(self, memory: Memory, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return self.companions

    def _travelled(
        self, memory: Memory, company: Company, now: Sequence[Distance], seen: Sighting
    ) -> Memory:
        heard = {each.companion for each in now}
        setting_out: dict[str, Sequence[float]] = {}
        travelling: list[str] = []
        for who in company.close:
            piece = memory.setting_out.get(who)
            travels = who in memory.travelling
            # Only where both were seen is a piece of the way measured.
            if who in heard and who not in company.parting and seen.fix is not None:
                fix, at_s = seen.fix, seen.at.timestamp()
                if piece is None:
                    piece = [at_s, fix.lat, fix.lon]
                since_s, lat, lon = piece
                came_m = distance_m(lat=lat, lon=lon, to_lat=fix.lat, to_lon=fix.lon)
                in_time = at_s - since_s <= self.moved_s
                if came_m >= self.moved_m or not in_time:
                    travels, piece = in_time, [at_s, fix.lat, fix.lon]
            if piece is not None:
                setting_out[who] = piece
            if travels:
                travelling.append(who)
        after = Memory(company=company, setting_out=setting_out, travelling=tuple(travelling))
        return memory if after == memory else after


_NOTHING = Memory()

CONDITION = Together
