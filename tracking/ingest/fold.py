"""Arrivals folded into rows: identify → rules → rows. Pure: reads the units, changes nothing.

What it decides takes effect only after the commit (``Folded.apply``), so a batch that fails is
folded again from the same beginning.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

from geofence.engine import Memories, evaluate
from geofence.event import Event
from geofence.sighting import Surroundings
from protocols.message import Fix, Report
from tracking.alarms.arrivals import Occurrence, Place, event_id
from tracking.bus import (
    FLAG_BUFFERED,
    FLAG_IGNITION,
    FLAG_MOTION,
    FLAG_VALID,
    POSITION_ROW,
    UNSAID,
)
from tracking.events import arrivals as events_of_rules
from tracking.events.arrivals import Noticed
from tracking.ingest.arrival import Arrival
from tracking.ingest.identity import Fitment, Unit, Units
from tracking.ingest.judging import NOWHERE, Verdicts, judged, surroundings
from tracking.ingest.rows import frame_row, microseconds, position_row
from tracking.rules.book import Book
from tracking.rules.service import RuleBook
from tracking.settings import Settings

Key = tuple[UUID, datetime, int]
"""What makes a position itself: asset, device time, fingerprint of the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Which device clocks are believed."""

    oldest: datetime
    kept_for: timedelta
    ahead: timedelta
    late: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        """The bounds that these settings draw."""
        return cls(
            oldest=datetime.fromisoformat(f"{settings.oldest_device_time}T00:00:00+00:00"),
            kept_for=timedelta(days=settings.positions_retention_days - 1),
            ahead=timedelta(hours=settings.future_tolerance_h),
            late=timedelta(seconds=settings.late_after_s),
        )

    def absurd(self, at: datetime, received_at: datetime) -> bool:
        """Whether no day can be opened for this time."""
        return not -self.ahead <= received_at - at <= self.kept_for or at < self.oldest


@dataclass(frozen=True, slots=True)
class Beginning:
    """The memories that one unit's were folded from, and their version."""

    version: int
    memories: Memories

    def changed_in(self, memories: Memories) -> Memories:
        """Those that are not as they were."""
        before = self.memories
        return {name: said for name, said in memories.items() if before.get(name) is not said}


@dataclass(slots=True)
class Folded:
    """Everything one commit will hold. ``bell`` is for the screens, after it."""

    frames: list[bytes] = field(default_factory=list)
    positions: list[bytes] = field(default_factory=list)
    days: set[int] = field(default_factory=set)
    duplicates: int = 0
    occurrences: list[Occurrence] = field(default_factory=list)
    noticed: list[Noticed] = field(default_factory=list)
    verdicts: Verdicts = field(default_factory=Verdicts)
    memories: dict[str, Memories] = field(default_factory=dict)
    began_at: dict[str, Beginning] = field(default_factory=dict)
    heard: dict[str, datetime] = field(default_factory=dict)
    newest_at: dict[str, datetime] = field(default_factory=dict)
    unknown: list[Arrival] = field(default_factory=list)
    quarantined: list[tuple[Arrival, str]] = field(default_factory=list)
    bell: list[bytes] = field(default_factory=list)

    def apply(self, units: Units, touched: Collection[str]) -> None:
        """Let the units follow what was committed; ``touched`` had their hearing written."""
        for unit_id, at in self.newest_at.items():
            if (unit := units.get(unit_id)) is not None:
                # The other lane may have committed something newer meanwhile.
                unit.newest_at = max(unit.newest_at, at)
        for unit_id, memories in self.memories.items():
            if (unit := units.get(unit_id)) is not None:
                unit.memories = memories
                unit.memory_version = self.began_at[unit_id].version + 1
        for unit_id in touched:
            if (unit := units.get(unit_id)) is not None:
                unit.written_at = self.heard[unit_id]


def fingerprint(unit_id: str, record: bytes) -> int:
    """64 bits that tell one record of a unit from another; signed, as PostgreSQL has it."""
    digest = blake2b(record, digest_size=8, key=unit_id.encode()[:64]).digest()
    return int.from_bytes(digest, "big", signed=True)


def anything(_unit_id: str, _record: bytes) -> int:
    """A fingerprint that recognises nothing: the control of promise 2."""
    return random.getrandbits(63)


def time_of(report: Report, received_at: datetime) -> datetime:
    """The device's own time of a report, or when we heard it."""
    if report.fix is not None:
        return report.fix.at
    return report.at or received_at


def event_time(report: Report, at: datetime) -> datetime:
    """The time that names an event: what is said again without a time of its own is one event.

    A retry on the other side of a boundary is another event, which joins the open alarm.
    """
    if not report.again_s:
        return at
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % report.again_s, UTC)


def questionable(
    arrivals: Sequence[Arrival], units: Units, bounds: Bounds, *, ask_all: bool = False
) -> list[Key]:
    """Positions that may be stored already: not newer than everything heard from their unit.

    A record whose time is past the newest one stored for its unit cannot be a retransmission,
    so most batches ask nothing.
    """
    newest: dict[str, datetime] = {}
    keys: list[Key] = []
    for arrival in arrivals:
        unit = units.get(arrival.unit_id)
        if unit is None:
            continue
        for report in arrival.reports:
            if report.fix is None:
                continue
            at = report.fix.at
            absurd = bounds.absurd(at, arrival.received_at)
            if not (ask_all or absurd) and at > newest.get(unit.unit_id, unit.newest_at):
                newest[unit.unit_id] = at
                continue
            fitment = unit.fitment_at(arrival.received_at if absurd else at)
            if fitment is not None:
                keys.append((fitment.asset_id, at, fingerprint(unit.unit_id, report.record)))
    return keys


_NO_RULES = Book()


class Fold:
    """Folds one batch: ``Fold(...).all(arrivals)``. Who is not among ``units`` is a stranger."""

    def __init__(
        self,
        units: Mapping[str, Unit],
        rules: RuleBook,
        bounds: Bounds,
        known: Collection[Key] = (),
        mark: Callable[[str, bytes], int] = fingerprint,
        *,
        book: Book = _NO_RULES,
    ) -> None:
        self._book = book
        self._around: Mapping[int, Surroundings] = {}
        self._mark = mark
        self._units = units
        self._rules = rules
        self._bounds = bounds
        self._seen: set[Key] = set(known)
        self._last: dict[UUID, tuple[datetime, int]] = {}
        self._pending: list[tuple[Any, ...]] = []
        self.folded = Folded()

    def all(self, arrivals: Sequence[Arrival]) -> Folded:
        """Everything that these arrivals mean."""
        folded = self.folded
        self._around = surroundings(arrivals, self._units, self._book)
        for arrival in arrivals:
            received_us = microseconds(arrival.received_at)
            unit = self._units.get(arrival.unit_id)
            if arrival.error:
                folded.quarantined.append((arrival, arrival.error))
            elif unit is not None:
                folded.days.add(arrival.received_at.toordinal())
                folded.frames.append(
                    frame_row(
                        received_us=received_us,
                        unit=arrival.unit_id.encode(),
                        codec=arrival.codec.encode(),
                        payload=arrival.frame,
                    )
                )
            if unit is None:
                self._from_a_stranger(arrival)
            else:
                self._from(unit, arrival, received_us)
        self._write_positions()
        return folded

    def _from_a_stranger(self, arrival: Arrival) -> None:
        folded = self.folded
        if not arrival.error:
            folded.unknown.append(arrival)
        for report in arrival.reports:
            at = time_of(report, arrival.received_at)
            _, events = evaluate(self._rules.stranger, {}, report, at)
            for event in events:
                folded.occurrences.append(
                    self._occurrence(arrival, report, event.cause, at=at, labels=("unknown_unit",))
                )

    def _from(self, unit: Unit, arrival: Arrival, received_us: int) -> None:
        folded = self.folded
        unit_id = unit.unit_id
        if arrival.error and not arrival.reports:
            if unit.kind == "panic_device":
                folded.occurrences.append(self._about(unit, arrival, "unreadable"))
            return
        folded.heard[unit_id] = arrival.received_at
        if arrival.conflict:
            folded.occurrences.append(self._about(unit, arrival, "identity_conflict"))
        rules = self._rules.of(unit.kind)
        for report in arrival.reports:
            at = time_of(report, arrival.received_at)
            fix = report.fix
            newest_at = folded.newest_at.get(unit_id, unit.newest_at)
            known = (
                fix is not None
                and not arrival.error
                and not self._file(unit, arrival, report, fix, received_us)
            )
            if known and not report.signals:
                continue
            # It may have been read before its unit's settings were: what it cries for is asked
            # again, and an event that is known already is met as one. Nothing else is.
            asked = rules[:1] if known else rules
            before = folded.memories.get(unit_id, unit.memories)
            after, events = evaluate(asked, before, report, at)
            if after is not before:
                self._remember(unit, after)
            for event in events:
                folded.occurrences.append(
                    self._occurrence(arrival, report, event.cause, at=at, unit=unit)
                )
            if not known and self._book.rules:
                self._judge(unit, arrival, report, at=at, newest_at=newest_at)

    def _judge(
        self, unit: Unit, arrival: Arrival, report: Report, *, at: datetime, newest_at: datetime
    ) -> None:
        """Step the rules that somebody set for the asset over one report."""
        folded = self.folded
        believed = not self._bounds.absurd(at, arrival.received_at)
        at = at if believed else arrival.received_at
        fitment = unit.fitment_at(at)
        if fitment is None:
            return
        before = folded.memories.get(unit.unit_id, unit.memories)
        after, events = judged(
            self._book,
            fitment,
            unit_id=unit.unit_id,
            memories=before,
            report=report,
            around=self._around.get(id(report), NOWHERE),
            at=at,
            before=newest_at,
            believed=believed,
            verdicts=folded.verdicts,
        )
        if after is not before:
            self._remember(unit, after)
        for event in events:
            folded.noticed.append(self._noticed(event, unit, fitment, arrival, report))

    def _remember(self, unit: Unit, memories: Memories) -> None:
        self.folded.began_at[unit.unit_id] = Beginning(unit.memory_version, unit.memories)
        self.folded.memories[unit.unit_id] = memories

    def _noticed(
        self, event: Event, unit: Unit, fitment: Fitment, arrival: Arrival, report: Report
    ) -> Noticed:
        fix = None if event.clock else report.fix
        late = event.late or arrival.received_at - event.at > self._bounds.late
        labels = ("late",) * late + ("no_fix",) * (fix is None)
        return Noticed(
            id=events_of_rules.event_id(
                event, unit_id=unit.unit_id, key=event_time(report, event.at).isoformat()
            ),
            event=event,
            setting=self._book.rules[event.rule].setting,
            unit_id=unit.unit_id,
            asset_id=fitment.asset_id,
            asset_organisation_id=fitment.organisation_id,
            device_id=unit.device_id,
            received_at=arrival.received_at,
            place=_place(fix),
            labels=labels,
        )

    def _file(
        self, unit: Unit, arrival: Arrival, report: Report, fix: Fix, received_us: int
    ) -> bool:
        """Note one position for writing; False if it is a retransmission."""
        folded = self.folded
        at = fix.at
        misdated = self._bounds.absurd(at, arrival.received_at)
        fitment = unit.fitment_at(arrival.received_at if misdated else at)
        mark = self._mark(unit.unit_id, report.record)
        if fitment is None:
            folded.quarantined.append((arrival, "fitted to nothing at that time"))
            return True
        key = (fitment.asset_id, at, mark)
        newest_at = folded.newest_at.get(unit.unit_id, unit.newest_at)
        if key in self._seen:
            folded.duplicates += 1
            return False
        self._seen.add(key)
        live_at = arrival.received_at if misdated else at
        last = self._last.get(fitment.asset_id)
        if last is None or live_at >= last[0]:
            self._last[fitment.asset_id] = (live_at, len(self._pending))
        buffered = report.buffered or (not misdated and at < newest_at)
        if not misdated:
            if at > newest_at:
                folded.newest_at[unit.unit_id] = at
            folded.days.add(at.toordinal())
        self._pending.append((report, fix, fitment, unit, received_us, mark, buffered, misdated))
        return True

    def _write_positions(self) -> None:
        """Encode what was filed; only now is it known which is the last of each asset."""
        folded = self.folded
        last = {place for _, place in self._last.values()}
        for place, filed in enumerate(self._pending):
            report, fix, fitment, unit, received_us, mark, buffered, misdated = filed
            newest = place in last
            folded.positions.append(
                position_row(
                    report,
                    fix,
                    asset=fitment.asset,
                    device=unit.device,
                    at_us=microseconds(fix.at),
                    received_us=received_us,
                    fingerprint=mark,
                    buffered=buffered,
                    misdated=misdated,
                    newest=newest,
                )
            )
            if newest and not buffered:
                folded.bell.append(_bell_row(report, fix, fitment))

    def _about(self, unit: Unit, arrival: Arrival, cause: str) -> Occurrence:
        """An event about the frame itself rather than about what it says."""
        report = Report(at=arrival.received_at, record=arrival.frame)
        return self._occurrence(arrival, report, cause, at=arrival.received_at, unit=unit)

    def _occurrence(
        self,
        arrival: Arrival,
        report: Report,
        cause: str,
        *,
        at: datetime,
        unit: Unit | None = None,
        labels: tuple[str, ...] = (),
    ) -> Occurrence:
        bounds = self._bounds
        absurd = bounds.absurd(at, arrival.received_at)
        fix = report.fix
        if absurd:
            labels += ("clock_wrong",)
        elif arrival.received_at - at > bounds.late:
            labels += ("late",)
        if fix is None:
            labels += ("no_fix",)
        fitment = (
            None
            if unit is None
            else unit.fitment_at(arrival.received_at if absurd else at) or unit.fitment_now
        )
        return Occurrence(
            event_id=event_id(
                unit_id=arrival.unit_id,
                cause=cause,
                at=event_time(report, at),
                fingerprint=self._mark(arrival.unit_id, report.record),
            ),
            unit_id=arrival.unit_id,
            cause=cause,
            at=at,
            received_at=arrival.received_at,
            organisation_id=(
                fitment.organisation_id if fitment else unit.organisation_id if unit else None
            ),
            asset_id=fitment.asset_id if fitment else None,
            device_id=unit.device_id if unit else None,
            place=_place(fix),
            labels=labels,
        )


def _place(fix: Fix | None) -> Place | None:
    return None if fix is None else Place(lat=fix.lat, lon=fix.lon, at=fix.at, valid=fix.valid)


def _bell_row(report: Report, fix: Fix, fitment: Fitment) -> bytes:
    readings = report.readings
    flags = FLAG_VALID if fix.valid else 0
    if readings.get("ignition"):
        flags |= FLAG_IGNITION
    if readings.get("motion"):
        flags |= FLAG_MOTION
    if report.buffered:
        flags |= FLAG_BUFFERED
    return POSITION_ROW.pack(
        fitment.number,
        fix.lon,
        fix.lat,
        UNSAID if fix.speed_kmh is None else min(max(int(fix.speed_kmh * 10), 0), UNSAID - 1),
        UNSAID if fix.course_deg is None else int(fix.course_deg * 10) % 3_600,
        int(fix.at.timestamp()) & 0xFFFFFFFF,
        flags,
    )
