"""Jamming or a cell that is out: told apart by who else near there is still heard.

A jammer silences what is within a stone's throw; a cell that fails silences a quarter of a town,
and whoever uses another cell is heard on. So a unit that falls silent alone among neighbours who
are heard is suspect, and many over a wide area are one fault of the network: one thing to tell
operators instead of fifty. What the device itself says of jamming is believed.

A unit was lost somewhere between when it was heard last and when it promised to be heard again.
A neighbour is a witness only if it was heard after that. One that spoke last when the others did,
and has used up half of its own promise, is missed as well, though nobody counts it as silent yet;
one that was last heard at another time is parked and says little, and tells nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from geofence.metric import distance_m
from protocols.message import CellTower, Fix, Signal


class Cause(StrEnum):
    """What is behind it."""

    JAMMING = "jamming"
    OUTAGE = "outage"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """By what it was judged."""

    DEVICE_SAID_SO = "device_said_so"
    SATELLITES_LOST_TOGETHER = "satellites_lost_together"
    NEIGHBOURS_SEE_SATELLITES = "neighbours_see_satellites"
    NEIGHBOURS_HEARD = "neighbours_heard"
    SAME_CELL_HEARD = "same_cell_heard"
    ONE_SPOT_LOST = "one_spot_lost"
    LOST_TOGETHER = "lost_together"
    ONE_CELL_LOST = "one_cell_lost"
    TOO_FEW_NEIGHBOURS = "too_few_neighbours"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit, as it was heard last.

    heard_at          when we heard it last, or when it said what it says in ``said``
    reporting_time_s  what it promised: to be heard at least that often
    last              its last fix; None if there is none
    cell              the cell it used last, where known
    said              JAMMING or GPS_LOST, if its last reports said so
    """

    unit_id: str
    heard_at: datetime
    reporting_time_s: float
    last: Fix | None = None
    cell: CellTower | None = None
    said: frozenset[Signal] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What counts as near, as many, as most.

    radius_m     neighbours are within it of somebody who was lost: about the reach of a cell
    spot_m       who is lost within it may be silenced by one jammer
    many, few    so many lost are no chance; so many neighbours are witnesses
    most         the share of those around that is most of them
    overdue      the share of its promise after which a neighbour may be missed
    together_s   who was last heard within so many seconds of each other fell silent together
    """

    radius_m: float = 3_000.0
    spot_m: float = 200.0
    many: int = 4
    few: int = 3
    most: float = 0.75
    overdue: float = 0.5
    together_s: float = 180.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is behind it, why, and who is concerned.

    missing  ids of the units that were lost, and of neighbours missed since the same time
    as_one   whether so many are concerned that it should be told once, for all of them
    facts    JSON values for people: ``lost``, ``missed``, ``heard`` (numbers of units),
             ``reach_m``, ``radius_m``, ``cell``, ``cell_share``, ``may_be_shaded``
    """

    cause: Cause
    reason: Reason
    missing: tuple[str, ...]
    as_one: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def groups(lost: Sequence[Unit], limits: Limits = LIMITS) -> list[tuple[Unit, ...]]:
    """Units that were lost at the same time and near each other, or on one cell, are together.

    Who says that it is jammed and who says nothing are, only within the reach of one jammer. Every
    unit is in one group; groups are in the order of their first unit.
    """
    order = {each.unit_id: place for place, each in enumerate(lost)}
    said = _linked([each for each in lost if each.said], limits)
    silent = [each for each in lost if not each.said]
    found: list[list[Unit]] = []
    # Who is beside two of them belongs to the same one in whatever order they come.
    for group in sorted(said, key=lambda some: min(each.unit_id for each in some)):
        beside = [each for each in silent if any(_at_one_spot(each, one, limits) for one in group)]
        silent = [each for each in silent if each not in beside]
        found.append([*group, *beside])
    found += _linked(silent, limits)
    ordered = [tuple(sorted(group, key=lambda each: order[each.unit_id])) for group in found]
    return sorted(ordered, key=lambda group: order[group[0].unit_id])


def verdict(
    lost: Sequence[Unit], nearby: Iterable[Unit], *, now: datetime, limits: Limits = LIMITS
) -> Verdict:
    """What is behind the loss of one group, by what is known of the units near it by ``now``.

    ``lost`` are silent for longer than they promised, or say JAMMING or GPS_LOST. Raises ValueError
    if there is none.
    """
    if not lost:
        raise ValueError("a verdict needs at least one unit that was lost")
    ids = {each.unit_id for each in lost}
    around = [
        each
        for each in nearby
        if each.unit_id not in ids and any(_near(one, each, limits) for one in lost)
    ]
    if any(each.said for each in lost):
        return _of_what_was_said(lost, around, limits)
    return _of_silence(lost, around, now, limits)


def _of_what_was_said(lost: Sequence[Unit], around: Sequence[Unit], limits: Limits) -> Verdict:
    """Satellites are lost to a jammer, or to a roof; never to a cell."""
    since = min(each.heard_at for each in lost if each.said)
    too = [each for each in around if each.said and _at_one_time(lost[0], each)]
    see = [each for each in around if not each.said and _saw_satellites(each, since)]
    everybody = [*lost, *too]
    facts = {
        "lost": len(lost),
        "missed": len(too),
        "heard": len(see),
        "radius_m": limits.radius_m,
        "reach_m": _reach_m(everybody),
    }
    missing = tuple(each.unit_id for each in everybody)
    as_one = len(everybody) >= limits.many
    cause, reason = Cause.UNKNOWN, Reason.TOO_FEW_NEIGHBOURS
    if any(Signal.JAMMING in each.said for each in everybody):
        cause, reason = Cause.JAMMING, Reason.DEVICE_SAID_SO
    elif as_one:
        cause, reason = Cause.JAMMING, Reason.SATELLITES_LOST_TOGETHER
    elif len(see) >= limits.few:
        cause, reason = Cause.JAMMING, Reason.NEIGHBOURS_SEE_SATELLITES
        # Who stood still may have been driven under a roof, or stands in its shade.
        facts["may_be_shaded"] = all(_stood(each) for each in lost)
    return Verdict(cause=cause, reason=reason, missing=missing, as_one=as_one, facts=facts)


def _of_silence(
    lost: Sequence[Unit], around: Sequence[Unit], now: datetime, limits: Limits
) -> Verdict:
    last_word = max(each.heard_at for each in lost)
    promise = timedelta(seconds=min(each.reporting_time_s for each in lost))
    lost_by = last_word + limits.overdue * promise
    missed = [each for each in around if _missed(each, last_word, lost_by, now, limits)]
    everybody = [*lost, *missed]
    network = _network_of(everybody)
    heard = [
        each
        for each in around
        if each.heard_at > lost_by and (each.cell is None or network in {None, _network(each.cell)})
    ]
    cell, cell_share = _common_cell(everybody)
    on_the_cell = sum(each.cell is not None and _same(each.cell, cell) for each in heard)
    facts: dict[str, Any] = {
        "lost": len(lost),
        "missed": len(missed),
        "heard": len(heard),
        "radius_m": limits.radius_m,
        "reach_m": _reach_m(everybody),
    }
    if cell is not None:
        facts["cell"] = "-".join(map(str, _identity(cell)))
        facts["cell_share"] = round(cell_share, 2)
        facts["heard_on_cell"] = on_the_cell
    cause, reason = _silence_means(
        lost=len(everybody),
        heard=len(heard),
        one_spot=facts["reach_m"] is not None and facts["reach_m"] <= limits.spot_m,
        one_cell=cell is not None and cell_share >= limits.most and not on_the_cell,
        same_cell_heard=on_the_cell > 0,
        limits=limits,
    )
    return Verdict(
        cause=cause,
        reason=reason,
        missing=tuple(each.unit_id for each in everybody),
        as_one=cause is Cause.OUTAGE
        or (len(everybody) >= limits.many and reason is Reason.ONE_SPOT_LOST),
        facts=facts,
    )


def _silence_means(  # noqa: PLR0911 - one answer a line
    *,
    lost: int,
    heard: int,
    one_spot: bool,
    one_cell: bool,
    same_cell_heard: bool,
    limits: Limits,
) -> tuple[Cause, Reason]:
    around = lost + heard
    if lost >= limits.many:
        if one_spot:
            # A yard full of lorries: a jammer silences it as well as a cell does. Neighbours tell.
            told = heard >= limits.few
            return Cause.JAMMING if told else Cause.UNKNOWN, Reason.ONE_SPOT_LOST
        if lost >= limits.most * around:
            return Cause.OUTAGE, Reason.LOST_TOGETHER
        if one_cell:
            return Cause.OUTAGE, Reason.ONE_CELL_LOST
        return Cause.UNKNOWN, Reason.MIXED
    if same_cell_heard:
        return Cause.JAMMING, Reason.SAME_CELL_HEARD
    if heard < limits.few:
        return Cause.UNKNOWN, Reason.TOO_FEW_NEIGHBOURS
    if heard >= limits.most * around:
        return Cause.JAMMING, Reason.NEIGHBOURS_HEARD
    return Cause.UNKNOWN, Reason.MIXED


def _missed(
    unit: Unit, last_word: datetime, lost_by: datetime, now: datetime, limits: Limits
) -> bool:
    promise = timedelta(seconds=unit.reporting_time_s)
    return (
        unit.heard_at <= lost_by
        and now - unit.heard_at >= limits.overdue * promise
        and abs((unit.heard_at - last_word).total_seconds()) <= limits.together_s
    )


def _linked(units: Sequence[Unit], limits: Limits) -> list[list[Unit]]:
    """Who is near somebody who is near somebody …, all of them lost at one time with the next."""
    left, found = list(units), []
    while left:
        group = [left.pop(0)]
        for one in group:
            joins = [each for each in left if _at_one_time(one, each) and _near(one, each, limits)]
            group += joins
            left = [each for each in left if each not in joins]
        found.append(group)
    return found


def _at_one_spot(one: Unit, other: Unit, limits: Limits) -> bool:
    if one.last is None or other.last is None or not _at_one_time(one, other):
        return False
    return _between_m(one.last, other.last) <= limits.spot_m


def _at_one_time(one: Unit, other: Unit) -> bool:
    """Whether there is a moment at which both may have been lost."""
    return one.heard_at <= _promised(other) and other.heard_at <= _promised(one)


def _promised(unit: Unit) -> datetime:
    return unit.heard_at + timedelta(seconds=unit.reporting_time_s)


def _near(one: Unit, other: Unit, limits: Limits) -> bool:
    if one.cell is not None and other.cell is not None and _same(one.cell, other.cell):
        return True
    if one.last is None or other.last is None:
        return False
    # Most pairs are far apart; one look at their latitudes spares the measuring.
    if abs(one.last.lat - other.last.lat) * 110_000.0 > limits.radius_m:
        return False
    return _between_m(one.last, other.last) <= limits.radius_m


def _between_m(one: Fix, other: Fix) -> float:
    return distance_m(lat=one.lat, lon=one.lon, to_lat=other.lat, to_lon=other.lon)


def _reach_m(units: Sequence[Unit]) -> float | None:
    """How far they lie from the first of them; None where a place is missing."""
    first = units[0].last
    if first is None or any(each.last is None for each in units):
        return None
    return round(max(_between_m(first, each.last) for each in units if each.last is not None), 0)


def _saw_satellites(unit: Unit, since: datetime) -> bool:
    return unit.last is not None and unit.last.valid and unit.last.at >= since


def _stood(unit: Unit) -> bool:
    return unit.last is not None and (unit.last.speed_kmh or 0.0) < 5.0


def _identity(cell: CellTower) -> tuple[int, int, int, int]:
    return cell.mcc, cell.mnc, cell.lac, cell.cid


def _same(one: CellTower, other: CellTower | None) -> bool:
    return other is not None and _identity(one) == _identity(other)


def _network(cell: CellTower) -> tuple[int, int]:
    return cell.mcc, cell.mnc


def _network_of(units: Sequence[Unit]) -> tuple[int, int] | None:
    """The network of all whose cell is known; None if they use several, or none is known."""
    networks = {_network(each.cell) for each in units if each.cell is not None}
    return networks.pop() if len(networks) == 1 else None


def _common_cell(units: Sequence[Unit]) -> tuple[CellTower | None, float]:
    """The cell that most of them used, and the share of those whose cell is known that did."""
    cells = {_identity(each.cell): each.cell for each in units if each.cell is not None}
    count = Counter(_identity(each.cell) for each in units if each.cell is not None)
    if not count:
        return None, 0.0
    identity, on_it = count.most_common(1)[0]
    return cells[identity], on_it / count.total()
