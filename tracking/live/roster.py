"""The assets of one centre: what they are called on the live channel, and who may see each."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import orjson

from tracking.alarms.alarm import iso
from tracking.bus import FLAG_VALID, UNSAID
from tracking.live.whereabouts import Mask, Numbers, Whereabouts
from tracking.positions.freshness import USUAL_S, Freshness
from tracking.positions.roster import Heard, RosterEntry

_WORDS = (Freshness.NEVER, Freshness.LIVE, Freshness.STALE, Freshness.SILENT)
_NEVER, _LIVE, _STALE, _SILENT = range(4)


class Roster:
    """Replaced entry by entry as the fleet changes; arrays are indexed by asset number."""

    def __init__(self, whereabouts: Whereabouts) -> None:
        self._whereabouts = whereabouts
        self._entries: dict[int, RosterEntry] = {}
        self._organisations: dict[UUID, int] = {}
        self._owner: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._heard_at: npt.NDArray[np.float64] = np.zeros(0)
        self._silent: Mask = np.zeros(0, np.bool_)
        self._promised_s: npt.NDArray[np.float64] = np.zeros(0)
        self._state: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.organisations: frozenset[UUID] = frozenset()

    def replace(
        self, entries: Sequence[RosterEntry], organisations: Iterable[UUID]
    ) -> tuple[list[int], list[int]]:
        """Take the fleet as it is now. Returns the numbers that are new or different, and gone."""
        fresh = {entry.number: entry for entry in entries}
        changed = [number for number, entry in fresh.items() if self._entries.get(number) != entry]
        gone = [number for number in self._entries if number not in fresh]
        self._entries = fresh
        self.organisations = frozenset(organisations)
        self._whereabouts.make_room(max(fresh, default=0) + 1)
        self._make_room(self._whereabouts.size)
        self._owner[gone] = 0
        for number in changed:
            owner = self._index_of(fresh[number].organisation_id)
            self._owner[number] = owner
        return changed, gone

    def hear(self, heard: Heard) -> None:
        """When units were last heard, by whatever they sent, and what they promised."""
        numbers = np.array(heard.number, np.intp)
        inside = numbers < len(self._owner)
        numbers = numbers[inside]
        self._heard_at[numbers] = np.array(heard.heard_at, np.float64)[inside]
        self._silent[numbers] = np.array(heard.silent, np.bool_)[inside]
        self._promised_s[numbers] = np.array(heard.reporting_time_s, np.float64)[inside]

    def states_changed(self, now: datetime) -> list[int]:
        """Judge how long ago each asset was heard; the numbers whose word is another one now."""
        self._make_room(self._whereabouts.size)
        numbers = np.flatnonzero(self._owner)
        fixed = self._whereabouts.received_at(numbers)
        heard_at = np.maximum(self._heard_at[numbers], fixed)
        age = now.timestamp() - heard_at
        promised = self._promised_s[numbers]
        # A unit that spoke after it was found silent is not silent, whoever notices first.
        silent = (self._silent[numbers] & (fixed <= self._heard_at[numbers])) | (age > promised)
        state = np.where(age > np.minimum(USUAL_S, promised / 2), _STALE, _LIVE)
        state = np.where(silent, _SILENT, state)
        state = np.where(heard_at > 0, state, _NEVER).astype(np.uint8)
        changed = numbers[state != self._state[numbers]]
        self._state[numbers] = state
        return [int(number) for number in changed]

    def seen_by(self, organisation_id: UUID | None) -> Mask:
        """Which asset numbers somebody sees: of one organisation, or (None) of all."""
        if organisation_id is None:
            everything: Mask = self._owner > 0
            return everything
        own: Mask = self._owner == self._organisations.get(organisation_id, -1)
        return own

    def numbers_for(self, organisation_id: UUID | None, among: Numbers | None = None) -> Numbers:
        """The asset numbers that somebody sees, of all or among some."""
        mask = self.seen_by(organisation_id)
        if among is None:
            return np.flatnonzero(mask)
        among = among[among < len(mask)]
        return among[mask[among]]

    def still_there(self, numbers: Numbers) -> Numbers:
        """Those of ``numbers`` that are still assets in use."""
        return numbers[self._owner[numbers] > 0]

    def frame(self, numbers: Numbers, *, more: bool) -> bytes:
        """An "assets" frame about these assets."""
        shapes = [self._shape(int(number)) for number in numbers]
        return orjson.dumps({"type": "assets", "assets": shapes, "more": more})

    def _shape(self, number: int) -> dict[str, Any]:
        """One asset as an "assets" frame says it."""
        entry = self._entries[number]
        return {
            "n": number,
            "id": str(entry.id),
            "name": entry.name,
            "kind": entry.kind,
            "organisation": entry.organisation,
            "plate": entry.plate,
            "last": self._last(number),
            "state": _WORDS[self._state[number]],
        }

    def _last(self, number: int) -> dict[str, Any] | None:
        found = self._whereabouts.row(number)
        if found is None:
            return None
        row, received_at = found
        return {
            "at": iso(datetime.fromtimestamp(row["at"], UTC)),
            "lat": round(row["lat"], 6),
            "lon": round(row["lon"], 6),
            "speed_kmh": None if row["speed"] == UNSAID else row["speed"] / 10,
            "course_deg": None if row["course"] == UNSAID else row["course"] / 10,
            "valid": bool(row["flags"] & FLAG_VALID),
            "received_at": iso(datetime.fromtimestamp(received_at, UTC)),
        }

    def _index_of(self, organisation_id: UUID) -> int:
        """Organisations are counted from 1; 0 owns nothing."""
        return self._organisations.setdefault(organisation_id, len(self._organisations) + 1)

    def _make_room(self, size: int) -> None:
        more = size - len(self._owner)
        if more <= 0:
            return
        self._owner = np.pad(self._owner, (0, more))
        self._heard_at = np.pad(self._heard_at, (0, more))
        self._silent = np.pad(self._silent, (0, more))
        self._promised_s = np.pad(self._promised_s, (0, more), constant_values=np.inf)
        self._state = np.pad(self._state, (0, more))
