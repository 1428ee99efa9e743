"""Which gateways are up, and since when we have been able to hear devices."""

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from tracking.database import metadata

gateways = Table(
    "gateways",
    metadata,
    Column("name", Text, primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ports", JSONB, nullable=False, server_default=text("'{}'")),
    Column("figures", JSONB, nullable=False, server_default=text("'{}'")),
    Column("last_error", Text),
    Column("last_error_at", DateTime(timezone=True)),
)

reception = Table(
    "reception",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("hearing_since", DateTime(timezone=True)),
    Column("checked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("single", name="reception_single"),
)
