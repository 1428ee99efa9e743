"""Where an asset stands and whether it goes: what several kinds of rules ask of a sighting.

The fixes of one place scatter, and now and then one lies far off. So two fixes are apart only as
far as the circles of their accuracy are, and a single fix is a doubt, not yet a fact.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from geofence.metric import distance_m
from geofence.sighting import Sighting
from protocols.message import Fix

FASTEST_KMH = 300.0
"""What claims to be faster is an error of the receiver."""

UNSAID_M = 20.0
"""How exact a fix is taken to be that does not say it."""

DOUBT_S = 60.0
"""How long a doubt may put off what the clock would bring."""

Spot = tuple[float, float, float, float]
"""Where an asset stands, as memories keep it: latitude, longitude, how exactly that is known in
metres, and since when (Unix seconds)."""


class Stay(NamedTuple):
    """Where an asset stands, a fix that says otherwise, and whether it has just left."""

    spot: Spot
    doubt: Spot | None = None
    left: bool = False


def spot_of(fix: Fix, at: datetime) -> Spot:
    """Here, since this fix."""
    accuracy_m = UNSAID_M if fix.accuracy_m is None else fix.accuracy_m
    return (fix.lat, fix.lon, accuracy_m, at.timestamp())


def since_s(spot: Spot) -> float:
    """Since when it stands there (Unix seconds)."""
    return spot[3]


def beyond_m(spot: Spot, fix: Fix) -> float:
    """How far apart they are for certain, in metres on the ground: 0 where circles touch."""
    lat, lon, accuracy_m, _ = spot
    apart_m = distance_m(lat=lat, lon=lon, to_lat=fix.lat, to_lon=fix.lon)
    rough_m = UNSAID_M if fix.accuracy_m is None else fix.accuracy_m
    return max(apart_m - accuracy_m - rough_m, 0.0)


def stayed(
    spot: Spot | None,
    doubt: Spot | None,
    fix: Fix,
    at: datetime,
    *,
    within_m: float,
    sure: bool = False,
) -> Stay:
    """Where it stands after one more fix.

    It has left after two fixes outside, or one if something else makes it ``sure``. Where the two
    agree, it stands there since the first. Spots that have not changed are the same objects.
    """
    if spot is None:
        return Stay(spot_of(fix, at))
    if beyond_m(spot, fix) <= within_m:
        better = fix.accuracy_m is not None and 2 * fix.accuracy_m < spot[2]
        return Stay((fix.lat, fix.lon, fix.accuracy_m or 0.0, spot[3]) if better else spot)
    if doubt is not None:
        return Stay(doubt if beyond_m(doubt, fix) <= within_m else spot_of(fix, at), left=True)
    here = spot_of(fix, at)
    return Stay(here, left=True) if sure else Stay(spot, here)


def over_at(began_s: float, for_s: float, doubt: Spot | None = None) -> datetime:
    """When something has lasted long enough; a doubt that came before puts it off a little."""
    over_s = began_s + for_s
    if doubt is not None and since_s(doubt) < over_s:
        over_s = max(over_s, since_s(doubt) + min(DOUBT_S, for_s))
    return datetime.fromtimestamp(over_s, UTC)


def later_than(after: datetime, at: datetime) -> datetime | None:
    """``at`` if it is still to come."""
    return at if at > after else None


def as_text(at_s: float) -> str:
    """A time as facts write it."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")


def speed_of(fix: Fix | None) -> float | None:
    """The speed in km/h, if a receiver measured it and it can be believed."""
    if fix is None or fix.speed_kmh is None or not fix.valid:
        return None
    return fix.speed_kmh if 0 <= fix.speed_kmh <= FASTEST_KMH else None


class Going(NamedTuple):
    """Whether an asset goes, and how many reports in a row have said the contrary."""

    moving: bool | None
    contrary: int = 0


def going(
    moving: bool | None, contrary: int, seen: Sighting, *, moving_kmh: float, standing_kmh: float
) -> Going:
    """The same after one more sighting.

    It goes, or stands, after two reports that say so, or one whose reading of motion agrees.
    Between the two speeds it does as before. Without a speed, the reading of motion must do.
    """
    speed_kmh = speed_of(seen.fix)
    motion = seen.report.readings.get("motion")
    if speed_kmh is None:
        said = motion
    elif speed_kmh >= moving_kmh:
        said = True
    elif speed_kmh <= standing_kmh:
        said = False
    else:
        return Going(moving, contrary)
    if said is None:
        return Going(moving, contrary)
    if said == moving:
        return Going(moving)
    if moving is None and said is False:
        return Going(moving=False)
    agreed = speed_kmh is not None and motion is said
    return Going(said) if agreed or contrary + 1 >= 2 else Going(moving, contrary + 1)
