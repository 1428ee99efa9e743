"""A condition: what a rule asks of every sighting of one asset.

A condition is a step function over a small memory of its own. It says whether it holds, and
whether it holds for this moment only (a zone was entered, a driver braked hard). Conditions are
combined into rules; they know neither alarms nor people nor each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar

from geofence.sighting import Sighting

M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a condition says of one sighting.

    holds   True, False, or None while it cannot be said: nothing is known yet, or the fix is too
            rough. A rule whose condition cannot say stays as it was.
    moment  it holds for this sighting only; each one is an event of its own
    facts   what it was judged by: JSON values, units in the names (``speed_kmh``, ``zone`` …)
    """

    holds: bool | None
    moment: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


HOLDS, FAILS, CANNOT_SAY = Finding(holds=True), Finding(holds=False), Finding(holds=None)


class Condition(Protocol[M]):
    """One kind of condition with its settings: a frozen dataclass whose fields are the settings.

    Its memory is a frozen dataclass of JSON values (times as Unix seconds), or of memories of the
    conditions it is made of, in a tuple named ``parts``. A memory that has not changed is returned
    as the same object: what has not changed is not written.
    """

    kind: ClassVar[str]
    """The name of the kind, which is that of its file."""

    @property
    def persists(self) -> bool:
        """Whether it may be taken to go on until something else is heard.

        A parked car stays parked while it says nothing, but a speed is only known at a fix. What
        persists becomes an event when its time has come, by the clock; what does not, only at a
        sighting. A kind says it as a class variable.
        """

    def begin(self) -> M:
        """What it remembers before anything was seen."""

    def step(self, memory: M, seen: Sighting) -> tuple[M, Finding]:
        """What it remembers afterwards, and what it says.

        Where ``seen.clock`` is set nothing was heard but the time: a condition of the clock judges
        anew, every other repeats what it last said. A report without a fix says nothing of place.
        """

    def due(self, memory: M, after: datetime) -> datetime | None:
        """The next time after ``after`` at which the clock alone changes what it says, if any."""

    def zone_ids(self) -> frozenset[str]:
        """Ids of the zones it asks about; the setting that names them is called ``zones``."""

    def companion_ids(self) -> frozenset[str]:
        """Ids of other assets whose place it asks about."""
