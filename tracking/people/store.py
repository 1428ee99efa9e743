"""Questions about people, their sessions and tokens.

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
from tracking.people.account import Account, Organisation, Token
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


async def forget_ended_sessions(connection: Connection, idle: timedelta) -> int:
    """Delete what nobody can use any more (the timekeeper's work); how many there were."""
    deleted: int = await connection.fetchval(
        "WITH gone AS (DELETE FROM sessions"
        " WHERE expires_at < now() OR seen_at < now() - $1::interval RETURNING 1)"
        " SELECT count(*) FROM gone",
        idle,
    )
    return deleted


async def forget_old_attempts(connection: Connection) -> int:
    """Delete sign-ins too old to make an account familiar (the timekeeper's work)."""
    deleted: int = await connection.fetchval(
        "WITH gone AS (DELETE FROM sign_in_attempts WHERE at < now() - $1::interval RETURNING 1)"
        " SELECT count(*) FROM gone",
        FAMILIAR_FOR,
    )
    return deleted


async def organisation(connection: Connection, organisation_id: UUID) -> Organisation | None:
    """Which organisation is this, if it may be seen?"""
    row = await connection.fetchrow(
        "SELECT id, centre_id, kind, name, language, created_at FROM organisations WHERE id = $1",
        organisation_id,
    )
    return Organisation(**row) if row else None


async def organisations(
    connection: Connection, *, after: tuple[str, UUID] | None, search: str, most: int
) -> list[Organisation]:
    """Which organisations may be seen, by name?"""
    rows = await connection.fetch(
        "SELECT id, centre_id, kind, name, language, created_at FROM organisations"
        " WHERE ($1::text IS NULL OR (lower(name), id) > (lower($1), $2::uuid))"
        " AND strpos(lower(name), lower($3)) > 0 ORDER BY lower(name), id LIMIT $4",
        *(after or (None, None)),
        search,
        most,
    )
    return [Organisation(**row) for row in rows]


async def anybody(connection: Connection) -> bool:
    """Is there an organisation already? Others who ask wait until this transaction has ended."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('vigil_seed'))")
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM organisations)")
    return found


async def add_centre(connection: Connection, *, name: str, language: str) -> UUID:
    """File a new centre (nobody may do so but the owner)."""
    centre_id: UUID = await connection.fetchval(
        "INSERT INTO organisations (kind, name, language) VALUES ('centre', $1, $2) RETURNING id",
        name,
        language,
    )
    return centre_id


async def add_client(
    connection: Connection, *, centre_id: UUID, name: str, language: str
) -> Organisation:
    """File a new client of this centre."""
    row = await connection.fetchrow(
        "INSERT INTO organisations (centre_id, kind, name, language)"
        " VALUES ($1, 'client', $2, $3)"
        " RETURNING id, centre_id, kind, name, language, created_at",
        centre_id,
        name,
        language,
    )
    assert row is not None
    return Organisation(**row)


async def change_organisation(
    connection: Connection, organisation_id: UUID, *, name: str, language: str
) -> None:
    """This organisation is called this from now on."""
    await connection.execute(
        "UPDATE organisations SET name = $2, language = $3 WHERE id = $1",
        organisation_id,
        name,
        language,
    )


async def account(connection: Connection, person_id: UUID) -> Account | None:
    """Whose account is this, if it may be seen?"""
    row = await connection.fetchrow(f"{_ACCOUNTS} WHERE p.id = $1", person_id)
    return _account(row) if row else None


async def accounts(
    connection: Connection, *, after: tuple[str, UUID] | None, search: str, most: int
) -> list[Account]:
    """Who may sign in, or could once, by name?"""
    rows = await connection.fetch(
        f"{_ACCOUNTS} WHERE ($1::text IS NULL OR (lower(p.name), p.id) > (lower($1), $2::uuid))"
        " AND strpos(lower(p.name || ' ' || p.sign_in), lower($3)) > 0"
        " ORDER BY lower(p.name), p.id LIMIT $4",
        *(after or (None, None)),
        search,
        most,
    )
    return [_account(row) for row in rows]


async def add_account(
    connection: Connection,
    *,
    organisation_id: UUID,
    sign_in: str,
    name: str,
    role: Role,
    language: str,
    password_hash: str,
) -> UUID:
    """File a new person. The database refuses a sign-in name that exists."""
    person_id: UUID = await connection.fetchval(
        "INSERT INTO people (organisation_id, sign_in, name, role, language, password_hash)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        organisation_id,
        sign_in,
        name,
        role,
        language,
        password_hash,
    )
    return person_id


async def change_account(
    connection: Connection,
    person_id: UUID,
    *,
    name: str,
    role: Role,
    language: str,
    disabled: bool,
) -> None:
    """This is what this person is from now on; being disabled keeps its first date."""
    await connection.execute(
        "UPDATE people SET name = $2, role = $3, language = $4,"
        " disabled_at = CASE WHEN $5 THEN coalesce(disabled_at, now()) END WHERE id = $1",
        person_id,
        name,
        role,
        language,
        disabled,
    )


async def set_password(connection: Connection, person_id: UUID, password_hash: str) -> None:
    """Only the new password is good from now on."""
    await connection.execute(
        "UPDATE people SET password_hash = $2 WHERE id = $1", person_id, password_hash
    )


async def tokens(
    connection: Connection,
    *,
    of: UUID | None,
    after: tuple[datetime, UUID] | None,
    most: int,
) -> list[Token]:
    """Which tokens are there, of one person or of all who may be seen, newest first?"""
    rows = await connection.fetch(
        f"{_TOKENS} WHERE ($1::uuid IS NULL OR t.person_id = $1)"
        " AND ($2::timestamptz IS NULL OR (t.created_at, t.id) < ($2, $3::uuid))"
        " ORDER BY t.created_at DESC, t.id DESC LIMIT $4",
        of,
        *(after or (None, None)),
        most,
    )
    return [Token(**row) for row in rows]


async def add_token(
    connection: Connection,
    *,
    token_hash: bytes,
    person_id: UUID,
    name: str,
    lifetime: timedelta,
) -> Token:
    """File a new token by the hash of its secret."""
    token_id = await connection.fetchval(
        "INSERT INTO api_tokens (token_hash, person_id, name, expires_at)"
        " VALUES ($1, $2, $3, now() + $4::interval) RETURNING id",
        token_hash,
        person_id,
        name,
        lifetime,
    )
    row = await connection.fetchrow(f"{_TOKENS} WHERE t.id = $1", token_id)
    assert row is not None
    return Token(**row)


async def revoke_token(connection: Connection, token_id: UUID, *, of: UUID | None) -> bool:
    """This token, of this person or of anybody who may be seen, is good no more; was it there?"""
    found = await connection.fetchval(
        "UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now())"
        " WHERE id = $1 AND ($2::uuid IS NULL OR person_id = $2) RETURNING id",
        token_id,
        of,
    )
    return found is not None


async def revoke_tokens_of(connection: Connection, person_id: UUID) -> None:
    """No token of this person is good any more."""
    await connection.execute(
        "UPDATE api_tokens SET revoked_at = now() WHERE person_id = $1 AND revoked_at IS NULL",
        person_id,
    )


def _account(row: Record) -> Account:
    return Account(**{**row, "role": Role(row["role"])})


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


_ACCOUNTS = """
    SELECT p.id, p.organisation_id, o.name AS organisation, p.sign_in, p.name, p.role, p.language,
           p.created_at, p.disabled_at
    FROM people p JOIN organisations o ON o.id = p.organisation_id
"""

_TOKENS = """
    SELECT t.id, t.person_id, p.name AS person, t.name, t.created_at, t.used_at, t.expires_at,
           t.revoked_at
    FROM api_tokens t JOIN people p ON p.id = t.person_id
"""
