"""One frame that a device sent, on its way to being kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from protocols.codec import Peer
from protocols.message import LIFE_SAFETY, Report


@dataclass(slots=True, kw_only=True, eq=False)
class Arrival:
    """What was heard, from whom, and whom to tell when it is kept.

    The one mutable thing on the way: ``settle`` is called once, with True after the commit that
    holds it, with False if it will never be kept (and so must not be acknowledged).
    ``error`` is set for a frame that could not be read; its bytes are kept all the same. A record
    that could be read and not stored has an error too: of its reports only the signals ring.
    ``conflict`` is set when somebody else is speaking under the same name; ``since`` is when this
    connection began to speak by it, None where a connection is a mere request. ``read_as`` is
    who spoke, of a frame that was read before it was known how that unit is set up.
    """

    unit_id: str
    codec: str
    address: str
    received_at: datetime
    frame: bytes
    reports: tuple[Report, ...] = ()
    error: str = ""
    conflict: bool = False
    since: datetime | None = None
    read_as: Peer | None = None
    ack: bytes = b""
    settled: bool = False
    kept: bool = False
    on_settled: Callable[["Arrival"], None] | None = field(default=None, repr=False)

    @property
    def life_safety(self) -> bool:
        """Whether a person may need help now."""
        return any(report.signals and report.signals & LIFE_SAFETY for report in self.reports)

    def settle(self, *, kept: bool) -> None:
        """Say once what became of this frame."""
        if not self.settled:
            self.settled = True
            self.kept = kept
            if self.on_settled is not None:
                self.on_settled(self)
