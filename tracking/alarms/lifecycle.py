"""The life of an alarm, on one screen: raised → acknowledged → closed.

Nobody closes what nobody has taken: every alarm has had a person's eyes on it.
"""

from collections.abc import Mapping
from enum import StrEnum

from tracking.errors import IllegalMove, Invalid


class State(StrEnum):
    """Where an alarm is in its life."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class CloseCode(StrEnum):
    """Why an alarm could be closed: what it turned out to be."""

    GENUINE_POLICE = "genuine_police"
    GENUINE_AMBULANCE = "genuine_ambulance"
    GENUINE_FIRE = "genuine_fire"
    GENUINE_FAMILY = "genuine_family"
    GENUINE_PATROL = "genuine_patrol"
    FALSE_USER = "false_user"
    FALSE_DEVICE = "false_device"
    TEST = "test"
    CANCELLED_VERIFIED = "cancelled_verified"
    NO_CONTACT_PATROL = "no_contact_patrol"
    TECHNICAL = "technical"
    DUPLICATE = "duplicate"
    NETWORK = "network"
    TRAINING = "training"


class Kind(StrEnum):
    """What happened to an alarm: the kinds of its events and of the changes that desks follow."""

    RAISED = "raised"
    REPEATED = "repeated"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    NOTED = "noted"


_NEXT: Mapping[State, frozenset[State]] = {
    State.RAISED: frozenset({State.ACKNOWLEDGED}),
    State.ACKNOWLEDGED: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}

LIFE_SAFETY = 1
"""The priority whose closing has to be explained in words."""

SHORTEST_EXPLANATION = 10


def move(now: State, to: State) -> State:
    """The new state. Raises IllegalMove when a life does not go that way."""
    if to not in _NEXT[now]:
        raise IllegalMove(f"An alarm that is {now} cannot become {to}.")
    return to


def explained(note: str, *, priority: int) -> str:
    """The note to close with, trimmed. Raises Invalid when a life-safety alarm lacks one."""
    note = note.strip()
    if priority == LIFE_SAFETY and len(note) < SHORTEST_EXPLANATION:
        raise Invalid(
            f"Say in at least {SHORTEST_EXPLANATION} characters how this priority 1 alarm ended."
        )
    return note
