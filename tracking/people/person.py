"""Who is asking, as every part of the service sees them."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tracking.database import Reach


class Role(StrEnum):
    """What a person is to the centre; each role is a set of things they may do."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    CLIENT = "client"


STAFF = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.ADMINISTRATOR})
"""The roles of people who work at a centre; the others belong to its clients."""

KEEPERS = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
"""Who keeps the books of what we protect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is signed in, or a machine that speaks in their name.

    ``centre_id`` is set for staff: they see every client of that centre. ``csrf`` is what their
    session's unsafe requests must repeat; None when they came with a bearer token, which no
    browser sends by itself.
    """

    id: UUID
    organisation_id: UUID
    centre_id: UUID | None
    sign_in: str
    name: str
    role: Role
    language: str
    csrf: str | None = None

    @property
    def reach(self) -> Reach:
        """What rows their requests may see."""
        return Reach(organisation_id=self.organisation_id, centre_id=self.centre_id)
