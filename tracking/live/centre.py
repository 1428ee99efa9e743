"""One centre's part of the live channel: its fleet, its alarms in order, its desks."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import orjson

from tracking import clock
from tracking.alarms import store as alarms
from tracking.alarms.alarm import Change, desk_shape
from tracking.bus import UNSAID
from tracking.database import Connection, Reach
from tracking.live import figures
from tracking.live.desk import ASSETS_A_FRAME, Desk
from tracking.live.line import Line
from tracking.live.roster import Roster
from tracking.live.whereabouts import ROW, Numbers, Whereabouts
from tracking.positions import store as positions
from tracking.positions.roster import Heard, Places, RosterEntry
from tracking.settings import Settings

_PAGE = 500
_ROSTER_PAGE = 1_000
_EVER = datetime(1970, 1, 1, tzinfo=UTC)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Provisional:
    """A life-safety alarm that rings before PostgreSQL knows of it."""

    event_id: str
    organisation_id: UUID | None
    frame: bytes
    until: float
    """On the loop's clock: when to stop believing that it will be confirmed."""
    told: set[UUID] = field(default_factory=set)


class Centre:
    """Follows the changes of one centre and tells its desks. Owned by the hub."""

    def __init__(
        self,
        settings: Settings,
        centre_id: UUID,
        whereabouts: Whereabouts,
        provisional: Mapping[str, Provisional],
    ) -> None:
        reach = Reach(organisation_id=centre_id, centre_id=centre_id)
        self.id = centre_id
        self.desks: set[Desk] = set()
        self.roster = Roster(whereabouts)
        self.seq: int | None = None
        """The newest change that was told to desks; None before PostgreSQL was first heard."""
        self._settings = settings
        self._whereabouts = whereabouts
        self._provisional = provisional
        # Alarms never wait behind a question about anything else.
        self._alarm_line = Line(settings, reach)
        self._line = Line(settings, reach, patience_s=10.0)
        self._seen_line = 0
        self._fleet_frames: dict[UUID | None, Sequence[bytes]] = {}
        self._fleet_version = 0
        self._making_frames = asyncio.Lock()

    def close(self) -> None:
        """Let go of PostgreSQL."""
        self._alarm_line.close()
        self._line.close()

    async def follow(self) -> list[str]:
        """Tell desks what changed; the event ids of it. Raises one of AWAY."""
        told: list[str] = []
        while True:
            async with self._alarm_line.open() as connection:
                if self.seq is None or self._seen_line != self._alarm_line.made:
                    await self._begin(connection)
                    self._seen_line = self._alarm_line.made
                assert self.seq is not None
                changes = await alarms.changes_after(connection, self.seq, limit=_PAGE)
            for change in changes:
                self._tell(change)
                told.append(str(change.event_id))
            if len(changes) < _PAGE:
                return told

    async def changes_after(self, seq: int) -> list[Change]:
        """A page of what a desk missed. Raises one of AWAY."""
        async with self._line.open() as connection:
            return await alarms.changes_after(connection, seq, limit=_PAGE)

    async def bounds(self) -> tuple[int, int]:
        """The first change that is still kept and the newest. Raises one of AWAY."""
        async with self._line.open() as connection:
            return await alarms.change_bounds(connection)

    async def open_after(self, seq: int) -> tuple[int, list[Change]]:
        """The newest change, and a page of open alarms that changed last after ``seq``.

        Each comes as if it had just been raised, in the order of its newest change, and is
        silent when somebody has it in hand. Raises one of AWAY.
        """
        async with self._line.open() as connection:
            _, newest = await alarms.change_bounds(connection)
            return newest, await alarms.open_and_changed_after(connection, seq, limit=_PAGE)

    async def learn_fleet(self) -> None:
        """Read which assets there are, and tell desks what is different. Raises one of AWAY."""
        async with self._line.open() as connection:
            organisations = await positions.organisations_seen(connection)
            entries = await _whole_roster(connection)
            places = await positions.places_received_after(connection, _EVER)
            heard = await self._heard(connection)
        changed, gone = self.roster.replace(entries, organisations)
        self._place(places)
        self.roster.hear(heard)
        # A word that has changed is said once, by whoever judges it first.
        changed = sorted({*changed, *self.roster.states_changed(clock.now())})
        if gone:
            self._fleet_frames.clear()
            self._fleet_version += 1
            frame = {"type": "assets", "assets": [], "gone": gone, "more": False}
            self.tell_all(orjson.dumps(frame))
        self.tell_assets(changed)

    async def hear(self) -> None:
        """Read when units were last heard. Raises one of AWAY."""
        async with self._line.open() as connection:
            heard = await self._heard(connection)
        self.roster.hear(heard)

    async def refresh_positions(self, *, since: datetime) -> None:
        """Read positions received since then, for when the bell is away. Raises one of AWAY."""
        async with self._line.open() as connection:
            places = await positions.places_received_after(connection, since)
        self._place(places)

    async def note_shown(self, alarm_id: UUID, person_id: UUID) -> None:
        """Keep that a desk has shown an alarm. Raises one of AWAY."""
        async with self._line.open() as connection:
            await alarms.add_shown(connection, alarm_id, person_id=person_id)

    def judge_states(self) -> None:
        """Tell desks whose assets fell silent or spoke again."""
        changed = self.roster.states_changed(clock.now())
        if changed:
            self.tell_assets(changed)

    def tell_assets(self, numbers: Sequence[int]) -> None:
        """Tell every desk what it may know about these assets."""
        self._fleet_frames.clear()
        self._fleet_version += 1
        among = np.array(numbers, np.intp)
        for desk in self.desks:
            desk.tell_assets(among)

    async def fleet_frames(self, organisation_id: UUID | None) -> Sequence[bytes]:
        """Every asset of an organisation (None: of all) as "assets" frames.

        Made once for all desks that come at the same time, a piece at a time: after a restart all
        of them come back together, and somebody may be calling for help just then.
        """
        async with self._making_frames:
            if organisation_id not in self._fleet_frames:
                version, frames = self._fleet_version, []
                numbers = self.roster.numbers_for(organisation_id)
                for start in range(0, len(numbers), ASSETS_A_FRAME):
                    more = start + ASSETS_A_FRAME < len(numbers)
                    some = self.roster.still_there(numbers[start : start + ASSETS_A_FRAME])
                    frames.append(self.roster.frame(some, more=more))
                    await asyncio.sleep(0)
                if version != self._fleet_version:
                    return frames
                self._fleet_frames[organisation_id] = frames
            return self._fleet_frames[organisation_id]

    def tell_positions(self, moved: Numbers) -> None:
        """Tell every desk which assets moved; those who look at the same share the bytes."""
        shared: dict[object, bytes] = {}
        for desk in self.desks:
            desk.tell_positions(moved, shared)

    def tell_provisional(self, alarm: Provisional) -> None:
        """Ring once, on the desks that it concerns, before anybody can look it up."""
        if self.id in alarm.told or not self._concerns(alarm):
            return
        alarm.told.add(self.id)
        for desk in self.desks:
            if desk.may_see(alarm.organisation_id):
                desk.tell(alarm.frame)

    def tell_all(self, frame: bytes) -> None:
        """The same frame for every desk."""
        for desk in self.desks:
            desk.tell(frame)

    def frame_for(self, desk: Desk, change: Change) -> bytes:
        """An "alarm" frame as that desk may read it."""
        return _alarm_frame(change, staff=desk.organisation_id is None)

    def provisional(self) -> list[Provisional]:
        """What rings here although PostgreSQL has not confirmed it."""
        return [alarm for alarm in self._provisional.values() if self._concerns(alarm)]

    async def _heard(self, connection: Connection) -> Heard:
        return await positions.heard(
            connection, default_reporting_time_s=self._settings.reporting_time_s
        )

    def _place(self, places: Places) -> None:
        self._whereabouts.take(_rows(places), np.array(places.received_at, np.float64))

    def _concerns(self, alarm: Provisional) -> bool:
        return alarm.organisation_id is None or alarm.organisation_id in self.roster.organisations

    async def _begin(self, connection: Connection) -> None:
        _, newest = await alarms.change_bounds(connection)
        if self.seq is None:
            self.seq = newest
        elif newest < self.seq:
            # Another database answers than the one we followed (restored from a backup).
            _log.error("changes went back", extra={"was": self.seq, "now": newest})
            self.seq = newest
            for desk in list(self.desks):
                desk.send_away("the order of changes began anew")

    def _tell(self, change: Change) -> None:
        for_staff = _alarm_frame(change, staff=True)
        for desk in self.desks:
            if desk.caught_up:
                staff = desk.organisation_id is None
                desk.tell_change(change, for_staff if staff else self.frame_for(desk, change))
        self.seq = change.seq
        figures.CHANGE_LAG_S.observe(max(0.0, (clock.now() - change.at).total_seconds()))


def _alarm_frame(change: Change, *, staff: bool) -> bytes:
    return orjson.dumps(
        {
            "type": "alarm",
            "seq": change.seq,
            "change": change.kind,
            "sound": change.sound,
            "event_id": str(change.event_id),
            "alarm": desk_shape(change.alarm, names_people=staff),
        }
    )


async def _whole_roster(connection: Connection) -> list[RosterEntry]:
    entries: list[RosterEntry] = []
    while True:
        after = entries[-1].number if entries else 0
        some = await positions.roster(connection, after=after, limit=_ROSTER_PAGE)
        entries += some
        if len(some) < _ROSTER_PAGE:
            return entries


def _rows(places: Places) -> npt.NDArray[Any]:
    rows = np.zeros(len(places.number), ROW)
    for name in ("number", "lon", "lat", "flags"):
        rows[name] = getattr(places, name)
    rows["at"] = np.array(places.at, np.float64)
    rows["speed"] = _tenths(places.speed_kmh)
    rows["course"] = _tenths(places.course_deg)
    return rows


def _tenths(said: Sequence[float]) -> npt.NDArray[np.float64]:
    values = np.array(said, np.float64)
    tenths: npt.NDArray[np.float64] = np.where(
        values < 0, UNSAID, np.clip(np.round(values * 10), 0, UNSAID - 1)
    )
    return tenths
