"""Questions about who signs in, who is signed in, and who tried.

Functions that take a connection run inside ``database.transaction``; those that take a pool ask
before anybody knows for whom, through the narrow functions of migration 0002.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias
from uuid import UUID

from asyncpg import Record

from tracking.database import Connection, Pool, transaction
from tracking.people.person import Person, Role

Address: TypeAlias = IPv4Address | IPv6Address

USED_EVERY = timedelta(minutes=1)
"""How exactly we remember when a session or token was last used; finer would write all day."""

FAMILIAR_FOR = timedelta(days=30)
"""An account is familiar at an address for so long after it signed in there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person who may be the one signing in; the password hash decides."""

    person: Person
    password_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Failed sign-ins of the last hour that count against this attempt, newest first.

    ``now`` is the database's clock, which dated them.
    """

    now: datetime
    of_account: list[datetime]
    of_address: list[datetime]


async def person_of_session(pool: Pool, token_hash: bytes, idle: timedelta) -> Person | None:
    """Whose session is this, if it has not ended and was used within ``idle``?"""
    row = await pool.fetchrow(
        "SELECT *, seen_at < now() - $3::interval AS note"
        " FROM vigil_person_of_session($1) WHERE seen_at > now() - $2::interval",
        token_hash,
        idle,
        USED_EVERY,
    )
    if row is None:
        return None
    person = _person(row, csrf=row["csrf"])
    if row["note"]:
        async with transaction(pool, person.reach) as connection:
            await connection.execute(
                "UPDATE sessions SET seen_at = now() WHERE token_hash = $1", token_hash
            )
    return person


async def person_of_token(pool: Pool, token_hash: bytes) -> Person | None:
    """Who does this machine speak for, if its token is neither revoked nor past its end?"""
    row = await pool.fetchrow("SELECT * FROM vigil_person_of_token($1)", token_hash)
    if row is None:
        return None
    person = _person(row, csrf=None)
    async with transaction(pool, person.reach) as connection:
        await connection.execute(
            "UPDATE api_tokens SET used_at = now()"
            " WHERE id = $1 AND (used_at IS NULL OR used_at < now() - $2::interval)",
            row["token_id"],
            USED_EVERY,
        )
    return person


async def person_signing_in(pool: Pool, sign_in: str) -> Candidate | None:
    """Who signs in by this name, in whatever case it was typed?"""
    row = await pool.fetchrow("SELECT * FROM vigil_person_signing_in($1)", sign_in)
    if row is None:
        return None
    return Candidate(person=_person(row, csrf=None), password_hash=row["password_hash"])


async def one_attempt_at_a_time(
    connection: Connection, sign_in: str, address: Address | None
) -> None:
    """Wait for other attempts of this account or address, until the transaction ends."""
    for said in (f"account {sign_in}", f"address {address}"):
        await connection.execute("SELECT pg_advisory_xact_lock(7100, hashtext($1))", said)


async def failures(connection: Connection, sign_in: str, address: Address | None) -> Failures:
    """Which failed sign-ins count against this account, and which against this address?

    Where the account has signed in before, only failures at that very address since then count:
    somebody elsewhere who guesses at an operator's password must not lock the operator out, and a
    colleague's typing errors must not lock the room out. Anywhere else, all failures of the
    account at unfamiliar addresses count, and all failures at this address of accounts that are
    not familiar here.
    """
    row = await connection.fetchrow(
        """
        WITH familiar AS (
            SELECT sign_in, address, max(at) AS since FROM sign_in_attempts
            WHERE succeeded AND at > now() - $3::interval
              AND (sign_in = $1 OR address IS NOT DISTINCT FROM $2)
            GROUP BY sign_in, address
        ), failed AS (
            SELECT a.sign_in, a.address, a.at, f.since,
                   a.sign_in = $1 AND a.address IS NOT DISTINCT FROM $2 AS here
            FROM sign_in_attempts a
            LEFT JOIN familiar f
                ON f.sign_in = a.sign_in AND f.address IS NOT DISTINCT FROM a.address
            WHERE NOT a.succeeded AND a.at > now() - interval '1 hour'
              AND (a.sign_in = $1 OR a.address IS NOT DISTINCT FROM $2)
        ), known AS (
            SELECT EXISTS (SELECT FROM familiar
                           WHERE sign_in = $1 AND address IS NOT DISTINCT FROM $2) AS here
        )
        SELECT clock_timestamp() AS now,
            ARRAY(SELECT at FROM failed
                  WHERE CASE WHEN known.here THEN failed.here AND at > since
                             ELSE sign_in = $1 AND since IS NULL END
                  ORDER BY at DESC) AS of_account,
            ARRAY(SELECT at FROM failed
                  WHERE NOT known.here AND $2::inet IS NOT NULL
                    AND address = $2 AND since IS NULL
                  ORDER BY at DESC) AS of_address
        FROM known
        """,
        sign_in,
        address,
        FAMILIAR_FOR,
    )
    assert row is not None
    return Failures(
        now=row["now"], of_account=list(row["of_account"]), of_address=list(row["of_address"])
    )


async def note_attempt(
    connection: Connection, sign_in: str, address: Address | None, *, succeeded: bool
) -> None:
    """File one sign-in that was tried."""
    await connection.execute(
        "INSERT INTO sign_in_attempts (at, sign_in, address, succeeded)"
        " VALUES (clock_timestamp(), $1, $2, $3)",
        sign_in,
        address,
        succeeded,
    )


async def open_session(
    connection: Connection,
    *,
    token_hash: bytes,
    person_id: UUID,
    csrf: str,
    address: Address | None,
    agent: str,
    lifetime: timedelta,
) -> datetime:
    """File a session; the time at which it ends whatever happens."""
    ends: datetime = await connection.fetchval(
        "INSERT INTO sessions (token_hash, person_id, csrf, address, agent, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, now() + $6::interval) RETURNING expires_at",
        token_hash,
        person_id,
        csrf,
        address,
        agent,
        lifetime,
    )
    return ends


async def end_session(connection: Connection, token_hash: bytes) -> None:
    """This session is over; it does not matter whether it was still open."""
    await connection.execute("DELETE FROM sessions WHERE token_hash = $1", token_hash)


async def end_sessions_of(
    connection: Connection, person_id: UUID, *, but: bytes | None = None
) -> None:
    """Every session of this person is over, except perhaps the one they are using."""
    await connection.execute(
        "DELETE FROM sessions WHERE person_id = $1 AND token_hash IS DISTINCT FROM $2",
        person_id,
        but,
    )


async def forget_the_old(connection: Connection) -> None:
    """Delete sessions that have ended, and attempts too old to make an account familiar."""
    await connection.execute("DELETE FROM sessions WHERE expires_at < now()")
    await connection.execute(
        "DELETE FROM sign_in_attempts WHERE at < now() - $1::interval", FAMILIAR_FOR
    )


def _person(row: Record, *, csrf: str | None) -> Person:
    return Person(
        id=row["id"],
        organisation_id=row["organisation_id"],
        centre_id=row["centre_id"],
        sign_in=row["sign_in"],
        name=row["name"],
        role=Role(row["role"]),
        language=row["language"],
        csrf=csrf,
    )
