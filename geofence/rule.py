"""A rule: a condition somebody set, for how long it must hold, during which hours, for whom.

A rule keeps two threads for each asset. The live one follows reports in the order of their time.
When a device was out of reach for a while, what it kept and sends later is judged along the late
thread, which begins as the live one stood before the gap: it raises late events of its own, and
never moves the live one, so that nothing is entered and left back and forth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from geofence.combination import earliest
from geofence.condition import Condition, Finding
from geofence.event import Event, Phase
from geofence.schedule import Schedule
from geofence.scope import Scope
from geofence.sighting import Sighting

GAP_S = 120.0
"""A device that was not heard for longer may have kept something."""

KEPT_S = 3600.0
"""For how long after a gap a shorter one does not take its place: what waited comes by and by."""

_MOST_AT_ONCE = 64
"""How many changes by the clock are followed between two sightings."""

Due = datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """Where a rule stands along one row of sightings.

    memory   what its condition remembers
    since_s  since when it has held within its hours (Unix seconds)
    began    whether its event was noticed
    waiting  it holds, but outside the hours of the rule
    facts    what it was judged by when it began to hold
    """

    memory: Any
    since_s: float | None = None
    began: bool = False
    waiting: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What one rule remembers of one asset.

    edition     of the rule; what another edition remembered is forgotten
    asset_id    the asset that the device was fitted to
    followed_s  when the live thread last changed: up to then, time has been let pass already
    heard       the live thread as it stood at the last fix, where something moved it since
    late        the thread of what waited in the device, from ``late_s`` on and up to ``until_s``
    """

    edition: str
    asset_id: str
    live: Thread
    followed_s: float = 0.0
    heard: Thread | None = None
    late: Thread | None = None
    late_s: float = 0.0
    until_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to notice about the assets in a scope.

    edition  changes whenever the rule or one of its zones does
    cause    what its events are about: the word for its alarms
    for_s    how long the condition must hold before it is an event; moments cannot be waited for
    """

    id: str
    edition: str
    cause: str
    when: Condition[Any]
    for_s: float = 0.0
    schedule: Schedule | None = None
    scope: Scope = Scope()  # noqa: RUF009 - frozen

    def begin(self, asset_id: str) -> State:
        """What it remembers before the asset was seen."""
        thread = Thread(memory=self.when.begin())
        return State(edition=self.edition, asset_id=asset_id, live=thread)

    def fits(self, state: State, asset_id: str) -> bool:
        """Whether this was remembered by this edition, of this asset."""
        return state.edition == self.edition and state.asset_id == asset_id

    def step(
        self, state: State, seen: Sighting, *, before: datetime | None
    ) -> tuple[State, list[Event]]:
        """What it remembers afterwards — the same object if nothing changed — and noticed.

        ``before`` is the time of the newest fix until now; None before the first.
        """
        if before is not None and seen.at < before:
            return self._late_step(state, seen)
        if seen.report.fix is None and seen.fix is None:
            return self._without_a_fix(state, seen, before=before)
        after, events = self._follow(state, seen, before=before)
        if before is not None and _matters(state, before.timestamp(), seen.at.timestamp()):
            after = replace(
                after,
                late=state.heard or state.live,
                late_s=before.timestamp(),
                until_s=seen.at.timestamp(),
            )
        return (after if after.heard is None else replace(after, heard=None)), events

    def tick(
        self, state: State, now: Sighting, *, before: datetime | None
    ) -> tuple[State, list[Event]]:
        """What happens by ``now`` if nothing is heard after ``before``. ``now.clock`` is set.

        Time does not go back: what was followed further already stays as it is.
        """
        if now.at.timestamp() < state.followed_s or (before is not None and now.at < before):
            return state, []
        return self._without_a_fix(state, now, before=before)

    def due(self, state: State, *, after: datetime) -> Due:
        """When the clock alone would next change what this rule says of the asset."""
        followed = datetime.fromtimestamp(state.followed_s, UTC)
        return self._due(state.live, max(after, followed))

    def _without_a_fix(
        self, state: State, seen: Sighting, *, before: datetime | None
    ) -> tuple[State, list[Event]]:
        after, events = self._follow(state, seen, before=before)
        if after is not state and state.heard is None and before is not None:
            after = replace(after, heard=state.live)
        return after, events

    def _follow(
        self, state: State, seen: Sighting, *, before: datetime | None
    ) -> tuple[State, list[Event]]:
        """The live thread led up to a sighting, or to what the clock says.

        What was followed once is not followed again, however often time is let pass.
        """
        if before is None or state.followed_s > before.timestamp():
            before = datetime.fromtimestamp(state.followed_s, UTC)
        live, events = self._catch_up(state.live, seen, after=before)
        live, more = self._advance(live, seen)
        if live is not state.live:
            state = replace(state, live=live, followed_s=seen.at.timestamp())
        return state, events + more

    def _late_step(self, state: State, seen: Sighting) -> tuple[State, list[Event]]:
        seen = seen if seen.late else replace(seen, late=True)
        at_s = seen.at.timestamp()
        if state.late is None or not state.late_s <= at_s < state.until_s:
            # Not in a gap that we know of: only what stands for itself can matter.
            _, finding = self.when.step(self.when.begin(), seen)
            alone = finding.holds and finding.moment and self._open(seen.at)
            return state, [self._moment(seen, finding)] if alone else []
        after = datetime.fromtimestamp(state.late_s, UTC)
        late, events = self._catch_up(state.late, seen, after=after)
        late, more = self._advance(late, seen)
        if late is state.late and at_s == state.late_s:
            return state, events + more
        return replace(state, late=late, late_s=at_s), events + more

    def _catch_up(
        self, thread: Thread, seen: Sighting, *, after: datetime
    ) -> tuple[Thread, list[Event]]:
        """What the clock brought after that time and before this sighting."""
        events: list[Event] = []
        for _ in range(_MOST_AT_ONCE):
            due = self._due(thread, after)
            if due is None or due >= seen.at:
                break
            passed = Sighting(
                at=due,
                subject=seen.subject,
                companions=seen.companions,
                late=seen.late,
                clock=True,
            )
            thread, more = self._advance(thread, passed)
            events += more
            after = due
        return thread, events

    def _advance(self, thread: Thread, seen: Sighting) -> tuple[Thread, list[Event]]:
        memory, finding = self.when.step(thread.memory, seen)
        if finding.holds is None or (finding.holds and finding.moment):
            if memory is not thread.memory:
                thread = replace(thread, memory=memory)
            noticed = finding.holds and self._open(seen.at)
            return thread, [self._moment(seen, finding)] if noticed else []
        within = bool(finding.holds) and self._open(seen.at)
        waiting = bool(finding.holds) and not within
        since_s, began, facts = thread.since_s, thread.began, thread.facts
        events: list[Event] = []
        if within:
            # What does not persist begins only when it is heard, not because hours begin.
            if since_s is None and (self.when.persists or not seen.clock):
                since_s, facts = seen.at.timestamp(), finding.facts
            if since_s is not None and not began and self._long_enough(since_s, seen):
                began = True
                events.append(self._began(since_s, facts, finding, seen))
        elif since_s is not None:
            if began:
                events.append(self._ended(since_s, {**thread.facts, **finding.facts}, seen))
            since_s, began, facts = None, False, {}
        now = (memory, since_s, began, waiting)
        if now != (thread.memory, thread.since_s, thread.began, thread.waiting):
            thread = Thread(
                memory=memory, since_s=since_s, began=began, waiting=waiting, facts=facts
            )
        return thread, events

    def _long_enough(self, since_s: float, seen: Sighting) -> bool:
        if self.for_s <= 0:
            return True
        if seen.clock and not self.when.persists:
            return False
        return seen.at.timestamp() - since_s >= self.for_s

    def _open(self, at: datetime) -> bool:
        return self.schedule is None or self.schedule.covers(at)

    def _due(self, thread: Thread, after: datetime) -> Due:
        due = self.when.due(thread.memory, after)
        if thread.since_s is not None and not thread.began and self.when.persists:
            enough = datetime.fromtimestamp(thread.since_s, UTC) + timedelta(seconds=self.for_s)
            due = earliest(due, enough if enough > after else None)
        waiting = thread.waiting and self.when.persists
        if self.schedule is not None and (waiting or thread.since_s is not None):
            due = earliest(due, self.schedule.next_change(after))
        return due

    def _moment(self, seen: Sighting, finding: Finding) -> Event:
        return Event(
            at=seen.at,
            rule=self.id,
            cause=self.cause,
            facts=finding.facts,
            late=seen.late,
            clock=seen.clock,
        )

    def _began(
        self, since_s: float, facts: Mapping[str, Any], finding: Finding, seen: Sighting
    ) -> Event:
        """An event of a condition that persists is dated when it was due, however it was met."""
        since = datetime.fromtimestamp(since_s, UTC)
        due = since + timedelta(seconds=self.for_s)
        return Event(
            at=due if self.when.persists else seen.at,
            rule=self.id,
            cause=self.cause,
            since=since,
            facts={**facts, **finding.facts},
            late=seen.late,
            clock=seen.clock,
        )

    def _ended(self, since_s: float, facts: Mapping[str, Any], seen: Sighting) -> Event:
        # A fix may be older than what the clock has brought; nothing is over before it began.
        since = datetime.fromtimestamp(since_s, UTC)
        return Event(
            at=max(seen.at, since),
            rule=self.id,
            cause=self.cause,
            phase=Phase.ENDED,
            since=since,
            facts=facts,
            late=seen.late,
            clock=seen.clock,
        )


def _matters(state: State, since_s: float, until_s: float) -> bool:
    """Whether a gap is to be remembered; a device that speaks rarely leaves one at every report."""
    gap_s = until_s - since_s
    if gap_s <= GAP_S or state.late is None:
        return gap_s > GAP_S
    return gap_s > state.until_s - state.late_s or until_s - state.until_s > KEPT_S
