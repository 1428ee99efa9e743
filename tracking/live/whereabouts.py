"""Where every asset was last, as arrays by asset number: cheap to update, cheap to tell.

25,000 positions a second become a few thousand numbers five times a second.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tracking.bus import POSITION_FIELDS

Numbers = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

ROW: Final = np.dtype(POSITION_FIELDS)
_HEADER: Final = np.dtype(
    [("kind", "u1"), ("version", "u1"), ("reserved", "<u2"), ("count", "<u4")]
)
_TOLD: Final = ("number", "lon", "lat", "speed", "course", "at", "flags")


class Whereabouts:
    """The last position of each asset, and which have moved since that was last asked."""

    def __init__(self) -> None:
        self._rows: npt.NDArray[Any] = np.zeros(0, ROW)
        self._received_at: npt.NDArray[np.float64] = np.zeros(0)
        self._moved: Mask = np.zeros(0, np.bool_)

    @property
    def size(self) -> int:
        """One more than the greatest asset number there is room for."""
        return len(self._rows)

    def make_room(self, size: int) -> None:
        """Room for asset numbers below ``size``; others are not heard."""
        if size > self.size:
            # Grown in steps, so that a morning of registrations does not copy each time.
            size = -(-size // 1024) * 1024
            self._rows = _grown(self._rows, size)
            self._received_at = _grown(self._received_at, size)
            self._moved = _grown(self._moved, size)

    def hear(self, rows: bytes, *, received_at: float) -> int:
        """Take POSITION_ROWs in; the newest of an asset wins, a late one never moves it back.

        ``received_at`` is in Unix seconds. Returns how many rows there were.
        """
        whole = len(rows) - len(rows) % ROW.itemsize
        heard = np.frombuffer(rows[:whole], ROW)
        self.take(heard, np.full(len(heard), received_at))
        return len(heard)

    def take(self, heard: npt.NDArray[Any], received_at: npt.NDArray[np.float64]) -> None:
        """The same for rows that are arrays already, each with its own time of reception."""
        known = heard["number"] < self.size
        if not known.all():
            heard, received_at = heard[known], received_at[known]
        if not len(heard):
            return
        # The last of each asset in order of device time; equal times keep their order.
        order = np.lexsort((heard["at"], heard["number"]))
        numbers = heard["number"][order]
        last = np.append(numbers[1:] != numbers[:-1], True)
        heard, received_at = heard[order[last]], received_at[order[last]]
        now = self._rows[heard["number"]]
        newer = (heard["at"] >= now["at"]) & (heard != now)
        heard, received_at = heard[newer], received_at[newer]
        where = heard["number"]
        self._rows[where] = heard
        self._received_at[where] = np.maximum(self._received_at[where], received_at)
        self._moved[where] = True

    def take_moved(self) -> Numbers:
        """The assets that have moved since this was last asked."""
        numbers = np.flatnonzero(self._moved)
        self._moved[numbers] = False
        return numbers

    def known(self, numbers: Numbers) -> Numbers:
        """Those of ``numbers`` whose position is known."""
        return numbers[self._rows["at"][numbers] > 0]

    def within(
        self, numbers: Numbers, *, west: float, south: float, east: float, north: float
    ) -> Numbers:
        """Those of ``numbers`` in a box of degrees, which may cross the date line."""
        lon, lat = self._rows["lon"][numbers], self._rows["lat"][numbers]
        after_west, before_east = lon >= west, lon <= east
        between = after_west & before_east if west <= east else after_west | before_east
        return numbers[between & (lat >= south) & (lat <= north)]

    def received_at(self, numbers: Numbers) -> npt.NDArray[np.float64]:
        """When the last position of each was heard, in Unix seconds; 0 for never."""
        return self._received_at[numbers]

    def row(self, number: int) -> tuple[dict[str, Any], float] | None:
        """One asset's last position and when it was heard, or None."""
        row = self._rows[number]
        if not row["at"]:
            return None
        return {name: row[name].item() for name in _TOLD}, float(self._received_at[number])

    def frame(self, numbers: Numbers) -> bytes:
        """A binary frame of the live channel (kind 1, version 1) about these assets."""
        rows = self._rows[numbers]
        header = np.zeros(1, _HEADER)
        header["kind"], header["version"], header["count"] = 1, 1, len(rows)
        pieces = [header.tobytes()]
        for name in _TOLD:
            column = rows[name].tobytes()
            pieces += [column, bytes(-len(column) % 4)]
        return b"".join(pieces)


def _grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    grown = np.zeros(size, array.dtype)
    grown[: len(array)] = array
    return grown
