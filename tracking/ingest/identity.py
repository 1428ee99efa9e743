"""Who speaks by a name on the wire: unit → device → fitment → asset, at that time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from geofence.sighting import Subject

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitment:
    """This device on this asset, from … until …"""

    asset_id: UUID
    asset: bytes
    number: int
    kind: str
    name: str
    organisation_id: UUID
    organisation: str
    fitted_from: datetime
    fitted_until: datetime
    subject: Subject


@dataclass(slots=True, kw_only=True)
class Unit:
    """What this gateway knows about one registered unit.

    ``epoch`` is our claim to its rule memory, ``held_by`` and ``held_since`` the claim before it;
    ``newest_at``, ``memories``, ``memory_version`` and ``written_at`` follow the database and are
    changed only after a commit. ``memories`` are those of watches, by their names, and states of
    rules, by their ids.
    """

    unit_id: str
    device_id: UUID
    device: bytes
    organisation_id: UUID
    kind: str
    epoch: int
    reporting_time_s: float
    fitments: Sequence[Fitment]
    held_by: str = ""
    held_since: datetime = LONG_AGO
    newest_at: datetime = LONG_AGO
    memories: Mapping[str, Any] = field(default_factory=dict)
    memory_version: int = 0
    written_at: datetime = LONG_AGO

    def fitment_at(self, at: datetime) -> Fitment | None:
        """What the device was fitted to at that time."""
        for fitment in self.fitments:
            if fitment.fitted_from <= at < fitment.fitted_until:
                return fitment
        return None

    @property
    def fitment_now(self) -> Fitment | None:
        """What it is fitted to, or was last: a cry for help always belongs to somebody."""
        return self.fitments[-1] if self.fitments else None

    @property
    def slack(self) -> timedelta:
        """How far behind the record of hearing this unit may be: 5 s, or 5 % of its promise."""
        return timedelta(seconds=min(5.0, 0.05 * self.reporting_time_s))


class Units:
    """The units that speak here, as last read. Forgets when told, and what nobody registered soon.

    ``known`` and ``unknown`` are disjoint; a name in neither must be looked up.
    """

    def __init__(self, *, most: int = 100_000, unknown_for_s: float = 10.0) -> None:
        self._most = most
        self._unknown_for = timedelta(seconds=unknown_for_s)
        self._known: dict[str, Unit] = {}
        self._unknown: dict[str, datetime] = {}

    def get(self, unit_id: str) -> Unit | None:
        """The unit, if it is registered and has been read."""
        return self._known.get(unit_id)

    def among(self, unit_ids: Iterable[str]) -> dict[str, Unit]:
        """The registered ones of these, as they are known now."""
        return {name: unit for name in unit_ids if (unit := self._known.get(name)) is not None}

    def missing(self, unit_ids: Iterable[str], now: datetime) -> list[str]:
        """Which of these names must be looked up, in a fixed order."""
        fresh = now - self._unknown_for
        return sorted(
            {
                unit_id
                for unit_id in unit_ids
                if unit_id not in self._known and self._unknown.get(unit_id, LONG_AGO) < fresh
            }
        )

    def learn(self, asked: Iterable[str], found: Iterable[Unit], now: datetime) -> None:
        """Remember what a look-up found, and what it did not find."""
        if len(self._known) > self._most:
            self._known.clear()
        if len(self._unknown) > self._most:
            self._unknown.clear()
        for unit_id in asked:
            self._unknown[unit_id] = now
        for unit in found:
            self._known[unit.unit_id] = unit
            self._unknown.pop(unit.unit_id, None)

    def forget(self, unit_ids: Iterable[str]) -> None:
        """Look these up again when they speak next."""
        for unit_id in unit_ids:
            self._known.pop(unit_id, None)
            self._unknown.pop(unit_id, None)

    def forget_all(self) -> None:
        """After news may have been missed."""
        self._known.clear()
        self._unknown.clear()
