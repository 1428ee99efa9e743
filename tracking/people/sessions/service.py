"""Decisions about who is let in, and what becomes of their sessions."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_network

from tracking.database import Pool, transaction
from tracking.errors import NotSignedIn, TooMany
from tracking.people.passwords import Passwords
from tracking.people.person import Person
from tracking.people.secret import hash_of, new_secret
from tracking.people.sessions import store
from tracking.people.sessions.store import Address
from tracking.people.sessions.throttle import wait_before_next
from tracking.settings import Settings

AGENT_LETTERS = 200
"""As much of a browser's own description as helps its owner to recognise it."""


class Throttled(TooMany):
    """Too many failures; the answer says how long to wait."""

    def __init__(self, wait: timedelta) -> None:
        self.retry_after_s = math.ceil(wait.total_seconds())
        super().__init__(
            f"Too many failed attempts; try again in {math.ceil(self.retry_after_s / 60)} min."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a sign-in comes from: the client's address, and what its browser calls itself."""

    address: Address | None
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A new session: its secret goes into the cookie and is kept nowhere else."""

    person: Person
    secret: str
    csrf: str
    ends_at: datetime


async def sign_in(
    pool: Pool,
    passwords: Passwords,
    settings: Settings,
    *,
    sign_in: str,
    password: str,
    visit: Visit,
) -> Opened:
    """Open a session. Raises NotSignedIn, or TooMany after too many failures.

    A wrong name and a wrong password get the same answer after the same work.
    """
    person = await prove(pool, passwords, settings, sign_in=sign_in, password=password, visit=visit)
    secret, csrf = new_secret(), new_secret()
    async with transaction(pool, person.reach) as connection:
        ends_at = await store.open_session(
            connection,
            token_hash=hash_of(secret),
            person_id=person.id,
            csrf=csrf,
            address=visit.address,
            agent=visit.agent[:AGENT_LETTERS],
            lifetime=timedelta(hours=settings.session_lifetime_h),
        )
    return Opened(person=person, secret=secret, csrf=csrf, ends_at=ends_at)


async def prove(
    pool: Pool,
    passwords: Passwords,
    settings: Settings,
    *,
    sign_in: str,
    password: str,
    visit: Visit,
) -> Person:
    """Check a password. Raises NotSignedIn, or TooMany after too many failures."""
    account = sign_in.strip().lower()
    address = network_of(visit.address)
    async with transaction(pool, None) as connection:
        await store.one_attempt_at_a_time(connection, account, address)
        found = await store.failures(connection, account, address)
        wait = max(
            wait_before_next(found.of_account, found.now, settings.sign_in_failures),
            wait_before_next(found.of_address, found.now, settings.sign_in_failures),
        )
        if wait:
            raise Throttled(wait)
        # Filed as a failure before we know better, so that many at once cannot all be first.
        await store.note_attempt(connection, account, address, succeeded=False)
    candidate = await store.person_signing_in(pool, account)
    matches = await passwords.match(password, candidate.password_hash if candidate else None)
    if candidate is None or not matches:
        raise NotSignedIn("The name or the password is not right.")
    async with transaction(pool, None) as connection:
        await store.note_attempt(connection, account, address, succeeded=True)
    return candidate.person


async def sign_out(pool: Pool, person: Person, token_hash: bytes) -> None:
    """End this session."""
    async with transaction(pool, person.reach) as connection:
        await store.end_session(connection, token_hash)


async def sign_out_everywhere(pool: Pool, person: Person) -> None:
    """End all sessions of this person."""
    async with transaction(pool, person.reach) as connection:
        await store.end_sessions_of(connection, person.id)


def network_of(address: Address | None) -> Address | None:
    """The address that failures are counted for: one subscriber has a whole IPv6 /64."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        return ip_network((address, 64), strict=False).network_address
    return address
