"""Who is near whom: one asset and others that it is compared with, each where it was seen last.

Fixes of two assets are never of the same instant. The older one is brought up to the newer: it
went on as it was going, for a minute at most; what may have become of it since is doubt. So a
parked vehicle is still where it said it stood, and nobody knows where one is that was driving when
it was heard last. A fix that is rough, or too old, is doubt as well, and doubt changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from geofence.metric import Place, distance_m, place_from
from geofence.sighting import Sighting
from protocols.message import Fix

GOOD_M = 30.0
"""Up to this accuracy the point of a fix counts, beyond it the circle."""

FURTHEST_M = 1_000_000.0
MOST_COMPANIONS = 50
_STALE_AT_MOST_S = 31 * 86_400.0
_DRIVING_KMH = 5.0
"""Below, a receiver that stands still says such speeds, too."""
_FOLLOWED_S = 60.0
_TURNS_OFF = 0.3
"""How much of the way it may be off that it is believed to have gone on straight."""


class Manner(Protocol):
    """How nearness is judged: the settings that kinds about several assets have in common.

    companions  ids of the other assets
    margin_m    between near and far lies a margin in which everything stays as it was
    settle_s    who parts must stay away for so many seconds; a stray fix parts nobody
    stale_s     a fix that is older says nothing any more
    """

    @property
    def kind(self) -> str: ...
    @property
    def companions(self) -> frozenset[str]: ...
    @property
    def margin_m(self) -> float: ...
    @property
    def settle_s(self) -> float: ...
    @property
    def stale_s(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What is remembered of who is near. Ids in the order of the alphabet.

    close, far   the companions that were last said to be; who was never heard is neither
    parting      of close ones that may be parting: since when (Unix seconds)
    """

    close: tuple[str, ...] = ()
    far: tuple[str, ...] = ()
    parting: Mapping[str, float] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether it was ever said of anybody."""
        return bool(self.close or self.far)


ALONE = Company()


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """How far one companion is, and by how much that may be wrong."""

    companion: str
    distance_m: float
    doubt_m: float


def check(manner: Manner, **metres: float) -> None:
    """Raises ValueError, which says what to write, where settings make no sense."""
    kind = manner.kind
    if not 0 < len(manner.companions) <= MOST_COMPANIONS:
        raise ValueError(f"{kind}.companions must name 1 to {MOST_COMPANIONS} assets")
    for name, value in metres.items():
        if not 0 < value <= FURTHEST_M:
            raise ValueError(f"{kind}.{name} must be more than 0 and at most 1,000,000 metres")
    if not 0 <= manner.margin_m <= FURTHEST_M:
        raise ValueError(f"{kind}.margin_m must be from 0 to 1,000,000 metres")
    if not 0 <= manner.settle_s <= 86_400:
        raise ValueError(f"{kind}.settle_s must be from 0 seconds to one day in seconds")
    if not 0 < manner.stale_s <= _STALE_AT_MOST_S:
        raise ValueError(f"{kind}.stale_s must be more than 0 seconds and at most 31 days")


def distances(seen: Sighting, manner: Manner) -> list[Distance]:
    """How far each companion is whose place is known, the nearest first; none without a fix."""
    found: list[Distance] = []
    own = seen.fix
    if own is None or _too_old(own, seen.at, manner):
        return found
    for companion in manner.companions:
        other = seen.companions.get(companion)
        if other is None or companion == seen.subject.asset_id or not _says_a_place(other):
            continue
        if _too_old(other, seen.at, manner):
            continue
        newer = max(own.at, other.at)
        here, here_doubt_m = _brought_up(own, newer)
        there, there_doubt_m = _brought_up(other, newer)
        metres = distance_m(lat=here.lat, lon=here.lon, to_lat=there.lat, to_lon=there.lon)
        doubt_m = here_doubt_m + there_doubt_m
        found.append(Distance(companion=companion, distance_m=metres, doubt_m=doubt_m))
    found.sort(key=lambda each: (each.distance_m, each.companion))
    return found


def kept(
    company: Company,
    now: Iterable[Distance],
    at: datetime,
    *,
    inner_m: float,
    outer_m: float,
    first_m: float,
    settle_s: float,
) -> Company:
    """Who is close afterwards; the same object if nothing changed.

    One becomes close within ``inner_m`` and far beyond ``outer_m``; who was neither before is told
    apart at ``first_m``.
    """
    close, far, parting = set(company.close), set(company.far), dict(company.parting)
    at_s = at.timestamp()
    for each in now:
        who = each.companion
        nearest_m, furthest_m = each.distance_m - each.doubt_m, each.distance_m + each.doubt_m
        if who in close:
            if nearest_m <= outer_m:
                if furthest_m <= outer_m:
                    parting.pop(who, None)
                continue
            since_s = parting.setdefault(who, at_s)
            if at_s - since_s < settle_s:
                continue
            del parting[who]
            close.discard(who)
            far.add(who)
        elif furthest_m <= (inner_m if who in far else first_m):
            far.discard(who)
            close.add(who)
        elif nearest_m > first_m:
            far.add(who)
    after = Company(close=tuple(sorted(close)), far=tuple(sorted(far)), parting=parting)
    return company if after == company else after


def facts_of(companions: Sequence[str], now: Sequence[Distance]) -> dict[str, Any]:
    """The nearest of these companions and how far it is; more than one are all named."""
    facts: dict[str, Any] = {}
    measured = [each for each in now if each.companion in companions]
    if measured:
        facts["companion"] = measured[0].companion
        facts["distance_m"] = round(measured[0].distance_m, 1)
    elif companions:
        facts["companion"] = companions[0]
    if len(companions) > 1:
        facts["companions"] = sorted(companions)
    return facts


def _too_old(fix: Fix, at: datetime, manner: Manner) -> bool:
    """Or too new, where something is seen that waited in a device."""
    return abs((at - fix.at).total_seconds()) > manner.stale_s


def _says_a_place(fix: Fix) -> bool:
    return fix.valid or fix.accuracy_m is not None


def _brought_up(fix: Fix, to: datetime) -> tuple[Place, float]:
    """Where it would be by then, and how many metres that may be wrong."""
    here = Place(lat=fix.lat, lon=fix.lon)
    accuracy_m = fix.accuracy_m or 0.0
    doubt_m = accuracy_m if accuracy_m > GOOD_M else 0.0
    speed_kmh = fix.speed_kmh or 0.0
    waited_s = (to - fix.at).total_seconds()
    if waited_s <= 0 or speed_kmh < _DRIVING_KMH:
        return here, doubt_m
    way_m = speed_kmh / 3.6 * waited_s
    if fix.course_deg is None or waited_s > _FOLLOWED_S:
        return here, doubt_m + way_m
    there = place_from(lat=fix.lat, lon=fix.lon, course_deg=fix.course_deg, distance_m=way_m)
    return there, doubt_m + way_m * _TURNS_OFF
