"""Questions about organisations, the people in them, and the tokens of their machines."""

from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from tracking.database import Connection
from tracking.people.account import Account, Organisation, Token
from tracking.people.person import Role


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
