"""A rule tried on what was stored: what it would have noticed, sighting by sighting.

What was heard is heard again in the order in which it came, each device by itself, as a gateway
hears it; a rule about several assets sees the last fix of each, as the timekeeper does. Zones,
groups and hours are those of now. Two things are lost for good: signals that came without a fix
are not stored, and nor is how long a report was on its way through us.

Runs apart from the service (``trial_process``): nothing here waits or asks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from geofence.engine import judge
from geofence.event import Event
from geofence.rule import Rule, State
from geofence.sighting import Nowhere, Sighting, Subject, Surroundings
from geofence.zone_index import ZoneIndex
from protocols.message import Fix, Readings, Report, Signal

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far a device's clock may be ahead of ours and still be heard in its turn."""
MOST_WAITING: Final = 100_000
"""Positions that are held back until it is their turn: a device that kept a month of them."""
_MOST_KNOWN: Final = 50_000
_KNOWN_SIGNALS: Final = frozenset(Signal)
_READINGS: Final = frozenset(Readings.__annotations__)


class Stored(NamedTuple):
    """One stored position; the columns of ``positions``, its place as degrees."""

    asset_id: UUID
    device_id: UUID
    at: datetime
    fingerprint: int
    received_at: datetime
    lat: float
    lon: float
    speed_kmh: float | None
    course_deg: float | None
    altitude_m: float | None
    accuracy_m: float | None
    valid: bool
    buffered: bool
    satellites: int | None
    hdop: float | None
    ignition: bool | None
    motion: bool | None
    immobilised: bool | None
    charging: bool | None
    battery_pct: float | None
    battery_v: float | None
    power_v: float | None
    odometer_m: float | None
    rssi: int | None
    driver_id: str | None
    signals: list[str] | None
    other: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """What a rule would have noticed, and the last fix that was known then."""

    event: Event
    asset_id: str
    fix: Fix | None


@dataclass(slots=True, kw_only=True)
class _Ear:
    """One device, or for rules about several assets the asset itself."""

    states: dict[str, State] = field(default_factory=dict)
    newest_at: datetime | None = None
    fix: Fix | None = None


def report_of(stored: Stored) -> Report:
    """What the device said, as far as it is stored."""
    other = dict(stored.other or {})
    readings = {
        name: value
        for name, value in (
            *((name, _said(getattr(stored, name))) for name in _WITH_COLUMN),
            *((name, other.pop(name)) for name in _READINGS & other.keys()),
        )
        if value is not None
    }
    fix = Fix(
        at=stored.at,
        lat=stored.lat,
        lon=stored.lon,
        valid=stored.valid,
        altitude_m=_said(stored.altitude_m),
        speed_kmh=_said(stored.speed_kmh),
        course_deg=_said(stored.course_deg),
        accuracy_m=_said(stored.accuracy_m),
    )
    return Report(
        fix=fix,
        at=stored.at,
        signals=frozenset(Signal(each) for each in stored.signals or () if each in _KNOWN_SIGNALS),
        readings=cast("Readings", readings),
        buffered=stored.buffered,
        other=other,
    )


class AssetTrial:
    """Rules over what was stored of one asset. Call ``hear`` page by page, and then ``end``.

    rules     differ in their ids; those that are tried against each other share one reading
    together  whether these rules are about several assets; then pages hold those others, too
    """

    def __init__(
        self, rules: Sequence[Rule], subject: Subject, index: ZoneIndex, *, together: bool
    ) -> None:
        self._rules = tuple(rules)
        self._subject = subject
        self._index = index
        self._together = together
        self._waiting: list[tuple[datetime, datetime, int, int, Stored]] = []
        self._turn = 0
        self._ears: dict[UUID, _Ear] = {}
        self._last: dict[str, Fix] = {}
        self._known: set[tuple[str, UUID, str, datetime]] = set()
        self.failures: dict[str, int] = {}

    def hear(self, page: Sequence[Stored], *, until: datetime) -> list[Noticed]:
        """What is noticed in a page; pages come in the order of ``at``, up to ``until``.

        Whatever may still be preceded by something in a later page waits.
        """
        for stored in page:
            self._turn += 1
            heappush(
                self._waiting,
                (stored.received_at, stored.at, stored.fingerprint, self._turn, stored),
            )
        return self._hear_until(until - CLOCKS_DIFFER)

    def end(self, now: datetime) -> list[Noticed]:
        """What is noticed in all that still waits, and by ``now`` by the clock alone."""
        noticed = self._hear_until(None)
        for device, ear in sorted(self._ears.items()):
            if ear.newest_at is not None and ear.newest_at < now:
                passed = Sighting(
                    at=now, subject=self._subject, companions=self._others(), clock=True
                )
                noticed += self._judge(device, ear, passed)
        return noticed

    def _hear_until(self, end: datetime | None) -> list[Noticed]:
        turns = list(self._turns(end))
        if self._together:
            return [each for stored in turns for each in self._hear_of_several(stored)]
        reports = [report_of(stored) for stored in turns]
        judged = [(at, fix) for at, each in enumerate(reports) if (fix := _believed(each.fix))]
        around = dict(
            zip(
                [at for at, _ in judged],
                self._index.around([fix for _, fix in judged]) if judged else (),
                strict=True,
            )
        )
        noticed: list[Noticed] = []
        for number, (stored, report) in enumerate(zip(turns, reports, strict=True)):
            noticed += self._hear_alone(stored, report, around.get(number, _NOWHERE))
        return noticed

    def _turns(self, end: datetime | None) -> Iterator[Stored]:
        while self._waiting and (
            end is None or self._waiting[0][0] < end or len(self._waiting) > MOST_WAITING
        ):
            yield heappop(self._waiting)[-1]

    def _hear_alone(self, stored: Stored, report: Report, around: Surroundings) -> list[Noticed]:
        ear = self._ears.setdefault(stored.device_id, _Ear())
        assert report.fix is not None
        seen = Sighting(
            at=stored.at,
            subject=self._subject,
            report=report,
            fix=_believed(report.fix),
            around=around,
            late=stored.buffered,
        )
        if ear.newest_at is None or stored.at >= ear.newest_at:
            ear.fix = report.fix
        noticed = self._judge(stored.device_id, ear, seen)
        ear.newest_at = stored.at if ear.newest_at is None else max(ear.newest_at, stored.at)
        return noticed

    def _hear_of_several(self, stored: Stored) -> list[Noticed]:
        """Where one of the assets was last has changed; older news about it changes nothing."""
        report = report_of(stored)
        assert report.fix is not None
        name = str(stored.asset_id)
        last = self._last.get(name)
        if last is not None and stored.at < last.at:
            return []
        self._last[name] = report.fix
        own = self._last.get(self._subject.asset_id)
        if own is None:
            return []
        ear = self._ears.setdefault(_ONE_EAR, _Ear())
        if name == self._subject.asset_id:
            ear.fix = report.fix
        others = self._others()
        seen = Sighting(
            at=max([own.at, *(each.at for each in others.values())]),
            subject=self._subject,
            report=Report(fix=own, readings=_of_last_position(report)),
            fix=_believed(own),
            around=self._index.around([own], anchors=others)[0],
            companions=others,
        )
        noticed = self._judge(_ONE_EAR, ear, seen)
        ear.newest_at = seen.at if ear.newest_at is None else max(ear.newest_at, seen.at)
        return noticed

    def _others(self) -> dict[str, Fix]:
        return {name: fix for name, fix in self._last.items() if name != self._subject.asset_id}

    def _judge(self, device: UUID, ear: _Ear, seen: Sighting) -> list[Noticed]:
        found = judge(self._rules, ear.states, seen, before=ear.newest_at)
        ear.states.update(found.changed)
        for failure in found.failures:
            said = f"{type(failure.error).__name__}: {failure.error}"[:300]
            self.failures[said] = self.failures.get(said, 0) + 1
        return [
            Noticed(event=event, asset_id=self._subject.asset_id, fix=ear.fix)
            for event in found.events
            if self._is_news(device, event)
        ]

    def _is_news(self, device: UUID, event: Event) -> bool:
        """The same is filed once, whichever thread it was met on; moments are told apart."""
        if event.since is None:
            return True
        key = event.rule, device, event.phase.value, event.since
        if key in self._known:
            return False
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add(key)
        return True


_WITH_COLUMN: Final = (
    "satellites", "hdop", "ignition", "motion", "immobilised", "charging", "battery_pct",
    "battery_v", "power_v", "odometer_m", "rssi", "driver_id",
)  # fmt: skip
_ONE_EAR: Final = UUID(int=0)
_NOWHERE: Final = Nowhere()


def _believed(fix: Fix | None) -> Fix | None:
    """A fix that says where somebody is: a valid one, or an estimate that says how rough it is."""
    return fix if fix is not None and (fix.valid or fix.accuracy_m is not None) else None


def _of_last_position(report: Report) -> Readings:
    """The readings that a last position has; the timekeeper knows no others."""
    readings: Readings = {}
    if (ignition := report.readings.get("ignition")) is not None:
        readings["ignition"] = ignition
    if (motion := report.readings.get("motion")) is not None:
        readings["motion"] = motion
    return readings


def _said(stored: Any) -> Any:  # noqa: ANN401 - a number or anything else
    """The number that was said: four bytes hold 90.3 as 90.30000305, which is faster than 90.3."""
    return round(stored, 3) if isinstance(stored, float) else stored
