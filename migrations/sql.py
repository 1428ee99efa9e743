"""Runs the SQL script that lies beside a migration."""

from pathlib import Path

from alembic import op
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection


def run_beside(migration: str) -> None:
    """Execute ``NNNN_name.sql`` next to ``NNNN_name.py``, in the migration's transaction.

    A script holds many statements, which only the driver itself takes at once.
    """
    op.execute("SET LOCAL lock_timeout = '5s'")
    script = Path(migration).with_suffix(".sql").read_text()
    driver = op.get_bind().connection.dbapi_connection
    assert isinstance(driver, AsyncAdapt_asyncpg_connection)
    driver.run_async(lambda connection: connection.execute(script))
