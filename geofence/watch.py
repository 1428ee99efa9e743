"""A watch: what every unit is subject to, whatever anybody has set."""

from datetime import datetime
from typing import Protocol, TypeVar

from geofence.event import Event
from protocols.message import Report

M = TypeVar("M")


class Watch(Protocol[M]):
    """What to notice in the reports of one unit.

    Memory is a frozen dataclass of JSON values; equal memory is not written again.
    """

    @property
    def name(self) -> str:
        """The name under which the memory is kept."""

    def begin(self) -> M:
        """What the watch remembers before it has heard anything."""

    def step(self, memory: M, report: Report, at: datetime) -> tuple[M, list[Event]]:
        """What it remembers afterwards, and what it noticed.

        ``at`` is the time of the report: the device's own, or when we heard it.
        """
