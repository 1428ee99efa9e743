"""Decisions about accounts, clients and tokens. Who may ask is said at the routes."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from tracking.database import Connection, Pool, transaction
from tracking.errors import Conflict, Forbidden, Invalid, NotFound
from tracking.people import store
from tracking.people.account import Account, Language, Organisation, Token
from tracking.people.passwords import Passwords, generated, refuse_what_is_easily_guessed
from tracking.people.person import Person, Role
from tracking.people.secret import TOKEN_PREFIX, hash_of, new_secret
from tracking.people.sessions import store as sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """A person to be added; without a password one is generated."""

    organisation_id: UUID
    sign_in: str
    name: str
    role: Role
    language: Language
    password: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """What of an account changes; None leaves it as it is."""

    name: str | None = None
    role: Role | None = None
    language: Language | None = None
    disabled: bool | None = None


async def add_person(
    pool: Pool, passwords: Passwords, by: Person, new: NewAccount
) -> tuple[Account, str | None]:
    """File a new person; the password is returned once if it was generated.

    Raises NotFound (organisation), Invalid (role, password) or Conflict (sign-in name).
    """
    made = None if new.password else generated()
    password = new.password or made
    assert password is not None
    if new.password:
        refuse_what_is_easily_guessed(password, new.sign_in, *new.name.split())
    password_hash = await passwords.hash(password)
    async with transaction(pool, by.reach) as connection:
        employer = await organisation_seen(connection, new.organisation_id)
        _refuse_foreign_role(employer, new.role)
        person_id = await store.add_account(
            connection,
            organisation_id=employer.id,
            sign_in=new.sign_in,
            name=new.name,
            role=new.role,
            language=new.language,
            password_hash=password_hash,
        )
        return await _account_seen(connection, person_id), made


async def change_person(pool: Pool, by: Person, person_id: UUID, change: AccountChange) -> Account:
    """Change an account; whoever is disabled is signed out at once, their tokens revoked.

    Raises NotFound, Invalid (role), or Conflict: nobody locks themselves out.
    """
    async with transaction(pool, by.reach) as connection:
        account = await _account_seen(connection, person_id)
        role = change.role or account.role
        disabled = account.disabled_at is not None if change.disabled is None else change.disabled
        if person_id == by.id and (disabled or role is not account.role):
            raise Conflict("Ask another administrator to change your own role or disable you.")
        employer = await organisation_seen(connection, account.organisation_id)
        _refuse_foreign_role(employer, role)
        await store.change_account(
            connection,
            person_id,
            name=change.name or account.name,
            role=role,
            language=change.language or account.language,
            disabled=disabled,
        )
        if disabled:
            await sessions.end_sessions_of(connection, person_id)
            await store.revoke_tokens_of(connection, person_id)
        return await _account_seen(connection, person_id)


async def reset_password(pool: Pool, passwords: Passwords, by: Person, person_id: UUID) -> str:
    """Give somebody a new generated password, and end their sessions. Raises NotFound."""
    made = generated()
    password_hash = await passwords.hash(made)
    async with transaction(pool, by.reach) as connection:
        await _account_seen(connection, person_id)
        await store.set_password(connection, person_id, password_hash)
        await sessions.end_sessions_of(connection, person_id)
    return made


async def set_own_password(
    pool: Pool, passwords: Passwords, person: Person, password: str, *, session: bytes | None
) -> None:
    """A person's own new password; their other sessions end. Raises Invalid.

    Who calls this has checked the old one (``sessions.service.prove``).
    """
    refuse_what_is_easily_guessed(password, person.sign_in, *person.name.split())
    password_hash = await passwords.hash(password)
    async with transaction(pool, person.reach) as connection:
        await store.set_password(connection, person.id, password_hash)
        await sessions.end_sessions_of(connection, person.id, but=session)


async def add_client(pool: Pool, by: Person, *, name: str, language: Language) -> Organisation:
    """A new client of the centre. Raises Forbidden for whoever is not of a centre."""
    if by.centre_id is None:
        raise Forbidden("Clients are added by their centre.")
    async with transaction(pool, by.reach) as connection:
        return await store.add_client(
            connection, centre_id=by.centre_id, name=name, language=language
        )


async def change_organisation(
    pool: Pool, by: Person, organisation_id: UUID, *, name: str | None, language: Language | None
) -> Organisation:
    """Another name or language for an organisation; None leaves it. Raises NotFound."""
    async with transaction(pool, by.reach) as connection:
        found = await organisation_seen(connection, organisation_id)
        await store.change_organisation(
            connection,
            found.id,
            name=name or found.name,
            language=language or found.language,
        )
        return await organisation_seen(connection, found.id)


async def make_token(pool: Pool, person: Person, *, name: str, days: int) -> tuple[Token, str]:
    """A bearer token in this person's name, and its secret, which is not kept.

    Raises Forbidden when a token asks: who steals one must not be able to make more.
    """
    if person.csrf is None:
        raise Forbidden("Tokens are made by a person who is signed in, not by a token.")
    secret = TOKEN_PREFIX + new_secret()
    async with transaction(pool, person.reach) as connection:
        token = await store.add_token(
            connection,
            token_hash=hash_of(secret),
            person_id=person.id,
            name=name,
            lifetime=timedelta(days=days),
        )
    return token, secret


async def revoke_token(pool: Pool, by: Person, token_id: UUID) -> None:
    """A token is good no more: one's own, or for an administrator anybody's. Raises NotFound."""
    async with transaction(pool, by.reach) as connection:
        if not await store.revoke_token(connection, token_id, of=whose_tokens(by)):
            raise NotFound("There is no such token, or none that you may see.")


def whose_tokens(person: Person) -> UUID | None:
    """Whose tokens this person may see: their own; None for an administrator, who sees all."""
    return None if person.role is Role.ADMINISTRATOR else person.id


async def organisation_seen(connection: Connection, organisation_id: UUID) -> Organisation:
    """The organisation. Raises NotFound when there is none, or none that may be seen."""
    found = await store.organisation(connection, organisation_id)
    if found is None:
        raise NotFound("There is no such organisation, or none that you may see.")
    return found


async def _account_seen(connection: Connection, person_id: UUID) -> Account:
    found = await store.account(connection, person_id)
    if found is None:
        raise NotFound("There is no such person, or none that you may see.")
    return found


def _refuse_foreign_role(employer: Organisation, role: Role) -> None:
    if not employer.employs(role):
        raise Invalid(
            "Operators, supervisors and administrators belong to a centre; clients to a client."
        )
