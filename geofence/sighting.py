"""A sighting: everything that rules may know when one asset was heard, or when time passed."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from geofence.schedule import Schedule
from geofence.zone import Zone
from protocols.message import Fix, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The asset that a rule is about, as rules see it; ids are UUIDs as text.

    ``hours`` are the hours in which it may be used; without any it may be used always.
    """

    asset_id: str
    organisation_id: str
    kind: str
    name: str = ""
    group: str = ""
    tags: frozenset[str] = frozenset()
    speed_limit_kmh: float | None = None
    hours: Schedule | None = None


class Surroundings(Protocol):
    """The zones around one fix. Zones are named by id; all distances in metres on the ground."""

    inside: frozenset[str]
    """Zones whose shape covers the fix."""

    def zone(self, zone_id: str) -> Zone | None:
        """A zone, if it exists and its place is known (a zone that moves may be lost)."""

    def distance_m(self, zone_id: str) -> float:
        """How far the fix is outside the zone; 0 inside it; infinite if the zone is not known."""

    def depth_m(self, zone_id: str) -> float:
        """How far inside the zone the fix is: the distance to its edge; 0 outside it."""

    def near(self, within_m: float) -> frozenset[str]:
        """All zones that may be within so many metres of the fix.

        Those that cannot be placed are among them, and some that are a little further. Who asks
        about ten thousand zones asks this first.
        """

    def nearest(self, zone_ids: AbstractSet[str]) -> str | None:
        """Which of these zones is nearest to the fix; None if the place of none is known."""

    def crossed(self, zone_id: str, since: Fix) -> bool:
        """Whether the straight way from ``since`` to this fix touches the zone."""


class Nowhere:
    """Around a sighting without a fix: no zone is near, and none is left."""

    inside: frozenset[str] = frozenset()

    def zone(self, zone_id: str) -> Zone | None:  # noqa: ARG002 - it knows none
        """No zone is known here."""
        return None

    def distance_m(self, zone_id: str) -> float:  # noqa: ARG002 - it knows none
        """Too far to say."""
        return float("inf")

    def depth_m(self, zone_id: str) -> float:  # noqa: ARG002 - it knows none
        """Not inside anything."""
        return 0.0

    def near(self, within_m: float) -> frozenset[str]:  # noqa: ARG002 - it knows none
        """No zone is near."""
        return self.inside

    def nearest(self, zone_ids: AbstractSet[str]) -> str | None:  # noqa: ARG002 - it knows none
        """No zone is nearest."""
        return None

    def crossed(self, zone_id: str, since: Fix) -> bool:  # noqa: ARG002 - it knows none
        """Nothing was crossed."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One asset at one time.

    at          the device's own time of the report, or the time that it is when ``clock`` is set
    report      what the device said; an empty report when ``clock`` is set
    fix         the fix of the report if it may be judged: valid, and its clock believed
    around      the zones around the fix; ``Nowhere`` without one
    companions  the last fixes of other assets that rules ask about, by asset id
    late        the report waited in the device, or is older than what was heard before it
    """

    at: datetime
    subject: Subject
    report: Report = Report()  # noqa: RUF009 - frozen
    fix: Fix | None = None
    around: Surroundings = Nowhere()  # noqa: RUF009 - nothing in it can change
    companions: Mapping[str, Fix] = field(default_factory=dict)
    late: bool = False
    clock: bool = False
