"""Something a watch or a rule noticed. An event is a fact; an alarm is what we do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """What an event says of its cause: it began (or happened at one moment), or it is over."""

    BEGAN = "began"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """At a time, a rule noticed a cause: ``panic``, ``power_cut``, ``zone_left`` …

    rule    the name of a watch, or the id of a rule that somebody set
    since   when what the rule asks began to hold; a moment has none
    facts   what it was judged by, for people: JSON values, with units in their names
    late    it was noticed in a report that waited in the device
    clock   it was noticed because time passed, not because something was heard
    """

    at: datetime
    rule: str
    cause: str
    phase: Phase = Phase.BEGAN
    since: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    late: bool = False
    clock: bool = False
