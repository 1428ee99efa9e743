"""Near another asset: a patrol and the vehicle it looks for, two who must not meet."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from geofence.company import ALONE, Company, check, distances, facts_of, kept
from geofence.condition import CANNOT_SAY, FAILS, Finding
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Holds while any of the companions is within ``within_m``."""

    kind: ClassVar[str] = "near"
    persists: ClassVar[bool] = False
    companions: frozenset[str]
    within_m: float = 200.0
    margin_m: float = 50.0
    settle_s: float = 20.0
    stale_s: float = 300.0

    def __post_init__(self) -> None:
        check(self, within_m=self.within_m)

    def begin(self) -> Company:
        return ALONE

    def step(self, memory: Company, seen: Sighting) -> tuple[Company, Finding]:
        now = distances(seen, self)
        company = kept(
            memory,
            now,
            seen.at,
            inner_m=self.within_m,
            outer_m=self.within_m + self.margin_m,
            first_m=self.within_m,
            settle_s=self.settle_s,
        )
        if company.close:
            return company, Finding(holds=True, facts=facts_of(company.close, now))
        return company, FAILS if company.known else CANNOT_SAY

    def due(self, memory: Company, after: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset()

    def companion_ids(self) -> frozenset[str]:
        return self.companions


CONDITION = Near
