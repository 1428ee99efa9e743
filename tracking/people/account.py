"""People, organisations and tokens as the centre's administration sees them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from tracking.people.person import STAFF, Role

Language = Literal["nl", "fr", "de", "en"]
OrganisationKind = Literal["centre", "client"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A centre, or a client of one."""

    id: UUID
    centre_id: UUID | None
    kind: OrganisationKind
    name: str
    language: Language
    created_at: datetime

    def employs(self, role: Role) -> bool:
        """Whether people of this role work here: staff at a centre, clients at a client."""
        return (role in STAFF) == (self.kind == "centre")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who may sign in, or could before they were disabled."""

    id: UUID
    organisation_id: UUID
    organisation: str
    sign_in: str
    name: str
    role: Role
    language: Language
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A machine's bearer token, without its secret: that was shown once and is not kept."""

    id: UUID
    person_id: UUID
    person: str
    name: str
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
