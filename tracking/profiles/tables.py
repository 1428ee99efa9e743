"""Tables of how devices are set up: by model, and the secrets of single units."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from tracking.database import metadata

profiles = Table(
    "profiles",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("codec", Text, nullable=False),
    # Lower case; "" is what all models of the protocol have in common.
    Column("model", Text, nullable=False, server_default=""),
    # The highest is in force; those before it say what was, and can be brought back.
    Column("version", Integer, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),
    Column("category", Text),
    Column("reporting_time_s", Integer),
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_by", Uuid, ForeignKey("people.id")),
    CheckConstraint("reporting_time_s > 0", name="profiles_reporting_time"),
    CheckConstraint("model = lower(model)", name="profiles_model"),
    UniqueConstraint("codec", "model", "version"),
)

device_secrets = Table(
    "device_secrets",
    metadata,
    # Whoever serves people can set a secret and see that there is one, and never read it.
    Column("device_id", Uuid, ForeignKey("devices.id"), primary_key=True),
    Column("secret", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""A key or a pass code that only one unit and we know."""
