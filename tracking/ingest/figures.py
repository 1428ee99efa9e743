"""What a gateway counts about itself; shown every second, never a person's whereabouts."""

import time
from collections import Counter
from dataclasses import dataclass, field

from tracking.ingest.fold import Folded


@dataclass(slots=True)
class Figures:
    """Totals since the start, and rates since they were last shown.

    ``mqtt`` is "connected" or "away", "" where no broker is set up.
    """

    connections: int = 0
    by_codec: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    positions: int = 0
    duplicates: int = 0
    quarantined: int = 0
    unknown_frames: int = 0
    refused_frames: int = 0
    malformed: int = 0
    alarms: int = 0
    commits: int = 0
    mqtt: str = ""
    error: str = ""
    _shown_at: float = field(default_factory=time.monotonic)
    _shown: tuple[int, int] = (0, 0)

    def committed(self, folded: Folded, *, refused: int) -> None:
        """A batch was kept."""
        self.commits += 1
        self.frames += len(folded.frames)
        self.positions += len(folded.positions)
        self.duplicates += folded.duplicates
        self.quarantined += len(folded.quarantined)
        self.unknown_frames += len(folded.unknown)
        self.refused_frames += refused
        self.alarms += len(folded.occurrences)

    def failed(self, error: str) -> None:
        """Something went wrong here that an engineer should see."""
        self.error = error[:300]

    def take_error(self) -> str:
        """The newest error since this was last asked; "" if none."""
        error, self.error = self.error, ""
        return error

    def show(self, *, pending: int, oldest_pending_s: float) -> dict[str, object]:
        """Everything, as JSON values; rates are over the time since the last call."""
        now = time.monotonic()
        elapsed = max(now - self._shown_at, 1e-3)
        frames, positions = self._shown
        shown: dict[str, object] = {
            "connections": self.connections,
            "by_codec": dict(self.by_codec),
            "frames_per_s": round((self.frames - frames) / elapsed, 1),
            "positions_per_s": round((self.positions - positions) / elapsed, 1),
            "pending": pending,
            "oldest_pending_s": round(oldest_pending_s, 3),
            "frames": self.frames,
            "positions": self.positions,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
            "unknown_frames": self.unknown_frames,
            "refused_frames": self.refused_frames,
            "malformed": self.malformed,
            "alarms": self.alarms,
            "commits": self.commits,
            **({"mqtt": self.mqtt} if self.mqtt else {}),
        }
        self._shown_at, self._shown = now, (self.frames, self.positions)
        return shown
