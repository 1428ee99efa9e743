"""The way to PostgreSQL: roles, pools, and the one place that commits.

Three roles, least privilege each: the owner migrates; ``vigil_app`` serves people and sees
rows through row-level security; ``vigil_ingest`` (gateway, timekeeper) files what devices say.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import MetaData

from tracking.settings import Settings

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

Role = Literal["owner", "app", "ingest"]
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CONNECT_TIMEOUT_S = 5.0
ACQUIRE_TIMEOUT_S = 5.0
"""Who asks hears "not now" after this long, rather than nothing."""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)


class NotDurable(RuntimeError):
    """This server can lose what it has confirmed; the text says what to set."""


AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    # A server that is being restored or failed over may not know us, or our database, yet.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.QueryCanceledError,
    asyncpg.SyntaxOrAccessError,
    NotDurable,
)
"""Errors that say nothing about what was asked: wait, and ask the same again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far a person's requests see: their organisation, or all clients of their centre."""

    organisation_id: UUID
    centre_id: UUID | None = None


def address_of(settings: Settings, role: Role) -> tuple[str, dict[str, str]]:
    """The database URL for a role, and the server settings that go with it.

    A private cluster has a login for each role. On a server that was given to us, a role
    without its own URL is assumed by the owner's connection.
    Raises RuntimeError when there is no database to speak of; it says what to do.
    """
    own = {"owner": "", "app": settings.database_app_url, "ingest": settings.database_ingest_url}
    if own[role]:
        return own[role], {}
    if settings.database_url:
        return settings.database_url, {} if role == "owner" else {"role": f"vigil_{role}"}
    owner = private_address(settings)
    if role == "owner":
        return owner, {}
    parts = urlsplit(owner)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"vigil_{role}@{place}")), {}


def private_address(settings: Settings) -> str:
    """The URL of the private cluster, if one was made here."""
    note = settings.state_dir / "database_url"
    if not note.exists():
        raise RuntimeError(
            "There is no database: run `./vigil up`, or set DATABASE_URL to a PostgreSQL 15 "
            "with PostGIS."
        )
    return note.read_text().strip()


async def connect(settings: Settings, role: Role) -> Connection:
    """One connection, with JSON as Python values. Raises one of AWAY."""
    url, server_settings = address_of(settings, role)
    try:
        connection: Connection = await asyncpg.connect(url, server_settings=server_settings)
        await prepare(connection)
    except asyncpg.PostgresError as error:
        # Whatever a server says instead of letting us in, it says about itself.
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
    return connection


async def open_pool(
    settings: Settings,
    role: Role,
    *,
    size: int,
    least: int = 1,
    statement_timeout_s: float | None = None,
) -> Pool:
    """A pool of at most ``size`` connections; with ``least=0`` it opens while nobody is there.

    A statement that takes longer than ``statement_timeout_s`` is cancelled by the server.
    """
    url, server_settings = address_of(settings, role)
    if statement_timeout_s is not None:
        timeout_ms = str(int(statement_timeout_s * 1000))
        server_settings = {
            **server_settings,
            "statement_timeout": timeout_ms,
            "idle_in_transaction_session_timeout": timeout_ms,
        }
    return await asyncpg.create_pool(
        url,
        min_size=least,
        max_size=size,
        init=prepare,
        server_settings=server_settings,
        timeout=CONNECT_TIMEOUT_S,
    )


async def prepare(connection: Connection) -> None:
    """Make a fresh connection speak our types."""
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, schema="pg_catalog", encoder=_to_json, decoder=orjson.loads
        )


@asynccontextmanager
async def transaction(pool: Pool, reach: Reach | None) -> AsyncIterator[Connection]:
    """One request, one transaction, seeing only what ``reach`` allows; None sees nobody's rows.

    Raises TimeoutError when every connection stays busy for ``ACQUIRE_TIMEOUT_S``.
    """
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection, connection.transaction():
        await _speak_for(connection, reach, for_this_transaction=True)
        yield connection  # type: ignore[misc]  # a pooled proxy is a connection in all but name


async def connect_for(settings: Settings, reach: Reach) -> Connection:
    """A connection of its own for somebody who listens long; it sees what ``reach`` allows."""
    connection = await connect(settings, "app")
    await _speak_for(connection, reach, for_this_transaction=False)
    return connection


async def refuse_what_is_not_durable(connection: Connection) -> None:
    """Raise NotDurable if a COMMIT on this server may not survive a power cut (promise 1)."""
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = await connection.fetchval("SELECT current_setting($1)", name)
        if value == "off":
            raise NotDurable(
                f"PostgreSQL runs with {name} = {value}: what it confirms can be lost. Set "
                f"{name} = on (ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();)."
            )


async def _speak_for(
    connection: "Connection | PoolConnectionProxy[asyncpg.Record]",
    reach: Reach | None,
    *,
    for_this_transaction: bool,
) -> None:
    await connection.execute(
        "SELECT set_config('vigil.organisation', $1, $3), set_config('vigil.centre', $2, $3)",
        str(reach.organisation_id) if reach else "",
        str(reach.centre_id or "") if reach else "",
        for_this_transaction,
    )


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode()
