"""Tables of what we protect: an asset, the device that speaks for it, and from when until when."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL, ExcludeConstraint

from tracking.database import metadata

assets = Table(
    "assets",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    # The small name of an asset on the live channel; it means nothing elsewhere.
    Column("number", Integer, Identity(always=True), nullable=False, unique=True),
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("plate", Text),
    Column("phone", Text),
    Column("note", Text, nullable=False, server_default=""),
    # What rules ask: the group that it belongs to, free words, how fast, and when it may be used.
    Column("group_name", Text, nullable=False, server_default=""),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("speed_limit_kmh", REAL),
    Column("hours", JSONB),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("retired_at", DateTime(timezone=True)),
    CheckConstraint("speed_limit_kmh > 0", name="assets_speed_limit"),
    CheckConstraint("kind IN ('vehicle', 'lone_worker', 'senior')", name="assets_kind"),
    UniqueConstraint("organisation_id", "id"),
)

devices = Table(
    "devices",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("organisation_id", Uuid, ForeignKey("organisations.id"), nullable=False),
    Column("unit_id", Text, nullable=False),
    Column("codec", Text, nullable=False),
    Column("model", Text, nullable=False, server_default=""),
    Column("kind", Text, nullable=False),
    Column("phone", Text),
    Column("reporting_time_s", Integer),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("retired_at", DateTime(timezone=True)),
    CheckConstraint("kind IN ('tracker', 'panic_device')", name="devices_kind"),
    CheckConstraint("reporting_time_s > 0", name="devices_reporting_time"),
    UniqueConstraint("organisation_id", "id"),
    # A box that was sold is registered anew by its next owner.
    Index(
        "devices_unit_in_use",
        "unit_id",
        unique=True,
        postgresql_where=text("retired_at IS NULL"),
    ),
)

fitments = Table(
    "fitments",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("organisation_id", Uuid, nullable=False),
    Column("device_id", Uuid, nullable=False),
    Column("asset_id", Uuid, nullable=False),
    Column("fitted_from", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("fitted_until", DateTime(timezone=True)),
    # A foreign key looks past row-level security, so it carries the organisation along.
    ForeignKeyConstraint(
        ["organisation_id", "device_id"], ["devices.organisation_id", "devices.id"]
    ),
    ForeignKeyConstraint(["organisation_id", "asset_id"], ["assets.organisation_id", "assets.id"]),
    CheckConstraint("fitted_until > fitted_from", name="fitments_forward"),
    ExcludeConstraint(
        ("device_id", "="),
        (text("tstzrange(fitted_from, fitted_until)"), "&&"),
        name="fitments_one_asset_at_a_time",
        using="gist",
    ),
    Index("fitments_asset", "asset_id"),
)

unknown_units = Table(
    "unknown_units",
    metadata,
    Column("unit_id", Text, primary_key=True),
    Column("codec", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("first_seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("last_seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("frames", BigInteger, nullable=False, server_default="0"),
    Column("refused", BigInteger, nullable=False, server_default="0"),
    Column("dismissed_at", DateTime(timezone=True)),
)

unit_sessions = Table(
    "unit_sessions",
    metadata,
    Column("unit_id", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False, server_default="0"),
    Column("gateway", Text, nullable=False, server_default=""),
    Column("connected_at", DateTime(timezone=True)),
    Column("heard_at", DateTime(timezone=True)),
    Column("newest_at", DateTime(timezone=True)),
    Column("silent_since", DateTime(timezone=True)),
    # Counts the times that rule memory was written: whoever folded from an older one folds again.
    Column("memory_version", BigInteger, nullable=False, server_default="0"),
    postgresql_with={"fillfactor": 70},
)
