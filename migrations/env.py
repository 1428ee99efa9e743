"""Alembic's way in: `python -m tracking migrate` runs these against the owner's database."""

import asyncio
from importlib import import_module

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from tracking.database import address_of, metadata
from tracking.settings import settings

SLICES = (
    "people", "fleet", "positions", "alarms", "audit", "rules", "gateway", "profiles", "zones",
    "events",
)  # fmt: skip
for _slice in SLICES:
    import_module(f"tracking.{_slice}.tables")


def include(_thing: object, name: str | None, kind: str, reflected: bool, _: object) -> bool:
    """Days are partitions made at run time, and PostGIS brings a table of its own."""
    if kind == "table" and reflected and name:
        return name != "spatial_ref_sys" and not name.startswith(("positions_2", "frames_2"))
    return True


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=include,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect() -> None:
    url, _ = address_of(settings(), "owner")
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(_run)
        await connection.commit()
    await engine.dispose()


asyncio.run(_connect())
