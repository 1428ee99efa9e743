"""One lane's way into PostgreSQL: fold a batch, write it, commit it, and only then believe it.

Promises 1 and 2: everything a batch means is one transaction; a batch that cannot be committed
stays whole and unacknowledged. One bad record does not hold up the rest: it is found by halving
the batch and kept in quarantine with its error.
"""

import asyncio
import logging
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from geofence.engine import Failure
from protocols.message import Fix, Report
from tracking import clock, database
from tracking.alarms import arrivals as alarms
from tracking.alarms.arrivals import Occurrence
from tracking.database import AWAY, Connection
from tracking.events import arrivals as events
from tracking.ingest import store
from tracking.ingest.arrival import Arrival
from tracking.ingest.figures import Figures
from tracking.ingest.fold import Bounds, Fold, Folded, Key, anything, fingerprint, questionable
from tracking.ingest.identity import Unit, Units
from tracking.ingest.understood import understood
from tracking.profiles import store as profiles
from tracking.rules import arrivals as rule_rows
from tracking.rules.book import Shelf
from tracking.rules.rule import SetRule
from tracking.rules.service import RuleBook
from tracking.settings import Settings

_log = logging.getLogger(__name__)

_SETTLES = timedelta(seconds=2)
"""What an old socket still says so soon after a new one began may have been on its way."""

_FAILS_AGAIN = timedelta(seconds=10)
"""How often a rule that cannot judge is written down."""


class _Stale(Exception):
    """Another gateway holds some of these units now; our fold was not entitled to them."""

    def __init__(self, unit_ids: set[str]) -> None:
        super().__init__(f"{len(unit_ids)} units")
        self.unit_ids = unit_ids


class _MetBefore(Exception):
    """A position thought new was stored already; ask about every one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one commit did, for those who tell others."""

    folded: Folded
    seq: int | None


class Writer:
    """Writes batches over one connection of its own, which it opens again when it is lost."""

    def __init__(
        self,
        settings: Settings,
        *,
        gateway: str,
        units: Units,
        rules: RuleBook,
        figures: Figures,
        shelf: Shelf,
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._units = units
        self._rules = rules
        self._shelf = shelf
        self._bounds = Bounds.of(settings)
        self._mark = anything if settings.break_promise == "no-dedupe" else fingerprint
        self.figures = figures
        self._connection: Connection | None = None
        self._days: set[int] = set()
        self._failed_at: dict[str, datetime] = {}

    async def open(self) -> None:
        """Connect, if there is no connection. Raises one of AWAY."""
        if self._connection is not None and not self._connection.is_closed():
            return
        async with asyncio.timeout(5.0):
            connection = await database.connect(self._settings, "ingest")
            try:
                await database.refuse_what_is_not_durable(connection)
                await store.prepare(connection)
            except BaseException:
                # It would be tried again twice a second: do not leave each one behind.
                connection.terminate()
                raise
        self._connection = connection

    async def close(self) -> None:
        """Let go of the connection, without waiting for a server that does not answer."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=1.0)
            except AWAY:
                connection.terminate()

    def drop(self) -> None:
        """Forget a connection that failed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def keep(self, batch: Sequence[Arrival]) -> list[Kept]:
        """Commit a batch and settle its arrivals. Raises one of AWAY with nothing settled twice.

        What was committed before the error is settled; the rest is as it was.
        """
        await self.open()
        try:
            kept, refused = await self._commit(batch)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the rest
            self._days.clear()
            if len(batch) > 1:
                _log.warning("a batch failed; halving it", extra={"rows": len(batch)})
                middle = len(batch) // 2
                return [*await self.keep(batch[:middle]), *await self.keep(batch[middle:])]
            return await self._give_up(batch[0], error)
        for arrival in batch:
            arrival.settle(kept=arrival not in refused)
        return [kept]

    async def _give_up(self, arrival: Arrival, error: Exception) -> list[Kept]:
        """Quarantine one poison record. Its bytes are kept, so it may be acknowledged."""
        _log.exception(
            "a record cannot be stored", extra={"unit": arrival.unit_id, "codec": arrival.codec}
        )
        self.figures.failed(f"poison record from {arrival.unit_id}: {error}")
        poison = Arrival(
            unit_id=arrival.unit_id,
            codec=arrival.codec,
            address=arrival.address,
            received_at=arrival.received_at,
            frame=arrival.frame,
            error=f"{type(error).__name__}: {error}",
            reports=_cries_for_help(arrival),
        )
        try:
            kept, _ = await self._commit([poison])
        except AWAY:
            raise
        except Exception:  # noqa: BLE001 - its bytes are kept, whatever is wrong with it
            _log.exception("not even what it cries for", extra={"unit": arrival.unit_id})
            poison.reports = ()
            kept, _ = await self._commit([poison])
        arrival.settle(kept=True)
        return [kept]

    async def _commit(self, batch: Sequence[Arrival]) -> tuple[Kept, set[Arrival]]:
        connection = self._connection
        assert connection is not None
        ask_all = False
        lost: set[str] = set()
        names = {arrival.unit_id for arrival in batch}
        if self._shelf.empty:
            async with asyncio.timeout(30.0):
                await self._shelf.refresh(connection)
        for attempt in range(8):
            await self._identify(connection, names)
            await self._read_again(connection, batch)
            self._notice_rivals(batch, lost)
            known = await self._known(connection, batch, ask_all=ask_all)
            if self._units.missing(names, clock.now()):
                # Somebody forgot one of them while we asked; it is no stranger for that.
                continue
            who = self._units.among(names)
            fold = Fold(who, self._rules, self._bounds, known, self._mark, book=self._shelf.book)
            folded = fold.all(batch)
            try:
                async with asyncio.timeout(60.0):
                    return await self._write(connection, folded, who)
            except _Stale as stale:
                # Our other lane may have claimed them anew meanwhile.
                self._units.forget(
                    each for each in stale.unit_ids if self._units.get(each) is who.get(each)
                )
                lost |= stale.unit_ids
                # Two who claim in step would go on doing so.
                await asyncio.sleep(random.uniform(0.0, 0.002 * 2**attempt))  # noqa: S311
            except _MetBefore:
                ask_all = True
        raise RuntimeError("this batch does not settle: other gateways keep claiming its units")

    async def _identify(self, connection: Connection, names: Collection[str]) -> None:
        """Learn who these are. The other lane may ask the same: the later claim holds for both."""
        now = clock.now()
        missing = self._units.missing(names, now)
        if missing:
            async with asyncio.timeout(30.0):
                found = await store.claim(
                    connection,
                    missing,
                    gateway=self._gateway,
                    rules=self._rules,
                    book=self._shelf.book,
                    reporting_time_s=self._settings.reporting_time_s,
                )
            self._units.learn(missing, found, now)

    async def _read_again(self, connection: Connection, batch: Sequence[Arrival]) -> None:
        """Read once more what was read before it was known how its unit is set up.

        What rings already rings on: a desk may have heard of it.
        """
        guessed = [
            (arrival, arrival.read_as)
            for arrival in batch
            if arrival.read_as is not None
            and not arrival.error
            and not arrival.life_safety
            and self._units.get(arrival.unit_id) is not None
        ]
        if not guessed:
            return
        async with asyncio.timeout(30.0):
            found = await profiles.settings_of_units(
                connection, sorted({arrival.unit_id for arrival, _ in guessed})
            )
        for arrival, peer in guessed:
            arrival.read_as = None
            settings = found.get(arrival.unit_id, peer.settings)
            if settings == peer.settings:
                continue
            again = understood(
                arrival.frame,
                codec=arrival.codec,
                peer=replace(peer, settings=settings),
                address=arrival.address,
                received_at=arrival.received_at,
            )
            # The last part of something longer says nothing alone.
            if len(again.reports) >= len(arrival.reports):
                arrival.reports = again.reports

    def _notice_rivals(self, batch: Sequence[Arrival], lost: set[str]) -> None:
        """Mark what a connection says although a newer one speaks by its name elsewhere.

        We held the unit, another gateway took it, and a connection of ours that is older than
        that goes on speaking: two are speaking. A device that merely moved does not.
        """
        for arrival in batch if lost else ():
            unit = self._units.get(arrival.unit_id) if arrival.unit_id in lost else None
            if (
                unit is not None
                and unit.held_by not in {self._gateway, store.REPLAY}
                and arrival.since is not None
                and arrival.since < unit.held_since
                and arrival.received_at > unit.held_since + _SETTLES
            ):
                arrival.conflict = True

    async def _known(
        self, connection: Connection, batch: Sequence[Arrival], *, ask_all: bool
    ) -> set[Key]:
        keys = questionable(batch, self._units, self._bounds, ask_all=ask_all)
        async with asyncio.timeout(30.0):
            return await store.stored_already(connection, keys)

    def _failures(self, folded: Folded) -> list[tuple[SetRule, Failure]]:
        """Rules that could not judge, each told of once in a while."""
        now = clock.now()
        told = []
        for rule_id, failure in folded.verdicts.failures.items():
            name = f"{rule_id} {failure.rule.edition}"
            last = self._failed_at.get(name)
            if last is None or now - last > _FAILS_AGAIN:
                self._failed_at[name] = now
                setting = self._shelf.book.rules.get(rule_id)
                if setting is not None and setting.rule.edition == failure.rule.edition:
                    told.append((setting.setting, failure))
        return told

    async def _file_verdicts(self, connection: Connection, folded: Folded) -> list[Occurrence]:
        """File what rules made of the batch; what is to ring for it."""
        failed = self._failures(folded)
        # Timers before events: whoever looks at the clock locks them in that order, too.
        if folded.verdicts.timers:
            await rule_rows.set_timers(connection, folded.verdicts.timers)
        if folded.noticed:
            await events.file(connection, folded.noticed)
        if failed:
            await rule_rows.note_failures(connection, failed)
        rings = [each.occurrence for each in folded.noticed]
        return [
            *(each for each in rings if each is not None),
            *(events.rule_failed(setting, at=clock.now()) for setting, _ in failed),
        ]

    async def _write(
        self, connection: Connection, folded: Folded, who: Mapping[str, Unit]
    ) -> tuple[Kept, set[Arrival]]:
        for day in sorted(folded.days - self._days):
            await store.open_day(connection, date.fromordinal(day))
            self._days.add(day)
        seq: int | None = None
        refused: set[Arrival] = set()
        touched = _touched(folded, who)
        async with connection.transaction():
            if folded.positions:
                filed = await store.file_positions(connection, folded.positions)
                if filed != len(folded.positions):
                    raise _MetBefore
            if folded.frames:
                await store.file_frames(connection, folded.frames)
            await _own(connection, folded, touched, who)
            if folded.quarantined:
                await store.quarantine(connection, folded.quarantined)
            if folded.unknown:
                refused = await store.keep_unknown(
                    connection,
                    folded.unknown,
                    frames_per_unit=self._settings.quarantine_frames_per_unit,
                )
            if ringing := [*folded.occurrences, *await self._file_verdicts(connection, folded)]:
                seq = await alarms.raise_for(
                    connection, ringing, window_s=self._settings.repeat_window_s
                )
        folded.apply(self._units, touched)
        self.figures.committed(folded, refused=len(refused))
        return Kept(folded=folded, seq=seq), refused


def _touched(folded: Folded, who: Mapping[str, Unit]) -> list[str]:
    """Units whose hearing is due to be written.

    Not each time they speak, or it would cost as much as their positions.
    """
    return [
        unit_id
        for unit_id, at in folded.heard.items()
        if at - who[unit_id].written_at >= who[unit_id].slack
    ]


async def _own(
    connection: Connection, folded: Folded, touched: Sequence[str], who: Mapping[str, Unit]
) -> None:
    """Write what only the holder of a unit's epoch may write. Raises _Stale otherwise."""
    stale: set[str] = set()
    if folded.memories:
        changed = [
            (
                unit_id,
                who[unit_id].epoch,
                folded.began_at[unit_id].version,
                folded.began_at[unit_id].changed_in(memories),
            )
            for unit_id, memories in sorted(folded.memories.items())
        ]
        stale |= await store.write_memories(connection, changed)
    if touched:
        heard = [
            (
                unit_id,
                who[unit_id].epoch,
                folded.heard[unit_id],
                folded.newest_at.get(unit_id, who[unit_id].newest_at),
            )
            for unit_id in touched
        ]
        stale |= await store.write_hearing(connection, heard)
    if stale:
        raise _Stale(stale)


def _cries_for_help(arrival: Arrival) -> tuple[Report, ...]:
    """What must ring even though the record that says it cannot be stored, and where it happened.

    A report without signals cries for nothing: then the frame is merely unreadable.
    """
    return tuple(
        Report(
            fix=said.fix
            and Fix(at=said.fix.at, lat=said.fix.lat, lon=said.fix.lon, valid=said.fix.valid),
            at=said.at,
            signals=said.signals,
            record=said.record,
        )
        for said in arrival.reports
        if said.signals
    )
