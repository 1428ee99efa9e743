"""Who speaks under which name, and whether two do.

A name on the wire is not a password. When a device reconnects, its old socket dies in silence;
when an old and a new connection of one name both go on speaking, somebody is an impostor. What
both say is kept, neither may be given commands, and the operators hear of it.
"""

from dataclasses import dataclass, field
from typing import Protocol


class Speaker(Protocol):
    """A connection, as presence sees it."""

    unit_id: str


@dataclass(slots=True)
class _Name:
    speakers: dict[Speaker, float] = field(default_factory=dict)
    current: Speaker | None = None
    since: float = 0.0
    conflict_until: float = 0.0


class Presence:
    """The connections of this gateway by unit. Times are the loop's own clock, in seconds."""

    def __init__(self, *, settle_s: float = 2.0, conflict_s: float = 600.0) -> None:
        self._settle_s = settle_s
        self._conflict_s = conflict_s
        self._names: dict[str, _Name] = {}

    def heard(self, speaker: Speaker, unit_id: str, now: float) -> bool:
        """Note that ``speaker`` spoke as ``unit_id``; True if this reveals a conflict.

        Bytes of the old socket may still arrive when the new one has just signed in, so the
        old one counts as speaking only ``settle_s`` after the new one began.
        """
        name = self._names.get(unit_id)
        if name is None:
            name = self._names[unit_id] = _Name()
        if name.current is speaker:
            return False
        if speaker not in name.speakers:
            name.speakers[speaker] = now
            name.current, name.since = speaker, now
            return False
        if name.current is not None and now - name.since < self._settle_s:
            return False
        other_is_there = name.current is not None
        name.current, name.since = speaker, now
        if other_is_there:
            name.conflict_until = now + self._conflict_s
        return other_is_there

    def dispute(self, unit_id: str, now: float) -> None:
        """Somebody else speaks by this name at another gateway."""
        name = self._names.get(unit_id)
        if name is not None:
            name.conflict_until = now + self._conflict_s

    def gone(self, speaker: Speaker, unit_id: str) -> None:
        """A connection has ended."""
        name = self._names.get(unit_id)
        if name is None:
            return
        name.speakers.pop(speaker, None)
        if name.current is speaker:
            name.current = None
        if not name.speakers:
            del self._names[unit_id]

    def addressee(self, unit_id: str, now: float) -> Speaker | None:
        """The one connection that may be given commands for a unit; None if in doubt."""
        name = self._names.get(unit_id)
        if name is None or now < name.conflict_until:
            return None
        return name.current
