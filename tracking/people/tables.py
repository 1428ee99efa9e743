"""Tables of people: who they work for, how they sign in, what they may do."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import INET

from tracking.database import metadata

organisations = Table(
    "organisations",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("centre_id", Uuid, ForeignKey("organisations.id")),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False, server_default="nl"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("kind IN ('centre', 'client')", name="organisations_kind"),
    CheckConstraint("(kind = 'client') = (centre_id IS NOT NULL)", name="organisations_centre"),
)

people = Table(
    "people",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Column("sign_in", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("language", Text, nullable=False, server_default="nl"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("disabled_at", DateTime(timezone=True)),
    CheckConstraint(
        "role IN ('operator', 'supervisor', 'administrator', 'client')", name="people_role"
    ),
    Index("people_sign_in", text("lower(sign_in)"), unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("csrf", Text, nullable=False),
    Column("address", INET),
    Column("agent", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("sessions_person", "person_id"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("person_id", Uuid, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("used_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("sign_in", Text, nullable=False),
    Column("address", INET),
    Column("succeeded", Boolean, nullable=False),
    Index("sign_in_attempts_recent", "sign_in", "at"),
    Index("sign_in_attempts_address", "address", "at"),
)
