"""Apart from all others: a worker away from the vehicle, a trailer without its lorry.

A companion that was never heard is nobody to be near to. One that has said nothing for too long is
where it was: it is not taken to have come nearer.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.company import ALONE, Company, check, distances, facts_of, kept
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Holds while every companion is further than ``beyond_m``.

    ``stale_s`` is long: a parked vehicle says little, and is where it was.
    """

    kind: ClassVar[str] = "apart"
    persists: ClassVar[bool] = True
    companions: frozenset[str]
    beyond_m: float = 500.0
    margin_m: float = 50.0
    settle_s: float = 20.0
    stale_s: float = 7_200.0

    def __post_init__(self) -> None:
        check(self, beyond_m=self.beyond_m)
        if self.margin_m >= self.beyond_m:
            raise ValueError("apart.margin_m must be less than beyond_m")

    def begin(self) -> Company:
        return ALONE

    def step(self, memory: Company, seen: Sighting) -> tuple[Company, Finding]:
        now = distances(seen, self)
        company = kept(
            memory,
            now,
            seen.at,
            inner_m=self.beyond_m - self.margin_m,
            outer_m=self.beyond_m,
            first_m=self.beyond_m,
            settle_s=self.settle_s,
        )
        if company.close:
            return company, FAILS
        if company.known:
            return company, Finding(holds=True, facts=facts_of(company.far, now))
        return company, CANNOT_SAY

    def due(self, memory: Company, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return self.companions


CONDITION = Apart
