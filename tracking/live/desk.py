"""One screen on the live channel: what is owed to it, in order, and nothing of what is not its."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import orjson

from tracking import clock
from tracking.alarms.alarm import Change, iso
from tracking.live import figures
from tracking.live.line import AWAY
from tracking.live.whereabouts import Mask, Numbers, Whereabouts

if TYPE_CHECKING:
    from tracking.live.centre import Centre

BEAT_S = 2.0
MOST_OWED = 5_000
"""Frames owed to a screen before it is sent away: it comes back and resumes where it was."""
SLOWEST_SEND_S = 15.0
ASSETS_A_FRAME = 500
_RETRY_S = 0.25

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a screen looks at, in degrees; it may cross the date line."""

    west: float
    south: float
    east: float
    north: float


class SentAway(Exception):
    """The connection is given up; the screen comes back and resumes."""


class Desk:
    """What is owed to one connected screen. ``organisation_id`` is None for a centre's staff.

    Alarms, assets and beats queue and are never dropped. Positions do not queue: the last of
    each asset is sent when the screen is ready for it.
    """

    def __init__(
        self,
        centre: "Centre",
        whereabouts: Whereabouts,
        *,
        organisation_id: UUID | None,
        after: int,
        send_text: Callable[[str], Awaitable[None]],
        send_bytes: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self.organisation_id = organisation_id
        self.seq = after
        """Every change up to here was owed to this screen and is sent or queued; 0 for none."""
        self.caught_up = False
        self._centre = centre
        self._whereabouts = whereabouts
        self._send_text = send_text
        self._send_bytes = send_bytes
        self._owed: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self._drained = asyncio.Event()
        self._positions: bytes | None = None
        self._missed: Mask = np.zeros(0, np.bool_)
        self._view: View | None = None
        self._begun = False
        self._knows_fleet = False
        self._later: list[Numbers] = []
        self._leaving = asyncio.Event()
        self._reason = ""
        self._told: set[str] = set()

    def may_see(self, organisation_id: UUID | None) -> bool:
        """Whether rows of that organisation (None: of the centre) are this screen's business."""
        return self.organisation_id is None or self.organisation_id == organisation_id

    def was_told(self, alarm_id: str) -> bool:
        """Whether this screen was sent that alarm."""
        return alarm_id in self._told

    # ── what others tell it; none of these waits ──────────────────────────────────────────────

    def tell(self, frame: bytes) -> None:
        """Owe it a frame. A screen that is owed too much is sent away."""
        if self._leaving.is_set():
            return
        self._owed.append(frame)
        self._ready.set()
        if len(self._owed) > MOST_OWED:
            figures.TOO_SLOW.inc()
            self.send_away("too slow for its alarms")

    def tell_change(self, change: Change, frame: bytes) -> None:
        """Owe it a change, unless it is somebody else's or known already."""
        if change.seq <= self.seq:
            return
        if self.may_see(change.alarm.organisation_id):
            self._told.add(str(change.alarm.id))
            self.tell(frame)
        self.seq = change.seq

    def tell_assets(self, numbers: Numbers) -> None:
        """Owe it what these assets are called and where they were last."""
        if not self._knows_fleet:
            self._later.append(numbers)
            return
        numbers = self._centre.roster.numbers_for(self.organisation_id, numbers)
        for start in range(0, len(numbers), ASSETS_A_FRAME):
            more = start + ASSETS_A_FRAME < len(numbers)
            some = numbers[start : start + ASSETS_A_FRAME]
            self.tell(self._centre.roster.frame(some, more=more))

    def tell_positions(self, moved: Numbers, shared: dict[object, bytes]) -> None:
        """Owe it where these assets are now, and those it missed while it was busy.

        ``shared`` keeps the bytes for screens that look at the same and have missed nothing.
        """
        if self._positions is not None:
            self._miss(moved)
            return
        missed = np.flatnonzero(self._missed)
        if len(missed):
            self._missed[missed] = False
            frame = self._frame(np.union1d(moved, missed))
        else:
            key = (self.organisation_id, self._view)
            if key not in shared:
                shared[key] = self._frame(moved)
            frame = shared[key]
        if frame:
            self._positions = frame
            self._ready.set()

    def look_at(self, view: View) -> None:
        """It looks somewhere else now and is owed everything there."""
        self._view = view
        self._miss(self._centre.roster.numbers_for(self.organisation_id))

    def send_away(self, reason: str) -> None:
        """End this connection; the screen comes back and resumes."""
        self._reason = reason
        self._leaving.set()

    # ── its own tasks ─────────────────────────────────────────────────────────────────────────

    async def run(self, version: str) -> None:
        """Greet, catch up and send until cancelled. Raises SentAway."""
        with contextlib.suppress(*AWAY):
            await self._begin()
        self.tell(orjson.dumps(self._now("hello") | {"version": version}))
        for provisional in self._centre.provisional():
            if self.may_see(provisional.organisation_id):
                self.tell(provisional.frame)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._until_sent_away())
            tasks.create_task(self._send())
            tasks.create_task(self._beat())
            tasks.create_task(self._catch_up())
            tasks.create_task(self._tell_fleet())

    async def _begin(self) -> None:
        """Start anew when what was missed is no longer kept, or was never ours. Raises AWAY."""
        first, newest = await self._centre.bounds()
        if not first - 1 <= self.seq <= newest:
            self.seq = 0
        self._begun = True

    async def _tell_fleet(self) -> None:
        """Every asset first, and then what changed about some of them meanwhile."""
        for frame in await self._centre.fleet_frames(self.organisation_id):
            self.tell(frame)
            await self._drain()
        self._knows_fleet = True
        for numbers in self._later:
            self.tell_assets(numbers)
        self._later.clear()
        # Those frames may be seconds old; who has moved since is told as positions.
        self._miss(self._centre.roster.numbers_for(self.organisation_id))

    async def _catch_up(self) -> None:
        while True:
            try:
                if not self._begun:
                    await self._begin()
                if self.seq == 0:
                    await self._tell_what_is_open()
                await self._tell_what_was_missed()
            except AWAY as error:
                _log.info("a screen waits for PostgreSQL", extra={"error": repr(error)})
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _tell_what_is_open(self) -> None:
        """Every open alarm in the order of its newest change, so that each is a place to resume."""
        seq = 0
        while True:
            newest, changes = await self._centre.open_after(seq)
            for change in changes:
                self.tell_change(change, self._centre.frame_for(self, change))
                seq = change.seq
            if not changes:
                self.seq = max(seq, newest)
                return
            await self._drain()

    async def _tell_what_was_missed(self) -> None:
        while True:
            changes = await self._centre.changes_after(self.seq)
            for change in changes:
                self.tell_change(change, self._centre.frame_for(self, change))
            # From here to the mark nothing waits, so no change falls between the two.
            if self._centre.seq is not None and self.seq >= self._centre.seq:
                self.caught_up = True
                return
            if not changes:
                await asyncio.sleep(_RETRY_S)
            await self._drain()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            self.tell(orjson.dumps(self._now("beat")))

    async def _until_sent_away(self) -> None:
        """Also in the middle of a frame that it does not take."""
        await self._leaving.wait()
        raise SentAway(self._reason)

    async def _send(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._owed or self._positions is not None:
                try:
                    async with asyncio.timeout(SLOWEST_SEND_S):
                        await self._send_next()
                except TimeoutError:
                    figures.TOO_SLOW.inc()
                    raise SentAway("it does not read") from None
            self._drained.set()

    async def _send_next(self) -> None:
        if self._owed:
            await self._send_text(self._owed.popleft().decode())
        elif self._positions is not None:
            frame = self._positions
            await self._send_bytes(frame)
            self._positions = None

    async def _drain(self) -> None:
        """Wait until the screen has taken what it is owed; nobody reads ahead of a slow one."""
        if self._owed:
            self._drained.clear()
            await self._drained.wait()

    def _now(self, kind: str) -> dict[str, object]:
        return {"type": kind, "now": iso(clock.now()), "seq": self.seq}

    def _miss(self, numbers: Numbers) -> None:
        if len(self._missed) < self._whereabouts.size:
            more = self._whereabouts.size - len(self._missed)
            self._missed = np.pad(self._missed, (0, more))
        self._missed[numbers] = True

    def _frame(self, numbers: Numbers) -> bytes:
        numbers = self._centre.roster.numbers_for(self.organisation_id, numbers)
        numbers = self._whereabouts.known(numbers)
        if self._view is not None:
            view = self._view
            numbers = self._whereabouts.within(
                numbers, west=view.west, south=view.south, east=view.east, north=view.north
            )
        return self._whereabouts.frame(numbers) if len(numbers) else b""
