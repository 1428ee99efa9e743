"""Something a rule noticed. An event is a fact; an alarm is what we do about it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """At a time, a rule noticed a cause: ``panic``, ``power_cut``, ``silence`` …"""

    at: datetime
    rule: str
    cause: str
