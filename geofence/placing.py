"""Where an asset is, as far as its fixes can say: the judgement about one fix and some zones.

A fix is in a zone if its point is, provided it is good or does not say how good it is; a rough one
only if its whole circle is. It is out only if it is further from the edge than a margin, and its
whole circle is out. Anything between is doubt, and doubt changes nothing: a 200 m fix from a cell
neither leaves nor enters a 100 m zone.

One is in a zone at the first fix in it, and out of it only once fixes keep saying so: a stray fix
leaves nothing. The first fix of all establishes where one is; nothing was entered or left by it.

A zone that is closed is not there: it cannot be entered, left, crossed or been inside of. But it is
not left by closing, nor entered by opening, and who stays in it is still not outside.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from geofence.sighting import Sighting
from geofence.zone import Zone
from protocols.message import Fix

GOOD_M = 30.0
"""Up to this accuracy the point of a fix counts, beyond it the circle."""

FURTHEST_MARGIN_M = 10_000.0
MOST_FIXES = 100
LONGEST_S = 31 * 86_400.0

_TURNS_AHEAD = 14
"""How many openings and closings are looked up at once: a week of one a day."""
_FEW_TURNS = 4


class Manner(Protocol):
    """How places are judged: the settings that kinds about zones have in common.

    margin_m   how far beyond the edge one is out; within it is doubt
    settle     how many further fixes must say so before one has left,
    settle_s   unless one says so that comes so many seconds after the first
    """

    @property
    def kind(self) -> str: ...
    @property
    def zones(self) -> frozenset[str]: ...
    @property
    def margin_m(self) -> float: ...
    @property
    def settle(self) -> int: ...
    @property
    def settle_s(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is remembered of where an asset is. Changes only when that does, or is about to.

    known    a fix was judged
    inside   of each zone it is in: ``since_s`` (Unix seconds), ``zone_name``, ``zone_version``
    leaving  of zones that it may be leaving: how many fixes say so, and since when (Unix seconds)
    doubt    zones in which it may have been all the time: no fix was ever clear about them
    outside  facts about the nearest zone, from when it was first outside them all
    """

    known: bool = False
    inside: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    leaving: Mapping[str, Sequence[float]] = field(default_factory=dict)
    doubt: tuple[str, ...] = ()
    outside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def elsewhere(self) -> bool | None:
        """Whether it is outside all the zones; None while that cannot be said."""
        if self.inside:
            return False
        return None if self.doubt or not self.known else True


UNKNOWN = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Zones that were entered and left at one sighting."""

    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


STAYED = Moves()


def check(manner: Manner) -> None:
    """Raises ValueError, which says what to write, where settings make no sense."""
    kind = manner.kind
    if not manner.zones:
        raise ValueError(f"{kind}.zones must name at least one zone")
    if not 0 <= manner.margin_m <= FURTHEST_MARGIN_M:
        raise ValueError(f"{kind}.margin_m must be from 0 to {FURTHEST_MARGIN_M:.0f} metres")
    if not 0 <= manner.settle <= MOST_FIXES:
        raise ValueError(f"{kind}.settle must be from 0 to {MOST_FIXES} further fixes")
    check_seconds(kind, "settle_s", manner.settle_s)


def check_seconds(kind: str, name: str, seconds: float, *, least: float = 0.0) -> None:
    """Raises ValueError unless it is a time that a rule may wait."""
    if not least <= seconds <= LONGEST_S:
        raise ValueError(f"{kind}.{name} must be from {least:.0f} seconds to 31 days in seconds")


def verdict(seen: Sighting, fix: Fix, zone_id: str, *, margin_m: float) -> bool | None:
    """Whether a fix is in a zone, by itself; None where that is in doubt."""
    around = seen.around
    accuracy_m = fix.accuracy_m or 0.0
    if zone_id in around.inside:
        if accuracy_m <= GOOD_M or around.depth_m(zone_id) >= accuracy_m:
            return True
        return None
    if around.zone(zone_id) is None:
        return None
    return False if around.distance_m(zone_id) > max(margin_m, accuracy_m) else None


def placed(place: Place, seen: Sighting, manner: Manner) -> tuple[Place, Moves]:
    """Where it is after a sighting — the same object if nothing changed — and how it moved."""
    fix = seen.fix
    if fix is None or _as_before(place, seen, fix, manner.zones):
        return place, STAYED
    inside, leaving = dict(place.inside), dict(place.leaving)
    doubt: list[str] = []
    asked = _asked(place, seen, fix, manner)
    for zone_id in sorted(asked):
        says = verdict(seen, fix, zone_id, margin_m=manner.margin_m)
        if zone_id in inside:
            _stay_or_leave(zone_id, says, inside, leaving, seen, manner)
        elif says:
            inside[zone_id] = _entry(seen, zone_id)
        elif says is None and (not place.known or zone_id in place.doubt):
            doubt.append(zone_id)
    outside = place.outside
    if inside or doubt:
        outside = {}
    elif place.elsewhere is not True:
        outside = _nearest(seen, asked if place.known else manner.zones)
    after = Place(known=True, inside=inside, leaving=leaving, doubt=tuple(doubt), outside=outside)
    if after == place:
        return place, STAYED
    return after, _moves(place, after)


def facts_of(zone_ids: Sequence[str], places: Place, seen: Sighting) -> dict[str, Any]:
    """What people are told of zones that one is or was in; more than one are all named."""
    first = places.inside[zone_ids[0]]
    facts: dict[str, Any] = {
        "zone": zone_ids[0],
        **{name: said for name, said in first.items() if name != "since_s"},
        **accuracy_of(seen),
    }
    if len(zone_ids) > 1:
        facts["zones"] = list(zone_ids)
    return facts


def zone_facts(zone_id: str, zone: Zone | None) -> dict[str, Any]:
    """A zone by its id, its name, and the version that something was judged by."""
    if zone is None:
        return {"zone": zone_id}
    return {"zone": zone_id, "zone_name": zone.name, "zone_version": zone.version}


def accuracy_of(seen: Sighting) -> dict[str, Any]:
    """How good the fix said it was, if it did."""
    if seen.fix is None or seen.fix.accuracy_m is None:
        return {}
    return {"accuracy_m": seen.fix.accuracy_m}


def is_open(seen: Sighting, zone_id: str) -> bool:
    """Whether a zone is open when something is seen."""
    zone = seen.around.zone(zone_id)
    return zone is None or zone.hours is None or zone.hours.covers(seen.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is remembered of the hours of the zones that an asset is in.

    They are looked up at a fix and followed by the clock for some days ahead. Who says nothing for
    longer than that is judged by the hours as they stood last.

    closed   zones that are closed now
    turns_s  when each zone that has hours opens or closes next, and after that (Unix seconds)
    """

    closed: tuple[str, ...] = ()
    turns_s: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def due(self, after: datetime) -> datetime | None:
        """The next time after ``after`` at which one of the zones opens or closes."""
        after_s = after.timestamp()
        turns = (turn for each in self.turns_s.values() for turn in each if turn > after_s)
        soonest = min(turns, default=None)
        return None if soonest is None else datetime.fromtimestamp(soonest, UTC)


ALWAYS_OPEN = Opening()


def followed(opening: Opening, place: Place, seen: Sighting) -> Opening:
    """The hours of the zones it is in, up to a sighting; the same object if nothing changed."""
    at_s = seen.at.timestamp()
    turns_s: dict[str, Sequence[float]] = {}
    closed: list[str] = []
    for zone_id in place.inside:
        turns = opening.turns_s.get(zone_id)
        zone = None if seen.fix is None else seen.around.zone(zone_id)
        if turns is None and (zone is None or zone.hours is None):
            continue
        shut = zone_id in opening.closed
        passed = sum(turn <= at_s for turn in turns or ())
        if zone is not None and zone.hours is not None:
            shut = not zone.hours.covers(seen.at)
            if turns is None or len(turns) - passed < _FEW_TURNS:
                turns, passed = list(_turns(zone, seen.at)), 0
        elif passed % 2:
            shut = not shut
        turns_s[zone_id] = (turns or ())[passed:]
        if shut:
            closed.append(zone_id)
    if turns_s == opening.turns_s and tuple(closed) == opening.closed:
        return opening
    return Opening(closed=tuple(closed), turns_s=turns_s) if turns_s else ALWAYS_OPEN


def open_zones(place: Place, opening: Opening) -> list[str]:
    """The zones it is in that are open, the one it has been in for longest first."""
    found = [zone_id for zone_id in place.inside if zone_id not in opening.closed]
    if len(found) > 1:
        found.sort(key=lambda zone_id: (place.inside[zone_id]["since_s"], zone_id))
    return found


def _as_before(place: Place, seen: Sighting, fix: Fix, zones: frozenset[str]) -> bool:
    """A quick look that spares most fixes the rest: far from all zones, or in those it was in."""
    if not place.known or place.doubt or place.leaving:
        return False
    if not place.inside:
        return zones.isdisjoint(seen.around.inside)
    good = fix.accuracy_m is None or fix.accuracy_m <= GOOD_M
    return good and place.inside.keys() == zones & seen.around.inside


def _asked(place: Place, seen: Sighting, fix: Fix, manner: Manner) -> AbstractSet[str]:
    """The zones that a fix may be in or in doubt about; of all others it is outside."""
    if not place.known:
        within_m = max(manner.margin_m, fix.accuracy_m or 0.0)
        return manner.zones & seen.around.near(within_m)
    return (manner.zones & seen.around.inside) | place.inside.keys() | set(place.doubt)


def _stay_or_leave(  # noqa: PLR0917 - what is remembered of it, and what is seen
    zone_id: str,
    says: bool | None,
    inside: dict[str, Mapping[str, Any]],
    leaving: dict[str, Sequence[float]],
    seen: Sighting,
    manner: Manner,
) -> None:
    if says:
        leaving.pop(zone_id, None)
    elif says is False:
        fixes, since_s = leaving.pop(zone_id, (0, seen.at.timestamp()))
        lasted = fixes > 0 and seen.at.timestamp() - since_s >= manner.settle_s
        if fixes >= manner.settle or lasted:
            del inside[zone_id]
        else:
            leaving[zone_id] = [fixes + 1, since_s]


def _moves(before: Place, after: Place) -> Moves:
    """Where it may have been all the time was not entered, and nothing was by the first fix."""
    entered = after.inside.keys() - before.inside.keys() - set(before.doubt)
    left = before.inside.keys() - after.inside.keys()
    if not before.known:
        return STAYED
    return Moves(entered=tuple(sorted(entered)), left=tuple(sorted(left)))


def _entry(seen: Sighting, zone_id: str) -> dict[str, Any]:
    facts = zone_facts(zone_id, seen.around.zone(zone_id))
    del facts["zone"]
    return {"since_s": seen.at.timestamp(), **facts}


def _nearest(seen: Sighting, zones: AbstractSet[str]) -> dict[str, Any]:
    around = seen.around
    zone_id = around.nearest(zones)
    if zone_id is None:
        return {}
    facts = zone_facts(zone_id, around.zone(zone_id))
    facts["distance_m"] = round(around.distance_m(zone_id), 1)
    return {**facts, **accuracy_of(seen)}


def _turns(zone: Zone, after: datetime) -> Iterable[float]:
    assert zone.hours is not None
    turn: datetime | None = after
    for _ in range(_TURNS_AHEAD):
        assert turn is not None
        turn = zone.hours.next_change(turn)
        if turn is None:
            return
        yield turn.timestamp()
